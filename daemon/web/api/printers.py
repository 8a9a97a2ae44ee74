"""Printers: tried out."""

from __future__ import annotations

from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.core.permissions import Permission
from daemon.operations.printers import try_printer
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.route import Call, Route, reply, route


class Tried(BaseModel):
    role: Literal["customer", "shop", "kitchen"]
    outcome: Literal["confirmed", "unconfirmed", "under_way"] = Field(
        description="unconfirmed: it took the page and says nothing of itself; under_way: it takes"
        " long, and the printer's status tells what comes of it."
    )


@route(
    "POST",
    "/printers/{role}/test",
    "Print a test page at once: width, Chinese, cut, drawer and buzzer",
    {200: Tried},
    problems=(404, 503),
    needs=Permission.CASH_MOVE,
)
async def test_page(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await try_printer(call.context.shop, call.actor, call.ids["role"]))


ROUTES: Final[tuple[Route, ...]] = (test_page,)
