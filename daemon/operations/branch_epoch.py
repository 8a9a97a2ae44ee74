"""The journal's number in the chain, and a new epoch after a restore (docs/leases.md).

A power cut keeps its epoch: the chain is whole. Where the cloud has seen more than this disk holds,
it has taken the old epoch's leases back; what is held here is void, and nothing is to be spent
before the new epoch was granted something.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.core.entry import Draft, Kind
from daemon.core.errors import Conflict
from daemon.operations.branch_grants import DEVICE, void_everything
from daemon.ports.branch_books import ChainState, DebitState
from daemon.ports.clock import Clock
from daemon.ports.ledger import Books


def begin_journal(books: Books, clock: Clock, epoch: int, number: int) -> bool:
    """Takes the number that the cloud gave this journal. True if a new epoch was begun.

    Told again, nothing changes. Raises Conflict("journal_differs") for another number of the same
    epoch, Conflict("epoch_behind") for one that is over."""
    now = books.epoch()
    if epoch < now:
        raise Conflict("epoch_behind", epoch=now)
    known = books.journal_number()
    if epoch == now and known:
        if known != number:
            raise Conflict("journal_differs", number=known)
        return False
    if epoch == now:
        books.begin_journal(epoch, number)
        return False
    # What the cloud may lack goes up once more, under the new epoch: it knows each entry by its
    # place and its bytes, and counts none of them twice.
    first_dseq = books.receipted_dseq() + 1
    books.begin_epoch(first_dseq, clock.now_ms(), "restored", epoch=epoch)
    books.begin_journal(epoch, number)
    void_everything(books, clock)
    _give_up_debits(books, clock)
    books.append(
        Draft(
            op_id=clock.new_id(),
            kind=Kind.EPOCH,
            at_ms=clock.now_ms(),
            actor=DEVICE,
            detail={"event": "epoch_begun", "epoch": epoch, "journal": number},
        )
    )
    state = books.chain_state()
    assert state is not None, "only a device of a chain is given a number"
    books.put_chain_state(ChainState(cloud_ms=state.cloud_ms))
    return True


def _give_up_debits(books: Books, clock: Clock) -> None:
    """They were forced with the old epoch."""
    for intent in books.open_debits():
        settle_debit(books, clock, intent.txid, DebitState.REVERSED)


def settle_debit(books: Books, clock: Clock, txid: str, state: DebitState) -> None:
    intent = books.debit(txid)
    assert intent is not None
    books.put_debit(replace(intent, state=state, settled_ms=clock.now_ms()))
