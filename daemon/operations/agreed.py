"""A manager's yes that is kept with a sale: to credit, or to a price that was changed.

The sale may be set aside, or torn, before it is made; whoever goes on with it then has the yes that
it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.core.records import Operation
from daemon.operations.shop import Actor

_BY = "credit_by"
"""In the answer of a sale. Named after what first needed a yes; kept books hold sales with it."""


def agreed_by(actor: Actor, needed: bool) -> dict[str, Any]:
    """What a sale keeps of who said yes where a yes was `needed` for what it asks."""
    return {_BY: actor.approver} if needed and actor.approver else {}


def as_agreed(sale: Operation, actor: Actor) -> Actor:
    """The actor who goes on with a sale, with the yes that the sale was given."""
    approver = str(sale.answer.get(_BY, ""))
    return replace(actor, approver=approver) if approver else actor
