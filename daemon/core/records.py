"""The rows of the books as values: what the ledger hands out and takes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from daemon.core.card import CardStatus, Technology
from daemon.core.entry import Account


class OpState(Enum):
    """Life of an operation: made durable OPEN before anything is tried, ends in one of the rest.

    UNKNOWN is a torn card commit: it still ends APPROVED or CANCELLED at the next tap. PARKED is a
    sale that was set aside (挂单)."""

    OPEN = "open"
    PARKED = "parked"
    UNKNOWN = "unknown"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in (OpState.APPROVED, OpState.DECLINED, OpState.CANCELLED)


SALE: Final = "sale"
"""The kind of an operation that is a sale."""


@dataclass(frozen=True, slots=True)
class Operation:
    """`client_key` is who asked and their Idempotency-Key; `request` what was asked and `answer`
    what was answered when it ended, both JSON-ready."""

    op_id: str
    kind: str
    state: OpState
    actor: str
    created_ms: int
    request: Mapping[str, Any]
    client_key: str | None = None
    reason: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    settled_ms: int | None = None
    dseq: int | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """One account's balance. `rule` is the rule that a lot was bought under, as it was then."""

    account: Account
    balance: int
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """What the books know of a member without personal data. `number` is printed and spoken."""

    member_id: str
    number: str
    category: str
    status: str
    created_ms: int
    pin_hash: str | None = None
    pin_failures: int = 0
    pin_locked_until_ms: int = 0
    level: str | None = None
    valid_to: str | None = None
    """Last day of the benefits, YYYY-MM-DD. Never of the principal."""
    tags: tuple[str, ...] = ()
    fields: Mapping[str, str | int] = field(default_factory=dict)
    """Custom fields that the merchant marked as not personal; the others are in `Personal`."""
    referrer: str | None = None
    named: bool = True


@dataclass(frozen=True, slots=True)
class Personal:
    """Personal data, kept apart and encrypted under a key of its own for each member.

    `gender` is "f", "m" or "". `birthday` is YYYY-MM-DD, --MM-DD where the year was not told, or
    "". `fields` are the custom fields that the merchant marked as personal."""

    name: str
    phone: str = ""
    gender: str = ""
    birthday: str = ""
    fields: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdentityPaper:
    """Who bought a card or had it bought (C8). `kind` is id_card, passport or licence."""

    kind: str
    number: str
    name: str
    agent_kind: str = ""
    agent_number: str = ""
    agent_name: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's habits so far. Days are YYYY-MM-DD in the shop's time zone."""

    member_id: str
    first_day: str | None = None
    last_day: str | None = None
    visits: int = 0
    spent_fen: int = 0
    recharged_fen: int = 0
    points_earned: int = 0
    principal_fen: int = 0
    bonus_fen: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """`counter` is the last settled counter of the card, `pending` the intent (counter + 1) that
    was written before a commit, with the operation it was for."""

    card_id: str
    member_id: str
    uid: bytes
    technology: Technology
    status: CardStatus
    key_version: int | None = None
    counter: int | None = None
    pending: int | None = None
    pending_op: str | None = None
    issued_ms: int = 0
    number: str | None = None
    """As it is printed on the plastic."""
    valid_to: str | None = None
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class Employee:
    employee_id: str
    number: str
    name: str
    role: str
    pin_hash: str
    failures: int = 0
    locked_until_ms: int = 0
    grade: str = ""
    active: bool = True
    language: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """`token_hash` is SHA-256 over the bearer token: the books never hold the token."""

    token_hash: bytes
    employee_id: str
    created_ms: int
    seen_ms: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A sealed batch. `manifest` is the COSE_Sign1 message, `head` the SHA-256 over it, which the
    next batch names as its previous."""

    bseq: int
    first_dseq: int
    last_dseq: int
    head: bytes
    manifest: bytes
    sealed_ms: int
    receipted_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the journal ends. `chain` is the hash of entry `dseq` (GENESIS for dseq 0)."""

    dseq: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """`prints` counts papers so far; `state` is waiting, printing, printed, unconfirmed, failed."""

    receipt_id: str
    number: str
    op_id: str
    created_ms: int
    document: Mapping[str, Any]
    prints: int = 0
    state: str = "waiting"


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one section of the merchant's rules. `content` is JSON-ready."""

    section: str
    version: int
    content: Mapping[str, Any]
    changed_ms: int
    actor: str
    note: str = ""

    @property
    def sha256(self) -> str:
        """In hex, over the content as JSON with sorted keys and no spaces, in UTF-8: what the
        journal says of the version, so that nobody can change it afterwards unseen."""
        text = json.dumps(self.content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
