"""`counterd enrol --config FILE --cloud URL --code-file F`: makes this device one of a chain.

The code is read from a file and not from the command line, where everybody on the machine could
read it. The merchant's member key is the same on every device: the first one makes it
(`--new-member-key`), it is carried to the others by hand, never by the cloud."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from daemon.config import Settings, load
from daemon.core.errors import KeyMissing, Refused
from daemon.keys.files import MEMBER_KEY_BYTES, KeyFolder, find_keys
from daemon.sync.link.enrol import Enrolled, Files, cloud_context, enrol, keep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cloud", metavar="URL", help="default: [chain] url")
    parser.add_argument("--code-file", type=Path, required=True, metavar="FILE")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the cloud's authority, PEM")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--member-key-file", type=Path, metavar="FILE")
    group.add_argument("--new-member-key", action="store_true")


def carry_out(arguments: argparse.Namespace) -> int:
    """Exit code 0 once the certificate is kept. Raises KeyMissing, SyncError, Refused."""
    settings = load(arguments.config)
    keys = find_keys(settings.storage.keys)
    _take_member_key(keys, arguments.member_key_file, arguments.new_member_key)
    url = arguments.cloud or settings.chain.url
    if not url:
        raise Refused("cloud_url_missing")
    code = arguments.code_file.read_text("utf-8").strip()
    context = cloud_context(arguments.ca) if url.startswith("https://") else None
    enrolled = asyncio.run(enrol(url, context, settings.device.id, code, keys.signer()))
    _require_same(settings, enrolled)
    keep(enrolled, files_of(settings), arguments.ca)
    print(f"device: {settings.device.id}")
    print(f"store: {enrolled.store}")
    print(f"cloud_key: {enrolled.cloud_key.hex()}")
    return 0


def files_of(settings: Settings) -> Files:
    chain = settings.chain
    return Files(chain.certificate, chain.key, chain.cloud_key, chain.authority)


def _take_member_key(keys: KeyFolder, given: Path | None, new: bool) -> None:
    """Raises KeyMissing: without it the members of the chain cannot be read here."""
    if given is not None:
        try:
            key = bytes.fromhex(given.read_text("ascii").strip())
        except ValueError:
            # Not chained: the cause would carry the file's content into a traceback.
            raise KeyMissing("key_file_malformed", file=given.name) from None
        if len(key) != MEMBER_KEY_BYTES:
            raise KeyMissing("key_file_malformed", file=given.name, length=len(key))
        keys.keep_member_key(key)
    elif new:
        keys.keep_member_key(os.urandom(MEMBER_KEY_BYTES))
    keys.member_key()


def _require_same(settings: Settings, enrolled: Enrolled) -> None:
    """Raises Refused("enrolled_elsewhere"): the code was for another shop than this file says."""
    device = settings.device
    if (device.merchant, device.store) != (enrolled.merchant, enrolled.store):
        raise Refused("enrolled_elsewhere", merchant=enrolled.merchant, store=enrolled.store)
