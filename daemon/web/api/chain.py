"""Where this device stands in its chain: what the office shows of leases and of the cloud."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.core.permissions import Permission
from daemon.operations.branch_view import chain_standing
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.route import Call, Route, reply, route


class Journal(BaseModel):
    epoch: int
    number: int = Field(description="The cloud's number for this device's journal; 0: none yet.")


class Held(BaseModel):
    members: int
    principal_fen: int
    bonus_fen: int
    points: int
    uses: int = Field(description="Of passes.")


class ChainStanding(BaseModel):
    belongs: bool = Field(description="False: a shop alone, which holds everything.")
    device: str
    store: str
    merchant: str
    cloud: str = Field(description="What this device dials; empty where the cloud dials in.")
    online: bool
    since_ms: int | None = Field(description="Online, or offline, since then.")
    contact_ms: int | None = Field(description="When the cloud was last heard.")
    waiting: int = Field(description="Batches and changes that the cloud does not have yet.")
    journal: Journal | None
    valid_until_ms: int | None = Field(description="Until then what is held spends offline.")
    held: Held | None = Field(description="All that is held here of members.")


@route(
    "GET",
    "/chain",
    "Where this device stands in its chain",
    {200: ChainStanding},
    needs=Permission.RULES_READ,
)
async def see_chain(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    context = call.context
    return reply(await chain_standing(context.shop, context.settings.cloud))


ROUTES: Final[tuple[Route, ...]] = (see_chain,)
