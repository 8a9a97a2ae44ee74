"""`counterd verify`: proves the ledger from its first entry. Exit code 0 if it is whole, else 1."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from daemon.config import load
from daemon.core.errors import BadRequest
from daemon.keys.files import find_keys
from daemon.ledger.verify import UTC_OFFSET_MIN, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="instead of --config")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="with --ledger")
    parser.add_argument("--json", action="store_true")


def carry_out(arguments: argparse.Namespace) -> int:
    ledger, folder, utc_offset_min = _where(arguments)
    keys = find_keys(folder)
    report = verify(
        ledger, keys.ledger_key(), keys.signer().public_key, utc_offset_min=utc_offset_min
    )
    if arguments.json:
        print(json.dumps(report.to_json()))
    else:
        print(report)
    return 0 if report.ok else 1


def _where(arguments: argparse.Namespace) -> tuple[Path, Path | None, int]:
    if arguments.config is not None:
        settings = load(arguments.config)
        offset_min = settings.policy.utc_offset_min
        return settings.storage.ledger, settings.storage.keys, offset_min
    if arguments.ledger is None or arguments.keys is None:
        raise BadRequest("verify_needs_config_or_ledger_and_keys")
    return arguments.ledger, arguments.keys, UTC_OFFSET_MIN
