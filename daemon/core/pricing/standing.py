"""What the rules may know of a member when a price is made: no personal data but the birthday's
month and day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from daemon.core.money import Purse
from daemon.core.records import Holding
from daemon.core.spend import balance_of


class Birthday(NamedTuple):
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Habit:
    """RFM: when the member came last, how often and for how much, over the window that the shop's
    figures are kept for."""

    last_visit: date | None = None
    visits: int = 0
    spent_fen: int = 0


@dataclass(frozen=True, slots=True)
class PassHeld:
    """A pass (计次) with `left` uses of `codes`. `worth_fen` is what one use was paid with, and
    what commission and a refund count it for. `to_day` is its last day."""

    pass_id: str
    codes: frozenset[str]
    left: int
    worth_fen: int = 0
    to_day: date | None = None


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """`category` None is a customer without a card. `progress` is the measure of the level ladder
    in its window so far (fen, points or visits)."""

    member_id: str | None = None
    category: str | None = None
    level: str | None = None
    birthday: Birthday | None = None
    tags: frozenset[str] = frozenset()
    habit: Habit = Habit()
    holdings: tuple[Holding, ...] = ()
    points: int = 0
    passes: tuple[PassHeld, ...] = ()
    progress: int = 0
    credit_fen: int = 0
    """What may be sold without cover, in a chain that is cut off."""

    @property
    def balance(self) -> Purse:
        return balance_of(self.holdings)


NO_CARD = MemberStanding()
