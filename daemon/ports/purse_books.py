"""What electronic purses ask of the books: every debit and load, from before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from daemon.core.purse import PurseDeed, TransactionType


class PurseBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def put_purse_deed(self, deed: PurseDeed) -> None:
        """Asserts that no other deed of this card, kind and sequence was done before."""
        ...

    def purse_deed(self, deed_id: str) -> PurseDeed | None: ...

    def purse_deeds_of(self, op_id: str) -> Sequence[PurseDeed]:
        """Oldest first."""
        ...

    def purse_deeds_to_ask(self, card_id: str) -> Sequence[PurseDeed]:
        """Those that the card must be asked about: open, or decided by the office. Oldest first."""
        ...

    def open_purse_deeds(self, limit: int) -> Sequence[PurseDeed]:
        """Of all cards, those that are open or were decided by the office; newest first."""
        ...

    def purse_done(self, card_id: str, kind: TransactionType, sequence: int) -> bool:
        """Whether the card has proved that very transaction to these books before."""
        ...

    def last_purse_deed(self, card_id: str) -> PurseDeed | None:
        """The newest of that card, however it ended."""
        ...

    def next_purse_number(self) -> int:
        """This till's number of the next purchase: 1, 2, ..."""
        ...
