"""The life of a card (B4): which service a card in which state may have, what it becomes, who may
do it, and how its validity moves. Pure; the fee is the category's, the doing daemon.operations'.

                 report_lost        reissue, repair
        ACTIVE --------------> LOST ----------------> REPLACED
         |  ^  <--------------  |        (from ACTIVE and LOCKED as well)
    lock |  | unlock  lift_loss |
         v  |                   v return (from ACTIVE as well)
        LOCKED                RETURNED

RETURNED and REPLACED are ends. A card locks itself where its evidence speaks of a copy; then only
`unlock` or another card helps, and a loss that is reported cannot be used to get around that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Final

from daemon.core.card import CardStatus
from daemon.core.errors import BadRequest, Conflict
from daemon.core.permissions import Permission


class Service(Enum):
    """Values are in documents of fees and in the journal: never rename one."""

    ISSUE = "issue"
    REISSUE = "reissue"
    """After a loss: another card for the same member."""
    REPAIR = "repair"
    """Of a damaged card: likewise another card."""
    EXTEND = "extend"
    REPORT_LOST = "report_lost"
    LIFT_LOSS = "lift_loss"
    LOCK = "lock"
    UNLOCK = "unlock"
    RETURN = "return"
    TRANSFER = "transfer"


NEEDS: Final[Mapping[Service, Permission]] = {
    Service.ISSUE: Permission.CARD_ISSUE,
    Service.REISSUE: Permission.CARD_SERVICE,
    Service.REPAIR: Permission.CARD_SERVICE,
    Service.EXTEND: Permission.CARD_SERVICE,
    Service.REPORT_LOST: Permission.CARD_LOST,
    Service.LIFT_LOSS: Permission.CARD_LOST,
    Service.LOCK: Permission.CARD_LOST,
    Service.UNLOCK: Permission.CARD_UNLOCK,
    Service.RETURN: Permission.CARD_RETURN,
    Service.TRANSFER: Permission.CARD_SERVICE,
}

_A, _L, _K = CardStatus.ACTIVE, CardStatus.LOST, CardStatus.LOCKED
_BECOMES: Final[Mapping[tuple[Service, CardStatus], CardStatus]] = {
    (Service.REISSUE, _A): CardStatus.REPLACED,
    (Service.REISSUE, _L): CardStatus.REPLACED,
    (Service.REISSUE, _K): CardStatus.REPLACED,
    (Service.REPAIR, _A): CardStatus.REPLACED,
    (Service.REPAIR, _K): CardStatus.REPLACED,
    (Service.EXTEND, _A): _A,
    (Service.EXTEND, _L): _L,
    (Service.EXTEND, _K): _K,
    (Service.REPORT_LOST, _A): _L,
    (Service.LIFT_LOSS, _L): _A,
    (Service.LOCK, _A): _K,
    (Service.UNLOCK, _K): _A,
    (Service.RETURN, _A): CardStatus.RETURNED,
    (Service.RETURN, _L): CardStatus.RETURNED,
    (Service.TRANSFER, _A): _A,
}
_NOT_YET: Final = {Service.LIFT_LOSS: "card_not_lost", Service.UNLOCK: "card_not_locked"}
_IS: Final = {
    CardStatus.LOST: "card_lost",
    CardStatus.LOCKED: "card_locked",
    CardStatus.RETURNED: "card_returned",
    CardStatus.REPLACED: "card_replaced",
}


def becomes(service: Service, status: CardStatus) -> CardStatus:
    """What a card in `status` is after `service`.

    Raises Conflict("card_lost" | "card_locked" | "card_returned" | "card_replaced" |
    "card_not_lost" | "card_not_locked"): what it is, or is not, that forbids it."""
    after = _BECOMES.get((service, status))
    if after is not None:
        return after
    not_yet = _NOT_YET.get(service)
    if not_yet is not None and not status.ended:
        raise Conflict(not_yet, status=status.value)
    raise Conflict(_IS[status])


def service_towards(status: CardStatus, wanted: CardStatus) -> Service | None:
    """The service that makes a card in `status` what is `wanted` of active, lost and locked; None
    where it is so already."""
    if status is wanted:
        return None
    if wanted is CardStatus.ACTIVE:
        return Service.UNLOCK if status is CardStatus.LOCKED else Service.LIFT_LOSS
    return Service.REPORT_LOST if wanted is CardStatus.LOST else Service.LOCK


def first_valid_to(today: date, valid_days: int | None) -> str | None:
    """The last day of a membership of `valid_days` that begins today: the first day does not count
    (Civil Code, article 201). None: for ever."""
    if valid_days is None:
        return None
    return (today + timedelta(days=valid_days)).isoformat()


def extended(valid_to: str | None, today: date, days: int) -> str:
    """The last day after an extension by `days`: counted from the last day so far, or from today
    where that is over. Raises Conflict("never_expires"), BadRequest("days_out_of_range")."""
    if valid_to is None:
        raise Conflict("never_expires")
    if not 1 <= days <= MOST_DAYS:
        raise BadRequest("days_out_of_range", most=MOST_DAYS)
    return (max(today, date.fromisoformat(valid_to)) + timedelta(days=days)).isoformat()


MOST_DAYS: Final = 3_660
"""Ten years: far beyond what a shop sells, far from the end of the calendar."""
LONGEST_NUMBER: Final = 20


@dataclass(frozen=True, slots=True)
class NumberRange:
    """The numbers that are printed on a batch of cards: `first` to `last`, of one length, with one
    beginning and digits after it, e.g. VIP0001 to VIP0500.

    Raises BadRequest("number_range_malformed")."""

    first: str
    last: str

    def __post_init__(self) -> None:
        digits = self._digits
        tails = (self.first[-digits:], self.last[-digits:])
        good = (
            1 <= len(self.first) == len(self.last) <= LONGEST_NUMBER
            and self.first.isascii()
            and self.first.isalnum()
            and digits > 0
            and self.first[:-digits] == self.last[:-digits]
            and tails[1].isdigit()
            and tails[0] <= tails[1]
        )
        if not good:
            raise BadRequest("number_range_malformed")

    @property
    def _digits(self) -> int:
        """How many digits the numbers end with."""
        return len(self.first) - len(self.first.rstrip("0123456789"))

    def __contains__(self, number: str) -> bool:
        return len(number) == len(self.first) and (
            number[: -self._digits] == self.first[: -self._digits]
            and number[-self._digits :].isdigit()
            and number.isascii()
            and self.first <= number <= self.last
        )

    def after(self, number: str | None) -> str | None:
        """The number after `number`, or the first; None at the end of the range."""
        if number is None or number not in self:
            return self.first
        if number == self.last:
            return None
        digits = self._digits
        return number[:-digits] + str(int(number[-digits:]) + 1).zfill(digits)
