"""Employees sign in with a number and a PIN (E1). Lockout and sessions outlive a restart."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar, cast

from daemon.core.entry import Draft, Entry, Kind
from daemon.core.errors import NotAllowed
from daemon.core.lockout import lock_after, seconds_locked, tries_left
from daemon.core.records import Employee, Session
from daemon.operations.member_pin import require_pin_form
from daemon.operations.shop import Actor, Shop
from daemon.ports.clock import Clock
from daemon.ports.ledger import Books, Ledger
from daemon.ports.pins import PinHasher

T = TypeVar("T")

SESSION_MS = 12 * 3_600_000
"""A long shift."""
IDLE_MS = 30 * 60_000
SEEN_EVERY_MS = 60_000
"""How often the last use is written down: not on every request, the SD card wears."""
DEVICE_TRIES = 20
"""Wrong tries on this device, whoever was tried, before the device itself makes everyone wait."""
_DEVICE_LOCK_S = 60


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a PIN is asked for: the keys of a wrong one and of a lock."""

    failed: str
    locked: str


SIGN_IN: Final = Purpose("sign_in_failed", "sign_in_locked")
APPROVE: Final = Purpose("approval_refused", "approval_locked")
TAKE_OVER: Final = Purpose("take_over_refused", "take_over_locked")
OWN_PIN: Final = Purpose("old_pin_wrong", "old_pin_locked")


@dataclass(frozen=True, slots=True)
class SignedIn:
    token: str
    actor: Actor
    expires_ms: int


async def sign_in(shop: Shop, number: str, pin: str) -> SignedIn:
    """Raises NotAllowed("sign_in_failed" with tries `left`) or NotAllowed("sign_in_locked" with
    `seconds`). An unknown or dismissed number takes as long and answers as a wrong PIN."""
    token = secrets.token_urlsafe(32)
    return await with_pin(
        shop, number, pin, lambda books, employee: _open(shop, books, employee, token), SIGN_IN
    )


async def with_pin(
    shop: Shop, number: str, pin: str, then: Callable[[Books, Employee], T], purpose: Purpose
) -> T:
    """What `then` makes of the employee whose PIN this is, in one write transaction with the count
    of tries. A wrong PIN counts against the employee and the device, whatever it was asked for.

    Raises BadRequest("pin_malformed"), NotAllowed of `purpose`, and what `then` raises."""
    require_pin_form(pin)

    def look(books: Books) -> tuple[Employee | None, int]:
        employee = _employed(books.employee_by_number(number))
        return employee, _locked_s(shop, books, employee)

    employee, locked_s = await shop.ledger.read(look)
    if locked_s:
        raise NotAllowed(purpose.locked, seconds=locked_s)
    if employee is None:
        await shop.pins.hash(pin)
        right = False
    else:
        right = await shop.pins.matches(employee.pin_hash, pin)
    tried = employee.employee_id if employee is not None else None

    def settle(books: Books) -> tuple[NotAllowed | None, T | None]:
        found = _employed(books.employee(tried)) if tried is not None else None
        refusal = _settle(shop, books, found, right, purpose)
        if refusal is not None:
            # Returned, not raised: the try must stay counted.
            return refusal, None
        assert found is not None
        return None, then(books, found)

    refusal, made = await shop.ledger.write(settle)
    if refusal is not None:
        raise refusal
    return cast(T, made)


def _settle(
    shop: Shop, books: Books, employee: Employee | None, right: bool, purpose: Purpose
) -> NotAllowed | None:
    """Looks at the locks again: of many tries at once, those that come after the lock learn
    nothing, whether they were right or wrong."""
    locked_s = _locked_s(shop, books, employee)
    if locked_s:
        return NotAllowed(purpose.locked, seconds=locked_s)
    if employee is None or not right:
        return _count(shop, books, employee, purpose)
    if employee.failures:
        books.put_employee(replace(employee, failures=0, locked_until_ms=0))
    return None


def _open(shop: Shop, books: Books, employee: Employee, token: str) -> SignedIn:
    now_ms = shop.clock.now_ms()
    session = Session(token_hash(token), employee.employee_id, now_ms, now_ms, now_ms + SESSION_MS)
    books.put_session(session)
    note(shop, books, Kind.SIGNED_IN, employee.number, "signed_in")
    return SignedIn(token, actor_of(shop, employee), session.expires_ms)


def note(shop: Shop, books: Books, kind: Kind, actor: str, event: str, **facts: int | str) -> Entry:
    """An entry of the log that moves no money."""
    return books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=kind,
            at_ms=shop.clock.now_ms(),
            actor=actor,
            detail={"event": event, **facts},
        )
    )


def _employed(employee: Employee | None) -> Employee | None:
    return employee if employee is not None and employee.active else None


def _locked_s(shop: Shop, books: Books, employee: Employee | None) -> int:
    """Seconds until this employee, on this device, may try again."""
    now_ms = shop.clock.now_ms()
    own_s = seconds_locked(employee.locked_until_ms, now_ms) if employee is not None else 0
    return max(seconds_locked(_device_lock(books)[1], now_ms), own_s)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def actor_of(shop: Shop, employee: Employee) -> Actor:
    """The employee with what the role may do now."""
    return Actor(
        employee.employee_id,
        employee.number,
        employee.name,
        employee.role,
        employee.grade,
        shop.rules.permissions_of(employee.role),
        language=employee.language,
    )


def _device_lock(books: Books) -> tuple[int, int]:
    """(wrong tries in a row on this device, locked until)."""
    kept = books.setting("device_sign_in")
    failures, until = json.loads(kept) if kept else (0, 0)
    return int(failures), int(until)


def _count(shop: Shop, books: Books, employee: Employee | None, purpose: Purpose) -> NotAllowed:
    """Counts a wrong try against the employee and the device; both survive a restart, and a right
    PIN of somebody else does not reset the device's."""
    now_ms = shop.clock.now_ms()
    failures, until = _device_lock(books)
    failures += 1
    if failures % DEVICE_TRIES == 0:
        until = now_ms + _DEVICE_LOCK_S * 1000
    books.put_setting("device_sign_in", json.dumps([failures, until]))
    locked_s, left = seconds_locked(until, now_ms), tries_left(failures)
    if employee is not None:
        count = employee.failures + 1
        own_s = lock_after(count)
        until = now_ms + own_s * 1000 if own_s else employee.locked_until_ms
        books.put_employee(replace(employee, failures=count, locked_until_ms=until))
        locked_s, left = max(locked_s, own_s), tries_left(count)
    if locked_s:
        actor = employee.number if employee is not None else "device"
        note(shop, books, Kind.SIGNED_IN, actor, purpose.locked, seconds=locked_s)
        return NotAllowed(purpose.locked, seconds=locked_s)
    return NotAllowed(purpose.failed, left=left)


async def who(shop: Shop, token: str) -> tuple[Actor, Session]:
    """Who holds this token. Raises NotAllowed("not_signed_in" | "session_over")."""
    digest = token_hash(token)

    def look(books: Books) -> tuple[Session | None, Employee | None]:
        session = books.session(digest)
        return session, books.employee(session.employee_id) if session else None

    session, found = await shop.ledger.read(look)
    employee = _employed(found)
    now_ms = shop.clock.now_ms()
    if session is None or employee is None:
        raise NotAllowed("not_signed_in")
    if _is_over(session, now_ms):
        raise NotAllowed("session_over")
    if now_ms - session.seen_ms >= SEEN_EVERY_MS:
        await shop.ledger.write(lambda books: _touch(books, digest, now_ms))
    return actor_of(shop, employee), session


def _touch(books: Books, digest: bytes, now_ms: int) -> None:
    """A session that was signed out meanwhile stays so."""
    session = books.session(digest)
    if session is not None:
        books.put_session(replace(session, seen_ms=max(session.seen_ms, now_ms)))


async def is_signed_in(shop: Shop, token: str) -> bool:
    """Whether a session is still open. Looking does not count as using it."""
    session = await shop.ledger.read(lambda books: books.session(token_hash(token)))
    now_ms = shop.clock.now_ms()
    return session is not None and not _is_over(session, now_ms)


def _is_over(session: Session, now_ms: int) -> bool:
    return now_ms >= session.expires_ms or now_ms - session.seen_ms >= IDLE_MS


async def sign_out(shop: Shop, token: str) -> None:
    await shop.ledger.write(lambda books: books.end_session(token_hash(token)))


async def keep_employee(
    ledger: Ledger,
    pins: PinHasher,
    clock: Clock,
    *,
    number: str,
    name: str,
    role: str,
    pin: str,
) -> None:
    """Adds an employee, or gives the one with that number this name, role and PIN, unlocked and
    active: the way back in for a shop that has locked itself out. Raises BadRequest."""
    hashed = await pins.hash(require_pin_form(pin))

    def work(books: Books) -> None:
        known = books.employee_by_number(number)
        employee_id = known.employee_id if known else clock.new_id()
        fresh = Employee(employee_id, number, name, role, hashed)
        if known is not None:
            fresh = replace(fresh, grade=known.grade, language=known.language)
        books.put_employee(fresh)
        books.append(
            Draft(
                op_id=clock.new_id(),
                kind=Kind.STAFF_CHANGED,
                at_ms=clock.now_ms(),
                actor="console",
                detail={"event": "employee_kept", "employee": number, "role": role},
            )
        )

    await ledger.write(work)
