"""The processes of the storm: a database, clouds on it, and counters, each as in a shop but without
readers and paper. Whatever dies is started again, as systemd would do.

Between each counter and the cloud lies a `simulator.network.Cable`, in this process: cut, it drops
what is connected and refuses what comes, or says nothing at all. Cables and not network namespaces,
since namespaces need root and a machine that lets one have it, and what a daemon sees of a line is
the same: connections that end, that are refused, or that hear nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulator import postgres
from simulator.appliance import Processes, run_module
from simulator.demo_shop import EMPLOYEES
from simulator.network import Cable
from simulator.ports import free_port
from tests.chain_storm.disk import SmallDisk

MERCHANT: Final = "storm"
AGAIN_S: Final = 1.0
STANDBY: Final = "standby"
_EMPLOYEES: Final = EMPLOYEES[:1]


class Database:
    """SQLite in the cloud's folder, or a PostgreSQL primary whose commits wait for a standby.

    After `fail_over` the standby is the primary and waits for nobody: what was answered before is
    on it, since no commit was answered that it had not written."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.kind = kind
        self.url: str | None = None
        self._servers: list[postgres.Server] = []
        if kind == "postgres":
            for _ in range(2):
                server = stack.enter_context(postgres.folder())
                if server is None:
                    raise RuntimeError("PostgreSQL is not installed: --database sqlite")
                self._servers.append(server)

    def start(self) -> None:
        if not self._servers:
            return
        primary, standby = self._servers
        primary.initialise()
        primary.start("wal_level=replica", "max_wal_senders=4", "max_connections=80")
        standby.follow(primary, STANDBY)
        standby.start("hot_standby=on", "max_connections=80")
        primary.configure(f"synchronous_standby_names = 'FIRST 1 ({STANDBY})'")
        homes = ",".join(str(server.home) for server in self._servers)
        self.url = f"postgresql://{postgres.USER}@/postgres?host={homes}"
        self.url += f"&port={postgres.PORT},{postgres.PORT}&target_session_attrs=primary"

    @property
    def clouds(self) -> int:
        """How many processes may share it."""
        return 2 if self._servers else 1

    @property
    def can_fail_over(self) -> bool:
        return bool(self._servers)

    def fail_over(self) -> None:
        """SIGKILL to the primary and all its children; the standby takes its place."""
        primary, standby = self._servers
        primary.kill()
        standby.promote()


@dataclass
class Keeper:
    """Keeps one process running. `fell` counts ends that nobody asked for."""

    processes: Processes
    name: str
    command: tuple[str, ...]
    ready: str
    lives: int = 0
    fell: int = 0
    up: asyncio.Event = field(default_factory=asyncio.Event)
    _killed: bool = False
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._begin()
        self._task = asyncio.create_task(self._keep(), name=f"keep-{self.name}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def kill(self) -> bool:
        """SIGKILL, where it is up."""
        if not self.up.is_set():
            return False
        self._killed = True
        self.up.clear()
        self.processes.kill(self.name)
        return True

    async def _begin(self) -> None:
        await self.processes.start(self.name, *self.command, ready=self.ready)
        self.lives += 1
        self.up.set()

    async def _keep(self) -> None:
        while True:
            await self.processes.ended(self.name)
            self.up.clear()
            self.fell += not self._killed
            self._killed = False
            while not self.up.is_set():
                await asyncio.sleep(AGAIN_S)
                try:
                    await self._begin()
                except RuntimeError:
                    # The database may be away for a moment; the unit tries again as well.
                    continue


class CounterProcess:
    """One device: its folder, its page, the cable to its cloud."""

    def __init__(self, number: int, folder: Path, processes: Processes, cable: Cable) -> None:
        self.device = _device(number)
        self.store = f"S{number + 1:02}"
        self.first = number == 0
        self.folder = folder / self.device
        self.config = self.folder / "counterd.toml"
        self.page_port = free_port()
        self.sync_port = free_port()
        self.cable = cable
        self.disk: SmallDisk | None = None
        run = (sys.executable, "-m", "daemon", "run", "--config", str(self.config))
        self.keeper = Keeper(processes, self.device, run, "counterd ready")

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    def make(self, code: str, cloud: str, site: Path, first: Path, small_disk: bool) -> None:
        """Keys, ledger, the certificate for a one-time code. The first device makes the key that
        members are sealed with; employees come down to the others."""
        self.folder.mkdir(parents=True)
        if small_disk:
            self.disk = SmallDisk(self.folder / "ledger")
        self.config.write_text(self._toml(), encoding="utf-8")
        config = ("--config", str(self.config))
        run_module("daemon", "init", *config, "--json")
        for employee in _EMPLOYEES if self.first else ():
            who = ("--number", employee.number, "--name", employee.name, "--role", employee.role)
            run_module("daemon", "employee", *config, *who, told=employee.pin)
        once = self.folder / "code"
        once.touch(mode=0o600)
        once.write_text(code)
        key = ("--new-member-key",) if self.first else ("--member-key-file", str(first))
        told = ("--code-file", str(once), "--cloud", cloud, "--ca", str(site / "ca.pem"))
        run_module("daemon", "enrol", *config, *told, *key)
        once.unlink()

    def _toml(self) -> str:
        return f"""\
reader = []

[device]
id = "{self.device}"
store = "{self.store}"
merchant = "{MERCHANT}"
name = "{self.device}"

[shop]
name = "Storm"

[storage]
ledger = "ledger/counterd.db"
keys = "keys"

[web]
port = {self.page_port}

[sync]
identity = "tls"
port = {self.sync_port}

[printer]
kind = "none"

[chain]
url = "https://localhost:{self.cable.port}"
identity = "chain"
"""


class Town:
    """`start`, then `stop`; `stop_counters` lets the ledgers rest for the audit."""

    def __init__(
        self, state: Path, devices: int, database: Database, small_disks: bool = False
    ) -> None:
        self.state = state
        self.site = state / "cloud"
        self.database = database
        self.processes = Processes(state / "logs")
        self.cloud_ports = [free_port() for _ in range(database.clouds)]
        self.clouds: list[Keeper] = []
        self.counters: list[CounterProcess] = []
        self._devices = devices
        self._small_disks = small_disks

    def identity(self, number: int) -> Path:
        """The folder of that counter's certificate, once it is enrolled."""
        return self.state / _device(number) / "chain"

    async def start(self) -> None:
        await asyncio.to_thread(self.database.start)
        init = ("cloud", "init", *self._where(), "--merchant", MERCHANT)
        await asyncio.to_thread(run_module, *init)
        for number, port in enumerate(self.cloud_ports):
            serve = (sys.executable, "-m", "cloud", "serve", *self._where())
            listen = ("--host", "127.0.0.1", "--port", str(port))
            keeper = Keeper(self.processes, f"cloud-{number}", (*serve, *listen), "{")
            self.clouds.append(keeper)
            await keeper.start()

    async def open_counters(self, lines: list[int]) -> None:
        """`lines`: the port that the cable of each counter leads to."""
        for number, port in enumerate(lines):
            cable = Cable(f"c{number}", "127.0.0.1", port)
            await cable.start()
            counter = CounterProcess(number, self.state, self.processes, cable)
            self.counters.append(counter)
        first, *others = self.counters
        await self._open(first)
        await asyncio.gather(*(self._open(each) for each in others))

    async def _open(self, counter: CounterProcess) -> None:
        asked = ("--device", counter.device, "--branch", counter.store, "--json")
        told = await asyncio.to_thread(run_module, "cloud", "enrol-code", *self._where(), *asked)
        cloud = f"https://localhost:{self.cloud_ports[0]}"
        key = self.counters[0].folder / "keys" / "member-key"
        code = str(json.loads(told)["code"])
        await asyncio.to_thread(counter.make, code, cloud, self.site, key, self._small_disks)
        await counter.keeper.start()

    async def force(self, counter: CounterProcess) -> None:
        """What an operator does about a counter that is gone."""
        asked = ("--device", counter.device, "--reason", "storm")
        await asyncio.to_thread(run_module, "cloud", "force", *self._where(), *asked)

    async def stop(self) -> None:
        for keeper in (*(each.keeper for each in self.counters), *self.clouds):
            await keeper.stop()
        await self.processes.stop()
        for counter in self.counters:
            await counter.cable.stop()

    def _where(self) -> tuple[str, ...]:
        url = self.database.url
        return ("--folder", str(self.site), *(() if url is None else ("--database", url)))


def _device(number: int) -> str:
    return f"storm-{number + 1:02}"
