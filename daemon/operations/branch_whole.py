"""What a member has in the whole chain, as the cloud last said (docs/leases.md, "What people see").

It is shown with its time and never spent: what may be spent is what is held here.
"""

from __future__ import annotations

from typing import Any

from daemon.core.spend import balance_of
from daemon.operations.views import owner_of
from daemon.ports.branch_books import WholeBalance
from daemon.ports.ledger import Books


def take_whole(books: Books, member_id: str, told: WholeBalance) -> None:
    """What was told later is kept: orders may overtake each other."""
    known = books.whole_balance(member_id)
    if known is None or known.as_of_ms <= told.as_of_ms:
        books.put_whole_balance(member_id, told)


def member_in_chain(books: Books, member_id: str, now_ms: int) -> dict[str, Any] | None:
    """`here` is held at this counter at `now_ms`, its own time; `whole` what the cloud last said
    of all branches, None where it never did. None for a shop that is part of no chain."""
    if books.chain_state() is None:
        return None
    told = books.whole_balance(member_id)
    return {
        "here": {**balance_of(books.holdings(owner_of(member_id))).as_json(), "at_ms": now_ms},
        "whole": None
        if told is None
        else {
            "principal_fen": told.principal_fen,
            "bonus_fen": told.bonus_fen,
            "owed_fen": told.owed_fen,
            "as_of_ms": told.as_of_ms,
        },
    }
