"""What was sold, line by line, a member's habits, and what a sale uses up: coupons and stock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from daemon.core.campaign import IssuedCoupon
from daemon.core.records import Standing
from daemon.core.sold import CommissionRow, HabitSum, SaleLine


class SaleBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def standing(self, member_id: str) -> Standing:
        """All zero for a member who never came."""
        ...

    def habits_since(self, member_id: str, day: str) -> HabitSum:
        """The sum of the member's days from `day` (YYYY-MM-DD) on."""
        ...

    def add_habit(
        self,
        member_id: str,
        day: str,
        *,
        visits: int = 0,
        spent_fen: int = 0,
        recharged_fen: int = 0,
        points: int = 0,
    ) -> None:
        """Adds to the member's standing and to that day. Negative amounts take back what was added
        to that day before; a day with nothing left is forgotten."""
        ...

    def add_sale_lines(self, lines: Sequence[SaleLine]) -> None: ...

    def sale_lines(self, op_id: str) -> Sequence[SaleLine]:
        """The rows of one operation, by line id."""
        ...

    def add_commission(self, rows: Sequence[CommissionRow]) -> None: ...

    def commission_of(self, op_id: str) -> Sequence[CommissionRow]: ...

    def refunds_of(self, op_id: str) -> Sequence[str]:
        """The op_ids of the refunds of a sale, oldest first."""
        ...

    def coupon(self, code: str) -> IssuedCoupon | None: ...

    def redeem_coupon(self, code: str, op_id: str) -> bool:
        """False where it is not there to be redeemed any more."""
        ...

    def free_coupon(self, code: str, op_id: str) -> None:
        """The coupon that `op_id` redeemed may be redeemed again."""
        ...

    def stock(self, code: str) -> int | None:
        """How many are on hand; None for a code that is not counted."""
        ...

    def add_stock(self, code: str, count: int) -> None:
        """Changes the stock of a code that is counted; of another nothing is kept."""
        ...
