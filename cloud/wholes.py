"""What a member has in the whole chain, for the counters that show it: never spent, so a reading
that is not held is good enough."""

from __future__ import annotations

from collections.abc import Iterable

from cloud.books import CloudBooks
from cloud.grants import MONEY
from daemon.core.lease.values import Home
from daemon.sync.link.asking import Debit, Request, Want, Whole
from daemon.sync.link.messages import Grant, WholeOf


def whom(grants: Iterable[Grant], requests: Iterable[Request]) -> list[str]:
    """Whose balance a device is told: who is granted something, and who was asked about."""
    members = {grant.member_id for grant in grants}
    for request in requests:
        if isinstance(request, Debit | Want | Whole) and request.member_id is not None:
            members.add(request.member_id)
    return sorted(members)


async def wholes_of(books: CloudBooks, members: list[str]) -> tuple[WholeOf, ...]:
    """Of a member without an account all is zero."""
    if not members:
        return ()
    held: dict[str, dict[str, int]] = {member: {} for member in members}
    for key, home in (await books.accounts.look(members)).items():
        sums = held[key.member]
        if key.asset in MONEY:
            sums[key.asset] = sums.get(key.asset, 0) + whole(home)
        sums["owed"] = sums.get("owed", 0) + home.overspent
    return tuple(
        WholeOf(member, sums.get("principal", 0), sums.get("bonus", 0), sums.get("owed", 0))
        for member, sums in held.items()
    )


def whole(home: Home) -> int:
    """By I1 what is in reserve, in debits under way and out at all counters."""
    return home.funded + home.overspent - home.settled
