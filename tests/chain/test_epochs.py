"""Restored and copied disks, forks, force: the epoch ends, money at risk is booked, nothing is
counted twice."""

from __future__ import annotations

import dataclasses

import pytest

from cloud import enrol
from cloud.records import JournalState
from daemon.core.entry import Kind
from daemon.core.errors import SyncError
from daemon.sync.envelope import Circumstances, encode_batch, seal
from tests.chain.counter import Counter
from tests.chain.shop import Chain


async def sums(chain: Chain) -> dict[str, int]:
    await chain.require_sound()
    return (await chain.sums())["principal"]


async def test_a_power_cut_keeps_the_epoch(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    a.reboot()
    a.sell("m1", 30_00)
    await chain.talk(a)
    assert a.disk.epoch == 1 and await chain.found() == []


async def test_a_late_report_is_no_rollback(chain: Chain) -> None:
    a = await chain.add("A")
    early = a.message()
    a.recharge("m1", 100_00)
    await chain.talk(a)
    a.reboot()
    await chain.talk(a)
    a.obey(await chain.cloud.exchange(early))
    assert a.disk.epoch == 1 and await chain.found() == []


async def test_a_late_word_of_a_run_that_nobody_heard_of_is_no_rollback(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    a.reboot()
    unheard = a.message()
    a.reboot()
    a.sell("m1", 10_00)
    await chain.talk(a)
    await chain.cloud.exchange(unheard)
    await chain.settle()
    assert a.disk.epoch == 1 and await chain.found() == []
    assert (await sums(chain))["at_risk"] == 0


async def test_a_restored_disk_begins_a_new_epoch(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    image = a.image()
    a.sell("m1", 30_00)
    await chain.talk(a)
    a.restore(image)
    a.seal()
    # It is sealed with the next epoch's first batch: the old one is over before it is told of.
    a.sell("m1", 20_00)
    a.obey(await chain.cloud.exchange(a.report().sealed_by(a.key)))
    assert a.disk.epoch == 1, "it might be a late word of a run that nobody has heard of"
    a.obey(await chain.cloud.exchange(a.report().sealed_by(a.key)))
    assert (a.disk.epoch, a.balance("m1")) == (2, 0)
    assert await chain.found() == ["ROLLBACK"]
    assert (await sums(chain))["at_risk"] == 70_00
    await chain.settle()
    books = await sums(chain)
    # The sale of the restored disk came late: it is charged, the rest stays at risk.
    assert (books["funded"], books["settled"]) == (100_00, 50_00)
    assert (books["at_risk"], books["overspent"]) == (50_00, 0)
    assert sorted(await chain.found()) == ["LATE_AFTER_FORCE", "ROLLBACK"]
    async with chain.store.transaction() as held:
        old, new = await held.journals.journals("A")
    assert (old.state, new.state) == (JournalState.DEAD, JournalState.LIVE)
    assert old.number != new.number and new.bseq > 0


async def test_what_both_timelines_have_counts_once(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    a.sell("m1", 10_00)
    image = a.image()
    a.sell("m1", 30_00)
    await chain.talk(a)
    # The backup had entries that were sealed and told after it was made.
    a.restore(image)
    await chain.talk(a)
    await chain.settle()
    books = await sums(chain)
    assert (books["funded"], books["settled"]) == (100_00, 40_00)
    assert set(await chain.found()) == {"FORK"}, "the same entries, sealed otherwise"


async def test_a_disk_that_is_restored_twice_counts_once(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    image = a.image()
    a.sell("m1", 30_00)
    await chain.talk(a)
    a.restore(image)
    while a.disk.epoch == 1:
        a.obey(await chain.cloud.exchange(a.report().sealed_by(a.key)))
    a.recharge("m1", 50_00)
    # This backup has the beginning of the second epoch, and nothing of it was told yet.
    image = a.image()
    a.recharge("m1", 1_00)
    await chain.talk(a)
    a.restore(image)
    await chain.settle()
    assert a.disk.epoch == 3
    books = await sums(chain)
    assert (books["funded"], books["settled"]) == (151_00, 30_00)


async def test_a_fork_ends_the_epoch(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    twin = Counter(chain.world, "A", a.store, bytes(range(32)))
    twin.restore(a.image())
    a.sell("m1", 30_00)
    await chain.talk(a)
    twin.sell("m1", 90_00)
    await chain.talk(twin)
    assert twin.disk.epoch == 2
    assert set(await chain.found()) == {"FORK"}
    books = await sums(chain)
    assert (books["funded"], books["settled"], books["at_risk"]) == (100_00, 30_00, 70_00)
    await chain.talk(twin)
    books = await sums(chain)
    assert (books["settled"], books["at_risk"]) == (120_00, 0)
    # Part of what the force gave back is out again, to the new epoch.
    assert books["overspent"] - twin.balance("m1") == 20_00
    assert "OVERSPEND" in await chain.found()


async def test_late_batches_after_force_are_charged(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    a.sell("m1", 30_00)
    await enrol.force(chain.store, "A", "anna", "away for a month", chain.world.now_ms)
    assert (await sums(chain))["at_risk"] == 100_00
    await chain.talk(a)
    await chain.settle()
    books = await sums(chain)
    assert a.disk.epoch == 2
    assert (books["settled"], books["overspent"]) == (30_00, 0)
    assert books["at_risk"] == 70_00
    assert await chain.found() == ["LATE_AFTER_FORCE"]


async def test_the_member_repays_an_overspend_first(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    await enrol.force(chain.store, "A", "anna", "stolen", chain.world.now_ms)
    for _ in range(3):
        b.recharge("m1", 1_00)
        await chain.talk(b)
    a.sell("m1", 100_00)
    await chain.settle()
    books = await sums(chain)
    assert books["settled"] == 100_00 and books["overspent"] == 0


async def test_batches_of_a_dead_epoch_are_refused(chain: Chain) -> None:
    a = await chain.add("A")
    a.recharge("m1", 100_00)
    await chain.talk(a)
    old = a.image()
    await enrol.force(chain.store, "A", "anna", "copied", chain.world.now_ms)
    await chain.talk(a)
    await chain.talk(a)
    assert a.disk.epoch == 2 and a.disk.receipted == 1
    twin = Counter(chain.world, "A", a.store, bytes(range(32)))
    twin.restore(old)
    twin.sell("m1", 50_00)
    message = twin.message()
    twin.obey(await chain.cloud.exchange(message))
    assert "EPOCH_DEAD" in await chain.found()
    async with chain.store.transaction() as books:
        told = await books.journals.quarantined("A")
    assert [reason for _, _, reason, _ in told] == ["batch_epoch_dead"]
    assert (await sums(chain))["settled"] == 0


async def refused(chain: Chain, counter: Counter, *batches: bytes) -> list[str]:
    """What the cloud says of these batches: the reasons in quarantine."""
    counter.seal()
    report = dataclasses.replace(counter.report(), batches=batches)
    counter.obey(await chain.cloud.exchange(report.sealed_by(counter.key)))
    async with chain.store.transaction() as books:
        return sorted(reason for _, _, reason, _ in await books.journals.quarantined(counter.name))


async def test_bad_batches_have_a_reason_each(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    for counter in (a, b):
        for _ in range(3):
            counter.recharge("m1", 10_00)
            counter.seal()
    one, two, three = (encode_batch(each.message, each.leaves) for each in a.disk.batches)
    theirs = encode_batch(b.disk.batches[0].message, b.disk.batches[0].leaves)
    assert await refused(chain, a, two) == ["batch_gap"]
    assert await refused(chain, a, one[:-5]) == ["batch_gap", "batch_malformed"]
    assert "batch_key_unknown" in await refused(chain, a, theirs)
    merkle = encode_batch(a.disk.batches[0].message, a.disk.batches[1].leaves)
    assert "batch_merkle" in await refused(chain, a, merkle)
    flipped = one.replace(a.disk.batches[0].message[-64:], bytes(64))
    assert "batch_signature" in await refused(chain, a, flipped)
    count = len(await refused(chain, a, one, two))
    assert len(await refused(chain, a, one, one, two, three)) == count == 5
    assert a.disk.receipted == 3
    assert await chain.found() == ["CHAIN", "CHAIN", "FORGED", "FORGED", "GAP"]
    assert (await sums(chain))["funded"] == 30_00
    other = seal(
        dataclasses.replace(b.disk.batches[0].position),
        b.disk.batches[1].leaves,
        b.key,
        Circumstances(1),
    )
    await chain.talk(b)
    fork = encode_batch(other.message, other.leaves)
    assert (await refused(chain, b, fork)) == ["batch_fork"]
    assert b.disk.epoch == 2


async def test_who_speaks_for_somebody_else_is_refused(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    b.seal()
    with pytest.raises(SyncError, match="report_device"):
        await chain.cloud.exchange(b.report().sealed_by(a.key))
    with pytest.raises(SyncError, match="report_device"):
        await chain.cloud.exchange(a.message(), device="B")
    stranger = Counter(chain.world, "X", "S", bytes(32))
    with pytest.raises(SyncError, match="report_key_unknown"):
        await chain.cloud.exchange(stranger.message())
    late = a.report()
    hello = dataclasses.replace(late.hello, identity=a.identity(7))
    report = dataclasses.replace(late, hello=hello)
    with pytest.raises(SyncError, match="epoch_unknown"):
        await chain.cloud.exchange(report.sealed_by(a.key))


async def test_a_grant_that_nobody_gave(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    recharged = a.recharge("m1", 100_00)
    await chain.talk(a)
    (key,) = a.here("m1")
    b.granted(key, 500_00)
    b.sell("m1", 500_00)
    await chain.settle()
    assert {"GRANT_FORGED"} <= set(await chain.found())
    books = await sums(chain)
    assert (books["funded"], books["settled"], books["overspent"]) == (100_00, 500_00, 500_00)
    assert recharged.draft.kind is Kind.RECHARGE


async def test_a_clock_that_is_a_year_off_is_told(chain: Chain) -> None:
    a = await chain.add("A")
    a.reboot()
    a.recharge("m1", 10_00)
    a.seal()
    report = a.report()
    late = report.hello.now_ms + 365 * 86_400_000
    report = dataclasses.replace(report, hello=dataclasses.replace(report.hello, now_ms=late))
    for _ in range(2):
        a.obey(await chain.cloud.exchange(report.sealed_by(a.key)))
    assert await chain.found() == ["CLOCK"]
    assert (await sums(chain))["funded"] == 10_00
