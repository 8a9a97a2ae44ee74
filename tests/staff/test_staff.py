"""Who works here: added, changed, dismissed, and never the last one with the keys."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.entry import Kind, parse_leaf
from tests.staff.salon import STAFF_RULES, set_rules
from tests.web.till import CASHIER, MANAGER, Counter, Reply

LI = {"number": "2", "name": "李四", "role": "cashier", "pin": "222222"}


@pytest.fixture
async def office(bare: Counter) -> Counter:
    await bare.sign_in(MANAGER)
    return bare


async def hire(counter: Counter, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = await counter.post("/staff", {**LI, **more}, expect=201)
    return body


async def put(counter: Counter, who: dict[str, Any], **more: Any) -> Reply:
    kept = {name: who[name] for name in ("number", "name", "role", "grade", "language", "active")}
    return await counter.ask("PUT", f"/staff/{who['employee_id']}", {**kept, **more})


async def sign_in(counter: Counter, number: str, pin: str) -> Reply:
    return await counter.ask("POST", "/session", {"employee": number, "pin": pin}, token=None)


async def staff_entries(counter: Counter) -> list[dict[str, Any]]:
    leaves = await counter.ledger.read(lambda books: books.leaves(1, 10_000))
    drafts = [parse_leaf(leaf).draft for _, leaf, _ in leaves]
    return [
        {"actor": draft.actor, **draft.detail}
        for draft in drafts
        if draft.kind is Kind.STAFF_CHANGED and draft.actor != "console"
    ]


async def test_hired_changed_dismissed_and_back(office: Counter) -> None:
    await set_rules(office, "staff", {"grades": STAFF_RULES["grades"]})
    li = await hire(office, grade="senior", language="en")
    assert (li["role"], li["grade"], li["active"], li["locked_s"]) == ("cashier", "senior", True, 0)
    session = await sign_in(office, "2", "222222")
    assert session.body["role_name"] == "收银员" and li["role_name"] == "收银员"
    assert session.body["language"] == "en" and "sell" in session.body["permissions"]
    token = session.body["token"]
    changed = await put(office, li, grade="junior", name="李四四")
    assert changed.body["grade"] == "junior" and changed.body["name"] == "李四四"
    gone = await put(office, changed.body, active=False)
    assert gone.status == 200 and not gone.body["active"]
    assert (await office.ask("GET", "/session", token=token)).status == 401
    refused = await sign_in(office, "2", "222222")
    assert (refused.status, refused.key) == (401, "sign_in_failed")
    assert refused.body["facts"].keys() == {"left"}
    await put(office, gone.body, active=True)
    assert (await sign_in(office, "2", "222222")).status == 200
    assert [row["number"] for row in (await office.get("/staff"))["staff"]] == ["1", "2", "9"]
    told = await staff_entries(office)
    assert [entry["event"] for entry in told] == [
        "employee_added",
        "employee_changed",
        "employee_left",
        "employee_returned",
    ]
    assert told[1]["grade"] == "senior > junior" and told[1]["name"] == "changed"
    assert all(entry["actor"] == "9" and entry["employee"] == "2" for entry in told)


async def test_an_unchanged_employee_leaves_no_entry(office: Counter) -> None:
    li = await hire(office)
    await put(office, li)
    assert len(await staff_entries(office)) == 1


async def test_numbers_roles_and_names_are_checked(office: Counter) -> None:
    li = await hire(office)
    taken = await office.ask("POST", "/staff", LI)
    assert (taken.status, taken.key) == (409, "employee_number_taken")
    other = await hire(office, number="3")
    clash = await put(office, other, number="2")
    assert clash.key == "employee_number_taken"
    for wrong, key in (
        ({"role": "boss"}, "role_unknown"),
        ({"grade": "boss"}, "grade_unknown"),
        ({"name": "  "}, "employee_malformed"),
    ):
        reply = await put(office, li, **wrong)
        assert (reply.status, reply.key) == (422, key)


async def test_the_last_one_with_the_keys_stays(office: Counter) -> None:
    manager = next(row for row in (await office.get("/staff"))["staff"] if row["number"] == "9")
    for wrong in ({"active": False}, {"role": "cashier"}):
        reply = await put(office, manager, **wrong)
        assert (reply.status, reply.key) == (409, "last_keeper")
    await hire(office, number="8", role="manager", pin="888888")
    assert (await put(office, manager, role="cashier")).status == 200
    assert (await office.ask("GET", "/staff")).status == 403  # at once, in the same session


async def test_a_pin_is_reset_by_the_office(office: Counter) -> None:
    li = await hire(office)
    token = (await sign_in(office, "2", "222222")).body["token"]
    short = await office.ask("POST", f"/staff/{li['employee_id']}/pin", {"pin": "12"})
    assert short.status == 422
    reply = await office.ask("POST", f"/staff/{li['employee_id']}/pin", {"pin": "333333"})
    assert reply.status == 200
    assert (await office.ask("GET", "/session", token=token)).status == 401
    assert (await sign_in(office, "2", "222222")).status == 401
    assert (await sign_in(office, "2", "333333")).status == 200


async def test_ones_own_pin_needs_the_old_one(counter: Counter) -> None:
    other = (await sign_in(counter, *CASHIER)).body["token"]
    wrong = await counter.ask("PUT", "/session/pin", {"old": "000000", "new": "555555"})
    assert (wrong.status, wrong.key) == (403, "old_pin_wrong")
    same = await counter.ask("PUT", "/session/pin", {"old": "123456", "new": "123456"})
    assert (same.status, same.key) == (422, "pin_unchanged")
    done = await counter.ask("PUT", "/session/pin", {"old": "123456", "new": "555555"})
    assert done.status == 204
    assert (await counter.ask("GET", "/session")).status == 200
    assert (await counter.ask("GET", "/session", token=other)).status == 401
    assert (await sign_in(counter, "1", "555555")).status == 200


async def test_a_lock_is_lifted(office: Counter) -> None:
    li = await hire(office)
    for _ in range(5):
        await sign_in(office, "2", "000000")
    assert (await sign_in(office, "2", "222222")).key == "sign_in_locked"
    (row,) = [one for one in (await office.get("/staff"))["staff"] if one["number"] == "2"]
    assert row["locked_s"] == 60
    reply = await office.ask("DELETE", f"/staff/{li['employee_id']}/lock")
    assert reply.body["locked_s"] == 0
    assert (await sign_in(office, "2", "222222")).status == 200
    signed = await office.ledger.read(lambda books: books.leaves(1, 1_000))
    drafts = [parse_leaf(leaf).draft for _, leaf, _ in signed]
    events = [draft.detail["event"] for draft in drafts if draft.kind is Kind.SIGNED_IN]
    assert events.count("sign_in_locked") == 1
