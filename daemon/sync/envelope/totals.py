"""What a run of entries adds up to: by kind, and on the running ledger of the shop's accounts.

Every owner that is not a member or a card (the shop, each tender) keeps its name; all members
together are `members` and all cards `cards`, so that a manifest says what the shop owes its members
without naming any of them. The rows of one unit sum to zero, because every entry does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from daemon.core.entry import Account, Entry, Kind

MEMBERS: Final = "members"
CARDS: Final = "cards"
MANY: Final = frozenset({MEMBERS, CARDS})
"""Rows that stand for many owners."""
Row = tuple[str, str]
"""(owner, asset), owner being `shop`, `tender:<name>`, `members` or `cards`."""
_TOGETHER: Final = {"member": MEMBERS, "card": CARDS}


@dataclass(frozen=True, slots=True)
class KindTotal:
    """How many entries of one kind, and what they moved on each row (credit-positive)."""

    count: int
    moved: Mapping[Row, int]


@dataclass(frozen=True, slots=True)
class Running:
    """One row of the running tender ledger. What the shop owes (credit-positive): a tender that
    took in 500.00 yuan stands at -50000."""

    owner: str
    asset: str
    opening: int
    movement: int

    @property
    def closing(self) -> int:
        return self.opening + self.movement


def row_of(account: Account) -> Row:
    return _TOGETHER.get(account.owner.partition(":")[0], account.owner), account.asset


def movements(entries: Iterable[Entry]) -> dict[Row, int]:
    """What `entries` moved on each row, zeros included where a row was touched."""
    moved: dict[Row, int] = {}
    for entry in entries:
        for posting in entry.draft.postings:
            account = posting.account
            owner = MEMBERS if account.owner.startswith("member:") else account.owner
            row = (owner, account.asset)
            moved[row] = moved.get(row, 0) + posting.amount
    return moved


def together(kinds: Iterable[KindTotal]) -> dict[Row, int]:
    """What all kinds together moved on each row: `movements` of all their entries."""
    moved: dict[Row, int] = {}
    for kind in kinds:
        for row, amount in kind.moved.items():
            moved[row] = moved.get(row, 0) + amount
    return moved


def account_movements(entries: Iterable[Entry]) -> dict[Account, int]:
    """What `entries` moved on each single account."""
    moved: dict[Account, int] = {}
    for entry in entries:
        for posting in entry.draft.postings:
            moved[posting.account] = moved.get(posting.account, 0) + posting.amount
    return moved


def by_kind(entries: Iterable[Entry]) -> dict[Kind, KindTotal]:
    grouped: dict[Kind, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.draft.kind, []).append(entry)
    return {kind: KindTotal(len(some), movements(some)) for kind, some in sorted(grouped.items())}


def running(opening: Mapping[Row, int], moved: Mapping[Row, int]) -> tuple[Running, ...]:
    """Every row that was ever touched, in order of (owner, asset)."""
    return tuple(
        Running(row[0], row[1], opening.get(row, 0), moved.get(row, 0))
        for row in sorted(set(opening) | set(moved))
    )


def closings(rows: Iterable[Running]) -> dict[Row, int]:
    return {(row.owner, row.asset): row.closing for row in rows}


def is_balanced(balances: Mapping[Row, int]) -> bool:
    """Whether the balances of each unit sum to zero."""
    sums: dict[str, int] = {}
    for (owner, asset), amount in balances.items():
        unit = Account(owner, asset).unit
        sums[unit] = sums.get(unit, 0) + amount
    return not any(sums.values())
