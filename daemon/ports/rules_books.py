"""The merchant's rules, section by section and version by version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from daemon.core.records import Document


class RuleBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    def document(self, section: str) -> Document | None:
        """The version in force; None where none was ever written."""
        ...

    def documents(self) -> Sequence[Document]:
        """The version in force of every section that has one."""
        ...

    def document_version(self, section: str, version: int) -> Document | None: ...

    def document_versions(self, section: str, limit: int) -> Sequence[Document]:
        """Newest first."""
        ...

    def add_document(self, document: Document) -> None:
        """Asserts that its version follows the one in force."""
        ...

    def has_sold(self) -> bool:
        """Whether money ever moved here."""
        ...

    def has_cards(self) -> bool: ...

    def category_has_members(self, category: str) -> bool:
        """Whether anybody belongs to the member category. May look at every member."""
        ...

    def has_members(self) -> bool:
        """Whether anybody is on the books, erased or not."""
        ...

    def field_has_values(self, field: str) -> bool:
        """Whether a member holds something under this custom field that is kept in the open. Reads
        every member."""
        ...

    def level_has_members(self, level: str) -> bool:
        """As `category_has_members`."""
        ...

    def campaign_is_out(self, campaign: str) -> bool:
        """Whether a coupon of the campaign can still be redeemed."""
        ...

    def codes_of_passes(self) -> frozenset[str]:
        """Codes that gave a pass which somebody still holds, and codes that it is good for."""
        ...

    def initials(self, name: str) -> str:
        """What people type for a name: 红烧肉饭 is `hsrf`, letters and digits stay."""
        ...
