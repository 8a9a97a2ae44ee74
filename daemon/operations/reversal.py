"""What follows from goods that come back, beside the entry: lines, commission, habits, level,
coupons, stock and the day's limit. A void undoes all of a sale, a refund a part of it."""

from __future__ import annotations

from daemon.core.entry import Entry
from daemon.core.pricing.quoted import Quote
from daemon.core.pricing.refund import Refund
from daemon.core.records import Operation
from daemon.core.sold import Deed, earned_back, lines_back
from daemon.operations.after_sale import after_whole_refund
from daemon.operations.levels import apply_level
from daemon.operations.settle_sale import Moves, counts_stock
from daemon.operations.shop import Shop
from daemon.operations.standing import has_benefits, member_standing
from daemon.ports.ledger import Books


def reverse(
    shop: Shop,
    books: Books,
    operation: Operation,
    sale: Operation,
    entry: Entry,
    sold: Quote,
    back: Refund,
) -> Moves:
    """Writes what `operation` (the void or refund) undoes of `sale`, and returns what went back
    onto the shelf, for its answer. Lines and commission count on the day of the undoing, habits and
    limits on the day of the sale."""
    deed = Deed(operation.op_id, operation.actor, shop.day(operation.created_ms))
    sold_day = shop.day_of(entry.draft)
    kept = {row.line_id: row for row in books.sale_lines(sale.op_id)}
    lines = {line.line.line_id: line for line in sold.lines}
    books.add_sale_lines(lines_back(deed, kept, back))
    books.add_commission(earned_back(deed, back))
    stock = []
    for line in back.lines:
        code = lines[line.line_id].line.code
        if code is not None and counts_stock(shop, sold, line.line_id):
            books.add_stock(code, line.quantity)
            stock.append((code, line.quantity))
    for code in back.coupons:
        books.free_coupon(code, sale.op_id)
    stored = sum(fen for source, fen in back.payments().items() if source.asset)
    spends_as = entry.draft.card_id or (
        f"member:{entry.draft.member_id}" if entry.draft.member_id is not None else None
    )
    if stored and spends_as is not None:
        books.add_spent(spends_as, sold_day, -stored)
    if sold.member_id is not None:
        progress = back.progress
        books.add_habit(
            sold.member_id,
            sold_day,
            visits=-progress.visits,
            spent_fen=-progress.spend_fen,
            points=-progress.points,
        )
        _level_again(shop, books, sale, sold.member_id, operation.created_ms, operation.op_id)
        member = books.member(sold.member_id)
        if back.whole and member is not None:
            after_whole_refund(shop, books, member, sale.op_id, operation.created_ms)
    return tuple(stock)


def _level_again(
    shop: Shop, books: Books, sale: Operation, member_id: str, now_ms: int, cause: str
) -> None:
    """A level that this very sale brought is kept only as far as what is left reaches it. Whoever
    moved on from it since, or has no benefits any more, is left alone."""
    before, after = sale.answer.get("levels", (None, None))
    member = books.member(member_id)
    if before == after or member is None or member.level != after:
        return
    if not has_benefits(member, shop.day(now_ms)):
        return
    ladder = shop.rules.book.ladder
    reached = ladder.level_at(member_standing(shop, books, member, now_ms).progress, before)
    apply_level(shop, books, member, reached, now_ms, cause=cause)
