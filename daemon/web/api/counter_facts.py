"""What the cashier's page asks besides sales: who serves, and who stands there."""

from __future__ import annotations

from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.operations import acquaintance
from daemon.web.api.bodies import Id, NoQuery, Nothing
from daemon.web.api.route import Call, Route, reply, route


class CrewMember(BaseModel):
    employee_id: Id
    number: str
    name: str
    grade: str


class Crew(BaseModel):
    crew: list[CrewMember]


class Acquaintance(BaseModel):
    tags: list[str]
    birthday: Literal["today", "soon"] | None = Field(description="Within a week; never the day.")
    visits: int
    first_day: str | None
    last_day: str | None


@route("GET", "/crew", "Who may be named as having served a line", {200: Crew})
async def see_crew(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"crew": await acquaintance.crew(call.context.shop)})


@route(
    "GET",
    "/members/{member_id}/acquaintance",
    "A member's tags, visits, and whether the birthday is near",
    {200: Acquaintance},
    problems=(404,),
)
async def see_acquaintance(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    shop, member_id = call.context.shop, call.ids["member_id"]
    return reply(await acquaintance.acquaintance(shop, member_id))


ROUTES: Final[tuple[Route, ...]] = (see_crew, see_acquaintance)
