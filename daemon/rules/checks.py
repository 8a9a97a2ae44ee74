"""What no section can see alone: ids that are there twice, and ids that name nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from daemon.core.permissions import Permission
from daemon.core.pricing.limits import CardKind, check_extension, check_validity
from daemon.rules.chain import Chain
from daemon.rules.crew import Staff
from daemon.rules.loyalty import PointsRules
from daemon.rules.membership import Discount, MemberCategories
from daemon.rules.mistakes import Mistake
from daemon.rules.offers import Conditions, Scope
from daemon.rules.sections import Documents

DAYS_OF_A_YEAR = 365
KEYHOLDER = frozenset({Permission.RULES_CHANGE, Permission.STAFF})
"""Somebody must be able to open what somebody else has locked."""


class _Known:
    """The ids that others may name."""

    def __init__(self, documents: Documents) -> None:
        self.member_categories = {
            each.category for each in documents.member_categories.member_categories
        }
        self.levels = {each.level for each in documents.levels.rungs}
        self.categories = {each.category for each in documents.catalogue.categories}
        self.codes = {each.code for each in documents.catalogue.codes}
        self.campaigns = {each.campaign for each in documents.campaigns.campaigns}
        self.grades = {each.grade for each in documents.staff.grades}


def mistakes_of(documents: Documents) -> list[Mistake]:
    """Everything that does not hold together, section by section; empty when all does."""
    known = _Known(documents)
    return [
        *_twice(documents),
        *_catalogue(documents, known),
        *_membership(documents, known),
        *_offers(documents, known),
        *_points(documents.points, known),
        *_staff(documents.staff, known),
        *_chain(documents.chain),
    ]


def _chain(chain: Chain) -> Iterator[Mistake]:
    """Credit that is allowed in one place and shut off in another would never be given."""
    sale_fen = chain.credit_sale_fen
    if sale_fen == 0:
        return
    for name in ("credit_member_fen", "credit_day_fen"):
        if getattr(chain, name) < sale_fen:
            yield Mistake(f"chain.{name}", "credit_below_sale", {"limit": sale_fen})
    if chain.credit_in_a_row == 0:
        yield Mistake("chain.credit_in_a_row", "credit_never", {})
    if chain.blocklist_max_age_h == 0:
        yield Mistake("chain.blocklist_max_age_h", "credit_never", {})


def _repeats(at: str, field: str, ids: Iterable[object]) -> Iterator[Mistake]:
    seen: set[object] = set()
    for place, each in enumerate(ids):
        if each in seen:
            where = f"{at}.{place}.{field}" if field else f"{at}.{place}"
            yield Mistake(where, "row_twice", {"id": str(each)})
        seen.add(each)


def _twice(documents: Documents) -> Iterator[Mistake]:
    catalogue, staff, points = documents.catalogue, documents.staff, documents.points
    members = documents.member_categories.member_categories
    rungs = documents.levels.rungs
    yield from _repeats(
        "member_categories.member_categories", "category", (r.category for r in members)
    )
    yield from _repeats("levels.rungs", "level", (row.level for row in rungs))
    yield from _repeats("levels.rungs", "from_value", (row.from_value for row in rungs))
    yield from _repeats(
        "catalogue.categories", "category", (r.category for r in catalogue.categories)
    )
    yield from _repeats("catalogue.codes", "code", (row.code for row in catalogue.codes))
    promotions = documents.promotions
    rules = [row.promotion_id for row in promotions.promotions]
    yield from _repeats("promotions.promotions", "promotion_id", rules)
    yield from _repeats("promotions.group_order", "", promotions.group_order)
    campaigns = documents.campaigns.campaigns
    yield from _repeats("campaigns.campaigns", "campaign", (row.campaign for row in campaigns))
    tiers = documents.recharge.tiers
    yield from _repeats("recharge.tiers", "from_fen", (row.from_fen for row in tiers))
    yield from _repeats(
        "points.by_code", "code", ((r.member_category, r.code) for r in points.by_code)
    )
    yield from _repeats(
        "points.by_goods", "category", ((r.member_category, r.category) for r in points.by_goods)
    )
    streaks = points.check_in.streaks if points.check_in else ()
    yield from _repeats("points.check_in.streaks", "days", (row.days for row in streaks))
    yield from _repeats("staff.roles", "role", (row.role for row in staff.roles))
    yield from _repeats("staff.grades", "grade", (row.grade for row in staff.grades))
    rows = staff.commission
    yield from _repeats("staff.commission", "rule", (row.rule for row in rows))
    yield from _repeats("staff.commission", "code", ((r.code, r.category, r.grade) for r in rows))
    yield from _repeats("fields.fields", "field", (row.field for row in documents.fields.fields))
    for place, each in enumerate(documents.fields.fields):
        yield from _repeats(
            f"fields.fields.{place}.choices", "choice", (c.choice for c in each.choices)
        )
    triggers = documents.triggers.triggers
    yield from _repeats("triggers.triggers", "trigger_id", (row.trigger_id for row in triggers))
    yield from _repeats("shifts.notes_fen", "", documents.shifts.notes_fen)


def _named(at: str, key: str, given: str | None, known: Container[str]) -> Iterator[Mistake]:
    """An id that is given must be known."""
    if given is not None and given not in known:
        yield Mistake(at, key, {"id": given})


def _catalogue(documents: Documents, known: _Known) -> Iterator[Mistake]:
    pieces = {row.code for row in documents.catalogue.codes if row.unit.parts == 1}
    for place, row in enumerate(documents.catalogue.codes):
        at = f"catalogue.codes.{place}"
        yield from _named(f"{at}.category", "category_unknown", row.category, known.categories)
        if row.grants is not None:
            for which, code in enumerate(row.grants.codes):
                where = f"{at}.grants.codes.{which}"
                yield from _named(where, "code_unknown", code, known.codes)
                if code in known.codes and code not in pieces:
                    yield Mistake(where, "only_pieces", {"code": code})
        for which, price in enumerate(row.gift_points):
            yield from _named(
                f"{at}.gift_points.{which}.member_category",
                "member_category_unknown",
                price.member_category,
                known.member_categories,
            )


def _membership(documents: Documents, known: _Known) -> Iterator[Mistake]:
    for place, category in enumerate(documents.member_categories.member_categories):
        at = f"member_categories.member_categories.{place}"
        yield from _discounts(at, category.discounts, known)
        kind = CardKind.NAMED if category.named else CardKind.UNNAMED
        for which, row in enumerate(category.fees.extend):
            for breach in check_extension(kind, row.fee_fen):
                yield Mistake(f"{at}.fees.extend.{which}.fee_fen", breach.reason.value)
        yield from _repeats(f"{at}.fees.extend", "days", (row.days for row in category.fees.extend))
        if not category.named and category.valid_days is not None:
            # The benefits of a named card may end; the card itself never does.
            for breach in check_validity(kind, category.valid_days // DAYS_OF_A_YEAR):
                least = breach.limit * DAYS_OF_A_YEAR
                yield Mistake(f"{at}.valid_days", breach.reason.value, {"limit": least})
    yield from _ranges(documents.member_categories)
    for place, rung in enumerate(documents.levels.rungs):
        yield from _discounts(f"levels.rungs.{place}", rung.discounts, known)


def _discounts(at: str, rows: Sequence[Discount], known: _Known) -> Iterator[Mistake]:
    for place, row in enumerate(rows):
        where = f"{at}.discounts.{place}.goods"
        yield from _named(where, "category_unknown", row.goods, known.categories)
    yield from _repeats(f"{at}.discounts", "goods", (row.goods for row in rows))


def _ranges(document: MemberCategories) -> Iterator[Mistake]:
    """Printed numbers tell the category: no number belongs to two."""
    taken: list[tuple[int, str, str, str]] = []
    for place, row in enumerate(document.member_categories):
        first, last = row.card.number_from, row.card.number_to
        if not first:
            continue
        for digits, low, high, other in taken:
            if digits == len(first) and first <= high and low <= last:
                at = f"member_categories.member_categories.{place}.card.number_from"
                yield Mistake(at, "numbers_overlap", {"id": other})
        taken.append((len(first), first, last, row.category))


def _offers(documents: Documents, known: _Known) -> Iterator[Mistake]:
    promotions = documents.promotions.promotions
    for place, row in enumerate(promotions):
        at = f"promotions.promotions.{place}"
        yield from _scope(f"{at}.scope", row.scope, known)
        yield from _conditions(f"{at}.conditions", row.conditions, known)
        if row.promotion_id in known.campaigns:
            yield Mistake(f"{at}.promotion_id", "row_twice", {"id": row.promotion_id})
    for place, campaign in enumerate(documents.campaigns.campaigns):
        at = f"campaigns.campaigns.{place}"
        yield from _scope(f"{at}.scope", campaign.scope, known)
        yield from _conditions(f"{at}.conditions", campaign.conditions, known)
    for place, trigger in enumerate(documents.triggers.triggers):
        at = f"triggers.triggers.{place}.campaign"
        yield from _named(at, "campaign_unknown", trigger.campaign, known.campaigns)


def _scope(at: str, scope: Scope, known: _Known) -> Iterator[Mistake]:
    for field, ids, key, there in (
        ("codes", scope.codes, "code_unknown", known.codes),
        ("categories", scope.categories, "category_unknown", known.categories),
        ("but_codes", scope.but_codes, "code_unknown", known.codes),
    ):
        yield from _each(f"{at}.{field}", key, ids, there)


def _conditions(at: str, conditions: Conditions, known: _Known) -> Iterator[Mistake]:
    yield from _each(
        f"{at}.member_categories",
        "member_category_unknown",
        conditions.member_categories,
        known.member_categories,
    )
    yield from _each(f"{at}.levels", "level_unknown", conditions.levels, known.levels)


def _each(at: str, key: str, ids: Sequence[str], known: Container[str]) -> Iterator[Mistake]:
    for place, each in enumerate(ids):
        if each not in known:
            yield Mistake(f"{at}.{place}", key, {"id": each})


def _points(points: PointsRules, known: _Known) -> Iterator[Mistake]:
    for place, by_code in enumerate(points.by_code):
        at = f"points.by_code.{place}"
        yield from _member(f"{at}.member_category", by_code.member_category, known)
        yield from _named(f"{at}.code", "code_unknown", by_code.code, known.codes)
    for place, by_goods in enumerate(points.by_goods):
        at = f"points.by_goods.{place}"
        yield from _member(f"{at}.member_category", by_goods.member_category, known)
        yield from _named(f"{at}.category", "category_unknown", by_goods.category, known.categories)
    if points.offset is not None:
        yield from _scope("points.offset.scope", points.offset.scope, known)
        yield from _each(
            "points.offset.member_categories",
            "member_category_unknown",
            points.offset.member_categories,
            known.member_categories,
        )


def _member(at: str, category: str, known: _Known) -> Iterator[Mistake]:
    return _named(at, "member_category_unknown", category, known.member_categories)


def _staff(staff: Staff, known: _Known) -> Iterator[Mistake]:
    for place, row in enumerate(staff.commission):
        at = f"staff.commission.{place}"
        yield from _named(f"{at}.code", "code_unknown", row.code, known.codes)
        yield from _named(f"{at}.category", "category_unknown", row.category, known.categories)
        yield from _named(f"{at}.grade", "grade_unknown", row.grade, known.grades)
    if not any(role.value() >= KEYHOLDER for role in staff.roles):
        yield Mistake("staff.roles", "nobody_could_change_the_rules")
