"""What ends: bonus, points and passes whose last day is over go back to the shop, in one entry for
each member and last day. The principal never ends.

Nothing depends on this running on time: a decision leaves out what is over, whether or not its
entry has been written. So a shop that was switched off for weeks, and a run that was cut, lose
nothing: the next one goes on where the books are.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.lot_rule import lot_rule
from daemon.core.loyalty.held import EndedLot
from daemon.operations.messages import tell
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

MOST_LOTS = 30
"""Of one entry: with the shop's side of each pass this stays below the 64 postings of an entry."""


def expire_next(shop: Shop, books: Books, now_ms: int) -> int:
    """Ends the lots of one member and last day that are over; how many rows were dealt with, 0 when
    nothing is left to end today."""
    today = shop.day(now_ms)
    rows = books.ended_lots(today, MOST_LOTS)
    over = [row for row in rows if _is_over(row, today)]
    for row in rows:
        books.forget_end(row)
        to_day = lot_rule(row.rule).to_day
        if row.account.asset != "principal" and row.balance and to_day >= today:
            # It was prolonged after it was opened.
            books.ends_on(row.account, to_day)
    if over:
        _end(shop, books, over, now_ms)
    return len(rows)


def _is_over(row: EndedLot, today: str) -> bool:
    return row.balance > 0 and row.account.asset != "principal" and lot_rule(row.rule).over(today)


def _end(shop: Shop, books: Books, over: Sequence[EndedLot], now_ms: int) -> None:
    member_id = over[0].account.owner.removeprefix("member:")
    sums: dict[str, int] = {}
    for row in over:
        sums[row.account.asset] = sums.get(row.account.asset, 0) + row.balance
    taken = [Posting(row.account, -row.balance) for row in over]
    given = [Posting(_shops(asset), amount) for asset, amount in sorted(sums.items())]
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.EXPIRED,
            at_ms=now_ms,
            actor="device",
            member_id=member_id,
            postings=(*taken, *given),
            detail={"event": "expire", "to_day": over[0].to_day, "lots": len(over)},
        )
    )
    facts: dict[str, int | str] = {
        "to_day": over[0].to_day,
        "points": sums.get("points", 0),
        "bonus_fen": sums.get("bonus", 0),
        "uses": sum(amount for asset, amount in sums.items() if asset.startswith("pass:")),
    }
    tell(shop, books, member_id, "expired", facts, now_ms)


def _shops(asset: str) -> Account:
    """Where it goes: bonus that ended is the shop's again."""
    return Account("shop", "expired" if asset == "bonus" else asset)
