"""The demo shop, filled through the daemon's own API and the card rack, as a person would."""

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

WAIT_S = 30.0
SAMPLES = ("canteen", "hair_salon", "bakery", "car_wash")


@dataclass(frozen=True)
class DemoEmployee:
    number: str
    name: str
    role: str
    pin: str


@dataclass(frozen=True)
class DemoMember:
    card: str
    name: str
    phone: str
    recharge_fen: int
    pin: str | None = None


EMPLOYEES = (
    DemoEmployee("1001", "店长 Lin", "manager", "246810"),
    DemoEmployee("1002", "收银 Wu", "cashier", "135790"),
)
MEMBERS = (
    DemoMember("alice", "艾丽", "13800001234", 50_000),
    DemoMember("bob", "阿博", "13900005678", 20_000, pin="135790"),
    DemoMember("carol", "卡萝", "13700002468", 1_000),
    DemoMember("dave", "大卫", "13600001357", 30_000),
)


class ShopApi:
    """The few calls of the daemon's and the rack's API that the demo needs."""

    def __init__(self, http: aiohttp.ClientSession, page: str, rack: str) -> None:
        self._http, self._page, self._rack = http, page, rack

    async def sign_in(self, employee: DemoEmployee) -> None:
        body = {"employee": employee.number, "pin": employee.pin}
        answer = await self.call("POST", "session", body)
        self._http.headers["Authorization"] = f"Bearer {answer['token']}"

    async def call(
        self,
        verb: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        url = f"{self._page}/api/v1/{path}"
        async with self._http.request(verb, url, json=body, headers=headers) as response:
            answer = await response.json(content_type=None) if response.status != 204 else None
            if response.status >= 400:
                raise RuntimeError(f"{verb} {path}: {response.status} {answer}")
            return answer

    async def rack(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with self._http.post(f"{self._rack}/api/cards/{path}", json=body or {}) as response:
            if response.status >= 400:
                raise RuntimeError(f"rack {path}: {await response.text()}")
            return await response.json()

    async def rack_create(self, card: str, kind: str = "desfire") -> None:
        """A new card as delivered."""
        body = {"id": card, "kind": kind}
        async with self._http.post(f"{self._rack}/api/cards", json=body) as response:
            if response.status >= 400:
                raise RuntimeError(f"rack: {await response.text()}")

    async def eject(self) -> None:
        await self.rack("eject")
        await self.reader_empty()

    async def reader_empty(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while any(r["card_present"] for r in (await self.call("GET", "status"))["readers"]):
                await asyncio.sleep(0.1)

    async def until(self, path: str, field: str, wanted: tuple[str, ...]) -> Any:
        """Polls until `field` is one of `wanted`; the body."""
        async with asyncio.timeout(WAIT_S):
            while True:
                body = await self.call("GET", path)
                if body[field] in wanted:
                    return body
                await asyncio.sleep(0.1)

    async def issue(self, card: str, member_id: str) -> str:
        """Lays the card on the reader and makes it the member's; the card's id."""
        issue = await self.call("POST", "card-issues", {"member_id": member_id})
        await self.rack(f"{card}/insert")
        path = f"card-issues/{issue['issue_id']}"
        done = await self.until(path, "status", ("done", "failed"))
        if done["status"] != "done":
            raise RuntimeError(f"card {card}: {done['reason']}")
        await self.eject()
        return str(done["card"]["card_id"])

    async def sell(self, card: str, amount_fen: int) -> Any:
        sale = await self.call("POST", "sales", {"amount_fen": amount_fen})
        await self.rack(f"{card}/insert")
        ended = ("approved", "declined", "cancelled", "unknown")
        done = await self.until(f"sales/{sale['sale_id']}", "status", ended)
        if done["status"] != "approved":
            raise RuntimeError(f"sale on {card}: {done['status']} {done['reason']}")
        return done


async def fill_shop(page: str, rack: str, sample: str = "") -> None:
    """The rules of a sample shop where one is named; members, money, cards; a lost card, a
    replaying clone and a rolled-back copy."""
    async with aiohttp.ClientSession() as http:
        shop = ShopApi(http, page, rack)
        await shop.sign_in(EMPLOYEES[0])
        if sample:
            await shop.call("POST", f"samples/{sample}", {})
        if (await shop.call("GET", "shifts/current"))["required"]:
            await shop.call("POST", "shifts", {"float_fen": 30_000})
        fields = await _required_fields(shop) if sample else {}
        for member in MEMBERS:
            await _add(shop, member, fields)
        labels = {"zh": "艾丽的旧拷贝", "en": "Alice's card, an old copy"}
        await shop.rack("alice/snapshot", {"as": "alice-old", "label": labels})
        await shop.sell("alice", 1_200)
        await shop.eject()
        labels = {"zh": "重放克隆卡", "en": "A replaying clone of Alice's"}
        await shop.rack("alice/replay", {"as": "alice-clone", "from": "last", "label": labels})


async def _required_fields(shop: ShopApi) -> dict[str, Any]:
    """Something for each custom field that the sample shop wants of every member."""
    asked = (await shop.call("GET", "rules/fields"))["content"]["fields"]
    usual = {"text": "示例", "number": 1, "date": "2020-01-01"}
    return {
        field["field"]: field["choices"][0]["choice"]
        if field["kind"] == "choice"
        else usual[field["kind"]]
        for field in asked
        if field["required"]
    }


async def _add(shop: ShopApi, member: DemoMember, fields: Mapping[str, Any]) -> None:
    body: dict[str, Any] = {"name": member.name, "phone": member.phone}
    if fields:
        body["fields"] = fields
    member_id = (await shop.call("POST", "members", body))["member_id"]
    card_id = await shop.issue(member.card, member_id)
    money = {"member_id": member_id, "amount_fen": member.recharge_fen, "tender": "cash"}
    await shop.call("POST", "recharges", money)
    if member.pin is not None:
        await shop.call("PUT", f"members/{member_id}/pin", {"pin": member.pin})
    if member.card == "dave":
        await shop.call("POST", f"cards/{card_id}/status", {"status": "lost"})
