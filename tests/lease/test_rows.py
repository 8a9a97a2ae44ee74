"""Every row of the table of events: its change is computed from the table and compared with what
the code does; and what the table cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import Conflict, Refused
from daemon.core.lease import book, rows
from daemon.core.lease.policy import Bearer, ChainPolicy, before_grant
from daemon.core.lease.tables import EVENTS, EventRow
from daemon.core.lease.values import (
    Debit,
    DebitState,
    FindingKind,
    Home,
    Lease,
    LeaseState,
    Moves,
)
from tests.budget import examples

HOME = Home(funded=100, reserve=20, settled=30, overspent=6, at_risk=9, in_debit=5)
LEASE = Lease(granted=40, seen=30, topped_up=11, spent=10)
"""41 out; a home with 10 more out elsewhere."""
LATE = Lease(granted=12, seen=12, spent=3, forced=9, state=LeaseState.CLOSED_FORCED)
LETTERS = {
    "F": "funded",
    "R": "reserve",
    "S": "settled",
    "O": "overspent",
    "X": "at_risk",
    "D": "in_debit",
}
COUNTERS = {
    "g": "granted",
    "seen": "seen",
    "online": "online",
    "tu": "topped_up",
    "rf": "refunded",
    "sp": "spent",
    "rt": "returned",
    "fr": "forced",
    "cr": "credit",
}
Rows = tuple[Home, Lease]


def by_table(row: EventRow, home: Home, lease: Lease, x: int, d: int) -> Rows:
    """What the words of the table do."""
    there = {name: getattr(home, each) for name, each in LETTERS.items()}
    there |= {name: getattr(lease, each) for name, each in COUNTERS.items()}
    there |= {"x": x, "d": d, "out": lease.out, "min": min}
    for step in row.change.split("; "):
        name, sign, words = re.fullmatch(r"(\w+) ([-+]?=) (.*)", step).groups()  # type: ignore[union-attr]
        value = eval(words, {"__builtins__": {}}, there)
        there[name] = {"=": value, "+=": there.get(name, 0) + value}.get(
            sign, there.get(name, 0) - value
        )
    home = replace(home, **{each: there[name] for name, each in LETTERS.items()})
    return home, replace(lease, **{each: there[name] for name, each in COUNTERS.items()})


def by_code(row: EventRow, home: Home, lease: Lease, x: int, d: int) -> Rows:
    known = Debit("a", 1, d, DebitState.FORCED if row.late else DebitState.OPEN)
    doing: dict[str, Callable[[], Rows]] = {
        "grant": lambda: rows.grant(home, lease, x),
        "force": lambda: rows.force(home, lease),
        "topped_up": lambda: rows.topped_up(home, lease, x),
        "refunded": lambda: rows.refunded(home, lease, x)[:2],
        "seen": lambda: rows.seen(home, lease, x)[:2],
        "spent": lambda: rows.spent(home, lease, x)[:2],
        "returned": lambda: rows.returned(home, lease, x)[:2],
        "credit": lambda: rows.credit(home, lease, x)[:2],
        "credit_back": lambda: rows.credit_back(home, lease, x)[:2],
        "debit": lambda: (rows.debit(home, lease, None, Debit("a", 1, x))[0], lease),
        "reverse": lambda: (rows.reverse(home, known, "a", 1)[0], lease),
        "force_debit": lambda: (rows.force_debit(home, known)[0], lease),
        "repay": lambda: (rows.repay(home), lease),
        "write_off": lambda: (rows.write_off(home, x), lease),
    }
    if row.name == "taken":
        done = rows.taken(home, lease, known, "t", x, "a", 1)
        return done.home, done.lease
    return doing[row.name]()


@pytest.mark.parametrize("row", EVENTS, ids=lambda row: f"{row.name}{'_late' * row.late}")
@pytest.mark.parametrize("x", [1, 3, 5])
def test_the_table_says_what_the_code_does(row: EventRow, x: int) -> None:
    lease = LATE if row.late else LEASE
    home, after = by_code(row, HOME, lease, x, 5)
    assert (home, replace(after, state=lease.state)) == by_table(row, HOME, lease, x, 5)


def test_every_event_is_in_the_table() -> None:
    assert {row.name for row in EVENTS if row.late} == {
        "taken",
        "topped_up",
        "refunded",
        "spent",
        "returned",
        "reverse",
    }
    assert len({(row.name, row.late) for row in EVENTS}) == len(EVENTS) == 21


def test_a_late_spend_is_borne_by_the_reserve_and_then_by_a_debt() -> None:
    home = Home(funded=9, reserve=2, settled=3, overspent=0, at_risk=9, in_debit=0)
    home, lease, found = rows.spent(replace(home, funded=5), LATE, 5)
    assert (home.reserve, home.overspent, home.at_risk, home.settled) == (0, 3, 4, 8)
    assert lease.out == 0
    assert [each.kind for each in found] == [
        FindingKind.LATE_AFTER_FORCE,
        FindingKind.OVERSPEND,
    ]


def test_what_was_never_in_hand_is_credit_that_nobody_gave() -> None:
    home, lease, found = rows.spent(Home(funded=3, reserve=3), Lease(), 5)
    assert (home.reserve, home.overspent, home.settled) == (0, 2, 5)
    assert (lease.spent, lease.credit) == (0, 5)
    assert found[0].kind is FindingKind.OVERDRAWN


def test_a_forged_grant_is_found_and_paid_for() -> None:
    home, lease, found = rows.seen(Home(funded=3, reserve=3), Lease(), 5)
    assert (home.reserve, home.overspent) == (0, 2)
    assert (lease.seen, lease.granted) == (5, 5)
    assert [(each.kind, each.amount) for each in found] == [(FindingKind.GRANT_FORGED, 5)]


def test_a_debit_is_taken_once_and_by_who_asked() -> None:
    home = Home(funded=10, reserve=6, in_debit=4)
    known = Debit("a", 1, 4)
    done = rows.taken(home, Lease(), known, "t", 4, "a", 1)
    assert (done.home.in_debit, done.lease.online, done.findings) == (0, 4, ())
    again = rows.taken(done.home, done.lease, done.debits["t"], "t", 4, "a", 1)
    other = rows.taken(home, Lease(), known, "t", 4, "b", 1)
    for wrong in (again, other):
        assert wrong.findings[0].kind is FindingKind.DEBIT_FORGED
        assert wrong.home.reserve == 2


def test_the_same_question_finds_the_same_answer() -> None:
    asked = Debit("a", 1, 4)
    home, opened = rows.debit(Home(funded=6, reserve=6), Lease(), None, asked)
    assert rows.debit(home, Lease(), opened, asked) == (home, opened)
    with pytest.raises(Conflict, match="debit_id_reused"):
        rows.debit(home, Lease(), opened, replace(asked, amount=3))
    with pytest.raises(Conflict, match="debit_id_reused"):
        rows.reverse(home, opened, "b", 1)
    with pytest.raises(Refused, match="reserve_short"):
        rows.debit(home, Lease(), None, asked)


def test_a_reversal_that_comes_first_leaves_a_tombstone() -> None:
    home = Home(funded=6, reserve=6)
    after, tombstone = rows.reverse(home, None, "a", 1)
    assert (after, tombstone.state) == (home, DebitState.REVERSED)
    with pytest.raises(Refused, match="debit_reversed"):
        rows.debit(home, Lease(), tombstone, Debit("a", 1, 4))


def test_a_later_epoch_is_no_proof_of_what_an_earlier_one_did() -> None:
    home = Home(funded=6, reserve=2, in_debit=4)
    home, known = rows.reverse(home, Debit("a", 1, 4), "a", 2)
    assert (known.state, home.at_risk, home.reserve) == (DebitState.FORCED, 4, 6)
    assert rows.reverse(home, known, "a", 2) == (home, known)
    home, known = rows.reverse(home, known, "a", 1)
    assert (known.state, home.at_risk, home.reserve) == (DebitState.REVERSED, 0, 6)


def test_a_forced_debit_is_taken_late_and_the_risk_goes_to_the_lease() -> None:
    home, known = rows.force_debit(Home(funded=6, reserve=2, in_debit=4), Debit("a", 1, 4))
    home, lease = rows.force(home, Lease())
    done = rows.taken(home, lease, known, "t", 3, "a", 1)
    assert (done.home.at_risk, done.lease.forced, done.lease.out) == (3, 3, 0)
    home, _, found = rows.spent(done.home, done.lease, 3)
    assert (home.at_risk, home.reserve, home.settled) == (0, 3, 3)
    assert found[0].kind is FindingKind.LATE_AFTER_FORCE


def test_nothing_is_granted_to_a_lease_that_is_called_in() -> None:
    home, lease = rows.grant(Home(funded=9, reserve=9), Lease(), 4)
    lease = rows.recall(lease)
    with pytest.raises(Refused, match="lease_not_active"):
        rows.grant(home, lease, 1)
    done = rows.apply_leaf(home, lease, {}, Moves(seen=4, spent=1, returned=3), "a", 1)
    assert (done.lease.state, done.lease.out) == (LeaseState.ACTIVE, 0)


def test_a_device_leaves_with_nothing_out() -> None:
    home, lease = rows.grant(Home(funded=9, reserve=9), Lease(), 4)
    with pytest.raises(Conflict, match="lease_out"):
        rows.close(lease)
    closed = rows.close(Lease())
    assert closed.state is LeaseState.CLOSED_CLEAN
    done = rows.apply_leaf(home, closed, {}, Moves(topped_up=4), "a", 1)
    assert done.lease.state is LeaseState.RECALLING
    with pytest.raises(Conflict, match="debit_open"):
        book.close(
            book.AccountBook(Home(funded=4, in_debit=4), debits={"t": Debit("a", 1, 4)}),
            ("a", 1),
        )


def test_a_debt_is_paid_from_another_account_of_the_member() -> None:
    paying, owing = rows.repay_from(
        Home(funded=9, reserve=7, settled=2), Home(overspent=5, settled=5)
    )
    assert (paying.reserve, paying.funded) == (2, 4)
    assert (owing.overspent, owing.funded) == (0, 5)
    with pytest.raises(Conflict, match="account_owes"):
        rows.carry(Home(reserve=2, overspent=2), Home(), 1)
    with pytest.raises(Refused, match="reserve_short"):
        rows.carry(Home(funded=1, reserve=1), Home(), 2)


def test_who_bears_an_overspend() -> None:
    owing = Home(funded=4, reserve=4, overspent=3, settled=3)
    assert before_grant(owing, ChainPolicy()) == replace(owing, reserve=1, overspent=0)
    merchant = ChainPolicy(overspend_bearer=Bearer.MERCHANT)
    assert before_grant(owing, merchant) == replace(owing, funded=7, overspent=0)


units = st.integers(0, 6)
moves = st.builds(
    Moves,
    seen=units,
    online=st.dictionaries(st.sampled_from("pq"), st.integers(1, 6), max_size=2),
    topped_up=units,
    refunded=units,
    spent=units,
    returned=units,
    credit=units,
    credit_back=units,
)


@examples(200, nightly=10_000)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), moves), max_size=25))
def test_no_batch_however_wrong_breaks_the_books(
    told: list[tuple[str, int, Moves]],
) -> None:
    """What a forged or confused device says is booked as what it is; I1, I2 and I4 stay exact."""
    books = book.AccountBook(Home(funded=30, reserve=30))
    for device, what, each in told:
        holder = (device, 1)
        try:
            if what == 0:
                books = book.grant(books, holder, 3)
            elif what == 1:
                books = book.debit(books, holder, "p", 2)
            elif what == 2:
                books = book.force(books, holder)
            elif what == 3:
                books = book.recall(books, holder)
        except (Refused, Conflict):
            continue
        books, _ = book.apply_leaf(books, holder, each)
        book.check(books)
