"""The rack as a program: `python -m simulator.cards --state DIR --listen H:P --vpcd-port P`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from simulator.cards.control import is_loopback, rack_app
from simulator.cards.demo import seed_demo
from simulator.cards.rack import Rack
from simulator.cards.shelf import Shelf, ShelfError

VPCD_PORT = 35963


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Exits with 2 on a mistake."""
    parser = argparse.ArgumentParser(prog="simulator.cards", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the cards")
    parser.add_argument("--vpcd-host", default="127.0.0.1")
    parser.add_argument("--vpcd-port", type=int, default=VPCD_PORT)
    parser.add_argument("--listen", default="127.0.0.1:0", help="HOST:PORT on loopback")
    parser.add_argument("--seed", choices=["demo"], help="make the demo cards where missing")
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    if not is_loopback(host) or not port.isdigit():
        parser.error("--listen is HOST:PORT with a loopback host")
    options.listen = (host.strip("[]"), int(port))
    return options


async def serve(rack: Rack, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT. Prints one line when the API answers."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    runner = web.AppRunner(rack_app(rack), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    address = runner.addresses[0]
    print(f"cards ready http://{address[0]}:{address[1]}", flush=True)
    await stopping.wait()
    await runner.cleanup()


def main(arguments: list[str]) -> int:
    """Exit code 1 where the state folder is unusable or the address is taken."""
    options = parse_arguments(arguments)
    try:
        rack = Rack(Shelf(options.state), options.vpcd_host, options.vpcd_port)
        if options.seed:
            seed_demo(rack)
        asyncio.run(serve(rack, *options.listen))
    except (ShelfError, OSError) as error:
        print(f"simulator.cards: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
