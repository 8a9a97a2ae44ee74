"""The five kinds of DESFire file and what a transaction does to each.

Standard files change at once. Backup, value and record files keep changes apart until
CommitTransaction; `abort` forgets them, as does a loss of the field. Boundaries raise CardError
with BOUNDARY_ERROR. Committed contents go to the card's state file, pending ones never do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from simulator.cards.messaging import CommMode
from simulator.cards.status import CardError, Status, require

FREE_ACCESS: Final = 0xE
NO_ACCESS: Final = 0xF
INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1


@dataclass(frozen=True)
class Rights:
    """Four key numbers (0 to D), or E free, or F never."""

    read: int
    write: int
    read_write: int
    change: int

    @classmethod
    def decode(cls, wire: bytes) -> "Rights":
        """Two bytes as sent: RW and Change in the first, Read and Write in the second."""
        return cls(wire[1] >> 4, wire[1] & 0xF, wire[0] >> 4, wire[0] & 0xF)

    def encode(self) -> bytes:
        """The inverse of `decode`."""
        return bytes([self.read_write << 4 | self.change, self.read << 4 | self.write])

    def key_numbers(self) -> set[int]:
        """The key numbers that are named."""
        named = {self.read, self.write, self.read_write, self.change}
        return {right for right in named if right < FREE_ACCESS}


@dataclass
class File(ABC):
    """What every kind of file has."""

    type_code: ClassVar[int]
    mode: CommMode
    rights: Rights

    def settings(self) -> bytes:
        """The answer to GetFileSettings."""
        head = bytes([self.type_code, self.mode]) + self.rights.encode()
        return head + self._own_settings()

    @property
    @abstractmethod
    def memory_size(self) -> int:
        """Bytes of non-volatile memory the contents take (blocks of 32)."""

    @abstractmethod
    def _own_settings(self) -> bytes: ...

    @property
    @abstractmethod
    def has_changes(self) -> bool:
        """Whether a transaction is open on this file."""

    @abstractmethod
    def commit(self) -> None:
        """Make pending changes the contents."""

    @abstractmethod
    def abort(self) -> None:
        """Forget pending changes."""

    @abstractmethod
    def _contents(self) -> dict[str, Any]: ...

    def to_json(self) -> dict[str, Any]:
        """Committed state only."""
        head = {
            "type": self.type_code,
            "mode": self.mode.value,
            "rights": self.rights.encode().hex(),
        }
        return head | self._contents()


def _blocks(size: int) -> int:
    return -(-size // 32) * 32


def _span(offset: int, length: int, size: int) -> tuple[int, int]:
    """Start and end of a read; a length of 0 means to the end."""
    require(offset < size, Status.BOUNDARY_ERROR)
    end = offset + length if length else size
    require(end <= size, Status.BOUNDARY_ERROR)
    return offset, end


@dataclass
class StandardFile(File):
    """Plain data without backup: a torn write may leave it half written."""

    type_code: ClassVar[int] = 0x00
    contents: bytearray = field(default_factory=bytearray)

    def read(self, offset: int, length: int) -> bytes:
        """`length` 0 reads to the end."""
        start, end = _span(offset, length, len(self.contents))
        return bytes(self.contents[start:end])

    def check_write(self, offset: int, length: int) -> None:
        """Raises CardError BOUNDARY_ERROR where the span does not fit."""
        require(length > 0, Status.LENGTH_ERROR)
        require(offset + length <= len(self.contents), Status.BOUNDARY_ERROR)

    def write(self, offset: int, patch: bytes) -> None:
        """Change the contents at once."""
        self.check_write(offset, len(patch))
        self.contents[offset : offset + len(patch)] = patch

    @property
    def memory_size(self) -> int:
        return _blocks(len(self.contents))

    def _own_settings(self) -> bytes:
        return len(self.contents).to_bytes(3, "little")

    @property
    def has_changes(self) -> bool:
        return False

    def commit(self) -> None:
        assert not self.has_changes

    def abort(self) -> None:
        assert not self.has_changes

    def _contents(self) -> dict[str, Any]:
        return {"contents": self.contents.hex()}


@dataclass
class BackupFile(StandardFile):
    """Plain data with a mirror: reads see the committed contents until the commit."""

    type_code: ClassVar[int] = 0x01
    _mirror: bytearray | None = None

    def write(self, offset: int, patch: bytes) -> None:
        self.check_write(offset, len(patch))
        if self._mirror is None:
            self._mirror = bytearray(self.contents)
        self._mirror[offset : offset + len(patch)] = patch

    @property
    def memory_size(self) -> int:
        return 2 * _blocks(len(self.contents))

    @property
    def has_changes(self) -> bool:
        return self._mirror is not None

    def commit(self) -> None:
        if self._mirror is not None:
            self.contents, self._mirror = self._mirror, None

    def abort(self) -> None:
        self._mirror = None


@dataclass
class ValueFile(File):
    """A signed 32-bit value between two limits."""

    type_code: ClassVar[int] = 0x02
    lower_limit: int = 0
    upper_limit: int = 0
    value: int = 0
    limited_credit: int = 0
    limited_credit_enabled: bool = False
    free_get_value: bool = False
    _pending: int | None = None
    _debited: int = 0
    _limited_used: bool = False

    def debit(self, amount: int) -> None:
        """Raises CardError BOUNDARY_ERROR below the lower limit."""
        self._move(-amount)
        self._debited += amount

    def credit(self, amount: int) -> None:
        """Raises CardError BOUNDARY_ERROR above the upper limit."""
        self._move(amount)

    def credit_limited(self, amount: int) -> None:
        """Once, up to what the last transaction with a debit debited."""
        require(self.limited_credit_enabled, Status.PERMISSION_DENIED)
        require(not self._limited_used, Status.BOUNDARY_ERROR)
        require(amount <= self.limited_credit, Status.BOUNDARY_ERROR)
        self._move(amount)
        self._limited_used = True

    def _move(self, difference: int) -> None:
        target = (self.value if self._pending is None else self._pending) + difference
        require(self.lower_limit <= target <= self.upper_limit, Status.BOUNDARY_ERROR)
        self._pending = target

    @property
    def memory_size(self) -> int:
        return 32

    def _own_settings(self) -> bytes:
        numbers = (self.lower_limit, self.upper_limit, self.limited_credit)
        flags = int(self.limited_credit_enabled) | int(self.free_get_value) << 1
        return b"".join(n.to_bytes(4, "little", signed=True) for n in numbers) + bytes([flags])

    @property
    def has_changes(self) -> bool:
        return self._pending is not None

    def commit(self) -> None:
        if self._pending is not None:
            self.value = self._pending
            if self._debited:
                self.limited_credit = self._debited
            elif self._limited_used:
                self.limited_credit = 0
        self.abort()

    def abort(self) -> None:
        self._pending, self._debited, self._limited_used = None, 0, False

    def _contents(self) -> dict[str, Any]:
        names = ("lower_limit", "upper_limit", "value", "limited_credit")
        flags = ("limited_credit_enabled", "free_get_value")
        return {name: getattr(self, name) for name in names + flags}


@dataclass
class RecordFile(File):
    """Records of one size, oldest first. A transaction adds at most one, or clears the file."""

    record_size: int = 0
    max_records: int = 0
    records: list[bytes] = field(default_factory=list)
    _new_record: bytearray | None = None
    _cleared: bool = False

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Records that can be read at once."""

    @property
    @abstractmethod
    def wraps(self) -> bool:
        """Whether a full file drops its oldest record."""

    def read(self, newest: int, count: int) -> bytes:
        """`count` records ending `newest` before the newest one; 0 means from the oldest on."""
        stop = len(self.records) - newest
        require(stop > 0 and count <= stop, Status.BOUNDARY_ERROR)
        return b"".join(self.records[stop - count if count else 0 : stop])

    def check_write(self, offset: int, length: int) -> None:
        """Raises CardError where the record or the file has no room for the span."""
        require(length > 0, Status.LENGTH_ERROR)
        require(offset + length <= self.record_size, Status.BOUNDARY_ERROR)
        require(not self._cleared, Status.PERMISSION_DENIED)
        require(self.wraps or len(self.records) < self.capacity, Status.BOUNDARY_ERROR)

    def write(self, offset: int, patch: bytes) -> None:
        """Fill the transaction's one new record; what is not written stays zero."""
        self.check_write(offset, len(patch))
        if self._new_record is None:
            self._new_record = bytearray(self.record_size)
        self._new_record[offset : offset + len(patch)] = patch

    def clear(self) -> None:
        """Empty the file at the commit."""
        self._cleared, self._new_record = True, None

    @property
    def memory_size(self) -> int:
        return _blocks(self.record_size * self.max_records)

    def _own_settings(self) -> bytes:
        numbers = (self.record_size, self.max_records, len(self.records))
        return b"".join(number.to_bytes(3, "little") for number in numbers)

    @property
    def has_changes(self) -> bool:
        return self._cleared or self._new_record is not None

    def commit(self) -> None:
        if self._cleared:
            self.records = []
        elif self._new_record is not None:
            self.records = [*self.records, bytes(self._new_record)][-self.capacity :]
        self.abort()

    def abort(self) -> None:
        self._cleared, self._new_record = False, None

    def _contents(self) -> dict[str, Any]:
        return {
            "record_size": self.record_size,
            "max_records": self.max_records,
            "records": [record.hex() for record in self.records],
        }


@dataclass
class LinearRecordFile(RecordFile):
    """Full is full, until it is cleared."""

    type_code: ClassVar[int] = 0x03

    @property
    def capacity(self) -> int:
        return self.max_records

    @property
    def wraps(self) -> bool:
        return False


@dataclass
class CyclicRecordFile(RecordFile):
    """The newest records; one of `max_records` is the room of the running transaction."""

    type_code: ClassVar[int] = 0x04

    @property
    def capacity(self) -> int:
        return self.max_records - 1

    @property
    def wraps(self) -> bool:
        return True


def _load_data(stored: dict[str, Any]) -> dict[str, Any]:
    return {"contents": bytearray.fromhex(stored["contents"])}


def _load_value(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in stored if name not in ("type", "mode", "rights")}


def _load_records(stored: dict[str, Any]) -> dict[str, Any]:
    own = _load_value(stored)
    return own | {"records": [bytes.fromhex(record) for record in stored["records"]]}


_LOADERS: Final[dict[int, tuple[type[File], Callable[[dict[str, Any]], dict[str, Any]]]]] = {
    StandardFile.type_code: (StandardFile, _load_data),
    BackupFile.type_code: (BackupFile, _load_data),
    ValueFile.type_code: (ValueFile, _load_value),
    LinearRecordFile.type_code: (LinearRecordFile, _load_records),
    CyclicRecordFile.type_code: (CyclicRecordFile, _load_records),
}


def file_from_json(stored: dict[str, Any]) -> File:
    """The inverse of `File.to_json`."""
    kind, load = _LOADERS[stored["type"]]
    rights = Rights.decode(bytes.fromhex(stored["rights"]))
    return kind(CommMode(stored["mode"]), rights, **load(stored))


def data_file(file: File) -> StandardFile:
    """`file` where ReadData and WriteData apply; raises CardError PERMISSION_DENIED elsewhere."""
    if isinstance(file, StandardFile):
        return file
    raise CardError(Status.PERMISSION_DENIED)


def value_file(file: File) -> ValueFile:
    """`file` where the value commands apply; raises CardError PERMISSION_DENIED elsewhere."""
    if isinstance(file, ValueFile):
        return file
    raise CardError(Status.PERMISSION_DENIED)


def record_file(file: File) -> RecordFile:
    """`file` where the record commands apply; raises CardError PERMISSION_DENIED elsewhere."""
    if isinstance(file, RecordFile):
        return file
    raise CardError(Status.PERMISSION_DENIED)
