"""What every request is given: the shop's operations, the events, and how the page is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from daemon.operations.counter_desk import CounterDesk
from daemon.operations.shop import Shop
from daemon.web.events import EventStream

STATIC: Final = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`allowed_hosts`: names (with or without `:port`) that the device may be called by, besides
    `localhost` and addresses. `frame_ancestors`: origins that may show the page in a frame.
    `secure_cookie`: the page is served by TLS. `static`: where the built page lies. `cloud`: what
    this device dials, for the office to name; empty where it does not. `cookie`: what the session's
    cookie is called; counters that are reached by one name (ports do not tell cookies apart) need
    different ones."""

    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    secure_cookie: bool = False
    demo: bool = False
    static: Path = STATIC
    cloud: str = ""
    cookie: str = "counterd_session"


@dataclass(frozen=True, slots=True)
class Context:
    """`status` tells the device's own part of GET /status: readers, printer, ledger, sync."""

    shop: Shop
    desk: CounterDesk
    events: EventStream
    status: Callable[[], Awaitable[dict[str, Any]]]
    settings: WebSettings


CONTEXT: Final = web.AppKey("context", Context)
