"""The number of a lot: the same at every counter of a chain, and never given twice.

A shop without a cloud numbers a lot by the entry that opened it. In a chain every journal has a
number of its own, 1 to 2^22, which stands above the entry's: `journal << 40 | dseq`. Journal 0 is
the shop alone, so that what a shop wrote before it joined keeps its names.
"""

from __future__ import annotations

from typing import Final

DSEQ_BITS: Final = 40
MOST_JOURNAL: Final = 1 << 22
"""The highest lot is below 2^63: a signed 64-bit number holds every one."""


def lot_number(journal: int, dseq: int) -> int:
    """The lot that entry `dseq` of that journal opened."""
    assert 0 <= journal <= MOST_JOURNAL and 0 < dseq < 1 << DSEQ_BITS
    return journal << DSEQ_BITS | dseq


def opened_by(lot: int) -> tuple[int, int]:
    """(journal number, dseq) of the entry that opened the lot."""
    return lot >> DSEQ_BITS, lot & ((1 << DSEQ_BITS) - 1)


def lot_text(lot: int) -> str:
    """As it is printed: `17` in a shop alone, `3-17` in a chain."""
    journal, dseq = opened_by(lot)
    return f"{journal}-{dseq}" if journal else str(dseq)
