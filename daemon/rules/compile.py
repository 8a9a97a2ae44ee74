"""Documents -> `ShopRules`. The same documents always make the same rules.

A section that was never written stands for what the device's own file says (`default_document`):
a shop without documents sells exactly as that file has it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from daemon.core.errors import BadRequest
from daemon.core.policy import BonusTier, Policy, SpendOrder
from daemon.core.pricing.balance_refund import Method
from daemon.core.pricing.catalogue import Catalogue, Category
from daemon.core.pricing.commission import CommissionTable
from daemon.core.pricing.discounts import DiscountTable, Together
from daemon.core.pricing.index import PromotionIndex
from daemon.core.pricing.levels import Ladder, Measure
from daemon.core.pricing.levels import Rung as Step
from daemon.core.pricing.points import Earning
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.receipt_text import ShopHead
from daemon.rules.checks import mistakes_of
from daemon.rules.goods import OPEN, OPEN_CATEGORY
from daemon.rules.membership import Discount
from daemon.rules.mistakes import Mistake, RulesInvalid
from daemon.rules.parameters import Parameters
from daemon.rules.sections import SECTIONS, Documents, default_document, read_section
from daemon.rules.shop_rules import RechargeRules, ShopRules


def compile(  # noqa: A001 - the shop's word for it, and the module's
    contents: Mapping[str, Any], policy: Policy, head: ShopHead, edition: int = 0
) -> ShopRules:
    """`contents` by section, JSON-ready; those that were never written are left out. `policy` and
    `head` are what the device's file says, `edition` counts changes.

    Raises RulesInvalid with every mistake."""
    documents = read_documents(contents, policy, head)
    mistakes = mistakes_of(documents)
    if mistakes:
        raise RulesInvalid(mistakes)
    try:
        return replace(_build(documents, frozenset(contents), policy, head), edition=edition)
    except BadRequest as error:
        # What the core refuses and no check above has found a place for.
        facts = {name: fact for name, fact in error.facts.items() if isinstance(fact, int | str)}
        raise RulesInvalid([Mistake("", error.key, facts)]) from error


def read_documents(contents: Mapping[str, Any], policy: Policy, head: ShopHead) -> Documents:
    """Raises RulesInvalid, NotFound("section_unknown")."""
    read: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    for section in sorted({*contents, *SECTIONS}):
        if section not in contents:
            read[section] = default_document(section, policy, head)
            continue
        try:
            read[section] = read_section(section, contents[section])
        except RulesInvalid as error:
            mistakes += error.mistakes
    if mistakes:
        raise RulesInvalid(mistakes)
    return Documents(**read)


def _build(
    documents: Documents, written: frozenset[str], base: Policy, base_head: ShopHead
) -> ShopRules:
    policy = _policy(documents, written, base)
    return ShopRules(
        policy=policy,
        head=_head(documents, written, base_head),
        book=_book(documents, policy),
        documents=documents,
        roles=tuple((row.role, row.value()) for row in documents.staff.roles),
        member_categories={
            row.category: row for row in documents.member_categories.member_categories
        },
        levels={row.level: row for row in documents.levels.rungs},
        level_window_days=documents.levels.window_days,
        campaigns={row.campaign: row for row in documents.campaigns.campaigns},
        codes={row.code: row for row in documents.catalogue.codes},
        recharge=RechargeRules(
            tuple(row.value() for row in documents.recharge.tiers),
            documents.recharge.bonus_valid_days,
        ),
        limits=documents.parameters.limits.value(),
        refund_method=Method(documents.parameters.refund_method),
        without_card=documents.parameters.member_without_card,
        points_valid_days=documents.points.valid_days,
        check_in=documents.points.check_in,
        sharing=documents.points.sharing,
        triggers=tuple(row for row in documents.triggers.triggers if row.active),
        fields={row.field: row for row in documents.fields.fields},
        grades=documents.staff.grades,
        shifts=documents.shifts,
        chain=documents.chain.value(),
        receipt=documents.receipt,
        logo=base64.b64decode(documents.store.logo_png_base64),
        language=documents.store.language,
        says={
            **{row.promotion_id: row.say or row.name for row in documents.promotions.promotions},
            **{row.campaign: row.say or row.name for row in documents.campaigns.campaigns},
        },
    )


def _policy(documents: Documents, written: frozenset[str], base: Policy) -> Policy:
    policy = base
    if "parameters" in written:
        policy = _with_parameters(policy, documents.parameters)
    if "recharge" in written:
        tiers = tuple(BonusTier(row.from_fen, row.bonus_bp) for row in documents.recharge.tiers)
        policy = replace(policy, tiers=tiers)
    return policy


def _with_parameters(base: Policy, parameters: Parameters) -> Policy:
    profiles = {
        technology: replace(profile, spend=parameters.profiles.of(technology).value())
        for technology, profile in base.profiles.items()
    }
    return replace(
        base,
        spend_order=SpendOrder(parameters.spend_order),
        profiles=profiles,
        most_sale_fen=parameters.most_sale_fen,
        named_ceiling_fen=parameters.limits.named_ceiling_fen,
        void_window_ms=parameters.void_window_min * 60_000,
        double_tap_ms=parameters.double_tap_s * 1000,
        card_wait_ms=parameters.card_wait_s * 1000,
        pin_wait_ms=parameters.pin_wait_s * 1000,
    )


def _head(documents: Documents, written: frozenset[str], base: ShopHead) -> ShopHead:
    head = base
    if "store" in written:
        store = documents.store
        head = replace(
            head,
            name=store.merchant_name,
            store=store.store_name,
            phone=store.phone,
            address=store.address,
            has_logo=bool(store.logo_png_base64),
        )
    if "receipt" in written:
        receipt = documents.receipt
        head = replace(
            head,
            footer="\n".join(receipt.footer),
            show_qr=receipt.show_qr,
            show_points=receipt.show_points,
            show_refund_hint=receipt.show_refund_hint,
        )
    return head


def _book(documents: Documents, policy: Policy) -> RuleBook:
    levels, parameters, points = documents.levels, documents.parameters, documents.points
    categories = documents.member_categories.member_categories
    return RuleBook(
        Catalogue(
            _with_open_category([row.value() for row in documents.catalogue.categories]),
            [row.value(parameters.pass_valid_days) for row in documents.catalogue.codes],
        ),
        DiscountTable(
            _rates({row.category: row.discounts for row in categories}),
            _rates({row.level: row.discounts for row in levels.rungs}),
            Together(levels.together),
        ),
        PromotionIndex([row.value() for row in documents.promotions.promotions if row.active]),
        documents.promotions.group_order,
        points.offset.value() if points.offset else None,
        parameters.wipe_fen,
        policy.spend_order,
        _earning(documents),
        Ladder(
            Measure(levels.measure),
            tuple(
                Step(row.level, row.from_value)
                for row in sorted(levels.rungs, key=lambda rung: rung.from_value)
            ),
            levels.demotes,
            levels.bonus_counts,
        ),
        CommissionTable(row.value() for row in documents.staff.commission),
        policy.utc_offset_min,
    )


def _with_open_category(categories: list[Category]) -> list[Category]:
    """An amount that is keyed in without a category always has one to belong to."""
    if any(each.category == OPEN_CATEGORY for each in categories):
        return categories
    return [*categories, OPEN.value()]


def _rates(tables: Mapping[str, tuple[Discount, ...]]) -> dict[tuple[str, str | None], int]:
    return {(who, row.goods): row.rate_bp for who, rows in tables.items() for row in rows}


def _earning(documents: Documents) -> Earning:
    points = documents.points
    return Earning(
        by_code={(row.member_category, row.code): row.earns.value() for row in points.by_code},
        by_goods={
            (row.member_category, row.category): row.earns.value() for row in points.by_goods
        },
        by_member={
            row.category: row.points.value()
            for row in documents.member_categories.member_categories
            if row.points
        },
        level_bp={row.level: row.points_bp for row in documents.levels.rungs},
        bonus_earns=points.bonus_earns,
    )
