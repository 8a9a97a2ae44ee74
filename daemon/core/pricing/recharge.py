"""What a recharge brings on top (C1, D1): the card's own tiers and the campaigns that run.

The tiers are the group "recharge". Of one group only the best counts, groups add up; an exclusive
campaign stands alone. The rule that is kept with the lot names all that gave something, so that a
refund years later knows under which rule the balance was bought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon.core.money import require_amount, share
from daemon.core.pricing.conditions import NotApplied, Reason
from daemon.core.pricing.index import ALL_KEY, PromotionIndex
from daemon.core.pricing.promotion import Exclusive, Promotion, RechargeBonus, RechargeTier
from daemon.core.pricing.shop_time import moment
from daemon.core.pricing.standing import MemberStanding

TIERS_GROUP = "recharge"


class Given(NamedTuple):
    """`rule` is `<promotion id>:<from_fen>:<bonus_bp>:<bonus_fen>`; the card's tiers are
    `bonus`."""

    rule: str
    fen: int


@dataclass(frozen=True, slots=True)
class RechargeQuote:
    """`principal_fen` is what is paid."""

    principal_fen: int
    given: tuple[Given, ...]
    not_applied: tuple[NotApplied, ...]

    @property
    def bonus_fen(self) -> int:
        return sum(each.fen for each in self.given)

    @property
    def rule(self) -> str:
        """As it is kept with the lot; `bonus:none` when nothing was given."""
        return "+".join(each.rule for each in self.given) or "bonus:none"


class _Offer(NamedTuple):
    group: str
    exclusive: bool
    given: Given
    offer_id: str


def quote_recharge(
    amount_fen: int,
    standing: MemberStanding,
    *,
    tiers: Sequence[RechargeTier],
    promotions: PromotionIndex,
    now_ms: int,
    utc_offset_min: int,
    store: str = "",
) -> RechargeQuote:
    """The best that the rules give for `amount_fen` paid at once.

    Raises BadRequest("amount_not_positive" | "amount_too_large")."""
    require_amount(amount_fen)
    offers: list[_Offer] = []
    not_applied: list[NotApplied] = []
    found = promotions.find({ALL_KEY: 1}, standing, store, moment(now_ms, utc_offset_min))
    running = [promotions.promotions[number] for number in sorted(found)]
    for promotion in running:
        if isinstance(promotion.effect, RechargeBonus):
            _add(offers, not_applied, amount_fen, promotion, promotion.effect.tiers)
    reached = _reached(amount_fen, tiers)
    if reached is not None:
        offers.append(_Offer(TIERS_GROUP, False, _given("bonus", amount_fen, reached), "bonus"))
    chosen = _best(offers)
    by = {offer.group: offer.offer_id for offer in chosen}
    for offer in offers:
        if offer not in chosen:
            rival = by.get(offer.group)
            reason = Reason.BETTER_OFFER if rival else Reason.NOT_TOGETHER
            other = rival or next((each.offer_id for each in chosen), "")
            not_applied.append(NotApplied(offer.offer_id, reason, other))
    return RechargeQuote(
        amount_fen,
        tuple(sorted(each.given for each in chosen)),
        tuple(sorted(not_applied, key=lambda each: each.rule_id)),
    )


def _add(
    offers: list[_Offer],
    not_applied: list[NotApplied],
    amount_fen: int,
    promotion: Promotion,
    tiers: Sequence[RechargeTier],
) -> None:
    tier = _reached(amount_fen, tiers)
    if tier is None:
        short = min(each.from_fen for each in tiers) - amount_fen
        not_applied.append(NotApplied(promotion.promotion_id, Reason.BELOW_MINIMUM, "", short))
        return
    given = _given(promotion.promotion_id, amount_fen, tier)
    alone = promotion.exclusive is not Exclusive.NO
    offers.append(_Offer(promotion.group, alone, given, promotion.promotion_id))


def _best(offers: Sequence[_Offer]) -> list[_Offer]:
    """The best of each group together, or one exclusive offer if that alone is more."""

    def worth(offer: _Offer) -> tuple[int, str]:
        return -offer.given.fen, offer.offer_id

    groups: dict[str, _Offer] = {}
    for offer in sorted(offers, key=worth):
        if not offer.exclusive and offer.given.fen:
            groups.setdefault(offer.group, offer)
    together = list(groups.values())
    alone = min((offer for offer in offers if offer.exclusive), key=worth, default=None)
    if alone is not None and alone.given.fen > sum(offer.given.fen for offer in together):
        return [alone]
    return together


def _reached(amount_fen: int, tiers: Sequence[RechargeTier]) -> RechargeTier | None:
    reached = [tier for tier in tiers if tier.from_fen <= amount_fen]
    return max(reached, key=lambda tier: tier.from_fen, default=None)


def _given(offer_id: str, amount_fen: int, tier: RechargeTier) -> Given:
    rule = f"{offer_id}:{tier.from_fen}:{tier.bonus_bp}:{tier.bonus_fen}"
    return Given(rule, share(amount_fen, tier.bonus_bp) + tier.bonus_fen)
