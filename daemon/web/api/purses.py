"""Electronic purses on cards: what is unknown, and what the office says of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.core.permissions import Permission
from daemon.operations import purse_office
from daemon.operations.purse_load import LoadOrder
from daemon.web.api.answers import Member
from daemon.web.api.bodies import Body, Fen, NoQuery, Nothing
from daemon.web.api.route import Call, Route, reply, route


class PurseDecision(Body):
    outcome: Literal["done", "not_done"]
    reason: Annotated[str, Field(min_length=1, max_length=60)]


class PurseDeed(BaseModel):
    """A debit or a load of a purse. `decided_by` office: the card's own proof goes before it."""

    deed_id: str
    kind: Literal["purchase", "load"]
    state: Literal["intent", "unknown", "not_done", "done"]
    decided_by: Literal["card", "office"] | None
    why: str | None
    card_id: str
    member: Member | None
    sale_id: str | None
    amount_fen: int
    balance_before_fen: int
    sequence: int = Field(description="The card's own number of it.")
    written_ms: int
    settled_ms: int | None


class NewPurseLoad(Body):
    amount_fen: Fen
    purse_pin: Annotated[
        str, Field(pattern="^[0-9]{4,12}$", description="The card's own; it wants it each time.")
    ]


class PurseLoad(BaseModel):
    """`unknown` is settled when the card is seen again, or by the office."""

    load_id: str
    deed_id: str
    card_id: str
    amount_fen: int
    status: Literal["done", "not_done", "unknown"]
    on_card_fen: int | None = Field(description="What is on the card now, where it is done.")
    receipt_id: str | None
    receipt_number: str | None
    created_ms: int


class PurseDeeds(BaseModel):
    deeds: list[PurseDeed]


@route(
    "GET",
    "/purse-deeds",
    "Debits and loads of purses that are unknown, or that the office decided; newest first",
    {200: PurseDeeds},
    needs=Permission.PURSE_SETTLE,
)
async def see_deeds(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await purse_office.open_deeds(call.context.shop))


@route(
    "POST",
    "/purse-deeds/{purse_deed_id}/decision",
    "Book what is unknown as done or as not done; the card's own proof goes before it",
    {200: PurseDeed},
    body=PurseDecision,
    problems=(404, 409),
    idempotent=True,
    needs=Permission.PURSE_SETTLE,
)
async def decide_deed(call: Call[PurseDecision, NoQuery]) -> web.StreamResponse:
    decided = await purse_office.decide(
        call.context.shop,
        call.actor,
        call.ids["purse_deed_id"],
        done=call.body.outcome == "done",
        reason=call.body.reason,
        key=call.idempotency_key,
    )
    return reply(decided)


@route(
    "POST",
    "/purse-loads",
    "Put money from a member's account onto the purse of the card that lies there",
    {200: PurseLoad},
    body=NewPurseLoad,
    problems=(403, 404, 409, 503),
    idempotent=True,
    needs=Permission.RECHARGE,
)
async def load_purse(call: Call[NewPurseLoad, NoQuery]) -> web.StreamResponse:
    order = LoadOrder(call.body.amount_fen, call.body.purse_pin)
    return reply(await call.context.desk.load_purse(call.actor, order, call.idempotency_key))


ROUTES: Final[tuple[Route, ...]] = (load_purse, see_deeds, decide_deed)
