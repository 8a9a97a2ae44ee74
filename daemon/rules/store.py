"""Who the shop is and what its papers say (F5), whether shifts must be open (E3), and how far the
guided set-up is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from daemon.rules.parts import Fen, Id, Line, Name, Part, Png, SomeFen

SET_UP_STEPS = ("shop", "staff", "categories", "codes", "cards")
Step = Literal["shop", "staff", "categories", "codes", "cards"]


class Store(Part):
    """Store registration: the head of every receipt, and what the law wants on record."""

    merchant_name: Name = Field(description="Printed in large letters on every receipt.")
    store_name: Line = Field(default="", description="The branch, under the merchant's name.")
    address: Line = ""
    phone: Line = ""
    licence_number: Line = Field(default="", description="Unified social credit code.")
    filing_number: Line = Field(
        default="", description="Filing of single-purpose prepaid cards, where there is one."
    )
    tax_id: Line = ""
    opening_hours: Line = ""
    language: Literal["zh-CN", "en"] | None = Field(
        default=None, description="Of receipts and pages; empty: as the device was set up."
    )
    logo_png_base64: Png = Field(default="", description="A small PNG, at most 12 KiB.")


class ReceiptText(Part):
    """What a receipt says besides the figures (票尾)."""

    footer: Annotated[tuple[Line, ...], Field(max_length=8)] = Field(
        default=(), description="Lines at the end; none: thanks in the shop's language."
    )
    show_qr: bool = Field(default=True, description="A code for balance and records.")
    show_points: bool = Field(default=True, description="Points earned and held.")
    show_refund_hint: bool = Field(
        default=True, description="How to get a recharge back within seven days."
    )


class Shifts(Part):
    """Shifts of the drawer."""

    required: bool = Field(default=False, description="Nothing is sold without an open shift.")
    float_fen: Fen = Field(default=0, description="What the drawer usually begins with.")
    notes_fen: Annotated[tuple[SomeFen, ...], Field(min_length=1, max_length=30)] = Field(
        default=(10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10),
        description="Notes and coins that are counted.",
    )


class SetUp(Part):
    """How far the guided set-up is."""

    done: Annotated[tuple[Step, ...], Field(max_length=5)] = Field(
        default=(), description="Steps that somebody called done."
    )
    skipped: Annotated[tuple[Step, ...], Field(max_length=5)] = ()
    sample: Id | None = Field(default=None, description="The sample shop that it began with.")
