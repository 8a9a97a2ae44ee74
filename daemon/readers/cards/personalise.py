"""Makes a card as delivered ours, and finishes a card that was torn out half way.

The order, and why it can be taken up again after a tear at ANY command:

    1  is our application there?                 SelectApplication
    2  PICC key:  factory DES -> ours (AES)      by its version: 0 is the factory's
    3  application:  create it                   only where step 1 said no
    4  keys 1 and 2 -> ours                      by their versions: 0 is zeros
    5  file 1: create open, write, close         by GetFileIDs and GetFileSettings
    6  file 2: create at the top value           by GetFileIDs and GetFileSettings
    7  key 0 -> ours                             LAST: version 0 means "half made"
    8  prove with the spend key                  id and counter must be what we wrote

Every command that changes the card's structure or a key is done by the chip whole or not at all,
so a tear leaves the card before or after that command, never within. Each step looks at the card
and not at a memory of ours: it finds its own after-state and does nothing, or finds its
before-state and does the work. Two details make that a proof:

* Writing file 1 is not whole: a torn write leaves mixed bytes. But as long as key 0 has version 0
  the file is written again whatever is in it, and key 0 is changed only after the answer to the
  write and to the closing has been seen under its MAC.
* Changing a key answers nothing that proves it. Step 2 is followed by authenticating with the new
  PICC key, step 7 by step 8, and keys 1 and 2 of a half-made card are "changed" again even where
  their version says that they are ours: the card checks the CRC of new XOR old and so refuses a key
  that somebody else has put there under our version number.

A card that is complete already is only checked: the same id again is its own proof; another id is
written where the card has never been used (the answer to step 7 was lost and the shop starts again
with a new id), and refused where it has.

Whoever listens to the radio while a card is personalised learns its keys, because its first key is
public: personalise in the office, not across the counter.
"""

from __future__ import annotations

from daemon.core.card import Face, Proof, Technology
from daemon.core.errors import CardForged
from daemon.ports.keys import CardKeyPurpose
from daemon.readers.cards import ev1, ev2
from daemon.readers.cards.apdu import Conversation, Ins
from daemon.readers.cards.desfire import (
    AID,
    COUNTER_TOP,
    FILE_COUNTER,
    FILE_ID,
    FILE_ID_BYTES,
    KEY_LOAD,
    KEY_MASTER,
    KEY_SPEND,
    PICC,
    Entropy,
    Opened,
    Scheme,
    key_version,
    prove,
    select,
    write_identity,
)

FACTORY_AES_KEY = bytes(16)

KEY_SETTINGS_1 = 0x0B
"""Master key may be changed; files may be listed by anyone, made and deleted only by the master;
settings may be changed; keys are changed by the master."""

KEY_SETTINGS_2 = 0x83
"""AES, 3 keys."""

NEVER = 0xF


def _rights(read: int, write: int, read_write: int, change: int) -> bytes:
    """Access rights, least byte first: a key number each, or NEVER."""
    return (read << 12 | write << 8 | read_write << 4 | change).to_bytes(2, "little")


ID_OPEN = _rights(KEY_SPEND, KEY_MASTER, NEVER, KEY_MASTER)
ID_CLOSED = _rights(KEY_SPEND, NEVER, NEVER, KEY_MASTER)
COUNTER_RIGHTS = _rights(KEY_SPEND, KEY_SPEND, KEY_LOAD, KEY_MASTER)

_TYPE_STANDARD, _TYPE_VALUE = 0x00, 0x02
_MAC = bytes([ev2.CommMode.MAC.value])
_FULL = bytes([ev2.CommMode.FULL.value])
_ID_SIZE = FILE_ID_BYTES.to_bytes(3, "little")
_ID_SETTINGS = {
    bytes([_TYPE_STANDARD]) + _MAC + ID_OPEN + _ID_SIZE: True,
    bytes([_TYPE_STANDARD]) + _MAC + ID_CLOSED + _ID_SIZE: False,
}
_LIMITS = bytes(4) + COUNTER_TOP.to_bytes(4, "little")
_COUNTER_SETTINGS = bytes([_TYPE_VALUE]) + _FULL + COUNTER_RIGHTS + _LIMITS
_LIMITED_CREDIT_OFF = b"\x00"


def personalise(face: Face, card_id: str, scheme: Scheme, entropy: Entropy) -> Conversation[Opened]:
    """The whole order above. Raises CardForged where the card is somebody else's, KeyMissing where
    this device does not hold every purpose's key."""
    assert face.technology is Technology.DESFIRE
    there = yield from select(AID)
    picc = yield from _own_picc_key(face.uid, scheme, entropy)
    if not there:
        settings = bytes([KEY_SETTINGS_1, KEY_SETTINGS_2])
        yield from ev2.command(picc, Ins.CREATE_APPLICATION, AID + settings)
    complete = yield from _furnish(face.uid, card_id, scheme, entropy)
    opened = yield from _prove_again(face, scheme, entropy)
    if complete and opened.proof.card_id != card_id:
        if opened.proof.counter != 0:
            raise CardForged("card_forged", why="in_use")
        master = yield from _master_session(face.uid, scheme, entropy)
        yield from _write_id(master, card_id, scheme, opened=False)
        opened = yield from _prove_again(face, scheme, entropy)
    _check(opened.proof, card_id, complete)
    return opened


def _check(proof: Proof, card_id: str, complete: bool) -> None:
    if proof.card_id != card_id or (not complete and proof.counter != 0):
        raise CardForged("card_forged", why="not_as_written")


def _prove_again(face: Face, scheme: Scheme, entropy: Entropy) -> Conversation[Opened]:
    yield from select(AID)
    version = yield from key_version(KEY_SPEND)
    return (yield from prove(Face(face.uid, face.technology, True, version), scheme, entropy))


def _own_picc_key(uid: bytes, scheme: Scheme, entropy: Entropy) -> Conversation[ev2.Session]:
    """Step 2: a session under our PICC key of the current version."""
    current = scheme.keys.current_version(CardKeyPurpose.PICC)
    key = scheme.key(CardKeyPurpose.PICC, current, uid)
    yield from select(PICC)
    version = yield from key_version(KEY_MASTER)
    if version == 0:
        yield from ev1.claim_picc_key(key, current, entropy(16))
    elif version != current:
        old = scheme.key(CardKeyPurpose.PICC, version, uid)
        session = yield from ev2.authenticate_first(KEY_MASTER, old, entropy(16))
        yield from ev2.change_own_key(session, key, current, ev1.PICC_KEY_AS_AES)
    return (yield from ev2.authenticate_first(KEY_MASTER, key, entropy(16)))


def _furnish(uid: bytes, card_id: str, scheme: Scheme, entropy: Entropy) -> Conversation[bool]:
    """Steps 4 to 7. Returns whether the card was complete before."""
    yield from select(AID)
    versions: list[int] = []
    for number in (KEY_MASTER, KEY_SPEND, KEY_LOAD):
        versions.append((yield from key_version(number)))
    complete = versions[KEY_MASTER] != 0
    session = yield from _open_master(uid, versions[KEY_MASTER], scheme, entropy)
    for number, purpose in ((KEY_SPEND, CardKeyPurpose.SPEND), (KEY_LOAD, CardKeyPurpose.LOAD)):
        current = scheme.keys.current_version(purpose)
        if complete and versions[number] == current:
            continue
        old = _key_or_factory(uid, purpose, versions[number], scheme)
        new = scheme.key(purpose, current, uid)
        yield from ev2.change_other_key(session, number, old, new, current)
    yield from _ensure_files(session, card_id, scheme, complete)
    current = scheme.keys.current_version(CardKeyPurpose.APPLICATION)
    if versions[KEY_MASTER] != current:
        master = scheme.key(CardKeyPurpose.APPLICATION, current, uid)
        yield from ev2.change_own_key(session, master, current)
    return complete


def _ensure_files(
    session: ev2.Session, card_id: str, scheme: Scheme, complete: bool
) -> Conversation[None]:
    """Steps 5 and 6."""
    files = yield from ev2.command(session, Ins.GET_FILE_IDS)
    if not set(files) <= {FILE_ID, FILE_COUNTER}:
        raise CardForged("card_forged", why="files")
    if FILE_ID not in files:
        made = bytes([FILE_ID]) + _MAC + ID_OPEN + _ID_SIZE
        yield from ev2.command(session, Ins.CREATE_STD_DATA_FILE, made)
        opened = True
    else:
        settings = yield from ev2.command(session, Ins.GET_FILE_SETTINGS, bytes([FILE_ID]))
        if settings not in _ID_SETTINGS:
            raise CardForged("card_forged", why="file_settings", file=FILE_ID)
        opened = _ID_SETTINGS[settings]
    if opened or not complete:
        yield from _write_id(session, card_id, scheme, opened)
    if FILE_COUNTER not in files:
        made = bytes([FILE_COUNTER]) + _FULL + COUNTER_RIGHTS + _LIMITS
        made += COUNTER_TOP.to_bytes(4, "little") + _LIMITED_CREDIT_OFF
        yield from ev2.command(session, Ins.CREATE_VALUE_FILE, made)
        return
    settings = yield from ev2.command(session, Ins.GET_FILE_SETTINGS, bytes([FILE_COUNTER]))
    # Between the limits and the last byte lies what a limited credit could give back: the last
    # debit. It varies, and means nothing while limited credit is off.
    if settings[:-5] != _COUNTER_SETTINGS or settings[-1:] != _LIMITED_CREDIT_OFF:
        raise CardForged("card_forged", why="file_settings", file=FILE_COUNTER)


def _write_id(
    session: ev2.Session, card_id: str, scheme: Scheme, opened: bool
) -> Conversation[None]:
    if not opened:
        yield from _set_rights(session, ID_OPEN)
    where = bytes([FILE_ID]) + bytes(3) + _ID_SIZE
    content = write_identity(card_id, scheme.merchant)
    yield from ev2.command(session, Ins.WRITE_DATA, where, content)
    yield from _set_rights(session, ID_CLOSED)


def _set_rights(session: ev2.Session, rights: bytes) -> Conversation[None]:
    yield from ev2.command(
        session, Ins.CHANGE_FILE_SETTINGS, bytes([FILE_ID]), _MAC + rights, ev2.CommMode.FULL
    )


def _master_session(uid: bytes, scheme: Scheme, entropy: Entropy) -> Conversation[ev2.Session]:
    yield from select(AID)
    version = yield from key_version(KEY_MASTER)
    return (yield from _open_master(uid, version, scheme, entropy))


def _open_master(
    uid: bytes, version: int, scheme: Scheme, entropy: Entropy
) -> Conversation[ev2.Session]:
    key = _key_or_factory(uid, CardKeyPurpose.APPLICATION, version, scheme)
    return (yield from ev2.authenticate_first(KEY_MASTER, key, entropy(16)))


def _key_or_factory(uid: bytes, purpose: CardKeyPurpose, version: int, scheme: Scheme) -> bytes:
    return scheme.key(purpose, version, uid) if version else FACTORY_AES_KEY
