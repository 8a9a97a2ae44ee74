"""Errors as problem details (RFC 9457), the only form in which the interface says no."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from daemon.core.errors import (
    BadRequest,
    CardError,
    Conflict,
    CounterError,
    Fault,
    KeyMissing,
    LedgerError,
    NotAllowed,
    NotFound,
    PrinterError,
    ReaderError,
    Refused,
    Retry,
)
from daemon.web.problem_titles import title_of

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
_NOT_SIGNED_IN: Final = frozenset({"not_signed_in", "session_over", "sign_in_failed"})
_OF_HTTP: Final = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_STATUSES: Final[tuple[tuple[type[CounterError], int], ...]] = (
    (NotFound, 404),
    (Conflict, 409),
    (BadRequest, 422),
    (Refused, 409),
    (LedgerError, 503),
    (CardError, 503),
    (ReaderError, 503),
    (PrinterError, 503),
    (KeyMissing, 503),
)


@dataclass(eq=False)
class Problem(Exception):
    """What the interface itself refuses, before any operation is asked."""

    status: int
    key: str
    fault: Fault = Fault.CLIENT
    retry: Retry = Retry.NEVER
    facts: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: CounterError) -> Problem:
    """The HTTP form of an operation's error."""
    status = _status(error)
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 429:
        headers["Retry-After"] = str(error.facts.get("seconds") or 1)
    return Problem(status, error.key, error.fault, error.retry, error.facts, headers=headers)


def _status(error: CounterError) -> int:
    if isinstance(error, NotAllowed):
        if error.key in _NOT_SIGNED_IN:
            return 401
        return 429 if error.key.endswith("_locked") else 403
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return status
    return 500


def answer(problem: Problem) -> web.Response:
    title = title_of(problem.key)
    body: dict[str, Any] = {
        "type": f"urn:counterd:problem:{problem.key}",
        "title": title,
        "status": problem.status,
        "detail": _detail(title, problem.facts),
        "key": problem.key,
        "fault": problem.fault.value,
        "retry": problem.retry.value,
        "facts": dict(problem.facts),
    }
    if problem.errors:
        body["errors"] = [dict(row) for row in problem.errors]
    return web.Response(
        status=problem.status,
        body=json.dumps(body, ensure_ascii=False).encode(),
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def _detail(title: str, facts: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}={value}" for name, value in facts.items())
    return f"{title} ({told})" if told else title


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever a request raises into problem details. This is where the tree of errors ends:
    a bug is logged with its trace, never with the request's body, and answered as `internal`."""
    try:
        return await handler(request)
    except Problem as problem:
        return answer(problem)
    except CounterError as error:
        if isinstance(error, LedgerError):
            log.error("%s %s: %s", request.method, _shape(request), error)
        return answer(problem_of(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        key = _OF_HTTP.get(error.status, "request_invalid")
        return answer(Problem(error.status, key, headers=allow))
    except Exception:
        log.exception("%s %s failed", request.method, _shape(request))
        return answer(Problem(500, "internal", Fault.DEVICE, Retry.SAME))


def _shape(request: web.Request) -> str:
    """The route's pattern: a path or a query may name a person."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"
