"""FORCE: what a journal holds goes back to the accounts without the device, and is booked as at
risk until its batches tell what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cloud.books import CloudBooks
from cloud.records import DebitPart, HeldLease
from daemon.core.lease import rows
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Home, LeaseState

_A_PAGE: Final = 500
_FIRST: Final = AccountKey("", "", -1)


async def force_leases(books: CloudBooks, device: str, epoch: int, now_ms: int) -> int:
    """Every lease and open debit of that journal, whose row the caller holds. Returns what is at
    risk of money (fen)."""
    accounts = books.accounts
    parts: dict[AccountKey, list[DebitPart]] = {}
    for part in await accounts.open_parts(device, epoch):
        parts.setdefault(part.key, []).append(part)
    at_risk, after = 0, _FIRST
    while page := await accounts.leases_at(device, epoch, after, _A_PAGE):
        after = page[-1].key
        homes = await accounts.hold([held.key for held in page])
        # What was read before the accounts were held may have moved since.
        members = sorted({held.key.member for held in page})
        fresh = await accounts.leases(members, device, epoch)
        at_risk += await _force(
            books, homes, [fresh[held.key] for held in page], parts, members, now_ms
        )
    if parts:
        homes = await accounts.hold(parts)
        members = sorted({key.member for key in parts})
        at_risk += await _force(books, homes, [], parts, members, now_ms)
    return at_risk


async def _force(
    books: CloudBooks,
    homes: dict[AccountKey, Home],
    leases: list[HeldLease],
    parts: dict[AccountKey, list[DebitPart]],
    members: list[str],
    now_ms: int,
) -> int:
    """Forces these leases and takes the debits of their accounts out of `parts`."""
    changed: list[HeldLease] = []
    gone: list[DebitPart] = []
    risk = 0
    by_key = {held.key: held for held in leases}
    for key, home in homes.items():
        before = home.at_risk
        held = by_key.get(key)
        if held is not None and held.lease.state is not LeaseState.CLOSED_FORCED:
            home, lease = rows.force(home, held.lease)
            changed.append(replace(held, lease=lease))
        for part in parts.pop(key, []):
            home, debit = rows.force_debit(home, part.debit)
            gone.append(replace(part, debit=debit))
        homes[key] = home
        if key.account().unit == "fen":
            risk += home.at_risk - before
    await books.accounts.put(homes)
    await books.accounts.put_leases(changed)
    await books.accounts.put_parts(gone)
    await books.accounts.to_grant(members, now_ms)
    return risk
