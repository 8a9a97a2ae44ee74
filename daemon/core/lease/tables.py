"""The tables of the lease protocol, as data and as Markdown for the documents. Tests hold every row
against the code: the changes of `EVENTS` are computed and compared with what `rows.py` does, the
kinds of `POSTINGS` with what `moves.py` sorts.

In a change, `x` is the amount, `m` and the letters are those of docs/leases.md; `d` is the amount
of an online debit as it was answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.lease.policy import SETTINGS, ChainPolicy
from daemon.core.lease.states import TABLE, LeaseEvent
from daemon.core.lease.values import LeaseState


@dataclass(frozen=True, slots=True)
class EventRow:
    """`name` is the function of rows.py; `late` whether the lease was closed by force."""

    name: str
    said_by: str
    change: str
    note: str = ""
    late: bool = False


EVENTS: Final = (
    EventRow("grant", "cloud", "R -= x; g += x", "needs R >= x; committed before it is sent"),
    EventRow("debit", "request", "R -= x; D += x", "needs R >= x and no tombstone; once a txid"),
    EventRow("reverse", "request", "D -= d; R += d", "leaves a tombstone, also before the debit"),
    EventRow("repay", "cloud", "m = min(R, O); R -= m; O -= m", "the member bears"),
    EventRow("write_off", "cloud", "O -= x; F += x", "the merchant bears"),
    EventRow("force", "operator", "m = out; fr += m; R += m; X += m", "closes the lease"),
    EventRow("force_debit", "operator", "D -= d; R += d; X += d", "open debits of that device"),
    EventRow("seen", "leaf", "seen += x", "above g: a finding, R and then O pays"),
    EventRow("taken", "leaf", "D -= d; online += x; R += d - x", "once a txid"),
    EventRow("topped_up", "leaf", "F += x; tu += x"),
    EventRow("refunded", "leaf", "S -= x; rf += x"),
    EventRow("spent", "leaf", "S += x; sp += x"),
    EventRow("returned", "leaf", "R += x; rt += x"),
    EventRow("credit", "leaf", "m = min(R, x); R -= m; O += x - m; S += x; cr += x"),
    EventRow("credit_back", "leaf", "m = min(O, x); O -= m; R += x - m; S -= x"),
    EventRow("taken", "leaf", "online += x; fr += x; X -= d - x", "a forced debit", late=True),
    EventRow("topped_up", "leaf", "F += x; tu += x; fr += x; R += x; X += x", late=True),
    EventRow("refunded", "leaf", "S -= x; rf += x; fr += x; R += x; X += x", late=True),
    EventRow(
        "spent",
        "leaf",
        "S += x; sp += x; fr -= x; X -= x; m = min(R, x); R -= m; O += x - m",
        "what the force gave back is charged",
        late=True,
    ),
    EventRow("returned", "leaf", "rt += x; fr -= x; X -= x", "the force gave it back", late=True),
    EventRow("reverse", "request", "X -= d", "a forced debit: it was never taken", late=True),
)


@dataclass(frozen=True, slots=True)
class PostingRow:
    """Which counter a posting of a member's account adds to; "" is none, "-" malformed."""

    kinds: str
    funding: str
    plus: str
    minus: str


POSTINGS: Final = (
    PostingRow("GRANTED", "LEASE", "seen", "-"),
    PostingRow("GRANTED", "ONLINE", "online", "-"),
    PostingRow("RELEASED", "LEASE", "-", "returned"),
    PostingRow("LEASE_VOIDED", "LEASE", "-", ""),
    PostingRow("VOID_SALE, REFUND", "any", "refunded", "spent"),
    PostingRow("every other", "any", "topped_up", "spent"),
)


def draw_events() -> str:
    rows = [
        (
            f"`{row.name}`" + (", late" if row.late else ""),
            row.said_by,
            f"`{row.change}`",
            row.note,
        )
        for row in EVENTS
    ]
    return _table(("event", "said by", "change", ""), rows)


def draw_states() -> str:
    """A row a state, a column an event; a dash where the event is refused."""
    rows = []
    for state in LeaseState:
        after = [TABLE.get((state, event)) for event in LeaseEvent]
        cells = ["-" if each is None else _state(each) for each in after]
        rows.append((_state(state), *cells))
    return _table(("state", *(event.value for event in LeaseEvent)), rows)


def draw_postings() -> str:
    rows = [(row.kinds, row.funding, _counter(row.plus), _counter(row.minus)) for row in POSTINGS]
    return _table(("kind", "funding", "member +", "member -"), rows)


def draw_settings() -> str:
    """The policy with its defaults and bounds."""
    policy = ChainPolicy()
    rows = [
        (f"`{name}`", str(getattr(policy, name)), f"{each.low} to {each.high}", each.what)
        for name, each in SETTINGS.items()
    ]
    bearer = ("`overspend_bearer`", policy.overspend_bearer.value, "member, merchant")
    rows.append((*bearer, "who bears an overspend"))
    return _table(("setting", "default", "bounds", "what"), rows)


def _state(state: LeaseState) -> str:
    return state.name


def _counter(name: str) -> str:
    return {"-": "malformed", "": "nothing"}.get(name, f"`{name}`")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
