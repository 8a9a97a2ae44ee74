"""Which codes were issued and what became of them: the table `coupon`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from daemon.core.campaign import IssuedCoupon
from daemon.core.projection.rows import ANY, Values


@dataclass(slots=True)
class _Batch:
    """Coupons of one job in the order in which they were issued; those before `place` have been
    looked at by its undoing."""

    codes: Sequence[str]
    place: int = 0


class Coupons:
    """`sources` that told no codes are operations and jobs of releases before version 4: their
    coupons are taken as they are, but for what became of them since."""

    def __init__(self) -> None:
        self._issued: dict[str, IssuedCoupon] = {}
        self._became: dict[str, tuple[str, str | None]] = {}
        self._to_day: dict[str, str] = {}
        self._silent: set[str] = set()
        self._unsure: set[str] = set()
        self._batches: dict[str, _Batch] = {}

    def issue(self, coupons: Iterable[IssuedCoupon]) -> None:
        for coupon in coupons:
            self._issued[coupon.code] = coupon

    def issue_batch(self, job_id: str, codes: Sequence[str]) -> None:
        """The codes of a job, whether or not all is known of them."""
        self._batches[job_id] = _Batch(codes)

    def knows_batch(self, job_id: str) -> bool:
        return job_id in self._batches

    def issue_silently(self, source: str) -> None:
        self._silent.add(source)

    def redeem(self, codes: Iterable[str], op_id: str) -> None:
        for code in codes:
            self._became[code] = ("redeemed", op_id)

    def free(self, codes: Iterable[str], sale_id: str) -> None:
        for code in codes:
            if self._became.get(code) == ("redeemed", sale_id):
                del self._became[code]

    def withdraw(self, code: str) -> None:
        self._became[code] = ("withdrawn", None)

    def extend(self, code: str, to_day: str) -> None:
        self._to_day[code] = to_day

    def withdraw_of(self, job_id: str, count: int) -> None:
        """`count` more of a job's coupons: the next that were neither used nor withdrawn."""
        batch = self._batches.get(job_id)
        if batch is None or not batch.codes:
            self._unsure.add(job_id)
            return
        while count and batch.place < len(batch.codes):
            code = batch.codes[batch.place]
            batch.place += 1
            if code not in self._became:
                self.withdraw(code)
                count -= 1

    def take(self, code: str, issued_op: str) -> Values | None:
        """What the row of a code must be; None where nobody issued it. Forgotten with it."""
        state, used_op = self._became.pop(code, ("issued", None))
        coupon = self._issued.pop(code, None)
        if coupon is None:
            if issued_op not in self._silent:
                return None
            told = ANY if issued_op in self._unsure and used_op is None else state
            to_day = self._to_day.get(code, ANY)
            return (ANY, ANY, issued_op, ANY, ANY, to_day, told, used_op)
        return self._row(coupon, state, used_op)

    def left(self) -> Iterator[tuple[str, Values]]:
        """Those that were issued and that nobody took."""
        for code, coupon in self._issued.items():
            yield code, self._row(coupon, *self._became.get(code, ("issued", None)))

    def _row(self, coupon: IssuedCoupon, state: str, used_op: str | None) -> Values:
        kept = replace(coupon, to_day=self._to_day.get(coupon.code, coupon.to_day))
        return (
            kept.campaign,
            kept.issued_ms,
            kept.issued_op,
            kept.member_id,
            kept.from_day,
            kept.to_day,
            state,
            used_op,
        )
