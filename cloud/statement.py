"""The acquirer's statement against the journals: what was paid through WeChat, Alipay or the bank
must be on both sides, once, with the same amount.

The reference is the operation's id, which is the merchant's order number at the acquirer and on the
receipt. A file has a heading; the columns are found by what they are called, in Chinese or English.
Amounts are yuan, refunds negative. Nothing is corrected here: each difference is a discrepancy.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud.books import CloudBooks
from cloud.discrepancies import found
from cloud.folds import DAY_BEGINS_MS
from cloud.records import DAY_MS, Discrepancy
from daemon.core.csv_table import find_encoding, read_rows, unguard
from daemon.core.entry import Kind, parse_leaf
from daemon.core.errors import BadRequest
from daemon.core.money import parse_yuan

TENDERS: Final = ("wechat", "alipay", "bank_card")
MOST_BYTES: Final = 64 << 20
MOST_ROWS: Final = 200_000
_REFERENCE: Final = ("商户订单号", "商户单号", "订单号", "reference", "out_trade_no", "order")
_AMOUNT: Final = ("金额", "交易金额", "订单金额", "amount", "amount_yuan", "total")
_PAID: Final = (
    Kind.SALE,
    Kind.RECHARGE,
    Kind.VOID_SALE,
    Kind.VOID_RECHARGE,
    Kind.REFUND,
    Kind.BALANCE_REFUND,
    Kind.FEE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """`amount_fen` was taken, negative: given back."""

    reference: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The same on a journal."""

    reference: str
    amount_fen: int
    device: str
    epoch: int
    dseq: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Matched:
    """`agreed` lines of `amount_fen` together, and what does not agree."""

    tender: str
    lines: int
    agreed: int
    amount_fen: int
    differences: tuple[Discrepancy, ...]


def read_statement(content: bytes) -> list[Line]:
    """Raises BadRequest: "file_too_large", "file_encoding_unknown", "statement_columns_missing",
    "statement_line_malformed" (with the line's number), and what `read_rows` raises."""
    if len(content) > MOST_BYTES:
        raise BadRequest("file_too_large", most_bytes=MOST_BYTES)
    text = content.decode(find_encoding([content]))
    rows = read_rows(io.StringIO(text, newline=""))
    heading = [cell.strip().lower() for cell in next(rows, [])]
    reference, amount = _column(heading, _REFERENCE), _column(heading, _AMOUNT)
    lines: list[Line] = []
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(reference, amount) or number > MOST_ROWS:
            raise BadRequest("statement_line_malformed", line=number)
        lines.append(_line(row[reference], row[amount], number))
    return lines


def _column(heading: Sequence[str], names: Sequence[str]) -> int:
    for name in names:
        if name in heading:
            return heading.index(name)
    raise BadRequest("statement_columns_missing")


def _line(reference: str, amount: str, number: int) -> Line:
    # WeChat's own files put a backquote before every cell.
    name = unguard(reference.strip()).lstrip("`").strip()
    text = unguard(amount.strip()).lstrip("`").strip().lstrip("¥")
    try:
        fen = -parse_yuan(text[1:]) if text.startswith("-") else parse_yuan(text)
    except BadRequest as error:
        raise BadRequest("statement_line_malformed", line=number) from error
    if not name:
        raise BadRequest("statement_line_malformed", line=number)
    return Line(name, fen)


async def match(
    books: CloudBooks,
    tender: str,
    lines: Sequence[Line],
    from_day: int,
    to_day: int,
    now_ms: int,
) -> Matched:
    """The days from `from_day` to before `to_day`. An entry of the day before or after is taken as
    the other side of a line, but not missed. Every difference is kept. Raises
    BadRequest("tender_unknown")."""
    if tender not in TENDERS:
        raise BadRequest("tender_unknown")
    start_ms, end_ms = (day * DAY_MS + DAY_BEGINS_MS for day in (from_day, to_day))
    taken = await _taken(books, tender, start_ms - DAY_MS, end_ms + DAY_MS)
    differences, agreed, amount_fen = [], 0, 0
    told = _sums(lines)
    for reference, (count, fen) in sorted(told.items()):
        mine = taken.pop(reference, None)
        if mine is not None and mine.amount_fen == fen and count == 1:
            agreed += 1
            amount_fen += fen
        else:
            differences.append(_different(tender, reference, fen, count, mine, now_ms))
    for mine in taken.values():
        if start_ms <= mine.at_ms < end_ms:
            differences.append(_missing(tender, mine, now_ms))
    for each in differences:
        await books.office.put_discrepancy(each)
    return Matched(tender, len(lines), agreed, amount_fen, tuple(differences))


def _sums(lines: Sequence[Line]) -> Mapping[str, tuple[int, int]]:
    """(how often, together) by reference."""
    counts = Counter(line.reference for line in lines)
    sums = Counter[str]()
    for line in lines:
        sums[line.reference] += line.amount_fen
    return {reference: (counts[reference], sums[reference]) for reference in counts}


async def _taken(books: CloudBooks, tender: str, start_ms: int, end_ms: int) -> dict[str, Taken]:
    kinds = [int(kind) for kind in _PAID]
    rows = await books.journals.leaves_between(start_ms, end_ms, kinds)
    return {each.reference: each for each in _of_tender(rows, f"tender:{tender}")}


def _of_tender(rows: Sequence[tuple[str, int, bytes]], owner: str) -> Iterator[Taken]:
    for device, epoch, leaf in rows:
        entry = parse_leaf(leaf)
        draft = entry.draft
        fen = -sum(p.amount for p in draft.postings if p.account.owner == owner)
        if fen:
            yield Taken(draft.op_id, fen, device, epoch, entry.dseq, draft.at_ms)


def _different(
    tender: str, reference: str, fen: int, count: int, mine: Taken | None, now_ms: int
) -> Discrepancy:
    if mine is None:
        return found(
            "MISSING_AT_DEVICE", now_ms, amount=abs(fen), tender=tender, reference=reference
        )
    return found(
        "AMOUNT",
        now_ms,
        device=mine.device,
        amount=abs(fen - mine.amount_fen),
        tender=tender,
        reference=reference,
        statement_fen=fen,
        statement_lines=count,
        journal_fen=mine.amount_fen,
        epoch=mine.epoch,
        dseq=mine.dseq,
    )


def _missing(tender: str, mine: Taken, now_ms: int) -> Discrepancy:
    return found(
        "MISSING_AT_ACQUIRER",
        now_ms,
        device=mine.device,
        amount=abs(mine.amount_fen),
        tender=tender,
        reference=mine.reference,
        epoch=mine.epoch,
        dseq=mine.dseq,
    )
