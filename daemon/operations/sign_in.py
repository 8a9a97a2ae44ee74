"""Employees sign in with a number and a PIN (E1). Lockout and sessions outlive a restart."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace

from daemon.core.errors import NotAllowed
from daemon.core.lockout import lock_after, seconds_locked, tries_left
from daemon.core.records import Employee, Session
from daemon.operations.member_pin import require_pin_form
from daemon.operations.shop import Actor, Shop
from daemon.ports.clock import Clock
from daemon.ports.ledger import Books, Ledger
from daemon.ports.pins import PinHasher

SESSION_MS = 12 * 3_600_000
"""A long shift."""
IDLE_MS = 30 * 60_000
SEEN_EVERY_MS = 60_000
"""How often the last use is written down: not on every request, the SD card wears."""
DEVICE_TRIES = 20
"""Wrong tries on this device, whoever was tried, before the device itself makes everyone wait."""
_DEVICE_LOCK_S = 60


@dataclass(frozen=True, slots=True)
class SignedIn:
    token: str
    actor: Actor
    expires_ms: int


async def sign_in(shop: Shop, number: str, pin: str) -> SignedIn:
    """Raises NotAllowed("sign_in_failed" with tries `left`) or NotAllowed("sign_in_locked" with
    `seconds`). An unknown number takes as long and answers the same as a wrong PIN."""
    require_pin_form(pin)

    def look(books: Books) -> tuple[Employee | None, int]:
        employee = books.employee_by_number(number)
        return employee, _locked_s(shop, books, employee)

    employee, locked_s = await shop.ledger.read(look)
    if locked_s:
        raise NotAllowed("sign_in_locked", seconds=locked_s)
    if employee is None:
        await shop.pins.hash(pin)
        right = False
    else:
        right = await shop.pins.matches(employee.pin_hash, pin)
    token = secrets.token_urlsafe(32)
    tried = employee.employee_id if employee is not None else None
    answer = await shop.ledger.write(lambda books: _settle(shop, books, tried, right, token))
    if isinstance(answer, NotAllowed):
        raise answer
    return answer


def _settle(
    shop: Shop, books: Books, tried: str | None, right: bool, token: str
) -> SignedIn | NotAllowed:
    """Looks at the locks again: of many tries at once, those that come after the lock learn
    nothing, whether they were right or wrong."""
    employee = books.employee(tried) if tried is not None else None
    locked_s = _locked_s(shop, books, employee)
    if locked_s:
        return NotAllowed("sign_in_locked", seconds=locked_s)
    if employee is None or not right:
        return _count(shop, books, employee)
    if employee.failures:
        books.put_employee(replace(employee, failures=0, locked_until_ms=0))
    now_ms = shop.clock.now_ms()
    session = Session(token_hash(token), employee.employee_id, now_ms, now_ms, now_ms + SESSION_MS)
    books.put_session(session)
    return SignedIn(token, _actor(shop, employee), session.expires_ms)


def _locked_s(shop: Shop, books: Books, employee: Employee | None) -> int:
    """Seconds until this employee, on this device, may try again."""
    now_ms = shop.clock.now_ms()
    own_s = seconds_locked(employee.locked_until_ms, now_ms) if employee is not None else 0
    return max(seconds_locked(_device_lock(books)[1], now_ms), own_s)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _actor(shop: Shop, employee: Employee) -> Actor:
    return Actor(
        employee.employee_id,
        employee.number,
        employee.name,
        employee.role,
        employee.grade,
        shop.rules.permissions_of(employee.role),
    )


def _device_lock(books: Books) -> tuple[int, int]:
    """(wrong tries in a row on this device, locked until)."""
    kept = books.setting("device_sign_in")
    failures, until = json.loads(kept) if kept else (0, 0)
    return int(failures), int(until)


def _count(shop: Shop, books: Books, employee: Employee | None) -> NotAllowed:
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
        return NotAllowed("sign_in_locked", seconds=locked_s)
    return NotAllowed("sign_in_failed", left=left)


async def who(shop: Shop, token: str) -> tuple[Actor, Session]:
    """Who holds this token. Raises NotAllowed("not_signed_in" | "session_over")."""
    digest = token_hash(token)

    def look(books: Books) -> tuple[Session | None, Employee | None]:
        session = books.session(digest)
        return session, books.employee(session.employee_id) if session else None

    session, employee = await shop.ledger.read(look)
    now_ms = shop.clock.now_ms()
    if session is None or employee is None:
        raise NotAllowed("not_signed_in")
    if _is_over(session, now_ms):
        raise NotAllowed("session_over")
    if now_ms - session.seen_ms >= SEEN_EVERY_MS:
        await shop.ledger.write(lambda books: _touch(books, digest, now_ms))
    return _actor(shop, employee), session


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
    """Adds an employee or replaces the one with that number. Raises BadRequest."""
    hashed = await pins.hash(require_pin_form(pin))

    def work(books: Books) -> None:
        known = books.employee_by_number(number)
        employee_id = known.employee_id if known else clock.new_id()
        books.put_employee(Employee(employee_id, number, name, role, hashed))

    await ledger.write(work)
