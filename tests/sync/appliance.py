"""A device's sync side for tests: a real ledger with real entries, served over real TLS."""

from __future__ import annotations

import asyncio
import datetime
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cloud import keys as cloud_keys
from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.ids import make_id
from daemon.keys.files import SigningKey
from daemon.ledger.store import SqlLedger
from daemon.sync.envelope import Identity, SeedKey
from daemon.sync.sealer import Sealer
from daemon.sync.server import SyncServer
from daemon.sync.tls import TlsFiles, make_identity, server_context

IDENTITY = Identity("M-0001", "012", "D-7F3A", 1)
SEED = bytes(range(32))
START_MS = 1_760_000_000_000
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
CLOUD = [sys.executable, "-m", "cloud"]
ROOT = Path(__file__).parents[2]


class Clock:
    """Advances a second each time that it is asked."""

    def __init__(self) -> None:
        self.at_ms = START_MS
        self.count = 0

    def now_ms(self) -> int:
        self.at_ms += 1000
        return self.at_ms

    def new_id(self) -> str:
        self.count += 1
        return make_id(self.at_ms, self.count.to_bytes(10, "big"))


@dataclass
class Appliance:
    """What a test needs of a device. `trade` writes entries as the operations write them."""

    ledger: SqlLedger
    clock: Clock
    signer: SigningKey
    sealer: Sealer
    counter: int = 0

    async def trade(self, sales: int) -> None:
        """One recharge for a member, then sales on its lot."""
        recharged = await self.recharge("A")
        for _ in range(sales):
            await self.sell("A", recharged.dseq)

    async def recharge(self, member: str) -> Entry:
        draft = self._draft(
            Kind.RECHARGE,
            member,
            Posting(Account("tender:cash", "taken"), -50_000_00),
            Posting(Account(f"member:{member}", "principal"), 50_000_00),
            Posting(Account("shop", "bonus_given"), -5_000_00),
            Posting(Account(f"member:{member}", "bonus"), 5_000_00),
        )
        opened = {posting.account: "tier" for posting in draft.postings if posting.amount > 0}
        return await self.ledger.write(lambda books: books.append(draft, opened))

    async def sell(self, member: str, lot: int) -> Entry:
        self.counter += 1
        draft = self._draft(
            Kind.SALE,
            member,
            Posting(Account(f"member:{member}", "principal", lot), -1_700),
            Posting(Account(f"member:{member}", "bonus", lot), -150),
            Posting(Account("shop", "sales"), 1_850),
        )
        draft = replace(draft, card_id="card-1", card_counter=self.counter)
        return await self.ledger.write(lambda books: books.append(draft))

    async def void(self, sale: Entry) -> Entry:
        back = [replace(posting, amount=-posting.amount) for posting in sale.draft.postings]
        draft = self._draft(Kind.VOID_SALE, sale.draft.member_id or "", *back)
        draft = replace(draft, refers_to=sale.draft.op_id)
        return await self.ledger.write(lambda books: books.append(draft))

    async def look(self, name: str) -> Any:
        return await self.ledger.read(lambda books: getattr(books, name)())

    def _draft(self, kind: Kind, member: str, *postings: Posting) -> Draft:
        return Draft(
            op_id=self.clock.new_id(),
            kind=kind,
            at_ms=self.clock.now_ms(),
            actor="employee:0001",
            member_id=member,
            postings=postings,
        )


@dataclass
class Served:
    """An appliance with its address, and the files that a cloud needs to talk to it."""

    appliance: Appliance
    server: SyncServer
    files: TlsFiles
    cloud_key: SeedKey
    signing_key: Path
    folder: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.port}"

    def pull_arguments(self, store: Path, *more: str, url: str | None = None) -> list[str]:
        return [
            *CLOUD,
            "pull",
            f"--device={url or self.url}",
            f"--cert={self.files.client}",
            f"--key={self.files.client_key}",
            f"--ca={self.files.ca}",
            f"--store={store}",
            f"--signing-key={self.signing_key}",
            f"--device-key={self.appliance.signer.public_key.hex()}",
            "--json",
            *more,
        ]

    async def pull(self, store: Path, *more: str, url: str | None = None) -> tuple[int, Any]:
        """Runs `python -m cloud pull` as a process of its own: exit code and what it printed."""
        return await run_json(self.pull_arguments(store, *more, url=url))


async def run_json(command: list[str]) -> tuple[int, Any]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT
    )
    out, error = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in error, error.decode()
    return process.returncode, json.loads(out) if out else error.decode()


@asynccontextmanager
async def open_appliance(folder: Path, identity: Identity = IDENTITY) -> AsyncIterator[Appliance]:
    clock = Clock()
    signer = SigningKey(SEED)
    ledger = await SqlLedger.open(folder / "ledger.db", bytes(32), signer, clock, device="D-7F3A")
    clock.at_ms = max(clock.at_ms, ledger.latest_ms)
    sealer = Sealer(ledger, signer, identity, clock, {"daemon": "0.1.0"})
    try:
        yield Appliance(ledger, clock, signer, sealer)
    finally:
        await ledger.close()


@asynccontextmanager
async def serve(appliance: Appliance, folder: Path) -> AsyncIterator[Served]:
    files = make_identity(folder / "tls", ["localhost", "127.0.0.1"], "D-7F3A", NOW)
    signing_key = folder / "cloud-signing.key"
    key = cloud_keys.load(signing_key) if signing_key.exists() else cloud_keys.generate(signing_key)
    server = SyncServer(
        "127.0.0.1",
        0,
        server_context(files.server, files.server_key, files.ca),
        ledger=appliance.ledger,
        sealer=appliance.sealer,
        signer=appliance.signer,
        identity=IDENTITY,
        clock=appliance.clock,
        cloud_keys={key.key_id: key.public_key},
        version="0.1.0",
    )
    await server.start()
    try:
        yield Served(appliance, server, files, key, signing_key, folder)
    finally:
        await server.stop()
