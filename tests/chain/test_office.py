"""What the office sees and changes of a chain: over HTTP, with a real counter and a real cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cloud.books import CloudStore
from daemon.core.lease.policy import Bearer, ChainPolicy
from tests.chain.branch import Branch, town_of
from tests.web.till import Counter, customer, desfire

SAFE = ChainPolicy()


@pytest.fixture
async def branch(tmp_path: Path, store: CloudStore) -> AsyncIterator[Branch]:
    async with town_of(tmp_path, store) as town:
        yield await town.open("a")


async def put(counter: Counter, **changes: Any) -> Any:
    found = await counter.get("/rules/chain")
    body = {
        "base_version": found["version"],
        "content": {**found["content"], **changes},
        "note": "",
    }
    return await counter.ask("PUT", "/rules/chain", body)


async def test_where_a_device_stands(branch: Branch) -> None:
    counter = branch.counter
    await customer(counter, desfire(), fen=50_000)
    standing = await counter.get("/chain")
    assert standing["belongs"] and standing["store"] == counter.identity.store
    assert standing["held"]["principal_fen"] == 50_000
    assert standing["held"]["members"] == 1
    await branch.settle()
    standing = await counter.get("/chain")
    assert standing["online"] is True
    assert standing["contact_ms"] is not None
    assert standing["valid_until_ms"] > standing["contact_ms"]
    assert standing["journal"]["number"] > 0


async def test_settings_are_safe_kept_and_in_force(branch: Branch) -> None:
    counter = branch.counter
    content = (await counter.get("/rules/chain"))["content"]
    assert content["credit_sale_fen"] == 0 and content["overspend_bearer"] == "member"
    kept = await put(counter, lease_cap_fen=30_000, overspend_bearer="merchant")
    assert kept.status == 200 and kept.body["version"] == 1, kept
    in_force = counter.shop.rules.chain
    assert (in_force.lease_cap_fen, in_force.overspend_bearer) == (30_000, Bearer.MERCHANT)
    assert in_force.regular_branches == SAFE.regular_branches


async def test_every_mistake_is_at_its_setting(branch: Branch) -> None:
    wrong = await put(branch.counter, lease_share_bp=10_001, lease_valid_h=0)
    assert wrong.status == 422, wrong
    told = {each["at"]: (each["key"], each["facts"]) for each in wrong.body["errors"]}
    assert told["chain.lease_share_bp"] == ("too_large", {"limit": 10_000})
    assert told["chain.lease_valid_h"] == ("too_small", {"limit": 1})
    never = await put(branch.counter, credit_sale_fen=5_000, credit_day_fen=9_000)
    told = {each["at"]: (each["key"], each["facts"]) for each in never.body["errors"]}
    assert told == {"chain.credit_member_fen": ("credit_below_sale", {"limit": 5_000})}
    assert branch.counter.shop.rules.chain.credit_sale_fen == 0


async def test_the_cloud_follows_the_office(branch: Branch) -> None:
    """How long leases hold and how much is granted are the cloud's to decide, by these rules."""
    kept = await put(branch.counter, lease_valid_h=5, lease_cap_fen=1_000)
    assert kept.status == 200, kept
    await branch.settle()
    assert branch.cloud.policy.lease_cap_fen == 1_000
    await branch.talk()
    standing = await branch.counter.get("/chain")
    assert standing["valid_until_ms"] - standing["contact_ms"] == 5 * 3_600_000
