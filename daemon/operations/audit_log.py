"""The log (E4): who did what to whom from where, searched, exported, and proved.

The log is the journal itself. A search goes by columns that repeat the entries; what is shown is
read from the entry, which the chain of hashes covers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, LedgerError, Refused
from daemon.core.past import LogRow, LogWanted
from daemon.core.permissions import Permission
from daemon.operations.records import members_of, note_export, period, require_export
from daemon.operations.shop import Actor, Shop
from daemon.operations.table_export import Cell, as_file
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)

WINDOW: Final = 20_000
"""Entries looked through at once: some tens of milliseconds in which nobody else reads."""
MOST_WINDOWS: Final = 10
"""Of one request; it then says how far it has looked, and the page may go on."""
MOST_EXPORTED: Final = 100_000
KINDS: Final = {kind.name.lower(): kind for kind in Kind}
_HEADS: Final = {
    "zh-CN": ("序号", "时间", "类型", "事件", "员工", "批准人", "会员号", "卡", "内容", "校验"),
    "en": (
        "Entry", "Time", "Kind", "Event", "Employee", "Approver", "Member", "Card", "Facts", "Hash",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogSearch:
    """As a page asks; "" is any. Days are YYYY-MM-DD, both included."""

    from_day: str = ""
    to_day: str = ""
    employee: str = ""
    approver: str = ""
    event: str = ""
    kind: str = ""
    member_id: str = ""
    card_id: str = ""

    def wanted(self) -> LogWanted:
        """Raises BadRequest("kind_unknown")."""
        if self.kind and self.kind not in KINDS:
            raise BadRequest("kind_unknown")
        return LogWanted(
            self.employee,
            self.approver,
            self.event,
            KINDS.get(self.kind),
            self.member_id,
            self.card_id,
        )


async def read_log(
    shop: Shop, search: LogSearch, *, limit: int, before: int | None = None
) -> dict[str, Any]:
    """`entries` newest first; `next` is the number to go on below, or None at the end. A search
    for what is rare may come back with few entries or none and a `next`: it has looked that far.

    Raises BadRequest("day_malformed" | "kind_unknown")."""
    wanted = search.wanted()
    low, high = await _bounds(shop, search)
    upto = high if before is None else min(high, before - 1)
    found: list[LogRow] = []
    windows = 0
    while upto >= low and len(found) <= limit and windows < MOST_WINDOWS:
        # One member's entries have an index of their own.
        start = low if search.member_id else max(low, upto - WINDOW + 1)
        room = limit + 1 - len(found)
        found += await shop.ledger.read(_looking(wanted, start, upto, room))
        upto, windows = start - 1, windows + 1
    rows = found[:limit]
    if len(found) > limit:
        following: int | None = rows[-1].dseq
    else:
        following = upto + 1 if upto >= low else None
    members = await shop.ledger.read(
        lambda books: members_of(books, [row.draft.member_id for row in rows])
    )
    return {"entries": [entry_view(row, members) for row in rows], "next": following}


def _looking(
    wanted: LogWanted, start: int, upto: int, most: int
) -> Callable[[Books], Sequence[LogRow]]:
    return lambda books: books.log_rows(wanted, start, upto, most)


async def _bounds(shop: Shop, search: LogSearch) -> tuple[int, int]:
    """The first and last entry of the period."""
    from_ms, to_ms = period(shop, search.from_day, search.to_day, all_time=True)

    def look(books: Books) -> tuple[int, int]:
        low = books.dseq_at(from_ms) if search.from_day else 1
        high = books.dseq_at(to_ms) - 1 if search.to_day else books.head().dseq
        return low, high

    return await shop.ledger.read(look)


def entry_view(row: LogRow, members: dict[str, dict[str, str]]) -> dict[str, Any]:
    draft = row.draft
    facts = {key: fact for key, fact in draft.detail.items() if key not in ("event", "approver")}
    return {
        "dseq": row.dseq,
        "at_ms": draft.at_ms,
        "kind": draft.kind.name.lower(),
        "event": str(draft.detail.get("event", "")),
        "actor": draft.actor,
        "approver": str(draft.detail.get("approver", "")),
        "member": members.get(draft.member_id or ""),
        "card_id": draft.card_id,
        "op_id": draft.op_id,
        "refers_to": draft.refers_to,
        "facts": facts,
        "chain": row.chain.hex()[:16],
    }


async def export_log(
    shop: Shop, actor: Actor, search: LogSearch, form: str, encoding: str, language: str
) -> bytes:
    """The file, members by number alone; that it was made is on the journal.

    Raises as `read_log`, NotAllowed("permission_needed"), Refused("too_many_rows")."""
    require_export(actor, Permission.LOG)
    wanted = search.wanted()
    low, upto = await _bounds(shop, search)
    rows: list[LogRow] = []
    numbers: dict[str, str] = {}
    while upto >= low:
        start = max(low, upto - WINDOW + 1)
        room = MOST_EXPORTED + 1 - len(rows)
        rows += await shop.ledger.read(_looking(wanted, start, upto, room))
        if len(rows) > MOST_EXPORTED:
            raise Refused("too_many_rows", most=MOST_EXPORTED)
        upto = start - 1
    named = {row.draft.member_id for row in rows if row.draft.member_id}

    def look(books: Books) -> None:
        for member_id in named:
            member = books.member(member_id)
            numbers[member_id] = member.number if member is not None else ""

    await shop.ledger.read(look)
    table = [
        _HEADS.get(language, _HEADS["zh-CN"]),
        *(_cells(shop, row, numbers) for row in rows),
    ]
    made = await asyncio.to_thread(as_file, table, form, encoding, "log")
    await shop.ledger.write(lambda books: note_export(shop, books, actor, "log", len(rows)))
    return made


def _cells(shop: Shop, row: LogRow, numbers: dict[str, str]) -> Sequence[Cell]:
    view = entry_view(row, {})
    facts = "; ".join(f"{name}={fact}" for name, fact in view["facts"].items())
    return (
        row.dseq,
        shop.time_text(row.draft.at_ms),
        view["kind"],
        view["event"],
        view["actor"],
        view["approver"],
        numbers.get(row.draft.member_id or "", ""),
        view["card_id"],
        facts,
        row.chain.hex(),
    )


class LogCheck:
    """Proves the chain from the first entry on, beside the sales, and says how far it is. One check
    at a time."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._state = "never"
        self._checked = self._total = 0
        self._since_ms: int | None = None
        self._ended_ms: int | None = None
        self._broken_at: int | None = None

    async def start(self, shop: Shop) -> dict[str, Any]:
        """Begins a check, unless one is under way."""
        if self._task is None or self._task.done():

            def look(books: Books) -> tuple[int, int | None]:
                first = books.log_rows(LogWanted(), 1, 1, 1)
                return books.head().dseq, first[0].draft.at_ms if first else None

            self._total, self._since_ms = await shop.ledger.read(look)
            self._state, self._checked = "running", 0
            self._ended_ms = self._broken_at = None
            self._task = asyncio.create_task(self._run(shop), name="log check")
        return self.view()

    async def _run(self, shop: Shop) -> None:
        try:
            self._progress(await shop.ledger.verify_chain(told=self._progress))
            self._state = "holds"
        except LedgerError as error:
            log.critical("the journal does not hold: %s", error)
            found = error.facts.get("dseq")
            self._broken_at = int(found) if found is not None else None
            self._state = "broken"
            shop.events.publish("ledger", {"ok": False, "stopped": error.key})
        self._ended_ms = shop.clock.now_ms()

    def _progress(self, checked: int) -> None:
        self._checked = checked
        self._total = max(self._total, checked)

    def view(self) -> dict[str, Any]:
        """`since_ms` is the time of the first entry: where it holds, it holds since then."""
        return {
            "state": self._state,
            "checked": self._checked,
            "total": self._total,
            "since_ms": self._since_ms,
            "ended_ms": self._ended_ms,
            "broken_at": self._broken_at,
        }

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
