"""The faults a person or a test can give the printer, and what its sensors say of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.printer.status import Condition

SENSOR_FAULTS = {
    "ok": Condition(),
    "paper-near-end": Condition(paper_near_end=True),
    "paper-out": Condition(paper_out=True),
    "cover-open": Condition(cover_open=True),
    "offline": Condition(switched_offline=True),
}
LINE_FAULTS = ("mute", "slow", "cut-connection", "refuse", "stall", "garble", "babble")
"""garble: every answer is no answer; babble: talks without an end, and answers nothing."""
FAULTS = (*SENSOR_FAULTS, *LINE_FAULTS)

DEFAULT_BYTES_PER_S = 960
"""A serial line of 9,600 baud."""
MAX_OPTION = 1 << 31


class FaultError(ValueError):
    """A fault, or an option of one, that does not exist."""


@dataclass(frozen=True)
class Fault:
    """`after_bytes` lets that many bytes through before it begins: sensor faults count bytes
    that were printed, line faults bytes that were received. `bytes_per_s` belongs to `slow`,
    `times` to `cut-connection`: so many connections are cut, then the printer is ok again."""

    name: str = "ok"
    after_bytes: int = 0
    bytes_per_s: int = DEFAULT_BYTES_PER_S
    times: int = 1

    @property
    def condition(self) -> Condition:
        """What the sensors see once the fault has begun."""
        return SENSOR_FAULTS.get(self.name, Condition())

    @property
    def counts_printed(self) -> bool:
        """Whether `after_bytes` counts printed bytes."""
        return self.name in SENSOR_FAULTS


def parse_fault(body: Any) -> Fault:
    """{"fault": name, "after_bytes"?, "bytes_per_s"?, "times"?} -> Fault. Raises FaultError."""
    if not isinstance(body, dict):
        raise FaultError("an object is expected")
    options = dict(body)
    name = options.pop("fault", None)
    if name not in FAULTS:
        raise FaultError(f"fault is one of {', '.join(FAULTS)}")
    least = {"after_bytes": 0, "bytes_per_s": 1, "times": 1}
    for key, value in options.items():
        if key not in least:
            raise FaultError(f"no option {key}")
        if type(value) is not int or not least[key] <= value <= MAX_OPTION:
            raise FaultError(f"{key} is a number from {least[key]} to {MAX_OPTION}")
    return Fault(name, **options)
