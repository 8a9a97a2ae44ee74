"""The daily round: what ends, levels that are lost, notices, standing triggers. At the start of the
daemon and at each midnight of the shop; in small transactions between sales.

How far it is, is kept with what it did: a restart goes on there, and what was done is not done
again. A clock that is set back changes nothing.

    expiry -> members -> visits -> coupons -> lots -> birthdays -> done   (daemon.operations.due)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from daemon.core.pricing.shop_time import moment
from daemon.operations.due import STAGES, next_due
from daemon.operations.expiry import expire_next
from daemon.operations.levels import demote, loses_level
from daemon.operations.shop import Shop
from daemon.operations.triggers import NOTICE, fire, notice_due, occasions, send_notice
from daemon.ports.ledger import Books

SETTING: Final = "nightly"
EVERY_S: Final = 30.0
"""How often the shop's day is looked at: midnight is never missed by more."""
PAUSE_S: Final = 0.01
"""Between two steps: a search of the cashier's and a sale go first."""
MEMBERS_A_LOOK: Final = 10
"""Members that one look goes into: some milliseconds of the reader."""
MEMBERS_A_STEP: Final = 10
"""Members that one transaction changes."""
ENDS_A_STEP: Final = 10


@dataclass(frozen=True, slots=True)
class Round:
    """How far the round of `day` is. `since` is the day of the last whole round; `after` the place
    in the stage; `looked_at` the members for whom something might have been due."""

    day: str = ""
    since: str = ""
    stage: str = "done"
    after: str = ""
    looked_at: int = 0
    expired: int = 0
    levels_lost: int = 0
    notices: int = 0
    fired: int = 0
    started_ms: int = 0
    ended_ms: int = 0

    def as_text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def kept_round(books: Books) -> Round:
    """As it was kept, whatever another release kept beside."""
    text = books.setting(SETTING)
    if text is None:
        return Round()
    known = {each.name for each in fields(Round)}
    return Round(**{name: value for name, value in json.loads(text).items() if name in known})


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
            while now.stage != "done":
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
                return _keep(books, replace(kept, stage=STAGES[0], expired=kept.expired + ended))
        return _keep(books, replace(kept, expired=kept.expired + ended))

    async def _look(self, now: Round) -> Round:
        """The next stretch of the stage: goes into the members that it finds, a few at a time, does
        what is due for them, and keeps the place."""
        shop = self._shop
        today = date.fromisoformat(now.day)
        found = await shop.ledger.read(
            lambda books: next_due(shop, books, now.stage, now.after, today)
        )
        for start in range(0, len(found.member_ids), MEMBERS_A_LOOK):
            some = found.member_ids[start : start + MEMBERS_A_LOOK]
            now = await self._go_into(now, some)
        if found.after is not None:
            now = replace(now, after=found.after)
        else:
            place = STAGES.index(now.stage) + 1
            now = replace(now, stage=STAGES[place] if place < len(STAGES) else "done", after="")
        if now.stage == "done":
            now = replace(now, ended_ms=shop.clock.now_ms())
        return await shop.ledger.write(partial(_keep, now=now))

    async def _go_into(self, now: Round, member_ids: Sequence[str]) -> Round:
        due = await self._shop.ledger.read(
            lambda books: [each for each in member_ids if self._is_due(books, each, now)]
        )
        for start in range(0, len(due), MEMBERS_A_STEP):
            some = due[start : start + MEMBERS_A_STEP]
            now = await self._shop.ledger.write(partial(self._do, now=now, member_ids=some))
        await asyncio.sleep(self._pause_s)
        return replace(now, looked_at=now.looked_at + len(member_ids))

    def _is_due(self, books: Books, who: str, now: Round) -> bool:
        shop, now_ms, member = self._shop, self._shop.clock.now_ms(), books.member(who)
        if member is None:
            return False
        ending = notice_due(shop, member, now_ms)
        if ending is not None and not books.has_fired(NOTICE, who, ending):
            return True
        if loses_level(shop, books, member, *_days(shop, now, now_ms)):
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
        return _keep(books, now)


def _days(shop: Shop, now: Round, now_ms: int) -> tuple[date, date]:
    """From the last whole round to today."""
    return date.fromisoformat(now.since), moment(now_ms, shop.policy.utc_offset_min).day


def _keep(books: Books, now: Round) -> Round:
    books.put_setting(SETTING, now.as_text())
    return now
