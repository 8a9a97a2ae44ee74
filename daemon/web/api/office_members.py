"""Members as the office works with them: files, filters, batch work and jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations import member_file, member_search
from daemon.operations.coupon_batch import CouponBatch
from daemon.operations.jobs import JobRunner
from daemon.operations.member_batch import Batch, prepare_batch, read_change
from daemon.operations.member_form import Form
from daemon.operations.member_import import Import
from daemon.ports.office_books import Sort
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.office_bodies import (
    ChangedMember,
    Erasing,
    FieldsAbout,
    FilterQuery,
    Freezing,
    Job,
    Jobs,
    ListQuery,
    MemberCount,
    MemberFile,
    NewBatch,
    NewFilter,
    OfficeMembers,
    PreparedBatch,
    SavedFilter,
    SavedFilters,
    Unmasking,
    WholePerson,
    contents_of,
)
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.context import CONTEXT

JOBS: Final = web.AppKey("jobs", JobRunner)
LARGEST_BATCH_BYTES: Final = 512 * 1024
"""Ten thousand ids and what is to be done to them."""


def add_jobs(app: web.Application) -> None:
    """Jobs move as long as the page is served."""
    context = app[CONTEXT]
    app[JOBS] = JobRunner(
        context.shop, [Batch(), Import(), CouponBatch()], lambda: context.desk.till.busy
    )
    app.cleanup_ctx.append(_run_jobs)


async def _run_jobs(app: web.Application) -> AsyncIterator[None]:
    running = asyncio.create_task(app[JOBS].run(), name="jobs")
    yield
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@route(
    "GET",
    "/office/members",
    "Members by filter, page by page",
    {200: OfficeMembers},
    query=ListQuery,
    needs=Permission.MEMBER_CHANGE,
)
async def list_members(call: Call[Nothing, ListQuery]) -> web.StreamResponse:
    shop, query = call.context.shop, call.query
    conditions = member_search.parse_filter(shop, query.filter)
    sort = Sort(query.sort.value)
    return reply(await member_search.list_members(shop, conditions, sort, query.after, query.limit))


@route(
    "GET",
    "/office/members/count",
    "How many members a filter holds for, a stretch at a time",
    {200: MemberCount},
    query=FilterQuery,
    needs=Permission.MEMBER_CHANGE,
)
async def count_members(call: Call[Nothing, FilterQuery]) -> web.StreamResponse:
    shop = call.context.shop
    conditions = member_search.parse_filter(shop, call.query.filter)
    return reply(await member_search.count_matching(shop, conditions, call.query.after))


@route(
    "GET",
    "/member-fields",
    "What a filter may ask for",
    {200: FieldsAbout},
    needs=Permission.MEMBER_CHANGE,
)
async def see_member_fields(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"fields": member_search.describe_fields(call.context.shop)})


@route(
    "GET",
    "/members/{member_id}/file",
    "A member's file, masked",
    {200: MemberFile},
    problems=(404,),
    needs=Permission.MEMBER_CHANGE,
)
async def see_member_file(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await member_file.member_file(call.context.shop, call.ids["member_id"]))


@route(
    "PUT",
    "/members/{member_id}",
    "Change a member",
    {200: MemberFile},
    body=ChangedMember,
    problems=(404, 409),
    needs=Permission.MEMBER_CHANGE,
)
async def change_member(call: Call[ChangedMember, NoQuery]) -> web.StreamResponse:
    body = call.body
    form = Form(
        body.number,
        body.name,
        body.phone,
        body.gender,
        body.birthday,
        body.category,
        body.valid_to,
        body.tags,
        body.fields,
    )
    changed = await member_file.change_member(
        call.context.shop,
        call.actor,
        call.ids["member_id"],
        body.version,
        form,
        phone_may_repeat=body.phone_may_repeat,
    )
    return reply(changed)


@route(
    "POST",
    "/members/{member_id}/unmask",
    "Read the member's personal data in full; leaves an entry",
    {200: WholePerson},
    body=Unmasking,
    problems=(404, 409),
    needs=Permission.MEMBER_UNMASK,
)
async def unmask_member(call: Call[Unmasking, NoQuery]) -> web.StreamResponse:
    whole = await member_file.unmask(
        call.context.shop, call.actor, call.ids["member_id"], call.body.reason
    )
    return reply(whole)


@route(
    "POST",
    "/members/{member_id}/erase",
    "Destroy the member's personal data; books and number stay",
    {200: MemberFile},
    body=Erasing,
    problems=(404, 409),
    needs=Permission.MEMBER_ERASE,
)
async def erase_member(call: Call[Erasing, NoQuery]) -> web.StreamResponse:
    file = await member_file.erase_member(
        call.context.shop, call.actor, call.ids["member_id"], despite=call.body.despite
    )
    return reply(file)


async def _freeze(call: Call[Freezing, NoQuery], *, frozen: bool) -> web.StreamResponse:
    file = await member_file.freeze(
        call.context.shop,
        call.actor,
        call.ids["member_id"],
        frozen=frozen,
        reason=call.body.reason or "",
    )
    return reply(file)


@route(
    "POST",
    "/members/{member_id}/freeze",
    "Freeze the member's account",
    {200: MemberFile},
    body=Freezing,
    problems=(404, 409),
    needs=Permission.MEMBER_CHANGE,
)
async def freeze_member(call: Call[Freezing, NoQuery]) -> web.StreamResponse:
    return await _freeze(call, frozen=True)


@route(
    "POST",
    "/members/{member_id}/unfreeze",
    "Lift the freezing",
    {200: MemberFile},
    body=Freezing,
    problems=(404, 409),
    needs=Permission.MEMBER_CHANGE,
)
async def unfreeze_member(call: Call[Freezing, NoQuery]) -> web.StreamResponse:
    return await _freeze(call, frozen=False)


@route(
    "GET",
    "/member-filters",
    "Filters that were kept",
    {200: SavedFilters},
    needs=Permission.MEMBER_CHANGE,
)
async def see_filters(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"filters": await member_search.saved_filters(call.context.shop)})


@route(
    "POST",
    "/member-filters",
    "Keep a filter",
    {201: SavedFilter},
    body=NewFilter,
    problems=(409,),
    needs=Permission.MEMBER_CHANGE,
)
async def keep_filter(call: Call[NewFilter, NoQuery]) -> web.StreamResponse:
    body = call.body
    kept = await member_search.save_filter(
        call.context.shop, call.actor, None, body.name, body.content()
    )
    return reply(kept, 201)


@route(
    "PUT",
    "/member-filters/{filter_id}",
    "Change a kept filter",
    {200: SavedFilter},
    body=NewFilter,
    problems=(404, 409),
    needs=Permission.MEMBER_CHANGE,
)
async def change_filter(call: Call[NewFilter, NoQuery]) -> web.StreamResponse:
    body = call.body
    kept = await member_search.save_filter(
        call.context.shop, call.actor, call.ids["filter_id"], body.name, body.content()
    )
    return reply(kept)


@route(
    "DELETE",
    "/member-filters/{filter_id}",
    "Remove a kept filter",
    {204: None},
    problems=(404,),
    needs=Permission.MEMBER_CHANGE,
)
async def remove_filter(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    await member_search.remove_filter(call.context.shop, call.actor, call.ids["filter_id"])
    return web.Response(status=204)


@route(
    "POST",
    "/member-batches",
    "Prepare one change to many members; nothing is changed yet",
    {201: PreparedBatch},
    body=NewBatch,
    problems=(409,),
    needs=Permission.MEMBER_BATCH,
    most_bytes=LARGEST_BATCH_BYTES,
)
async def prepare_member_batch(call: Call[NewBatch, NoQuery]) -> web.StreamResponse:
    shop, body = call.context.shop, call.body
    change = read_change(shop, body.model_dump(include={"action", *_CHANGES}))
    content: list[Any] | None = None if body.filter is None else contents_of(body.filter)
    conditions = None if content is None else member_search.conditions_of(shop, content)
    prepared = await prepare_batch(
        shop, jobs_of(call), call.actor, change, conditions, body.member_ids, content
    )
    return reply(prepared, 201)


_CHANGES: Final = ("tags", "category", "days", "text")


def jobs_of(call: Call[Any, Any]) -> JobRunner:
    return call.request.app[JOBS]


@route("GET", "/jobs", "Imports and batches, newest first", {200: Jobs})
async def see_jobs(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"jobs": await jobs_of(call).list(call.actor)})


@route("GET", "/jobs/{job_id}", "How a job stands", {200: Job}, problems=(404,))
async def see_job(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await jobs_of(call).see(call.actor, call.ids["job_id"]))


@route("POST", "/jobs/{job_id}/start", "Start a job, or go on", {200: Job}, problems=(404, 409))
async def start_job(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await jobs_of(call).start(call.actor, call.ids["job_id"]))


@route("POST", "/jobs/{job_id}/stop", "Stop a job after its step", {200: Job}, problems=(404, 409))
async def stop_job(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await jobs_of(call).stop(call.actor, call.ids["job_id"]))


@route(
    "POST", "/jobs/{job_id}/undo", "Put back what a job changed", {200: Job}, problems=(404, 409)
)
async def undo_job(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await jobs_of(call).undo(call.actor, call.ids["job_id"]))


@route(
    "DELETE", "/jobs/{job_id}", "Drop a job that was not started", {204: None}, problems=(404, 409)
)
async def drop_job(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    await jobs_of(call).remove(call.actor, call.ids["job_id"])
    return web.Response(status=204)


ROUTES: Final[tuple[Route, ...]] = (
    list_members,
    count_members,
    see_member_fields,
    see_member_file,
    change_member,
    unmask_member,
    erase_member,
    freeze_member,
    unfreeze_member,
    see_filters,
    keep_filter,
    change_filter,
    remove_filter,
    prepare_member_batch,
    see_jobs,
    see_job,
    start_job,
    stop_job,
    undo_job,
    drop_job,
)
