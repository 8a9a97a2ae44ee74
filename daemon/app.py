"""The composition root: the only module that names concrete adapters and wires them together.

Start: keys, ledger, clock, readers, printer, spool, counter, sync, page. Stop is the reverse, and
ordered so that a sale under way ends before the ledger closes: nothing new comes in, the counter
finishes its turn, the paper's queue stops, and the ledger signs where the chain ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

from daemon import __version__
from daemon.config import ReaderSettings, Settings
from daemon.core.errors import CounterError, LedgerError
from daemon.core.printer_model import Role
from daemon.core.receipt_text import ShopHead
from daemon.core.swipe import Form
from daemon.keys.files import KeyFolder, find_keys
from daemon.keys.pins import Argon2Pins
from daemon.keys.purse import LoadMasters, PurchaseMasters, TacMasters
from daemon.ledger.spool import keep_print_places, print_queue
from daemon.ledger.store import SqlLedger
from daemon.operations.branch_join import join
from daemon.operations.counter_desk import CounterDesk
from daemon.operations.new_permissions import give_new_permissions
from daemon.operations.nightly import Nightly
from daemon.operations.rules import load_rules
from daemon.operations.shop import Identity, Shop
from daemon.operations.shop_clock import clock_view
from daemon.panel.front import Panel
from daemon.panel.gpio import GpioPins, lgpio_factory
from daemon.panel.serial_line import SerialLines
from daemon.ports.cards import CardReaders, ReaderStatus
from daemon.ports.chain import ChainStatus
from daemon.ports.purse_keys import PurseKeys
from daemon.printer.desk import PrinterDesk
from daemon.readers.desk import Readers
from daemon.readers.feed import Kind, SwipeSource
from daemon.readers.hidraw import HidReaders
from daemon.readers.keyboard import EvdevKeyboards
from daemon.readers.link import Link
from daemon.readers.pcsc import PcscLink
from daemon.readers.serial_port import SerialReaders
from daemon.readers.swipes import SwipeReaders
from daemon.readers.together import Together
from daemon.readers.vpcd import VpcdLink
from daemon.readers.wedge import TypingReaders
from daemon.sync import envelope
from daemon.sync.link.device import DeviceLink
from daemon.sync.link.enrol import Files, client_context, read_cloud_key
from daemon.sync.link.inward import Inward
from daemon.sync.link.outward import Outward
from daemon.sync.link.personal import PersonalSeal
from daemon.sync.receipts import progress
from daemon.sync.sealer import Sealer
from daemon.sync.server import SyncServer
from daemon.sync.tls import server_context
from daemon.system.clock import SystemClock, ntp_synchronised
from daemon.system.notify import notify, watchdog_interval_s
from daemon.web.events import EventStream
from daemon.web.server import Server, WebSettings, make_app

log = logging.getLogger(__name__)

FINISH_S: Final = 10.0
"""How long a stop waits for the sale under way: longer than every deadline of a card exchange."""
SYSTEM_ID: Final = b"counterd"


class Appliance:
    """One running counter. `start`, `run` until stopped, `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._telling: set[asyncio.Future[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Raises KeyMissing, LedgerError, OSError (address in use); nothing stays half open."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self) -> None:
        settings = self._settings
        self._keys = find_keys(settings.storage.keys)
        self._signer = self._keys.signer()
        self._clock = SystemClock()
        self._ledger = await SqlLedger.open(
            settings.storage.ledger,
            self._keys.ledger_key(),
            self._signer,
            self._clock,
            device=settings.device.id,
        )
        self._stack.push_async_callback(self._ledger.close)
        self._clock.not_before(self._ledger.latest_ms)
        self._panel = self._make_panel()
        self._events = EventStream(tell=self._panel.told)
        self._readers = make_readers(settings, self._keys)
        self._printers = await self._make_printers()
        self._shop = self._make_shop()
        await self._make_link()
        await load_rules(self._shop)
        await give_new_permissions(self._shop)
        self._desk = CounterDesk(self._shop)
        self._stack.push_async_callback(self._printers.stop)
        await self._printers.start()
        await self._readers.start()
        self._stack.push_async_callback(self._readers.stop)
        await self._panel.start(self._desk)
        self._stack.push_async_callback(self._panel.stop)
        self._supervise("counter", self._desk.run())
        self._stack.push_async_callback(self._finish_turn)
        await self._start_sync()
        await self._start_page()
        self._supervise("nightly", Nightly(self._shop).run())
        self._supervise("watchdog", self._stay_alive())
        self._tasks.append(asyncio.create_task(self._verify_behind(), name="verify"))

    async def _make_printers(self) -> PrinterDesk:
        started_ms = self._clock.now_ms()
        desk = PrinterDesk(
            self._settings.printers,
            lambda role: print_queue(self._ledger, role, started_ms),
            self._printer_changed,
            self._receipt_changed,
            lambda: self._shop.rules.logo,
        )
        await keep_print_places(self._ledger, desk.configured - {Role.CUSTOMER})
        return desk

    def _make_shop(self) -> Shop:
        device, shop = self._settings.device, self._settings.shop
        head = ShopHead(shop.name, device.store, shop.phone, shop.address, shop.footer, device.name)
        return Shop(
            identity=Identity(device.id, device.store, device.merchant),
            base_head=head,
            base_policy=self._settings.policy,
            base_language=shop.language,
            ledger=self._ledger,
            clock=self._clock,
            events=self._events,
            pins=Argon2Pins(),
            readers=self._readers,
            printer=self._printers.customer,
            printers=self._printers.placed,
            poke_spool=self._printers.poke,
            key=lambda: self._panel.key,
        )

    def _make_panel(self) -> Panel:
        settings = self._settings
        return Panel(
            settings.panel,
            settings.displays,
            GpioPins(lambda: lgpio_factory(settings.panel.chip)),
            SerialLines(),
            lambda: (self._shop.head.name, self._shop.language),
            lambda view: self._events.publish("panel", view),
        )

    async def _make_link(self) -> None:
        """The sealer, and where this device belongs to a chain the link to its cloud."""
        settings = self._settings
        device, chain = settings.device, settings.chain
        if chain.belongs:
            await join(self._ledger)
        epoch = await self._ledger.read(lambda books: books.epoch())
        self._identity = envelope.Identity(device.merchant, device.store, device.id, epoch)
        self._sealer = Sealer(
            self._ledger, self._signer, self._identity, self._clock, {"counterd": __version__}
        )
        self._link: DeviceLink | None = None
        self._sync: SyncServer | None = None
        if chain.belongs:
            self._link = DeviceLink(
                self._shop,
                self._sealer,
                self._signer,
                self._identity,
                self._cloud_keys(),
                PersonalSeal(self._keys.member_key()),
                version=__version__,
                synced=ntp_synchronised,
                on_change=self._sync_progressed,
                on_epoch=self._epoch_begun,
                not_before=self._clock.not_before,
            )
            self._shop = replace(self._shop, chain=self._link)

    def _cloud_keys(self) -> dict[bytes, bytes]:
        """By key id. Raises KeyMissing("cloud_key_unusable") where the device was not enrolled."""
        keys = list(self._settings.sync.trusted())
        if self._settings.chain.url:
            keys.append(read_cloud_key(self._settings.chain.cloud_key))
        return {hashlib.sha256(key).digest()[:8]: key for key in keys}

    def _epoch_begun(self, identity: envelope.Identity) -> None:
        self._identity = identity
        if self._sync is not None:
            self._sync.begin(identity)

    def _dial_out(self, link: DeviceLink) -> None:
        chain = self._settings.chain
        files = Files(chain.certificate, chain.key, chain.cloud_key, chain.authority)
        secure = chain.url.startswith("https://")
        outward = Outward(link, chain.url, client_context(files) if secure else None)
        self._supervise("chain", outward.run())

    async def _start_sync(self) -> None:
        settings = self._settings
        self._supervise("sealer", self._sealer.run())
        link = self._link
        if link is not None and settings.chain.binding == "outward":
            self._dial_out(link)
        if not settings.sync.enabled:
            return
        folder = settings.sync.identity
        inward = settings.chain.binding == "inward"
        self._sync = SyncServer(
            settings.sync.host,
            settings.sync.port,
            server_context(folder / "server.pem", folder / "server.key", folder / "ca.pem"),
            ledger=self._ledger,
            sealer=self._sealer,
            signer=self._signer,
            identity=self._identity,
            clock=self._clock,
            cloud_keys=self._cloud_keys(),
            version=__version__,
            on_progress=self._sync_progressed,
            routes=Inward(link).add_to if link is not None and inward else None,
        )
        await self._sync.start()
        self._stack.push_async_callback(self._sync.stop)

    async def _start_page(self) -> None:
        web = self._settings.web
        page = WebSettings(
            host=web.host,
            port=web.port,
            allowed_hosts=web.allowed_hosts,
            frame_ancestors=web.frame_ancestors,
            secure_cookie=web.secure_cookie,
            demo=web.demo,
            cloud=self._settings.chain.url,
            cookie=session_cookie(self._settings),
        )
        app = make_app(self._shop, self._desk, self._events, self.status, page)
        self._page = Server(app, page)
        await self._page.start()
        self._stack.push_async_callback(self._page.stop)

    # -- while it runs ---------------------------------------------------------------------------

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping` is set or a task that must live ends; the latter is raised."""
        stopped = asyncio.ensure_future(stopping.wait())
        waited: set[asyncio.Future[Any]] = {stopped, self._failed}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if self._failed.done():
            self._failed.result()

    async def stop(self) -> None:
        notify("STOPPING=1")
        await self._stack.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._failed.done():
            self._failed.cancel()

    @property
    def page_port(self) -> int:
        return self._page.port

    @property
    def sync_port(self) -> int | None:
        return self._sync.port if self._sync else None

    @property
    def device_key(self) -> bytes:
        """The public key that batches are signed with; the cloud pins it."""
        return self._signer.public_key

    def _supervise(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._failed.done():
            return
        error = task.exception()
        log.critical("the task %s ended: %r", task.get_name(), error)
        self._failed.set_exception(error or RuntimeError(f"{task.get_name()} ended"))

    async def _finish_turn(self) -> None:
        """Lets the sale under way end; what comes later is refused by the closing page."""
        try:
            async with asyncio.timeout(FINISH_S):
                await self._desk.finish()
        except TimeoutError:
            log.error("the counter did not finish its turn within %s s", FINISH_S)
        for task in self._tasks:
            task.cancel()

    async def _verify_behind(self) -> None:
        """The whole chain, once, while the counter sells: a start checks only what came after the
        last signed checkpoint. A broken link stops the ledger, and the page says so."""
        try:
            entries = await self._ledger.verify_chain()
            log.info("the journal's chain holds: %s entries", entries)
        except LedgerError as error:
            log.critical("the journal does not hold: %s", error)
            self._events.publish("ledger", {"ok": False, "stopped": error.key})

    async def _stay_alive(self) -> None:
        """Tells systemd that the loop turns and the ledger answers; silence restarts the daemon."""
        every_s = watchdog_interval_s()
        told = None
        while True:
            await self._ledger.read(lambda books: books.head())
            notify("WATCHDOG=1", f"STATUS={self._ledger.stopped or 'serving'}")
            problem = self._clock.reading().problem
            if problem != told:
                told = problem
                log.warning("the system's clock: %s", problem or "right again")
                self._events.publish("clock", clock_view(self._clock))
            await asyncio.sleep(every_s if every_s is not None else 60.0)

    # -- told to the pages -----------------------------------------------------------------------

    def _printer_changed(self, role: Role) -> None:
        if role is Role.CUSTOMER:
            self._events.publish("printer", self._printers.view())
        self._events.publish("printers", {"printers": self._printers.views()})

    def _receipt_changed(self, receipt_id: str, state: str) -> None:
        self._events.publish("receipt", {"receipt_id": receipt_id, "state": state})
        if state != "printing":
            self._desk.till.paper(receipt_id)

    def _sync_progressed(self) -> None:
        """Called after a pull or a receipt; what stands now is read and told in its own time."""
        telling = asyncio.ensure_future(self._tell_sync())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _tell_sync(self) -> None:
        try:
            self._events.publish("sync", await self._sync_view())
        except CounterError as error:
            log.warning("the state of the sync could not be read: %s", error)

    async def _sync_view(self) -> dict[str, Any]:
        synced = await progress(self._ledger)
        return {
            "sealed": synced.sealed,
            "receipted": synced.receipted,
            "last_pull_ms": self._sync.last_pull_ms if self._sync else None,
            "chain": chain_view(self._shop.chain.status()),
        }

    async def status(self) -> dict[str, Any]:
        """What the page's server adds its own view of the counter to."""
        return {
            "ledger": {"ok": self._ledger.stopped is None, "stopped": self._ledger.stopped},
            "readers": [reader_view(status) for status in self._readers.statuses()],
            "printer": self._printers.view(),
            "printers": self._printers.views(),
            "panel": self._panel.view(),
            "sync": await self._sync_view(),
            "clock": clock_view(self._clock),
            "version": __version__,
        }


def session_cookie(settings: Settings) -> str:
    """Counters of a chain may be open side by side in one browser, under one name: each has a
    cookie of its own."""
    if not settings.chain.belongs:
        return "counterd_session"
    return f"counterd_session_{hashlib.sha256(settings.device.id.encode()).hexdigest()[:8]}"


def chain_view(status: ChainStatus) -> dict[str, Any] | None:
    """None for a shop without a cloud."""
    if not status.belongs:
        return None
    return {
        "online": status.online,
        "since_ms": status.since_ms,
        "contact_ms": status.contact_ms,
        "waiting": status.waiting,
    }


def reader_view(status: ReaderStatus) -> dict[str, Any]:
    return {
        "name": status.name,
        "state": status.state.value,
        "card_present": status.card_present,
        "problem": status.problem,
    }


def make_readers(settings: Settings, keys: KeyFolder) -> CardReaders:
    merchant = hashlib.sha256(settings.device.merchant.encode()).digest()[:8]
    links = [_link(reader) for reader in settings.readers]
    chips = Readers(
        links,
        keys.card_keys(),
        system_id=SYSTEM_ID,
        merchant_hash=merchant,
        purse_keys=make_purse_keys(keys),
    )
    sources = swipe_sources(settings)
    if not sources:
        return chips
    kinds: list[Kind] = [TypingReaders(EvdevKeyboards()), SerialReaders(sources), HidReaders()]
    return Together(chips, SwipeReaders(sources, kinds))


def swipe_sources(settings: Settings) -> list[SwipeSource]:
    swipes = [
        SwipeSource(
            each.name,
            each.properties(),
            each.track,
            Form(each.lrc, each.enter_per_track, each.idle_ms),
            each.port,
            each.baud,
            each.line,
        )
        for each in settings.swipes
    ]
    return swipes + [
        SwipeSource(
            each.name,
            each.properties(),
            form=Form(idle_ms=each.idle_ms, codes=True),
            port=each.port,
            baud=each.baud,
            line=each.line,
        )
        for each in settings.scanners
    ]


def make_purse_keys(keys: KeyFolder) -> PurseKeys | None:
    """None where this till holds no purchase key: purses are numbers to it then."""
    purchases = keys.purse_masters("purchase")
    if not purchases:
        return None
    loads, tacs = keys.purse_masters("load"), keys.purse_masters("tac")
    return PurseKeys(
        PurchaseMasters(purchases),
        max(purchases),
        LoadMasters(loads) if loads else None,
        TacMasters(tacs) if tacs else None,
    )


def _link(reader: ReaderSettings) -> Link:
    if reader.kind == "vpcd":
        return VpcdLink(reader.host, reader.port)
    return PcscLink(frozenset(reader.names) or None)
