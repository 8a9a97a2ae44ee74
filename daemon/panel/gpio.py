"""The only door to gpiozero: pins of this machine's GPIO chip.

The chip is opened through a pin factory of our own (never through gpiozero's global one, which
tries one library after the other and a network socket at last). What the drivers raise leaves here
as PanelError."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from daemon.core.errors import PanelError
from daemon.panel.pins import Input, Output, Pull, Wiring

log = logging.getLogger(__name__)

REVISION: Final = Path("/sys/firmware/devicetree/base/system/linux,revision")
"""Where a Raspberry Pi says which one it is. gpiozero looks below /proc, which the unit hides."""
ANY_BOARD: Final = 0xC03111
"""A Raspberry Pi 4: another board with a GPIO chip has its 40 pins taken for those."""
_PROBLEMS: Final = {
    errno.EACCES: "panel_access_denied",
    errno.EPERM: "panel_access_denied",
    errno.EBUSY: "panel_busy",
    errno.ENOENT: "panel_absent",
    errno.ENODEV: "panel_absent",
}


def lgpio_factory(chip: int) -> Any:
    """gpiozero's factory over `/dev/gpiochip<chip>`. Raises what the drivers raise."""
    path = Path(f"/dev/gpiochip{chip}")
    if not path.exists():
        raise PanelError("panel_absent", chip=chip)
    if not os.access(path, os.R_OK | os.W_OK):
        raise PanelError("panel_access_denied", chip=chip)
    from gpiozero.pins.lgpio import LGPIOFactory

    class Chip(LGPIOFactory):  # type: ignore[misc]
        def _get_revision(self) -> int:
            return _revision()

    return Chip(chip=chip)


def _revision() -> int:
    try:
        return int.from_bytes(REVISION.read_bytes()[:4], "big")
    except OSError:
        return ANY_BOARD


class GpioPins:
    """`Pins` by gpiozero. `factory` makes its pin factory; tests give gpiozero's own mock."""

    def __init__(self, factory: Callable[[], Any]) -> None:
        self._make = factory
        self._factory: Any = None

    def open(self) -> None:
        # One that hung was never closed, and would hold its pins for ever.
        self.close()
        with _translated():
            self._factory = self._make()

    def output(self, wiring: Wiring) -> Output:
        with _translated():
            from gpiozero import DigitalOutputDevice

            device = DigitalOutputDevice(
                wiring.pin,
                active_high=wiring.active_high,
                initial_value=False,
                pin_factory=self._factory,
            )
        return _Output(device)

    def input(self, wiring: Wiring, pull: Pull, on_edge: Callable[[], None]) -> Input:
        pulled = None if pull is Pull.NONE else pull is Pull.UP
        with _translated():
            from gpiozero import DigitalInputDevice

            device = DigitalInputDevice(
                wiring.pin,
                pull_up=pulled,
                active_state=wiring.active_high if pulled is None else None,
                pin_factory=self._factory,
            )
            device.when_activated = on_edge
            device.when_deactivated = on_edge
        return _Input(device)

    def close(self) -> None:
        factory, self._factory = self._factory, None
        if factory is not None:
            with _translated():
                factory.close()


class _Output:
    def __init__(self, device: Any) -> None:
        self._device = device

    def switch(self, on: bool) -> None:
        with _translated():
            self._device.value = on

    def close(self) -> None:
        with _translated():
            self._device.off()
            self._device.close()


class _Input:
    def __init__(self, device: Any) -> None:
        self._device = device

    def closed(self) -> bool:
        with _translated():
            return bool(self._device.is_active)

    def close(self) -> None:
        with _translated():
            self._device.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PanelError:
        raise
    except OSError as error:
        raise PanelError(_PROBLEMS.get(error.errno or 0, "panel_cut_off")) from error
    except ImportError as error:
        raise PanelError("panel_driver_missing") from error
    except _driver_errors() as error:
        raise PanelError(_named(error)) from error


def _driver_errors() -> tuple[type[Exception], ...]:
    """gpiozero's errors and lgpio's, as far as they are installed."""
    found: list[type[Exception]] = []
    try:
        from gpiozero.exc import GPIOZeroError

        found.append(GPIOZeroError)
        import lgpio
    except ImportError as error:
        log.debug("a GPIO driver is not installed: %s", error)
    else:
        found.append(lgpio.error)
    return tuple(found)


def _named(error: Exception) -> str:
    """By the name of the class: the classes themselves need the drivers."""
    if type(error).__name__ == "GPIOPinInUse" or "busy" in str(error).lower():
        return "panel_busy"
    if type(error).__name__.startswith(("Pin", "GPIOPin")):
        return "panel_pin_refused"
    return "panel_cut_off"
