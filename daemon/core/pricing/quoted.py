"""A price, explained to the fen: what each line costs, which rule took how much from it, how it is
paid and what it earns. A refund needs nothing but this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from daemon.core.pricing.basket import Line, TenderKind
from daemon.core.pricing.catalogue import PassGrant
from daemon.core.pricing.conditions import NotApplied
from daemon.core.pricing.levels import NO_PROGRESS, Progress

K = TypeVar("K")


class StepKind(Enum):
    """In the order in which they act."""

    PREPAID = "prepaid"
    """Uses of a pass."""
    GIFT = "gift"
    OVERRIDE = "override"
    """改价: the cashier's price; no rule after it acts on the line."""
    MEMBER = "member"
    PROMOTION = "promotion"
    COUPON = "coupon"
    POINTS = "points"
    WIPE = "wipe"
    """抹零: the odd fen that the shop lets go."""


class Step(NamedTuple):
    """`rule_id` took `fen` off a line."""

    kind: StepKind
    rule_id: str
    fen: int


OVERRIDE_RULE: Final = "override:"
"""And the reason: the rule id of a changed price."""

OWED: Final = "owed"
"""The asset of what is sold without cover."""


class Source(NamedTuple):
    """Where money came from, and where a refund puts it back: a tender, and for stored value the
    asset (`principal`, `bonus`, `owed`) and its lot."""

    tender: TenderKind
    asset: str = ""
    lot: int = 0


class Payment(NamedTuple):
    source: Source
    fen: int


class PassTaken(NamedTuple):
    """`uses` of a pass, together worth `worth_fen` for commission."""

    pass_id: str
    uses: int
    worth_fen: int


class Commission(NamedTuple):
    employee_id: str
    rule_id: str
    fen: int


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """`list_fen` less the steps is `paid_fen`, exactly; the payments are `paid_fen`, exactly, once
    the sale is settled. `points_used` is for the offset and for gifts, `points_rule` the promotion
    that multiplied what it earned."""

    line: Line
    name: str
    category: str
    list_fen: int
    steps: tuple[Step, ...] = ()
    payments: tuple[Payment, ...] = ()
    passes: tuple[PassTaken, ...] = ()
    grants: PassGrant | None = None
    points_used: int = 0
    points_earned: int = 0
    points_rule: str = ""
    progress_fen: int = 0
    commission: tuple[Commission, ...] = ()

    @property
    def paid_fen(self) -> int:
        return self.list_fen - sum(step.fen for step in self.steps)


@dataclass(frozen=True, slots=True)
class Quote:
    """`lines` in the order of their ids. `not_applied` holds the rules that were found and the
    coupons and points that were asked for, with the reason that each did not act.

    `short_fen` is still to be paid; 0 with enough tenders (`settled`). `change_fen` is given back
    out of cash. `coupons` are the codes that acted and are used up. `points_offset` is the points
    taken against the price. `level` is where the member stands after the sale."""

    member_id: str | None
    store: str
    at_ms: int
    lines: tuple[QuotedLine, ...]
    not_applied: tuple[NotApplied, ...] = ()
    coupons: tuple[str, ...] = ()
    points_offset: int = 0
    short_fen: int = 0
    change_fen: int = 0
    progress: Progress = NO_PROGRESS
    level: str | None = None
    proved_best: bool = True

    @property
    def list_fen(self) -> int:
        return sum(line.list_fen for line in self.lines)

    @property
    def paid_fen(self) -> int:
        """What is due in money, after everything."""
        return sum(line.paid_fen for line in self.lines)

    @property
    def settled(self) -> bool:
        return self.short_fen == 0

    @property
    def points_used(self) -> int:
        return sum(line.points_used for line in self.lines)

    @property
    def points_earned(self) -> int:
        return sum(line.points_earned for line in self.lines)

    def steps(self) -> dict[tuple[StepKind, str], int]:
        """What each rule took from the whole sale."""
        return summed(
            ((step.kind, step.rule_id), step.fen) for line in self.lines for step in line.steps
        )

    def payments(self) -> dict[Source, int]:
        return summed(payment for line in self.lines for payment in line.payments)

    def passes(self) -> dict[str, int]:
        return summed((p.pass_id, p.uses) for line in self.lines for p in line.passes)

    def commission(self) -> dict[str, int]:
        return summed((c.employee_id, c.fen) for line in self.lines for c in line.commission)


def summed(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """The sum of each key."""
    sums: dict[K, int] = {}
    for key, amount in pairs:
        sums[key] = sums.get(key, 0) + amount
    return sums
