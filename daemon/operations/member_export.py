"""Members to a file: the members of a filter, or the rows that an import could not take.

What is exported is masked unless the whole is asked for by somebody who may see it, and the log has
who took how many, and whether masked, before the first byte leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from daemon.core.csv_table import write_rows
from daemon.core.entry import Kind
from daemon.core.errors import NotFound
from daemon.core.masking import mask_name, mask_phone
from daemon.core.member_fields import MemberField
from daemon.core.member_filter import Condition
from daemon.core.permissions import Permission
from daemon.core.records import Personal
from daemon.operations.import_rows import reason_text
from daemon.operations.member_file import mask_birthday
from daemon.operations.member_form import custom_fields
from daemon.operations.member_import import KIND
from daemon.operations.member_search import LOOK_AT, count_matching
from daemon.operations.members import append_event
from daemon.operations.shop import Actor, Shop
from daemon.operations.xlsx_table import write_xlsx
from daemon.ports.ledger import Books
from daemon.ports.office_books import Listed, Sort

AT_ONCE: Final = 200
_HEADINGS: Final = {
    "number": ("会员号", "Number"),
    "name": ("姓名", "Name"),
    "phone": ("手机号", "Phone"),
    "gender": ("性别", "Gender"),
    "birthday": ("生日", "Birthday"),
    "category": ("会员类别", "Category"),
    "valid_to": ("有效期至", "Valid to"),
    "tags": ("标签", "Tags"),
    "level": ("等级", "Level"),
    "status": ("状态", "Status"),
    "created": ("建档日期", "Added"),
    "last_day": ("最近消费", "Last visit"),
    "visits": ("消费次数", "Visits"),
    "spent": ("累计消费(元)", "Spent (yuan)"),
    "principal": ("本金(元)", "Principal (yuan)"),
    "bonus": ("赠金(元)", "Bonus (yuan)"),
    "points": ("积分", "Points"),
}
_GENDERS: Final = {"f": ("女", "female"), "m": ("男", "male"), "": ("", "")}
REASON: Final = ("未导入原因", "Why not imported")


@dataclass(frozen=True, slots=True)
class Export:
    """What to export. `language` 0: zh-CN, 1: en."""

    conditions: Sequence[Condition]
    unmasked: bool
    language: int


def language_of(shop: Shop) -> int:
    return 0 if shop.language.startswith("zh") else 1


async def begin_export(
    shop: Shop, actor: Actor, conditions: Sequence[Condition], *, unmasked: bool, form: str
) -> Export:
    """Counts, and puts who takes what on the journal.

    Raises NotAllowed("permission_needed")."""
    actor.require(Permission.MEMBER_EXPORT)
    if unmasked:
        actor.require(Permission.MEMBER_UNMASK)
    count, after = 0, None
    while True:
        part = await count_matching(shop, conditions, after)
        count, after = count + part["count"], part["next"]
        if after is None:
            break
    detail: dict[str, int | str] = {
        "event": "export_members",
        "count": count,
        "unmasked": int(unmasked),
        "format": form,
        "conditions": len(conditions),
    }

    def note(books: Books) -> None:
        append_event(shop, books, actor, Kind.EXPORTED, None, detail, shop.clock.now_ms())

    await shop.ledger.write(note)
    return Export(conditions, unmasked, language_of(shop))


async def exported_rows(shop: Shop, export: Export) -> AsyncIterator[list[list[str]]]:
    """The heading and every member, in stretches, oldest first."""
    fields = custom_fields(shop.rules)
    names = [told[export.language] for told in _HEADINGS.values()]
    yield [[*names, *(each.name for each in fields)]]
    after: str | None = None
    offset_min = shop.policy.utc_offset_min
    while True:
        begin = after

        def look(books: Books, begin: str | None = begin) -> tuple[list[list[str]], str | None]:
            stretch = books.stretch(
                export.conditions, Sort.OLDEST, begin, AT_ONCE, LOOK_AT, offset_min
            )
            listed = books.listed(stretch.member_ids)
            return [_row(shop, export, fields, each) for each in listed], stretch.after

        rows, after = await shop.ledger.read(look)
        if rows:
            yield rows
        if after is None:
            return


def _row(shop: Shop, export: Export, fields: Sequence[MemberField], listed: Listed) -> list[str]:
    member, standing = listed.member, listed.standing
    who = listed.personal or Personal("")
    whole = export.unmasked
    values = {**member.fields, **who.fields}
    return [
        member.number,
        who.name if whole else mask_name(who.name),
        who.phone if whole else mask_phone(who.phone),
        _GENDERS[who.gender][export.language],
        who.birthday if whole else mask_birthday(who.birthday),
        shop.rules.member_category(member.category).name,
        member.valid_to or "",
        ",".join(member.tags),
        shop.rules.level_name(member.level),
        member.status,
        shop.day(member.created_ms),
        standing.last_day or "",
        str(standing.visits),
        yuan(standing.spent_fen),
        yuan(standing.principal_fen),
        yuan(standing.bonus_fen),
        str(standing.points),
        *(_custom(each, values.get(each.code), masked=not whole) for each in fields),
    ]


def _custom(each: MemberField, value: str | int | None, *, masked: bool) -> str:
    if value is None:
        return ""
    if each.personal and masked:
        return "***"
    return dict(each.choices).get(str(value), str(value))


def yuan(amount_fen: int) -> str:
    """`-1850 -> -18.50`."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


async def as_csv(rows: AsyncIterator[list[list[str]]], encoding: str) -> AsyncIterator[bytes]:
    """`encoding` utf-8 comes with the mark that spreadsheets want; or gb18030."""
    name = "gb18030" if encoding == "gb18030" else "utf-8"
    mark = b"" if name == "gb18030" else b"\xef\xbb\xbf"
    async with contextlib.aclosing(rows) as stretches:  # type: ignore[type-var]
        async for stretch in stretches:
            yield mark + write_rows(stretch).encode(name, errors="replace")
            mark = b""


async def into_xlsx(shop: Shop, export: Export, target: IO[bytes]) -> None:
    """Writes the workbook into `target`."""
    await write_xlsx(exported_rows(shop, export), target)


async def bad_rows(shop: Shop, actor: Actor, job_id: str) -> tuple[str, AsyncIterator[bytes]]:
    """The rows that an import could not take, with the reason as the last column: the file's
    encoding, and the text in pieces.

    Raises NotFound("job_unknown"), NotAllowed("permission_needed")."""
    actor.require(Permission.MEMBER_IMPORT)
    job = await shop.ledger.read(lambda books: books.job(job_id))
    if job is None or job.kind != KIND:
        raise NotFound("job_unknown")
    headings: list[str] = job.request["headings"]
    language = str(job.request["language"])

    async def rows() -> AsyncIterator[list[list[str]]]:
        yield [[*headings, REASON[0 if language.startswith("zh") else 1]]]
        first = 0
        while True:
            look = _bad_after(job_id, first)
            found = await shop.ledger.read(look)
            if not found:
                return
            first = found[-1].row + 1
            yield [
                [*_padded(row.content, len(headings)), reason_text(row.problem, headings, language)]
                for row in found
                if row.content is not None
            ]

    encoding = "gb18030" if job.request["encoding"] == "gb18030" else "utf-8"
    return encoding, as_csv(rows(), encoding)


def _bad_after(job_id: str, first: int) -> Callable[[Books], Sequence[Any]]:
    return lambda books: books.job_rows(job_id, first, AT_ONCE, problems=True)


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells[:width], *([""] * (width - len(cells)))]
