"""What a shift's journal adds up to (E3): the figures of its X and Z reports, and the cash that the
drawer must hold. Computed from the entries alone, never from a counter kept beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.core.entry import Account, Draft, Entry, Kind
from daemon.core.errors import BadRequest

CASH: Final = Account("tender:cash", "taken")
DRAWER: Final = Account("shop", "drawer")
OVER_SHORT: Final = Account("shop", "over_short")
OPENED: Final = "shift_opened"
COUNTED: Final = "shift_handed_over"
CLOSED: Final = "shift_closed"
CASH_IN: Final = "cash_in"
CASH_OUT: Final = "cash_out"
MOST_NOTES: Final = 100_000
"""Of one kind: far above what a drawer holds."""
_TENDER: Final = "tender:"
_PURSE: Final = ("purse", "purse_back")
"""Assets of a card: what its purse paid, and what came back of that."""
_SALES: Final = Account("shop", "sales")
_FEES: Final = Account("shop", "fees")
_KEPT: Final = Account("shop", "kept")
_OF_SALES: Final = (Kind.SALE, Kind.REFUND, Kind.VOID_SALE, Kind.FEE)
"""What a member's balance pays for, or is given back from."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A row of the books. `opening` is the balance of each tender's account just before the shift,
    `counted` notes by value in fen, `report` what its Z report says."""

    shift_id: str
    number: int
    opened_ms: int
    opened_by: str
    held_by: str
    float_fen: int
    first_dseq: int
    opening: Mapping[str, int] = field(default_factory=dict)
    closed_ms: int | None = None
    closed_by: str | None = None
    last_dseq: int | None = None
    counted: Mapping[str, int] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    receipt_id: str | None = None


@dataclass(slots=True)
class Sum:
    """How many, and what they come to."""

    count: int = 0
    fen: int = 0

    def add(self, fen: int) -> None:
        self.count += 1
        self.fen += fen

    def as_json(self) -> dict[str, int]:
        return {"count": self.count, "fen": self.fen}


@dataclass(slots=True)
class Flow:
    """What came in and what went out again, both as positive figures."""

    taken: int = 0
    given: int = 0

    def add(self, amount: int) -> None:
        if amount > 0:
            self.taken += amount
        else:
            self.given -= amount


@dataclass(slots=True)
class Cashier:
    """What one employee did in the shift. `cash_fen` is what the employee put into the drawer, less
    what was paid out."""

    sales: Sum = field(default_factory=Sum)
    refunds: Sum = field(default_factory=Sum)
    recharges: Sum = field(default_factory=Sum)
    cash_fen: int = 0


@dataclass(slots=True)
class Drawer:
    """Cash, step by step. What customers paid and got is in the tender's own flow."""

    float_fen: int = 0
    in_fen: int = 0
    out_fen: int = 0
    found_fen: int = 0
    """Differences of counts within the shift, booked when they were found."""
    expected_fen: int = 0
    """The fold of the cash account, whatever moved it."""


class Tally:
    """Grows entry by entry, in order. `first_dseq` is the entry that opened the shift."""

    def __init__(self, first_dseq: int) -> None:
        self.first_dseq = self.next_dseq = first_dseq
        self.sums = {name: Sum() for name in ("sales", "refunds", "voids", "fees")}
        self.recharges, self.recharge_voids = Sum(), Sum()
        self.bonus_fen = 0
        self.balance_refunds = Sum()
        self.kept_fen = 0
        self.overrides = Sum()
        self.tenders: dict[str, Flow] = {}
        self.moved: dict[str, int] = {}
        self.points, self.passes = Flow(), Flow()
        self.drawer = Drawer()
        self.cashiers: dict[str, Cashier] = {}
        self.hand_overs: list[dict[str, int | str]] = []

    def add(self, entry: Entry) -> None:
        """Asserts that no entry is left out."""
        assert entry.dseq == self.next_dseq, "an entry is missing"
        self.next_dseq += 1
        draft = entry.draft
        self._add_tenders(draft)
        self._add_assets(draft)
        self._add_kind(draft)
        if draft.kind is Kind.SHIFT:
            self._add_shift(draft)

    def _add_tenders(self, draft: Draft) -> None:
        for posting in draft.postings:
            owner = posting.account.owner
            if not owner.startswith(_TENDER):
                continue
            self.moved[owner] = self.moved.get(owner, 0) + posting.amount
            if draft.kind is not Kind.SHIFT:
                self._tender(owner.removeprefix(_TENDER)).add(-posting.amount)
                if posting.account == CASH:
                    self._cashier(draft.actor).cash_fen -= posting.amount
        self.drawer.expected_fen = -self.moved.get(CASH.owner, 0)

    def _add_assets(self, draft: Draft) -> None:
        for posting in draft.postings:
            account = posting.account
            if account.asset in _PURSE and draft.kind in _OF_SALES:
                self._tender("purse").add(-posting.amount)
            if not account.owner.startswith("member:"):
                continue
            if account.asset == "points":
                self.points.add(posting.amount)
            elif account.asset.startswith("pass:"):
                self.passes.add(posting.amount)
            elif draft.kind in _OF_SALES:
                self._tender("stored").add(-posting.amount)

    def _add_kind(self, draft: Draft) -> None:
        kind, who = draft.kind, self._cashier
        if kind is Kind.SALE:
            self.sums["sales"].add(_on(draft, _SALES))
            who(draft.actor).sales.add(_on(draft, _SALES))
            self.overrides.count += int(draft.detail.get("overrides", 0))
            self.overrides.fen += int(draft.detail.get("override_fen", 0))
        elif kind is Kind.REFUND:
            self.sums["refunds"].add(-_on(draft, _SALES))
            who(draft.actor).refunds.add(-_on(draft, _SALES))
        elif kind is Kind.VOID_SALE:
            self.sums["voids"].add(-_on(draft, _SALES))
            who(draft.actor).refunds.add(-_on(draft, _SALES))
        elif kind is Kind.RECHARGE:
            self.recharges.add(_of_members(draft, "principal"))
            self.bonus_fen += _of_members(draft, "bonus")
            who(draft.actor).recharges.add(_of_members(draft, "principal"))
        elif kind is Kind.VOID_RECHARGE:
            self.recharge_voids.add(-_of_members(draft, "principal"))
            self.bonus_fen += _of_members(draft, "bonus")
        elif kind is Kind.BALANCE_REFUND:
            self.balance_refunds.add(-_of_members(draft, "principal"))
            self.kept_fen += _on(draft, _KEPT)
        fee_fen = _on(draft, _FEES)
        if fee_fen:
            self.sums["fees" if fee_fen > 0 else "voids"].add(abs(fee_fen))

    def _add_shift(self, draft: Draft) -> None:
        event = draft.detail.get("event")
        cash = -_on(draft, CASH)
        if event == OPENED:
            self.drawer.float_fen += cash
        elif event == CASH_IN:
            self.drawer.in_fen += cash
        elif event == CASH_OUT:
            self.drawer.out_fen -= cash
        elif event == COUNTED:
            self.drawer.found_fen += cash
            told = {name: draft.detail.get(name, "") for name in ("from", "to", "counted_fen")}
            self.hand_overs.append({"at_ms": draft.at_ms, "difference_fen": cash, **told})

    def _tender(self, name: str) -> Flow:
        return self.tenders.setdefault(name, Flow())

    def _cashier(self, number: str) -> Cashier:
        return self.cashiers.setdefault(number, Cashier())

    def require_agreement(self, opening: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Asserts that each tender's account stands where its entries say, and that the drawer's
        steps add up to what the cash account says."""
        for owner in {*opening, *now, *self.moved}:
            expected = opening.get(owner, 0) + self.moved.get(owner, 0)
            assert now.get(owner, 0) == expected, f"{owner} does not agree with the journal"
        assert self.steps_fen == self.drawer.expected_fen, "the drawer's steps do not add up"

    @property
    def steps_fen(self) -> int:
        """Float + cash taken - cash paid out + in - out + differences that were found."""
        cash, drawer = self.tenders.get("cash", Flow()), self.drawer
        customers = cash.taken - cash.given
        return drawer.float_fen + customers + drawer.in_fen - drawer.out_fen + drawer.found_fen


def figures(tally: Tally, *, discount_fen: int, counted_fen: int | None = None) -> dict[str, Any]:
    """The report as it is kept and shown, JSON-ready, all in fen. `counted_fen` is None on an X
    report."""
    cash = tally.tenders.get("cash", Flow())
    drawer = tally.drawer
    expected = drawer.expected_fen
    return {
        **{name: each.as_json() for name, each in tally.sums.items()},
        "recharges": tally.recharges.as_json(),
        "recharge_voids": tally.recharge_voids.as_json(),
        "bonus_fen": tally.bonus_fen,
        "balance_refunds": {**tally.balance_refunds.as_json(), "kept_fen": tally.kept_fen},
        "discount_fen": discount_fen,
        "overrides": tally.overrides.as_json(),
        "tenders": [
            {"tender": name, "taken_fen": flow.taken, "paid_out_fen": flow.given}
            for name, flow in sorted(tally.tenders.items())
        ],
        "points": {"given": tally.points.taken, "used": tally.points.given},
        "passes": {"given": tally.passes.taken, "used": tally.passes.given},
        "cash": {
            "float_fen": drawer.float_fen,
            "taken_fen": cash.taken,
            "paid_out_fen": cash.given,
            "in_fen": drawer.in_fen,
            "out_fen": drawer.out_fen,
            "found_fen": drawer.found_fen,
            "expected_fen": expected,
            "counted_fen": counted_fen,
            "difference_fen": None if counted_fen is None else counted_fen - expected,
        },
        "cashiers": [
            {
                "number": number,
                "sales": each.sales.as_json(),
                "refunds": each.refunds.as_json(),
                "recharges": each.recharges.as_json(),
                "cash_fen": each.cash_fen,
            }
            for number, each in sorted(tally.cashiers.items())
        ],
        "hand_overs": tally.hand_overs,
    }


def count_notes(counted: Iterable[tuple[int, int]], known: Iterable[int]) -> dict[str, int]:
    """(value in fen, how many) -> notes by value, none of them zero.

    Raises BadRequest("note_unknown" | "note_twice" | "note_count_malformed")."""
    values, notes = frozenset(known), {}
    for value, count in counted:
        if value not in values:
            raise BadRequest("note_unknown", note_fen=value)
        if str(value) in notes:
            raise BadRequest("note_twice", note_fen=value)
        if not 0 <= count <= MOST_NOTES:
            raise BadRequest("note_count_malformed", note_fen=value)
        notes[str(value)] = count
    return {value: count for value, count in notes.items() if count}


def worth(notes: Mapping[str, int]) -> int:
    """What counted notes come to, in fen."""
    return sum(int(value) * count for value, count in notes.items())


def _on(draft: Draft, account: Account) -> int:
    return sum(posting.amount for posting in draft.postings if posting.account == account)


def _of_members(draft: Draft, asset: str) -> int:
    return sum(
        posting.amount
        for posting in draft.postings
        if posting.account.owner.startswith("member:") and posting.account.asset == asset
    )
