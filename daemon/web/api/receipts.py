"""Receipts: listed, drawn, printed again."""

from __future__ import annotations

from aiohttp import web

from daemon.operations.receipts import draw_receipt, list_receipts, reprint
from daemon.web.api.answers import Receipt, Receipts
from daemon.web.api.bodies import NoQuery, Nothing, ReceiptsQuery
from daemon.web.api.route import Call, reply, route


@route("GET", "/receipts", "Receipts, newest first", {200: Receipts}, query=ReceiptsQuery)
async def see_receipts(call: Call[Nothing, ReceiptsQuery]) -> web.StreamResponse:
    return reply({"receipts": await list_receipts(call.context.shop, call.query.limit)})


@route(
    "GET",
    "/receipts/{receipt_id}.png",
    "The receipt as it is on the paper",
    {200: "image/png"},
    problems=(404,),
)
async def see_receipt(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    picture = await draw_receipt(call.context.shop, call.actor, call.ids["receipt_id"])
    return web.Response(body=picture, content_type="image/png")


@route(
    "POST",
    "/receipts/{receipt_id}/reprint",
    "Print a copy, marked and counted",
    {202: Receipt},
    problems=(404,),
)
async def reprint_receipt(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await reprint(call.context.shop, call.actor, call.ids["receipt_id"]), 202)
