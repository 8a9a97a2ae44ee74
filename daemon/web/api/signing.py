"""Signing in and out."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from daemon.core.errors import Fault, Retry
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import sign_in, sign_out, token_hash
from daemon.operations.staff import role_name
from daemon.web.api.answers import Session, SignedIn
from daemon.web.api.bodies import Credentials, NoQuery, Nothing
from daemon.web.api.route import Call, reply, route
from daemon.web.problems import Problem
from daemon.web.session import give_cookie, take_cookie

MOST_SIGNING_IN: Final = 8
"""Each costs a slow hash: a flood is turned away instead of queueing for minutes."""


class SigningIn:
    """How many are at it now."""

    def __init__(self) -> None:
        self.now = 0

    def __enter__(self) -> None:
        if self.now >= MOST_SIGNING_IN:
            raise Problem(
                429, "too_many_requests", Fault.CLIENT, Retry.LATER, headers={"Retry-After": "1"}
            )
        self.now += 1

    def __exit__(self, *_: object) -> None:
        self.now -= 1


SIGNING_IN: Final = web.AppKey("signing_in", SigningIn)


@route(
    "POST",
    "/session",
    "Sign in with an employee's number and PIN",
    {200: SignedIn},
    body=Credentials,
    problems=(401, 429),
    signed_in=False,
)
async def open_session(call: Call[Credentials, NoQuery]) -> web.StreamResponse:
    shop, settings = call.context.shop, call.context.settings
    with call.request.app[SIGNING_IN]:
        signed_in = await sign_in(shop, call.body.employee, call.body.pin)
    view = _view(shop, signed_in.actor, signed_in.expires_ms)
    body = {"token": signed_in.token, **view}
    response = reply(body)
    give_cookie(response, settings, signed_in)
    return response


@route("GET", "/session", "Who is signed in", {200: Session})
async def see_session(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(_view(call.context.shop, call.actor, call.signed_in.expires_ms))


@route("DELETE", "/session", "Sign out", {204: None})
async def close_session(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    token = call.signed_in.token
    await sign_out(call.context.shop, token)
    call.context.events.close_owner(token_hash(token))
    response = web.Response(status=204)
    take_cookie(response, call.context.settings)
    return response


def _view(shop: Shop, actor: Actor, expires_ms: int) -> dict[str, Any]:
    return {
        "employee": {
            "id": actor.employee_id,
            "number": actor.number,
            "name": actor.name,
            "role": actor.role,
        },
        "role_name": role_name(shop, actor.role),
        "language": actor.language,
        "permissions": sorted(permission.value for permission in actor.permissions),
        "expires_ms": expires_ms,
    }
