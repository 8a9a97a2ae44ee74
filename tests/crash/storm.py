"""The storm: sales are rung up and cards tapped while the daemon is killed with SIGKILL again and
again. A log in this process keeps what the cashier was shown; afterwards the books must agree:

* every sale that was shown approved is in the journal exactly once, and nothing twice;
* no sale that was shown declined or cancelled is there;
* what was asked with one Idempotency-Key is one sale, whatever was retried;
* the chain verifies, balances equal the fold of the postings, and every table that follows from
  the journal is what the journal makes of it;
* every approved sale has its receipt, and the spool brought it to paper;
* every card still pays: its counter and the ledger's agree, so no honest card is called a clone.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from daemon.config import load
from daemon.core.entry import Kind, parse_leaf
from daemon.keys.files import find_keys
from daemon.ledger.store import SqlLedger
from daemon.ledger.verify import verify
from daemon.ports.ledger import Books
from daemon.system.clock import SystemClock
from simulator.appliance import SimulatedAppliance
from simulator.demo_shop import EMPLOYEES, ShopApi

CARDS = ("alice", "erin", "frank")
RECHARGE_FEN = 200_000
FINAL = ("approved", "declined", "cancelled")
MOST_UP_S = 1.6
"""The daemon lives this long at most before the next kill: a few sales."""
DRAIN_S = 90.0


@dataclass
class Asked:
    """One intention of the cashier: `seen` is the last status that she was shown."""

    key: str
    amount_fen: int
    card: str
    sale_id: str | None = None
    seen: str | None = None
    reason: str | None = None


@dataclass
class Report:
    kills: int = 0
    asked: int = 0
    approved: int = 0
    declined: int = 0
    unknown_settled: int = 0
    in_journal: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    clones_called: list[str] = field(default_factory=list)
    unprinted: list[str] = field(default_factory=list)
    papers: int = 0
    verified: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        wrong = (self.lost, self.doubled, self.ghosts, self.clones_called, self.unprinted)
        return self.verified and not any(wrong) and self.kills > 0 and self.approved > 0

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **vars(self)}


class Storm:
    def __init__(self, state: Path, kills: int, seed: int) -> None:
        self.appliance = SimulatedAppliance(state, page_port=0, desk_port=None, pcsc=False)
        self.kills = kills
        self.chance = random.Random(seed)
        self.asked: list[Asked] = []
        self.report = Report()

    async def run(self) -> Report:
        appliance = self.appliance
        try:
            await appliance.start()
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http:
                shop = ShopApi(http, appliance.page, appliance.rack)
                await self._prepare(shop)
                for _ in range(self.kills):
                    await self._one_life(shop)
                await self._settle(shop)
                await self._papers(shop)
        finally:
            await appliance.stop()
        await self._audit()
        return self.report

    async def _prepare(self, shop: ShopApi) -> None:
        await shop.sign_in(EMPLOYEES[0])
        for number, card in enumerate(CARDS):
            if number:
                await shop.rack_create(card)
            member = await shop.call(
                "POST", "members", {"name": card, "phone": f"1380000{number:04}"}
            )
            await shop.issue(card, member["member_id"])
            money = {"member_id": member["member_id"], "amount_fen": RECHARGE_FEN, "tender": "cash"}
            await shop.call("POST", "recharges", money)

    async def _one_life(self, shop: ShopApi) -> None:
        """Sales until the kill, then a new daemon."""
        cashier = asyncio.create_task(self._sell_on(shop))
        await asyncio.sleep(self.chance.uniform(0.0, MOST_UP_S))
        self.appliance.processes.kill("counterd")
        await self.appliance.daemon_ended()
        self.report.kills += 1
        cashier.cancel()
        await asyncio.gather(cashier, return_exceptions=True)
        await self.appliance.start_daemon()
        await self._look_again(shop)

    async def _sell_on(self, shop: ShopApi) -> None:
        while True:
            asked = Asked(uuid.uuid4().hex, self.chance.randint(1, 300), self.chance.choice(CARDS))
            self.asked.append(asked)
            try:
                await self._sell(shop, asked)
            except (aiohttp.ClientError, TimeoutError, RuntimeError, ValueError):
                return

    async def _sell(self, shop: ShopApi, asked: Asked) -> None:
        await self._ask(shop, asked)
        await shop.rack(f"{asked.card}/insert")
        while asked.seen not in FINAL and asked.seen != "unknown":
            await self._see(shop, asked)
        await shop.rack("eject")

    async def _ask(self, shop: ShopApi, asked: Asked) -> None:
        sale = await shop.call("POST", "sales", {"amount_fen": asked.amount_fen}, key=asked.key)
        assert asked.sale_id in (None, sale["sale_id"]), "one key, two sales"
        asked.sale_id = sale["sale_id"]
        self._note(asked, sale)

    async def _see(self, shop: ShopApi, asked: Asked) -> None:
        self._note(asked, await shop.call("GET", f"sales/{asked.sale_id}"))

    def _note(self, asked: Asked, sale: dict[str, Any]) -> None:
        if asked.seen in FINAL and sale["status"] != asked.seen:
            self.report.problems.append(f"{asked.sale_id}: {asked.seen} became {sale['status']}")
        asked.seen, asked.reason = sale["status"], sale["reason"]

    async def _look_again(self, shop: ShopApi) -> None:
        """What the cashier does after a restart: asks again with the same key; a sale whose
        outcome is unknown is settled with its card, or cancelled."""
        await shop.rack("eject")
        asked = self.asked[-1] if self.asked else None
        if asked is None or asked.seen in FINAL:
            return
        if asked.sale_id is None:
            await self._ask(shop, asked)
        else:
            await self._see(shop, asked)
        if asked.seen == "unknown" and self.chance.random() < 0.7:
            await shop.rack(f"{asked.card}/insert")
            for _ in range(200):
                await self._see(shop, asked)
                if asked.seen in FINAL:
                    self.report.unknown_settled += 1
                    break
                await asyncio.sleep(0.02)
            await shop.rack("eject")
        if asked.seen not in FINAL:
            self._note(asked, await shop.call("POST", f"sales/{asked.sale_id}/cancel", {}))

    async def _settle(self, shop: ShopApi) -> None:
        """Every card pays once more: none may be called a clone."""
        for card in CARDS:
            asked = Asked(uuid.uuid4().hex, 301, card)
            self.asked.append(asked)
            await self._sell(shop, asked)
            if asked.seen != "approved":
                self.report.clones_called.append(f"{card}: {asked.seen} {asked.reason}")

    async def _papers(self, shop: ShopApi) -> None:
        """Waits until the spool is empty."""
        async with asyncio.timeout(DRAIN_S):
            while (await shop.call("GET", "status"))["printer"]["waiting"]:
                await asyncio.sleep(0.2)

    async def _audit(self) -> None:
        report = self.report
        settings = load(self.appliance.config)
        keys = find_keys(settings.storage.keys)
        proof = verify(settings.storage.ledger, keys.ledger_key(), keys.signer().public_key)
        report.verified = proof.ok and proof.projected > 0
        report.problems += [str(problem) for problem in proof.to_json().get("problems", [])]
        ledger = await SqlLedger.open(
            settings.storage.ledger,
            keys.ledger_key(),
            keys.signer(),
            SystemClock(),
            device="demo-01",
        )
        try:
            await self._compare(ledger)
            rebuilt = await ledger.rebuild_projections()
            report.problems += [str(each) for each in rebuilt.differences]
        finally:
            await ledger.close()

    async def _compare(self, ledger: SqlLedger) -> None:
        report = self.report
        sold: dict[str, int] = {}

        def sales(books: Books) -> None:
            last = books.head().dseq
            for first in range(1, last + 1, 500):
                for _, leaf, _ in books.leaves(first, 500):
                    draft = parse_leaf(leaf).draft
                    if draft.kind is Kind.SALE:
                        sold[draft.op_id] = sold.get(draft.op_id, 0) + 1

        await ledger.read(sales)
        shown = {asked.sale_id: asked.seen for asked in self.asked if asked.sale_id}
        report.asked = len(self.asked)
        report.approved = sum(status == "approved" for status in shown.values())
        report.declined = sum(status in ("declined", "cancelled") for status in shown.values())
        report.in_journal = sum(sold.values())
        for sale_id, status in shown.items():
            count = sold.get(sale_id, 0)
            if status == "approved" and count == 0:
                report.lost.append(sale_id)
            if count > 1:
                report.doubled.append(sale_id)
            if status in ("declined", "cancelled") and count:
                report.ghosts.append(sale_id)
            if count:
                await self._receipt_of(ledger, sale_id)

    async def _receipt_of(self, ledger: SqlLedger, sale_id: str) -> None:
        kept = await ledger.receipts(limit=5, op_id=sale_id)
        if len(kept) != 1 or kept[0].state not in ("printed", "unconfirmed"):
            self.report.unprinted.append(f"{sale_id}: {[stored.state for stored in kept]}")
        self.report.papers += sum(stored.prints for stored in kept)
