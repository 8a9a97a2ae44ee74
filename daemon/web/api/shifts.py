"""Shifts of the drawer, and cash that moves without a sale."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, Field

from daemon.core.money import MAX_FEN
from daemon.core.permissions import Permission
from daemon.core.shift_report import MOST_NOTES
from daemon.operations import drawer, shifts
from daemon.web.api.bodies import Body, Fen, Id, NoQuery, Nothing, Pin, Query, whole_number
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.api.signing import SIGNING_IN

_FromZero = Annotated[int, Field(ge=0, le=MAX_FEN)]
FromZero = Annotated[_FromZero, BeforeValidator(whole_number, json_schema_input_type=_FromZero)]
_Count = Annotated[int, Field(ge=0, le=MOST_NOTES)]
Count = Annotated[_Count, BeforeValidator(whole_number, json_schema_input_type=_Count)]


class OpenShift(Body):
    float_fen: FromZero = Field(description="What is in the drawer to begin with.")


class Note(Body):
    note_fen: Fen = Field(description="The note's or coin's value.")
    count: Count


Notes = Annotated[list[Note], Field(max_length=30)]


class CloseShift(Body):
    """What lies in the drawer, counted without having been told what there should be."""

    counted: Notes


class HandOver(Body):
    to: str = Field(min_length=1, max_length=20, description="The number of who takes over.")
    pin: Pin = Field(description="Of who takes over.")
    counted: Notes | None = Field(default=None, description="Left out: nobody counts.")


class CashMove(Body):
    way: Literal["in", "out"]
    amount_fen: Fen
    reason: str = Field(min_length=1, max_length=60)


class NoSale(Body):
    reason: str = Field(min_length=1, max_length=60)


class ShiftsQuery(Query):
    limit: int = Field(default=20, ge=1, le=100)
    before: int | None = Field(
        default=None, ge=1, le=2**53, description="Only shifts with lower numbers."
    )


class CountAndFen(BaseModel):
    count: int
    fen: int


class BalanceRefunds(CountAndFen):
    kept_fen: int = Field(description="What stayed with the shop.")


class TenderFlow(BaseModel):
    tender: str = Field(description="cash, bank_card, wechat, alipay, stored, ...")
    taken_fen: int
    paid_out_fen: int


class GivenAndUsed(BaseModel):
    given: int
    used: int


class CashFigures(BaseModel):
    """float + taken - paid out + in - out + found = expected."""

    float_fen: int
    taken_fen: int
    paid_out_fen: int
    in_fen: int
    out_fen: int
    found_fen: int = Field(description="Differences found and booked at hand-overs.")
    expected_fen: int
    counted_fen: int | None
    difference_fen: int | None


class CashierFigures(BaseModel):
    number: str
    sales: CountAndFen
    refunds: CountAndFen
    recharges: CountAndFen
    cash_fen: int


class HandedOver(BaseModel):
    model_config = {"populate_by_name": True}

    at_ms: int
    by: str = Field(alias="from")
    to: str
    counted_fen: int | Literal[""]
    difference_fen: int


class ShiftReport(BaseModel):
    sales: CountAndFen
    refunds: CountAndFen
    voids: CountAndFen
    fees: CountAndFen
    recharges: CountAndFen
    recharge_voids: CountAndFen
    bonus_fen: int
    balance_refunds: BalanceRefunds
    discount_fen: int
    overrides: CountAndFen = Field(
        default=CountAndFen(count=0, fen=0),
        description="Lines whose price was changed at the counter, and what that took off.",
    )
    tenders: list[TenderFlow]
    points: GivenAndUsed
    passes: GivenAndUsed
    cash: CashFigures
    cashiers: list[CashierFigures]
    hand_overs: list[HandedOver]


class Shift(BaseModel):
    shift_id: Id
    number: int = Field(description="Also of its Z report: without a gap.")
    opened_ms: int
    opened_by: str
    held_by: str
    float_fen: int
    closed_ms: int | None
    closed_by: str | None
    report: ShiftReport | None = Field(
        description="Null while nobody has counted, and for shifts that are not one's to see."
    )
    counted: dict[str, int] | None = Field(description="Notes by value in fen.")
    receipt_id: Id | None


class CurrentShift(BaseModel):
    shift: Shift | None
    required: bool
    usual_float_fen: int
    notes_fen: list[int] = Field(description="What is counted, highest first as the shop set it.")


class Shifts(BaseModel):
    shifts: list[Shift]


class ShiftHandedOver(BaseModel):
    shift: Shift
    counted_fen: int | None
    difference_fen: int | None


class CashMoved(BaseModel):
    way: Literal["in", "out"]
    amount_fen: int
    reason: str
    receipt_id: Id


class DrawerOpened(BaseModel):
    reason: str
    receipt_id: Id


@route(
    "POST",
    "/shifts",
    "Open a shift with the drawer's float",
    {200: Shift},
    body=OpenShift,
    problems=(409,),
    idempotent=True,
    needs=Permission.SHIFT,
)
async def open_shift(call: Call[OpenShift, NoQuery]) -> web.StreamResponse:
    key = call.idempotency_key
    return reply(await shifts.open_shift(call.context.shop, call.actor, call.body.float_fen, key))


@route(
    "GET",
    "/shifts/current",
    "The open shift, and what is needed to open or count one",
    {200: CurrentShift},
)
async def see_current_shift(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await shifts.current_shift(call.context.shop))


@route(
    "POST",
    "/shifts/current/hand-over",
    "Give the open shift to somebody else, counted or not",
    {200: ShiftHandedOver},
    body=HandOver,
    problems=(403, 409, 429),
    idempotent=True,
    needs=Permission.SHIFT,
)
async def hand_over_shift(call: Call[HandOver, NoQuery]) -> web.StreamResponse:
    body = call.body
    counted = None if body.counted is None else _counted(body.counted)
    with call.request.app[SIGNING_IN]:
        done = await shifts.hand_over(
            call.context.shop, call.actor, body.to, body.pin, counted, call.idempotency_key
        )
    return reply(done)


@route(
    "POST",
    "/shifts/current/close",
    "Close the open shift with what was counted; the answer is its Z report",
    {200: Shift},
    body=CloseShift,
    problems=(409,),
    idempotent=True,
    needs=Permission.SHIFT,
)
async def close_shift(call: Call[CloseShift, NoQuery]) -> web.StreamResponse:
    counted = _counted(call.body.counted)
    return reply(await call.context.desk.close_shift(call.actor, counted, call.idempotency_key))


@route(
    "GET",
    "/shifts/current/report",
    "The X report: how the open shift stands",
    {200: Shift},
    problems=(409,),
    needs=Permission.SHIFT_ANY,
)
async def see_x_report(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await shifts.x_report(call.context.shop, call.actor))


@route(
    "POST",
    "/shifts/current/report",
    "Print the X report",
    {200: Shift},
    problems=(409,),
    idempotent=True,
    needs=Permission.SHIFT_ANY,
)
async def print_x_report(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    key = call.idempotency_key
    return reply(await shifts.print_x_report(call.context.shop, call.actor, key))


@route(
    "GET",
    "/shifts",
    "Shifts, newest first, with the figures of those that one may see",
    {200: Shifts},
    query=ShiftsQuery,
    needs=Permission.SHIFT,
)
async def see_shifts(call: Call[Nothing, ShiftsQuery]) -> web.StreamResponse:
    query = call.query
    found = await shifts.list_shifts(call.context.shop, call.actor, query.limit, query.before)
    return reply({"shifts": found})


@route(
    "GET",
    "/shifts/{shift_id}",
    "A shift and its Z report",
    {200: Shift},
    problems=(404,),
    needs=Permission.SHIFT,
)
async def see_shift(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    shift_id = call.ids["shift_id"]
    return reply(await shifts.shift_by_id(call.context.shop, call.actor, shift_id))


@route(
    "POST",
    "/drawer/cash",
    "Put cash into the drawer or take some out, with a reason",
    {200: CashMoved},
    body=CashMove,
    problems=(409,),
    idempotent=True,
    needs=Permission.CASH_MOVE,
)
async def move_cash(call: Call[CashMove, NoQuery]) -> web.StreamResponse:
    body = call.body
    return reply(
        await drawer.move_cash(
            call.context.shop,
            call.actor,
            body.way,
            body.amount_fen,
            body.reason,
            call.idempotency_key,
        )
    )


@route(
    "POST",
    "/drawer/open",
    "Open the drawer for no sale, with a reason",
    {200: DrawerOpened},
    body=NoSale,
    idempotent=True,
    needs=Permission.CASH_MOVE,
)
async def open_drawer(call: Call[NoSale, NoQuery]) -> web.StreamResponse:
    key = call.idempotency_key
    return reply(await drawer.open_drawer(call.context.shop, call.actor, call.body.reason, key))


def _counted(notes: list[Note]) -> list[tuple[int, int]]:
    return [(note.note_fen, note.count) for note in notes]


ROUTES: tuple[Route, ...] = (
    open_shift,
    see_current_shift,
    see_shifts,
    hand_over_shift,
    close_shift,
    see_x_report,
    print_x_report,
    see_shift,
    move_cash,
    open_drawer,
)
