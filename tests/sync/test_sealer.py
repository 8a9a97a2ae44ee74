"""Sealing the journal of a real ledger: when, how much, once, and what is found wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.core.entry import Draft, Kind
from daemon.core.errors import LedgerCorrupt, SyncError
from daemon.core.records import Holding, Operation, OpState, StoredBatch
from daemon.sync.envelope import (
    Identity,
    Manifest,
    Pending,
    Position,
    RawBatch,
    Verified,
    key_id_of,
    open_batch,
    open_manifest,
)
from daemon.sync.sealer import SEAL_AFTER_MS, Sealer
from tests.sync.appliance import IDENTITY, Appliance, open_appliance


async def stored(appliance: Appliance) -> Sequence[StoredBatch]:
    return await appliance.ledger.batches_after(0, 1000)


async def verified(appliance: Appliance) -> list[Verified]:
    """Every batch, opened as the cloud opens it."""
    trusted = {key_id_of(appliance.signer.public_key): appliance.signer.public_key}
    position = Position(IDENTITY)
    opened = []
    for batch in await stored(appliance):
        raw = await appliance.ledger.read(lambda books, batch=batch: leaves_of(books, batch))
        opened.append(open_batch(raw.message, raw.leaves, trusted, position))
        position = opened[-1].position
    return opened


def leaves_of(books: Any, batch: StoredBatch) -> RawBatch:
    count = batch.last_dseq - batch.first_dseq + 1
    return RawBatch(
        batch.manifest, tuple(leaf for _, leaf, _ in books.leaves(batch.first_dseq, count))
    )


def manifest_of(appliance: Appliance, batch: StoredBatch) -> Manifest:
    trusted = {key_id_of(appliance.signer.public_key): appliance.signer.public_key}
    return open_manifest(batch.manifest, trusted)[0]


async def test_an_empty_journal_has_no_batch(appliance: Appliance) -> None:
    assert await appliance.sealer.seal_all() == ()
    assert await stored(appliance) == []


async def test_everything_is_sealed_in_fifties_and_opens(appliance: Appliance) -> None:
    await appliance.trade(119)
    made = await appliance.sealer.seal_all()
    assert [(b.first_dseq, b.last_dseq) for b in made] == [(1, 50), (51, 100), (101, 120)]
    opened = await verified(appliance)
    assert all(batch.manifest.reconciled for batch in opened)
    assert opened[-1].position.balances[("shop", "sales")] == 119 * 1850
    assert opened[-1].position.chain == (await appliance.look("head")).chain


async def test_sealing_again_changes_nothing(appliance: Appliance) -> None:
    await appliance.trade(10)
    await appliance.sealer.seal_all()
    before = await stored(appliance)
    assert await appliance.sealer.seal_all() == ()
    assert await stored(appliance) == before


async def test_only_full_batches_are_due_until_a_quarter_of_an_hour_has_passed(
    appliance: Appliance,
) -> None:
    await appliance.trade(69)
    assert [b.last_dseq for b in await appliance.sealer.seal_due()] == [50]
    assert await appliance.sealer.seal_due() == ()
    appliance.clock.at_ms += SEAL_AFTER_MS
    assert [b.last_dseq for b in await appliance.sealer.seal_due()] == [70]


async def test_two_sealers_at_once_make_one_history(appliance: Appliance) -> None:
    await appliance.trade(120)
    other = Sealer(appliance.ledger, appliance.signer, IDENTITY, appliance.clock)
    await asyncio.gather(*(sealer.seal_all() for sealer in (appliance.sealer, other) * 3))
    assert [b.bseq for b in await stored(appliance)] == [1, 2, 3]
    assert len(await verified(appliance)) == 3


async def test_a_long_backlog_is_sealed_in_passes(appliance: Appliance) -> None:
    drafts = [
        Draft(appliance.clock.new_id(), Kind.MEMBER_ADDED, appliance.clock.now_ms(), "setup")
        for _ in range(2110)
    ]

    def append_all(books: Any) -> None:
        for draft in drafts:
            books.append(draft)

    await appliance.ledger.write(append_all)
    assert len(await appliance.sealer.seal_all()) == 43
    assert (await verified(appliance))[-1].position.dseq == 2110


async def test_sales_while_sealing_are_never_lost(appliance: Appliance) -> None:
    recharged = await appliance.recharge("A")

    async def sell() -> None:
        for _ in range(100):
            await appliance.sell("A", recharged.dseq)

    async def seal() -> None:
        for _ in range(10):
            await appliance.sealer.seal_all()

    await asyncio.gather(sell(), seal())
    await appliance.sealer.seal_all()
    opened = await verified(appliance)
    assert sum(len(batch.entries) for batch in opened) == 101
    assert all(batch.manifest.reconciled for batch in opened)


async def test_sealing_goes_on_after_the_daemon_was_restarted(tmp_path: Path) -> None:
    async with open_appliance(tmp_path) as appliance:
        await appliance.trade(20)
        await appliance.sealer.seal_all()
    async with open_appliance(tmp_path) as appliance:
        appliance.clock.count = 1000
        await appliance.recharge("B")
        await appliance.sealer.seal_all()
        opened = await verified(appliance)
        assert [len(batch.entries) for batch in opened] == [21, 1]
        assert opened[1].manifest.reconciled


async def test_what_is_open_or_unknown_is_carried(appliance: Appliance) -> None:
    await appliance.recharge("A")
    states = (OpState.OPEN, OpState.UNKNOWN, OpState.PARKED, OpState.APPROVED)
    ops = [
        Operation(appliance.clock.new_id(), "sale", state, "employee:0001", 1, {})
        for state in states
    ]

    def add(books: Any) -> None:
        for op in ops:
            books.add_operation(op)

    await appliance.ledger.write(add)
    (batch,) = await appliance.sealer.seal_all()
    assert manifest_of(appliance, batch).pending == (
        Pending(ops[0].op_id, "open"),
        Pending(ops[1].op_id, "unknown"),
    )


async def test_another_epoch_is_not_continued(appliance: Appliance) -> None:
    await appliance.trade(3)
    await appliance.sealer.seal_all()
    await appliance.trade(1)
    later = Identity("M-0001", "012", "D-7F3A", 2)
    sealer = Sealer(appliance.ledger, appliance.signer, later, appliance.clock)
    with pytest.raises(SyncError, match="epoch_mismatch"):
        await sealer.seal_all()


class DamagedBooks:
    """Real books, read through damage: one method answers with something else."""

    def __init__(self, books: Any, method: str, damage: Callable[[Any], Any]) -> None:
        self._books = books
        self._method = method
        self._damage = damage

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._books, name)
        if name != self._method:
            return real
        return lambda *given: self._damage(real(*given))


class DamagedLedger:
    """The ledger as a sealer sees it after a bit rotted where no constraint looks."""

    def __init__(self, ledger: Any, method: str, damage: Callable[[Any], Any]) -> None:
        self._ledger = ledger
        self._method = method
        self._damage = damage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def read(self, look: Callable[[Any], Any]) -> Any:
        return await self._ledger.read(
            lambda books: look(DamagedBooks(books, self._method, self._damage))
        )


def damaged(appliance: Appliance, method: str, damage: Callable[[Any], Any]) -> Sealer:
    ledger: Any = DamagedLedger(appliance.ledger, method, damage)
    return Sealer(ledger, appliance.signer, IDENTITY, appliance.clock)


async def marks(appliance: Appliance, sealer: Sealer) -> set[str]:
    """The discrepancies of the batches that are sealed all the same, and that still open."""
    made = await sealer.seal_all()
    assert made and [b.position.bseq for b in await verified(appliance)][-1] == made[-1].bseq
    found = [d for batch in made for d in manifest_of(appliance, batch).discrepancies]
    assert all(not manifest_of(appliance, batch).reconciled for batch in made)
    return {f"{d.type} {d.reference} {d.expected} {d.found}" for d in found}


async def test_a_tender_that_does_not_add_up_is_marked(appliance: Appliance) -> None:
    await appliance.trade(3)

    def damage(holdings: Sequence[Holding]) -> list[Holding]:
        return [
            Holding(h.account, h.balance + (1 if h.account.asset == "taken" else 0))
            for h in holdings
        ]

    found = await marks(appliance, damaged(appliance, "holdings", damage))
    assert found == {"TOTALS tender:cash/taken -5000000 -4999999"}


async def test_every_batch_before_the_head_is_compared_too(appliance: Appliance) -> None:
    await appliance.trade(70)

    def damage(holdings: Sequence[Holding]) -> list[Holding]:
        return [Holding(h.account, h.balance - 7) for h in holdings if h.account.asset == "sales"]

    found = await marks(appliance, damaged(appliance, "holdings", damage))
    assert f"TOTALS shop/sales {49 * 1850} {49 * 1850 - 7}" in found
    assert f"TOTALS shop/sales {70 * 1850} {70 * 1850 - 7}" in found


async def test_a_negative_member_account_is_marked(appliance: Appliance) -> None:
    await appliance.trade(1)
    found = await marks(appliance, damaged(appliance, "balance", lambda balance: balance - 10**8))
    assert any(text.startswith("NEGATIVE member:A/principal/1 0 ") for text in found)


async def test_a_chain_that_does_not_hold_is_marked(appliance: Appliance) -> None:
    await appliance.trade(2)
    sealer = damaged(
        appliance,
        "leaves",
        lambda rows: [(d, leaf, chain if d != 2 else bytes(32)) for d, leaf, chain in rows],
    )
    assert await marks(appliance, sealer) == {"CHAIN dseq:2 0 0"}


async def test_a_repeated_card_counter_is_marked(appliance: Appliance) -> None:
    recharged = await appliance.recharge("A")
    for counter in (4, 5, 5, 3, 6):
        appliance.counter = counter - 1
        await appliance.sell("A", recharged.dseq)
    assert await marks(appliance, appliance.sealer) == {
        "DUP_CTR card:card-1 6 5",
        "DUP_CTR card:card-1 6 3",
    }


@pytest.mark.parametrize(
    ("damage", "key"),
    [
        (lambda rows: rows[1:], "journal_gap"),
        (lambda rows: [(d, b"\x00", chain) for d, _, chain in rows], "leaf_malformed"),
    ],
)
async def test_a_journal_that_cannot_be_read_is_not_signed(
    appliance: Appliance, damage: Callable[[Any], Any], key: str
) -> None:
    await appliance.trade(3)
    with pytest.raises(LedgerCorrupt, match=key):
        await damaged(appliance, "leaves", damage).seal_all()
    assert await stored(appliance) == []


async def test_the_next_batches_are_not_held_up_by_a_marked_one(appliance: Appliance) -> None:
    await appliance.trade(2)
    sealer = damaged(appliance, "balance", lambda balance: -1)
    await sealer.seal_all()
    await appliance.trade(2)
    (batch,) = await appliance.sealer.seal_all()
    assert manifest_of(appliance, batch).reconciled
