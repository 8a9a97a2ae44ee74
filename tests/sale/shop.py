"""A hair salon with every kind of rule, and what its tests read out of the books."""

from __future__ import annotations

from typing import Any

from daemon.ledger.desk import Desk
from daemon.ports.ledger import Books
from daemon.rules.compile import compile as compile_rules
from tests.web.till import Counter

RULES: dict[str, Any] = {
    "member_categories": {
        "member_categories": [
            {
                "category": "standard",
                "name": "普通",
                "discounts": [{"goods": "cut", "rate_bp": 9_000}],
                "points": {"points": 1, "per_fen": 100},
            },
            {
                "category": "gold",
                "name": "金卡",
                "discounts": [{"goods": None, "rate_bp": 8_000}],
                "points": {"points": 2, "per_fen": 100},
            },
        ]
    },
    "levels": {
        "measure": "spend",
        "rungs": [{"level": "silver", "name": "银级", "from_value": 30_000}],
    },
    "catalogue": {
        "categories": [
            {"category": "cut", "name": "剪发"},
            {"category": "colour", "name": "染发"},
            {"category": "retail", "name": "零售"},
        ],
        "codes": [
            {"code": "C1", "name": "剪发", "category": "cut", "price_fen": 6_800},
            {"code": "K1", "name": "染发", "category": "colour", "price_fen": 38_000},
            {
                "code": "R1",
                "name": "洗发水",
                "category": "retail",
                "price_fen": 5_990,
                "stocked": True,
            },
            {
                "code": "P10",
                "name": "剪发十次卡",
                "category": "cut",
                "price_fen": 50_000,
                "fixed": True,
                "grants": {"codes": ["C1"], "count": 10, "valid_days": 365},
            },
            {
                "code": "G1",
                "name": "旅行套装",
                "category": "retail",
                "price_fen": 4_500,
                "stocked": True,
                "gift_points": [{"points": 200}],
            },
        ],
    },
    "promotions": {
        "promotions": [
            {
                "promotion_id": "two",
                "name": "洗发水第二瓶半价",
                "effect": {"kind": "buy_n", "buy": 1, "get": 1, "off_bp": 5_000},
                "scope": {"codes": ["R1"]},
            },
            {
                "promotion_id": "full",
                "name": "满300减30",
                "effect": {
                    "kind": "spend_tiers",
                    "tiers": [{"from_fen": 30_000, "off_fen": 3_000}],
                },
                "scope": {"categories": ["colour"]},
            },
        ]
    },
    "campaigns": {
        "campaigns": [
            {
                "campaign": "welcome",
                "name": "新人券",
                "effect": {
                    "kind": "spend_tiers",
                    "tiers": [{"from_fen": 5_000, "off_fen": 1_000}],
                },
                "minimum_fen": 5_000,
            }
        ]
    },
    "points": {"offset": {"step_points": 100, "step_fen": 100, "most_share_bp": 5_000}},
    "staff": {
        "grades": [{"grade": "senior", "name": "高级"}],
        "commission": [
            {"rule": "cut-fixed", "category": "cut", "per_count_fen": 1_000},
            {"rule": "colour-share", "category": "colour", "share_bp": 1_000},
        ],
    },
}


def put_rules(counter: Counter, **changed: Any) -> None:
    """The rules of the salon, with some sections changed."""
    shop = counter.shop
    shop.rules_cell.put(compile_rules({**RULES, **changed}, shop.base_policy, shop.base_head))


Snapshot = dict[str, list[tuple[Any, ...]]]

_LOOKS = {
    "accounts": "SELECT owner, asset, lot, balance FROM account WHERE balance <> 0"
    " ORDER BY owner, asset, lot",
    "standing": "SELECT * FROM standing ORDER BY member_id",
    "days": "SELECT * FROM member_day ORDER BY member_id, day",
    "stock": "SELECT * FROM stock ORDER BY code",
    "coupons": "SELECT code, state, used_op FROM coupon ORDER BY code",
    "levels": "SELECT member_id, level FROM member ORDER BY member_id",
    "card days": "SELECT card_id, spent_fen FROM card_day WHERE spent_fen <> 0 ORDER BY card_id",
    "lines": "SELECT code, sum(quantity), sum(list_fen), sum(paid_fen), sum(points),"
    " sum(pass_uses) FROM sale_line GROUP BY code"
    " HAVING sum(quantity) <> 0 OR sum(paid_fen) <> 0 ORDER BY code",
    "commission": "SELECT employee_id, sum(fen) FROM commission GROUP BY employee_id"
    " HAVING sum(fen) <> 0 ORDER BY employee_id",
}


def snapshot(books: Books) -> Snapshot:
    """Everything that a sale moves, as it is now."""
    assert isinstance(books, Desk)
    return {name: books._all(sql) for name, sql in _LOOKS.items()}


def folded(books: Books) -> tuple[list[Any], list[Any]]:
    """The balances of all accounts, and what the postings of each add up to."""
    assert isinstance(books, Desk)
    kept = books._all("SELECT id, balance FROM account WHERE balance <> 0 ORDER BY id")
    fold = books._all(
        "SELECT account, sum(amount) FROM posting GROUP BY account HAVING sum(amount) <> 0"
        " ORDER BY account"
    )
    return kept, fold
