"""What a device asks of its cloud, and what it is answered: pure, parts of the messages.

A request carries an id; the same id asked again finds the first answer (a Debit that was not made
may be asked again). Amounts are fen, points or uses, always positive; times Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.core.errors import SyncError
from daemon.sync.link.fields import MOST_RULE, Fields

BAD_REPORT: Final = "report_malformed"
BAD_ORDERS: Final = "orders_malformed"


@dataclass(frozen=True, slots=True)
class Debit:
    """An online debit for the sale `txid`: `amount_fen` of money in the shop's `order` of spending
    (a value of `daemon.core.policy.SpendOrder`), and `units` of points or passes. `txid` is the
    request's id."""

    txid: str
    member_id: str
    amount_fen: int
    order: str
    units: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What became of the debit `txid`?"""

    txid: str


@dataclass(frozen=True, slots=True)
class Reverse:
    """The debit `txid` is not to be: a tombstone, also where it never arrived."""

    txid: str


@dataclass(frozen=True, slots=True)
class Want:
    """What can be given here of a member, found by id or by the UID of a card. `rid` names the
    request."""

    rid: str
    member_id: str | None
    uid: bytes | None


@dataclass(frozen=True, slots=True)
class Refund:
    """May `quantity` of a line of a sale of another device come back here? Once for `rid`."""

    rid: str
    sale_id: str
    line_id: str
    quantity: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Whole:
    """What has the member in the whole chain? Moves nothing; the orders of the answer tell it
    (`messages.WholeOf`)."""

    rid: str
    member_id: str


Request = Debit | Status | Reverse | Want | Refund | Whole


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an account. `rule` is the text that the lot was bought under."""

    asset: str
    lot: int
    amount: int
    rule: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The debit `txid` was made: these parts are the device's."""

    txid: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class HeldAt:
    """What another holder has. `seen_ms`: when the cloud last heard of it."""

    store: str
    device: str
    amount_fen: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Insufficient:
    """The debit `txid` was not made: `available_fen` is left in reserve. It may be asked again
    under the same id."""

    txid: str
    available_fen: int
    held: tuple[HeldAt, ...]


@dataclass(frozen=True, slots=True)
class Reversed:
    """`txid` has no effect now and never will have."""

    txid: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known of `txid` (yet)."""

    txid: str


@dataclass(frozen=True, slots=True)
class Done:
    """A Want was taken up (what can be given comes as grants and deltas); a Refund is allowed; a
    Whole stands in these orders."""

    rid: str


@dataclass(frozen=True, slots=True)
class Refused:
    """`key` names the sentence; `facts` are numbers for it."""

    rid: str
    key: str
    facts: Mapping[str, int] = field(default_factory=dict)


Answer = Granted | Insufficient | Reversed | Unknown | Done | Refused


def request_out(request: Request) -> list[object]:
    """As it stands in a report."""
    match request:
        case Debit():
            units = [list(unit) for unit in request.units]
            return [
                "debit",
                [request.txid, request.member_id, request.amount_fen, request.order, units],
            ]
        case Status():
            return ["status", [request.txid]]
        case Reverse():
            return ["reverse", [request.txid]]
        case Want():
            return ["want", [request.rid, request.member_id, request.uid]]
        case Refund():
            what = [request.rid, request.sale_id, request.line_id]
            return ["refund", [*what, request.quantity, request.amount_fen]]
        case Whole():
            return ["whole", [request.rid, request.member_id]]


def request_in(value: object) -> Request:
    """Raises SyncError("report_malformed")."""
    outer = Fields(value, 2, BAD_REPORT)
    kind = outer.text()
    sizes = {"debit": 5, "status": 1, "reverse": 1, "want": 3, "refund": 5, "whole": 2}
    if kind not in sizes:
        raise SyncError(BAD_REPORT)
    fields = outer.one(lambda item: Fields(item, sizes[kind], BAD_REPORT))
    match kind:
        case "debit":
            return Debit(
                fields.text(), fields.text(), fields.whole(), fields.text(), fields.rows(_unit_in)
            )
        case "status":
            return Status(fields.text())
        case "reverse":
            return Reverse(fields.text())
        case "want":
            return Want(fields.text(), fields.maybe_text(), fields.maybe_octets())
        case "whole":
            return Whole(fields.text(), fields.text())
        case _:
            return Refund(
                fields.text(), fields.text(), fields.text(), fields.whole(1), fields.whole()
            )


def _unit_in(value: object) -> tuple[str, int]:
    fields = Fields(value, 2, BAD_REPORT)
    return fields.text(), fields.whole(1)


def answer_out(answer: Answer) -> list[object]:
    """As it stands in orders."""
    match answer:
        case Granted():
            parts = [[p.asset, p.lot, p.amount, p.rule] for p in answer.parts]
            return ["granted", [answer.txid, parts]]
        case Insufficient():
            held = [[h.store, h.device, h.amount_fen, h.seen_ms] for h in answer.held]
            return ["insufficient", [answer.txid, answer.available_fen, held]]
        case Reversed():
            return ["reversed", [answer.txid]]
        case Unknown():
            return ["unknown", [answer.txid]]
        case Done():
            return ["done", [answer.rid]]
        case Refused():
            return ["refused", [answer.rid, answer.key, dict(answer.facts)]]


def answer_in(value: object) -> Answer:
    """Raises SyncError("orders_malformed")."""
    outer = Fields(value, 2, BAD_ORDERS)
    kind = outer.text()
    sizes = {"granted": 2, "insufficient": 3, "reversed": 1, "unknown": 1, "done": 1, "refused": 3}
    if kind not in sizes:
        raise SyncError(BAD_ORDERS)
    fields = outer.one(lambda item: Fields(item, sizes[kind], BAD_ORDERS))
    match kind:
        case "granted":
            return Granted(fields.text(), fields.rows(_part_in))
        case "insufficient":
            return Insufficient(fields.text(), fields.whole(), fields.rows(_held_in))
        case "reversed":
            return Reversed(fields.text())
        case "unknown":
            return Unknown(fields.text())
        case "done":
            return Done(fields.text())
        case _:
            return Refused(fields.text(), fields.text(), fields.wholes_by_name())


def _part_in(value: object) -> Part:
    fields = Fields(value, 4, BAD_ORDERS)
    return Part(fields.text(), fields.whole(), fields.whole(1), fields.text(MOST_RULE))


def _held_in(value: object) -> HeldAt:
    fields = Fields(value, 4, BAD_ORDERS)
    return HeldAt(fields.text(), fields.text(), fields.whole(), fields.whole())
