"""Promotions (D1) and coupons (D4) as values: what they do, to which goods, for whom, and what they
may stand beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from daemon.core.errors import BadRequest
from daemon.core.money import MAX_FEN
from daemon.core.pricing.conditions import NO_CONDITIONS, Conditions
from daemon.core.pricing.rounding import WHOLE_BP


@dataclass(frozen=True, slots=True)
class Scope:
    """The goods that a rule is about: codes or categories named, all goods when none are, never the
    codes in `but_codes`."""

    codes: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    but_codes: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        return not self.codes and not self.categories

    def covers(self, code: str | None, category: str) -> bool:
        if code is not None and code in self.but_codes:
            return False
        return self.everything or code in self.codes or category in self.categories


ALL_GOODS = Scope()


@dataclass(frozen=True, slots=True)
class PercentOff:
    """The customer pays `rate_bp` of the price: 8 800 is 88 折."""

    rate_bp: int

    def __post_init__(self) -> None:
        _require(0 <= self.rate_bp <= WHOLE_BP)


@dataclass(frozen=True, slots=True)
class FixedPrice:
    """One unit costs `price_fen`, where that is less."""

    price_fen: int

    def __post_init__(self) -> None:
        _require(0 <= self.price_fen <= MAX_FEN)


@dataclass(frozen=True, slots=True)
class BuyN:
    """Of every `buy + get` pieces the `get` cheapest are cheaper by `off_bp` (10 000: free; 5 000:
    第二件半价). Sets are made from the dearest piece down. `buy=0, get=1, most_sets=1` exchanges a
    coupon for one piece."""

    buy: int
    get: int = 1
    off_bp: int = WHOLE_BP
    most_sets: int | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.buy <= 1_000 and 1 <= self.get <= 1_000)
        _require(0 < self.off_bp <= WHOLE_BP and (self.most_sets is None or self.most_sets > 0))


class Counts(Enum):
    """What counts towards a threshold. Never what another promotion left over: a customer can see
    beforehand whether the threshold is reached."""

    LIST = "list"
    MEMBER_PRICE = "member_price"


@dataclass(frozen=True, slots=True)
class Tier:
    """From `from_fen`: `off_fen` less, or `off_bp` of the price less; one of the two."""

    from_fen: int
    off_fen: int = 0
    off_bp: int = 0

    def __post_init__(self) -> None:
        _require(0 <= self.from_fen <= MAX_FEN and 0 <= self.off_fen <= MAX_FEN)
        _require(0 <= self.off_bp <= WHOLE_BP and (self.off_fen > 0) != (self.off_bp > 0))


@dataclass(frozen=True, slots=True)
class SpendTiers:
    """满减 and 满折: the highest tier reached acts. `every` repeats a lone amount tier for each
    time it is reached (每满). `most_off_fen` is the most that it takes."""

    tiers: tuple[Tier, ...]
    counts: Counts = Counts.MEMBER_PRICE
    every: bool = False
    most_off_fen: int | None = None

    def __post_init__(self) -> None:
        _require(bool(self.tiers))
        _require(len({tier.from_fen for tier in self.tiers}) == len(self.tiers))
        if self.every:
            _require(len(self.tiers) == 1)
            _require(self.tiers[0].off_fen > 0 and self.tiers[0].from_fen > 0)


@dataclass(frozen=True, slots=True)
class PointsTimes:
    """Points are multiplied: 20 000 is double points. The highest that applies to a line counts."""

    times_bp: int

    def __post_init__(self) -> None:
        _require(WHOLE_BP <= self.times_bp <= 100 * WHOLE_BP)


@dataclass(frozen=True, slots=True)
class RechargeTier:
    """From `from_fen` paid at once: `bonus_bp` of it and `bonus_fen` are given on top."""

    from_fen: int
    bonus_bp: int = 0
    bonus_fen: int = 0

    def __post_init__(self) -> None:
        _require(0 < self.from_fen <= MAX_FEN)
        _require(0 <= self.bonus_bp <= 10 * WHOLE_BP and 0 <= self.bonus_fen <= MAX_FEN)


@dataclass(frozen=True, slots=True)
class RechargeBonus:
    """A campaign on recharges; the highest tier reached acts."""

    tiers: tuple[RechargeTier, ...]

    def __post_init__(self) -> None:
        _require(len({tier.from_fen for tier in self.tiers}) == len(self.tiers) > 0)


Effect = PercentOff | FixedPrice | BuyN | SpendTiers | PointsTimes | RechargeBonus


class Exclusive(Enum):
    """What an exclusive promotion keeps away: every other promotion and coupon on its goods, or on
    the whole sale."""

    NO = "no"
    GOODS = "goods"
    SALE = "sale"


@dataclass(frozen=True, slots=True)
class Promotion:
    """Promotions act in layers: those on a line alone (`PercentOff`, `FixedPrice`), those that
    count pieces (`BuyN`), those with a threshold (`SpendTiers`). In one layer two of one `group`
    never act on the same line; those of different groups do, in the order of the rule book.

    Where it acts, its goods lose the member discount unless `with_member_discount`, and promotions
    on a line alone unless `with_line_promotions` (for one that is not such itself)."""

    promotion_id: str
    name: str
    effect: Effect
    scope: Scope = ALL_GOODS
    conditions: Conditions = NO_CONDITIONS
    group: str = "promotion"
    exclusive: Exclusive = Exclusive.NO
    with_member_discount: bool = True
    with_line_promotions: bool = True
    earns_points: bool = True

    @property
    def over_lines(self) -> bool:
        """Whether it looks at several lines together, and so is one choice for the sale."""
        if isinstance(self.effect, PercentOff | FixedPrice):
            return self.exclusive is Exclusive.SALE
        return isinstance(self.effect, BuyN | SpendTiers)


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon of a campaign, `code` unique in the merchant, redeemed once.

    `offer` says what it does like a promotion; its `group` keeps coupons of one kind from meeting
    on the same goods. `minimum_fen` counts member prices of the goods in scope, list prices where
    the offer takes the member discount away. `member_id` None: whoever brings it."""

    code: str
    offer: Promotion
    minimum_fen: int = 0
    member_id: str | None = None
    with_promotions: bool = True
    from_day: date | None = None
    to_day: date | None = None
    used: bool = False

    def __post_init__(self) -> None:
        _require(0 <= self.minimum_fen <= MAX_FEN)


def _require(holds: bool) -> None:
    if not holds:
        raise BadRequest("promotion_malformed")
