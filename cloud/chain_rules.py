"""The rules of the chain as the merchant's office wrote them: section `chain`, which comes up with
the other rules. It wins over what an operator has set here."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import Final

from cloud.books import CloudBooks
from cloud.datasets import fields_of
from daemon.core.errors import BadRequest
from daemon.core.lease.policy import Bearer, ChainPolicy

RULES: Final = "rules"
SECTION: Final = "chain"
_KNOWN: Final = frozenset(field.name for field in fields(ChainPolicy))

log = logging.getLogger(__name__)


async def chain_rules(books: CloudBooks) -> ChainPolicy | None:
    """None where the office has never changed them, or wrote what cannot be read here: then what
    was in force goes on."""
    row = await books.office.dataset_row(RULES, SECTION)
    told = fields_of(row.value) if row is not None else None
    content = told.get("content") if told is not None else None
    if not isinstance(content, dict):
        return None
    # A setting of a newer release is none of this one's.
    chosen = {name: value for name, value in content.items() if name in _KNOWN}
    try:
        if "overspend_bearer" in chosen:
            chosen["overspend_bearer"] = Bearer(chosen["overspend_bearer"])
        return ChainPolicy(**chosen)
    except (BadRequest, ValueError) as error:
        log.warning("the rules of the chain cannot be read: %s", error)
        return None
