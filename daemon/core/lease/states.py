"""The states of a lease in the books of the cloud, as a table.

    ACTIVE          may be granted more
    RECALLING       the device was asked to give it up; nothing new is granted
    CLOSED_CLEAN    the device left with nothing out
    CLOSED_FORCED   taken back without the device; what it says later is charged

An event that the table does not have raises `Refused` and changes nothing. That the time of a
device is over (`device.may_spend`) changes no state: the money stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from daemon.core.errors import Refused
from daemon.core.lease.values import LeaseState


class LeaseEvent(Enum):
    GRANT = "grant"
    RECALL = "recall"
    EMPTIED = "nothing is out"
    LEFT = "the device left, nothing is out"
    FILLED = "a leaf brings money"
    FORCE = "force"


def _table() -> Mapping[tuple[LeaseState, LeaseEvent], LeaseState]:
    s, e = LeaseState, LeaseEvent
    table = {
        (s.ACTIVE, e.GRANT): s.ACTIVE,
        (s.ACTIVE, e.RECALL): s.RECALLING,
        (s.ACTIVE, e.EMPTIED): s.ACTIVE,
        (s.ACTIVE, e.LEFT): s.CLOSED_CLEAN,
        (s.ACTIVE, e.FILLED): s.ACTIVE,
        (s.RECALLING, e.RECALL): s.RECALLING,
        (s.RECALLING, e.EMPTIED): s.ACTIVE,
        (s.RECALLING, e.LEFT): s.CLOSED_CLEAN,
        (s.RECALLING, e.FILLED): s.RECALLING,
        (s.CLOSED_CLEAN, e.RECALL): s.CLOSED_CLEAN,
        (s.CLOSED_CLEAN, e.EMPTIED): s.CLOSED_CLEAN,
        (s.CLOSED_CLEAN, e.LEFT): s.CLOSED_CLEAN,
        (s.CLOSED_CLEAN, e.FILLED): s.RECALLING,
        (s.CLOSED_FORCED, e.RECALL): s.CLOSED_FORCED,
        (s.CLOSED_FORCED, e.EMPTIED): s.CLOSED_FORCED,
        (s.CLOSED_FORCED, e.LEFT): s.CLOSED_FORCED,
        (s.CLOSED_FORCED, e.FILLED): s.CLOSED_FORCED,
    }
    return table | {(state, e.FORCE): s.CLOSED_FORCED for state in s}


TABLE: Final = _table()


def move(state: LeaseState, event: LeaseEvent) -> LeaseState:
    """The state after `event`. Raises Refused("lease_not_active"): only a grant can be refused."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise Refused("lease_not_active", state=state.value) from None
