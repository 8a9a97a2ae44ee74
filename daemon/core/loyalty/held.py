"""What the books keep of check-ins, thanks, messages, stock and lots that end, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from daemon.core.entry import Account


class CouponCounts(NamedTuple):
    """Of one campaign. `expired` were issued and not redeemed before their last day was over;
    `issued` counts all that ever were."""

    issued: int = 0
    redeemed: int = 0
    withdrawn: int = 0
    expired: int = 0


class CheckIn(NamedTuple):
    """`streak` counts days in a row up to `day`."""

    day: str
    streak: int
    op_id: str


class Referral(NamedTuple):
    friend: str
    referrer: str
    points: int
    credited_ms: int
    op_id: str


class MessageState(Enum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Message:
    """What a member is to be told: `kind` chooses the sentence, `facts` are its figures."""

    message_id: str
    member_id: str
    kind: str
    facts: Mapping[str, int | str]
    created_ms: int
    state: MessageState = MessageState.WAITING
    attempts: int = 0
    settled_ms: int | None = None


class EndedLot(NamedTuple):
    """A lot whose last day, as it is looked up by, is over. `balance` may be 0."""

    to_day: str
    account: Account
    balance: int
    rule: str | None


class Stocked(NamedTuple):
    code: str
    on_hand: int


class Sweep(NamedTuple):
    """A stretch of rows that was read: the members it is about, and the place to go on from; None
    is the end."""

    member_ids: Sequence[str]
    after: str | None
