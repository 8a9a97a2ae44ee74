"""What every link must do, with virtual cards in a process of their own.

Run as it is over `VpcdLink`; `test_readers_pcscd` runs this file again through a real pcscd."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from daemon.core.card import Assurance, Technology
from daemon.core.errors import CardError, CardForged, CardGone, CardSilent, CardTorn
from daemon.core.purse import (
    Errand,
    LoadTerms,
    PurchaseTerms,
    PurseDone,
    PurseNotDone,
    PurseOutcome,
    PurseUnknown,
)
from daemon.ports.cards import CardLaid, Presence, ReaderChanged, ReaderState
from simulator.cards.purse_memory import DEMO_PIN
from tests.devices.card_desk import CARD_ID, KINDS, OTHER_ID, Desk, desk_of
from tests.fakes.purse_plastic import KEYS
from tests.unit.purse_talk import AT, TILL

PROVE_AND_ADVANCE = 12
"""Exchanges from laying a card of ours to the committed counter."""

PERSONALISE = 36
"""Exchanges from laying a card as delivered to its proof."""


@pytest_asyncio.fixture(params=KINDS)
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(request.param, tmp_path) as opened:
        yield opened


async def test_a_card_is_laid_and_lifted(desk: Desk) -> None:
    await desk.rack.create("uid", "number", "04a1b2c3")
    presence = await desk.lay("number")
    assert presence.atr
    assert any(status.card_present for status in desk.readers.statuses())
    late = desk.readers.events()
    first = [await anext(late) for _ in range(len(desk.readers.statuses()) + 1)]
    assert CardLaid(presence) in first
    lifted = await desk.lift()
    assert (lifted.reader, lifted.token) == (presence.reader, presence.token)
    again = await desk.lay("number")
    assert again.token != presence.token


async def test_a_number_proves_identity_and_no_more(desk: Desk) -> None:
    await desk.rack.create("uid", "number", "04a1b2c3")
    async with desk.readers.open(await desk.lay("number")) as session:
        assert session.face.technology is Technology.UID
        assert session.face.uid == bytes.fromhex("04a1b2c3")
        proof = await session.prove()
        assert (proof.assurance, proof.card_id, proof.counter) == (Assurance.IDENTITY, None, None)
        with pytest.raises(CardForged):
            await session.personalise(CARD_ID)


async def test_a_card_is_personalised_proved_and_moved_on(desk: Desk) -> None:
    await desk.rack.create("desfire", "card")
    presence = await desk.lay("card")
    async with desk.readers.open(presence) as session:
        assert session.face.technology is Technology.DESFIRE
        assert not session.face.personalised
        assert (await session.prove()).assurance is Assurance.IDENTITY
        proof = await session.personalise(CARD_ID)
        assert session.face.personalised
        assert (proof.assurance, proof.card_id, proof.counter) == (Assurance.AUTHENTIC, CARD_ID, 0)
        await session.advance(0)
    for counter in (1, 2):
        async with desk.readers.open(presence) as session:
            assert session.face.key_version == 1
            proof = await session.prove()
            assert (proof.card_id, proof.counter) == (CARD_ID, counter)
            await session.advance(counter)
    await desk.lift()
    assert (await desk.prove("card")).counter == 3


async def test_a_presence_that_has_gone_is_not_opened(desk: Desk) -> None:
    await desk.rack.create("uid", "one", "04a1b2c3")
    await desk.rack.create("uid", "two", "04d4e5f6")
    first = await desk.lay("one")
    second = await desk.lay("two")
    for gone in (first, Presence("no such reader", second.token, b"")):
        with pytest.raises(CardGone):
            async with desk.readers.open(gone):
                pytest.fail("opened")
    async with desk.readers.open(second) as session:
        assert session.face.uid == bytes.fromhex("04d4e5f6")


async def advance_until_torn(desk: Desk, presence: Presence) -> type[CardError] | None:
    """How a sale on the card ends: None where the counter was moved on and seen to be."""
    try:
        async with desk.readers.open(presence) as session:
            proof = await session.prove()
            assert proof.counter is not None
            await session.advance(proof.counter)
    except CardError as error:
        return type(error)
    return None


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_card_pulled_at_every_command(desk: Desk, when: str) -> None:
    await desk.issue()
    counter = 0
    outcomes = []
    # pcscd needs 0.8 s for each card that comes and goes: what the card did before it left matters
    # from the debit on.
    first = PROVE_AND_ADVANCE - 3 if when == "after" and KINDS == ["pcscd"] else 1
    for at in range(first, PROVE_AND_ADVANCE + 2):
        presence = await desk.lay("card", mode="remove", at=at, when=when)
        outcome = await advance_until_torn(desk, presence)
        outcomes.append(outcome)
        await desk.lift()
        settled = await desk.prove("card")
        moved = settled.counter == counter + 1
        if outcome is None:
            assert moved
        elif outcome is CardTorn:
            assert moved == (when == "after")
        else:
            assert outcome is CardGone
            assert not moved
        assert settled.counter is not None
        counter = settled.counter
    assert outcomes[-3:] == [CardGone, CardTorn, None]


async def test_a_card_torn_while_personalised_is_finished_at_the_next_tap(desk: Desk) -> None:
    """Through pcscd at some commands only, for the time that its polling takes."""
    for at in range(1, PERSONALISE + 1, 5 if KINDS == ["pcscd"] else 1):
        card = f"card{at}"
        await desk.rack.create("desfire", card)
        presence = await desk.lay(card, mode="remove", at=at, when="after")
        with pytest.raises(CardGone):
            async with desk.readers.open(presence) as session:
                await session.personalise(OTHER_ID)
        async with desk.readers.open(await desk.lay(card)) as session:
            proof = await session.personalise(CARD_ID)
        assert (proof.card_id, proof.counter) == (CARD_ID, 0)
        await desk.lift()


async def test_a_silent_card_faults_the_reader_and_blocks_nobody(desk: Desk) -> None:
    await desk.issue()
    presence = await desk.lay("card", mode="silence", ins="71")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async with asyncio.TaskGroup() as group:
        ticking = group.create_task(tick())
        with pytest.raises(CardSilent):
            async with desk.readers.open(presence) as session:
                await session.prove()
        ticking.cancel()
    assert ticks > 10
    faulted = await desk.state(ReaderState.FAULTED)
    assert faulted.status.problem == "reader_stuck"
    await desk.rack.eject()
    await desk.state(ReaderState.READY)
    assert (await desk.prove("card")).counter == 0


async def test_silence_at_the_commit_is_torn(desk: Desk) -> None:
    await desk.issue()
    presence = await desk.lay("card", mode="silence", ins="c7", when="after")
    assert await advance_until_torn(desk, presence) is CardTorn
    await desk.lift()
    assert (await desk.prove("card")).counter == 1


async def test_a_slow_card_is_waited_for(desk: Desk) -> None:
    await desk.issue()
    presence = await desk.lay("card", mode="none", delay_ms=60)
    assert await advance_until_torn(desk, presence) is None


@pytest.mark.parametrize("mode", ["wrong_length", "wrong_mac", "endless_af", "garbage_status"])
async def test_a_card_that_answers_wrongly_never_counts(desk: Desk, mode: str) -> None:
    await desk.issue()
    counter = 0
    for at in (4, 10, 12):
        presence = await desk.lay("card", mode=mode, at=at, seed=at)
        outcome = await advance_until_torn(desk, presence)
        await desk.lift()
        settled = await desk.prove("card")
        assert settled.counter in (counter, counter + 1)
        if outcome is None:
            assert settled.counter == counter + 1
        elif outcome is not CardTorn:
            assert settled.counter == counter
        counter = settled.counter


async def test_a_replaying_clone_is_forged(desk: Desk) -> None:
    await desk.issue()
    await desk.prove("card")
    await desk.rack.clone_last("card", "clone")
    presence = await desk.lay("clone")
    with pytest.raises(CardForged):
        async with desk.readers.open(presence) as session:
            await session.prove()


async def test_a_rolled_back_copy_shows_its_old_counter(desk: Desk) -> None:
    await desk.issue()
    await desk.rack.snapshot("card", "copy")
    assert await advance_until_torn(desk, await desk.lay("card")) is None
    copy = await desk.prove("copy")
    assert (copy.card_id, copy.counter) == (CARD_ID, 0)
    assert (await desk.prove("card")).counter == 1


async def test_a_card_swapped_in_one_look_is_never_taken_for_the_other(desk: Desk) -> None:
    """Faster than pcscd looks: the session ends, and the other card is announced."""
    await desk.rack.create("uid", "one", "04a1b2c3")
    await desk.rack.create("uid", "two", "04d4e5f6")
    presence = await desk.lay("one")
    try:
        async with desk.readers.open(presence) as session:
            assert session.face.uid == bytes.fromhex("04a1b2c3")
            await desk.rack.insert("two")
            await session.prove()
            pytest.fail("the kept session spoke to the other card")
    except CardError as error:
        assert isinstance(error, CardGone)
    presence = (await desk.next(CardLaid)).presence
    async with desk.readers.open(presence) as session:
        assert session.face.uid == bytes.fromhex("04d4e5f6")


async def test_one_session_at_a_time(desk: Desk) -> None:
    await desk.issue()
    presence = await desk.lay("card")
    inside = 0

    async def one() -> None:
        nonlocal inside
        async with desk.readers.open(presence) as session:
            inside += 1
            assert inside == 1
            await session.prove()
            inside -= 1

    await asyncio.gather(one(), one(), one())


async def test_a_cancelled_session_leaves_a_working_reader(desk: Desk) -> None:
    await desk.issue()
    presence = await desk.lay("card", mode="none", delay_ms=100)
    started = asyncio.Event()

    async def cancelled() -> None:
        async with desk.readers.open(presence) as session:
            started.set()
            await session.prove()

    task = asyncio.create_task(cancelled())
    await started.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with desk.readers.open(presence) as session:
        assert (await session.prove()).counter == 0


async def test_no_key_and_no_uid_is_in_an_error(desk: Desk) -> None:
    proof = await desk.issue()
    presence = await desk.lay("card", mode="wrong_mac", ins="bd")
    with pytest.raises(CardError) as raised:
        async with desk.readers.open(presence) as session:
            await session.prove()
    assert proof.face.uid.hex() not in str(raised.value)


async def test_a_subscriber_that_falls_behind_gets_the_present_state(desk: Desk) -> None:
    await desk.rack.create("uid", "number", "04a1b2c3")
    lagging = desk.readers.events()
    await anext(lagging)
    presence = await desk.lay("number")
    for _ in range(300):
        desk.readers._publish(ReaderChanged(desk.readers.statuses()[0]))
    waiting = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            async for event in lagging:
                waiting.append(event)
    assert len(waiting) < 300
    assert CardLaid(presence) in waiting


@pytest_asyncio.fixture(params=KINDS)
async def purse_desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose till holds the keys of purses."""
    async with desk_of(request.param, tmp_path, KEYS) as opened:
        yield opened


async def buy(desk: Desk, presence: Presence, fen: int) -> tuple[PurchaseTerms, PurseOutcome]:
    async with desk.readers.open(presence) as session:
        assert session.purse is not None and session.face.technology is Technology.PURSE
        reading = await session.purse.read()
        terms = await session.purse.begin_purchase(Errand(reading.card, fen, TILL, AT))
        assert isinstance(terms, PurchaseTerms)
        return terms, await session.purse.debit(terms)


async def test_a_purse_is_loaded_pays_and_tells_what_a_tear_left(purse_desk: Desk) -> None:
    desk = purse_desk
    await desk.rack.create("purse", "wallet", "b0ac2842")
    presence = await desk.lay("wallet")
    async with desk.readers.open(presence) as session:
        assert session.purse is not None
        assert (await session.prove()).assurance is Assurance.IDENTITY
        card = (await session.purse.read()).card
        load = await session.purse.begin_load(Errand(card, 1_000, TILL, AT), DEMO_PIN)
        assert isinstance(load, LoadTerms)
        assert isinstance(await session.purse.credit(load), PurseDone)
    assert isinstance((await buy(desk, presence, 100))[1], PurseDone)
    balance_fen = 900
    for when in ("before", "after"):
        torn = await desk.lay("wallet", mode="remove", ins="8054", at=1, when=when)
        terms, told = await buy(desk, torn, 50)
        assert isinstance(told, PurseUnknown)
        await desk.lift()
        async with desk.readers.open(await desk.lay("wallet")) as session:
            assert session.purse is not None
            settled = await session.purse.settle(terms)
            assert isinstance(settled, PurseDone if when == "after" else PurseNotDone)
            balance_fen -= 50 if when == "after" else 0
            assert (await session.purse.read()).balance_fen == balance_fen


async def test_a_purse_is_a_number_to_a_till_without_its_keys(desk: Desk) -> None:
    await desk.rack.create("purse", "wallet", "b0ac2842")
    async with desk.readers.open(await desk.lay("wallet")) as session:
        assert session.purse is None and session.face.technology is Technology.UID


async def test_a_number_has_no_purse(purse_desk: Desk) -> None:
    await purse_desk.rack.create("uid", "number", "04a1b2c3")
    async with purse_desk.readers.open(await purse_desk.lay("number")) as session:
        assert session.purse is None and session.face.technology is Technology.UID
