"""Signing in, staying signed in, and being kept out."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally

from .till import CASHIER, MANAGER, Counter, Reply, living


async def attempt(counter: Counter, number: str, pin: str) -> Reply:
    return await counter.ask("POST", "/session", {"employee": number, "pin": pin}, token=None)


async def test_cookie_and_bearer(bare: Counter) -> None:
    reply = await attempt(bare, *CASHIER)
    assert reply.status == 200
    cookie = reply.headers["Set-Cookie"]
    for part in ("counterd_session=", "HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    token = reply.body["token"]
    assert len(token) >= 43
    bare.client.cookie_jar.clear()
    for headers in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"counterd_session={token}"}):
        session = await bare.ask("GET", "/session", token=None, headers=headers)
        assert session.status == 200 and "token" not in session.body
        assert session.body["employee"]["number"] == "1"
        assert session.body["expires_ms"] > bare.clock.now_ms()


async def test_sign_out_is_exact(bare: Counter) -> None:
    token = await bare.sign_in()
    other = await bare.sign_in()
    out = await bare.ask("DELETE", "/session", token=token)
    assert out.status == 204 and "counterd_session=" in out.headers["Set-Cookie"]
    assert (await bare.ask("GET", "/session", token=token)).status == 401
    assert (await bare.ask("GET", "/session", token=other)).status == 200


async def test_sign_out_wins_over_requests_under_way(bare: Counter) -> None:
    """Each request also writes down that the session was seen: that must not bring it back."""
    token = await bare.sign_in()
    bare.clock.advance(120)
    await asyncio.gather(
        *(bare.ask("GET", "/session", token=token) for _ in range(6)),
        bare.ask("DELETE", "/session", token=token),
        *(bare.ask("GET", "/session", token=token) for _ in range(6)),
    )
    assert (await bare.ask("GET", "/session", token=token)).status == 401


async def test_session_ends_by_idleness_and_by_age(bare: Counter) -> None:
    await bare.sign_in()
    bare.clock.advance(29 * 60)
    assert (await bare.ask("GET", "/session")).status == 200
    bare.clock.advance(29 * 60)
    assert (await bare.ask("GET", "/session")).status == 200
    bare.clock.advance(31 * 60)
    idle = await bare.ask("GET", "/session")
    assert (idle.status, idle.key) == (401, "session_over")
    await bare.sign_in()
    for _ in range(12 * 3 - 1):
        bare.clock.advance(20 * 60)
        await bare.ask("GET", "/session")
    bare.clock.advance(20 * 60)
    old = await bare.ask("GET", "/session")
    assert (old.status, old.key) == (401, "session_over")


async def test_session_outlives_a_restart(counter: Counter) -> None:
    await counter.stop()
    async with living(counter.reborn()) as again:
        assert (await again.ask("GET", "/session")).status == 200
    await counter.start()


async def test_lockout_grows_and_outlives_a_restart(bare: Counter) -> None:
    number, pin = CASHIER
    for left in (4, 3, 2, 1):
        wrong = await attempt(bare, number, "000000")
        assert (wrong.status, wrong.key) == (401, "sign_in_failed")
        assert wrong.body["facts"] == {"left": left}
    locked = await attempt(bare, number, "000000")
    assert (locked.status, locked.key) == (429, "sign_in_locked")
    assert locked.headers["Retry-After"] == "60"
    assert (await attempt(bare, number, pin)).key == "sign_in_locked"
    assert (await attempt(bare, *MANAGER)).status == 200  # nobody else is locked out

    await bare.stop()
    async with living(bare.reborn()) as again:
        assert (await attempt(again, number, pin)).key == "sign_in_locked"
        again.clock.advance(61)
        for _ in range(4):
            assert (await attempt(again, number, "000000")).key == "sign_in_failed"
        longer = await attempt(again, number, "000000")
        assert longer.body["facts"] == {"seconds": 300}
        again.clock.advance(301)
        assert (await attempt(again, number, pin)).status == 200
    await bare.start()


async def test_many_tries_at_once_learn_no_more_than_one_after_the_other(bare: Counter) -> None:
    number, pin = CASHIER
    pins = [f"00000{n}" for n in range(7)] + [pin]
    replies = await asyncio.gather(*(attempt(bare, number, one) for one in pins))
    tally = Tally("signed in" if one.status == 200 else one.key for one in replies)
    # Whether the right one came before the lock is chance; how many were judged is not.
    assert tally["sign_in_failed"] + tally["signed in"] <= 5 + 4 * tally["signed in"]
    if not tally["signed in"]:
        assert tally["sign_in_failed"] == 4
        assert tally["sign_in_locked"] + tally["too_many_requests"] == 4


async def test_a_flood_of_sign_ins_is_turned_away(bare: Counter) -> None:
    replies = await asyncio.gather(*(attempt(bare, f"x{n}", "000000") for n in range(40)))
    tally = Tally(one.key for one in replies)
    assert tally["too_many_requests"] > 0
    assert set(tally) <= {"too_many_requests", "sign_in_failed", "sign_in_locked"}


async def test_guessing_numbers_locks_the_device(bare: Counter) -> None:
    for n in range(19):
        assert (await attempt(bare, f"x{n}", "000000")).key in ("sign_in_failed", "sign_in_locked")
    await attempt(bare, "x19", "000000")
    assert (await attempt(bare, *MANAGER)).key == "sign_in_locked"
    bare.clock.advance(61)
    assert (await attempt(bare, *MANAGER)).status == 200
