"""A clock that jumps ten years ahead ends nothing until somebody vouches for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.entry import parse_leaf
from daemon.web.server import WebSettings
from tests.fakes.clock import WallClock
from tests.loyalty.shop import as_manager, done, give, put_rules
from tests.web.till import CASHIER, Counter, living

YEARS_MS = 10 * 365 * 86_400_000
TRIGGERS = {
    "triggers": [
        {
            "trigger_id": "away",
            "name": "away",
            "on": "absent",
            "days": 60,
            "campaign": "spring",
            "message_kind": "come_back",
        }
    ]
}
RECHARGE: dict[str, Any] = {
    "tiers": [{"from_fen": 1, "bonus_bp": 1_000}],
    "bonus_valid_days": 90,
}


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
async def shop(tmp_path: Path, clock: WallClock) -> AsyncIterator[Counter]:
    settings = WebSettings(port=0, static=tmp_path / "static")
    async with living(Counter(tmp_path, clock, settings=settings)) as counter:
        await counter.hire()
        await as_manager(counter)
        put_rules(counter, triggers=TRIGGERS, recharge=RECHARGE)
        yield counter


async def prepare(shop: Counter) -> str:
    """A member with 500.00 and 50.00 bonus, 200 points, a pass of ten teas, a coupon, and silver
    for eight teas at 15.00."""
    member_id = str((await shop.member())["member_id"])
    await shop.recharge(member_id, 50_000)
    await give(shop, member_id, 200)
    sale = {
        "lines": [
            {"line_id": "1", "code": "TEN", "quantity": 1},
            {"line_id": "2", "code": "TEA", "quantity": 8},
        ],
        "member_id": member_id,
        "tenders": [{"kind": "cash"}],
    }
    sold = await shop.post("/sales", sale, key=shop.new_key(), expect=202)
    assert sold["status"] == "approved"
    await done(shop, "/coupons", {"campaign": "spring", "member_ids": [member_id]})
    return member_id


async def owned(shop: Counter, member_id: str) -> dict[str, Any]:
    """What the member can use after the daily round, as the page sees it."""
    await shop.nightly.catch_up()
    wallet = await shop.get(f"/members/{member_id}/wallet")
    return {
        "level": wallet["level"]["level"],
        "money": await shop.balance(member_id),
        "points": wallet["points"]["available"],
        "passes": [each["left"] for each in wallet["passes"]],
        "coupons": len(wallet["coupons"]),
    }


HAS = {
    "level": "silver",
    "money": (50_000, 5_000),
    "points": 200,
    "passes": [10],
    "coupons": 1,
}
NOTHING_LEFT = {"level": None, "money": (50_000, 0), "points": 0, "passes": [], "coupons": 0}


async def journal_ms(shop: Counter) -> int:
    """The time of the newest entry."""
    return await shop.ledger.read(
        lambda books: parse_leaf(books.leaves(books.head().dseq, 1)[0][1]).draft.at_ms
    )


async def test_ten_years_ahead_ends_nothing_until_it_is_confirmed(
    shop: Counter, clock: WallClock
) -> None:
    """Also over a restart. Sales go on at the shop's own time; a manager's yes ends what is over,
    and a wall clock that comes back changes nothing any more."""
    member_id = await prepare(shop)
    assert await owned(shop, member_id) == HAS
    before_ms = await journal_ms(shop)

    clock.wall_ms += YEARS_MS
    clock.passed_ms += 5_000
    assert await owned(shop, member_id) == HAS
    told = await shop.get("/status")
    assert told["clock"]["problem"] == "clock_ahead"
    assert told["clock"]["wall_ms"] - told["clock"]["now_ms"] > YEARS_MS - 60_000
    health = await shop.ask("GET", "/healthz", token=None)
    assert (health.status, health.body["status"]) == (200, "degraded")
    await shop.recharge(member_id, 100)
    assert before_ms < await journal_ms(shop) < before_ms + 60_000

    await shop.stop()
    async with living(shop.reborn()) as again:
        await as_manager(again)
        put_rules(again, triggers=TRIGGERS, recharge=RECHARGE)
        assert await owned(again, member_id) == {**HAS, "money": (50_100, 5_010)}

        wall_ms = (await again.get("/status"))["clock"]["wall_ms"]
        other = await again.ask("POST", "/clock/confirm", {"wall_ms": wall_ms - 86_400_000})
        assert (other.status, other.key) == (409, "clock_moved")
        now = await again.post("/clock/confirm", {"wall_ms": wall_ms})
        assert now["problem"] is None and now["now_ms"] >= wall_ms
        await as_manager(again)  # ten years end a session as well
        twice = await again.ask("POST", "/clock/confirm", {"wall_ms": wall_ms})
        assert (twice.status, twice.key) == (409, "clock_not_ahead")
        after = {**NOTHING_LEFT, "money": (50_100, 0)}
        assert await owned(again, member_id) == after
        confirmed = (await again.get("/log?event=confirm_clock&limit=5"))["entries"]
        assert [row["actor"] for row in confirmed] == ["9"]
        last_ms = await journal_ms(again)
        assert last_ms >= wall_ms

        clock.wall_ms -= YEARS_MS
        assert (await again.get("/status"))["clock"]["problem"] == "clock_behind"
        assert await owned(again, member_id) == after
        await again.recharge(member_id, 100)
        assert await journal_ms(again) >= last_ms


async def test_a_time_server_is_believed_and_a_cashier_is_not(
    shop: Counter, clock: WallClock
) -> None:
    member_id = await prepare(shop)
    clock.wall_ms += YEARS_MS
    await shop.sign_in(CASHIER)
    wall_ms = (await shop.get("/status"))["clock"]["wall_ms"]
    refused = await shop.ask("POST", "/clock/confirm", {"wall_ms": wall_ms})
    assert (refused.status, refused.key) == (403, "permission_needed")
    assert await owned(shop, member_id) == HAS
    clock.synchronised = True
    clock.now_ms()
    await shop.sign_in(CASHIER)
    assert (await shop.get("/status"))["clock"]["problem"] is None
    assert await owned(shop, member_id) == NOTHING_LEFT
