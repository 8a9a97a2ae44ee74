"""Shifts of the drawer (E3): opened with a float, handed over, closed with a blind count.

One shift is open at a time. Whoever counts enters notes and coins without having been told what
there should be; the answer to the count is the first that says. The difference is posted in the
same transaction, so that the drawer agrees with the books, and everything that was counted leaves
the drawer: the next shift begins with its own float.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.core.entry import Account, Kind, Posting, parse_leaf
from daemon.core.errors import Conflict, NotAllowed, NotFound, Refused
from daemon.core.permissions import Permission
from daemon.core.receipt_shift import ShiftPaper, shift_receipt
from daemon.core.records import SALE, Employee, Operation
from daemon.core.shift_report import (
    CASH,
    CLOSED,
    COUNTED,
    DRAWER,
    OPENED,
    OVER_SHORT,
    Shift,
    Tally,
    count_notes,
    figures,
    worth,
)
from daemon.operations.basket import amount_of
from daemon.operations.deed import do_once, put_on_journal
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import TAKE_OVER, with_pin
from daemon.ports.ledger import Books

STEP: Final = 500
"""Entries read at once."""
MOST_LISTED: Final = 100
Counted = Sequence[tuple[int, int]]
"""(value of a note in fen, how many)."""


def require_shift(shop: Shop, books: Books) -> None:
    """For whatever takes money: raises Refused("shift_not_open") where the shop's rules want an
    open shift and there is none."""
    if shop.rules.shifts.required and books.open_shift() is None:
        raise Refused("shift_not_open")


def require_none_waits(books: Books) -> None:
    """A drawer is counted between two sales: one that waits for its card or its PIN would put its
    money on the books after the count. Raises Conflict("sale_waits") with the oldest one."""
    for sale in books.under_way(SALE):
        raise Conflict("sale_waits", sale_id=sale.op_id, amount_fen=amount_of(sale))


async def open_shift(shop: Shop, actor: Actor, float_fen: int, key: str) -> dict[str, Any]:
    """Opens a shift, held by who asks, with `float_fen` put into the drawer.

    Raises Conflict("shift_open")."""
    request = {"float_fen": float_fen}

    def deed(books: Books, operation: Operation) -> Mapping[str, Any]:
        if books.open_shift() is not None:
            raise Conflict("shift_open")
        shift = Shift(
            shift_id=operation.op_id,
            number=books.next_shift_number(),
            opened_ms=operation.created_ms,
            opened_by=actor.number,
            held_by=actor.number,
            float_fen=float_fen,
            first_dseq=books.head().dseq + 1,
            opening=books.tender_balances(),
        )
        entry = put_on_journal(
            books,
            operation,
            Kind.SHIFT,
            actor,
            OPENED,
            postings=moved({CASH: -float_fen, DRAWER: float_fen}),
            facts={"shift": shift.number},
        )
        assert entry.dseq == shift.first_dseq
        books.put_shift(shift)
        return shift_view(shift)

    answer = await once(shop, actor, key, "shift_open", request, deed)
    shop.events.publish("shift", answer)
    return answer


async def hand_over(
    shop: Shop, actor: Actor, to: str, pin: str, counted: Counted | None, key: str
) -> dict[str, Any]:
    """The open shift goes to the employee `to`, who says yes with a PIN. With `counted` the
    difference is found, booked and answered.

    Raises Conflict("shift_not_open" | "shift_held_already" | "sale_waits"),
    NotAllowed("permission_needed" | "take_over_refused" | "take_over_locked"), BadRequest as
    `count_notes`."""
    notes = _notes(shop, counted) if counted is not None else None
    request = {"to": to, "counted": notes}

    def work(books: Books, taker: Employee) -> dict[str, Any]:
        def deed(operation: Operation) -> Mapping[str, Any]:
            return _hand_over(shop, books, actor, operation, taker, notes)

        return do_once(shop, books, actor, key, "shift_hand_over", request, deed)

    answer = await with_pin(shop, to, pin, work, TAKE_OVER)
    shop.events.publish("shift", answer["shift"])
    return answer


def _hand_over(
    shop: Shop,
    books: Books,
    actor: Actor,
    operation: Operation,
    taker: Employee,
    notes: Mapping[str, int] | None,
) -> Mapping[str, Any]:
    shift = _require_mine(books, actor)
    if taker.number == shift.held_by:
        raise Conflict("shift_held_already")
    if Permission.SHIFT not in shop.rules.permissions_of(taker.role):
        raise NotAllowed("taker_may_not", permission=Permission.SHIFT.value)
    facts: dict[str, int | str] = {"shift": shift.number, "from": shift.held_by, "to": taker.number}
    difference_fen = None
    postings: tuple[Posting, ...] = ()
    if notes is not None:
        require_none_waits(books)
        counted_fen = worth(notes)
        expected_fen = tally(books, shift).drawer.expected_fen
        difference_fen = counted_fen - expected_fen
        facts |= {"counted_fen": counted_fen, "difference_fen": difference_fen}
        postings = moved({CASH: -difference_fen, OVER_SHORT: difference_fen})
    put_on_journal(books, operation, Kind.SHIFT, actor, COUNTED, postings=postings, facts=facts)
    held = replace(shift, held_by=taker.number)
    books.put_shift(held)
    return {
        "shift": shift_view(held),
        "counted_fen": None if notes is None else worth(notes),
        "difference_fen": difference_fen,
    }


async def close_shift(
    shop: Shop,
    actor: Actor,
    counted: Counted,
    key: str,
    require_no_issue: Callable[[], None],
) -> dict[str, Any]:
    """Closes the open shift with what was counted; count, difference, Z report and its paper are
    kept in one transaction. The answer is the first that tells what there should have been.
    `require_no_issue` raises Conflict("counter_busy") while a card, and with it a fee, is awaited.

    Raises Conflict("shift_not_open" | "sale_waits" | "counter_busy"),
    NotAllowed("permission_needed"), BadRequest as `count_notes`."""
    notes = _notes(shop, counted)
    ahead = await _ahead(shop)

    def deed(books: Books, operation: Operation) -> Mapping[str, Any]:
        require_no_issue()
        return _close(shop, books, actor, operation, notes, ahead)

    answer = await once(shop, actor, key, "shift_close", {"counted": notes}, deed)
    shop.receipt_spooled(answer["receipt_id"])
    return answer


async def _ahead(shop: Shop) -> Tally | None:
    """A day's entries are summed before the transaction, so that it has only the last ones left and
    keeps no sale waiting."""

    def look(books: Books) -> Tally | None:
        shift = books.open_shift()
        return None if shift is None else tally(books, shift)

    return await shop.ledger.read(look)


def _close(
    shop: Shop,
    books: Books,
    actor: Actor,
    operation: Operation,
    notes: Mapping[str, int],
    ahead: Tally | None,
) -> Mapping[str, Any]:
    shift = _require_mine(books, actor)
    require_none_waits(books)
    summed = tally(books, shift, ahead)
    summed.require_agreement(shift.opening, books.tender_balances())
    counted_fen, expected_fen = worth(notes), summed.drawer.expected_fen
    report = figures(
        summed,
        discount_fen=books.discount_between(shift.first_dseq, books.head().dseq),
        counted_fen=counted_fen,
    )
    difference_fen = counted_fen - expected_fen
    entry = put_on_journal(
        books,
        operation,
        Kind.SHIFT,
        actor,
        CLOSED,
        postings=moved({CASH: expected_fen, DRAWER: -counted_fen, OVER_SHORT: difference_fen}),
        facts={
            "shift": shift.number,
            "counted_fen": counted_fen,
            "expected_fen": expected_fen,
            "difference_fen": difference_fen,
        },
    )
    closed = replace(
        shift,
        closed_ms=operation.created_ms,
        closed_by=actor.number,
        last_dseq=entry.dseq,
        counted=notes,
        report=report,
        receipt_id=shop.clock.new_id(),
    )
    books.put_shift(closed)
    _require_empty(books, shift)
    assert closed.receipt_id is not None
    print_report(shop, books, actor, operation, closed, closed.receipt_id)
    return shift_view(closed, full=True)


def _require_empty(books: Books, shift: Shift) -> None:
    """After the close the cash account is where it was before the shift."""
    assert books.balance(CASH) == shift.opening.get(CASH.owner, 0), "the drawer was not emptied"


async def x_report(shop: Shop, actor: Actor) -> dict[str, Any]:
    """How the open shift stands. Only who may see what the drawer should hold.

    Raises Conflict("shift_not_open"), NotAllowed("permission_needed")."""
    actor.require(Permission.SHIFT_ANY)
    return await shop.ledger.read(lambda books: _x_view(books))


async def print_x_report(shop: Shop, actor: Actor, key: str) -> dict[str, Any]:
    """The same on paper. Raises as `x_report`."""
    actor.require(Permission.SHIFT_ANY)

    def deed(books: Books, operation: Operation) -> Mapping[str, Any]:
        view = _x_view(books)
        shift = _require_open(books)
        now = replace(shift, closed_ms=operation.created_ms, report=view["report"])
        receipt_id = shop.clock.new_id()
        print_report(shop, books, actor, operation, now, receipt_id)
        facts = {"shift": shift.number}
        put_on_journal(books, operation, Kind.SHIFT, actor, "shift_x_printed", facts=facts)
        return {**view, "receipt_id": receipt_id}

    answer = await once(shop, actor, key, "shift_x", {}, deed)
    shop.receipt_spooled(answer["receipt_id"])
    return answer


def _x_view(books: Books) -> dict[str, Any]:
    shift = _require_open(books)
    summed = tally(books, shift)
    summed.require_agreement(shift.opening, books.tender_balances())
    discount_fen = books.discount_between(shift.first_dseq, books.head().dseq)
    return {**shift_view(shift), "report": figures(summed, discount_fen=discount_fen)}


def tally(books: Books, shift: Shift, ahead: Tally | None = None) -> Tally:
    """Everything on the journal since the shift was opened; goes on from `ahead` where that is of
    the same shift."""
    same = ahead is not None and ahead.first_dseq == shift.first_dseq
    summed = ahead if ahead is not None and same else Tally(shift.first_dseq)
    while rows := books.leaves(summed.next_dseq, STEP):
        for _, leaf, _ in rows:
            summed.add(parse_leaf(leaf))
    return summed


def moved(amounts: Mapping[Account, int]) -> tuple[Posting, ...]:
    """Postings of what is not zero."""
    return tuple(Posting(account, amount) for account, amount in amounts.items() if amount)


def print_report(
    shop: Shop, books: Books, actor: Actor, operation: Operation, shift: Shift, receipt_id: str
) -> None:
    """Spools the paper: a Z report where the shift is closed, else an X report."""
    assert shift.closed_ms is not None
    paper = ShiftPaper(
        kind="z" if shift.last_dseq is not None else "x",
        number=shop.receipt_number(books, operation.created_ms),
        shift=shift.number,
        opened=shop.time_text(shift.opened_ms),
        opened_by=shift.opened_by,
        closed=shop.time_text(shift.closed_ms),
        closed_by=actor.number,
        first_dseq=shift.first_dseq,
        last_dseq=shift.last_dseq or books.head().dseq,
        report=shift.report,
        counted=shift.counted,
        approved_by=actor.approver,
    )
    receipt = shift_receipt(receipt_id, shop.head, paper, shop.language)
    books.spool_receipt(receipt, operation.op_id, operation.created_ms)


Deed = Callable[[Books, Operation], Mapping[str, Any]]


async def once(
    shop: Shop, actor: Actor, key: str, kind: str, request: Mapping[str, Any], deed: Deed
) -> dict[str, Any]:
    """`deed` in a transaction of its own, once for its key."""

    def work(books: Books) -> dict[str, Any]:
        return do_once(
            shop, books, actor, key, kind, request, lambda operation: deed(books, operation)
        )

    return await shop.ledger.write(work)


# -- looking ------------------------------------------------------------------------------------


async def current_shift(shop: Shop) -> dict[str, Any]:
    """The open shift, without what the drawer should hold, and what the page needs to open or
    count one."""
    shift = await shop.ledger.read(lambda books: books.open_shift())
    rules = shop.rules.shifts
    return {
        "shift": None if shift is None else shift_view(shift),
        "required": rules.required,
        "usual_float_fen": rules.float_fen,
        "notes_fen": list(rules.notes_fen),
    }


async def list_shifts(
    shop: Shop, actor: Actor, limit: int, before: int | None
) -> list[dict[str, Any]]:
    """Newest first; the figures of those that the actor may see."""
    found = await shop.ledger.read(lambda books: books.shifts(min(limit, MOST_LISTED), before))
    return [shift_view(shift, full=_may_see(actor, shift)) for shift in found]


async def shift_by_id(shop: Shop, actor: Actor, shift_id: str) -> dict[str, Any]:
    """A closed shift with its Z report, or the open one without figures.

    Raises NotFound("shift_unknown"), NotAllowed("permission_needed") for another's closed one."""
    shift = await shop.ledger.read(lambda books: books.shift(shift_id))
    if shift is None:
        raise NotFound("shift_unknown")
    if shift.closed_ms is not None and not _may_see(actor, shift):
        actor.require(Permission.SHIFT_ANY)
    return shift_view(shift, full=_may_see(actor, shift))


def _may_see(actor: Actor, shift: Shift) -> bool:
    """After the count: who closed it, or who may see any."""
    counted = shift.closed_ms is not None
    return counted and (shift.closed_by == actor.number or actor.may(Permission.SHIFT_ANY))


def shift_view(shift: Shift, *, full: bool = False) -> dict[str, Any]:
    """`report` and `counted` only where `full`: nothing else tells what the drawer should hold."""
    return {
        "shift_id": shift.shift_id,
        "number": shift.number,
        "opened_ms": shift.opened_ms,
        "opened_by": shift.opened_by,
        "held_by": shift.held_by,
        "float_fen": shift.float_fen,
        "closed_ms": shift.closed_ms,
        "closed_by": shift.closed_by,
        "report": dict(shift.report) if full else None,
        "counted": dict(shift.counted) if full else None,
        "receipt_id": shift.receipt_id if full else None,
    }


def _require_open(books: Books) -> Shift:
    shift = books.open_shift()
    if shift is None:
        raise Conflict("shift_not_open")
    return shift


def _require_mine(books: Books, actor: Actor) -> Shift:
    """The open shift, where the actor holds it or may act on anybody's."""
    shift = _require_open(books)
    if shift.held_by != actor.number:
        actor.require(Permission.SHIFT_ANY)
    return shift


def _notes(shop: Shop, counted: Counted) -> dict[str, int]:
    return count_notes(counted, shop.rules.shifts.notes_fen)
