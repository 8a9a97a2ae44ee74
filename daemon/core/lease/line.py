"""Who may refund a line of a sale (I10): the right is held like a lease, by one place at a time.

The device that sold holds it and refunds without asking. Counting in the cloud alone would not do:
the seller may have refunded what it has not told yet. So another device asks the cloud, the cloud
asks the seller to give the rest up, the seller puts that on its journal before it tells, and only
then the cloud has something to allow. Quantities or fen, as the line is refunded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.core.errors import Refused


@dataclass(frozen=True, slots=True)
class SoldLine:
    """At the device that sold: `sold`, and what was `refunded` and `given_up` of it here."""

    sold: int
    refunded: int = 0
    given_up: int = 0

    @property
    def left(self) -> int:
        return self.sold - self.refunded - self.given_up


@dataclass(frozen=True, slots=True)
class LineHome:
    """In the cloud: what the seller gave up and what was `allowed` of that elsewhere."""

    given_up: int = 0
    allowed: int = 0

    @property
    def free(self) -> int:
        return self.given_up - self.allowed


def refund_here(line: SoldLine, amount: int) -> SoldLine:
    """Raises Refused("refund_right_elsewhere")."""
    assert amount > 0 and line.left >= 0
    if amount > line.left:
        raise Refused("refund_right_elsewhere", left=line.left, given_up=line.given_up)
    return replace(line, refunded=line.refunded + amount)


def give_up(line: SoldLine) -> tuple[SoldLine, int]:
    """All that is left; on the journal before it is told."""
    assert line.left >= 0
    return replace(line, given_up=line.given_up + line.left), line.left


def gave_up(home: LineHome, amount: int) -> LineHome:
    """The leaf of it is in."""
    assert amount >= 0
    return replace(home, given_up=home.given_up + amount)


def allow(home: LineHome, amount: int) -> LineHome:
    """A REFUND by its id, once. Raises Refused("refund_right_elsewhere"): the seller still holds
    the right and is asked to give it up."""
    assert amount > 0 and home.free >= 0
    if amount > home.free:
        raise Refused("refund_right_elsewhere", free=home.free, allowed=home.allowed)
    return replace(home, allowed=home.allowed + amount)
