"""Card and application level commands: version, keys, settings, applications, format."""

from typing import Final

from simulator.cards.command import (
    MASTER_KEY_NO,
    Command,
    Plan,
    PoweredCard,
    exactly,
)
from simulator.cards.crypto import exclusive_or
from simulator.cards.keys import Key, KeyKind
from simulator.cards.messaging import CommMode
from simulator.cards.picc import ISO_IDENTIFIERS, MASTER_AID, MAX_KEYS, Application
from simulator.cards.status import CardError, Status, require

MASTER_KEY_CHANGEABLE: Final = 0x01
FREE_LISTING: Final = 0x02
FREE_CREATE: Final = 0x04
SETTINGS_CHANGEABLE: Final = 0x08
CHANGE_RIGHT_SAME_KEY: Final = 0xE
CHANGE_RIGHT_FROZEN: Final = 0xF
MAX_DF_NAME: Final = 16
KEY_SETTINGS_3: Final = 0x10
"""KeySettings2 bit 4: key sets and more of EV2 follow; not offered here."""
INS_CHANGE_KEY: Final = 0xC4


def get_version(card: PoweredCard, payload: bytes) -> bytes:
    """60: three frames of identification."""
    exactly(payload, 0)
    return b"".join(card.picc.version_frames())


def get_card_uid(card: PoweredCard, payload: bytes) -> bytes:
    """51: the real UID, enciphered, to anybody who authenticated."""
    exactly(payload, 0)
    require(card.session.key_no is not None, Status.AUTHENTICATION_ERROR)
    return card.picc.uid


def free_memory(card: PoweredCard, payload: bytes) -> bytes:
    """6E: free bytes."""
    exactly(payload, 0)
    return card.picc.free_memory.to_bytes(3, "little")


def format_picc(card: PoweredCard, payload: bytes) -> bytes:
    """FC: all applications go, the session stays (as a logged EV1 card did)."""
    exactly(payload, 0)
    card.require_level(master=True)
    card.require_key(MASTER_KEY_NO)
    card.picc.format()
    card.changed = True
    return b""


def get_key_version(card: PoweredCard, payload: bytes) -> bytes:
    """64: one byte."""
    exactly(payload, 1)
    return bytes([card.application.key(payload[0]).version])


def get_key_settings(card: PoweredCard, payload: bytes) -> bytes:
    """45: settings, and kind and number of keys."""
    exactly(payload, 0)
    application = card.application
    card.require_key(MASTER_KEY_NO, unless=bool(application.settings & FREE_LISTING))
    return bytes([application.settings, application.settings2])


def change_key_settings(card: PoweredCard, payload: bytes) -> bytes:
    """54: enciphered; only with the master key, and only while bit 3 was never cleared."""
    card.require_key(MASTER_KEY_NO)
    application = card.application
    require(bool(application.settings & SETTINGS_CHANGEABLE), Status.PERMISSION_DENIED)
    application.settings = payload[0]
    card.changed = True
    return b""


def plan_change_key_settings(card: PoweredCard, payload: bytes) -> Plan:
    """One enciphered byte."""
    card.require_key(MASTER_KEY_NO)
    return Plan(CommMode.FULL, header_size=0, plain_size=1)


def _may_change_key(card: PoweredCard, key_no: int) -> None:
    settings, holder = card.application.settings, card.session.key_no
    right = settings >> 4
    if key_no == MASTER_KEY_NO:
        require(holder == MASTER_KEY_NO, Status.AUTHENTICATION_ERROR)
        require(bool(settings & MASTER_KEY_CHANGEABLE), Status.PERMISSION_DENIED)
        return
    require(right != CHANGE_RIGHT_FROZEN, Status.PERMISSION_DENIED)
    if right == CHANGE_RIGHT_SAME_KEY:
        needed = key_no
    else:
        # The key that changes the others is itself changed with the master key.
        needed = MASTER_KEY_NO if right == key_no else right
    require(holder == needed, Status.AUTHENTICATION_ERROR)


def _key_target(card: PoweredCard, key_byte: int) -> tuple[int, KeyKind]:
    """Key number and kind. At card level bits 6 and 7 of the byte say the new kind."""
    if card.selected != MASTER_AID:
        card.application.key(key_byte)
        return key_byte, card.application.kind
    require(key_byte & 0x3F == MASTER_KEY_NO, Status.NO_SUCH_KEY)
    try:
        return MASTER_KEY_NO, KeyKind(key_byte & 0xC0)
    except ValueError:
        raise CardError(Status.PARAMETER_ERROR) from None


def plan_change_key(card: PoweredCard, payload: bytes) -> Plan:
    """Key number in the clear, then a cryptogram."""
    require(len(payload) > 1, Status.LENGTH_ERROR)
    require(card.session.key_no is not None, Status.AUTHENTICATION_ERROR)
    key_no, _ = _key_target(card, payload[0])
    _may_change_key(card, key_no)
    return Plan(CommMode.FULL, header_size=1)


def change_key(card: PoweredCard, payload: bytes) -> bytes:
    """C4: the new key, or the new one combined with the old one where another key is changed."""
    key_byte, cryptogram = payload[0], payload[1:]
    key_no, kind = _key_target(card, key_byte)
    combined = key_no != card.session.key_no
    key_data = cryptogram[: kind.key_size + (1 if kind is KeyKind.AES else 0)]
    value = key_data[: kind.key_size]
    require(len(value) == kind.key_size, Status.LENGTH_ERROR)
    if combined:
        value = exclusive_or(value, card.application.key(key_no).value)
    expected = key_data
    expected += card.session.key_checksum(bytes([INS_CHANGE_KEY, key_byte]), key_data)
    expected += card.session.new_key_checksum(value) if combined else b""
    padding = cryptogram[len(expected) :]
    require(cryptogram.startswith(expected), Status.INTEGRITY_ERROR)
    require(not any(padding), Status.INTEGRITY_ERROR)
    version = key_data[-1] if kind is KeyKind.AES else 0
    card.application.keys[key_no] = Key(kind, value, version)
    card.application.kind = kind
    card.changed = True
    if not combined:
        # The session was built on the key that is gone: the answer carries no MAC.
        card.drop_authentication()
    return b""


def create_application(card: PoweredCard, payload: bytes) -> bytes:
    """CA: AID, KeySettings1, KeySettings2, optionally ISO identifier and DF name."""
    require(5 <= len(payload) <= 5 + 2 + MAX_DF_NAME, Status.LENGTH_ERROR)
    card.require_level(master=True)
    card.require_key(MASTER_KEY_NO, unless=bool(card.picc.master.settings & FREE_CREATE))
    aid, settings, settings2, rest = payload[:3], payload[3], payload[4], payload[5:]
    require(len(rest) != 1, Status.LENGTH_ERROR)
    key_count = settings2 & 0x0F
    require(aid != MASTER_AID and 1 <= key_count <= MAX_KEYS, Status.PARAMETER_ERROR)
    require(settings2 & 0xC0 != 0xC0, Status.PARAMETER_ERROR)
    require(not settings2 & KEY_SETTINGS_3, Status.PARAMETER_ERROR)
    require(aid not in card.picc.applications, Status.DUPLICATE_ERROR)
    iso_fid, df_name = rest[:2], rest[2:]
    for other in card.picc.applications.values():
        require(not df_name or other.df_name != df_name, Status.DUPLICATE_ERROR)
    kind = KeyKind(settings2 & 0xC0)
    application = Application(
        aid,
        settings,
        kind,
        [Key.zeros(kind)] * key_count,
        bool(settings2 & ISO_IDENTIFIERS),
        df_name,
        iso_fid,
    )
    card.picc.allocate(application.memory_size)
    card.picc.applications[aid] = application
    card.changed = True
    return b""


def delete_application(card: PoweredCard, payload: bytes) -> bytes:
    """DA: with the card's master key, or with the application's own where creating is free."""
    aid = exactly(payload, 3)
    require(aid != MASTER_AID, Status.PERMISSION_DENIED)
    require(aid in card.picc.applications, Status.APPLICATION_NOT_FOUND)
    inside = card.selected == aid
    require(inside or card.selected == MASTER_AID, Status.PERMISSION_DENIED)
    card.require_key(MASTER_KEY_NO)
    free = bool(card.picc.master.settings & FREE_CREATE)
    require(free or not inside, Status.AUTHENTICATION_ERROR)
    if inside:
        card.select(MASTER_AID)
    del card.picc.applications[aid]
    card.changed = True
    return b""


def select_application(card: PoweredCard, payload: bytes) -> bytes:
    """5A: ends session and transaction."""
    card.select(exactly(payload, 3))
    return b""


def plan_select_application(card: PoweredCard, payload: bytes) -> Plan:
    """Never protected."""
    return Plan(CommMode.PLAIN)


def get_application_ids(card: PoweredCard, payload: bytes) -> bytes:
    """6A: three bytes each, in order of creation."""
    exactly(payload, 0)
    card.require_level(master=True)
    card.require_key(MASTER_KEY_NO, unless=bool(card.picc.master.settings & FREE_LISTING))
    return b"".join(aid for aid in card.picc.applications if aid != MASTER_AID)


def plan_get_card_uid(card: PoweredCard, payload: bytes) -> Plan:
    """No parameters; the answer is enciphered."""
    return Plan(CommMode.FULL, header_size=0, plain_size=0)


COMMANDS: Final[dict[int, Command]] = {
    0x45: Command(get_key_settings),
    0x51: Command(get_card_uid, plan_get_card_uid),
    0x54: Command(change_key_settings, plan_change_key_settings),
    0x5A: Command(select_application, plan_select_application),
    0x60: Command(get_version, answer_frames=(7, 7)),
    0x64: Command(get_key_version),
    0x6A: Command(get_application_ids),
    0x6E: Command(free_memory),
    INS_CHANGE_KEY: Command(change_key, plan_change_key, key_data=True),
    0xCA: Command(create_application),
    0xDA: Command(delete_application),
    0xFC: Command(format_picc),
}
