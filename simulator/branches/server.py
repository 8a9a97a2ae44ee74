"""Serves the page of two branches, passes its calls on to cards and cables, and shows the cloud's
books as the cloud's own commands tell them.

The page has one origin, so rack and network need no permission for it. Loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from simulator.desk.relay import only_here, relayed, same_name

FILES = {
    "": ("index.html", "text/html"),
    "branches.css": ("branches.css", "text/css"),
    "branches.js": ("branches.js", "text/javascript"),
    "words.js": ("words.js", "text/javascript"),
}
CONNECT_TIMEOUT_S = 2.0
SILENCE_TIMEOUT_S = 40.0
FRESH_S = 2.0
CLIENT = web.AppKey("client", aiohttp.ClientSession)


@dataclass(frozen=True)
class Branch:
    """`name` is the cable's; `cashier` the address of the branch's cashier page."""

    name: str
    cashier: str


@dataclass(frozen=True)
class Places:
    """`branches` from left to right, in the order of the readers; base addresses of cards and
    cables; the folder of the cloud."""

    branches: tuple[Branch, ...]
    rack: str
    network: str
    cloud_folder: Path


class BranchesPage:
    """The page's routes. `places` are fixed for its life."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._looking = asyncio.Lock()
        self._looked_s = -FRESH_S
        self._told: dict[str, Any] | None = None

    def app(self) -> web.Application:
        """An application of its own."""
        app = web.Application(middlewares=[only_here], client_max_size=16 * 1024)
        app.cleanup_ctx.append(_with_client)
        places = self._places
        far = {"rack": places.rack, "network": places.network}
        app.add_routes(
            [
                web.get("/config.json", self._config),
                web.get("/status.json", self._status),
                web.get("/books.json", self._books),
                web.get("/{name:[a-z.]*}", self._file),
                *(
                    web.route("*", rf"/{name}/{{path:api/.*}}", relayed(_client_of, base))
                    for name, base in far.items()
                ),
            ]
        )
        return app

    async def _file(self, request: web.Request) -> web.StreamResponse:
        entry = FILES.get(request.match_info["name"])
        if entry is None:
            raise web.HTTPNotFound
        body = resources.files("simulator.branches").joinpath("static", entry[0]).read_bytes()
        pages = [urlsplit(branch.cashier) for branch in self._places.branches]
        if not request.match_info["name"]:
            same_name(request, pages[0].hostname)
        framed = " ".join(f"{page.scheme}://{page.netloc}" for page in pages)
        return web.Response(
            body=body,
            content_type=entry[1],
            charset="utf-8",
            headers={
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; "
                f"frame-src {framed}; frame-ancestors 'none'",
            },
        )

    async def _config(self, request: web.Request) -> web.StreamResponse:
        """GET /config.json: the branches."""
        return web.json_response(
            {
                "branches": [
                    {"name": branch.name, "cashier_url": branch.cashier}
                    for branch in self._places.branches
                ],
            }
        )

    async def _status(self, request: web.Request) -> web.StreamResponse:
        """GET /status.json: which cashier pages answer."""
        up = {}
        for branch in self._places.branches:
            up[branch.name] = False
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with _client_of(request).get(f"{branch.cashier}/healthz") as answer:
                    up[branch.name] = answer.status < 500
        return web.json_response(up)

    async def _books(self, request: web.Request) -> web.StreamResponse:
        """GET /books.json: devices, balances and settlement, a moment old at most."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if loop.time() - self._looked_s > FRESH_S:
                self._told = await _ask_cloud(self._places.cloud_folder)
                self._looked_s = loop.time()
        if self._told is None:
            return web.json_response({"error": "the cloud does not answer"}, status=502)
        return web.json_response(self._told)


async def _ask_cloud(folder: Path) -> dict[str, Any] | None:
    """What an operator would type, as JSON; None where it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cloud", "overview", "--folder", str(folder), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    told, _ = await process.communicate()
    if process.returncode:
        return None
    found: dict[str, Any] = json.loads(told)
    return found


async def _with_client(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
    )
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        app[CLIENT] = session
        yield


def _client_of(request: web.Request) -> aiohttp.ClientSession:
    return request.app[CLIENT]
