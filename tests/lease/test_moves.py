"""How postings are sorted into counters: by the device that made them and the cloud that reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.core.errors import BadRequest
from daemon.core.lease.device import Counters, fold
from daemon.core.lease.moves import LEASE_KINDS, AccountKey, key_of, moves_of
from daemon.core.lease.tables import POSTINGS
from daemon.core.lease.values import Moves
from tests.budget import examples

KEY = AccountKey("M", "principal", 7)
MEMBER = KEY.account()


def entry(kind: Kind, *postings: Posting, refers_to: str | None = None, dseq: int = 1) -> Entry:
    draft = Draft("op", kind, 0, "E1", refers_to=refers_to, postings=postings)
    return Entry(dseq, draft)


def against(kind: Kind, amount: int, funding: Funding = Funding.LEASE) -> Entry:
    other = "chain" if kind in LEASE_KINDS else "shop"
    return entry(
        kind,
        Posting(MEMBER, amount, funding),
        Posting(Account(other, "principal"), -amount, funding),
        refers_to="sale",
    )


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_table_says_what_the_code_does(kind: Kind, sign: int) -> None:
    row = next((each for each in POSTINGS if kind.name in each.kinds.split(", ")), POSTINGS[-1])
    counter = row.plus if sign > 0 else row.minus
    funding = Funding.LEASE if row.funding == "LEASE" else Funding.HOME
    if counter == "-":
        with pytest.raises(BadRequest, match="lease_entry_malformed"):
            moves_of(against(kind, sign * 5, funding))
        return
    five: dict[str, Any] = {counter: 5}
    expected = {KEY: Moves(**five)} if counter else {}
    assert moves_of(against(kind, sign * 5, funding)) == expected


def test_an_online_grant_names_its_sale() -> None:
    granted = against(Kind.GRANTED, 5, Funding.ONLINE)
    assert moves_of(granted) == {KEY: Moves(online={"sale": 5})}
    nameless = entry(Kind.GRANTED, *granted.draft.postings)
    with pytest.raises(BadRequest, match="lease_entry_malformed"):
        moves_of(nameless)


def test_credit_is_an_account_of_its_own() -> None:
    owed = Account("credit:M", "owed")
    sold = entry(
        Kind.SALE,
        Posting(MEMBER, -3, Funding.LEASE),
        Posting(owed, -4, Funding.CREDIT),
        Posting(Account("shop", "sales"), 7),
    )
    owed_key = AccountKey("M", "owed")
    assert moves_of(sold) == {KEY: Moves(spent=3), owed_key: Moves(credit=4)}
    assert owed_key.account() == owed
    back = entry(Kind.REFUND, Posting(owed, 4), Posting(Account("shop", "sales"), -4))
    assert moves_of(back) == {owed_key: Moves(credit_back=4)}


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(MEMBER, 5), Posting(Account("chain", "principal"), -5)),
        (
            Posting(MEMBER, 5, Funding.LEASE),
            Posting(Account("shop", "sales"), -5, Funding.LEASE),
        ),
        (
            Posting(MEMBER, 5, Funding.LEASE),
            Posting(Account("chain", "bonus"), -5, Funding.LEASE),
        ),
        (
            Posting(MEMBER, 5, Funding.LEASE),
            Posting(Account("chain", "principal"), -5, Funding.ONLINE),
        ),
    ],
)
def test_a_grant_says_no_more_than_a_grant(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(BadRequest, match="lease_entry_malformed"):
        moves_of(entry(Kind.GRANTED, *postings, refers_to="sale"))


def test_accounts_of_nobody_are_not_leased() -> None:
    for owner in ("shop", "chain", "tender:cash", "employee:E1"):
        assert key_of(Account(owner, "x")) is None


def test_a_fold_begins_again_when_leases_are_void() -> None:
    told = [
        against(Kind.GRANTED, 9),
        against(Kind.SALE, -4),
        against(Kind.LEASE_VOIDED, -5),
        against(Kind.RECHARGE, 2),
    ]
    assert fold(told[:2]) == {KEY: Counters(seen=9, spent=4)}
    assert fold(told) == {KEY: Counters(topped_up=2)}


steps = st.tuples(
    st.sampled_from([Kind.GRANTED, Kind.RECHARGE, Kind.SALE, Kind.REFUND, Kind.RELEASED]),
    st.integers(1, 9),
)


@examples(200, nightly=5_000)
@given(st.lists(steps, max_size=30))
def test_here_is_the_balance_of_the_ledger(said: list[tuple[Kind, int]]) -> None:
    balance, told = 0, []
    for kind, amount in said:
        minus = kind in (Kind.SALE, Kind.RELEASED)
        if minus and amount > balance:
            continue
        balance += -amount if minus else amount
        told.append(against(kind, -amount if minus else amount))
    assert fold(told).get(KEY, Counters()).here == balance
