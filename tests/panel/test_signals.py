"""Lamps, buzzer, buttons and key switch through gpiozero, on its own mock pins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.core.errors import PanelError
from daemon.core.panel import BLINK_MS, SOUNDS, Button, Glow, KeyPosition, Lamp, Sound
from daemon.panel.gpio import GpioPins, lgpio_factory
from daemon.panel.pins import PanelWiring, Pull, Wiring
from daemon.panel.signals import Signals
from daemon.ports.cards import ReaderState
from tests.panel.far_side import PATIENCE_S, WIRED, Board, Hand, until

ALL_DARK = dict.fromkeys(Lamp, Glow.DARK)


@asynccontextmanager
async def serving(
    board: Board, hand: Hand, wiring: PanelWiring = WIRED, call_s: float = 2.0
) -> AsyncIterator[Signals]:
    signals = Signals(
        board.pins, wiring, hand.press, hand.turn, hand.changed, retry_s=0.02, call_s=call_s
    )
    await signals.start()
    try:
        yield signals
    finally:
        await signals.stop()


def ready(signals: Signals) -> bool:
    looked_at = all(watched.contact.known for watched in signals._watched())
    return looked_at and all(s.state is ReaderState.READY for s in signals.statuses())


def states(signals: Signals) -> set[tuple[str, str | None]]:
    return {(status.state.value, status.problem) for status in signals.statuses()}


async def test_lamps_stand_as_they_are_told() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        for lamp, wiring in WIRED.lamps.items():
            signals.show({**ALL_DARK, lamp: Glow.LIT})
            await until(lambda wiring=wiring: board.lit(wiring))
            others = [each for each in WIRED.lamps.values() if each is not wiring]
            await until(lambda others=others: not any(board.lit(each) for each in others))
    # Given back, a pin drives nothing.
    assert {board.mock.pin(wiring.pin).function for wiring in WIRED.lamps.values()} == {"input"}


async def test_a_blinking_lamp_changes_by_itself() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        signals.show({**ALL_DARK, Lamp.READY: Glow.BLINKING})
        pin = WIRED.lamps[Lamp.READY].pin
        await until(lambda: board.levels(pin)[-4:] in ([True, False] * 2, [False, True] * 2))
    assert BLINK_MS * 2 > 333


async def test_every_sound_is_its_pattern() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        for sound, pattern in SOUNDS.items():
            before = len(board.levels(24))
            whole = before + len(pattern) + 1
            signals.sound(sound)
            await until(lambda whole=whole: len(board.levels(24)) >= whole)
            heard = board.levels(24)[before:]
            assert heard == [at % 2 == 0 for at in range(len(pattern) + 1)]
    assert not board.lit(Wiring(24))


async def test_a_bouncing_button_is_one_press() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        for _ in range(40):
            board.press(5)
            board.release(5)
        board.press(5)
        await until(lambda: hand.pressed == [Button.CANCEL])
        board.release(5)
        board.press(6)
        await until(lambda: hand.pressed == [Button.CANCEL, Button.CONFIRM])


async def test_a_jammed_button_is_one_press_and_is_told() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        board.press(5)
        await until(lambda: hand.pressed == [Button.CANCEL])
        watched = signals._buttons[Button.CANCEL]
        watched.contact._since_ms -= 10_000
        await until(lambda: watched.part.status.problem == "panel_stuck")
        assert hand.pressed == [Button.CANCEL]
        board.release(5)
        await until(lambda: watched.part.status.problem is None)
        assert watched.part.status.last == "panel_stuck"


async def test_a_flood_of_edges_from_another_thread_is_a_few_looks() -> None:
    board, hand = Board(), Hand()
    done = threading.Event()

    def rattle() -> None:
        for _ in range(20_000):
            board.press(5)
            board.release(5)
        done.set()

    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        thread = threading.Thread(target=rattle)
        thread.start()
        await until(done.is_set)
        thread.join()
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        await until(lambda: board.lit(WIRED.lamps[Lamp.READY]))
        assert len(hand.pressed) < 20


@pytest.mark.parametrize("turns", range(6))
async def test_it_stops_also_in_the_turn_in_which_it_was_woken(turns: int) -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await signals.stop()
    assert {board.mock.pin(wiring.pin).function for wiring in WIRED.lamps.values()} == {"input"}


async def test_the_key_switch_has_three_positions() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: signals.key is KeyPosition.OFF)
        board.press(12)
        await until(lambda: signals.key is KeyPosition.OPEN)
        board.release(12)
        board.press(13)
        await until(lambda: signals.key is KeyPosition.OFFICE)
        # Both at once is a broken switch: nobody is kept from selling by it.
        board.press(12)
        await until(lambda: signals.key is None)
        assert KeyPosition.OPEN in hand.positions


@pytest.mark.parametrize("pull", list(Pull))
async def test_contacts_to_ground_to_the_supply_and_with_a_resistor_of_their_own(
    pull: Pull,
) -> None:
    board, hand = Board(), Hand()
    wiring = PanelWiring(buttons={Button.CANCEL: Wiring(5)}, pull=pull, bounce_ms=5)
    high = pull is not Pull.UP
    pin = board.mock.pin(5)
    async with serving(board, hand, wiring) as signals:
        await until(lambda: ready(signals))
        (pin.drive_low if high else pin.drive_high)()
        await until(lambda: signals._buttons[Button.CANCEL].contact.known)
        (pin.drive_high if high else pin.drive_low)()
        await until(lambda: hand.pressed == [Button.CANCEL])


async def test_a_machine_without_gpio_says_so_and_goes_on() -> None:
    board, hand = Board(), Hand()
    board.problem = "panel_absent"
    async with serving(board, hand) as signals:
        await until(lambda: states(signals) == {("absent", "panel_absent")})
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        signals.sound(Sound.APPROVED)
        assert signals.key is None
        # Plugged in later: it serves, with what was wanted meanwhile.
        board.problem = None
        await until(lambda: ready(signals) and board.lit(WIRED.lamps[Lamp.READY]))
        assert {status.last for status in signals.statuses()} == {"panel_absent"}


@pytest.mark.parametrize("problem", ["panel_access_denied", "panel_busy", "panel_cut_off"])
async def test_a_chip_that_is_refused_says_why(problem: str) -> None:
    board, hand = Board(), Hand()
    board.problem = problem
    async with serving(board, hand) as signals:
        await until(lambda: states(signals) == {("faulted", problem)})


async def test_the_real_door_without_a_chip_is_absent(tmp_path: Path) -> None:
    pins = GpioPins(lambda: lgpio_factory(99))
    with pytest.raises(PanelError, match="panel_absent"):
        pins.open()


async def test_a_pin_that_does_not_exist_leaves_the_others_working() -> None:
    board, hand = Board(), Hand()
    lamps = {Lamp.READY: Wiring(17), Lamp.APPROVED: Wiring(77), Lamp.DECLINED: Wiring(17)}
    async with serving(board, hand, PanelWiring(lamps=lamps)) as signals:
        await until(lambda: ReaderState.OPENING not in {s.state for s in signals.statuses()})
        found = {status.name: status.problem for status in signals.statuses()}
        assert found == {
            "ready": None, "approved": "panel_pin_refused", "declined": "panel_busy"
        }  # fmt: skip
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        await until(lambda: board.lit(Wiring(17)))


async def test_a_driver_that_hangs_is_given_up_and_comes_back() -> None:
    board, hand = Board(), Hand()
    hold = threading.Event()
    pin = board.mock.pin(17)
    working = type(pin)._set_state

    def hanging(self: object, value: object) -> None:
        hold.wait()
        working(self, value)

    async with serving(board, hand, call_s=0.05) as signals:
        await until(lambda: ready(signals))
        type(pin)._set_state = hanging
        try:
            signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
            await until(lambda: states(signals) == {("faulted", "panel_stalled")})
        finally:
            type(pin)._set_state = working
            hold.set()
        await until(lambda: ready(signals) and board.lit(WIRED.lamps[Lamp.READY]))


async def test_a_lamp_that_fails_is_told_and_opened_again() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        await until(lambda: ready(signals))
        board.problem = "panel_absent"
        signals._outputs[Lamp.READY].close()
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        await until(lambda: states(signals) == {("absent", "panel_absent")})
        board.problem = None
        await until(lambda: ready(signals) and board.lit(WIRED.lamps[Lamp.READY]))


async def test_pulled_out_and_back_a_hundred_times() -> None:
    board, hand = Board(), Hand()
    async with serving(board, hand) as signals:
        for _ in range(100):
            await until(lambda: ready(signals))
            signals._trouble = "panel_cut_off"
            signals._wake.set()
            await until(lambda: not ready(signals))
        await until(lambda: ready(signals))
        assert all(status.failures == 100 for status in signals.statuses())


async def test_on_a_real_chip() -> None:
    if not Path("/dev/gpiochip0").exists():
        pytest.skip("no GPIO chip here: needs a Raspberry Pi or gpio-sim, and lgpio")
    pytest.importorskip("lgpio", reason="lgpio is not installed")
    hand = Hand()
    wiring = PanelWiring(lamps={Lamp.READY: Wiring(17)})
    board = Board()
    board.pins = GpioPins(lambda: lgpio_factory(0))
    async with serving(board, hand, wiring) as signals:
        await until(lambda: ready(signals))
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        await asyncio.sleep(0)


async def test_a_lamp_is_read_back_from_gpio_sim() -> None:
    lines = sorted(Path("/sys/devices/platform").glob("gpio-sim.*/gpiochip*/sim_gpio17/value"))
    if not lines:
        pytest.skip("no gpio-sim here: the kernel module is not loaded")
    pytest.importorskip("lgpio", reason="lgpio is not installed")
    chip = int(lines[0].parents[1].name.removeprefix("gpiochip"))
    hand, board = Hand(), Board()
    board.pins = GpioPins(lambda: lgpio_factory(chip))
    async with serving(board, hand, PanelWiring(lamps={Lamp.READY: Wiring(17)})) as signals:
        await until(lambda: ready(signals))
        signals.show({**ALL_DARK, Lamp.READY: Glow.LIT})
        await until(lambda: lines[0].read_text().strip() == "1")
