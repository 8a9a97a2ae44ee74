"""What only a real pcscd can do to a daemon: die, come back, come late, lose a reader, be shared.

Run inside `tests.virtual.isolated` by `test_readers_pcscd`; pytest does not collect it itself."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from daemon.core.errors import CardError, CardGone, CardTorn, ReaderError
from daemon.ports.cards import CardLaid, ReaderState, ReaderStatus
from daemon.readers.pcsc import PcscLink
from daemon.readers.roster import SERVICE
from daemon.readers.vpcd import VpcdLink
from tests.devices.card_desk import WAIT_S, Desk, open_desk
from tests.devices.rack_process import running_rack
from tests.virtual.isolated import PORTS, Pcscd

A, B = PORTS


@pytest.fixture
def pcscd(tmp_path: Path) -> Iterator[Pcscd]:
    service = Pcscd(tmp_path / "pcscd")
    yield service
    service.stop()


@pytest_asyncio.fixture
async def desk(pcscd: Pcscd, tmp_path: Path) -> AsyncIterator[Desk]:
    """Over a pcscd that is not started yet."""
    async with open_desk(tmp_path, [PcscLink()], PORTS[A]) as opened:
        yield opened


async def test_pcscd_may_come_late(desk: Desk, pcscd: Pcscd) -> None:
    missing = await desk.state(ReaderState.ABSENT)
    assert (missing.status.name, missing.status.problem) == (SERVICE, "reader_service_down")
    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    assert all(status.name.startswith(A) for status in desk.readers.statuses())
    await desk.issue()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_daemon_outlives_pcscd(desk: Desk, pcscd: Pcscd, how: signal.Signals) -> None:
    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    await desk.issue()
    for counter in range(2):
        presence = await desk.lay("card")
        await asyncio.to_thread(pcscd.stop, how)
        lost = await desk.state(ReaderState.ABSENT, A)
        assert lost.status.problem == "reader_service_down"
        with pytest.raises(CardGone):
            async with desk.readers.open(presence):
                pytest.fail("opened")
        await asyncio.to_thread(pcscd.start, A)
        await desk.state(ReaderState.READY, A)
        again = (await desk.next(CardLaid)).presence
        assert again.token != presence.token
        async with desk.readers.open(again) as session:
            proof = await session.prove()
            assert proof.counter == counter
            await session.advance(counter)
        await desk.lift()


async def test_pcscd_dies_within_a_session(desk: Desk, pcscd: Pcscd) -> None:
    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    await desk.issue()
    presence = await desk.lay("card")
    async with desk.readers.open(presence) as session:
        assert (await session.prove()).counter == 0
        await asyncio.to_thread(pcscd.stop, signal.SIGKILL)
        with pytest.raises((CardGone, CardTorn)):
            await session.advance(0)
    await asyncio.to_thread(pcscd.start, A)
    async with desk.readers.open((await desk.next(CardLaid)).presence) as session:
        assert (await session.prove()).counter == 0


async def test_pcscd_dies_while_a_card_is_silent(desk: Desk, pcscd: Pcscd) -> None:
    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    await desk.issue()
    presence = await desk.lay("card", mode="silence", ins="6c")
    with pytest.raises(CardError):
        async with desk.readers.open(presence) as session:
            await session.prove()
    await desk.state(ReaderState.FAULTED, A)
    await asyncio.to_thread(pcscd.stop, signal.SIGKILL)
    await desk.state(ReaderState.ABSENT, A)
    await desk.rack.eject()
    await asyncio.to_thread(pcscd.start, A)
    await desk.state(ReaderState.READY, A)
    assert (await desk.prove("card")).counter == 0


async def test_a_pcscd_that_hangs_is_noticed_and_waited_for(desk: Desk, pcscd: Pcscd) -> None:
    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    await desk.issue()
    for _ in range(2):
        pcscd.signal(signal.SIGSTOP)
        lost = await desk.state(ReaderState.ABSENT, A)
        assert lost.status.problem == "reader_service_down"
        pcscd.signal(signal.SIGCONT)
        await desk.state(ReaderState.READY, A)
        assert (await desk.prove("card")).counter == 0


async def test_a_reader_is_unplugged_and_comes_back(desk: Desk, pcscd: Pcscd) -> None:
    """pcscd unplugs a reader of its configuration only by starting again without it."""
    pcscd.start(A, B)
    await desk.state(ReaderState.READY, A)
    await desk.state(ReaderState.READY, B)
    await asyncio.to_thread(pcscd.stop)
    await asyncio.to_thread(pcscd.start, B)
    gone = await desk.state(ReaderState.ABSENT, A)
    while gone.status.problem != "reader_unplugged":
        gone = await desk.state(ReaderState.ABSENT, A)
    await asyncio.to_thread(pcscd.stop)
    await asyncio.to_thread(pcscd.start, A, B)
    await desk.state(ReaderState.READY, A)
    await desk.issue()


async def test_two_readers_at_once(desk: Desk, pcscd: Pcscd, tmp_path: Path) -> None:
    pcscd.start(A, B)
    await desk.state(ReaderState.READY, A)
    await desk.state(ReaderState.READY, B)
    await desk.rack.create("uid", "left", "04a1b2c3")
    with running_rack(tmp_path / "more", PORTS[B]) as other:
        await other.create("uid", "right", "04d4e5f6")
        left = await desk.lay("left")
        await other.insert("right")
        right = (await desk.next(CardLaid)).presence
        assert left.reader != right.reader
        async with (
            desk.readers.open(left) as one,
            desk.readers.open(right) as two,
        ):
            proofs = await asyncio.gather(one.prove(), two.prove())
        assert [proof.face.uid.hex() for proof in proofs] == ["04a1b2c3", "04d4e5f6"]


async def test_only_named_readers_are_used(pcscd: Pcscd, tmp_path: Path) -> None:
    pcscd.start(A, B)
    name = f"{B} 00 00"
    async with open_desk(tmp_path, [PcscLink([name, "Not There"])], PORTS[B]) as desk:
        await desk.state(ReaderState.READY, B)
        statuses = {status.name: status for status in desk.readers.statuses()}
        assert set(statuses) == {name, "Not There"}
        assert statuses["Not There"] == ReaderStatus(
            "Not There", ReaderState.ABSENT, problem="reader_unplugged"
        )


async def test_another_program_that_shares_the_card_is_kept_out(desk: Desk, pcscd: Pcscd) -> None:
    from smartcard import scard

    pcscd.start(A)
    await desk.state(ReaderState.READY, A)
    await desk.issue()
    presence = await desk.lay("card")
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    code, card, _ = scard.SCardConnect(
        context, presence.reader, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1
    )
    assert code == scard.SCARD_S_SUCCESS
    async with desk.readers.open(presence) as session:
        assert (await session.prove()).counter == 0
    scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    code = scard.SCARD_E_SHARING_VIOLATION
    async with asyncio.timeout(WAIT_S):
        while code == scard.SCARD_E_SHARING_VIOLATION:  # the reader's thread is just letting it go
            code, card, _ = scard.SCardConnect(
                context, presence.reader, scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_PROTOCOL_T1
            )
            await asyncio.sleep(0.01)
    assert code == scard.SCARD_S_SUCCESS
    with pytest.raises(ReaderError) as raised:
        async with desk.readers.open(presence):
            pytest.fail("opened")
    assert raised.value.key == "reader_busy"
    scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    scard.SCardReleaseContext(context)
    async with desk.readers.open(presence) as session:
        assert (await session.prove()).counter == 0


async def test_both_links_at_one_desk(pcscd: Pcscd, tmp_path: Path) -> None:
    pcscd.start(A)
    direct = VpcdLink(name="Straight")
    async with open_desk(tmp_path, [direct, PcscLink()]) as desk:
        await desk.state(ReaderState.READY, A)
        await desk.rack.create("uid", "number", "04a1b2c3")
        presence = await desk.lay("number")
        assert presence.reader == "Straight"


async def test_the_watch_waits_instead_of_turning(desk: Desk, pcscd: Pcscd) -> None:
    """The loop over SCardGetStatusChange must not spin while nothing happens."""
    pcscd.start(A, B)
    await desk.state(ReaderState.READY, B)
    watch = next(thread for thread in threading.enumerate() if thread.name == "pcsc watch")
    assert watch.native_id is not None
    before = cpu_ticks(watch.native_id)
    await asyncio.sleep(3)
    assert cpu_ticks(watch.native_id) - before <= 5


def cpu_ticks(thread_id: int) -> int:
    """Hundredths of a second of processor time."""
    fields = Path(f"/proc/self/task/{thread_id}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
