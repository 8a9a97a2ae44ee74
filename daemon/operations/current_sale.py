"""The current sale on its way through the counter: begun, charged to a card or a PIN, asked about,
parked, taken up again, ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.card import Proof, Technology
from daemon.core.counter import WAITS, Event, State
from daemon.core.errors import Conflict, Refused
from daemon.core.panel import KeyPosition
from daemon.core.records import Card, Operation, OpState
from daemon.operations import member_pin
from daemon.operations.agreed import as_agreed
from daemon.operations.cardless_sale import Wait, at_once, settle_with_pin
from daemon.operations.cards_there import CardsThere
from daemon.operations.last_paid import LastPaid
from daemon.operations.last_run import LastRun
from daemon.operations.sale_view import sale_view
from daemon.operations.sell import Order, end_sale, find_card, open_sale, require_sale
from daemon.operations.shifts import require_shift
from daemon.operations.shop import Actor, Shop
from daemon.operations.tap import prove, settle, tap
from daemon.operations.tapped import (
    Approved,
    Declined,
    DoubtfulRepeat,
    LostContact,
    Outcome,
    PinNeeded,
    TapRequest,
    Torn,
    pin_key,
)
from daemon.operations.till import Current, Till
from daemon.ports.cards import Presence
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)

_ENDED = (State.DONE, State.DECLINED, State.CANCELLED)


class CurrentSale:
    """Used by the counter's task only. `require_no_issue` raises Conflict("counter_busy") while a
    card is being made for a member."""

    def __init__(
        self,
        shop: Shop,
        till: Till,
        cards: CardsThere,
        last_run: LastRun,
        require_no_issue: Callable[[], None],
    ) -> None:
        self._shop = shop
        self._till = till
        self._cards = cards
        self._last_run = last_run
        self._last_paid = LastPaid(shop)
        self._require_no_issue = require_no_issue

    def require_free(self) -> None:
        """Raises Conflict("counter_busy"), Refused("till_key_turned")."""
        if self._shop.key() in (KeyPosition.OFFICE, KeyPosition.OFF):
            raise Refused("till_key_turned")
        self._till.require_free()
        self._require_no_issue()

    async def restore(self, torn: Operation) -> None:
        """A sale that a stop left torn is the current one again."""
        # Whoever began it is named on the receipt, and may or may not be there still.
        began = as_agreed(torn, Actor("", torn.actor, "", ""))
        self._till.current, self._till.ask = Current(torn, began), "tap_again"
        self._till.move(Event.RESTORE)
        await self._till.tell()

    async def begin(self, actor: Actor, order: Order, key: str) -> dict[str, Any]:
        shown = self._cards.shown_member()

        def work(books: Books) -> tuple[Operation, Wait | Mapping[str, Any] | None]:
            sale = open_sale(self._shop, books, actor, order, key)
            if sale.state is not OpState.OPEN or self._till.is_current(sale.op_id):
                return sale, None
            self.require_free()
            return sale, at_once(self._shop, books, sale, actor, shown)

        sale, outcome = await self._shop.ledger.write(work)
        if outcome is not None:
            self._last_run.forget()
            await self._take_up(Current(sale, actor), outcome)
        return await self._till.sale(sale.op_id)

    async def _take_up(self, current: Current, outcome: Wait | Mapping[str, Any]) -> None:
        """The sale is the current one from now on: it waits, or is paid already."""
        if outcome is Wait.CARD:
            await self._make_current(current)
            return
        self._cards.unshow()
        self._till.current, self._till.ask = current, None
        if outcome is Wait.PIN:
            current.pin_member = current.sale.request["member_id"]
            self._till.move(Event.NAMED)
            await self._till.tell()
            return
        assert not isinstance(outcome, Wait)
        self._till.move(Event.PAID)
        await self._approved(outcome)

    async def _approved(self, answer: Mapping[str, Any]) -> None:
        await self._till.tell()
        self._till.move(Event.QUEUED)
        self._shop.chain.poke()
        self._shop.receipt_spooled(answer["receipt_id"])

    async def _make_current(self, current: Current) -> None:
        """The card that is shown (and no other) is charged at once; one that still lies there from
        an earlier sale is not: it must be lifted and laid down again."""
        shown = self._cards.shown_on if self._till.state is State.AMOUNT else None
        self._cards.unshow()
        self._till.current = current
        self._till.ask = "tap_again" if self._cards.any() and shown is None else None
        self._till.move(Event.AMOUNT_GIVEN)
        if shown is not None:
            await self._charge(shown)
        else:
            await self._till.tell()

    async def card_laid(self, presence: Presence) -> None:
        """The card that the sale waits for, maybe."""
        self._till.move(Event.CARD_LAID)
        await self._charge(presence)

    async def _charge(self, presence: Presence) -> None:
        """A card lies there and a sale waits: AUTHENTICATING, then wherever the tap ends."""
        current = self._till.current
        assert current is not None and self._till.state is State.AUTHENTICATING
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
        current, till = self._till.current, self._till
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

    async def give_pin(self, sale_id: str, pin: str) -> dict[str, Any]:
        current = await self._require_current(sale_id)
        if self._till.state is not State.AWAITING_PIN:
            raise Conflict("pin_not_asked")
        assert current.pin_member is not None
        refusal = await member_pin.check(self._shop, current.pin_member, pin)
        if refusal is not None:
            await self._pin_refused(current, refusal)
            raise refusal.error()
        self._till.move(Event.PIN_GIVEN)
        if current.pin_proof is None:
            self._till.move(Event.CARD_LAID)
            await self._conclude(await self._settle_named(current))
            return await self._till.sale(sale_id)
        current.pin_given_for = pin_key(current.pin_proof)
        if current.pin_proof.face.technology is Technology.PURSE:
            # Its purse may have to pay a part of what the PIN was for.
            await self._charge_or_ask()
        elif current.pin_proof.counter is None:
            self._till.move(Event.CARD_LAID)
            request = self._request(current)
            await self._conclude(await settle(self._shop, request, current.pin_proof, None))
        else:
            await self._charge_or_ask()
        return await self._till.sale(sale_id)

    @property
    def awaits_named_pin(self) -> bool:
        """The PIN of a member who was found without a card is awaited."""
        current = self._till.current
        waits = self._till.state is State.AWAITING_PIN
        return waits and current is not None and current.pin_proof is None

    async def card_instead_of_pin(self, presence: Presence) -> None:
        """The member's own card pays as well as the PIN does; another card changes nothing."""
        current = self._till.current
        assert current is not None
        proof = await prove(self._shop, presence)
        if isinstance(proof, LostContact):
            return
        if isinstance(proof, Proof):
            card = await self._shop.ledger.read(lambda books: find_card(books, proof))
            if isinstance(card, Card) and card.member_id == current.pin_member:
                await self.card_laid(presence)
                return
        self._till.ask = "card_of_other"
        await self._till.tell()

    async def _settle_named(self, current: Current) -> Outcome:
        sale, cashier = current.sale, current.cashier
        posted = await settle_with_pin(self._shop, sale, cashier)
        return Declined(posted) if isinstance(posted, Decline) else Approved(posted)

    async def _pin_refused(self, current: Current, refusal: member_pin.Refusal) -> None:
        if refusal.locked_s:
            why = Decline("pin_locked", {"seconds": refusal.locked_s})
            sale_id = current.sale.op_id
            await self._till.note(sale_id, OpState.DECLINED, why, current.pin_card)
            self._till.move(Event.REFUSED)
        await self._till.tell()

    async def _charge_or_ask(self) -> None:
        """Charges the card that still lies there, or asks for it."""
        current = self._till.current
        assert current is not None
        presence = self._cards.rather(current.presence)
        if presence is not None:
            await self.card_laid(presence)
        else:
            self._till.ask = "tap_again"
            await self._till.tell()

    async def _require_current(self, sale_id: str) -> Current:
        """Raises NotFound("sale_unknown"), Conflict("sale_not_current")."""
        if not self._till.is_current(sale_id):
            await self._shop.ledger.read(lambda books: require_sale(books, sale_id))
        return self._till.require_current(sale_id)

    async def confirm(self, sale_id: str) -> dict[str, Any]:
        current = await self._require_current(sale_id)
        if self._till.ask != "double_tap":
            raise Conflict("nothing_to_confirm")
        current.confirmed, self._till.ask = True, None
        await self._charge_or_ask()
        return await self._till.sale(sale_id)

    async def cancel_waiting(self) -> None:
        """Ends the current sale where it waits for a card or a PIN, and does nothing else."""
        current = self._till.current
        if current is not None and self._till.state in WAITS:
            await self.cancel(current.sale.op_id, "cancelled_by_button")

    async def confirm_asked(self) -> None:
        """Confirms a repeated sale where that is asked, and does nothing else."""
        current = self._till.current
        if current is not None and self._till.ask == "double_tap":
            await self.confirm(current.sale.op_id)

    async def cancel(self, sale_id: str, reason: str) -> dict[str, Any]:
        if not self._till.is_current(sale_id):
            return await self._cancel_parked(sale_id)
        if not self._till.busy:
            return await self._clear(sale_id)
        self._till.move(Event.TIME_OUT if reason == "timed_out" else Event.CANCEL)
        await self._till.note(sale_id, OpState.CANCELLED, Decline(reason), None)
        self._till.ask = None
        await self._till.tell()
        return await self._till.sale(sale_id)

    async def _clear(self, sale_id: str) -> dict[str, Any]:
        """The current sale has ended: what is shown of it goes, it stays as it ended."""
        if self._till.state in _ENDED:
            self._till.move(Event.CANCEL)
            self._till.current, self._till.ask = None, None
            await self._till.tell()
        return await self._till.sale(sale_id)

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

    async def park(self, sale_id: str) -> dict[str, Any]:
        await self._require_current(sale_id)
        self._till.move(Event.PARK)
        await self._shop.ledger.write(lambda b: b.change_operation(sale_id, OpState.PARKED))
        self._till.current, self._till.ask = None, None
        await self._till.tell()
        return await self._till.sale(sale_id)

    async def resume(self, actor: Actor, sale_id: str) -> dict[str, Any]:
        await self._shop.ledger.read(lambda books: require_sale(books, sale_id))
        self.require_free()
        shown = self._cards.shown_member()

        def work(books: Books) -> tuple[Operation, Wait | Mapping[str, Any]]:
            if require_sale(books, sale_id).state is not OpState.PARKED:
                raise Conflict("sale_not_parked")
            require_shift(self._shop, books)
            books.change_operation(sale_id, OpState.OPEN)
            sale = require_sale(books, sale_id)
            return sale, at_once(self._shop, books, sale, as_agreed(sale, actor), shown)

        sale, outcome = await self._shop.ledger.write(work)
        await self._take_up(Current(sale, as_agreed(sale, actor)), outcome)
        return await self._till.sale(sale_id)

    async def timed_out(self, sale_id: str, moves: int) -> None:
        """A card that came at the last moment had its turn first: then the wait is not over."""
        if self._till.is_current(sale_id) and self._till.moves == moves:
            assert self._till.state in WAITS
            await self.cancel(sale_id, "timed_out")

    async def torn_card_again(self, presence: Presence) -> None:
        """Only the card that was torn may tell how it ended; another card changes nothing."""
        assert self._till.current is not None
        sale_id = self._till.current.sale.op_id
        proof = await prove(self._shop, presence)
        if isinstance(proof, Proof):
            card = await self._shop.ledger.read(lambda books: find_card(books, proof))
            if isinstance(card, Card) and card.pending_op == sale_id:
                await self.card_laid(presence)
                return
            self._till.ask = "tap_same_card"
        else:
            self._till.ask = "tap_again"
        await self._till.tell()

    async def undone(self, sale_id: str) -> None:
        """A sale was voided or refunded: the counter shows it where it is the last one."""
        self._last_paid.forget(sale_id)
        if self._till.is_current(sale_id):
            await self._till.tell()
