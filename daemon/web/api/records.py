"""Consumption records and the log."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.core.permissions import Permission
from daemon.operations.audit_log import LogCheck, LogSearch, export_log, read_log
from daemon.operations.records import Search, export_records, find_records
from daemon.web.api.answers import Fact
from daemon.web.api.bodies import Body, Id, NoQuery, Nothing, Query
from daemon.web.api.route import Call, Route, reply, route

LOG_CHECK: Final = web.AppKey("log_check", LogCheck)
DAY: Final = r"^(\d{4}-\d\d-\d\d)?$"
ID: Final = "^([0-7][0-9A-HJKMNP-TV-Z]{25})?$"
_Day = Field(default="", pattern=DAY, description="YYYY-MM-DD in the shop's time zone.")


class Form(Enum):
    CSV = "csv"
    XLSX = "xlsx"


class Encoding(Enum):
    UTF_8 = "utf-8"
    GB18030 = "gb18030"


class RecordsQuery(Query):
    from_day: str = Field(default="", pattern=DAY, description="Empty: 31 days; a member's: all.")
    to_day: str = _Day
    member_id: str = Field(default="", pattern=ID)
    card_id: str = Field(default="", pattern=ID)
    code: str = Field(default="", max_length=40)
    category: str = Field(default="", max_length=40)
    employee: str = Field(default="", max_length=20, description="The cashier's number.")
    kind: str = Field(
        default="",
        max_length=120,
        pattern="^[a-z_,]*$",
        description="sale, refund, void, recharge, recharge_void, balance_refund, fee, points,"
        " expired, transfer; several with commas; empty: all.",
    )
    after: str = Field(default="", max_length=100, description="`next` of the answer before.")
    limit: int = Field(default=50, ge=1, le=200)
    sums: bool = False


class Export(Body):
    format: Form = Form.CSV
    encoding: Encoding = Field(default=Encoding.UTF_8, description="Of CSV.")
    language: Literal["zh-CN", "en"] = "zh-CN"
    from_day: str = _Day
    to_day: str = _Day
    member_id: str = Field(default="", pattern=ID)
    card_id: str = Field(default="", pattern=ID)
    employee: str = Field(default="", max_length=20)


class RecordsExport(Export):
    code: str = Field(default="", max_length=40)
    category: str = Field(default="", max_length=40)
    kind: str = Field(default="", max_length=120, pattern="^[a-z_,]*$")


class LogExport(Export):
    approver: str = Field(default="", max_length=20)
    event: str = Field(default="", max_length=40)
    kind: str = Field(default="", max_length=40)


class LogQuery(Query):
    from_day: str = _Day
    to_day: str = _Day
    employee: str = Field(default="", max_length=20, description="Who did it.")
    approver: str = Field(default="", max_length=20, description="Who said yes to it.")
    event: str = Field(default="", max_length=40)
    kind: str = Field(default="", max_length=40)
    member_id: str = Field(default="", pattern=ID)
    card_id: str = Field(default="", pattern=ID)
    before: int | None = Field(default=None, ge=1, le=2**53, description="`next` before.")
    limit: int = Field(default=50, ge=1, le=200)


class MaskedMember(BaseModel):
    member_id: Id
    number: str
    name: str = Field(description="Masked.")


class Record(BaseModel):
    """A line of goods, or an entry that moved a balance (`line_id` empty). Refunds are negative."""

    op_id: str
    line_id: str
    at_ms: int
    kind: str
    employee: str
    member: MaskedMember | None
    card_id: str | None
    code: str
    category: str
    name: str
    quantity: int = Field(description="In parts of the unit.")
    parts: int = Field(description="Parts to a unit.")
    list_fen: int
    discount_fen: int
    paid_fen: int
    points: int


class RecordSum(BaseModel):
    kind: str
    count: int
    quantity: int
    list_fen: int
    discount_fen: int
    paid_fen: int
    points: int


class Records(BaseModel):
    records: list[Record]
    next: str | None
    sums: list[RecordSum] | None


class LogEntry(BaseModel):
    dseq: int
    at_ms: int
    kind: str
    event: str
    actor: str
    approver: str
    member: MaskedMember | None
    card_id: str | None
    op_id: str
    refers_to: str | None
    facts: dict[str, Fact]
    chain: str = Field(description="The first 16 hex digits of the chain's hash up to here.")


class Log(BaseModel):
    entries: list[LogEntry]
    next: int | None = Field(description="Go on with `before`, also where `entries` are few.")


class LogProof(BaseModel):
    state: Literal["never", "running", "holds", "broken"]
    checked: int
    total: int
    since_ms: int | None
    ended_ms: int | None
    broken_at: int | None


@route(
    "GET",
    "/records",
    "Consumption records, newest first; without `records` the latest of one member",
    {200: Records},
    query=RecordsQuery,
    problems=(403, 404),
)
async def see_records(call: Call[Nothing, RecordsQuery]) -> web.StreamResponse:
    query = call.query
    found = await find_records(
        call.context.shop,
        call.actor,
        _search(query),
        limit=query.limit,
        after=query.after,
        sums=query.sums,
    )
    return reply(found)


@route(
    "POST",
    "/records/export",
    "The records as a file; needs `records` too",
    {200: "application/octet-stream"},
    body=RecordsExport,
    problems=(403, 404, 409),
    needs=Permission.EXPORT,
)
async def export_all_records(call: Call[RecordsExport, NoQuery]) -> web.StreamResponse:
    body = call.body
    made = await export_records(
        call.context.shop,
        call.actor,
        _search(body),
        body.format.value,
        body.encoding.value,
        body.language,
    )
    return _file(made, "records", body.format.value)


@route(
    "GET",
    "/log",
    "The log, newest first",
    {200: Log},
    query=LogQuery,
    needs=Permission.LOG,
)
async def see_log(call: Call[Nothing, LogQuery]) -> web.StreamResponse:
    query = call.query
    search = _log_search(query)
    found = await read_log(call.context.shop, search, limit=query.limit, before=query.before)
    return reply(found)


@route(
    "POST",
    "/log/export",
    "The log as a file; needs `log` too",
    {200: "application/octet-stream"},
    body=LogExport,
    problems=(403, 409),
    needs=Permission.EXPORT,
)
async def export_whole_log(call: Call[LogExport, NoQuery]) -> web.StreamResponse:
    body = call.body
    made = await export_log(
        call.context.shop,
        call.actor,
        _log_search(body),
        body.format.value,
        body.encoding.value,
        body.language,
    )
    return _file(made, "log", body.format.value)


@route(
    "GET",
    "/log/verify",
    "How far the proof of the log's chain is, and since when it holds",
    {200: LogProof},
    needs=Permission.LOG,
)
async def see_log_proof(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(call.request.app[LOG_CHECK].view())


@route(
    "POST",
    "/log/verify",
    "Prove the log's chain from the first entry on, beside the sales",
    {202: LogProof},
    needs=Permission.LOG,
)
async def prove_log(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await call.request.app[LOG_CHECK].start(call.context.shop), 202)


def _search(asked: RecordsQuery | RecordsExport) -> Search:
    return Search(
        asked.from_day,
        asked.to_day,
        asked.member_id,
        asked.card_id,
        asked.code,
        asked.category,
        asked.employee,
        frozenset(name for name in asked.kind.split(",") if name),
    )


def _log_search(asked: LogQuery | LogExport) -> LogSearch:
    return LogSearch(
        asked.from_day,
        asked.to_day,
        asked.employee,
        asked.approver,
        asked.event,
        asked.kind,
        asked.member_id,
        asked.card_id,
    )


def _file(made: bytes, name: str, form: str) -> web.Response:
    disposition = f'attachment; filename="{name}.{form}"'
    headers: dict[str, Any] = {"Content-Disposition": disposition}
    return web.Response(body=made, content_type="application/octet-stream", headers=headers)


ROUTES: tuple[Route, ...] = (
    see_records,
    export_all_records,
    see_log,
    export_whole_log,
    see_log_proof,
    prove_log,
)
