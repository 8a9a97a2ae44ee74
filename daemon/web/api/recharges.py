"""Recharges and the rules of their bonus."""

from __future__ import annotations

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations import recharge as recharging
from daemon.operations.look_up import recharge_by_id, recharge_rules
from daemon.operations.void import void
from daemon.web.api.answers import RechargeRules
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.recharge_bodies import (
    NewRecharge,
    Recharge,
    RechargeQuestion,
    RechargeQuote,
)
from daemon.web.api.route import Call, reply, route


@route(
    "POST",
    "/recharges",
    "Put money on a member's account",
    {200: Recharge},
    body=NewRecharge,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.RECHARGE,
)
async def recharge(call: Call[NewRecharge, NoQuery]) -> web.StreamResponse:
    order, key = call.body.value(), call.idempotency_key
    return reply(await recharging.recharge(call.context.shop, call.actor, order, key))


@route(
    "POST",
    "/recharge-quotes",
    "What a recharge would bring, and what forbids it; nothing is kept",
    {200: RechargeQuote},
    body=RechargeQuestion,
    problems=(404, 409),
)
async def quote_recharge(call: Call[RechargeQuestion, NoQuery]) -> web.StreamResponse:
    return reply(await recharging.preview(call.context.shop, call.body.value()))


@route("GET", "/recharges/{recharge_id}", "A recharge", {200: Recharge}, problems=(404,))
async def see_recharge(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await recharge_by_id(call.context.shop, call.ids["recharge_id"]))


@route(
    "POST",
    "/recharges/{recharge_id}/void",
    "Undo a recharge of which nothing was spent",
    {200: Recharge},
    problems=(403, 404, 409),
    idempotent=True,
)
async def void_recharge(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    recharge_id = call.ids["recharge_id"]
    shop = call.context.shop
    return reply(await void(shop, call.actor, recharging.KIND, recharge_id, call.idempotency_key))


@route("GET", "/recharge-rules", "What bonus an amount brings", {200: RechargeRules})
async def see_recharge_rules(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(recharge_rules(call.context.shop))
