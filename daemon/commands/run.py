"""`counterd run --config FILE`: serves until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal

from daemon.app import Appliance
from daemon.config import Settings, load
from daemon.system.notify import notify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    assert parser is not None


def carry_out(arguments: argparse.Namespace) -> int:
    """Exit code 0 after an orderly stop."""
    asyncio.run(serve(load(arguments.config)))
    return 0


async def serve(settings: Settings) -> None:
    """Prints `counterd ready` with the page's address when the counter can sell."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    appliance = Appliance(settings)
    await appliance.start()
    try:
        notify("READY=1")
        where = f"http://{settings.web.host}:{appliance.page_port}/"
        print(f"counterd ready {where} sync={appliance.sync_port}", flush=True)
        await appliance.run(stopping)
    finally:
        await appliance.stop()
