"""What a change of the rules would take away from somebody: a role that an employee has, a category
that members belong to, a campaign whose coupons are out, a pass that is paid for; and a custom
field whose values would mean something else."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.ports.ledger import Books
from daemon.rules.checks import KEYHOLDER
from daemon.rules.mistakes import Mistake
from daemon.rules.shop_rules import ShopRules


def still_in_use(before: ShopRules, after: ShopRules, books: Books) -> list[Mistake]:
    """Only what `after` has no more is looked for: a change that takes nothing away asks nothing
    of the books but the employees."""
    return [
        *_staff(before, after, books),
        *_members(before, after, books),
        *_codes(before, after, books),
        *_fields(before, after, books),
    ]


def _staff(before: ShopRules, after: ShopRules, books: Books) -> Iterator[Mistake]:
    if before.documents.staff == after.documents.staff:
        return
    employed = [employee for employee in books.employees() if employee.active]
    roles, old_roles = dict(after.roles), dict(before.roles)
    for role in sorted({employee.role for employee in employed} & old_roles.keys() - roles.keys()):
        held = sum(employee.role == role for employee in employed)
        yield Mistake("staff.roles", "role_in_use", {"id": role, "employees": held})
    grades = {row.grade for row in after.grades}
    gone = {row.grade for row in before.grades} - grades
    for grade in sorted({employee.grade for employee in employed} & gone):
        held = sum(employee.grade == grade for employee in employed)
        yield Mistake("staff.grades", "grade_in_use", {"id": grade, "employees": held})
    if employed and not any(after.permissions_of(each.role) >= KEYHOLDER for each in employed):
        yield Mistake("staff.roles", "nobody_could_change_the_rules")


def _members(before: ShopRules, after: ShopRules, books: Books) -> Iterator[Mistake]:
    for category in sorted(before.member_categories.keys() - after.member_categories.keys()):
        if books.category_has_members(category):
            at = "member_categories.member_categories"
            yield Mistake(at, "member_category_in_use", {"id": category})
    for level in sorted(before.levels.keys() - after.levels.keys()):
        if books.level_has_members(level):
            yield Mistake("levels.rungs", "level_in_use", {"id": level})
    for campaign in sorted(before.campaigns.keys() - after.campaigns.keys()):
        if books.campaign_is_out(campaign):
            yield Mistake("campaigns.campaigns", "campaign_in_use", {"id": campaign})


def _fields(before: ShopRules, after: ShopRules, books: Books) -> Iterator[Mistake]:
    """What is kept of a field stays as it was typed, where it was typed: a text would be no number,
    and what was open would not be sealed. Of a personal field nobody can say who has filled it in
    without opening everybody: any member stands for one who has."""
    for at, field in enumerate(after.fields.values()):
        was = before.fields.get(field.field)
        if was is None or (was.kind, was.personal) == (field.kind, field.personal):
            continue
        held = books.has_members() if was.personal else books.field_has_values(field.field)
        if held and was.kind != field.kind:
            yield Mistake(f"fields.fields.{at}.kind", "field_kind_in_use", {"id": field.field})
        elif held:
            yield Mistake(f"fields.fields.{at}.personal", "field_kept_in_use", {"id": field.field})


def _codes(before: ShopRules, after: ShopRules, books: Books) -> Iterator[Mistake]:
    gone = before.codes.keys() - after.codes.keys()
    for code in sorted(gone & books.codes_of_passes() if gone else ()):
        yield Mistake("catalogue.codes", "code_in_use", {"id": code})
