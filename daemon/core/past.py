"""What is asked of the past and what comes back: consumption records (F1) and the log (E4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from daemon.core.entry import Draft, Kind

LINE_KINDS: Final[dict[str, Kind]] = {
    "sale": Kind.SALE,
    "refund": Kind.REFUND,
    "void": Kind.VOID_SALE,
}
"""Kinds whose records are lines of goods."""
ENTRY_KINDS: Final[dict[str, Kind]] = {
    "recharge": Kind.RECHARGE,
    "recharge_void": Kind.VOID_RECHARGE,
    "balance_refund": Kind.BALANCE_REFUND,
    "fee": Kind.FEE,
    "points": Kind.POINTS,
    "expired": Kind.EXPIRED,
    "transfer": Kind.TRANSFER,
}
"""Kinds whose record is the entry itself."""
RECORD_KINDS: Final = {**LINE_KINDS, **ENTRY_KINDS}
NAME_OF_KIND: Final = {kind: name for name, kind in RECORD_KINDS.items()}


@dataclass(frozen=True, slots=True)
class RecordsWanted:
    """Records of operations that began in `from_ms` <= t < `to_ms`. "" is any; `kinds` are names of
    `RECORD_KINDS`, none: all. A code or category leaves lines of goods alone."""

    from_ms: int
    to_ms: int
    member_id: str = ""
    card_id: str = ""
    code: str = ""
    category: str = ""
    actor: str = ""
    kinds: frozenset[str] = field(default_factory=frozenset)

    @property
    def line_kinds(self) -> list[Kind]:
        return [kind for name, kind in LINE_KINDS.items() if self._is_wanted(name)]

    @property
    def entry_kinds(self) -> list[Kind]:
        if self.code or self.category:
            return []
        return [kind for name, kind in ENTRY_KINDS.items() if self._is_wanted(name)]

    def _is_wanted(self, name: str) -> bool:
        return not self.kinds or name in self.kinds


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A line of goods, or an entry that moved a balance (`line_id` ""). Refunds are negative.
    `quantity` counts parts of the unit. `paid_fen` of an entry is what came in from outside, or the
    fee."""

    op_id: str
    line_id: str
    dseq: int
    at_ms: int
    kind: Kind
    actor: str
    member_id: str | None
    card_id: str | None
    code: str
    category: str
    name: str
    quantity: int
    parts: int
    list_fen: int
    paid_fen: int
    points: int

    @property
    def discount_fen(self) -> int:
        return self.list_fen - self.paid_fen


@dataclass(frozen=True, slots=True)
class RecordSum:
    """All records of one kind. `quantity` in whole units, rounded down where parts were sold."""

    kind: Kind
    count: int
    quantity: int
    list_fen: int
    paid_fen: int
    points: int

    @property
    def discount_fen(self) -> int:
        return self.list_fen - self.paid_fen

    def plus(self, other: RecordSum | None) -> RecordSum:
        """Both together; of the same kind."""
        if other is None:
            return self
        assert other.kind is self.kind
        return RecordSum(
            self.kind,
            self.count + other.count,
            self.quantity + other.quantity,
            self.list_fen + other.list_fen,
            self.paid_fen + other.paid_fen,
            self.points + other.points,
        )


@dataclass(frozen=True, slots=True)
class LogWanted:
    """Entries that fit all that is given; "" and None are any."""

    actor: str = ""
    approver: str = ""
    event: str = ""
    kind: Kind | None = None
    member_id: str = ""
    card_id: str = ""

    def fits(self, draft: Draft) -> bool:
        """The last word: the columns that a search goes by only repeat the leaf."""
        return (
            self.actor in ("", draft.actor)
            and self.approver in ("", draft.detail.get("approver"))
            and self.event in ("", draft.detail.get("event"))
            and self.kind in (None, draft.kind)
            and self.member_id in ("", draft.member_id)
            and self.card_id in ("", draft.card_id)
        )


@dataclass(frozen=True, slots=True)
class LogRow:
    """An entry with the hash of the chain up to it."""

    dseq: int
    draft: Draft
    chain: bytes
