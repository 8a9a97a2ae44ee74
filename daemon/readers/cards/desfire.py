"""Our application on a MIFARE DESFire EV2 or EV3: what is on it, how it is proved and moved on.

    application   AID F0C0D1, AES, 3 keys
      key 0       application master  } each made from a master of its own (AN10922) with the card's
      key 1       spend               } UID, the AID and the system id, so that no two cards share
      key 2       load                } a key; the key's version byte says which master it was
      file 1      32 bytes, MAC: format, key scheme, card id (16), merchant (8), zeros
                  read: spend; write: nobody; settings: application master
      file 2      value, fully encrypted, 0 to 7FFFFFFF, delivered at 7FFFFFFF
                  read and debit: spend; credit: load; settings: application master

The transaction counter is 7FFFFFFF minus the value of file 2. A device that holds only the spend
key can debit, which moves the counter on; putting it back is a credit, which takes the load key.
That is what makes a rolled-back copy of a card visible.

The AID lies in the range F..... that AN10787 maps from the MIFARE application directory; it is not
registered. A chain that shares its cards with others registers an AID of its own with NXP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from daemon.core.card import Assurance, Face, Proof, Technology
from daemon.core.errors import (
    CardError,
    CardForged,
    CardGarbled,
    CardGone,
    CardTorn,
    KeyMissing,
    ReaderError,
)
from daemon.core.ids import id_bytes, id_text
from daemon.ports.keys import CardKeyPurpose, CardKeys
from daemon.readers.cards import ev2
from daemon.readers.cards.apdu import (
    Conversation,
    Ins,
    Status,
    ask,
    ask_once,
    require_ok,
    unwrap,
    wrap,
)
from daemon.readers.cards.uid import read_uid

AID = bytes.fromhex("D1C0F0")
"""F0C0D1, least byte first, as it is sent."""

PICC = bytes(3)
KEY_MASTER, KEY_SPEND, KEY_LOAD = 0, 1, 2
FILE_ID, FILE_COUNTER = 1, 2
FILE_ID_BYTES = 32
COUNTER_TOP = 0x7FFFFFFF
FORMAT = 1
KEY_SCHEME = 1
MERCHANT_BYTES = 8
MAX_SYSTEM_ID_BYTES = 31 - 10 - len(AID)
"""AN10922 takes at most 31 bytes; a UID is at most 10."""

VENDOR_NXP = 0x04
TYPE_DESFIRE = 0x01
FIRST_GENERATIONS = frozenset({0x00, 0x01})
"""Hardware major versions of DESFire (D40) and EV1, which do not know AuthenticateEV2First."""

Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Scheme:
    """Whose cards these are. `system_id` separates installations that share masters, `merchant` is
    8 bytes that name the merchant."""

    keys: CardKeys
    system_id: bytes
    merchant: bytes

    def __post_init__(self) -> None:
        assert 0 < len(self.system_id) <= MAX_SYSTEM_ID_BYTES
        assert len(self.merchant) == MERCHANT_BYTES

    def key(self, purpose: CardKeyPurpose, version: int, uid: bytes) -> bytes:
        """The key of one card. Raises CardForged where the card names a version that does not
        exist here, KeyMissing where this device holds nothing for the purpose at all."""
        self.keys.current_version(purpose)
        try:
            return self.keys.derive(purpose, version, uid + AID + self.system_id)
        except KeyMissing as error:
            raise CardForged("card_forged", why="key_version", version=version) from error


@dataclass(frozen=True, slots=True)
class Opened:
    """A proof, and the session under the spend key that gave it."""

    proof: Proof
    session: ev2.Session


def select(aid: bytes) -> Conversation[bool]:
    """SelectApplication: whether the card has it. Ends any session and drops what was not
    committed."""
    reply = yield from ask_once(Ins.SELECT_APPLICATION, aid)
    if reply.status == Status.APPLICATION_NOT_FOUND:
        return False
    require_ok(reply, Ins.SELECT_APPLICATION)
    return True


def key_version(key_number: int) -> Conversation[int]:
    """GetKeyVersion outside a session: 0 as delivered, 1 to 255 where it was changed."""
    reply = yield from ask_once(Ins.GET_KEY_VERSION, bytes([key_number]))
    payload = require_ok(reply, Ins.GET_KEY_VERSION)
    if len(payload) != 1:
        raise CardGarbled("card_garbled", why="length", command=Ins.GET_KEY_VERSION)
    return payload[0]


def identify() -> Conversation[Face]:
    """What kind of card this is, by what it answers and not by its ATR: EV1, EV2, EV3 and
    telephones share ATRs, and readers make them up. What is not a DESFire of the second generation
    or later is a number and no more. Raises CardGarbled."""
    uid = yield from read_uid()
    reply = unwrap((yield wrap(Ins.SELECT_APPLICATION, AID)))
    if reply is None:
        return Face(uid, Technology.UID, personalised=False)
    if reply.status == Status.OK:
        master_version = yield from key_version(KEY_MASTER)
        spend_version = yield from key_version(KEY_SPEND)
        # The master key is changed last (see `personalise`): version 0 is a card half made.
        return Face(uid, Technology.DESFIRE, master_version != 0, spend_version or None)
    reply = yield from ask(Ins.GET_VERSION)
    if reply.status == Status.OK and _speaks_ev2(reply.payload):
        return Face(uid, Technology.DESFIRE, personalised=False)
    return Face(uid, Technology.UID, personalised=False)


def _speaks_ev2(version: bytes) -> bool:
    """From GetVersion: 7 bytes on the hardware (vendor, type, subtype, major, minor, ...) first."""
    return (
        len(version) >= 14
        and version[0] == VENDOR_NXP
        and version[1] & 0x0F == TYPE_DESFIRE
        and version[3] not in FIRST_GENERATIONS
    )


def prove(face: Face, scheme: Scheme, entropy: Entropy) -> Conversation[Opened]:
    """Authenticates a card of ours with its spend key and reads its id and counter.

    Raises CardForged where it does not hold the key, or belongs to another merchant."""
    assert face.technology is Technology.DESFIRE and face.personalised
    if not (yield from select(AID)):
        raise CardForged("card_forged", why="application")
    version = yield from key_version(KEY_SPEND)
    key = scheme.key(CardKeyPurpose.SPEND, version, face.uid)
    session = yield from ev2.authenticate_first(KEY_SPEND, key, entropy(16))
    where = bytes([FILE_ID]) + bytes(3) + FILE_ID_BYTES.to_bytes(3, "little")
    content = yield from ev2.command(session, Ins.READ_DATA, where)
    card_id = read_identity(content, scheme.merchant)
    counter = yield from read_counter(session)
    proof = Proof(face, Assurance.AUTHENTIC, card_id, counter)
    return Opened(proof, session)


def write_identity(card_id: str, merchant: bytes) -> bytes:
    """The 32 bytes of file 1."""
    head = bytes([FORMAT, KEY_SCHEME])
    return (head + id_bytes(card_id) + merchant).ljust(FILE_ID_BYTES, b"\x00")


def read_identity(content: bytes, merchant: bytes) -> str:
    """The card id in file 1. Raises CardGarbled where it is not of our form, CardForged where it is
    of another merchant."""
    used = 2 + 16 + MERCHANT_BYTES
    if len(content) != FILE_ID_BYTES or any(content[used:]):
        raise CardGarbled("card_garbled", why="identity")
    if content[:2] != bytes([FORMAT, KEY_SCHEME]):
        raise CardGarbled("card_garbled", why="identity_format", format=content[0])
    if content[18:used] != merchant:
        raise CardForged("card_forged", why="merchant")
    return id_text(content[2:18])


def read_counter(session: ev2.Session) -> Conversation[int]:
    """GetValue of file 2, as a counter from 0 up."""
    raw = yield from ev2.command(
        session, Ins.GET_VALUE, bytes([FILE_COUNTER]), mode=ev2.CommMode.FULL
    )
    value = int.from_bytes(raw, "little", signed=True)
    if len(raw) != 4 or value < 0:
        raise CardGarbled("card_garbled", why="value")
    return COUNTER_TOP - value


def advance(session: ev2.Session) -> Conversation[None]:
    """Debit 1 and CommitTransaction, each answer under its MAC.

    Until CommitTransaction is sent nothing can have changed on the card (a debit that is not
    committed is lost with the field): whatever goes wrong is CardGone. From then on only an answer
    with the right MAC says what happened: anything else, also an error status, which carries no MAC
    and so could be anybody's, is CardTorn."""
    one = (1).to_bytes(4, "little")
    try:
        yield from ev2.command(session, Ins.DEBIT, bytes([FILE_COUNTER]), one, ev2.CommMode.FULL)
    except (CardError, ReaderError) as error:
        raise CardGone("card_gone", why="before_commit", cause=error.key) from error
    try:
        yield from ev2.command(session, Ins.COMMIT_TRANSACTION)
    except (CardError, ReaderError) as error:
        raise CardTorn("card_torn", cause=error.key) from error
