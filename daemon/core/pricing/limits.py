"""What the law lets a prepaid card hold, and from when it wants to know the buyer (C8). Pure checks
with typed reasons; a recharge or sale of a card with any `Breach` is refused.

Sources: 单用途商业预付卡管理办法（试行）(Ministry of Commerce order 2012 no. 9, amended 2016) and
国办发 〔2011〕25号. Merchants may be stricter, never laxer: `LegalLimits` refuses figures beyond
the law's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple

from daemon.core.errors import BadRequest

NAMED_CEILING_FEN = 500_000
UNNAMED_CEILING_FEN = 100_000
REAL_NAME_FEN = 1_000_000
UNIT_TRANSFER_FEN = 500_000
PERSON_TRANSFER_FEN = 5_000_000
UNNAMED_VALID_YEARS = 3
CASH_REFUND_FEN = 10_000


class CardKind(Enum):
    NAMED = "named"
    UNNAMED = "unnamed"


class BreachReason(Enum):
    """A key for the screen."""

    ABOVE_NAMED_CEILING = "above_named_ceiling"
    ABOVE_UNNAMED_CEILING = "above_unnamed_ceiling"
    BUYER_NOT_IDENTIFIED = "buyer_not_identified"
    AGENT_NOT_IDENTIFIED = "agent_not_identified"
    TRANSFER_ONLY = "transfer_only"
    """The amount must come by bank transfer, with payer and payee on record."""
    NAMED_MAY_NOT_EXPIRE = "named_may_not_expire"
    VALID_TOO_SHORT = "valid_too_short"
    NO_EXTENSION_FEE = "no_extension_fee"
    REFUND_TO_ACCOUNT_ONLY = "refund_to_account_only"
    REFUND_TO_OTHER_NAME = "refund_to_other_name"
    RECEIVER_NOT_IDENTIFIED = "receiver_not_identified"
    LAXER_THAN_LAW = "laxer_than_law"


class Breach(NamedTuple):
    """`limit` is the bound in its unit (fen, years); `room` what would still be allowed of it."""

    reason: BreachReason
    limit: int = 0
    room: int = 0


@dataclass(frozen=True, slots=True)
class LegalLimits:
    """The merchant's limits; the defaults are the law's. `bonus_counts`: what is given on top fills
    the ceiling as well. Raises BadRequest("laxer_than_law")."""

    named_ceiling_fen: int = NAMED_CEILING_FEN
    unnamed_ceiling_fen: int = UNNAMED_CEILING_FEN
    real_name_fen: int = REAL_NAME_FEN
    unit_transfer_fen: int = UNIT_TRANSFER_FEN
    person_transfer_fen: int = PERSON_TRANSFER_FEN
    cash_refund_fen: int = CASH_REFUND_FEN
    bonus_counts: bool = True

    def __post_init__(self) -> None:
        for figure, most in (
            (self.named_ceiling_fen, NAMED_CEILING_FEN),
            (self.unnamed_ceiling_fen, UNNAMED_CEILING_FEN),
            (self.real_name_fen, REAL_NAME_FEN),
            (self.unit_transfer_fen, UNIT_TRANSFER_FEN),
            (self.person_transfer_fen, PERSON_TRANSFER_FEN),
            (self.cash_refund_fen, CASH_REFUND_FEN),
        ):
            if not 0 < figure <= most:
                raise BadRequest("laxer_than_law", limit=most)

    def ceiling_fen(self, kind: CardKind) -> int:
        return self.named_ceiling_fen if kind is CardKind.NAMED else self.unnamed_ceiling_fen


STRICT = LegalLimits()


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who pays, as far as the office holds it: never an identity number, only whether it is on
    record. `has_agent`: somebody else does the errand."""

    is_unit: bool = False
    identified: bool = False
    has_agent: bool = False
    agent_identified: bool = False


@dataclass(frozen=True, slots=True)
class Loading:
    """One purchase or recharge: `amount_fen` paid and `bonus_fen` given to a card that holds
    `held_fen`. `purchase_fen` is what the buyer pays for all cards at once; `by_transfer`: it comes
    from a bank account; `face_to_face`: the buyer stands at the counter."""

    kind: CardKind
    held_fen: int
    amount_fen: int
    bonus_fen: int = 0
    purchase_fen: int = 0
    by_transfer: bool = False
    face_to_face: bool = True

    @property
    def at_once_fen(self) -> int:
        return max(self.amount_fen, self.purchase_fen)


def check_loading(loading: Loading, buyer: Buyer, limits: LegalLimits = STRICT) -> list[Breach]:
    """Everything that stands against it; empty when nothing does."""
    breaches = []
    ceiling = limits.ceiling_fen(loading.kind)
    added = loading.amount_fen + (loading.bonus_fen if limits.bonus_counts else 0)
    if loading.held_fen + added > ceiling:
        reason = (
            BreachReason.ABOVE_NAMED_CEILING
            if loading.kind is CardKind.NAMED
            else BreachReason.ABOVE_UNNAMED_CEILING
        )
        breaches.append(Breach(reason, ceiling, max(0, ceiling - loading.held_fen)))
    if loading.kind is CardKind.NAMED or loading.at_once_fen >= limits.real_name_fen:
        needs = 0 if loading.kind is CardKind.NAMED else limits.real_name_fen
        if not buyer.identified:
            breaches.append(Breach(BreachReason.BUYER_NOT_IDENTIFIED, needs))
        if buyer.has_agent and not buyer.agent_identified:
            breaches.append(Breach(BreachReason.AGENT_NOT_IDENTIFIED, needs))
    transfer_from = limits.unit_transfer_fen if buyer.is_unit else limits.person_transfer_fen
    must_transfer = loading.at_once_fen >= transfer_from or not loading.face_to_face
    if must_transfer and not loading.by_transfer:
        breaches.append(Breach(BreachReason.TRANSFER_ONLY, transfer_from))
    return breaches


def check_validity(kind: CardKind, valid_years: int | None) -> list[Breach]:
    """Whether cards of this kind may be valid for `valid_years` (None: for ever)."""
    if valid_years is None:
        return []
    if kind is CardKind.NAMED:
        return [Breach(BreachReason.NAMED_MAY_NOT_EXPIRE)]
    if valid_years < UNNAMED_VALID_YEARS:
        return [Breach(BreachReason.VALID_TOO_SHORT, UNNAMED_VALID_YEARS)]
    return []


def check_extension(kind: CardKind, fee_fen: int) -> list[Breach]:
    """A named card does not expire, so nothing may be charged for prolonging it."""
    if kind is CardKind.NAMED and fee_fen > 0:
        return [Breach(BreachReason.NO_EXTENSION_FEE)]
    return []


def check_balance_refund(
    refund_fen: int,
    *,
    in_cash: bool,
    same_name: bool,
    receiver_identified: bool,
    limits: LegalLimits = STRICT,
) -> list[Breach]:
    """Whether a balance may be paid out so: to a bank account in the buyer's own name, small
    amounts in cash, and who receives it on record. Goods that are returned go back to the card
    instead and are not asked this."""
    breaches = []
    if in_cash and refund_fen > limits.cash_refund_fen:
        breaches.append(Breach(BreachReason.REFUND_TO_ACCOUNT_ONLY, limits.cash_refund_fen))
    if not in_cash and not same_name:
        breaches.append(Breach(BreachReason.REFUND_TO_OTHER_NAME))
    if not receiver_identified:
        breaches.append(Breach(BreachReason.RECEIVER_NOT_IDENTIFIED))
    return breaches


class Expired(NamedTuple):
    """What an expired card may still do. Principal is never lost: an unnamed card is activated
    again or changed for a new one; bonus and benefits end only by a rule of their own."""

    benefits_end: bool
    spends_principal: bool
    needs_activation: bool


def after_validity(kind: CardKind, to_day: date | None, today: date) -> Expired:
    if to_day is None or today <= to_day:
        return Expired(False, True, False)
    if kind is CardKind.NAMED:
        return Expired(True, True, False)
    return Expired(True, False, True)


def reasons(breaches: Iterable[Breach]) -> list[str]:
    return [breach.reason.value for breach in breaches]
