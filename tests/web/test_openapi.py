"""The OpenAPI document holds: whatever it allows is answered as it says, and nothing it forbids or
does not know makes the device stumble (schemathesis)."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode

from daemon.web.api import ROUTES
from daemon.web.api.openapi import describe
from daemon.web.problem_titles import TITLES
from daemon.web.server import WebSettings
from tests.budget import NIGHTLY
from tests.fakes.clock import HandClock

from .till import Counter, customer, desfire, living, uid_card

EXAMPLES = 200 if NIGHTLY else 15
API = describe(ROUTES)
SCHEMA = schemathesis.openapi.from_dict(API)
# A stream does not end, and a session that is closed cannot be used for the next example.
FUZZED = SCHEMA.exclude(path="/api/v1/events").exclude(operation_id="close_session")
ACCEPTED = schemathesis.checks.CHECKS.get_one("positive_data_acceptance")
SHOPS_OWN_RULES = {"POST /api/v1/sales", "POST /api/v1/quotes", "POST /api/v1/members"} | {
    "POST /api/v1/members/{member_id}/identity",
    "POST /api/v1/shifts/current/close",
    "POST /api/v1/shifts/current/hand-over",
    "PUT /api/v1/session/pin",
    "PUT /api/v1/members/{member_id}",
    "POST /api/v1/member-filters",
    "PUT /api/v1/member-filters/{filter_id}",
    "POST /api/v1/member-batches",
    "POST /api/v1/member-exports",
    "POST /api/v1/member-imports",
    "PUT /api/v1/member-imports/{job_id}",
}
"""A sale above the shop's limit, a name of blanks, an identity number with a wrong check digit, a
note that the shop does not count and a PIN that stays the same fit the schema, and are refused; so
are a filter whose value does not suit its field, and a file that is none."""


@dataclass
class Running:
    address: str
    token: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A counter on a thread of its own, since schemathesis calls and waits."""
    folder = tmp_path_factory.mktemp("counter")
    ready: list[Running] = []
    begun, enough = threading.Event(), threading.Event()

    async def serve() -> None:
        settings = WebSettings(port=0, static=folder / "static")
        async with living(Counter(folder, HandClock(), settings=settings)) as counter:
            ready.append(await populated(counter))
            begun.set()
            while not enough.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert begun.wait(60)
        yield ready[0]
    finally:
        enough.set()
        thread.join()


async def populated(counter: Counter) -> Running:
    await counter.hire()
    await counter.sign_in()
    member = await customer(counter, desfire())
    recharge = await counter.recharge(member.member_id, 20_000)
    sale_id = await counter.begin(1_850)
    await counter.tap(member.card)
    receipt_id = (await counter.sale(sale_id))["receipt_id"]
    issue = await counter.post("/card-issues", {"member_id": member.member_id}, expect=202)
    await counter.tap(uid_card())
    assert counter.token is not None
    ids = {
        "sale_id": sale_id,
        "member_id": member.member_id,
        "card_id": member.card_id,
        "recharge_id": recharge["recharge_id"],
        "receipt_id": receipt_id,
        "issue_id": issue["issue_id"],
        "service_id": issue["issue_id"],
    }
    return Running(counter.address, counter.token, ids)


@FUZZED.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_as_described(case: Any, running: Running) -> None:
    # Every other right example speaks of something that is there.
    right = case.meta.generation.mode is GenerationMode.POSITIVE
    if right and zlib.crc32(repr((case.body, case.query, case.path_parameters)).encode()) % 2:
        for name in case.path_parameters or {}:
            case.path_parameters[name] = running.ids.get(name, case.path_parameters[name])
    case.call_and_validate(
        base_url=running.address,
        headers={"Authorization": f"Bearer {running.token}"},
        excluded_checks=[ACCEPTED] if case.operation.label in SHOPS_OWN_RULES else [],
    )


async def test_the_document_is_served_and_complete(bare: Counter) -> None:
    document = (await bare.ask("GET", "/api/v1/openapi.json", token=None)).body
    assert document == API and document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] and operation["operationId"], (method, path)
    names = [
        operation["operationId"] for ops in API["paths"].values() for operation in ops.values()
    ]
    assert len(names) == len(set(names)) == len(ROUTES)


async def test_events_are_as_described(counter: Counter) -> None:
    """Events carry the same shapes as the answers."""
    seen: list[tuple[str, Any]] = []
    publish = counter.events.publish

    def keep(kind: str, body: Any) -> None:
        seen.append((kind, body))
        publish(kind, body)

    counter.events.publish = keep  # type: ignore[method-assign]
    member = await customer(counter, uid_card())
    await counter.begin(100)
    await counter.tap(member.card)
    await counter.lay(desfire(9))
    shapes = {"counter": "Counter", "sale": "Sale", "recharge": "Recharge", "issue": "Issue"}
    checked = 0
    for kind, body in seen:
        if kind in shapes:
            schema = {"$ref": f"#/components/schemas/{shapes[kind]}", **API}
            jsonschema.validate(body, schema)
            checked += 1
    assert checked > 5


def test_every_problem_key_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    missing = [key for key in TITLES if f"`{key}`" not in guide]
    assert not missing
