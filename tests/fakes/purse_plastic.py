"""A card with an electronic purse for the readers in memory: the codec of the daemon speaks to the
virtual card of the simulator, over a reader that loses, spoils and delays what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from daemon.core.card import Face, Technology
from daemon.core.errors import CardError, CardGone, CardSilent, ReaderError
from daemon.keys.purse import LoadMasters, PurchaseMasters, TacMasters
from daemon.ports.cards import PurseSession
from daemon.ports.purse_keys import PurseKeys
from daemon.readers.cards.apdu import Conversation
from daemon.readers.purse_session import OpenPurse
from simulator.cards.faults import Fault as CardFault
from simulator.cards.faults import FaultyChip
from simulator.cards.purse import PurseCard as VirtualPurse
from simulator.cards.purse_memory import DEMO_MASTERS, PurseMemory
from simulator.vpcd import CardPulled, NoAnswer
from tests.fakes.card_readers import PlasticCard

T = TypeVar("T")
Transmit = Callable[[bytes], bytes]
KEYS = PurseKeys(
    PurchaseMasters({1: DEMO_MASTERS["purchase"]}),
    1,
    LoadMasters({1: DEMO_MASTERS["load"]}),
    TacMasters({0: DEMO_MASTERS["tac"]}),
)


class Lossy:
    """One insertion of a card: gone is gone."""

    def __init__(self, card: VirtualPurse, fault: dict[str, Any]) -> None:
        card.reset()
        self._card = card
        self._chip = FaultyChip(card, CardFault.from_json(fault))
        self._gone = False

    def __call__(self, command: bytes) -> bytes:
        if self._gone:
            raise CardGone("card_gone")
        try:
            return self._chip.transmit(command)
        except CardPulled:
            self._gone = True
            self._card.reset()
            raise CardGone("card_gone") from None
        except NoAnswer:
            raise CardSilent("card_silent") from None


@dataclass(slots=True)
class Conversing:
    """`daemon.readers.purse_session.Converse` without a lane."""

    transmit: Transmit

    async def __call__(self, talk: Conversation[T], budget_s: float) -> T:
        await asyncio.sleep(0)
        try:
            command = next(talk)
            while True:
                try:
                    answer = self.transmit(command)
                except (CardError, ReaderError) as error:
                    command = talk.throw(error)
                else:
                    command = talk.send(answer)
        except StopIteration as finished:
            result: T = finished.value
            return result


@dataclass(slots=True)
class PursePlastic(PlasticCard):
    """`strikes` are the faults of the insertions to come, one each (`simulator.cards.faults`)."""

    technology: Technology = Technology.PURSE
    chip: VirtualPurse = field(kw_only=True)
    strikes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def face(self) -> Face:
        return Face(self.uid, self.technology, personalised=False)

    def purse_session(self) -> PurseSession | None:
        fault = self.strikes.pop(0) if self.strikes else {}
        return OpenPurse(Conversing(Lossy(self.chip, fault)), KEYS)


def purse_card(
    balance_fen: int,
    uid: bytes = bytes.fromhex("b0ac2842"),
    random_bytes: Callable[[int], bytes] | None = None,
) -> PursePlastic:
    """As its issuer hands it out, with money on it."""
    memory = PurseMemory.issued(uid)
    memory.balance = balance_fen
    chip = VirtualPurse(memory, random_bytes) if random_bytes else VirtualPurse(memory)
    return PursePlastic(uid, chip=chip)
