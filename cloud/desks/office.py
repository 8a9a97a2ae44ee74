"""What is looked at rather than spent: lines of sales, refunds, visits, cards, settlement between
branches, datasets, and discrepancies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from cloud.records import (
    CardUse,
    DatasetRow,
    Discrepancy,
    DiscrepancyState,
    RefundAnswer,
    SaleLine,
    Settled,
    Severity,
)
from cloud.statements import Ask, Row, Statements, answer

_AT_A_TIME: Final = 200
"""Sales in one statement."""
_DISCREPANCY: Final = (
    "id, type, severity, amount, device, account, refs, first_seen_ms, last_seen_ms, times, state,"
    " owner, deadline_ms, note"
)


def ask_dataset_versions() -> Ask[dict[str, int]]:
    return Ask("SELECT dataset, version FROM dataset ORDER BY dataset", (), _versions)


def _versions(rows: list[Row]) -> dict[str, int]:
    return {row[0]: row[1] for row in rows}


class OfficeDesk:
    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    async def sale_line(self, txid: str, line: str, *, hold: bool = False) -> SaleLine | None:
        held = self._sql.for_update if hold else ""
        row = await self._sql.row(
            "SELECT txid, line, quantity, amount_fen, back, back_fen FROM sale_line"
            f" WHERE txid = ? AND line = ?{held}",
            txid,
            line,
        )
        return None if row is None else SaleLine(*row)

    async def hold_sale_lines(self, txids: Sequence[str]) -> dict[tuple[str, str], SaleLine]:
        """Every line of these sales, held, by sale and line."""
        found: dict[tuple[str, str], SaleLine] = {}
        wanted = sorted(set(txids))
        for start in range(0, len(wanted), _AT_A_TIME):
            some = wanted[start : start + _AT_A_TIME]
            marks = ", ".join("?" * len(some))
            rows = await self._sql.rows(
                "SELECT txid, line, quantity, amount_fen, back, back_fen FROM sale_line"
                f" WHERE txid IN ({marks}) ORDER BY txid, line{self._sql.for_update}",
                *some,
            )
            found |= {(row[0], row[1]): SaleLine(*row) for row in rows}
        return found

    async def put_sale_lines(self, lines: Sequence[SaleLine]) -> None:
        """Makes or changes the rows."""
        await self._sql.many(
            "INSERT INTO sale_line (txid, line, quantity, amount_fen, back, back_fen)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (txid, line) DO UPDATE SET"
            " quantity = excluded.quantity, amount_fen = excluded.amount_fen,"
            " back = excluded.back, back_fen = excluded.back_fen",
            [(x.txid, x.line, x.quantity, x.amount_fen, x.back, x.back_fen) for x in lines],
        )

    async def refund(self, rid: str) -> RefundAnswer | None:
        row = await self._sql.row(
            "SELECT rid, txid, line, quantity, amount_fen, device, allowed, reason, at_ms"
            " FROM refund WHERE rid = ?",
            rid,
        )
        if row is None:
            return None
        values: Row = (*row[:6], bool(row[6]), *row[7:])
        return RefundAnswer(*values)

    async def put_refund(self, answer: RefundAnswer) -> None:
        await self._sql.run(
            "INSERT INTO refund (rid, txid, line, quantity, amount_fen, device, allowed, reason,"
            " at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            answer.rid,
            answer.txid,
            answer.line,
            answer.quantity,
            answer.amount_fen,
            answer.device,
            int(answer.allowed),
            answer.reason,
            answer.at_ms,
        )

    async def promised(self, txid: str, line: str, device: str) -> SaleLine:
        """What a device was allowed to take back of a line and had not done yet: it has now."""
        rows = await self._sql.rows(
            "UPDATE refund SET used = 1 WHERE txid = ? AND line = ? AND device = ?"
            " AND allowed = 1 AND used = 0 RETURNING quantity, amount_fen",
            txid,
            line,
            device,
        )
        return SaleLine(txid, line, sum(row[0] for row in rows), sum(row[1] for row in rows))

    async def add_visits(self, visits: Mapping[tuple[str, str, int], int]) -> None:
        """How often a member was served, by (member, device, day)."""
        await self._sql.many(
            "INSERT INTO visit (member, device, day, times) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (member, device, day) DO UPDATE SET times = visit.times + excluded.times",
            [(*key, times) for key, times in sorted(visits.items())],
        )

    async def visits(self, members: Sequence[str], from_day: int) -> dict[str, dict[str, int]]:
        """How often each member came to each device since a day."""
        marks = ", ".join("?" * len(members))
        rows = await self._sql.rows(
            "SELECT member, device, CAST(sum(times) AS BIGINT) FROM visit"
            f" WHERE member IN ({marks}) AND day >= ? GROUP BY member, device",
            *members,
            from_day,
        )
        found: dict[str, dict[str, int]] = {member: {} for member in members}
        for member, device, times in rows:
            found[member][device] = times
        return found

    async def card_uses(self, cards: Sequence[str]) -> dict[str, int]:
        """The highest counter of each of these cards that was reported."""
        if not cards:
            return {}
        marks = ", ".join("?" * len(cards))
        rows = await self._sql.rows(
            f"SELECT card, max(counter) FROM card_counter WHERE card IN ({marks}) GROUP BY card",
            *cards,
        )
        return {row[0]: row[1] for row in rows}

    async def card_use(self, card: str, counter: int) -> CardUse | None:
        row = await self._sql.row(
            "SELECT card, counter, device, epoch, dseq, op_id FROM card_counter"
            " WHERE card = ? AND counter = ?",
            card,
            counter,
        )
        return None if row is None else CardUse(*row)

    async def put_card_uses(self, uses: Sequence[CardUse]) -> None:
        """The first entry that reported a counter stays."""
        await self._sql.many(
            "INSERT INTO card_counter (card, counter, device, epoch, dseq, op_id)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(u.card, u.counter, u.device, u.epoch, u.dseq, u.op_id) for u in uses],
        )

    async def add_settled(self, moved: Sequence[Settled]) -> None:
        await self._sql.many(
            "INSERT INTO settlement (day, home, seller, asset, sold, back)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, home, seller, asset) DO UPDATE SET"
            " sold = settlement.sold + excluded.sold, back = settlement.back + excluded.back",
            sorted((m.day, m.home, m.seller, m.asset, m.sold, m.back) for m in moved),
        )

    async def settled(self, from_day: int, to_day: int) -> list[Settled]:
        """Of the days from `from_day` to before `to_day`, summed."""
        rows = await self._sql.rows(
            "SELECT home, seller, asset, CAST(sum(sold) AS BIGINT), CAST(sum(back) AS BIGINT)"
            " FROM settlement WHERE day >= ? AND day < ? GROUP BY home, seller, asset"
            " ORDER BY home, seller, asset",
            from_day,
            to_day,
        )
        return [Settled(from_day, *row) for row in rows]

    async def dataset_version(self, dataset: str) -> int:
        row = await self._sql.row("SELECT version FROM dataset WHERE dataset = ?", dataset)
        return 0 if row is None else row[0]

    async def dataset_versions(self) -> dict[str, int]:
        return await answer(self._sql, ask_dataset_versions())

    async def hold_dataset(self, dataset: str) -> None:
        """Makes whoever changes the dataset take turns."""
        await self._sql.run(
            "INSERT INTO dataset (dataset, version) VALUES (?, 0) ON CONFLICT DO NOTHING", dataset
        )
        await self._sql.row(
            f"SELECT version FROM dataset WHERE dataset = ?{self._sql.for_update}", dataset
        )

    async def put_card_member(self, uid: str, card: str, member: str) -> None:
        await self._sql.run(
            "INSERT INTO card_member (uid, card, member) VALUES (?, ?, ?)"
            " ON CONFLICT (uid, card) DO UPDATE SET member = excluded.member",
            uid,
            card,
            member,
        )

    async def member_of_card(self, uid: str) -> str | None:
        """None where nobody or more than one has a card of that UID."""
        rows = await self._sql.rows(
            "SELECT DISTINCT member FROM card_member WHERE uid = ? LIMIT 2", uid.lower()
        )
        return rows[0][0] if len(rows) == 1 else None

    async def next_version(self, dataset: str) -> int:
        """Versions are committed in their order: the row is held."""
        row = await self._sql.row(
            "INSERT INTO dataset (dataset, version) VALUES (?, 1) ON CONFLICT (dataset)"
            " DO UPDATE SET version = dataset.version + 1 RETURNING version",
            dataset,
        )
        assert row is not None
        version: int = row[0]
        return version

    async def dataset_row(self, dataset: str, key: str) -> DatasetRow | None:
        row = await self._sql.row(
            "SELECT dataset, row_key, version, value, device, at_ms FROM dataset_row"
            " WHERE dataset = ? AND row_key = ?",
            dataset,
            key,
        )
        return None if row is None else DatasetRow(*row)

    async def put_dataset_row(self, row: DatasetRow) -> None:
        await self._sql.run(
            "INSERT INTO dataset_row (dataset, row_key, version, value, device, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (dataset, row_key) DO UPDATE SET"
            " version = excluded.version, value = excluded.value, device = excluded.device,"
            " at_ms = excluded.at_ms",
            row.dataset,
            row.key,
            row.version,
            row.value,
            row.device,
            row.at_ms,
        )

    async def dataset_after(self, dataset: str, version: int, most: int) -> list[DatasetRow]:
        """Rows changed after a version, in the order of their versions."""
        rows = await self._sql.rows(
            "SELECT dataset, row_key, version, value, device, at_ms FROM dataset_row"
            " WHERE dataset = ? AND version > ? ORDER BY version LIMIT ?",
            dataset,
            version,
            most,
        )
        return [DatasetRow(*row) for row in rows]

    async def put_discrepancy(self, found: Discrepancy) -> bool:
        """Whether it is new. The same one again is counted; one that was settled stays so."""
        row = await self._sql.row(
            f"INSERT INTO discrepancy ({_DISCREPANCY})"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET times = discrepancy.times + 1,"
            " last_seen_ms = excluded.last_seen_ms RETURNING times",
            found.discrepancy_id,
            found.type,
            found.severity.value,
            found.amount,
            found.device,
            found.account,
            json.dumps(dict(found.refs), ensure_ascii=False, sort_keys=True),
            found.first_seen_ms,
            found.last_seen_ms,
            found.times,
            found.state.value,
            found.owner,
            found.deadline_ms,
            found.note,
        )
        return row is not None and row[0] == 1

    async def discrepancy(self, discrepancy_id: str) -> Discrepancy | None:
        row = await self._sql.row(
            f"SELECT {_DISCREPANCY} FROM discrepancy WHERE id = ?", discrepancy_id
        )
        return None if row is None else _discrepancy(row)

    async def discrepancies(
        self, *, only_open: bool = False, most: int = 1000
    ) -> list[Discrepancy]:
        """Newest first."""
        where = " WHERE state = 'OPEN'" if only_open else ""
        rows = await self._sql.rows(
            f"SELECT {_DISCREPANCY} FROM discrepancy{where}"
            " ORDER BY first_seen_ms DESC, id LIMIT ?",
            most,
        )
        return [_discrepancy(row) for row in rows]

    async def settle_discrepancy(
        self, discrepancy_id: str, state: DiscrepancyState, note: str, owner: str | None = None
    ) -> bool:
        """Whether there is one. `owner` None leaves who is to look after it."""
        row = await self._sql.row(
            "UPDATE discrepancy SET state = ?, note = ?, owner = coalesce(?, owner) WHERE id = ?"
            " RETURNING id",
            state.value,
            note,
            owner,
            discrepancy_id,
        )
        return row is not None


def _discrepancy(row: Row) -> Discrepancy:
    refs: Mapping[str, int | str] = json.loads(row[6])
    state = DiscrepancyState(row[10])
    values: Row = (*row[:2], Severity(row[2]), *row[3:6], refs, *row[7:10], state, *row[11:])
    return Discrepancy(*values)
