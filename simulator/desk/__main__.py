"""`python -m simulator.desk`: the simulated counter as a page for a person."""

from __future__ import annotations

import argparse
import asyncio
import signal

from aiohttp import web

from simulator.desk.relay import is_loopback
from simulator.desk.server import Desk, Places


def host_and_port(text: str) -> tuple[str, int]:
    """`H:P` with a loopback host. Raises argparse.ArgumentTypeError."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not is_loopback(host) or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT on loopback")
    return host, int(port)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.desk", description="The simulated counter on one page."
    )
    add = parser.add_argument
    add("--listen", type=host_and_port, default=("127.0.0.1", 8090), metavar="H:P",
        help="the desk page; port 0 takes a free one")  # fmt: skip
    add("--cashier-url", required=True, metavar="URL", help="the daemon's cashier page")
    add("--rack-url", required=True, metavar="URL", help="control of the card rack")
    add("--printer-url", required=True, metavar="URL", help="control of the simulated printer")
    add("--display-url", default="", metavar="URL", help="control of the customer display")
    return parser


async def run(listen: tuple[str, int], places: Places) -> None:
    """Until SIGTERM or SIGINT. Prints one line when it is ready."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    runner = web.AppRunner(Desk(places).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, *listen).start()
    host, port = runner.addresses[0][:2]
    print(f"desk ready http://{host}:{port}/", flush=True)
    await stopping.wait()
    await runner.cleanup()


def main() -> None:
    """Entry point."""
    parser = arguments()
    options = parser.parse_args()
    try:
        places = Places(
            options.cashier_url,
            options.rack_url.rstrip("/"),
            options.printer_url.rstrip("/"),
            options.display_url.rstrip("/"),
        )
    except ValueError as error:
        parser.error(str(error))
    asyncio.run(run(options.listen, places))


if __name__ == "__main__":
    main()
