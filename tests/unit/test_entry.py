"""Journal entries: what is written reads back, nothing else is read, the chain shows any change."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.entry import (
    GENESIS,
    Account,
    Draft,
    Entry,
    Funding,
    Kind,
    Posting,
    chain_hash,
    parse_leaf,
)
from daemon.core.errors import BadRequest
from tests.budget import examples

accounts = st.builds(
    Account,
    owner=st.sampled_from(["member:A", "member:B", "shop", "tender:cash"]),
    asset=st.sampled_from(["principal", "bonus", "sales", "points", "pass:wash"]),
    lot=st.integers(0, 2**40),
)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    chosen = draw(st.lists(accounts, unique=True, max_size=6))
    by_unit: dict[str, list[Account]] = {}
    for account in chosen:
        by_unit.setdefault(account.unit, []).append(account)
    postings: list[Posting] = []
    for same in by_unit.values():
        for give, take in zip(same[::2], same[1::2], strict=False):
            amount = draw(st.integers(1, 10**9))
            funding = draw(st.sampled_from(Funding))
            postings += [Posting(give, -amount, funding), Posting(take, amount)]
    text = st.text(max_size=12)
    return Draft(
        op_id=draw(text),
        kind=draw(st.sampled_from(Kind)),
        at_ms=draw(st.integers(0, 2**50)),
        actor=draw(text),
        member_id=draw(st.none() | text),
        card_id=draw(st.none() | text),
        card_counter=draw(st.none() | st.integers(0, 2**31)),
        refers_to=draw(st.none() | text),
        postings=tuple(postings),
        detail=draw(st.dictionaries(text, st.integers(-(2**40), 2**40) | text, max_size=4)),
    )


@given(drafts(), st.integers(1, 2**50))
def test_a_leaf_reads_back(draft: Draft, dseq: int) -> None:
    entry = Entry(dseq, draft)
    assert parse_leaf(entry.leaf()) == entry


@examples(300, nightly=10_000)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_are_a_leaf(raw: bytes) -> None:
    try:
        entry = parse_leaf(raw)
    except BadRequest as refused:
        assert refused.key == "leaf_malformed"
    else:
        assert entry.leaf() == raw


@given(drafts(), st.data())
def test_a_changed_byte_is_refused_or_another_entry(draft: Draft, data: st.DataObject) -> None:
    leaf = bytearray(Entry(7, draft).leaf())
    place = data.draw(st.integers(0, len(leaf) - 1))
    leaf[place] ^= data.draw(st.integers(1, 255))
    try:
        entry = parse_leaf(bytes(leaf))
    except BadRequest:
        return
    assert entry != Entry(7, draft)
    assert chain_hash(GENESIS, bytes(leaf)) != chain_hash(GENESIS, Entry(7, draft).leaf())


def test_the_same_content_in_another_encoding_is_refused() -> None:
    leaf = Entry(1, Draft("op", Kind.EPOCH, 5, "device")).leaf()
    loose = cbor2.dumps(dict(reversed(cbor2.loads(leaf).items())))
    assert cbor2.loads(loose) == cbor2.loads(leaf) and loose != leaf
    with pytest.raises(BadRequest):
        parse_leaf(loose)


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(Account("shop", "sales"), 1),),
        (Posting(Account("shop", "sales"), 5), Posting(Account("member:A", "points"), -5)),
        (Posting(Account("shop", "sales"), 5), Posting(Account("shop", "sales"), -5)),
    ],
    ids=["one-sided", "two units", "one account twice"],
)
def test_an_unbalanced_draft_cannot_be_made(postings: tuple[Posting, ...]) -> None:
    with pytest.raises(AssertionError):
        Draft("op", Kind.SALE, 1, "1001", postings=postings)


def test_the_chain_is_what_the_docstring_says() -> None:
    leaf = Entry(1, Draft("op", Kind.EPOCH, 5, "device")).leaf()
    assert chain_hash(GENESIS, leaf) == hashlib.sha256(b"\x02" + bytes(32) + leaf).digest()
