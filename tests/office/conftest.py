from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.rules.cell import ShopRules
from daemon.rules.compile import compile as compile_rules
from daemon.web.server import WebSettings
from tests.fakes.clock import HandClock
from tests.web.till import MANAGER, Counter, living

FIELDS = {
    "fields": [
        {"field": "hair", "name": "发质", "kind": "choice", "personal": False, "choices": [
            {"choice": "dry", "name": "干性"}, {"choice": "oily", "name": "油性"}]},
        {"field": "size", "name": "尺码", "kind": "number", "personal": False},
        {"field": "note", "name": "备注", "kind": "text", "personal": False},
        {"field": "wedding", "name": "结婚纪念日", "kind": "date", "personal": False},
        {"field": "plate", "name": "车牌", "kind": "text", "personal": True},
    ]
}  # fmt: skip
CATEGORIES = {
    "member_categories": [
        {"category": "standard", "name": "普通会员"},
        {"category": "gold", "name": "金卡", "valid_days": 365},
    ]
}


def rules_of(counter: Counter) -> ShopRules:
    documents: dict[str, Any] = {"fields": FIELDS, "member_categories": CATEGORIES}
    return compile_rules(documents, counter.shop.base_policy, counter.shop.base_head)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Counter]:
    """A counter with the manager signed in, custom fields and two categories."""
    settings = WebSettings(port=0, static=tmp_path / "static")
    async with living(Counter(tmp_path, HandClock(), settings=settings)) as counter:
        counter.shop.rules_cell.put(rules_of(counter))
        await counter.hire()
        await counter.sign_in(MANAGER)
        yield counter


async def ended(counter: Counter, job_id: str) -> dict[str, Any]:
    """The job when it rests."""
    while True:
        job: dict[str, Any] = await counter.get(f"/jobs/{job_id}")
        if job["state"] not in ("running", "stopping", "undoing"):
            return job
        await asyncio.sleep(0.005)


async def log_of(counter: Counter) -> list[tuple[int, str, str | None, dict[str, Any]]]:
    """Kind, actor, member and detail of every entry."""
    from daemon.core.entry import parse_leaf

    leaves = await counter.ledger.read(lambda books: books.leaves(1, 100_000))
    drafts = [parse_leaf(leaf).draft for _, leaf, _ in leaves]
    return [(int(d.kind), d.actor, d.member_id, dict(d.detail)) for d in drafts]
