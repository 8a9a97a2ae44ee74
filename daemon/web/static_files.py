"""The built pages: a page itself is asked for again each time, what carries a hash in its name
never.

Without a build the device still answers, and says how to make one."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

from aiohttp import web

from daemon.web.context import CONTEXT

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\Z")
"""One plain file name: no folder, nothing hidden."""

NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<title>counterd</title>
<h1>网页尚未构建 · The web page has not been built</h1>
<p>在 web_ui 目录中执行 · In the folder web_ui run:</p>
<pre>npm ci &amp;&amp; npm run build</pre>
<p>接口可用 · The interface is served: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a></p>
"""


async def index(request: web.Request) -> web.StreamResponse:
    """The cashier's page."""
    return await _page(request, "index.html")


async def office(request: web.Request) -> web.StreamResponse:
    """The back office. What it shows hangs on the session, not on the address."""
    return await _page(request, "office.html")


async def _page(request: web.Request, name: str) -> web.StreamResponse:
    page = request.app[CONTEXT].settings.static / name
    if not await _is_file(page):
        return web.Response(
            status=503,
            text=NOT_BUILT,
            content_type="text/html",
            headers={"Cache-Control": "no-store"},
        )
    return web.FileResponse(page, headers={"Cache-Control": "no-cache"})


async def asset(request: web.Request) -> web.StreamResponse:
    """Raises HTTPNotFound."""
    name = request.match_info["name"]
    path = request.app[CONTEXT].settings.static / "assets" / name
    if not _NAME.match(name) or not await _is_file(path):
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "public, max-age=31536000, immutable"})


async def _is_file(path: Path) -> bool:
    return await asyncio.to_thread(path.is_file)
