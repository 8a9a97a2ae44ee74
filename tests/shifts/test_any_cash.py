"""Any sequence of cash events: what the drawer should hold is the fold of the cash account, and is
what a person would add up with a pencil."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.errors import BadRequest
from daemon.core.shift_report import (
    CASH,
    CASH_IN,
    CASH_OUT,
    COUNTED,
    DRAWER,
    OPENED,
    OVER_SHORT,
    Tally,
    count_notes,
    figures,
    worth,
)
from tests.budget import NIGHTLY

EXAMPLES = 10_000 if NIGHTLY else 200
PRINCIPAL = Account("member:M", "principal", 1)
WECHAT = Account("tender:wechat", "taken")
SALES = Account("shop", "sales")
FEN = st.integers(min_value=1, max_value=1_000_000)


@dataclass(frozen=True)
class Event:
    """`pencil` is what it does to the cash in the drawer."""

    kind: Kind
    postings: tuple[tuple[Account, int], ...]
    pencil: int
    event: str = ""


def in_cash(kind: Kind, sign: int, account: Account) -> st.SearchStrategy[Event]:
    return FEN.map(
        lambda fen: Event(kind, ((CASH, -sign * fen), (account, sign * fen)), sign * fen)
    )


def of_shift(event: str, sign: int, account: Account) -> st.SearchStrategy[Event]:
    return FEN.map(
        lambda fen: Event(
            Kind.SHIFT, ((CASH, -sign * fen), (account, sign * fen)), sign * fen, event
        )
    )


def mixed(fen: tuple[int, int]) -> Event:
    cash, wechat = fen
    return Event(Kind.SALE, ((CASH, -cash), (WECHAT, -wechat), (SALES, cash + wechat)), cash)


EVENTS = st.lists(
    st.one_of(
        in_cash(Kind.SALE, 1, SALES),
        in_cash(Kind.REFUND, -1, SALES),
        in_cash(Kind.VOID_SALE, -1, SALES),
        in_cash(Kind.RECHARGE, 1, PRINCIPAL),
        in_cash(Kind.VOID_RECHARGE, -1, PRINCIPAL),
        in_cash(Kind.BALANCE_REFUND, -1, PRINCIPAL),
        in_cash(Kind.FEE, 1, Account("shop", "fees")),
        of_shift(CASH_IN, 1, DRAWER),
        of_shift(CASH_OUT, -1, DRAWER),
        of_shift(COUNTED, 1, OVER_SHORT),
        of_shift(COUNTED, -1, OVER_SHORT),
        st.tuples(FEN, FEN).map(mixed),
        FEN.map(lambda fen: Event(Kind.SALE, ((PRINCIPAL, -fen), (SALES, fen)), 0)),
    ),
    max_size=40,
)


@given(st.integers(min_value=0, max_value=100_000), EVENTS)
@settings(max_examples=EXAMPLES)
def test_expected_is_the_fold_of_the_cash_account(float_fen: int, events: list[Event]) -> None:
    opening = ((CASH, -float_fen), (DRAWER, float_fen)) if float_fen else ()
    every = [Event(Kind.SHIFT, opening, float_fen, OPENED), *events]
    tally = Tally(first_dseq=7)
    balances: dict[str, int] = {"tender:cash": -12_345}
    before = dict(balances)
    for dseq, each in enumerate(every, start=7):
        postings = tuple(Posting(account, amount) for account, amount in each.postings)
        detail = {"event": each.event} if each.event else {}
        tally.add(
            Entry(dseq, Draft(f"op{dseq}", each.kind, dseq, "1", postings=postings, detail=detail))
        )
        for account, amount in each.postings:
            if account.owner.startswith("tender:"):
                balances[account.owner] = balances.get(account.owner, 0) + amount
    tally.require_agreement(before, balances)
    expected = figures(tally, discount_fen=0)["cash"]["expected_fen"]
    assert expected == sum(each.pencil for each in every)
    assert expected == before["tender:cash"] - balances["tender:cash"]


def test_a_tender_that_does_not_agree_is_a_bug_that_shows() -> None:
    tally = Tally(first_dseq=1)
    tally.add(
        Entry(1, Draft("op", Kind.SALE, 1, "1", postings=(Posting(CASH, -5), Posting(SALES, 5))))
    )
    with pytest.raises(AssertionError, match="tender:cash"):
        tally.require_agreement({}, {"tender:cash": -6})
    with pytest.raises(AssertionError, match="missing"):
        tally.add(Entry(3, Draft("late", Kind.SALE, 3, "1")))


@given(st.lists(st.tuples(st.integers(), st.integers()), max_size=6))
@settings(max_examples=EXAMPLES)
def test_any_count_is_understood_or_refused(counted: list[tuple[int, int]]) -> None:
    known = (10_000, 100, 1)
    try:
        notes = count_notes(counted, known)
    except BadRequest as error:
        assert error.key in ("note_unknown", "note_twice", "note_count_malformed")
    else:
        assert worth(notes) == sum(value * count for value, count in counted)
