"""The electronic purse of a card in a session: runs the codec's conversations on the reader's lane
(`daemon.ports.cards.PurseSession`)."""

from __future__ import annotations

from typing import Protocol, TypeVar

from daemon.core.errors import CardError, CardForged, CardGone, KeyMissing, ReaderError
from daemon.core.purse import (
    Errand,
    LoadTerms,
    PurchaseTerms,
    PurseNotDone,
    PurseOutcome,
    PurseReading,
    PurseUnknown,
)
from daemon.ports.purse_keys import LoadKeys, PurseKeys, TacKeys
from daemon.readers.cards import purse
from daemon.readers.cards.apdu import Conversation

T = TypeVar("T")

BUDGET_S = 4.0
"""For each step; the longest (settling) has five commands."""


class Converse(Protocol):
    """Drives a conversation under a budget, throwing what goes wrong into it."""

    async def __call__(self, talk: Conversation[T], budget_s: float) -> T: ...


class OpenPurse:
    """Of one session: ends with it."""

    def __init__(self, converse: Converse, keys: PurseKeys) -> None:
        self._converse = converse
        self._keys = keys

    async def read(self) -> PurseReading:
        return await self._converse(_read(self._keys.key_index), BUDGET_S)

    async def begin_purchase(self, errand: Errand) -> PurchaseTerms | PurseNotDone:
        return await self._converse(purse.begin_purchase(errand, 0), BUDGET_S)

    async def debit(self, terms: PurchaseTerms) -> PurseOutcome:
        return await self._outcome(purse.debit(terms, self._keys.purchases))

    async def begin_load(self, errand: Errand, pin: str) -> LoadTerms | PurseNotDone:
        loads, _ = self._for_loads()
        return await self._converse(_begin_load(errand, pin, loads), BUDGET_S)

    async def credit(self, terms: LoadTerms) -> PurseOutcome:
        loads, tacs = self._for_loads()
        return await self._outcome(purse.credit(terms, loads, tacs))

    async def settle(
        self, terms: PurchaseTerms | LoadTerms, pin: str | None = None
    ) -> PurseOutcome:
        if isinstance(terms, PurchaseTerms):
            return await self._outcome(purse.settle_purchase(terms, self._keys.purchases))
        try:
            loads, tacs = self._for_loads()
        except KeyMissing as error:
            return PurseUnknown(error.key)
        return await self._outcome(purse.settle_load(terms, loads, tacs, pin))

    def _for_loads(self) -> tuple[LoadKeys, TacKeys]:
        loads, tacs = self._keys.loads, self._keys.tacs
        if loads is None or tacs is None:
            raise KeyMissing("card_key_missing", purpose="load")
        return loads, tacs

    async def _outcome(self, talk: Conversation[PurseOutcome]) -> PurseOutcome:
        """A conversation whose errors are its outcome; KeyMissing comes before anything is sent."""
        try:
            return await self._converse(talk, BUDGET_S)
        except (CardError, ReaderError) as error:
            return PurseUnknown(error.key)


def _read(key_index: int) -> Conversation[PurseReading]:
    found = yield from purse.select()
    if found is purse.Selection.BLOCKED:
        raise CardForged("purse_blocked")
    if found is purse.Selection.ABSENT:
        raise CardGone("card_gone", why="another_card")
    card = (yield from purse.read_purse()).card(key_index)
    return PurseReading(card, (yield from purse.balance()))


def _begin_load(
    errand: Errand, pin: str, loads: LoadKeys
) -> Conversation[LoadTerms | PurseNotDone]:
    verdict = yield from purse.verify_pin(pin)
    if not verdict.right:
        return PurseNotDone("pin_blocked" if verdict.blocked else "pin")
    return (yield from purse.begin_load(errand, loads))
