"""What the tests of cards and stored value need beside the counter: rules as data, the ledger's
accounts, and the clock by days."""

from __future__ import annotations

from typing import Any

from daemon.core.entry import Account, Entry, parse_leaf
from daemon.ports.ledger import Books
from daemon.rules.compile import compile as compile_rules
from tests.fakes.card_readers import PlasticCard
from tests.web.till import MANAGER, MEMBER_PIN, Counter

DAY_S = 24 * 3600


def put_rules(counter: Counter, **sections: Any) -> None:
    """Sections as the office writes them."""
    shop = counter.shop
    shop.rules_cell.put(compile_rules(sections, shop.base_policy, shop.base_head))


def tiers(*rows: tuple[int, int, int], days: int | None = None) -> dict[str, Any]:
    """A `recharge` section: (from_fen, bonus_bp, bonus_fen)."""
    return {
        "tiers": [
            {"from_fen": from_fen, "bonus_bp": bp, "bonus_fen": fen} for from_fen, bp, fen in rows
        ],
        "bonus_valid_days": days,
    }


def category(name: str = "standard", **more: Any) -> dict[str, Any]:
    """A `member_categories` section of one category."""
    return {"member_categories": [{"category": name, "name": name, **more}]}


async def entries(counter: Counter) -> list[Entry]:
    def look(books: Books) -> list[Entry]:
        return [parse_leaf(leaf) for _, leaf, _ in books.leaves(1, 100_000)]

    return await counter.ledger.read(look)


async def balance(counter: Counter, owner: str, asset: str) -> int:
    return await counter.ledger.read(lambda books: books.balance(Account(owner, asset)))


async def as_manager(counter: Counter) -> None:
    await counter.sign_in(MANAGER)


async def pay(counter: Counter, card: PlasticCard, amount_fen: int, *, pin: bool = False) -> None:
    sale_id = await counter.begin(amount_fen)
    await counter.tap(card)
    if pin:
        await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
        await counter.tap(card)
    sale = await counter.sale(sale_id)
    assert sale["status"] == "approved", sale


async def words(counter: Counter, receipt_id: str) -> str:
    stored = await counter.ledger.receipt(receipt_id)
    assert stored is not None
    return str(stored.document)
