"""The verbs of `python -m cloud` that run a chain and look after it.

Every one takes `--folder` (see `cloud.site`) and `--database` (a PostgreSQL URL; without it the
SQLite file of the folder). What changes something asks for a reason and is logged with who did it.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from cloud import enrol, site
from cloud.answer import Cloud
from cloud.books import CloudBooks, CloudStore
from cloud.dial import Dialling
from cloud.link import client_context
from cloud.overview import overview
from cloud.records import DiscrepancyState
from cloud.server import CloudServer
from cloud.settlement import as_csv, crossed, day_number, owed
from cloud.statement import TENDERS, Matched, match, read_statement
from cloud.views import devices_view, leases_view
from daemon.core.errors import BadRequest, NotFound
from daemon.core.money import yuan

Verb = Callable[[argparse.Namespace, CloudStore], Awaitable[Any]]


def add_to(parsers: Any) -> None:
    """Adds the verbs to `python -m cloud`."""
    maker = _verb(parsers, "init", _init, "make the keys and books of a merchant's cloud")
    maker.add_argument("--merchant", required=True)
    maker.add_argument("--name", action="append", default=[], help="host name or address")
    server = _verb(parsers, "serve", _serve, "answer the devices of the chain")
    server.add_argument("--host", default="0.0.0.0")  # noqa: S104
    server.add_argument("--port", type=int, default=8444)
    server.add_argument("--plain", action="store_true", help="no TLS: a proxy on this machine")
    server.add_argument("--no-work", action="store_true", help="leave effects to other processes")
    server.add_argument(
        "--dial", action="append", default=[], metavar="DEVICE=URL", help="go to a device instead"
    )
    for name in ("cert", "key", "ca"):
        server.add_argument(f"--dial-{name}", type=Path, help="PEM, for the devices of --dial")
    _verb(parsers, "overview", _overview, "money by member, devices, who owes whom")
    _verb(parsers, "devices", _devices, "devices, cursors and what they hold")
    leases = _verb(parsers, "leases", _leases, "what a device holds, account by account")
    leases.add_argument("--device", required=True)
    found = _verb(parsers, "discrepancies", _discrepancies, "what does not agree")
    found.add_argument("--all", action="store_true", help="those that were settled too")
    found.add_argument("--settle", metavar="ID", help="say what became of one")
    found.add_argument("--state", choices=[each.value for each in DiscrepancyState])
    found.add_argument("--owner")
    for name, verb, what in (
        ("force", _force, "give back what a device holds, booked as at risk"),
        ("revoke", _revoke, "put a device out of the chain"),
    ):
        parser = _verb(parsers, name, verb, what)
        parser.add_argument("--device", required=True)
        parser.add_argument("--reason", required=True)
    code = _verb(parsers, "enrol-code", _enrol_code, "a one-time code for a new device")
    code.add_argument("--device", required=True)
    code.add_argument("--branch", required=True, help="the store that it stands in")
    policy = _verb(parsers, "policy", _policy, "the merchant's rules for leases and credit")
    policy.add_argument("--set", metavar="JSON")
    found.add_argument("--note", default="")
    crossing = _verb(parsers, "settlement", _settlement, "who sold what was topped up where")
    crossing.add_argument("--csv", action="store_true")
    paid = _verb(parsers, "statement", _statement, "match an acquirer's file with the journals")
    paid.add_argument("--tender", required=True, choices=TENDERS)
    paid.add_argument("--file", required=True, type=Path, help="CSV with a heading, in yuan")
    for parser in (crossing, paid):
        parser.add_argument("--from", dest="from_day", required=True, metavar="YYYY-MM-DD")
        parser.add_argument("--to", required=True, metavar="YYYY-MM-DD", help="not this day")


def _verb(parsers: Any, name: str, verb: Verb, what: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = parsers.add_parser(name, help=what)
    parser.add_argument("--folder", type=Path, default=Path("cloud-site"))
    parser.add_argument("--database", metavar="URL", help="postgresql://...")
    parser.add_argument("--who", default=getpass.getuser(), help="who does it, for the log")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=lambda asked: asyncio.run(_run(asked, verb)))
    return parser


async def _run(asked: argparse.Namespace, verb: Verb) -> int:
    if verb is _init:
        asked.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with site.open_store(asked.folder, asked.database) as store:
        told = await verb(asked, store)
    if told is not None:
        _tell(told, as_json=asked.json)
    return 0


async def _init(asked: argparse.Namespace, store: CloudStore) -> Any:
    names = asked.name or ["localhost", "127.0.0.1"]
    made = await asyncio.to_thread(site.make_site, asked.folder, asked.merchant, names)
    async with store.transaction() as books:
        await books.devices.put_setting(site.MERCHANT, asked.merchant)
    return {"merchant": asked.merchant, "cloud_key": made.key.public_key.hex()}


async def _serve(asked: argparse.Namespace, store: CloudStore) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    merchant = await site.merchant_of(store)
    here = await asyncio.to_thread(site.open_site, asked.folder, merchant)
    policy = await site.policy_of(store)
    server = CloudServer(
        Cloud(store, here.key, merchant, site.now_ms, policy),
        asked.host,
        asked.port,
        tls=None if asked.plain else here.tls,
        authority=here.authority,
        token=here.token,
        works=not asked.no_work,
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    dialling = await _dialling(asked, server.cloud)
    await server.start()
    rounds = [asyncio.create_task(each.run()) for each in dialling]
    scheme = "http" if asked.plain else "https"
    _tell({"listening": f"{scheme}://{asked.host}:{server.port}", "store": store.name}, True)
    try:
        await ended.wait()
    finally:
        for task in rounds:
            task.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)
        await server.stop()


async def _overview(asked: argparse.Namespace, store: CloudStore) -> Any:
    async with store.transaction() as books:
        return await overview(books, site.now_ms())


async def _dialling(asked: argparse.Namespace, cloud: Cloud) -> list[Dialling]:
    """Raises BadRequest("dial_malformed"), KeyMissing("tls_key_unusable")."""
    files = (asked.dial_cert, asked.dial_key, asked.dial_ca)
    tls = await asyncio.to_thread(client_context, *files) if all(files) else None
    found: list[Dialling] = []
    for each in asked.dial:
        device, _, url = each.partition("=")
        if not device or not url.startswith(("https://", "http://")):
            raise BadRequest("dial_malformed", dial=each)
        found.append(Dialling(cloud, device, url, tls))
    return found


async def _devices(asked: argparse.Namespace, store: CloudStore) -> Any:
    async with store.transaction() as books:
        return await devices_view(books)


async def _leases(asked: argparse.Namespace, store: CloudStore) -> Any:
    async with store.transaction() as books:
        return await leases_view(books, asked.device)


async def _discrepancies(asked: argparse.Namespace, store: CloudStore) -> Any:
    async with store.transaction() as books:
        if asked.settle is None:
            some = await books.office.discrepancies(only_open=not asked.all)
            return [asdict(each) for each in some]
        state = DiscrepancyState(asked.state or DiscrepancyState.EXPLAINED.value)
        if not await books.office.settle_discrepancy(asked.settle, state, asked.note, asked.owner):
            raise NotFound("discrepancy_unknown", discrepancy=asked.settle)
        await books.devices.log(
            site.now_ms(), asked.who, "settle", "", asked.note, discrepancy=asked.settle
        )
    return None


async def _force(asked: argparse.Namespace, store: CloudStore) -> None:
    await enrol.force(store, asked.device, asked.who, asked.reason, site.now_ms())


async def _revoke(asked: argparse.Namespace, store: CloudStore) -> None:
    await enrol.revoke(store, asked.device, asked.who, asked.reason, site.now_ms())


async def _enrol_code(asked: argparse.Namespace, store: CloudStore) -> Any:
    code = await enrol.make_code(store, asked.device, asked.branch, asked.who, site.now_ms())
    return {"device": asked.device, "code": code}


async def _policy(asked: argparse.Namespace, store: CloudStore) -> Any:
    if asked.set is not None:
        site.read_policy(asked.set)
        async with store.transaction() as books:
            await books.devices.put_setting(site.POLICY, asked.set)
            await books.devices.log(site.now_ms(), asked.who, "policy", "", asked.set)
    return asdict(await site.policy_of(store))


async def _settlement(asked: argparse.Namespace, store: CloudStore) -> Any:
    days = (day_number(asked.from_day), day_number(asked.to))
    async with store.transaction() as books:
        rows = await crossed(books, *days)
    if asked.csv:
        print(as_csv(rows), end="")
        return None
    told = [{**asdict(row), "net": row.net} for row in rows]
    owing = [asdict(each) for each in owed(rows)]
    return {"crossed": told, "owed": owing} if asked.json else [*told, *owing]


async def _statement(asked: argparse.Namespace, store: CloudStore) -> Any:
    lines = read_statement(await asyncio.to_thread(asked.file.read_bytes))
    days = (day_number(asked.from_day), day_number(asked.to))

    async def work(books: CloudBooks) -> Matched:
        return await match(books, asked.tender, lines, *days, site.now_ms())

    matched = await store.run(work)
    return asdict(matched) if asked.json else [*_matched_words(matched)]


def _matched_words(matched: Matched) -> Iterable[Any]:
    total = yuan(matched.amount_fen)
    yield f"{matched.tender}: {matched.agreed} of {matched.lines} lines agree, {total} yuan"
    for each in matched.differences:
        yield {"type": each.type, "amount": each.amount, "device": each.device, **each.refs}


def _tell(told: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, ensure_ascii=False, default=_plain), flush=True)
        return
    for row in told if isinstance(told, list) else [told]:
        print("  ".join(_words(row)) if isinstance(row, dict) else row)


def _words(row: dict[str, Any]) -> Iterable[str]:
    for name, value in row.items():
        shown = json.dumps(value, ensure_ascii=False, default=_plain)
        yield f"{name}={shown}" if isinstance(value, dict | list) else f"{name}={_shown(value)}"


def _shown(value: Any) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} is not told")
