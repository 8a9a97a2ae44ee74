"""A shop with loyalty rules, and what its tests put into force."""

from __future__ import annotations

from typing import Any

from daemon.core.policy import Policy
from daemon.core.receipt_text import ShopHead
from daemon.core.records import Member, Personal
from daemon.keys.pins import Argon2Pins
from daemon.operations.after_sale import after_sale
from daemon.operations.shop import Actor, Identity, Shop
from daemon.ports.ledger import Books, Ledger
from daemon.rules.compile import compile as compile_rules
from daemon.web.events import EventStream
from tests.fakes.card_readers import MemoryReaders
from tests.fakes.clock import HandClock
from tests.fakes.receipt_printer import MemoryPrinter
from tests.web.till import MANAGER, Counter, Reply

BOSS = Actor("01JD8ZK3V7Q4M9T2X6R5W1C0BA", "9", "boss", "manager")

CATALOGUE: dict[str, Any] = {
    "categories": [{"category": "food", "name": "餐饮"}],
    "codes": [
        {"code": "TEA", "name": "奶茶", "category": "food", "price_fen": 1_500},
        {
            "code": "MUG",
            "name": "马克杯",
            "category": "food",
            "price_fen": 3_000,
            "stocked": True,
            "gift_points": [{"points": 300}],
        },
        {
            "code": "BAG",
            "name": "帆布袋",
            "category": "food",
            "price_fen": 5_000,
            "gift_points": [{"points": 500}],
        },
        {
            "code": "TEN",
            "name": "奶茶十次卡",
            "category": "food",
            "price_fen": 12_000,
            "fixed": True,
            "grants": {"codes": ["TEA"], "count": 10, "valid_days": 30},
        },
    ],
}
POINTS: dict[str, Any] = {
    "valid_days": 30,
    "check_in": {"points": 10, "streaks": [{"days": 3, "points": 50}]},
    "sharing": {"referrer_points": 100, "friend_points": 20, "most_per_month": 2},
}
LEVELS: dict[str, Any] = {
    "measure": "spend",
    "window_days": 30,
    "demotes": True,
    "rungs": [
        {"level": "silver", "name": "银卡", "from_value": 10_000},
        {"level": "gold", "name": "金卡", "from_value": 50_000, "points_bp": 15_000},
    ],
}
CAMPAIGNS: dict[str, Any] = {
    "campaigns": [
        {
            "campaign": "spring",
            "name": "春天",
            "effect": {"kind": "percent_off", "rate_bp": 8_000},
            "valid_days": 7,
            "most_issued": 5,
        },
        {
            "campaign": "closed",
            "name": "结束了",
            "active": False,
            "effect": {"kind": "percent_off", "rate_bp": 9_000},
        },
    ]
}
BASIC: dict[str, Any] = {
    "catalogue": CATALOGUE,
    "points": POINTS,
    "levels": LEVELS,
    "campaigns": CAMPAIGNS,
}


def put_rules(counter: Counter, **sections: Any) -> None:
    """Into force at once, as a change of the documents does."""
    shop = counter.shop
    contents = {**BASIC, **sections}
    shop.rules_cell.put(compile_rules(contents, shop.base_policy, shop.base_head))


def make_shop(ledger: Ledger, clock: HandClock, **sections: Any) -> Shop:
    """Operations over a ledger, without a page."""
    shop = Shop(
        identity=Identity("d1", "S1", "m1"),
        base_head=ShopHead("测试店", "S1", device="counter 1"),
        base_policy=Policy(),
        base_language="en",
        ledger=ledger,
        clock=clock,
        events=EventStream(),
        pins=Argon2Pins(memory_kib=64, passes=1),
        readers=MemoryReaders(),
        printer=MemoryPrinter(),
    )
    contents = {**BASIC, **sections}
    shop.rules_cell.put(compile_rules(contents, shop.base_policy, shop.base_head))
    return shop


def add_member(shop: Shop, books: Books, number: str, **more: Any) -> Member:
    """`birthday` is personal, the rest is the member's."""
    birthday = more.pop("birthday", "")
    phone = more.pop("phone", "")
    now_ms = shop.clock.now_ms()
    member = Member(shop.clock.new_id(), number, "standard", "active", now_ms, **more)
    books.add_member(member, Personal("张三丰", phone, birthday=birthday))
    return member


def visit(shop: Shop, books: Books, member: Member, paid_fen: int) -> str:
    """What a sale moves of a member's habits; its op_id."""
    now_ms = shop.clock.now_ms()
    op_id = shop.clock.new_id()
    books.add_habit(member.member_id, shop.day(now_ms), visits=1, spent_fen=paid_fen)
    after_sale(shop, books, member, op_id, paid_fen, now_ms)
    return op_id


async def do(counter: Counter, path: str, body: Any = None, **more: Any) -> Reply:
    """POST with a key of its own."""
    more.setdefault("key", counter.new_key())
    return await counter.ask("POST", path, {} if body is None else body, **more)


async def done(counter: Counter, path: str, body: Any = None, **more: Any) -> Any:
    reply = await do(counter, path, body, **more)
    assert reply.status == 200, reply
    return reply.body


async def give(counter: Counter, member_id: str, points: int) -> Any:
    return await done(
        counter, f"/members/{member_id}/points", {"points": points, "reason": "goodwill"}
    )


async def as_manager(counter: Counter) -> None:
    await counter.sign_in(MANAGER)
