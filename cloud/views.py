"""What an operator is shown of devices and leases: rows of plain values, for the terminal and the
page alike."""

from __future__ import annotations

from typing import Any

from cloud.books import CloudBooks
from daemon.core.errors import NotFound
from daemon.core.lease.moves import AccountKey

MOST_LEASES = 1_000


async def devices_view(books: CloudBooks) -> list[dict[str, Any]]:
    """Each device with the journal that it is in and what it holds, by asset."""
    held: dict[tuple[str, int], dict[str, int]] = {}
    for device, epoch, asset, out, _ in await books.accounts.held_by_device():
        held.setdefault((device, epoch), {})[asset] = out
    rows: list[dict[str, Any]] = []
    for known in await books.devices.devices():
        newest = await books.journals.newest(known.device)
        epoch = 0 if newest is None else newest.epoch
        rows.append(
            {
                "device": known.device,
                "store": known.store,
                "state": known.state.value,
                "seen_ms": known.seen_ms,
                "epoch": epoch,
                "journal": 0 if newest is None else newest.number,
                "bseq": 0 if newest is None else newest.bseq,
                "dseq": 0 if newest is None else newest.dseq,
                "held": held.get((known.device, epoch), {}),
                "version": known.version,
                "reason": known.reason,
                "quarantined": sum(
                    times for *_, times in await books.journals.quarantined(known.device)
                ),
            }
        )
    return rows


async def leases_view(books: CloudBooks, device: str) -> list[dict[str, Any]]:
    """The first thousand accounts that the device holds something of. Raises
    NotFound("device_unknown")."""
    if await books.devices.device(device) is None:
        raise NotFound("device_unknown", device=device)
    newest = await books.journals.newest(device)
    if newest is None:
        return []
    first = AccountKey("", "", -1)
    rows = await books.accounts.leases_at(device, newest.epoch, first, MOST_LEASES)
    return [
        {
            "member": held.key.member,
            "asset": held.key.asset,
            "lot": held.key.lot,
            "epoch": held.epoch,
            "out": held.lease.out,
            "granted": held.lease.granted,
            "seen": held.lease.seen,
            "online": held.lease.online,
            "topped_up": held.lease.topped_up,
            "refunded": held.lease.refunded,
            "spent": held.lease.spent,
            "returned": held.lease.returned,
            "forced": held.lease.forced,
            "credit": held.lease.credit,
            "state": held.lease.state.value,
        }
        for held in rows
    ]
