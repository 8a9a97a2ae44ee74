"""The counter: serves readers' events, the cashier's commands and time-outs one after the other,
and moves the current sale through the table of daemon.core.counter. Nothing else changes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.card import Proof
from daemon.core.counter import WAITS, Event, State
from daemon.core.errors import Conflict, LedgerError
from daemon.core.records import Card, Operation, OpState
from daemon.operations import member_pin, refund_sale, sell
from daemon.operations.cardless_sale import Wait, at_once, pay_with_pin
from daemon.operations.issue_desk import AskedCard, IssueDesk
from daemon.operations.last_paid import LastPaid
from daemon.operations.one_by_one import OneByOne
from daemon.operations.recover import Recovered, recover_sales
from daemon.operations.sale_view import sale_view
from daemon.operations.sell import Order, end_sale, find_card, open_sale, require_sale
from daemon.operations.shop import Actor, Shop
from daemon.operations.show_card import show_card
from daemon.operations.tap import (
    Approved,
    Declined,
    DoubtfulRepeat,
    LostContact,
    Outcome,
    PinNeeded,
    TapRequest,
    Torn,
    pin_key,
    prove,
    settle,
    tap,
)
from daemon.operations.till import Current, Till
from daemon.operations.views import reader_view
from daemon.operations.void import void
from daemon.ports.cards import CardLaid, CardLifted, Presence, ReaderChanged
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)

MOST_SPOOLED = 100
"""How far back a start looks for receipts that wait for paper."""
_ENDED = (State.DONE, State.DECLINED, State.CANCELLED)


class CounterDesk:
    """`run()` is the supervising task. Every public coroutine takes its turn there and raises what
    the operation raises; a cancelled caller does not cancel the work."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._turns = OneByOne(self._ledger_failed)
        self.till = Till(shop, self._wait_over)
        self.issues = IssueDesk(shop)
        self._on_reader: dict[str, Presence] = {}
        self._shown_on: Presence | None = None
        self._last_paid = LastPaid(shop)
        self._recovered = Recovered()
        self._receipts_left = 0

    async def run(self) -> None:
        """Takes up a sale that a crash left torn, then serves for ever."""
        self._receipts_left = await self._count_receipts()
        self._recovered = await recover_sales(self._shop)
        torn = self._recovered.torn
        if torn is not None:
            # Whoever began it is named on the receipt, and may or may not be there still.
            began = Actor("", torn.actor, "", "")
            self.till.current, self.till.ask = Current(torn, began), "tap_again"
            self.till.move(Event.RESTORE)
            await self.till.tell()
        watcher = asyncio.create_task(self._watch_readers(), name="counter-readers")
        try:
            await self._turns.serve()
        finally:
            watcher.cancel()
            self.till.stop_waiting()

    async def _count_receipts(self) -> int:
        kept = await self._shop.ledger.receipts(limit=MOST_SPOOLED)
        return sum(one.state in ("waiting", "printing", "failed") for one in kept)

    async def last_run(self) -> dict[str, Any] | None:
        """What the stop before this start left behind, told until the next sale is begun: the sales
        that were open, as they stand now, and how many receipts waited for paper."""
        left, receipts = self._recovered.sales, self._receipts_left
        if not left and not receipts:
            return None

        def look(books: Books) -> list[dict[str, Any]]:
            return [sale_view(books, require_sale(books, sale_id)) for sale_id in left]

        return {"sales": await self._shop.ledger.read(look), "receipts_waiting": receipts}

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
                case CardLaid(presence):
                    await self._turns.put(partial(self._card_laid, presence))
                case CardLifted():
                    await self._turns.put(partial(self._card_lifted, event))

    def _ledger_failed(self, error: LedgerError) -> None:
        self._shop.events.publish("ledger", {"ok": False, "stopped": error.key})

    # -- what the cashier asks -------------------------------------------------------------------

    async def begin(self, actor: Actor, order: Order, key: str) -> dict[str, Any]:
        """Opens a sale and makes it the current one; one that takes nothing from an account is paid
        when this returns. Raises BadRequest, NotFound, Refused, NotAllowed, Conflict."""
        return await self._turns.do(lambda: self._begin(actor, order, key))

    async def give_pin(self, sale_id: str, pin: str) -> dict[str, Any]:
        """Raises NotAllowed("pin_wrong" | "pin_locked"), Conflict."""
        return await self._turns.do(lambda: self._give_pin(sale_id, pin))

    async def confirm(self, sale_id: str) -> dict[str, Any]:
        """The cashier says that the repeated sale is meant. Raises Conflict."""
        return await self._turns.do(lambda: self._confirm(sale_id))

    async def cancel(self, sale_id: str) -> dict[str, Any]:
        """Ends a current or parked sale. One that has ended stays as it ended, and the counter is
        cleared of it. Raises NotFound, Conflict."""
        return await self._turns.do(lambda: self._cancel(sale_id, "cancelled_by_cashier"))

    async def park(self, sale_id: str) -> dict[str, Any]:
        return await self._turns.do(lambda: self._park(sale_id))

    async def resume(self, actor: Actor, sale_id: str) -> dict[str, Any]:
        return await self._turns.do(lambda: self._resume(actor, sale_id))

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
        self._last_paid.forget(sale_id)
        if self.till.is_current(sale_id):
            await self.till.tell()
        return view

    async def begin_issue(self, asked: AskedCard) -> dict[str, Any]:
        """The next card laid down becomes the member's. Raises NotFound, Conflict."""
        return await self._turns.do(lambda: self._begin_issue(asked))

    async def cancel_issue(self, issue_id: str) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return self.issues.cancel(issue_id)

        return await self._turns.do(work)

    # -- sales -------------------------------------------------------------------------------------

    async def _begin(self, actor: Actor, order: Order, key: str) -> dict[str, Any]:
        shown = self.shown_member()

        def work(books: Books) -> tuple[Operation, Wait | Mapping[str, Any] | None]:
            sale = open_sale(self._shop, books, actor, order, key)
            if sale.state is not OpState.OPEN or self.till.is_current(sale.op_id):
                return sale, None
            self._require_free()
            return sale, at_once(self._shop, books, sale, actor, shown)

        sale, outcome = await self._shop.ledger.write(work)
        if outcome is not None:
            self._recovered, self._receipts_left = Recovered(), 0
            await self._take_up(Current(sale, actor), outcome)
        return await self.till.sale(sale.op_id)

    def shown_member(self) -> str | None:
        """Whose card lies there, proved, without a sale."""
        if self.till.state is not State.AMOUNT or self.till.shown is None:
            return None
        member_id = self.till.shown["member"]["member_id"]
        assert isinstance(member_id, str)
        return member_id

    async def _take_up(self, current: Current, outcome: Wait | Mapping[str, Any]) -> None:
        """The sale is the current one from now on: it waits, or is paid already."""
        if outcome is Wait.CARD:
            await self._make_current(current)
            return
        self._unshow()
        self.till.current, self.till.ask = current, None
        if outcome is Wait.PIN:
            current.pin_member = current.sale.request["member_id"]
            self.till.move(Event.NAMED)
            await self.till.tell()
            return
        assert not isinstance(outcome, Wait)
        self.till.move(Event.PAID)
        await self._approved(outcome)

    async def _approved(self, answer: Mapping[str, Any]) -> None:
        await self.till.tell()
        self.till.move(Event.QUEUED)
        self._shop.receipt_spooled(answer["receipt_id"])

    def _require_free(self) -> None:
        """Raises Conflict("counter_busy")."""
        self.till.require_free()
        self.issues.require_none()

    async def _make_current(self, current: Current) -> None:
        """The card that is shown (and no other) is charged at once; one that still lies there from
        an earlier sale is not: it must be lifted and laid down again."""
        shown = self._shown_on if self.till.state is State.AMOUNT else None
        self._unshow()
        self.till.current = current
        self.till.ask = "tap_again" if self._on_reader and shown is None else None
        self.till.move(Event.AMOUNT_GIVEN)
        if shown is not None:
            await self._charge(shown)
        else:
            await self.till.tell()

    def _unshow(self) -> None:
        self._shown_on, self.till.shown, self.till.refusal = None, None, None

    async def _charge(self, presence: Presence) -> None:
        """A card lies there and a sale waits: AUTHENTICATING, then wherever the tap ends."""
        current = self.till.current
        assert current is not None and self.till.state is State.AUTHENTICATING
        current.presence = presence
        await self._conclude(await tap(self._shop, presence, self._request(current)))

    def _request(self, current: Current) -> TapRequest:
        return TapRequest(
            sale=current.sale,
            cashier=current.cashier,
            pin_given_for=current.pin_given_for,
            confirmed=current.confirmed,
            is_repeat=self._last_paid.is_repeat,
        )

    async def _conclude(self, outcome: Outcome) -> None:
        current, till = self.till.current, self.till
        assert current is not None
        sale_id = current.sale.op_id
        till.ask = None
        match outcome:
            case Approved(answer):
                self._last_paid.note(sale_id, answer["card_id"], current.sale.request)
                till.move(Event.PROVED)
                till.move(Event.APPROVED)
                await self._approved(answer)
                return
            case Declined(why, card):
                await till.note(sale_id, OpState.DECLINED, why, card)
                till.move(Event.REFUSED)
            case PinNeeded(proof, card):
                current.pin_proof, current.pin_card = proof, card
                current.pin_member = card.member_id
                await till.note(sale_id, OpState.OPEN, None, card)
                till.move(Event.PROVED)
                till.move(Event.PIN_ASKED)
            case DoubtfulRepeat(card):
                await till.note(sale_id, OpState.OPEN, None, card)
                till.move(Event.PROVED)
                till.move(Event.ASKED_AGAIN)
                till.ask = "double_tap"
            case LostContact(reason):
                log.info("contact with the card was lost: %s", reason)
                torn = current.sale.state is OpState.UNKNOWN
                till.move(Event.TORN if torn else Event.CONTACT_LOST)
                till.ask = "tap_again"
            case Torn(card):
                await till.note(sale_id, OpState.UNKNOWN, Decline("card_torn"), card)
                till.move(Event.PROVED)
                till.move(Event.TORN)
                till.ask = "tap_again"
        await till.tell()

    async def _give_pin(self, sale_id: str, pin: str) -> dict[str, Any]:
        current = await self._require_current(sale_id)
        if self.till.state is not State.AWAITING_PIN:
            raise Conflict("pin_not_asked")
        assert current.pin_member is not None
        refusal = await member_pin.check(self._shop, current.pin_member, pin)
        if refusal is not None:
            await self._pin_refused(current, refusal)
            raise refusal.error()
        self.till.move(Event.PIN_GIVEN)
        if current.pin_proof is None:
            self.till.move(Event.CARD_LAID)
            await self._conclude(await self._settle_named(current))
            return await self.till.sale(sale_id)
        current.pin_given_for = pin_key(current.pin_proof)
        if current.pin_proof.counter is None:
            self.till.move(Event.CARD_LAID)
            request = self._request(current)
            await self._conclude(await settle(self._shop, request, current.pin_proof, None))
        else:
            await self._charge_or_ask()
        return await self.till.sale(sale_id)

    async def _settle_named(self, current: Current) -> Outcome:
        sale, cashier = current.sale, current.cashier
        posted = await self._shop.ledger.write(
            lambda books: pay_with_pin(self._shop, books, sale, cashier)
        )
        return Declined(posted) if isinstance(posted, Decline) else Approved(posted)

    async def _pin_refused(self, current: Current, refusal: member_pin.Refusal) -> None:
        if refusal.locked_s:
            why = Decline("pin_locked", {"seconds": refusal.locked_s})
            sale_id = current.sale.op_id
            await self.till.note(sale_id, OpState.DECLINED, why, current.pin_card)
            self.till.move(Event.REFUSED)
        await self.till.tell()

    async def _charge_or_ask(self) -> None:
        """Charges the card that still lies there, or asks for it."""
        current = self.till.current
        assert current is not None
        there = tuple(self._on_reader.values())
        presence = current.presence if current.presence in there else next(iter(there), None)
        if presence is not None:
            self.till.move(Event.CARD_LAID)
            await self._charge(presence)
        else:
            self.till.ask = "tap_again"
            await self.till.tell()

    async def _require_current(self, sale_id: str) -> Current:
        """Raises NotFound("sale_unknown"), Conflict("sale_not_current")."""
        if not self.till.is_current(sale_id):
            await self._shop.ledger.read(lambda books: require_sale(books, sale_id))
        return self.till.require_current(sale_id)

    async def _confirm(self, sale_id: str) -> dict[str, Any]:
        current = await self._require_current(sale_id)
        if self.till.ask != "double_tap":
            raise Conflict("nothing_to_confirm")
        current.confirmed, self.till.ask = True, None
        await self._charge_or_ask()
        return await self.till.sale(sale_id)

    async def _cancel(self, sale_id: str, reason: str) -> dict[str, Any]:
        if not self.till.is_current(sale_id):
            return await self._cancel_parked(sale_id)
        if not self.till.busy:
            return await self._clear(sale_id)
        self.till.move(Event.TIME_OUT if reason == "timed_out" else Event.CANCEL)
        await self.till.note(sale_id, OpState.CANCELLED, Decline(reason), None)
        self.till.ask = None
        await self.till.tell()
        return await self.till.sale(sale_id)

    async def _clear(self, sale_id: str) -> dict[str, Any]:
        """The current sale has ended: what is shown of it goes, it stays as it ended."""
        if self.till.state in _ENDED:
            self.till.move(Event.CANCEL)
            self.till.current, self.till.ask = None, None
            await self.till.tell()
        return await self.till.sale(sale_id)

    async def _cancel_parked(self, sale_id: str) -> dict[str, Any]:
        def work(books: Books) -> dict[str, Any]:
            sale = require_sale(books, sale_id)
            if sale.state is OpState.PARKED:
                why = Decline("cancelled_by_cashier")
                end_sale(self._shop, books, sale_id, OpState.CANCELLED, why)
            elif not sale.state.final:
                raise Conflict("sale_not_current")
            return sale_view(books, require_sale(books, sale_id))

        return await self._shop.ledger.write(work)

    async def _park(self, sale_id: str) -> dict[str, Any]:
        await self._require_current(sale_id)
        self.till.move(Event.PARK)
        await self._shop.ledger.write(lambda b: b.change_operation(sale_id, OpState.PARKED))
        self.till.current, self.till.ask = None, None
        await self.till.tell()
        return await self.till.sale(sale_id)

    async def _resume(self, actor: Actor, sale_id: str) -> dict[str, Any]:
        await self._shop.ledger.read(lambda books: require_sale(books, sale_id))
        self._require_free()

        shown = self.shown_member()

        def work(books: Books) -> tuple[Operation, Wait | Mapping[str, Any]]:
            if require_sale(books, sale_id).state is not OpState.PARKED:
                raise Conflict("sale_not_parked")
            books.change_operation(sale_id, OpState.OPEN)
            sale = require_sale(books, sale_id)
            return sale, at_once(self._shop, books, sale, actor, shown)

        sale, outcome = await self._shop.ledger.write(work)
        await self._take_up(Current(sale, actor), outcome)
        return await self.till.sale(sale_id)

    def _wait_over(self, sale_id: str, moves: int) -> None:
        self._turns.put_soon(lambda: self._timed_out(sale_id, moves))

    async def _timed_out(self, sale_id: str, moves: int) -> None:
        """A card that came at the last moment had its turn first: then the wait is not over."""
        if self.till.is_current(sale_id) and self.till.moves == moves:
            assert self.till.state in WAITS
            await self._cancel(sale_id, "timed_out")

    # -- readers -----------------------------------------------------------------------------------

    def _any_card(self) -> Presence | None:
        return next(iter(self._on_reader.values()), None)

    async def _card_laid(self, presence: Presence) -> None:
        self._on_reader[presence.reader] = presence
        if self.issues.waiting:
            await self.issues.onto(presence)
        elif self.till.state is State.UNKNOWN:
            await self._torn_card_again(presence)
        elif self.till.state is State.AWAITING_CARD and self.till.ask != "double_tap":
            self.till.move(Event.CARD_LAID)
            await self._charge(presence)
        elif not self.till.busy:
            await self._show(presence)

    async def _torn_card_again(self, presence: Presence) -> None:
        """Only the card that was torn may tell how it ended; another card changes nothing."""
        assert self.till.current is not None
        sale_id = self.till.current.sale.op_id
        proof = await prove(self._shop, presence)
        if isinstance(proof, Proof):
            card = await self._shop.ledger.read(lambda books: find_card(books, proof))
            if isinstance(card, Card) and card.pending_op == sale_id:
                self.till.move(Event.CARD_LAID)
                await self._charge(presence)
                return
            self.till.ask = "tap_same_card"
        else:
            self.till.ask = "tap_again"
        await self.till.tell()

    async def _card_lifted(self, lifted: CardLifted) -> None:
        kept = self._on_reader.get(lifted.reader)
        if kept is not None and kept.token == lifted.token:
            del self._on_reader[lifted.reader]
        if self._shown_on is not None and self._shown_on.token == lifted.token:
            self._unshow()
            if self.till.state is not State.AMOUNT:
                return
            self.till.move(Event.CARD_LIFTED)
            await self.till.tell()

    async def _show(self, presence: Presence) -> None:
        shown = await show_card(self._shop, presence)
        if shown is None:
            return
        self._unshow()
        self.till.current, self.till.ask = None, None
        if isinstance(shown, Decline):
            self.till.move(Event.REFUSED)
            self.till.refusal = {"reason": shown.reason, "facts": dict(shown.facts)}
        else:
            self.till.move(Event.CARD_SHOWN)
            self.till.shown, self._shown_on = shown, presence
        await self.till.tell()

    # -- cards for members -------------------------------------------------------------------------

    async def _begin_issue(self, asked: AskedCard) -> dict[str, Any]:
        issue = await self.issues.begin(asked, self._require_free)
        presence = self._any_card()
        if presence is not None and self.issues.waiting:
            issue = await self.issues.onto(presence)
        return issue
