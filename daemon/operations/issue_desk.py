"""Cards for members (办卡): the next card laid on a reader becomes the member's.

A DESFire card as delivered is given keys of its own and our application; another card serves by
its UID. The card's id is made durable before the card is written, so that a personalisation torn
half way is taken up again with the same id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from daemon.core.card import CardStatus, Proof, Technology
from daemon.core.entry import Draft, Kind
from daemon.core.errors import CardError, Conflict, KeyMissing, NotFound, ReaderError
from daemon.core.records import Card
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import card_view
from daemon.ports.cards import CardSession, Presence
from daemon.ports.ledger import Books

MOST_KEPT = 50
"""Finished issues that a page may still ask about."""


@dataclass(frozen=True, slots=True)
class Issue:
    """`status`: awaiting_card, working, done, failed. `card_id` stays the same over retries."""

    issue_id: str
    member_id: str
    card_id: str
    actor: Actor
    begun_ms: int
    status: str = "awaiting_card"
    reason: str | None = None
    card: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "issue_id": self.issue_id,
            "member_id": self.member_id,
            "status": self.status,
            "reason": self.reason,
            "card": self.card,
        }


class IssueDesk:
    """Used by the counter's task only, one issue at a time."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._waiting: Issue | None = None
        self._known: dict[str, Issue] = {}

    @property
    def waiting(self) -> bool:
        """An issue that nobody brings a card for gives the counter free again."""
        self._expire()
        return self._waiting is not None

    async def begin(self, actor: Actor, member_id: str) -> dict[str, Any]:
        """Raises NotFound("member_unknown"), Conflict("counter_busy")."""
        self.require_none()
        member = await self._shop.ledger.read(lambda books: books.member(member_id))
        if member is None:
            raise NotFound("member_unknown")
        clock = self._shop.clock
        return self._keep(Issue(clock.new_id(), member_id, clock.new_id(), actor, clock.now_ms()))

    def require_none(self) -> None:
        """Raises Conflict("counter_busy"): the next card would not pay, but change its owner."""
        if self.waiting:
            raise Conflict("counter_busy", state="issuing")

    def _expire(self) -> None:
        issue = self._waiting
        if issue is None or issue.status != "awaiting_card":
            return
        if self._shop.clock.now_ms() - issue.begun_ms >= self._shop.policy.card_wait_ms:
            self._keep(replace(issue, status="failed", reason="timed_out"))

    def cancel(self, issue_id: str) -> dict[str, Any]:
        """Raises NotFound("issue_unknown"). A finished issue stays as it is."""
        self._expire()
        issue = self._known.get(issue_id)
        if issue is None:
            raise NotFound("issue_unknown")
        if self._waiting is not None and self._waiting.issue_id == issue_id:
            return self._keep(replace(issue, status="failed", reason="cancelled_by_cashier"))
        return issue.as_json()

    def find(self, issue_id: str) -> dict[str, Any]:
        """Raises NotFound("issue_unknown")."""
        self._expire()
        if issue_id not in self._known:
            raise NotFound("issue_unknown")
        return self._known[issue_id].as_json()

    async def onto(self, presence: Presence) -> dict[str, Any]:
        """Makes the card that lies there the member's. A card that was torn out may be laid on
        again: the issue goes on waiting."""
        assert self._waiting is not None
        issue = self._waiting
        self._keep(replace(issue, status="working", reason=None))
        try:
            async with self._shop.readers.open(presence) as session:
                card = await self._make(issue, session)
        except (CardError, ReaderError) as error:
            return self._keep(replace(issue, reason=error.key))
        except (Conflict, KeyMissing) as error:
            return self._keep(replace(issue, status="failed", reason=error.key))
        return self._keep(replace(issue, status="done", reason=None, card=card_view(card)))

    async def _make(self, issue: Issue, session: CardSession) -> Card:
        face = session.face
        taken = await self._shop.ledger.read(lambda books: books.card_by_uid(face.uid))
        if taken is not None and taken.status is not CardStatus.RETURNED:
            raise Conflict("card_already_issued")
        if face.technology is Technology.DESFIRE:
            proof = await session.personalise(issue.card_id)
        else:
            proof = await session.prove()
        return await self._shop.ledger.write(lambda books: self._book(books, issue, proof))

    def _book(self, books: Books, issue: Issue, proof: Proof) -> Card:
        now_ms = self._shop.clock.now_ms()
        card = Card(
            card_id=issue.card_id,
            member_id=issue.member_id,
            uid=proof.face.uid,
            technology=proof.face.technology,
            status=CardStatus.ACTIVE,
            key_version=proof.face.key_version,
            counter=proof.counter,
            issued_ms=now_ms,
        )
        books.add_card(card)
        books.append(
            Draft(
                op_id=issue.issue_id,
                kind=Kind.CARD_ISSUED,
                at_ms=now_ms,
                actor=issue.actor.number,
                member_id=issue.member_id,
                card_id=issue.card_id,
                detail={"technology": card.technology.value},
            )
        )
        return card

    def _keep(self, issue: Issue) -> dict[str, Any]:
        self._known[issue.issue_id] = issue
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._waiting = None if issue.status in ("done", "failed") else issue
        self._shop.events.publish("issue", issue.as_json())
        return issue.as_json()
