"""Which lots pay for a sale, to the fen."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.entry import Account
from daemon.core.money import Purse
from daemon.core.policy import SpendOrder
from daemon.core.records import Holding

MONEY_ASSETS = ("principal", "bonus")


def balance_of(holdings: Sequence[Holding]) -> Purse:
    def total(asset: str) -> int:
        return sum(held.balance for held in holdings if held.account.asset == asset)

    return Purse(total("principal"), total("bonus"))


def plan_spend(
    amount_fen: int, holdings: Sequence[Holding], order: SpendOrder
) -> tuple[tuple[Account, int], ...]:
    """How much each lot gives, oldest lot first within an asset; the sum is `amount_fen`.

    `holdings` must hold enough (the caller has checked). In proportion, the bonus share is rounded
    down and principal pays the rest, so rounding never costs the member bonus."""
    balance = balance_of(holdings)
    assert 0 < amount_fen <= balance.total_fen
    principal, bonus = _split(amount_fen, balance, order)
    return (*_from_lots(principal, "principal", holdings), *_from_lots(bonus, "bonus", holdings))


def _split(amount_fen: int, balance: Purse, order: SpendOrder) -> tuple[int, int]:
    if order is SpendOrder.PRINCIPAL_FIRST:
        principal = min(amount_fen, balance.principal_fen)
        return principal, amount_fen - principal
    if order is SpendOrder.BONUS_FIRST:
        bonus = min(amount_fen, balance.bonus_fen)
        return amount_fen - bonus, bonus
    bonus = amount_fen * balance.bonus_fen // balance.total_fen
    principal = amount_fen - bonus
    over = max(0, principal - balance.principal_fen)
    return principal - over, bonus + over


def _from_lots(
    amount_fen: int, asset: str, holdings: Sequence[Holding]
) -> list[tuple[Account, int]]:
    taken: list[tuple[Account, int]] = []
    for held in sorted(
        (held for held in holdings if held.account.asset == asset and held.balance > 0),
        key=lambda held: held.account.lot,
    ):
        if amount_fen == 0:
            break
        part = min(amount_fen, held.balance)
        taken.append((held.account, part))
        amount_fen -= part
    assert amount_fen == 0
    return taken
