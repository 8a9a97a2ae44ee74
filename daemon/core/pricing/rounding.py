"""The one place where a price is rounded.

Money is rounded half-up to a fen, once per line at each step that multiplies: the list price, the
member discount, a percentage. What a rule takes from several lines together is rounded once, and
`spread` gives each line a whole number of fen so that the shares are exactly the sum (largest
remainder). `part` says how much of a line's amount belongs to a part of its quantity; because it is
rounded from the beginning of the line each time, any sequence of parts adds up to the whole.

What the shop gives on top of money (points here, bonus in `daemon.core.money.share`) is rounded
down, once per sale: cutting a sale in pieces never earns more.
"""

from __future__ import annotations

from collections.abc import Sequence

WHOLE_BP = 10_000
"""A rate is in basis points: 8 800 of 10 000 is 88 折."""


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves up. Both are at least zero."""
    assert numerator >= 0 and denominator > 0
    return (2 * numerator + denominator) // (2 * denominator)


def rate_of(amount_fen: int, rate_bp: int) -> int:
    return (2 * amount_fen * rate_bp + WHOLE_BP) // (2 * WHOLE_BP)


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole shares proportional to `weights`: everybody gets the share rounded down, the
    units left over go to the largest remainders, the earlier first.

    With `total <= sum(weights)` no share is greater than its weight."""
    whole = sum(weights)
    if total == 0:
        return [0] * len(weights)
    assert total > 0 and whole > 0 and min(weights) >= 0
    if len(weights) == 1:
        return [total]
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(total * weight, whole)
        shares.append(share)
        remainders.append(remainder)
    left = total - sum(shares)
    if left:
        for place in sorted(range(len(shares)), key=remainders.__getitem__, reverse=True)[:left]:
            shares[place] += 1
    return shares


def part(amount: int, before: int, after: int, whole: int) -> int:
    """What of `amount` belongs to the units after the first `before` up to `after`, of `whole`."""
    assert 0 <= before <= after <= whole
    return half_up(amount * after, whole) - half_up(amount * before, whole)
