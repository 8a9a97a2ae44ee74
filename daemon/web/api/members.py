"""Members, their PIN, and their cards."""

from __future__ import annotations

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations.member_form import Form
from daemon.operations.member_pin import set_pin
from daemon.operations.members import add_member, find_members, member_by_id, set_card_status
from daemon.web.api.answers import Issue, Member, Members
from daemon.web.api.bodies import (
    MemberPin,
    MembersQuery,
    NewCardStatus,
    NewIssue,
    NewMember,
    NoQuery,
    Nothing,
)
from daemon.web.api.route import Call, reply, route


@route("GET", "/members", "Find members", {200: Members}, query=MembersQuery)
async def see_members(call: Call[Nothing, MembersQuery]) -> web.StreamResponse:
    query = call.query
    found = await find_members(call.context.shop, query.q, query.limit, query.before)
    return reply(found)


@route(
    "POST",
    "/members",
    "Add a member",
    {201: Member},
    body=NewMember,
    problems=(409,),
    needs=Permission.MEMBER_ADD,
)
async def new_member(call: Call[NewMember, NoQuery]) -> web.StreamResponse:
    body = call.body
    form = Form(
        number=body.number,
        name=body.name,
        phone=body.phone,
        gender=body.gender,
        birthday=body.birthday,
        category=body.category,
        tags=body.tags,
        fields=body.fields,
    )
    member = await add_member(
        call.context.shop,
        call.actor,
        form=form,
        referrer=body.referrer,
        phone_may_repeat=body.phone_may_repeat,
    )
    return reply(member, 201)


@route("GET", "/members/{member_id}", "A member", {200: Member}, problems=(404,))
async def see_member(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await member_by_id(call.context.shop, call.ids["member_id"]))


@route(
    "PUT",
    "/members/{member_id}/pin",
    "Set or replace the member's PIN",
    {204: None},
    body=MemberPin,
    problems=(404,),
)
async def set_member_pin(call: Call[MemberPin, NoQuery]) -> web.StreamResponse:
    await set_pin(call.context.shop, call.actor, call.ids["member_id"], call.body.pin)
    return web.Response(status=204)


@route(
    "POST",
    "/card-issues",
    "The next card laid on a reader becomes the member's",
    {202: Issue},
    body=NewIssue,
    problems=(404, 409),
    needs=Permission.CARD_ISSUE,
)
async def begin_issue(call: Call[NewIssue, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.begin_issue(call.actor, call.body.member_id), 202)


@route("GET", "/card-issues/{issue_id}", "How an issue stands", {200: Issue}, problems=(404,))
async def see_issue(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(call.context.desk.issues.find(call.ids["issue_id"]))


@route(
    "DELETE",
    "/card-issues/{issue_id}",
    "Cancel an issue that waits; one that has ended is answered as it ended",
    {200: Issue},
    problems=(404,),
    needs=Permission.CARD_ISSUE,
)
async def cancel_issue(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.context.desk.cancel_issue(call.ids["issue_id"]))


@route(
    "POST",
    "/cards/{card_id}/status",
    "Report a card lost, lock it, or make it active again",
    {200: Member},
    body=NewCardStatus,
    problems=(404, 409),
    needs=Permission.CARD_LOST,
)
async def change_card_status(call: Call[NewCardStatus, NoQuery]) -> web.StreamResponse:
    body = call.body
    member = await set_card_status(
        call.context.shop, call.actor, call.ids["card_id"], body.status, body.reason
    )
    return reply(member)
