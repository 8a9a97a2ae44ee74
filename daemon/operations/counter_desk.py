"""The counter: serves readers' events, the cashier's commands and time-outs one after the other,
and moves the current sale through the table of daemon.core.counter. Nothing else changes it.

What happens in a turn is told elsewhere: `current_sale` (a sale on its way), `cards_there` (cards
on the readers), `issue_desk` (cards for members), `last_run` (what a stop left behind)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from daemon.core.counter import State
from daemon.core.errors import LedgerError
from daemon.operations import purse_load, refund_sale, sell, shifts
from daemon.operations.cards_there import CardsThere
from daemon.operations.current_sale import CurrentSale
from daemon.operations.issue_desk import AskedCard, IssueDesk
from daemon.operations.last_run import LastRun
from daemon.operations.one_by_one import OneByOne
from daemon.operations.purse_load import LoadOrder
from daemon.operations.sell import Order
from daemon.operations.shop import Actor, Shop
from daemon.operations.till import Till
from daemon.operations.views import reader_view
from daemon.operations.void import void
from daemon.operations.what_is import Scans
from daemon.ports.cards import (
    CardLaid,
    CardLifted,
    CodeScanned,
    Presence,
    ReaderChanged,
    SwipeRefused,
)


class CounterDesk:
    """`run()` is the supervising task. Every public coroutine takes its turn there and raises what
    the operation raises; a cancelled caller does not cancel the work."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._turns = OneByOne(self._ledger_failed)
        self.till = Till(shop, self._wait_over)
        self.issues = IssueDesk(shop)
        self._cards = CardsThere(shop, self.till)
        self._last_run = LastRun(shop)
        self._scans = Scans(shop)
        self._sale = CurrentSale(
            shop, self.till, self._cards, self._last_run, self.issues.require_none
        )

    async def run(self) -> None:
        """Takes up a sale that a crash left torn, then serves for ever."""
        torn = await self._last_run.take_up()
        if torn is not None:
            await self._sale.restore(torn)
        watcher = asyncio.create_task(self._watch_readers(), name="counter-readers")
        try:
            await self._turns.serve()
        finally:
            watcher.cancel()
            self.till.stop_waiting()

    async def last_run(self) -> dict[str, Any] | None:
        """What the stop before this start left behind, told until the next sale is begun."""
        return await self._last_run.view()

    async def finish(self) -> None:
        """Returns when everything that was asked before has had its turn."""

        async def nothing() -> None:
            return None

        await self._turns.do(nothing)

    async def _watch_readers(self) -> None:
        async for event in self._shop.readers.events():
            match event:
                case ReaderChanged(status):
                    self._shop.events.publish("reader", reader_view(status))
                case SwipeRefused(reader, reason):
                    self._shop.events.publish("swipe", {"reader": reader, "reason": reason})
                case CodeScanned(reader, text):
                    await self._scans.scanned(reader, text)
                case CardLaid(presence):
                    await self._turns.put(partial(self._card_laid, presence))
                case CardLifted():
                    await self._turns.put(partial(self._cards.lifted, event))

    def _ledger_failed(self, error: LedgerError) -> None:
        self._shop.events.publish("ledger", {"ok": False, "stopped": error.key})

    def _wait_over(self, sale_id: str, moves: int) -> None:
        self._turns.put_soon(lambda: self._sale.timed_out(sale_id, moves))

    def shown_member(self) -> str | None:
        """Whose card lies there, proved, without a sale."""
        return self._cards.shown_member()

    # -- what the cashier asks -------------------------------------------------------------------

    async def begin(self, actor: Actor, order: Order, key: str) -> dict[str, Any]:
        """Opens a sale and makes it the current one; one that takes nothing from an account is paid
        when this returns. Raises BadRequest, NotFound, Refused, NotAllowed, Conflict."""
        return await self._turns.do(lambda: self._sale.begin(actor, order, key))

    async def give_pin(self, sale_id: str, pin: str) -> dict[str, Any]:
        """Raises NotAllowed("pin_wrong" | "pin_locked"), Conflict."""
        return await self._turns.do(lambda: self._sale.give_pin(sale_id, pin))

    async def confirm(self, sale_id: str) -> dict[str, Any]:
        """The cashier says that the repeated sale is meant. Raises Conflict."""
        return await self._turns.do(lambda: self._sale.confirm(sale_id))

    async def cancel(self, sale_id: str) -> dict[str, Any]:
        """Ends a current or parked sale. One that has ended stays as it ended, and the counter is
        cleared of it. Raises NotFound, Conflict."""
        return await self._turns.do(lambda: self._sale.cancel(sale_id, "cancelled_by_cashier"))

    async def cancel_waiting(self) -> None:
        """The cancel button: ends a sale that waits for its card or PIN when the turn comes. One
        that was paid meanwhile stays, and stays shown."""
        await self._turns.do(self._sale.cancel_waiting)

    async def confirm_asked(self) -> None:
        """The confirm button: yes to "once more?", if that is asked when the turn comes."""
        await self._turns.do(self._sale.confirm_asked)

    async def park(self, sale_id: str) -> dict[str, Any]:
        return await self._turns.do(lambda: self._sale.park(sale_id))

    async def resume(self, actor: Actor, sale_id: str) -> dict[str, Any]:
        return await self._turns.do(lambda: self._sale.resume(actor, sale_id))

    async def void(self, actor: Actor, sale_id: str, key: str) -> dict[str, Any]:
        """As daemon.operations.void, and the counter shows it where it is the last sale."""
        undo = partial(void, self._shop, actor, sell.KIND, sale_id, key)
        return await self._turns.do(lambda: self._undo(sale_id, undo))

    async def refund(
        self, actor: Actor, sale_id: str, lines: Mapping[str, int] | None, key: str
    ) -> dict[str, Any]:
        """As daemon.operations.refund_sale, and the counter shows it where it is the last sale."""
        undo = partial(refund_sale.refund, self._shop, actor, sale_id, lines, key)
        return await self._turns.do(lambda: self._undo(sale_id, undo))

    async def _undo(
        self, sale_id: str, undo: Callable[[], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any]:
        view = await undo()
        await self._sale.undone(sale_id)
        return view

    async def close_shift(self, actor: Actor, counted: shifts.Counted, key: str) -> dict[str, Any]:
        """As daemon.operations.shifts, in a turn of its own: no card comes in between."""
        free = self.issues.require_none
        close = partial(shifts.close_shift, self._shop, actor, counted, key, free)
        return await self._turns.do(close)

    async def load_purse(self, actor: Actor, order: LoadOrder, key: str) -> dict[str, Any]:
        """Money from the account onto the purse of the card that lies there. Raises as
        daemon.operations.purse_load, and Conflict("counter_busy")."""

        async def work() -> dict[str, Any]:
            known = await purse_load.known_load(self._shop, actor, order, key)
            if known is not None:
                return known
            self._sale.require_free()
            return await purse_load.load(self._shop, actor, self._cards.any(), order, key)

        return await self._turns.do(work)

    async def begin_issue(self, asked: AskedCard) -> dict[str, Any]:
        """The next card laid down becomes the member's. Raises NotFound, Conflict."""
        return await self._turns.do(lambda: self._begin_issue(asked))

    async def cancel_issue(self, issue_id: str) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return self.issues.cancel(issue_id)

        return await self._turns.do(work)

    # -- readers -----------------------------------------------------------------------------------

    async def _card_laid(self, presence: Presence) -> None:
        self._cards.laid(presence)
        if self.issues.waiting:
            await self.issues.onto(presence)
        elif self.till.state is State.UNKNOWN:
            await self._sale.torn_card_again(presence)
        elif self.till.state is State.AWAITING_CARD and self.till.ask != "double_tap":
            await self._sale.card_laid(presence)
        elif self._sale.awaits_named_pin:
            await self._sale.card_instead_of_pin(presence)
        elif not self.till.busy:
            await self._cards.show(presence)

    async def _begin_issue(self, asked: AskedCard) -> dict[str, Any]:
        issue = await self.issues.begin(asked, self._sale.require_free)
        presence = self._cards.any()
        if presence is not None and self.issues.waiting:
            issue = await self.issues.onto(presence)
        return issue
