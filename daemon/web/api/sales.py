"""Sales at the counter."""

from __future__ import annotations

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations.look_up import list_sales, sale_by_id
from daemon.web.api.answers import Sale, Sales
from daemon.web.api.bodies import MemberPin, NoQuery, Nothing, SalesQuery
from daemon.web.api.route import Call, reply, route
from daemon.web.api.sale_bodies import NewSale


@route(
    "POST",
    "/sales",
    "Begin a sale: it becomes the current one and waits for a card, or is paid at once",
    {202: Sale},
    body=NewSale,
    problems=(403, 404, 409),
    idempotent=True,
    needs=Permission.SELL,
)
async def begin_sale(call: Call[NewSale, NoQuery]) -> web.StreamResponse:
    desk = call.context.desk
    return reply(await desk.begin(call.actor, call.body.order(), call.idempotency_key), 202)


@route("GET", "/sales", "Sales, newest first", {200: Sales}, query=SalesQuery)
async def see_sales(call: Call[Nothing, SalesQuery]) -> web.StreamResponse:
    context, query = call.context, call.query
    status = query.status.value if query.status is not None else None
    return reply({"sales": await list_sales(context.shop, context.desk.till, query.limit, status)})


@route("GET", "/sales/{sale_id}", "A sale as it stands now", {200: Sale}, problems=(404,))
async def see_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    context = call.context
    return reply(await sale_by_id(context.shop, context.desk.till, call.ids["sale_id"]))


@route(
    "POST",
    "/sales/{sale_id}/pin",
    "The member's PIN, typed on the member's side",
    {202: Sale},
    body=MemberPin,
    problems=(403, 404, 409, 429),
    needs=Permission.SELL,
)
async def give_pin(call: Call[MemberPin, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.give_pin(call.ids["sale_id"], call.body.pin), 202)


@route(
    "POST",
    "/sales/{sale_id}/confirm",
    "Yes to the question of a double tap",
    {202: Sale},
    problems=(404, 409),
    needs=Permission.SELL,
)
async def confirm_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.confirm(call.ids["sale_id"]), 202)


@route(
    "POST",
    "/sales/{sale_id}/cancel",
    "Cancel a current or parked sale; one that has ended is answered as it ended",
    {200: Sale},
    problems=(404, 409),
    needs=Permission.SELL,
)
async def cancel_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.cancel(call.ids["sale_id"]))


@route(
    "POST",
    "/sales/{sale_id}/park",
    "Set the current sale aside",
    {200: Sale},
    problems=(404, 409),
    needs=Permission.SELL,
)
async def park_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.park(call.ids["sale_id"]))


@route(
    "POST",
    "/sales/{sale_id}/resume",
    "Take up a parked sale again",
    {202: Sale},
    problems=(404, 409),
    needs=Permission.SELL,
)
async def resume_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.resume(call.actor, call.ids["sale_id"]), 202)


@route(
    "POST",
    "/sales/{sale_id}/void",
    "Undo an approved sale to the fen and the lot",
    {200: Sale},
    problems=(403, 404, 409),
    idempotent=True,
)
async def void_sale(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    desk = call.context.desk
    return reply(await desk.void(call.actor, call.ids["sale_id"], call.idempotency_key))
