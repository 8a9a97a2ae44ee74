"""Closes the journal into batches: 50 entries, or what there is after a quarter of an hour or when
the cloud asks.

A batch is made from a snapshot of the books and kept in a write of its own, which first looks
whether the last batch is still the one that it was made behind. So a crash between the two loses
nothing but the work, two sealers make one batch, and a sale never waits behind a signature.

Before release the device reconciles the batch with its own books (docs/protocol.md). What does not
agree is written into the manifest as a discrepancy: a batch is marked, it is never withheld.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.entry import Account, Entry, Kind, chain_hash, parse_leaf
from daemon.core.errors import BadRequest, LedgerCorrupt, SyncError
from daemon.core.records import OpState, StoredBatch
from daemon.ports.clock import Clock
from daemon.ports.keys import Signer
from daemon.ports.ledger import Books, Ledger
from daemon.sync.envelope import (
    MOST_ENTRIES,
    MOST_PENDING,
    Circumstances,
    Discrepancy,
    Identity,
    Pending,
    Position,
    key_id_of,
    open_manifest,
    seal,
)
from daemon.sync.envelope.manifest import MOST_DISCREPANCIES
from daemon.sync.envelope.totals import MANY, Row, account_movements, movements

SEAL_AFTER_MS: Final = 15 * 60 * 1000
"""The oldest entry that the cloud could not have pulled as part of a batch is this old."""
WINDOW: Final = 40 * MOST_ENTRIES
"""Entries read in one pass: 0.2 s of parsing, a few MB."""
PENDING_KINDS: Final = ("sale", "recharge", "void", "purse_load")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as the journal holds it."""

    entry: Entry
    leaf: bytes
    chain: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """The entries behind `position` in one snapshot. `whole` says that they reach the head, so
    that the books' balances can be compared; `balances` are those of the rows that are not members'
    and of the single member accounts that the entries touch."""

    position: Position
    links: tuple[Link, ...]
    whole: bool
    rows: Mapping[Row, int]
    accounts: Mapping[Account, int]


class Sealer:
    """Seals batches behind the last one of the ledger. One per ledger and process."""

    def __init__(
        self,
        ledger: Ledger,
        signer: Signer,
        identity: Identity,
        clock: Clock,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self._ledger = ledger
        self._signer = signer
        self._identity = identity
        self._clock = clock
        self._versions = dict(versions or {})
        self._one_at_a_time = asyncio.Lock()

    def begin(self, identity: Identity) -> None:
        """A new epoch: what is sealed from now on names it."""
        self._identity = identity

    async def seal_all(self) -> tuple[StoredBatch, ...]:
        """Seals everything that the journal holds (at a pull). Returns what was new.

        Raises LedgerError, LedgerCorrupt("journal_gap" | "leaf_malformed") or
        SyncError("epoch_mismatch")."""
        return await self._seal(rest=True)

    async def seal_due(self) -> tuple[StoredBatch, ...]:
        """Seals full batches, and the rest if its oldest entry is a quarter of an hour old."""
        return await self._seal(rest=False)

    async def run(self, every_s: float = 30.0) -> None:
        """Calls `seal_due` for ever. Errors end it: its supervisor says so and starts it again."""
        while True:
            await self.seal_due()
            await asyncio.sleep(every_s)

    async def _seal(self, *, rest: bool) -> tuple[StoredBatch, ...]:
        made: list[StoredBatch] = []
        async with self._one_at_a_time:
            # Ends: a pass that read to the head is the last, and what is sold meanwhile can wait.
            while await self._pass(made, rest=rest):
                continue
        return tuple(made)

    async def _pass(self, made: list[StoredBatch], *, rest: bool) -> bool:
        """Seals at most WINDOW entries into `made`. True if another pass may find more."""
        pending = await self._pending()
        backlog, fresh = await self._ledger.read(lambda books: self._prepare(books, pending, rest))
        if not fresh:
            return False
        if not await self._ledger.write(lambda books: _keep(books, fresh)):
            return True
        made.extend(fresh)
        return not backlog.whole

    async def _pending(self) -> tuple[Pending, ...]:
        waiting = await self._ledger.operations(
            kinds=PENDING_KINDS, states=(OpState.OPEN, OpState.UNKNOWN), limit=MOST_PENDING
        )
        return tuple(Pending(op.op_id, op.state.value) for op in reversed(waiting))

    def _prepare(
        self, books: Books, pending: Sequence[Pending], rest: bool
    ) -> tuple[Backlog, tuple[StoredBatch, ...]]:
        backlog = read_backlog(books, self._position(books, books.last_batch()))
        now_ms = self._clock.now_ms()
        still = tuple(item for item in pending if _is_pending(books, item.op_id))
        position, links = backlog.position, backlog.links
        made: list[StoredBatch] = []
        for start in range(0, len(links), MOST_ENTRIES):
            some = links[start : start + MOST_ENTRIES]
            full = len(some) == MOST_ENTRIES
            due = now_ms - some[0].entry.draft.at_ms >= SEAL_AFTER_MS
            if not (full or rest or due):
                break
            found = discrepancies(position, some, links[start + len(some) :], backlog)
            sealed = seal(
                position,
                [link.leaf for link in some],
                self._signer,
                Circumstances(now_ms, self._versions, still, found[:MOST_DISCREPANCIES]),
            )
            position = sealed.position
            first = some[0].entry.dseq
            made.append(
                StoredBatch(
                    position.bseq, first, position.dseq, position.head, sealed.message, now_ms
                )
            )
        return backlog, tuple(made)

    def _beginning(self, books: Books) -> Position:
        """Before the first batch of an epoch: a later one goes on behind the entry before it, and
        its running rows begin at zero."""
        dseq = books.first_dseq() - 1
        if dseq == 0:
            return Position(self._identity)
        return Position(self._identity, dseq=dseq, chain=books.leaves(dseq, 1)[0][2])

    def _position(self, books: Books, last: StoredBatch | None) -> Position:
        if last is None:
            return self._beginning(books)
        manifest, _ = open_manifest(last.manifest, own_keys(self._signer))
        if (manifest.identity.device, manifest.identity.epoch) != (
            self._identity.device,
            self._identity.epoch,
        ):
            raise SyncError("epoch_mismatch", epoch=manifest.identity.epoch)
        after = manifest.after(last.head)
        return Position(
            self._identity, after.bseq, after.head, after.dseq, after.chain, after.balances
        )


def own_keys(signer: Signer) -> dict[bytes, bytes]:
    return {key_id_of(signer.public_key): signer.public_key}


def read_backlog(books: Books, position: Position) -> Backlog:
    """At most WINDOW entries behind `position`. Raises LedgerCorrupt("journal_gap" |
    "leaf_malformed"): a journal that cannot be read is for `counterd verify`, not for the cloud."""
    links: list[Link] = []
    for dseq, leaf, chain in books.leaves(position.dseq + 1, WINDOW):
        if dseq != position.dseq + 1 + len(links):
            raise LedgerCorrupt("journal_gap", dseq=dseq)
        try:
            entry = parse_leaf(leaf)
        except BadRequest as error:
            raise LedgerCorrupt("leaf_malformed", dseq=dseq) from error
        links.append(Link(entry, leaf, chain))
    head = books.head()
    whole = head.dseq == position.dseq + len(links)
    entries = [link.entry for link in links]
    owners = {owner for owner, _ in {*position.balances, *movements(entries)}} - MANY
    rows: dict[Row, int] = {}
    for owner in owners:
        for holding in books.holdings(owner):
            row = (owner, holding.account.asset)
            rows[row] = rows.get(row, 0) + holding.balance
    for row, balance in books.epoch_opening().items():
        if row[0] in owners:
            rows[row] = rows.get(row, 0) - balance
    members = [account for account in account_movements(entries) if account.owner not in owners]
    balances = {account: books.balance(account) for account in members}
    return Backlog(position, tuple(links), whole, rows, balances)


def discrepancies(
    position: Position, some: Sequence[Link], later: Sequence[Link], backlog: Backlog
) -> tuple[Discrepancy, ...]:
    """What does not agree about the entries `some`, which stand behind `position` and before
    `later` in the same snapshot."""
    entries = [link.entry for link in some]
    found = [*_chain_differs(position, some), *_counters_repeat(entries)]
    if backlog.whole:
        # Only then do the books stand where the entries end. In a long backlog the last pass
        # compares, and its closings hold those of every batch before it.
        rest = [link.entry for link in later]
        found += _totals_differ(position, entries, rest, backlog)
        found += _goes_negative(entries, rest, backlog)
    return tuple(found)


def _chain_differs(position: Position, some: Sequence[Link]) -> list[Discrepancy]:
    chain = position.chain
    for link in some:
        chain = chain_hash(chain, link.leaf)
        if chain != link.chain:
            dseq = link.entry.dseq
            return [Discrepancy("CHAIN", f"dseq:{dseq}", 0, 0)]
    return []


def _totals_differ(
    position: Position, entries: Sequence[Entry], later: Sequence[Entry], backlog: Backlog
) -> list[Discrepancy]:
    here, after = movements(entries), movements(later)
    found = []
    for row in sorted({*position.balances, *here, *backlog.rows}):
        if row[0] in MANY:
            continue
        closing = position.balances.get(row, 0) + here.get(row, 0)
        booked = backlog.rows.get(row, 0) - after.get(row, 0)
        if closing != booked:
            found.append(Discrepancy("TOTALS", f"{row[0]}/{row[1]}", closing, booked))
    return found


def _goes_negative(
    entries: Sequence[Entry], later: Sequence[Entry], backlog: Backlog
) -> list[Discrepancy]:
    after = account_movements(later)
    found = []
    for account, moved in account_movements(entries).items():
        if account.may_be_negative:
            continue
        closing = backlog.accounts[account] - after.get(account, 0)
        if min(closing, closing - moved) < 0:
            reference = f"{account.owner}/{account.asset}/{account.lot}"
            found.append(Discrepancy("NEGATIVE", reference, 0, min(closing, closing - moved)))
    return found


def _counters_repeat(entries: Sequence[Entry]) -> list[Discrepancy]:
    """The counter of a card only goes up from sale to sale (I9, the device's half)."""
    last: dict[str, int] = {}
    found = []
    for entry in entries:
        draft = entry.draft
        if draft.kind not in (Kind.SALE, Kind.PURSE):
            continue
        if draft.card_id is None or draft.card_counter is None:
            continue
        before = last.get(draft.card_id)
        if before is not None and draft.card_counter <= before:
            reference = f"card:{draft.card_id}"
            found.append(Discrepancy("DUP_CTR", reference, before + 1, draft.card_counter))
        last[draft.card_id] = max(before or 0, draft.card_counter)
    return found


def _is_pending(books: Books, op_id: str) -> bool:
    operation = books.operation(op_id)
    return operation is not None and operation.state in (OpState.OPEN, OpState.UNKNOWN)


def _keep(books: Books, fresh: Sequence[StoredBatch]) -> bool:
    """Writes the batches if they still follow the last one; False if somebody was faster."""
    last = books.last_batch()
    if (last.bseq if last else 0) != fresh[0].bseq - 1:
        return False
    for batch in fresh:
        books.add_batch(batch)
    return True
