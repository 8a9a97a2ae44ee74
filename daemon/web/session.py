"""Who asks, and whether the request comes from where it should.

A request carries a session by cookie or as a bearer token. A browser sends the cookie by itself, so
for the cookie the request must come from our own page: SameSite=Strict, and `Origin` and
`Sec-Fetch-Site` where the browser sends them (every browser sends `Origin` with a POST to another
origin). `Host` must be a name that the device is known by: a page of elsewhere whose name was made
to point at the device (DNS rebinding) is refused whatever it sends.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from daemon.core.errors import NotAllowed
from daemon.operations.shop import Actor
from daemon.operations.sign_in import SESSION_MS, SignedIn, token_hash, who
from daemon.web.context import CONTEXT, Context, WebSettings
from daemon.web.problems import Problem

LONGEST_TOKEN: Final = 128
_SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in employee, the token that proved it, and when it ends."""

    actor: Actor
    token: str
    expires_ms: int

    @property
    def session(self) -> bytes:
        return token_hash(self.token)


async def authenticate(context: Context, request: web.Request) -> Caller:
    """At most one read of the ledger. Raises NotAllowed("not_signed_in" | "session_over")."""
    token = _bearer(request) or request.cookies.get(context.settings.cookie, "")
    if not 0 < len(token) <= LONGEST_TOKEN or not token.isascii():
        raise NotAllowed("not_signed_in")
    actor, session = await who(context.shop, token)
    return Caller(actor, token, session.expires_ms)


def _bearer(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def give_cookie(response: web.StreamResponse, settings: WebSettings, signed_in: SignedIn) -> None:
    response.set_cookie(
        settings.cookie,
        signed_in.token,
        max_age=SESSION_MS // 1000,
        path="/",
        httponly=True,
        secure=settings.secure_cookie,
        samesite="Strict",
    )


def take_cookie(response: web.StreamResponse, settings: WebSettings) -> None:
    response.del_cookie(
        settings.cookie,
        path="/",
        httponly=True,
        secure=settings.secure_cookie,
        samesite="Strict",
    )


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses requests under a foreign name, and changes that a foreign page asks for."""
    settings = request.app[CONTEXT].settings
    host = request.headers.get(hdrs.HOST, "")
    if not is_our_host(host, settings.allowed_hosts):
        raise Problem(403, "host_refused")
    if request.method not in _SAFE and _bearer(request) is None and not _is_our_page(request, host):
        raise Problem(403, "origin_refused")
    return await handler(request)


def is_our_host(host: str, allowed: tuple[str, ...]) -> bool:
    """`localhost` and addresses are always ours: a name must be resolved to be rebound, and an
    address is not."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not name or parts.username is not None or parts.path or parts.query or parts.fragment:
        return False
    if name == "localhost" or _is_address(name):
        return True
    known = {entry.lower() for entry in allowed}
    return name in known or (port is not None and f"{name}:{port}" in known)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_our_page(request: web.Request, host: str) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN_SITES:
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    scheme, _, place = origin.partition("://")
    return scheme in ("http", "https") and place.lower() == host.lower()


def security_headers(settings: WebSettings) -> dict[str, str]:
    """Sent with every answer. Scripts, styles and pictures come from the device alone."""
    ancestors = " ".join(settings.frame_ancestors) or "'none'"
    headers = {
        "Content-Security-Policy": (
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
            f"frame-ancestors {ancestors}"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if not settings.frame_ancestors:
        headers["X-Frame-Options"] = "DENY"
    return headers
