"""The member's payment PIN (A13): set, changed, reset, checked, with a lockout that a power cut
does not undo."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, NotAllowed, NotFound, Refused
from daemon.core.lockout import lock_after, seconds_locked, tries_left
from daemon.core.permissions import Permission
from daemon.core.records import Member
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

LENGTHS = range(4, 9)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`locked_s` is above 0 when no more tries are taken for now; else `left` tries remain."""

    left: int
    locked_s: int

    def error(self) -> NotAllowed:
        if self.locked_s:
            return NotAllowed("pin_locked", seconds=self.locked_s)
        return NotAllowed("pin_wrong", left=self.left)


def require_pin_form(pin: str) -> str:
    """Raises BadRequest("pin_malformed") unless it is 4 to 8 ASCII digits."""
    if len(pin) not in LENGTHS or not (pin.isascii() and pin.isdigit()):
        raise BadRequest("pin_malformed")
    return pin


async def set_pin(
    shop: Shop,
    actor: Actor,
    member_id: str,
    pin: str,
    *,
    old_pin: str | None = None,
    card_laid: bool = False,
) -> None:
    """Sets the first PIN, or changes the one there is: with the old one, or while a card of the
    member's that proves itself lies on the reader (`card_laid`).

    Raises BadRequest("pin_malformed"), NotFound("member_unknown"), NotAllowed("old_pin_needed" |
    "pin_wrong" | "pin_locked")."""
    require_pin_form(pin)
    member = await shop.ledger.read(lambda books: _require(books, member_id))
    event = "set_pin"
    if member.pin_hash is not None:
        event = "change_pin"
        if old_pin is not None:
            refusal = await check(shop, member_id, old_pin)
            if refusal is not None:
                raise refusal.error()
        elif not card_laid:
            raise NotAllowed("old_pin_needed")
    await _keep(shop, actor, member_id, pin, event)


async def reset_pin(
    shop: Shop,
    actor: Actor,
    member_id: str,
    pin: str,
    *,
    phone: str = "",
    card_number: str = "",
    card_laid: bool = False,
) -> None:
    """A new PIN for a member who has forgotten it and is known by the phone number or the number on
    the card, told in full, or by the card that lies there. The lock is lifted.

    Raises BadRequest("pin_malformed"), NotFound("member_unknown"),
    NotAllowed("permission_needed"), Refused("member_not_proved")."""
    actor.require(Permission.PIN_RESET)
    require_pin_form(pin)

    def proved(books: Books) -> bool:
        _require(books, member_id)
        personal = books.personal(member_id)
        by_phone = personal is not None and bool(phone) and _same(personal.phone, phone)
        card_id = books.card_numbered(card_number) if card_number else None
        card = books.card(card_id) if card_id is not None else None
        by_card = card is not None and card.member_id == member_id and not card.status.ended
        return by_phone or by_card or card_laid

    if not await shop.ledger.read(proved):
        raise Refused("member_not_proved")
    await _keep(shop, actor, member_id, pin, "reset_pin")


def _same(kept: str, told: str) -> bool:
    digits = "".join(mark for mark in told if mark.isdigit()).removeprefix("86")
    return bool(digits) and kept.removeprefix("86") == digits


def _require(books: Books, member_id: str) -> Member:
    member = books.member(member_id)
    if member is None:
        raise NotFound("member_unknown")
    return member


async def _keep(shop: Shop, actor: Actor, member_id: str, pin: str, event: str) -> None:
    """The journal notes that it happened and who did it, never the PIN."""
    hashed = await shop.pins.hash(pin)
    approved = {"approver": actor.approver} if actor.approver else {}

    def work(books: Books) -> None:
        member = _require(books, member_id)
        books.change_member(replace(member, pin_hash=hashed, pin_failures=0, pin_locked_until_ms=0))
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.PIN_SET,
                at_ms=shop.clock.now_ms(),
                actor=actor.number,
                member_id=member_id,
                detail={"event": event, **approved},
            )
        )

    await shop.ledger.write(work)


async def check(shop: Shop, member_id: str, pin: str) -> Refusal | None:
    """None when the PIN is right. A wrong one is counted durably before this returns."""
    member = await shop.ledger.read(lambda books: books.member(member_id))
    assert member is not None and member.pin_hash is not None
    locked_s = seconds_locked(member.pin_locked_until_ms, shop.clock.now_ms())
    if locked_s:
        return Refusal(left=0, locked_s=locked_s)
    right = await shop.pins.matches(member.pin_hash, require_pin_form(pin))
    if right and member.pin_failures == 0:
        return None
    return await shop.ledger.write(lambda books: _count(shop, books, member_id, right))


def _count(shop: Shop, books: Books, member_id: str, right: bool) -> Refusal | None:
    member = books.member(member_id)
    assert member is not None
    if right:
        books.change_member(replace(member, pin_failures=0, pin_locked_until_ms=0))
        return None
    counted = _after_failure(member, shop.clock.now_ms())
    books.change_member(counted)
    locked_s = seconds_locked(counted.pin_locked_until_ms, shop.clock.now_ms())
    return Refusal(left=0 if locked_s else tries_left(counted.pin_failures), locked_s=locked_s)


def _after_failure(member: Member, now_ms: int) -> Member:
    failures = member.pin_failures + 1
    locked_s = lock_after(failures)
    until = now_ms + locked_s * 1000 if locked_s else member.pin_locked_until_ms
    return replace(member, pin_failures=failures, pin_locked_until_ms=until)
