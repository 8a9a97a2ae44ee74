"""The rules' part of a price: finds the promotions, checks the coupons, lets the cheapest allowed
set act on the lines, and says why each of the others did not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from daemon.core.errors import BadRequest
from daemon.core.pricing.conditions import NotApplied, Reason
from daemon.core.pricing.index import ALL_KEY, category_key, code_key
from daemon.core.pricing.joint import Goods, Joint, Layer, joint_of, layer_of
from daemon.core.pricing.offers import LineOffers, OfferSet
from daemon.core.pricing.opening import OpenLine
from daemon.core.pricing.promotion import (
    Coupon,
    Exclusive,
    PointsTimes,
    Promotion,
    RechargeBonus,
    Scope,
)
from daemon.core.pricing.quoted import StepKind
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.pricing.shop_time import Moment
from daemon.core.pricing.stacking import Stack, best_stack
from daemon.core.pricing.standing import MemberStanding

MOST_COUPONS = 20


@dataclass(slots=True)
class Acted:
    """`coupons` are the codes that acted."""

    not_applied: list[NotApplied]
    coupons: tuple[str, ...]
    proved_best: bool


@dataclass(slots=True)
class _Found:
    """Rules that may act, with the lines (places, as bits) that they are about."""

    lines: list[OpenLine]
    single: list[tuple[Promotion, int]] = field(default_factory=list)
    over_lines: list[tuple[Promotion, int]] = field(default_factory=list)
    coupons: list[tuple[Coupon, int]] = field(default_factory=list)
    points: list[tuple[int, str, int]] = field(default_factory=list)
    """(multiplier, promotion, lines)"""
    not_applied: list[NotApplied] = field(default_factory=list)

    def refuse(self, rule_id: str, reason: Reason) -> None:
        self.not_applied.append(NotApplied(rule_id, reason))


def act(
    lines: Sequence[OpenLine],
    standing: MemberStanding,
    rules: RuleBook,
    store: str,
    at: Moment,
    coupons: Sequence[Coupon],
    leave_out: Collection[str],
) -> Acted:
    """Takes member discount, promotions and coupons off `lines`.

    Raises BadRequest("coupon_twice" | "too_many_coupons" | "coupon_named_like_a_promotion")."""
    if len({coupon.code for coupon in coupons}) != len(coupons):
        raise BadRequest("coupon_twice")
    if len(coupons) > MOST_COUPONS:
        raise BadRequest("too_many_coupons", most=MOST_COUPONS)
    if any(coupon.code in rules.promotions.numbers for coupon in coupons):
        raise BadRequest("coupon_named_like_a_promotion")
    found = _Found([line for line in lines if line.open_to_rules])
    keys = _goods_keys(found.lines)
    for number, mask in rules.promotions.find(keys, standing, store, at).items():
        promotion = rules.promotions.promotions[number]
        mask = _without(mask, promotion.scope, keys)
        _file_promotion(found, promotion, mask, leave_out)
    for coupon in sorted(coupons, key=lambda each: each.code):
        reason = _coupon_refusal(coupon, standing, store, at, leave_out)
        mask = _scope_mask(coupon.offer.scope, keys)
        if reason is None and not mask:
            reason = Reason.NOTHING_IN_SCOPE
        if reason is None:
            found.coupons.append((coupon, mask))
        else:
            found.refuse(coupon.code, reason)
    stack = _stack(found, rules)
    _write_steps(found, stack)
    _multiply_points(found)
    _explain(found, stack)
    used = tuple(sorted(joint.rule_id for joint, _ in stack.joints if joint.layer is Layer.COUPONS))
    told = sorted(found.not_applied, key=lambda each: each.rule_id)
    return Acted(told, used, stack.proved_best)


def _goods_keys(lines: Sequence[OpenLine]) -> dict[str, int]:
    keys: dict[str, int] = {ALL_KEY: (1 << len(lines)) - 1} if lines else {}
    for at, line in enumerate(lines):
        own = [category_key(line.code.category)]
        if line.line.code is not None:
            own.append(code_key(line.line.code))
        for key in own:
            keys[key] = keys.get(key, 0) | 1 << at
    return keys


def _without(mask: int, scope: Scope, keys: dict[str, int]) -> int:
    for code in scope.but_codes:
        mask &= ~keys.get(code_key(code), 0)
    return mask


def _scope_mask(scope: Scope, keys: dict[str, int]) -> int:
    mask = keys.get(ALL_KEY, 0) if scope.everything else 0
    for code in scope.codes:
        mask |= keys.get(code_key(code), 0)
    for category in scope.categories:
        mask |= keys.get(category_key(category), 0)
    return _without(mask, scope, keys)


def _file_promotion(
    found: _Found, promotion: Promotion, mask: int, leave_out: Collection[str]
) -> None:
    effect = promotion.effect
    if isinstance(effect, RechargeBonus):
        return
    if promotion.promotion_id in leave_out:
        found.refuse(promotion.promotion_id, Reason.LEFT_OUT)
    elif not mask:
        found.refuse(promotion.promotion_id, Reason.NOTHING_IN_SCOPE)
    elif isinstance(effect, PointsTimes):
        found.points.append((effect.times_bp, promotion.promotion_id, mask))
    elif promotion.over_lines:
        found.over_lines.append((promotion, mask))
    else:
        found.single.append((promotion, mask))


def _coupon_refusal(
    coupon: Coupon,
    standing: MemberStanding,
    store: str,
    at: Moment,
    leave_out: Collection[str],
) -> Reason | None:
    if coupon.used:
        return Reason.USED
    if coupon.code in leave_out:
        return Reason.LEFT_OUT
    if coupon.member_id is not None and coupon.member_id != standing.member_id:
        return Reason.OTHER_MEMBER
    if coupon.from_day is not None and at.day < coupon.from_day:
        return Reason.NOT_YET
    if coupon.to_day is not None and at.day > coupon.to_day:
        return Reason.OVER
    return coupon.offer.conditions.why_not(standing, store, at)


def _group_bits(promotions: Iterable[Promotion], order: Sequence[str]) -> dict[str, int]:
    """Bits of the groups in the order in which they act."""
    names = {promotion.group for promotion in promotions}
    named = [name for name in order if name in names]
    return {name: 1 << place for place, name in enumerate([*named, *sorted(names - set(named))])}


def _stack(found: _Found, rules: RuleBook) -> Stack:
    goods = [
        Goods(line.money_fen, line.member_fen, line.quantity, line.code.unit.parts)
        for line in found.lines
    ]
    offers = [LineOffers(*each) for each in goods]
    promotions = [promotion for promotion, _ in (*found.single, *found.over_lines)]
    bits = _group_bits(promotions, rules.group_order)
    sets: dict[int, OfferSet] = {}
    for promotion, mask in found.single:
        if mask not in sets:
            sets[mask] = OfferSet()
        exclusive = promotion.exclusive is Exclusive.GOODS
        sets[mask].add(promotion, bits[promotion.group], exclusive)
    for mask, offer_set in sets.items():
        for place, line in enumerate(offers):
            if mask >> place & 1:
                line.sets.append(offer_set)
    coupon_bits = _group_bits((coupon.offer for coupon, _ in found.coupons), rules.group_order)
    made = [
        joint_of(promotion, mask, bits[promotion.group], goods)
        for promotion, mask in found.over_lines
    ]
    made += [
        joint_of(coupon.offer, mask, coupon_bits[coupon.offer.group], goods, coupon)
        for coupon, mask in found.coupons
    ]
    found.not_applied += [each for each in made if isinstance(each, NotApplied)]
    return best_stack(offers, goods, [each for each in made if isinstance(each, Joint)])


def _write_steps(found: _Found, stack: Stack) -> None:
    earning = {
        promotion.promotion_id: promotion.earns_points
        for promotion, _ in (*found.single, *found.over_lines)
    }
    earning.update((coupon.code, coupon.offer.earns_points) for coupon, _ in found.coupons)
    for line, price in zip(found.lines, stack.prices, strict=True):
        line.take(StepKind.MEMBER, line.member_rule, price.member_fen)
        for rule_id, fen in price.steps:
            line.take(StepKind.PROMOTION, rule_id, fen)
            line.earns = line.earns and earning[rule_id]
    for joint, shares in stack.joints:
        kind = StepKind.COUPON if joint.layer is Layer.COUPONS else StepKind.PROMOTION
        for place, fen in shares.items():
            line = found.lines[place]
            line.take(kind, joint.rule_id, fen)
            line.earns = line.earns and (earning[joint.rule_id] or not fen)


def _multiply_points(found: _Found) -> None:
    """Each line's points by the highest multiplier."""
    for times_bp, promotion_id, mask in sorted(found.points, key=lambda each: (-each[0], each[1])):
        own = [line for place, line in enumerate(found.lines) if mask >> place & 1]
        better = [line.times_rule for line in own if line.times_rule]
        if len(better) == len(own):
            found.not_applied.append(NotApplied(promotion_id, Reason.BETTER_OFFER, better[0]))
        for line in own:
            if not line.times_rule:
                line.times_bp, line.times_rule = times_bp, promotion_id


class _Rule(NamedTuple):
    rule_id: str
    offer: Promotion
    mask: int
    layer: Layer
    coupon: Coupon | None = None


def _explain(found: _Found, stack: Stack) -> None:
    """Why each rule that could have acted did not."""
    rules = {
        rule.rule_id: rule
        for rule in (
            *(_Rule(each.promotion_id, each, mask, Layer.LINES) for each, mask in found.single),
            *(
                _Rule(each.promotion_id, each, mask, layer_of(each))
                for each, mask in found.over_lines
            ),
            *(
                _Rule(each.code, each.offer, mask, Layer.COUPONS, each)
                for each, mask in found.coupons
            ),
        )
    }
    acted = {step.rule_id for line in found.lines for step in line.steps}
    acted |= {joint.rule_id for joint, _ in stack.joints}
    settled = acted | {refused.rule_id for refused in found.not_applied}
    whole_sale = next((joint.rule_id for joint, _ in stack.joints if joint.whole_sale), None)
    on_line = [
        [rules[step.rule_id] for step in line.steps if step.rule_id in rules]
        for line in found.lines
    ]
    for rule in rules.values():
        if rule.rule_id in settled:
            continue
        if whole_sale is not None:
            found.not_applied.append(NotApplied(rule.rule_id, Reason.NOT_TOGETHER, whole_sale))
        else:
            found.not_applied.append(_why_beaten(rule, found.lines, on_line))


def _why_beaten(
    rule: _Rule, lines: Sequence[OpenLine], on_line: Sequence[Sequence[_Rule]]
) -> NotApplied:
    in_the_way: NotApplied | None = None
    for place in range(rule.mask.bit_length()):
        if not rule.mask >> place & 1:
            continue
        for winner in on_line[place]:
            reason = _between(rule, winner)
            if reason is Reason.BETTER_OFFER:
                return NotApplied(rule.rule_id, reason, winner.rule_id)
            if reason is not None and in_the_way is None:
                in_the_way = NotApplied(rule.rule_id, reason, winner.rule_id)
        line = lines[place]
        by_member = any(step.kind is StepKind.MEMBER for step in line.steps)
        if in_the_way is None and by_member and not rule.offer.with_member_discount:
            in_the_way = NotApplied(rule.rule_id, Reason.NOT_TOGETHER, line.member_rule)
    return in_the_way or NotApplied(rule.rule_id, Reason.BRINGS_NOTHING)


def _between(rule: _Rule, winner: _Rule) -> Reason | None:
    """Why two rules may not act on one line; None if they may."""
    if rule.layer is winner.layer:
        if rule.offer.group == winner.offer.group:
            return Reason.BETTER_OFFER
        if rule.layer is Layer.PIECES:
            return Reason.NOT_TOGETHER
    if Exclusive.NO is not rule.offer.exclusive or Exclusive.NO is not winner.offer.exclusive:
        return Reason.NOT_TOGETHER
    for one, other in ((rule, winner), (winner, rule)):
        if one.coupon is not None and other.coupon is None and not one.coupon.with_promotions:
            return Reason.NOT_TOGETHER
        over_lines = one.coupon is None and one.layer is not Layer.LINES
        if over_lines and other.layer is Layer.LINES and not one.offer.with_line_promotions:
            return Reason.NOT_TOGETHER
    return None
