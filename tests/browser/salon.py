"""The demo shop made into a hair salon: its rules by the API, two stylists, and what alice may use.

Promotions that depend on the hour or the season are left out, so that every sum can be worked out
by hand whenever the walk runs."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from simulator.demo_shop import EMPLOYEES
from tests.browser.running import LOOK_EVERY_S, WAIT_S, Appliance, Shop

SAMPLE: Final = Path(__file__).parents[2] / "daemon" / "rules" / "samples" / "hair_salon.json"
SECTIONS: Final = (
    "parameters",
    "catalogue",
    "member_categories",
    "levels",
    "staff",
    "promotions",
    "campaigns",
    "recharge",
    "points",
    "shifts",
)
STYLISTS: Final = (("2001", "阿明", "senior"), ("2002", "小丽", "stylist"))
HANDS: Final = (
    ("1003", "副店长 Hu", "manager"),
    ("1004", "收银 Yu", "cashier"),
    ("1005", "值班长 He", "supervisor"),
)
HAND_PIN: Final = "271828"
ALICE_PIN: Final = "246810"
POINTS: Final = 3_000


@dataclass
class Salon:
    alice: str
    coupon: str


async def make_salon(shop: Shop) -> Salon:
    """Alice is a gold member with her PIN, points, a pass of ten for the scalp, and 满300减50 on
    colour."""
    sections: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))["sections"]
    kept = [each for each in sections["promotions"]["promotions"] if "conditions" not in each]
    for code in sections["catalogue"]["codes"]:
        # A price in points for one category of members: that category comes a document later.
        code.pop("gift_points", None)
    sections["promotions"] = {**sections["promotions"], "promotions": kept}
    for section in SECTIONS:
        now = await shop.call("GET", f"rules/{section}")
        body = {"base_version": now["version"], "content": sections[section], "note": "salon"}
        await shop.call("PUT", f"rules/{section}", body)
    for number, name, grade in STYLISTS:
        hired = {"number": number, "name": name, "role": "stylist", "grade": grade}
        await shop.call("POST", "staff", {**hired, "pin": "314159"})
    alice = str((await shop.member("alice"))["member_id"])
    file = await shop.call("GET", f"members/{alice}/file")
    change = {"version": file["version"], "category": "gold", "tags": ["爱喝茶"]}
    await shop.call("PUT", f"members/{alice}", change)
    await shop.call("PUT", f"members/{alice}/pin", {"pin": ALICE_PIN})
    points = {"points": POINTS, "reason": "goodwill"}
    await shop.call("POST", f"members/{alice}/points", points)
    given = {"campaign": "colour50", "member_ids": [alice]}
    coupons = (await shop.call("POST", "coupons", given))["coupons"]
    await sell_pass(shop)
    return Salon(alice, str(coupons[0]["code"]))


async def furnish(appliance: Appliance) -> None:
    """The salon with its gifts, a second manager, a second cashier and a supervisor."""
    async with aiohttp.ClientSession() as http:
        shop = Shop(http, appliance)
        await shop.sign_in(EMPLOYEES[0])
        await make_salon(shop)
        await offer_gifts(shop)
        for number, name, role in HANDS:
            hired = {"number": number, "name": name, "role": role, "pin": HAND_PIN}
            await shop.call("POST", "staff", hired)


async def offer_gifts(shop: Shop) -> None:
    """What is had for points, now that there is the category that pays fewer."""
    sections: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))["sections"]
    now = await shop.call("GET", "rules/catalogue")
    content = sections["catalogue"]
    body = {"base_version": now["version"], "content": content, "note": "gifts"}
    await shop.call("PUT", "rules/catalogue", body)


async def sell_pass(shop: Shop) -> None:
    """A pass needs somebody to hold it: alice's card lies there, WeChat pays."""
    await shop.eject()
    await shop.tap("alice")
    async with asyncio.timeout(WAIT_S):
        while (await shop.call("GET", "status"))["counter"]["card"] is None:
            await asyncio.sleep(LOOK_EVERY_S)
    lines = [{"line_id": "1", "code": "t1"}]
    body = {"lines": lines, "tenders": [{"kind": "wechat"}]}
    sale = await shop.call("POST", "sales", body)
    await shop.until(f"sales/{sale['sale_id']}", "status", ("approved",))
    await shop.eject()
