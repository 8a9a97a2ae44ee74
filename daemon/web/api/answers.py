"""What the device answers, as the OpenAPI document describes it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from daemon.web.api.bodies import Id, SaleStatus
from daemon.web.api.sale_bodies import BasketSale, RefundQuote

Fact = int | str | bool | None


class Balance(BaseModel):
    principal_fen: int
    bonus_fen: int


class Employee(BaseModel):
    id: str
    number: str
    name: str
    role: str


class Session(BaseModel):
    employee: Employee
    role_name: str = Field(description="The role as the shop calls it.")
    language: str = Field(description="The employee's own: zh-CN, en, or empty for the shop's.")
    permissions: list[str] = Field(description="What the employee may do without an approval.")
    expires_ms: int


class SignedIn(Session):
    token: str = Field(description="For `Authorization: Bearer`; shown this once.")


class Card(BaseModel):
    card_id: Id
    technology: Literal["uid", "magstripe", "purse", "desfire"]
    status: Literal["active", "lost", "locked", "returned", "replaced"]
    issued_ms: int
    number: str | None = Field(description="As it is printed on the plastic.")
    valid_to: str | None
    replaces: Id | None = Field(description="The card that it was issued for.")


class Member(BaseModel):
    member_id: Id
    number: str
    name: str = Field(description="Masked, e.g. 张*.")
    phone: str = Field(description="Masked, e.g. 138****1234.")
    category: str
    status: str
    balance: Balance
    has_pin: bool
    cards: list[Card]


class Members(BaseModel):
    members: list[Member]
    next: str | None = Field(description="`before` of the page that follows; null: the end.")


class MemberCard(BaseModel):
    member: Member
    on_card_fen: int | None = Field(description="What its purse says is on it.")
    technology: Literal["uid", "magstripe", "purse", "desfire"]
    weak: bool = Field(description="The card proves no more than a number that can be copied.")
    status: str


class Elsewhere(BaseModel):
    store: str
    fen: int
    offline_since: int | None = Field(description="Null: it can be called in.")


class Sale(BasketSale):
    sale_id: Id
    amount_fen: int
    status: SaleStatus
    reason: str | None
    facts: dict[str, Fact]
    usable_here_fen: int | None = Field(
        description="In a chain, of a sale that was short: what could be spent here at once."
    )
    elsewhere: list[Elsewhere] = Field(description="And who held the rest of the member's money.")
    member: Member | None
    technology: Literal["uid", "magstripe", "purse", "desfire"] | None
    weak: bool
    taken: Balance | None
    balance: Balance | None
    on_card_fen: int | None = Field(description="What the purse that paid has left.")
    receipt_id: Id | None
    receipt_number: str | None
    created_ms: int
    settled_ms: int | None
    voided: bool
    voidable: bool


class Refund(RefundQuote):
    refund_id: Id
    sale_id: Id
    balance: Balance | None
    points_left: int | None
    receipt_id: Id
    receipt_number: str
    created_ms: int
    sale: Sale


class Sales(BaseModel):
    sales: list[Sale]


class Tier(BaseModel):
    from_fen: int
    bonus_bp: int = Field(description="Basis points, 1/10 000.")
    bonus_fen: int = Field(description="Given as well, whatever the amount.")


class RechargeRules(BaseModel):
    tiers: list[Tier]
    bonus_valid_days: int | None = Field(description="Null: the bonus never ends.")
    quick_fen: list[int] = Field(description="Buttons for the cashier's page.")


class Issue(BaseModel):
    issue_id: Id
    member_id: Id | None = Field(description="Null: an unnamed card.")
    service: Literal["issue", "reissue", "repair"]
    replaces: Id | None
    fee_fen: int
    number: str | None = Field(description="The number that the new card should show.")
    status: Literal["awaiting_card", "working", "done", "failed"]
    reason: str | None
    card: Card | None


class Receipt(BaseModel):
    receipt_id: Id
    number: str
    created_ms: int
    state: Literal["waiting", "printing", "printed", "unconfirmed", "failed"]
    prints: int
    kind: str = Field(description="What was done: sale, recharge, void, shift_close, ...")
    sale_id: Id | None
    recharge_id: Id | None
    service_id: Id | None = Field(description="Of a service on a card, whose fee may be voided.")


class Receipts(BaseModel):
    receipts: list[Receipt]


class Refusal(BaseModel):
    reason: str
    facts: dict[str, Fact]


class Counter(BaseModel):
    state: Literal[
        "idle",
        "amount",
        "awaiting_card",
        "awaiting_pin",
        "authenticating",
        "deciding",
        "committed",
        "printing",
        "done",
        "declined",
        "cancelled",
        "unknown",
    ]
    sale: Sale | None
    card: MemberCard | None = Field(description="A member's card that lies there without a sale.")
    refusal: Refusal | None = Field(
        description="Why a card that was laid down without a sale cannot pay."
    )
    ask: Literal["double_tap", "tap_again", "tap_same_card", "card_of_other"] | None


class Device(BaseModel):
    id: str
    store: str
    name: str
    shop: str


class Reader(BaseModel):
    name: str
    state: Literal["absent", "opening", "ready", "faulted"]
    card_present: bool
    problem: str | None


class Printer(BaseModel):
    reachable: bool | None
    online: bool | None
    cover_open: bool | None
    paper: Literal["ok", "near_end", "out", "unknown"]
    problem: str | None
    waiting: int


class NamedPrinter(Printer):
    name: str
    role: Literal["customer", "shop", "kitchen"]
    connection: Literal["network", "serial", "usb_lp", "usb"]


class Ledger(BaseModel):
    ok: bool
    stopped: str | None


class ChainLink(BaseModel):
    online: bool = Field(description="The cloud answers: a sale may ask it.")
    since_ms: int | None = Field(description="Online, or offline, since then.")
    contact_ms: int | None = Field(description="When the cloud was last heard.")
    waiting: int = Field(description="Batches and changes that the cloud does not have yet.")


class Sync(BaseModel):
    sealed: int
    receipted: int
    last_pull_ms: int | None
    chain: ChainLink | None = Field(
        default=None, description="None for a shop that is not part of a chain."
    )


class ShopClock(BaseModel):
    now_ms: int = Field(description="The shop's time, which everything is dated with.")
    wall_ms: int = Field(description="What the system's clock says.")
    problem: Literal["clock_ahead", "clock_behind"] | None = Field(
        description="The system's clock is not followed: it is more than a week ahead and nobody"
        " has confirmed it, or it is behind the books."
    )


class PanelPart(BaseModel):
    name: str
    kind: Literal["lamp", "buzzer", "button", "key", "display"]
    state: Literal["absent", "opening", "ready", "faulted"]
    problem: str | None
    last: str | None = Field(description="The last problem that it had.")
    failures: int


class Panel(BaseModel):
    """The customer's side: lamps, buzzer, buttons, key switch, displays, as far as configured."""

    key: Literal["open", "office", "off"] | None = Field(
        description="Where the key switch stands; new sales begin in `open` only. Null: there is"
        " none, or it cannot be read."
    )
    parts: list[PanelPart]


class LastRun(BaseModel):
    """What the last start found: sales that the stop before it had left open, as they ended."""

    sales: list[Sale]
    receipts_waiting: int


class Status(BaseModel):
    device: Device
    ledger: Ledger
    readers: list[Reader]
    printer: Printer = Field(description="The customer's.")
    printers: list[NamedPrinter] = Field(
        default_factory=list, description="All that are configured, by role."
    )
    panel: Panel
    sync: Sync
    clock: ShopClock
    counter: Counter
    last_run: LastRun | None
    demo: bool
    languages: list[str]


class Health(BaseModel):
    status: Literal["ok", "degraded", "stopped"]
    readers: list[Reader]
    printer: Printer
    panel: Panel
    ledger: Ledger
    sync: Sync
    clock: ShopClock
    version: str


class Mistake(BaseModel):
    at: str
    why: str
    key: str = Field(default="", description="Names a sentence, in mistakes of the shop's rules.")
    facts: dict[str, Fact] = Field(default_factory=dict)


class Problem(BaseModel):
    """RFC 9457. `key` is what a page translates; `facts` are figures for that sentence."""

    type: str
    title: str
    status: int
    detail: str
    key: str
    fault: Literal["cashier", "member", "card", "device", "client", "shop"]
    retry: Literal["never", "after_change", "same", "later"]
    facts: dict[str, Fact]
    errors: list[Mistake] = Field(default_factory=list)
