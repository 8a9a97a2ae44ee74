"""The operator's door: one page and the same as JSON, behind a token.

    GET  /operator                               the page
    GET  /operator/v1/devices | discrepancies | log | sums
    GET  /operator/v1/leases?device=D
    GET  /operator/v1/settlement?from=DAY&to=DAY
    POST /operator/force | revoke | settle | enrol-code      form fields; a reason is needed

HTTP Basic: the name is who does it (it goes to the log), the password the site's token. A form of
another site is refused by its origin, since a browser would send the token along.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import BasicAuth, web

from cloud import enrol
from cloud.answer import Cloud
from cloud.books import CloudBooks
from cloud.folds import day_of
from cloud.page import LANGUAGES, POLICY, Page, Seen
from cloud.records import DiscrepancyState
from cloud.settlement import crossed, day_number, owed
from cloud.views import devices_view, leases_view
from daemon.core.errors import BadRequest, NotAllowed, NotFound

MOST_SHOWN: Final = 200
SETTLEMENT_DAYS: Final = 30
LONGEST_FIELD: Final = 500


class Operator:
    """`add_to` puts the routes on the cloud's door."""

    def __init__(self, cloud: Cloud, token: str) -> None:
        self._cloud = cloud
        self._token = token

    def add_to(self, app: web.Application) -> None:
        app.add_routes(
            [
                web.get("/operator", self._page),
                web.get("/operator/v1/{what}", self._view),
                web.post("/operator/force", self._force),
                web.post("/operator/revoke", self._revoke),
                web.post("/operator/settle", self._settle),
                web.post("/operator/enrol-code", self._enrol_code),
            ]
        )

    async def _page(
        self, request: web.Request, code: tuple[str, str] | None = None
    ) -> web.Response:
        self._who(request)
        today = day_of(self._cloud.now_ms())
        async with self._cloud.store.transaction() as books:
            rows = await crossed(books, today - SETTLEMENT_DAYS, today + 1)
            seen = Seen(
                self._cloud.merchant,
                await devices_view(books),
                await books.office.discrepancies(only_open=True, most=MOST_SHOWN),
                await books.accounts.sums(),
                rows,
                owed(rows),
                await books.devices.log_lines(MOST_SHOWN),
                code,
            )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        text = Page(_language(request)).render(seen)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _view(self, request: web.Request) -> web.Response:
        self._who(request)
        async with self._cloud.store.transaction() as books:
            told = await _told(books, request.match_info["what"], request.query)
        return web.json_response(_plain(told), headers={"Cache-Control": "no-store"})

    async def _force(self, request: web.Request) -> web.Response:
        who, told = await self._form(request, "device", "reason")
        cloud = self._cloud
        await enrol.force(cloud.store, told["device"], who, told["reason"], cloud.now_ms())
        raise web.HTTPSeeOther("/operator")

    async def _revoke(self, request: web.Request) -> web.Response:
        who, told = await self._form(request, "device", "reason")
        cloud = self._cloud
        await enrol.revoke(cloud.store, told["device"], who, told["reason"], cloud.now_ms())
        raise web.HTTPSeeOther("/operator")

    async def _settle(self, request: web.Request) -> web.Response:
        who, told = await self._form(request, "id", "state", "reason")
        try:
            state = DiscrepancyState(told["state"])
        except ValueError as error:
            raise BadRequest("state_unknown") from error
        now_ms = self._cloud.now_ms()

        async def work(books: CloudBooks) -> bool:
            settled = await books.office.settle_discrepancy(told["id"], state, told["reason"], who)
            if settled:
                await books.devices.log(
                    now_ms, who, "settle", "", told["reason"], discrepancy=told["id"]
                )
            return settled

        if not await self._cloud.store.run(work):
            raise NotFound("discrepancy_unknown")
        raise web.HTTPSeeOther("/operator")

    async def _enrol_code(self, request: web.Request) -> web.Response:
        who, told = await self._form(request, "device", "store")
        device = told["device"]
        now_ms = self._cloud.now_ms()
        code = await enrol.make_code(self._cloud.store, device, told["store"], who, now_ms)
        # Shown once, on this answer: it is kept nowhere.
        return await self._page(request, (device, code))

    async def _form(self, request: web.Request, *names: str) -> tuple[str, dict[str, str]]:
        """(who, fields). Raises NotAllowed, BadRequest("field_missing")."""
        who = self._who(request)
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise NotAllowed("origin_foreign")
        form = await request.post()
        told: dict[str, str] = {}
        for name in names:
            value = form.get(name)
            if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_FIELD:
                raise BadRequest("field_missing", field=name)
            told[name] = value.strip()
        return who, told

    def _who(self, request: web.Request) -> str:
        """Raises 401, which makes a browser ask."""
        try:
            basic = BasicAuth.decode(request.headers.get("Authorization", ""), "utf-8")
        except ValueError:
            basic = BasicAuth("", "")
        right = hmac.compare_digest(basic.password.encode(), self._token.encode())
        if not basic.login.strip() or not right:
            raise web.HTTPUnauthorized(
                headers={"WWW-Authenticate": 'Basic realm="counterd", charset="UTF-8"'}
            )
        who: str = basic.login.strip()
        return who[:64]


async def _told(books: CloudBooks, what: str, query: Mapping[str, str]) -> Any:
    match what:
        case "devices":
            return await devices_view(books)
        case "leases":
            return await leases_view(books, query.get("device", ""))
        case "discrepancies":
            return await books.office.discrepancies(only_open="all" not in query)
        case "log":
            return await books.devices.log_lines()
        case "sums":
            return await books.accounts.sums()
        case "settlement":
            days = (day_number(query.get("from", "")), day_number(query.get("to", "")))
            rows = await crossed(books, *days)
            return {"crossed": rows, "owed": owed(rows)}
    raise NotFound("view_unknown")


def _plain(told: Any) -> Any:
    """Values as JSON has them."""
    if hasattr(told, "__dataclass_fields__"):
        return _plain(asdict(told))
    if isinstance(told, dict):
        return {str(name): _plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_plain(value) for value in told]
    return told.value if isinstance(told, Enum) else told


def _language(request: web.Request) -> str:
    asked = request.query.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    accepted = request.headers.get("Accept-Language", "")
    return "en" if accepted.lower().startswith("en") else LANGUAGES[0]
