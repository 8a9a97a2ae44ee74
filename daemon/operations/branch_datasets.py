"""Members, cards, staff and rules that the merchant's counters share: what came down from the cloud
is put on these books, what was changed here is told (docs/leases.md, "Down and up").

A delta names the version it starts from. It is taken whole in one transaction or not at all, and
never one that would take this counter back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, Conflict, NotFound
from daemon.core.records import Document
from daemon.operations.shop import Shop
from daemon.ports.branch_books import OF_ONE_STORE
from daemon.ports.ledger import Books
from daemon.rules.compile import compile as compile_rules
from daemon.rules.mistakes import RulesInvalid

DATASETS: Final = ("members", "cards", "staff", "rules")
"""In the order in which they are taken: a card needs its member."""
CLOUD: Final = "chain"


@dataclass(frozen=True, slots=True)
class TakenDelta:
    """`rows` by key; None: it is there no more. `whole`: what is not named is gone."""

    dataset: str
    start: int
    end: int
    whole: bool
    rows: Sequence[tuple[str, Mapping[str, Any] | None]]


def take_delta(shop: Shop, books: Books, delta: TakenDelta) -> bool:
    """True if it was news. The delta of the version that is here already changes nothing.

    Raises BadRequest("dataset_unknown" | "row_malformed" | "row_orphan" | "rules_refused"),
    Conflict("delta_behind") for a version before the one that is here, Conflict("delta_gap") for
    one that starts elsewhere."""
    name = delta.dataset
    if name not in DATASETS:
        raise BadRequest("dataset_unknown", dataset=name)
    have = books.dataset_versions().get(name, 0)
    if delta.end < have or (delta.whole and delta.start != 0) or delta.end < delta.start:
        raise Conflict("delta_behind", dataset=name, have=have, end=delta.end)
    if delta.end == have:
        return False
    if not delta.whole and delta.start != have:
        raise Conflict("delta_gap", dataset=name, have=have, start=delta.start)
    gone = books.keys_of(name) - {key for key, _ in delta.rows} if delta.whole else frozenset()
    rows = [*delta.rows, *((key, None) for key in sorted(gone) if not books.is_outgoing(name, key))]
    if name == "rules":
        _take_rules(shop, books, [(key, row) for key, row in rows if row is not None])
    else:
        for key, row in rows:
            # What was changed here meanwhile goes up and comes back; a card is looked at closely.
            if name == "cards" or not books.is_outgoing(name, key):
                books.take_row(name, key, row)
    books.put_dataset_version(name, delta.end)
    return True


def _take_rules(shop: Shop, books: Books, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Each section that says something new is a version of its own, which the journal names. Rules
    that this release cannot read are refused: it goes on with those that it has."""
    known = {document.section: document for document in books.documents()}
    fresh = []
    for section, row in rows:
        if section in OF_ONE_STORE or books.is_outgoing("rules", section):
            continue
        before = known.get(section)
        try:
            content, note = dict(row["content"]), str(row["note"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest("row_malformed", dataset="rules") from error
        if before is not None and dict(before.content) == content:
            continue
        version = before.version + 1 if before is not None else 1
        fresh.append(Document(section, version, content, shop.clock.now_ms(), CLOUD, note))
    contents = {section: document.content for section, document in known.items()}
    contents |= {document.section: document.content for document in fresh}
    try:
        compile_rules(contents, shop.base_policy, shop.base_head)
    except (RulesInvalid, NotFound) as error:
        raise BadRequest("rules_refused") from error
    for document in fresh:
        books.take_document(document)
        books.append(
            Draft(
                op_id=shop.clock.new_id(),
                kind=Kind.RULES_CHANGED,
                at_ms=document.changed_ms,
                actor=CLOUD,
                detail={
                    "event": "rules_changed",
                    "section": document.section,
                    "version": document.version,
                    "sha256": document.sha256,
                },
            )
        )
