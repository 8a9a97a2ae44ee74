"""Filters: SQL against a plain reading of what each condition means, over members of every shape;
whatever is typed; pages and counts against the whole; filters that are kept."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.errors import BadRequest
from daemon.core.ids import make_id
from daemon.core.member_fields import FieldKind, MemberField
from daemon.core.member_filter import FIELDS, OPS, Op, kind_of, read_filter
from daemon.core.records import Member, Personal, Standing
from daemon.ledger.books import SqlBooks
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from daemon.ports.office_books import Sort
from tests.budget import NIGHTLY
from tests.web.till import Counter

TODAY = "2026-09-10"
OFFSET_MIN = 480
MEMBERS = 300
FIELD_LIST = (
    MemberField("hair", "发质", FieldKind.CHOICE, choices=(("dry", "干"), ("oily", "油"))),
    MemberField("size", "尺码", FieldKind.NUMBER),
    MemberField("note", "备注", FieldKind.TEXT),
    MemberField("wedding", "纪念日", FieldKind.DATE),
    MemberField("plate", "车牌", FieldKind.TEXT, personal=True),
)
TAGS = ["VIP", "老客", ",", '"', "a,b", '","']
Row = tuple[Member, Personal, Standing]


def people(chance: random.Random) -> list[Row]:
    rows: list[Row] = []
    for place in range(MEMBERS):
        created_ms = 1_700_000_000_000 + chance.randrange(90 * 86_400_000)
        member_id = make_id(1_700_000_000_000 + place, chance.randbytes(10))
        fields: dict[str, str | int] = {}
        if chance.random() < 0.7:
            fields["hair"] = chance.choice(["dry", "oily"])
        if chance.random() < 0.7:
            fields["size"] = chance.choice([36, 40, "40", -3])
        if chance.random() < 0.5:
            fields["note"] = chance.choice(["a", "abc", "100%", "x'y"])
        if chance.random() < 0.5:
            fields["wedding"] = chance.choice(["2015-10-01", "2026-09-10"])
        member = Member(
            member_id,
            f"S{chance.randrange(10**6):06d}-{place}",
            chance.choice(["standard", "gold"]),
            chance.choice(["active", "frozen"]),
            created_ms,
            level=chance.choice([None, "silver", "gold"]),
            valid_to=chance.choice([None, "2026-09-09", "2026-09-10", "2026-10-01"]),
            tags=tuple(dict.fromkeys(chance.choices(TAGS, k=chance.randrange(3)))),
            fields=fields,
            referrer=chance.choice(rows)[0].member_id if rows and chance.random() < 0.2 else None,
        )
        personal = Personal(
            chance.choice(["张三", "李四", "王五"]),
            gender=chance.choice(["f", "m", ""]),
            birthday=chance.choice(["", "1990-05-17", "--05-18", "1988-12-01"]),
            fields={"plate": chance.choice(["A1", "B2"])} if chance.random() < 0.5 else {},
        )
        standing = Standing(
            member_id,
            *chance.choice([(None, None), ("2026-01-01", "2026-09-10"), ("2025-01-01",) * 2]),
            visits=chance.randrange(4),
            spent_fen=chance.randrange(4) * 100,
            recharged_fen=chance.randrange(3) * 100,
            principal_fen=chance.randrange(3) * 100,
            bonus_fen=chance.randrange(3) * 10,
            points=chance.randrange(3),
        )
        rows.append((member, personal, standing))
    return rows


@contextmanager
def books_of(folder: Path, rows: Sequence[Row]) -> Iterator[SqlBooks]:
    key = bytes(range(32))
    connection: Connection = open_writer(folder / "ledger.db", key)
    migrate(connection)
    books = SqlBooks(connection, Vault(key), writable=True)
    connection.execute("BEGIN")
    books.add_members([(member, personal) for member, personal, _ in rows])
    for place, (member, _, standing) in enumerate(rows):
        if place % 5 == 0:
            continue  # Never came: no row.
        connection.execute(
            "INSERT INTO standing (member_id, first_day, last_day, visits, spent_fen,"
            " recharged_fen, principal_fen, bonus_fen, points) VALUES (?,?,?,?,?,?,?,?,?)",
            (
                member.member_id,
                standing.first_day,
                standing.last_day,
                standing.visits,
                standing.spent_fen,
                standing.recharged_fen,
                standing.principal_fen,
                standing.bonus_fen,
                standing.points,
            ),
        )
    connection.execute("COMMIT")
    try:
        yield books
    finally:
        connection.close()


ROWS = [
    (member, personal, standing if place % 5 else Standing(member.member_id))
    for place, (member, personal, standing) in enumerate(people(random.Random(7)))
]


@pytest.fixture(scope="module", params=[0, 50, 100], ids="{}% settled".format)
def books(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SqlBooks]:
    """With so many of the words that waited in their place: a filter misses nobody meanwhile."""
    with books_of(tmp_path_factory.mktemp("filters"), ROWS) as opened:
        runs = opened._one("SELECT count(*) FROM word_waiting")[0]
        for _ in range(runs * request.param // 100):
            assert opened.settle_words(1) is not None
        assert bool(opened.words_waiting()) is (request.param < 100)
        yield opened


# -- what a condition means, said once more without SQL ------------------------------------------


def value_of(row: Row, field: str) -> Any:
    member, personal, standing = row
    if field == "created":
        moment = datetime.fromtimestamp(member.created_ms / 1000, UTC)
        return (moment + timedelta(minutes=OFFSET_MIN)).strftime("%Y-%m-%d")
    if field == "balance_fen":
        return standing.principal_fen + standing.bonus_fen
    if field == "birthday_month":
        return int(personal.birthday[-5:-3]) if personal.birthday else None
    if field == "birthday":
        return personal.birthday[-5:] or None
    if field == "gender":
        return personal.gender or None
    if field == "referrer":
        return next((r[0].number for r in ROWS if r[0].member_id == member.referrer), None)
    if field.startswith("field:"):
        code = field.removeprefix("field:")
        value = {**member.fields, **personal.fields}.get(code)
        wanted = int if code == "size" else str
        return value if isinstance(value, wanted) else None
    if hasattr(member, field):
        return getattr(member, field)
    return getattr(standing, field)


def holds(row: Row, condition: dict[str, Any]) -> bool:
    value, op, wanted = value_of(row, condition["field"]), condition["op"], condition.get("value")
    today = datetime.fromisoformat(TODAY)
    if op in ("empty", "filled"):
        return (value in (None, ())) == (op == "empty")
    if op in ("has", "has_not"):
        return (wanted in value) == (op == "has")
    if op == "is_not":
        return bool(value != wanted)
    if value is None:
        return False
    if op in ("older_than_days", "within_days"):
        days = (today - datetime.fromisoformat(value)).days
        if condition["field"] == "valid_to":
            return 0 <= -days <= wanted
        return days > wanted if op == "older_than_days" else 0 <= days <= wanted
    return {
        "is": lambda: value == wanted,
        "in": lambda: value in wanted,
        "starts": lambda: value.startswith(wanted),
        "at_least": lambda: value >= wanted,
        "at_most": lambda: value <= wanted,
        "from": lambda: value >= wanted,
        "to": lambda: value <= wanted,
    }[op]()


SEEN: dict[str, list[Any]] = {}
for _name in (*FIELDS, *(f"field:{each.code}" for each in FIELD_LIST)):
    _values = {v for row in ROWS if (v := value_of(row, _name)) not in (None, ()) and v != ""}
    SEEN[_name] = sorted(TAGS if _name == "tags" else _values, key=str)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(sorted(SEEN)))
    kind = kind_of(field, FIELD_LIST)
    assert kind is not None
    op = draw(st.sampled_from(sorted(OPS[kind], key=str)))
    condition: dict[str, Any] = {"field": field, "op": op.value}
    seen = st.sampled_from(SEEN[field])
    if op in (Op.OLDER_THAN_DAYS, Op.WITHIN_DAYS):
        condition["value"] = draw(st.integers(0, 1500))
    elif op is Op.IN:
        condition["value"] = draw(st.lists(seen, min_size=1, max_size=3))
    elif op is Op.STARTS:
        text = str(draw(seen))
        condition["value"] = text[: draw(st.integers(1, len(text)))]
    elif op not in (Op.EMPTY, Op.FILLED):
        condition["value"] = draw(seen)
    return condition


@settings(max_examples=10_000 if NIGHTLY else 100, deadline=None)
@given(st.lists(conditions(), max_size=4), st.sampled_from(Sort), st.integers(1, 40))
def test_sql_means_what_the_words_mean(
    books: SqlBooks, content: list[dict[str, Any]], sort: Sort, limit: int
) -> None:
    read = read_filter(content, FIELD_LIST, TODAY)
    wanted = [row[0] for row in ROWS if all(holds(row, each) for each in content)]
    if sort is Sort.NUMBER:
        wanted.sort(key=lambda member: member.number)
    else:
        wanted.sort(key=lambda member: member.member_id, reverse=sort is Sort.NEWEST)
    found: list[str] = []
    after: str | None = None
    while True:
        stretch = books.stretch(read, sort, after, limit, 37, OFFSET_MIN)
        assert len(stretch.member_ids) <= limit
        found += stretch.member_ids
        after = stretch.after
        if after is None:
            break
    assert found == [member.member_id for member in wanted]
    count, after = books.count_members(read, None, 50, OFFSET_MIN)
    while after is not None:
        more, after = books.count_members(read, after, 50, OFFSET_MIN)
        count += more
    assert count == len(wanted)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
half = st.fixed_dictionaries(
    {},
    optional={
        "field": st.sampled_from(sorted(SEEN)) | st.text(max_size=10),
        "op": st.sampled_from([op.value for op in Op]) | st.text(max_size=10),
        "value": junk | st.sampled_from(["'; DROP TABLE member; --", "%", '"', "\x00", "９"]),
    },
)


@settings(max_examples=10_000 if NIGHTLY else 100, deadline=None)
@given(st.lists(half | junk, max_size=4) | junk)
def test_whatever_is_typed_is_refused_or_answered(books: SqlBooks, content: Any) -> None:
    try:
        read = read_filter(content, FIELD_LIST, TODAY)
    except BadRequest as error:
        assert error.key == "filter_malformed" and error.facts["why"]
        return
    stretch = books.stretch(read, Sort.NEWEST, None, 10, 1000, OFFSET_MIN)
    assert len(stretch.member_ids) <= 10


# -- over HTTP ------------------------------------------------------------------------------------


def asked(content: Any, **more: Any) -> str:
    rest = "".join(f"&{name}={value}" for name, value in more.items())
    return f"filter={quote(json.dumps(content))}{rest}"


async def test_a_list_scrolls_and_is_counted(office: Counter) -> None:
    for number in range(25):
        await office.post(
            "/members",
            {"name": f"客{number}", "number": f"N{number:02d}", "tags": ["odd"] * (number % 2)},
            expect=201,
        )
    odd = [{"field": "tags", "op": "has", "value": "odd"}]
    numbers: list[str] = []
    page = await office.get("/office/members?" + asked(odd, limit=5, sort="number"))
    while True:
        numbers += [row["number"] for row in page["members"]]
        if page["next"] is None:
            break
        page = await office.get(
            "/office/members?" + asked(odd, limit=5, sort="number", after=page["next"])
        )
    assert numbers == [f"N{number:02d}" for number in range(1, 25, 2)]
    assert await office.get("/office/members/count?" + asked(odd)) == {"count": 12, "next": None}
    assert (await office.get("/office/members/count"))["count"] == 25
    newest = await office.get("/office/members?limit=2")
    assert [row["number"] for row in newest["members"]] == ["N24", "N23"]
    assert newest["members"][0]["name"] == "客**"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "not_json"),
        ("{}", "not_a_list"),
        ('[{"field": "age", "op": "is", "value": 3}]', "field_unknown"),
        ('[{"field": "visits", "op": "like", "value": 3}]', "op_unknown"),
        ('[{"field": "visits", "op": "has", "value": 3}]', "op_not_for_field"),
        ('[{"field": "visits", "op": "is", "value": "3"}]', "value_not_number"),
        ('[{"field": "last_day", "op": "from", "value": "soon"}]', "value_not_day"),
        ('[{"field": "birthday_month", "op": "is", "value": 13}]', "value_not_month"),
        ('[{"field": "level", "op": "is"}]', "value_missing"),
    ],
)
async def test_mistakes_are_explained(office: Counter, content: str, why: str) -> None:
    reply = await office.ask("GET", f"/office/members?filter={quote(content)}")
    assert (reply.status, reply.key) == (422, "filter_malformed")
    assert reply.body["facts"] == {"at": 0, "why": why}


async def test_filters_are_kept(office: Counter) -> None:
    sleeping = [{"field": "last_day", "op": "older_than_days", "value": 90}]
    kept = await office.post("/member-filters", {"name": "沉睡", "filter": sleeping}, expect=201)
    taken = await office.ask("POST", "/member-filters", {"name": "沉睡", "filter": []})
    assert (taken.status, taken.key) == (409, "filter_name_taken")
    path = f"/member-filters/{kept['filter_id']}"
    changed = await office.ask("PUT", path, {"name": "睡着", "filter": sleeping * 2})
    assert changed.status == 200
    (found,) = (await office.get("/member-filters"))["filters"]
    assert (found["name"], found["filter"]) == ("睡着", sleeping * 2)
    assert (await office.ask("DELETE", path)).status == 204
    assert (await office.ask("DELETE", path)).key == "filter_unknown"
    fields = {row["field"]: row for row in (await office.get("/member-fields"))["fields"]}
    assert fields["field:hair"]["choices"] == {"dry": "干性", "oily": "油性"}
    assert fields["field:plate"]["ops"] == ["in", "is"]
