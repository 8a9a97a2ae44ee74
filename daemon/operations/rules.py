"""The merchant's rules (F5, issue of every setting): read, weighed, changed, taken back.

A change names the version that it was made from; whoever was faster wins, and the other is told who
and when. All sections are compiled together before anything is kept, and looked at again in the
transaction that keeps them: a version that is in the books always compiles.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import BadRequest, Conflict, LedgerCorrupt, NotFound
from daemon.core.records import Document
from daemon.operations.rules_in_use import still_in_use
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import note as note_in_log
from daemon.ports.ledger import Books
from daemon.rules.compile import compile as compile_rules
from daemon.rules.crew import PERMISSIONS
from daemon.rules.difference import differences
from daemon.rules.mistakes import Mistake, RulesInvalid
from daemon.rules.parts import Part
from daemon.rules.sections import (
    SECTIONS,
    as_content,
    default_document,
    read_section,
    require_section,
)
from daemon.rules.shop_rules import ShopRules

log = logging.getLogger(__name__)

MOST_VERSIONS: Final = 200
LONGEST_NOTE: Final = 200
PERMISSIONS_KNOWN: Final = "permissions_known"
"""Setting: the permissions that there were when a person last wrote the roles."""
TRIES: Final = 5
"""Changes of other sections that may come in between before somebody is told to try again."""


@dataclass(frozen=True, slots=True)
class Change:
    """`base_version` None: whatever is in force. `restored`: the version it is a copy of. `given`:
    permissions that a release brought and that roles get by this change, which no person made."""

    section: str
    document: Part
    base_version: int | None
    note: str = ""
    restored: int | None = None
    given: tuple[str, ...] = ()


async def load_rules(shop: Shop) -> None:
    """Puts what the books hold into force. Called once, before the counter opens.

    Raises LedgerCorrupt("rules_unreadable"): a version that this release cannot read. It never
    sells under other rules than those that were written."""
    documents = await shop.ledger.read(lambda books: books.documents())
    contents = {document.section: document.content for document in documents}
    try:
        rules = compile_rules(contents, shop.base_policy, shop.base_head, _edition(documents))
    except RulesInvalid as error:
        for mistake in error.mistakes:
            log.error("the shop's rules cannot be read: %s: %s", mistake.at, mistake.key)
        raise LedgerCorrupt("rules_unreadable", at=error.mistakes[0].at) from error
    except NotFound as error:
        raise LedgerCorrupt("rules_unreadable") from error
    shop.rules_cell.put(rules)


def _edition(documents: Sequence[Document]) -> int:
    return sum(document.version for document in documents)


# -- reading ---------------------------------------------------------------------------------------


def version_view(section: str, document: Document | None, books: Books) -> dict[str, Any]:
    """Who wrote a version and when; version 0 is the device's own file and safe defaults."""
    by = books.employee_by_number(document.actor) if document is not None else None
    return {
        "section": section,
        "version": document.version if document is not None else 0,
        "changed_ms": document.changed_ms if document is not None else None,
        "actor": document.actor if document is not None else None,
        "actor_name": by.name if by is not None else None,
        "note": document.note if document is not None else "",
    }


async def list_sections(shop: Shop) -> list[dict[str, Any]]:
    def look(books: Books) -> list[dict[str, Any]]:
        known = {document.section: document for document in books.documents()}
        return [version_view(section, known.get(section), books) for section in SECTIONS]

    return await shop.ledger.read(look)


async def section_by_name(shop: Shop, section: str) -> dict[str, Any]:
    """The section as it is in force. Raises NotFound("section_unknown")."""
    require_section(section)

    def look(books: Books) -> dict[str, Any]:
        document = books.document(section)
        return {
            **version_view(section, document, books),
            "content": _content(shop, section, document),
        }

    return await shop.ledger.read(look)


async def list_versions(shop: Shop, section: str, limit: int) -> list[dict[str, Any]]:
    """Newest first. Raises NotFound("section_unknown")."""
    require_section(section)

    def look(books: Books) -> list[dict[str, Any]]:
        found = books.document_versions(section, min(limit, MOST_VERSIONS))
        return [version_view(section, document, books) for document in found]

    return await shop.ledger.read(look)


async def version_by_number(shop: Shop, section: str, version: int) -> dict[str, Any]:
    """One version and what it changed. Raises NotFound("section_unknown" | "version_unknown")."""
    require_section(section)

    def look(books: Books) -> dict[str, Any]:
        document = _require_version(books, section, version)
        before = books.document_version(section, version - 1)
        content = _content(shop, section, document)
        changes = differences(_content(shop, section, before), content)
        return {
            **version_view(section, document, books),
            "content": content,
            "changes": [change._asdict() for change in changes],
        }

    return await shop.ledger.read(look)


def _content(shop: Shop, section: str, document: Document | None) -> dict[str, Any]:
    """Whole, also where the version is from before a field was there. A version that this release
    reads no more is shown as it was kept."""
    if document is None:
        return as_content(default_document(section, shop.base_policy, shop.base_head))
    try:
        return as_content(read_section(section, document.content))
    except RulesInvalid:
        return dict(document.content)


def _require_version(books: Books, section: str, version: int) -> Document:
    found = books.document_version(section, version)
    if found is None:
        raise NotFound("version_unknown")
    return found


# -- changing --------------------------------------------------------------------------------------


async def check(shop: Shop, section: str, content: Any) -> list[Mistake]:
    """What would stand against this content, without keeping it. Raises
    NotFound("section_unknown")."""
    try:
        await _weigh(shop, [Change(section, read_section(section, content), None)])
    except RulesInvalid as error:
        return list(error.mistakes)
    return []


async def change(
    shop: Shop, actor: Actor, section: str, content: Any, base_version: int, note: str = ""
) -> dict[str, Any]:
    """Writes the next version of a section and puts it into force; the section as it is now.
    Content that is in force already makes no version.

    Raises NotFound("section_unknown"), RulesInvalid, Conflict("rules_changed_meanwhile"),
    BadRequest("note_malformed")."""
    require_section(section)
    document = read_section(section, content)
    await keep(shop, actor, [Change(section, document, base_version, _require_note(note))])
    return await section_by_name(shop, section)


async def restore(
    shop: Shop, actor: Actor, section: str, version: int, base_version: int
) -> dict[str, Any]:
    """Writes a new version with the content of an earlier one; 0 is the device's own file.

    Raises as `change`, and NotFound("version_unknown")."""
    require_section(section)

    def look(books: Books) -> Mapping[str, Any]:
        if version == 0:
            return _content(shop, section, None)
        return _require_version(books, section, version).content

    document = read_section(section, await shop.ledger.read(look))
    await keep(shop, actor, [Change(section, document, base_version, "", version)])
    return await section_by_name(shop, section)


def _require_note(note: str) -> str:
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise BadRequest("note_malformed")
    return note.strip()


async def keep(
    shop: Shop,
    actor: Actor,
    changes: Sequence[Change],
    allowed: Callable[[Books], None] = lambda books: None,
) -> None:
    """Keeps several sections in one transaction, each a version of its own, and puts them into
    force. `allowed` looks at the books in that transaction and may raise.

    Raises RulesInvalid, Conflict("rules_changed_meanwhile" with `version`, `by`, `at_ms`)."""
    # A caller that goes away must not leave rules on the disk that are not in force.
    await asyncio.shield(asyncio.ensure_future(_keep(shop, actor, changes, allowed)))


async def _keep(
    shop: Shop, actor: Actor, changes: Sequence[Change], allowed: Callable[[Books], None]
) -> None:
    for _ in range(TRIES):
        rules, known = await _weigh(shop, changes)

        written = await shop.ledger.write(
            partial(_write, shop, actor, changes, allowed, rules, known)
        )
        if written is not None:
            if written:
                shop.rules_cell.put(rules)
            for document in written:
                body = {"section": document.section, "version": document.version}
                shop.events.publish("rules", {**body, "edition": rules.edition})
            return
    raise Conflict("rules_changed_meanwhile")


def _write(
    shop: Shop,
    actor: Actor,
    changes: Sequence[Change],
    allowed: Callable[[Books], None],
    rules: ShopRules,
    known: Mapping[str, int],
    books: Books,
) -> list[Document] | None:
    """What was written; None where `rules` were compiled with versions that are over."""
    allowed(books)
    fresh = _fresh(shop, books, changes)
    _require_bases(books, fresh)
    if _versions(books.documents()) != known:
        return None
    mistakes = still_in_use(shop.rules, rules, books)
    if mistakes:
        raise RulesInvalid(mistakes)
    return [_add(shop, books, actor, each) for each in fresh]


async def _weigh(shop: Shop, changes: Sequence[Change]) -> tuple[ShopRules, Mapping[str, int]]:
    """The rules as they would be, and the versions that they stand on. Compiled on a thread of its
    own: a large catalogue must not keep a tap waiting."""

    def look(books: Books) -> tuple[Sequence[Document], int]:
        return books.documents(), len(_fresh(shop, books, changes))

    documents, fresh = await shop.ledger.read(look)
    contents = {document.section: document.content for document in documents}
    contents |= {change.section: as_content(change.document) for change in changes}
    edition = _edition(documents) + fresh
    rules = await asyncio.to_thread(
        compile_rules, contents, shop.base_policy, shop.base_head, edition
    )
    mistakes = await shop.ledger.read(lambda books: still_in_use(shop.rules, rules, books))
    if mistakes:
        raise RulesInvalid(mistakes)
    return rules, _versions(documents)


def _versions(documents: Sequence[Document]) -> dict[str, int]:
    return {document.section: document.version for document in documents}


def _fresh(shop: Shop, books: Books, changes: Sequence[Change]) -> list[Change]:
    """Those that change something. The first version is always written: it says that somebody has
    looked."""
    fresh = []
    for each in changes:
        now = books.document(each.section)
        if now is None or _content(shop, each.section, now) != as_content(each.document):
            fresh.append(each)
    return fresh


def _require_bases(books: Books, changes: Sequence[Change]) -> None:
    for each in changes:
        now = books.document(each.section)
        version = now.version if now is not None else 0
        if each.base_version not in (None, version):
            raise Conflict(
                "rules_changed_meanwhile",
                section=each.section,
                version=version,
                by=now.actor if now is not None else None,
                at_ms=now.changed_ms if now is not None else None,
            )


def know_permissions(books: Books) -> None:
    """The permissions of this release are new to the shop no more."""
    books.put_setting(PERMISSIONS_KNOWN, json.dumps(sorted(PERMISSIONS)))


def _add(shop: Shop, books: Books, actor: Actor, each: Change) -> Document:
    now = books.document(each.section)
    document = Document(
        each.section,
        now.version + 1 if now is not None else 1,
        as_content(each.document),
        shop.clock.now_ms(),
        actor.number,
        each.note,
    )
    books.add_document(document)
    facts: dict[str, int | str] = {"section": each.section, "version": document.version}
    if each.restored is not None:
        facts["restored"] = each.restored
    if each.given:
        facts["permissions"] = ", ".join(each.given)
    elif each.section == "staff":
        # Whoever writes roles has every permission of this release before the eyes.
        know_permissions(books)
    if actor.approver:
        facts["approver"] = actor.approver
    # The digest ties the text of the rules to the chain of the journal.
    facts["sha256"] = document.sha256
    note_in_log(shop, books, Kind.RULES_CHANGED, actor.number, "rules_changed", **facts)
    return document
