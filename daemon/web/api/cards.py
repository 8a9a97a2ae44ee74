"""The life of a card, fees, and balances paid out."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from daemon.core.card_life import NEEDS
from daemon.core.permissions import Permission
from daemon.operations import balance_refund as refunding
from daemon.operations.card_issue import BRING_A_CARD
from daemon.operations.card_quote import card_by_id, quote_service
from daemon.operations.card_service import change_status, do_service
from daemon.operations.identity_paper import identity_of, keep_identity
from daemon.operations.issue_desk import AskedCard
from daemon.operations.member_pin import reset_pin, set_pin
from daemon.operations.void_fee import void_fee
from daemon.web.api.answers import Member
from daemon.web.api.bodies import NewCardStatus, NoQuery, Nothing
from daemon.web.api.card_bodies import (
    BalanceRefund,
    BalanceRefundQuote,
    CardDetail,
    CardService,
    CardServiceQuote,
    DoCardService,
    Identity,
    IdentityQuery,
    MemberNewPin,
    NewBalanceRefund,
    NewCardService,
    NewIdentity,
    PinReset,
)
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.context import Context


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


@route(
    "POST",
    "/card-service-quotes",
    "What a service on a card would do and cost, and what stands against it; nothing is kept",
    {200: CardServiceQuote},
    body=NewCardService,
    problems=(404, 409),
)
async def quote_card_service(call: Call[NewCardService, NoQuery]) -> web.StreamResponse:
    return reply(await quote_service(call.context.shop, call.actor, call.body.value()))


@route(
    "POST",
    "/card-services",
    "A service on a card; one that brings a new card waits for it to be laid down",
    {200: CardService, 202: CardService},
    body=DoCardService,
    problems=(403, 404, 409, 429),
    idempotent=True,
)
async def serve_card(call: Call[DoCardService, NoQuery]) -> web.StreamResponse:
    order, actor, key = call.body.value(), call.actor, call.idempotency_key
    actor.require(NEEDS[order.service])
    desk = call.context.desk
    if order.service not in BRING_A_CARD:
        return reply(await do_service(call.context.shop, actor, order, key, call.body.pin))
    issue = await desk.begin_issue(AskedCard(actor, order, key, call.body.pin))
    view = await desk.issues.service(issue["issue_id"])
    return reply(view, 200 if view["status"] == "done" else 202)


@route(
    "GET",
    "/card-services/{service_id}",
    "A service on a card as it stands",
    {200: CardService},
    problems=(404,),
)
async def see_card_service(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.issues.service(call.ids["service_id"]))


@route(
    "POST",
    "/card-services/{service_id}/void-fee",
    "Give the fee of a service back; the service stays done",
    {200: CardService},
    problems=(403, 404, 409),
    idempotent=True,
)
async def void_service_fee(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    shop, service_id = call.context.shop, call.ids["service_id"]
    return reply(await void_fee(shop, call.actor, service_id, call.idempotency_key))


@route(
    "GET",
    "/cards/{card_id}",
    "A card, and what can be done to it now",
    {200: CardDetail},
    problems=(404,),
)
async def see_card(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await card_by_id(call.context.shop, call.actor, call.ids["card_id"]))


@route(
    "POST",
    "/cards/{card_id}/status",
    "Report a card lost, lock it, or make it active again; each needs its own permission",
    {200: Member},
    body=NewCardStatus,
    problems=(403, 404, 409),
)
async def change_card_status(call: Call[NewCardStatus, NoQuery]) -> web.StreamResponse:
    body, card_id = call.body, call.ids["card_id"]
    shop, actor = call.context.shop, call.actor
    return reply(await change_status(shop, actor, card_id, body.status, body.reason))


@route(
    "PUT",
    "/members/{member_id}/pin",
    "Set the member's PIN, or change it with the old one or with the card laid down",
    {204: None},
    body=MemberNewPin,
    problems=(403, 404, 429),
)
async def set_member_pin(call: Call[MemberNewPin, NoQuery]) -> web.StreamResponse:
    body, member_id = call.body, call.ids["member_id"]
    shop, laid = call.context.shop, _card_laid(call.context, member_id)
    await set_pin(shop, call.actor, member_id, body.pin, old_pin=body.old_pin, card_laid=laid)
    return web.Response(status=204)


@route(
    "POST",
    "/members/{member_id}/pin-reset",
    "A new PIN for a member who has forgotten it and is known otherwise",
    {204: None},
    body=PinReset,
    problems=(403, 404, 409),
    needs=Permission.PIN_RESET,
)
async def reset_member_pin(call: Call[PinReset, NoQuery]) -> web.StreamResponse:
    body, member_id = call.body, call.ids["member_id"]
    await reset_pin(
        call.context.shop,
        call.actor,
        member_id,
        body.pin,
        phone=body.phone,
        card_number=body.card_number,
        card_laid=_card_laid(call.context, member_id),
    )
    return web.Response(status=204)


def _card_laid(context: Context, member_id: str) -> bool:
    """Whether a card of the member's lies there that proves itself: one that shows a number only
    may be anybody's."""
    shown = context.desk.till.shown
    return shown is not None and shown["member"]["member_id"] == member_id and not shown["weak"]


ROUTES: Final[tuple[Route, ...]] = (
    quote_card_service,
    serve_card,
    see_card_service,
    void_service_fee,
    see_card,
    change_card_status,
    set_member_pin,
    reset_member_pin,
    quote_balance_refund,
    refund_balance,
    keep_member_identity,
    see_member_identity,
)
