"""Everything that a decision may ask of the shop's rules, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.core.lease.policy import ChainPolicy
from daemon.core.permissions import Permission
from daemon.core.policy import Policy
from daemon.core.pricing.balance_refund import Method
from daemon.core.pricing.limits import CardKind, LegalLimits
from daemon.core.pricing.promotion import RechargeTier
from daemon.core.pricing.rulebook import RuleBook
from daemon.core.receipt_text import ShopHead
from daemon.rules.crew import Grade
from daemon.rules.goods import ConsumptionCode
from daemon.rules.loyalty import CheckIn, Sharing, Trigger
from daemon.rules.membership import STANDARD, MemberCategory, MemberField, Rung
from daemon.rules.offers import Campaign
from daemon.rules.parameters import MemberWithoutCard
from daemon.rules.sections import Documents
from daemon.rules.store import ReceiptText, Shifts


@dataclass(frozen=True, slots=True)
class RechargeRules:
    """`bonus_valid_days` None: the bonus never ends. Campaigns on recharges are promotions of the
    rule book."""

    tiers: tuple[RechargeTier, ...]
    bonus_valid_days: int | None


@dataclass(frozen=True, slots=True)
class ShopRules:
    """Made from the documents by `daemon.rules.compile`. What is about prices is in `book`: the
    catalogue, discounts, promotions, earning, points offset, ladder, commission.

    Mappings are by id: member category, level, campaign, code, custom field, trigger, role."""

    policy: Policy
    head: ShopHead
    book: RuleBook
    documents: Documents
    roles: tuple[tuple[str, frozenset[Permission]], ...]
    member_categories: Mapping[str, MemberCategory]
    levels: Mapping[str, Rung]
    level_window_days: int | None
    campaigns: Mapping[str, Campaign]
    """Also those that issue no more: their coupons stay good. `campaign.offer()` is what each
    does."""
    codes: Mapping[str, ConsumptionCode]
    """As the office wrote them: `stocked`, `quick`, `pinyin`; prices are in `book.catalogue`."""
    recharge: RechargeRules
    limits: LegalLimits
    refund_method: Method
    """What a recharge is bought under from now on; each lot keeps its own."""
    without_card: MemberWithoutCard
    points_valid_days: int | None
    check_in: CheckIn | None
    sharing: Sharing | None
    triggers: tuple[Trigger, ...]
    """Those that are active."""
    fields: Mapping[str, MemberField]
    grades: tuple[Grade, ...]
    shifts: Shifts
    receipt: ReceiptText
    logo: bytes = b""
    """A small PNG, or empty."""
    language: str | None = None
    """None: as the device was set up."""
    says: Mapping[str, str] = field(default_factory=dict)
    """A promotion's or campaign's id -> what the receipt calls it."""
    chain: ChainPolicy = field(default_factory=ChainPolicy)
    """How the merchant's counters share one balance."""
    edition: int = 0
    """Counts the changes of all sections so far."""

    def permissions_of(self, role: str) -> frozenset[Permission]:
        """No permission for a role that is not there (any more)."""
        return dict(self.roles).get(role, frozenset())

    @property
    def usual_category(self) -> str:
        """What a member belongs to when nobody says."""
        if STANDARD in self.member_categories:
            return STANDARD
        return next(iter(self.member_categories))

    def member_category(self, category: str) -> MemberCategory:
        """The category's rules; one that is not there any more has no benefits."""
        found = self.member_categories.get(category)
        return found or MemberCategory(category=category, name=category)

    def card_kind(self, named: bool) -> CardKind:
        return CardKind.NAMED if named else CardKind.UNNAMED

    def level_name(self, level: str | None) -> str:
        found = self.levels.get(level or "")
        return found.name if found else level or ""

    def rule_name(self, rule_id: str) -> str:
        """What a step of a quote is called: promotions and campaigns by what they say,
        `category:<member category>/<goods>` and `level:<level>/<goods>` by who gets them."""
        if "+" in rule_id:
            return " + ".join(self.rule_name(part) for part in rule_id.split("+"))
        kind, colon, who = rule_id.partition(":")
        name = who.rpartition("/")[0]
        if colon and kind == "category" and name in self.member_categories:
            return self.member_categories[name].name
        if colon and kind == "level" and name in self.levels:
            return self.levels[name].name
        return self.says.get(rule_id, rule_id)

    def extension_fee_fen(self, category: str, named: bool, days: int) -> int | None:
        """What an extension by `days` costs; None where it is not offered. Nothing may be charged
        for a named card."""
        offered = self.member_category(category).fees.extend
        found = next((row.fee_fen for row in offered if row.days == days), None)
        return 0 if named and found is not None else found

    def required_fields(self) -> Sequence[str]:
        return [each.field for each in self.fields.values() if each.required]
