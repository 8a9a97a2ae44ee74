"""The member's payment PIN (A13): set, check, lockout that a power cut does not reset."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, NotAllowed, NotFound
from daemon.core.lockout import lock_after, seconds_locked, tries_left
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


async def set_pin(shop: Shop, actor: Actor, member_id: str, pin: str) -> None:
    """Sets or replaces the PIN; the journal notes that it happened, by whom, never the PIN.

    Raises BadRequest("pin_malformed"), NotFound("member_unknown")."""
    hashed = await shop.pins.hash(require_pin_form(pin))

    def work(books: Books) -> None:
        member = books.member(member_id)
        if member is None:
            raise NotFound("member_unknown")
        books.change_member(replace(member, pin_hash=hashed, pin_failures=0, pin_locked_until_ms=0))
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.PIN_SET,
                at_ms=shop.clock.now_ms(),
                actor=actor.number,
                member_id=member_id,
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
