"""`python -m simulator.branches`: the page of both branches, as a process."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from aiohttp import web

from simulator.branches.server import Branch, BranchesPage, Places
from simulator.desk.__main__ import host_and_port


def branch_of(text: str) -> Branch:
    """`NAME=URL`. Raises argparse.ArgumentTypeError."""
    name, _, url = text.partition("=")
    if not name.isalnum() or not url.startswith("http://"):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=http://HOST:PORT")
    return Branch(name, url.rstrip("/"))


async def run(listen: tuple[str, int], places: Places) -> None:
    """Until SIGTERM or SIGINT. Prints one line when it is ready."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(BranchesPage(places).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, *listen).start()
    print(f"branches ready http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await stopping.wait()
    await runner.cleanup()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="simulator.branches", description="Two branches.")
    add = parser.add_argument
    add("--listen", type=host_and_port, default=("127.0.0.1", 0), metavar="H:P")
    add("--branch", type=branch_of, action="append", required=True, metavar="NAME=URL")
    add("--rack-url", required=True, metavar="URL")
    add("--network-url", required=True, metavar="URL")
    add("--cloud-folder", required=True, type=Path, metavar="DIR", help="the cloud's own")
    options = parser.parse_args()
    places = Places(
        tuple(options.branch),
        options.rack_url.rstrip("/"),
        options.network_url.rstrip("/"),
        options.cloud_folder,
    )
    asyncio.run(run(options.listen, places))


if __name__ == "__main__":
    main()
