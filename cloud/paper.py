"""The reconciliation as a page for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cloud.reconcile import KindLine, Line, Reconciliation
from daemon.core.money import yuan


def page(report: Reconciliation) -> str:
    return "\n".join(_lines(report))


def _lines(report: Reconciliation) -> Iterator[str]:
    who, after = report.identity, report.after
    yield f"{who.merchant} / store {who.store} / device {who.device} / epoch {who.epoch}"
    if report.batches and report.first_ms is not None and report.last_ms is not None:
        first = after.bseq - report.batches + 1
        yield (
            f"new: batches {first} to {after.bseq} with {report.entries} entries,"
            f" {_time(report.first_ms)} to {_time(report.last_ms)}"
        )
    else:
        yield "new: nothing"
    yield ""
    yield f"{'tender':<24}{'opening':>16}{'movement':>16}{'closing':>16}"
    yield from map(_account_line, report.tenders)
    yield f"{'owed to members':<24}{'opening':>16}{'movement':>16}{'closing':>16}"
    yield from map(_account_line, report.liability)
    money = [line for line in report.liability if line.unit == "fen"]
    yield _account_line(
        Line("total", "fen", sum(x.opening for x in money), sum(x.movement for x in money))
    )
    yield ""
    yield from (_kind_line(name, line) for name, line in report.kinds.items())
    if report.other_kinds:
        others = ", ".join(f"{name} {count}" for name, count in report.other_kinds.items())
        yield f"other entries: {others}"
    yield ""
    yield f"chain head: entry {after.dseq} {after.chain.hex()}"
    yield f"batch head: batch {after.bseq} {after.head.hex()}"
    for item in report.pending:
        yield f"pending: {item.op_id} is {item.state}"
    for behind, reason, times in report.quarantined:
        yield f"QUARANTINED behind batch {behind}: {reason} ({times} times)"
    for bseq, wrong in report.discrepancies:
        yield (
            f"NOT RECONCILED batch {bseq}: {wrong.type} {wrong.reference},"
            f" expected {wrong.expected}, found {wrong.found}"
        )
    if report.agrees:
        yield "reconciled: everything agrees"


def _account_line(line: Line) -> str:
    name = line.name if line.unit == "fen" else f"{line.name} ({line.unit})"
    shown = [_amount(line.unit, value) for value in (line.opening, line.movement, line.closing)]
    return f"  {name:<22}" + "".join(f"{text:>16}" for text in shown)


def _kind_line(name: str, line: KindLine) -> str:
    words = name.replace("_", " ")
    sums = [f"{word} {yuan(amount)}" for word, amount in _sums(line) if amount]
    return f"{words:<18}{line.count:>6}   " + ", ".join(sums or ["0.00"])


def _sums(line: KindLine) -> tuple[tuple[str, int], ...]:
    return (
        ("sold", line.sales_fen),
        ("paid", line.tendered_fen),
        ("of it bonus" if line.sales_fen else "bonus", line.bonus_fen),
    )


def _amount(unit: str, value: int) -> str:
    return yuan(value) if unit == "fen" else str(value)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
