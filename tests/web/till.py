"""A whole counter for the tests: the real ledger, operations, spool and web server; cards, readers
and printer in memory; and a client that speaks HTTP to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from daemon.core.card import Technology
from daemon.core.policy import Policy
from daemon.core.printer_model import Role
from daemon.core.receipt_text import ShopHead
from daemon.keys.files import KeyFolder, generate
from daemon.keys.pins import Argon2Pins
from daemon.ledger.spool import SqlPrintQueue
from daemon.ledger.store import SqlLedger
from daemon.operations.counter_desk import CounterDesk
from daemon.operations.new_permissions import give_new_permissions
from daemon.operations.nightly import Nightly
from daemon.operations.rules import load_rules
from daemon.operations.shop import Identity, Shop
from daemon.operations.shop_clock import clock_view
from daemon.operations.sign_in import keep_employee
from daemon.panel.front import Panel
from daemon.ports.cards import CardReaders
from daemon.ports.chain import Chain
from daemon.ports.printing import PlacedPrinter, PrinterStatus
from daemon.printer.spool import Pace, Spool
from daemon.readers.together import Together
from daemon.web.events import EventStream
from daemon.web.server import Server, WebSettings, make_app
from tests.fakes.card_readers import MemoryReaders, PlasticCard
from tests.fakes.clock import HandClock
from tests.fakes.receipt_printer import MemoryPrinter

READER = "desk"
SECOND_READER = "window"
CASHIER, MANAGER = ("1", "123456"), ("9", "987654")
MEMBER_PIN = "2468"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def key(self) -> str:
        return str(self.body["key"])


@dataclass
class Counter:
    """One life of a counter. What outlives it is `folder`, `clock`, and the cards."""

    folder: Path
    clock: HandClock
    policy: Policy = field(default_factory=Policy)
    settings: WebSettings = field(default_factory=lambda: WebSettings(port=0))
    events: EventStream = field(default_factory=EventStream)
    readers: MemoryReaders = field(default_factory=lambda: MemoryReaders(READER, SECOND_READER))
    printer: MemoryPrinter = field(default_factory=MemoryPrinter)
    printers: Mapping[Role, PlacedPrinter] = field(default_factory=dict)
    swipes: CardReaders | None = None
    token: str | None = None
    identity: Identity = field(default_factory=lambda: Identity("d1", "S1", "m1"))
    panel: Panel | None = None
    """The customer's side, not started yet."""
    join: Callable[[Shop, KeyFolder], Awaitable[Chain]] | None = None
    """Makes a counter of a chain of it."""

    async def start(self) -> None:
        keys = self.folder / "keys"
        held = KeyFolder(keys) if keys.exists() else generate(keys)
        self.ledger = await SqlLedger.open(
            self.folder / "ledger.db",
            held.ledger_key(),
            held.signer(),
            self.clock,
            device=self.identity.device,
        )
        self.clock.not_before(self.ledger.latest_ms)
        self.spool = Spool(
            SqlPrintQueue(self.ledger),
            self.printer,
            self._printer_changed,
            self._receipt_changed,
            Pace(look_s=0.02, first_s=0.02, most_s=0.02),
        )
        readers = self.readers if self.swipes is None else Together(self.readers, self.swipes)
        self.shop = Shop(
            identity=self.identity,
            base_head=ShopHead("测试店", self.identity.store, device="counter 1"),
            base_policy=self.policy,
            base_language="en",
            ledger=self.ledger,
            clock=self.clock,
            events=self.events,
            pins=Argon2Pins(memory_kib=64, passes=1),
            readers=readers,
            printer=self.printer,
            printers=self.printers,
            poke_spool=self.spool.poke,
            key=lambda: self.panel.key if self.panel is not None else None,
        )
        if self.join is not None:
            self.shop = replace(self.shop, chain=await self.join(self.shop, held))
        await load_rules(self.shop)
        await give_new_permissions(self.shop)
        self.desk = CounterDesk(self.shop)
        await readers.start()
        if self.panel is not None:
            await self.panel.start(self.desk)
        await self.spool.start()
        self.nightly = Nightly(self.shop, pause_s=0.0)
        self._run = asyncio.create_task(self.desk.run())
        self._rounds = asyncio.create_task(self.nightly.run())
        self.app = make_app(self.shop, self.desk, self.events, self.status, self.settings)
        self.server = Server(self.app, self.settings)
        await self.server.start()
        self.client = aiohttp.ClientSession(f"http://127.0.0.1:{self.server.port}")
        await self.desk.finish()

    async def stop(self) -> None:
        """As a cut of the power stops it: nothing that was under way gets to its end."""
        self._run.cancel()
        self._rounds.cancel()
        await self.client.close()
        await self.server.stop()
        if self.swipes is not None:
            await self.swipes.stop()
        if self.panel is not None:
            await self.panel.stop()
        await self.spool.stop(grace_s=0.0)
        await self.ledger.close()
        await asyncio.gather(self._run, self._rounds, return_exceptions=True)

    def reborn(self) -> Counter:
        """The next life of the same counter, not started yet."""
        return Counter(
            self.folder,
            self.clock,
            self.policy,
            self.settings,
            token=self.token,
            identity=self.identity,
            join=self.join,
        )

    def _printer_changed(self, status: PrinterStatus, waiting: int) -> None:
        self.events.publish("printer", {**printer_view(self.printer.status()), "waiting": waiting})

    def _receipt_changed(self, receipt_id: str, state: str) -> None:
        self.events.publish("receipt", {"receipt_id": receipt_id, "state": state})
        if state != "printing":
            self.desk.till.paper(receipt_id)

    async def status(self) -> dict[str, Any]:
        return {
            "ledger": {"ok": self.ledger.stopped is None, "stopped": self.ledger.stopped},
            "readers": [
                {
                    "name": status.name,
                    "state": status.state.value,
                    "card_present": status.card_present,
                    "problem": status.problem,
                }
                for status in self.shop.readers.statuses()
            ],
            "printer": {
                **printer_view(self.printer.status()),
                "waiting": self.spool.waiting,
            },
            "printers": [
                {
                    "name": placed.name,
                    "role": role.value,
                    "connection": placed.connection,
                    **printer_view(placed.printer.status()),
                }
                for role, placed in self.printers.items()
            ],
            "panel": self.panel.view() if self.panel is not None else {"key": None, "parts": []},
            "sync": {"sealed": 0, "receipted": 0, "last_pull_ms": None},
            "clock": clock_view(self.clock),
        }

    # -- speaking HTTP ---------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        token: str | None = "",
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """`token` "": this counter's own; None: none."""
        sent = dict(headers or {})
        bearer = self.token if token == "" else token
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        if key is not None:
            sent["Idempotency-Key"] = key
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        own = path == "/" or path.startswith(("/api/", "/healthz", "/assets/"))
        place = URL(path if own else f"/api/v1{path}", encoded=own)
        async with self.client.request(
            method, place, json=body if raw is None else None, data=raw, headers=sent
        ) as response:
            if response.content_type.endswith("json"):
                told = await response.json(content_type=None)
            else:
                told = await response.read()
            return Reply(response.status, dict(response.headers), told)

    async def get(self, path: str, **more: Any) -> Any:
        reply = await self.ask("GET", path, **more)
        assert reply.status == 200, reply
        return reply.body

    async def post(self, path: str, body: Any = None, *, expect: int = 200, **more: Any) -> Any:
        reply = await self.ask("POST", path, {} if body is None else body, **more)
        assert reply.status == expect, reply
        return reply.body

    _keys = itertools.count(1)

    def new_key(self) -> str:
        return f"key-{next(self._keys)}"

    # -- what people do --------------------------------------------------------------------------

    async def hire(self) -> None:
        for (number, pin), role in ((CASHIER, "cashier"), (MANAGER, "manager")):
            await keep_employee(
                self.ledger,
                self.shop.pins,
                self.clock,
                number=number,
                name=role,
                role=role,
                pin=pin,
            )

    async def sign_in(self, who: tuple[str, str] = CASHIER) -> str:
        number, pin = who
        body = await self.post("/session", {"employee": number, "pin": pin}, token=None)
        self.client.cookie_jar.clear()
        self.token = body["token"]
        return self.token

    async def member(self, name: str = "张伟", phone: str = "13812341234") -> dict[str, Any]:
        body: dict[str, Any] = await self.post(
            "/members", {"name": name, "phone": phone}, expect=201
        )
        return body

    async def recharge(self, member_id: str, amount_fen: int, tender: str = "cash") -> Any:
        body = {"member_id": member_id, "amount_fen": amount_fen, "tender": tender}
        return await self.post("/recharges", body, key=self.new_key())

    async def issue(self, member_id: str, card: PlasticCard) -> dict[str, Any]:
        issue = await self.post("/card-issues", {"member_id": member_id}, expect=202)
        await self.lay(card)
        await self.lift()
        done = await self.get(f"/card-issues/{issue['issue_id']}")
        assert done["status"] == "done", done
        kept: dict[str, Any] = done["card"]
        return kept

    async def begin(self, amount_fen: int) -> str:
        sale = await self.post("/sales", {"amount_fen": amount_fen}, key=self.new_key(), expect=202)
        assert sale["status"] == "awaiting_card"
        return str(sale["sale_id"])

    async def lay(self, card: PlasticCard, reader: str = READER) -> None:
        """Returns when the counter has dealt with it."""
        await self.readers.lay(card, reader)
        await self.desk.finish()

    async def lift(self, reader: str = READER) -> None:
        await self.readers.lift(reader)
        await self.desk.finish()

    async def tap(self, card: PlasticCard, reader: str = READER) -> None:
        await self.lay(card, reader)
        await self.lift(reader)

    async def sale(self, sale_id: str) -> dict[str, Any]:
        body: dict[str, Any] = await self.get(f"/sales/{sale_id}")
        return body

    async def balance(self, member_id: str) -> tuple[int, int]:
        balance = (await self.get(f"/members/{member_id}"))["balance"]
        return balance["principal_fen"], balance["bonus_fen"]

    async def counter(self) -> dict[str, Any]:
        body: dict[str, Any] = (await self.get("/status"))["counter"]
        return body

    async def papers(self, number: int) -> None:
        """Waits until that many papers are out and none is on its way."""
        while len(self.printer.papers) < number or await SqlPrintQueue(self.ledger).waiting():
            await asyncio.sleep(0.01)


def printer_view(status: PrinterStatus) -> dict[str, Any]:
    """Of a printer that nothing waits for."""
    return {
        "reachable": status.reachable,
        "online": status.online,
        "cover_open": status.cover_open,
        "paper": status.paper.value,
        "problem": status.problem,
        "waiting": 0,
    }


def desfire(last_byte: int = 1) -> PlasticCard:
    """A card as delivered."""
    return PlasticCard(bytes.fromhex("04a1b2c3d4e5") + bytes([last_byte]), Technology.DESFIRE)


def uid_card(last_byte: int = 1) -> PlasticCard:
    return PlasticCard(bytes.fromhex("a1b2c3") + bytes([last_byte]))


@asynccontextmanager
async def living(counter: Counter) -> AsyncIterator[Counter]:
    await counter.start()
    try:
        yield counter
    finally:
        await counter.stop()


@dataclass
class Customer:
    """A member with 500 yuan paid in (and 50 bonus), a card, and a PIN."""

    member_id: str
    card: PlasticCard
    card_id: str


async def customer(
    counter: Counter, card: PlasticCard, *, fen: int = 50_000, name: str = "张伟", pin: bool = True
) -> Customer:
    member = await counter.member(name, "")
    member_id = member["member_id"]
    if fen:
        await counter.recharge(member_id, fen)
    if pin:
        reply = await counter.ask("PUT", f"/members/{member_id}/pin", {"pin": MEMBER_PIN})
        assert reply.status == 204
    kept = await counter.issue(member_id, card)
    return Customer(member_id, card, kept["card_id"])
