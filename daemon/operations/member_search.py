"""The office's list of members: by filter, page by page, counted apart; and filters that are kept.

A page answers after a bounded number of bounded looks, whether it is full or not: whoever asks goes
on from `next`. So a condition that holds for one in a million never keeps the counter waiting.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, NotFound
from daemon.core.member_fields import clean_text
from daemon.core.member_filter import FIELDS, OPS, Condition, kind_of, read_filter
from daemon.operations.member_file import row_view
from daemon.operations.member_form import custom_fields
from daemon.operations.members import append_event
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.ports.office_books import SavedFilter, Sort

MOST_LISTED: Final = 200
LOOK_AT: Final = 2_000
"""Members that one read looks at: some 10 ms, so that a search of the cashier's never waits."""
MOST_LOOKS: Final = 25
"""Reads for one page: an answer within a second, with what was found so far."""
MOST_FILTERS: Final = 200
LONGEST_FILTER_NAME: Final = 40
LONGEST_FILTER: Final = 8_000
"""Characters of JSON."""


def conditions_of(shop: Shop, content: object) -> tuple[Condition, ...]:
    """Raises BadRequest("filter_malformed", at=..., why=...)."""
    return read_filter(content, custom_fields(shop.rules), shop.day(shop.clock.now_ms()))


def parse_filter(shop: Shop, text: str) -> tuple[Condition, ...]:
    """From JSON text; "" is everybody. Raises BadRequest("filter_malformed")."""
    if not text:
        return ()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("filter_malformed", at=0, why="not_json") from error
    return conditions_of(shop, content)


def describe_fields(shop: Shop) -> list[dict[str, Any]]:
    """What may be asked for: every field with its kind and operators, and a custom one's name."""
    fields = custom_fields(shop.rules)
    names = {f"field:{each.code}": each for each in fields}
    found = []
    for name in (*FIELDS, *names):
        kind = kind_of(name, fields)
        assert kind is not None
        custom = names.get(name)
        found.append(
            {
                "field": name,
                "kind": kind.value,
                "ops": sorted(op.value for op in OPS[kind]),
                "name": custom.name if custom else "",
                "choices": dict(custom.choices) if custom else {},
                "personal": bool(custom and custom.personal),
            }
        )
    return found


async def list_members(
    shop: Shop, conditions: Sequence[Condition], sort: Sort, after: str | None, limit: int
) -> dict[str, Any]:
    """`next` None is the end; a page may be shorter than `limit` and not be the end."""
    offset_min = shop.policy.utc_offset_min
    found: list[dict[str, Any]] = []
    most = min(limit, MOST_LISTED)
    for _ in range(MOST_LOOKS):
        wanted, begin = most - len(found), after

        def look(
            books: Books, wanted: int = wanted, begin: str | None = begin
        ) -> tuple[list[dict[str, Any]], str | None]:
            stretch = books.stretch(conditions, sort, begin, wanted, LOOK_AT, offset_min)
            return [row_view(each) for each in books.listed(stretch.member_ids)], stretch.after

        rows, after = await shop.ledger.read(look)
        found += rows
        if after is None or len(found) >= most:
            break
    return {"members": found, "next": after}


async def count_matching(
    shop: Shop, conditions: Sequence[Condition], after: str | None
) -> dict[str, Any]:
    """How many there are as far as this look went; `next` says where to go on, None: the end."""
    offset_min = shop.policy.utc_offset_min
    count = 0
    for _ in range(MOST_LOOKS):
        begin = after

        def look(books: Books, begin: str | None = begin) -> tuple[int, str | None]:
            return books.count_members(conditions, begin, LOOK_AT * 2, offset_min)

        more, after = await shop.ledger.read(look)
        count += more
        if after is None:
            break
    return {"count": count, "next": after}


async def matching_ids(
    shop: Shop, conditions: Sequence[Condition], most: int
) -> AsyncIterator[Sequence[str]]:
    """Ids in stretches, newest first, up to about `most` of them."""
    offset_min = shop.policy.utc_offset_min
    after: str | None = None
    found = 0
    while found < most:
        begin = after

        def look(books: Books, begin: str | None = begin) -> tuple[Sequence[str], str | None]:
            stretch = books.stretch(conditions, Sort.NEWEST, begin, 500, LOOK_AT, offset_min)
            return stretch.member_ids, stretch.after

        ids, after = await shop.ledger.read(look)
        found += len(ids)
        yield ids
        if after is None:
            return


def _filter_view(kept: SavedFilter) -> dict[str, Any]:
    return {
        "filter_id": kept.filter_id,
        "name": kept.name,
        "filter": list(kept.content),
        "by": kept.actor,
        "changed_ms": kept.changed_ms,
    }


async def saved_filters(shop: Shop) -> list[dict[str, Any]]:
    """In order of their names."""
    found = await shop.ledger.read(lambda books: books.saved_filters())
    return [_filter_view(kept) for kept in sorted(found, key=lambda each: each.name)]


async def save_filter(
    shop: Shop, actor: Actor, filter_id: str | None, name: str, content: list[Any]
) -> dict[str, Any]:
    """Keeps a filter under a name, or changes the one with that id.

    Raises BadRequest("filter_malformed" | "filter_name_malformed" | "filters_too_many"),
    NotFound("filter_unknown"), Conflict("filter_name_taken")."""
    conditions_of(shop, content)
    clean = clean_text(name)
    if not 1 <= len(clean) <= LONGEST_FILTER_NAME:
        raise BadRequest("filter_name_malformed")

    def work(books: Books) -> dict[str, Any]:
        if filter_id is not None and books.saved_filter(filter_id) is None:
            raise NotFound("filter_unknown")
        if filter_id is None and len(books.saved_filters()) >= MOST_FILTERS:
            raise BadRequest("filters_too_many")
        now_ms = shop.clock.now_ms()
        kept_id = filter_id or shop.clock.new_id()
        kept = SavedFilter(kept_id, clean, content, actor.number, now_ms)
        books.put_saved_filter(kept)
        detail: dict[str, int | str] = {"event": "save_filter", "filter": kept_id}
        append_event(shop, books, actor, Kind.RULES_CHANGED, None, detail, now_ms)
        return _filter_view(kept)

    return await shop.ledger.write(work)


async def remove_filter(shop: Shop, actor: Actor, filter_id: str) -> None:
    """Raises NotFound("filter_unknown")."""

    def work(books: Books) -> None:
        if books.saved_filter(filter_id) is None:
            raise NotFound("filter_unknown")
        books.remove_saved_filter(filter_id)
        detail: dict[str, int | str] = {"event": "remove_filter", "filter": filter_id}
        append_event(shop, books, actor, Kind.RULES_CHANGED, None, detail, shop.clock.now_ms())

    await shop.ledger.write(work)
