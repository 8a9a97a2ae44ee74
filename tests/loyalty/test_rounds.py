"""The daily round, triggers and sharing over the books, with real figures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from daemon.core.entry import Account, Draft, Kind, Posting, parse_leaf
from daemon.core.errors import NotFound, Refused
from daemon.core.lot_rule import LotRule
from daemon.core.records import Member, Personal
from daemon.operations.after_sale import after_whole_refund
from daemon.operations.levels import settle_level
from daemon.operations.nightly import Nightly, kept_round
from daemon.operations.points import giving, points_of
from daemon.operations.sharing import referrer_numbered
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books
from tests.fakes.clock import HandClock
from tests.fakes.ledger import MemoryLedger
from tests.loyalty.shop import add_member, make_shop, visit

DAY_S = 86_400
TODAY = "2026-09-10"


def trigger(trigger_id: str, on: str, **more: Any) -> dict[str, Any]:
    return {"trigger_id": trigger_id, "name": trigger_id, "on": on, **more}


TRIGGERS = {
    "triggers": [
        trigger("bday", "birthday", days=3, points=88, message_kind="happy_birthday"),
        trigger("first", "first_visit", campaign="spring", message_kind="welcome"),
        trigger("away", "absent", days=60, campaign="spring", message_kind="come_back"),
        trigger("up", "promoted", points=10),
        trigger("ends", "expiring", days=5, points=5, message_kind="ends_soon"),
    ]
}


@pytest.fixture
async def ledger() -> AsyncIterator[MemoryLedger]:
    made = MemoryLedger()
    yield made
    await made.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shop(ledger: MemoryLedger, clock: HandClock) -> Shop:
    return make_shop(ledger, clock, triggers=TRIGGERS)


async def round_of(shop: Shop) -> None:
    await Nightly(shop, pause_s=0.0).catch_up()


def told(books: Books, member: Member) -> list[str]:
    return [each.kind for each in books.messages(member_id=member.member_id, limit=50)]


def entries(books: Books, kind: Kind) -> int:
    head = books.head().dseq
    return sum(
        1
        for number in range(1, head + 1)
        if (found := _entry(books, number)) is not None and found == kind
    )


def _entry(books: Books, number: int) -> Kind | None:
    rows = books.leaves(number, 1)
    return parse_leaf(rows[0][1]).draft.kind if rows else None


def lots(shop: Shop, books: Books, member: Member, amounts: Sequence[tuple[str, int, str]]) -> None:
    """Opens lots of (asset, amount, last day), each by an entry."""
    for asset, amount, to_day in amounts:
        account = Account(f"member:{member.member_id}", asset)
        given = Account("shop", "bonus_given" if asset in ("bonus", "principal") else asset)
        books.append(
            Draft(
                shop.clock.new_id(),
                Kind.RECHARGE,
                shop.clock.now_ms(),
                "1",
                member.member_id,
                postings=(Posting(given, -amount), Posting(account, amount)),
            ),
            {account: LotRule("test", to_day).as_text()},
        )


async def test_what_is_over_ends_and_the_principal_never(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    member = await ledger.write(lambda books: add_member(shop, books, "1001"))
    owner = f"member:{member.member_id}"
    await ledger.write(
        lambda books: lots(
            shop,
            books,
            member,
            [
                ("bonus", 500, "2026-09-09"),
                ("points", 70, "2026-09-09"),
                ("pass:WASH", 3, "2026-09-09"),
                ("bonus", 300, "2026-09-10"),
                ("principal", 9_000, "2026-01-01"),
                ("points", 20, "2026-09-08"),
            ],
        )
    )
    await round_of(shop)

    def held(books: Books) -> dict[str, int]:
        return {each.account.asset: each.balance for each in books.holdings(owner)}

    assert await ledger.read(held) == {"bonus": 300, "principal": 9_000}
    # 20 points of the 8th in one entry; bonus, points and pass of the 9th in another.
    assert await ledger.read(lambda books: entries(books, Kind.EXPIRED)) == 2
    shops = await ledger.read(
        lambda books: [
            books.balance(Account("shop", asset)) for asset in ("expired", "points", "pass:WASH")
        ]
    )
    assert shops == [500, 0, 0]
    clock.advance(-5 * DAY_S)
    await round_of(shop)
    clock.advance(6 * DAY_S)
    await round_of(shop)
    assert await ledger.read(held) == {"principal": 9_000}
    facts = await ledger.read(
        lambda books: [
            message.facts for message in books.messages(member_id=member.member_id, limit=9)
        ]
    )
    ended = [each for each in facts if "bonus_fen" in each]
    assert [(e["to_day"], e["points"], e["bonus_fen"], e["uses"]) for e in ended] == [
        ("2026-09-10", 0, 300, 0),
        ("2026-09-09", 70, 500, 3),
        ("2026-09-08", 20, 0, 0),
    ]


async def test_what_a_refund_puts_back_into_an_ended_lot_ends_again(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    member = await ledger.write(lambda books: add_member(shop, books, "1001"))
    await ledger.write(lambda books: lots(shop, books, member, [("bonus", 500, "2026-09-09")]))
    await round_of(shop)
    account = Account(f"member:{member.member_id}", "bonus", 2)
    lot = await ledger.read(lambda books: books.head().dseq)
    assert lot > 0

    def put_back(books: Books) -> None:
        rows = range(1, books.head().dseq + 1)
        found = next(number for number in rows if _entry(books, number) is Kind.RECHARGE)
        held = replace(account, lot=found)
        books.append(
            Draft(
                clock.new_id(),
                Kind.REFUND,
                clock.now_ms(),
                "1",
                member.member_id,
                postings=(Posting(Account("shop", "sales"), -200), Posting(held, 200)),
            )
        )

    await ledger.write(put_back)
    clock.advance(DAY_S)
    await round_of(shop)
    assert await ledger.read(lambda books: list(books.holdings(account.owner))) == []
    assert await ledger.read(lambda books: books.balance(Account("shop", "expired"))) == 700


async def test_a_birthday_is_wished_once_in_its_window(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    def people(books: Books) -> list[Member]:
        return [
            add_member(shop, books, "1", birthday="1990-09-13"),
            add_member(shop, books, "2", birthday="--09-14"),
            add_member(shop, books, "3", birthday="1990-09-09"),
            add_member(shop, books, "4"),
        ]

    members = await ledger.write(people)
    await round_of(shop)
    await round_of(shop)

    async def wished() -> list[int]:
        return await ledger.read(
            lambda books: [told(books, each).count("happy_birthday") for each in members]
        )

    assert await wished() == [1, 0, 0, 0]
    # Switched off for weeks: the window of the second is over, and nobody is wished late.
    clock.advance(30 * DAY_S)
    await round_of(shop)
    assert await wished() == [1, 0, 0, 0]
    clock.advance(335 * DAY_S)
    await round_of(shop)
    assert await wished() == [2, 0, 0, 0]
    now = clock.now_ms()
    points = await ledger.read(lambda books: points_of(shop, books, members[0].member_id, now))
    # Those of the first year are over.
    assert points == 88


async def test_who_stays_away_is_asked_back_once_an_absence(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    member = await ledger.write(lambda books: add_member(shop, books, "1"))
    await ledger.write(lambda books: visit(shop, books, member, 2_000))

    async def asked() -> int:
        return await ledger.read(lambda books: told(books, member).count("come_back"))

    for days, expected in ((59, 0), (5, 1), (5, 1)):
        clock.advance(days * DAY_S)
        await round_of(shop)
        assert await asked() == expected
    await ledger.write(lambda books: visit(shop, books, member, 2_000))
    # Away for so long that it is not worth saying any more.
    clock.advance(91 * DAY_S)
    await round_of(shop)
    assert await asked() == 1
    coupons = await ledger.read(lambda books: books.coupons_of(member.member_id))
    # One for the first visit, one for the absence.
    assert len(coupons) == 2


async def test_an_end_that_comes_near_is_said_once_each(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    def begin(books: Books) -> Member:
        member = add_member(shop, books, "1", valid_to="2026-09-14")
        lots(
            shop,
            books,
            member,
            [("points", 30, "2026-09-15"), ("points", 9, "2026-09-15"), ("bonus", 5, "")],
        )
        return member

    member = await ledger.write(begin)
    await round_of(shop)
    clock.advance(DAY_S)
    await round_of(shop)
    facts = await ledger.read(
        lambda books: [each.facts for each in books.messages(member_id=member.member_id, limit=9)]
    )
    ends = {(each["what"], each["to_day"], each.get("amount")) for each in facts}
    assert ends == {("membership", "2026-09-14", None), ("points", "2026-09-15", 39)}
    assert len(facts) == 2
    # Only the end of the membership brings the five points, and only once.
    now = clock.now_ms()
    assert await ledger.read(lambda books: points_of(shop, books, member.member_id, now)) == 44


async def test_a_membership_that_ends_is_said_without_a_trigger(
    ledger: MemoryLedger, clock: HandClock
) -> None:
    shop = make_shop(ledger, clock)
    member = await ledger.write(lambda books: add_member(shop, books, "1", valid_to="2026-09-25"))
    for expected in (0, 1, 1):
        await round_of(shop)
        assert await ledger.read(lambda books: len(told(books, member))) == expected
        clock.advance(DAY_S)


async def test_a_level_is_lost_when_the_window_has_moved_over_what_brought_it(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    def begin(books: Books) -> tuple[Member, Member]:
        member = add_member(shop, books, "1")
        visit(shop, books, member, 60_000)
        risen = settle_level(shop, books, member, clock.now_ms(), cause="test")
        return risen, add_member(shop, books, "2", level="gold")

    risen, by_hand = await ledger.write(begin)
    assert risen.level == "gold"
    await round_of(shop)
    clock.advance(20 * DAY_S)
    await round_of(shop)
    await ledger.write(lambda books: visit(shop, books, risen, 12_000))

    async def levels() -> list[str | None]:
        def look(books: Books) -> list[str | None]:
            found = [books.member(each.member_id) for each in (risen, by_hand)]
            return [each.level for each in found if each is not None]

        return await ledger.read(look)

    assert await levels() == ["gold", "gold"]
    # The 30 days now begin after the 600 yuan: 120 are left, which is silver. What was given by
    # hand stays: its window has lost nothing.
    clock.advance(15 * DAY_S)
    await round_of(shop)
    assert await levels() == ["silver", "gold"]
    clock.advance(30 * DAY_S)
    await round_of(shop)
    assert await levels() == [None, "gold"]
    kinds = await ledger.read(lambda books: told(books, risen))
    assert (kinds.count("level_up"), kinds.count("level_down")) == (1, 2)
    points = await ledger.read(
        lambda books: books.has_fired("up", risen.member_id, "promoted:gold:2026")
    )
    assert points


async def test_thanks_for_a_friend_once_and_capped_by_the_month(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    referrer = await ledger.write(
        lambda books: add_member(shop, books, "S1000001", phone="13800000001")
    )

    async def bring(number: str) -> tuple[int, int]:
        """A friend's first two sales; what both then hold."""
        friend = await ledger.write(
            lambda books: add_member(shop, books, number, referrer=referrer.member_id)
        )
        for _ in range(2):
            await ledger.write(lambda books: visit(shop, books, friend, 500))
        now = clock.now_ms()
        return await ledger.read(
            lambda books: (
                points_of(shop, books, referrer.member_id, now),
                points_of(shop, books, friend.member_id, now),
            )
        )

    seen = [await bring(number) for number in ("F1", "F2", "F3")]
    # 100 for each of two friends a month; every friend gets 20.
    assert seen == [(100, 20), (200, 20), (200, 20)]
    month = await ledger.read(lambda books: books.referrals_by(referrer.member_id, limit=9))
    assert sorted(each.points for each in month) == [0, 100, 100]


async def test_thanks_are_taken_back_with_the_first_sale(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    referrer = await ledger.write(lambda books: add_member(shop, books, "S1000001"))
    friend = await ledger.write(
        lambda books: add_member(shop, books, "F1", referrer=referrer.member_id)
    )
    op_id = await ledger.write(lambda books: visit(shop, books, friend, 500))

    def undo(books: Books) -> None:
        day = shop.day(clock.now_ms())
        books.add_habit(friend.member_id, day, visits=-1, spent_fen=-500)
        after_whole_refund(shop, books, friend, op_id, clock.now_ms())
        after_whole_refund(shop, books, friend, op_id, clock.now_ms())

    def held(books: Books) -> list[int]:
        now = clock.now_ms()
        return [points_of(shop, books, each.member_id, now) for each in (referrer, friend)]

    await ledger.write(undo)
    assert await ledger.read(held) == [0, 0]
    await ledger.write(lambda books: visit(shop, books, friend, 500))
    assert await ledger.read(held) == [100, 20]


async def test_nobody_brings_themselves(shop: Shop, ledger: MemoryLedger) -> None:
    known = await ledger.write(
        lambda books: add_member(shop, books, "S1000001", phone="13800000001")
    )

    def brought(number: str, phone: str) -> str:
        return referrer_numbered(ledger._books, number, Personal("新人", phone))

    assert brought("S1000001", "13800000002") == known.member_id
    with pytest.raises(Refused, match="referral_self"):
        brought("S1000001", "13800000001")
    with pytest.raises(NotFound, match="referrer_unknown"):
        brought("S9", "13800000002")


async def test_a_round_that_was_cut_goes_on_and_repeats_nothing(
    shop: Shop, ledger: MemoryLedger, clock: HandClock
) -> None:
    def people(books: Books) -> list[Member]:
        made = [add_member(shop, books, f"{n:04d}", birthday="1990-09-12") for n in range(250)]
        for each in made:
            movement = giving(shop, each.member_id, 5, "test", clock.now_ms() - 60 * 86_400_000)
            books.append(
                Draft(
                    clock.new_id(),
                    Kind.POINTS,
                    clock.now_ms(),
                    "1",
                    each.member_id,
                    postings=movement.postings,
                ),
                movement.opened,
            )
        return made

    members = await ledger.write(people)

    class Cut(Exception):
        pass

    steps = 0
    whole = ledger.write

    async def cut_write(work: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps % 4 == 0:
            raise Cut
        return await whole(work)

    cuts = 0
    cut_ledger = type(
        "CutLedger", (), {"read": staticmethod(ledger.read), "write": staticmethod(cut_write)}
    )()
    cut_shop = replace(shop, ledger=cut_ledger)
    while (await ledger.read(kept_round)).stage != "done" or cuts == 0:
        try:
            await round_of(cut_shop)
        except Cut:
            cuts += 1
    assert cuts > 5
    kept = await ledger.read(kept_round)
    assert (kept.day, kept.expired, kept.fired) == (TODAY, 250, 250)
    assert await ledger.read(lambda books: entries(books, Kind.EXPIRED)) == 250
    kinds = await ledger.read(lambda books: [told(books, each) for each in members])
    assert all(sorted(each) == ["expired", "happy_birthday"] for each in kinds)
    assert date.fromisoformat(kept.since) == date(2026, 9, 9)
