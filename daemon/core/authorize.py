"""Whether this card may pay this amount here and now. A pure decision over what the books hold
*here*; never over a cached total of elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.card import (
    CardStatus,
    CounterVerdict,
    Profile,
    Proof,
    Technology,
    judge_counter,
)
from daemon.core.entry import Account
from daemon.core.policy import Policy
from daemon.core.records import Card, Holding, Member
from daemon.core.spend import balance_of, plan_spend


@dataclass(frozen=True, slots=True)
class Approve:
    """`plan` is what each lot gives. `counter_before` is the counter that the card shows now; None
    for a card without one."""

    plan: tuple[tuple[Account, int], ...]
    counter_before: int | None


@dataclass(frozen=True, slots=True)
class Decline:
    """`reason` is a screen key. `alarm` puts the reason on the journal; `lock` also stops the
    card on every counter."""

    reason: str
    facts: Mapping[str, int] = field(default_factory=dict)
    alarm: bool = False
    lock: bool = False


@dataclass(frozen=True, slots=True)
class AskPin:
    """The member must give the PIN before the question is asked again."""


Decision = Approve | Decline | AskPin

_STATUS_REASONS = {
    CardStatus.LOST: "card_lost",
    CardStatus.LOCKED: "card_locked",
    CardStatus.RETURNED: "card_returned",
    CardStatus.REPLACED: "card_replaced",
}


def authorize(
    *,
    amount_fen: int,
    proof: Proof,
    card: Card,
    member: Member,
    holdings: Sequence[Holding],
    spent_today_fen: int,
    pin_given: bool,
    policy: Policy,
    plan: tuple[tuple[Account, int], ...] | None = None,
    asks_pin: bool = False,
    shared: bool = False,
) -> Decision:
    """Checks in the order that helps the person most: the card itself, the person, the money, and
    only then the PIN, so that nobody types a PIN for a sale that cannot be.

    `amount_fen` is what stored value pays; `plan` the lots that a price has chosen already (None:
    they are chosen here). `asks_pin`: something else of the account is spent with a card that shows
    no more than a number. `shared`: as for `judge_card`."""
    refusal = judge_card(proof, card, shared=shared)
    if refusal is not None:
        return refusal
    if member.status != "active":
        return Decline("member_frozen")
    profile = policy.profiles[card.technology]
    refusal = _judge_money(amount_fen, holdings, profile, spent_today_fen)
    if refusal is not None:
        return refusal
    if (amount_fen > profile.spend.pin_above_fen or asks_pin) and not pin_given:
        return AskPin() if member.pin_hash else Decline("pin_required_but_unset")
    if plan is None:
        plan = plan_spend(amount_fen, holdings, policy.spend_order) if amount_fen else ()
    return Approve(plan, proof.counter)


def judge_card(proof: Proof, card: Card, *, shared: bool = False) -> Decline | None:
    """What the card's own evidence says against the books; None if it may go on. `shared`: other
    counters of the chain take this card too, so it may be further on than is known here; the cloud
    looks whether every count was told (I9)."""
    if proof.face.uid != card.uid or not _same_kind(proof.face.technology, card.technology):
        return Decline("card_forged", alarm=True)
    if card.status in _STATUS_REASONS:
        return Decline(_STATUS_REASONS[card.status])
    if card.technology is Technology.DESFIRE:
        assert proof.counter is not None and card.counter is not None
        verdict = judge_counter(proof.counter, card.counter, card.pending)
        if verdict is CounterVerdict.ROLLED_BACK:
            return Decline("card_rolled_back", alarm=True, lock=True)
        if verdict is CounterVerdict.AHEAD and not shared:
            return Decline("card_counter_ahead", alarm=True, lock=True)
    return None


def _same_kind(shown: Technology, known: Technology) -> bool:
    """A purse is taken for a number at a till without its keys, and where it was issued as one."""
    return shown is known or {shown, known} == {Technology.UID, Technology.PURSE}


def _judge_money(
    amount_fen: int, holdings: Sequence[Holding], profile: Profile, spent_today_fen: int
) -> Decline | None:
    available = balance_of(holdings).total_fen
    if amount_fen > available:
        return Decline(
            "insufficient_funds",
            {"short_fen": amount_fen - available, "available_fen": available},
        )
    limit = profile.spend.per_day_fen
    if limit is not None and spent_today_fen + amount_fen > limit:
        return Decline(
            "day_limit", {"limit_fen": limit, "left_fen": max(0, limit - spent_today_fen)}
        )
    return None
