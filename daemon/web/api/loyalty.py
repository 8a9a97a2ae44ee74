"""Points, passes, coupons, gifts, levels, messages."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from daemon.core.errors import Conflict
from daemon.core.permissions import Permission
from daemon.operations import coupons, gifts, messages
from daemon.operations.check_in import check_in
from daemon.operations.coupon_batch import prepare_coupons
from daemon.operations.levels import change_level
from daemon.operations.member_search import conditions_of
from daemon.operations.nightly import nightly_view
from daemon.operations.points import adjust_points, member_points, undo_adjustment
from daemon.operations.wallet import wallet
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.loyalty_bodies import (
    Adjustment,
    CampaignCoupons,
    Campaigns,
    CheckedIn,
    Coupon,
    CouponChecked,
    CouponExtension,
    CouponQuestion,
    Coupons,
    CouponsIssued,
    CouponsQuery,
    CouponWithdrawal,
    Gifts,
    LevelChange,
    LevelChanged,
    Message,
    Messages,
    MessagesQuery,
    NewCouponJob,
    NewCoupons,
    NightlyRound,
    Points,
    PointsAdjustment,
    Stock,
    StockChange,
    StockChanged,
    StockQuery,
    Wallet,
)
from daemon.web.api.office_bodies import Job, contents_of
from daemon.web.api.office_members import LARGEST_BATCH_BYTES, jobs_of
from daemon.web.api.route import Call, Route, reply, route


@route(
    "GET",
    "/members/{member_id}/wallet",
    "Points, passes, coupons, level, check-in and friends of a member",
    {200: Wallet},
    problems=(404,),
)
async def see_wallet(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await wallet(call.context.shop, call.ids["member_id"]))


@route(
    "GET",
    "/members/{member_id}/points",
    "A member's points by lot",
    {200: Points},
    problems=(404,),
)
async def see_points(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await member_points(call.context.shop, call.ids["member_id"]))


@route(
    "POST",
    "/members/{member_id}/points",
    "Adjust a member's points, with a reason",
    {200: Adjustment},
    body=PointsAdjustment,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.POINTS_ADJUST,
)
async def adjust_member_points(call: Call[PointsAdjustment, NoQuery]) -> web.StreamResponse:
    body = call.body
    adjusted = await adjust_points(
        call.context.shop,
        call.actor,
        call.ids["member_id"],
        body.points,
        reason=body.reason,
        note=body.note,
        key=call.idempotency_key,
    )
    return reply(adjusted)


@route(
    "POST",
    "/points-adjustments/{adjustment_id}/undo",
    "The opposite adjustment",
    {200: Adjustment},
    problems=(404, 409),
    idempotent=True,
    needs=Permission.POINTS_ADJUST,
)
async def undo_points(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    undone = await undo_adjustment(
        call.context.shop, call.actor, call.ids["adjustment_id"], key=call.idempotency_key
    )
    return reply(undone)


@route(
    "POST",
    "/members/{member_id}/check-ins",
    "Check a member in, once a day",
    {200: CheckedIn},
    problems=(404, 409),
    idempotent=True,
    needs=Permission.CHECK_IN,
)
async def check_member_in(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    done = await check_in(
        call.context.shop, call.actor, call.ids["member_id"], call.idempotency_key
    )
    return reply(done)


@route(
    "POST",
    "/check-ins",
    "Check in whose card lies there, once a day",
    {200: CheckedIn},
    problems=(409,),
    idempotent=True,
    needs=Permission.CHECK_IN,
)
async def check_card_in(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    member_id = call.context.desk.shown_member()
    if member_id is None:
        raise Conflict("no_card_there")
    shop, key = call.context.shop, call.idempotency_key
    return reply(await check_in(shop, call.actor, member_id, key, by="tap"))


@route(
    "POST",
    "/members/{member_id}/level",
    "Set a member's level by hand, with a reason",
    {200: LevelChanged},
    body=LevelChange,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.MEMBER_CHANGE,
)
async def set_level(call: Call[LevelChange, NoQuery]) -> web.StreamResponse:
    body = call.body
    changed = await change_level(
        call.context.shop,
        call.actor,
        call.ids["member_id"],
        body.level,
        reason=body.reason,
        key=call.idempotency_key,
    )
    return reply(changed)


@route(
    "GET",
    "/members/{member_id}/gifts",
    "What a member may take for points today",
    {200: Gifts},
    problems=(404,),
)
async def see_gifts(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await gifts.gifts_for(call.context.shop, call.ids["member_id"]))


@route("GET", "/stock", "What is counted, and how much is there", {200: Stock}, query=StockQuery)
async def see_stock(call: Call[Nothing, StockQuery]) -> web.StreamResponse:
    return reply({"stock": await gifts.stock_view(call.context.shop, call.query.low)})


@route(
    "POST",
    "/stock",
    "Set or move the stock of a code, with a reason",
    {200: StockChanged},
    body=StockChange,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.STOCK,
)
async def set_stock(call: Call[StockChange, NoQuery]) -> web.StreamResponse:
    body = call.body
    changed = await gifts.change_stock(
        call.context.shop,
        call.actor,
        body.code,
        on_hand=body.on_hand,
        change=body.change,
        reason=body.reason,
        key=call.idempotency_key,
    )
    return reply(changed)


@route(
    "GET",
    "/coupon-campaigns",
    "Every campaign with how many of its coupons were issued and redeemed",
    {200: Campaigns},
)
async def see_campaigns(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"campaigns": await coupons.campaigns_view(call.context.shop)})


@route(
    "POST",
    "/coupons",
    "Issue coupons of a campaign to members, or codes to print",
    {200: CouponsIssued},
    body=NewCoupons,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.COUPON,
    most_bytes=LARGEST_BATCH_BYTES,
)
async def issue_coupons(call: Call[NewCoupons, NoQuery]) -> web.StreamResponse:
    body, shop, key = call.body, call.context.shop, call.idempotency_key
    if not body.member_ids:
        return reply(await coupons.issue_codes(shop, call.actor, body.campaign, body.count, key))
    return reply(
        await coupons.issue_to_members(shop, call.actor, body.campaign, body.member_ids, key)
    )


@route(
    "POST",
    "/coupon-jobs",
    "Prepare a coupon to each of many members; nothing is issued until the job is started",
    {201: Job},
    body=NewCouponJob,
    problems=(404, 409),
    needs=Permission.COUPON,
    most_bytes=LARGEST_BATCH_BYTES,
)
async def prepare_coupon_job(call: Call[NewCouponJob, NoQuery]) -> web.StreamResponse:
    shop, body = call.context.shop, call.body
    coupons.campaign_of(shop, body.campaign)
    content = None if body.filter is None else contents_of(body.filter)
    conditions = None if content is None else conditions_of(shop, content)
    prepared = await prepare_coupons(
        shop, jobs_of(call), call.actor, body.campaign, conditions, body.member_ids, content
    )
    return reply(prepared, 201)


@route(
    "GET",
    "/coupons",
    "Coupons of a campaign in order of issue",
    {200: CampaignCoupons},
    query=CouponsQuery,
    needs=Permission.COUPON,
)
async def see_coupons(call: Call[Nothing, CouponsQuery]) -> web.StreamResponse:
    query = call.query
    found = await coupons.list_coupons(
        call.context.shop,
        query.campaign,
        state=query.state,
        after=query.after,
        limit=query.limit,
    )
    return reply(found)


@route(
    "POST",
    "/coupons/check",
    "What a code would do, and why it would not",
    {200: CouponChecked},
    body=CouponQuestion,
    problems=(404,),
)
async def check_coupon(call: Call[CouponQuestion, NoQuery]) -> web.StreamResponse:
    return reply(await coupons.check(call.context.shop, call.body.code, call.body.member_id))


@route(
    "POST",
    "/coupons/withdraw",
    "Withdraw a coupon that was not used",
    {200: Coupon},
    body=CouponWithdrawal,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.COUPON,
)
async def withdraw_coupon(call: Call[CouponWithdrawal, NoQuery]) -> web.StreamResponse:
    body, key = call.body, call.idempotency_key
    return reply(await coupons.withdraw(call.context.shop, call.actor, body.code, body.reason, key))


@route(
    "POST",
    "/coupons/extend",
    "Move the last day of a coupon",
    {200: Coupon},
    body=CouponExtension,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.COUPON,
)
async def extend_coupon(call: Call[CouponExtension, NoQuery]) -> web.StreamResponse:
    body, key = call.body, call.idempotency_key
    return reply(await coupons.extend(call.context.shop, call.actor, body.code, body.to_day, key))


@route(
    "GET",
    "/members/{member_id}/coupons",
    "All coupons of a member, newest first",
    {200: Coupons},
    problems=(404,),
)
async def see_member_coupons(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    found = await coupons.member_coupons(call.context.shop, call.ids["member_id"])
    return reply({"coupons": found})


@route(
    "GET",
    "/messages",
    "The outbox: messages to members, newest first",
    {200: Messages},
    query=MessagesQuery,
    needs=Permission.RECORDS,
)
async def see_messages(call: Call[Nothing, MessagesQuery]) -> web.StreamResponse:
    return reply({"messages": await _messages(call, None)})


@route(
    "GET",
    "/members/{member_id}/messages",
    "Messages to one member, newest first",
    {200: Messages},
    query=MessagesQuery,
    problems=(404,),
)
async def see_member_messages(call: Call[Nothing, MessagesQuery]) -> web.StreamResponse:
    return reply({"messages": await _messages(call, call.ids["member_id"])})


async def _messages(
    call: Call[Nothing, MessagesQuery], member_id: str | None
) -> list[dict[str, object]]:
    query = call.query
    return await messages.list_messages(
        call.context.shop,
        member_id=member_id,
        state=query.state.value if query.state else None,
        before=query.before,
        limit=query.limit,
    )


@route(
    "POST",
    "/messages/{message_id}/withdraw",
    "Take a message that still waits out of the outbox",
    {200: Message},
    problems=(404, 409),
    needs=Permission.MEMBER_CHANGE,
)
async def withdraw_message(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(
        await messages.withdraw_message(call.context.shop, call.actor, call.ids["message_id"])
    )


@route(
    "GET",
    "/nightly",
    "How far the daily round is: what ended, levels, triggers",
    {200: NightlyRound},
)
async def see_nightly(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await nightly_view(call.context.shop))


ROUTES: Final[tuple[Route, ...]] = (
    see_wallet,
    see_points,
    adjust_member_points,
    undo_points,
    check_member_in,
    check_card_in,
    set_level,
    see_gifts,
    see_stock,
    set_stock,
    see_campaigns,
    issue_coupons,
    prepare_coupon_job,
    see_coupons,
    check_coupon,
    withdraw_coupon,
    extend_coupon,
    see_member_coupons,
    see_messages,
    see_member_messages,
    withdraw_message,
    see_nightly,
)
