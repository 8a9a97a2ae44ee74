"""Goods that come back: to the lot and tender they were paid from, and what cannot be undone."""

from __future__ import annotations

from typing import Any

from tests.web.till import CASHIER, MANAGER, MEMBER_PIN, Counter, customer, desfire, uid_card

from .shop import folded, snapshot
from .test_baskets import (
    buy_pass,
    give_points,
    issue_coupon,
    line,
    sell,
    total,
    wallet,
)


async def refund(counter: Counter, sale_id: str, lines: dict[str, int] | None = None) -> Any:
    body = {} if lines is None else {"lines": lines}
    return await counter.post(f"/sales/{sale_id}/refunds", body, key=counter.new_key())


async def mixed_sale(salon: Counter, card: Any) -> tuple[str, dict[str, Any]]:
    """Points, a coupon, stored value and cash; commission, stock and a level. The member's id."""
    member = await customer(salon, card)
    await give_points(salon, member.member_id, 1_000)
    await issue_coupon(salon, "ABC123", member.member_id)
    await salon.ledger.write(lambda books: books.put_stock("R1", 20))
    staff = await salon.ledger.read(lambda books: books.employee_by_number("1"))
    assert staff is not None
    share = [{"employee_id": staff.employee_id}]
    before = await salon.ledger.read(snapshot)
    sale = await sell(
        salon,
        lines=[
            line("1", "C1", staff=share),
            line("2", "K1", staff=share),
            line("3", "R1", 3),
        ],
        coupons=["ABC123"],
        points_to_use=1_000,
        tenders=[{"kind": "stored", "amount_fen": 20_000}, {"kind": "cash"}],
    )
    await salon.tap(member.card)
    sale = await salon.sale(sale["sale_id"])
    assert sale["status"] == "approved" and sale["level"]["after"] == "silver"
    assert await salon.ledger.read(lambda books: books.stock("R1")) == 17
    return member.member_id, {**sale, "before": before}


async def test_all_comes_back_to_where_it_came_from(salon: Counter) -> None:
    _, sale = await mixed_sale(salon, desfire())
    quoted = await salon.post(f"/sales/{sale['sale_id']}/refund-quote")
    assert (quoted["whole"], quoted["paid_fen"]) == (True, sale["amount_fen"])
    back = await refund(salon, sale["sale_id"])
    assert back["paid_fen"] == sale["amount_fen"] and back["debts"] == []
    assert {each["kind"]: each["amount_fen"] for each in back["tenders"]} == {
        each["kind"]: each["amount_fen"] for each in sale["tenders"]
    }
    assert back["points_back"] == 1_000 and back["coupons"] == ["ABC123"]
    assert back["sale"]["refundable"] is False and back["sale"]["voidable"] is False
    assert [each["left"] for each in back["sale"]["lines"]] == [0, 0, 0]
    assert await salon.ledger.read(snapshot) == sale["before"]
    kept, fold = await salon.ledger.read(folded)
    assert kept == fold
    over = await salon.ask("POST", f"/sales/{sale['sale_id']}/refunds", {}, key="again")
    assert (over.status, over.key) == (409, "nothing_to_refund")
    void = await salon.ask("POST", f"/sales/{sale['sale_id']}/void", {}, key="void")
    assert (void.status, void.key) == (409, "sale_refunded")
    await salon.papers(3)
    paper = salon.printer.papers[-1]
    assert paper.open_drawer and "REFUND RECEIPT" in str(paper.blocks)
    receipts = (await salon.get("/receipts"))["receipts"]
    assert (receipts[0]["kind"], receipts[0]["sale_id"]) == ("refund", sale["sale_id"])


async def test_any_cut_of_a_sale_adds_up_to_the_sale(salon: Counter) -> None:
    _, sale = await mixed_sale(salon, desfire())
    first = await refund(salon, sale["sale_id"], {"3": 1})
    assert not first["whole"] and first["coupons"] == []
    assert first["sale"]["refundable"] and [e["left"] for e in first["sale"]["lines"]] == [1, 1, 2]
    await refund(salon, sale["sale_id"], {"1": 1, "3": 1})
    above = await salon.ask(
        "POST", f"/sales/{sale['sale_id']}/refunds", {"lines": {"3": 2}}, key="above"
    )
    assert (above.status, above.key) == (409, "refund_above_sold")
    last = await refund(salon, sale["sale_id"])
    assert last["whole"] and last["coupons"] == ["ABC123"]
    shown = await salon.sale(sale["sale_id"])
    assert len(shown["refunds"]) == 3
    assert sum(each["paid_fen"] for each in shown["refunds"]) == sale["amount_fen"]
    assert await salon.ledger.read(snapshot) == sale["before"]


async def test_a_void_is_the_mirror_and_undoes_what_followed(salon: Counter) -> None:
    _, sale = await mixed_sale(salon, desfire())
    voided = await salon.post(f"/sales/{sale['sale_id']}/void", key="v")
    assert voided["voided"] and not voided["refundable"]
    assert await salon.ledger.read(snapshot) == sale["before"]
    again = await salon.ask("POST", f"/sales/{sale['sale_id']}/refunds", {}, key="r")
    assert (again.status, again.key) == (409, "already_voided")
    await salon.papers(3)
    assert "VOID RECEIPT" in str(salon.printer.papers[-1].blocks)


async def test_points_that_were_spent_since_are_a_debt_that_is_shown(salon: Counter) -> None:
    member = await customer(salon, uid_card(), fen=100_000)
    sale = await sell(
        salon, lines=[line("1", "K1")], member_id=member.member_id, tenders=[{"kind": "cash"}]
    )
    assert (sale["status"], sale["points_earned"]) == ("approved", 350)
    spend = await sell(
        salon,
        lines=[line("1", "C1")],
        points_to_use=300,
        tenders=[{"kind": "cash"}],
        member_id=member.member_id,
    )
    spent = await salon.post(f"/sales/{spend['sale_id']}/pin", {"pin": MEMBER_PIN}, expect=202)
    assert (spent["status"], spent["points_used"], spent["points_earned"]) == ("approved", 300, 58)
    void = await salon.ask("POST", f"/sales/{sale['sale_id']}/void", {}, key="v")
    assert (void.status, void.key) == (409, "sale_gains_spent")
    back = await refund(salon, sale["sale_id"])
    assert (back["paid_fen"], back["points_taken"]) == (35_000, 108)
    assert back["debts"] == [{"kind": "points", "amount": 242, "worth_fen": 242, "line_id": None}]
    assert await total(salon, "tender:cash", "taken") == -100_000 - 5_820
    await salon.papers(4)
    assert "242 points already spent" in str(salon.printer.papers[-1].blocks)


async def test_a_pass_comes_back_with_what_is_left_of_it(salon: Counter) -> None:
    member = await customer(salon, desfire())
    bought = await buy_pass(salon, member)
    entry = await salon.ledger.read(lambda books: books.entry_of(bought["sale_id"]))
    assert entry is not None
    lot = entry.dseq
    use = {"line_id": "1", "pass_id": f"pass:P10@{lot}", "count": 3}
    used = await sell(salon, lines=[line("1", "C1", 3)], passes=[use])
    await salon.tap(member.card)
    assert (await salon.sale(used["sale_id"]))["status"] == "approved"
    back = await refund(salon, bought["sale_id"])
    assert back["debts"] == [{"kind": "uses", "amount": 3, "worth_fen": 15_000, "line_id": "1"}]
    assert back["tenders"] == [{"kind": "cash", "amount_fen": 50_000}]
    assert (await wallet(salon, member.member_id)).get("pass:P10") is None
    # And the uses come back to the pass, which is the member's again.
    again = await refund(salon, used["sale_id"], {"1": 1})
    assert again["passes_back"] == [{"pass_id": f"pass:P10@{lot}", "uses": 1}]
    assert (await wallet(salon, member.member_id))["pass:P10"] == 1


async def test_an_erased_member_does_not_stop_a_refund(salon: Counter) -> None:
    member_id, sale = await mixed_sale(salon, desfire())
    await salon.ledger.write(lambda books: books.erase_personal(member_id))
    back = await refund(salon, sale["sale_id"], {"2": 1})
    assert back["paid_fen"] == next(e["paid_fen"] for e in sale["lines"] if e["line_id"] == "2")


async def test_a_refund_needs_its_permission_or_a_yes(salon: Counter) -> None:
    sale = await sell(salon, lines=[line("1", "C1")], tenders=[{"kind": "cash"}])
    path = f"/sales/{sale['sale_id']}/refunds"
    await salon.sign_in(CASHIER)
    refused = await salon.ask("POST", path, {}, key="r")
    assert (refused.status, refused.key) == (403, "permission_needed")
    number, pin = MANAGER
    yes = await salon.post("/approvals", {"employee": number, "pin": pin, "permission": "refund"})
    back = await salon.post(path, {}, key="r", headers={"Approval": yes["token"]})
    assert back["paid_fen"] == 6_800
    entry = await salon.ledger.read(lambda books: books.entry_of(back["refund_id"]))
    assert entry is not None
    assert (entry.draft.actor, entry.draft.detail["approver"]) == ("1", "9")
    same = await salon.post(path, {}, key="r", headers={"Approval": yes["token"]})
    assert same["refund_id"] == back["refund_id"]
    await salon.papers(2)
    assert "Approved by" in str(salon.printer.papers[-1].blocks)


async def test_legacy_amount_is_refunded_too(salon: Counter) -> None:
    member = await customer(salon, desfire())
    sale_id = await salon.begin(1_850)
    await salon.tap(member.card)
    before = await salon.balance(member.member_id)
    back = await refund(salon, sale_id, {"1": 850})
    assert back["paid_fen"] == 850
    after = await salon.balance(member.member_id)
    assert after[0] - before[0] == 850
