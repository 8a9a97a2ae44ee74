"""The member's PIN (A13) and identity papers (C8) over HTTP."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest
from daemon.operations.identity_paper import KINDS, mask_number, require_number
from tests.budget import examples
from tests.web.till import MEMBER_PIN, Counter, customer, desfire, uid_card

from .desk import as_manager, entries


async def put_pin(counter: Counter, member_id: str, **body: Any) -> tuple[int, str]:
    reply = await counter.ask("PUT", f"/members/{member_id}/pin", body)
    return reply.status, reply.key if reply.status != 204 else ""


async def test_a_pin_is_changed_with_the_old_one(counter: Counter) -> None:
    who = await customer(counter, desfire())
    member_id = who.member_id
    assert await put_pin(counter, member_id, pin="1357") == (403, "old_pin_needed")
    assert await put_pin(counter, member_id, pin="1357", old_pin="0000") == (403, "pin_wrong")
    assert await put_pin(counter, member_id, pin="1357", old_pin=MEMBER_PIN) == (204, "")
    assert await put_pin(counter, member_id, pin="2468", old_pin=MEMBER_PIN) == (403, "pin_wrong")
    events = [
        e.draft.detail["event"] for e in await entries(counter) if e.draft.kind is Kind.PIN_SET
    ]
    assert events == ["set_pin", "change_pin"]


async def test_a_pin_is_changed_while_the_card_lies_there(counter: Counter) -> None:
    who = await customer(counter, desfire(1))
    other = await customer(counter, uid_card(2), name="李四")
    await counter.lay(who.card)
    assert await put_pin(counter, other.member_id, pin="1357") == (403, "old_pin_needed")
    assert await put_pin(counter, who.member_id, pin="1357") == (204, "")
    await counter.lift()
    assert await put_pin(counter, who.member_id, pin="2468") == (403, "old_pin_needed")
    # A card that shows a number only may be anybody's.
    await counter.lay(other.card)
    assert await put_pin(counter, other.member_id, pin="1357") == (403, "old_pin_needed")


async def test_a_lock_outlives_the_power_and_a_reset_lifts_it(counter: Counter) -> None:
    member = await counter.member("张伟", "13812341234")
    member_id = member["member_id"]
    await put_pin(counter, member_id, pin=MEMBER_PIN)
    for _ in range(4):
        assert await put_pin(counter, member_id, pin="1357", old_pin="0000") == (403, "pin_wrong")
    assert await put_pin(counter, member_id, pin="1357", old_pin="0000") == (429, "pin_locked")
    await counter.stop()
    reborn = counter.reborn()
    await reborn.start()
    try:
        right = await put_pin(reborn, member_id, pin="1357", old_pin=MEMBER_PIN)
        assert right == (429, "pin_locked")
        path = f"/members/{member_id}/pin-reset"
        denied = await reborn.ask("POST", path, {"pin": "1357", "phone": "13812341234"})
        assert (denied.status, denied.key) == (403, "permission_needed")
        await as_manager(reborn)
        for told in ({}, {"phone": "13812340000"}, {"phone": "1234"}, {"card_number": "1"}):
            unproved = await reborn.ask("POST", path, {"pin": "1357", **told})
            assert (unproved.status, unproved.key) == (409, "member_not_proved"), told
        await reborn.post(path, {"pin": "1357", "phone": "138 1234 1234"}, expect=204)
        assert await put_pin(reborn, member_id, pin="2468", old_pin="1357") == (204, "")
        detail = [e.draft for e in await entries(reborn) if e.draft.kind is Kind.PIN_SET][-2].detail
        assert detail["event"] == "reset_pin"
    finally:
        await reborn.stop()
    await counter.start()


PAPER = {"kind": "id_card", "number": "110101199003077571", "name": "张伟"}


async def test_papers_are_masked_sealed_and_erased(counter: Counter) -> None:
    member_id = (await counter.member("张伟", "13812341234"))["member_id"]
    path = f"/members/{member_id}/identity"
    none = await counter.ask("GET", path)
    assert (none.status, none.key) == (404, "identity_unknown")
    agent = {"kind": "passport", "number": "e1234 5678", "name": "李四"}
    kept = await counter.post(path, {**PAPER, "agent": agent})
    masked = {
        "kind": "id_card",
        "number": "1****************1",
        "name": "张*",
        "agent": {"kind": "passport", "number": "E*******8", "name": "李*"},
    }
    assert kept == masked == await counter.get(path)
    whole = await counter.ask("GET", f"{path}?whole=true")
    assert (whole.status, whole.key) == (403, "permission_needed")
    await as_manager(counter)
    told = await counter.get(f"{path}?whole=true")
    assert (told["number"], told["agent"]["number"]) == ("110101199003077571", "E12345678")
    last = (await entries(counter))[-1].draft
    assert (last.kind, last.detail["event"]) == (Kind.UNMASKED, "unmask_identity")
    assert "110101" not in str([entry.draft for entry in await entries(counter)])
    await counter.ledger.write(lambda books: books.erase_personal(member_id))
    gone = await counter.ask("GET", path)
    assert (gone.status, gone.key) == (404, "identity_unknown")
    late = await counter.ask("POST", path, PAPER)
    assert (late.status, late.key) == (409, "member_erased")


async def test_a_number_that_cannot_be_is_refused(counter: Counter) -> None:
    member_id = (await counter.member())["member_id"]
    for number in ("110101199003077572", "11010119900307757", "110101199003077571X"):
        refused = await counter.ask(
            "POST", f"/members/{member_id}/identity", {**PAPER, "number": number}
        )
        assert (refused.status, refused.key) == (422, "paper_number_malformed"), number


@examples(200, nightly=10_000)
@given(kind=st.sampled_from([*KINDS, "other"]), number=st.text(max_size=40))
def test_any_number_is_kept_clean_or_refused(kind: str, number: str) -> None:
    try:
        kept = require_number(kind, number)
    except BadRequest as error:
        assert error.key in ("paper_kind_unknown", "paper_number_malformed")
        return
    assert kept.isascii() and kept.isalnum() and require_number(kind, kept) == kept
    assert len(mask_number(kept)) == len(kept) and mask_number(kept)[1:-1].strip("*") == ""


@pytest.mark.parametrize("table", ["member_identity"])
async def test_no_paper_lies_open(counter: Counter, table: str) -> None:
    """What is written is sealed with the member's key: the row alone says nothing."""
    member_id = (await counter.member())["member_id"]
    await counter.post(f"/members/{member_id}/identity", PAPER)
    raw = (counter.folder / "ledger.db").read_bytes()
    assert b"110101199003077571" not in raw and not raw.startswith(b"SQLite format 3")
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(counter.folder / "ledger.db").execute(f"SELECT * FROM {table}")
