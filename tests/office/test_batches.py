"""One change to many: prepared, run between sales, stopped, taken up after a power cut, undone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.core.entry import Kind
from daemon.operations import jobs
from tests.web.till import MANAGER, Counter

from .conftest import ended, log_of, rules_of


async def people(counter: Counter, count: int) -> list[str]:
    made = []
    for number in range(count):
        body = {"name": f"客{number}", "number": f"N{number:03d}", "category": "standard"}
        made.append((await counter.post("/members", body, expect=201))["member_id"])
    return made


async def run(counter: Counter, body: dict[str, Any]) -> dict[str, Any]:
    prepared = await counter.post("/member-batches", body, expect=201)
    await counter.post(f"/jobs/{prepared['job_id']}/start")
    return await ended(counter, prepared["job_id"])


async def file(counter: Counter, member_id: str) -> dict[str, Any]:
    body: dict[str, Any] = await counter.get(f"/members/{member_id}/file")
    return body


async def test_prepared_shows_what_would_change(office: Counter) -> None:
    ids = await people(office, 30)
    body = {"action": "category", "category": "gold", "member_ids": ids}
    prepared = await office.post("/member-batches", body, expect=201)
    assert (prepared["state"], prepared["total"], prepared["done"]) == ("ready", 30, 0)
    assert len(prepared["samples"]) == 20
    assert prepared["samples"][0] == {
        "member_id": ids[0],
        "number": "N000",
        "name": "客*",
        "what": "category",
        "before": "standard",
        "after": "gold",
        "refused": None,
    }
    assert (await file(office, ids[0]))["category"] == "standard"
    assert (await office.ask("DELETE", f"/jobs/{prepared['job_id']}")).status == 204
    assert (await office.ask("GET", f"/jobs/{prepared['job_id']}")).key == "job_unknown"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"action": "tag"}, "tags_malformed"),
        ({"action": "category", "category": "diamond"}, "member_category_unknown"),
        ({"action": "extend"}, "days_malformed"),
        ({"action": "notify", "text": " "}, "text_malformed"),
        ({"action": "freeze"}, "batch_empty"),
        ({"action": "freeze", "filter": [{"field": "x", "op": "is"}]}, "filter_malformed"),
    ],
)
async def test_refused_batches(office: Counter, body: dict[str, Any], key: str) -> None:
    reply = await office.ask("POST", "/member-batches", body)
    assert (reply.status, reply.key) == (422, key)


async def test_freeze_by_filter_and_undo(office: Counter) -> None:
    ids = await people(office, 120)
    await run(office, {"action": "tag", "tags": ["旧"], "member_ids": ids[:100]})
    old = [{"field": "tags", "op": "has", "value": "旧"}]
    job = await run(office, {"action": "freeze", "filter": old})
    assert (job["state"], job["done"], job["answer"]["changed"]) == ("done", 100, 100)
    assert (await file(office, ids[0]))["status"] == "frozen"
    assert (await file(office, ids[110]))["status"] == "active"
    named = [row for row in await log_of(office) if row[3].get("event") == "batch_freeze"]
    assert [row[2] for row in named] == ids[99::-1]
    assert all(row[0] == Kind.BATCH_CHANGE and row[1] == "9" for row in named)
    # One was changed since: it is left, and named.
    await office.post(f"/members/{ids[5]}/unfreeze", {})
    await office.post(f"/jobs/{job['job_id']}/undo")
    undone = await ended(office, job["job_id"])
    assert (undone["state"], undone["answer"]["left"]) == ("undone", ["N005"])
    assert {(await file(office, each))["status"] for each in ids[:10]} == {"active"}
    again = await office.ask("POST", f"/jobs/{job['job_id']}/undo")
    assert (again.status, again.key) == (409, "job_state")
    assert [each["kind"] for each in (await file(office, ids[0]))["jobs"]] == ["batch", "batch"]


async def test_tags_categories_days_and_messages_are_put_back(office: Counter) -> None:
    ids = await people(office, 3)
    await run(office, {"action": "tag", "tags": ["a"], "member_ids": ids[:1]})
    path = f"/members/{ids[0]}"
    version = (await office.get(f"{path}/file"))["version"]
    await office.ask("PUT", path, {"version": version, "valid_to": "2026-12-31"})
    before = [await file(office, each) for each in ids]
    done = [
        await run(office, {"action": "tag", "tags": ["a", "b"], "member_ids": ids}),
        await run(office, {"action": "untag", "tags": ["a"], "member_ids": ids}),
        await run(office, {"action": "category", "category": "gold", "member_ids": ids}),
        await run(office, {"action": "extend", "days": 30, "member_ids": ids}),
        await run(office, {"action": "notify", "text": "明天休息", "member_ids": ids}),
    ]
    first = await file(office, ids[0])
    assert (first["tags"], first["category"], first["valid_to"]) == (["b"], "gold", "2027-01-30")
    # Who has no last day has nothing to extend.
    assert (await file(office, ids[1]))["valid_to"] is None
    assert [job["answer"]["changed"] for job in done] == [3, 3, 3, 1, 3]
    for job in reversed(done):
        await office.post(f"/jobs/{job['job_id']}/undo")
        assert (await ended(office, job["job_id"]))["answer"]["left_count"] == 0
    after = [await file(office, each) for each in ids]
    for one in (*before, *after):
        del one["jobs"]
    assert after == before
    messages = await office.ledger.read(lambda books: books.messages(limit=10))
    assert [message.state.value for message in messages] == ["withdrawn"] * 3


async def test_a_job_survives_the_power_cut(office: Counter, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "MOST_ROWS", 3)
    ids = await people(office, 80)
    body = {"action": "freeze", "member_ids": ids}
    job_id = (await office.post("/member-batches", body, expect=201))["job_id"]
    await office.post(f"/jobs/{job_id}/start")
    while (await office.get(f"/jobs/{job_id}"))["done"] < 9:
        await asyncio.sleep(0)
    await office.stop()
    reborn = office.reborn()
    await reborn.start()
    try:
        reborn.shop.rules_cell.put(rules_of(reborn))
        job = await ended(reborn, job_id)
        assert (job["state"], job["done"], job["answer"]["changed"]) == ("done", 80, 80)
        named = [row for row in await log_of(reborn) if row[3].get("event") == "batch_freeze"]
        assert [row[2] for row in named] == ids
    finally:
        await reborn.stop()
        await office.start()


async def test_stop_and_go_on(office: Counter, monkeypatch: Any) -> None:
    monkeypatch.setattr(jobs, "MOST_ROWS", 2)
    ids = await people(office, 60)
    body = {"action": "tag", "tags": ["x"], "member_ids": ids}
    job_id = (await office.post("/member-batches", body, expect=201))["job_id"]
    await office.post(f"/jobs/{job_id}/start")
    await office.ask("POST", f"/jobs/{job_id}/stop", {})
    stopped = await ended(office, job_id)
    if stopped["state"] == "stopped":
        assert stopped["done"] < 60
        await office.post(f"/jobs/{job_id}/start")
        stopped = await ended(office, job_id)
    assert (stopped["state"], stopped["answer"]["changed"]) == ("done", 60)
    assert (await office.ask("POST", f"/jobs/{job_id}/start", {})).key == "job_state"


async def test_old_members_are_found_by_what_is_new(office: Counter) -> None:
    """As a ledger of an earlier version left them: with other search words, or none."""
    ids = await people(office, 45)

    def forget(books: Any) -> None:
        books._connection.execute("DELETE FROM member_word")
        for member_id in ids:
            old = "INSERT INTO member_token (token, member_id) VALUES (?, ?)"
            books._connection.execute(old, (bytes(16), member_id))
        books.put_setting("member_tokens", "1:all")

    await office.ledger.write(forget)
    assert (await office.get("/members?q=k"))["members"] == []
    await office.stop()
    reborn = office.reborn()
    await reborn.start()
    try:

        def waits(books: Any) -> bool:
            return books.setting("member_tokens") != "3:all" or bool(books.words_waiting())

        while await reborn.ledger.read(waits):
            await asyncio.sleep(0.005)
        await reborn.sign_in(MANAGER)
        body = await reborn.get("/members?q=k&limit=50")
        assert {member["member_id"] for member in body["members"]} == set(ids)

        def old_words(books: Any) -> int:
            count: int = books._connection.execute("SELECT count(*) FROM member_token").fetchone()[
                0
            ]
            return count

        while await reborn.ledger.read(old_words):
            await asyncio.sleep(0.005)
    finally:
        await reborn.stop()
        await office.start()
