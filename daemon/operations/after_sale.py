"""What a member's sale brings beside its price, in the sale's own transaction: thanks to whoever
brought the member, and the shop's gift for a first visit."""

from __future__ import annotations

from daemon.core.records import Member
from daemon.operations.points import gather_points
from daemon.operations.sharing import credit_first_sale, undo_first_sale
from daemon.operations.shop import Shop
from daemon.operations.triggers import fire_first_visit
from daemon.ports.ledger import Books


def after_sale(
    shop: Shop, books: Books, member: Member, op_id: str, paid_fen: int, now_ms: int
) -> None:
    """To be called when the sale `op_id` is on the journal and its visit was counted."""
    credit_first_sale(shop, books, member, op_id, now_ms, paid_fen)
    fire_first_visit(shop, books, member, now_ms)
    gather_points(shop, books, member.member_id, now_ms)


def after_whole_refund(shop: Shop, books: Books, member: Member, op_id: str, now_ms: int) -> None:
    """To be called when nothing of the sale `op_id` is left: a void, or the last of its refunds."""
    undo_first_sale(shop, books, member, op_id, now_ms)
