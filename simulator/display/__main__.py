"""`python -m simulator.display`: a customer display on a pseudo terminal, with its control page.

GET  /api/display        what stands on it: kind, lines, digits, lamp, unknown commands, fault
POST /api/display/fault  {"fault": "ok" | "unplugged" | "stalled"}
    POST /api/display/dark   its own power was away for a moment: nothing stands on it any more
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from pathlib import Path

from aiohttp import web

from simulator.display.line import FAULTS, PtyLine
from simulator.display.screen import KINDS, LAMPS, Glass


def host_and_port(text: str) -> tuple[str, int]:
    """`H:P`. Raises argparse.ArgumentTypeError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.display", description="A simulated customer display."
    )
    add = parser.add_argument
    add("--link", type=Path, required=True, help="path of the serial port that appears")
    add("--kind", choices=KINDS, default=KINDS[0], help="whose commands it obeys")
    add("--control", type=host_and_port, default=("127.0.0.1", 0), metavar="H:P",
        help="control page (HTTP); port 0 takes a free one")  # fmt: skip
    return parser


def seen(glass: Glass, line: PtyLine) -> dict[str, object]:
    return {
        "kind": glass.kind,
        "lines": glass.lines(),
        "digits": glass.digits,
        "lamp": LAMPS[glass.lamp],
        "painted": glass.painted,
        "unknown": glass.unknown,
        "fault": line.fault,
        "faults": FAULTS,
    }


def routes(glass: Glass, line: PtyLine) -> list[web.RouteDef]:
    async def look(_: web.Request) -> web.Response:
        return web.json_response(seen(glass, line))

    async def fault(request: web.Request) -> web.Response:
        try:
            line.set_fault(str((await request.json())["fault"]))
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        if line.fault == "unplugged":
            glass.power_on()
        return web.json_response(seen(glass, line))

    async def dark(_: web.Request) -> web.Response:
        glass.power_on()
        return web.json_response(seen(glass, line))

    return [
        web.get("/api/display", look),
        web.post("/api/display/fault", fault),
        web.post("/api/display/dark", dark),
    ]


async def run(options: argparse.Namespace) -> None:
    """Until SIGTERM or SIGINT. Prints one line when it is ready."""
    glass = Glass(options.kind)
    line = PtyLine(options.link, glass.take)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    line.plug_in()
    app = web.Application()
    app.add_routes(routes(glass, line))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, *options.control).start()
    host, port = runner.addresses[0][:2]
    print(f"display ready at {options.link}, control http://{host}:{port}/", flush=True)
    await stopping.wait()
    await runner.cleanup()
    line.pull_out()


def main() -> None:
    """Entry point."""
    asyncio.run(run(arguments().parse_args()))


if __name__ == "__main__":
    main()
