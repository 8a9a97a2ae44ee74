"""Which rules stand together: the allowed set that costs the customer least.

A set of joint rules is allowed when no two of it clash. Every line then takes the lowest price that
the set leaves it (`offers`), the rules of the set act on these in order, and the total is what the
set costs. All allowed sets are searched, depth first, and a branch is left when even the most that
its remaining rules could take would not beat the best total found: of rules that clash with each
other only one can be chosen, so a family of a hundred rivals counts as its best one. Lines that no
joint rule touches, and groups of lines that share none, are searched apart.

The search stops after `MOST_TRIALS` sets. No shop's rules come near; a quote says when it happened
(`proved_best` is False), and its price is then the best of those tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.core.pricing.joint import Goods, Joint
from daemon.core.pricing.offers import ALL_GROUPS, FREE, Denied, LineOffers, Priced

MOST_TRIALS = 2_000


@dataclass(slots=True)
class Stack:
    """What acts: each line's price before joint rules, and the joint rules in the order they act
    with the share that each takes from each line of the sale (by place)."""

    prices: list[Priced]
    joints: list[tuple[Joint, dict[int, int]]] = field(default_factory=list)
    proved_best: bool = True

    @property
    def total_fen(self) -> int:
        taken = sum(sum(shares.values()) for _, shares in self.joints)
        return sum(price.fen for price in self.prices) - taken


def best_stack(
    offers: Sequence[LineOffers], goods: Sequence[Goods], joints: Sequence[Joint]
) -> Stack:
    """The cheapest allowed set. The order of `joints` does not matter."""
    search = _Search(offers, goods)
    everywhere = [joint for joint in joints if joint.whole_sale]
    elsewhere = [joint for joint in joints if not joint.whole_sale]
    chosen: list[Joint] = []
    for part in _parts(elsewhere):
        chosen += search.best_of(part)
    best = search.stack(chosen)
    for joint in sorted(everywhere, key=lambda each: each.order):
        alone = search.stack([joint])
        if alone.total_fen < best.total_fen:
            best = alone
    best.proved_best = search.trials < MOST_TRIALS
    return best


def _parts(joints: Sequence[Joint]) -> list[list[Joint]]:
    """Joints that share lines, directly or over others, together."""
    parts: list[tuple[int, list[Joint]]] = []
    for joint in sorted(joints, key=lambda each: each.order):
        mask, members = joint.mask, [joint]
        apart = []
        for other_mask, others in parts:
            if other_mask & mask:
                mask |= other_mask
                members += others
            else:
                apart.append((other_mask, others))
        parts = [*apart, (mask, members)]
    return [members for _, members in parts]


class _Search:
    def __init__(self, offers: Sequence[LineOffers], goods: Sequence[Goods]) -> None:
        self.offers = offers
        self.goods = goods
        self.trials = 0

    def stack(self, chosen: Sequence[Joint]) -> Stack:
        """The whole sale under one set."""
        prices = [
            line.price(denied)
            for line, denied in zip(
                self.offers, _denials(chosen, range(len(self.offers))), strict=True
            )
        ]
        left = [price.fen for price in prices]
        acting = []
        for joint in sorted(chosen, key=lambda each: each.order):
            shares = dict(zip(joint.lines, joint.shares(left, self.goods), strict=True))
            for at, share in shares.items():
                left[at] -= share
            acting.append((joint, shares))
        return Stack(prices, acting)

    def best_of(self, joints: list[Joint]) -> list[Joint]:
        """The cheapest allowed set of joints that share lines."""
        part = _Part(self, joints)
        part.explore([], (1 << len(part.joints)) - 1)
        return part.best


class _Part:
    """Joints that share lines, the greatest first; sets of them are bit masks of their places."""

    def __init__(self, search: _Search, joints: list[Joint]) -> None:
        self.search = search
        self.places = sorted({at for joint in joints for at in joint.lines})
        highest = self._highest(joints)
        ranked = sorted(
            ((joint.most(highest, search.goods), joint) for joint in joints),
            key=lambda each: (-each[0], each[1].order),
        )
        self.joints = [joint for _, joint in ranked]
        self.most = [most for most, _ in ranked]
        self.clashing = [
            sum(1 << at for at, other in enumerate(self.joints) if joint.clashes(other))
            for joint in self.joints
        ]
        self.families = self._families()
        self.best: list[Joint] = []
        self.best_fen, _ = self._cost([])

    def _highest(self, joints: list[Joint]) -> list[int]:
        """The price of each line when everything that any joint may deny is denied."""
        highest = [0] * len(self.search.offers)
        for at in self.places:
            member = any(not joint.with_member for joint in joints if joint.mask >> at & 1)
            highest[at] = self.search.offers[at].price(Denied(ALL_GROUPS, True, member)).fen
        return highest

    def _families(self) -> list[int]:
        """Masks of joints of which each two clash, greedily."""
        families: list[int] = []
        for at, clashing in enumerate(self.clashing):
            for place, family in enumerate(families):
                if not family & ~clashing:
                    families[place] |= 1 << at
                    break
            else:
                families.append(1 << at)
        return families

    def _cost(self, chosen: list[Joint]) -> tuple[int, int]:
        """(total, total before the joints) of this part's lines."""
        self.search.trials += 1
        left = [0] * len(self.search.offers)
        for at, denied in zip(self.places, _denials(chosen, self.places), strict=True):
            left[at] = self.search.offers[at].price(denied).fen
        before = total = sum(left)
        acting = sorted(chosen, key=lambda each: each.order)
        for joint in acting:
            shares = joint.shares(left, self.search.goods)
            total -= sum(shares)
            if joint is not acting[-1]:
                for at, share in zip(joint.lines, shares, strict=True):
                    left[at] -= share
        return total, before

    def explore(self, chosen: list[Joint], allowed: int) -> None:
        """Tries `chosen`, then everything that adds joints of `allowed` to it."""
        total, before = self._cost(chosen)
        if total < self.best_fen:
            self.best, self.best_fen = list(chosen), total
        taken = sum(self.most[self.joints.index(joint)] for joint in chosen)
        while allowed and self.search.trials < MOST_TRIALS:
            # Prices only rise as joints are added, so this is the least that could still come.
            if before - taken - self._rest(allowed) >= self.best_fen:
                return
            at = (allowed & -allowed).bit_length() - 1
            allowed &= ~(1 << at)
            self.explore([*chosen, self.joints[at]], allowed & ~self.clashing[at])

    def _rest(self, allowed: int) -> int:
        """The most that joints of `allowed` could take: one of each family."""
        rest = 0
        for family in self.families:
            able = family & allowed
            if able:
                rest += self.most[(able & -able).bit_length() - 1]
        return rest


def _denials(chosen: Sequence[Joint], places: Sequence[int]) -> list[Denied]:
    """What the chosen joints take away from each of `places`."""
    if not chosen:
        return [FREE] * len(places)
    denials = []
    for at in places:
        groups, touched, member = 0, False, False
        for joint in chosen:
            if joint.mask >> at & 1:
                touched = True
                member = member or not joint.with_member
                if joint.exclusive or not joint.beside_promotions:
                    groups = ALL_GROUPS
                elif not joint.coupon:
                    groups |= joint.group
            elif joint.whole_sale:
                touched, groups = True, ALL_GROUPS
        denials.append(Denied(groups, touched, member))
    return denials
