"""One daemon a ledger: a lock file beside it, whose lock dies with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.core.errors import LedgerBusy, LedgerError, LedgerFull


def lock_path(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".lock")


def lock(ledger: Path) -> int:
    """Takes the lock until the returned descriptor is closed.

    Raises LedgerBusy("ledger_in_use"), or LedgerError where the folder cannot be written."""
    try:
        descriptor = os.open(lock_path(ledger), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise disk_error(error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LedgerBusy("ledger_in_use") from error
    return descriptor


@contextmanager
def at_rest(ledger: Path) -> Iterator[bool]:
    """Whether no daemon has the ledger; none takes it inside the block then."""
    try:
        descriptor = os.open(lock_path(ledger), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        # A copy that was taken away from its folder: nobody else uses that.
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        rests = True
    except BlockingIOError:
        rests = False
    try:
        yield rests
    finally:
        os.close(descriptor)


def disk_error(error: OSError) -> LedgerError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LedgerFull("ledger_full")
    if error.errno == errno.EROFS:
        return LedgerError("ledger_read_only")
    if error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR):
        return LedgerError("ledger_not_accessible", errno=error.errno)
    return LedgerError("ledger_failed", errno=error.errno)
