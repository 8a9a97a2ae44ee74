"""What is sold: consumption categories (大类) and consumption codes (消费代码), C2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from daemon.core.errors import BadRequest, NotFound, Refused
from daemon.core.money import MAX_FEN


@dataclass(frozen=True, slots=True)
class Unit:
    """What a price is for. A basket counts in parts of it: pieces (1 part) or grams of a kilogram
    (1 000 parts). Only pieces can be counted by passes, gifts and buy-N rules."""

    name: str
    parts: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.parts <= 1_000_000:
            raise BadRequest("unit_malformed")


PIECE = Unit("件")
FEN = Unit("元", 100)
"""The unit of an open amount: its quantity is fen, its price one yuan."""


@dataclass(frozen=True, slots=True)
class EarnRate:
    """`points` for every `per_fen` paid, in proportion; rounded down on the whole sale."""

    points: int
    per_fen: int = 100

    def __post_init__(self) -> None:
        if not (0 <= self.points <= 1_000_000 and 1 <= self.per_fen <= MAX_FEN):
            raise BadRequest("points_rule_malformed")


@dataclass(frozen=True, slots=True)
class Category:
    """A consumption category. `earns` None: as the member category's own rate says."""

    category: str
    name: str
    earns: EarnRate | None = None


@dataclass(frozen=True, slots=True)
class PassGrant:
    """What selling a code gives: `count` uses of `codes`, for `valid_days` (None: for ever)."""

    codes: frozenset[str]
    count: int
    valid_days: int | None = None

    def __post_init__(self) -> None:
        if not (self.codes and 1 <= self.count <= 10_000):
            raise BadRequest("pass_malformed")


@dataclass(frozen=True, slots=True)
class Code:
    """A consumption code. `price_fen` is for one `unit`.

    `fixed`: no discount, promotion, coupon or points touch it (a fee, tobacco, a recharge card).
    `gift_points`: points for one, by member category; the key "" is for every other category.
    `from_day` and `to_day` are its first and last day on sale."""

    code: str
    name: str
    category: str
    price_fen: int
    unit: Unit = PIECE
    fixed: bool = False
    earns: EarnRate | None = None
    grants: PassGrant | None = None
    gift_points: Mapping[str, int] = field(default_factory=dict)
    from_day: date | None = None
    to_day: date | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.price_fen <= MAX_FEN:
            raise BadRequest("price_malformed", code=self.code)
        if self.unit.parts != 1 and (self.grants or self.gift_points):
            raise BadRequest("only_pieces", code=self.code)
        if any(points < 0 for points in self.gift_points.values()):
            raise BadRequest("points_rule_malformed", code=self.code)

    def on_sale(self, day: date) -> bool:
        return (self.from_day is None or self.from_day <= day) and (
            self.to_day is None or day <= self.to_day
        )


class Catalogue:
    """Codes and categories by key. Raises BadRequest("code_twice" | "category_unknown")."""

    def __init__(self, categories: Iterable[Category], codes: Iterable[Code]) -> None:
        self.categories = {each.category: each for each in categories}
        self.codes: dict[str, Code] = {}
        for each in codes:
            if each.code in self.codes:
                raise BadRequest("code_twice", code=each.code)
            if each.category not in self.categories:
                raise BadRequest("category_unknown", category=each.category)
            self.codes[each.code] = each

    def code_for_sale(self, code: str, day: date) -> Code:
        """Raises NotFound("code_unknown"), Refused("code_not_on_sale")."""
        found = self.codes.get(code)
        if found is None:
            raise NotFound("code_unknown", code=code)
        if not found.on_sale(day):
            raise Refused("code_not_on_sale", code=code)
        return found

    def open_amount(self, category: str) -> Code:
        """An amount keyed in a category, as a code of one yuan sold by the fen.

        Raises NotFound("category_unknown")."""
        found = self.categories.get(category)
        if found is None:
            raise NotFound("category_unknown", category=category)
        return Code("", found.name, category, 100, FEN)
