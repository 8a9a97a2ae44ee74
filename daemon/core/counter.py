"""The counter's state machine, as a table.

A counter has at most one current sale. Its states say what the cashier waits for:

    IDLE            nothing; a card or an amount may come first
    AMOUNT          a card lies on the reader (tap first, then charge): the amount is awaited
    AWAITING_CARD   a sale waits for a card, also again after the card was lifted too soon
    AWAITING_PIN    the member types the PIN
    AUTHENTICATING  the card is being read and proves itself
    DECIDING        the books decide and the card's counter is moved on
    COMMITTED       the sale is durable; only now may anything say "approved"
    PRINTING        the receipt is with the spool
    DONE, DECLINED, CANCELLED   how a sale ended; shown until the next tap or amount
    UNKNOWN         the card left while it was committing: the next tap of it tells

A sale that takes nothing from an account is paid at once (PAID), and one for a member who was found
without a card asks for the PIN first (NAMED): the PIN, or the member's card after all.

An event that the table does not have raises `IllegalMove` and changes nothing. The cashier never
waits for paper: a new sale may begin in COMMITTED and PRINTING. `docs/counter.md` is drawn from
this table by `draw()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from daemon.core.errors import Conflict


class State(Enum):
    IDLE = "idle"
    AMOUNT = "amount"
    AWAITING_CARD = "awaiting_card"
    AWAITING_PIN = "awaiting_pin"
    AUTHENTICATING = "authenticating"
    DECIDING = "deciding"
    COMMITTED = "committed"
    PRINTING = "printing"
    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Event(Enum):
    AMOUNT_GIVEN = "amount given"
    CARD_LAID = "card laid"
    CARD_SHOWN = "card shown without a sale"
    CARD_LIFTED = "card lifted"
    CONTACT_LOST = "contact lost, nothing committed"
    PROVED = "card proved"
    PIN_ASKED = "PIN asked"
    PIN_GIVEN = "PIN right"
    ASKED_AGAIN = "cashier is asked"
    APPROVED = "approved"
    REFUSED = "refused"
    TORN = "torn while committing"
    QUEUED = "receipt queued"
    PAPER = "paper out or given up"
    CANCEL = "cancel"
    TIME_OUT = "time out"
    PARK = "park"
    RESTORE = "found torn after a restart"
    PAID = "paid without a card"
    NAMED = "member named without a card"


class IllegalMove(Conflict):
    """The event does not fit the state; nothing was changed."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__("counter_busy", state=state.value, event=event.value)


_ENDED = (State.DONE, State.DECLINED, State.CANCELLED)
_FREE = (State.IDLE, *_ENDED, State.COMMITTED, State.PRINTING)


def _table() -> Mapping[tuple[State, Event], State]:
    s, e = State, Event
    table = {
        (s.AMOUNT, e.AMOUNT_GIVEN): s.AUTHENTICATING,
        (s.AMOUNT, e.CARD_LIFTED): s.IDLE,
        (s.AMOUNT, e.CARD_SHOWN): s.AMOUNT,
        (s.AMOUNT, e.REFUSED): s.DECLINED,
        (s.AMOUNT, e.CANCEL): s.IDLE,
        (s.AMOUNT, e.PAID): s.COMMITTED,
        (s.AMOUNT, e.NAMED): s.AWAITING_PIN,
        (s.AWAITING_CARD, e.CARD_LAID): s.AUTHENTICATING,
        (s.AWAITING_CARD, e.CANCEL): s.CANCELLED,
        (s.AWAITING_CARD, e.TIME_OUT): s.CANCELLED,
        (s.AWAITING_CARD, e.PARK): s.IDLE,
        (s.AUTHENTICATING, e.PROVED): s.DECIDING,
        (s.AUTHENTICATING, e.REFUSED): s.DECLINED,
        (s.AUTHENTICATING, e.CONTACT_LOST): s.AWAITING_CARD,
        (s.AUTHENTICATING, e.TORN): s.UNKNOWN,
        (s.DECIDING, e.PIN_ASKED): s.AWAITING_PIN,
        (s.DECIDING, e.ASKED_AGAIN): s.AWAITING_CARD,
        (s.DECIDING, e.APPROVED): s.COMMITTED,
        (s.DECIDING, e.REFUSED): s.DECLINED,
        (s.DECIDING, e.CONTACT_LOST): s.AWAITING_CARD,
        (s.DECIDING, e.TORN): s.UNKNOWN,
        (s.AWAITING_PIN, e.PIN_GIVEN): s.AWAITING_CARD,
        (s.AWAITING_PIN, e.CARD_LAID): s.AUTHENTICATING,
        (s.AWAITING_PIN, e.REFUSED): s.DECLINED,
        (s.AWAITING_PIN, e.CANCEL): s.CANCELLED,
        (s.AWAITING_PIN, e.TIME_OUT): s.CANCELLED,
        (s.AWAITING_PIN, e.PARK): s.IDLE,
        (s.COMMITTED, e.QUEUED): s.PRINTING,
        (s.PRINTING, e.PAPER): s.DONE,
        (s.UNKNOWN, e.CARD_LAID): s.AUTHENTICATING,
        (s.UNKNOWN, e.CANCEL): s.CANCELLED,
        (s.IDLE, e.RESTORE): s.UNKNOWN,
    }
    for free in _FREE:
        table[free, e.AMOUNT_GIVEN] = s.AWAITING_CARD
        table[free, e.CARD_SHOWN] = s.AMOUNT
        table[free, e.REFUSED] = s.DECLINED
        table[free, e.PAID] = s.COMMITTED
        table[free, e.NAMED] = s.AWAITING_PIN
    for ended in _ENDED:
        table[ended, e.CANCEL] = s.IDLE
    return table


TABLE = _table()
WAITS = {State.AWAITING_CARD: "card_wait_ms", State.AWAITING_PIN: "pin_wait_ms"}
"""States with a time-out, and the policy field that sets it."""


def move(state: State, event: Event) -> State:
    """The state after `event`. Raises IllegalMove."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalMove(state, event) from None


def draw() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for (state, event), after in sorted(TABLE.items(), key=lambda row: str(row)):
        lines.append(f"    {state.value} --> {after.value}: {event.value}")
    return "\n".join(lines)
