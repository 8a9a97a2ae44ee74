"""Journal entries: what is written reads back, nothing else is read, the chain shows any change."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core import spelling
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


def _loose_spellings() -> list[tuple[str, bytes]]:
    """Byte strings that a lenient reader takes for the very same leaf."""
    leaf = Entry(
        1,
        Draft(
            "op", Kind.SALE, 5, "1001", member_id="M", card_counter=7,
            postings=(
                Posting(Account("member:M", "principal", 3), -5, Funding.LEASE),
                Posting(Account("shop", "sales"), 5),
            ),
            detail={"event": "x", "lines": "1:1:5"},
        ),
    ).leaf()  # fmt: skip
    body = cbor2.loads(leaf)

    def swapped(old: bytes, new: bytes) -> bytes:
        assert leaf.count(old) == 1
        return leaf.replace(old, new)

    backwards = {**body, 11: dict(reversed(body[11].items()))}
    floats = {**body, 3: 1.0}
    return [
        ("keys in another order", cbor2.dumps(dict(reversed(body.items())))),
        ("facts in another order", cbor2.dumps(backwards)),
        ("a number in two bytes", swapped(b"\x08\x07", b"\x08\x18\x07")),
        ("a number in nine bytes", swapped(b"\x04\x05", b"\x04\x1b" + (5).to_bytes(8, "big"))),
        ("a text with a long head", swapped(b"\x02\x62op", b"\x02\x78\x02op")),
        ("a text in pieces", swapped(b"\x02\x62op", b"\x02\x7f\x61o\x61p\xff")),
        (
            "an array without an end",
            swapped(b"\x0a\x82", b"\x0a\x9f").replace(b"\x0b", b"\xff\x0b"),
        ),
        ("a map without a length", b"\xbf" + leaf[1:] + b"\xff"),
        ("a bignum", swapped(b"\x08\x07", b"\x08\xc2\x41\x07")),
        ("a float for a kind", cbor2.dumps(floats)),
        ("true for a funding", swapped(b"\x03\x24\x01", b"\x03\x24\xf5")),
        ("a number twice", b"\xab" + leaf[1:3] + leaf[1:]),
        ("a null that is left out", bytes([leaf[0] + 1]) + leaf[1:] + b"\x09\xf6"),
        ("a tag before it", b"\xd9\xd9\xf7" + leaf),
        ("shared", b"\xd8\x1c" + leaf),
        ("a byte behind it", leaf + b"\x00"),
    ]


@pytest.mark.parametrize(("why", "loose"), _loose_spellings(), ids=lambda each: str(each)[:30])
def test_a_leaf_has_one_spelling(why: str, loose: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_leaf(loose)
    assert refused.value.key == "leaf_malformed", why


@given(drafts(), st.integers(1, 2**70))
def test_a_leaf_is_what_cbor2_writes(draft: Draft, dseq: int) -> None:
    body: dict[int, object] = {
        0: 1, 1: dseq, 2: draft.op_id, 3: int(draft.kind), 4: draft.at_ms, 5: draft.actor,
        6: draft.member_id, 7: draft.card_id, 8: draft.card_counter, 9: draft.refers_to,
        10: [
            [p.account.owner, p.account.asset, p.account.lot, p.amount, int(p.funding)]
            for p in draft.postings
        ],
        11: dict(draft.detail) or None,
    }  # fmt: skip
    body = {key: value for key, value in body.items() if value is not None}
    assert Entry(dseq, draft).leaf() == cbor2.dumps(body, canonical=True)


edges = [s * 2**power + by for power in (5, 8, 16, 32, 64) for by in (-1, 0, 1) for s in (1, -1)]
sizes = st.integers(-(2**80), 2**80) | st.sampled_from(edges)
named_facts = st.dictionaries(st.text(max_size=300), sizes | st.booleans() | st.text())


@examples(300, nightly=10_000)
@given(sizes, st.text(max_size=400), named_facts)
def test_every_spelling_is_that_of_cbor2(
    number: int, word: str, named: dict[str, int | str]
) -> None:
    assert spelling.whole(number) == cbor2.dumps(number, canonical=True)
    assert spelling.text(word) == cbor2.dumps(word, canonical=True)
    assert spelling.facts(named) == cbor2.dumps(named, canonical=True)


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
