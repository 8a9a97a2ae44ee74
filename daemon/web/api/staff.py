"""Employees, a manager's yes, and statements of commission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from daemon.core.permissions import Permission
from daemon.operations.approvals import approve
from daemon.operations.new_permissions import leave_new_permissions, new_permissions
from daemon.operations.staff import (
    Post,
    change,
    change_own_pin,
    hire,
    lift_lock,
    list_staff,
    reset_pin,
)
from daemon.operations.statements import statements
from daemon.web.api.bodies import Body, Id, NoQuery, Nothing, Pin, Query
from daemon.web.api.route import Call, Route, reply, route
from daemon.web.api.signing import SIGNING_IN


class NewApproval(Body):
    permission: Permission = Field(description="As the answer 403 named it.")
    employee: str = Field(min_length=1, max_length=20, description="The approver's number.")
    pin: Pin


class ApprovalToken(BaseModel):
    token: str = Field(description="For the header `Approval` of the one request; shown this once.")
    expires_ms: int


class EmployeePost(Body):
    number: str = Field(pattern="^[0-9A-Za-z]{1,20}$", description="What one signs in with.")
    name: str = Field(min_length=1, max_length=60)
    role: str = Field(min_length=1, max_length=40)
    grade: str = Field(default="", max_length=40)
    language: Literal["", "zh-CN", "en"] = ""


class NewEmployee(EmployeePost):
    pin: Pin


class ChangedEmployee(EmployeePost):
    active: bool = True


class NewPin(Body):
    pin: Pin


class OwnPin(Body):
    old: Pin
    new: Pin


class StaffMember(BaseModel):
    employee_id: Id
    number: str
    name: str
    role: str
    role_name: str = Field(description="As the shop calls it.")
    grade: str
    language: str
    active: bool
    locked_s: int


class Staff(BaseModel):
    staff: list[StaffMember]


class NewPermission(BaseModel):
    permission: str
    roles: list[str] = Field(description="Who has it all the same: roles that may do everything.")


class NewPermissions(BaseModel):
    permissions: list[NewPermission]


class StatementsQuery(Query):
    from_day: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    to_day: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    employee: str = Field(default="", max_length=20, description="A number; empty: everybody.")


class StatementRow(BaseModel):
    rule_id: str
    code: str
    name: str
    lines: int
    fen: int


class StatementOf(BaseModel):
    employee_id: str
    number: str
    name: str
    grade: str
    rows: list[StatementRow]
    total_fen: int
    account_fen: int = Field(description="All that the journal holds for this employee.")
    projected_fen: int
    agrees: bool = Field(description="Whether the rows ever written add up to the account.")


class Statements(BaseModel):
    from_day: str
    to_day: str
    statements: list[StatementOf]
    by_grade: dict[str, int]


@route(
    "POST",
    "/approvals",
    "A manager's yes to one action of who is signed in, by number and PIN",
    {200: ApprovalToken},
    body=NewApproval,
    problems=(403, 429),
)
async def approve_action(call: Call[NewApproval, NoQuery]) -> web.StreamResponse:
    body = call.body
    with call.request.app[SIGNING_IN]:
        given = await approve(
            call.context.shop, call.actor, body.permission, body.employee, body.pin
        )
    return reply(given)


@route("GET", "/staff", "Everybody who works or worked here", {200: Staff}, needs=Permission.STAFF)
async def see_staff(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"staff": await list_staff(call.context.shop)})


@route(
    "GET",
    "/new-permissions",
    "Permissions that are newer than the roles, and that no role names",
    {200: NewPermissions},
    needs=Permission.RULES_READ,
)
async def see_new_permissions(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply({"permissions": await new_permissions(call.context.shop)})


@route(
    "POST",
    "/new-permissions",
    "Seen: leave the roles as they are",
    {200: NewPermissions},
    needs=Permission.RULES_CHANGE,
)
async def leave_them(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    await leave_new_permissions(call.context.shop, call.actor)
    return reply({"permissions": await new_permissions(call.context.shop)})


@route(
    "POST",
    "/staff",
    "Add an employee",
    {201: StaffMember},
    body=NewEmployee,
    problems=(409,),
    needs=Permission.STAFF,
)
async def new_employee(call: Call[NewEmployee, NoQuery]) -> web.StreamResponse:
    view = await hire(call.context.shop, call.actor, _post(call.body), call.body.pin)
    return reply(view, 201)


@route(
    "PUT",
    "/staff/{employee_id}",
    "Change an employee; one who is not active any more is signed out",
    {200: StaffMember},
    body=ChangedEmployee,
    problems=(404, 409),
    needs=Permission.STAFF,
)
async def change_employee(call: Call[ChangedEmployee, NoQuery]) -> web.StreamResponse:
    post = _post(call.body, active=call.body.active)
    view, ended = await change(call.context.shop, call.actor, call.ids["employee_id"], post)
    return _signed_out(call, view, ended)


@route(
    "POST",
    "/staff/{employee_id}/pin",
    "A new PIN for an employee; ends the employee's sessions and any lock",
    {200: StaffMember},
    body=NewPin,
    problems=(404,),
    needs=Permission.STAFF,
)
async def reset_employee_pin(call: Call[NewPin, NoQuery]) -> web.StreamResponse:
    view, ended = await reset_pin(
        call.context.shop, call.actor, call.ids["employee_id"], call.body.pin
    )
    return _signed_out(call, view, ended)


@route(
    "DELETE",
    "/staff/{employee_id}/lock",
    "Let an employee try again after too many wrong PINs",
    {200: StaffMember},
    problems=(404,),
    needs=Permission.STAFF,
)
async def lift_employee_lock(call: Call[Nothing, NoQuery]) -> web.StreamResponse:
    return reply(await lift_lock(call.context.shop, call.actor, call.ids["employee_id"]))


@route(
    "PUT",
    "/session/pin",
    "One's own new PIN, for the old one; one's other sessions end",
    {204: None},
    body=OwnPin,
    problems=(403, 429),
)
async def change_my_pin(call: Call[OwnPin, NoQuery]) -> web.StreamResponse:
    token, body = call.signed_in.token, call.body
    with call.request.app[SIGNING_IN]:
        ended = await change_own_pin(call.context.shop, call.actor, token, body.old, body.new)
    for session in ended:
        call.context.events.close_owner(session)
    return web.Response(status=204)


@route(
    "GET",
    "/statements",
    "Commission by employee, rule and code; one's own, or with `records` everybody's",
    {200: Statements},
    query=StatementsQuery,
    problems=(404,),
)
async def see_statements(call: Call[Nothing, StatementsQuery]) -> web.StreamResponse:
    query = call.query
    return reply(
        await statements(
            call.context.shop, call.actor, query.from_day, query.to_day, query.employee
        )
    )


def _post(body: EmployeePost, *, active: bool = True) -> Post:
    return Post(body.number, body.name, body.role, body.grade, body.language, active)


def _signed_out(
    call: Call[Any, NoQuery], view: dict[str, Any], ended: Sequence[bytes]
) -> web.Response:
    """Also ends what the ended sessions listen to."""
    for session in ended:
        call.context.events.close_owner(session)
    return reply(view)


ROUTES: tuple[Route, ...] = (
    approve_action,
    change_my_pin,
    see_staff,
    see_new_permissions,
    leave_them,
    new_employee,
    change_employee,
    reset_employee_pin,
    lift_employee_lock,
    see_statements,
)
