"""Network cables that can be pulled: `python -m simulator.network --cable A=127.0.0.1:8443`.

Each cable listens on a port of its own and passes bytes on to one address. A cable that is cut
drops what is connected and takes nothing new until it is joined again: whoever calls is refused at
once, or (mode `silent`) hears nothing at all, as on a dead line. Loopback only; the control API is
for the demo's page and for tests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.desk.__main__ import host_and_port
from simulator.desk.relay import is_loopback

PIECE = 64 * 1024
ENDED_S = 2.0
"""What is on a line ends at once when it is cut."""
MODES = ("joined", "refused", "silent")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cable:
    """One line to `host`:`port`. `passed` counts bytes in both directions."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self.mode = "joined"
        self.delay_s = 0.0
        self.passed = 0
        self.port = 0
        self._far = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._held: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def set(self, mode: str, delay_ms: int = 0) -> None:
        """Cuts or joins; `delay_ms` is added to each piece that passes."""
        self.mode = mode
        self.delay_s = delay_ms / 1000
        if mode != "joined":
            for writer in list(self._open):
                writer.transport.abort()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.set("refused")
        if self._held:
            _, pending = await asyncio.wait(self._held, timeout=ENDED_S)
            for task in pending:
                task.cancel()

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "port": self.port,
            "mode": self.mode,
            "delay_ms": round(self.delay_s * 1000),
            "passed": self.passed,
            "open": len(self._open) // 2,
        }

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._held.add(task)
        try:
            await self._carry(reader, writer)
        finally:
            self._held.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "refused":
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            if self.mode == "silent":
                # Nothing is read and nothing is said until the caller gives up or it is joined.
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    await writer.wait_closed()
                return
            await self._pass_on(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._far)
        except OSError:
            return
        self._open.add(far_writer)
        try:
            ways = (self._pump(reader, far_writer), self._pump(far_reader, writer))
            await asyncio.gather(*ways)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            self.passed += len(piece)
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


class Network:
    """The cables and their control API."""

    def __init__(self, cables: list[Cable]) -> None:
        self.cables = {cable.name: cable for cable in cables}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_only_here], client_max_size=1024)
        app.add_routes(
            [web.get("/api/cables", self._list), web.post("/api/cables/{name}", self._set)]
        )
        return app

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([cable.described() for cable in self.cables.values()])

    async def _set(self, request: web.Request) -> web.StreamResponse:
        cable = self.cables.get(request.match_info["name"])
        try:
            body = await request.json()
            mode, delay_ms = body["mode"], body.get("delay_ms", 0)
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": "the body is {mode, delay_ms}"}, status=400)
        if cable is None:
            return web.json_response({"error": "no such cable"}, status=404)
        if mode not in MODES or type(delay_ms) is not int or not 0 <= delay_ms <= 60_000:
            return web.json_response({"error": f"mode is one of {MODES}"}, status=400)
        cable.set(mode, delay_ms)
        return web.json_response(cable.described())


@web.middleware
async def _only_here(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_loopback(request.host.rpartition(":")[0] or request.host):
        return web.json_response({"error": "this is for the machine itself"}, status=403)
    return await handler(request)


def cable_of(text: str) -> Cable:
    """`NAME=H:P`. Raises argparse.ArgumentTypeError."""
    name, _, address = text.partition("=")
    if not name.isalnum():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=HOST:PORT")
    return Cable(name, *host_and_port(address))


async def run(listen: tuple[str, int], cables: list[Cable]) -> None:
    """Until SIGTERM or SIGINT. Prints the ports of the cables when they are ready."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    for cable in cables:
        await cable.start()
    runner = web.AppRunner(Network(cables).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, *listen).start()
    ports = " ".join(f"{cable.name}={cable.port}" for cable in cables)
    print(f"network ready http://127.0.0.1:{runner.addresses[0][1]} {ports}", flush=True)
    await stopping.wait()
    for cable in cables:
        await cable.stop()
    await runner.cleanup()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="simulator.network", description="Cables to be pulled.")
    parser.add_argument("--listen", type=host_and_port, default=("127.0.0.1", 0), metavar="H:P")
    parser.add_argument("--cable", type=cable_of, action="append", required=True)
    options = parser.parse_args()
    asyncio.run(run(options.listen, options.cable))


if __name__ == "__main__":
    main()
