"""What one line can cost: the member discount and the promotions that look at a line alone.

On one line at most one promotion of a group acts; groups act in the rule book's order, each on
what the one before left. Every rule of a line turns a higher price into a price at least as high,
so the lowest price of each group in turn is the lowest of all. A line may be priced with the member
discount (only promotions that stand beside it), without it (any), or by one exclusive promotion;
the lowest counts, and the first of these among equals.

Rules over several lines (`joint`) may take promotions or the member discount away from the lines
they act on: the bits below say which.
"""

from __future__ import annotations

from typing import NamedTuple

from daemon.core.pricing.promotion import FixedPrice, PercentOff, Promotion
from daemon.core.pricing.rounding import half_up, rate_of

FREE = 0
NO_PROMOTIONS, NO_EXCLUSIVE, NO_MEMBER_DISCOUNT = 1, 2, 4
"""What joint rules take away from a line, as bits; `NO_EXCLUSIVE`: only exclusive promotions."""


class Priced(NamedTuple):
    """A line's price before joint rules, and what took it down, in order."""

    fen: int
    member_fen: int
    steps: tuple[tuple[str, int], ...]


Offer = tuple[int, str]
"""(rate in basis points, or fen for one unit; promotion id)"""


class _Best:
    """The best percentage and the best fixed price of one group."""

    __slots__ = ("fixed", "percent")

    def __init__(self) -> None:
        self.percent: Offer | None = None
        self.fixed: Offer | None = None

    def add(self, promotion: Promotion) -> None:
        effect = promotion.effect
        if isinstance(effect, PercentOff):
            self._lower((effect.rate_bp, promotion.promotion_id), None)
        else:
            assert isinstance(effect, FixedPrice)
            self._lower(None, (effect.price_fen, promotion.promotion_id))

    def _lower(self, percent: Offer | None, fixed: Offer | None) -> None:
        if percent is not None and (self.percent is None or percent < self.percent):
            self.percent = percent
        if fixed is not None and (self.fixed is None or fixed < self.fixed):
            self.fixed = fixed

    def or_better(self, other: _Best) -> _Best:
        """The best of both; neither is changed."""
        percent, fixed = self.percent, self.fixed
        adds = other.percent is not None and (percent is None or other.percent < percent)
        if not adds and (other.fixed is None or (fixed is not None and fixed <= other.fixed)):
            return self
        both = _Best()
        both._lower(percent, fixed)
        both._lower(other.percent, other.fixed)
        return both

    def price(self, fen: int, quantity: int, parts: int) -> tuple[int, str]:
        """The lower price and the rule that makes it; (fen, "") when there is none."""
        lowest, by = fen, ""
        if self.percent is not None:
            lower = rate_of(fen, self.percent[0])
            if lower < lowest:
                lowest, by = lower, self.percent[1]
        if self.fixed is not None:
            lower = half_up(self.fixed[0] * quantity, parts)
            if lower < lowest:
                lowest, by = lower, self.fixed[1]
        return lowest, by


class OfferSet:
    """The line promotions that act on the same set of lines, the best of each kind only."""

    __slots__ = ("alone", "any_price", "beside_member", "shuns_member")

    def __init__(self) -> None:
        self.shuns_member = False
        self.beside_member: dict[int, _Best] = {}
        self.any_price: dict[int, _Best] = {}
        self.alone: dict[bool, _Best] = {}

    def add(self, promotion: Promotion, group: int, exclusive: bool) -> None:
        """`group` is the bit of the promotion's group; higher bits act later."""
        if exclusive:
            self.alone.setdefault(promotion.with_member_discount, _Best()).add(promotion)
            return
        if group not in self.any_price:
            self.any_price[group] = _Best()
        self.any_price[group].add(promotion)
        if not promotion.with_member_discount:
            self.shuns_member = True
            return
        if group not in self.beside_member:
            self.beside_member[group] = _Best()
        self.beside_member[group].add(promotion)


class LineOffers:
    """One line's prices by what is denied to it; each is worked out once. `sets` must be complete
    before the first price is asked."""

    __slots__ = ("_groups", "_priced", "list_fen", "member_fen", "parts", "quantity", "sets")

    def __init__(self, list_fen: int, member_fen: int, quantity: int, parts: int) -> None:
        self.list_fen = list_fen
        self.member_fen = member_fen
        self.quantity = quantity
        self.parts = parts
        self.sets: list[OfferSet] = []
        self._priced: list[Priced | None] = [None] * 8
        self._groups: dict[bool, list[_Best]] = {}

    def price(self, denied: int) -> Priced:
        priced = self._priced[denied]
        if priced is None:
            matters = denied
            if self.list_fen == self.member_fen:
                matters &= ~NO_MEMBER_DISCOUNT
            if not self.sets:
                matters &= NO_MEMBER_DISCOUNT
            priced = self._priced[matters]
            if priced is None:
                priced = self._priced[matters] = self._work_out(matters)
            self._priced[denied] = priced
        return priced

    def _work_out(self, denied: int) -> Priced:
        ways = []
        member = not denied & NO_MEMBER_DISCOUNT and self.member_fen < self.list_fen
        nothing_else = bool(denied & NO_PROMOTIONS)
        if member:
            ways.append(self._stack(True, nothing_else))
        # The same promotions on a higher price never come to less.
        if not member or (not nothing_else and any(each.shuns_member for each in self.sets)):
            ways.append(self._stack(False, nothing_else))
        if not denied & (NO_EXCLUSIVE | NO_PROMOTIONS):
            ways += self._alone(bool(denied & NO_MEMBER_DISCOUNT))
        return ways[0] if len(ways) == 1 else min(ways, key=lambda way: way.fen)

    def _stack(self, member: bool, nothing_else: bool) -> Priced:
        fen = self.member_fen if member else self.list_fen
        steps: list[tuple[str, int]] = []
        for best in () if nothing_else else self._in_order(member):
            lower, by = best.price(fen, self.quantity, self.parts)
            if lower < fen:
                steps.append((by, fen - lower))
                fen = lower
        return Priced(fen, self.list_fen - self.member_fen if member else 0, tuple(steps))

    def _in_order(self, member: bool) -> list[_Best]:
        """The best of each group, over all sets of offers, in the order in which they act."""
        known = self._groups.get(member)
        if known is None:
            each = [offers.beside_member if member else offers.any_price for offers in self.sets]
            groups = each[0] if len(each) == 1 else {}
            for bests in each if len(each) > 1 else ():
                for group, best in bests.items():
                    kept = groups.get(group)
                    groups[group] = best if kept is None else kept.or_better(best)
            known = self._groups[member] = [groups[group] for group in sorted(groups)]
        return known

    def _alone(self, no_member: bool) -> list[Priced]:
        ways = []
        for offers in self.sets:
            for with_member, best in offers.alone.items():
                member = with_member and not no_member
                fen = self.member_fen if member else self.list_fen
                lower, by = best.price(fen, self.quantity, self.parts)
                if lower < fen:
                    cut = self.list_fen - self.member_fen if member else 0
                    ways.append(Priced(lower, cut, ((by, fen - lower),)))
        return sorted(ways, key=lambda way: (way.fen, way.steps))
