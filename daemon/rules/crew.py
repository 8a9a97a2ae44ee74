"""Roles of permissions, grades (E1) and commission (E2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from daemon.core.permissions import ALL, CASHIER, Permission
from daemon.core.pricing.commission import Basis, CommissionRule
from daemon.rules.offers import Share
from daemon.rules.parts import Fen, GoodsCode, Id, Name, Part, refusal

PERMISSIONS = {permission.value: permission for permission in Permission}


def _known(name: str) -> str:
    if name not in PERMISSIONS:
        raise refusal("permission_unknown", permission=name[:40])
    return name


PermissionName = Annotated[
    str,
    AfterValidator(_known),
    Field(max_length=40, json_schema_extra={"enum": sorted(PERMISSIONS)}),
]


class Role(Part):
    """A set of permissions under a name."""

    role: Id
    name: Name
    everything: bool = Field(
        default=False, description="All permissions, also those of later releases."
    )
    permissions: Annotated[tuple[PermissionName, ...], Field(max_length=100)] = ()

    def value(self) -> frozenset[Permission]:
        return ALL if self.everything else frozenset(PERMISSIONS[name] for name in self.permissions)


def as_sampled(role: Role, sampled: Role, fresh: frozenset[str]) -> Role:
    """`role` with the permissions among `fresh` that its sample has by now, where the shop has left
    it as the sample of then made it, which did not know `fresh`; any other role as it is."""
    then = frozenset(sampled.permissions) - fresh
    if role.everything or sampled.everything or frozenset(role.permissions) != then:
        return role
    given = sorted(frozenset(sampled.permissions) - then)
    return role.model_copy(update={"permissions": (*role.permissions, *given)})


class Grade(Part):
    """员工级别: which column of the commission counts."""

    grade: Id
    name: Name


class Commission(Part):
    """提成 for a code or a category (neither: all goods) sold by a grade (none: any)."""

    rule: Id
    code: GoodsCode | None = None
    category: Id | None = None
    grade: Id | None = None
    per_count_fen: Fen = Field(default=0, description="Fixed for each one sold (次数提成).")
    share_bp: Share = Field(default=0, description="Share of the total (总额提成).")
    basis: Literal["list", "due", "paid"] = "paid"

    @model_validator(mode="after")
    def _one(self) -> Commission:
        if self.code is not None and self.category is not None:
            raise refusal("commission_malformed", rule=self.rule)
        return self

    def value(self) -> CommissionRule:
        return CommissionRule(
            self.rule,
            self.code,
            self.category,
            self.grade,
            self.per_count_fen,
            self.share_bp,
            Basis(self.basis),
        )


class Staff(Part):
    """Roles, grades and commission."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1, max_length=50)] = (
        Role(role="manager", name="店长", everything=True),
        Role(
            role="cashier",
            name="收银员",
            permissions=tuple(sorted(permission.value for permission in CASHIER)),
        ),
    )
    grades: Annotated[tuple[Grade, ...], Field(max_length=50)] = ()
    commission: Annotated[tuple[Commission, ...], Field(max_length=2_000)] = ()
