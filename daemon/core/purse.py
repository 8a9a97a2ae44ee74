"""What is agreed with an electronic purse (PBOC, ED/EP part) about one purchase or one load, and
how it ended. Values only: how they are said to a card is the codec's, how they are signed the key
store's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum

MAX_AMOUNT_FEN = 0x7FFFFFFF
TERMINAL_BYTES = 6
FACTOR_BYTES = 8
RANDOM_BYTES = 4
MAX_SEQUENCE = 0xFFFF
MAX_TERMINAL_SEQUENCE = 0xFFFFFFFF


class TransactionType(IntEnum):
    """The type byte of the electronic purse (EP; the other account of the standard, ED, is not
    used)."""

    LOAD = 0x02
    PURCHASE = 0x06


@dataclass(frozen=True, slots=True)
class PurseCard:
    """Which keys a purse has: `factor` are the last 8 bytes of its application serial number, from
    which its keys are made; `key_index` says which of its keys of one kind is meant (0 to 255)."""

    factor: bytes
    key_index: int

    def __post_init__(self) -> None:
        assert len(self.factor) == FACTOR_BYTES and 0 <= self.key_index <= 0xFF


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be agreed with a purse: see `PurseTerms`."""

    card: PurseCard
    amount_fen: int
    terminal: bytes
    at: datetime

    def __post_init__(self) -> None:
        assert 0 < self.amount_fen <= MAX_AMOUNT_FEN and len(self.terminal) == TERMINAL_BYTES


@dataclass(frozen=True, slots=True)
class PurseReading:
    """What a purse says of itself and does not prove."""

    card: PurseCard
    balance_fen: int


@dataclass(frozen=True, slots=True)
class PurseTerms:
    """What both kinds of transaction are signed over.

    `terminal` is 6 bytes and names this till; `at` is the shop's time to the second (with its
    zone), as the card keeps it. `card_random` (4 bytes), `card_sequence` (0 to FFFF) and
    `balance_fen` are what the card answered to INITIALIZE. A purchase counts the card's offline
    sequence, a load its online one."""

    card: PurseCard
    amount_fen: int
    terminal: bytes
    at: datetime
    card_random: bytes
    card_sequence: int
    balance_fen: int

    def __post_init__(self) -> None:
        assert 0 < self.amount_fen <= MAX_AMOUNT_FEN
        assert self.at.tzinfo is not None
        assert len(self.terminal) == TERMINAL_BYTES and len(self.card_random) == RANDOM_BYTES
        assert 0 <= self.card_sequence <= MAX_SEQUENCE

    @property
    def moment(self) -> bytes:
        """7 bytes in BCD: year, month, day, hour, minute, second."""
        return bytes.fromhex(self.at.strftime("%Y%m%d%H%M%S"))


@dataclass(frozen=True, slots=True)
class PurchaseTerms(PurseTerms):
    """`terminal_sequence` (0 to FFFFFFFF) is this till's own number of the purchase, never used
    twice: it is all that makes an answer fresh, since the card's random number is the card's.

    MAC2 covers only its low 2 bytes and the amount, neither till nor time: a clone that replays a
    purchase passes where the same number and amount come round again, at this till after 65,536
    purchases or at another one. The books must therefore refuse a card sequence that they have seen
    before, and the issuer check each TAC, which covers all of the terms."""

    terminal_sequence: int

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one its method closed over.
        PurseTerms.__post_init__(self)
        assert 0 <= self.terminal_sequence <= MAX_TERMINAL_SEQUENCE
        assert self.amount_fen <= self.balance_fen


@dataclass(frozen=True, slots=True)
class LoadTerms(PurseTerms):
    """A load; the balance after it must fit as well."""

    def __post_init__(self) -> None:
        PurseTerms.__post_init__(self)
        assert self.balance_fen + self.amount_fen <= MAX_AMOUNT_FEN

    @property
    def balance_after_fen(self) -> int:
        return self.balance_fen + self.amount_fen


@dataclass(frozen=True, slots=True)
class PurseDone:
    """The card proved that it did it. `tac` is 4 bytes for whoever holds the issuer's TAC key, kept
    as they came."""

    tac: bytes
    balance_fen: int


@dataclass(frozen=True, slots=True)
class PurseNotDone:
    """The card did not do it; the same terms are never tried again. `why` is a code."""

    why: str


@dataclass(frozen=True, slots=True)
class PurseUnknown:
    """Nothing that can be believed says whether the card did it: to be settled at its next tap or
    by the back office, never guessed. `why` is a code."""

    why: str


PurseOutcome = PurseDone | PurseNotDone | PurseUnknown


class DeedState(Enum):
    """A debit or a load is INTENT before it is sent. UNKNOWN is told apart only for people: both
    are settled in the same way. NOT_DONE and DONE are the end, but for what the office decided."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    NOT_DONE = "not_done"
    DONE = "done"

    @property
    def open(self) -> bool:
        return self in (DeedState.INTENT, DeedState.UNKNOWN)


BY_CARD, BY_OFFICE = "card", "office"


@dataclass(frozen=True, slots=True)
class PurseDeed:
    """One debit or load as the books keep it, from before it is sent. `op_id` is the operation that
    it is for. `decided_by` is BY_CARD or BY_OFFICE once it has ended: what the office said stands
    until the card proves otherwise. `tac` is kept for the issuer as it came; `why` is a code."""

    deed_id: str
    card_id: str
    op_id: str
    terms: PurchaseTerms | LoadTerms
    state: DeedState
    written_ms: int
    tac: bytes | None = None
    why: str | None = None
    decided_by: str | None = None
    settled_ms: int | None = None

    @property
    def kind(self) -> TransactionType:
        loads = isinstance(self.terms, LoadTerms)
        return TransactionType.LOAD if loads else TransactionType.PURCHASE

    @property
    def to_be_asked(self) -> bool:
        """Whether the card should be asked at its next tap."""
        return self.state.open or self.decided_by == BY_OFFICE

    def facts(self) -> dict[str, int | str]:
        """For the leaf: all that a TAC covers, and the TAC as it came, in hexadecimal."""
        terms = self.terms
        said: dict[str, int | str] = {
            "purse_fen": terms.amount_fen,
            "purse_kind": int(self.kind),
            "purse_seq": terms.card_sequence,
            "purse_till": terms.terminal.hex(),
            "purse_at": terms.moment.hex(),
            "purse_card": terms.card.factor.hex(),
        }
        if isinstance(terms, PurchaseTerms):
            said["purse_number"] = terms.terminal_sequence
        else:
            said["purse_before_fen"] = terms.balance_fen
        if self.tac is not None:
            said["purse_tac"] = self.tac.hex()
        return said
