"""What the cashier's page must know of the rules to fill a basket: goods with their prices and
buttons, names of categories and levels, tenders, amounts of a recharge."""

from __future__ import annotations

from typing import Any, Final

from daemon.core.pricing.catalogue import FEN
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books
from daemon.rules.shop_rules import ShopRules

TENDERS: Final = ("cash", "bank_card", "wechat", "alipay")
"""What money comes by, besides the member's own balance and points."""


async def catalogue_view(shop: Shop) -> dict[str, Any]:
    """Codes that are on sale today, in the office's order. A code without initials of its own is
    found by those of its name."""
    rules = shop.rules
    day = shop.day(shop.clock.now_ms())
    codes = await shop.ledger.read(lambda books: _codes(rules, books, day))
    return {
        "edition": rules.edition,
        "categories": [
            {"category": each.category, "name": each.name}
            for each in rules.book.catalogue.categories.values()
        ],
        "codes": codes,
        "open_amount_unit": FEN.name,
        "tenders": list(TENDERS),
        "member_categories": [
            {
                "category": each.category,
                "name": each.name,
                "named": each.named,
                "technology": each.card.technology,
                "colour": each.card.colour,
            }
            for each in rules.member_categories.values()
        ],
        "usual_category": rules.usual_category,
        "levels": [
            {"level": each.level, "name": each.name, "colour": each.colour}
            for each in rules.levels.values()
        ],
        "fields": [each.model_dump(mode="json") for each in rules.fields.values()],
        "grades": [{"grade": each.grade, "name": each.name} for each in rules.grades],
        "points_pay": rules.book.points_offset is not None,
        "quick_recharges_fen": list(rules.documents.recharge.quick_fen),
        "most_sale_fen": rules.policy.most_sale_fen,
        "without_card": rules.without_card.allowed,
        "shift_required": rules.shifts.required,
        "notes_fen": list(rules.shifts.notes_fen),
        "float_fen": rules.shifts.float_fen,
    }


def _codes(rules: ShopRules, books: Books, day: str) -> list[dict[str, Any]]:
    return [
        {
            "code": each.code,
            "name": each.name,
            "pinyin": each.pinyin or books.initials(each.name),
            "category": each.category,
            "price_fen": each.price_fen,
            "unit": each.unit.name,
            "parts": each.unit.parts,
            "fixed": each.fixed,
            "quick": each.quick,
            "colour": each.colour,
            "stocked": each.stocked,
            "pass_count": each.grants.count if each.grants else None,
            "gift": bool(each.gift_points),
        }
        for each in rules.codes.values()
        if (each.from_day is None or str(each.from_day) <= day)
        and (each.to_day is None or day <= str(each.to_day))
    ]
