"""Application level commands: create, describe, read, write, count, commit.

Who may do what, by the four rights of a file: reading needs Read or Read&Write, writing Write or
Read&Write, GetValue and Debit any of the three, LimitedCredit Write or Read&Write, Credit and
ClearRecordFile Read&Write, ChangeFileSettings Change.
"""

from collections.abc import Callable
from typing import Final

from simulator.cards.administration import FREE_CREATE, FREE_LISTING
from simulator.cards.command import (
    MASTER_KEY_NO,
    Command,
    Plan,
    PoweredCard,
    exactly,
    signed,
    unsigned,
)
from simulator.cards.files import (
    FREE_ACCESS,
    BackupFile,
    CyclicRecordFile,
    File,
    LinearRecordFile,
    Rights,
    StandardFile,
    ValueFile,
    data_file,
    record_file,
    value_file,
)
from simulator.cards.messaging import CommMode, Traffic
from simulator.cards.picc import MAX_FILES
from simulator.cards.status import CardError, Status, require

SPAN_HEADER_SIZE: Final = 7
"""File number, offset (or record number), length (or count)."""
LIMITED_CREDIT_FLAG: Final = 0x01
FREE_GET_VALUE_FLAG: Final = 0x02
COMM_MODES: Final = {
    0: CommMode.PLAIN,
    1: CommMode.MAC,
    2: CommMode.PLAIN,
    3: CommMode.FULL,
}
"""Bit 1 without bit 0 is plain as well (MF3ICD40 functional specification)."""


def _head(card: PoweredCard, payload: bytes, own_size: int) -> tuple[int, CommMode, Rights, bytes]:
    """File number, mode, rights and the rest of a create command, checked."""
    card.require_level(master=False)
    application = card.application
    card.require_key(MASTER_KEY_NO, unless=bool(application.settings & FREE_CREATE))
    iso_size = 2 if application.iso_identifiers else 0
    exactly(payload, 1 + iso_size + 3 + own_size)
    file_no, rest = payload[0], payload[1 + iso_size :]
    require(file_no < MAX_FILES, Status.PARAMETER_ERROR)
    require(file_no not in application.files, Status.DUPLICATE_ERROR)
    mode, rights = _mode_and_rights(card, rest[:3])
    if iso_size:
        iso_fid = payload[1:3]
        require(iso_fid not in application.file_iso_fids.values(), Status.DUPLICATE_ERROR)
    return file_no, mode, rights, rest[3:]


def _mode_and_rights(card: PoweredCard, wire: bytes) -> tuple[CommMode, Rights]:
    require(wire[0] in COMM_MODES, Status.PARAMETER_ERROR)
    rights = Rights.decode(wire[1:3])
    key_count = len(card.application.keys)
    require(all(key_no < key_count for key_no in rights.key_numbers()), Status.PARAMETER_ERROR)
    return COMM_MODES[wire[0]], rights


def _add(card: PoweredCard, payload: bytes, file: File) -> bytes:
    card.picc.allocate(file.memory_size)
    application = card.application
    application.files[payload[0]] = file
    if application.iso_identifiers:
        application.file_iso_fids[payload[0]] = payload[1:3]
    card.changed = True
    return b""


def _create_data(kind: type[StandardFile]) -> Callable[[PoweredCard, bytes], bytes]:
    def create(card: PoweredCard, payload: bytes) -> bytes:
        _, mode, rights, own = _head(card, payload, 3)
        size = unsigned(own)
        require(size > 0, Status.PARAMETER_ERROR)
        file = kind(mode, rights)
        require(size <= card.picc.free_memory, Status.OUT_OF_MEMORY)
        file.contents = bytearray(size)
        return _add(card, payload, file)

    return create


def _create_records(
    kind: type[LinearRecordFile] | type[CyclicRecordFile], least: int
) -> Callable[[PoweredCard, bytes], bytes]:
    def create(card: PoweredCard, payload: bytes) -> bytes:
        _, mode, rights, own = _head(card, payload, 6)
        record_size, max_records = unsigned(own[:3]), unsigned(own[3:])
        require(record_size > 0 and max_records >= least, Status.PARAMETER_ERROR)
        return _add(card, payload, kind(mode, rights, record_size, max_records))

    return create


def create_value(card: PoweredCard, payload: bytes) -> bytes:
    """CC: limits, value, and flags for LimitedCredit and free GetValue."""
    _, mode, rights, own = _head(card, payload, 13)
    lower, upper, value = signed(own[:4]), signed(own[4:8]), signed(own[8:12])
    require(lower <= value <= upper, Status.PARAMETER_ERROR)
    require(own[12] & ~(LIMITED_CREDIT_FLAG | FREE_GET_VALUE_FLAG) == 0, Status.PARAMETER_ERROR)
    file = ValueFile(mode, rights, lower, upper, value)
    file.limited_credit_enabled = bool(own[12] & LIMITED_CREDIT_FLAG)
    file.free_get_value = bool(own[12] & FREE_GET_VALUE_FLAG)
    return _add(card, payload, file)


def delete_file(card: PoweredCard, payload: bytes) -> bytes:
    """DF: the number is free again, the memory is not."""
    file_no = exactly(payload, 1)[0]
    card.file(file_no)
    card.require_key(MASTER_KEY_NO, unless=bool(card.application.settings & FREE_CREATE))
    del card.application.files[file_no]
    card.application.file_iso_fids.pop(file_no, None)
    card.changed = True
    return b""


def get_file_ids(card: PoweredCard, payload: bytes) -> bytes:
    """6F: one byte each."""
    exactly(payload, 0)
    card.require_level(master=False)
    card.require_key(MASTER_KEY_NO, unless=bool(card.application.settings & FREE_LISTING))
    return bytes(card.application.files)


def get_file_settings(card: PoweredCard, payload: bytes) -> bytes:
    """F5: kind, mode, rights and what belongs to the kind."""
    file = card.file(exactly(payload, 1)[0])
    card.require_key(MASTER_KEY_NO, unless=bool(card.application.settings & FREE_LISTING))
    return file.settings()


def plan_change_file_settings(card: PoweredCard, payload: bytes) -> Plan:
    """Enciphered, except where the Change right is free: then plain."""
    require(len(payload) > 1, Status.LENGTH_ERROR)
    rights = card.file(payload[0]).rights
    require(rights.change != 0xF, Status.PERMISSION_DENIED)
    if rights.change == FREE_ACCESS:
        return Plan(CommMode.PLAIN, header_size=1, plain_size=3)
    require(card.session.key_no is not None, Status.AUTHENTICATION_ERROR)
    require(card.session.key_no == rights.change, Status.PERMISSION_DENIED)
    return Plan(CommMode.FULL, header_size=1, plain_size=3)


def change_file_settings(card: PoweredCard, payload: bytes) -> bytes:
    """5F: new mode and rights."""
    file = card.file(payload[0])
    file.mode, file.rights = _mode_and_rights(card, payload[1:4])
    card.changed = True
    return b""


def _span_header(payload: bytes) -> tuple[int, int, int]:
    require(len(payload) >= SPAN_HEADER_SIZE, Status.LENGTH_ERROR)
    return payload[0], unsigned(payload[1:4]), unsigned(payload[4:7])


def plan_read(card: PoweredCard, payload: bytes) -> Plan:
    """ReadData and ReadRecords: a header and no data."""
    file_no, _, _ = _span_header(payload)
    file = card.file(file_no)
    mode = card.grant(file, (file.rights.read, file.rights.read_write))
    return Plan(mode, SPAN_HEADER_SIZE, 0)


def plan_write(card: PoweredCard, payload: bytes) -> Plan:
    """WriteData and WriteRecord: a header and as much data as it says."""
    file_no, offset, length = _span_header(payload)
    file = card.file(file_no)
    mode = card.grant(file, (file.rights.write, file.rights.read_write))
    if isinstance(file, StandardFile):
        file.check_write(offset, length)
    else:
        record_file(file).check_write(offset, length)
    return Plan(mode, SPAN_HEADER_SIZE, length)


def read_data(card: PoweredCard, payload: bytes) -> bytes:
    """BD, AD: offset and length; a length of 0 reads to the end."""
    file_no, offset, length = _span_header(payload)
    return data_file(card.file(file_no)).read(offset, length)


def write_data(card: PoweredCard, payload: bytes) -> bytes:
    """3D, 8D: at once in a standard file, at the commit in a backup file."""
    file_no, offset, _ = _span_header(payload)
    file = data_file(card.file(file_no))
    file.write(offset, payload[SPAN_HEADER_SIZE:])
    card.changed = card.changed or not file.has_changes
    return b""


def read_records(card: PoweredCard, payload: bytes) -> bytes:
    """BB, AB: record 0 is the newest; several come oldest first; a count of 0 means all."""
    file_no, newest, count = _span_header(payload)
    return record_file(card.file(file_no)).read(newest, count)


def write_record(card: PoweredCard, payload: bytes) -> bytes:
    """3B, 8B: into the one new record of the transaction."""
    file_no, offset, _ = _span_header(payload)
    record_file(card.file(file_no)).write(offset, payload[SPAN_HEADER_SIZE:])
    return b""


def clear_record_file(card: PoweredCard, payload: bytes) -> bytes:
    """EB: at the commit."""
    file = record_file(card.file(exactly(payload, 1)[0]))
    card.grant(file, (file.rights.read_write,))
    file.clear()
    return b""


def plan_get_value(card: PoweredCard, payload: bytes) -> Plan:
    """A file number."""
    require(len(payload) >= 1, Status.LENGTH_ERROR)
    file = value_file(card.file(payload[0]))
    rights = (file.rights.read, file.rights.write, file.rights.read_write)
    return Plan(card.grant(file, rights, free=file.free_get_value), 1, 0)


def get_value(card: PoweredCard, payload: bytes) -> bytes:
    """6C: the committed value."""
    return value_file(card.file(payload[0])).value.to_bytes(4, "little", signed=True)


def _plan_move(names: tuple[str, ...]) -> Callable[[PoweredCard, bytes], Plan]:
    def plan(card: PoweredCard, payload: bytes) -> Plan:
        require(len(payload) > 1, Status.LENGTH_ERROR)
        file = value_file(card.file(payload[0]))
        rights = tuple(getattr(file.rights, name) for name in names)
        return Plan(card.grant(file, rights), 1, 4)

    return plan


def _move(apply: Callable[[ValueFile, int], None]) -> Callable[[PoweredCard, bytes], bytes]:
    def run(card: PoweredCard, payload: bytes) -> bytes:
        amount = signed(payload[1:5])
        require(amount >= 0, Status.PARAMETER_ERROR)
        apply(value_file(card.file(payload[0])), amount)
        return b""

    return run


def commit_transaction(card: PoweredCard, payload: bytes) -> bytes:
    """C7: all changed files of the application together, or NO_CHANGES."""
    require(payload in (b"", b"\x00", b"\x01"), Status.LENGTH_ERROR)
    # Option 01 asks for a transaction MAC, which needs a file that this card does not offer.
    require(payload != b"\x01", Status.PERMISSION_DENIED)
    card.require_level(master=False)
    _require_changes(card)
    for file in card.application.files.values():
        file.commit()
    card.changed = True
    return b""


def abort_transaction(card: PoweredCard, payload: bytes) -> bytes:
    """A7: as if nothing had been written since the last commit."""
    exactly(payload, 0)
    card.require_level(master=False)
    _require_changes(card)
    card.picc.abort_transaction()
    return b""


def _require_changes(card: PoweredCard) -> None:
    if not any(file.has_changes for file in card.application.files.values()):
        raise CardError(Status.NO_CHANGES)


READ: Final = Command(read_data, plan_read, Traffic.READ)
WRITE: Final = Command(write_data, plan_write, Traffic.WRITE, takes_frames=True)
READ_RECORDS: Final = Command(read_records, plan_read, Traffic.READ)
WRITE_RECORD: Final = Command(write_record, plan_write, Traffic.WRITE, takes_frames=True)
ANY_RIGHT: Final = ("read", "write", "read_write")

COMMANDS: Final[dict[int, Command]] = {
    0x0C: Command(_move(ValueFile.credit), _plan_move(("read_write",)), Traffic.WRITE),
    0x1C: Command(
        _move(ValueFile.credit_limited), _plan_move(("write", "read_write")), Traffic.WRITE
    ),
    0x3B: WRITE_RECORD,
    0x3D: WRITE,
    0x5F: Command(change_file_settings, plan_change_file_settings),
    0x6C: Command(get_value, plan_get_value, Traffic.READ),
    0x6F: Command(get_file_ids),
    0x8B: WRITE_RECORD,
    0x8D: WRITE,
    0xA7: Command(abort_transaction),
    0xAB: READ_RECORDS,
    0xAD: READ,
    0xBB: READ_RECORDS,
    0xBD: READ,
    0xC0: Command(_create_records(CyclicRecordFile, least=2)),
    0xC1: Command(_create_records(LinearRecordFile, least=1)),
    0xC7: Command(commit_transaction),
    0xCB: Command(_create_data(BackupFile)),
    0xCC: Command(create_value),
    0xCD: Command(_create_data(StandardFile)),
    0xDC: Command(_move(ValueFile.debit), _plan_move(ANY_RIGHT), Traffic.WRITE),
    0xDF: Command(delete_file),
    0xEB: Command(clear_record_file),
    0xF5: Command(get_file_settings),
}
