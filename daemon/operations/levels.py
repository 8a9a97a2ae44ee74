"""Levels (会员等级, B5): reached in a sale or a recharge, lost where the ladder takes them back,
set by hand with a reason. Each change is an entry and a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from daemon.core.entry import Draft, Kind
from daemon.core.errors import NotFound
from daemon.core.pricing.levels import Measure
from daemon.core.records import Member, Operation
from daemon.core.sold import HabitSum
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.messages import tell
from daemon.operations.points import known_member
from daemon.operations.shop import Actor, Shop
from daemon.operations.standing import has_benefits, member_standing, rises
from daemon.operations.triggers import fire_promoted
from daemon.ports.ledger import Books

KIND = "level_change"


def apply_level(
    shop: Shop, books: Books, member: Member, level: str | None, now_ms: int, *, cause: str
) -> Member:
    """Puts the member at `level`, in the transaction of what brought that (`cause`: the op_id of a
    sale or recharge, or a word): an entry, a message, and what the shop gives on a promotion. The
    member as it is now."""
    if member.level == level:
        return member
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=Kind.LEVEL,
            at_ms=now_ms,
            actor="device",
            member_id=member.member_id,
            detail={
                "event": "change_level",
                "before": member.level or "",
                "after": level or "",
                "cause": cause,
            },
        )
    )
    return _put(shop, books, member, level, now_ms)


def settle_level(shop: Shop, books: Books, member: Member, now_ms: int, *, cause: str) -> Member:
    """Promotes where the measure as it now is on the books reaches a higher rung, in the
    transaction of what moved it; takes nothing back: that is the daily round's (`demote`). A member
    whose benefits are over stays where they stood."""
    if not has_benefits(member, shop.day(now_ms)):
        return member
    ladder = shop.rules.book.ladder
    progress = member_standing(shop, books, member, now_ms).progress
    level = replace(ladder, demotes=False).level_at(progress, member.level)
    return apply_level(shop, books, member, level, now_ms, cause=cause)


def loses_level(shop: Shop, books: Books, member: Member, since: date, today: date) -> bool:
    """Whether the window of the ladder has moved over something between the days `since` and
    `today`, and what is left is not enough for the member's level. A level that was given by hand
    stays until then."""
    ladder, days = shop.rules.book.ladder, shop.rules.level_window_days
    if member.level is None or not (ladder.demotes and days and ladder.rungs) or since >= today:
        return False
    before, now = (day - timedelta(days - 1) for day in (since, today))
    was, left = (
        _measured(books.habits_since(member.member_id, first.isoformat()), ladder.measure)
        for first in (before, now)
    )
    return left < was and ladder.level_at(left, member.level) != member.level


def demote(shop: Shop, books: Books, member: Member, now_ms: int) -> Member:
    """To the level that the window now gives (`loses_level` has said so)."""
    ladder = shop.rules.book.ladder
    progress = member_standing(shop, books, member, now_ms).progress
    level = ladder.level_at(progress, member.level)
    return apply_level(shop, books, member, level, now_ms, cause="window")


def _measured(habits: HabitSum, measure: Measure) -> int:
    return {
        Measure.SPEND: habits.spent_fen,
        Measure.RECHARGE: habits.recharged_fen,
        Measure.POINTS: habits.points,
        Measure.VISITS: habits.visits,
    }[measure]


async def change_level(
    shop: Shop, actor: Actor, member_id: str, level: str | None, *, reason: str, key: str
) -> dict[str, Any]:
    """By hand. `reason` is a short code for the journal.

    Raises NotFound("member_unknown" | "level_unknown"), Conflict("idempotency_key_reused")."""
    request = {"member_id": member_id, "level": level, "reason": reason}

    def work(books: Books) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            member = known_member(books, member_id)
            if level is not None and level not in shop.rules.levels:
                raise NotFound("level_unknown")
            facts: dict[str, int | str] = {
                "before": member.level or "",
                "after": level or "",
                "reason": reason,
            }
            put_on_journal(
                books, operation, Kind.LEVEL, actor, "set_level", facts, member_id=member_id
            )
            if level != member.level:
                _put(shop, books, member, level, operation.created_ms)
            return {"member_id": member_id, "before": member.level, "level": level}

        return do_once(shop, books, actor, key, KIND, request, deed)

    return await shop.ledger.write(work)


def _put(shop: Shop, books: Books, member: Member, level: str | None, now_ms: int) -> Member:
    changed = replace(member, level=level)
    books.change_member(changed)
    up = rises(shop, member.level, level)
    facts: dict[str, int | str] = {"level": level or "", "name": shop.rules.level_name(level)}
    tell(shop, books, member.member_id, "level_up" if up else "level_down", facts, now_ms)
    if up and level is not None:
        fire_promoted(shop, books, changed, level, now_ms)
    return changed
