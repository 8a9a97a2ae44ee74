"""The merchant's rules on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.core.entry import Kind
from daemon.core.lot_rule import lot_rule
from daemon.core.records import Document
from daemon.ledger.desk import Desk, from_json, to_json
from daemon.ledger.readings import readings_of

_DOCUMENT = "section, version, content, changed_ms, actor, note"
_MONEY = ", ".join(
    str(int(kind)) for kind in (Kind.SALE, Kind.RECHARGE, Kind.FEE, Kind.REFUND, Kind.TRANSFER)
)


class RulesDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def document(self, section: str) -> Document | None:
        return self._document(
            f"SELECT {_DOCUMENT} FROM document WHERE section = ? ORDER BY version DESC LIMIT 1",
            section,
        )

    def documents(self) -> Sequence[Document]:
        rows = self._all(
            f"SELECT {_DOCUMENT} FROM document AS now WHERE version ="
            " (SELECT max(version) FROM document WHERE section = now.section) ORDER BY section"
        )
        return [_read(row) for row in rows]

    def document_version(self, section: str, version: int) -> Document | None:
        return self._document(
            f"SELECT {_DOCUMENT} FROM document WHERE section = ? AND version = ?", section, version
        )

    def document_versions(self, section: str, limit: int) -> Sequence[Document]:
        rows = self._all(
            f"SELECT {_DOCUMENT} FROM document WHERE section = ? ORDER BY version DESC LIMIT ?",
            section,
            limit,
        )
        return [_read(row) for row in rows]

    def add_document(self, document: Document) -> None:
        newest = self._one(
            "SELECT coalesce(max(version), 0) FROM document WHERE section = ?", document.section
        )[0]
        assert document.version == newest + 1, "a version was left out or written twice"
        self._change(
            f"INSERT INTO document ({_DOCUMENT}) VALUES (?, ?, ?, ?, ?, ?)",
            document.section,
            document.version,
            to_json(document.content),
            document.changed_ms,
            document.actor,
            document.note,
        )

    def has_sold(self) -> bool:
        return self._holds(f"SELECT 1 FROM journal WHERE kind IN ({_MONEY})")

    def has_cards(self) -> bool:
        return self._holds("SELECT 1 FROM card")

    def category_has_members(self, category: str) -> bool:
        return self._holds("SELECT 1 FROM member WHERE category = ?", category)

    def has_members(self) -> bool:
        return self._holds("SELECT 1 FROM member")

    def field_has_values(self, field: str) -> bool:
        return self._holds(
            "SELECT 1 FROM member WHERE fields <> '{}' AND json_type(fields, ?) IS NOT NULL",
            f'$."{field}"',
        )

    def level_has_members(self, level: str) -> bool:
        return self._holds("SELECT 1 FROM member WHERE level = ?", level)

    def campaign_is_out(self, campaign: str) -> bool:
        return self._holds("SELECT 1 FROM coupon WHERE campaign = ? AND state = 'issued'", campaign)

    def codes_of_passes(self) -> frozenset[str]:
        rows = self._all(
            "SELECT DISTINCT asset, coalesce(rule, '') FROM account"
            " WHERE held = 1 AND asset GLOB 'pass:*' AND owner GLOB 'member:*'"
        )
        codes = {str(asset).removeprefix("pass:") for asset, _ in rows}
        for _, rule in rows:
            codes.update(lot_rule(rule).codes)
        return frozenset(codes)

    def initials(self, name: str) -> str:
        found = []
        for character in name.casefold():
            readings = readings_of(character)
            if readings:
                found.append(readings[0][0])
            elif character.isascii() and character.isalnum():
                found.append(character)
        return "".join(found)

    def _holds(self, sql: str, *parameters: Any) -> bool:
        return bool(self._one(f"SELECT EXISTS ({sql})", *parameters)[0])

    def _document(self, sql: str, *parameters: Any) -> Document | None:
        row = self._one(sql, *parameters)
        return None if row is None else _read(row)


def _read(row: Sequence[Any]) -> Document:
    section, version, content, changed_ms, actor, note = row
    return Document(section, version, from_json(content), changed_ms, actor, note)
