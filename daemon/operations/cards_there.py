"""The cards that lie on the readers, and the one that is shown without a sale."""

from __future__ import annotations

from daemon.core.authorize import Decline
from daemon.core.counter import Event, State
from daemon.operations.shop import Shop
from daemon.operations.show_card import show_card
from daemon.operations.till import Till
from daemon.ports.cards import CardLifted, Presence


class CardsThere:
    """Used by the counter's task only. `shown_on` is where the card lies that the till shows."""

    def __init__(self, shop: Shop, till: Till) -> None:
        self._shop = shop
        self._till = till
        self._on_reader: dict[str, Presence] = {}
        self.shown_on: Presence | None = None

    def laid(self, presence: Presence) -> None:
        """A card that was swiped does not lie there: it pays or is shown now, or not at all."""
        if not presence.swiped:
            self._on_reader[presence.reader] = presence

    def any(self) -> Presence | None:
        return next(iter(self._on_reader.values()), None)

    def rather(self, presence: Presence | None) -> Presence | None:
        """`presence` where it lies there still, else any that does. What was swiped is still known
        for a while, or is asked for again."""
        if presence is not None and presence.swiped:
            return presence
        return presence if presence in self._on_reader.values() else self.any()

    def shown_member(self) -> str | None:
        """Whose card lies there, proved, without a sale."""
        if self._till.state is not State.AMOUNT or self._till.shown is None:
            return None
        member_id = self._till.shown["member"]["member_id"]
        assert isinstance(member_id, str)
        return member_id

    def unshow(self) -> None:
        self.shown_on, self._till.shown, self._till.refusal = None, None, None

    async def show(self, presence: Presence) -> None:
        """Tap first, then charge: whose card it is, or why it cannot pay."""
        shown = await show_card(self._shop, presence)
        if shown is None:
            return
        till = self._till
        self.unshow()
        till.current, till.ask = None, None
        if isinstance(shown, Decline):
            till.move(Event.REFUSED)
            till.refusal = {"reason": shown.reason, "facts": dict(shown.facts)}
        else:
            till.move(Event.CARD_SHOWN)
            till.shown, self.shown_on = shown, presence
        await till.tell()

    async def lifted(self, lifted: CardLifted) -> None:
        kept = self._on_reader.get(lifted.reader)
        if kept is not None and kept.token == lifted.token:
            del self._on_reader[lifted.reader]
        if self.shown_on is not None and self.shown_on.token == lifted.token:
            self.unshow()
            if self._till.state is not State.AMOUNT:
                return
            self._till.move(Event.CARD_LIFTED)
            await self._till.tell()
