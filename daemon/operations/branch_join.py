"""A device becomes one of a chain, or is one again after a start."""

from __future__ import annotations

from daemon.ports.ledger import Books, Ledger


async def join(ledger: Ledger) -> int:
    """Makes the books those of a device of a chain, and returns the epoch that is being written.
    What a shop had before it joined is told to the others."""

    def work(books: Books) -> int:
        if books.chain_state() is None:
            books.join_chain()
            books.mark_all_outgoing()
        return books.epoch()

    return await ledger.write(work)
