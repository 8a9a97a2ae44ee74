"""The cloud's signing key and the device's public key, as files of hexadecimal digits."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from daemon.core.errors import KeyMissing
from daemon.sync.envelope import SeedKey

KEY_BYTES: Final = 32
MAX_FILE_BYTES: Final = 1024


def generate(path: Path) -> SeedKey:
    """Writes a new seed to `path` (mode 0600) and its public key beside it with `.pub`.

    Raises KeyMissing("key_file_exists" | "key_file_unwritable"); never touches a key that is there.
    """
    seed = os.urandom(KEY_BYTES)
    key = SeedKey(seed)
    try:
        write(path, seed.hex(), 0o600)
        write(public_file(path), key.public_key.hex(), 0o644)
    except FileExistsError as error:
        raise KeyMissing("key_file_exists", file=str(path)) from error
    except OSError as error:
        raise KeyMissing("key_file_unwritable", file=str(path), reason=error.strerror) from error
    return key


def public_file(path: Path) -> Path:
    return path.with_name(path.name + ".pub")


def load(path: Path) -> SeedKey:
    """Raises KeyMissing, also where others could read the file."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise KeyMissing("key_file_unreadable", file=str(path), reason=error.strerror) from error
    if mode & 0o077:
        raise KeyMissing("key_file_too_open", file=str(path), mode=f"{mode:04o}")
    return SeedKey(_key(text, str(path)))


def public_key(text: str) -> bytes:
    """A device's public key from 64 hexadecimal digits, or from the file that holds them.

    Raises KeyMissing("key_file_unreadable" | "key_file_malformed")."""
    digits = text.strip()
    if len(digits) == 2 * KEY_BYTES and not Path(text).exists():
        return _key(digits.encode("utf-8"), "--device-key")
    try:
        with Path(text).open("rb") as file:
            content = file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise KeyMissing("key_file_unreadable", file=text, reason=error.strerror) from error
    return _key(content, text)


def _key(text: bytes, name: str) -> bytes:
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        # Not chained: the cause would carry the file's content into a traceback.
        raise KeyMissing("key_file_malformed", file=name) from None
    if len(key) != KEY_BYTES:
        raise KeyMissing("key_file_malformed", file=name, length=len(key))
    return key


def write(path: Path, digits: str, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as opened:
        opened.write(digits.encode("ascii") + b"\n")
        opened.flush()
        os.fsync(opened.fileno())
