"""Who stands at a counter and writes down what she was shown.

A deed has one Idempotency-Key and is asked for until it has an end, however often the daemon is
killed meanwhile. What its status is to her is all that the audit believes of it.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from simulator.demo_shop import EMPLOYEES
from tests.chain_storm.town import CounterProcess

FINAL: Final = ("approved", "declined", "cancelled", "refused", "done")
PIN: Final = "2468"
MOST_SALE_FEN: Final = 900
MOST_RECHARGE_FEN: Final = 1_500
PATIENCE_S: Final = 40.0
_AWAY: Final = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class Deed:
    """`kind`: sale, recharge or void; `op_id` is what the counter calls it."""

    kind: str
    device: str
    member_id: str
    amount_fen: int
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    op_id: str | None = None
    of: str | None = None
    seen: str | None = None
    reason: str | None = None

    @property
    def ended(self) -> bool:
        return self.seen in FINAL

    @property
    def acknowledged(self) -> bool:
        """The customer was told that it is done."""
        return self.seen in ("approved", "done")


@dataclass
class Book:
    """All deeds of all counters, in their order, and the members."""

    deeds: list[Deed] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Refused(Exception):
    """The counter said no in so many words."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(f"{status} {key}")
        self.status, self.key = status, key


class Cashier:
    """One at each counter. `run` until `closed` says so; then `finish`."""

    def __init__(self, counter: CounterProcess, book: Book, chance: random.Random) -> None:
        self.counter = counter
        self.book = book
        self._chance = chance
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        self._token: str | None = None
        self._mine: list[Deed] = []

    async def close(self) -> None:
        await self._http.close()

    # -- HTTP ------------------------------------------------------------------------------------

    async def call(self, verb: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Raises Refused, and what aiohttp raises where nobody is there."""
        if self._token is None:
            await self._sign_in()
        try:
            return await self._call(verb, path, body, key)
        except Refused as error:
            if error.status != 401:
                raise
            await self._sign_in()
            return await self._call(verb, path, body, key)

    async def _call(self, verb: str, path: str, body: Any, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        url = f"{self.counter.page}/api/v1/{path}"
        async with self._http.request(verb, url, json=body, headers=headers) as reply:
            told = await reply.json(content_type=None) if reply.status != 204 else None
            if reply.status >= 500:
                raise aiohttp.ClientPayloadError(f"{reply.status} {told}")
            if reply.status >= 400:
                raise Refused(reply.status, str(told["key"]))
            return told

    async def _sign_in(self) -> None:
        employee = EMPLOYEES[0]
        body = {"employee": employee.number, "pin": employee.pin}
        self._token = None
        self._token = (await self._call("POST", "session", body))["token"]

    async def until_open(self) -> None:
        """Until the manager may sign in here: staff come down from the cloud."""
        while True:
            try:
                await self._sign_in()
                return
            except (Refused, *_AWAY):
                await asyncio.sleep(1.0)

    async def until_known(self, member_id: str) -> None:
        while True:
            try:
                await self.call("GET", f"members/{member_id}")
                return
            except (Refused, *_AWAY):
                await asyncio.sleep(0.5)

    async def new_member(self, number: int, fen: int) -> None:
        """A member with a PIN and some money."""
        body = {"name": f"member {number}", "phone": f"1380000{number:04}"}
        member_id = str((await self.call("POST", "members", body))["member_id"])
        await self.call("PUT", f"members/{member_id}/pin", {"pin": PIN})
        self.book.members.append(member_id)
        deed = self._new("recharge", member_id, fen)
        await self._carry_on(deed)
        assert deed.acknowledged, deed

    # -- deeds -----------------------------------------------------------------------------------

    async def run(self, closed: Callable[[], bool]) -> None:
        """Deed after deed. What was under way when the daemon died is asked for again first."""
        while not closed():
            try:
                open_deeds = [each for each in self._mine if not each.ended]
                await self._carry_on(open_deeds[0] if open_deeds else self._choose())
            except _AWAY:
                await asyncio.sleep(self._chance.uniform(0.1, 0.5))

    async def finish(self) -> None:
        """Everything that was begun has an end."""
        async with asyncio.timeout(180):
            while pending := [each for each in self._mine if not each.ended]:
                try:
                    await self._carry_on(pending[0])
                except _AWAY:
                    await asyncio.sleep(0.3)

    def _new(self, kind: str, member_id: str, fen: int, of: str | None = None) -> Deed:
        deed = Deed(kind, self.counter.device, member_id, fen, of=of)
        self._mine.append(deed)
        self.book.deeds.append(deed)
        return deed

    def _choose(self) -> Deed:
        chance, member = self._chance, self._chance.choice(self.book.members)
        dice = chance.random()
        if dice < 0.08:
            return self._new("recharge", member, chance.randint(100, MOST_RECHARGE_FEN))
        voided = {each.of for each in self._mine if each.kind == "void"}
        sold = [
            each
            for each in self._mine[-20:]
            if each.kind == "sale" and each.seen == "approved" and each.op_id not in voided
        ]
        if dice < 0.14 and sold:
            sale = chance.choice(sold)
            return self._new("void", sale.member_id, sale.amount_fen, sale.op_id)
        return self._new("sale", member, chance.randint(1, MOST_SALE_FEN))

    async def _carry_on(self, deed: Deed) -> None:
        try:
            if deed.kind == "sale":
                await self._sell(deed)
            elif deed.kind == "recharge":
                await self._recharge(deed)
            else:
                path = f"sales/{deed.of}/void"
                await self.call("POST", path, {}, deed.key)
                self._note(deed, "done", None)
        except Refused as error:
            if error.key in ("session_unknown", "unauthorized") or error.status in (401, 429):
                await asyncio.sleep(1.0)
            else:
                self._note(deed, "refused", error.key)

    async def _recharge(self, deed: Deed) -> None:
        body = {"member_id": deed.member_id, "amount_fen": deed.amount_fen, "tender": "cash"}
        told = await self.call("POST", "recharges", body, deed.key)
        self._name(deed, told["recharge_id"])
        self._note(deed, "done", None)

    async def _sell(self, deed: Deed) -> None:
        body = {"member_id": deed.member_id, "amount_fen": deed.amount_fen}
        if deed.op_id is None:
            sale = await self.call("POST", "sales", body, deed.key)
            self._name(deed, sale["sale_id"])
        else:
            sale = await self.call("GET", f"sales/{deed.op_id}")
        if sale["status"] == "awaiting_pin":
            try:
                sale = await self.call("POST", f"sales/{deed.op_id}/pin", {"pin": PIN})
            except Refused as error:
                # Another one is the current sale, or this one ended meanwhile.
                deed.reason = error.key
                sale = await self.call("GET", f"sales/{deed.op_id}")
        if sale["status"] not in FINAL:
            sale = await self.call("POST", f"sales/{deed.op_id}/cancel", {})
        self._note(deed, sale["status"], sale.get("reason"))

    def _name(self, deed: Deed, op_id: str) -> None:
        if deed.op_id not in (None, op_id):
            self.book.problems.append(f"one key, two deeds: {deed.op_id} and {op_id}")
        deed.op_id = op_id

    def _note(self, deed: Deed, status: str, reason: str | None) -> None:
        deed.seen, deed.reason = status, reason
