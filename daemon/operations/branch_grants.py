"""What a device of a chain is given to hold, and what it gives back (docs/leases.md).

Every change is an entry of the journal against `chain`, so the balance of a member's account is
what may be spent here, and nothing that decides has to know of leases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.entry import MOST_POSTINGS, Account, Draft, Funding, Kind, Posting
from daemon.core.lease.device import given_up, take_total
from daemon.core.lease.moves import CHAIN
from daemon.operations.views import owner_of
from daemon.ports.chain import Part
from daemon.ports.clock import Clock
from daemon.ports.ledger import Books

MEMBERS_POSTINGS: Final = MOST_POSTINGS - 16
"""In one entry; the rest is for the chain's side, one posting an asset."""
DEVICE: Final = "device"


@dataclass(frozen=True, slots=True)
class Total:
    """All that was ever granted of an account to this device in this epoch."""

    gseq: int
    member_id: str
    asset: str
    lot: int
    total: int
    rule: str


def take_totals(books: Books, clock: Clock, totals: Sequence[Total]) -> int:
    """Puts on the journal what the totals add to what was seen before, and returns how many
    entries that took. A total that comes twice, late or out of turn adds nothing."""
    by_member: dict[str, list[Part]] = {}
    newest: dict[Account, Total] = {}
    for each in totals:
        account = Account(owner_of(each.member_id), each.asset, each.lot)
        if account not in newest or newest[account].total < each.total:
            newest[account] = each
    for account, each in newest.items():
        more = take_total(books.counters(account).seen, each.total)
        if more:
            parts = by_member.setdefault(each.member_id, [])
            parts.append(Part(each.asset, each.lot, more, each.rule))
    count = 0
    for member_id, parts in by_member.items():
        for first in range(0, len(parts), MEMBERS_POSTINGS):
            some = parts[first : first + MEMBERS_POSTINGS]
            _granted(books, clock, member_id, some, Funding.LEASE, None)
            count += 1
    return count


def take_debit(
    books: Books, clock: Clock, member_id: str, parts: Sequence[Part], sale_id: str
) -> None:
    """An online debit that was answered, on the journal before the sale that it is for."""
    _granted(books, clock, member_id, parts, Funding.ONLINE, sale_id)


def _granted(
    books: Books,
    clock: Clock,
    member_id: str,
    parts: Sequence[Part],
    funding: Funding,
    sale_id: str | None,
) -> None:
    owner = owner_of(member_id)
    moved: dict[Account, int] = {}
    opened: dict[Account, str] = {}
    for part in parts:
        account = Account(owner, part.asset, part.lot)
        moved[account] = moved.get(account, 0) + part.amount
        if not books.has_account(account):
            opened[account] = part.rule
    books.append(
        Draft(
            op_id=clock.new_id(),
            kind=Kind.GRANTED,
            at_ms=clock.now_ms(),
            actor=DEVICE,
            member_id=member_id,
            refers_to=sale_id,
            postings=_against_chain(moved, funding),
            detail={"event": "lease_granted" if sale_id is None else "debit_granted"},
        ),
        opened,
    )


def release(books: Books, clock: Clock, member_id: str, asset: str) -> int:
    """Gives back all that is here of a member's asset, and returns how much that was. A card that
    may just have committed to a sale is waited for: the cloud asks again."""
    if any(card.pending is not None for card in books.cards_of(member_id)):
        return 0
    held = {
        each.account: each.balance
        for each in books.holdings(owner_of(member_id))
        if each.account.asset == asset
    }
    giving = given_up(held)
    _give_back(books, clock, Kind.RELEASED, "lease_released", giving, member_id)
    return sum(giving.values())


def void_everything(books: Books, clock: Clock) -> int:
    """What this journal held belongs to an epoch that is over: nothing of it may be spent. Returns
    how many owners had something."""
    owners, after = 0, ""
    while some := books.held_members(after, 100):
        after = some[-1]
        for owner in some:
            held = {each.account: each.balance for each in books.holdings(owner)}
            member_id = owner.partition(":")[2]
            _give_back(books, clock, Kind.LEASE_VOIDED, "lease_voided", held, member_id)
            owners += 1
    return owners


def _give_back(
    books: Books,
    clock: Clock,
    kind: Kind,
    event: str,
    held: Mapping[Account, int],
    member_id: str,
) -> None:
    accounts = list(held)
    for first in range(0, len(accounts), MEMBERS_POSTINGS):
        some = {each: -held[each] for each in accounts[first : first + MEMBERS_POSTINGS]}
        books.append(
            Draft(
                op_id=clock.new_id(),
                kind=kind,
                at_ms=clock.now_ms(),
                actor=DEVICE,
                member_id=member_id,
                postings=_against_chain(some, Funding.LEASE),
                detail={"event": event},
            )
        )


def _against_chain(moved: Mapping[Account, int], funding: Funding) -> tuple[Posting, ...]:
    chain: dict[Account, int] = {}
    for account, amount in moved.items():
        other = Account(CHAIN, account.asset)
        chain[other] = chain.get(other, 0) - amount
    return tuple(
        Posting(account, amount, funding) for account, amount in (*moved.items(), *chain.items())
    )
