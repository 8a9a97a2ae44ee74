"""Permissions that came with a later release (price_override, credit), in the books of a shop that
wrote its roles before: what stands as the sample made it gets them, what the shop wrote is its own.

`tests/ledger/old/salon` are books that the release before those two wrote: a hair salon from the
sample, with a supervisor (number 5)."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.permissions import ALL, LATER
from daemon.keys.files import KeyFolder
from daemon.ledger.verify import verify
from daemon.operations.rules import PERMISSIONS_KNOWN
from daemon.rules.crew import Role, as_sampled
from tests.fakes.clock import HandClock
from tests.staff.salon import set_rules
from tests.web.till import MANAGER, Counter

SALON = Path(__file__).parents[1] / "ledger" / "old" / "salon"
SUPERVISOR = ("5", "555555")
FRESH = frozenset(permission.value for permission in LATER)
THEN = json.dumps(sorted(permission.value for permission in ALL - LATER))
CREDIT = {"permission": "credit", "roles": ["店长"]}
OVERRIDE = {"permission": "price_override", "roles": ["店长"]}
PURSES = {"permission": "purse_settle", "roles": ["店长"]}


def old_salon(folder: Path) -> Path:
    """The kept books; git keeps no modes of files."""
    shutil.copytree(SALON, folder)
    for key in (folder / "keys").iterdir():
        key.chmod(0o600)
    return folder


@pytest.fixture
async def salon(tmp_path: Path) -> AsyncIterator[Counter]:
    counter = Counter(old_salon(tmp_path / "salon"), HandClock())
    await counter.start()
    await counter.sign_in(MANAGER)
    yield counter
    await counter.stop()


async def roles(counter: Counter) -> dict[str, set[str]]:
    content = (await counter.get("/rules/staff"))["content"]
    return {role["role"]: set(role["permissions"]) for role in content["roles"]}


async def fresh(counter: Counter) -> list[dict[str, Any]]:
    return list((await counter.get("/new-permissions"))["permissions"])


async def next_life(counter: Counter) -> Counter:
    """The next start; the manager signed in."""
    await counter.stop()
    again = counter.reborn()
    await again.start()
    await again.sign_in(MANAGER)
    return again


async def as_then(counter: Counter) -> None:
    """The books as a release before the new permissions would have left them."""
    await counter.ledger.write(lambda books: books.put_setting(PERMISSIONS_KNOWN, THEN))


async def test_a_role_as_the_sample_made_it_gets_what_the_sample_gives(salon: Counter) -> None:
    now, then = await roles(salon), (await salon.get("/rules/staff/versions/1"))["content"]
    before = {role["role"]: set(role["permissions"]) for role in then["roles"]}
    assert now == before | {"supervisor": before["supervisor"] | {"price_override"}}
    await salon.sign_in(SUPERVISOR)
    assert "price_override" in (await salon.get("/session"))["permissions"]
    await salon.sign_in(MANAGER)
    assert await fresh(salon) == [CREDIT, PURSES]


async def test_it_is_a_version_by_the_device_and_on_the_log(salon: Counter) -> None:
    section = await salon.get("/rules/staff")
    assert (section["version"], section["actor"], section["actor_name"]) == (2, "device", None)
    (change,) = (await salon.get("/rules/staff/versions/2"))["changes"]
    assert change["path"].startswith("roles") and "price_override" in json.dumps(change)
    entry = (await salon.get("/log?event=rules_changed"))["entries"][0]
    assert entry["actor"] == "device"
    assert entry["facts"]["permissions"] == "price_override"
    assert (entry["facts"]["section"], entry["facts"]["version"]) == ("staff", 2)
    await salon.stop()
    keys = KeyFolder(salon.folder / "keys")
    signer = keys.signer().public_key
    report = verify(salon.folder / "ledger.db", keys.ledger_key(), signer)
    assert report.ok, str(report)
    await salon.start()


async def test_it_happens_once(salon: Counter) -> None:
    salon = await next_life(salon)
    assert (await salon.get("/rules/staff"))["version"] == 2
    section = await salon.get("/rules/staff/versions/1")
    await set_rules(salon, "staff", section["content"])
    assert await fresh(salon) == []
    salon = await next_life(salon)
    assert (await salon.get("/rules/staff"))["version"] == 3
    assert "price_override" not in (await roles(salon))["supervisor"]
    await salon.stop()


async def test_a_role_that_the_shop_wrote_is_left_and_the_page_says_so(salon: Counter) -> None:
    content = (await salon.get("/rules/staff"))["content"]
    for role in content["roles"]:
        if role["role"] == "supervisor":
            role["permissions"] = sorted({*role["permissions"]} - {"price_override", "stock"})
    await set_rules(salon, "staff", content)
    await as_then(salon)
    salon = await next_life(salon)
    assert (await salon.get("/rules/staff"))["version"] == 3
    assert await fresh(salon) == [CREDIT, OVERRIDE, PURSES]

    await salon.sign_in(SUPERVISOR)
    for method in ("GET", "POST"):
        refused = await salon.ask(method, "/new-permissions", {})
        assert (refused.status, refused.key) == (403, "permission_needed")
    await salon.sign_in(MANAGER)
    assert await salon.post("/new-permissions") == {"permissions": []}
    await salon.post("/new-permissions")
    (entry,) = (await salon.get("/log?event=permissions_left"))["entries"]
    assert entry["actor"] == MANAGER[0]
    assert entry["facts"]["permissions"] == "credit, price_override, purse_settle"
    salon = await next_life(salon)
    assert await fresh(salon) == []
    await salon.stop()


async def test_whoever_writes_the_roles_has_seen_what_is_new(salon: Counter) -> None:
    content = (await salon.get("/rules/staff"))["content"]
    content["grades"][0]["name"] = "首席"
    await set_rules(salon, "staff", content)
    assert await fresh(salon) == []


async def test_a_chain_decides_for_itself(tmp_path: Path) -> None:
    """Its roles are every branch's, and a branch of an earlier release could not read them."""
    counter = Counter(old_salon(tmp_path / "salon"), HandClock())
    await counter.start()
    await counter.sign_in(MANAGER)
    section = await counter.get("/rules/staff/versions/1")
    await set_rules(counter, "staff", section["content"])
    await as_then(counter)
    await counter.ledger.write(lambda books: books.join_chain())
    counter = await next_life(counter)
    assert (await counter.get("/rules/staff"))["version"] == 3
    assert await fresh(counter) == [CREDIT, OVERRIDE, PURSES]
    await counter.stop()


async def test_a_shop_that_never_wrote_roles_has_nothing_to_decide(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    assert await fresh(bare) == []
    assert await bare.post("/new-permissions") == {"permissions": []}
    assert (await bare.get("/log?event=permissions_left"))["entries"] == []


async def test_a_new_shop_from_a_sample_has_nothing_to_decide(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    await bare.post("/samples/bakery")
    assert await fresh(bare) == []
    bare = await next_life(bare)
    assert (await bare.get("/rules/staff"))["version"] == 1
    await bare.stop()


SAMPLED = Role(role="chief", name="值班长", permissions=("price_override", "refund", "sell"))


@pytest.mark.parametrize(
    ("mine", "gets"),
    [
        (("refund", "sell"), ("refund", "sell", "price_override")),
        (("sell", "refund"), ("sell", "refund", "price_override")),
        (("sell",), ("sell",)),
        (("gift", "refund", "sell"), ("gift", "refund", "sell")),
        (("price_override", "refund", "sell"), ("price_override", "refund", "sell")),
    ],
)
def test_only_a_role_as_it_was_sampled(mine: tuple[str, ...], gets: tuple[str, ...]) -> None:
    """The shop's name for it stays."""
    role = Role(role="chief", name="领班", permissions=mine)
    assert as_sampled(role, SAMPLED, FRESH) == Role(role="chief", name="领班", permissions=gets)


def test_who_may_do_everything_gets_no_list() -> None:
    owner = Role(role="chief", name="店主", everything=True, permissions=("refund", "sell"))
    assert as_sampled(owner, SAMPLED, FRESH) is owner
