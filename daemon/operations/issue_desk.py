"""Cards for members (办卡, 补卡, 修卡): the next card laid on a reader becomes the member's.

A DESFire card as delivered is given keys of its own and our application; another card serves by
its UID. The card's id is chosen before the card is written, so that a personalisation torn half way
is taken up again with the same id. Money and the old card move when the card is made and not
before (`card_issue`): what waits here is lost with the power, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from daemon.core.card import Technology
from daemon.core.card_life import Service
from daemon.core.errors import (
    BadRequest,
    CardError,
    Conflict,
    KeyMissing,
    NotFound,
    ReaderError,
    Refused,
)
from daemon.core.records import Card
from daemon.operations.card_fees import require_stored_value_pin
from daemon.operations.card_issue import NewCard, book_card, plan_card, require_technology
from daemon.operations.card_service import KIND, ServiceOrder, service_view, subject_of
from daemon.operations.once import client_key, earlier
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import card_view
from daemon.ports.cards import CardSession, Presence
from daemon.ports.ledger import Books

MOST_KEPT = 50
"""Finished issues that a page may still ask about."""


@dataclass(frozen=True, slots=True)
class AskedCard:
    """Who asks for which card. `key` is the Idempotency-Key, None where nothing is to pay; `pin`
    the member's, where stored value pays."""

    actor: Actor
    order: ServiceOrder
    key: str | None = None
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """`status`: awaiting_card, working, done, failed. `card_id` stays the same over retries.
    `key` is who asked and their Idempotency-Key."""

    issue_id: str
    planned: NewCard
    card_id: str
    actor: Actor
    begun_ms: int
    key: str | None = None
    status: str = "awaiting_card"
    reason: str | None = None
    card: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "issue_id": self.issue_id,
            "member_id": self.planned.member.member_id or None,
            "service": self.planned.order.service.value,
            "replaces": self.planned.order.card_id,
            "fee_fen": self.planned.fee.fee_fen,
            "number": self.planned.number,
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

    async def begin(self, asked: AskedCard, require_free: Callable[[], None]) -> dict[str, Any]:
        """The issue as it waits, or the one that this key began, whatever the counter does now.

        Raises NotFound("member_unknown" | "card_unknown"), Conflict("counter_busy" |
        "idempotency_key_reused" | what the old card is), Refused for the fee or the number."""
        actor, order = asked.actor, asked.order
        whose = None if asked.key is None else client_key(actor, asked.key)
        begun = await self._begun(whose, order)
        if begun is not None:
            return begun
        require_free()
        shop = self._shop
        member = (await shop.ledger.read(lambda books: subject_of(shop, books, order))).member
        await require_stored_value_pin(shop, member, order.tenders, asked.pin)
        now_ms = shop.clock.now_ms()
        planned = await shop.ledger.read(lambda books: plan_card(shop, books, order, now_ms))
        issue_id, card_id = shop.clock.new_id(), shop.clock.new_id()
        return self._keep(Issue(issue_id, planned, card_id, actor, now_ms, whose))

    async def _begun(self, whose: str | None, order: ServiceOrder) -> dict[str, Any] | None:
        """What this key began, in this life of the counter or one before."""
        if whose is None:
            return None
        found = next((each for each in self._known.values() if each.key == whose), None)
        if found is not None:
            if found.planned.order != order:
                raise Conflict("idempotency_key_reused")
            self._expire()
            return self._known[found.issue_id].as_json()

        def look(books: Books) -> dict[str, Any] | None:
            done = earlier(books, whose, KIND, order.as_json())
            return None if done is None else issue_of(done.answer)

        return await self._shop.ledger.read(look)

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
        again, and one of another kind changed for the right one: the issue goes on waiting."""
        assert self._waiting is not None
        issue = self._waiting
        self._keep(replace(issue, status="working", reason=None))
        try:
            async with self._shop.readers.open(presence) as session:
                self._require_kind(issue, session)
                card = await self._make(issue, session)
        except (CardError, ReaderError, _OtherKind) as error:
            return self._keep(replace(issue, reason=error.key))
        except (Conflict, NotFound, Refused, BadRequest, KeyMissing) as error:
            return self._keep(replace(issue, status="failed", reason=error.key))
        done = self._keep(replace(issue, status="done", reason=None, card=card_view(card)))
        await self._tell_receipt(issue)
        return done

    def _require_kind(self, issue: Issue, session: CardSession) -> None:
        try:
            require_technology(self._shop, issue.planned.member, session.face.technology)
        except Refused as error:
            raise _OtherKind(error.key) from error

    async def _make(self, issue: Issue, session: CardSession) -> Card:
        face = session.face
        taken = await self._shop.ledger.read(lambda books: books.card_by_uid(face.uid))
        if taken is not None and not taken.status.ended:
            raise Conflict("card_already_issued")
        if face.technology is Technology.DESFIRE:
            proof = await session.personalise(issue.card_id)
        else:
            proof = await session.prove()
        shop = self._shop
        return await shop.ledger.write(
            lambda books: book_card(
                shop,
                books,
                issue.actor,
                issue.planned,
                op_id=issue.issue_id,
                card_id=issue.card_id,
                proof=proof,
                client_key=issue.key,
            )
        )

    async def _tell_receipt(self, issue: Issue) -> None:
        done = await self._shop.ledger.read(lambda books: books.operation(issue.issue_id))
        assert done is not None
        if done.answer["receipt_id"] is not None:
            self._shop.receipt_spooled(done.answer["receipt_id"])

    def _keep(self, issue: Issue) -> dict[str, Any]:
        self._known[issue.issue_id] = issue
        while len(self._known) > MOST_KEPT:
            del self._known[next(iter(self._known))]
        self._waiting = None if issue.status in ("done", "failed") else issue
        self._shop.events.publish("issue", issue.as_json())
        return issue.as_json()

    async def service(self, service_id: str) -> dict[str, Any]:
        """A service on a card as it stands: one that waits for its card, or from the books.

        Raises NotFound("service_unknown")."""
        self._expire()
        issue = self._known.get(service_id)

        def look(books: Books) -> dict[str, Any]:
            done = books.operation(service_id)
            if done is not None and done.kind == KIND:
                return service_view(books, done.answer)
            if issue is None:
                raise NotFound("service_unknown")
            return service_view(books, waiting_answer(issue))

        return await self._shop.ledger.read(look)


class _OtherKind(CardError):
    """Not the kind of card that the member's category has: another one may be laid down."""


def issue_of(answer: Any) -> dict[str, Any]:
    """An issue that has ended, from what was kept of it."""
    new = answer["new_card"]
    return {
        "issue_id": answer["service_id"],
        "member_id": answer["member_id"],
        "service": answer["service"],
        "replaces": new["replaces"],
        "fee_fen": answer["fee_fen"],
        "number": new["number"],
        "status": "done",
        "reason": None,
        "card": new,
    }


def waiting_answer(issue: Issue) -> dict[str, Any]:
    """A service that waits for its card, in the form of one that is done."""
    planned = issue.planned
    return {
        "service_id": issue.issue_id,
        "service": planned.order.service.value,
        "status": issue.status,
        "reason": issue.reason,
        "created_ms": issue.begun_ms,
        "member_id": planned.member.member_id,
        "card": None,
        "new_card": issue.card,
        "fee_fen": planned.fee.fee_fen,
        "waived": planned.fee.waived or None,
        "tenders": planned.taken.as_json(),
        "change_fen": planned.taken.change_fen,
        "valid_to": None,
        "refund": None,
        "moved": None,
        "receipt_id": None,
    }


def first_card(member_id: str) -> ServiceOrder:
    """A first card without anything to say about it."""
    return ServiceOrder(Service.ISSUE, member_id=member_id)
