"""Which rules stand together: the allowed set that costs the customer least.

A set of joint rules is allowed when no two of it clash. Every line then takes the lowest price that
the set leaves it (`offers`), the rules of the set act on these in order, and the total is what the
set costs. Lines that no joint rule touches, and groups of lines that share none, are searched
apart.

All allowed sets are searched, depth first, and a branch is left when even the most that its
remaining rules could gain would not beat the best total found: of rules that clash with each other
only one can be chosen, so a family of a hundred rivals counts as its best one. `_Part.gain` says
why a rule cannot gain more than that.

The search stops after `MOST_TRIALS` sets: a price must come while the customer waits. A quote says
when that happened (`proved_best` is False), and its price is then the best of those tried, the most
promising first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from daemon.core.pricing.joint import Goods, Joint, Layer
from daemon.core.pricing.offers import FREE, NO_EXCLUSIVE, NO_PROMOTIONS, LineOffers, Priced
from daemon.core.pricing.rounding import WHOLE_BP

MOST_TRIALS = 500
LEAST_TRIALS = 100
"""For each part of the sale: enough to reach a full set on the first way down."""


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
    chosen: list[Joint] = []
    trials, proved = 0, True
    for members in _parts([joint for joint in joints if not joint.whole_sale]):
        part = _Part(offers, goods, members, max(LEAST_TRIALS, MOST_TRIALS - trials))
        part.explore([], (1 << len(members)) - 1)
        chosen += part.best
        trials += part.trials
        proved = proved and part.trials < part.most_trials
    best = _stack(offers, goods, chosen)
    for joint in sorted(joints, key=lambda each: each.order):
        if joint.whole_sale:
            alone = _stack(offers, goods, [joint])
            if alone.total_fen < best.total_fen:
                best = alone
    best.proved_best = proved
    return best


def _parts(joints: Sequence[Joint]) -> list[list[Joint]]:
    """Joints that share lines, directly or over others, together."""
    parts: list[tuple[int, list[Joint]]] = []
    for joint in sorted(joints, key=lambda each: each.order):
        mask, members = joint.mask, [joint]
        apart = []
        for other_mask, others in parts:
            if other_mask & joint.mask:
                mask |= other_mask
                members += others
            else:
                apart.append((other_mask, others))
        parts = [*apart, (mask, members)]
    return [members for _, members in parts]


def _stack(offers: Sequence[LineOffers], goods: Sequence[Goods], chosen: Sequence[Joint]) -> Stack:
    """The whole sale under one set."""
    denied = [FREE] * len(offers)
    for joint in chosen:
        if joint.whole_sale:
            denied = [each | NO_PROMOTIONS | NO_EXCLUSIVE for each in denied]
        for at in joint.lines:
            denied[at] |= joint.denies
    prices = [line.price(each) for line, each in zip(offers, denied, strict=True)]
    left = [price.fen for price in prices]
    acting = []
    for joint in sorted(chosen, key=lambda each: each.order):
        shares = dict(zip(joint.lines, joint.shares(left, goods), strict=True))
        for at, share in shares.items():
            left[at] -= share
        acting.append((joint, shares))
    return Stack(prices, acting)


class _Part:
    """Joints that share lines; sets of them are bit masks of their places. Prices and denials are
    lists over all lines of the sale, 0 where this part has none."""

    def __init__(
        self,
        offers: Sequence[LineOffers],
        goods: Sequence[Goods],
        joints: Sequence[Joint],
        most_trials: int,
    ) -> None:
        self.offers = offers
        self.goods = goods
        self.joints = sorted(joints, key=lambda joint: joint.order)
        self.most_trials = most_trials
        self.trials = 0
        self.denies = [joint.denies for joint in self.joints]
        self.kinds = [
            (joint.layer, 0 if joint.layer is Layer.PIECES else joint.group)
            for joint in self.joints
        ]
        """Two of one kind never act on one line."""
        self.places = sorted({at for joint in joints for at in joint.lines})
        self.on_line = {
            place: [at for at, joint in enumerate(self.joints) if joint.mask >> place & 1]
            for place in self.places
        }
        self.clashing = [
            sum(1 << at for at, other in enumerate(self.joints) if joint.clashes(other))
            for joint in self.joints
        ]
        self.family = self._families()
        self.highest = [0] * len(offers)
        self.rivals: dict[int, int] = {}
        self.slopes: dict[int, int] = {}
        for place in self.places:
            self._measure(place)
        self.own = [itemgetter(*joint.lines) for joint in self.joints]
        self._gains: dict[tuple[int, object], int] = {}
        self.best: list[Joint] = []
        self.best_fen = sum(self._prices([FREE] * len(offers)))

    def _families(self) -> list[int]:
        """The number of each joint's family: of a family each two clash; made greedily."""
        families: list[int] = []
        numbers = []
        for at, clashing in enumerate(self.clashing):
            for number, family in enumerate(families):
                if not family & ~clashing:
                    families[number] |= 1 << at
                    numbers.append(number)
                    break
            else:
                numbers.append(len(families))
                families.append(1 << at)
        return numbers

    def _measure(self, place: int) -> None:
        """Of one line: its highest price, by how much at most all joints that may stand together on
        it take more when it costs more, and how many of them could have made it dearer."""
        slopes: dict[tuple[int, int], int] = {}
        every, kinds, goods = FREE, self.kinds, self.goods[place]
        for at in self.on_line[place]:
            slope = self.joints[at].slope_bp(goods)
            if slope > slopes.get(kinds[at], 0):
                slopes[kinds[at]] = slope
            every |= self.denies[at]
        self.highest[place] = self.offers[place].price(every).fen
        self.slopes[place] = sum(slopes.values())
        self.rivals[place] = 1
        if self.highest[place] > self.offers[place].price(FREE).fen:
            denials: dict[tuple[int, int], set[int]] = {}
            for at in self.on_line[place]:
                denials.setdefault(self.kinds[at], set()).add(self.denies[at])
            self.rivals[place] = _able_to_raise(self.offers[place], denials)

    def _prices(self, denied: Sequence[int]) -> list[int]:
        prices = [0] * len(self.offers)
        for place in self.places:
            prices[place] = self.offers[place].price(denied[place]).fen
        return prices

    def _cost(self, joints: Sequence[Joint], prices: Sequence[int]) -> int:
        """The total of this part's lines."""
        left = list(prices)
        total = sum(left)
        acting = sorted(joints, key=lambda each: each.order)
        for number, joint in enumerate(acting):
            shares = joint.shares(left, self.goods)
            total -= sum(shares)
            if any(joint.mask & later.mask for later in acting[number + 1 :]):
                for at, share in zip(joint.lines, shares, strict=True):
                    left[at] -= share
        return total

    def explore(self, chosen: list[int], allowed: int) -> None:
        """Tries everything that adds joints of `allowed` to `chosen`, then `chosen` alone: usually
        what was found by then shows that it need not be worked out."""
        self.trials += 1
        joints = [self.joints[at] for at in chosen]
        denied = [FREE] * len(self.offers)
        for at, joint in zip(chosen, joints, strict=True):
            for place in joint.lines:
                denied[place] |= self.denies[at]
        prices = self._prices(denied)
        floor = sum(prices) - sum(self.gain(at, denied, prices) for at in chosen)
        self._add_each(chosen, allowed, denied, prices, floor)
        if chosen and floor <= self.best_fen:
            total = self._cost(joints, prices)
            fewer = len(joints) < len(self.best)
            if total < self.best_fen or (total == self.best_fen and fewer):
                self.best, self.best_fen = joints, total

    def _add_each(
        self,
        chosen: list[int],
        allowed: int,
        denied: Sequence[int],
        prices: Sequence[int],
        floor: int,
    ) -> None:
        gains = [(self.gain(at, denied, prices), at) for at in _bits(allowed)]
        gains.sort(key=lambda each: (-each[0], each[1]))
        for (_, at), able in zip(gains, self._able(gains), strict=True):
            if floor - able >= self.best_fen or self.trials >= self.most_trials:
                return
            allowed &= ~(1 << at)
            self.explore([*chosen, at], allowed & ~self.clashing[at])

    def _able(self, gains: Sequence[tuple[int, int]]) -> list[int]:
        """What the joints from each on could gain together: of each family one, the greatest."""
        able, sums, greatest = 0, [], dict.fromkeys(self.family, 0)
        for gain, at in reversed(gains):
            able += gain - greatest[self.family[at]]
            greatest[self.family[at]] = gain
            sums.append(able)
        return sums[::-1]

    def gain(self, at: int, denied: Sequence[int], prices: Sequence[int]) -> int:
        """No less than the joint's part in making any set cheaper that holds it and the joints
        chosen so far, which deny `denied` and leave `prices`.

        Say it takes `most` at the prices that it and the chosen ones leave. Those are above
        `prices` by what it denies, and may rise further by what others deny. A rise lets joints
        take more, but all that may stand together on a line no more than their slopes; for what is
        left of the rise, each of the `rivals` that could have caused it answers with its share. On
        lines where the slopes come to more than the rise, it takes what it could at the highest
        price and answers for nothing."""
        joint, denies = self.joints[at], self.denies[at]
        key = at, self.own[at](denied)
        known = self._gains.get(key)
        if known is not None:
            return known
        risen = list(prices)
        answers = 0
        settled = joint.layer is not Layer.COUPONS
        offers, highest, slopes = self.offers, self.highest, self.slopes
        for place in joint.lines:
            fen = offers[place].price(denied[place] | denies).fen
            settled = settled and fen == highest[place]
            if slopes[place] > WHOLE_BP:
                fen = highest[place]
            elif fen > prices[place]:
                share_bp = (WHOLE_BP - slopes[place]) // self.rivals[place]
                share_bp += joint.slope_bp(self.goods[place])
                answers += (fen - prices[place]) * share_bp // WHOLE_BP
            risen[place] = fen
        # Where no price can rise any more, rounding has nothing to hide either.
        slack_fen = 0 if settled else joint.slack_fen
        gain = max(0, joint.most(risen, self.goods) + slack_fen - answers)
        self._gains[key] = gain
        return gain


def _bits(mask: int) -> list[int]:
    return [at for at in range(mask.bit_length()) if mask >> at & 1]


def _able_to_raise(offers: LineOffers, denials: Mapping[tuple[int, int], Collection[int]]) -> int:
    """How many kinds of joints can make a line dearer, alone or after others; at least one."""
    met = {FREE}
    for denied in set().union(*denials.values()):
        met |= {denied | other for other in met}
    raising = [
        own
        for own in denials.values()
        if any(
            offers.price(denied | other).fen > offers.price(other).fen
            for denied in own
            for other in met
        )
    ]
    return max(1, len(raising))
