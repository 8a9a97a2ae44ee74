"""What a DESFire chip keeps without power: identity, applications, keys, files."""

from dataclasses import dataclass, field
from typing import Any, Final, Self

from simulator.cards.files import File, file_from_json
from simulator.cards.keys import Key, KeyKind
from simulator.cards.status import CardError, Status, require

MASTER_AID: Final = bytes(3)
DELIVERED_SETTINGS: Final = 0x0F
"""Master key changeable, free listing, free create, settings changeable."""
MAX_KEYS: Final = 14
MAX_FILES: Final = 32
ISO_IDENTIFIERS: Final = 0x20
"""KeySettings2 bit 5: files of the application have ISO file identifiers."""
MEMORY_SIZE: Final = 5120
"""Bytes that a delivered 4K chip of EV2 and later offers."""
APPLICATION_OVERHEAD: Final = 64
"""Bytes of directory an application takes here; chips differ and do not say."""
ISO_14443_4: Final = 0x05
STORAGE_8K: Final = 0x1A
STORAGE_4K: Final = 0x18


@dataclass(frozen=True)
class Generation:
    """What GetVersion says of a chip, and whether it speaks EV2 commands."""

    hardware: bytes
    software: bytes
    storage: int
    speaks_ev2: bool = True


GENERATIONS: Final = {
    "ev1": Generation(b"\x01\x00", b"\x01\x04", STORAGE_8K, speaks_ev2=False),
    "ev2": Generation(b"\x12\x00", b"\x02\x00", STORAGE_4K),
    "ev3": Generation(b"\x33\x00", b"\x03\x00", STORAGE_4K),
}


@dataclass
class Application:
    """One application, or with AID 000000 the card itself."""

    aid: bytes
    settings: int
    kind: KeyKind
    keys: list[Key]
    iso_identifiers: bool = False
    df_name: bytes = b""
    iso_fid: bytes = b""
    files: dict[int, File] = field(default_factory=dict)
    file_iso_fids: dict[int, bytes] = field(default_factory=dict)

    @property
    def settings2(self) -> int:
        """Second byte of GetKeySettings: kind of keys, ISO flag, number of keys."""
        return self.kind.value | (ISO_IDENTIFIERS if self.iso_identifiers else 0) | len(self.keys)

    @property
    def memory_size(self) -> int:
        """Bytes taken by the application without its files."""
        keys_size = self.kind.key_size * len(self.keys)
        return APPLICATION_OVERHEAD + -(-keys_size // 32) * 32

    def key(self, key_no: int) -> Key:
        """Raises CardError NO_SUCH_KEY."""
        require(0 <= key_no < len(self.keys), Status.NO_SUCH_KEY)
        return self.keys[key_no]

    def file(self, file_no: int) -> File:
        """Raises CardError FILE_NOT_FOUND."""
        try:
            return self.files[file_no]
        except KeyError:
            raise CardError(Status.FILE_NOT_FOUND) from None

    def to_json(self) -> dict[str, Any]:
        """For the card's state file."""
        return {
            "aid": self.aid.hex(),
            "settings": self.settings,
            "kind": self.kind.name,
            "keys": [key.to_json() for key in self.keys],
            "iso_identifiers": self.iso_identifiers,
            "df_name": self.df_name.hex(),
            "iso_fid": self.iso_fid.hex(),
            "files": {str(number): file.to_json() for number, file in self.files.items()},
            "file_iso_fids": {str(n): fid.hex() for n, fid in self.file_iso_fids.items()},
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(
            aid=bytes.fromhex(stored["aid"]),
            settings=stored["settings"],
            kind=KeyKind[stored["kind"]],
            keys=[Key.from_json(key) for key in stored["keys"]],
            iso_identifiers=stored["iso_identifiers"],
            df_name=bytes.fromhex(stored["df_name"]),
            iso_fid=bytes.fromhex(stored["iso_fid"]),
            files={int(n): file_from_json(file) for n, file in stored["files"].items()},
            file_iso_fids={int(n): bytes.fromhex(f) for n, f in stored["file_iso_fids"].items()},
        )


@dataclass
class Picc:
    """The non-volatile memory of one chip."""

    uid: bytes
    applications: dict[bytes, Application]
    generation: str = "ev3"
    batch: bytes = bytes.fromhex("ba0a1b2c30")
    production: bytes = bytes.fromhex("0824")
    """Week and year of production, BCD."""
    memory_used: int = 0

    def __post_init__(self) -> None:
        assert len(self.uid) == 7
        assert self.generation in GENERATIONS
        assert MASTER_AID in self.applications

    @classmethod
    def delivered(cls, uid: bytes, generation: str = "ev3") -> Self:
        """As it comes from the factory: master key DES, all zeros, settings 0F."""
        master = Application(MASTER_AID, DELIVERED_SETTINGS, KeyKind.DES, [Key.zeros(KeyKind.DES)])
        return cls(uid, {MASTER_AID: master}, generation)

    @property
    def master(self) -> Application:
        """The card level: its one key and its settings."""
        return self.applications[MASTER_AID]

    def version_frames(self) -> tuple[bytes, bytes, bytes]:
        """Hardware, software and production part of GetVersion: 7, 7 and 14 bytes."""
        chip = self.features
        hardware, software = (
            b"\x04\x01\x01" + version + bytes([chip.storage, ISO_14443_4])
            for version in (chip.hardware, chip.software)
        )
        return hardware, software, self.uid + self.batch + self.production

    @property
    def features(self) -> Generation:
        """What the chip can do."""
        return GENERATIONS[self.generation]

    @property
    def free_memory(self) -> int:
        """Bytes left for applications and files."""
        return MEMORY_SIZE - self.memory_used

    def allocate(self, size: int) -> None:
        """Take memory; only FormatPICC gives it back. Raises CardError OUT_OF_MEMORY."""
        require(size <= self.free_memory, Status.OUT_OF_MEMORY)
        self.memory_used += size

    def format(self) -> None:
        """Forget every application; the master key and its settings stay."""
        self.applications = {MASTER_AID: self.master}
        self.memory_used = 0

    def abort_transaction(self) -> None:
        """Forget pending changes of every file."""
        for application in self.applications.values():
            for file in application.files.values():
                file.abort()

    def to_json(self) -> dict[str, Any]:
        """Committed state only."""
        return {
            "uid": self.uid.hex(),
            "generation": self.generation,
            "batch": self.batch.hex(),
            "production": self.production.hex(),
            "memory_used": self.memory_used,
            "applications": [app.to_json() for app in self.applications.values()],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        applications = [Application.from_json(app) for app in stored["applications"]]
        return cls(
            uid=bytes.fromhex(stored["uid"]),
            applications={application.aid: application for application in applications},
            generation=stored["generation"],
            batch=bytes.fromhex(stored["batch"]),
            production=bytes.fromhex(stored["production"]),
            memory_used=stored["memory_used"],
        )
