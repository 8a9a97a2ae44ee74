"""A member's file over HTTP: found, changed, read in full, frozen, erased; each with its trace."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.entry import Kind
from tests.web.till import CASHIER, MANAGER, Counter, Reply, customer, uid_card

from .conftest import FIELDS, log_of


async def add(counter: Counter, name: str, phone: str = "", **more: Any) -> Any:
    return await counter.post("/members", {"name": name, "phone": phone, **more}, expect=201)


async def found(counter: Counter, query: str, **more: Any) -> list[str]:
    from urllib.parse import urlencode

    body = await counter.get("/members?" + urlencode({"q": query, **more}))
    return [member["number"] for member in body["members"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("zsf", ["A1"]),
        ("ZhangSan", ["A1"]),
        ("zhangsa", ["A1"]),
        ("zhang sanfeng", ["A1"]),
        ("张三", ["A1"]),
        ("5678", ["A1"]),
        ("138 1234 5678", ["A1"]),
        ("A1", ["A1"]),
        ("shanxx", []),
        ("sxx", ["A2"]),
        ("shan", ["A2"]),
        ("dan", ["A2"]),
        ("lv", ["A3"]),
        ("lu", ["A3"]),
        ("ml", ["A4"]),
        ("mary", ["A4"]),
        ("mary lee", ["A4"]),
        ("9999", []),
    ],
)
async def test_search(office: Counter, query: str, expected: list[str]) -> None:
    await add(office, "张三丰", "13812345678", number="A1")
    await add(office, "单雄信", number="A2")
    await add(office, "吕布", number="A3")
    await add(office, "Mary Lee", number="A4")
    assert await found(office, query) == expected


async def test_search_pages_and_puts_exact_numbers_first(office: Counter) -> None:
    await add(office, "王一", "13800000007", number="7")
    for number in range(11, 18):
        await add(office, f"王{number}", number=f"B{number}")
    body = await office.get("/members?q=w&limit=3")
    numbers, pages = [m["number"] for m in body["members"]], 1
    while body["next"]:
        body = await office.get(f"/members?q=w&limit=3&before={body['next']}")
        numbers += [m["number"] for m in body["members"]]
        pages += 1
    assert numbers == [f"B{number}" for number in range(17, 10, -1)] + ["7"]
    await add(office, "七", number="W")
    body = await office.get("/members?q=W&limit=1")
    assert [m["number"] for m in body["members"]] == ["W"]
    body = await office.get(f"/members?q=W&limit=50&before={body['next']}")
    assert [m["number"] for m in body["members"]] == numbers


async def test_change_keeps_two_pages_apart(office: Counter) -> None:
    member = await add(office, "张伟", "13812341234", fields={"hair": "干性", "plate": "粤B12345"})
    path = f"/members/{member['member_id']}"
    file = await office.get(f"{path}/file")
    assert file["fields"] == {"hair": "dry"}
    assert file["personal_fields"] == {"plate": "***"}
    change = {
        "version": file["version"],
        "name": "张为",
        "birthday": "1990年5月17日",
        "gender": "m",
        "category": "gold",
        "valid_to": "2027-12-31",
        "tags": ["VIP", "老客"],
        "fields": {"size": 42, "hair": "", "wedding": "2015/10/1"},
    }
    reply = await office.ask("PUT", path, change)
    assert reply.status == 200, reply.body
    assert reply.body["birthday"] == "--05-**"
    assert reply.body["fields"] == {"size": 42, "wedding": "2015-10-01"}
    again = await office.ask("PUT", path, {**change, "name": "张威"})
    assert (again.status, again.key) == (409, "member_changed_since")
    whole = await office.post(f"{path}/unmask", {"reason": "member_asked"})
    assert (whole["name"], whole["birthday"]) == ("张为", "1990-05-17")
    assert whole["fields"] == {"plate": "粤B12345"}
    assert await found(office, "zhangwei") == [member["number"]]
    log = await log_of(office)
    changed = next(row for row in log if row[0] == Kind.MEMBER_CHANGED)
    assert changed[1:3] == ("9", member["member_id"])
    assert changed[3]["what"] == (
        "category,valid_to,tags,field:hair,field:size,field:wedding,name,gender,birthday"
    )
    unmasked = next(row for row in log if row[0] == Kind.UNMASKED)
    assert unmasked[3] == {"event": "unmask_member", "reason": "member_asked"}
    assert not any("张" in str(row) or "1381234" in str(row) for row in log)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"birthday": "1990-02-30"}, "birthday_malformed"),
        ({"category": "diamond"}, "member_category_unknown"),
        ({"fields": {"hair": "curly"}}, "field_no_choice"),
        ({"fields": {"size": "big"}}, "field_malformed"),
        ({"fields": {"shoe": "42"}}, "field_unknown"),
        ({"valid_to": "soon"}, "day_malformed"),
        ({"tags": ["a" * 20, " "]}, "tags_malformed"),
        ({"phone": "13912345678"}, "phone_taken"),
    ],
)
async def test_what_does_not_fit_is_said(office: Counter, given: Any, key: str) -> None:
    await add(office, "李四", "13912345678")
    member = await add(office, "张伟", "13812341234")
    path = f"/members/{member['member_id']}"
    version = (await office.get(f"{path}/file"))["version"]
    reply = await office.ask("PUT", path, {"version": version, **given})
    assert reply.key == key, reply.body
    assert (await office.get(f"{path}/file"))["version"] == version


async def test_a_phone_that_is_known_is_warned_of(office: Counter) -> None:
    first = await add(office, "张伟", "13812341234")
    body = {"name": "张太", "phone": "138-1234-1234"}
    reply = await office.ask("POST", "/members", body)
    assert (reply.status, reply.key) == (409, "phone_taken")
    assert reply.body["facts"] == {"number": first["number"]}
    await add(office, "张太", "13812341234", phone_may_repeat=True)
    assert len(await found(office, "13812341234")) == 2


async def test_who_brought_whom(office: Counter) -> None:
    first = await add(office, "张伟", "13812341234")
    friend = await add(office, "李雷", "13900001111", referrer=first["number"])
    file = await office.get(f"/members/{friend['member_id']}/file")
    assert file["referrer"]["member_id"] == first["member_id"]
    oneself = {"name": "张伟", "phone": "13812341234", "referrer": first["number"]}
    reply = await office.ask("POST", "/members", {**oneself, "phone_may_repeat": True})
    assert reply.key == "referral_self"
    reply = await office.ask("POST", "/members", {"name": "x", "referrer": "nobody"})
    assert reply.key == "referrer_unknown"


async def test_erase_refuses_while_something_is_left(office: Counter) -> None:
    who = await customer(office, uid_card(), fen=50_000)
    path = f"/members/{who.member_id}"
    reply = await office.ask("POST", f"{path}/erase", {})
    assert (reply.status, reply.key) == (409, "member_has_assets")
    assert reply.body["facts"]["principal_fen"] == 50_000
    assert reply.body["facts"]["cards"] == 1
    file = await office.post(f"{path}/erase", {"despite": True})
    assert file["erased"] and file["name"] == "" and file["status"] == "erased"
    assert await found(office, "张伟") == [] and await found(office, "zw") == []
    number = file["number"]
    assert await found(office, number) == [number]
    assert await office.balance(who.member_id) == (50_000, 5_000)
    assert (await office.post(f"{path}/erase", {}))["erased"]
    reply = await office.ask("POST", f"{path}/unmask", {"reason": "why"})
    assert reply.key == "member_erased"
    entries = [row for row in await log_of(office) if row[0] == Kind.MEMBER_ERASED]
    assert len(entries) == 1 and entries[0][2] == who.member_id


async def test_freeze_and_lift(office: Counter) -> None:
    who = await customer(office, uid_card(), fen=50_000)
    path = f"/members/{who.member_id}"
    for _ in range(2):
        assert (await office.post(f"{path}/freeze", {"reason": "dispute"}))["status"] == "frozen"
    assert (await office.post(f"{path}/unfreeze", {}))["status"] == "active"
    events = [row[3]["event"] for row in await log_of(office) if row[0] == Kind.MEMBER_CHANGED]
    assert events == ["freeze_member", "unfreeze_member"]


async def test_a_cashier_may_not(office: Counter) -> None:
    member = await add(office, "张伟", "13812341234")
    await office.sign_in(CASHIER)
    path = f"/members/{member['member_id']}"
    for method, where, body in [
        ("GET", f"{path}/file", None),
        ("PUT", path, {"version": "0" * 16}),
        ("POST", f"{path}/unmask", {"reason": "curious"}),
        ("POST", f"{path}/erase", {}),
        ("POST", f"{path}/freeze", {}),
        ("GET", "/office/members", None),
        ("POST", "/member-batches", {"action": "freeze", "member_ids": [member["member_id"]]}),
    ]:
        reply = await office.ask(method, where, body)
        assert (reply.status, reply.key) == (403, "permission_needed"), where


async def test_a_field_keeps_its_kind_while_members_hold_values(office: Counter) -> None:
    """A text is not read as a number, and what lies open is not sealed by a word in the rules."""

    async def put(base: int, **changed: Any) -> Reply:
        fields = [
            {**each, **(changed if each["field"] == changed.get("field") else {})}
            for each in FIELDS["fields"]
        ]
        body = {"content": {"fields": fields}, "base_version": base}
        return await office.ask("PUT", "/rules/fields", body)

    assert (await put(0)).status == 200
    # Nobody has filled anything in: all may change.
    assert (await put(1, field="note", kind="date")).status == 200
    assert (await put(2)).status == 200
    who = {"name": "张三", "phone": "13812345678", "fields": {"note": "左撇子", "plate": "粤B1"}}
    await office.post("/members", who, expect=201)
    for changed, at, key in [
        ({"field": "note", "kind": "number"}, "fields.fields.2.kind", "field_kind_in_use"),
        ({"field": "note", "personal": True}, "fields.fields.2.personal", "field_kept_in_use"),
        ({"field": "plate", "kind": "date"}, "fields.fields.4.kind", "field_kind_in_use"),
        ({"field": "plate", "personal": False}, "fields.fields.4.personal", "field_kept_in_use"),
    ]:
        reply = await put(3, **changed)
        assert (reply.status, reply.key) == (422, "rules_invalid")
        (told,) = reply.body["errors"]
        assert (told["at"], told["key"]) == (at, key)
    # What nobody holds may still change its kind; names may always.
    assert (await put(3, field="size", kind="text")).status == 200
    assert (await put(4, field="note", name="备注二")).status == 200


ASKED = {
    "fields": [
        {"field": "hair", "name": "发质", "kind": "choice", "personal": False, "required": True,
         "choices": [{"choice": "dry", "name": "干性"}, {"choice": "oily", "name": "油性"}]},
        {"field": "size", "name": "尺码", "kind": "number", "personal": False, "required": True},
        {"field": "wedding", "name": "纪念日", "kind": "date", "personal": False, "required": True},
        {"field": "plate", "name": "车牌", "kind": "text", "personal": True, "required": True},
        {"field": "note", "name": "备注", "kind": "text", "personal": False},
    ]
}  # fmt: skip
FILLED = {"hair": "oily", "size": 0, "wedding": "2015-10-01", "plate": "粤B12345"}


async def test_what_a_shop_asks_of_every_new_member(office: Counter) -> None:
    """A cashier is told which fields there are, and no member is added without those that must be
    there: the problem names the field as people call it."""
    put = await office.ask("PUT", "/rules/fields", {"content": ASKED, "base_version": 0})
    assert put.status == 200
    await office.sign_in(CASHIER)
    told = (await office.get("/catalogue"))["fields"]
    assert [(each["field"], each["kind"], each["required"]) for each in told] == [
        ("hair", "choice", True),
        ("size", "number", True),
        ("wedding", "date", True),
        ("plate", "text", True),
        ("note", "text", False),
    ]
    who = {"name": "张三", "phone": "13812345678"}
    for field, name, kind in [
        ("hair", "发质", "choice"),
        ("size", "尺码", "number"),
        ("wedding", "纪念日", "date"),
        ("plate", "车牌", "text"),
    ]:
        for empty in ("", "  ", None):
            fields = {**FILLED, field: empty}
            reply = await office.ask("POST", "/members", {**who, "fields": fields})
            assert (reply.status, reply.key) == (422, "field_missing"), (field, empty)
            assert reply.body["facts"] == {"field": field, "name": name, "kind": kind}
        del fields[field]
        reply = await office.ask("POST", "/members", {**who, "fields": fields})
        assert (reply.key, reply.body["facts"]["name"]) == ("field_missing", name)
    reply = await office.ask("POST", "/members", {**who, "fields": {**FILLED, "hair": "curly"}})
    assert (reply.key, reply.body["facts"]["name"]) == ("field_no_choice", "发质")
    assert await found(office, "张三") == []

    member = await office.post("/members", {**who, "fields": FILLED}, expect=201)
    await office.sign_in(MANAGER)
    file = await office.get(f"/members/{member['member_id']}/file")
    assert file["fields"] == {"hair": "oily", "size": 0, "wedding": "2015-10-01"}
    assert file["personal_fields"] == {"plate": "***"}
