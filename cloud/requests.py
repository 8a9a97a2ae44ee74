"""What a device asks while a cashier waits: DEBIT, STATUS, REVERSE, WANT, REFUND,
WHOLE.

Each has an id, and the same id finds the same answer. A debit's row is made before its accounts are
held, so a tombstone and a debit of the same sale take turns, in any process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from cloud import bell
from cloud.books import BUSY, CloudBooks, CloudStore
from cloud.desks.accounts import ask_homes, ask_leases, ask_rules
from cloud.grants import MONEY, call_in, live_journal, settle_debts
from cloud.records import DebitPart, Device, HeldLease, RefundAnswer, SaleDebit, SaleLine
from daemon.core.errors import Conflict, Refused, SyncError
from daemon.core.lease import rows
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.policy import ChainPolicy
from daemon.core.lease.values import Debit as OneDebit
from daemon.core.lease.values import DebitState, Home, Lease
from daemon.core.policy import SpendOrder
from daemon.core.records import Holding
from daemon.core.spend import plan_spend
from daemon.sync.link.asking import (
    Answer,
    Debit,
    Done,
    Granted,
    HeldAt,
    Insufficient,
    Part,
    Refund,
    Request,
    Reverse,
    Reversed,
    Status,
    Unknown,
    Want,
    Whole,
)
from daemon.sync.link.asking import Refused as RefusedAnswer


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, when, and under which rules."""

    device: Device
    epoch: int
    policy: ChainPolicy
    now_ms: int


async def answer_request(store: CloudStore, asker: Asker, request: Request) -> Answer:
    """In a transaction of its own. What a WHOLE asks for stands in the orders."""
    match request:
        case Debit():
            done = await _debit_at_once(store, asker, request) if store.at_once else None
            if done is not None:
                return done
            return await store.run(partial(_debit, asker=asker, ask=request))
        case Status():
            return await store.run(partial(_status, asker=asker, txid=request.txid))
        case Reverse():
            return await store.run(partial(_reverse, asker=asker, txid=request.txid))
        case Want():
            return await store.run(partial(_want, asker=asker, ask=request))
        case Whole():
            return Done(request.rid)
        case Refund():
            return await store.run(partial(_refund, asker=asker, ask=request))


async def _debit(books: CloudBooks, *, asker: Asker, ask: Debit) -> Answer:
    device, epoch = asker.device.device, asker.epoch
    opened = await books.journals.is_open(device, epoch)
    if not opened:
        known = await books.accounts.debit(ask.txid, hold=True)
        gone = known is not None and known.reversed
        return Reversed(ask.txid) if gone else RefusedAnswer(ask.txid, "lease_closed")
    mine = SaleDebit(ask.txid, ask.member_id, device, epoch, False, asker.now_ms)
    known = await books.accounts.claim_debit(mine)
    if known is not None:
        if known.reversed:
            return Reversed(ask.txid)
        if (known.member, known.device, known.epoch) != (ask.member_id, device, epoch):
            return RefusedAnswer(ask.txid, "debit_id_reused")
        parts = await books.accounts.parts([ask.txid])
        if parts:
            return await _again(books, ask, parts)
    if ask.amount_fen == 0 and not ask.units:
        return RefusedAnswer(ask.txid, "debit_of_nothing")
    return await _debit_now(books, asker, ask)


async def _debit_at_once(store: CloudStore, asker: Asker, ask: Debit) -> Answer | None:
    """The plain case: enough is free, and nobody else is at these accounts. Decided from a look,
    and kept by one statement if nothing has moved since. None: it is to be done in turns, which
    answers for every other case."""
    device, epoch, member = asker.device.device, asker.epoch, [ask.member_id]
    try:
        async with store.look() as books:
            before, leases, rules = await books.together(
                ask_homes(member), ask_leases(member, device, epoch), ask_rules(member)
            )
            homes = dict(before)
            settle_debts(homes, asker.policy)
            plan = _plan(ask, homes)
            if not plan:
                return None
            parts = _take(homes, leases, plan, asker, ask)
            claim = SaleDebit(ask.txid, ask.member_id, device, epoch, False, asker.now_ms)
            kept = await books.accounts.debit_if_unchanged(claim, before, homes, parts)
    except (Refused, Conflict):
        return None
    except SyncError as error:
        if error.key != BUSY:
            raise
        return None
    return _told(ask.txid, parts, rules) if kept else None


def _take(
    homes: dict[AccountKey, Home],
    leases: Mapping[AccountKey, HeldLease],
    plan: Sequence[tuple[AccountKey, int]],
    asker: Asker,
    ask: Debit,
) -> list[DebitPart]:
    """Takes the plan out of `homes`. Raises Refused or Conflict as `rows.debit` does, which only a
    lease that is closed can make it, and then with the first account."""
    parts: list[DebitPart] = []
    for key, amount in plan:
        held = leases[key].lease if key in leases else Lease()
        asked = OneDebit(asker.device.device, asker.epoch, amount)
        homes[key], opened = rows.debit(homes[key], held, None, asked)
        parts.append(DebitPart(key, ask.txid, opened))
    return parts


async def _again(books: CloudBooks, ask: Debit, parts: Sequence[DebitPart]) -> Answer:
    if any(part.debit.state is DebitState.FORCED for part in parts):
        return RefusedAnswer(ask.txid, "lease_closed")
    asked = {"": ask.amount_fen, **dict(ask.units)}
    given: dict[str, int] = {"": 0}
    for part in parts:
        asset = "" if part.key.asset in MONEY else part.key.asset
        given[asset] = given.get(asset, 0) + part.debit.amount
    if given != asked:
        return RefusedAnswer(ask.txid, "debit_id_reused")
    return await _granted(books, ask.txid, ask.member_id, parts)


async def _debit_now(books: CloudBooks, asker: Asker, ask: Debit) -> Answer:
    device, epoch = asker.device.device, asker.epoch
    homes = await books.accounts.hold_members([ask.member_id])
    changed = settle_debts(homes, asker.policy)
    await books.accounts.put({key: homes[key] for key in changed})
    plan = _plan(ask, homes)
    if plan is None:
        return await _insufficient(books, asker, ask, homes)
    leases = await books.accounts.leases([ask.member_id], device, epoch)
    try:
        parts = _take(homes, leases, plan, asker, ask)
    except (Refused, Conflict) as error:
        return RefusedAnswer(ask.txid, error.key)
    await books.accounts.put({key: homes[key] for key, _ in plan})
    await books.accounts.put_parts(parts)
    return await _granted(books, ask.txid, ask.member_id, parts)


def _plan(ask: Debit, homes: dict[AccountKey, Home]) -> list[tuple[AccountKey, int]] | None:
    """What each account gives, in the order of the keys; None where it is not there."""
    holdings = [
        Holding(key.account(), home.reserve) for key, home in homes.items() if key.asset in MONEY
    ]
    taken: list[tuple[AccountKey, int]] = []
    if ask.amount_fen:
        if sum(held.balance for held in holdings) < ask.amount_fen:
            return None
        for account, amount in plan_spend(ask.amount_fen, holdings, SpendOrder(ask.order)):
            taken.append((AccountKey(ask.member_id, account.asset, account.lot), amount))
    for asset, units in ask.units:
        left = units
        for key in sorted(key for key in homes if key.asset == asset and asset not in MONEY):
            part = min(left, homes[key].reserve)
            if part:
                taken.append((key, part))
                left -= part
        if left:
            return None
    return sorted(taken)


async def _granted(
    books: CloudBooks, txid: str, member: str, parts: Sequence[DebitPart]
) -> Granted:
    return _told(txid, parts, await books.accounts.rules([member]))


def _told(txid: str, parts: Sequence[DebitPart], rules: Mapping[AccountKey, str]) -> Granted:
    told = [
        Part(p.key.asset, p.key.lot, p.debit.amount, rules.get(p.key, ""))
        for p in parts
        if p.debit.amount
    ]
    return Granted(txid, tuple(told))


async def _insufficient(
    books: CloudBooks, asker: Asker, ask: Debit, homes: dict[AccountKey, Home]
) -> Insufficient:
    """Says what is free and who holds the rest, and calls that in if it is enough."""
    leases = await books.accounts.leases_of(ask.member_id)
    others: list[HeldLease] = []
    told: dict[str, HeldAt] = {}
    for held in leases:
        if held.device == asker.device.device or not held.lease.out or held.key not in homes:
            continue
        journal = await live_journal(books, held.device)
        device = await books.devices.device(held.device)
        if journal is None or journal.epoch != held.epoch or device is None:
            continue
        others.append(held)
        if held.key.asset in MONEY:
            before = told.get(held.device)
            amount = held.lease.out + (0 if before is None else before.amount_fen)
            told[held.device] = HeldAt(device.store, held.device, amount, device.seen_ms)
    available = sum(home.reserve for key, home in homes.items() if key.asset in MONEY)
    wanted: list[tuple[tuple[str, ...], int]] = [(MONEY, ask.amount_fen - available)]
    for asset, units in ask.units:
        free = sum(home.reserve for key, home in homes.items() if key.asset == asset)
        wanted.append(((asset,), units - free))
    for assets, short in wanted:
        there = [held for held in others if held.key.asset in assets]
        if short > 0 and sum(held.lease.out for held in there) >= short:
            there.sort(key=lambda held: (-told_ms(told, held), -held.lease.out, held.device))
            await call_in(books, there, short)
    return Insufficient(ask.txid, available, tuple(told[name] for name in sorted(told)))


def told_ms(told: dict[str, HeldAt], held: HeldLease) -> int:
    """Who was heard of last is asked first."""
    return told[held.device].seen_ms if held.device in told else 0


async def _status(books: CloudBooks, *, asker: Asker, txid: str) -> Answer:
    known = await books.accounts.debit(txid, hold=True)
    if known is None:
        return Unknown(txid)
    if known.device != asker.device.device:
        return RefusedAnswer(txid, "debit_of_another")
    if known.reversed:
        return Reversed(txid)
    parts = await books.accounts.parts([txid])
    if not parts:
        return Unknown(txid)
    if any(part.debit.state is DebitState.FORCED for part in parts):
        return RefusedAnswer(txid, "lease_closed")
    return await _granted(books, txid, known.member, parts)


async def _reverse(books: CloudBooks, *, asker: Asker, txid: str) -> Answer:
    device, epoch = asker.device.device, asker.epoch
    await books.journals.is_open(device, epoch)
    tombstone = SaleDebit(txid, "", device, epoch, True, asker.now_ms)
    known = await books.accounts.claim_debit(tombstone)
    if known is None:
        return Reversed(txid)
    if known.device != device:
        return RefusedAnswer(txid, "debit_of_another")
    if known.reversed:
        return Reversed(txid)
    parts = await books.accounts.parts([txid])
    homes = await books.accounts.hold([part.key for part in parts])
    # What was read before the accounts were held may have been taken since.
    parts = await books.accounts.parts([txid])
    if any(part.debit.state is DebitState.TAKEN for part in parts):
        return await _granted(books, txid, known.member, parts)
    gone: list[DebitPart] = []
    for part in parts:
        owner = (part.debit.device, part.debit.epoch)
        homes[part.key], debit = rows.reverse(homes[part.key], part.debit, *owner)
        gone.append(DebitPart(part.key, txid, debit))
    await books.accounts.put(homes)
    await books.accounts.put_parts(gone)
    await books.accounts.reverse_debit(txid)
    await books.accounts.to_grant([part.key.member for part in parts], asker.now_ms)
    return Reversed(txid)


async def _want(books: CloudBooks, *, asker: Asker, ask: Want) -> Answer:
    member = ask.member_id
    if member is None and ask.uid is not None:
        member = await books.office.member_of_card(ask.uid.hex())
    if member is None:
        return RefusedAnswer(ask.rid, "member_unknown")
    await books.accounts.to_grant([member], asker.now_ms)
    await books.tell(bell.OUTBOX)
    return Done(ask.rid)


async def _refund(books: CloudBooks, *, asker: Asker, ask: Refund) -> Answer:
    known = await books.office.refund(ask.rid)
    if known is None:
        known = await _refund_now(books, asker, ask)
    same = (known.txid, known.line, known.quantity, known.amount_fen, known.device)
    asked = (ask.sale_id, ask.line_id, ask.quantity, ask.amount_fen, asker.device.device)
    if same != asked:
        return RefusedAnswer(ask.rid, "refund_id_reused")
    return Done(ask.rid) if known.allowed else RefusedAnswer(ask.rid, known.reason)


async def _refund_now(books: CloudBooks, asker: Asker, ask: Refund) -> RefundAnswer:
    """I10: what comes back of a line is never more than the line."""
    line = await books.office.sale_line(ask.sale_id, ask.line_id, hold=True)
    reason = ""
    if line is None:
        reason = "refund_line_unknown"
    elif line.back + ask.quantity > line.quantity or line.back_fen + ask.amount_fen > (
        line.amount_fen
    ):
        reason = "refund_over"
    else:
        back, back_fen = line.back + ask.quantity, line.back_fen + ask.amount_fen
        await books.office.put_sale_lines(
            [SaleLine(line.txid, line.line, line.quantity, line.amount_fen, back, back_fen)]
        )
    answer = RefundAnswer(
        ask.rid,
        ask.sale_id,
        ask.line_id,
        ask.quantity,
        ask.amount_fen,
        asker.device.device,
        not reason,
        reason,
        asker.now_ms,
    )
    # A refusal for want of knowledge may be asked again under the same id.
    if reason != "refund_line_unknown":
        await books.office.put_refund(answer)
    return answer
