"""Check-in (签到, C4): once a day of the shop, at the counter or by a tap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from daemon.core.entry import Kind
from daemon.core.errors import Conflict, Refused
from daemon.core.loyalty.check_in import next_bonus, points_on, streak_now, streak_on
from daemon.core.loyalty.held import CheckIn
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member, Operation
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.points import Movement, gather_points, giving, known_member, points_of
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import has_benefits
from daemon.ports.ledger import Books
from daemon.rules.loyalty import CheckIn as Rule

KIND = "check_in"


async def check_in(
    shop: Shop, actor: Actor, member_id: str, key: str, by: str = "counter"
) -> dict[str, Any]:
    """`by` is how the member was known: `counter`, or `tap`.

    Raises NotFound("member_unknown"), Refused("check_in_off" | "member_frozen" |
    "benefits_over"), Conflict("checked_in_already" | "idempotency_key_reused")."""

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            member = known_member(books, member_id)
            return _check_in(shop, books, operation, actor, member, by)

        return do_once(shop, books, actor, key, KIND, {"member_id": member_id}, deed)

    return await shop.ledger.write(work)


def _check_in(
    shop: Shop, books: Books, operation: Operation, actor: Actor, member: Member, by: str
) -> Mapping[str, Any]:
    rule = shop.rules.check_in
    if rule is None:
        raise Refused("check_in_off")
    if member.status != "active":
        raise Refused("member_frozen")
    now_ms = operation.created_ms
    day = moment(now_ms, shop.policy.utc_offset_min).day
    if not has_benefits(member, day.isoformat()):
        raise Refused("benefits_over")
    last = books.last_check_in(member.member_id)
    streak = streak_on(last, day)
    if streak is None:
        raise Conflict("checked_in_already", streak=last.streak if last else 0)
    points = points_on(streak, rule.points, bonuses_of(rule))
    movement = (
        giving(shop, member.member_id, points, "check_in", now_ms) if points else Movement(())
    )
    books.add_check_in(member.member_id, CheckIn(day.isoformat(), streak, operation.op_id))
    put_on_journal(
        books,
        operation,
        Kind.POINTS,
        actor,
        "check_in",
        {"streak": streak, "points": points, "by": by},
        member_id=member.member_id,
        postings=movement.postings,
        opened=movement.opened,
    )
    gather_points(shop, books, member.member_id, now_ms)
    return {
        "check_in_id": operation.op_id,
        "member_id": member.member_id,
        "day": day.isoformat(),
        "streak": streak,
        "points": points,
        "available": points_of(shop, books, member.member_id, now_ms),
        "next_bonus": _bonus_view(streak, rule),
    }


def bonuses_of(rule: Rule) -> dict[int, int]:
    return {row.days: row.points for row in rule.streaks}


def check_in_state(books: Books, member: Member, rule: Rule | None, day: date) -> dict[str, Any]:
    """Whether the member may check in on `day`, how long the streak is, and what a check-in now
    would bring."""
    last = books.last_check_in(member.member_id)
    streak = streak_on(last, day)
    offered = rule is not None
    brings = points_on(streak, rule.points, bonuses_of(rule)) if rule and streak else 0
    return {
        "offered": offered,
        "done_today": streak is None,
        "streak": streak_now(last, day),
        "last_day": last.day if last else None,
        "brings": brings,
        "next_bonus": _bonus_view(streak_now(last, day), rule) if rule else None,
    }


def _bonus_view(streak: int, rule: Rule) -> dict[str, int] | None:
    found = next_bonus(streak, bonuses_of(rule))
    return {"in_days": found[0], "points": found[1]} if found else None
