"""A hairdresser's counter: two categories, three codes, commission by grade."""

from __future__ import annotations

from typing import Any

from tests.web.till import MANAGER, Counter

CATALOGUE = {
    "categories": [
        {"category": "hair", "name": "美发"},
        {"category": "goods", "name": "产品"},
    ],
    "codes": [
        {"code": "cut", "name": "剪发", "category": "hair", "price_fen": 6_800},
        {"code": "dye", "name": "染发", "category": "hair", "price_fen": 38_000},
        {"code": "oil", "name": "发油", "category": "goods", "price_fen": 9_900},
    ],
}
STAFF_RULES = {
    "grades": [{"grade": "senior", "name": "高级"}, {"grade": "junior", "name": "初级"}],
    "commission": [
        {"rule": "per-cut", "code": "cut", "per_count_fen": 1_000},
        {"rule": "hair-senior", "category": "hair", "grade": "senior", "share_bp": 1_000},
        {"rule": "hair-junior", "category": "hair", "grade": "junior", "share_bp": 500},
        {"rule": "goods", "category": "goods", "share_bp": 300},
    ],
}


async def set_rules(counter: Counter, section: str, content: dict[str, Any]) -> None:
    """As the manager who is signed in."""
    version = (await counter.get(f"/rules/{section}"))["version"]
    body = {"base_version": version, "content": content}
    reply = await counter.ask("PUT", f"/rules/{section}", body)
    assert reply.status == 200, reply


async def open_salon(counter: Counter) -> dict[str, str]:
    """The manager sets the salon up; employee ids by number. The manager stays signed in."""
    await counter.sign_in(MANAGER)
    await set_rules(counter, "catalogue", CATALOGUE)
    await set_rules(counter, "staff", STAFF_RULES)
    for number, grade in (("11", "senior"), ("12", "junior")):
        body = {
            "number": number,
            "name": f"stylist {number}",
            "role": "cashier",
            "grade": grade,
            "pin": "111111",
        }
        await counter.post("/staff", body, expect=201)
    listed = (await counter.get("/staff"))["staff"]
    return {row["number"]: row["employee_id"] for row in listed}


def line(
    line_id: str, code: str, quantity: int = 1, staff: dict[str, int] | None = None
) -> dict[str, Any]:
    served = [{"employee_id": who, "weight": weight} for who, weight in (staff or {}).items()]
    return {"line_id": line_id, "code": code, "quantity": quantity, "staff": served}


async def sell(
    counter: Counter, lines: list[dict[str, Any]], tenders: list[dict[str, Any]]
) -> dict[str, Any]:
    """A sale to nobody, paid from outside: posted at once."""
    body = {"lines": lines, "tenders": tenders}
    reply = await counter.ask("POST", "/sales", body, key=counter.new_key())
    assert reply.status < 300 and reply.body["status"] == "approved", reply
    sale: dict[str, Any] = reply.body
    return sale


async def refund(counter: Counter, sale: dict[str, Any], lines: dict[str, int]) -> Any:
    path = f"/sales/{sale['sale_id']}/refunds"
    reply = await counter.ask("POST", path, {"lines": lines}, key=counter.new_key())
    assert reply.status < 300, reply
    return reply.body
