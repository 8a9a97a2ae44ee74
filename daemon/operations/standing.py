"""Who stands at the counter, as the rules of price may know it: category and level, the birthday's
month and day, balances that may still be spent, points, passes, and how often the member came."""

from __future__ import annotations

from datetime import date, timedelta

from daemon.core.entry import Account
from daemon.core.lot_rule import lot_rule, usable
from daemon.core.pricing.levels import Measure
from daemon.core.pricing.shop_time import moment
from daemon.core.pricing.standing import Birthday, Habit, MemberStanding, PassHeld
from daemon.core.records import Holding, Member, Standing
from daemon.operations.shop import Shop
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books
from daemon.rules.cell import ShopRules

PASSES = "pass:"


def member_standing(shop: Shop, books: Books, member: Member, now_ms: int) -> MemberStanding:
    """A member whose benefits are over (`valid_to`) has no category, level or bonus: principal,
    points and passes stay."""
    rules = shop.rules
    day = moment(now_ms, rules.policy.utc_offset_min).day
    kept = books.standing(member.member_id)
    benefits = has_benefits(member, day.isoformat())
    held = usable(books.holdings(owner_of(member.member_id)), day.isoformat())
    if not benefits:
        held = [each for each in held if each.account.asset != "bonus"]
    personal = books.personal(member.member_id)
    return MemberStanding(
        member_id=member.member_id,
        category=member.category if benefits else None,
        level=member.level if benefits else None,
        birthday=birthday_of(personal.birthday) if personal else None,
        tags=frozenset(member.tags),
        habit=Habit(
            date.fromisoformat(kept.last_day) if kept.last_day else None,
            kept.visits,
            kept.spent_fen,
        ),
        holdings=tuple(held),
        points=sum(each.balance for each in held if each.account.asset == "points"),
        passes=tuple(pass_held(each) for each in held if each.account.asset.startswith(PASSES)),
        progress=_progress(books, kept, rules, day),
    )


def has_benefits(member: Member, day: str) -> bool:
    return member.valid_to is None or member.valid_to >= day


def rises(shop: Shop, before: str | None, after: str | None) -> bool:
    """Whether a change of level is one upwards. A level that the shop no longer has counts as
    none."""
    heights = {rung.level: place for place, rung in enumerate(shop.rules.book.ladder.rungs)}
    return heights.get(after or "", -1) > heights.get(before or "", -1)


def birthday_of(text: str) -> Birthday | None:
    """From YYYY-MM-DD, or --MM-DD where the year was not told; "" is None."""
    if not text:
        return None
    month, day = text[-5:].split("-")
    return Birthday(int(month), int(day))


def pass_held(held: Holding) -> PassHeld:
    """`pass_id` names the lot: `pass:<code>@<lot>`."""
    rule = lot_rule(held.rule)
    return PassHeld(
        pass_id=pass_id_of(held.account),
        codes=frozenset(rule.codes),
        left=held.balance,
        worth_fen=rule.worth_fen,
        to_day=date.fromisoformat(rule.to_day) if rule.to_day else None,
    )


def pass_id_of(account: Account) -> str:
    return f"{account.asset}@{account.lot}"


def _progress(books: Books, kept: Standing, rules: ShopRules, day: date) -> int:
    """The ladder's measure in its window so far, today the last day of the window."""
    ladder = rules.book.ladder
    if not ladder.rungs:
        return 0
    if rules.level_window_days is not None:
        first = day - timedelta(days=rules.level_window_days - 1)
        summed = books.habits_since(kept.member_id, first.isoformat())
        return {
            Measure.SPEND: summed.spent_fen,
            Measure.RECHARGE: summed.recharged_fen,
            Measure.POINTS: summed.points,
            Measure.VISITS: summed.visits,
        }[ladder.measure]
    return {
        Measure.SPEND: kept.spent_fen,
        Measure.RECHARGE: kept.recharged_fen,
        Measure.POINTS: kept.points_earned,
        Measure.VISITS: kept.visits,
    }[ladder.measure]
