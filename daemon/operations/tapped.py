"""How a tap ends, and what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.core.authorize import Decline
from daemon.core.card import Proof
from daemon.core.records import Card, Operation
from daemon.operations.shop import Actor


@dataclass(frozen=True, slots=True)
class Approved:
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Declined:
    why: Decline
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class PinNeeded:
    """`proof` is kept: a card that proves identity only need not be laid on again."""

    proof: Proof
    card: Card


@dataclass(frozen=True, slots=True)
class DoubtfulRepeat:
    """The same card just paid for the same: the cashier is asked."""

    card: Card


@dataclass(frozen=True, slots=True)
class LostContact:
    """Nothing was committed: the member may tap again. `reason` is a screen key."""

    reason: str


@dataclass(frozen=True, slots=True)
class Torn:
    """Whether the card committed is not known: its next tap tells."""

    card: Card


Outcome = Approved | Declined | PinNeeded | DoubtfulRepeat | LostContact | Torn


@dataclass(frozen=True, slots=True)
class TapRequest:
    """`confirmed`: the cashier said yes to the double-tap question. `is_repeat` says whether the
    card paid for the same sale a moment ago."""

    sale: Operation
    cashier: Actor
    pin_given_for: str | None
    confirmed: bool
    is_repeat: Callable[[str, Mapping[str, Any]], bool]


def pin_key(proof: Proof) -> str:
    """What a right PIN is bound to: it counts for this card alone."""
    return proof.card_id if proof.card_id is not None else proof.face.uid.hex()
