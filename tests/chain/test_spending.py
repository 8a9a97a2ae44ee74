"""One balance, many counters: what the cloud does with it, exchange by exchange."""

from __future__ import annotations

from daemon.sync.link.asking import Debit, Granted, Insufficient, Reverse, Reversed, Status
from tests.chain.shop import Chain


async def test_money_topped_up_here_is_spent_there(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    a.recharge("m1", 100_00)
    await chain.settle()
    assert a.balance("m1") == 100_00
    b.requests = [Debit("sale-1", "m1", 30_00, "principal_first")]
    await chain.talk(b)
    told = b.answers["sale-1"]
    assert isinstance(told, Insufficient) and told.available_fen == 0
    assert [(held.device, held.amount_fen) for held in told.held] == [("A", 100_00)]
    await chain.talk(a)
    assert a.balance("m1") == 0
    await chain.talk(a)
    b.requests = [Debit("sale-1", "m1", 30_00, "principal_first")]
    await chain.talk(b)
    granted = b.answers["sale-1"]
    assert isinstance(granted, Granted)
    assert sum(part.amount for part in granted.parts) == 30_00
    b.take_debit("m1", granted)
    b.sell("m1", 30_00, op_id="sale-1")
    await chain.settle()
    await chain.require_sound()
    sums = (await chain.sums())["principal"]
    assert (sums["funded"], sums["settled"], sums["overspent"]) == (100_00, 30_00, 0)
    assert sums["in_debit"] == sums["at_risk"] == 0
    assert await chain.found() == []


async def test_a_debit_has_one_end(chain: Chain) -> None:
    a, b = await chain.add("A"), await chain.add("B")
    a.recharge("m1", 100_00)
    await chain.settle()
    a.release("m1", "principal")
    await chain.talk(a)
    ask = Debit("sale-1", "m1", 30_00, "principal_first")
    for _ in range(3):
        b.requests = [ask]
        await chain.talk(b)
        assert isinstance(b.answers["sale-1"], Granted)
    assert (await chain.sums())["principal"]["in_debit"] == 30_00
    b.requests = [Reverse("sale-1"), Status("sale-1")]
    await chain.talk(b)
    assert b.answers["sale-1"] == Reversed("sale-1")
    b.requests = [ask]
    await chain.talk(b)
    assert b.answers["sale-1"] == Reversed("sale-1")
    assert (await chain.sums())["principal"]["in_debit"] == 0
    b.requests = [Reverse("sale-2")]
    await chain.talk(b)
    b.requests = [Debit("sale-2", "m1", 10_00, "principal_first")]
    await chain.talk(b)
    assert b.answers["sale-2"] == Reversed("sale-2"), "a tombstone comes before its debit too"
    await chain.require_sound()
