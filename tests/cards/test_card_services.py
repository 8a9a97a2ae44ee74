"""The life of a card over HTTP (B4): each service against each state, fees by any tender, and the
old card refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.card import CardStatus
from daemon.core.entry import Kind
from tests.fakes.card_readers import Fault
from tests.web.till import MANAGER, MEMBER_PIN, Counter, Customer, customer, desfire, uid_card

from .desk import DAY_S, as_manager, balance, category, entries, put_rules, tiers, words

FEES = {
    "issue_fen": 500,
    "reissue_fen": 2_000,
    "repair_fen": 1_000,
    "transfer_fen": 3_000,
}
PROLONGED = {"extend": [{"days": 365, "fee_fen": 0}]}
"""Nothing may be charged for prolonging a named card, and rules that would are refused."""
TABLE = {
    "reissue": ("replaced", "replaced", "replaced", "card_returned", "card_replaced"),
    "repair": ("replaced", "card_lost", "replaced", "card_returned", "card_replaced"),
    "extend": ("active", "lost", "locked", "card_returned", "card_replaced"),
    "report_lost": ("lost", "card_lost", "card_locked", "card_returned", "card_replaced"),
    "lift_loss": ("card_not_lost", "active", "card_not_lost", "card_returned", "card_replaced"),
    "lock": ("locked", "card_lost", "card_locked", "card_returned", "card_replaced"),
    "unlock": (
        "card_not_locked",
        "card_not_locked",
        "active",
        "card_returned",
        "card_replaced",
    ),
    "return": ("returned", "returned", "card_locked", "card_returned", "card_replaced"),
    "transfer": ("active", "card_lost", "card_locked", "card_returned", "card_replaced"),
}
"""By service: what the card is afterwards, or why not, from active, lost, locked, returned,
replaced."""


async def change_card(counter: Counter, card_id: str, **fields: Any) -> None:
    await counter.ledger.write(
        lambda books: books.change_card(replace(books.card(card_id), **fields))  # type: ignore[type-var]
    )


async def change_member(counter: Counter, member_id: str, **fields: Any) -> None:
    await counter.ledger.write(
        lambda books: books.change_member(replace(books.member(member_id), **fields))  # type: ignore[type-var]
    )


async def serve(counter: Counter, service: str, expect: int = 200, **more: Any) -> dict[str, Any]:
    body = {"service": service, **more}
    done: dict[str, Any] = await counter.post(
        "/card-services", body, key=counter.new_key(), expect=expect
    )
    return done


async def refused(counter: Counter, service: str, **more: Any) -> tuple[int, str]:
    answer = await counter.ask(
        "POST", "/card-services", {"service": service, **more}, key=counter.new_key()
    )
    return answer.status, answer.key


@pytest.mark.parametrize("service", TABLE)
async def test_each_service_in_each_state(counter: Counter, service: str) -> None:
    put_rules(counter, member_categories=category(fees=PROLONGED))
    await as_manager(counter)
    taker = (await counter.member("李四", ""))["member_id"]
    for number, (status, result) in enumerate(zip(CardStatus, TABLE[service], strict=True)):
        who = await customer(counter, desfire(number), fen=0, pin=False)
        await change_member(counter, who.member_id, valid_to="2026-12-31")
        await change_card(counter, who.card_id, status=status)
        asked = {"card_id": who.card_id, "days": 365, "to_member_id": taker}
        before = len(await entries(counter))
        told = await counter.post("/card-service-quotes", {"service": service, **asked})
        assert len(await entries(counter)) == before
        if not result.startswith("card_"):
            assert (told["becomes"], told["refusals"]) == (result, [])
            brings = service in ("reissue", "repair")
            await serve(counter, service, expect=202 if brings else 200, **asked)
            if brings:
                await counter.tap(desfire(100 + number))
            found = await counter.get(f"/cards/{who.card_id}")
            assert found["status"] == result, (service, status)
            assert len(await entries(counter)) > before
        else:
            assert [one["reason"] for one in told["refusals"]] == [result], (service, status)
            assert await refused(counter, service, **asked) == (409, result), (service, status)
            assert (await counter.get(f"/cards/{who.card_id}"))["status"] == status.value
        listed = (await counter.get(f"/cards/{who.card_id}"))["services"]
        assert {one["service"] for one in listed} == set(TABLE)


async def test_reissue_after_a_loss(counter: Counter) -> None:
    put_rules(counter, recharge=tiers(), member_categories=category(fees=FEES))
    who = await bought(counter, desfire(1), fen=10_000)
    await serve(counter, "report_lost", card_id=who.card_id)
    await as_manager(counter)
    unpaid = await refused(counter, "reissue", card_id=who.card_id)
    assert unpaid == (409, "fee_unpaid")
    cash = [{"kind": "cash", "amount_fen": 5_000}]
    begun = await serve(counter, "reissue", 202, card_id=who.card_id, tenders=cash, fee_fen=2_000)
    assert (begun["status"], begun["fee_fen"]) == ("awaiting_card", 2_000)
    assert await balance(counter, "shop", "fees") == 500
    new = desfire(2)
    await counter.tap(new)
    done = await counter.get(f"/card-services/{begun['service_id']}")
    assert (done["status"], done["change_fen"]) == ("done", 3_000)
    assert done["card"]["status"] == "replaced"
    assert (done["new_card"]["replaces"], done["new_card"]["card_id"]) == (
        who.card_id,
        new.card_id,
    )
    assert await balance(counter, "shop", "fees") == 2_500
    assert await balance(counter, "tender:cash", "taken") == -10_000 - 500 - 2_000
    paper = await words(counter, done["receipt_id"])
    assert "Card after a loss" in paper and "Change" in paper
    # The old card is refused with its own reason; the new one counts from the beginning and pays.
    sale_id = await counter.begin(1_000)
    await counter.tap(who.card)
    sale = await counter.sale(sale_id)
    assert (sale["status"], sale["reason"]) == ("declined", "card_replaced")
    sale_id = await counter.begin(1_000)
    await counter.tap(new)
    assert (await counter.sale(sale_id))["status"] == "approved"
    assert new.counter == 1
    assert await counter.balance(who.member_id) == (9_000, 0)
    old = await counter.get(f"/cards/{who.card_id}")
    assert old["replaced_by"] == new.card_id


async def bought(counter: Counter, card: Any, *, fen: int) -> Customer:
    """A member whose card cost its fee."""
    member_id = (await counter.member("张伟", ""))["member_id"]
    await counter.recharge(member_id, fen)
    await counter.ask("PUT", f"/members/{member_id}/pin", {"pin": MEMBER_PIN})
    cash = [{"kind": "cash"}]
    begun = await serve(counter, "issue", 202, member_id=member_id, tenders=cash)
    await counter.tap(card)
    done = await counter.get(f"/card-services/{begun['service_id']}")
    assert done["status"] == "done", done
    return Customer(member_id, card, done["new_card"]["card_id"])


async def test_a_torn_personalisation_keeps_money_and_the_old_card(counter: Counter) -> None:
    put_rules(counter, recharge=tiers(), member_categories=category(fees=FEES))
    who = await bought(counter, desfire(1), fen=10_000)
    await as_manager(counter)
    stored = [{"kind": "stored"}]
    assert await refused(counter, "repair", card_id=who.card_id, tenders=stored) == (
        409,
        "pin_needed",
    )
    asked = {"card_id": who.card_id, "tenders": stored, "pin": MEMBER_PIN}
    begun = await serve(counter, "repair", 202, **asked)
    new = desfire(2)
    for fault in (Fault.GONE, Fault.SILENT, Fault.GARBLED):
        new.fault = fault
        await counter.tap(new)
        standing = await counter.get(f"/card-services/{begun['service_id']}")
        assert (standing["status"], standing["reason"]) == ("awaiting_card", fault_key(fault))
        assert await counter.balance(who.member_id) == (10_000, 0)
        assert (await counter.get(f"/cards/{who.card_id}"))["status"] == "active"
        assert await balance(counter, "shop", "fees") == 500
    await counter.tap(new)
    done = await counter.get(f"/card-services/{begun['service_id']}")
    assert (done["status"], done["tenders"]) == ("done", [{"kind": "stored", "amount_fen": 1_000}])
    assert await counter.balance(who.member_id) == (9_000, 0)
    assert (await counter.get(f"/cards/{who.card_id}"))["status"] == "replaced"
    assert await balance(counter, "shop", "fees") == 1_500


def fault_key(fault: Fault) -> str:
    return {
        Fault.GONE: "card_gone",
        Fault.SILENT: "card_silent",
        Fault.GARBLED: "card_garbled",
    }[fault]


async def test_a_power_cut_before_the_card_is_made_changes_nothing(counter: Counter) -> None:
    put_rules(counter, recharge=tiers(), member_categories=category(fees=FEES))
    who = await bought(counter, desfire(1), fen=10_000)
    await as_manager(counter)
    body = {"service": "reissue", "card_id": who.card_id, "tenders": [{"kind": "cash"}]}
    begun = await counter.post("/card-services", body, key="once", expect=202)
    again = await counter.post("/card-services", body, key="once", expect=202)
    assert again["service_id"] == begun["service_id"]
    other = await counter.ask("POST", "/card-services", {**body, "reason": "x"}, key="once")
    assert (other.status, other.key) == (409, "idempotency_key_reused")
    await counter.stop()
    reborn = counter.reborn()
    await reborn.start()
    try:
        put_rules(reborn, recharge=tiers(), member_categories=category(fees=FEES))
        gone = await reborn.ask("GET", f"/card-services/{begun['service_id']}")
        assert (gone.status, gone.key) == (404, "service_unknown")
        assert (await reborn.get(f"/cards/{who.card_id}"))["status"] == "active"
        assert await balance(reborn, "shop", "fees") == 500
        # The same request begins anew, and a third time finds what was done.
        anew = await reborn.post("/card-services", body, key="once", expect=202)
        await reborn.tap(desfire(2))
        done = await reborn.post("/card-services", body, key="once")
        assert (done["service_id"], done["status"]) == (anew["service_id"], "done")
        assert await balance(reborn, "shop", "fees") == 2_500
    finally:
        await reborn.stop()
    await counter.start()


async def test_fee_from_stored_value_in_a_mix(counter: Counter) -> None:
    put_rules(counter, recharge=tiers((10_000, 1_000, 0)), member_categories=category(fees=FEES))
    who = await bought(counter, desfire(1), fen=10_000)
    taker = (await counter.member("李四", "13900000000"))["member_id"]
    await as_manager(counter)
    mix = [{"kind": "stored", "amount_fen": 1_200}, {"kind": "wechat", "amount_fen": 1_800}]
    asked = {"member_id": who.member_id, "to_member_id": taker, "tenders": mix}
    wrong = await refused(counter, "transfer", **asked, pin="0000")
    assert wrong == (403, "pin_wrong")
    done = await serve(counter, "transfer", **asked, pin=MEMBER_PIN)
    assert done["moved"]["money"] == {"principal_fen": 8_800, "bonus_fen": 1_000}
    assert await counter.balance(who.member_id) == (0, 0)
    assert await counter.balance(taker) == (8_800, 1_000)
    assert await balance(counter, "tender:wechat", "taken") == -1_800
    fee = next(e for e in await entries(counter) if e.draft.detail.get("service") == "transfer")
    assert fee.draft.kind is Kind.FEE
    assert {p.account.owner for p in fee.draft.postings} == {
        "shop",
        "tender:wechat",
        f"member:{who.member_id}",
    }


async def test_more_stored_value_than_there_is(counter: Counter) -> None:
    put_rules(counter, recharge=tiers(), member_categories=category(fees=FEES))
    who = await bought(counter, desfire(1), fen=900)
    await as_manager(counter)
    asked = {"card_id": who.card_id, "tenders": [{"kind": "stored"}], "pin": MEMBER_PIN}
    assert await refused(counter, "repair", **asked) == (409, "insufficient_funds")


async def test_extension(counter: Counter) -> None:
    paid_for = category(named=False, fees={"extend": [{"days": 365, "fee_fen": 5_000}]})
    put_rules(counter, member_categories=paid_for)
    named = (await counter.member("张伟", "13811111111"))["member_id"]
    unnamed = (await counter.member("李四", "13822222222"))["member_id"]
    for_ever = (await counter.member("王五", "13833333333"))["member_id"]
    # Who came when the category was by name still is, and pays nothing.
    await change_member(counter, named, named=True, valid_to="2026-10-09")
    await change_member(counter, unnamed, named=False, valid_to="2026-10-09")
    await as_manager(counter)
    asked = {"member_id": named, "days": 365}
    told = await counter.post("/card-service-quotes", {"service": "extend", **asked})
    assert (told["fee_fen"], told["listed_fen"], told["waived"]) == (0, 5_000, "no_extension_fee")
    done = await serve(counter, "extend", **asked)
    assert (done["valid_to"], done["receipt_id"]) == ("2027-10-09", None)
    asked["member_id"] = unnamed
    assert await refused(counter, "extend", **asked) == (409, "fee_unpaid")
    other = {**asked, "days": 30}
    assert await refused(counter, "extend", **other) == (409, "extension_not_offered")
    stale = await refused(counter, "extend", **asked, fee_fen=4_000, tenders=[{"kind": "cash"}])
    assert stale == (409, "fee_changed")
    counter.clock.advance(100 * DAY_S)
    await as_manager(counter)
    # Over since two months: counted from today.
    paid = await serve(counter, "extend", **asked, tenders=[{"kind": "alipay"}])
    assert (paid["valid_to"], paid["fee_fen"]) == ("2027-12-19", 5_000)
    assert await valid_to(counter, unnamed) == "2027-12-19"
    assert await balance(counter, "shop", "fees") == 5_000
    assert "Extension" in await words(counter, paid["receipt_id"])
    never = {"member_id": for_ever, "days": 365, "tenders": [{"kind": "cash"}]}
    assert await refused(counter, "extend", **never) == (409, "never_expires")


async def valid_to(counter: Counter, member_id: str) -> str | None:
    member = await counter.ledger.read(lambda books: books.member(member_id))
    assert member is not None
    return member.valid_to


async def test_a_clone_alarm_needs_more_than_a_cashier(counter: Counter) -> None:
    who = await customer(counter, desfire(1))
    copy = who.card.copy()
    for _ in range(2):
        sale_id = await counter.begin(1_000 + _)
        await counter.tap(who.card)
        assert (await counter.sale(sale_id))["status"] == "approved"
    await counter.tap(copy)
    assert (await counter.get(f"/cards/{who.card_id}"))["status"] == "locked"
    for body in ({"service": "report_lost"}, {"service": "lift_loss"}):
        status, _key = await refused(counter, body["service"], card_id=who.card_id)
        assert status == 409
    denied = await refused(counter, "unlock", card_id=who.card_id)
    assert denied == (403, "permission_needed")
    path = f"/cards/{who.card_id}/status"
    by_status = await counter.ask("POST", path, {"status": "active"})
    assert (by_status.status, by_status.key) == (403, "permission_needed")
    await as_manager(counter)
    await serve(counter, "unlock", card_id=who.card_id, reason="seen_and_known")
    detail = (await entries(counter))[-1].draft.detail
    assert (detail["event"], detail["reason"]) == ("unlock_card", "seen_and_known")
    sale_id = await counter.begin(500)
    await counter.tap(who.card)
    assert (await counter.sale(sale_id))["status"] == "approved"


async def test_return_pays_out_and_ends_the_card(counter: Counter) -> None:
    put_rules(counter, recharge=tiers((300_000, 0, 100_000)))
    who = await customer(counter, desfire(), fen=300_000)
    for fen in (40_000, 35_000, 25_000):
        await counter.begin(fen)
        await counter.tap(who.card)
    await as_manager(counter)
    left = await refused(counter, "return", card_id=who.card_id)
    assert left == (409, "balance_left")
    payout = {"tender": "bank_transfer", "voucher": "v-1", "same_name": True, "paper_shown": True}
    asked = {"card_id": who.card_id, "payout": payout}
    told = await counter.post("/card-service-quotes", {"service": "return", **asked})
    assert (told["becomes"], told["refund"]["refund_fen"]) == ("returned", 225_000)
    done = await serve(counter, "return", **asked)
    assert (done["card"]["status"], done["refund"]["refund_fen"]) == ("returned", 225_000)
    assert await counter.balance(who.member_id) == (0, 0)
    assert await balance(counter, "tender:bank_transfer", "taken") == 225_000
    kinds = [entry.draft.kind for entry in (await entries(counter))[-2:]]
    assert kinds == [Kind.CARD_STATUS, Kind.BALANCE_REFUND]
    sale_id = await counter.begin(1)
    await counter.tap(who.card)
    assert (await counter.sale(sale_id))["reason"] == "card_returned"
    # The plastic may become a card again.
    await counter.post(f"/sales/{sale_id}/cancel")
    other = (await counter.member("李四", "13900000000"))["member_id"]
    again = await counter.issue(other, who.card)
    assert again["status"] == "active"


async def test_a_card_goes_over_with_the_account(counter: Counter) -> None:
    put_rules(
        counter,
        recharge=tiers((300_000, 0, 100_000), days=90),
        parameters={"refund_method": "whole"},
    )
    who = await customer(counter, desfire(), fen=300_000)
    await counter.recharge(who.member_id, 10_000)
    taker = (await counter.member("李四", "13900000000"))["member_id"]
    full = (await counter.member("王五", "13911111111"))["member_id"]
    await counter.recharge(full, 100_000)
    await as_manager(counter)
    assert await refused(counter, "transfer", card_id=who.card_id, to_member_id=full) == (
        409,
        "balance_ceiling",
    )
    assert await refused(counter, "transfer", card_id=who.card_id) == (409, "taker_missing")
    assert await refused(counter, "transfer", card_id=who.card_id, to_member_id=who.member_id) == (
        409,
        "same_member",
    )
    done = await serve(counter, "transfer", card_id=who.card_id, to_member_id=taker)
    assert done["moved"]["to_member_id"] == taker
    assert await counter.balance(taker) == (310_000, 100_000)
    assert (await counter.get(f"/cards/{who.card_id}"))["member"]["member_id"] == taker
    # The lots kept what they were bought under.
    counter.clock.advance(20 * DAY_S)
    await as_manager(counter)
    asked = {"member_id": taker, "tender": "bank_transfer", "paper_shown": True}
    told = await counter.post("/balance-refund-quotes", asked)
    assert [(one["paid_fen"], one["bonus_fen"], one["method"]) for one in told["lots"]] == [
        (300_000, 100_000, "whole"),
        (10_000, 0, "whole"),
    ]
    assert told["refund_fen"] == 310_000
    counter.clock.advance(80 * DAY_S)
    await as_manager(counter)
    told = await counter.post("/balance-refund-quotes", asked)
    assert told["lots"][0]["bonus_ended_fen"] == 100_000


async def test_numbers_and_kinds_of_a_category(counter: Counter) -> None:
    design = {"technology": "desfire", "number_from": "8801", "number_to": "8803"}
    put_rules(counter, member_categories=category(card=design))
    first = (await counter.member("张伟", "13811111111"))["member_id"]
    issue = await counter.post("/card-issues", {"member_id": first}, expect=202)
    assert issue["number"] == "8801"
    await counter.tap(uid_card())
    waits = await counter.get(f"/card-issues/{issue['issue_id']}")
    assert (waits["status"], waits["reason"]) == ("awaiting_card", "card_of_other_kind")
    await counter.tap(desfire(1))
    done = await counter.get(f"/card-issues/{issue['issue_id']}")
    assert (done["status"], done["card"]["number"]) == ("done", "8801")
    second = (await counter.member("李四", "13822222222"))["member_id"]
    for number, key in (("8801", "card_number_taken"), ("9999", "number_out_of_range")):
        assert await refused(counter, "issue", member_id=second, number=number) == (409, key)
    await serve(counter, "issue", 202, member_id=second, number="8803")
    await counter.tap(desfire(2))
    third = (await counter.member("王五", "13833333333"))["member_id"]
    await serve(counter, "issue", 202, member_id=third)
    await counter.tap(desfire(3))
    cards = (await counter.get(f"/members/{third}"))["cards"]
    assert [one["number"] for one in cards] == ["8802"]
    assert await refused(counter, "issue", member_id=third) == (409, "numbers_used_up")


async def test_who_may(counter: Counter) -> None:
    """A cashier reports a loss; a card service, an unlock and a return need a manager's yes."""
    who = await customer(counter, desfire(), fen=0)
    for service in ("reissue", "repair", "extend", "transfer", "unlock", "return"):
        assert await refused(counter, service, card_id=who.card_id) == (403, "permission_needed")
    number, pin = MANAGER
    approval = await counter.post(
        "/approvals", {"employee": number, "pin": pin, "permission": "card_service"}
    )
    body = {"service": "reissue", "card_id": who.card_id}
    await counter.post(
        "/card-services", body, key="k", expect=202, headers={"Approval": approval["token"]}
    )
    await counter.tap(desfire(2))
    issued = [e.draft for e in await entries(counter) if e.draft.kind is Kind.CARD_ISSUED]
    assert issued[-1].detail["approver"] == number
    assert issued[-1].detail["event"] == "reissue_card"


async def test_unknown_and_unclear(counter: Counter) -> None:
    who = await customer(counter, desfire(), fen=0)
    await as_manager(counter)
    nobody = "01JD8ZK3V7Q4M9T2X6R5W1C0BA"
    assert await refused(counter, "lock", card_id=nobody) == (404, "card_unknown")
    assert await refused(counter, "extend", member_id=nobody, days=1) == (404, "member_unknown")
    assert await refused(counter, "lock", member_id=who.member_id) == (409, "card_or_member")
    assert await refused(counter, "lock") == (409, "card_or_member")
    missing = await counter.ask("GET", f"/cards/{nobody}")
    assert (missing.status, missing.key) == (404, "card_unknown")


async def test_an_unnamed_card(counter: Counter) -> None:
    rules = {
        "member_categories": [
            {"category": "standard", "name": "普通会员"},
            {
                "category": "gift",
                "name": "礼品卡",
                "named": False,
                "valid_days": 1_100,
                "fees": {"issue_fen": 200},
                "card": {"number_from": "600001", "number_to": "600900"},
            },
        ]
    }
    put_rules(counter, recharge=tiers(), member_categories=rules)
    for category_id, answer in (
        ("standard", (409, "category_is_named")),
        ("nothing", (404, "member_category_unknown")),
    ):
        assert await refused(counter, "issue", category=category_id) == answer
    assert await refused(counter, "issue", category="gift") == (409, "fee_unpaid")
    asked = {"category": "gift", "tenders": [{"kind": "cash"}]}
    told = await counter.post("/card-service-quotes", {"service": "issue", **asked})
    assert (told["member"], told["fee_fen"], told["number"]) == (None, 200, "600001")
    begun = await serve(counter, "issue", 202, **asked)
    assert begun["member"] is None
    await counter.tap(uid_card())
    done = await counter.get(f"/card-services/{begun['service_id']}")
    member = done["member"]
    assert (member["name"], member["category"]) == ("", "gift")
    assert (done["new_card"]["number"], done["valid_to"]) == ("600001", "2029-09-14")
    # 1 000 yuan on an unnamed card, and no more.
    await counter.recharge(member["member_id"], 100_000)
    over = {"member_id": member["member_id"], "amount_fen": 1, "tender": "cash"}
    answer = await counter.ask("POST", "/recharges", over, key="over")
    assert (answer.key, answer.body["facts"]["ceiling_fen"]) == ("balance_ceiling", 100_000)
