"""The price of a basket for whoever buys it: the rules in force, coupons on the books, grades."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.pricing.basket import TenderKind
from daemon.core.pricing.promotion import Coupon
from daemon.core.pricing.quote import quote
from daemon.core.pricing.quoted import Quote, StepKind
from daemon.core.pricing.standing import MemberStanding
from daemon.operations.basket import Basket, with_grades
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books


def price(
    shop: Shop,
    books: Books,
    basket: Basket,
    standing: MemberStanding,
    now_ms: int,
    *,
    as_asked: bool = False,
) -> Quote:
    """What `basket` costs whoever is in `standing`, paid as was asked for. Stored value pays the
    rest for a member, unless `as_asked` says to leave it; for nobody the rest is `short_fen`.

    Raises BadRequest, NotFound and Refused as `daemon.core.pricing.quote.quote`, and
    NotFound("coupon_unknown" | "employee_unknown"), Refused("pass_line_twice")."""
    rules = shop.rules
    ready = with_grades(basket, books)
    tenders = basket.tenders if as_asked else basket.all_tenders
    if standing.member_id is None:
        tenders = tuple(each for each in basket.tenders if each.kind is not TenderKind.STORED)
    found = quote(
        ready.lines,
        standing,
        rules=rules.book,
        now_ms=now_ms,
        store=shop.identity.store,
        coupons=[coupon_for(shop, books, code) for code in basket.coupons],
        points_to_use=basket.points_to_use,
        passes_to_use=basket.passes,
        tenders=tenders,
        leave_out=basket.leave_out,
    )
    if found.paid_fen > shop.policy.most_sale_fen:
        raise BadRequest("amount_too_large", most_fen=shop.policy.most_sale_fen)
    granting = [line.line.code for line in found.lines if line.grants]
    if len(set(granting)) != len(granting):
        raise BadRequest("pass_line_twice")
    return found


def coupon_for(shop: Shop, books: Books, code: str) -> Coupon:
    """Raises NotFound("coupon_unknown"), Refused("coupon_over") where its campaign is gone."""
    issued = books.coupon(code)
    if issued is None:
        raise NotFound("coupon_unknown")
    campaign = shop.rules.campaigns.get(issued.campaign)
    if campaign is None:
        raise Refused("coupon_over")
    return issued.priced(campaign.offer(), campaign.minimum_fen, campaign.with_promotions)


def rule_names(shop: Shop, books: Books, quote: Quote) -> Mapping[str, str]:
    """Rule id -> what people call it, for every rule that the quote names. A coupon is called what
    its campaign says; what the screen has words of its own for (points, odd fen) is left out."""
    rules = shop.rules
    ids = {
        step.rule_id
        for line in quote.lines
        for step in line.steps
        if step.kind in (StepKind.MEMBER, StepKind.PROMOTION, StepKind.COUPON)
    }
    ids |= {line.points_rule for line in quote.lines}
    ids |= {each.rule_id for each in quote.not_applied} | {each.by for each in quote.not_applied}
    names: dict[str, str] = {}
    for rule_id in ids - {""}:
        issued = books.coupon(rule_id) if rule_id not in rules.says else None
        names[rule_id] = rules.rule_name(issued.campaign if issued is not None else rule_id)
    for line in quote.lines:
        for taken in line.passes:
            code = taken.pass_id.rpartition("@")[0].removeprefix("pass:")
            known = rules.book.catalogue.codes.get(code)
            names[taken.pass_id] = known.name if known is not None else code
    return {rule_id: name for rule_id, name in names.items() if name != rule_id}


def uses_account(books: Books, quote: Quote) -> bool:
    """Whether anything of a member's account pays: that needs the card or the PIN."""
    return (
        any(source.asset for source in quote.payments())
        or quote.points_used > 0
        or bool(quote.passes())
        or any(
            issued is not None and issued.member_id is not None
            for issued in map(books.coupon, quote.coupons)
        )
    )
