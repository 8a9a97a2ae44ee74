"""The life of a card, fees, and balances paid out."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations import balance_refund as refunding
from daemon.operations.identity_paper import identity_of, keep_identity
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.card_bodies import (
    BalanceRefund,
    BalanceRefundQuote,
    Identity,
    IdentityQuery,
    NewBalanceRefund,
    NewIdentity,
)
from daemon.web.api.route import Call, Route, reply, route


@route(
    "POST",
    "/balance-refund-quotes",
    "What a balance is worth, recharge by recharge; nothing is kept",
    {200: BalanceRefundQuote},
    body=NewBalanceRefund,
    problems=(404, 409),
)
async def quote_balance_refund(call: Call[NewBalanceRefund, NoQuery]) -> web.StreamResponse:
    return reply(await refunding.preview(call.context.shop, call.body.value()))


@route(
    "POST",
    "/balance-refunds",
    "Pay the whole balance out; only another recharge undoes it",
    {200: BalanceRefund},
    body=NewBalanceRefund,
    problems=(403, 404, 409),
    idempotent=True,
    needs=Permission.BALANCE_REFUND,
)
async def refund_balance(call: Call[NewBalanceRefund, NoQuery]) -> web.StreamResponse:
    payout, key = call.body.value(), call.idempotency_key
    return reply(await refunding.refund(call.context.shop, call.actor, payout, key))


@route(
    "POST",
    "/members/{member_id}/identity",
    "Put an identity paper on record, in place of an earlier one",
    {200: Identity},
    body=NewIdentity,
    problems=(403, 404, 409),
    needs=Permission.MEMBER_ADD,
)
async def keep_member_identity(call: Call[NewIdentity, NoQuery]) -> web.StreamResponse:
    paper, member_id = call.body.value(), call.ids["member_id"]
    return reply(await keep_identity(call.context.shop, call.actor, member_id, paper))


@route(
    "GET",
    "/members/{member_id}/identity",
    "The identity paper on record, masked unless asked for whole",
    {200: Identity},
    query=IdentityQuery,
    problems=(403, 404),
)
async def see_member_identity(call: Call[Nothing, IdentityQuery]) -> web.StreamResponse:
    shop, member_id = call.context.shop, call.ids["member_id"]
    return reply(await identity_of(shop, call.actor, member_id, whole=call.query.whole))


ROUTES: Final[tuple[Route, ...]] = (
    quote_balance_refund,
    refund_balance,
    keep_member_identity,
    see_member_identity,
)
