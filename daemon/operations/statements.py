"""Statements of commission (E2), and whether the rows agree with the journal's accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from daemon.core.entry import Account
from daemon.core.errors import NotFound
from daemon.core.permissions import Permission
from daemon.core.records import Employee
from daemon.core.statement import Statement, by_grade
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

LEDGER_ASSET = "commission"


async def statements(
    shop: Shop, actor: Actor, from_day: str, to_day: str, number: str = ""
) -> dict[str, Any]:
    """What everybody, or the employee `number`, earned in the days from_day to to_day, both
    included. One's own statement needs no permission, others' need `records`.

    Raises NotAllowed("permission_needed"), NotFound("employee_unknown")."""
    if number != actor.number:
        actor.require(Permission.RECORDS)

    def look(books: Books) -> list[Statement]:
        return [
            statement_of(books, employee, from_day, to_day) for employee in _whom(books, number)
        ]

    made = await shop.ledger.read(look)
    shown = [each for each in made if number or each.rows or each.account_fen]
    return {
        "from_day": from_day,
        "to_day": to_day,
        "statements": [
            {**asdict(each), "total_fen": each.total_fen, "agrees": each.agrees} for each in shown
        ],
        "by_grade": by_grade(shown),
    }


def _whom(books: Books, number: str) -> Sequence[Employee]:
    if not number:
        return books.employees()
    employee = books.employee_by_number(number)
    if employee is None:
        raise NotFound("employee_unknown")
    return [employee]


def statement_of(books: Books, employee: Employee, from_day: str, to_day: str) -> Statement:
    account = Account(f"employee:{employee.employee_id}", LEDGER_ASSET)
    return Statement(
        employee.employee_id,
        employee.number,
        employee.name,
        employee.grade,
        tuple(books.commission_rows(employee.employee_id, from_day, to_day)),
        books.balance(account),
        books.commission_total(employee.employee_id),
    )
