"""One action of somebody else, approved: every permission, with and without, and every way to get
round it."""

from __future__ import annotations

from typing import Any

from daemon.core.entry import Kind, parse_leaf
from daemon.core.permissions import CASHIER as MAY
from daemon.core.permissions import Permission
from daemon.web.api import ROUTES
from tests.web.till import CASHIER, MANAGER, Counter, Reply

GUARDED = [route for route in ROUTES if route.needs is not None]


async def approve(
    counter: Counter, permission: Permission, who: tuple[str, str] = MANAGER, **more: Any
) -> Reply:
    body = {"permission": permission.value, "employee": who[0], "pin": who[1]}
    return await counter.ask("POST", "/approvals", body, **more)


async def token(counter: Counter, permission: Permission) -> str:
    reply = await approve(counter, permission)
    assert reply.status == 200, reply
    return str(reply.body["token"])


def with_approval(given: str) -> dict[str, str]:
    return {"Approval": given}


async def approved_entries(counter: Counter) -> list[dict[str, Any]]:
    entries = await counter.ledger.read(lambda books: books.leaves(1, 10_000))
    drafts = [parse_leaf(leaf).draft for _, leaf, _ in entries]
    return [dict(draft.detail) for draft in drafts if draft.kind is Kind.APPROVED]


async def test_a_cashier_lacks_what_a_manager_may_give(counter: Counter) -> None:
    """Each permission x role: a cashier gets a token from a manager and none from herself, unless
    her own role has it."""
    for permission in Permission:
        own = await approve(counter, permission, CASHIER)
        if permission in MAY:
            assert own.status == 200
        else:
            assert (own.status, own.key) == (403, "approver_may_not")
            assert own.body["facts"] == {"permission": permission.value}
        given = await approve(counter, permission)
        assert given.status == 200
        assert given.body["expires_ms"] - counter.clock.now_ms() <= 120_000


async def test_every_guarded_route_says_what_it_needs(counter: Counter) -> None:
    """As a cashier: 403 with the permission's name, or past it where the role has it. With a
    manager's token for it: never 403. Nothing fits a schema here, so that nothing is changed."""
    for route in GUARDED:
        assert route.needs is not None
        path = route.path.replace("{", "").replace("}", "")
        first = await counter.ask(route.method, path, [], key="k")
        if route.needs in MAY:
            assert first.status < 400 or first.key != "permission_needed", route.name
            continue
        assert (first.status, first.key) == (403, "permission_needed"), route.name
        assert first.body["facts"] == {"permission": route.needs.value}
        given = await token(counter, route.needs)
        passed = await counter.ask(route.method, path, [], key="k", headers=with_approval(given))
        assert passed.status != 403, route.name


async def test_a_token_is_used_once_and_both_names_are_kept(counter: Counter) -> None:
    given = await token(counter, Permission.STAFF)
    seen = await counter.ask("GET", "/staff", headers=with_approval(given))
    assert seen.status == 200
    again = await counter.ask("GET", "/staff", headers=with_approval(given))
    assert (again.status, again.key) == (403, "approval_over")
    assert again.body["facts"] == {"permission": "staff"}
    events = await approved_entries(counter)
    assert [entry["event"] for entry in events] == ["approval_given", "approval_used"]
    assert all(entry["approver"] == "9" and entry["permission"] == "staff" for entry in events)


async def test_a_token_is_for_its_asker_its_permission_and_two_minutes(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    body = {"number": "2", "name": "李四", "role": "cashier", "pin": "222222"}
    await bare.post("/staff", body, expect=201)
    await bare.sign_in()
    given = await token(bare, Permission.STAFF)
    await bare.sign_in(("2", "222222"))
    other = await bare.ask("GET", "/staff", headers=with_approval(given))
    assert (other.status, other.key) == (403, "approval_unknown")
    await bare.sign_in()
    wrong = await bare.ask("GET", "/shifts/current/report", headers=with_approval(given))
    assert (wrong.status, wrong.key) == (403, "permission_needed")
    fresh = await token(bare, Permission.STAFF)
    bare.clock.advance(121)
    late = await bare.ask("GET", "/staff", headers=with_approval(fresh))
    assert (late.status, late.key) == (403, "approval_over")
    for nonsense in ("x", "x" * 300):
        unknown = await bare.ask("GET", "/staff", headers=with_approval(nonsense))
        assert (unknown.status, unknown.key) == (403, "approval_unknown")


async def test_a_request_that_is_sent_again_finds_its_approval(counter: Counter) -> None:
    await counter.post("/shifts", {"float_fen": 10_000}, key="open")
    given = await token(counter, Permission.CASH_MOVE)
    body = {"way": "out", "amount_fen": 5_000, "reason": "bank"}
    first = await counter.ask("POST", "/drawer/cash", body, key="a", headers=with_approval(given))
    assert first.status == 200
    again = await counter.ask("POST", "/drawer/cash", body, key="a", headers=with_approval(given))
    assert again.body == first.body
    more = {**body, "amount_fen": 6_000}
    for key, other in (("b", body), ("a", more)):
        reply = await counter.ask(
            "POST", "/drawer/cash", other, key=key, headers=with_approval(given)
        )
        assert (reply.status, reply.key) == (403, "approval_over")
    assert len(await approved_entries(counter)) == 2


async def test_a_request_that_is_not_understood_leaves_the_approval(counter: Counter) -> None:
    given = await token(counter, Permission.STAFF)
    wrong = await counter.ask("POST", "/staff", {"name": 1}, headers=with_approval(given))
    assert wrong.status == 422
    body = {"number": "2", "name": "李四", "role": "cashier", "pin": "222222"}
    assert (await counter.ask("POST", "/staff", body, headers=with_approval(given))).status == 201


async def test_wrong_pins_lock_the_approver_and_the_device(counter: Counter) -> None:
    wrong = (MANAGER[0], "000000")
    for left in (4, 3, 2, 1):
        reply = await approve(counter, Permission.STAFF, wrong)
        assert (reply.status, reply.key) == (403, "approval_refused")
        assert reply.body["facts"] == {"left": left}
    locked = await approve(counter, Permission.STAFF, wrong)
    assert (locked.status, locked.key) == (429, "approval_locked")
    assert (await approve(counter, Permission.STAFF)).key == "approval_locked"
    number, pin = MANAGER
    reply = await counter.ask("POST", "/session", {"employee": number, "pin": pin}, token=None)
    assert reply.key == "sign_in_locked"
    assert (await counter.ask("GET", "/session")).status == 200


async def test_an_approver_who_left_or_lost_the_role_approves_nothing(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    body = {"number": "8", "name": "王五", "role": "manager", "pin": "888888"}
    second = await bare.post("/staff", body, expect=201)
    manager = bare.token
    await bare.sign_in()
    reply = await approve(bare, Permission.STAFF, ("8", "888888"))
    given = reply.body["token"]
    change = {"number": "8", "name": "王五", "role": "cashier"}
    path = f"/staff/{second['employee_id']}"
    assert (await bare.ask("PUT", path, change, token=manager)).status == 200
    late = await bare.ask("GET", "/staff", headers=with_approval(given))
    assert (late.status, late.key) == (403, "approval_over")


async def test_anothers_sale_is_voided_with_a_managers_yes(bare: Counter) -> None:
    await bare.sign_in(MANAGER)
    member = await bare.member()
    recharge = await bare.recharge(member["member_id"], 10_000)
    await bare.sign_in()
    path = f"/recharges/{recharge['recharge_id']}/void"
    refused = await bare.ask("POST", path, {}, key="v")
    assert refused.status == 403 and refused.body["facts"]["permission"] == "void_any"
    given = await token(bare, Permission.VOID_ANY)
    done = await bare.ask("POST", path, {}, key="v", headers=with_approval(given))
    assert done.status == 200 and done.body["voided"]
    leaves = await bare.ledger.read(lambda books: books.leaves(1, 1_000))
    void = next(
        draft
        for _, leaf, _ in leaves
        if (draft := parse_leaf(leaf).draft).kind is Kind.VOID_RECHARGE
    )
    assert (void.actor, void.detail["approver"]) == ("1", "9")
