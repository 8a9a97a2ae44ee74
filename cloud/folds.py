"""What is summed up beside the accounts while effects are applied: visits, counters of cards, who
sold what was topped up elsewhere, lines of sales, and the tenders of the open shift.

Everything is in the transaction of the effects, so it counts each entry once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from cloud.books import CloudBooks
from cloud.discrepancies import found
from cloud.records import (
    DAY_MS,
    CardUse,
    Discrepancy,
    DiscrepancyState,
    Journal,
    SaleLine,
    Settled,
)
from daemon.core.entry import Draft, Entry, Kind
from daemon.core.lease.moves import LEASE_KINDS, OWED, key_of
from daemon.core.lot_number import opened_by
from daemon.core.shift_report import CASH, CLOSED, OPENED

DAY_BEGINS_MS: Final = -8 * 3_600_000
"""Days are those of China, which has one time."""
MOST_MISSING: Final = 20
"""Missing counters of a card that get a record each; a longer gap gets one record."""
_USES: Final = (Kind.SALE, Kind.PURSE)
"""What counts on a card, where it has a counter."""
_VISITS: Final = (Kind.SALE, Kind.RECHARGE)
_BACK: Final = (Kind.VOID_SALE, Kind.REFUND)
_SHIFT: Final = "shift"


def day_of(at_ms: int) -> int:
    """Days since 1970 in China."""
    return (at_ms - DAY_BEGINS_MS) // DAY_MS


class Folds:
    """`add` first, then `write`."""

    def __init__(self, journal: Journal, now_ms: int) -> None:
        self._journal = journal
        self._now_ms = now_ms
        self._visits = Counter[tuple[str, str, int]]()
        self._uses: list[CardUse] = []
        self._sold = Counter[tuple[int, int, str]]()
        self._back = Counter[tuple[int, int, str]]()
        self._lines: list[tuple[bool, SaleLine]] = []
        self._found: list[Discrepancy] = []
        self.shift: dict[str, int] = {}

    def add(self, entries: Sequence[Entry], shift: Mapping[str, int]) -> None:
        self.shift = dict(shift)
        for entry in entries:
            draft = entry.draft
            if draft.kind in _VISITS and draft.member_id is not None:
                self._visits[draft.member_id, self._journal.device, day_of(draft.at_ms)] += 1
            if draft.kind in _USES and draft.card_id and draft.card_counter is not None:
                who = (self._journal.device, self._journal.epoch, entry.dseq, draft.op_id)
                self._uses.append(CardUse(draft.card_id, draft.card_counter, *who))
            if draft.kind not in LEASE_KINDS:
                self._settle(draft)
                self._add_shift(entry)
            self._add_lines(draft)

    async def write(self, books: CloudBooks) -> list[Discrepancy]:
        """What does not agree."""
        await books.office.add_visits(self._visits)
        await books.office.add_settled(
            [
                Settled(day, home, self._journal.number, asset, self._sold[key], self._back[key])
                for key in {*self._sold, *self._back}
                for day, home, asset in (key,)
            ]
        )
        await self._write_cards(books)
        await self._write_lines(books)
        return self._found

    def _settle(self, draft: Draft) -> None:
        for posting in draft.postings:
            key = key_of(posting.account)
            if key is None or key.asset == OWED:
                continue
            home = opened_by(key.lot)[0]
            if home in (0, self._journal.number):
                continue
            row = (day_of(draft.at_ms), home, key.asset)
            if posting.amount < 0:
                self._sold[row] -= posting.amount
            elif draft.kind in _BACK:
                self._back[row] += posting.amount

    def _add_shift(self, entry: Entry) -> None:
        """The cash that a shift says it expects is what its entries moved."""
        draft = entry.draft
        event = draft.detail.get("event") if draft.kind is Kind.SHIFT else None
        if event == OPENED:
            self.shift = {_SHIFT: _number(draft, "shift")}
        if _SHIFT not in self.shift:
            return
        if event == CLOSED:
            moved = -self.shift.get(CASH.owner, 0)
            expected = _number(draft, "expected_fen")
            if expected != moved:
                self._find_totals(entry, expected, moved)
            self.shift = {}
            return
        for posting in draft.postings:
            owner = posting.account.owner
            if owner.startswith("tender:"):
                self.shift[owner] = self.shift.get(owner, 0) + posting.amount

    def _find_totals(self, entry: Entry, expected: int, moved: int) -> None:
        self._found.append(
            found(
                "TOTALS",
                self._now_ms,
                device=self._journal.device,
                amount=abs(expected - moved),
                epoch=self._journal.epoch,
                dseq=entry.dseq,
                shift=self.shift[_SHIFT],
                expected=expected,
                found=moved,
            )
        )

    def _add_lines(self, draft: Draft) -> None:
        """`lines` of an entry: `line:quantity:fen` of each line that was sold or came back."""
        told = draft.detail.get("lines")
        back = draft.kind in _BACK
        if not isinstance(told, str) or not (back or draft.kind is Kind.SALE):
            return
        sale = draft.refers_to if back else draft.op_id
        for each in told.split(";"):
            line, _, numbers = each.partition(":")
            quantity, _, fen = numbers.partition(":")
            if sale and line and quantity.isdecimal() and fen.isdecimal():
                self._lines.append((back, SaleLine(sale, line, int(quantity), int(fen))))

    async def _write_lines(self, books: CloudBooks) -> None:
        wanted = sorted(self._lines, key=lambda each: (each[1].txid, each[1].line))
        known = await books.office.hold_sale_lines([told.txid for _, told in wanted])
        changed: dict[tuple[str, str], SaleLine] = {}
        for back, told in wanted:
            key = (told.txid, told.line)
            before = changed.get(key) or known.get(key)
            line = await self._after(books, before, told, back=back)
            if line.back > line.quantity and (before is not None or not back):
                self._found.append(
                    found(
                        "REFUND_OVER",
                        self._now_ms,
                        device=self._journal.device,
                        amount=max(0, line.back_fen - line.amount_fen),
                        sale=told.txid,
                        line=told.line,
                    )
                )
            changed[key] = line
        await books.office.put_sale_lines(list(changed.values()))

    async def _after(
        self, books: CloudBooks, before: SaleLine | None, told: SaleLine, *, back: bool
    ) -> SaleLine:
        if not back:
            kept = (0, 0) if before is None else (before.back, before.back_fen)
            return SaleLine(told.txid, told.line, told.quantity, told.amount_fen, *kept)
        promised = await books.office.promised(told.txid, told.line, self._journal.device)
        return _less_promised(_after_return(before, told), told, promised)

    async def _write_cards(self, books: CloudBooks) -> None:
        """Counters of a card are complete, or a record says which are missing (I9)."""
        highest = await books.office.card_uses(sorted({use.card for use in self._uses}))
        new: list[CardUse] = []
        for use in self._uses:
            top = highest.get(use.card)
            if top is not None and use.counter <= top:
                await self._late_use(books, use, new)
                continue
            if top is not None and use.counter > top + 1:
                self._find_missing(use, top + 1, use.counter - 1)
            highest[use.card] = use.counter
            new.append(use)
        await books.office.put_card_uses(new)

    async def _late_use(self, books: CloudBooks, use: CardUse, new: list[CardUse]) -> None:
        known = await books.office.card_use(use.card, use.counter)
        known = known or next(
            (each for each in new if (each.card, each.counter) == (use.card, use.counter)), None
        )
        if known is None:
            new.append(use)
            missing = self._missing(use.card, use.counter)
            note = f"{use.device} epoch {use.epoch} dseq {use.dseq}"
            self._found = [e for e in self._found if e.discrepancy_id != missing.discrepancy_id]
            await books.office.settle_discrepancy(
                missing.discrepancy_id, DiscrepancyState.EXPLAINED, note
            )
        elif known.op_id != use.op_id:
            self._found.append(
                found(
                    "DUP_CTR",
                    self._now_ms,
                    device=use.device,
                    card=use.card,
                    counter=use.counter,
                    first=known.op_id,
                    again=use.op_id,
                )
            )

    def _find_missing(self, use: CardUse, first: int, last: int) -> None:
        if last - first >= MOST_MISSING:
            self._found.append(
                found("MISSING_CTR", self._now_ms, card=use.card, first=first, last=last)
            )
            return
        self._found += [self._missing(use.card, counter) for counter in range(first, last + 1)]

    def _missing(self, card: str, counter: int) -> Discrepancy:
        return found("MISSING_CTR", self._now_ms, card=card, counter=counter)


def _number(draft: Draft, name: str) -> int:
    value = draft.detail.get(name)
    return value if isinstance(value, int) else 0


def _after_return(known: SaleLine | None, told: SaleLine) -> SaleLine:
    if known is None:
        return SaleLine(told.txid, told.line, 0, 0, told.quantity, told.amount_fen)
    back, back_fen = known.back + told.quantity, known.back_fen + told.amount_fen
    return SaleLine(told.txid, told.line, known.quantity, known.amount_fen, back, back_fen)


def _less_promised(line: SaleLine, told: SaleLine, promised: SaleLine) -> SaleLine:
    """What was promised to this device before was counted then."""
    quantity = min(told.quantity, promised.quantity)
    fen = min(told.amount_fen, promised.amount_fen)
    back, back_fen = line.back - quantity, line.back_fen - fen
    return SaleLine(line.txid, line.line, line.quantity, line.amount_fen, back, back_fen)
