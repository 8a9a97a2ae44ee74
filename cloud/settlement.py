"""Settlement between branches (跨店结算): who sold money that was topped up where.

The number of a lot says on which journal it was opened (`daemon.core.lot_number`), so every sale's
leaf says itself whose money it took. Sums are made with the effects; here journals become stores
and each pair of stores gets one balance.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.books import CloudBooks
from daemon.core.csv_table import guard, write_rows
from daemon.core.errors import BadRequest
from daemon.core.money import yuan

EPOCH: Final = datetime.date(1970, 1, 1)
MONEY: Final = ("principal", "bonus")


@dataclass(frozen=True, slots=True)
class Crossed:
    """`sold` units of `asset` were sold at `seller` out of lots opened at `home`, `back` of them
    were given back there. Fen, points or uses."""

    home: str
    seller: str
    asset: str
    sold: int
    back: int

    @property
    def net(self) -> int:
        """What the home store owes the seller."""
        return self.sold - self.back


@dataclass(frozen=True, slots=True)
class Owed:
    """Principal only, netted both ways: bonus was nobody's money."""

    debtor: str
    creditor: str
    amount_fen: int


def day_number(text: str) -> int:
    """`2026-11-22`. Raises BadRequest("day_malformed")."""
    try:
        return (datetime.date.fromisoformat(text) - EPOCH).days
    except ValueError as error:
        raise BadRequest("day_malformed") from error


async def crossed(books: CloudBooks, from_day: int, to_day: int) -> list[Crossed]:
    """Of the days (since 1970, in China) from `from_day` to before `to_day`, by pair of different
    stores and asset."""
    stores = {journal.number: journal.store for journal in await books.journals.journals()}
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in await books.office.settled(from_day, to_day):
        home, seller = stores.get(each.home, "?"), stores.get(each.seller, "?")
        if home != seller:
            row = sums[home, seller, each.asset]
            row[0] += each.sold
            row[1] += each.back
    return [Crossed(*key, sold, back) for key, (sold, back) in sorted(sums.items())]


def owed(rows: Sequence[Crossed]) -> list[Owed]:
    """One line for each pair of stores that owe each other anything."""
    nets: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if row.asset == "principal":
            pair = (min(row.home, row.seller), max(row.home, row.seller))
            nets[pair] += row.net if row.home == pair[0] else -row.net
    return [
        Owed(first, second, net) if net > 0 else Owed(second, first, -net)
        for (first, second), net in sorted(nets.items())
        if net
    ]


def as_csv(rows: Sequence[Crossed]) -> str:
    """With a heading in both languages; money in yuan."""
    table = [
        ["充值门店 home", "消费门店 seller", "账户 asset", "消费 sold", "退回 back", "净额 net"]
    ]
    for row in rows:
        amounts = [row.sold, row.back, row.net]
        told = [yuan(each) if row.asset in MONEY else str(each) for each in amounts]
        table.append([guard(row.home), guard(row.seller), row.asset, *told])
    return write_rows(table)
