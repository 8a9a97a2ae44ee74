"""Files of members over HTTP: loaded in either encoding or as a workbook, previewed, mended, taken
away again."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from daemon.core.entry import Kind
from daemon.rules.compile import compile as compile_rules
from tests.web.till import CASHIER, Counter, Reply, desfire

from .conftest import CATEGORIES, FIELDS, ended, log_of

CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
LIST = """会员号,姓名,手机号码,性别,生日,会员类别,标签,发质,车牌,备注2
K1,张三丰,138-1234-5678,男,1990-05-17,金卡,"VIP,老客",油性,粤B12345,x
K2,李清照,13900001111,女,5月8日,普通会员,,,,
,王五,13700002222,,,,,,,
K4,,13600003333,,,,,,,
K5,赵六,12,男,1990-02-30,钻石,,卷发,,
K1,重复,,,,,,,,
"""


async def load(counter: Counter, raw: bytes, headers: dict[str, str] = CSV) -> Reply:
    return await counter.ask("POST", "/member-imports", raw=raw, headers=headers)


async def start(counter: Counter, job_id: str) -> dict[str, Any]:
    await counter.post(f"/jobs/{job_id}/start")
    return await ended(counter, job_id)


async def text_of(counter: Counter, path: str) -> bytes:
    reply = await counter.ask("GET", path)
    assert reply.status == 200, reply.body
    assert isinstance(reply.body, bytes)
    return reply.body


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_list_is_previewed_and_taken_in(office: Counter, encoding: str) -> None:
    job = (await load(office, LIST.encode(encoding))).body
    assert job["encoding"] == encoding
    assert job["mapping"] == [
        "number",
        "name",
        "phone",
        "gender",
        "birthday",
        "category",
        "tags",
        "field:hair",
        "field:plate",
        "",
    ]
    assert job["answer"]["preview"] == {"add": 3, "change": 0, "bad": 3, "duplicates": 1}
    assert (await office.get("/office/members"))["members"] == []
    done = await start(office, job["job_id"])
    assert (done["state"], done["done"], done["refused"]) == ("done", 6, 3)
    assert done["answer"]["added"] == 3
    (member,) = (await office.get("/members?q=zsf"))["members"]
    file = await office.get(f"/members/{member['member_id']}/file")
    assert (file["category"], file["tags"], file["fields"]) == (
        "gold",
        ["VIP", "老客"],
        {"hair": "oily"},
    )
    assert file["valid_to"] == "2027-09-10"
    assert file["personal_fields"] == {"plate": "***"}
    assert [each["kind"] for each in file["jobs"]] == ["import"]
    (member,) = (await office.get("/members?q=lqz"))["members"]
    whole = await office.post(f"/members/{member['member_id']}/unmask", {"reason": "test"})
    assert (whole["birthday"], whole["gender"]) == ("--05-08", "f")
    (running,) = (await office.get("/members?q=ww"))["members"]
    assert running["number"] == "S1000001"
    entries = [row for row in await log_of(office) if row[0] == Kind.IMPORTED]
    assert [row[3]["event"] for row in entries] == ["start_job", "import_members"]
    assert entries[1][3]["added"] == 3
    assert "张" not in str(entries)


async def test_bad_rows_are_mended_and_loaded_again(office: Counter) -> None:
    job = (await load(office, LIST.encode("gb18030"))).body
    assert job["answer"]["samples"][4]["problems"] == [
        [2, "phone_malformed"],
        [4, "birthday_malformed"],
        [5, "member_category_unknown"],
        [7, "field_no_choice"],
    ]
    await start(office, job["job_id"])
    bad = await text_of(office, f"/member-imports/{job['job_id']}/bad-rows")
    rows = list(csv.reader(io.StringIO(bad.decode("gb18030"))))
    assert rows[0][:2] == ["会员号", "姓名"] and len(rows[0]) == 11
    assert [row[0] for row in rows[1:]] == ["K4", "K5", "K1"]
    assert rows[1][10] == "a new member needs a name"
    assert rows[2][10].startswith("手机号码: a phone number has 5 to 15 digits; 生日: ")
    mended = bad.decode("gb18030").replace("K4,,", "K4,钱七,").replace(",12,", ",13600009999,")
    mended = mended.replace("1990-02-30", "1990-02-28").replace("钻石", "金卡")
    mended = mended.replace("卷发", "干性").replace("K1,重复", "K6,周八")
    again = (await load(office, mended.encode("gb18030"))).body
    assert again["answer"]["preview"] == {"add": 3, "change": 0, "bad": 0, "duplicates": 0}
    assert (await start(office, again["job_id"]))["answer"]["added"] == 3
    assert (await office.get("/office/members/count"))["count"] == 6


async def test_members_are_matched_by_number_or_phone(office: Counter) -> None:
    await start(office, (await load(office, LIST.encode())).body["job_id"])
    change = (
        "会员号,手机,姓名,标签,推荐人\nK1,,张真人,,K2\n,13900001111,,新,\nK9,13812345678,甲,,\n"
    )
    job = (await load(office, change.encode())).body
    assert job["answer"]["preview"] == {"add": 0, "change": 2, "bad": 1, "duplicates": 0}
    assert job["answer"]["samples"][2]["problems"] == [[1, "phone_of_another"]]
    done = await start(office, job["job_id"])
    assert (done["answer"]["changed"], done["answer"]["added"]) == (2, 0)
    (member,) = (await office.get("/members?q=zzr"))["members"]
    file = await office.get(f"/members/{member['member_id']}/file")
    assert file["referrer"]["number"] == "K2"
    assert file["tags"] == ["VIP", "老客"]
    (member,) = (await office.get("/members?q=lqz"))["members"]
    assert (await office.get(f"/members/{member['member_id']}/file"))["tags"] == ["新"]
    same = (await load(office, change.encode())).body
    done = await start(office, same["job_id"])
    assert done["answer"]["changed"] == 0


async def test_columns_are_mapped_by_hand(office: Counter) -> None:
    raw = "a;b;c\n张三;13812345678;金卡\n".encode()
    job = (await load(office, raw)).body
    assert job["mapping"] == ["", "", ""]
    path = f"/member-imports/{job['job_id']}"
    for mapping, why in [
        (["name"], "width"),
        (["name", "phone", "colour"], "unknown"),
        (["name", "name", ""], "twice"),
        (["", "", "tags"], "nothing"),
    ]:
        reply = await office.ask("PUT", path, {"mapping": mapping})
        assert (reply.status, reply.body["facts"]["why"]) == (422, why)
    mapping = {"mapping": ["name", "phone", "category"], "on_match": "skip"}
    mapped = (await office.ask("PUT", path, mapping)).body
    assert mapped["answer"]["preview"]["add"] == 1
    await start(office, job["job_id"])
    again = (await load(office, raw)).body
    reply = await office.ask("PUT", f"/member-imports/{again['job_id']}", mapping)
    assert reply.body["answer"]["preview"]["bad"] == 1
    assert (await office.ask("PUT", path, mapping)).key == "job_state"


def workbook(rows: list[list[Any]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def test_a_workbook(office: Counter) -> None:
    raw = workbook(
        [
            ["姓名", "手机号", "生日", "尺码", "备注"],
            ["张三丰", 13812345678, date(1990, 5, 17), 42.0, "=1+1"],
            [None, None, None, None, None],
            ["李四", "13900001111", "1990/5/8", None, None],
        ]
    )
    job = (await load(office, raw, XLSX)).body
    assert (job["encoding"], job["total"]) == ("xlsx", 2)
    assert job["answer"]["preview"]["add"] == 2
    await start(office, job["job_id"])
    (member,) = (await office.get("/members?q=13812345678"))["members"]
    file = await office.get(f"/members/{member['member_id']}/file")
    assert file["fields"] == {"size": 42, "note": "=1+1"}


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (80 * 1024 * 1024))
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b"", "file_empty"),
        ("姓名,手机\n".encode(), "file_empty"),
        (b"a,b\n\xff\xff\xff\n", "file_encoding_unknown"),
        (("a," * 70 + "b\nc\n").encode(), "file_too_wide"),
        (b'name,phone\n"never ends\n' + b"x\n" * 40_000, "file_malformed"),
        (b"PK\x03\x04 not an archive", "file_malformed"),
        (workbook([["name"], ["x"]])[:-200], "file_malformed"),
        (bomb(), "file_too_large"),
    ],
)
async def test_what_cannot_be_read_is_refused(office: Counter, raw: bytes, key: str) -> None:
    reply = await load(office, raw)
    assert (reply.status, reply.key) == (422, key)
    assert (await office.get("/jobs"))["jobs"] == []


async def test_other_bodies(office: Counter) -> None:
    reply = await load(office, b"{}", {"Content-Type": "application/json"})
    assert (reply.status, reply.key) == (415, "media_type_unsupported")
    await office.sign_in(CASHIER)
    assert (await load(office, b"name\nx\n")).status == 403
    assert (await office.ask("POST", "/member-exports", {})).status == 403


async def test_exported_masked_or_whole_and_loaded_again(office: Counter) -> None:
    await start(office, (await load(office, LIST.encode())).body["job_id"])
    formula = {"name": "=SUM(A1)", "phone": "13500001111", "fields": {"note": "@x", "size": -3}}
    await office.post("/members", formula, expect=201)
    masked = await office.ask("POST", "/member-exports", {})
    rows = list(csv.reader(io.StringIO(masked.body.decode("utf-8-sig"))))
    assert rows[1][:3] == ["K1", "张**", "138****5678"] and rows[4][1] == "'=**"
    job = (await load(office, masked.body)).body
    assert job["answer"]["preview"] == {"add": 0, "change": 0, "bad": 4, "duplicates": 0}
    body = {"unmasked": True, "encoding": "gb18030"}
    whole = await office.ask("POST", "/member-exports", body)
    text = whole.body.decode("gb18030")
    assert "'=SUM(A1)" in text and "'@x" in text and ",-3," in text
    again = (await load(office, whole.body)).body
    assert again["answer"]["preview"] == {"add": 0, "change": 4, "bad": 0, "duplicates": 0}
    assert (await start(office, again["job_id"]))["answer"]["changed"] == 0
    book = await office.ask("POST", "/member-exports", {"format": "xlsx", "unmasked": True})
    cells = list(load_workbook(io.BytesIO(book.body)).active.iter_rows(values_only=True))
    assert cells[4][1] == "=SUM(A1)"
    again = (await load(office, book.body, XLSX)).body
    assert again["answer"]["preview"]["change"] == 4
    assert (await start(office, again["job_id"]))["answer"]["changed"] == 0
    entries = [row[3] for row in await log_of(office) if row[0] == Kind.EXPORTED]
    assert [(e["count"], e["unmasked"], e["format"]) for e in entries] == [
        (4, 0, "csv"),
        (4, 1, "csv"),
        (4, 1, "xlsx"),
    ]


RANKS = {
    "rungs": [
        {"level": "silver", "name": "银级", "from_value": 100_000},
        {"level": "gold", "name": "金级", "from_value": 500_000},
    ]
}
OLD = "会员号,姓名,手机,标签,等级\nK1,张三丰,13812345678,老客,金级\nK2,李清照,13900001111,,\n"
NEW = (
    "会员号,姓名,手机,标签,等级,推荐人\n"
    "K1,张真人,13812349999,VIP,银级,\n"
    "N1,王五,13700002222,,gold,K2\n"
    "N2,赵六,13700003333,,,N1\n"
    "N3,钱七,13700004444,,,\n"
    "N4,孙八,13700005555,,钻石,\n"
)


def with_levels(office: Counter) -> None:
    documents: dict[str, Any] = {
        "fields": FIELDS,
        "member_categories": CATEGORIES,
        "levels": RANKS,
    }
    rules = compile_rules(documents, office.shop.base_policy, office.shop.base_head)
    office.shop.rules_cell.put(rules)


async def file_of(office: Counter, number: str) -> dict[str, Any]:
    (member,) = (await office.get(f"/members?q={number}"))["members"]
    file: dict[str, Any] = await office.get(f"/members/{member['member_id']}/file")
    return file


async def test_a_file_says_levels_and_each_is_on_the_journal(office: Counter) -> None:
    with_levels(office)
    await start(office, (await load(office, OLD.encode())).body["job_id"])
    job = (await load(office, NEW.encode())).body
    assert job["mapping"] == ["number", "name", "phone", "tags", "level", "referrer"]
    assert job["answer"]["preview"] == {"add": 2, "change": 1, "bad": 2, "duplicates": 0}
    problems = {each["row"]: each["problems"] for each in job["answer"]["samples"]}
    assert problems[4] == [[4, "level_unknown"]]
    await start(office, job["job_id"])
    first, new = await file_of(office, "K1"), await file_of(office, "N1")
    assert (first["level"], new["level"]) == ("silver", "gold")
    told = [(member, row) for kind, _, member, row in await log_of(office) if kind == Kind.LEVEL]
    assert [(row["before"], row["after"], row["reason"]) for _, row in told] == [
        ("", "gold", "import"),
        ("gold", "silver", "import"),
        ("", "gold", "import"),
    ]
    assert [member for member, _ in told] == [
        first["member_id"],
        first["member_id"],
        new["member_id"],
    ]
    assert (await office.get("/messages"))["messages"] == []


async def test_an_import_is_taken_back(office: Counter) -> None:
    """Who was added goes, who was changed is as before, and the same file can be loaded again."""
    with_levels(office)
    await start(office, (await load(office, OLD.encode())).body["job_id"])
    before = await file_of(office, "K1")
    job = (await load(office, NEW.replace(",N1\n", ",\n").encode())).body
    done = await start(office, job["job_id"])
    assert (done["answer"]["added"], done["answer"]["changed"], done["undoable"]) == (3, 1, True)
    assert (await file_of(office, "K1"))["tags"] == ["VIP"]
    await office.post(f"/jobs/{job['job_id']}/undo")
    undone = await ended(office, job["job_id"])
    answer = undone["answer"]
    assert (undone["state"], answer["removed"], answer["restored"]) == ("undone", 3, 1)
    assert (answer["left"], undone["undoable"]) == ([], False)
    after = await file_of(office, "K1")
    kept = ("version", "name", "phone", "tags", "level", "number")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (await office.get("/office/members/count"))["count"] == 2
    for sought in ("N1", "13700002222", "ww", "13812349999"):
        assert (await office.get(f"/members?q={sought}"))["members"] == []
    assert len((await office.get("/members?q=13812345678"))["members"]) == 1
    entries = [row[3] for row in await log_of(office) if row[0] == Kind.IMPORTED]
    assert [each["event"] for each in entries[-2:]] == ["undo_job", "undo_import"]
    assert (entries[-1]["removed"], entries[-1]["restored"]) == (3, 1)
    assert "王五" not in str(entries)
    reply = await office.ask("POST", f"/jobs/{job['job_id']}/undo")
    assert (reply.status, reply.key) == (409, "job_state")
    again = (await load(office, NEW.encode())).body
    assert (await start(office, again["job_id"]))["answer"]["added"] == 2


async def test_who_has_something_by_now_stays(office: Counter) -> None:
    with_levels(office)
    rows = "".join(
        f"T{at},人{at},1360000000{at},{level}\n" for at, level in enumerate(["", "银级"] * 4)
    )
    job = (await load(office, f"会员号,姓名,手机,等级\n{rows}".encode())).body
    assert (await start(office, job["job_id"]))["answer"]["added"] == 8
    at = {f"T{n}": (await file_of(office, f"T{n}"))["member_id"] for n in range(8)}
    await office.recharge(at["T0"], 10_000)
    await office.issue(at["T1"], desfire())
    points = {"points": 5, "reason": "goodwill"}
    await office.post(f"/members/{at['T2']}/points", points, key=office.new_key())
    paper = {"kind": "passport", "number": "E12345678", "name": "人"}
    await office.post(f"/members/{at['T3']}/identity", paper)
    friend = {"name": "朋友", "phone": "13600000099", "referrer": "T4"}
    await office.post("/members", friend, expect=201)
    version = (await file_of(office, "T5"))["version"]
    changed = await office.ask("PUT", f"/members/{at['T5']}", {"version": version, "name": "改了"})
    assert changed.status == 200
    await office.post(f"/jobs/{job['job_id']}/undo")
    undone = await ended(office, job["job_id"])
    assert undone["answer"]["left"] == ["T5", "T4", "T3", "T2", "T1", "T0"]
    assert (undone["answer"]["removed"], undone["answer"]["left_count"]) == (2, 6)
    assert (await office.get("/office/members/count"))["count"] == 7
    assert (await file_of(office, "T0"))["standing"]["principal_fen"] == 10_000
