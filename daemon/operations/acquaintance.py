"""What the counter may know of who stands there beside money, and who serves: no personal data, so
that every cashier may see it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from daemon.core.pricing.conditions import BirthdayWindow
from daemon.core.pricing.shop_time import moment
from daemon.operations.points import known_member
from daemon.operations.shop import Shop
from daemon.operations.standing import birthday_of
from daemon.ports.ledger import Books

SOON: Final = BirthdayWindow(days_before=7)
TODAY: Final = BirthdayWindow()


async def acquaintance(shop: Shop, member_id: str) -> dict[str, Any]:
    """A member's tags, visits, and whether the birthday is near; the day itself is not told.

    Raises NotFound("member_unknown")."""

    def look(books: Books) -> dict[str, Any]:
        member = known_member(books, member_id)
        personal = books.personal(member_id)
        standing = books.standing(member_id)
        day = moment(shop.clock.now_ms(), shop.policy.utc_offset_min).day
        return {
            "tags": list(member.tags),
            "birthday": birthday_hint(personal.birthday if personal else "", day),
            "visits": standing.visits,
            "first_day": standing.first_day,
            "last_day": standing.last_day,
        }

    return await shop.ledger.read(look)


def birthday_hint(birthday: str, day: date) -> str | None:
    """`today`, `soon` (within a week) or None."""
    known = birthday_of(birthday)
    if TODAY.holds(known, day):
        return "today"
    return "soon" if SOON.holds(known, day) else None


async def crew(shop: Shop) -> list[dict[str, Any]]:
    """Who may be named as having served a line, by number."""
    employees = await shop.ledger.read(lambda books: books.employees())
    return [
        {
            "employee_id": each.employee_id,
            "number": each.number,
            "name": each.name,
            "grade": each.grade,
        }
        for each in employees
        if each.active
    ]
