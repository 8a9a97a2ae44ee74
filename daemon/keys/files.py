"""Keys out of a folder: systemd's `$CREDENTIALS_DIRECTORY`, or a folder of our own with 0600 files.

    ledger-key            32 bytes        the ledger's encryption key
    signing-key           32 bytes        seed of the device's Ed25519 key
    member-key            32 bytes        in a chain: the merchant's, for personal data on its way
    card-PURPOSE-VERSION  16 bytes        master of one purpose (picc, application, spend, load) and
                                          version (1 to 255); the highest version is the current one
    purse-PURPOSE-INDEX   16 bytes        master of electronic purses: purchase, load, tac or
                                          maintenance; the index of that key on cards (0 to 255)

Each file is hexadecimal digits and a line end. A till that may only spend simply has no other card
files. A file that others could read is refused: a key that may have leaked must not be used as if
it had not.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from daemon.core.errors import KeyMissing
from daemon.keys.an10922 import diversify
from daemon.ports.keys import CardKeyPurpose

CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
LEDGER_KEY = "ledger-key"
SIGNING_KEY = "signing-key"
MEMBER_KEY = "member-key"
LEDGER_KEY_BYTES = 32
SIGNING_KEY_BYTES = 32
MEMBER_KEY_BYTES = 32
CARD_KEY_BYTES = 16
MAX_FILE_BYTES = 1024
"""No key file is longer; what is longer is not read into memory."""

_CARD_FILE = re.compile(r"card-(picc|application|spend|load)-([1-9][0-9]{0,2})\Z")
_PURSE_FILE = re.compile(r"purse-(purchase|load|tac|maintenance)-(0|[1-9][0-9]{0,2})\Z")


class KeyFolder:
    """A folder of keys. Nothing is read before it is asked for."""

    __slots__ = ("_by_systemd", "path")

    def __init__(self, path: Path, *, by_systemd: bool = False) -> None:
        self.path = path
        self._by_systemd = by_systemd

    def ledger_key(self) -> bytes:
        """32 bytes. Raises KeyMissing."""
        return self._read(LEDGER_KEY, LEDGER_KEY_BYTES)

    def member_key(self) -> bytes:
        """32 bytes, the same on every device of the merchant. Raises KeyMissing."""
        return self._read(MEMBER_KEY, MEMBER_KEY_BYTES)

    def keep_member_key(self, key: bytes) -> None:
        """Raises KeyMissing("key_file_exists") where there is another one."""
        assert len(key) == MEMBER_KEY_BYTES
        if (self.path / MEMBER_KEY).exists():
            if self.member_key() != key:
                raise KeyMissing("key_file_exists", file=MEMBER_KEY)
            return
        _write(self.path / MEMBER_KEY, key)
        _sync(self.path)

    def signer(self) -> SigningKey:
        """Raises KeyMissing."""
        return SigningKey(self._read(SIGNING_KEY, SIGNING_KEY_BYTES))

    def card_keys(self) -> CardMasters:
        """Every card master in the folder; it may hold none. Raises KeyMissing."""
        return CardMasters(
            {
                (CardKeyPurpose(purpose), version): self._read(name, CARD_KEY_BYTES)
                for name, purpose, version in self._numbered(_CARD_FILE)
            }
        )

    def purse_masters(self, purpose: str) -> dict[int, bytes]:
        """By key index, for one of the stores in `daemon.keys.purse`; only that purpose's files
        are read. Raises KeyMissing."""
        return {
            index: self._read(name, CARD_KEY_BYTES)
            for name, found, index in self._numbered(_PURSE_FILE)
            if found == purpose
        }

    def _numbered(self, form: re.Pattern[str]) -> list[tuple[str, str, int]]:
        """Name, purpose and number (at most 255) of every file of a form."""
        try:
            names = sorted(os.listdir(self.path))
        except OSError as error:
            raise KeyMissing("key_folder_missing", reason=error.strerror) from error
        matches = (form.match(name) for name in names)
        return [(m[0], m[1], int(m[2])) for m in matches if m is not None and int(m[2]) <= 255]

    def _read(self, name: str, length: int) -> bytes:
        try:
            # O_NOFOLLOW: a link could point to a file whose mode says nothing about who wrote it.
            # (systemd's credentials are plain files.)
            descriptor = os.open(self.path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise KeyMissing("key_file_missing", file=name) from error
        except OSError as error:
            raise KeyMissing("key_file_unreadable", file=name, reason=error.strerror) from error
        try:
            self._check_mode(name, os.fstat(descriptor))
            text = os.read(descriptor, MAX_FILE_BYTES)
        finally:
            os.close(descriptor)
        try:
            key = bytes.fromhex(text.decode("ascii").strip())
        except ValueError:
            # Not chained: the cause would carry the file's content into a traceback.
            raise KeyMissing("key_file_malformed", file=name) from None
        if len(key) != length:
            raise KeyMissing("key_file_malformed", file=name, length=len(key))
        return key

    def _check_mode(self, name: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise KeyMissing("key_file_malformed", file=name)
        refused = 0o077
        if self._by_systemd and status.st_uid == 0:
            # systemd gives the service's user access by an ACL; its mask shows as the group's read
            # bit although the group may not read.
            refused = 0o037
        if status.st_mode & refused:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise KeyMissing("key_file_too_open", file=name, mode=mode)


class CardMasters:
    """`daemon.ports.keys.CardKeys` over masters in memory."""

    __slots__ = ("_masters",)

    def __init__(self, masters: Mapping[tuple[CardKeyPurpose, int], bytes]) -> None:
        assert all(len(master) == CARD_KEY_BYTES for master in masters.values())
        assert all(1 <= version <= 255 for _, version in masters)
        self._masters = dict(masters)

    def __repr__(self) -> str:
        held = ", ".join(f"{purpose.value} {version}" for purpose, version in self._masters)
        return f"<CardMasters {held or 'none'}>"

    def current_version(self, purpose: CardKeyPurpose) -> int:
        versions = [version for held, version in self._masters if held is purpose]
        if not versions:
            raise KeyMissing("card_key_missing", purpose=purpose.value)
        return max(versions)

    def derive(self, purpose: CardKeyPurpose, version: int, diversifier: bytes) -> bytes:
        master = self._masters.get((purpose, version))
        if master is None:
            raise KeyMissing("card_key_missing", purpose=purpose.value, version=version)
        return diversify(master, diversifier)


class SigningKey:
    """`daemon.ports.keys.Signer`: Ed25519 from a 32-byte seed."""

    __slots__ = ("_private", "_public")

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def __repr__(self) -> str:
        return f"<SigningKey {self.key_id.hex()}>"

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self._public).digest()[:8]

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def find_keys(folder: Path | None, environment: Mapping[str, str] = os.environ) -> KeyFolder:
    """`folder` where the settings name one, else systemd's. Raises KeyMissing."""
    if folder is not None:
        return KeyFolder(folder)
    given = environment.get(CREDENTIALS_VARIABLE)
    if not given:
        raise KeyMissing("key_folder_missing")
    return KeyFolder(Path(given), by_systemd=True)


def generate(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> KeyFolder:
    """A complete fresh set, for set-up and demonstration: every purpose, version 1.

    Never touches a key that is there: raises KeyMissing("key_file_exists") before writing any."""
    lengths = {LEDGER_KEY: LEDGER_KEY_BYTES, SIGNING_KEY: SIGNING_KEY_BYTES}
    lengths |= {f"card-{purpose.value}-1": CARD_KEY_BYTES for purpose in CardKeyPurpose}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in lengths:
        if (folder / name).exists():
            raise KeyMissing("key_file_exists", file=name)
    for name, length in lengths.items():
        _write(folder / name, entropy(length))
    _sync(folder)
    return KeyFolder(folder)


def _write(path: Path, key: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as opened:
        opened.write(key.hex().encode("ascii") + b"\n")
        opened.flush()
        os.fsync(opened.fileno())


def _sync(folder: Path) -> None:
    """Makes the names durable too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
