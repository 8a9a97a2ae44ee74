"""One transaction with one card: runs conversations on the reader's lane, each exchange and each
method under a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from daemon.core.card import Assurance, Face, Proof, Technology
from daemon.core.errors import CardError, CardForged, CardGone, CardSilent, ReaderError
from daemon.ports.cards import PurseSession
from daemon.ports.purse_keys import PurseKeys
from daemon.readers.cards import desfire, purse
from daemon.readers.cards.apdu import Conversation
from daemon.readers.cards.desfire import Entropy, Opened, Scheme
from daemon.readers.cards.personalise import personalise
from daemon.readers.cards.uid import read_uid
from daemon.readers.lane import Lane, LaneStuck
from daemon.readers.link import Channel
from daemon.readers.purse_session import OpenPurse

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds. A card of ours answers within 0.1 s, the longest command (creating an application)
    within 0.5 s; the rest is for slow readers. pcscd tries up to three times to power a card up
    when it is connected to. The budgets of the methods stop a card that answers each command just
    in time."""

    connect_s: float = 4.0
    exchange_s: float = 2.0
    open_s: float = 4.0
    prove_s: float = 4.0
    advance_s: float = 3.0
    personalise_s: float = 20.0


class OpenSession:
    """`daemon.ports.cards.CardSession`. `begin` before use and `end` always after."""

    def __init__(
        self,
        lane: Lane,
        scheme: Scheme,
        entropy: Entropy,
        deadlines: Deadlines,
        on_stuck: Callable[[], None],
        purse_keys: PurseKeys | None = None,
    ) -> None:
        self._lane = lane
        self._scheme = scheme
        self._entropy = entropy
        self._deadlines = deadlines
        self._on_stuck = on_stuck
        self._purse_keys = purse_keys
        self._channel: Channel | None = None
        self._face: Face | None = None
        self._opened: Opened | None = None
        self._clean = True
        self.lost = False
        """Whether the card left while it was spoken to."""

    async def begin(self, connect: Callable[[], Channel]) -> None:
        """Takes hold of the card and identifies it. Raises CardGone, CardSilent, CardGarbled,
        ReaderError."""
        deadline_s = self._deadlines.connect_s
        try:
            self._channel = await self._lane.call(
                connect, deadline_s, lambda channel: channel.close(reset=True)
            )
        except LaneStuck:
            self._on_stuck()
            raise CardSilent("card_silent", why="connect") from None
        except CardGone:
            self.lost = True
            raise
        face = await self._converse(desfire.identify(), self._deadlines.open_s)
        if self._purse_keys is not None and face.technology is Technology.UID:
            found = await self._converse(purse.select(), self._deadlines.open_s)
            if found is not purse.Selection.ABSENT:
                face = replace(face, technology=Technology.PURSE)
        self._face = face

    def end(self) -> None:
        """Lets the card go, after whatever is still under way with it. Does not wait."""
        channel, self._channel = self._channel, None
        if channel is not None:
            reset = not self._clean
            self._lane.post(lambda: channel.close(reset=reset))

    @property
    def face(self) -> Face:
        assert self._face is not None, "begin first"
        return self._face

    @property
    def purse(self) -> PurseSession | None:
        if self._purse_keys is None or self.face.technology is not Technology.PURSE:
            return None
        return OpenPurse(self._converse, self._purse_keys)

    async def prove(self) -> Proof:
        budget_s = self._deadlines.prove_s
        if self.face.technology is not Technology.DESFIRE or not self.face.personalised:
            uid = await self._converse(read_uid(), budget_s)
            if uid != self.face.uid:
                raise CardGone("card_gone", why="another_card")
            return Proof(self.face, Assurance.IDENTITY)
        self._opened = None
        talk = desfire.prove(self.face, self._scheme, self._entropy)
        self._opened = await self._converse(talk, budget_s)
        return self._opened.proof

    async def advance(self, expected: int) -> None:
        opened = self._opened
        assert opened is not None and opened.proof.counter == expected, "prove first"
        # Whatever happens, the session has to prove the counter again before the next advance.
        self._opened = None
        await self._converse(desfire.advance(opened.session), self._deadlines.advance_s)

    async def personalise(self, card_id: str) -> Proof:
        if self.face.technology is not Technology.DESFIRE:
            raise CardForged("card_forged", why="technology")
        self._opened = None
        talk = personalise(self.face, card_id, self._scheme, self._entropy)
        self._opened = await self._converse(talk, self._deadlines.personalise_s)
        self._face = self._opened.proof.face
        return self._opened.proof

    async def _converse(self, talk: Conversation[T], budget_s: float) -> T:
        """Drives a conversation to its end; errors on the way are thrown into it, so that it says
        what they mean at that point."""
        end_s = asyncio.get_running_loop().time() + budget_s
        clean, self._clean = self._clean, False
        try:
            command = next(talk)
            while True:
                try:
                    answer = await self._exchange(command, end_s)
                except (CardError, ReaderError) as error:
                    command = talk.throw(error)
                else:
                    command = talk.send(answer)
        except StopIteration as finished:
            self._clean = clean
            result: T = finished.value
            return result
        finally:
            talk.close()

    async def _exchange(self, command: bytes, end_s: float) -> bytes:
        """One command and its answer. Raises CardGone, CardSilent, CardGarbled, ReaderError."""
        channel = self._channel
        if channel is None or self._lane.stuck:
            raise CardGone("card_gone", why="session_over")
        left_s = end_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise CardSilent("card_silent", why="budget")
        try:
            return await self._lane.call(
                lambda: channel.transmit(command), min(left_s, self._deadlines.exchange_s)
            )
        except LaneStuck:
            self._on_stuck()
            raise CardSilent("card_silent", command=command[1]) from None
        except CardGone:
            self.lost = True
            raise
