"""The merchant's rules: sections, versions, set-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import web

from daemon.core.permissions import Permission
from daemon.operations import rules, samples, set_up
from daemon.operations.catalogue import catalogue_view
from daemon.rules.mistakes import RulesInvalid
from daemon.rules.sections import require_section
from daemon.web.api.bodies import NoQuery, Nothing
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.api.rules_bodies import (
    Back,
    CashierCatalogue,
    Checked,
    NewContent,
    OneVersion,
    Samples,
    Section,
    Sections,
    SetUpState,
    StepState,
    TriedContent,
    Versions,
    VersionsQuery,
)
from daemon.web.problems import Problem

LARGEST_DOCUMENT_BYTES: Final = 1024 * 1024
"""A catalogue of 3 000 codes, or the pictures of fifty kinds of cards."""


@contextmanager
def _explained() -> Iterator[None]:
    """Rules that would not hold together are told with every mistake and its place."""
    try:
        yield
    except RulesInvalid as error:
        mistakes = [
            {**mistake.as_json(), "why": mistake.key.replace("_", " ")}
            for mistake in error.mistakes
        ]
        raise Problem(422, error.key, facts=error.facts, errors=mistakes) from error


@route("GET", "/rules", "Every section and who changed it last", {200: Sections},
       needs=Permission.RULES_READ)  # fmt: skip
async def see_sections(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"sections": await rules.list_sections(call.context.shop)})


@route(
    "GET",
    "/rules/{section}",
    "A section as it is in force",
    {200: Section},
    problems=(404,),
    needs=Permission.RULES_READ,
)
async def see_section(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await rules.section_by_name(call.context.shop, call.ids["section"]))


@route(
    "PUT",
    "/rules/{section}",
    "Write the next version of a section and put it into force",
    {200: Section},
    body=NewContent,
    problems=(404, 409),
    needs=Permission.RULES_CHANGE,
    most_bytes=LARGEST_DOCUMENT_BYTES,
)
async def change_section(call: Call[NewContent, NoQuery]) -> web.StreamResponse:
    body = call.body
    with _explained():
        view = await rules.change(
            call.context.shop,
            call.actor,
            call.ids["section"],
            body.content,
            body.base_version,
            body.note,
        )
    return reply(view)


@route(
    "POST",
    "/rules/{section}/check",
    "What would stand against this content; nothing is kept",
    {200: Checked},
    body=TriedContent,
    problems=(404,),
    needs=Permission.RULES_READ,
    most_bytes=LARGEST_DOCUMENT_BYTES,
)
async def check_section(call: Call[TriedContent, NoQuery]) -> web.StreamResponse:
    found = await rules.check(call.context.shop, call.ids["section"], call.body.content)
    return reply({"mistakes": [mistake.as_json() for mistake in found]})


@route(
    "GET",
    "/rules/{section}/schema",
    "The JSON Schema of a section's content",
    {200: "application/schema+json"},
    problems=(404,),
    needs=Permission.RULES_READ,
)
async def see_schema(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    schema: dict[str, Any] = require_section(call.ids["section"]).model_json_schema()
    answer = reply(schema)
    answer.content_type = "application/schema+json"
    return answer


@route(
    "GET",
    "/rules/{section}/versions",
    "Who changed a section and when, newest first",
    {200: Versions},
    query=VersionsQuery,
    problems=(404,),
    needs=Permission.RULES_READ,
)
async def see_versions(call: Call[Nothing, VersionsQuery]) -> web.StreamResponse:
    shop, section = call.context.shop, call.ids["section"]
    return reply({"versions": await rules.list_versions(shop, section, call.query.limit)})


@route(
    "GET",
    "/rules/{section}/versions/{version}",
    "One version, and what it changed",
    {200: OneVersion},
    problems=(404,),
    needs=Permission.RULES_READ,
)
async def see_version(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    section, version = call.ids["section"], int(call.ids["version"])
    return reply(await rules.version_by_number(call.context.shop, section, version))


@route(
    "POST",
    "/rules/{section}/restore",
    "Put an earlier version into force again, as a new version",
    {200: Section},
    body=Back,
    problems=(404, 409),
    needs=Permission.RULES_CHANGE,
)
async def restore_section(call: Call[Back, NoQuery]) -> web.StreamResponse:
    body = call.body
    with _explained():
        view = await rules.restore(
            call.context.shop, call.actor, call.ids["section"], body.version, body.base_version
        )
    return reply(view)


@route("GET", "/catalogue", "What the cashier's page needs to fill a basket",
       {200: CashierCatalogue})  # fmt: skip
async def see_catalogue(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await catalogue_view(call.context.shop))


@route("GET", "/samples", "Sample shops to start from", {200: Samples},
       needs=Permission.RULES_READ)  # fmt: skip
async def see_samples(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"samples": await samples.list_samples()})


@route(
    "POST",
    "/samples/{sample}",
    "Begin with a sample shop's rules; only while nothing was sold",
    {200: SetUpState},
    problems=(404, 409),
    needs=Permission.RULES_CHANGE,
)
async def take_sample(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    shop = call.context.shop
    with _explained():
        await samples.take_sample(shop, call.actor, call.ids["sample"])
    return reply(await set_up.set_up_state(shop))


@route("GET", "/set-up", "How far the guided set-up is", {200: SetUpState},
       needs=Permission.RULES_READ)  # fmt: skip
async def see_set_up(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await set_up.set_up_state(call.context.shop))


@route(
    "POST",
    "/set-up/{step}",
    "Call a step of the set-up done, skipped or open again",
    {200: SetUpState},
    body=StepState,
    problems=(404, 409),
    needs=Permission.RULES_CHANGE,
)
async def settle_step(call: Call[StepState, NoQuery]) -> web.StreamResponse:
    shop = call.context.shop
    await set_up.settle_step(shop, call.actor, call.ids["step"], call.body.state)
    return reply(await set_up.set_up_state(shop))


ROUTES: Final[tuple[Route, ...]] = (
    see_sections,
    see_section,
    change_section,
    check_section,
    see_schema,
    see_versions,
    see_version,
    restore_section,
    see_catalogue,
    see_samples,
    take_sample,
    see_set_up,
    settle_step,
)
