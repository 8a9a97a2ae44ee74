"""What the tests of shifts do at the drawer, over HTTP."""

from __future__ import annotations

from typing import Any

from daemon.core.entry import Account
from tests.web.till import MANAGER, Counter

CASH = Account("tender:cash", "taken")


async def open_shift(counter: Counter, float_fen: int = 20_000) -> dict[str, Any]:
    body: dict[str, Any] = await counter.post(
        "/shifts", {"float_fen": float_fen}, key=counter.new_key()
    )
    return body


def notes(fen: int) -> list[dict[str, int]]:
    """`fen` in as few notes and coins as can be; what is below 10 fen must be nothing."""
    counted = []
    for value in (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10):
        count, fen = divmod(fen, value)
        if count:
            counted.append({"note_fen": value, "count": count})
    assert fen == 0
    return counted


async def close_shift(counter: Counter, counted_fen: int) -> dict[str, Any]:
    body: dict[str, Any] = await counter.post(
        "/shifts/current/close", {"counted": notes(counted_fen)}, key=counter.new_key()
    )
    return body


async def token(counter: Counter, permission: str) -> dict[str, str]:
    """A manager's yes, as a header."""
    number, pin = MANAGER
    body = {"permission": permission, "employee": number, "pin": pin}
    return {"Approval": (await counter.post("/approvals", body))["token"]}


async def move_cash(counter: Counter, way: str, amount_fen: int) -> Any:
    body = {"way": way, "amount_fen": amount_fen, "reason": "change for the till"}
    headers = await token(counter, "cash_move")
    return await counter.post("/drawer/cash", body, key=counter.new_key(), headers=headers)


async def x_report(counter: Counter) -> Any:
    headers = await token(counter, "shift_any")
    return (await counter.get("/shifts/current/report", headers=headers))["report"]


async def balance(counter: Counter, account: Account) -> int:
    return await counter.ledger.read(lambda books: books.balance(account))
