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
from daemon.core.spelling import ARRAY, MAP, facts, head, text, whole

GENESIS: Final = bytes(32)
FORMAT: Final = 1
MOST_POSTINGS: Final = 64
"""A sale draws on a handful of lots; a bound keeps a leaf under a few KiB."""
_KEYS: Final = frozenset(range(12))
_TEXT: Final = {str}
_WHOLE: Final = {int}
_FORMAT_AND_DSEQ: Final = bytes((0, FORMAT, 1))
"""The first pair of the map, and the key of the second."""
_FIVE: Final = head(ARRAY, 5)


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
    PURSE = 34
    """Money of a card's electronic purse that no sale stands for: loaded, put into the account, or
    a word of the back office that the card has corrected."""
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
    `drawer` (cash in and out), `purse_doubt`, `commission`, `points`, `pass:<code>`; of a tender:
    `taken`; of an employee: `commission`; of a card (`card:<id>`): `purse` (what is on it, as far
    as this journal moved it), `purse_loading` and `purse_back` (on the way to it and from it).
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
        """The map {0: format, 1: dseq, 2: op_id ... 11: detail}, spelled; what is None is left
        out, and so is a detail without facts."""
        draft = self.draft
        spelled = [
            _FORMAT_AND_DSEQ, whole(self.dseq), b"\x02", text(draft.op_id), b"\x03",
            whole(int(draft.kind)), b"\x04", whole(draft.at_ms), b"\x05", text(draft.actor),
        ]  # fmt: skip
        keys = 7
        if draft.member_id is not None:
            spelled += (b"\x06", text(draft.member_id))
            keys += 1
        if draft.card_id is not None:
            spelled += (b"\x07", text(draft.card_id))
            keys += 1
        if draft.card_counter is not None:
            spelled += (b"\x08", whole(draft.card_counter))
            keys += 1
        if draft.refers_to is not None:
            spelled += (b"\x09", text(draft.refers_to))
            keys += 1
        spelled += (b"\x0a", head(ARRAY, len(draft.postings)))
        for p in draft.postings:
            account = p.account
            spelled += (
                _FIVE, text(account.owner), text(account.asset), whole(account.lot),
                whole(p.amount), whole(int(p.funding)),
            )  # fmt: skip
        if draft.detail:
            spelled += (b"\x0b", facts(draft.detail))
            keys += 1
        return head(MAP, keys) + b"".join(spelled)


def require_balanced(postings: tuple[Posting, ...]) -> None:
    """Asserts the invariants of double entry: bounded, non-zero, one posting an account, and each
    unit sums to zero."""
    assert len(postings) <= MOST_POSTINGS
    sums: dict[str, int] = {}
    accounts: set[Account] = set()
    for posting in postings:
        amount, account = posting.amount, posting.account
        assert amount != 0 and -MAX_FEN <= amount <= MAX_FEN
        unit = account.unit
        sums[unit] = sums.get(unit, 0) + amount
        accounts.add(account)
    assert not any(sums.values()), "postings do not sum to zero"
    assert len(accounts) == len(postings)


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
    if not isinstance(body, dict) or body.get(0) != FORMAT or not body.keys() <= _KEYS:
        raise ValueError("not a leaf of this format")
    get = body.get
    detail = get(11, {})
    if type(detail) is not dict:
        raise ValueError("detail is a map")
    for name, fact in detail.items():
        if type(name) is not str or not isinstance(fact, int | str):
            raise ValueError("detail holds numbers and short strings only")
    texts = (body[2], body[5], get(6, ""), get(7, ""), get(9, ""))
    if set(map(type, texts)) != _TEXT:
        raise ValueError("not a text")
    # True and False are integers to Python.
    if set(map(type, (body[1], body[4], get(8, 0)))) != _WHOLE:
        raise ValueError("not an integer")
    draft = Draft(
        body[2],
        Kind(body[3]),
        body[4],
        body[5],
        get(6),
        get(7),
        get(8),
        get(9),
        tuple([_posting(*each) for each in body[10]]),
        detail,
    )
    return Entry(body[1], draft)


def _posting(owner: object, asset: object, lot: object, amount: object, funding: int) -> Posting:
    if type(owner) is not str or type(asset) is not str:
        raise ValueError("not a text")
    if type(lot) is not int or type(amount) is not int:
        raise ValueError("not an integer")
    return Posting(Account(owner, asset, lot), amount, Funding(funding))
