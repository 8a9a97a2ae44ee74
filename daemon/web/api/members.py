"""Members, their PIN, and their cards."""

from __future__ import annotations

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations.issue_desk import AskedCard, first_card
from daemon.operations.member_form import Form
from daemon.operations.members import add_member, find_members, member_by_id
from daemon.web.api.answers import Issue, Member, Members
from daemon.web.api.bodies import (
    MembersQuery,
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
    problems=(404, 409),
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
    "POST",
    "/card-issues",
    "The next card laid on a reader becomes the member's",
    {202: Issue},
    body=NewIssue,
    problems=(404, 409),
    needs=Permission.CARD_ISSUE,
)
async def begin_issue(call: Call[NewIssue, NoQuery]) -> web.StreamResponse:
    asked = AskedCard(call.actor, first_card(call.body.member_id))
    return reply(await call.context.desk.begin_issue(asked), 202)


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
