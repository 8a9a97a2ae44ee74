"""Who holds what of a member's money: the regular branches are given their share before they need
it, and what others hold is called in.

Members whose accounts moved wait in a queue; any process takes the next ones. Room is given up
before a grant is sent: the reserve is lowered and the grant numbered in one transaction, and a
device is told the total whenever it asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
_Who = tuple[str, int, AccountKey]
"""(device, epoch, account)."""


async def give(store: CloudStore, policy: ChainPolicy, now_ms: int) -> int:
    """Looks at the next members that wait. Returns how many there were."""
    return await store.run(partial(give_some, policy=policy, now_ms=now_ms))


async def give_some(books: CloudBooks, *, policy: ChainPolicy, now_ms: int) -> int:
    members = await books.accounts.members_to_grant(MEMBERS_A_TIME)
    if not members:
        return 0
    branches = await _branches(books, members, policy, day_of(now_ms))
    opened = await books.journals.hold_grants(
        (b.device, b.epoch) for each in branches.values() for b in each
    )
    giving = _Giving(books, policy, await books.accounts.hold_members(members))
    await giving.read(members)
    for member in members:
        await giving.member(member, [b for b in branches[member] if (b.device, b.epoch) in opened])
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
    books: CloudBooks, members: Sequence[str], policy: ChainPolicy, today: int
) -> dict[str, list[_Branch]]:
    """Those that can hold something, most visited first."""
    told = await books.office.visits(members, today - policy.regular_days)
    names = sorted({device for visits in told.values() for device in visits})
    live = {name: await live_journal(books, name) for name in names}
    found: dict[str, list[_Branch]] = {}
    for member, visits in told.items():
        ranked: list[_Branch] = []
        for device in sorted(visits, key=lambda each: (-visits[each], each)):
            journal = live[device]
            if journal is not None:
                habit = Habit(len(ranked), visits[device])
                ranked.append(_Branch(device, journal.epoch, habit))
        found[member] = ranked
    return found


async def live_journal(books: CloudBooks, device: str) -> Journal | None:
    """The journal that the device may be given something on."""
    known = await books.devices.device(device)
    if known is None or known.state is not DeviceState.ACTIVE:
        return None
    newest = await books.journals.newest(device)
    return newest if newest is not None and newest.state is JournalState.LIVE else None


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
        self._leases: dict[_Who, HeldLease] = {}
        self._granted: list[_Who] = []
        self._recalled: set[_Who] = set()
        self._rules: dict[AccountKey, str] = {}
        self._live: dict[str, bool] = {}

    async def read(self, members: Sequence[str]) -> None:
        self._rules = await self._books.accounts.rules(members)
        for each in await self._books.accounts.leases_of_members(members):
            # An account that another process has just made is not held here: it comes again.
            if each.key in self._homes:
                self._leases[each.device, each.epoch, each.key] = each

    async def member(self, member: str, branches: list[_Branch]) -> None:
        mine = {key: home for key, home in self._homes.items() if key.member == member}
        self._changed |= settle_debts(mine, self._policy)
        self._homes |= mine
        for branch in branches:
            for key in sorted(mine):
                self._fill(branch, key)
        leases = {who: held for who, held in self._leases.items() if who[2].member == member}
        await self._recall(branches, leases)

    def _fill(self, branch: _Branch, key: AccountKey) -> None:
        who = (branch.device, branch.epoch, key)
        held = self._leases.get(who) or HeldLease(key, branch.device, branch.epoch, Lease())
        home = self._homes[key]
        if held.lease.state is not LeaseState.ACTIVE or key.asset == OWED or home.overspent:
            return
        if key.lot and key not in self._rules:
            # Its rule is still on the way; who asks online gets it all the same.
            return
        amount = size_grant(key.asset, home.reserve, held.lease.out, branch.habit, self._policy)
        if amount:
            self._homes[key], lease = rows.grant(home, held.lease, amount)
            self._leases[who] = replace(held, lease=lease)
            self._granted.append(who)
            self._changed.add(key)

    async def _recall(self, branches: list[_Branch], leases: dict[_Who, HeldLease]) -> None:
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
            if who[:2] not in names and not await self._is_live(held.device):
                continue
            self._leases[who] = leases[who] = replace(held, lease=rows.recall(held.lease))
            self._recalled.add(who)

    async def _is_live(self, device: str) -> bool:
        if device not in self._live:
            self._live[device] = await live_journal(self._books, device) is not None
        return self._live[device]

    def _starves(
        self,
        held: HeldLease,
        regular: list[_Branch],
        leases: dict[_Who, HeldLease],
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
        """Grants are numbered in one go for each journal, whose row is held."""
        by_journal: dict[tuple[str, int], list[_Who]] = {}
        for who in self._granted:
            by_journal.setdefault(who[:2], []).append(who)
        for journal, granted in sorted(by_journal.items()):
            first = await self._books.journals.next_gseqs(*journal, len(granted))
            for gseq, who in enumerate(granted, start=first):
                self._leases[who] = replace(self._leases[who], gseq=gseq)
        accounts = self._books.accounts
        await accounts.put({key: self._homes[key] for key in self._changed})
        changed = sorted({*self._granted, *self._recalled}, key=lambda who: (who[2], who[:2]))
        await accounts.put_leases([self._leases[who] for who in changed])
        for device in sorted({who[0] for who in changed}):
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
