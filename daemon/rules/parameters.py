"""System parameters (参数设置, F5), spending by card technology (A13) and the legal limits (C8)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from daemon.core.card import DEFAULT_PROFILES, SpendPolicy, Technology
from daemon.core.pricing import limits as law
from daemon.core.pricing.limits import LegalLimits
from daemon.rules.parts import Days, Fen, Part, SomeFen, by_law


class CardSpending(Part):
    """How cards of one technology may spend."""

    pin_above_fen: Fen = Field(
        description="Sales above this ask for the member's PIN; 0: every sale does."
    )
    per_day_fen: Fen | None = Field(
        default=None, description="The most that one card spends on one day; empty: no limit."
    )

    def value(self) -> SpendPolicy:
        return SpendPolicy(self.pin_above_fen, self.per_day_fen)


def spending(policy: SpendPolicy) -> CardSpending:
    return CardSpending(pin_above_fen=policy.pin_above_fen, per_day_fen=policy.per_day_fen)


class Profiles(Part):
    """By what a card can prove."""

    uid: CardSpending = Field(
        default=spending(DEFAULT_PROFILES[Technology.UID].spend),
        description="Cards that show only a number, which anyone can copy.",
    )
    magstripe: CardSpending = Field(
        default=spending(DEFAULT_PROFILES[Technology.MAGSTRIPE].spend),
        description="Magnetic cards: a number as well, and the easiest to copy.",
    )
    desfire: CardSpending = Field(
        default=spending(DEFAULT_PROFILES[Technology.DESFIRE].spend),
        description="Cards that prove themselves with a key.",
    )

    def of(self, technology: Technology) -> CardSpending:
        match technology:
            case Technology.UID | Technology.PURSE:
                return self.uid
            case Technology.MAGSTRIPE:
                return self.magstripe
            case Technology.DESFIRE:
                return self.desfire


class MemberWithoutCard(Part):
    """Spending by number, phone or QR code. It always asks for the member's PIN."""

    allowed: bool = True
    per_day_fen: Fen | None = Field(
        default=20_000, description="The most on one day without the card; empty: no limit."
    )


class Limits(Part):
    """Limits of the law on single-purpose prepaid cards. They can be stricter, never laxer."""

    named_ceiling_fen: Annotated[SomeFen, by_law(law.NAMED_CEILING_FEN)] = law.NAMED_CEILING_FEN
    unnamed_ceiling_fen: Annotated[SomeFen, by_law(law.UNNAMED_CEILING_FEN)] = (
        law.UNNAMED_CEILING_FEN
    )
    real_name_fen: Annotated[SomeFen, by_law(law.REAL_NAME_FEN)] = law.REAL_NAME_FEN
    unit_transfer_fen: Annotated[SomeFen, by_law(law.UNIT_TRANSFER_FEN)] = law.UNIT_TRANSFER_FEN
    person_transfer_fen: Annotated[SomeFen, by_law(law.PERSON_TRANSFER_FEN)] = (
        law.PERSON_TRANSFER_FEN
    )
    cash_refund_fen: Annotated[SomeFen, by_law(law.CASH_REFUND_FEN)] = law.CASH_REFUND_FEN
    bonus_counts: bool = Field(default=True, description="Bonus fills the ceiling as well.")

    def value(self) -> LegalLimits:
        return LegalLimits(**self.model_dump())


class Parameters(Part):
    """What every sale, recharge and refund asks."""

    spend_order: Literal["principal_first", "bonus_first", "in_proportion"] = Field(
        default="principal_first", description="Which balance pays first."
    )
    wipe_fen: Literal[1, 10, 50, 100, 1000] = Field(
        default=1, description="Odd fen: what is due is cut down to a multiple of it."
    )
    most_sale_fen: SomeFen = Field(default=500_000, description="The largest single sale.")
    void_window_min: Annotated[int, Field(ge=0, le=7 * 24 * 60)] = Field(
        default=30, description="How long a cashier may void what was just done."
    )
    double_tap_s: Annotated[int, Field(ge=0, le=600)] = Field(
        default=10, description="The same card and amount again within this asks first."
    )
    card_wait_s: Annotated[int, Field(ge=10, le=1800)] = 120
    pin_wait_s: Annotated[int, Field(ge=10, le=600)] = 60
    profiles: Profiles = Profiles()
    member_without_card: MemberWithoutCard = MemberWithoutCard()
    limits: Limits = Limits()
    refund_method: Literal["in_ratio", "whole"] = Field(
        default="in_ratio",
        description="How a balance with bonus is paid back; kept with every recharge.",
    )
    pass_valid_days: Days | None = Field(
        default=None, description="For passes that say nothing of their own; empty: for ever."
    )
