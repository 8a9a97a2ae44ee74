"""`counterd init --config FILE`: makes what a fresh appliance lacks and changes nothing else.

Keys, the TLS identity and the ledger. Prints the device's public key, which the cloud pins."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import logging
import socket
from pathlib import Path

from daemon.config import Settings, load
from daemon.core.errors import KeyMissing, LedgerBusy
from daemon.keys.files import find_keys, generate
from daemon.ledger.store import SqlLedger
from daemon.sync.tls import make_identity
from daemon.system.clock import SystemClock

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the identity as JSON")


def carry_out(arguments: argparse.Namespace) -> int:
    """Exit code 0; running it again changes nothing."""
    settings = load(arguments.config)
    identity = make(settings)
    if arguments.json:
        print(json.dumps(identity))
    else:
        for name, value in identity.items():
            print(f"{name}: {value}")
    return 0


def make(settings: Settings) -> dict[str, str]:
    """Returns the device's public identity. Raises KeyMissing, LedgerError."""
    if settings.storage.keys is not None and not _has_keys(settings.storage.keys):
        generate(settings.storage.keys)
    keys = find_keys(settings.storage.keys)
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    if settings.sync.host not in names and settings.sync.host not in ("0.0.0.0", "::"):  # noqa: S104
        names.append(settings.sync.host)
    now = datetime.datetime.now(datetime.UTC)
    files = make_identity(settings.sync.identity, names, settings.device.id, now)
    settings.storage.ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(_touch_ledger(settings))
    except LedgerBusy:
        # The daemon is running, so the ledger is there; the identity is printed all the same.
        log.info("the ledger is in use: left as it is")
    return {
        "device": settings.device.id,
        "device_key": keys.signer().public_key.hex(),
        "ca": str(files.ca),
        "client": str(files.client),
        "client_key": str(files.client_key),
    }


def _has_keys(folder: Path) -> bool:
    try:
        find_keys(folder).ledger_key()
    except KeyMissing as error:
        if error.key in ("key_file_missing", "key_folder_missing"):
            return False
        raise
    return True


async def _touch_ledger(settings: Settings) -> None:
    keys = find_keys(settings.storage.keys)
    ledger = await SqlLedger.open(
        settings.storage.ledger,
        keys.ledger_key(),
        keys.signer(),
        SystemClock(),
        device=settings.device.id,
    )
    await ledger.close()
