"""Makes the projections again, entry by entry (see the package)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Account, Entry, Kind
from daemon.core.errors import CounterError
from daemon.core.pricing.kept import quote_from_json, refund_from_json
from daemon.core.pricing.levels import NO_PROGRESS, Progress
from daemon.core.pricing.quoted import Quote, Source
from daemon.core.pricing.refund import Refund, whole_of
from daemon.core.pricing.shop_time import moment
from daemon.core.projection.coupons import Coupons
from daemon.core.projection.habits import Habits, counts_as_recharged
from daemon.core.projection.shelf import Shelf
from daemon.core.sale_entry import account_of
from daemon.core.sold import (
    CommissionRow,
    Deed,
    SaleLine,
    earned_back,
    earned_by,
    lines_back,
    sold_lines,
)

UNKNOWN_PARTS: Final = 0
"""Of a line whose sale an earlier release answered: the row itself says it."""
_SALES: Final = Account("shop", "sales")


class Unfit(Exception):
    """A kept answer that cannot be read, or says something else than the entry it belongs to."""


class Kept(Protocol):
    """What the books keep beside the journal."""

    def answer(self, op_id: str) -> Mapping[str, Any]:
        """Of an operation; empty where there is none."""

    def entry(self, op_id: str) -> Entry | None: ...

    def opening(self, lot: int) -> Entry | None:
        """The entry that opened a lot."""

    def issued_by(self, job_id: str) -> Sequence[tuple[str | None, Mapping[str, Any]]]:
        """(member, what is kept of their coupon), in the order of a job's rows."""


@dataclass(frozen=True, slots=True)
class Goods:
    """What one entry sold or brought back. `stock` None: an earlier release did not tell."""

    lines: tuple[SaleLine, ...] = ()
    commission: tuple[CommissionRow, ...] = ()
    stock: tuple[tuple[str, int], ...] | None = ()
    progress: Progress = NO_PROGRESS


NOTHING: Final = Goods()


class Replay:
    """`take` every entry in order, then read `habits`, `coupons` and `shelf`.

    `utc_offset_min` is for entries that do not name their day."""

    def __init__(self, kept: Kept, utc_offset_min: int) -> None:
        self.habits, self.coupons, self.shelf = Habits(), Coupons(), Shelf()
        self._kept = kept
        self._utc_offset_min = utc_offset_min
        self._paid_out: set[str] = set()

    def take(self, entry: Entry) -> Goods:
        """What follows from an entry. Raises Unfit; what holds without the answer was taken."""
        draft = entry.draft
        self.habits.hold(draft.postings)
        if "event" not in draft.detail:
            return NOTHING
        if draft.kind in (Kind.SALE, Kind.REFUND, Kind.VOID_SALE):
            self._move_coupons(entry)
            goods = self.goods_of(entry)
            self._follow(entry, goods)
            return goods
        if draft.kind is Kind.RECHARGE and draft.member_id is not None:
            self.habits.add(draft.member_id, self.day_of(entry), recharged_fen=_recharged(entry))
        elif draft.kind is Kind.VOID_RECHARGE:
            self._undo_recharge(entry)
        elif draft.kind is Kind.BALANCE_REFUND:
            self._pay_back(entry)
        elif draft.kind is Kind.STOCK:
            self.shelf.count(str(draft.detail["code"]), int(draft.detail["after"]))
        else:
            self._coupon_event(entry)
        return NOTHING

    def day_of(self, entry: Entry) -> str:
        named = entry.draft.detail.get("day")
        return str(named) if named else self._day(entry.draft.at_ms)

    def _day(self, at_ms: int) -> str:
        return moment(at_ms, self._utc_offset_min).day.isoformat()

    # -- goods -----------------------------------------------------------------------------------

    def goods_of(self, entry: Entry) -> Goods:
        """The rows of a sale, a refund or a void, from nothing but what is kept. Raises Unfit."""
        if "event" not in entry.draft.detail:
            return NOTHING
        try:
            if entry.draft.kind is Kind.SALE:
                return self._sold(entry)
            if entry.draft.kind in (Kind.REFUND, Kind.VOID_SALE):
                return self._brought_back(entry)
        except (
            AssertionError,
            AttributeError,
            CounterError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise Unfit(str(error) or type(error).__name__) from error
        return NOTHING

    def _sold(self, entry: Entry) -> Goods:
        answer = self._kept.answer(entry.draft.op_id)
        quote = quote_from_json(answer["quote"])
        lines, deed = self._lines_of(entry, quote, answer)
        earned = earned_by(deed, quote)
        _require_same(entry, sum(line.paid_fen for line in lines), quote.commission())
        _require_paid(entry, {source: -fen for source, fen in quote.payments().items()})
        stock = _stock(answer)
        return Goods(tuple(lines), tuple(earned), stock, quote.progress)

    def _lines_of(
        self, entry: Entry, quote: Quote, answer: Mapping[str, Any]
    ) -> tuple[list[SaleLine], Deed]:
        parts = answer.get("parts")
        if parts is None:
            parts = {line.line.line_id: UNKNOWN_PARTS for line in quote.lines}
        draft = entry.draft
        deed = Deed(draft.op_id, draft.actor, self.day_of(entry), draft.member_id, draft.card_id)
        return sold_lines(deed, quote, parts), deed

    def _brought_back(self, entry: Entry) -> Goods:
        draft = entry.draft
        sale_id = draft.refers_to or ""
        sale, sale_answer = self._kept.entry(sale_id), self._kept.answer(sale_id)
        if sale is None:
            raise Unfit("the sale is not there")
        if draft.kind is Kind.VOID_SALE and "event" not in sale.draft.detail:
            return NOTHING
        sold = quote_from_json(sale_answer["quote"])
        answer = self._kept.answer(draft.op_id)
        back = _back(draft.kind, sold, answer)
        lines, _ = self._lines_of(sale, sold, sale_answer)
        deed = Deed(draft.op_id, draft.actor, self.day_of(entry))
        rows = lines_back(deed, {line.line_id: line for line in lines}, back)
        _require_same(
            entry,
            sum(row.paid_fen for row in rows),
            {who: -fen for who, fen in back.commission().items()},
        )
        _require_paid(entry, back.payments())
        return Goods(tuple(rows), tuple(earned_back(deed, back)), _stock(answer), back.progress)

    def _follow(self, entry: Entry, goods: Goods) -> None:
        """Habits and shelf; a sale that is undone counts no more on its own day."""
        draft = entry.draft
        if goods.stock is None:
            self.shelf.doubt(line.code for line in goods.lines)
        else:
            self.shelf.move(goods.stock)
        if goods is NOTHING or draft.member_id is None:
            return
        day, sign = self.day_of(entry), 1
        if draft.kind is not Kind.SALE:
            sale = self._kept.entry(draft.refers_to or "")
            assert sale is not None, "its goods were made from it"
            day, sign = self.day_of(sale), -1
        self.habits.add(
            draft.member_id,
            day,
            visits=sign * goods.progress.visits,
            spent_fen=sign * goods.progress.spend_fen,
            points=sign * goods.progress.points,
        )

    # -- coupons ---------------------------------------------------------------------------------

    def _move_coupons(self, entry: Entry) -> None:
        draft = entry.draft
        if draft.kind is Kind.SALE:
            self.coupons.redeem(_codes(entry), draft.op_id)
            return
        freed = entry
        if draft.kind is Kind.VOID_SALE:
            sale = self._kept.entry(draft.refers_to or "")
            if sale is None:
                return
            freed = sale
        self.coupons.free(_codes(freed), draft.refers_to or "")

    def _coupon_event(self, entry: Entry) -> None:
        detail, op_id = entry.draft.detail, entry.draft.op_id
        event, job = detail["event"], detail.get("job")
        if event == "issue_coupons" and job is None:
            self._issue(entry)
        elif event == "issue_coupons":
            self._issue_batch(str(job), str(detail.get("campaign", "")))
        elif event == "fire_trigger" and detail.get("coupon", "none") != "none":
            self._issue_by_trigger(entry)
        elif event == "withdraw_coupon":
            self.coupons.withdraw(str(detail["code"]))
        elif event == "extend_coupon":
            self.coupons.extend(str(detail["code"]), str(detail["to_day"]))
        elif event == "withdraw_coupons":
            self.coupons.withdraw_of(str(job or op_id), int(detail["count"]))

    def _issue(self, entry: Entry) -> None:
        op_id, answer = entry.draft.op_id, self._kept.answer(entry.draft.op_id)
        if "coupons" not in answer:
            self.coupons.issue_silently(op_id)
            return
        try:
            campaign, issued_ms = str(answer["campaign"]), int(answer["issued_ms"])
            issued = [
                IssuedCoupon(code, campaign, issued_ms, op_id, member_id, from_day, to_day)
                for code, member_id, from_day, to_day in answer["coupons"]
            ]
        except (LookupError, TypeError, ValueError) as error:
            raise Unfit(str(error)) from error
        if len(issued) != entry.draft.detail["count"]:
            raise Unfit("another number of coupons")
        self.coupons.issue(issued)

    def _issue_batch(self, job_id: str, campaign: str) -> None:
        """A job tells step by step; its rows are read once, as they are in the end."""
        if self.coupons.knows_batch(job_id):
            return
        rows = self._kept.issued_by(job_id)
        self.coupons.issue_batch(job_id, [str(kept["coupon"]) for _, kept in rows])
        told = list(_of_job(rows, campaign, job_id))
        self.coupons.issue(told)
        if len(told) < len(rows) or not rows:
            self.coupons.issue_silently(job_id)

    def _issue_by_trigger(self, entry: Entry) -> None:
        draft, detail = entry.draft, entry.draft.detail
        if "campaign" not in detail:
            self.coupons.issue_silently(draft.op_id)
            return
        self.coupons.issue(
            [
                IssuedCoupon(
                    str(detail["coupon"]),
                    str(detail["campaign"]),
                    int(detail.get("issued_ms", draft.at_ms)),
                    draft.op_id,
                    draft.member_id,
                    _day_or_none(detail.get("from_day")),
                    _day_or_none(detail.get("to_day")),
                )
            ]
        )

    # -- recharges that are taken back -----------------------------------------------------------

    def _undo_recharge(self, entry: Entry) -> None:
        voided = self._kept.entry(entry.draft.refers_to or "")
        if voided is None or voided.draft.member_id is None or "event" not in voided.draft.detail:
            return
        day, fen = self.day_of(voided), _recharged(voided)
        self.habits.add(voided.draft.member_id, day, recharged_fen=-fen)

    def _pay_back(self, entry: Entry) -> None:
        draft = entry.draft
        told = draft.detail.get("recharged_back")
        assert draft.member_id is not None, "a balance is somebody's"
        if told is None:
            self.habits.doubt(draft.member_id)
            return
        for part in str(told).split():
            lot, _, fen = part.partition(":")
            opening = self._kept.opening(int(lot))
            if opening is not None and int(fen) and counts_as_recharged(opening):
                day = self.day_of(opening)
                self.habits.add(draft.member_id, day, recharged_fen=-int(fen))


def _back(kind: Kind, sold: Quote, answer: Mapping[str, Any]) -> Refund:
    return whole_of(sold) if kind is Kind.VOID_SALE else refund_from_json(answer["refund"])


def _require_same(entry: Entry, paid_fen: int, commission: Mapping[str, int]) -> None:
    """The answer against what the journal says was moved. Raises Unfit."""
    moved = {posting.account: posting.amount for posting in entry.draft.postings}
    if moved.get(_SALES, 0) != paid_fen:
        raise Unfit(f"the lines say {paid_fen} fen, the entry {moved.get(_SALES, 0)}")
    earned = {
        account.owner.removeprefix("employee:"): amount
        for account, amount in moved.items()
        if account.asset == "commission" and account.owner.startswith("employee:")
    }
    if earned != {who: fen for who, fen in commission.items() if fen}:
        raise Unfit("other commission than the entry's")


def _require_paid(entry: Entry, payments: Mapping[Source, int]) -> None:
    """Each lot and tender of the answer against the entry. Raises Unfit."""
    owner = f"member:{entry.draft.member_id}"
    moved = {posting.account: posting.amount for posting in entry.draft.postings}
    for source, fen in payments.items():
        account = account_of(source, owner)
        if moved.get(account, 0) != fen:
            raise Unfit(f"{account.owner} {account.asset}: {fen}, not {moved.get(account, 0)}")


def _stock(answer: Mapping[str, Any]) -> tuple[tuple[str, int], ...] | None:
    told = answer.get("stock")
    return None if told is None else tuple((str(code), int(pieces)) for code, pieces in told)


def _codes(entry: Entry) -> list[str]:
    return str(entry.draft.detail.get("coupons", "")).split()


def _of_job(
    rows: Sequence[tuple[str | None, Mapping[str, Any]]], campaign: str, job_id: str
) -> Iterator[IssuedCoupon]:
    for member_id, kept in rows:
        if "issued_ms" in kept:
            yield IssuedCoupon(
                str(kept["coupon"]),
                campaign,
                int(kept["issued_ms"]),
                job_id,
                member_id,
                kept["from_day"],
                kept["to_day"],
            )


def _recharged(entry: Entry) -> int:
    """What was paid in: the principal that it opened."""
    return sum(
        posting.amount
        for posting in entry.draft.postings
        if posting.account.asset == "principal" and posting.account.owner.startswith("member:")
    )


def _day_or_none(text: object) -> str | None:
    return None if text is None else date.fromisoformat(str(text)).isoformat()
