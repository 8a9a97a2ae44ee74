"""Loyalty against plain oracles, over random shops and days."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Account, Draft, Kind, Posting
from daemon.core.errors import Refused
from daemon.core.ids import ALPHABET
from daemon.core.lot_rule import LotRule
from daemon.core.loyalty.check_in import next_bonus, points_on, streak_now, streak_on
from daemon.core.loyalty.coupon_code import RANDOM_BITS, make_code, printed, read_code
from daemon.core.loyalty.held import CheckIn
from daemon.core.loyalty.occasions import absent_occasion, birthday_occasion, feast_in
from daemon.core.loyalty.points import available, draw, gathered, last_day
from daemon.core.pricing.standing import Birthday
from daemon.core.records import Holding, Member
from daemon.operations import due
from daemon.operations.expiry import expire_next
from daemon.operations.nightly import Nightly
from daemon.operations.points import adjust_points, gather_points, points_of
from daemon.operations.shop import Shop
from daemon.operations.triggers import notice_due, occasions
from daemon.ports.ledger import Books
from tests.budget import examples
from tests.fakes.clock import HandClock
from tests.fakes.ledger import MemoryLedger
from tests.ledger.proof import proved
from tests.loyalty.shop import BOSS, POINTS, add_member, make_shop

DAY_S = 86_400
FIRST = date(2026, 9, 10)
DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))


@examples(200, nightly=10_000)
@given(
    st.sets(st.integers(0, 40), min_size=1), st.dictionaries(st.integers(2, 9), st.integers(0, 50))
)
def test_a_streak_is_the_days_in_a_row(days: set[int], bonuses: dict[int, int]) -> None:
    last: CheckIn | None = None
    for number in range(41):
        day = FIRST + timedelta(number)
        in_a_row = 0
        while number - 1 - in_a_row in days:
            in_a_row += 1
        assert streak_now(last, day) == in_a_row
        if number not in days:
            continue
        streak = streak_on(last, day)
        assert streak == in_a_row + 1
        assert points_on(streak, 7, bonuses) == 7 + bonuses.get(streak, 0)
        ahead = next_bonus(streak, bonuses)
        later = [each for each in sorted(bonuses) if each > streak and bonuses[each]]
        assert ahead == ((later[0] - streak, bonuses[later[0]]) if later else None)
        last = CheckIn(day.isoformat(), streak, "op")
        assert streak_on(last, day) is None and streak_on(last, day - timedelta(3)) is None


LOTS = st.lists(
    st.tuples(st.integers(1, 500), st.one_of(st.none(), st.integers(-40, 400))), max_size=40
)


def holdings_of(lots: Sequence[tuple[int, int | None]]) -> list[Holding]:
    return [
        Holding(
            Account("member:M", "points", number + 1),
            amount,
            LotRule("test", "" if end is None else (FIRST + timedelta(end)).isoformat()).as_text(),
        )
        for number, (amount, end) in enumerate(lots)
    ]


@examples(200, nightly=10_000)
@given(LOTS, st.data())
def test_what_ends_first_is_spent_first_and_never_more_than_there_is(
    lots: list[tuple[int, int | None]], data: st.DataObject
) -> None:
    held, today = holdings_of(lots), FIRST.isoformat()
    alive = [(amount, end) for amount, end in lots if end is None or end >= 0]
    assert available(held, today) == sum(amount for amount, _ in alive)
    if not alive:
        return
    wanted = data.draw(st.integers(1, available(held, today)))
    postings = draw(held, wanted, today)
    assert sum(posting.amount for posting in postings) == 0
    left = {each.account: each.balance for each in held}
    for posting in postings[:-1]:
        left[posting.account] += posting.amount
        assert left[posting.account] >= 0
    ends = {each.account: lots[each.account.lot - 1][1] for each in held}
    taken = {posting.account for posting in postings[:-1]}
    for account in taken:
        end = ends[account]
        # Whatever ends before a lot that was drawn on is used up.
        for other, balance in left.items():
            other_end = ends[other]
            if other_end is not None and other_end >= 0 and (end is None or other_end < end):
                assert balance == 0


@examples(200, nightly=10_000)
@given(LOTS)
def test_putting_lots_together_loses_nothing(lots: list[tuple[int, int | None]]) -> None:
    held = holdings_of(lots)
    found = gathered(held, FIRST.isoformat(), 60)
    if found is None:
        return
    chosen, rule = found
    ends = [end for end in (lots[each.account.lot - 1][1] for each in chosen) if end is not None]
    assert len(chosen) >= 2
    if rule.to_day:
        last = date.fromisoformat(rule.to_day)
        assert all(FIRST + timedelta(end) <= last for end in ends)
        assert all((FIRST + timedelta(end)).isoformat()[:7] == rule.to_day[:7] for end in ends)
    else:
        assert not ends


@examples(200, nightly=10_000)
@given(st.text(max_size=8), st.integers(0, (1 << RANDOM_BITS) - 1), st.data())
def test_a_slip_of_the_finger_is_no_other_coupon(
    issuer: str, random_bits: int, data: st.DataObject
) -> None:
    code = make_code(issuer, random_bits)
    assert read_code(code) == code == read_code(printed(code).lower())
    assert read_code(code.replace("0", "o").replace("1", "l")) == code
    place = data.draw(st.integers(0, len(code) - 1))
    letter = data.draw(st.sampled_from([each for each in ALPHABET if each != code[place]]))
    assert read_code(code[:place] + letter + code[place + 1 :]) is None
    other = data.draw(st.integers(0, len(code) - 1))
    swapped = list(code)
    swapped[place], swapped[other] = swapped[other], swapped[place]
    if code[place] != code[other]:
        assert read_code("".join(swapped)) is None


@examples(200, nightly=10_000)
@given(st.text(max_size=40))
def test_any_text_is_read_as_a_code_or_not(text: str) -> None:
    found = read_code(text)
    assert found is None or read_code(found) == found


@examples(200, nightly=10_000)
@given(DAYS, st.integers(1, 12), st.integers(1, 31), st.integers(0, 40))
def test_a_birthday_is_wished_on_the_days_before_it_and_no_others(
    today: date, month: int, day: int, before: int
) -> None:
    try:
        birthday = Birthday(month, date(2024, month, day).day)
    except ValueError:
        return
    wished = birthday_occasion(birthday, before, today)
    feasts = {feast_in(birthday, year) for year in range(today.year - 1, today.year + 3)}
    ahead = [(feast - today).days for feast in feasts if feast >= today]
    assert (wished is not None) == (min(ahead) <= before)
    if wished is not None:
        assert wished == f"birthday:{(today + timedelta(min(ahead))).year}"
    away = absent_occasion((today - timedelta(before)).isoformat(), 20, today)
    assert (away is not None) == (20 <= before <= 50)


@dataclass
class Life:
    """A shop over a fresh ledger, on its own loop."""

    ledger: MemoryLedger
    clock: HandClock
    shop: Shop

    @classmethod
    def begin(cls, **sections: Any) -> Life:
        ledger, clock = MemoryLedger(), HandClock()
        return cls(ledger, clock, make_shop(ledger, clock, **sections))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("adjust"), st.integers(-400, 400)),
        st.tuples(st.just("days"), st.integers(1, 12)),
        st.tuples(st.just("back"), st.integers(1, 3)),
        st.tuples(st.just("round"), st.just(0)),
        st.tuples(st.just("gather"), st.just(0)),
    ),
    max_size=40,
)


@examples(200, nightly=10_000)
@given(STEPS, st.one_of(st.none(), st.integers(1, 30)))
def test_points_are_what_was_given_less_what_went_and_never_below_zero(
    steps: list[tuple[str, int]], valid_days: int | None
) -> None:
    """The oracle is a plain list of [amount, last day]."""

    async def live() -> None:
        life = Life.begin(points={**POINTS, "valid_days": valid_days})
        shop, ledger, clock = life.shop, life.ledger, life.clock
        member = await ledger.write(lambda books: add_member(shop, books, "1"))
        oracle: list[list[Any]] = []
        for number, (step, value) in enumerate(steps):
            today = date.fromisoformat(shop.day(clock.now_ms()))
            if step == "adjust" and value:
                there = sum(amount for amount, end in oracle if end is None or end >= today)
                try:
                    await adjust_points(
                        shop, BOSS, member.member_id, value, reason="x", note="", key=f"k{number}"
                    )
                except Refused:
                    assert value < 0 and there < -value
                else:
                    assert value > 0 or there >= -value
                    _apply(oracle, value, today, valid_days)
            elif step == "days":
                clock.advance(value * DAY_S)
            elif step == "back":
                clock.advance(-value * DAY_S)
                await Nightly(shop, pause_s=0.0).catch_up()
                clock.advance(value * DAY_S)
            elif step == "round":
                await Nightly(shop, pause_s=0.0).catch_up()
            else:
                await ledger.write(
                    lambda books: gather_points(shop, books, member.member_id, clock.now_ms())
                )
            today = date.fromisoformat(shop.day(clock.now_ms()))
            left = sum(amount for amount, end in oracle if end is None or end >= today)
            assert left == await ledger.read(
                lambda books: points_of(shop, books, member.member_id, clock.now_ms())
            )
            kept = await ledger.read(lambda books: books.holdings(f"member:{member.member_id}"))
            assert all(each.balance > 0 for each in kept)
            standing = await ledger.read(lambda books: books.standing(member.member_id))
            assert standing.points == sum(each.balance for each in kept)
        report = proved(ledger.connection)
        assert report.ok, str(report)
        await ledger.close()

    asyncio.run(live())


def _apply(oracle: list[list[Any]], value: int, today: date, valid_days: int | None) -> None:
    if value > 0:
        end = last_day(today, valid_days)
        oracle.append([value, date.fromisoformat(end) if end else None])
        return
    left = -value
    for row in sorted(oracle, key=lambda each: each[1] or date.max):
        if row[1] is None or row[1] >= today:
            taken = min(left, row[0])
            row[0] -= taken
            left -= taken


ENDS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["points", "bonus", "pass:WASH", "pass:CUT", "principal"]),
        st.integers(1, 900),
        st.integers(-20, 20),
    ),
    max_size=30,
)


@examples(200, nightly=10_000)
@given(ENDS, st.lists(st.tuples(st.integers(0, 9), st.integers(1, 7)), max_size=8))
def test_expiry_at_any_time_in_any_split_gives_the_same_books(
    ends: list[tuple[int, str, int, int]], splits: list[tuple[int, int]]
) -> None:
    """Once at the end, against runs on any days that were cut after any number of steps."""

    async def books_after(runs: Sequence[tuple[int, int]]) -> dict[tuple[str, str], int]:
        life = Life.begin()
        shop, ledger, clock = life.shop, life.ledger, life.clock
        members = await ledger.write(
            lambda books: [add_member(shop, books, str(number)) for number in range(3)]
        )
        await ledger.write(lambda books: _open(shop, books, members, ends))
        passed = 0
        for steps, days in [*runs, (10_000, 0)]:
            for _ in range(steps):
                if not await ledger.write(lambda books: expire_next(shop, books, clock.now_ms())):
                    break
            clock.advance(days * DAY_S)
            passed += days
            if steps == 10_000:
                break
        clock.advance((60 - passed) * DAY_S)
        while await ledger.write(lambda books: expire_next(shop, books, clock.now_ms())):
            pass
        found = await ledger.read(lambda books: _held(books, members))
        rows = await ledger.read(lambda books: books.ended_lots("9999-12-31", 100))
        found["rows", "left"] = len(rows)
        report = proved(ledger.connection)
        assert report.ok, str(report)
        await ledger.close()
        return found

    async def both() -> None:
        once, often = await books_after([]), await books_after(splits)
        assert once == often
        assert once["rows", "left"] == 0
        given = sum(amount for _, asset, amount, _ in ends if asset == "bonus")
        assert once["shop", "expired"] == given

    asyncio.run(both())


def _held(books: Books, members: Sequence[Member]) -> dict[tuple[str, str], int]:
    """Balances of every lot, and what the shop got back."""
    found = {
        (member.number, f"{held.account.asset}:{held.account.lot}"): held.balance
        for member in members
        for held in books.holdings(f"member:{member.member_id}")
    }
    for asset in ("expired", "points", "pass:WASH", "pass:CUT"):
        found["shop", asset] = books.balance(Account("shop", asset))
    return found


def _open(
    shop: Shop,
    books: Books,
    members: Sequence[Member],
    ends: Sequence[tuple[int, str, int, int]],
) -> None:
    today = date.fromisoformat(shop.day(shop.clock.now_ms()))
    for who, asset, amount, end in ends:
        account = Account(f"member:{members[who].member_id}", asset)
        source = Account("shop", "bonus_given" if asset in ("bonus", "principal") else asset)
        books.append(
            Draft(
                shop.clock.new_id(),
                Kind.RECHARGE,
                shop.clock.now_ms(),
                "1",
                members[who].member_id,
                postings=(Posting(source, -amount), Posting(account, amount)),
            ),
            {account: LotRule("test", (today + timedelta(end)).isoformat()).as_text()},
        )


PEOPLE = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-3, 8)),
        st.one_of(st.none(), st.integers(-3, 20)),
        st.one_of(st.none(), st.integers(0, 60)),
        st.one_of(st.none(), st.integers(-3, 9)),
        st.booleans(),
    ),
    max_size=14,
)
"""Days from today to the birthday, to the end of the membership, since the last visit, to the end
of some points; and whether they hold a coupon that ends in three days."""


@examples(200, nightly=10_000)
@given(PEOPLE, st.integers(1, 5))
def test_the_round_looks_at_everybody_for_whom_something_is_open(
    people: list[tuple[Any, ...]], look_at: int
) -> None:
    async def live() -> None:
        life = Life.begin(triggers=OCCASIONS)
        shop, ledger = life.shop, life.ledger
        members = await ledger.write(lambda books: [_person(shop, books, *row) for row in people])
        swept = await ledger.read(lambda books: _swept(shop, books, look_at))
        now_ms = life.clock.now_ms()
        for member in members:
            if await ledger.read(partial(_is_open, shop, member, now_ms)):
                assert member.member_id in swept
        await ledger.close()

    asyncio.run(live())


def _is_open(shop: Shop, member: Member, now_ms: int, books: Books) -> bool:
    open_now = next(occasions(shop, books, member, now_ms), None)
    return open_now is not None or notice_due(shop, member, now_ms) is not None


def _person(shop: Shop, books: Books, *days: Any) -> Member:
    birthday, valid, away, points, coupon = days

    def day(number: int) -> str:
        return (FIRST + timedelta(number)).isoformat()

    member = add_member(
        shop,
        books,
        shop.clock.new_id(),
        birthday="" if birthday is None else f"--{day(birthday)[5:]}",
        valid_to=None if valid is None else day(valid),
    )
    if away is not None:
        books.add_habit(member.member_id, day(-away), visits=1)
    if points is not None:
        _open(shop, books, [member], [(0, "points", 5, points)])
    if coupon:
        code = make_code("x", int.from_bytes(member.member_id.encode()[-5:], "big"))
        end = day(3)
        books.add_coupon(IssuedCoupon(code, "spring", 0, "op", member.member_id, None, end))
    return member


def _swept(shop: Shop, books: Books, look_at: int) -> set[str]:
    found: set[str] = set()
    for stage in due.STAGES:
        place: str | None = ""
        while place is not None:
            sweep = due.next_due(shop, books, stage, place, FIRST, look_at)
            found.update(sweep.member_ids)
            assert sweep.after != place, "it goes on"
            place = sweep.after
    return found


OCCASIONS = {
    "triggers": [
        {"trigger_id": "b", "name": "b", "on": "birthday", "days": 3, "points": 1},
        {"trigger_id": "a", "name": "a", "on": "absent", "days": 5, "points": 1},
        {"trigger_id": "e", "name": "e", "on": "expiring", "days": 4, "message_kind": "ends"},
    ]
}


@examples(200, nightly=10_000)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(0, 40))
def test_a_trigger_fires_once_an_occasion_however_often_the_round_runs(
    days: list[int], birthday_in: int
) -> None:
    async def live() -> None:
        life = Life.begin(triggers=OCCASIONS)
        shop, ledger, clock = life.shop, life.ledger, life.clock
        born = (FIRST + timedelta(birthday_in)).isoformat()[5:]
        member = await ledger.write(
            lambda books: add_member(shop, books, "1", birthday=f"--{born}")
        )
        await ledger.write(
            lambda books: books.add_habit(member.member_id, FIRST.isoformat(), visits=1)
        )
        seen, wished, absent = 0, False, False
        for step in days:
            for _ in range(2):
                await Nightly(shop, pause_s=0.0).catch_up()
            away = (date.fromisoformat(shop.day(clock.now_ms())) - FIRST).days
            wished = wished or birthday_in - 3 <= away <= birthday_in
            absent = absent or 5 <= away <= 35
            fired = await ledger.read(
                lambda books: [
                    books.has_fired("b", member.member_id, "birthday:2026"),
                    books.has_fired("a", member.member_id, f"absent:{FIRST}"),
                ]
            )
            assert fired == [wished, absent]
            told = await ledger.read(
                lambda books: len(books.messages(member_id=member.member_id, limit=200))
            )
            assert told >= seen
            seen = told
            clock.advance(step * DAY_S)
        count = await ledger.read(lambda books: books.head().dseq)
        await Nightly(shop, pause_s=0.0).catch_up()
        await Nightly(shop, pause_s=0.0).catch_up()
        after = await ledger.read(lambda books: books.head().dseq)
        assert after - count <= 4
        await ledger.close()

    asyncio.run(live())
