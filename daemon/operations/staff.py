"""Employees (E1): who works here, as what, and with which PIN. Every change is on the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, Conflict, NotFound, Refused
from daemon.core.lockout import seconds_locked
from daemon.core.permissions import Permission
from daemon.core.records import Employee
from daemon.operations.member_pin import require_pin_form
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import OWN_PIN, note, token_hash, with_pin
from daemon.ports.ledger import Books

KEYS_OF_THE_HOUSE: Final = frozenset({Permission.STAFF, Permission.RULES_CHANGE})
"""Somebody who may do both must always be left: else nobody could ever let anybody in again."""
LANGUAGES: Final = ("", "zh-CN", "en")
LONGEST_NUMBER: Final = 20
LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Post:
    """What the shop says of an employee. `number` is what one signs in with."""

    number: str
    name: str
    role: str
    grade: str = ""
    language: str = ""
    active: bool = True


def role_name(shop: Shop, role: str) -> str:
    """The role as the shop calls it; a role that is not there any more by its id."""
    named = {each.role: each.name for each in shop.rules.documents.staff.roles}
    return named.get(role, role)


def staff_view(shop: Shop, employee: Employee) -> dict[str, Any]:
    return {
        "employee_id": employee.employee_id,
        "number": employee.number,
        "name": employee.name,
        "role": employee.role,
        "role_name": role_name(shop, employee.role),
        "grade": employee.grade,
        "language": employee.language,
        "active": employee.active,
        "locked_s": seconds_locked(employee.locked_until_ms, shop.clock.now_ms()),
    }


async def list_staff(shop: Shop) -> list[dict[str, Any]]:
    """Everybody, also those who have left, by number."""
    found = await shop.ledger.read(lambda books: books.employees())
    return [staff_view(shop, employee) for employee in found]


async def hire(shop: Shop, actor: Actor, post: Post, pin: str) -> dict[str, Any]:
    """Adds an employee.

    Raises BadRequest("pin_malformed" | "employee_malformed" | "role_unknown" |
    "grade_unknown"),
    Conflict("employee_number_taken")."""
    _require_post(shop, post)
    _require_grade(shop, post.grade)
    hashed = await shop.pins.hash(require_pin_form(pin))

    def work(books: Books) -> Employee:
        _require_free(books, post.number, "")
        employee = _with(Employee(shop.clock.new_id(), "", "", "", hashed), post)
        books.put_employee(employee)
        _note(shop, books, actor, "employee_added", post.number, role=post.role, grade=post.grade)
        return employee

    return staff_view(shop, await shop.ledger.write(work))


async def change(
    shop: Shop, actor: Actor, employee_id: str, post: Post
) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Sets what `post` says; the view, and the sessions that ended because the employee left.

    Raises NotFound("employee_unknown"), BadRequest, Conflict("employee_number_taken"),
    Refused("last_keeper") where nobody would be left who may change staff and rules."""
    _require_post(shop, post)

    def work(books: Books) -> tuple[Employee, Sequence[bytes]]:
        before = _require(books, employee_id)
        _require_free(books, post.number, employee_id)
        after = _with(before, post)
        if after == before:
            return after, ()
        if after.grade != before.grade:
            _require_grade(shop, after.grade)
        books.put_employee(after)
        _require_keeper(shop, books, before)
        ended = books.end_sessions_of(employee_id) if not after.active else ()
        _note(shop, books, actor, _event(before, after), before.number, **_changes(before, after))
        return after, ended

    employee, ended = await shop.ledger.write(work)
    return staff_view(shop, employee), ended


async def reset_pin(
    shop: Shop, actor: Actor, employee_id: str, pin: str
) -> tuple[dict[str, Any], Sequence[bytes]]:
    """A new PIN for somebody who forgot it; ends the employee's sessions and any lock.

    Raises NotFound("employee_unknown"), BadRequest("pin_malformed")."""
    hashed = await shop.pins.hash(require_pin_form(pin))

    def work(books: Books) -> tuple[Employee, Sequence[bytes]]:
        before = _require(books, employee_id)
        after = replace(before, pin_hash=hashed, failures=0, locked_until_ms=0)
        books.put_employee(after)
        _note(shop, books, actor, "employee_pin_reset", before.number)
        return after, books.end_sessions_of(employee_id)

    employee, ended = await shop.ledger.write(work)
    return staff_view(shop, employee), ended


async def lift_lock(shop: Shop, actor: Actor, employee_id: str) -> dict[str, Any]:
    """Lets somebody try again who mistyped too often. Raises NotFound("employee_unknown")."""

    def work(books: Books) -> Employee:
        before = _require(books, employee_id)
        after = replace(before, failures=0, locked_until_ms=0)
        if after != before:
            books.put_employee(after)
            _note(shop, books, actor, "employee_unlocked", before.number)
        return after

    return staff_view(shop, await shop.ledger.write(work))


async def change_own_pin(
    shop: Shop, actor: Actor, token: str, old: str, new: str
) -> Sequence[bytes]:
    """The employee's own new PIN, for the old one. Other sessions of the same employee end; their
    token hashes are returned.

    Raises BadRequest("pin_malformed" | "pin_unchanged"), NotAllowed("old_pin_wrong" |
    "old_pin_locked")."""
    require_pin_form(old)
    if old == require_pin_form(new):
        raise BadRequest("pin_unchanged")
    hashed = await shop.pins.hash(new)

    def work(books: Books, employee: Employee) -> Sequence[bytes]:
        books.put_employee(replace(employee, pin_hash=hashed, failures=0, locked_until_ms=0))
        _note(shop, books, actor, "own_pin_changed", employee.number)
        kept = books.session(token_hash(token))
        ended = books.end_sessions_of(employee.employee_id)
        if kept is not None:
            books.put_session(kept)
        return [digest for digest in ended if digest != token_hash(token)]

    return await with_pin(shop, actor.number, old, work, OWN_PIN)


def require_somebody_left(books: Books, roles: dict[str, frozenset[Permission]]) -> None:
    """With these roles, whether somebody active may still change staff and rules.

    Raises Refused("last_keeper")."""
    for employee in books.employees():
        if employee.active and roles.get(employee.role, frozenset()) >= KEYS_OF_THE_HOUSE:
            return
    raise Refused("last_keeper")


def _require_keeper(shop: Shop, books: Books, before: Employee) -> None:
    """Only who takes the last key away is stopped: a shop that never had one may still be set
    up."""
    was_keeper = before.active and shop.rules.permissions_of(before.role) >= KEYS_OF_THE_HOUSE
    if was_keeper:
        roles = {role: shop.rules.permissions_of(role) for role, _ in shop.rules.roles}
        require_somebody_left(books, roles)


def _require(books: Books, employee_id: str) -> Employee:
    employee = books.employee(employee_id)
    if employee is None:
        raise NotFound("employee_unknown")
    return employee


def _require_post(shop: Shop, post: Post) -> None:
    fits = (
        1 <= len(post.number) <= LONGEST_NUMBER
        and post.number.isascii()
        and post.number.isalnum()
        and 1 <= len(post.name.strip()) <= LONGEST_NAME
        and post.name.isprintable()
        and post.language in LANGUAGES
    )
    if not fits:
        raise BadRequest("employee_malformed")
    if post.role not in dict(shop.rules.roles):
        raise BadRequest("role_unknown", role=post.role)


def _require_grade(shop: Shop, grade: str) -> None:
    """A grade that the rules have no more stays with who has it."""
    if grade and grade not in {each.grade for each in shop.rules.grades}:
        raise BadRequest("grade_unknown", grade=grade)


def _require_free(books: Books, number: str, employee_id: str) -> None:
    known = books.employee_by_number(number)
    if known is not None and known.employee_id != employee_id:
        raise Conflict("employee_number_taken")


def _with(employee: Employee, post: Post) -> Employee:
    return replace(
        employee,
        number=post.number,
        name=" ".join(post.name.split()),
        role=post.role,
        grade=post.grade,
        language=post.language,
        active=post.active,
    )


def _event(before: Employee, after: Employee) -> str:
    if before.active != after.active:
        return "employee_returned" if after.active else "employee_left"
    return "employee_changed"


def _changes(before: Employee, after: Employee) -> dict[str, str]:
    """What changed, as `old > new`. A name is personal data: the log says only that it changed."""
    told = {
        field: f"{getattr(before, field)} > {getattr(after, field)}"
        for field in ("number", "role", "grade", "language")
        if getattr(before, field) != getattr(after, field)
    }
    return told if before.name == after.name else {**told, "name": "changed"}


def _note(
    shop: Shop, books: Books, actor: Actor, event: str, employee: str, **facts: int | str
) -> None:
    if actor.approver:
        facts["approver"] = actor.approver
    note(shop, books, Kind.STAFF_CHANGED, actor.number, event, employee=employee, **facts)
