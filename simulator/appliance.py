"""The simulated appliance: the real daemon with virtual far sides, on a laptop.

`python -m simulator.appliance` starts, each as a process of its own, a pcscd with a virtual reader
(in a private mount namespace, where this user may make one), the card rack, the receipt printer,
the counter desk's page, and the daemon; fills a demo shop through the daemon's own API on first
start; prints where to go. Without pcscd the cards connect straight to the daemon. The daemon is
started again when it dies, as systemd would do. State lives in `--state`.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.demo_shop import EMPLOYEES, SAMPLES, DemoEmployee, fill_shop
from simulator.ports import free_pair, free_port
from simulator.private_pcscd import can_run_pcscd, enter_namespace, start_pcscd

READY_S = 60.0
VPCD_PORT = 35963
"""vpcd's own: other virtual cards look for a reader there."""
AGAIN_S = 1.0
"""Pause before a daemon that died is started again, as in the unit (RestartSec)."""


class Processes:
    """Children, stopped in the reverse of their order."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[str, Process]] = []
        logs.mkdir(parents=True, exist_ok=True)

    async def launch(self, name: str, *command: str, told: int | None = None) -> Process:
        """Starts `command` with its output in the log; `told` may divert its standard output."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log if told is None else told,
                stderr=log,
                start_new_session=True,
            )
        self._running.append((name, process))
        return process

    async def start(self, name: str, *command: str, ready: str) -> str:
        """Starts `command` and waits for a line that begins with `ready`, which is returned.

        Raises RuntimeError with the end of its log when it dies before."""
        process = await self.launch(name, *command, told=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_S):
                while line := (await process.stdout.readline()).decode():
                    if line.startswith(ready):
                        return line.strip()
        except TimeoutError:
            pass
        tail = (self._logs / f"{name}.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{name} did not start:\n{tail}")

    def pid(self, name: str) -> int:
        """Of the newest process of that name."""
        return next(p for kept, p in reversed(self._running) if kept == name).pid

    def kill(self, name: str) -> None:
        """SIGKILL to the newest process of that name: what a power cut is to it."""
        next(p for kept, p in reversed(self._running) if kept == name).kill()

    async def ended(self, name: str) -> int:
        """Waits until the newest process of that name has ended; its exit code."""
        process = next(p for kept, p in reversed(self._running) if kept == name)
        return await process.wait()

    async def stop(self) -> None:
        for _, process in reversed(self._running):
            if process.returncode is None:
                process.terminate()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(15):
                        await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after Ctrl-C; 1 when something could not be started."""
    parser = argparse.ArgumentParser(prog="./dev run", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--state", type=Path, help="default: .dev/demo, one for each sample")
    parser.add_argument(
        "--sample", choices=SAMPLES, default="", help="begin with this sample shop's rules"
    )
    parser.add_argument("--port", type=int, default=8080, help="the cashier page")
    parser.add_argument("--desk-port", type=int, default=8081, help="cards, reader and paper")
    parser.add_argument("--direct", action="store_true", help="without pcscd, even if it is there")
    parser.add_argument("--pull", action="store_true", help="act as the cloud, once")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    usual = Path(".dev", f"demo-{options.sample}" if options.sample else "demo")
    options.state = (options.state or usual).absolute()
    if options.pull:
        return pull(options.state, options.rest)
    if not options.direct and can_run_pcscd():
        enter_namespace("simulator.appliance", sys.argv[1:] if arguments is None else arguments)
    elif not options.direct:
        print("no pcscd with a virtual reader here: cards connect straight to the daemon")
    try:
        return asyncio.run(serve(options))
    except RuntimeError as error:
        print(f"simulated appliance: {error}", file=sys.stderr)
        return 1


def pull(state: Path, more: Sequence[str]) -> int:
    """Runs the cloud's one command against the running demo."""
    try:
        known = json.loads((state / "cloud.json").read_text())
    except FileNotFoundError:
        print("start the simulated appliance first: ./dev run", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "cloud", "pull", *known, *more]
    return subprocess.call(command)


@dataclass(frozen=True)
class Who:
    """What the configuration says of one device. `reader` and `chain` are tables of it, in TOML."""

    device: str
    store: str
    name: str
    reader: str = ""
    chain: str = ""


POLE = """\
[[display]]
name = "pole"
port = "{path}"
profile = "cd5220"
balance = true
"""

LONE = Who("demo-01", "S01", "1号柜台")


class SimulatedAppliance:
    """All processes of one appliance. `page_port` 0 picks a free one; `desk_port` None: no desk,
    and no customer display that it would show. `frame_port` is that of the page which has the
    cashier's in a frame. `pcsc`: a real pcscd (this process must be inside `enter_namespace`), else
    cards wired in. `vpcd_port` is where cards connect, if it is free."""

    def __init__(
        self,
        state: Path,
        *,
        page_port: int,
        desk_port: int | None,
        pcsc: bool,
        vpcd_port: int | None = None,
        who: Who = LONE,
    ) -> None:
        self.state = state
        self.who = who
        self.pcsc = pcsc
        self.page_port = page_port or free_port()
        self.desk_port = self.frame_port = desk_port
        self.vpcd, self.sync_port = free_pair(vpcd_port), free_port()
        self.rack_port, self.printer_port, self.paper_port = (free_port() for _ in range(3))
        self.pole_port = free_port()
        self.processes = Processes(state / "logs")
        self.config = state / "counterd.toml"

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def rack(self) -> str:
        return f"http://127.0.0.1:{self.rack_port}"

    @property
    def printer(self) -> str:
        return f"http://127.0.0.1:{self.printer_port}"

    @property
    def pole(self) -> Path:
        """The serial port of the customer display, which only a desk that shows it has."""
        return self.state / "pole"

    @property
    def desk(self) -> str:
        return f"http://127.0.0.1:{self.desk_port}"

    async def start(self) -> None:
        """Far sides first, then the daemon, then the desk. Raises RuntimeError."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self.pcsc:
            await start_pcscd(self.processes, self.state, self.vpcd)
        await self._start_far_sides()
        write_config(self)
        init_device(self)
        await self.start_daemon()
        if self.desk_port is not None:
            await self._start_desk(self.desk_port)

    async def _start_far_sides(self) -> None:
        module = (sys.executable, "-m")
        await self.processes.start(
            "cards",
            *(*module, "simulator.cards", "--state", str(self.state / "cards"), "--seed", "demo"),
            *("--vpcd-port", str(self.vpcd), "--listen", f"127.0.0.1:{self.rack_port}"),
            ready="cards ready",
        )
        await self.start_printer()
        if self.desk_port is not None:
            await self.processes.start(
                "display",
                *(sys.executable, "-m", "simulator.display", "--link", str(self.pole)),
                *("--kind", "cd5220", "--control", f"127.0.0.1:{self.pole_port}"),
                ready="display ready",
            )

    async def start_printer(self) -> None:
        await self.processes.start(
            "printer",
            *(sys.executable, "-m", "simulator.printer"),
            *("--listen", f"127.0.0.1:{self.paper_port}"),
            *("--control", f"127.0.0.1:{self.printer_port}"),
            *("--state", str(self.state / "papers"), "--width", "576"),
            ready="printer ready",
        )

    async def _start_desk(self, port: int) -> None:
        await self.processes.start(
            "desk",
            *(sys.executable, "-m", "simulator.desk", "--listen", f"127.0.0.1:{port}"),
            *("--cashier-url", self.page, "--rack-url", self.rack, "--printer-url", self.printer),
            *("--display-url", f"http://127.0.0.1:{self.pole_port}"),
            ready="desk ready",
        )

    async def start_daemon(self) -> None:
        await self.processes.start(
            "counterd",
            *(sys.executable, "-m", "daemon", "run", "--config", str(self.config)),
            ready="counterd ready",
        )

    async def fill(self, sample: str = "") -> None:
        """Fills the demo shop, once in the life of the state folder; with the rules of `sample`
        where that is named."""
        marker = self.state / "filled"
        if not marker.exists():
            await fill_shop(self.page, self.rack, sample)
            marker.touch()

    async def daemon_ended(self) -> int:
        return await self.processes.ended("counterd")

    async def stop(self) -> None:
        await self.processes.stop()


async def serve(options: argparse.Namespace) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    appliance = SimulatedAppliance(
        options.state,
        page_port=options.port,
        desk_port=options.desk_port,
        pcsc=not options.direct and can_run_pcscd(),
        vpcd_port=VPCD_PORT,
    )
    try:
        await appliance.start()
        if not (options.state / "filled").exists():
            print("filling the demo shop (once): members, cards, first sales ...", flush=True)
        await appliance.fill(options.sample)
        announce(appliance)
        await _watch(appliance, stopping)
    finally:
        await appliance.stop()
    return 0


async def _watch(appliance: SimulatedAppliance, stopping: asyncio.Event) -> None:
    """Starts the daemon again when it dies, until somebody presses Ctrl-C."""
    stopped = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        ended = asyncio.create_task(appliance.daemon_ended())
        await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            ended.cancel()
            return
        print(f"counterd ended with {ended.result()}; starting it again", flush=True)
        await asyncio.sleep(AGAIN_S)
        await appliance.start_daemon()
        print("counterd ready", flush=True)


def announce(appliance: SimulatedAppliance) -> None:
    reader = "a real pcscd with a virtual reader" if appliance.pcsc else "cards wired straight in"
    print(f"""
  Counter desk   {appliance.desk}/   cards, reader, paper and the page ({reader})
  Cashier page   {appliance.page}/
""")
    for employee in EMPLOYEES:
        print(f"  Employee {employee.number}  PIN {employee.pin}  ({employee.role})")
    print("  Bob's UID card asks for his PIN: 135790")
    print(f"  Virtual cards of others connect to 127.0.0.1:{appliance.vpcd} (vpcd's protocol)")
    print("  As the cloud:  ./dev pull\n")
    print("counterd ready", flush=True)


def write_config(appliance: SimulatedAppliance) -> None:
    """The daemon's configuration of this run; ports change, the rest does not."""
    cloud_key = cloud_signing_key(appliance.state)
    wired = f'kind = "vpcd"\nport = {appliance.vpcd}'
    reader = appliance.who.reader or ('kind = "pcsc"' if appliance.pcsc else wired)
    who = appliance.who
    frame = "" if appliance.frame_port is None else f'"http://127.0.0.1:{appliance.frame_port}"'
    pole = "" if appliance.desk_port is None else POLE.format(path=appliance.pole)
    appliance.config.write_text(
        f"""\
[device]
id = "{who.device}"
store = "{who.store}"
merchant = "demo"
name = "{who.name}"

[shop]
name = "示范会员店 Demo Shop"
phone = "021-0000 0000"
address = "示范路 1 号"
footer = "凭小票七日内可查询"

[storage]
ledger = "ledger/counterd.db"
keys = "keys"

[web]
port = {appliance.page_port}
frame_ancestors = [{frame}]
demo = true

[sync]
identity = "tls"
port = {appliance.sync_port}
cloud_keys = ["{cloud_key}"]

[[reader]]
{reader}

[printer]
kind = "network"
host = "127.0.0.1"
port = {appliance.paper_port}
width_mm = 80

{pole}
{who.chain}
""",
        encoding="utf-8",
    )


def cloud_signing_key(state: Path) -> str:
    """Makes the demo cloud's key once; returns its public half in hex."""
    key, public = state / "cloud" / "signing.key", state / "cloud" / "signing.pub"
    if not public.exists():
        key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.unlink(missing_ok=True)
        public.write_text(run_module("cloud", "keygen", "--out", str(key)))
    return public.read_text().strip()


def init_device(appliance: SimulatedAppliance, staff: Sequence[DemoEmployee] = EMPLOYEES) -> None:
    """Keys, certificates, ledger and employees, where they are missing."""
    state, config = appliance.state, str(appliance.config)
    identity = json.loads(run_module("daemon", "init", "--config", config, "--json"))
    if not (state / "staffed").exists():
        for employee in staff:
            run_module(
                *("daemon", "employee", "--config", config, "--number", employee.number),
                *("--name", employee.name, "--role", employee.role),
                told=employee.pin,
            )
        (state / "staffed").touch()
    known = [
        *("--device", f"https://localhost:{appliance.sync_port}"),
        *("--device-key", identity["device_key"], "--ca", identity["ca"]),
        *("--cert", identity["client"], "--key", identity["client_key"]),
        *("--store", str(state / "cloud" / "store.sqlite")),
        *("--signing-key", str(state / "cloud" / "signing.key")),
    ]
    (state / "cloud.json").write_text(json.dumps(known))


def run_module(module: str, *arguments: str, told: str | None = None) -> str:
    """What `python -m module` says; `told` goes to its standard input. Raises RuntimeError."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=None if told is None else told + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
