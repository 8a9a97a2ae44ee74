"""Reports and orders: one spelling each, read back whole, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import SyncError
from daemon.sync.envelope import Identity, SeedKey
from daemon.sync.envelope.canonical import encode
from daemon.sync.envelope.cose import sign1
from daemon.sync.link import asking, messages
from daemon.sync.link.messages import Orders, Report, open_orders, open_report
from tests.budget import examples

KEY = SeedKey(bytes(range(32)))
OTHER = SeedKey(bytes(32))
TRUSTED = {KEY.key_id: KEY.public_key}

texts = st.text(max_size=40)
ids = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=1, max_size=26)
wholes = st.integers(0, (1 << 63) - 1)
ones = st.integers(1, (1 << 63) - 1)
octets = st.binary(max_size=60)
versions = st.dictionaries(texts, wholes, max_size=5)

requests = st.one_of(
    st.builds(
        asking.Debit,
        ids,
        ids,
        wholes,
        texts,
        st.lists(st.tuples(texts, ones), max_size=3).map(tuple),
    ),
    st.builds(asking.Status, ids),
    st.builds(asking.Reverse, ids),
    st.builds(asking.Want, ids, st.none() | ids, st.none() | octets),
    st.builds(asking.Refund, ids, ids, ids, ones, wholes),
    st.builds(asking.Whole, ids, ids),
)
rules = st.text(max_size=400)
parts = st.builds(asking.Part, texts, wholes, ones, rules)
held = st.builds(asking.HeldAt, texts, texts, wholes, wholes)
answers = st.one_of(
    st.builds(asking.Granted, ids, st.lists(parts, max_size=4).map(tuple)),
    st.builds(asking.Insufficient, ids, wholes, st.lists(held, max_size=4).map(tuple)),
    st.builds(asking.Reversed, ids),
    st.builds(asking.Unknown, ids),
    st.builds(asking.Done, ids),
    st.builds(asking.Refused, ids, texts, versions),
)
hellos = st.builds(
    messages.Hello,
    st.builds(Identity, texts, texts, texts, wholes),
    texts,
    wholes,
    st.binary(min_size=32, max_size=32),
    wholes,
    wholes,
    wholes,
    st.booleans(),
    texts,
)
reports = st.builds(
    Report,
    st.binary(min_size=16, max_size=16),
    hellos,
    st.lists(octets, max_size=3).map(tuple),
    wholes,
    versions,
    wholes,
    st.lists(st.builds(messages.Change, ones, texts, texts, octets), max_size=3).map(tuple),
    st.lists(requests, max_size=5).map(tuple),
    wholes,
)
rows = st.builds(messages.Row, texts, st.none() | octets)
orders_of = st.builds(
    Orders,
    st.binary(min_size=16, max_size=16),
    texts,
    wholes,
    wholes,
    wholes,
    st.builds(messages.Pull, wholes, wholes),
    st.none() | st.builds(messages.NewJournal, ones, ones),
    st.none() | octets,
    wholes,
    st.lists(st.builds(messages.Grant, ones, texts, texts, wholes, wholes, rules), max_size=3).map(
        tuple
    ),
    st.lists(st.builds(messages.Recall, texts, texts), max_size=3).map(tuple),
    st.lists(
        st.builds(messages.Delta, texts, wholes, wholes, st.booleans(), st.lists(rows).map(tuple)),
        max_size=3,
    ).map(tuple),
    st.lists(answers, max_size=5).map(tuple),
    st.lists(ids, max_size=3).map(tuple),
    st.lists(st.builds(messages.WholeOf, ids, wholes, wholes, wholes), max_size=3).map(tuple),
)


@given(reports)
@examples(200, nightly=10_000)
def test_a_report_is_read_back_whole(report: Report) -> None:
    assert open_report(report.sealed_by(KEY), TRUSTED) == report


@given(orders_of)
@examples(200, nightly=10_000)
def test_orders_are_read_back_whole(orders: Orders) -> None:
    assert open_orders(orders.sealed_by(KEY), TRUSTED) == orders


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=30,
)


@given(plain)
@examples(200, nightly=10_000)
def test_anything_signed_is_a_message_or_malformed(body: object) -> None:
    """A stolen key can sign nonsense: it is refused by name."""
    for open_it, content_type in (
        (open_report, messages.REPORT_TYPE),
        (open_orders, messages.ORDERS_TYPE),
    ):
        with pytest.raises(SyncError, match="malformed"):
            open_it(sign1(encode(body), content_type, KEY), TRUSTED)


@given(orders_of, st.data())
@examples(200, nightly=10_000)
def test_a_field_of_another_kind_is_malformed(orders: Orders, data: st.DataObject) -> None:
    """One item anywhere in the arrays is put in place of something that it cannot be."""
    body = messages.decode(
        messages.verify1(orders.sealed_by(KEY), messages.ORDERS_TYPE, TRUSTED, "orders").payload,
        "orders_malformed",
    )
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = {"not": {"this": [place]}}
    with pytest.raises(SyncError, match="orders_malformed"):
        open_orders(sign1(encode(body), messages.ORDERS_TYPE, KEY), TRUSTED)


@given(st.binary(max_size=400))
@examples(200, nightly=10_000)
def test_any_bytes_are_refused(noise: bytes) -> None:
    for open_it in (open_report, open_orders):
        with pytest.raises(SyncError, match="malformed"):
            open_it(noise, TRUSTED)


@given(orders_of, st.data())
@examples(200, nightly=10_000)
def test_a_flipped_bit_is_refused(orders: Orders, data: st.DataObject) -> None:
    sealed = bytearray(orders.sealed_by(KEY))
    place = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(SyncError, match="orders_"):
        open_orders(bytes(sealed), TRUSTED)


def test_orders_of_a_stranger_and_reports_as_orders_are_refused() -> None:
    orders = Orders(bytes(16), "D", 1, 0, 0, messages.Pull(0, 0))
    with pytest.raises(SyncError, match="orders_key_unknown"):
        open_orders(orders.sealed_by(OTHER), TRUSTED)
    with pytest.raises(SyncError, match="report_malformed"):
        open_report(orders.sealed_by(KEY), TRUSTED)


def test_what_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(SyncError, match="orders_malformed"):
        open_orders(bytes(messages.MOST_MESSAGE_BYTES + 1), TRUSTED)
