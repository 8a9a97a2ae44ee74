"""Cards and the readers they are laid on, as the counter sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from daemon.core.card import Face, Proof
from daemon.core.purse import (
    Errand,
    LoadTerms,
    PurchaseTerms,
    PurseNotDone,
    PurseOutcome,
    PurseReading,
)


class ReaderState(Enum):
    """Absence is a state, not an exception."""

    ABSENT = "absent"
    OPENING = "opening"
    READY = "ready"
    FAULTED = "faulted"


@dataclass(frozen=True, slots=True)
class ReaderStatus:
    """`name` as the system names it; `problem` is a screen key while ABSENT or FAULTED."""

    name: str
    state: ReaderState
    card_present: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """A card that lies on a reader. `token` is new for every insertion: a kept presence never
    speaks to another card (the UID is read again inside every transaction as well). `swiped`: it
    was pulled through, and only what it said lies there."""

    reader: str
    token: int
    atr: bytes
    swiped: bool = False


@dataclass(frozen=True, slots=True)
class CardLaid:
    presence: Presence


@dataclass(frozen=True, slots=True)
class CardLifted:
    reader: str
    token: int


@dataclass(frozen=True, slots=True)
class ReaderChanged:
    status: ReaderStatus


@dataclass(frozen=True, slots=True)
class SwipeRefused:
    """Something was swiped that is no card for us; `reason` is a screen key."""

    reader: str
    reason: str


@dataclass(frozen=True, slots=True)
class CodeScanned:
    """A barcode or a QR code, from a reader that the shop set as a scanner."""

    reader: str
    text: str = field(repr=False)


ReaderEvent = CardLaid | CardLifted | ReaderChanged | SwipeRefused | CodeScanned


class PurseSession(Protocol):
    """The electronic purse of the card that lies there. What may raise raises CardGone, CardSilent,
    CardGarbled, CardForged, KeyMissing, ReaderError."""

    async def read(self) -> PurseReading:
        """Selects the purse and reads whose it is. Raises CardForged where it is blocked."""
        ...

    async def begin_purchase(self, errand: Errand) -> PurchaseTerms | PurseNotDone:
        """After `read`. Changes nothing on the card; the terms (number 0 still) are to be written
        down before `debit`, with nothing else said to the card in between."""
        ...

    async def debit(self, terms: PurchaseTerms) -> PurseOutcome:
        """Raises KeyMissing before anything is sent, and nothing afterwards."""
        ...

    async def begin_load(self, errand: Errand, pin: str) -> LoadTerms | PurseNotDone:
        """As `begin_purchase`. A wrong PIN is PurseNotDone("pin" | "pin_blocked")."""
        ...

    async def credit(self, terms: LoadTerms) -> PurseOutcome:
        """As `debit`."""
        ...

    async def settle(
        self, terms: PurchaseTerms | LoadTerms, pin: str | None = None
    ) -> PurseOutcome:
        """What became of a debit or a load whose answer was not seen. Changes nothing on the card
        and raises nothing. Whether a load was not done takes the purse's PIN."""
        ...


class CardSession(Protocol):
    """One transaction with one card. Every method has a deadline of its own and may raise
    CardGone, CardSilent, CardGarbled, ReaderError."""

    @property
    def face(self) -> Face:
        """Read when the session was opened."""
        ...

    @property
    def purse(self) -> PurseSession | None:
        """Its purse, where it has one and this till the keys for it."""
        ...

    async def prove(self) -> Proof:
        """Authenticates and reads the card's id and counter. For a UID card it proves identity
        only. Raises CardForged where the card does not hold the keys it should."""
        ...

    async def advance(self, expected: int) -> None:
        """Moves the card's counter from `expected` to `expected + 1` and commits, checking the
        MAC of every answer. Only after `prove` in the same session.

        Raises CardTorn where the outcome is unknown; CardGone where the card certainly did not
        commit."""
        ...

    async def personalise(self, card_id: str) -> Proof:
        """Makes a card as delivered ours: keys of its own, our application, `card_id`, counter 0.
        May be run again on a card that was torn out half way. Raises CardForged where the card
        belongs to somebody else (its PICC key is not the factory's nor ours)."""
        ...


class CardReaders(Protocol):
    def events(self) -> AsyncIterator[ReaderEvent]:
        """Every change from now on, beginning with the present state of each reader and card.
        Never ends and never raises: faults are `ReaderChanged`."""
        ...

    def statuses(self) -> tuple[ReaderStatus, ...]: ...

    def open(self, presence: Presence) -> AbstractAsyncContextManager[CardSession]:
        """Raises CardGone if the presence is not on the reader any more."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
