"""The sections of the shop's rules: which there are, how each is read, and what is in force where
none was ever written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from pydantic import ValidationError

from daemon.core.card import DEFAULT_PROFILES, Technology
from daemon.core.errors import NotFound
from daemon.core.policy import Policy
from daemon.core.pricing import limits as law
from daemon.core.receipt_text import ShopHead
from daemon.rules.chain import Chain
from daemon.rules.crew import Staff
from daemon.rules.goods import CatalogueRules
from daemon.rules.loyalty import PointsRules, Triggers
from daemon.rules.membership import Levels, MemberCategories, MemberFields
from daemon.rules.mistakes import Mistake, RulesInvalid, of_schema
from daemon.rules.offers import BonusTier, Campaigns, Promotions, Recharge
from daemon.rules.parameters import Limits, Parameters, Profiles, spending
from daemon.rules.parts import Part
from daemon.rules.store import ReceiptText, SetUp, Shifts, Store


@dataclass(frozen=True, slots=True)
class Documents:
    """Every section, read."""

    store: Store
    receipt: ReceiptText
    parameters: Parameters
    member_categories: MemberCategories
    levels: Levels
    catalogue: CatalogueRules
    promotions: Promotions
    campaigns: Campaigns
    recharge: Recharge
    points: PointsRules
    staff: Staff
    fields: MemberFields
    triggers: Triggers
    shifts: Shifts
    chain: Chain
    setup: SetUp


MODELS: Final[Mapping[str, type[Part]]] = {
    "store": Store,
    "receipt": ReceiptText,
    "parameters": Parameters,
    "member_categories": MemberCategories,
    "levels": Levels,
    "catalogue": CatalogueRules,
    "promotions": Promotions,
    "campaigns": Campaigns,
    "recharge": Recharge,
    "points": PointsRules,
    "staff": Staff,
    "fields": MemberFields,
    "triggers": Triggers,
    "shifts": Shifts,
    "chain": Chain,
    "setup": SetUp,
}
SECTIONS: Final = tuple(MODELS)
assert tuple(field.name for field in fields(Documents)) == SECTIONS


def require_section(section: str) -> type[Part]:
    """Raises NotFound("section_unknown")."""
    model = MODELS.get(section)
    if model is None:
        raise NotFound("section_unknown")
    return model


def read_section(section: str, content: Any) -> Part:
    """Any JSON value -> the document. Raises RulesInvalid, NotFound("section_unknown")."""
    model = require_section(section)
    try:
        text = json.dumps(content)
    except RecursionError as error:
        raise RulesInvalid([Mistake(section, "malformed")]) from error
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise RulesInvalid(of_schema(section, found)) from error


def as_content(document: Part) -> dict[str, Any]:
    """The document whole, JSON-ready: what a version keeps."""
    content: dict[str, Any] = document.model_dump(mode="json")
    return content


def default_document(section: str, policy: Policy, head: ShopHead) -> Part:
    """What is in force where no version was ever written: the device's own file, and safe
    defaults."""
    if section == "store":
        return Store(
            merchant_name=_line(head.name, 60) or "-",
            store_name=_line(head.store),
            address=_line(head.address),
            phone=_line(head.phone),
        )
    if section == "receipt":
        return ReceiptText(footer=(_line(head.footer),) if head.footer else ())
    if section == "parameters":
        return _parameters(policy)
    if section == "recharge":
        tiers = {tier.from_fen: tier for tier in policy.tiers}
        return Recharge(
            tiers=tuple(
                BonusTier(from_fen=tier.from_fen, bonus_bp=tier.bonus_bp)
                for _, tier in sorted(tiers.items())
            )
        )
    return require_section(section).model_validate({})


def _line(text: str, most: int = 120) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:most]


def _parameters(policy: Policy) -> Parameters:
    profiles = policy.profiles
    return Parameters(
        spend_order=policy.spend_order.value,
        most_sale_fen=max(1, policy.most_sale_fen),
        void_window_min=min(7 * 24 * 60, policy.void_window_ms // 60_000),
        double_tap_s=min(600, policy.double_tap_ms // 1000),
        card_wait_s=min(1800, max(10, policy.card_wait_ms // 1000)),
        pin_wait_s=min(600, max(10, policy.pin_wait_ms // 1000)),
        profiles=Profiles(
            uid=spending(profiles[Technology.UID].spend),
            magstripe=spending(
                profiles.get(Technology.MAGSTRIPE, DEFAULT_PROFILES[Technology.MAGSTRIPE]).spend
            ),
            desfire=spending(profiles[Technology.DESFIRE].spend),
        ),
        limits=Limits(
            named_ceiling_fen=min(law.NAMED_CEILING_FEN, max(1, policy.named_ceiling_fen))
        ),
    )
