"""The chain on one page: money by member, devices, and who owes whom of the last days."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from cloud.books import CloudBooks
from cloud.records import DAY_MS
from cloud.settlement import MONEY, crossed
from cloud.views import devices_view
from daemon.core.lease.moves import AccountKey
from daemon.sync.envelope.canonical import decode

MOST_MEMBERS: Final = 50
DAYS: Final = 31
_CHINA_MS: Final = 8 * 3_600_000
_FIRST: Final = AccountKey("", "", -1)


async def overview(books: CloudBooks, now_ms: int) -> dict[str, Any]:
    """The first fifty members; settlement of a month. Amounts in fen."""
    today = (now_ms + _CHINA_MS) // DAY_MS
    devices = await devices_view(books)
    rows = await crossed(books, today - DAYS, today + 1)
    return {
        "accounts": await _members(books),
        "devices": [
            {
                "device": each["device"],
                "store": each["store"],
                "seen_ms": each["seen_ms"],
                "bseq": each["bseq"],
                "held_fen": sum(each["held"].get(asset, 0) for asset in MONEY),
            }
            for each in devices
        ],
        "settlement": [
            {"sold_at": row.seller, "funded_at": row.home, "amount_fen": row.net}
            for row in rows
            if row.asset == "principal"
        ],
    }


async def _members(books: CloudBooks) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for account in await books.accounts.all_accounts(_FIRST, 1_000):
        key, home = account.key, account.home
        if key.asset not in MONEY:
            continue
        member = sums[key.member]
        member["funded_fen"] += home.funded
        member["reserve_fen"] += home.reserve
        member["settled_fen"] += home.settled
        member["overspent_fen"] += home.overspent
        member["at_risk_fen"] += home.at_risk
        # What I1 leaves: all that is out at devices or on its way to one.
        member["held_fen"] += home.funded + home.overspent - home.reserve - home.settled
    numbers = await _numbers(books)
    chosen = sorted(sums, key=lambda member: numbers.get(member, member))[:MOST_MEMBERS]
    return [{"member": numbers.get(member, member), **sums[member]} for member in chosen]


async def _numbers(books: CloudBooks) -> dict[str, str]:
    """Card numbers that people know, by member."""
    found: dict[str, str] = {}
    for row in await books.office.dataset_after("members", 0, 1_000):
        value = None if row.value is None else decode(row.value, "row_malformed")
        if isinstance(value, dict) and isinstance(value.get("number"), str):
            found[row.key] = value["number"]
    return found
