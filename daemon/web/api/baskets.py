"""Prices, and refunds by line."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations.quote_basket import quote_basket
from daemon.operations.refund_sale import preview
from daemon.web.api.answers import Refund
from daemon.web.api.bodies import NoQuery
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.api.sale_bodies import NewQuote, Quote, RefundLines, RefundQuote


@route(
    "POST",
    "/quotes",
    "What a basket costs, with every fen explained; nothing is kept",
    {200: Quote},
    body=NewQuote,
    problems=(403, 404, 409),
    needs=Permission.SELL,
)
async def quote(call: Call[NewQuote, NoQuery]) -> web.StreamResponse:
    context = call.context
    shown = context.desk.shown_member()
    return reply(await quote_basket(context.shop, call.actor, call.body.order(), shown))


@route(
    "POST",
    "/sales/{sale_id}/refund-quote",
    "What would come back, and what could not be taken back",
    {200: RefundQuote},
    body=RefundLines,
    problems=(404, 409),
)
async def quote_refund(call: Call[RefundLines, NoQuery]) -> web.StreamResponse:
    return reply(await preview(call.context.shop, call.ids["sale_id"], call.body.lines))


@route(
    "POST",
    "/sales/{sale_id}/refunds",
    "Bring goods back: money, points and passes return to where they came from",
    {200: Refund},
    body=RefundLines,
    problems=(403, 404, 409),
    idempotent=True,
    needs=Permission.REFUND,
)
async def refund_sale(call: Call[RefundLines, NoQuery]) -> web.StreamResponse:
    desk, body = call.context.desk, call.body
    sale_id = call.ids["sale_id"]
    return reply(await desk.refund(call.actor, sale_id, body.lines, call.idempotency_key))


ROUTES: Final[tuple[Route, ...]] = (quote, quote_refund, refund_sale)
