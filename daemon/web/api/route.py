"""One decorator that makes a request handler out of an operation: reads, checks, authenticates, and
keeps what the OpenAPI document says of it beside the code that does it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from daemon.core.errors import NotFound
from daemon.core.permissions import Permission
from daemon.operations.permit import permit
from daemon.operations.shop import Actor
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.paths import form_of
from daemon.web.context import CONTEXT, Context
from daemon.web.problems import Problem
from daemon.web.session import Caller, authenticate

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)

BASE: Final = "/api/v1"
MOST_MISTAKES: Final = 20
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
APPROVAL: Final = "Approval"
"""A manager's yes to this one action (POST /approvals)."""


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """One request, checked. `ids` are the ids of its path."""

    context: Context
    request: web.Request
    ids: Mapping[str, str]
    body: B
    query: Q
    caller: Caller | None = None
    idempotency_key: str = ""

    @property
    def actor(self) -> Actor:
        return self.signed_in.actor

    @property
    def signed_in(self) -> Caller:
        assert self.caller is not None, "the route is open to everybody"
        return self.caller


Action = Callable[[Call[B, Q]], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """`answers` by status: a model, a media type, or None for no body. `problems` are the statuses
    that this route may answer besides those that every route may. `most_bytes`: of the body, where
    it may be larger than usual. `upload`: media types of a body that the action reads by itself, as
    a stream."""

    method: str
    path: str
    summary: str
    tag: str
    answers: Mapping[int, type[BaseModel] | str | None]
    problems: Sequence[int]
    body: type[BaseModel]
    query: type[BaseModel]
    signed_in: bool
    idempotent: bool
    needs: Permission | None
    action: Callable[[Any], Awaitable[web.StreamResponse]] = field(repr=False)
    most_bytes: int | None = None
    upload: Sequence[str] = ()

    @property
    def reads_body(self) -> bool:
        return self.method in ("POST", "PUT")

    @property
    def name(self) -> str:
        return self.action.__name__

    async def serve(self, request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        caller = await authenticate(context, request) if self.signed_in else None
        approval = request.headers.get(APPROVAL, "") if caller is not None else ""
        if caller is not None and self.needs is not None and not approval:
            caller.actor.require(self.needs)
        if self.most_bytes is not None and not self.upload:
            request = request.clone(client_max_size=self.most_bytes)
        ids = _ids(request)
        query = _checked(self.query.model_validate, dict(request.query), "query")
        body: BaseModel = Nothing()
        if self.upload and request.content_type not in self.upload:
            accept = ", ".join(self.upload)
            raise Problem(415, "media_type_unsupported", headers={"Accept": accept})
        if self.reads_body and not self.upload:
            body = await _body(request, self.body)
        key = _idempotency_key(request) if self.idempotent else ""
        if caller is not None and approval:
            # Last, so that a request that cannot be understood does not use the approval up.
            use = await _use(request, key) if key else ""
            actor = await permit(context.shop, caller.actor, self.needs, approval, use)
            caller = replace(caller, actor=actor)
        return await self.action(Call(context, request, ids, body, query, caller, key))


def route(
    method: str,
    path: str,
    summary: str,
    answers: Mapping[int, type[BaseModel] | str | None],
    *,
    body: type[B] = Nothing,  # type: ignore[assignment]
    query: type[Q] = NoQuery,  # type: ignore[assignment]
    problems: Sequence[int] = (),
    signed_in: bool = True,
    idempotent: bool = False,
    needs: Permission | None = None,
    most_bytes: int | None = None,
    upload: Sequence[str] = (),
) -> Callable[[Action[B, Q]], Route]:
    tag = path.split("/")[1]

    def make(action: Action[B, Q]) -> Route:
        return Route(
            method,
            path if path == "/healthz" else BASE + path,
            summary,
            tag,
            answers,
            problems,
            body,
            query,
            signed_in,
            idempotent,
            needs,
            action,
            most_bytes,
            upload,
        )

    return make


def reply(body: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
    )


def _ids(request: web.Request) -> Mapping[str, str]:
    """Raises NotFound: what does not look like an id cannot be the id of anything."""
    for name, value in request.match_info.items():
        if not form_of(name).fits(value):
            raise NotFound(name.removesuffix("_id") + "_unknown")
    return request.match_info


async def _body(request: web.Request, model: type[B]) -> B:
    """Raises Problem 400 for what is not JSON, 413, 415, 422 for what does not fit the schema."""
    raw = await request.read()
    if not raw and model is Nothing:
        return model()
    charset = (request.charset or "utf-8").lower()
    if raw and (request.content_type != "application/json" or charset not in ("utf-8", "utf8")):
        raise Problem(415, "media_type_unsupported", headers={"Accept": "application/json"})
    return _checked(model.model_validate_json, raw, "")


def _checked(validate: Callable[[Any], B], given: Any, place: str) -> B:
    try:
        return validate(given)
    except ValidationError as error:
        # `include_input=False`: what was typed may be a PIN.
        found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(row["type"] == "json_invalid" for row in found):
        raise Problem(400, "body_not_json")
    mistakes = [
        {"at": ".".join([*([place] if place else []), *map(str, row["loc"])]), "why": row["msg"]}
        for row in found[:MOST_MISTAKES]
    ]
    raise Problem(422, "request_invalid", errors=mistakes)


async def _use(request: web.Request, key: str) -> str:
    """Names this request, so that an approval that it used is good for it alone, sent again."""
    digest = hashlib.sha256(await request.read()).hexdigest()
    return f"{request.method} {request.path} {key} {digest}"


def _idempotency_key(request: web.Request) -> str:
    """Its form is checked where it is kept (daemon.operations.once)."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        raise Problem(422, "idempotency_key_missing")
    return key
