"""Stage 2: what the entries of committed batches do to the accounts, once and in order.

The outbox says which batches are due. Up to where a journal's effects are in the accounts is
written in the same transaction, so any process may take the next ones at any time and may be killed
at any time. Entries that a restored disk had before its epoch began are those of the epoch before:
what had its effect there is not counted again, anything else comes late, after FORCE.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from cloud import bell
from cloud.books import CloudBooks, CloudStore
from cloud.discrepancies import found
from cloud.folds import Folds
from cloud.read_leaves import entry_of
from cloud.records import DebitPart, Discrepancy, Effects, HeldLease, Journal, JournalState
from daemon.core.entry import Entry, Kind
from daemon.core.errors import BadRequest
from daemon.core.lease import rows
from daemon.core.lease.moves import AccountKey, moves_of
from daemon.core.lease.values import (
    Finding,
    FindingKind,
    Home,
    Lease,
    LeaseState,
    Moves,
)

BATCHES_A_TIME: Final = 20
_NAMES: Final = {
    FindingKind.GRANT_FORGED: "GRANT_FORGED",
    FindingKind.DEBIT_FORGED: "DEBIT_FORGED",
    FindingKind.OVERDRAWN: "OVERDRAWN",
    FindingKind.REFUND_FORGED: "REFUND_FORGED",
    FindingKind.LATE_AFTER_FORCE: "LATE_AFTER_FORCE",
    FindingKind.OVERSPEND: "OVERSPEND",
}


async def catch_up(store: CloudStore, device: str, epoch: int, now_ms: int) -> int:
    """Everything of this journal, and of the epochs before it, that is due. Returns how many
    batches."""
    done = 0
    while some := await store.run(partial(apply_some, device=device, epoch=epoch, now_ms=now_ms)):
        done += some
    return done


async def catch_up_all(store: CloudStore, now_ms: int, most: int = 100) -> int:
    """What is due of any journal: for a process that finds it left over."""
    async with store.transaction() as books:
        due = await books.journals.outbox(most)
    done = 0
    for device, epoch in due:
        done += await catch_up(store, device, epoch, now_ms)
    return done


async def apply_some(books: CloudBooks, *, device: str, epoch: int, now_ms: int) -> int:
    """The next batches of one journal. Returns how many; 0: nothing is due."""
    journals = await books.journals.journals(device)
    older = [each for each in journals if each.epoch < epoch]
    for each in older:
        if await books.journals.outbox_batches(device, each.epoch, 1):
            return await apply_some(books, device=device, epoch=each.epoch, now_ms=now_ms)
    journal = next((each for each in journals if each.epoch == epoch), None)
    if journal is None:
        return 0
    effects = await books.journals.hold_effects(device, epoch)
    due = await books.journals.outbox_batches(device, epoch, BATCHES_A_TIME)
    if not due:
        return 0
    work = _Work(books, journal, older[-1] if older else None, effects, now_ms)
    await work.run(due[0][1] - 1, due[-1][2])
    await books.journals.effects_done(device, epoch, due[-1][0], work.effects)
    await books.tell(bell.of_device(device))
    return len(due)


@dataclass(slots=True)
class _Rows:
    """The rows of accounts that some entries touch, under one journal."""

    device: str
    epoch: int
    closed: bool
    leases: dict[AccountKey, HeldLease] = field(default_factory=dict)

    def of(self, key: AccountKey) -> HeldLease:
        """A journal that was forced gets no lease that is open: what comes into it is forced."""
        state = LeaseState.CLOSED_FORCED if self.closed else LeaseState.ACTIVE
        empty = HeldLease(key, self.device, self.epoch, Lease(state=state))
        return self.leases.get(key, empty)


class _Work:
    def __init__(
        self,
        books: CloudBooks,
        journal: Journal,
        before: Journal | None,
        effects: Effects,
        now_ms: int,
    ) -> None:
        self._books = books
        self._journal = journal
        self._before = before
        self.effects = effects
        self._now_ms = now_ms
        self._homes: dict[AccountKey, Home] = {}
        self._parts: dict[tuple[AccountKey, str], DebitPart] = {}
        self._changed: set[AccountKey] = set()
        self._changed_parts: set[tuple[AccountKey, str]] = set()
        self._found: list[Discrepancy] = []
        self._grown: set[str] = set()
        self._folds = Folds(journal, now_ms)

    async def run(self, after_dseq: int, upto_dseq: int) -> None:
        """Asserts that the effects go on where they were."""
        assert after_dseq == self.effects.dseq, "the effects are somewhere else"
        who = (self._journal.device, self._journal.epoch)
        leaves = await self._books.journals.leaves(*who, after_dseq, upto_dseq)
        assert len(leaves) == upto_dseq - after_dseq
        mine, late = await self._sorted(leaves)
        moves = {entry.dseq: self._moves(entry) for entry in (*late, *mine)}
        await self._load(moves.values())
        members = sorted({key.member for each in moves.values() for key in each})
        if late:
            assert self._before is not None
            await self._post(late, moves, self._before, members, closed=True)
        closed = self._journal.state is JournalState.DEAD
        await self._post(mine, moves, self._journal, members, closed=closed)
        await self._write()
        self._folds.add([*late, *mine], self.effects.shift)
        self._found += await self._folds.write(self._books)
        for each in self._found:
            await self._books.office.put_discrepancy(each)
        self.effects = replace(self.effects, dseq=upto_dseq, shift=self._folds.shift)

    async def _sorted(self, leaves: Sequence[tuple[int, bytes]]) -> tuple[list[Entry], list[Entry]]:
        """(entries of this epoch, entries of the one before that had no effect yet)."""
        entries = [entry_of(leaf) for _, leaf in leaves]
        begun = self.effects.begun_dseq
        if begun is None:
            begun = next((e.dseq for e in entries if self._begins(e)), None)
            self.effects = replace(self.effects, begun_dseq=begun)
        early = [e for e in entries if begun is None or e.dseq < begun]
        if not early:
            return entries, []
        known = {
            (dseq, leaf)
            for dseq, leaf in await self._books.journals.earlier_leaves(
                self._journal.device, self._journal.epoch, early[0].dseq - 1, early[-1].dseq
            )
        }
        text = dict(leaves)
        late = [e for e in early if (e.dseq, text[e.dseq]) not in known]
        return entries[len(early) :], late

    def _begins(self, entry: Entry) -> bool:
        """What goes up once more holds the beginning of an older epoch where a disk was restored
        twice."""
        draft = entry.draft
        return draft.kind is Kind.EPOCH and draft.detail.get("epoch") == self._journal.epoch

    def _moves(self, entry: Entry) -> Mapping[AccountKey, Moves]:
        try:
            return moves_of(entry)
        except BadRequest:
            self._find("LEASE_ENTRY", entry, None, 0)
            return {}

    async def _load(self, moves: Iterable[Mapping[AccountKey, Moves]]) -> None:
        keys = {key for each in moves for key in each}
        self._homes = await self._books.accounts.hold(keys)
        txids = {txid for each in moves for one in each.values() for txid in one.online}
        parts = await self._books.accounts.parts(sorted(txids)) if txids else []
        self._parts = {(part.key, part.txid): part for part in parts}

    async def _post(
        self,
        entries: Sequence[Entry],
        moves: Mapping[int, Mapping[AccountKey, Moves]],
        under: Journal,
        members: Sequence[str],
        *,
        closed: bool,
    ) -> None:
        who = (under.device, under.epoch)
        held = await self._books.accounts.leases(members, *who) if members else {}
        table = _Rows(*who, closed, held)
        touched: set[AccountKey] = set()
        for entry in entries:
            for key, each in moves[entry.dseq].items():
                self._post_one(entry, key, each, table)
                touched.add(key)
        await self._books.accounts.put_leases([table.leases[key] for key in sorted(touched)])

    def _post_one(self, entry: Entry, key: AccountKey, moves: Moves, table: _Rows) -> None:
        home, held = self._homes[key], table.of(key)
        debits = {
            txid: self._parts[key, txid].debit
            for txid in moves.online
            if (key, txid) in self._parts
        }
        done = rows.apply_leaf(home, held.lease, debits, moves, table.device, table.epoch)
        unknown = home == Home() and held.lease == Lease()
        self._homes[key] = done.home
        self._changed.add(key)
        if moves.topped_up or moves.returned:
            self._grown.add(key.member)
        table.leases[key] = replace(held, lease=done.lease)
        for txid, debit in done.debits.items():
            self._parts[key, txid] = DebitPart(key, txid, debit)
            self._changed_parts.add((key, txid))
        for finding in done.findings:
            self._find(_name(finding, unknown=unknown), entry, key, finding.amount)

    def _find(self, kind: str, entry: Entry, key: AccountKey | None, amount: int) -> None:
        self._found.append(
            found(
                kind,
                self._now_ms,
                device=self._journal.device,
                account="" if key is None else f"{key.member}/{key.asset}/{key.lot}",
                amount=amount,
                epoch=self._journal.epoch,
                dseq=entry.dseq,
                op_id=entry.draft.op_id,
            )
        )

    async def _write(self) -> None:
        accounts = self._books.accounts
        await accounts.put({key: self._homes[key] for key in self._changed})
        await accounts.put_parts([self._parts[each] for each in sorted(self._changed_parts)])
        # Where nothing is free and nothing came, there is nothing to give.
        free = {key.member for key, home in self._homes.items() if home.reserve}
        await accounts.to_grant(free | self._grown, self._now_ms)


def _name(finding: Finding, *, unknown: bool) -> str:
    if finding.kind is FindingKind.OVERDRAWN and unknown:
        return "UNKNOWN_ACCOUNT"
    return _NAMES[finding.kind]
