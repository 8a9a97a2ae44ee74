"""The cheapest price by trying everything, written from docs/pricing.md and not from the code: no
bit masks, no bounds, no tables; exact fractions, and one piece of goods at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from daemon.core.pricing.basket import Line
from daemon.core.pricing.catalogue import Catalogue
from daemon.core.pricing.promotion import (
    BuyN,
    Counts,
    Coupon,
    Exclusive,
    FixedPrice,
    PercentOff,
    PointsTimes,
    Promotion,
    SpendTiers,
)


def rounded(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))


def shared_out(total: int, weights: dict[str, int]) -> dict[str, int]:
    """Largest remainder: whole shares first, then one each to the largest fractions left."""
    if not total:
        return dict.fromkeys(weights, 0)
    exact = {
        key: Fraction(total * weight, sum(weights.values())) for key, weight in weights.items()
    }
    shares = {key: int(share) for key, share in exact.items()}
    by_fraction = sorted(exact, key=lambda key: (-(exact[key] - int(exact[key])), key))
    for key in by_fraction[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


@dataclass(frozen=True)
class Item:
    line_id: str
    code: str | None
    category: str
    quantity: int
    parts: int
    list_fen: int
    member_fen: int


@dataclass(frozen=True)
class Rule:
    """A promotion or coupon with the lines that it is about."""

    rule_id: str
    offer: Promotion
    about: frozenset[str]
    coupon: Coupon | None = None


class Oracle:
    """All goods are open to rules; member prices are given."""

    def __init__(
        self,
        basket: Iterable[Line],
        catalogue: Catalogue,
        member_rates: dict[str, int],
        promotions: Iterable[Promotion],
        coupons: Iterable[Coupon],
        group_order: Sequence[str],
    ) -> None:
        self.group_order = list(group_order)
        self.items = {}
        for line in basket:
            code = (
                catalogue.codes[line.code]
                if line.code
                else catalogue.open_amount(line.category or "")
            )
            list_fen = rounded(Fraction(code.price_fen * line.quantity, code.unit.parts))
            member = rounded(Fraction(list_fen * member_rates.get(code.category, 10_000), 10_000))
            if list_fen > 0:
                self.items[line.line_id] = Item(
                    line.line_id,
                    line.code,
                    code.category,
                    line.quantity,
                    code.unit.parts,
                    list_fen,
                    member,
                )
        self.single: list[Rule] = []
        self.joint: list[Rule] = []
        for promotion in promotions:
            rule = Rule(promotion.promotion_id, promotion, self._about(promotion))
            line_effect = isinstance(promotion.effect, PercentOff | FixedPrice)
            if line_effect and promotion.exclusive is not Exclusive.SALE:
                self.single.append(rule)
            elif not isinstance(promotion.effect, PointsTimes) and self._reached(rule):
                self.joint.append(rule)
        for coupon in coupons:
            rule = Rule(coupon.code, coupon.offer, self._about(coupon.offer), coupon)
            if self._reached(rule):
                self.joint.append(rule)

    def _about(self, offer: Promotion) -> frozenset[str]:
        return frozenset(
            item.line_id
            for item in self.items.values()
            if offer.scope.covers(item.code, item.category)
            and (item.parts == 1 or not isinstance(offer.effect, BuyN))
        )

    def _counted(self, rule: Rule) -> int:
        effect = rule.offer.effect
        by_list = not rule.offer.with_member_discount or (
            isinstance(effect, SpendTiers) and effect.counts is Counts.LIST
        )
        return sum(
            self.items[at].list_fen if by_list else self.items[at].member_fen for at in rule.about
        )

    def _reached(self, rule: Rule) -> bool:
        if not rule.about or (rule.coupon and self._counted(rule) < rule.coupon.minimum_fen):
            return False
        effect = rule.offer.effect
        if isinstance(effect, SpendTiers):
            return any(tier.from_fen <= self._counted(rule) for tier in effect.tiers)
        if isinstance(effect, BuyN):
            return sum(self.items[at].quantity for at in rule.about) >= effect.buy + effect.get
        return True

    def _may_meet(self, one: Rule, other: Rule) -> bool:
        offers = (one.offer, other.offer)
        if any(offer.exclusive is Exclusive.SALE for offer in offers):
            return False
        if not one.about & other.about:
            return True
        if any(offer.exclusive is Exclusive.GOODS for offer in offers):
            return False
        if self._layer(one) == self._layer(other):
            return one.offer.group != other.offer.group and self._layer(one) != 1
        return all(rule.coupon.with_promotions for rule in (one, other) if rule.coupon)

    def _layer(self, rule: Rule) -> int:
        if rule.coupon is not None:
            return 3
        return 2 if isinstance(rule.offer.effect, SpendTiers) else 1

    def allowed_sets(self) -> Iterator[list[Rule]]:
        for size in range(len(self.joint) + 1):
            for chosen in itertools.combinations(self.joint, size):
                if all(self._may_meet(*pair) for pair in itertools.combinations(chosen, 2)):
                    yield list(chosen)

    def prices_of_line(self, item: Item, chosen: list[Rule]) -> set[int]:
        """Every price that the line can have before the chosen joint rules."""
        on_line = [rule for rule in chosen if item.line_id in rule.about]
        whole_sale = any(rule.offer.exclusive is Exclusive.SALE for rule in chosen)
        keeps_all_away = whole_sale or any(
            rule.offer.exclusive is not Exclusive.NO
            or not (rule.coupon.with_promotions if rule.coupon else rule.offer.with_line_promotions)
            for rule in on_line
        )
        member_allowed = all(rule.offer.with_member_discount for rule in on_line)
        own = [rule.offer for rule in self.single if item.line_id in rule.about]
        ways: list[list[Promotion]] = [[]]
        if not keeps_all_away:
            groups = self._in_order({offer.group for offer in own})
            for group in groups:
                rivals = [o for o in own if o.group == group and o.exclusive is Exclusive.NO]
                ways = [way + more for way in ways for more in [[], *([r] for r in rivals)]]
            if not on_line:
                ways += [[offer] for offer in own if offer.exclusive is Exclusive.GOODS]
        prices = set()
        for way in ways:
            prices.add(self._after(item, item.list_fen, way))
            if member_allowed and all(offer.with_member_discount for offer in way):
                prices.add(self._after(item, item.member_fen, way))
        return prices

    def _in_order(self, groups: set[str]) -> list[str]:
        named = [group for group in self.group_order if group in groups]
        return named + sorted(groups - set(named))

    def _after(self, item: Item, fen: int, way: list[Promotion]) -> int:
        for offer in way:
            if isinstance(offer.effect, PercentOff):
                fen = rounded(Fraction(fen * offer.effect.rate_bp, 10_000))
            elif isinstance(offer.effect, FixedPrice):
                fixed = rounded(Fraction(offer.effect.price_fen * item.quantity, item.parts))
                fen = min(fen, fixed)
        return fen

    def total(self, prices: dict[str, int], chosen: list[Rule]) -> int:
        left = dict(prices)

        def order(rule: Rule) -> tuple[int, int, str]:
            groups = {each.offer.group for each in chosen if bool(each.coupon) == bool(rule.coupon)}
            place = self._in_order(groups).index(rule.offer.group)
            return self._layer(rule), place, rule.rule_id

        for rule in sorted(chosen, key=order):
            for at, fen in self._taken(rule, left).items():
                left[at] -= fen
                assert left[at] >= 0
        return sum(left.values())

    def _taken(self, rule: Rule, left: dict[str, int]) -> dict[str, int]:
        effect, about = rule.offer.effect, sorted(rule.about)
        own = {at: left[at] for at in about}
        if isinstance(effect, BuyN):
            return self._pieces_taken(effect, own)
        if isinstance(effect, SpendTiers):
            counted = self._counted(rule)
            tier = max((t for t in effect.tiers if t.from_fen <= counted), key=lambda t: t.from_fen)
            off = tier.off_fen * (counted // tier.from_fen if effect.every else 1)
            if tier.off_bp:
                off = rounded(Fraction(sum(own.values()) * tier.off_bp, 10_000))
            if effect.most_off_fen is not None:
                off = min(off, effect.most_off_fen)
            return shared_out(min(off, sum(own.values())), own)
        return {at: fen - self._after(self.items[at], fen, [rule.offer]) for at, fen in own.items()}

    def _pieces_taken(self, effect: BuyN, own: dict[str, int]) -> dict[str, int]:
        pieces = [
            (Fraction(fen, self.items[at].quantity), at)
            for at, fen in own.items()
            for _ in range(self.items[at].quantity)
        ]
        pieces.sort(key=lambda piece: (-piece[0], piece[1]))
        size = effect.buy + effect.get
        sets = [pieces[n : n + size] for n in range(0, len(pieces) - size + 1, size)]
        sets = sets[: effect.most_sets]
        cheaper: dict[str, Fraction] = {}
        weight: dict[str, Fraction] = dict.fromkeys(own, Fraction())
        for made in sets:
            for worth, at in made[effect.buy :]:
                cheaper[at] = cheaper.get(at, Fraction()) + worth * effect.off_bp / 10_000
            for worth, at in made:
                weight[at] += worth
        total = sum(rounded(worth) for worth in cheaper.values())
        return shared_out(total, {at: rounded(worth) for at, worth in weight.items()})

    def _tangled(self, chosen: list[Rule]) -> bool:
        """Whether what pieces are worth together meets another rule over several lines: a dearer
        piece may then bring more off the lines that the other rule leaves."""
        return any(
            one is not other and one.about & other.about
            for one in chosen
            if isinstance(one.offer.effect, BuyN)
            for other in chosen
        )

    def lowest(self, *, lines_lowest: bool, tangled: bool = True) -> int:
        """The lowest total of all allowed sets; with `lines_lowest` each line takes its lowest
        price first, as the shop's rule says, else every combination of line prices is tried as
        well. Without `tangled` sets are left out in which buying pieces meets another rule."""
        totals = []
        for chosen in self.allowed_sets():
            if not tangled and self._tangled(chosen):
                continue
            ways = [sorted(self.prices_of_line(item, chosen)) for item in self.items.values()]
            if lines_lowest:
                ways = [way[:1] for way in ways]
            for prices in itertools.product(*ways):
                totals.append(self.total(dict(zip(self.items, prices, strict=True)), chosen))
        return min(totals)
