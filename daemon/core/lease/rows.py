"""The cloud's side of one account, row by row: what each event does to its `Home`, to one `Lease`
and to one `Debit`. Values in, values out; a store reads the rows that an event names, calls the
function of that event and writes back what it got, in one transaction. `book.py` is the same for a
whole account at once.

All amounts are units of the account's asset (fen, points, uses), integers, and an account is
(member, asset, lot). The letters are those of docs/leases.md:

    F + O = R + S + D + sum(out)        out = g + online + tu + rf - sp - rt - fr

Every function keeps what it moves: the difference of the two sides over the rows it was given is
the same before and after, so that the equation over all rows of the account stays exact. Every
letter stays at or above zero whatever a batch says: what a device has no right to is booked as what
it is (a `Finding`, and the member's or the merchant's debt) and never refused, because the journal
tells what happened. Questions (grant, debit) that the books do not allow raise Refused or Conflict
and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from daemon.core.errors import Conflict, Refused
from daemon.core.lease.states import LeaseEvent, move
from daemon.core.lease.values import (
    MOST,
    Applied,
    Debit,
    DebitState,
    Finding,
    FindingKind,
    Home,
    Lease,
    LeaseState,
    Moves,
)

# What the cloud does by itself.


def grant(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease]:
    """R -= x, g += x; commit before it is sent. Raises Refused("reserve_short"),
    Refused("lease_not_active")."""
    assert amount > 0
    move(lease.state, LeaseEvent.GRANT)
    if home.reserve < amount:
        raise Refused("reserve_short", available=home.reserve, short=amount - home.reserve)
    after = replace(home, reserve=home.reserve - amount)
    return _kept(home, lease, after, replace(lease, granted=lease.granted + amount))


def recall(lease: Lease) -> Lease:
    """The device is asked to give up what it holds: ACTIVE -> RECALLING. Nothing happens to a lease
    that is closed."""
    return replace(lease, state=move(lease.state, LeaseEvent.RECALL))


def recalled(lease: Lease) -> Lease:
    """RECALLING -> ACTIVE as soon as nothing is out; else as it is."""
    if lease.out:
        return lease
    return replace(lease, state=move(lease.state, LeaseEvent.EMPTIED))


def close(lease: Lease) -> Lease:
    """The device left: CLOSED_CLEAN. A lease closed by force stays so. Raises Conflict("lease_out")
    while anything is out."""
    if lease.out:
        raise Conflict("lease_out", out=lease.out)
    return replace(lease, state=move(lease.state, LeaseEvent.LEFT))


def force(home: Home, lease: Lease) -> tuple[Home, Lease]:
    """fr += out, R += out, X += out; CLOSED_FORCED. Its open debits: `force_debit`, each. Again: no
    change."""
    out = lease.out
    after = replace(home, reserve=home.reserve + out, at_risk=home.at_risk + out)
    state = move(lease.state, LeaseEvent.FORCE)
    closed = replace(lease, forced=lease.forced + out, state=state)
    return _kept(home, lease, after, closed)


def force_debit(home: Home, debit: Debit) -> tuple[Home, Debit]:
    """An open debit of a device whose leases are forced: D -= x, R += x, X += x."""
    if debit.state is not DebitState.OPEN:
        return home, debit
    after = replace(
        home,
        in_debit=home.in_debit - debit.amount,
        reserve=home.reserve + debit.amount,
        at_risk=home.at_risk + debit.amount,
    )
    return _kept_debit(home, debit, after, replace(debit, state=DebitState.FORCED))


def repay(home: Home) -> Home:
    """m = min(R, O): R -= m, O -= m. Where the member bears an overspend, before any grant."""
    part = min(home.reserve, home.overspent)
    after = replace(home, reserve=home.reserve - part, overspent=home.overspent - part)
    return _kept_home(home, after)


def carry(giving: Home, taking: Home, amount: int) -> tuple[Home, Home]:
    """Reserve of one account becomes reserve of another of the same member and unit: F and R move
    together. The giving account must owe nothing itself, which keeps its F at or above 0. Raises
    Refused("reserve_short"), Conflict("account_owes")."""
    assert amount >= 0
    if amount and giving.overspent:
        raise Conflict("account_owes", overspent=giving.overspent)
    if giving.reserve < amount:
        raise Refused("reserve_short", available=giving.reserve, short=amount - giving.reserve)
    less = replace(giving, funded=giving.funded - amount, reserve=giving.reserve - amount)
    more = replace(taking, funded=taking.funded + amount, reserve=taking.reserve + amount)
    return _kept_home(giving, less), _kept_home(taking, more)


def repay_from(paying: Home, owing: Home) -> tuple[Home, Home]:
    """Pays what another account of the same member owes (offline credit is booked on `owed`), as
    far as `paying` reaches. Both repay their own debt first."""
    paying, owing = repay(paying), repay(owing)
    paying, owing = carry(paying, owing, min(paying.reserve, owing.overspent))
    return paying, repay(owing)


def write_off(home: Home, amount: int) -> Home:
    """The merchant bears it: O -= x, F += x (the merchant funds what was missing). Raises
    Refused("not_overspent")."""
    assert amount > 0
    if home.overspent < amount:
        raise Refused("not_overspent", overspent=home.overspent)
    after = replace(home, overspent=home.overspent - amount, funded=home.funded + amount)
    return _kept_home(home, after)


# What a device asks online.


def debit(home: Home, lease: Lease, known: Debit | None, asked: Debit) -> tuple[Home, Debit]:
    """DEBIT of `asked.amount`: R -= x, D += x. `known` is the row of that txid, `lease` the asking
    device's (a new Lease() where it has none). The same question again finds the same answer.

    Raises Refused("reserve_short"), Refused("lease_closed"), Refused("debit_reversed") where a
    tombstone is, and Conflict("debit_id_reused") for another device or amount."""
    assert asked.amount > 0 and asked.state is DebitState.OPEN
    if known is not None:
        if known.state is DebitState.REVERSED:
            raise Refused("debit_reversed")
        if replace(known, state=DebitState.OPEN) != asked:
            raise Conflict("debit_id_reused")
        if known.state is DebitState.FORCED:
            raise Refused("lease_closed")
        return home, known
    if lease.state in (LeaseState.CLOSED_CLEAN, LeaseState.CLOSED_FORCED):
        raise Refused("lease_closed")
    if home.reserve < asked.amount:
        short = asked.amount - home.reserve
        raise Refused("reserve_short", available=home.reserve, short=short)
    after = replace(
        home, reserve=home.reserve - asked.amount, in_debit=home.in_debit + asked.amount
    )
    return _kept_debit(home, None, after, asked)


def reverse(home: Home, known: Debit | None, device: str, epoch: int) -> tuple[Home, Debit]:
    """REVERSE: leaves a tombstone also before the DEBIT arrives. OPEN: D -= x, R += x. FORCED: the
    money was given back already, X -= x. TAKEN stays: a leaf is stronger than a request.

    A later epoch of the device has forgotten what the one that asked did: its word is no proof, so
    what was open is forced (`force_debit`) and what was forced stays at risk. Raises
    Conflict("debit_id_reused") for another device."""
    if known is None:
        return home, Debit(device, epoch, 0, DebitState.REVERSED)
    if known.device != device:
        raise Conflict("debit_id_reused")
    if known.epoch != epoch:
        return force_debit(home, known)
    if known.state is DebitState.OPEN:
        open_now, back = home.in_debit - known.amount, home.reserve + known.amount
        after = replace(home, in_debit=open_now, reserve=back)
    elif known.state is DebitState.FORCED:
        after = replace(home, at_risk=home.at_risk - known.amount)
    else:
        return home, known
    return _kept_debit(home, known, after, replace(known, state=DebitState.REVERSED))


# What a leaf says. Each also takes a lease that was closed by force: the late rows.


def topped_up(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease]:
    """F += x, tu += x. Late: the money is forced as well (fr, R, X += x)."""
    after = replace(home, funded=home.funded + amount)
    return _late(home, lease, after, replace(lease, topped_up=lease.topped_up + amount))


def refunded(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """S -= x, rf += x. What was never settled was never spent: it is a top-up, and a finding."""
    real = min(home.settled, amount)
    after = replace(home, settled=home.settled - real)
    more = replace(lease, refunded=lease.refunded + real)
    after, more = _late(home, lease, after, more)
    if real == amount:
        return after, more, ()
    after, more = topped_up(after, more, amount - real)
    return after, more, (Finding(FindingKind.REFUND_FORGED, amount - real),)


def seen(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """seen += x. What was not granted becomes a grant that R and then O pays, and a finding."""
    forged = max(0, lease.seen + amount - lease.granted)
    after = _charged(home, forged)
    more = replace(lease, seen=lease.seen + amount, granted=lease.granted + forged)
    after, more = _late(home, lease, after, more)
    return after, more, (Finding(FindingKind.GRANT_FORGED, forged),) if forged else ()


def taken(
    home: Home, lease: Lease, known: Debit | None, txid: str, amount: int, device: str, epoch: int
) -> Applied:
    """GRANTED/ONLINE of a txid: D -= x, online += x. What it took less than it was answered goes
    back to R. Late, of a FORCED debit: the risk moves to the lease (fr += x). A debit that is not
    open for this device gives nothing: it is a finding, and R and then O pays."""
    assert amount > 0
    after, got, given = home, lease, 0
    debits: dict[str, Debit] = {}
    if known is not None and _may_take(known, device, epoch):
        given = min(known.amount, amount)
        less = known.amount - given
        debits[txid] = replace(known, state=DebitState.TAKEN)
        if known.state is DebitState.OPEN:
            open_now = home.in_debit - known.amount
            after = replace(home, in_debit=open_now, reserve=home.reserve + less)
        else:
            after = replace(home, at_risk=home.at_risk - less)
            forced = lease.forced + given
            got = replace(lease, forced=forced, state=LeaseState.CLOSED_FORCED)
    elif known is None:
        debits[txid] = Debit(device, epoch, 0, DebitState.TAKEN)
    forged = amount - given
    after = _charged(after, forged)
    got = replace(got, online=got.online + amount)
    if got.state is LeaseState.CLOSED_FORCED:
        after, got = force(after, got)
    assert _books(after) - got.out == _books(home) - lease.out
    require_sound(after)
    findings = (Finding(FindingKind.DEBIT_FORGED, forged, txid),) if forged else ()
    return Applied(after, got, debits, findings)


def spent(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """S += x, sp += x. Late: fr -= x and X -= x, and R and then O pays what the force gave back.
    What is beyond all that was ever in hand is credit that nobody gave, and a finding."""
    late = lease.state is LeaseState.CLOSED_FORCED
    real = min(lease.forced if late else lease.out, amount)
    after = replace(home, settled=home.settled + real)
    less = replace(lease, spent=lease.spent + real)
    findings: list[Finding] = []
    if late and real:
        after = replace(_charged(after, real), at_risk=home.at_risk - real)
        less = replace(less, forced=lease.forced - real)
        findings.append(Finding(FindingKind.LATE_AFTER_FORCE, real))
        if after.overspent > home.overspent:
            grown = after.overspent - home.overspent
            findings.append(Finding(FindingKind.OVERSPEND, grown))
    after, less = _kept(home, lease, after, less)
    if real == amount:
        return after, less, tuple(findings)
    after, less, more = credit(after, less, amount - real)
    return after, less, (*findings, Finding(FindingKind.OVERDRAWN, amount - real), *more)


def returned(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """R += x, rt += x. Late: fr -= x, X -= x, since the force had given it back already. What was
    never in hand cannot come back: only a finding."""
    late = lease.state is LeaseState.CLOSED_FORCED
    real = min(lease.forced if late else lease.out, amount)
    less = replace(lease, returned=lease.returned + real)
    if late:
        after = replace(home, at_risk=home.at_risk - real)
        less = replace(less, forced=lease.forced - real)
    else:
        after = replace(home, reserve=home.reserve + real)
    after, less = _kept(home, lease, after, less)
    beyond = amount - real
    return after, less, (Finding(FindingKind.OVERDRAWN, beyond),) if beyond else ()


def credit(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """Sold without cover: m = min(R, x): R -= m, O += x - m, S += x."""
    after = _charged(home, amount)
    after = replace(after, settled=home.settled + amount)
    more = replace(lease, credit=lease.credit + amount)
    after, more = _kept(home, lease, after, more)
    grown = after.overspent - home.overspent
    return after, more, (Finding(FindingKind.OVERSPEND, grown),) if grown else ()


def credit_back(home: Home, lease: Lease, amount: int) -> tuple[Home, Lease, tuple[Finding, ...]]:
    """A refund of what was sold on credit: m = min(O, x): O -= m, R += x - m, S -= x."""
    real = min(home.settled, amount)
    owed = min(home.overspent, real)
    after = replace(
        home,
        settled=home.settled - real,
        overspent=home.overspent - owed,
        reserve=home.reserve + real - owed,
    )
    after, lease = _kept(home, lease, after, lease)
    beyond = amount - real
    return after, lease, (Finding(FindingKind.REFUND_FORGED, beyond),) if beyond else ()


def apply_leaf(
    home: Home,
    lease: Lease,
    debits: Mapping[str, Debit],
    moves: Moves,
    device: str,
    epoch: int,
) -> Applied:
    """All that one entry did to one account, what comes in before what goes out. `debits` holds the
    rows there are for the txids in `moves.online`. Call it once for a dseq: it is not idempotent;
    the store's cursor is (I6). A lease that was closed clean and has money again is RECALLING; one
    that gave everything back is ACTIVE again."""
    found: list[Finding] = []
    changed: dict[str, Debit] = {}
    # Most entries move one counter: a sale is one step, not seven.
    if moves.seen:
        home, lease, more = seen(home, lease, moves.seen)
        found += more
    for txid in sorted(moves.online):
        known = debits.get(txid)
        step = taken(home, lease, known, txid, moves.online[txid], device, epoch)
        home, lease = step.home, step.lease
        changed |= step.debits
        found += step.findings
    if moves.topped_up:
        home, lease = topped_up(home, lease, moves.topped_up)
    for step_of, amount in (
        (refunded, moves.refunded),
        (credit, moves.credit),
        (credit_back, moves.credit_back),
        (spent, moves.spent),
        (returned, moves.returned),
    ):
        if amount:
            home, lease, more = step_of(home, lease, amount)
            found += more
    if lease.out:
        lease = replace(lease, state=move(lease.state, LeaseEvent.FILLED))
    return Applied(home, recalled(lease), changed, tuple(found))


# Invariants.


def require_sound(home: Home) -> None:
    """I4 of the account's own letters."""
    letters = (home.funded, home.reserve, home.settled, home.overspent, home.at_risk)
    assert all(0 <= letter < MOST for letter in (*letters, home.in_debit)), home


def require_sound_lease(lease: Lease) -> None:
    """I2 and I4 of one lease; a closed one has nothing out."""
    parts = (lease.seen, lease.online, lease.topped_up, lease.refunded, lease.spent)
    more = (lease.granted, lease.returned, lease.forced, lease.credit, lease.out)
    assert all(0 <= part < MOST for part in (*parts, *more)), lease
    assert lease.seen <= lease.granted, lease
    if lease.state in (LeaseState.CLOSED_CLEAN, LeaseState.CLOSED_FORCED):
        assert lease.out == 0, lease
    if lease.state is not LeaseState.CLOSED_FORCED:
        assert lease.forced == 0, lease


def _may_take(known: Debit, device: str, epoch: int) -> bool:
    asked_here = (known.device, known.epoch) == (device, epoch)
    return asked_here and known.state in (DebitState.OPEN, DebitState.FORCED)


def _books(home: Home) -> int:
    """What F + O leaves for `out` after R, S and D."""
    return home.funded + home.overspent - home.reserve - home.settled - home.in_debit


def _charged(home: Home, amount: int) -> Home:
    """m = min(R, x): R -= m, O += x - m."""
    part = min(home.reserve, amount)
    owed = home.overspent + amount - part
    return replace(home, reserve=home.reserve - part, overspent=owed)


def _late(home: Home, lease: Lease, after: Home, more: Lease) -> tuple[Home, Lease]:
    """What comes into a lease that was closed by force is forced at once: nothing is ever out of
    it, and what a later leaf spends of it is charged."""
    if lease.state is LeaseState.CLOSED_FORCED:
        after, more = force(after, more)
    return _kept(home, lease, after, more)


def _kept(home: Home, lease: Lease, after: Home, more: Lease) -> tuple[Home, Lease]:
    """I1 over the rows that an event touched; X goes with what is forced."""
    assert after.at_risk - more.forced == home.at_risk - lease.forced
    assert _books(after) - more.out == _books(home) - lease.out, (home, lease, after, more)
    require_sound(after)
    assert more.state is not LeaseState.CLOSED_FORCED or more.out == 0
    assert more.out >= 0
    return after, more


def _kept_debit(home: Home, known: Debit | None, after: Home, changed: Debit) -> tuple[Home, Debit]:
    """I1 where a debit changed: D is the sum of the open ones."""
    assert _books(after) == _books(home), (home, after)
    assert after.in_debit - _open(changed) == home.in_debit - (_open(known) if known else 0)
    require_sound(after)
    return after, changed


def _open(debit: Debit) -> int:
    return debit.amount if debit.state is DebitState.OPEN else 0


def _kept_home(home: Home, after: Home) -> Home:
    assert _books(after) == _books(home), (home, after)
    require_sound(after)
    return after
