"""A sale that the purse on the card pays, over HTTP: the card proves each debit, the books move by
exactly that, and what is unknown is settled with the card and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.entry import Account, Draft, Kind, parse_leaf
from daemon.core.purse import DeedState, PurseDeed
from daemon.keys.purse import TacMasters
from simulator.cards.purse_memory import DEMO_MASTERS
from tests.fakes.card_readers import PlasticCard
from tests.fakes.purse_plastic import PursePlastic, purse_card
from tests.unit.purse_talk import bought
from tests.web.till import MANAGER, MEMBER_PIN, Counter, Customer, Reply, customer, living

BEFORE = {"mode": "remove", "ins": "8054", "when": "before"}
AFTER = {"mode": "remove", "ins": "8054", "when": "after"}
TEARS = [BEFORE, AFTER]


async def with_purse(
    counter: Counter, balance_fen: int = 5_000, *, fen: int = 0, pin: bool = False
) -> tuple[Customer, PursePlastic]:
    card = purse_card(balance_fen)
    return await customer(counter, card, fen=fen, pin=pin), card


async def account(counter: Counter, owner: str, asset: str) -> int:
    return await counter.ledger.read(lambda books: books.balance(Account(owner, asset)))


async def on_card(counter: Counter, member: Customer) -> int:
    """What this journal moved on the card."""
    return await account(counter, f"card:{member.card_id}", "purse")


async def deeds(counter: Counter, sale_id: str) -> list[PurseDeed]:
    return list(await counter.ledger.read(lambda books: books.purse_deeds_of(sale_id)))


async def entry(counter: Counter, op_id: str) -> Draft:
    found = await counter.ledger.read(lambda books: books.entry_of(op_id))
    assert found is not None
    return found.draft


async def sold(counter: Counter, card: PlasticCard, amount_fen: int) -> dict[str, Any]:
    sale_id = await counter.begin(amount_fen)
    await counter.tap(card)
    return await counter.sale(sale_id)


async def test_an_empty_account_is_paid_for_by_the_purse(counter: Counter) -> None:
    member, card = await with_purse(counter)
    sale = await sold(counter, card, 1_200)
    assert (sale["status"], sale["technology"]) == ("approved", "purse")
    assert sale["tenders"] == [{"kind": "purse", "amount_fen": 1_200}]
    assert sale["taken"] == {"principal_fen": 0, "bonus_fen": 0}
    assert card.chip.memory.balance == 3_800
    assert await on_card(counter, member) == -1_200
    draft = await entry(counter, sale["sale_id"])
    assert (draft.card_id, draft.card_counter) == (member.card_id, 1)
    (deed,) = await deeds(counter, sale["sale_id"])
    assert deed.state is DeedState.DONE and deed.tac is not None
    assert draft.detail["purse_tac"] == deed.tac.hex()
    # The issuer, who holds the TAC key, can check what the leaf says.
    terms: Any = deed.terms
    assert TacMasters({0: DEMO_MASTERS["tac"]}).proves_purchase_tac(terms, deed.tac)


async def test_the_account_goes_first_where_it_can_pay(counter: Counter) -> None:
    member, card = await with_purse(counter, fen=3_000, pin=True)
    sale_id = await counter.begin(2_000)
    await counter.tap(card)
    assert (await counter.sale(sale_id))["status"] == "awaiting_pin"
    await counter.post(f"/sales/{sale_id}/pin", {"pin": MEMBER_PIN}, expect=202)
    await counter.tap(card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["tenders"]) == (
        "approved",
        [{"kind": "stored", "amount_fen": 2_000}],
    )
    assert card.chip.memory.balance == 5_000 and await on_card(counter, member) == 0


async def test_too_little_on_both_says_what_each_has(counter: Counter) -> None:
    _, card = await with_purse(counter, 500)
    sale = await sold(counter, card, 700)
    assert (sale["status"], sale["reason"]) == ("declined", "insufficient_funds")
    assert sale["facts"]["purse_fen"] == 500 and card.chip.memory.balance == 500


@pytest.mark.parametrize("tear", TEARS)
async def test_a_torn_debit_is_unknown_until_the_next_tap(
    counter: Counter, tear: dict[str, Any]
) -> None:
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [tear]
    await counter.tap(card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("unknown", "card_torn")
    (deed,) = await deeds(counter, sale_id)
    assert deed.state is DeedState.UNKNOWN and await on_card(counter, member) == 0
    await counter.tap(purse_card(9_000, bytes.fromhex("01020304")))
    assert (await counter.sale(sale_id))["status"] == "unknown"
    await counter.tap(card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert card.chip.memory.balance == 3_800 and await on_card(counter, member) == -1_200
    states = [each.state for each in await deeds(counter, sale_id)]
    torn_before = [DeedState.NOT_DONE, DeedState.DONE]
    assert states == (torn_before if tear is BEFORE else [DeedState.DONE])


async def test_a_spoilt_answer_is_settled_in_the_same_tap(counter: Counter) -> None:
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [{"mode": "wrong_mac", "ins": "8054"}]
    await counter.tap(card)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert await on_card(counter, member) == -1_200 and card.chip.memory.balance == 3_800


@pytest.mark.parametrize("tear", TEARS)
async def test_a_cancelled_sale_whose_debit_was_done_is_the_members_money(
    counter: Counter, tear: dict[str, Any]
) -> None:
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [tear]
    await counter.tap(card)
    assert (await counter.post(f"/sales/{sale_id}/cancel"))["status"] == "cancelled"
    # Laid down without a sale, at any time.
    await counter.tap(card)
    done = 1_200 if tear is AFTER else 0
    assert await counter.balance(member.member_id) == (done, 0)
    assert await on_card(counter, member) == -done
    assert card.chip.memory.balance == 5_000 - done
    assert (await sold(counter, card, 2_000))["status"] == "approved"


@pytest.mark.parametrize("tear", TEARS)
async def test_a_restart_asks_for_the_card_again(counter: Counter, tear: dict[str, Any]) -> None:
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [tear]
    await counter.tap(card)
    token = counter.token
    await counter.stop()
    async with living(counter.reborn()) as again:
        again.token = token
        assert (await again.sale(sale_id))["status"] == "unknown"
        await again.tap(card)
        assert (await again.sale(sale_id))["status"] == "approved"
        assert await on_card(again, member) == -1_200 == card.chip.memory.balance - 5_000
    await counter.start()


async def test_a_rolled_back_copy_is_refused_and_told(counter: Counter) -> None:
    member, card = await with_purse(counter)
    before = card.chip.to_json()
    assert (await sold(counter, card, 100))["status"] == "approved"
    assert (await sold(counter, card, 200))["status"] == "approved"
    old = purse_card(0)
    old.chip = type(card.chip).from_json(before)
    sale = await sold(counter, old, 300)
    assert (sale["status"], sale["reason"]) == ("declined", "card_rolled_back")
    assert old.chip.memory.balance == 5_000 and await on_card(counter, member) == -300
    # What the copy said was not proved, so it locked nothing: the card goes on.
    assert (await sold(counter, card, 400))["status"] == "approved"


async def test_another_purse_behind_the_cards_number_is_refused(counter: Counter) -> None:
    _, card = await with_purse(counter)
    assert (await sold(counter, card, 100))["status"] == "approved"
    other = purse_card(5_000, bytes.fromhex("04112233445566"))
    other.uid = card.uid
    sale = await sold(counter, other, 300)
    assert (sale["status"], sale["reason"]) == ("declined", "card_forged")
    assert other.chip.memory.balance == 5_000


async def test_money_comes_back_into_the_account(counter: Counter) -> None:
    member, card = await with_purse(counter)
    sale = await sold(counter, card, 1_200)
    voided = await counter.post(f"/sales/{sale['sale_id']}/void", key="undo")
    assert voided["voided"]
    assert await counter.balance(member.member_id) == (1_200, 0)
    assert await on_card(counter, member) == -1_200
    assert await account(counter, f"card:{member.card_id}", "purse_back") == 0
    rows = await counter.ledger.read(lambda b: b.leaves(1, 100))
    assert rows and (await counter.ledger.verify_chain()) == len(rows)


async def test_a_purse_used_elsewhere_since_stays_unknown_and_pays_on(counter: Counter) -> None:
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [AFTER]
    await counter.tap(card)
    await counter.post(f"/sales/{sale_id}/cancel")
    bought(card.chip.transmit, 7, 99)
    assert (await sold(counter, card, 300))["status"] == "approved"
    (deed,) = await deeds(counter, sale_id)
    assert deed.state is DeedState.UNKNOWN
    assert await on_card(counter, member) == -300
    assert await counter.balance(member.member_id) == (0, 0)


async def test_no_purse_entry_is_without_its_proof(counter: Counter) -> None:
    _, card = await with_purse(counter)
    sale_id = await counter.begin(50)
    card.strikes = [AFTER]
    await counter.tap(card)
    await counter.post(f"/sales/{sale_id}/cancel")
    await counter.tap(card)
    page = await counter.ledger.read(lambda books: books.leaves(1, 200))
    moved = [parse_leaf(leaf).draft for _, leaf, _ in page]
    (told,) = [each for each in moved if each.kind is Kind.PURSE]
    assert told.detail["event"] == "purse_to_account" and len(str(told.detail["purse_tac"])) == 8


async def lost_debit(counter: Counter, tear: dict[str, Any]) -> tuple[Customer, PursePlastic, str]:
    """A debit of 1,200 whose sale was cancelled before the card was seen again."""
    member, card = await with_purse(counter)
    sale_id = await counter.begin(1_200)
    card.strikes = [tear]
    await counter.tap(card)
    (deed,) = await deeds(counter, sale_id)
    early = await decide(counter, deed.deed_id, "done")
    assert (early.status, early.key) == (403, "permission_needed")
    await counter.sign_in(MANAGER)
    early = await decide(counter, deed.deed_id, "done")
    assert (early.status, early.key) == (409, "purse_sale_open")
    await counter.post(f"/sales/{sale_id}/cancel")
    return member, card, deed.deed_id


async def decide(counter: Counter, deed_id: str, outcome: str) -> Reply:
    path = f"/purse-deeds/{deed_id}/decision"
    body = {"outcome": outcome, "reason": "顾客出示了扣款短信"}
    return await counter.ask("POST", path, body, key=counter.new_key())


@pytest.mark.parametrize("outcome", ["done", "not_done"])
@pytest.mark.parametrize("tear", TEARS)
async def test_the_card_goes_before_the_word_of_the_office(
    counter: Counter, tear: dict[str, Any], outcome: str
) -> None:
    member, card, deed_id = await lost_debit(counter, tear)
    (shown,) = (await counter.get("/purse-deeds"))["deeds"]
    assert (shown["deed_id"], shown["state"], shown["amount_fen"]) == (deed_id, "unknown", 1_200)
    decided = await decide(counter, deed_id, outcome)
    assert decided.status == 200 and decided.body["decided_by"] == "office"
    again = await decide(counter, deed_id, outcome)
    assert (again.status, again.key) == (409, "purse_deed_settled")
    said = 1_200 if outcome == "done" else 0
    assert await counter.balance(member.member_id) == (said, 0)
    assert await on_card(counter, member) == -said
    await counter.tap(card)
    done = 1_200 if tear is AFTER else 0
    # What the card moved is exact; what the office gave the member stays with the member.
    assert await on_card(counter, member) == -done == card.chip.memory.balance - 5_000
    assert await counter.balance(member.member_id) == (max(said, done), 0)
    assert await account(counter, "shop", "purse_doubt") == min(0, done - said)
    assert (await counter.get("/purse-deeds"))["deeds"] == []
    await counter.tap(card)
    assert await on_card(counter, member) == -done


async def test_what_is_on_the_card_is_shown_and_printed(counter: Counter) -> None:
    _, card = await with_purse(counter)
    await counter.lay(card)
    shown = (await counter.counter())["card"]
    assert (shown["technology"], shown["on_card_fen"]) == ("purse", 5_000)
    await counter.lift()
    sale = await sold(counter, card, 1_200)
    assert sale["on_card_fen"] == 3_800
    kept = await counter.ledger.receipt(sale["receipt_id"])
    assert kept is not None and "On the card" in str(kept.document)
    assert "Purse on the card" in str(kept.document)
