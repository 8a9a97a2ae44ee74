"""A scenario's workbook -> the documents of the rules, as the office would send them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openpyxl import Workbook

Json = dict[str, Any]
NOTES_FEN = (10_000, 1_000, 100, 10, 1)


def fen(yuan: float | int | None) -> int:
    return round((yuan or 0) * 100)


def bp(part: float) -> int:
    return round(part * 10_000)


def rows(book: Workbook, sheet: str) -> Iterator[tuple[Any, ...]]:
    for row in book[sheet].iter_rows(values_only=True):
        if row[0] is not None:
            yield row


def said(book: Workbook) -> dict[str, Any]:
    return {str(name): None if value == "-" else value for name, value, *_ in rows(book, "rule")}


def documents(book: Workbook) -> dict[str, Json]:
    rule = said(book)
    return {
        "store": {"merchant_name": rule["name"], "store_name": rule["name"]},
        "catalogue": _catalogue(book, rule),
        "member_categories": {"member_categories": list(_member_categories(book, rule))},
        "levels": _levels(book, rule),
        "promotions": {"promotions": list(_promotions(rule))},
        "campaigns": {"campaigns": list(_campaigns(rule))},
        "recharge": {
            "tiers": [
                {"from_fen": fen(least), "bonus_bp": bp(share)}
                for least, share, *_ in rows(book, "tiers")
                if least
            ]
        },
        "points": _points(rule),
        "staff": _staff(book),
        "shifts": {"required": True, "notes_fen": list(NOTES_FEN)},
        "parameters": {"spend_order": rule["order"], "wipe_fen": fen(rule["wipe"])},
    }


def _catalogue(book: Workbook, rule: Json) -> Json:
    codes = []
    for code, name, goods, price, *_ in rows(book, "codes"):
        made: Json = {
            "code": str(code),
            "name": name,
            "category": goods,
            "price_fen": fen(price),
        }
        if str(code) == str(rule["pass_code"]):
            made["grants"] = {"codes": [str(rule["pass_of"])], "count": rule["pass_count"]}
        if str(code) == str(rule["gift"]):
            made["gift_points"] = [{"points": rule["gift_points"]}]
            made["stocked"] = True
        codes.append(made)
    goods_names = list(dict.fromkeys(code["category"] for code in codes))
    return {
        "categories": [{"category": each, "name": each} for each in goods_names],
        "codes": codes,
    }


def _member_categories(book: Workbook, rule: Json) -> Iterator[Json]:
    rates: dict[str, list[Json]] = {}
    for _, category, goods, rate, *_ in rows(book, "rates"):
        rates.setdefault(category, []).append({"goods": goods, "rate_bp": bp(rate)})
    for _, _, category, *_ in rows(book, "members"):
        rates.setdefault(category, [])
    for category, discounts in rates.items():
        yield {
            "category": category,
            "name": category,
            "discounts": discounts,
            "points": {"points": round(rule["points_per_yuan"] * 10), "per_fen": 1_000},
        }


def _levels(book: Workbook, rule: Json) -> Json:
    """The level's rate is for all goods but passes: what a pass was paid is what its uses count."""
    if not rule["level_from"]:
        return {"rungs": []}
    goods = sorted({category for _, _, category, *_ in rows(book, "codes")} - {"card"})
    return {
        "measure": "spend",
        "rungs": [
            {
                "level": "vip",
                "name": "VIP",
                "from_value": fen(rule["level_from"]),
                "discounts": [{"goods": each, "rate_bp": bp(rule["level_rate"])} for each in goods],
            }
        ],
    }


def _promotions(rule: Json) -> Iterator[Json]:
    if rule["full"]:
        tier = {"from_fen": fen(rule["full"]), "off_fen": fen(rule["off"])}
        yield {
            "promotion_id": "full",
            "name": f"满{rule['full']:g}减{rule['off']:g}",
            "effect": {"kind": "spend_tiers", "tiers": [tier]},
        }
    if rule["every_third_free"]:
        yield {
            "promotion_id": "third",
            "name": "买二送一",
            "effect": {"kind": "buy_n", "buy": 2},
            "scope": {"categories": [rule["every_third_free"]]},
        }
    if rule["evening_code"]:
        yield {
            "promotion_id": "evening",
            "name": "晚间特价",
            "effect": {"kind": "fixed_price", "price_fen": fen(rule["evening_price"])},
            "scope": {"codes": [str(rule["evening_code"])]},
            "conditions": {"hours": [{"from_minute": 1_200, "to_minute": 1_440}]},
        }


def _campaigns(rule: Json) -> Iterator[Json]:
    if rule["coupon_off"]:
        tier = {"from_fen": fen(rule["coupon_minimum"]), "off_fen": fen(rule["coupon_off"])}
        yield {
            "campaign": "thanks",
            "name": "谢谢光临",
            "effect": {"kind": "spend_tiers", "tiers": [tier]},
            "minimum_fen": fen(rule["coupon_minimum"]),
            "valid_days": 30,
        }


def _points(rule: Json) -> Json:
    made: Json = {
        "bonus_earns": bool(rule["bonus_earns"]),
        "check_in": {"points": rule["check_in"]},
    }
    if rule["points_step"]:
        made["offset"] = {
            "step_points": 100,
            "step_fen": fen(rule["points_step"]),
            "most_share_bp": bp(rule["points_share"]),
        }
    return made


def _staff(book: Workbook) -> Json:
    return {
        "grades": [{"grade": "senior", "name": "高级"}, {"grade": "junior", "name": "初级"}],
        "commission": [
            {
                "rule": f"{goods}-{grade}",
                "category": goods,
                "grade": grade,
                "per_count_fen": fen(count),
                "share_bp": bp(share),
                "basis": "paid",
            }
            for _, goods, grade, count, share, *_ in rows(book, "comm")
        ],
    }
