"""Consumption records (F1): what was sold, recharged and charged, line by line, summed and
exported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.ids import id_bytes, is_id, make_id
from daemon.core.masking import mask_name
from daemon.core.past import (
    NAME_OF_KIND,
    RECORD_KINDS,
    LogWanted,
    RecordRow,
    RecordSum,
    RecordsWanted,
)
from daemon.core.permissions import Permission
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import note
from daemon.operations.table_export import Cell, as_file, yuan_cell
from daemon.ports.ledger import Books

USUAL_DAYS: Final = 31
"""How far back is looked where nobody says and no member is named."""
MOST_OWN: Final = 20
"""Rows that a cashier sees of the member at the counter."""
MOST_EXPORTED: Final = 100_000
EXPORT_STEP: Final = 1_000
"""Rows read at once: a search of the cashier's waits for one step at most."""
DAY_MS: Final = 86_400_000
WINDOW_MS: Final = 2 * DAY_MS
"""Looked through at once: some thousands of lines, some tens of milliseconds."""
MOST_WINDOWS: Final = 200
"""Of one request: more than a year. It then says how far it has looked."""
_HEADS: Final = {
    "zh-CN": (
        "时间", "类型", "流水", "会员号", "代码", "类别", "名称",
        "数量", "原价", "优惠", "实付", "积分", "员工",
    ),
    "en": (
        "Time", "Kind", "Reference", "Member", "Code", "Category", "Name",
        "Quantity", "List", "Discount", "Paid", "Points", "Employee",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Search:
    """As a page asks. Days are YYYY-MM-DD, both included, "" for the usual; `card_id` finds what
    the card's present member did with it: what an earlier one did is that one's own."""

    from_day: str = ""
    to_day: str = ""
    member_id: str = ""
    card_id: str = ""
    code: str = ""
    category: str = ""
    employee: str = ""
    kinds: frozenset[str] = frozenset()


async def find_records(
    shop: Shop,
    actor: Actor,
    search: Search,
    *,
    limit: int,
    after: str = "",
    sums: bool = False,
) -> dict[str, Any]:
    """`records` newest first, `next` to go on from or None, and `sums` by kind over all that fits.

    Who may not see everybody's records sees the latest of one named member, at the counter.

    A search for what is rare may come back with few rows and a `next`: it has looked that far.

    Raises NotAllowed("permission_needed"), BadRequest("day_malformed" | "kind_unknown" |
    "cursor_malformed"), NotFound("card_unknown")."""
    if not actor.may(Permission.RECORDS):
        if not search.member_id or after or sums:
            actor.require(Permission.RECORDS)
        actor.require(Permission.SELL)
        limit = min(limit, MOST_OWN)
    wanted = await shop.ledger.read(lambda books: wanted_of(shop, books, search))
    found, searched = await _search(shop, wanted, _cursor(after), limit + 1)
    rows = found[:limit]
    following = searched
    if len(found) > limit:
        following = f"{rows[-1].op_id}~{rows[-1].line_id}"
    members = await shop.ledger.read(
        lambda books: members_of(books, [row.member_id for row in rows])
    )
    return {
        "records": [record_view(row, members) for row in rows],
        "next": following,
        "sums": await _sums(shop, wanted) if sums else None,
    }


def _windows(wanted: RecordsWanted) -> Iterator[RecordsWanted]:
    """The period in steps, newest first: nobody waits long for the reader. One member's records
    have an index of their own."""
    if wanted.member_id:
        yield wanted
        return
    to_ms = wanted.to_ms
    while to_ms > wanted.from_ms:
        from_ms = max(wanted.from_ms, to_ms - WINDOW_MS)
        yield replace(wanted, from_ms=from_ms, to_ms=to_ms)
        to_ms = from_ms


async def _search(
    shop: Shop, wanted: RecordsWanted, before: tuple[str, str] | None, most: int
) -> tuple[list[RecordRow], str | None]:
    """Up to `most` rows, and where to go on if it was given up before the period's end."""
    if before is not None:
        # Nothing at or after the cursor's millisecond is looked through again.
        wanted = replace(wanted, to_ms=min(wanted.to_ms, _ms_of(before[0]) + 1))
    found: list[RecordRow] = []
    for number, window in enumerate(_windows(wanted)):
        if number == MOST_WINDOWS:
            return found, f"{make_id(window.to_ms, bytes(10))}~"
        found += await shop.ledger.read(_rows_of(window, before, most - len(found)))
        if len(found) >= most:
            break
    return found, None


def _ms_of(op_id: str) -> int:
    """The time in an id: its first 48 bits."""
    return int.from_bytes(id_bytes(op_id)[:6])


def _rows_of(
    window: RecordsWanted, before: tuple[str, str] | None, most: int
) -> Callable[[Books], Sequence[RecordRow]]:
    return lambda books: books.record_rows(window, before, most)


def _cursor(after: str) -> tuple[str, str] | None:
    if not after:
        return None
    op_id, mark, line_id = after.partition("~")
    if not mark or not is_id(op_id) or len(after) > 100:
        raise BadRequest("cursor_malformed")
    return op_id, line_id


def wanted_of(shop: Shop, books: Books, search: Search) -> RecordsWanted:
    """What is searched, as the books understand it."""
    if not search.kinds <= RECORD_KINDS.keys():
        raise BadRequest("kind_unknown")
    member_id = search.member_id
    if search.card_id:
        card = books.card(search.card_id)
        if card is None:
            raise NotFound("card_unknown")
        member_id = member_id or card.member_id
    from_ms, to_ms = period(shop, search.from_day, search.to_day, all_time=bool(member_id))
    first = books.log_rows(LogWanted(), 1, 1, 1)
    if first:
        # There is nothing to look through before the books began.
        from_ms = max(from_ms, first[0].draft.at_ms - DAY_MS)
    return RecordsWanted(
        from_ms,
        to_ms,
        member_id,
        search.card_id,
        search.code,
        search.category,
        search.employee,
        search.kinds,
    )


def period(shop: Shop, from_day: str, to_day: str, *, all_time: bool) -> tuple[int, int]:
    """From the beginning of one day to the end of the other, in the shop's time zone.

    Raises BadRequest("day_malformed")."""
    now_ms = shop.clock.now_ms()
    to_ms = _start_of(shop, to_day) + DAY_MS if to_day else now_ms + DAY_MS
    if from_day:
        return _start_of(shop, from_day), to_ms
    return (0 if all_time else max(0, to_ms - (USUAL_DAYS + 1) * DAY_MS)), to_ms


def _start_of(shop: Shop, day: str) -> int:
    try:
        midnight = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadRequest("day_malformed") from error
    start = midnight - timedelta(minutes=shop.policy.utc_offset_min)
    return max(0, int(start.timestamp() * 1000))


def members_of(books: Books, member_ids: Sequence[str | None]) -> dict[str, dict[str, str]]:
    """Each member once: number, and name masked."""
    views: dict[str, dict[str, str]] = {}
    for member_id in {each for each in member_ids if each is not None}:
        member = books.member(member_id)
        if member is None:
            continue
        personal = books.personal(member_id)
        name = mask_name(personal.name) if personal is not None else ""
        views[member_id] = {"member_id": member_id, "number": member.number, "name": name}
    return views


def record_view(row: RecordRow, members: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "op_id": row.op_id,
        "line_id": row.line_id,
        "at_ms": row.at_ms,
        "kind": NAME_OF_KIND[row.kind],
        "employee": row.actor,
        "member": members.get(row.member_id or ""),
        "card_id": row.card_id,
        "code": row.code,
        "category": row.category,
        "name": row.name,
        "quantity": row.quantity,
        "parts": row.parts,
        "list_fen": row.list_fen,
        "discount_fen": row.discount_fen,
        "paid_fen": row.paid_fen,
        "points": row.points,
    }


async def _sums(shop: Shop, wanted: RecordsWanted) -> list[dict[str, Any]]:
    whole: dict[Kind, RecordSum] = {}
    for window in _windows(wanted):
        for each in await shop.ledger.read(_sums_of(window)):
            whole[each.kind] = each.plus(whole.get(each.kind))
    return [
        {
            "kind": NAME_OF_KIND[each.kind],
            "count": each.count,
            "quantity": each.quantity,
            "list_fen": each.list_fen,
            "discount_fen": each.discount_fen,
            "paid_fen": each.paid_fen,
            "points": each.points,
        }
        for _, each in sorted(whole.items())
    ]


def _sums_of(window: RecordsWanted) -> Callable[[Books], Sequence[RecordSum]]:
    return lambda books: books.record_sums(window)


async def export_records(
    shop: Shop, actor: Actor, search: Search, form: str, encoding: str, language: str
) -> bytes:
    """The file, with members by number alone; that it was made is on the journal.

    Raises as `find_records`, and Refused("too_many_rows")."""
    require_export(actor, Permission.RECORDS)
    rows: list[RecordRow] = []
    numbers: dict[str, str] = {}
    before: tuple[str, str] | None = None
    while True:
        step = await shop.ledger.read(_step(shop, search, before, numbers))
        rows += step
        if len(rows) > MOST_EXPORTED:
            raise Refused("too_many_rows", most=MOST_EXPORTED)
        if len(step) < EXPORT_STEP:
            break
        before = (step[-1].op_id, step[-1].line_id)
    table = _table(shop, rows, numbers, language)
    made = await asyncio.to_thread(as_file, list(table), form, encoding, "records")
    await shop.ledger.write(lambda books: note_export(shop, books, actor, "records", len(rows)))
    return made


def _step(
    shop: Shop, search: Search, before: tuple[str, str] | None, numbers: dict[str, str]
) -> Any:
    def look(books: Books) -> Sequence[RecordRow]:
        found = books.record_rows(wanted_of(shop, books, search), before, EXPORT_STEP)
        for member_id in {row.member_id for row in found if row.member_id} - numbers.keys():
            assert member_id is not None
            member = books.member(member_id)
            numbers[member_id] = member.number if member is not None else ""
        return found

    return look


def require_export(actor: Actor, seeing: Permission) -> None:
    """Who takes a table out of the house may see it; a manager's yes is to this one export.

    Raises NotAllowed("permission_needed")."""
    if actor.granted is not Permission.EXPORT:
        actor.require(seeing)


def note_export(shop: Shop, books: Books, actor: Actor, what: str, rows: int) -> None:
    """Who took which table out of the house."""
    facts: dict[str, int | str] = {"rows": rows}
    if actor.approver:
        facts["approver"] = actor.approver
    note(shop, books, Kind.EXPORTED, actor.number, f"{what}_exported", **facts)


def _table(
    shop: Shop, rows: Sequence[RecordRow], numbers: dict[str, str], language: str
) -> Iterator[Sequence[Cell]]:
    yield _HEADS.get(language, _HEADS["zh-CN"])
    for row in rows:
        yield (
            shop.time_text(row.at_ms),
            NAME_OF_KIND[row.kind],
            row.op_id,
            numbers.get(row.member_id or "", ""),
            row.code,
            row.category,
            row.name,
            row.quantity if row.parts == 1 else f"{row.quantity}/{row.parts}",
            yuan_cell(row.list_fen),
            yuan_cell(row.discount_fen),
            yuan_cell(row.paid_fen),
            row.points,
            row.actor,
        )
