"""The electronic purse of PBOC (ED/EP part) as FMCOS cards speak it (FMCOS 2.0 manual, chapters 7
and 8): what is said, what must come back, and how a purchase or a load ended.

    select          00 A4 04 00 Lc name 00         FCI (6F ..)
    read_purse      00 B0 95 00 1E                 the application's public facts, 30 bytes
    balance         80 5C 00 02 04                 balance 4
    verify_pin      00 20 00 00 Lc PIN
    begin_load      80 50 00 02 0B .. 10           balance 4, sequence 2, version, algorithm,
                                                   random 4, MAC1 4
    credit          80 52 00 00 0B .. 04           TAC 4
    begin_purchase  80 50 01 02 0B .. 0F           balance 4, sequence 2, overdraft 3, version,
                                                   algorithm, random 4
    debit           80 54 01 00 0F .. 08           TAC 4, MAC2 4
    settle          80 5A 00 type 02 sequence 08   MAC 4, TAC 4; 9406 where there is none

The order for money: begin, write the terms down as an intent, then debit or credit. From the moment
that DEBIT or CREDIT is sent only a cryptogram says what happened: an error status carries none and
could be anybody's, so it leaves the outcome unknown like silence does, and `settle_purchase` or
`settle_load` asks the card again, in the same tap or in a later one.

What that proves, and what not. "Done" always rests on a MAC (purchase) or TAC (load) over these
terms. "Not done" rests, for a load, on the sequence under MAC1; for a purchase on the card's bare
word, since this standard signs no reading: no proof for this sequence, the sequence not moved on,
the balance as before. Whoever forges that has a card that was debited for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.core.errors import CardError, CardForged, CardGarbled, KeyMissing, ReaderError
from daemon.core.purse import (
    MAX_AMOUNT_FEN,
    Errand,
    LoadTerms,
    PurchaseTerms,
    PurseCard,
    PurseDone,
    PurseNotDone,
    PurseOutcome,
    PurseUnknown,
    TransactionType,
)
from daemon.ports.purse_keys import LoadKeys, MaintenanceKeys, PurchaseKeys, TacKeys
from daemon.readers.cards.apdu import Conversation

AID = bytes.fromhex("A00000000386980701")
"""The purse application; a chain that gave its own directory another name selects by that."""

ACCOUNT_PURSE = 0x02
PUBLIC_FACTS = 0x15
"""Short file identifier of the application's public basic facts."""
PUBLIC_FACTS_BYTES = 30
SERIAL_AT, SERIAL_BYTES = 10, 10
MAX_NAME_BYTES = 16
MIN_PIN_DIGITS, MAX_PIN_DIGITS = 4, 12


class Sw:
    """Status words that are told apart."""

    DONE = 0x9000
    SELECTED_BLOCKED = 0x6283
    PIN_BLOCKED = 0x6983
    NO_FUNDS = 0x9401
    NO_KEY = 0x9403
    NO_PROOF = 0x9406
    LOCKED_FOR_EVER = 0x9303


_REFUSALS = {
    0x6901: "state",
    0x6982: "security",
    Sw.PIN_BLOCKED: "pin_blocked",
    0x6985: "conditions",
    0x6A81: "blocked",
    Sw.LOCKED_FOR_EVER: "blocked",
    Sw.NO_FUNDS: "funds",
    0x9402: "sequence_at_its_end",
    Sw.NO_KEY: "key_index",
}
"""What INITIALIZE may be refused with; nothing has changed on the card then."""


class Selection(Enum):
    """What SELECT found."""

    ABSENT = "absent"
    OPEN = "open"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class PurseFacts:
    """What an application tells everybody. `serial` (10 bytes) is never logged."""

    issuer: bytes
    serial: bytes

    def card(self, key_index: int) -> PurseCard:
        return PurseCard(self.serial[-8:], key_index)


@dataclass(frozen=True, slots=True)
class PinVerdict:
    """`tries_left` None: the card did not say (it was right, or is blocked)."""

    right: bool
    blocked: bool = False
    tries_left: int | None = None


def select(name: bytes = AID) -> Conversation[Selection]:
    """Selects the purse application; ends whatever transaction was begun. Raises CardGarbled where
    the card says that it did but shows another application."""
    assert 0 < len(name) <= MAX_NAME_BYTES
    payload, status = _split((yield _command(0x00, 0xA4, 0x04, 0x00, name, 0x00)), 0xA4)
    if status in (Sw.SELECTED_BLOCKED, Sw.LOCKED_FOR_EVER):
        return Selection.BLOCKED
    if status != Sw.DONE:
        return Selection.ABSENT
    # FCI (FMCOS manual, SELECT): 6F len [84 len name] [A5 len ...]
    head = bytes([0x6F, len(payload) - 2, 0x84]) if 4 <= len(payload) < 256 else b""
    if not head or payload[:3] != head or payload[4 : 4 + payload[3]] != name:
        raise CardGarbled("card_garbled", why="fci")
    return Selection.OPEN


def read_purse() -> Conversation[PurseFacts]:
    """Raises CardGarbled."""
    told = yield from _ask(
        _command(0x00, 0xB0, 0x80 | PUBLIC_FACTS, 0x00, b"", PUBLIC_FACTS_BYTES),
        PUBLIC_FACTS_BYTES,
    )
    return PurseFacts(told[:8], told[SERIAL_AT : SERIAL_AT + SERIAL_BYTES])


def balance() -> Conversation[int]:
    """In fen, as the card says and does not prove. Raises CardGarbled."""
    return _money((yield from _ask(_command(0x80, 0x5C, 0x00, ACCOUNT_PURSE, b"", 4), 4)))


def verify_pin(pin: str) -> Conversation[PinVerdict]:
    """A PIN of 4 to 12 digits. FMCOS wants it before each load: every transaction ends what it
    opened. Raises CardGarbled."""
    assert MIN_PIN_DIGITS <= len(pin) <= MAX_PIN_DIGITS and pin.isascii() and pin.isdigit()
    packed = bytes.fromhex(pin if len(pin) % 2 == 0 else pin + "f")
    payload, status = _split((yield _command(0x00, 0x20, 0x00, 0x00, packed)), 0x20)
    if status == Sw.DONE and not payload:
        return PinVerdict(right=True)
    if status & 0xFFF0 == 0x63C0:
        left = status & 0x0F
        return PinVerdict(right=False, blocked=left == 0, tries_left=left)
    if status == Sw.PIN_BLOCKED:
        return PinVerdict(right=False, blocked=True)
    raise CardGarbled("card_garbled", why="status", command=0x20, status=status)


def begin_purchase(
    errand: Errand, terminal_sequence: int
) -> Conversation[PurchaseTerms | PurseNotDone]:
    """INITIALIZE FOR PURCHASE: the terms to be written down before `debit`. Nothing changes on the
    card. Raises CardGarbled."""
    answer = yield from _initialize(errand, 0x01, 15)
    if isinstance(answer, PurseNotDone):
        return answer
    before = _money(answer[:4])
    if before < errand.amount_fen:
        # The card owed us 9401 here; an overdraft (answer[6:9]) is the other account's.
        raise CardGarbled("card_garbled", why="balance", command=0x50)
    return PurchaseTerms(
        card=errand.card,
        amount_fen=errand.amount_fen,
        terminal=errand.terminal,
        at=errand.at,
        card_random=answer[11:15],
        card_sequence=int.from_bytes(answer[4:6], "big"),
        balance_fen=before,
        terminal_sequence=terminal_sequence,
    )


def debit(terms: PurchaseTerms, keys: PurchaseKeys) -> Conversation[PurseOutcome]:
    """DEBIT FOR PURCHASE under terms that are written down. Raises KeyMissing before anything is
    sent, and nothing afterwards."""
    mac1 = keys.sign_purchase(terms)
    body = terms.terminal_sequence.to_bytes(4, "big") + terms.moment + mac1
    try:
        answer = yield from _ask(_command(0x80, 0x54, 0x01, 0x00, body, 8), 8)
        proved = keys.proves_purchase(terms, answer[4:])
    except (CardError, ReaderError, KeyMissing) as error:
        return PurseUnknown(error.key)
    if not proved:
        return PurseUnknown("mac2")
    return PurseDone(answer[:4], terms.balance_fen - terms.amount_fen)


def settle_purchase(
    terms: PurchaseTerms, keys: PurchaseKeys, name: bytes = AID
) -> Conversation[PurseOutcome]:
    """What became of a debit whose answer was not seen (FMCOS manual, clause 8.13.5), from SELECT
    on. Changes nothing on the card; raises nothing: what cannot be found out now stays unknown."""
    try:
        return (yield from _settle_purchase(terms, keys, name))
    except (CardError, ReaderError, KeyMissing) as error:
        return PurseUnknown(error.key)


def _settle_purchase(
    terms: PurchaseTerms, keys: PurchaseKeys, name: bytes
) -> Conversation[PurseOutcome]:
    if not (yield from _is_same_card(terms.card, name)):
        return PurseUnknown("another_card")
    proof = yield from _transaction_proof(TransactionType.PURCHASE, terms.card_sequence)
    if proof is not None:
        mac2, tac = proof
        if not keys.proves_purchase(terms, mac2):
            return PurseUnknown("mac2")
        return PurseDone(tac, terms.balance_fen - terms.amount_fen)
    errand = Errand(terms.card, terms.amount_fen, terms.terminal, terms.at)
    again = yield from begin_purchase(errand, terms.terminal_sequence)
    if isinstance(again, PurseNotDone):
        return PurseUnknown(again.why)
    stands = (terms.card_sequence, terms.balance_fen)
    if (again.card_sequence, again.balance_fen) != stands:
        return PurseUnknown("moved_on")
    return PurseNotDone("no_proof")


def begin_load(errand: Errand, keys: LoadKeys) -> Conversation[LoadTerms | PurseNotDone]:
    """INITIALIZE FOR LOAD: the terms to be written down before `credit`, under the card's MAC1.
    Raises CardForged where that is wrong, CardGarbled, KeyMissing."""
    answer = yield from _initialize(errand, 0x00, 16)
    if isinstance(answer, PurseNotDone):
        return answer
    before = _money(answer[:4])
    if before + errand.amount_fen > MAX_AMOUNT_FEN:
        return PurseNotDone("purse_full")
    terms = LoadTerms(
        card=errand.card,
        amount_fen=errand.amount_fen,
        terminal=errand.terminal,
        at=errand.at,
        card_random=answer[8:12],
        card_sequence=int.from_bytes(answer[4:6], "big"),
        balance_fen=before,
    )
    if not keys.proves_start(terms, answer[12:16]):
        raise CardForged("card_forged", why="mac1")
    return terms


def credit(terms: LoadTerms, keys: LoadKeys, tacs: TacKeys) -> Conversation[PurseOutcome]:
    """CREDIT FOR LOAD under terms that are written down. Only the TAC proves it: MAC1 rests on
    nothing but the card's own random number, so a card that replays a load would pass without.
    Raises KeyMissing before anything is sent, and nothing afterwards."""
    mac2 = keys.sign_load(terms)
    try:
        answer = yield from _ask(_command(0x80, 0x52, 0x00, 0x00, terms.moment + mac2, 4), 4)
        proved = tacs.proves_load_tac(terms, answer)
    except (CardError, ReaderError, KeyMissing) as error:
        return PurseUnknown(error.key)
    return PurseDone(answer, terms.balance_after_fen) if proved else PurseUnknown("tac")


def settle_load(
    terms: LoadTerms, keys: LoadKeys, tacs: TacKeys, pin: str | None, name: bytes = AID
) -> Conversation[PurseOutcome]:
    """As `settle_purchase`. Where the card has no proof, the sequence that it signs now (MAC1) says
    whether the load was done; beginning anew takes the PIN, and without it that stays unknown."""
    try:
        return (yield from _settle_load(terms, keys, tacs, pin, name))
    except (CardError, ReaderError, KeyMissing) as error:
        return PurseUnknown(error.key)


def _settle_load(
    terms: LoadTerms, keys: LoadKeys, tacs: TacKeys, pin: str | None, name: bytes
) -> Conversation[PurseOutcome]:
    if not (yield from _is_same_card(terms.card, name)):
        return PurseUnknown("another_card")
    proof = yield from _transaction_proof(TransactionType.LOAD, terms.card_sequence)
    if proof is not None:
        proved = tacs.proves_load_tac(terms, proof[1])
        return PurseDone(proof[1], terms.balance_after_fen) if proved else PurseUnknown("tac")
    if pin is None or not (yield from verify_pin(pin)).right:
        return PurseUnknown("pin")
    errand = Errand(terms.card, terms.amount_fen, terms.terminal, terms.at)
    again = yield from begin_load(errand, keys)
    if isinstance(again, PurseNotDone):
        return PurseUnknown(again.why)
    if again.card_sequence != terms.card_sequence:
        return PurseUnknown("moved_on")
    return PurseNotDone("no_proof")


def block_application(
    card: PurseCard, keys: MaintenanceKeys, *, permanent: bool, name: bytes = AID
) -> Conversation[bool]:
    """APPLICATION BLOCK of the selected purse, then SELECT: whether the card now says that it is
    blocked. It proves nothing: a list of blocked cards is what keeps a card out.

    Raises CardGarbled, KeyMissing."""
    challenge = yield from _ask(_command(0x00, 0x84, 0x00, 0x00, b"", 4), 4)
    head = bytes([0x84, 0x1E, 0x00, 0x01 if permanent else 0x00, 4])
    mac = keys.sign_command(card, challenge, head)
    _, status = _split((yield head + mac), 0x1E)
    return status == Sw.DONE and (yield from select(name)) is Selection.BLOCKED


def _is_same_card(card: PurseCard, name: bytes) -> Conversation[bool]:
    if (yield from select(name)) is not Selection.OPEN:
        return False
    return (yield from read_purse()).card(card.key_index) == card


def _transaction_proof(
    kind: TransactionType, sequence: int
) -> Conversation[tuple[bytes, bytes] | None]:
    """GET TRANSACTION PROVE for the sequence that INITIALIZE named: MAC and TAC, or None where the
    card says that its last such transaction was another one. Raises CardGarbled."""
    command = _command(0x80, 0x5A, 0x00, kind, sequence.to_bytes(2, "big"), 8)
    payload, status = _split((yield command), 0x5A)
    if status == Sw.NO_PROOF and not payload:
        return None
    told = _exactly(payload, status, 0x5A, 8)
    return told[:4], told[4:]


def _initialize(errand: Errand, p1: int, length: int) -> Conversation[bytes | PurseNotDone]:
    body = bytes([errand.card.key_index]) + errand.amount_fen.to_bytes(4, "big") + errand.terminal
    payload, status = _split((yield _command(0x80, 0x50, p1, ACCOUNT_PURSE, body, length)), 0x50)
    if status in _REFUSALS and not payload:
        return PurseNotDone(_REFUSALS[status])
    return _exactly(payload, status, 0x50, length)


def _command(cla: int, ins: int, p1: int, p2: int, body: bytes, le: int | None = None) -> bytes:
    head = bytes([cla, ins, p1, p2])
    return (
        head + (bytes([len(body)]) + body if body else b"") + (b"" if le is None else bytes([le]))
    )


def _ask(command: bytes, length: int) -> Conversation[bytes]:
    payload, status = _split((yield command), command[1])
    return _exactly(payload, status, command[1], length)


def _split(answer: bytes, ins: int) -> tuple[bytes, int]:
    if len(answer) < 2:
        raise CardGarbled("card_garbled", why="status_word", command=ins)
    return bytes(answer[:-2]), int.from_bytes(answer[-2:], "big")


def _exactly(payload: bytes, status: int, ins: int, length: int) -> bytes:
    if status != Sw.DONE:
        raise CardGarbled("card_garbled", why="status", command=ins, status=status)
    if len(payload) != length:
        raise CardGarbled("card_garbled", why="length", command=ins, length=len(payload))
    return payload


def _money(raw: bytes) -> int:
    amount_fen = int.from_bytes(raw, "big")
    if amount_fen > MAX_AMOUNT_FEN:
        raise CardGarbled("card_garbled", why="balance")
    return amount_fen
