"""What a card can prove, and by default how it may therefore spend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Technology(Enum):
    UID = "uid"
    """Only a number that anyone can copy."""
    MAGSTRIPE = "magstripe"
    """A magnetic card: the same, and easier to copy."""
    PURSE = "purse"
    """A CPU card with an electronic purse: a number towards the account, and money of its own that
    it proves with each debit."""
    DESFIRE = "desfire"
    """MIFARE DESFire EV2/EV3: AES, AuthenticateEV2First, a counter that only goes on."""


class Assurance(Enum):
    """What a tap has proved, weakest first."""

    IDENTITY = 1
    AUTHENTIC = 2


class CardStatus(Enum):
    """A card's life on the books."""

    ACTIVE = "active"
    LOST = "lost"
    LOCKED = "locked"
    RETURNED = "returned"
    REPLACED = "replaced"
    """Another card was issued for it."""

    @property
    def ended(self) -> bool:
        """Nothing brings such a card back; the plastic may become a new card."""
        return self in (CardStatus.RETURNED, CardStatus.REPLACED)


@dataclass(frozen=True, slots=True)
class SpendPolicy:
    """How a technology may spend. `pin_above_fen` 0: every spend asks for the member's PIN;
    `per_day_fen` None: no limit of its own."""

    pin_above_fen: int
    per_day_fen: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    technology: Technology
    proves: Assurance
    spend: SpendPolicy


DEFAULT_PROFILES = {
    Technology.UID: Profile(
        Technology.UID, Assurance.IDENTITY, SpendPolicy(pin_above_fen=0, per_day_fen=20_000)
    ),
    Technology.MAGSTRIPE: Profile(
        Technology.MAGSTRIPE,
        Assurance.IDENTITY,
        SpendPolicy(pin_above_fen=0, per_day_fen=20_000),
    ),
    Technology.PURSE: Profile(
        Technology.PURSE, Assurance.IDENTITY, SpendPolicy(pin_above_fen=0, per_day_fen=20_000)
    ),
    Technology.DESFIRE: Profile(
        Technology.DESFIRE,
        Assurance.AUTHENTIC,
        SpendPolicy(pin_above_fen=50_000, per_day_fen=None),
    ),
}


@dataclass(frozen=True, slots=True)
class Face:
    """What a card shows before any key is used. `uid` is 4, 7 or 10 bytes (16 for a
    magnetic card, made of its number) and never logged.

    `personalised` False: a DESFire card as delivered, without our application.
    """

    uid: bytes
    technology: Technology
    personalised: bool
    key_version: int | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a tap has proved. `card_id` and `counter` are what the card itself said under its keys;
    None for a technology that cannot say. `counter` counts commits on this card from 0."""

    face: Face
    assurance: Assurance
    card_id: str | None = None
    counter: int | None = None


class CounterVerdict(Enum):
    """What a card's counter says against what the ledger knows."""

    AS_EXPECTED = "as_expected"
    COMMITTED = "committed"
    """One ahead with an intent pending: the torn commit did happen."""
    ROLLED_BACK = "rolled_back"
    AHEAD = "ahead"
    """Further on than anything this shop asked of it: it was used with our keys elsewhere."""


def judge_counter(on_card: int, known: int, pending: int | None) -> CounterVerdict:
    """Compares the card's counter with the last one settled (`known`) and with the intent that was
    written before a commit whose outcome was not seen (`pending`, always `known + 1`)."""
    assert pending is None or pending == known + 1
    if on_card == known:
        return CounterVerdict.AS_EXPECTED
    if pending is not None and on_card == pending:
        return CounterVerdict.COMMITTED
    return CounterVerdict.ROLLED_BACK if on_card < known else CounterVerdict.AHEAD
