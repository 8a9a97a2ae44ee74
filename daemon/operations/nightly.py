"""The daily round: what ends, levels that are lost, notices, standing triggers. At the start of the
daemon and at each midnight of the shop; in small transactions between sales.

How far it is, is kept with what it did: a restart goes on there, and what was done is not done
again. A clock that is set back changes nothing.

    expiry -> members -> done
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from daemon.core.loyalty.points import crowded
from daemon.core.pricing.shop_time import moment
from daemon.core.records import Member
from daemon.operations.expiry import expire_next
from daemon.operations.levels import demote, loses_level
from daemon.operations.points import gather_points
from daemon.operations.shop import Shop
from daemon.operations.triggers import NOTICE, fire, notice_due, occasions, send_notice
from daemon.operations.views import owner_of
from daemon.ports.ledger import Books

SETTING: Final = "nightly"
EVERY_S: Final = 30.0
"""How often the shop's day is looked at: midnight is never missed by more."""
PAUSE_S: Final = 0.01
"""Between two steps: a search of the cashier's and a sale go first."""
MEMBERS_A_LOOK: Final = 100
"""Members that one look reads: some milliseconds of the reader."""
MEMBERS_A_STEP: Final = 10
"""Members that one transaction changes."""
ENDS_A_STEP: Final = 10
KEEP_EVERY: Final = 50
"""Looks without anything to do until the place is kept all the same."""


@dataclass(frozen=True, slots=True)
class Round:
    """How far the round of `day` is. `since` is the day of the last whole round. `after` is the
    last member that was looked at."""

    day: str = ""
    since: str = ""
    stage: str = "done"
    after: str = ""
    looked_at: int = 0
    members: int = 0
    expired: int = 0
    levels_lost: int = 0
    notices: int = 0
    fired: int = 0
    gathered: int = 0
    started_ms: int = 0
    ended_ms: int = 0

    def as_text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def kept_round(books: Books) -> Round:
    text = books.setting(SETTING)
    return Round() if text is None else Round(**json.loads(text))


async def nightly_view(shop: Shop) -> dict[str, Any]:
    """The round that is under way or was the last."""
    kept = await shop.ledger.read(kept_round)
    shown = asdict(kept)
    del shown["after"]
    return shown


class Nightly:
    """One for a shop. `catch_up` may be awaited at any time; rounds never run beside each other."""

    def __init__(self, shop: Shop, pause_s: float = PAUSE_S) -> None:
        self._shop = shop
        self._pause_s = pause_s
        self._one_at_a_time = asyncio.Lock()
        self._unkept = 0

    async def run(self) -> None:
        """For ever. Errors of the ledger end it: its supervisor says so."""
        while True:
            await self.catch_up()
            await asyncio.sleep(EVERY_S)

    async def catch_up(self) -> None:
        """Ends today's round, or does nothing where it has ended."""
        async with self._one_at_a_time:
            now = await self._shop.ledger.read(kept_round)
            if now.stage == "done" and self._today() <= now.day:
                return
            now = await self._shop.ledger.write(self._begin)
            while now.stage == "expiry":
                now = await self._shop.ledger.write(self._expire)
                await asyncio.sleep(self._pause_s)
            while now.stage == "members":
                now = await self._look(now)
                await asyncio.sleep(self._pause_s)

    def _today(self) -> str:
        return self._shop.day(self._shop.clock.now_ms())

    def _begin(self, books: Books) -> Round:
        """Today's round, from its beginning or where it was cut. A round of an earlier day that was
        not ended is begun again today: its days count for what moved since."""
        kept = kept_round(books)
        today = self._today()
        if today <= kept.day:
            return kept
        yesterday = (date.fromisoformat(today) - timedelta(1)).isoformat()
        since = kept.day if kept.stage == "done" else kept.since
        begun = Round(
            day=today,
            since=since or yesterday,
            stage="expiry",
            members=books.member_total(),
            started_ms=self._shop.clock.now_ms(),
        )
        return _keep(books, begun)

    def _expire(self, books: Books) -> Round:
        kept = kept_round(books)
        ended = 0
        for _ in range(ENDS_A_STEP):
            rows = expire_next(self._shop, books, self._shop.clock.now_ms())
            ended += rows
            if not rows:
                return _keep(books, replace(kept, stage="members", expired=kept.expired + ended))
        return _keep(books, replace(kept, expired=kept.expired + ended))

    async def _look(self, now: Round) -> Round:
        """Looks at the next members. A transaction for every few that something is due for; without
        any, the place is kept now and then, and at the end of the round."""
        found, due = await self._shop.ledger.read(lambda books: self._find(books, now))
        for start in range(0, len(due), MEMBERS_A_STEP):
            some = due[start : start + MEMBERS_A_STEP]
            now = await self._shop.ledger.write(partial(self._do, now=now, member_ids=some))
        after = found[-1] if found else now.after
        now = replace(now, after=after, looked_at=now.looked_at + len(found))
        if len(found) < MEMBERS_A_LOOK:
            now = replace(now, stage="done", after="", ended_ms=self._shop.clock.now_ms())
        self._unkept += 1
        if now.stage == "done" or self._unkept >= KEEP_EVERY:
            self._unkept = 0
            return await self._shop.ledger.write(partial(_keep, now=now))
        return now

    def _find(self, books: Books, now: Round) -> tuple[Sequence[str], list[str]]:
        """The next members, and those of them that something is due for."""
        found = books.member_ids_after(now.after, MEMBERS_A_LOOK)
        due = []
        for member_id in found:
            member = books.member(member_id)
            if member is not None and self._is_due(books, member, now):
                due.append(member_id)
        return found, due

    def _is_due(self, books: Books, member: Member, now: Round) -> bool:
        shop, now_ms, who = self._shop, self._shop.clock.now_ms(), member.member_id
        ending = notice_due(shop, member, now_ms)
        if ending is not None and not books.has_fired(NOTICE, who, ending):
            return True
        if loses_level(shop, books, member, *_days(shop, now, now_ms)):
            return True
        if crowded(books.holdings(owner_of(who))):
            return True
        return any(
            not books.has_fired(each.trigger.trigger_id, who, each.name)
            for each in occasions(shop, books, member, now_ms)
        )

    def _do(self, books: Books, now: Round, member_ids: Sequence[str]) -> Round:
        shop = self._shop
        for member_id in member_ids:
            now_ms = shop.clock.now_ms()
            member = books.member(member_id)
            assert member is not None, "members are never removed"
            ending = notice_due(shop, member, now_ms)
            if ending is not None and send_notice(shop, books, member, ending, now_ms):
                now = replace(now, notices=now.notices + 1)
            if loses_level(shop, books, member, *_days(shop, now, now_ms)):
                member = demote(shop, books, member, now_ms)
                now = replace(now, levels_lost=now.levels_lost + 1)
            for occasion in list(occasions(shop, books, member, now_ms)):
                if fire(shop, books, member, occasion, now_ms):
                    now = replace(now, fired=now.fired + 1)
            if gather_points(shop, books, member_id, now_ms):
                now = replace(now, gathered=now.gathered + 1)
        return _keep(books, replace(now, after=member_ids[-1]))


def _days(shop: Shop, now: Round, now_ms: int) -> tuple[date, date]:
    """From the last whole round to today."""
    return date.fromisoformat(now.since), moment(now_ms, shop.policy.utc_offset_min).day


def _keep(books: Books, now: Round) -> Round:
    books.put_setting(SETTING, now.as_text())
    return now
