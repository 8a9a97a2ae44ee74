"""Who holds what of a member's money: the regular branches are given their share before they need
it, and what others hold is called in.

Members whose accounts moved wait in a queue; any process takes the next ones. Room is given up
before a grant is sent: the reserve is lowered and the grant numbered in one transaction, and a
device is told the total whenever it asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cloud import bell
from cloud.books import CloudBooks, CloudStore
from cloud.folds import day_of
from cloud.records import DeviceState, HeldLease, Journal, JournalState
from daemon.core.lease import rows
from daemon.core.lease.moves import OWED, AccountKey
from daemon.core.lease.policy import ChainPolicy, Habit, before_grant, size_grant
from daemon.core.lease.values import Home, Lease, LeaseState

MEMBERS_A_TIME: Final = 50
MONEY: Final = ("principal", "bonus")


async def give(store: CloudStore, policy: ChainPolicy, now_ms: int) -> int:
    """Looks at the next members that wait. Returns how many there were."""
    return await store.run(partial(give_some, policy=policy, now_ms=now_ms))


async def give_some(books: CloudBooks, *, policy: ChainPolicy, now_ms: int) -> int:
    members = await books.accounts.members_to_grant(MEMBERS_A_TIME)
    if not members:
        return 0
    branches = {
        member: await _branches(books, member, policy, day_of(now_ms)) for member in members
    }
    held_for = [(b.device, b.epoch) for each in branches.values() for b in each]
    await books.journals.hold_grants(held_for)
    live = {who for who in set(held_for) if await _is_live(books, *who)}
    homes = await books.accounts.hold_members(members)
    giving = _Giving(books, policy, homes)
    for member in members:
        await giving.member(member, [b for b in branches[member] if (b.device, b.epoch) in live])
    await giving.write()
    await books.accounts.granted(members)
    return len(members)


@dataclass(frozen=True, slots=True)
class _Branch:
    """A counter that a member comes to."""

    device: str
    epoch: int
    habit: Habit


async def _branches(
    books: CloudBooks, member: str, policy: ChainPolicy, today: int
) -> list[_Branch]:
    """Those that can hold something, most visited first."""
    visits = await books.office.visits(member, today - policy.regular_days)
    ranked: list[_Branch] = []
    for device in sorted(visits, key=lambda each: (-visits[each], each)):
        journal = await live_journal(books, device)
        if journal is not None:
            habit = Habit(len(ranked), visits[device])
            ranked.append(_Branch(device, journal.epoch, habit))
    return ranked


async def live_journal(books: CloudBooks, device: str) -> Journal | None:
    """The journal that the device may be given something on."""
    known = await books.devices.device(device)
    if known is None or known.state is not DeviceState.ACTIVE:
        return None
    newest = await books.journals.newest(device)
    return newest if newest is not None and newest.state is JournalState.LIVE else None


async def _is_live(books: CloudBooks, device: str, epoch: int) -> bool:
    journal = await live_journal(books, device)
    return journal is not None and journal.epoch == epoch


def settle_debts(homes: dict[AccountKey, Home], policy: ChainPolicy) -> set[AccountKey]:
    """What one member owes is settled before anything is granted. Returns the accounts that
    changed."""
    before = dict(homes)
    for key in homes:
        homes[key] = before_grant(homes[key], policy)
    for owed in [key for key in homes if key.asset == OWED]:
        for key in sorted(homes):
            if key.asset in MONEY and homes[owed].overspent and homes[key].reserve:
                homes[key], homes[owed] = rows.repay_from(homes[key], homes[owed])
    return {key for key, home in homes.items() if home != before[key]}


class _Giving:
    """The rows of some members, held, and what became of them."""

    def __init__(
        self, books: CloudBooks, policy: ChainPolicy, homes: dict[AccountKey, Home]
    ) -> None:
        self._books = books
        self._policy = policy
        self._homes = homes
        self._changed: set[AccountKey] = set()
        self._leases: list[HeldLease] = []
        self._told: set[str] = set()
        self._rules: dict[tuple[str, int], str] = {}

    async def member(self, member: str, branches: list[_Branch]) -> None:
        mine = {key: home for key, home in self._homes.items() if key.member == member}
        self._changed |= settle_debts(mine, self._policy)
        self._homes |= mine
        self._rules = await self._books.accounts.rules(member)
        held = await self._books.accounts.leases_of(member)
        # An account that another process has just made is not held here: it comes again.
        leases = {(each.device, each.epoch, each.key): each for each in held if each.key in mine}
        for branch in branches:
            for key in sorted(mine):
                await self._fill(branch, key, leases)
        await self._recall(branches, leases)

    async def _fill(
        self,
        branch: _Branch,
        key: AccountKey,
        leases: dict[tuple[str, int, AccountKey], HeldLease],
    ) -> None:
        who = (branch.device, branch.epoch, key)
        held = leases.get(who) or HeldLease(key, branch.device, branch.epoch, Lease())
        home = self._homes[key]
        if held.lease.state is not LeaseState.ACTIVE or key.asset == OWED or home.overspent:
            return
        if key.lot and (key.asset, key.lot) not in self._rules:
            # Its rule is still on the way; who asks online gets it all the same.
            return
        amount = size_grant(key.asset, home.reserve, held.lease.out, branch.habit, self._policy)
        if not amount:
            return
        self._homes[key], lease = rows.grant(home, held.lease, amount)
        gseq = await self._books.journals.next_gseq(branch.device, branch.epoch)
        leases[who] = replace(held, lease=lease, gseq=gseq)
        self._leases.append(leases[who])
        self._changed.add(key)
        self._told.add(branch.device)

    async def _recall(
        self, branches: list[_Branch], leases: dict[tuple[str, int, AccountKey], HeldLease]
    ) -> None:
        """Calls in what is held where the member hardly comes, and what one branch holds alone
        while another one has nothing."""
        regular = [b for b in branches if b.habit.rank < self._policy.regular_branches]
        if not regular:
            return
        names = {(b.device, b.epoch) for b in regular}
        for who, held in sorted(leases.items()):
            if held.lease.state is not LeaseState.ACTIVE or not held.lease.out:
                continue
            if who[:2] in names and not self._starves(held, regular, leases):
                continue
            if who[:2] not in names and await live_journal(self._books, held.device) is None:
                continue
            leases[who] = replace(held, lease=rows.recall(held.lease))
            self._leases.append(leases[who])
            self._told.add(held.device)

    def _starves(
        self,
        held: HeldLease,
        regular: list[_Branch],
        leases: dict[tuple[str, int, AccountKey], HeldLease],
    ) -> bool:
        """Whether another regular branch has nothing of the account, there is nothing to give it,
        and it would get something if this one gave up what it has."""
        if self._homes[held.key].reserve:
            return False
        out = held.lease.out
        here = next((b for b in regular if b.device == held.device), None)
        if here is None:
            return False
        left = out - size_grant(held.key.asset, out, 0, here.habit, self._policy)
        for branch in regular:
            other = leases.get((branch.device, branch.epoch, held.key))
            nothing = other is None or other.lease.out == 0
            if branch.device != held.device and nothing and left > 0:
                return size_grant(held.key.asset, left, 0, branch.habit, self._policy) > 0
        return False

    async def write(self) -> None:
        accounts = self._books.accounts
        await accounts.put({key: self._homes[key] for key in self._changed})
        await accounts.put_leases(self._leases)
        for device in sorted(self._told):
            await self._books.tell(bell.of_device(device))


async def call_in(books: CloudBooks, held: Iterable[HeldLease], need: int) -> int:
    """Recalls leases of held accounts until `need` units are on their way; returns how many are."""
    coming, recalled = 0, []
    for each in held:
        if coming >= need:
            break
        coming += each.lease.out
        if each.lease.state is LeaseState.ACTIVE:
            recalled.append(replace(each, lease=rows.recall(each.lease)))
    await books.accounts.put_leases(recalled)
    for each in recalled:
        await books.tell(bell.of_device(each.device))
    return coming
