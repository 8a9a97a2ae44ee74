"""`python -m cloud`: serve a chain of counters and look after it; or pull one device's batches,
report what is kept, make the cloud's signing key.

Exit codes: 0 done; 1 refused (a batch, a device or a key that does not verify; the reason is
named); 2 wrong arguments; 3 the line failed, try again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cloud import commands, keys
from cloud.link import connect
from cloud.paper import page
from cloud.pull import Pulled, pull
from cloud.reconcile import Reconciliation, as_json, reconcile
from cloud.store import Store
from daemon.core.errors import CounterError
from daemon.sync.envelope import Position, SigningKey

REFUSED = 1
TRY_AGAIN = 3


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except CounterError as error:
        if getattr(asked, "json", False):
            _print_json({"ok": False, "key": error.key, "facts": error.facts})
        print(f"refused: {error}", file=sys.stderr)
        return TRY_AGAIN if error.key == "link_failed" else REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cloud", description=__doc__)
    parsers = parser.add_subparsers(required=True, metavar="COMMAND")

    puller = parsers.add_parser("pull", help="pull, verify, keep and acknowledge batches")
    puller.add_argument("--device", required=True, metavar="URL", help="https://HOST:PORT")
    puller.add_argument("--cert", required=True, type=Path, help="our client certificate (PEM)")
    puller.add_argument("--key", required=True, type=Path, help="its private key (PEM)")
    puller.add_argument("--ca", required=True, type=Path, help="the device's authority (PEM)")
    puller.add_argument("--store", required=True, type=Path, help="SQLite file to keep it in")
    puller.add_argument(
        "--signing-key", required=True, type=Path, help="seed that receipts are signed with"
    )
    puller.add_argument(
        "--device-key",
        metavar="HEX|FILE",
        help="the device's public key, as the device prints it; needed once, pinned afterwards",
    )
    puller.add_argument(
        "--from-start", action="store_true", help="verify from batch 1 again; changes nothing"
    )
    puller.add_argument("--json", action="store_true", help="the reconciliation as JSON")
    puller.set_defaults(run=_pull)

    reporter = parsers.add_parser("report", help="reconcile everything that is kept")
    reporter.add_argument("--store", required=True, type=Path)
    reporter.add_argument("--json", action="store_true")
    reporter.set_defaults(run=_report)

    maker = parsers.add_parser("keygen", help="make the key that receipts are signed with")
    maker.add_argument("--out", required=True, type=Path, help="file of the seed, mode 0600")
    maker.set_defaults(run=_keygen)
    commands.add_to(parsers)
    return parser


def _pull(asked: argparse.Namespace) -> int:
    signing_key = keys.load(asked.signing_key)
    device_key = None if asked.device_key is None else keys.public_key(asked.device_key)
    with closing(Store(asked.store)) as store:
        pulled = asyncio.run(_pull_over(asked, store, signing_key, device_key))
        report = reconcile(store, pulled.before, pulled.after)
    if asked.json:
        words = {"ok": True, "new": pulled.new, "checked": pulled.checked}
        _print_json({**words, "acknowledged": pulled.after.bseq, **as_json(report)})
    else:
        print(page(report))
        print(f"acknowledged up to batch {pulled.after.bseq}, {pulled.new} new")
    return 0


async def _pull_over(
    asked: argparse.Namespace, store: Store, signing_key: SigningKey, device_key: bytes | None
) -> Pulled:
    async with connect(asked.device, asked.cert, asked.key, asked.ca) as link:
        return await pull(
            link, store, signing_key, device_key=device_key, from_start=asked.from_start
        )


def _report(asked: argparse.Namespace) -> int:
    with closing(Store(asked.store)) as store:
        reports: list[Reconciliation] = [
            reconcile(store, Position(identity), store.position(identity))
            for identity in store.journals()
        ]
    if asked.json:
        _print_json({"ok": True, "journals": [as_json(report) for report in reports]})
    else:
        print("\n\n".join(page(report) for report in reports) or "nothing was pulled yet")
    return 0


def _keygen(asked: argparse.Namespace) -> int:
    print(keys.generate(asked.out).public_key.hex())
    return 0


def _print_json(body: Any) -> None:
    print(json.dumps(body, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    sys.exit(main())
