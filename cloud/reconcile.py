"""What a run of kept batches comes to, per tender and per kind, and whether it agrees with itself.

Two ways lead to every closing: the running ledger that the device signed, and the accounts that
were derived here from every single posting. Where they differ, the report says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloud.store import Store
from daemon.core.entry import Account, Kind
from daemon.sync.envelope import MEMBERS, Discrepancy, Identity, Manifest, Pending, Position, Row

SALES: Final = ("shop", "sales")
KINDS: Final = {
    "sales": Kind.SALE,
    "recharges": Kind.RECHARGE,
    "voided_sales": Kind.VOID_SALE,
    "voided_recharges": Kind.VOID_RECHARGE,
}


@dataclass(frozen=True, slots=True)
class Line:
    """Opening, movement and closing of one tender or one part of what is owed to members. Signed
    for a person: money taken in and money owed are positive."""

    name: str
    unit: str
    opening: int
    movement: int

    @property
    def closing(self) -> int:
        return self.opening + self.movement


@dataclass(frozen=True, slots=True)
class KindLine:
    """Entries of one kind: what went through `shop/sales`, through the tenders, and through the
    members' bonus. All are positive for the ordinary direction of that kind: a sale draws bonus, a
    recharge gives it, a void counts what it took back."""

    count: int
    sales_fen: int
    tendered_fen: int
    bonus_fen: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    identity: Identity
    batches: int
    entries: int
    first_ms: int | None
    last_ms: int | None
    after: Position
    tenders: tuple[Line, ...]
    liability: tuple[Line, ...]
    kinds: Mapping[str, KindLine]
    other_kinds: Mapping[str, int]
    pending: tuple[Pending, ...]
    discrepancies: tuple[tuple[int, Discrepancy], ...]
    quarantined: tuple[tuple[int, str, int], ...]

    @property
    def agrees(self) -> bool:
        return not self.discrepancies


def reconcile(store: Store, before: Position, after: Position) -> Reconciliation:
    """What lies between two positions of one journal. Raises SyncError("store_damaged")."""
    identity = after.identity
    manifests = list(store.manifests(identity, before.bseq, after.bseq))
    found = [(m.bseq, d) for m in manifests for d in m.discrepancies]
    if store.position(identity).bseq == after.bseq:
        found += [(after.bseq, d) for d in _derived_differ(store, after)]
    named = set(KINDS.values())
    others = Counter[str]()
    for manifest in manifests:
        others.update(
            {k.name.lower(): t.count for k, t in manifest.kinds.items() if k not in named}
        )
    return Reconciliation(
        identity=identity,
        batches=len(manifests),
        entries=after.dseq - before.dseq,
        first_ms=manifests[0].first_ms if manifests else None,
        last_ms=manifests[-1].last_ms if manifests else None,
        after=after,
        tenders=_tenders(before.balances, after.balances),
        liability=_liability(before.balances, after.balances),
        kinds={name: _kind_line(manifests, kind) for name, kind in KINDS.items()},
        other_kinds=dict(sorted(others.items())),
        pending=manifests[-1].pending if manifests else (),
        discrepancies=tuple(found),
        quarantined=tuple(store.quarantined(identity)),
    )


def as_json(report: Reconciliation) -> dict[str, Any]:
    """The report as plain values; amounts in fen unless a line names another unit."""
    who, after = report.identity, report.after
    return {
        "merchant": who.merchant,
        "store": who.store,
        "device": who.device,
        "epoch": who.epoch,
        "batches": report.batches,
        "entries": report.entries,
        "first_ms": report.first_ms,
        "last_ms": report.last_ms,
        "head": {
            "bseq": after.bseq,
            "hash": after.head.hex(),
            "dseq": after.dseq,
            "chain": after.chain.hex(),
        },
        "tenders": [_line(line) for line in report.tenders],
        "liability": [_line(line) for line in report.liability],
        **{
            name: {
                "count": line.count,
                "sales_fen": line.sales_fen,
                "tendered_fen": line.tendered_fen,
                "bonus_fen": line.bonus_fen,
            }
            for name, line in report.kinds.items()
        },
        "other_kinds": dict(report.other_kinds),
        "pending": [{"op_id": item.op_id, "state": item.state} for item in report.pending],
        "reconciled": report.agrees,
        "discrepancies": [
            {
                "bseq": bseq,
                "type": d.type,
                "reference": d.reference,
                "expected": d.expected,
                "found": d.found,
            }
            for bseq, d in report.discrepancies
        ],
        "quarantined": [
            {"after_bseq": after_bseq, "reason": reason, "times": times}
            for after_bseq, reason, times in report.quarantined
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "unit": line.unit,
        "opening": line.opening,
        "movement": line.movement,
        "closing": line.closing,
    }


def _tenders(before: Mapping[Row, int], after: Mapping[Row, int]) -> tuple[Line, ...]:
    """Credit-positive turned round: a tender that took in 500.00 stands at 50000."""
    rows = [row for row in sorted(after) if row[0].startswith("tender:")]
    return tuple(
        Line(
            row[0].removeprefix("tender:"),
            Account(*row).unit,
            -before.get(row, 0),
            before.get(row, 0) - after[row],
        )
        for row in rows
    )


def _liability(before: Mapping[Row, int], after: Mapping[Row, int]) -> tuple[Line, ...]:
    rows = [row for row in sorted(after) if row[0] == MEMBERS]
    return tuple(
        Line(row[1], Account(*row).unit, before.get(row, 0), after[row] - before.get(row, 0))
        for row in rows
    )


def _kind_line(manifests: Iterable[Manifest], kind: Kind) -> KindLine:
    totals = [manifest.kinds[kind] for manifest in manifests if kind in manifest.kinds]
    moved: Counter[Row] = Counter()
    for total in totals:
        moved.update(total.moved)
    back = -1 if kind in (Kind.VOID_SALE, Kind.VOID_RECHARGE) else 1
    sells = kind in (Kind.SALE, Kind.VOID_SALE)
    tendered = sum(amount for (owner, _), amount in moved.items() if owner.startswith("tender:"))
    return KindLine(
        count=sum(total.count for total in totals),
        sales_fen=back * moved[SALES],
        tendered_fen=back * -tendered,
        bonus_fen=(-back if sells else back) * moved[(MEMBERS, "bonus")],
    )


def _derived_differ(store: Store, after: Position) -> list[Discrepancy]:
    derived = store.account_rows(after.identity)
    found = [
        Discrepancy("TOTALS", f"{owner}/{asset}", after.balances.get((owner, asset), 0), amount)
        for (owner, asset), amount in sorted(
            {**dict.fromkeys(after.balances, 0), **derived}.items()
        )
        if amount != after.balances.get((owner, asset), 0)
    ]
    found += [
        Discrepancy("NEGATIVE", f"{owner}/{asset}/{lot}", 0, balance)
        for owner, asset, lot, balance in store.overdrawn(after.identity)
    ]
    return found
