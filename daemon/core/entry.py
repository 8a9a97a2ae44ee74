"""The journal's entry: who moved what from where to where, in bytes that can be signed.

Double entry, credit-positive: an account's balance is what the shop owes its owner. A recharge
moves value from `tender:cash` (the outside world) to `member:<id>`; a sale moves it from the member
to `shop`. Postings of one unit sum to zero in every entry. Corrections are new entries.

Leaf bytes are deterministic CBOR (RFC 8949 section 4.2.1) with small integer keys; the chain is
`hash(n) = SHA-256(0x02 || hash(n-1) || leaf(n))`. The 0x02 prefix keeps chain hashes apart from
Merkle leaves (0x00) and nodes (0x01) of RFC 9162.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import cbor2

from daemon.core.errors import BadRequest
from daemon.core.money import MAX_FEN

GENESIS: Final = bytes(32)
FORMAT: Final = 1
MOST_POSTINGS: Final = 64
"""A sale draws on a handful of lots; a bound keeps a leaf under a few KiB."""


class Kind(IntEnum):
    """What an entry is about. Numbers are on the wire: never reuse one."""

    GENESIS = 0
    SALE = 1
    RECHARGE = 2
    VOID_SALE = 3
    VOID_RECHARGE = 4
    MEMBER_ADDED = 10
    CARD_ISSUED = 11
    CARD_STATUS = 12
    PIN_SET = 13
    CARD_ALARM = 14
    EPOCH = 20
    REFUND = 5
    """Of a sale, whole or by line."""
    BALANCE_REFUND = 6
    """Stored value paid out."""
    FEE = 7
    """For an operation on a card; the one that refers to another gives that one back."""
    POINTS = 8
    """Points that no sale earned: check-in, sharing, a birthday, an adjustment."""
    EXPIRED = 9
    """What is left of a lot whose last day is over."""
    MEMBER_CHANGED = 15
    MEMBER_ERASED = 16
    UNMASKED = 17
    """Somebody read personal data in full."""
    RULES_CHANGED = 21
    STAFF_CHANGED = 22
    APPROVED = 23
    """A manager's yes to somebody else's action."""
    SHIFT = 24
    """Opened, handed over, closed; cash in and out."""
    COUPON = 25
    STOCK = 26
    EXPORTED = 27
    IMPORTED = 28
    BATCH_CHANGE = 29
    """A change of many members at once: one entry for each of them names it."""
    LEVEL = 30
    SIGNED_IN = 31
    """A sign-in, or a lock after too many tries."""
    TRANSFER = 32
    """A card or a balance that went to another member."""
    MENDED = 33
    """Projections that were made again from the journal."""
    GRANTED = 40
    """Room that the chain's cloud gave this device, to hold (LEASE) or for one sale (ONLINE)."""
    RELEASED = 41
    """Room given back to the cloud."""
    LEASE_VOIDED = 42
    """What was held when a new epoch began: the cloud has taken it back already."""


class Funding(IntEnum):
    """Where a posting's right to spend came from (protocol: every leaf names it)."""

    HOME = 0
    """This device holds the whole account: a standalone shop."""
    LEASE = 1
    ONLINE = 2
    PURSE = 3
    CREDIT = 4


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """An account is (owner, asset, lot). `lot` is the dseq of the entry that opened it, 0 if the
    asset is not kept in lots.

    Owners: `member:<id>`, `employee:<id>`, `shop`, `tender:<name>`, in a chain also `chain` (the
    rest of the merchant, docs/leases.md) and `credit:<member>` (`owed`: sold without cover). Assets
    of a member: `principal`, `bonus`, `points`, `pass:<code>`, each in lots; of the shop: `sales`,
    `fees`, `bonus_given`, `expired`, `kept` (what a refund of a balance left with the shop),
    `drawer` (cash in and out), `commission`, `points`, `pass:<code>`; of a tender: `taken`; of an
    employee: `commission`.
    """

    owner: str
    asset: str
    lot: int = 0

    @property
    def unit(self) -> str:
        """What is counted: `fen` for money, else the asset itself."""
        if self.asset == "points" or self.asset.startswith("pass:"):
            return self.asset
        return "fen"

    @property
    def may_be_negative(self) -> bool:
        return not self.owner.startswith("member:")


@dataclass(frozen=True, slots=True)
class Posting:
    """`amount` units are added to `account` (negative: taken from it)."""

    account: Account
    amount: int
    funding: Funding = Funding.HOME


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before the ledger gives it a place in the chain.

    `op_id` is the id of the operation that was made durable before; `refers_to` the op_id that a
    void corrects; `detail` small facts (integers and short strings) that the leaf must carry.
    """

    op_id: str
    kind: Kind
    at_ms: int
    actor: str
    member_id: str | None = None
    card_id: str | None = None
    card_counter: int | None = None
    refers_to: str | None = None
    postings: tuple[Posting, ...] = ()
    detail: Mapping[str, int | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_balanced(self.postings)


@dataclass(frozen=True, slots=True)
class Entry:
    """A draft with its place: `dseq` counts from 1 without a gap on one device and epoch."""

    dseq: int
    draft: Draft

    def leaf(self) -> bytes:
        draft = self.draft
        body: dict[int, object] = {
            0: FORMAT,
            1: self.dseq,
            2: draft.op_id,
            3: int(draft.kind),
            4: draft.at_ms,
            5: draft.actor,
            6: draft.member_id,
            7: draft.card_id,
            8: draft.card_counter,
            9: draft.refers_to,
            10: [
                [p.account.owner, p.account.asset, p.account.lot, p.amount, int(p.funding)]
                for p in draft.postings
            ],
            11: dict(draft.detail) or None,
        }
        body = {key: value for key, value in body.items() if value is not None}
        # The keys above are in canonical order already; only those of `detail` need sorting.
        return cbor2.dumps(body, canonical=bool(draft.detail))


def require_balanced(postings: tuple[Posting, ...]) -> None:
    """Asserts the invariants of double entry: bounded, non-zero, one posting an account, and each
    unit sums to zero."""
    assert len(postings) <= MOST_POSTINGS
    sums: dict[str, int] = {}
    for posting in postings:
        assert posting.amount != 0 and abs(posting.amount) <= MAX_FEN
        sums[posting.account.unit] = sums.get(posting.account.unit, 0) + posting.amount
    assert all(total == 0 for total in sums.values()), "postings do not sum to zero"
    assert len({posting.account for posting in postings}) == len(postings)


def chain_hash(previous: bytes, leaf: bytes) -> bytes:
    assert len(previous) == 32
    return hashlib.sha256(b"\x02" + previous + leaf).digest()


def parse_leaf(leaf: bytes) -> Entry:
    """Reads a leaf back, refusing every byte string that `Entry.leaf` would not have written.

    Raises BadRequest("leaf_malformed").
    """
    try:
        entry = _read(leaf)
        same = entry.leaf() == leaf
    except (
        AssertionError,
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
        cbor2.CBORError,
    ) as error:
        raise BadRequest("leaf_malformed") from error
    if not same:
        raise BadRequest("leaf_malformed")
    return entry


def _read(leaf: bytes) -> Entry:
    body = cbor2.loads(leaf)
    if not isinstance(body, dict) or body.get(0) != FORMAT or not set(body) <= set(range(12)):
        raise ValueError("not a leaf of this format")
    postings = tuple(
        Posting(Account(_text(owner), _text(asset), _whole(lot)), _whole(amount), Funding(funding))
        for owner, asset, lot, amount, funding in body[10]
    )
    detail = body.get(11, {})
    if not isinstance(detail, dict) or not all(
        isinstance(k, str) and isinstance(v, int | str) for k, v in detail.items()
    ):
        raise ValueError("detail holds numbers and short strings only")
    draft = Draft(
        op_id=_text(body[2]),
        kind=Kind(body[3]),
        at_ms=_whole(body[4]),
        actor=_text(body[5]),
        member_id=_maybe_text(body.get(6)),
        card_id=_maybe_text(body.get(7)),
        card_counter=None if body.get(8) is None else _whole(body[8]),
        refers_to=_maybe_text(body.get(9)),
        postings=postings,
        detail=detail,
    )
    return Entry(_whole(body[1]), draft)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def _maybe_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("not an integer")
    return value
