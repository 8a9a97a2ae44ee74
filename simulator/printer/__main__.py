"""`python -m simulator.printer`: the printer as a process of its own, with its control page."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path

from aiohttp import web

from simulator.printer.control import printer_routes
from simulator.printer.profile import WIDTHS_DOTS, Profile
from simulator.printer.server import Printer


def host_and_port(text: str) -> tuple[str, int]:
    """`H:P`, also `[::1]:P`. Raises argparse.ArgumentTypeError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.printer", description="A simulated ESC/POS printer."
    )
    add = parser.add_argument
    add("--listen", type=host_and_port, default=("127.0.0.1", 9100), metavar="H:P",
        help="raw printing port; port 0 takes a free one")  # fmt: skip
    add("--cable", type=Path, metavar="NAME",
        help="a serial or USB cable too, to be opened under this name")  # fmt: skip
    add("--control", type=host_and_port, default=("127.0.0.1", 9180), metavar="H:P",
        help="control page (HTTP)")  # fmt: skip
    add("--state", type=Path, required=True, metavar="DIR",
        help="where papers are kept as png, txt and json")  # fmt: skip
    add("--width", type=int, choices=WIDTHS_DOTS, default=WIDTHS_DOTS[0],
        help="dots per line: 576 for 80 mm, 384 for 58 mm")  # fmt: skip
    add("--encoding", choices=("gb18030", "gbk", "big5"), default="gb18030",
        help="the Chinese character ROM")  # fmt: skip
    add("--connections", type=int, default=1, metavar="N",
        help="connections served at the same time")  # fmt: skip
    return parser


async def run(options: argparse.Namespace) -> None:
    """Until SIGTERM or SIGINT. Prints one line when it is ready."""
    profile = Profile(width_dots=options.width, encoding=options.encoding)
    connections = max(1, options.connections)
    printer = Printer(options.state, profile, connections=connections, cable=options.cable)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await printer.start(*options.listen)
    app = web.Application()
    app.add_routes(printer_routes(printer))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, *options.control)
    await site.start()
    control = runner.addresses[0]
    for warning in printer.warnings:
        print(f"printer: {warning}", flush=True)
    print(
        f"printer ready at {printer.address[0]}:{printer.address[1]}, "
        f"control http://{control[0]}:{control[1]}/",
        flush=True,
    )
    failing = asyncio.create_task(printer.wait())
    waiting = asyncio.create_task(stopping.wait())
    done, _ = await asyncio.wait({failing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    await runner.cleanup()
    await printer.stop()
    waiting.cancel()
    if failing in done:
        failing.result()


def main() -> None:
    """Entry point."""
    asyncio.run(run(arguments().parse_args()))


if __name__ == "__main__":
    main()
