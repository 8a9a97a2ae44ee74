"""Journals, their batches and entries, the outbox of effects, and what was refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from cloud.records import Effects, Journal, JournalState
from cloud.statements import Ask, Row, Statements
from daemon.core.errors import SyncError
from daemon.sync.envelope import Verified

_JOURNAL = "device, epoch, number, store, state, opened_ms, bseq, head, dseq, chain, cseq"
_LEAF_COLUMNS = ("device", "epoch", "dseq", "kind", "at_ms", "leaf")
MOST_QUARANTINED_BYTES = 4 << 20
MOST_NUMBER = 1 << 22


def ask_journal(device: str, epoch: int) -> Ask[Journal | None]:
    return Ask(
        f"SELECT {_JOURNAL} FROM journal WHERE device = ? AND epoch = ?",
        (device, epoch),
        _only_journal,
    )


def ask_newest(device: str) -> Ask[Journal | None]:
    return Ask(
        f"SELECT {_JOURNAL} FROM journal WHERE device = ? ORDER BY epoch DESC LIMIT 1",
        (device,),
        _only_journal,
    )


def ask_due(device: str) -> Ask[bool]:
    """Whether effects of this device are not in the accounts, of any epoch."""
    return Ask("SELECT bseq FROM outbox WHERE device = ? LIMIT 1", (device,), bool)


class JournalDesk:
    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    async def journal(self, device: str, epoch: int, *, hold: bool = False) -> Journal | None:
        """`hold` makes whoever works on this journal take turns."""
        ask = ask_journal(device, epoch)
        held = self._sql.for_update if hold else ""
        return ask.read(await self._sql.rows(ask.statement + held, *ask.values))

    async def newest(self, device: str, *, hold: bool = False) -> Journal | None:
        ask = ask_newest(device)
        held = self._sql.for_update if hold else ""
        return ask.read(await self._sql.rows(ask.statement + held, *ask.values))

    async def journals(self, device: str | None = None) -> list[Journal]:
        """By device and epoch; of one device or of all."""
        where, values = ("", ()) if device is None else (" WHERE device = ?", (device,))
        rows = await self._sql.rows(
            f"SELECT {_JOURNAL} FROM journal{where} ORDER BY device, epoch", *values
        )
        return [_journal(row) for row in rows]

    async def open_journal(self, device: str, epoch: int, store: str, now_ms: int) -> Journal:
        """A new journal with the next number, without batches."""
        row = await self._sql.row(
            "INSERT INTO setting (name, value) VALUES ('journal_number', '1')"
            " ON CONFLICT (name) DO UPDATE"
            " SET value = CAST(CAST(setting.value AS BIGINT) + 1 AS TEXT) RETURNING value"
        )
        assert row is not None
        number = int(row[0])
        if number > MOST_NUMBER:
            raise SyncError("journal_numbers_used_up", most=MOST_NUMBER)
        before = await self.newest(device)
        await self._sql.run(
            "INSERT INTO journal (device, epoch, number, store, state, opened_ms, head, chain)"
            " VALUES (?, ?, ?, ?, 'LIVE', ?, ?, ?)",
            device,
            epoch,
            number,
            store,
            now_ms,
            bytes(32),
            bytes(32),
        )
        await self._sql.run(
            "INSERT INTO journal_effect (device, epoch, dseq, begun_dseq) VALUES (?, ?, 0, ?)",
            device,
            epoch,
            0 if before is None else None,
        )
        await self._sql.run(
            "INSERT INTO journal_grant (device, epoch, gseq, opened) VALUES (?, ?, 0, 1)",
            device,
            epoch,
        )
        opened = await self.journal(device, epoch)
        assert opened is not None
        return opened

    async def put_base(self, device: str, epoch: int, dseq: int, chain: bytes) -> None:
        """Where a journal without batches goes on from the one before."""
        await self._sql.run(
            "UPDATE journal SET dseq = ?, chain = ? WHERE device = ? AND epoch = ? AND bseq = 0",
            dseq,
            chain,
            device,
            epoch,
        )
        await self._sql.run(
            "UPDATE journal_effect SET dseq = ? WHERE device = ? AND epoch = ?",
            dseq,
            device,
            epoch,
        )

    async def first_heard(self, device: str, boot: str, now_ms: int) -> bool:
        """Whether this run of the device's daemon was never heard of before."""
        row = await self._sql.row(
            "INSERT INTO device_boot (device, boot, first_ms) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING RETURNING boot",
            device,
            boot,
            now_ms,
        )
        return row is not None

    async def kill(self, device: str, epoch: int) -> None:
        await self._sql.run(
            "UPDATE journal SET state = 'DEAD' WHERE device = ? AND epoch = ?", device, epoch
        )
        await self._sql.run(
            "UPDATE journal_grant SET opened = 0 WHERE device = ? AND epoch = ?", device, epoch
        )

    async def hold_effects(self, device: str, epoch: int) -> Effects:
        """Makes whoever applies effects of this journal take turns."""
        row = await self._sql.row(
            "SELECT dseq, begun_dseq, shift FROM journal_effect"
            f" WHERE device = ? AND epoch = ?{self._sql.for_update}",
            device,
            epoch,
        )
        assert row is not None
        return Effects(row[0], row[1], json.loads(row[2]))

    async def hold_grants(self, journals: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """Makes whoever gives to these journals take turns. Returns those that may be given
        anything."""
        opened: set[tuple[str, int]] = set()
        for device, epoch in sorted(set(journals)):
            row = await self._sql.row(
                "SELECT opened FROM journal_grant"
                f" WHERE device = ? AND epoch = ?{self._sql.for_update}",
                device,
                epoch,
            )
            if row is not None and row[0]:
                opened.add((device, epoch))
        return opened

    async def is_open(self, device: str, epoch: int) -> bool:
        """Whether the journal may be given anything; it stays so until this transaction ends."""
        row = await self._sql.row(
            f"SELECT opened FROM journal_grant WHERE device = ? AND epoch = ?{self._sql.for_share}",
            device,
            epoch,
        )
        return row is not None and bool(row[0])

    async def next_gseqs(self, device: str, epoch: int, count: int) -> int:
        """The first of `count` numbers of grants, which are committed in their order: the row is
        held."""
        row = await self._sql.row(
            "UPDATE journal_grant SET gseq = gseq + ? WHERE device = ? AND epoch = ?"
            " RETURNING gseq",
            count,
            device,
            epoch,
        )
        assert row is not None
        return int(row[0]) - count + 1

    async def put_cseq(self, device: str, epoch: int, cseq: int) -> None:
        await self._sql.run(
            "UPDATE journal SET cseq = ? WHERE device = ? AND epoch = ?", cseq, device, epoch
        )

    async def add_batches(self, journal: Journal, batches: Sequence[Verified], now_ms: int) -> None:
        """Batches that follow the journal's position (which is held), their entries, and the
        outbox: one transaction, one statement a table."""
        who = (journal.device, journal.epoch)
        await self._sql.append(
            "batch",
            ("device", "epoch", "bseq", "first_dseq", "last_dseq", "head", "chain", "reconciled",
             "received_ms", "message"),
            [
                (*who, m.bseq, m.first_dseq, m.last_dseq, batch.head, m.chain_after,
                 int(m.reconciled), now_ms, batch.message)
                for batch in batches
                for m in (batch.manifest,)
            ],
        )  # fmt: skip
        await self._sql.append(
            "leaf",
            _LEAF_COLUMNS,
            [
                (*who, entry.dseq, int(entry.draft.kind), entry.draft.at_ms, leaf)
                for batch in batches
                for entry, leaf in zip(batch.entries, batch.leaves, strict=True)
            ],
        )
        await self._sql.append(
            "outbox",
            ("device", "epoch", "bseq"),
            [(*who, batch.manifest.bseq) for batch in batches],
        )
        last = batches[-1]
        await self._sql.run(
            "UPDATE journal SET bseq = ?, head = ?, dseq = ?, chain = ?, store = ?"
            " WHERE device = ? AND epoch = ?",
            last.manifest.bseq,
            last.head,
            last.position.dseq,
            last.position.chain,
            last.manifest.identity.store,
            *who,
        )

    async def batch(self, device: str, epoch: int, bseq: int) -> tuple[bytes, bytes] | None:
        """(message, head)."""
        row = await self._sql.row(
            "SELECT message, head FROM batch WHERE device = ? AND epoch = ? AND bseq = ?",
            device,
            epoch,
            bseq,
        )
        return None if row is None else (row[0], row[1])

    async def batch_around(self, device: str, epoch: int, dseq: int) -> list[tuple[int, bytes]]:
        """(epoch, message) of the batches of epochs before `epoch` that have entry `dseq`, newest
        epoch first."""
        rows = await self._sql.rows(
            "SELECT epoch, message FROM batch WHERE device = ? AND epoch < ? AND first_dseq <= ?"
            " AND last_dseq >= ? ORDER BY epoch DESC",
            device,
            epoch,
            dseq,
            dseq,
        )
        return [(row[0], row[1]) for row in rows]

    async def leaves(
        self, device: str, epoch: int, after_dseq: int, upto_dseq: int
    ) -> list[tuple[int, bytes]]:
        """(dseq, leaf), in order."""
        rows = await self._sql.rows(
            "SELECT dseq, leaf FROM leaf WHERE device = ? AND epoch = ? AND dseq > ? AND dseq <= ?"
            " ORDER BY dseq",
            device,
            epoch,
            after_dseq,
            upto_dseq,
        )
        return [(row[0], row[1]) for row in rows]

    async def earlier_leaves(
        self, device: str, epoch: int, after_dseq: int, upto_dseq: int
    ) -> list[tuple[int, bytes]]:
        """(dseq, leaf) of every epoch before `epoch` whose effects are in the accounts."""
        rows = await self._sql.rows(
            "SELECT l.dseq, l.leaf FROM leaf l JOIN journal_effect j"
            " ON j.device = l.device AND j.epoch = l.epoch AND l.dseq <= j.dseq"
            " WHERE l.device = ? AND l.epoch < ? AND l.dseq > ? AND l.dseq <= ? ORDER BY l.dseq",
            device,
            epoch,
            after_dseq,
            upto_dseq,
        )
        return [(row[0], row[1]) for row in rows]

    async def leaves_between(
        self, from_ms: int, to_ms: int, kinds: Sequence[int]
    ) -> list[tuple[str, int, bytes]]:
        """(device, epoch, leaf) of some kinds within a time, by device, epoch and place."""
        marks = ", ".join("?" * len(kinds))
        rows = await self._sql.rows(
            "SELECT device, epoch, leaf FROM leaf WHERE at_ms >= ? AND at_ms < ?"
            f" AND kind IN ({marks}) ORDER BY device, epoch, dseq",
            from_ms,
            to_ms,
            *kinds,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def outbox(self, most: int) -> list[tuple[str, int]]:
        """Journals with effects that are not in the accounts."""
        rows = await self._sql.rows(
            "SELECT DISTINCT device, epoch FROM outbox ORDER BY device, epoch LIMIT ?", most
        )
        return [(row[0], row[1]) for row in rows]

    async def outbox_batches(
        self, device: str, epoch: int, most: int
    ) -> list[tuple[int, int, int, bytes]]:
        """(bseq, first dseq, last dseq, message), in order."""
        rows = await self._sql.rows(
            "SELECT o.bseq, b.first_dseq, b.last_dseq, b.message FROM outbox o"
            " JOIN batch b ON b.device = o.device AND b.epoch = o.epoch AND b.bseq = o.bseq"
            " WHERE o.device = ? AND o.epoch = ? ORDER BY o.bseq LIMIT ?",
            device,
            epoch,
            most,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def effects_done(self, device: str, epoch: int, bseq: int, now: Effects) -> None:
        """Everything up to batch `bseq` is in the accounts now."""
        await self._sql.run(
            "DELETE FROM outbox WHERE device = ? AND epoch = ? AND bseq <= ?", device, epoch, bseq
        )
        await self._sql.run(
            "UPDATE journal_effect SET dseq = ?, begun_dseq = ?, shift = ?"
            " WHERE device = ? AND epoch = ?",
            now.dseq,
            now.begun_dseq,
            json.dumps(dict(now.shift), sort_keys=True),
            device,
            epoch,
        )

    async def quarantine(
        self, device: str, epoch: int, after_bseq: int, error: SyncError, content: bytes,
        now_ms: int,
    ) -> None:  # fmt: skip
        """Keeps what was refused, with the reason, once however often it comes."""
        await self._sql.run(
            "INSERT INTO quarantine (device, epoch, after_bseq, reason, facts, content_hash,"
            " content, first_ms, last_ms, times) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
            " ON CONFLICT (device, epoch, reason, content_hash) DO UPDATE"
            " SET times = quarantine.times + 1, last_ms = excluded.last_ms",
            device,
            epoch,
            after_bseq,
            error.key,
            json.dumps(error.facts, sort_keys=True),
            hashlib.sha256(content).digest(),
            content[:MOST_QUARANTINED_BYTES],
            now_ms,
            now_ms,
        )

    async def quarantined(self, device: str) -> list[tuple[int, int, str, int]]:
        """(epoch, batch it came behind, reason, how often), oldest first."""
        rows = await self._sql.rows(
            "SELECT epoch, after_bseq, reason, times FROM quarantine WHERE device = ?"
            " ORDER BY first_ms, epoch, after_bseq, reason",
            device,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def _only_journal(rows: list[Row]) -> Journal | None:
    assert len(rows) <= 1
    return _journal(rows[0]) if rows else None


def _journal(row: Row) -> Journal:
    values: Row = (*row[:4], JournalState(row[4]), *row[5:])
    return Journal(*values)
