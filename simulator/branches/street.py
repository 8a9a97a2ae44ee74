"""`./dev run chain`: two branches of one merchant and their cloud on one machine.

Everything is a process of its own: a pcscd with two virtual readers, one rack of cards, a receipt
printer and a daemon for each branch, the cloud, and between each branch and the cloud a cable that
can be pulled on the page. State lives in `--state`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.appliance import (
    VPCD_PORT,
    Processes,
    SimulatedAppliance,
    Who,
    init_device,
    run_module,
    write_config,
)
from simulator.demo_shop import EMPLOYEES, fill_shop
from simulator.ports import free_pair, free_port
from simulator.private_pcscd import can_run_pcscd, enter_namespace, start_pcscd

NAMES: Final = ("A", "B")
READER: Final = "counterd virtual reader 00 0{slot}"
CARD_KEYS: Final = ("card-application-1", "card-load-1", "card-picc-1", "card-spend-1")
AGAIN_S: Final = 1.0


@dataclass
class Branch:
    """`slot` is which of the two virtual readers stands at it."""

    name: str
    slot: int
    appliance: SimulatedAppliance


class Street:
    """All processes. `page_port` is the page of both branches; 0 picks a free one."""

    def __init__(self, state: Path, *, page_port: int, pcsc: bool) -> None:
        self.state = state
        self.pcsc = pcsc
        self.page_port = page_port or free_port()
        self.cloud_port = free_port()
        self.vpcd = free_pair(VPCD_PORT)
        self.rack_port, self.network_port = free_port(), free_port()
        self.processes = Processes(state / "logs")
        self.branches: list[Branch] = []

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    @property
    def rack(self) -> str:
        return f"http://127.0.0.1:{self.rack_port}"

    @property
    def network(self) -> str:
        return f"http://127.0.0.1:{self.network_port}"

    @property
    def cloud(self) -> str:
        return f"https://localhost:{self.cloud_port}"

    @property
    def cloud_folder(self) -> Path:
        return self.state / "cloud"

    async def start(self) -> None:
        """Far sides, the cloud, cables, the branches, the page. Raises RuntimeError."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self.pcsc:
            await start_pcscd(self.processes, self.state, self.vpcd)
        await self._start_cloud()
        cables = await self._start_network()
        await self._start_rack()
        for slot, name in enumerate(NAMES):
            await self._start_branch(name, slot, cables[name])
        await self._start_page()

    async def stop(self) -> None:
        for branch in reversed(self.branches):
            await branch.appliance.stop()
        await self.processes.stop()

    async def _start_cloud(self) -> None:
        folder = str(self.cloud_folder)
        await asyncio.to_thread(
            run_module, "cloud", "init", "--folder", folder, "--merchant", "demo"
        )
        await self.processes.start(
            "cloud",
            *(sys.executable, "-m", "cloud", "serve", "--folder", folder),
            *("--host", "127.0.0.1", "--port", str(self.cloud_port)),
            ready="{",
        )

    async def _start_network(self) -> dict[str, int]:
        """The port of each cable's near end."""
        cables = [f"{name}=127.0.0.1:{self.cloud_port}" for name in NAMES]
        told = await self.processes.start(
            "network",
            *(sys.executable, "-m", "simulator.network"),
            *("--listen", f"127.0.0.1:{self.network_port}"),
            *(part for cable in cables for part in ("--cable", cable)),
            ready="network ready",
        )
        ports = (part.partition("=") for part in told.split()[3:])
        return {name: int(port) for name, _, port in ports}

    async def _start_rack(self) -> None:
        await self.processes.start(
            "cards",
            *(sys.executable, "-m", "simulator.cards", "--state", str(self.state / "cards")),
            *("--seed", "demo", "--vpcd-port", str(self.vpcd)),
            *("--listen", f"127.0.0.1:{self.rack_port}"),
            ready="cards ready",
        )

    async def _start_branch(self, name: str, slot: int, cable: int) -> None:
        reader = f'kind = "vpcd"\nport = {self.vpcd + slot}'
        if self.pcsc:
            reader = f'kind = "pcsc"\nnames = ["{READER.format(slot=slot)}"]'
        chain = f'[chain]\nurl = "https://localhost:{cable}"\nidentity = "chain"\n'
        who = Who(f"demo-0{slot + 1}", f"S0{slot + 1}", f"分店 {name}", reader, chain)
        appliance = SimulatedAppliance(
            self.state / name, page_port=0, desk_port=None, pcsc=self.pcsc, who=who
        )
        appliance.frame_port = self.page_port
        appliance.state.mkdir(parents=True, exist_ok=True)
        await appliance.start_printer()
        self.branches.append(Branch(name, slot, appliance))
        write_config(appliance)
        await asyncio.to_thread(self._enrol, appliance, slot)
        await appliance.start_daemon()

    def _enrol(self, appliance: SimulatedAppliance, slot: int) -> None:
        """Keys, the one-time code and the certificate, once. The first branch makes the keys that
        all of them share; its staff come down to the other one through the cloud."""
        first = self.branches[0].appliance
        init_device(appliance, staff=EMPLOYEES if slot == 0 else ())
        if slot:
            for name in CARD_KEYS:
                shutil.copy(first.state / "keys" / name, appliance.state / "keys" / name)
        if (appliance.state / "chain" / "device.pem").exists():
            return
        code = json.loads(
            run_module(
                *("cloud", "enrol-code", "--folder", str(self.cloud_folder), "--json"),
                *("--device", appliance.who.device, "--branch", appliance.who.store),
            )
        )
        once = appliance.state / "code"
        once.touch(mode=0o600)
        once.write_text(str(code["code"]))
        shared: tuple[str, ...] = ("--new-member-key",)
        if slot:
            shared = ("--member-key-file", str(first.state / "keys" / "member-key"))
        run_module(
            *("daemon", "enrol", "--config", str(appliance.config), "--code-file", str(once)),
            *("--cloud", self.cloud, "--ca", str(self.cloud_folder / "ca.pem"), *shared),
        )
        once.unlink()

    async def _start_page(self) -> None:
        pages = [f"{branch.name}={branch.appliance.page}" for branch in self.branches]
        await self.processes.start(
            "page",
            *(sys.executable, "-m", "simulator.branches"),
            *("--listen", f"127.0.0.1:{self.page_port}", "--rack-url", self.rack),
            *("--network-url", self.network, "--cloud-folder", str(self.cloud_folder)),
            *(part for page in pages for part in ("--branch", page)),
            ready="branches ready",
        )

    async def fill(self) -> None:
        """Members, cards and money, made at branch A; once."""
        marker = self.state / "filled"
        if not marker.exists():
            await fill_shop(self.branches[0].appliance.page, self.rack)
            marker.touch()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after Ctrl-C; 1 when something could not be started."""
    parser = argparse.ArgumentParser(prog="./dev run chain")
    parser.add_argument("--state", type=Path, default=Path(".dev", "chain"))
    parser.add_argument("--port", type=int, default=8081, help="the page of both branches")
    parser.add_argument("--direct", action="store_true", help="without pcscd, even if it is there")
    options = parser.parse_args(arguments)
    options.state = options.state.absolute()
    pcsc = not options.direct and can_run_pcscd()
    if pcsc:
        enter_namespace(
            "simulator.branches.street", sys.argv[1:] if arguments is None else arguments
        )
    elif not options.direct:
        print("no pcscd with a virtual reader here: cards connect straight to the daemons")
    try:
        return asyncio.run(serve(options, pcsc=pcsc))
    except (RuntimeError, subprocess.SubprocessError) as error:
        print(f"simulated chain: {error}", file=sys.stderr)
        return 1


async def serve(options: argparse.Namespace, *, pcsc: bool) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    street = Street(options.state, page_port=options.port, pcsc=pcsc)
    try:
        await street.start()
        if not (options.state / "filled").exists():
            print("filling branch A (once): members, cards, first sales ...", flush=True)
        await street.fill()
        announce(street)
        await asyncio.gather(*(watch(branch, stopping) for branch in street.branches))
    finally:
        await street.stop()
    return 0


async def watch(branch: Branch, stopping: asyncio.Event) -> None:
    """Starts a daemon again when it dies, until somebody presses Ctrl-C."""
    stopped = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        ended = asyncio.create_task(branch.appliance.daemon_ended())
        await asyncio.wait({stopped, ended}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.is_set():
            ended.cancel()
            return
        print(f"branch {branch.name} ended with {ended.result()}; starting it again", flush=True)
        await asyncio.sleep(AGAIN_S)
        await branch.appliance.start_daemon()


def announce(street: Street) -> None:
    print(f"\n  Both branches  {street.page}/   cables, cards, and the cloud's books")
    for branch in street.branches:
        print(f"  Branch {branch.name}       {branch.appliance.page}/")
    print()
    for employee in EMPLOYEES:
        print(f"  Employee {employee.number}  PIN {employee.pin}  ({employee.role})")
    print("  Bob's UID card asks for his PIN: 135790")
    print("\n  Cut the network of one branch on the page, spend at both, join it again.\n")
    print("counterd ready", flush=True)


if __name__ == "__main__":
    sys.exit(main())
