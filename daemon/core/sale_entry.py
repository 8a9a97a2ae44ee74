"""The postings of a sale and of its refund, from the quote: every account that they move, once.

A sale moves money from the member's lots and from tenders to the shop's sales, points and uses of
passes between the member and the shop, and commission from the shop to its employees. A refund
moves the refunded part of each back to the very lot that it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from daemon.core.entry import Account, Funding, Posting
from daemon.core.lot_rule import LotRule, lot_rule
from daemon.core.loyalty.points import SHOP_POINTS, draw, last_day
from daemon.core.policy import SpendOrder
from daemon.core.pricing.basket import TenderKind
from daemon.core.pricing.quoted import OWED, Payment, Quote, QuotedLine, Source
from daemon.core.pricing.refund import DebtKind, Refund
from daemon.core.records import Holding
from daemon.core.spend import balance_of, plan_spend

SALES: Final = Account("shop", "sales")
SHOP_COMMISSION: Final = Account("shop", "commission")
GIVEN_BY_SALE: Final = "sale"
_BY_PURSE: Final = Account("tender:purse", "taken")
PURSE_BACK: Final = "purse_back"
Lots = tuple[tuple[int, int], ...]
"""(lot, points) in the order in which they were drawn."""


@dataclass(slots=True)
class Sheet:
    """Sums by account: an entry has one posting an account and none of zero."""

    sums: dict[Account, int] = field(default_factory=dict)
    opened: dict[Account, str] = field(default_factory=dict)

    def move(self, account: Account, amount: int) -> None:
        self.sums[account] = self.sums.get(account, 0) + amount

    def postings(self) -> tuple[Posting, ...]:
        return tuple(Posting(account, amount) for account, amount in self.sums.items() if amount)


@dataclass(frozen=True, slots=True)
class SaleMoves:
    """`points_drawn` says which lots the points came from. `points_lot` is the lot that earned
    points went to; 0 is the one that this entry opens."""

    postings: tuple[Posting, ...]
    opened: Mapping[Account, str]
    points_drawn: Lots = ()
    points_lot: int = 0


def repaid(quote: Quote, holdings: Sequence[Holding], order: SpendOrder) -> Quote:
    """The same price, its stored value taken from the lots that are there now: those of an agreed
    price may be gone when its torn tap ends. As it is where nothing is missing, or too much."""
    if any(source.asset == OWED for source in quote.payments()):
        return quote
    due = sum(fen for source, fen in quote.payments().items() if source.asset)
    there = {(held.account.asset, held.account.lot): held.balance for held in holdings}
    missing = any(
        there.get((source.asset, source.lot), 0) < fen
        for source, fen in quote.payments().items()
        if source.asset
    )
    if not missing or due > balance_of(holdings).total_fen:
        return quote
    left = list(plan_spend(due, holdings, order))
    lines = []
    for line in quote.lines:
        stored = sum(each.fen for each in line.payments if each.source.asset)
        payments = [each for each in line.payments if not each.source.asset]
        while stored:
            account, fen = left.pop(0)
            part = min(stored, fen)
            source = Source(TenderKind.STORED, account.asset, account.lot)
            payments.append(Payment(source, part))
            stored -= part
            if fen > part:
                left.insert(0, (account, fen - part))
        lines.append(replace(line, payments=tuple(payments)))
    return replace(quote, lines=tuple(lines))


def account_of(source: Source, owner: str) -> Account:
    if source.asset == OWED:
        return Account(f"credit:{owner.partition(':')[2]}", OWED)
    if source.tender is TenderKind.STORED:
        return Account(owner, source.asset, source.lot)
    return Account(f"tender:{source.tender.value}", "taken")


def from_card(postings: Sequence[Posting], card_id: str) -> tuple[Posting, ...]:
    """What a purse pays is taken from the card, which is the holder of that money."""
    return tuple(
        Posting(purse_account(card_id), posting.amount, Funding.PURSE)
        if posting.account == _BY_PURSE
        else posting
        for posting in postings
    )


def back_from(postings: Sequence[Posting], card_id: str | None) -> tuple[tuple[Posting, ...], int]:
    """What comes back of what a purse paid does not go onto the card, which is not there: it is
    owed to its member (`purse_back`). Returns how much that is."""
    back_fen, kept = 0, []
    for posting in postings:
        if posting.account not in (_BY_PURSE, purse_account(card_id or "")):
            kept.append(posting)
            continue
        assert card_id is not None and posting.amount > 0, "a purse has a card"
        back_fen += posting.amount
        kept.append(Posting(Account(f"card:{card_id}", PURSE_BACK), posting.amount))
    return tuple(kept), back_fen


def purse_account(card_id: str) -> Account:
    return Account(f"card:{card_id}", "purse")


def pass_account(owner: str, pass_id: str) -> Account:
    """The lot that `pass:<code>@<lot>` names."""
    asset, _, lot = pass_id.rpartition("@")
    return Account(owner, asset, int(lot))


def pass_asset(line: QuotedLine) -> str:
    return f"pass:{line.line.code}"


def sale_moves(
    quote: Quote,
    owner: str,
    holdings: Sequence[Holding],
    day: date,
    now_ms: int,
    points_valid_days: int | None,
) -> SaleMoves:
    """`owner` is "" for a sale to nobody; then nothing of an account is in the quote. The caller
    has looked that everything is there."""
    sheet = Sheet()
    for source, fen in quote.payments().items():
        sheet.move(account_of(source, owner), -fen)
    sheet.move(SALES, quote.paid_fen)
    for pass_id, uses in quote.passes().items():
        account = pass_account(owner, pass_id)
        sheet.move(account, -uses)
        sheet.move(Account("shop", account.asset), uses)
    _move_commission(sheet, quote.commission(), 1)
    drawn: Lots = ()
    if quote.points_used:
        taken = draw(holdings, quote.points_used, day.isoformat())
        drawn = tuple((each.account.lot, -each.amount) for each in taken if each.amount < 0)
        for posting in taken:
            sheet.move(posting.account, posting.amount)
    for line in quote.lines:
        _grant_pass(sheet, line, owner, day, now_ms)
    lot = 0
    if quote.points_earned:
        to_day = last_day(day, points_valid_days)
        lot = _earn_points(sheet, quote.points_earned, owner, holdings, to_day)
    return SaleMoves(sheet.postings(), sheet.opened, drawn, lot)


def _move_commission(sheet: Sheet, commission: Mapping[str, int], sign: int) -> None:
    for employee_id, fen in commission.items():
        sheet.move(Account(f"employee:{employee_id}", "commission"), sign * fen)
        sheet.move(SHOP_COMMISSION, -sign * fen)


def _grant_pass(sheet: Sheet, line: QuotedLine, owner: str, day: date, now_ms: int) -> None:
    if line.grants is None:
        return
    account = Account(owner, pass_asset(line))
    uses = line.grants.count * line.line.quantity
    days = line.grants.valid_days
    assert account not in sheet.opened, "one line a pass"
    sheet.opened[account] = LotRule(
        given=account.asset,
        to_day="" if days is None else (day + timedelta(days - 1)).isoformat(),
        paid_fen=line.paid_fen,
        bought_ms=now_ms,
        codes=tuple(sorted(line.grants.codes)),
        worth_fen=line.paid_fen // uses,
        line=line.line.line_id,
    ).as_text()
    sheet.move(account, uses)
    sheet.move(Account("shop", account.asset), -uses)


def _earn_points(
    sheet: Sheet, points: int, owner: str, holdings: Sequence[Holding], to_day: str
) -> int:
    """Into the lot of an earlier sale that ends on the same day, else into a new one."""
    rule = LotRule(given=GIVEN_BY_SALE, to_day=to_day)
    account = next(
        (
            held.account
            for held in holdings
            if held.account.asset == "points" and lot_rule(held.rule) == rule
        ),
        Account(owner, "points"),
    )
    if account.lot == 0:
        sheet.opened[account] = rule.as_text()
    sheet.move(account, points)
    sheet.move(SHOP_POINTS, -points)
    return account.lot


def refund_moves(
    refund: Refund,
    sold: Quote,
    owner: str,
    holdings: Sequence[Holding],
    *,
    sale_lot: int,
    drawn: Lots,
    points_lot: int,
    points_back_before: int,
) -> tuple[Posting, ...]:
    """`sale_lot` is the number of the lots that the sale opened, passes among them;
    `points_back_before` what earlier refunds gave back of the points in `drawn`. Points that the
    sale earned leave the lot they went to, and where that has not enough, the others."""
    sheet = Sheet()
    for source, fen in refund.payments().items():
        sheet.move(account_of(source, owner), fen)
    sheet.move(SALES, -refund.paid_fen)
    for pass_id, uses in refund.passes().items():
        account = pass_account(owner, pass_id)
        sheet.move(account, uses)
        sheet.move(Account("shop", account.asset), -uses)
    _move_commission(sheet, refund.commission(), -1)
    _take_passes_back(sheet, refund, sold, owner, sale_lot)
    for lot, points in _part_of_lots(drawn, points_back_before, refund.points_back):
        sheet.move(Account(owner, "points", lot), points)
        sheet.move(SHOP_POINTS, -points)
    if refund.points_taken:
        _take_points_back(sheet, refund.points_taken, owner, holdings, points_lot)
    return sheet.postings()


def _take_passes_back(sheet: Sheet, refund: Refund, sold: Quote, owner: str, sale_lot: int) -> None:
    owed = {debt.line_id: debt.amount for debt in refund.debts if debt.kind is DebtKind.USES}
    granted = {line.line.line_id: line for line in sold.lines if line.grants}
    for line in refund.lines:
        uses = line.uses_granted - owed.get(line.line_id, 0)
        if line.line_id in granted and uses:
            asset = pass_asset(granted[line.line_id])
            sheet.move(Account(owner, asset, sale_lot), -uses)
            sheet.move(Account("shop", asset), uses)


def _part_of_lots(drawn: Lots, before: int, points: int) -> list[tuple[int, int]]:
    """The `points` after the first `before` of what was drawn."""
    parts, skip, left = [], before, points
    for lot, taken in drawn:
        skipped = min(skip, taken)
        skip -= skipped
        part = min(left, taken - skipped)
        if part:
            parts.append((lot, part))
            left -= part
    assert left == 0, "no more comes back than was drawn"
    return parts


def _take_points_back(
    sheet: Sheet, points: int, owner: str, holdings: Sequence[Holding], points_lot: int
) -> None:
    """What this very refund gives back may be taken as well."""
    there = {held.account: held.balance for held in holdings if held.account.asset == "points"}
    for account, moved in sheet.sums.items():
        if account.owner == owner and account.asset == "points":
            there[account] = there.get(account, 0) + moved
    own = Account(owner, "points", points_lot)
    left = points
    for account in sorted(there, key=lambda each: (each != own, each.lot)):
        part = min(left, there[account])
        if part > 0:
            sheet.move(account, -part)
            left -= part
    assert left == 0, "the refund has looked what is there"
    sheet.move(SHOP_POINTS, points)
