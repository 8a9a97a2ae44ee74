"""Sealing and opening batches: what is sealed opens, and everything else is refused by name."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core import merkle
from daemon.core.entry import Entry, Kind, chain_hash
from daemon.core.errors import SyncError
from daemon.sync.envelope import (
    Discrepancy,
    Manifest,
    Pending,
    Position,
    SealedBatch,
    SeedKey,
    SyncReceipt,
    Verified,
    decode_batch,
    decode_batches,
    encode_batch,
    open_batch,
    open_receipt,
    seal,
)
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.envelope.cose import sign1
from daemon.sync.envelope.manifest import MANIFEST_TYPE
from daemon.sync.envelope.totals import KindTotal, Running
from tests.unit.batch_samples import (
    CLOUD_KEY,
    IDENTITY,
    KEY,
    TRUSTED,
    circumstances,
    leaves,
    recharge,
    sale,
    sealed_batches,
)

NIGHTLY = bool(os.environ.get("COUNTERD_NIGHTLY"))
pytestmark = pytest.mark.timeout(3600 if NIGHTLY else 300)
EXAMPLES = 10_000 if NIGHTLY else 300
PREFIXES = ("batch_", "receipt_")


def opened(batch: SealedBatch, position: Position) -> Verified:
    return open_batch(batch.message, batch.leaves, TRUSTED, position)


def refusal(message: bytes, given_leaves: Sequence[bytes], position: Position) -> str:
    with pytest.raises(SyncError) as caught:
        open_batch(message, given_leaves, TRUSTED, position)
    return caught.value.key


def forged(batch: SealedBatch, **changes: Any) -> bytes:
    """A manifest that says something else, signed with the right key all the same."""
    return sign1(replace(batch.manifest, **changes).payload(), MANIFEST_TYPE, KEY)


def test_what_is_sealed_opens_one_behind_the_other() -> None:
    position = Position(IDENTITY)
    for batch in sealed_batches(1, 50, 7):
        verified = opened(batch, position)
        position = verified.position
        assert position == batch.position
        assert verified.leaves == batch.leaves
        assert verified.manifest.reconciled
    assert position.bseq == 3 and position.dseq == 58
    assert position.balances[("shop", "sales")] == 56 * 1850
    assert position.balances[("tender:cash", "taken")] == -50_000
    assert position.balances[("members", "principal")] == 50_000 - 56 * 1700
    assert sum(position.balances.values()) == 0


def test_a_manifest_says_kinds_and_the_running_ledger() -> None:
    first, second = sealed_batches(3, 2)
    assert first.manifest.kinds[Kind.RECHARGE] == KindTotal(
        1,
        {
            ("tender:cash", "taken"): -50_000,
            ("members", "principal"): 50_000,
            ("shop", "bonus_given"): -5_000,
            ("members", "bonus"): 5_000,
        },
    )
    assert Running("tender:cash", "taken", -50_000, 0) in second.manifest.ledger
    assert Running("shop", "sales", 1850, 3700) in second.manifest.ledger


def test_pending_and_discrepancies_are_carried_and_mark_the_batch() -> None:
    wrong = Discrepancy("TOTALS", "tender:cash/taken", -50_000, -40_000)
    batch = seal(
        Position(IDENTITY),
        leaves(1, 3),
        KEY,
        circumstances(0, [wrong], [Pending("01K7", "unknown")]),
    )
    verified = opened(batch, Position(IDENTITY))
    assert not verified.manifest.reconciled
    assert verified.manifest.discrepancies == (wrong,)
    assert verified.manifest.pending == (Pending("01K7", "unknown"),)


def test_sealing_refuses_what_the_other_side_would_refuse() -> None:
    with pytest.raises(SyncError, match="batch_gap"):
        seal(Position(IDENTITY), leaves(2, 3), KEY, circumstances(0))
    with pytest.raises(SyncError, match="batch_leaf"):
        seal(Position(IDENTITY), [b"\x00"], KEY, circumstances(0))


def test_an_unknown_key_and_a_broken_signature() -> None:
    batch = sealed_batches(3)[0]
    stranger = SeedKey(bytes(32))
    other = seal(Position(IDENTITY), batch.leaves, stranger, circumstances(0))
    assert refusal(other.message, other.leaves, Position(IDENTITY)) == "batch_key_unknown"
    torn = batch.message[:-1] + bytes([batch.message[-1] ^ 1])
    assert refusal(torn, batch.leaves, Position(IDENTITY)) == "batch_signature"
    # The same key id with another key behind it.
    with pytest.raises(SyncError, match="batch_signature"):
        open_batch(
            batch.message, batch.leaves, {KEY.key_id: stranger.public_key}, Position(IDENTITY)
        )


def test_a_batch_that_is_missing_repeated_or_of_another_history() -> None:
    first, second, third = sealed_batches(3, 2, 2)
    assert refusal(third.message, third.leaves, first.position) == "batch_gap"
    assert refusal(first.message, first.leaves, first.position) == "batch_fork"
    elsewhere = seal(Position(IDENTITY), leaves(1, 3), KEY, circumstances(77)).position
    assert refusal(second.message, second.leaves, elsewhere) == "batch_fork"
    assert refusal(forged(second, first_dseq=9), second.leaves, first.position) == "batch_gap"


def test_a_batch_of_another_device_or_epoch() -> None:
    batch = sealed_batches(3)[0]
    for changed in (replace(IDENTITY, device="D-0000"), replace(IDENTITY, epoch=2)):
        assert refusal(batch.message, batch.leaves, Position(changed)) == "batch_device"
    renamed = Position(replace(IDENTITY, store="013"))
    assert opened(batch, renamed).manifest.identity.store == "012"


def test_leaves_that_were_changed_dropped_swapped_or_added() -> None:
    batch = sealed_batches(3)[0]
    start = Position(IDENTITY)
    one, two, three = batch.leaves
    for wrong in ([one, two], [two, one, three], [one, two, three, three], [one, two, one], []):
        assert refusal(batch.message, wrong, start) == "batch_merkle"


def test_leaves_that_the_manifest_covers_but_are_none() -> None:
    batch = sealed_batches(3)[0]
    start = Position(IDENTITY)
    first, number = batch.leaves[2][:4], batch.leaves[2][4:]
    assert number[:2] == b"\x03\x02"
    loose = first + b"\x18\x03" + number[1:]
    for third in (b"", b"\xa0", b"\xf6", recharge(7).leaf(), too_large(), loose):
        wrong = [*batch.leaves[:2], third]
        message = forged(batch, root=merkle.root(wrong))
        assert refusal(message, wrong, start) == "batch_leaf"


def too_large() -> bytes:
    """A leaf whose time no database column could hold."""
    entry = sale(3, 2)
    return Entry(3, replace(entry.draft, at_ms=1 << 63)).leaf()


def test_a_broken_hash_chain() -> None:
    first, second = sealed_batches(3, 2)
    start = Position(IDENTITY)
    assert refusal(forged(first, chain_after=bytes(32)), first.leaves, start) == "batch_chain"
    message = forged(second, chain_before=bytes(32))
    assert refusal(message, second.leaves, first.position) == "batch_chain"
    assert first.position.chain == chain_hash(
        chain_hash(chain_hash(bytes(32), first.leaves[0]), first.leaves[1]), first.leaves[2]
    )


LIES: dict[str, Callable[[Manifest], dict[str, Any]]] = {
    "kind count": lambda m: {
        "kinds": {**m.kinds, Kind.SALE: KindTotal(2, m.kinds[Kind.SALE].moved)}
    },
    "kind sum": lambda m: {"kinds": {**m.kinds, Kind.SALE: KindTotal(1, {})}},
    "opening": lambda m: {"ledger": (replace(m.ledger[0], opening=5), *m.ledger[1:])},
    "movement": lambda m: {"ledger": (replace(m.ledger[0], movement=5), *m.ledger[1:])},
    "row left out": lambda m: {"ledger": m.ledger[1:]},
    "row added": lambda m: {"ledger": (*m.ledger, Running("x", "y", 0, 0))},
    "first time": lambda m: {"first_ms": m.first_ms + 1},
    "last time": lambda m: {"last_ms": m.last_ms - 1},
    "last dseq": lambda m: {"last_dseq": m.last_dseq + 1},
}


@pytest.mark.parametrize("lie", LIES)
def test_sums_that_do_not_follow_from_the_leaves(lie: str) -> None:
    batch = sealed_batches(3)[0]
    message = forged(batch, **LIES[lie](batch.manifest))
    assert refusal(message, batch.leaves, Position(IDENTITY)) == "batch_totals"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop(7),
        lambda body: body.update({23: 1}),
        lambda body: body.update({0: 2}),
        lambda body: body.update({8: 51}),
        lambda body: body.update({8: 0}),
        lambda body: body.update({7: bytes(31)}),
        lambda body: body.update({17: {"a": 1}}),
        lambda body: body.update({20: False}),
        lambda body: body.update({15: {99: [1, []]}}),
        lambda body: body.update({16: [["a"]]}),
        lambda body: body.update({16: 7}),
        lambda body: body.update({18: []}),
        lambda body: body.update({19: [[1, 2]]}),
        lambda body: body.update({19: [["a"]]}),
        lambda body: body.update({4: -1}),
        lambda body: body.update({1: 5}),
        lambda body: body[16][0].__setitem__(4, 1),
    ],
)
def test_a_signed_manifest_of_another_form(change: Callable[[dict[int, Any]], object]) -> None:
    batch = sealed_batches(3)[0]
    body = decode(batch.manifest.payload(), "never")
    change(body)
    message = sign1(encode(body), MANIFEST_TYPE, KEY)
    assert refusal(message, batch.leaves, Position(IDENTITY)) == "batch_malformed"


def test_a_receipt_never_passes_for_a_manifest() -> None:
    batch = sealed_batches(1)[0]
    receipt = SyncReceipt("D-7F3A", 1, 1, batch.position.head).sealed_by(KEY)
    assert refusal(receipt, batch.leaves, Position(IDENTITY)) == "batch_malformed"
    with pytest.raises(SyncError, match="receipt_malformed"):
        open_receipt(batch.message, TRUSTED)
    with pytest.raises(SyncError, match="receipt_key_unknown"):
        open_receipt(receipt, {CLOUD_KEY.key_id: CLOUD_KEY.public_key})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {0: 1, 1: "D", 2: 1, 3: 0, 4: bytes(32)},
        {0: 1, 1: "D", 2: True, 3: 1, 4: bytes(32)},
        {0: 1, 1: "D", 2: 1, 3: 1, 4: bytes(31)},
        {0: 2, 1: "D", 2: 1, 3: 1, 4: bytes(32)},
        [],
    ],
)
def test_signed_receipts_of_another_form(body: object) -> None:
    message = sign1(encode(body), "application/vnd.counterd.receipt+cbor", KEY)
    with pytest.raises(SyncError, match="receipt_malformed"):
        open_receipt(message, TRUSTED)


def test_every_flipped_byte_of_a_batch_is_refused() -> None:
    batch = sealed_batches(12)[0]
    wire = encode_batch(batch.message, batch.leaves)
    places: Sequence[int] = range(len(wire))
    if not NIGHTLY:
        places = sorted(random.Random(20).sample(range(len(wire)), 400))
        places = [wire.index(KEY.key_id), *places]
    named = set()
    for place in places:
        for flip in (0x01, 0x20, 0x80) if NIGHTLY else (1 << place % 8,):
            torn = bytearray(wire)
            torn[place] ^= flip
            named.add(refused(bytes(torn)))
    assert named <= {
        "batch_malformed",
        "batch_signature",
        "batch_key_unknown",
        "batch_merkle",
    }
    assert len(named) == 4


def refused(wire: bytes) -> str:
    try:
        raw = decode_batch(wire)
    except SyncError as error:
        return error.key
    return refusal(raw.message, raw.leaves, Position(IDENTITY))


def test_every_cut_of_a_batch_is_refused() -> None:
    batch = sealed_batches(3)[0]
    wire = encode_batch(batch.message, batch.leaves)
    assert {refused(wire[:length]) for length in range(len(wire))} == {"batch_malformed"}
    assert refused(wire + b"\x00") == "batch_malformed"


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=200), st.lists(st.binary(max_size=60), max_size=4))
def test_any_bytes_give_a_sync_error_and_nothing_else(blob: bytes, parts: list[bytes]) -> None:
    signed = sign1(blob, MANIFEST_TYPE, KEY)
    for message in (blob, b"\xd2" + blob, signed):
        with pytest.raises(SyncError) as caught:
            open_batch(message, parts, TRUSTED, Position(IDENTITY))
        assert caught.value.key.startswith(PREFIXES)
    with pytest.raises(SyncError):
        open_receipt(sign1(blob, "application/vnd.counterd.receipt+cbor", KEY), TRUSTED)
    for read in (decode_batch, decode_batches):
        try:
            read(blob)
        except SyncError as error:
            assert error.key == "batch_malformed"


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=120))
def test_any_leaf_under_a_right_signature(leaf: bytes) -> None:
    batch = sealed_batches(1)[0]
    message = forged(batch, root=merkle.root([leaf]))
    assert refusal(message, [leaf], Position(IDENTITY)) == "batch_leaf"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.binary() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(0, 30) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PLAIN)
def test_deterministic_cbor_reads_back(value: object) -> None:
    assert decode(encode(value), "never") == value


@settings(max_examples=EXAMPLES, deadline=None)
@given(PLAIN)
def test_any_signed_structure_is_no_manifest(value: object) -> None:
    message = sign1(encode(value), MANIFEST_TYPE, KEY)
    assert refusal(message, [], Position(IDENTITY)) == "batch_malformed"


@pytest.mark.parametrize(
    "spelling",
    [
        "1800",  # 0 in two bytes
        "190001",
        "9f01ff",  # an array without a length
        "5f4101ff",
        "a2010201 03",  # a key twice
        "a202010101",  # keys out of order
        "c001",  # tags
        "c24101",
        "d81c80",
        "d81c81d81d00",  # a list that holds itself
        "f93c00",  # a float
        "fb3ff0000000000000",
        "1bffffffffffffffff",  # beyond 64 bits with sign
        "f7",
        "e0",
        "0102",
        "",
        "81" * 40 + "00",
        "62c328",  # not UTF-8
    ],
)
def test_no_second_spelling_is_read(spelling: str) -> None:
    with pytest.raises(SyncError, match="wrong_form"):
        decode(bytes.fromhex(spelling), "wrong_form")
