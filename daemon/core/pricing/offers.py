"""What one line can cost: the member discount and the promotions that look at a line alone.

On one line at most one promotion of a group acts; groups act in the rule book's order, each on
what the one before left. Every rule of a line turns a higher price into a price at least as high,
so the lowest price of each group in turn is the lowest of all. A line may be priced with the member
discount (only promotions that stand beside it), without it (any), or by one exclusive promotion;
the lowest counts, and the first of these among equals.

Rules over several lines (`joint`) take groups, the member discount or everything else away from the
lines they act on: `Denied` says which.
"""

from __future__ import annotations

from typing import NamedTuple

from daemon.core.pricing.promotion import FixedPrice, PercentOff, Promotion
from daemon.core.pricing.rounding import half_up, rate_of

ALL_GROUPS = -1
"""The bit mask of every group."""


class Denied(NamedTuple):
    """What joint rules take away from a line: groups as bits, exclusive promotions, the member
    discount."""

    groups: int = 0
    exclusive: bool = False
    member: bool = False


FREE = Denied()


class Priced(NamedTuple):
    """A line's price before joint rules, and what took it down, in order."""

    fen: int
    member_fen: int
    steps: tuple[tuple[str, int], ...]


class _Best:
    """The best percentage and the best fixed price of one group: (rate or fen per unit, id)."""

    __slots__ = ("fixed", "percent")

    def __init__(self) -> None:
        self.percent: tuple[int, str] | None = None
        self.fixed: tuple[int, str] | None = None

    def add(self, promotion: Promotion) -> None:
        effect = promotion.effect
        if isinstance(effect, PercentOff):
            offer = (effect.rate_bp, promotion.promotion_id)
            self.percent = min(self.percent or offer, offer)
        else:
            assert isinstance(effect, FixedPrice)
            offer = (effect.price_fen, promotion.promotion_id)
            self.fixed = min(self.fixed or offer, offer)

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

    __slots__ = ("alone", "any_price", "beside_member")

    def __init__(self) -> None:
        self.beside_member: dict[int, _Best] = {}
        self.any_price: dict[int, _Best] = {}
        self.alone: dict[bool, _Best] = {}

    def add(self, promotion: Promotion, group: int, exclusive: bool) -> None:
        """`group` is the bit of the promotion's group; higher bits act later."""
        if exclusive:
            self.alone.setdefault(promotion.with_member_discount, _Best()).add(promotion)
            return
        self.any_price.setdefault(group, _Best()).add(promotion)
        if promotion.with_member_discount:
            self.beside_member.setdefault(group, _Best()).add(promotion)


class LineOffers:
    """One line's prices by what is denied to it; each is worked out once."""

    __slots__ = ("_priced", "list_fen", "member_fen", "parts", "quantity", "sets")

    def __init__(self, list_fen: int, member_fen: int, quantity: int, parts: int) -> None:
        self.list_fen = list_fen
        self.member_fen = member_fen
        self.quantity = quantity
        self.parts = parts
        self.sets: list[OfferSet] = []
        self._priced: dict[Denied, Priced] = {}

    def price(self, denied: Denied) -> Priced:
        priced = self._priced.get(denied)
        if priced is None:
            priced = self._priced[denied] = self._work_out(denied)
        return priced

    def _work_out(self, denied: Denied) -> Priced:
        ways = []
        if not denied.member and self.member_fen < self.list_fen:
            ways.append(self._stack(True, denied.groups))
        ways.append(self._stack(False, denied.groups))
        if not denied.exclusive:
            ways += self._alone(denied)
        return min(ways, key=lambda way: way.fen)

    def _stack(self, member: bool, denied_groups: int) -> Priced:
        groups: dict[int, list[_Best]] = {}
        for offers in self.sets:
            for group, best in (offers.beside_member if member else offers.any_price).items():
                if not group & denied_groups:
                    groups.setdefault(group, []).append(best)
        fen = self.member_fen if member else self.list_fen
        steps: list[tuple[str, int]] = []
        for group in sorted(groups):
            lower, by = min(best.price(fen, self.quantity, self.parts) for best in groups[group])
            if lower < fen:
                steps.append((by, fen - lower))
                fen = lower
        return Priced(fen, self.list_fen - self.member_fen if member else 0, tuple(steps))

    def _alone(self, denied: Denied) -> list[Priced]:
        ways = []
        for offers in self.sets:
            for with_member, best in offers.alone.items():
                member = with_member and not denied.member
                fen = self.member_fen if member else self.list_fen
                lower, by = best.price(fen, self.quantity, self.parts)
                if lower < fen:
                    cut = self.list_fen - self.member_fen if member else 0
                    ways.append(Priced(lower, cut, ((by, fen - lower),)))
        return sorted(ways, key=lambda way: (way.fen, way.steps))
