"""What the customer's side of the counter shows: lamps, sounds and a scene for the display.

Everything follows from the events that the pages get. `Front` is what is known of the counter;
`told` folds one event into it and `Front.scene` says what that comes to. "Approved" is said of a
sale in COMMITTED and later alone (`daemon.core.counter`), never before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from daemon.core.counter import State


class Lamp(Enum):
    READY = "ready"
    APPROVED = "approved"
    DECLINED = "declined"
    ATTENTION = "attention"


class Glow(Enum):
    DARK = "dark"
    LIT = "lit"
    BLINKING = "blinking"


class Sound(Enum):
    APPROVED = "approved"
    DECLINED = "declined"
    ATTENTION = "attention"


class Button(Enum):
    CANCEL = "cancel"
    CONFIRM = "confirm"


class KeyPosition(Enum):
    """The key switch of the till. New sales begin in OPEN only."""

    OPEN = "open"
    OFFICE = "office"
    OFF = "off"


SOUNDS: Final[Mapping[Sound, tuple[int, ...]]] = {
    Sound.APPROVED: (120,),
    Sound.DECLINED: (700,),
    Sound.ATTENTION: (120, 120, 120, 120, 120),
}
"""Milliseconds of sound and silence, in turn, beginning with sound."""
BLINK_MS: Final = 400
"""Lit as long as dark: seen at a glance, and slow enough not to disturb (below 3 Hz)."""


class Act(Enum):
    """What the display tells the member."""

    CLOSED = "closed"
    IDLE = "idle"
    CARD_THERE = "card_there"
    LAY_CARD = "lay_card"
    LAY_AGAIN = "lay_again"
    ASK_TWICE = "ask_twice"
    TYPE_PIN = "type_pin"
    WAIT = "wait"
    PAID = "paid"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Scene:
    """`balance_fen` is what the member has left, None where it is not known. `stars` is how many
    digits of a PIN were typed."""

    act: Act
    amount_fen: int | None = None
    balance_fen: int | None = None
    change_fen: int = 0
    stars: int = 0


@dataclass(frozen=True, slots=True)
class Front:
    """What the events said so far. `shown` False: the end of a sale was shown long enough."""

    state: State = State.IDLE
    sale_id: str | None = None
    sale_status: str | None = None
    voided: bool = False
    ask: str | None = None
    refusals: int = 0
    amount_fen: int | None = None
    balance_fen: int | None = None
    change_fen: int = 0
    shown: bool = True
    ledger_ok: bool = True
    printer_ok: bool = True
    online: bool = True
    readers: Mapping[str, bool] = field(default_factory=dict)
    key: KeyPosition | None = None

    @property
    def closed(self) -> bool:
        return not self.ledger_ok or self.key in (KeyPosition.OFFICE, KeyPosition.OFF)

    @property
    def paid(self) -> bool:
        """A sale that is durable and shown as such."""
        return self.state in _PAID and self.sale_status == "approved" and not self.voided

    @property
    def fit(self) -> bool:
        """Nothing that a sale depends on is away."""
        reads = not self.readers or any(self.readers.values())
        return self.ledger_ok and self.printer_ok and self.online and reads


_PAID: Final = (State.COMMITTED, State.PRINTING, State.DONE)
ENDED: Final = (*_PAID, State.DECLINED, State.CANCELLED)
"""States that show how a sale ended until somebody looks away."""
_AGAIN: Final = ("tap_again", "tap_same_card")
_WAITS: Final = (State.AWAITING_CARD, State.AWAITING_PIN)


def told(front: Front, kind: str, body: Mapping[str, Any]) -> Front:
    """`front` after one event as daemon.ports.events has it. Kinds that do not matter here change
    nothing."""
    match kind:
        case "counter":
            return _counter(front, body)
        case "reader":
            ready = body.get("state") == "ready"
            return replace(front, readers={**front.readers, str(body.get("name")): ready})
        case "printer":
            return replace(front, printer_ok=body.get("problem") is None)
        case "ledger":
            return replace(front, ledger_ok=body.get("ok") is True)
        case "sync":
            chain = body.get("chain")
            return replace(front, online=not isinstance(chain, Mapping) or bool(chain["online"]))
        case _:
            return front


def _counter(front: Front, body: Mapping[str, Any]) -> Front:
    sale, card = body.get("sale"), body.get("card")
    state = State(body["state"])
    refusals = front.refusals
    if state is State.DECLINED and (sale is None or _new_end(front, state, sale["sale_id"])):
        refusals += 1
    front = replace(
        front, state=state, ask=body.get("ask"), refusals=refusals, shown=True, sale_id=None,
        sale_status=None, voided=False, amount_fen=None, balance_fen=None, change_fen=0,
    )  # fmt: skip
    if sale is not None:
        return replace(
            front,
            sale_id=sale["sale_id"],
            sale_status=sale["status"],
            voided=bool(sale.get("voided")),
            amount_fen=sale.get("amount_fen"),
            balance_fen=_sum_fen(sale.get("balance")),
            change_fen=sale.get("change_fen") or 0,
        )
    if card is not None:
        return replace(front, balance_fen=_sum_fen((card.get("member") or {}).get("balance")))
    return front


def _new_end(front: Front, state: State, sale_id: str) -> bool:
    return front.state is not state or front.sale_id != sale_id


def _sum_fen(balance: Mapping[str, int] | None) -> int | None:
    return None if balance is None else balance["principal_fen"] + balance["bonus_fen"]


def lamps(front: Front) -> dict[Lamp, Glow]:
    """How every lamp stands. With the key not in OPEN all are dark but ATTENTION."""
    asked = front.ask is not None or front.state is State.UNKNOWN
    glow = dict.fromkeys(Lamp, Glow.DARK)
    if asked and not front.closed:
        glow[Lamp.ATTENTION] = Glow.BLINKING
    elif not front.fit:
        glow[Lamp.ATTENTION] = Glow.LIT
    if front.closed:
        return glow
    if front.paid and front.shown:
        glow[Lamp.APPROVED] = Glow.LIT
    elif front.state is State.DECLINED and front.shown:
        glow[Lamp.DECLINED] = Glow.LIT
    elif front.state in _WAITS:
        glow[Lamp.READY] = Glow.BLINKING
    elif front.state in (State.IDLE, State.AMOUNT, *ENDED):
        glow[Lamp.READY] = Glow.LIT
    return glow


def sound(before: Front, after: Front) -> Sound | None:
    """What the step from `before` to `after` sounds like: once for each approval, refusal and
    question, however often it is told."""
    if after.closed and after.ledger_ok:
        return None
    if after.paid and not (before.paid and before.sale_id == after.sale_id):
        return Sound.APPROVED
    if after.refusals != before.refusals:
        return Sound.DECLINED
    torn = after.state is State.UNKNOWN and before.state is not State.UNKNOWN
    asked = after.ask is not None and (after.ask != before.ask or after.sale_id != before.sale_id)
    stopped = before.ledger_ok and not after.ledger_ok
    return Sound.ATTENTION if torn or asked or stopped else None


def scene(front: Front, stars: int = 0) -> Scene:
    """What the display shows. `stars`: digits of a PIN that were typed on the member's side."""
    if front.closed:
        return Scene(Act.CLOSED)
    due = front.amount_fen
    if front.state is State.UNKNOWN:
        return Scene(Act.LAY_AGAIN, due)
    if front.state is State.AWAITING_CARD:
        act = Act.LAY_AGAIN if front.ask in _AGAIN else Act.LAY_CARD
        return Scene(Act.ASK_TWICE if front.ask == "double_tap" else act, due)
    if front.state is State.AWAITING_PIN:
        return Scene(Act.TYPE_PIN, due, stars=stars)
    if front.state in (State.AUTHENTICATING, State.DECIDING):
        return Scene(Act.WAIT, due)
    if front.state is State.AMOUNT:
        return Scene(Act.CARD_THERE, balance_fen=front.balance_fen)
    if front.paid and front.shown:
        return Scene(Act.PAID, due, front.balance_fen, front.change_fen)
    if front.state is State.DECLINED and front.shown:
        return Scene(Act.FAILED, due)
    return Scene(Act.IDLE)
