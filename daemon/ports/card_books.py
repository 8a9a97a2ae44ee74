"""What the life of a card and the law ask of the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from daemon.core.entry import Account, Entry, Kind
from daemon.core.records import Card, IdentityPaper


class CardBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def cards_of(self, member_id: str) -> Sequence[Card]:
        """Newest first."""
        ...

    def card_numbered(self, number: str) -> str | None:
        """The id of the card with that number on the plastic that was not returned."""
        ...

    def identity(self, member_id: str) -> IdentityPaper | None:
        """The paper on record (C8), None where there is none or it was erased."""
        ...

    def has_identity(self, member_id: str) -> tuple[bool, bool]:
        """Whether the member's own paper is on record, and an agent's."""
        ...

    def put_identity(self, member_id: str, paper: IdentityPaper) -> None:
        """Asserts that the member is there and has not been erased."""
        ...

    def taken_of(self, member_id: str, kind: Kind) -> Mapping[Account, int]:
        """What the entries of that kind took of each of the member's lots, in the unit of its
        account."""
        ...

    def opening(self, lot: int) -> Entry | None:
        """The entry of this journal that opened a lot; None where another counter's did."""
        ...
