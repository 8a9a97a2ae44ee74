"""Files of members: loaded, previewed, started as a job, and taken away."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Final, Literal

from aiohttp import web
from pydantic import Field

from daemon.core.permissions import Permission
from daemon.operations.member_export import (
    as_csv,
    bad_rows,
    begin_export,
    exported_rows,
    into_xlsx,
)
from daemon.operations.member_import import LARGEST_FILE_BYTES, change_mapping, receive
from daemon.operations.member_search import conditions_of
from daemon.web.api.bodies import Body, NoQuery, Nothing
from daemon.web.api.office_bodies import ConditionBody, Job, contents_of
from daemon.web.api.office_members import jobs_of
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.problems import Problem

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv"
UPLOADS: Final = (CSV, XLSX, "application/octet-stream", "application/vnd.ms-excel")
CHUNK_BYTES: Final = 64 * 1024


class NewMapping(Body):
    mapping: list[str] = Field(
        max_length=64,
        description="For each column what it means: number, name, phone, gender, birthday,"
        " category, valid_to, tags, level, referrer, field:<id>, or empty.",
    )
    on_match: Literal["change", "skip"] = Field(
        default="change", description="What is done with rows of members that are there."
    )


class NewExport(Body):
    filter: list[ConditionBody] = Field(default=[], max_length=12)
    format: Literal["csv", "xlsx"] = "csv"
    encoding: Literal["utf-8", "gb18030"] = Field(default="utf-8", description="Of a CSV.")
    unmasked: bool = Field(default=False, description="Needs member_unmask.")


class ImportJob(Job):
    headings: list[str]
    mapping: list[str]
    on_match: Literal["change", "skip"]
    encoding: str


@route(
    "POST",
    "/member-imports",
    "Load a CSV or XLSX of members for a preview; nothing is changed yet",
    {201: ImportJob},
    problems=(409,),
    needs=Permission.MEMBER_IMPORT,
    upload=UPLOADS,
)
async def load_members(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    # Without a name: nothing of it stays behind, whatever happens.
    with tempfile.TemporaryFile() as kept:
        await _receive(call.request, kept)
        loaded = await receive(call.context.shop, call.actor, kept, jobs_of(call))
    return reply(loaded, 201)


async def _receive(request: web.Request, kept: IO[bytes]) -> None:
    """Raises Problem 413."""
    size = 0
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > LARGEST_FILE_BYTES:
            raise Problem(413, "body_too_large")
        await asyncio.to_thread(kept.write, chunk)


@route(
    "PUT",
    "/member-imports/{job_id}",
    "Say what the columns mean, and preview again",
    {200: ImportJob},
    body=NewMapping,
    problems=(404, 409),
    needs=Permission.MEMBER_IMPORT,
)
async def map_columns(call: Call[NewMapping, NoQuery]) -> web.StreamResponse:
    body = call.body
    mapped = await change_mapping(
        call.context.shop,
        call.actor,
        jobs_of(call),
        call.ids["job_id"],
        body.mapping,
        body.on_match,
    )
    return reply(mapped)


@route(
    "GET",
    "/member-imports/{job_id}/bad-rows",
    "The rows that were not taken, with the reason, to be mended and loaded again",
    {200: CSV},
    problems=(404,),
    needs=Permission.MEMBER_IMPORT,
)
async def see_bad_rows(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    encoding, pieces = await bad_rows(call.context.shop, call.actor, call.ids["job_id"])
    return await _send(call.request, pieces, f"{CSV}; charset={encoding}", "bad-rows.csv")


@route(
    "POST",
    "/member-exports",
    "Members of a filter as a file; leaves an entry",
    {200: f"{CSV}, {XLSX}"},
    body=NewExport,
    needs=Permission.MEMBER_EXPORT,
)
async def export_members(call: Call[NewExport, NoQuery]) -> web.StreamResponse:
    shop, body = call.context.shop, call.body
    conditions = conditions_of(shop, contents_of(body.filter))
    export = await begin_export(
        shop, call.actor, conditions, unmasked=body.unmasked, form=body.format
    )
    if body.format == "csv":
        pieces = as_csv(exported_rows(shop, export), body.encoding)
        return await _send(call.request, pieces, f"{CSV}; charset={body.encoding}", "members.csv")
    with tempfile.TemporaryFile() as book:
        await into_xlsx(shop, export, book)
        return await _send(call.request, _pieces(book), XLSX, "members.xlsx")


async def _pieces(book: IO[bytes]) -> AsyncIterator[bytes]:
    book.seek(0)
    while chunk := await asyncio.to_thread(book.read, CHUNK_BYTES):
        yield chunk


async def _send(
    request: web.Request, pieces: AsyncIterator[bytes], media: str, name: str
) -> web.StreamResponse:
    headers = {"Content-Type": media, "Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    async for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response


ROUTES: Final[tuple[Route, ...]] = (load_members, map_columns, see_bad_rows, export_members)
