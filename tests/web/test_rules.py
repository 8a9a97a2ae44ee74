"""The shop's rules over HTTP (F5, B1, B5, C2, D1, E1): changed, weighed, in force at once and after
a restart, told who and when, taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.core.entry import Account, Draft, Kind, Posting, parse_leaf
from daemon.core.errors import LedgerCorrupt
from daemon.core.lot_rule import LotRule
from daemon.core.records import Document
from daemon.keys.files import KeyFolder
from daemon.ledger.door import open_writer
from daemon.ledger.verify import verify
from daemon.ports.ledger import Books
from daemon.rules.sections import SECTIONS

from .till import CASHIER, MANAGER, Counter, desfire, living

Json = dict[str, Any]
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
BREAD: Json = {
    "categories": [{"category": "bread", "name": "面包"}],
    "codes": [{"code": "b1", "name": "吐司", "category": "bread", "price_fen": 1_500}],
}


@pytest.fixture
async def office(bare: Counter) -> AsyncIterator[Counter]:
    """The manager at the office."""
    await bare.sign_in(MANAGER)
    yield bare


async def put(
    counter: Counter,
    section: str,
    content: Json,
    base: int = 0,
    *,
    expect: int = 200,
    note: str = "",
) -> Any:
    body = {"base_version": base, "content": content, "note": note}
    reply = await counter.ask("PUT", f"/rules/{section}", body)
    assert reply.status == expect, reply
    return reply.body


async def test_a_shop_begins_with_what_its_file_says(office: Counter) -> None:
    sections = (await office.get("/rules"))["sections"]
    assert [each["section"] for each in sections] == list(SECTIONS)
    assert all(each["version"] == 0 and each["actor"] is None for each in sections)
    store = await office.get("/rules/store")
    assert store["content"]["merchant_name"] == "测试店"
    assert (await office.get("/rules/parameters"))["content"]["void_window_min"] == 30
    assert (await office.get("/rules/store/versions")) == {"versions": []}


async def test_a_change_is_in_force_at_once_and_after_a_restart(office: Counter) -> None:
    told = await put(office, "catalogue", BREAD, note="开业")
    assert (told["version"], told["actor"], told["actor_name"]) == (1, "9", "manager")
    assert told["note"] == "开业" and told["content"]["codes"][0]["unit"]["name"] == "件"
    await put(office, "store", {"merchant_name": "麦香", "language": "zh-CN"})
    await put(office, "receipt", {"footer": ["谢谢", "再来"]})
    await put(office, "parameters", {"most_sale_fen": 1_000})
    assert office.shop.head.name == "麦香" and office.shop.head.footer == "谢谢\n再来"
    assert office.shop.language == "zh-CN"
    refused = await office.ask("POST", "/sales", {"amount_fen": 1_001}, key="k")
    assert (refused.status, refused.body["facts"]) == (422, {"most_fen": 1_000})
    edition = (await office.get("/catalogue"))["edition"]
    assert edition == 4
    await office.stop()
    async with living(office.reborn()) as again:
        await again.sign_in(CASHIER)
        catalogue = await again.get("/catalogue")
        assert catalogue["edition"] == edition
        assert [(each["code"], each["pinyin"]) for each in catalogue["codes"]] == [("b1", "ts")]
        assert again.shop.head.name == "麦香"


async def test_the_same_content_again_makes_no_version(office: Counter) -> None:
    first = await put(office, "catalogue", BREAD)
    # The answer was lost, and the page sends it again from the version that it knew.
    again = await put(office, "catalogue", BREAD, 0)
    assert first == again and again["version"] == 1


async def test_whoever_was_faster_wins(office: Counter) -> None:
    await put(office, "catalogue", BREAD)
    slower = await put(office, "catalogue", {"categories": BREAD["categories"]}, 0, expect=409)
    assert slower["key"] == "rules_changed_meanwhile"
    at_ms = slower["facts"].pop("at_ms")
    assert slower["facts"] == {"section": "catalogue", "version": 1, "by": "9"}
    assert at_ms == (await office.get("/rules/catalogue"))["changed_ms"]


async def test_many_at_once_lose_nothing(office: Counter) -> None:
    """Different sections at the same time: each is kept, and all are in force."""
    contents: dict[str, Json] = {
        "store": {"merchant_name": "甲"},
        "catalogue": BREAD,
        "shifts": {"float_fen": 500},
        "receipt": {"footer": ["谢谢"]},
    }
    bodies = [{"base_version": 0, "content": content} for content in contents.values()]
    replies = await asyncio.gather(
        *(
            office.ask("PUT", f"/rules/{section}", body)
            for section, body in zip(contents, bodies, strict=True)
        )
    )
    assert [reply.status for reply in replies] == [200] * 4
    rules = office.shop.rules
    assert rules.edition == 4 and rules.head.name == "甲" and rules.head.footer == "谢谢"
    assert rules.shifts.float_fen == 500 and "b1" in rules.codes


async def test_mistakes_are_told_with_their_place(office: Counter) -> None:
    content = {**BREAD, "codes": [{**BREAD["codes"][0], "category": "bred", "price_fen": 1}]}
    refused = await put(office, "catalogue", content, expect=422)
    assert refused["key"] == "rules_invalid" and refused["facts"] == {"mistakes": 1}
    mistake = {"at": "catalogue.codes.0.category", "key": "category_unknown"}
    assert refused["errors"] == [{**mistake, "facts": {"id": "bred"}, "why": "category unknown"}]
    checked = await office.post("/rules/catalogue/check", {"content": content})
    assert checked["mistakes"] == [{**mistake, "facts": {"id": "bred"}}]
    assert await office.post("/rules/catalogue/check", {"content": BREAD}) == {"mistakes": []}
    assert (await office.get("/rules/catalogue"))["version"] == 0


async def test_other_sections_are_weighed_as_well(office: Counter) -> None:
    await put(office, "catalogue", BREAD)
    promotion = {
        "promotion_id": "toast",
        "name": "吐司特价",
        "effect": {"kind": "fixed_price", "price_fen": 990},
        "scope": {"codes": ["b1"]},
    }
    await put(office, "promotions", {"promotions": [promotion]})
    refused = await put(office, "catalogue", {**BREAD, "codes": []}, 1, expect=422)
    assert refused["errors"][0]["at"] == "promotions.promotions.0.scope.codes.0"


async def test_versions_say_what_changed_and_lead_back(office: Counter) -> None:
    await put(office, "catalogue", BREAD)
    dearer = {**BREAD, "codes": [{**BREAD["codes"][0], "price_fen": 1_600}]}
    await put(office, "catalogue", dearer, 1, note="涨价")
    versions = (await office.get("/rules/catalogue/versions"))["versions"]
    assert [(each["version"], each["note"]) for each in versions] == [(2, "涨价"), (1, "")]
    second = await office.get("/rules/catalogue/versions/2")
    change = {"path": "codes.b1.price_fen", "before": 1_500, "after": 1_600}
    assert second["changes"] == [change] and second["content"]["codes"][0]["price_fen"] == 1_600
    body = {"version": 1, "base_version": 2}
    back = await office.post("/rules/catalogue/restore", body)
    assert back["version"] == 3 and back["content"]["codes"][0]["price_fen"] == 1_500
    assert office.shop.rules.book.catalogue.codes["b1"].price_fen == 1_500
    late = await office.ask("POST", "/rules/catalogue/restore", body)
    assert late.status == 200 and late.body == back
    file = await office.post("/rules/catalogue/restore", {"version": 0, "base_version": 3})
    assert file["version"] == 4 and file["content"]["codes"] == []
    gone = await office.ask("GET", "/rules/catalogue/versions/9")
    assert (gone.status, gone.key) == (404, "version_unknown")
    gone = await office.ask("POST", "/rules/catalogue/restore", {"version": 9, "base_version": 4})
    assert (gone.status, gone.key) == (404, "version_unknown")


async def test_every_change_is_on_the_journal(office: Counter) -> None:
    await put(office, "catalogue", BREAD, note="no names in the journal")
    document = await office.ledger.read(lambda books: books.document("catalogue"))
    assert document is not None
    leaves = await office.ledger.read(lambda books: books.leaves(1, 100))
    drafts = [parse_leaf(leaf).draft for _, leaf, _ in leaves]
    changed = [draft for draft in drafts if draft.kind is Kind.RULES_CHANGED]
    assert [draft.actor for draft in changed] == ["9"]
    assert dict(changed[0].detail) == {
        "event": "rules_changed",
        "section": "catalogue",
        "version": 1,
        "sha256": document.sha256,
    }


async def test_pages_are_told(office: Counter) -> None:
    async with office.client.get(
        "/api/v1/events", headers={"Authorization": f"Bearer {office.token}"}
    ) as stream:
        await put(office, "catalogue", BREAD)
        async for line in stream.content:
            if line.startswith(b"event: rules"):
                body = json.loads((await stream.content.readline()).removeprefix(b"data: "))
                break
    assert body == {"section": "catalogue", "version": 1, "edition": 1}


async def test_a_cashier_reads_the_catalogue_and_no_more(counter: Counter) -> None:
    await counter.get("/catalogue")
    for method, path, body in (
        ("GET", "/rules", None),
        ("GET", "/rules/staff", None),
        ("GET", "/set-up", None),
        ("GET", "/samples", None),
        ("POST", "/samples/bakery", {}),
        ("PUT", "/rules/catalogue", {"base_version": 0, "content": BREAD}),
        ("POST", "/rules/catalogue/restore", {"version": 0, "base_version": 0}),
        ("POST", "/set-up/shop", {"state": "done"}),
    ):
        reply = await counter.ask(method, path, body)
        assert (reply.status, reply.key) == (403, "permission_needed"), path
    needed = await counter.ask("GET", "/rules")
    assert needed.body["facts"] == {"permission": "rules_read"}


async def test_sections_and_steps_that_are_not_there(office: Counter) -> None:
    for path in (
        "/rules/weather",
        "/rules/weather/versions",
        "/rules/weather/schema",
        "/rules/%20",
    ):
        reply = await office.ask("GET", path)
        assert (reply.status, reply.key) == (404, "section_unknown"), path
    for version in ("x", "0", "01", "1" * 12):
        reply = await office.ask("GET", f"/rules/store/versions/{version}")
        assert (reply.status, reply.key) == (404, "version_unknown"), version
    reply = await office.ask("POST", "/set-up/party", {"state": "done"})
    assert (reply.status, reply.key) == (404, "step_unknown")
    reply = await office.ask("POST", "/samples/zoo")
    assert (reply.status, reply.key) == (404, "sample_unknown")


async def test_a_large_catalogue_fits_and_a_larger_does_not(office: Counter) -> None:
    codes = [
        {"code": f"c{n}", "name": f"商品{n}", "category": "bread", "price_fen": n}
        for n in range(3_000)
    ]
    await put(office, "catalogue", {**BREAD, "codes": codes})
    assert len((await office.get("/catalogue"))["codes"]) == 3_000
    refused = await office.ask("PUT", "/rules/catalogue", raw=b" " * (1024 * 1024 + 1))
    assert (refused.status, refused.key) == (413, "body_too_large")
    elsewhere = await office.ask("POST", "/rules/catalogue/restore", raw=b" " * 20_000)
    assert (elsewhere.status, elsewhere.key) == (413, "body_too_large")


async def test_a_schema_for_whoever_writes_a_form(office: Counter) -> None:
    reply = await office.ask("GET", "/rules/catalogue/schema")
    assert reply.headers["Content-Type"].startswith("application/schema+json")
    assert reply.body["properties"]["codes"]["maxItems"] == 3_000


# -- what is in use does not vanish ----------------------------------------------------------------


async def test_a_role_that_somebody_has_stays(office: Counter) -> None:
    staff = (await office.get("/rules/staff"))["content"]
    without = {**staff, "roles": staff["roles"][:1]}
    refused = await put(office, "staff", without, expect=422)
    told = refused["errors"][0]
    assert (told["key"], told["facts"]) == ("role_in_use", {"id": "cashier", "employees": 1})
    # Somebody else may have the keys of the house, but nobody who works here.
    roles = [
        {**staff["roles"][0], "everything": False, "permissions": ["sell"]},
        staff["roles"][1],
        {"role": "owner", "name": "店主", "everything": True},
    ]
    refused = await put(office, "staff", {**staff, "roles": roles}, expect=422)
    assert [each["key"] for each in refused["errors"]] == ["nobody_could_change_the_rules"]


async def test_what_members_have_stays(office: Counter) -> None:
    await office.member()
    other = {"member_categories": [{"category": "gold", "name": "金卡"}]}
    refused = await put(office, "member_categories", other, expect=422)
    told = refused["errors"][0]
    assert (told["key"], told["facts"]) == ("member_category_in_use", {"id": "standard"})
    checked = await office.post("/rules/member_categories/check", {"content": other})
    assert [each["key"] for each in checked["mistakes"]] == ["member_category_in_use"]
    both = {
        "member_categories": [*other["member_categories"], {"category": "standard", "name": "x"}]
    }
    await put(office, "member_categories", both)


# -- set-up and sample shops -----------------------------------------------------------------------


async def test_sample_shops_to_start_from(office: Counter) -> None:
    samples = (await office.get("/samples"))["samples"]
    assert [each["sample"] for each in samples] == ["canteen", "hair_salon", "bakery", "car_wash"]
    for each in samples:
        assert each["name"]["zh-CN"] and each["about"]["en"] and 20 <= each["codes"] <= 60
    for number, each in enumerate(samples, 1):
        state = await office.post(f"/samples/{each['sample']}")
        assert state["sample"] == each["sample"]
        # The shop keeps its own name.
        assert office.shop.head.name == "测试店"
        codes = (await office.get("/catalogue"))["codes"]
        assert 20 <= len(codes) <= each["codes"]
        assert (await office.get("/rules/catalogue"))["version"] == number
        assert (await office.get("/rules/catalogue"))["note"] == each["sample"]


async def test_a_sample_comes_before_the_first_sale(office: Counter) -> None:
    member = await office.member()
    await office.recharge(member["member_id"], 10_000)
    refused = await office.ask("POST", "/samples/bakery")
    assert (refused.status, refused.key) == (409, "shop_has_sold")
    assert (await office.get("/rules/catalogue"))["version"] == 0
    assert not (await office.get("/set-up"))["may_begin"]


async def test_the_guided_set_up(office: Counter) -> None:
    def states(told: Json) -> dict[str, str]:
        return {step["step"]: step["state"] for step in told["steps"]}

    begin = await office.get("/set-up")
    # Two employees are here already.
    assert states(begin) == {
        "shop": "open",
        "staff": "done",
        "categories": "open",
        "codes": "open",
        "cards": "open",
    }
    assert begin["may_begin"] and not begin["finished"] and begin["sample"] is None
    await put(office, "store", {"merchant_name": "麦香"})
    assert states(await office.post("/samples/bakery"))["codes"] == "done"
    assert office.shop.head.name == "麦香"
    assert states(await office.post("/set-up/cards", {"state": "skipped"}))["cards"] == "skipped"
    assert states(await office.post("/set-up/cards", {"state": "open"}))["cards"] == "open"
    member = await office.member()
    await office.issue(member["member_id"], desfire())
    end = await office.get("/set-up")
    assert set(states(end).values()) == {"done"} and end["finished"]


# -- what the disk holds ---------------------------------------------------------------------------


async def test_a_version_that_cannot_be_read_stops_the_start(office: Counter) -> None:
    """It never sells under other rules than those that were written."""
    later = Document("catalogue", 1, {"codes": [{"of": "a later release"}]}, 0, "9")
    await office.ledger.write(lambda books: books.add_document(later))
    await office.stop()
    life = office.reborn()
    with pytest.raises(LedgerCorrupt, match="rules_unreadable"):
        await life.start()
    await life.ledger.close()


def verified(counter: Counter) -> list[tuple[str, str]]:
    keys = KeyFolder(counter.folder / "keys")
    report = verify(counter.folder / "ledger.db", keys.ledger_key(), keys.signer().public_key)
    return [(problem.flaw.value, problem.detail) for problem in report.problems]


async def test_rules_that_were_changed_behind_the_journal_are_found(office: Counter) -> None:
    await put(office, "catalogue", BREAD)
    await put(office, "store", {"merchant_name": "麦香"})
    dearer = {**BREAD, "codes": [{**BREAD["codes"][0], "price_fen": 1_600}]}
    await put(office, "catalogue", dearer, 1)
    await office.stop()
    assert verified(office) == []
    connection = open_writer(
        office.folder / "ledger.db", KeyFolder(office.folder / "keys").ledger_key()
    )
    connection.execute("DROP TRIGGER document_is_never_changed")
    connection.execute("DROP TRIGGER document_is_never_removed")
    connection.execute(
        "UPDATE document SET content = replace(content, '1500', '9') WHERE version = 1"
    )
    connection.execute("DELETE FROM document WHERE section = 'store'")
    connection.execute("INSERT INTO document VALUES ('receipt', 1, 'no JSON', 1, '9', '')")
    connection.close()
    assert verified(office) == [
        ("rules_differ", "catalogue 1"),
        ("rules_differ", "receipt 1"),
        ("rules_differ", "store 1 is missing"),
    ]


async def test_a_version_that_is_restored_is_the_same_rules(office: Counter) -> None:
    """Four shops one after the other, and each of their sections back: what was compiled then is
    what is compiled again."""
    seen: dict[str, list[Any]] = {}
    for sample in ("canteen", "bakery", "car_wash", "hair_salon"):
        await office.post(f"/samples/{sample}")
        rules = office.shop.rules
        for section in ("parameters", "receipt", "shifts", "fields"):
            seen.setdefault(section, []).append(getattr(rules.documents, section))
        seen.setdefault("policy", []).append(rules.policy.spend_order)
    for version in (2, 1, 4, 3):
        for section in ("parameters", "receipt", "shifts", "fields"):
            now = (await office.get(f"/rules/{section}"))["version"]
            body = {"version": version, "base_version": now}
            await office.post(f"/rules/{section}/restore", body)
            kept = getattr(office.shop.rules.documents, section)
            assert kept == seen[section][version - 1]
        assert office.shop.rules.policy.spend_order is seen["policy"][version - 1]


async def test_the_receipt_says_what_the_shop_wants(office: Counter) -> None:
    """F5: the head, the footer, and what is left off."""

    async def paper() -> str:
        recharge = await office.recharge(member["member_id"], 10_000)
        kept = await office.ledger.receipt(recharge["receipt_id"])
        assert kept is not None
        return json.dumps(kept.document, ensure_ascii=False)

    member = await office.member()
    before = await paper()
    assert '"qr"' in before and "within 7 days" in before and "Thank you" in before
    store = {"merchant_name": "麦香", "store_name": "东门店", "phone": "010-1234"}
    await put(office, "store", {**store, "language": "zh-CN"})
    footer = {"footer": ["当日食用", "再来"], "show_qr": False, "show_refund_hint": False}
    await put(office, "receipt", footer)
    after = await paper()
    assert "麦香" in after and "东门店" in after and "010-1234" in after
    assert "当日食用\\n再来" in after and "谢谢惠顾" not in after
    assert '"qr"' not in after and "付款七日内" not in after and '"logo"' not in after
    await put(office, "store", {**store, "logo_png_base64": PIXEL}, 1)
    assert '"logo"' in await paper() and office.shop.rules.logo.startswith(b"\x89PNG")


async def test_a_code_that_a_pass_is_good_for_stays(office: Counter) -> None:
    """C5: what a member has paid for cannot be taken off the list."""
    await office.post("/samples/car_wash")
    member = await office.member()
    owner = f"member:{member['member_id']}"
    rule = LotRule(given="pass:t1", codes=("w1",)).as_text()
    account = Account(owner, "pass:t1")

    def grant(books: Books) -> None:
        postings = (Posting(account, 10), Posting(Account("shop", "pass:t1"), -10))
        draft = Draft(office.clock.new_id(), Kind.POINTS, 1, "9", postings=postings)
        books.append(draft, {account: rule})

    await office.ledger.write(grant)
    section = await office.get("/rules/catalogue")
    content = section["content"]
    kept = [row for row in content["codes"] if row["code"] not in ("t1", "w1", "o1")]
    for row in kept:
        if row["grants"]:
            row["grants"]["codes"] = ["w2"]
    content = {**content, "codes": kept}
    await put(office, "promotions", {"promotions": []}, 1)
    await put(office, "campaigns", {"campaigns": []}, 1, expect=422)
    await put(office, "triggers", {"triggers": []}, 1)
    await put(office, "campaigns", {"campaigns": []}, 1)
    refused = await put(office, "catalogue", content, section["version"], expect=422)
    told = [(each["key"], each["facts"]) for each in refused["errors"]]
    assert told == [("code_in_use", {"id": "t1"}), ("code_in_use", {"id": "w1"})]
