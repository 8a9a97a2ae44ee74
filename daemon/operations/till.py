"""The till: the current sale, where it stands in the counter's table, and what pages are told of
it. the counter's task (`daemon.operations.counter_desk`) alone moves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.card import Assurance, Proof
from daemon.core.counter import WAITS, Event, State, move
from daemon.core.errors import Conflict
from daemon.core.records import Card, Operation, OpState
from daemon.operations.sale_view import sale_view
from daemon.operations.sell import end_sale, require_sale
from daemon.operations.shop import Actor, Shop
from daemon.ports.cards import Presence
from daemon.ports.ledger import Books

_BUSY = frozenset(
    {State.AWAITING_CARD, State.AWAITING_PIN, State.AUTHENTICATING, State.DECIDING, State.UNKNOWN}
)


@dataclass(slots=True)
class Current:
    """The current sale and what is known of it beside the books. `presence` is where it was last
    tried, `pin_given_for` names the card that a right PIN was given for. `pin_member` is whose PIN
    is asked for; without `pin_proof` that member was found without a card."""

    sale: Operation
    cashier: Actor
    presence: Presence | None = None
    confirmed: bool = False
    pin_proof: Proof | None = None
    pin_card: Card | None = None
    pin_member: str | None = None
    pin_given_for: str | None = None


class Till:
    """`ask` is what the cashier or the member is asked: double_tap, tap_again, tap_same_card,
    card_of_other (a card that is not the named member's lies there; the PIN is still awaited).
    `shown` is a member's card that lies there without a sale, `refusal` why such a card cannot
    pay. `on_wait_over(sale_id, moves)` is called when a waiting state timed out; if `moves` has
    gone on since, the wait was over before."""

    def __init__(self, shop: Shop, on_wait_over: Callable[[str, int], None]) -> None:
        self._shop = shop
        self._on_wait_over = on_wait_over
        self._timer: asyncio.TimerHandle | None = None
        self.state = State.IDLE
        self.current: Current | None = None
        self.ask: str | None = None
        self.shown: Mapping[str, Any] | None = None
        self.refusal: Mapping[str, Any] | None = None
        self.moves = 0
        self.view: dict[str, Any] = self._view(None)

    @property
    def busy(self) -> bool:
        return self.current is not None and self.state in _BUSY

    def is_current(self, sale_id: str) -> bool:
        return self.current is not None and self.current.sale.op_id == sale_id

    def awaits_pin_for(self, sale_id: str) -> bool:
        return self.state is State.AWAITING_PIN and self.is_current(sale_id)

    def require_current(self, sale_id: str) -> Current:
        """Raises Conflict("sale_not_current")."""
        if self.current is None or self.current.sale.op_id != sale_id:
            raise Conflict("sale_not_current")
        return self.current

    def require_free(self) -> None:
        """Raises Conflict("counter_busy")."""
        if self.busy:
            raise Conflict("counter_busy", state=self.state.value)

    def move(self, event: Event) -> None:
        """Raises IllegalMove and changes nothing where the table has no such event."""
        self.state = move(self.state, event)
        self.moves += 1
        self.stop_waiting()
        field = WAITS.get(self.state)
        if field is not None and self.current is not None:
            wait_s = getattr(self._shop.policy, field) / 1000
            loop = asyncio.get_running_loop()
            sale_id = self.current.sale.op_id
            self._timer = loop.call_later(wait_s, self._on_wait_over, sale_id, self.moves)

    def stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def note(
        self, sale_id: str, state: OpState, why: Decline | None, card: Card | None
    ) -> None:
        """Makes durable where a sale stands now, with whose card it was. A sale that has ended
        already is left as it ended."""
        more: dict[str, Any] = {}
        if card is not None:
            proves = self._shop.policy.profiles[card.technology].proves
            more = {
                "member_id": card.member_id,
                "technology": card.technology.value,
                "weak": proves is Assurance.IDENTITY,
            }

        def work(books: Books) -> None:
            sale = require_sale(books, sale_id)
            if sale.state.final:
                return
            if why is None:
                books.change_operation(sale_id, state, answer={**sale.answer, **more})
            else:
                end_sale(self._shop, books, sale_id, state, why, **more)

        await self._shop.ledger.write(work)

    async def sale(self, sale_id: str) -> dict[str, Any]:
        """The sale as the page sees it. In the counter's own turn only: the current sale is read
        anew here (others ask daemon.operations.look_up). Raises NotFound("sale_unknown")."""
        status = "awaiting_pin" if self.awaits_pin_for(sale_id) else None

        def look(books: Books) -> tuple[Operation, dict[str, Any]]:
            sale = require_sale(books, sale_id)
            return sale, sale_view(books, sale, status=status)

        found, view = await self._shop.ledger.read(look)
        if self.is_current(sale_id):
            assert self.current is not None
            self.current.sale = found
        return view

    async def tell(self) -> None:
        """Reads the current sale again and publishes the counter as it is now."""
        sale = None
        if self.current is not None:
            sale = await self.sale(self.current.sale.op_id)
        self.view = self._view(sale)
        self._shop.events.publish("counter", self.view)
        if sale is not None:
            self._shop.events.publish("sale", sale)

    def _view(self, sale: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "state": self.state.value,
            "sale": sale,
            "card": self.shown,
            "refusal": self.refusal,
            "ask": self.ask,
        }

    def paper(self, receipt_id: str) -> None:
        """The spool is through with a receipt, printed or given up for now."""
        if self.state is not State.PRINTING or self.current is None:
            return
        if self.current.sale.answer.get("receipt_id") == receipt_id:
            self.move(Event.PAPER)
            self.view = {**self.view, "state": self.state.value}
            self._shop.events.publish("counter", self.view)
