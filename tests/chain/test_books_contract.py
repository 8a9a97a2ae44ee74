"""What every store of the cloud's books promises, by name of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from cloud import bell
from cloud.books import CloudBooks, CloudStore
from cloud.datasets import SharedDeltas, put_row
from cloud.desks.accounts import ask_granted_after, ask_open_parts, ask_recalled, ask_to_grant
from cloud.desks.journals import ask_due, ask_journal, ask_newest
from cloud.desks.office import ask_dataset_versions
from cloud.discrepancies import found
from cloud.records import (
    CardUse,
    DatasetRow,
    DebitPart,
    Device,
    DeviceState,
    DiscrepancyState,
    Effects,
    HeldLease,
    JournalState,
    RefundAnswer,
    SaleDebit,
    SaleLine,
    Settled,
)
from daemon.core.errors import SyncError
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Debit, DebitState, Home, Lease, LeaseState
from daemon.sync.envelope import Circumstances, Identity, Position, SeedKey, open_batch, seal
from daemon.sync.link.messages import Delta, Row
from tests.chain.counter import MERCHANT, Counter, World

KEY = SeedKey(b"D1".ljust(32, b"."))
ONE, TWO = AccountKey("m1", "principal", 5), AccountKey("m1", "bonus", 5)
OTHER = AccountKey("m2", "principal", 1 << 62)
DEVICE = Device("D1", MERCHANT, "S1", KEY.public_key, enrolled_ms=1)


async def begin(store: CloudStore) -> None:
    async with store.transaction() as books:
        await books.devices.put_device(DEVICE)
        await books.journals.open_journal("D1", 1, "S1", 7)


async def test_a_device_keeps_its_key(store: CloudStore) -> None:
    await begin(store)
    changed = replace(
        DEVICE, store="S2", state=DeviceState.REVOKED, seen_ms=9, have={"cards": 4}, reason="lost"
    )
    async with store.transaction() as books:
        await books.devices.put_device(replace(changed, public_key=bytes(32)))
    async with store.transaction() as books:
        assert await books.devices.device("D1") == changed
        assert await books.devices.device_of_key(DEVICE.key_id) == changed
        assert await books.devices.devices() == [changed]
        assert await books.devices.device("D2") is None


async def test_what_raises_leaves_nothing(store: CloudStore) -> None:
    await begin(store)
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as books:
            await books.devices.put_setting("a", "1")
            await books.accounts.hold([ONE])
            raise ZeroDivisionError
    async with store.transaction() as books:
        assert await books.devices.setting("a") is None
        assert await books.accounts.look(["m1"]) == {}


async def test_codes_and_certificates(store: CloudStore) -> None:
    async with store.transaction() as books:
        await books.devices.put_code(b"c" * 32, "D1", "S1", 100, "anna")
    async with store.transaction() as books:
        assert await books.devices.use_code(b"c" * 32, 100) is None, "too late"
        assert await books.devices.use_code(b"c" * 32, 99) == ("D1", "S1")
        assert await books.devices.use_code(b"c" * 32, 99) is None, "used"
        await books.devices.put_certificate(b"f" * 32, "D1", 500, 1)
        assert await books.devices.certificate(b"f" * 32) == ("D1", 500, True)
        await books.devices.revoke_certificates("D1")
        assert await books.devices.certificate(b"f" * 32) == ("D1", 500, False)
        assert await books.devices.certificate(b"g" * 32) is None


async def test_journals_have_numbers_of_their_own(store: CloudStore) -> None:
    await begin(store)
    async with store.transaction() as books:
        await books.devices.put_device(
            replace(DEVICE, device="D2", public_key=SeedKey(bytes(32)).public_key)
        )
        two = await books.journals.open_journal("D2", 1, "S2", 8)
        await books.journals.kill("D1", 1)
        again = await books.journals.open_journal("D1", 2, "S1", 9)
        assert (two.number, again.number) == (2, 3)
        newest = await books.journals.newest("D1", hold=True)
        assert newest == again and newest.state is JournalState.LIVE
        assert (await books.journals.hold_effects("D1", 1)).begun_dseq == 0
        assert (await books.journals.hold_effects("D1", 2)).begun_dseq is None
        assert [j.epoch for j in await books.journals.journals("D1")] == [1, 2]
        assert [await books.journals.next_gseqs("D1", 2, n) for n in (1, 3, 1)] == [1, 2, 5]
        assert await books.journals.hold_grants([("D1", 2), ("D1", 1)]) == {("D1", 2)}
        assert await books.journals.is_open("D1", 2) and not await books.journals.is_open("D1", 1)
        assert await books.journals.first_heard("D1", "boot", 1)
        assert not await books.journals.first_heard("D1", "boot", 2)


async def test_batches_their_entries_and_the_outbox(store: CloudStore) -> None:
    await begin(store)
    counter = Counter(World(), "D1", "S1", bytes(32))
    for _ in range(5):
        counter.recharge("m1", 10_00)
    leaves = [entry.leaf() for entry in counter.disk.entries]
    position = Position(Identity(MERCHANT, "S1", "D1", 1))
    verified = []
    for some in (leaves[:3], leaves[3:]):
        sealed = seal(position, some, KEY, Circumstances(1))
        verified.append(open_batch(sealed.message, some, DEVICE.trusted(), position))
        position = sealed.position
    async with store.transaction() as books:
        journal = await books.journals.journal("D1", 1, hold=True)
        assert journal is not None
        await books.journals.add_batches(journal, verified, 5)
    async with store.transaction() as books:
        after = await books.journals.journal("D1", 1)
        assert after is not None
        assert (after.bseq, after.head, after.dseq, after.chain) == (
            2, position.head, 5, position.chain,
        )  # fmt: skip
        assert await books.journals.batch("D1", 1, 1) == (verified[0].message, verified[0].head)
        told = await books.journals.leaves("D1", 1, 1, 4)
        assert told == [(2, leaves[1]), (3, leaves[2]), (4, leaves[3])]
        assert await books.journals.outbox(9) == [("D1", 1)]
        due = await books.journals.outbox_batches("D1", 1, 9)
        assert [each[:3] for each in due] == [(1, 1, 3), (2, 4, 5)]
        assert await books.journals.earlier_leaves("D1", 2, 0, 5) == [], "without effect yet"
        await books.journals.effects_done("D1", 1, 1, Effects(3, 0, {"shift": 4}))
        assert await books.journals.outbox_batches("D1", 1, 9) == due[1:]
        assert await books.journals.hold_effects("D1", 1) == Effects(3, 0, {"shift": 4})
        assert len(await books.journals.earlier_leaves("D1", 2, 0, 5)) == 3
        around = await books.journals.batch_around("D1", 2, 2)
        assert around == [(1, verified[0].message)]
    with pytest.raises(SyncError, match="store_unusable"):
        async with store.transaction() as books:
            await books.journals.add_batches(after, verified, 5)


async def test_accounts_leases_and_debits(store: CloudStore) -> None:
    await begin(store)
    home = Home(100, 20, 10, 5, 3, 15)
    lease = Lease(70, 60, 1, 2, 3, 4, 5, 0, 6, LeaseState.RECALLING)
    held = HeldLease(ONE, "D1", 1, lease, gseq=4)
    part = DebitPart(ONE, "sale", Debit("D1", 1, 15))
    async with store.transaction() as books:
        assert await books.accounts.hold([OTHER, ONE]) == {ONE: Home(), OTHER: Home()}
        await books.accounts.put({ONE: home})
        await books.accounts.put_leases([held])
        await books.accounts.put_rules({ONE: "tier", TWO: "给"})
        await books.accounts.put_rules({ONE: "another"})
        await books.accounts.put_parts([part])
    async with store.transaction() as books:
        assert await books.accounts.look(["m1", "m2", "m3"]) == {ONE: home, OTHER: Home()}
        assert await books.accounts.leases(["m1"], "D1", 1) == {ONE: held}
        assert await books.accounts.leases_of("m1") == [held]
        assert await books.accounts.granted_after("D1", 1, 3, 9) == [(held, "tier")]
        assert await books.accounts.granted_after("D1", 1, 4, 9) == []
        assert await books.accounts.recalled("D1", 1, 9) == [("m1", "principal")]
        assert await books.accounts.rules(["m1", "m2"]) == {ONE: "tier", TWO: "给"}
        assert await books.accounts.open_parts("D1", 1) == [part]
        assert await books.accounts.unsound() == [(ONE, 105 - 20 - 10 - 15 - lease.out)]
        taken = replace(part, debit=replace(part.debit, state=DebitState.TAKEN))
        await books.accounts.put_parts([taken])
        assert await books.accounts.parts(["sale", "none"]) == [taken]
        assert await books.accounts.open_parts("D1", 1) == []
        page = await books.accounts.leases_at("D1", 1, AccountKey("", "", -1), 9)
        assert page == [held] and await books.accounts.leases_at("D1", 1, ONE, 9) == []
        sums = await books.accounts.sums()
        assert sums["principal"]["funded"] == 100 and sums["principal"]["in_debit"] == 15
        assert await books.accounts.held_by_device() == [("D1", 1, "principal", lease.out, 1)]


async def test_a_letter_below_zero_is_refused_by_the_table(store: CloudStore) -> None:
    await begin(store)
    with pytest.raises(SyncError, match="store_unusable"):
        async with store.transaction() as books:
            await books.accounts.hold([ONE])
            await books.accounts.put({ONE: Home(reserve=-1)})
    with pytest.raises(SyncError, match="store_unusable"):
        async with store.transaction() as books:
            await books.accounts.put_leases([HeldLease(ONE, "D1", 1, Lease(seen=1))])


async def test_a_tombstone_and_a_debit_take_turns(store: CloudStore) -> None:
    await begin(store)
    debit = SaleDebit("sale", "m1", "D1", 1, False, 5)
    async with store.transaction() as books:
        assert await books.accounts.debit("sale") is None
        assert await books.accounts.claim_debit(debit) is None, "it is new"
        again = await books.accounts.claim_debit(replace(debit, member="m2", reversed=True))
        assert again == debit, "the first one stays"
        await books.accounts.reverse_debit("sale")
        found_one = await books.accounts.debit("sale", hold=True)
        assert found_one == replace(debit, reversed=True)


async def test_members_wait_for_their_grants(store: CloudStore) -> None:
    async with store.transaction() as books:
        await books.accounts.to_grant(["m2", "m1", "m2"], 5)
        await books.accounts.to_grant(["m0", "m1"], 6)
        assert await books.accounts.members_to_grant(2) == ["m1", "m2"]
        await books.accounts.granted(["m1", "m2"])
        assert await books.accounts.members_to_grant(9) == ["m0"]


async def test_lines_and_refunds(store: CloudStore) -> None:
    answer = RefundAnswer("r1", "sale", "1", 1, 500, "D1", True, "", 7)
    async with store.transaction() as books:
        await books.office.put_sale_lines([SaleLine("sale", "1", 2, 1000)])
        await books.office.put_sale_lines([SaleLine("sale", "1", 2, 1000, 1, 500)])
        line = await books.office.sale_line("sale", "1", hold=True)
        assert line == SaleLine("sale", "1", 2, 1000, 1, 500)
        await books.office.put_refund(answer)
        assert await books.office.refund("r1") == answer
        assert await books.office.promised("sale", "1", "D1") == SaleLine("sale", "1", 1, 500)
        assert await books.office.promised("sale", "1", "D1") == SaleLine("sale", "1", 0, 0)


async def test_sums_beside_the_accounts(store: CloudStore) -> None:
    async with store.transaction() as books:
        await books.office.add_visits({("m1", "D1", 10): 2, ("m1", "D2", 9): 1})
        await books.office.add_visits({("m1", "D1", 10): 1, ("m1", "D1", 3): 5})
        assert await books.office.visits(["m1"], 9) == {"m1": {"D1": 3, "D2": 1}}
        await books.office.add_settled([Settled(10, 1, 2, "principal", 100, 0)])
        await books.office.add_settled([Settled(11, 1, 2, "principal", 50, 20)])
        assert await books.office.settled(10, 12) == [Settled(10, 1, 2, "principal", 150, 20)]
        use = CardUse("card", 3, "D1", 1, 9, "op")
        await books.office.put_card_uses([use, replace(use, op_id="other")])
        assert await books.office.card_use("card", 3) == use
        assert await books.office.card_uses(["card", "none"]) == {"card": 3}


async def test_datasets_have_versions(store: CloudStore) -> None:
    async with store.transaction() as books:
        for key, value in (("a", b"1"), ("b", None), ("a", b"2")):
            await books.office.hold_dataset("cards")
            version = await books.office.next_version("cards")
            await books.office.put_dataset_row(DatasetRow("cards", key, version, value, "D1", 5))
        assert await books.office.dataset_versions() == {"cards": 3}
        rows = await books.office.dataset_after("cards", 0, 9)
        assert [(row.key, row.version, row.value) for row in rows] == [
            ("b", 2, None), ("a", 3, b"2"),
        ]  # fmt: skip
        await books.office.put_card_member("04ab", "card", "m1")
        assert await books.office.member_of_card("04AB") == "m1"
        await books.office.put_card_member("04ab", "card-2", "m2")
        assert await books.office.member_of_card("04ab") is None, "whose is not known"


async def test_a_discrepancy_is_told_once(store: CloudStore) -> None:
    one = found("FORK", 5, device="D1", amount=7, bseq=3, reason="清单")
    async with store.transaction() as books:
        assert await books.office.put_discrepancy(one)
        assert not await books.office.put_discrepancy(replace(one, last_seen_ms=9))
        assert await books.office.discrepancies(only_open=True) == [
            replace(one, times=2, last_seen_ms=9)
        ]
        done = await books.office.settle_discrepancy(
            one.discrepancy_id, DiscrepancyState.EXPLAINED, "copied", "li"
        )
        assert done and await books.office.discrepancies(only_open=True) == []
        await books.office.put_discrepancy(one)
        kept = await books.office.discrepancy(one.discrepancy_id)
        assert kept is not None and kept.state is DiscrepancyState.EXPLAINED
        assert (kept.owner, kept.note, kept.refs) == ("li", "copied", one.refs)
        assert not await books.office.settle_discrepancy("none", DiscrepancyState.OPEN, "")


async def test_questions_asked_together_say_what_they_say_alone(store: CloudStore) -> None:
    await begin(store)
    held = HeldLease(ONE, "D1", 1, Lease(granted=9, seen=9, state=LeaseState.RECALLING), gseq=4)
    part = DebitPart(ONE, "sale", Debit("D1", 1, 15))
    async with store.transaction() as books:
        await books.accounts.hold([ONE, OTHER])
        await books.accounts.put_leases([held])
        await books.accounts.put_rules({ONE: "给"})
        await books.accounts.put_parts([part])
        await books.accounts.to_grant(["m2", "m1"], 5)
        await books.office.next_version("cards")
    asks = (
        ask_journal("D1", 1), ask_journal("D1", 2), ask_newest("D1"), ask_due("D1"),
        ask_granted_after("D1", 1, 0, 9), ask_recalled("D1", 1, 9), ask_open_parts("D1", 1),
        ask_to_grant(9), ask_dataset_versions(),
    )  # fmt: skip
    async with store.look() as books:
        told = await books.together(*asks)
        alone = [(await books.together(each))[0] for each in asks]
        journal = await books.journals.journal("D1", 1)
    assert told == alone == [
        journal, None, journal, False, [(held, "给")], [("m1", "principal")], [part],
        ["m1", "m2"], {"cards": 1},
    ]  # fmt: skip
    async with store.look() as books:
        assert await books.together(ask_granted_after("D1", 1, 4, 9), ask_to_grant(0)) == [[], []]


async def test_what_many_devices_lack_is_read_once_and_never_stale(store: CloudStore) -> None:
    shared = SharedDeltas()

    async def change(key: str, value: bytes) -> dict[str, int]:
        async with store.transaction() as books:
            await put_row(books, DatasetRow("staff", key, 0, value, "D1", 5), 0)
            return await books.office.dataset_versions()

    async def lacking(have: int, versions: dict[str, int]) -> list[Delta]:
        async with store.look() as books:
            return await shared.deltas(books, {"staff": have}, versions, 1_000)

    one = await change("a", b"1")
    first = await lacking(0, one)
    assert first == [Delta("staff", 0, 1, False, (Row("a", b"1"),))]
    assert (await lacking(0, one))[0] is first[0], "the second one that lacks it is told the same"
    two = await change("a", b"2")
    assert await lacking(0, two) == [Delta("staff", 0, 2, False, (Row("a", b"2"),))]
    assert await lacking(1, two) == [Delta("staff", 1, 2, False, (Row("a", b"2"),))]
    assert await lacking(2, two) == []
    # Who asked in the moment before is led to where it stood then, and hears of the rest after it.
    assert await lacking(0, one) == first


async def test_whoever_waits_is_woken_by_a_commit(store: CloudStore) -> None:
    topics = (bell.of_device("D1"),)
    since = store.bell.count(topics)
    waiting = asyncio.create_task(store.bell.wait(topics, since, 30))
    async with store.transaction() as books:
        await books.tell(bell.of_device("D1"))
        await asyncio.sleep(0)
        assert store.bell.count(topics) == since, "not before the commit"
    assert await waiting
    assert not await store.bell.wait(topics, store.bell.count(topics), 0.01)


async def test_transactions_on_one_account_take_turns(store: CloudStore) -> None:
    async def add(books: CloudBooks) -> None:
        homes = await books.accounts.hold([ONE, OTHER])
        await asyncio.sleep(0)
        await books.accounts.put(
            {key: Home(funded=h.funded + 1, reserve=h.reserve + 1) for key, h in homes.items()}
        )

    await asyncio.gather(*(store.run(add) for _ in range(12)))
    async with store.transaction() as books:
        twelve = Home(funded=12, reserve=12)
        assert await books.accounts.look(["m1", "m2"]) == {ONE: twelve, OTHER: twelve}
        assert await books.accounts.unsound() == []


async def test_another_process_is_woken_too(
    open_store: Callable[[str], AbstractAsyncContextManager[CloudStore]],
    request: pytest.FixtureRequest,
) -> None:
    """postgres: LISTEN and NOTIFY."""
    from cloud.postgres_books import PostgresStore
    from tests.chain.conftest import database

    async with database(request.getfixturevalue("server")) as url:
        one, two = await PostgresStore.open(url), await PostgresStore.open(url)
        try:
            topics = (bell.of_device("D1"),)
            # The listening connection rings once when it is there.
            await two.bell.wait(topics, 0, 30)
            since = two.bell.count(topics)
            waiting = asyncio.create_task(two.bell.wait(topics, since, 30))
            async with one.transaction() as books:
                await books.tell(bell.of_device("D1"))
            assert await waiting
        finally:
            await one.close()
            await two.close()
