"""The receipt of a sale with a basket, and of its refund: every line, what each rule took off it
and what that rule is called, how it was paid, points, passes, level and what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.money import Purse, yuan
from daemon.core.receipt import Block, Pair, Receipt, Row, Rule, Text
from daemon.core.receipt_text import (
    ShopHead,
    Words,
    document,
    member_lines,
    priced,
    tail_lines,
    top_lines,
    who_lines,
)

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "refund": ("退款小票", "REFUND RECEIPT"),
    "list_total": ("原价合计", "List total"),
    "saved": ("优惠合计", "You saved"),
    "stored": ("储值支付", "Stored value"),
    "change": ("找零", "Change"),
    "received": ("实收现金", "Cash received"),
    "on_card": ("电子钱包余额", "On the card"),
    "points_used": ("使用积分", "Points used"),
    "points_earned": ("本次积分", "Points earned"),
    "points_left": ("积分余额", "Points left"),
    "points_back": ("退回积分", "Points back"),
    "points_taken": ("扣回积分", "Points taken back"),
    "pass_used": ("{name} 使用 {uses} 次", "{name}: {uses} used"),
    "pass_left": ("剩 {left} 次", "{left} left"),
    "pass_back": ("{name} 退回 {uses} 次", "{name}: {uses} back"),
    "pass_bought": ("{name} 购入 {uses} 次", "{name}: {uses} bought"),
    "until": ("有效期至 {day}", "Good until {day}"),
    "level": ("会员等级", "Level"),
    "level_up": ("恭喜升级为 {name}", "Promoted to {name}"),
    "offline": (
        "离线交易，余额为本店可用，更新于 {at}",
        "Sold offline. Balance held here, as of {at}",
    ),
    "coupon": ("优惠券", "Coupon"),
    "step_coupon": ("优惠券", "Coupon"),
    "coupon_back": ("优惠券已退回", "Coupon given back"),
    "refunded_number": ("原单号", "Refund of No."),
    "refunded_at": ("原交易时间", "Sold at"),
    "refunded": ("退款", "REFUND"),
    "debt_points": ("已用积分 {amount} 分未扣回", "{amount} points already spent"),
    "debt_uses": ("已用次数 {amount} 次未扣回", "{amount} uses already taken"),
    "worth": ("折合", "worth"),
    "approved_by": ("批准人", "Approved by"),
    "step_prepaid": ("次卡", "Pass"),
    "step_gift": ("积分兑换", "For points"),
    "step_member": ("会员折扣", "Member discount"),
    "step_override": ("改价", "Price changed"),
    "override_damaged": ("瑕疵", "damaged"),
    "override_near_end": ("临期", "near its end"),
    "override_price_match": ("比价", "price match"),
    "override_goodwill": ("补偿", "goodwill"),
    "override_agreed": ("议价", "agreed"),
    "override_other": ("其他", "other"),
    "step_promotion": ("促销", "Promotion"),
    "step_points": ("积分抵扣", "Points"),
    "step_wipe": ("抹零", "Rounded off"),
}
_WEIGHTS = (5, 2, 3)
_NOTHING = Purse()


@dataclass(frozen=True, slots=True)
class Discount:
    """What a rule took off a line, or off the whole. `kind` is a step's; `name` what the shop calls
    the rule, "" where the kind says enough; of a changed price it is the reason."""

    kind: str
    name: str
    fen: int


@dataclass(frozen=True, slots=True)
class LineFacts:
    """`quantity` as people read it. `discounts` are this line's own."""

    name: str
    quantity: str
    list_fen: int
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True)
class PassFacts:
    """`left` None: not told. `until` YYYY-MM-DD or ""."""

    name: str
    uses: int
    left: int | None = None
    until: str = ""


@dataclass(frozen=True, slots=True)
class DebtFacts:
    """What a refund could not take back: `kind` is points or uses."""

    kind: str
    amount: int
    worth_fen: int


@dataclass(frozen=True, slots=True)
class BasketFacts:
    """A sale. `member` is masked; "" and no `balance` for a sale to nobody. `tenders` are fen by
    tender but for stored value, which is `taken`; `received_fen` is cash as it was handed over.
    `weak`: the card proves nothing but its number. `level_up` is the name of a level reached."""

    number: str
    at: str
    cashier: str
    reference: str
    lines: tuple[LineFacts, ...]
    paid_fen: int
    taken: Purse = _NOTHING
    tenders: tuple[tuple[str, int], ...] = ()
    change_fen: int = 0
    member: str = ""
    card_tail: str = ""
    balance: Purse | None = None
    points_used: int = 0
    points_earned: int = 0
    points_left: int | None = None
    passes_used: tuple[PassFacts, ...] = ()
    passes_bought: tuple[PassFacts, ...] = ()
    coupons: tuple[str, ...] = ()
    level: str = ""
    level_up: str = ""
    weak: bool = False
    token: str = ""
    offline: str = ""
    """In a chain: cut off, and what is known is of this time."""
    on_card_fen: int | None = None
    """What the purse that paid has left."""

    @property
    def list_fen(self) -> int:
        return sum(line.list_fen for line in self.lines)


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """`lines` came back, `tenders` and `returned` are what goes out again. `debts` are kept and
    shown, never withheld. `of_void`: the whole sale was undone as a mistake."""

    number: str
    at: str
    cashier: str
    reference: str
    sold_number: str
    sold_at: str
    lines: tuple[LineFacts, ...]
    paid_fen: int
    returned: Purse = _NOTHING
    tenders: tuple[tuple[str, int], ...] = ()
    member: str = ""
    card_tail: str = ""
    balance: Purse | None = None
    points_back: int = 0
    points_taken: int = 0
    points_left: int | None = None
    passes_back: tuple[PassFacts, ...] = ()
    coupons: tuple[str, ...] = ()
    debts: tuple[DebtFacts, ...] = ()
    approved_by: str = ""
    token: str = ""
    of_void: bool = False


def basket_receipt(
    receipt_id: str, head: ShopHead, facts: BasketFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a sale. Cash opens the drawer. An unknown `language` reads as zh-CN."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "sale", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    blocks += _lines(facts.lines, say)
    blocks += _total(facts.list_fen, facts.list_fen - facts.paid_fen, say)
    blocks.append(Pair(say("paid"), priced(facts.paid_fen), size=2, bold=True))
    blocks += _paid(facts, say)
    blocks += [Pair(say("coupon"), code) for code in facts.coupons]
    blocks += _passes(facts, say)
    if facts.balance is not None:
        blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
        blocks += _points(facts, head, say)
    if facts.weak:
        blocks.append(Text(say("weak")))
    if facts.offline:
        blocks.append(Text(say("offline").format(at=facts.offline)))
    blocks += tail_lines(head, facts.reference, facts.token, say)
    receipt = document(receipt_id, facts.number, facts.at, blocks, say)
    return replace(receipt, open_drawer=dict(facts.tenders).get("cash", 0) > 0)


def refund_receipt(
    receipt_id: str, head: ShopHead, facts: RefundFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a refund. Cash that goes out opens the drawer."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "void" if facts.of_void else "refund", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    blocks.append(Pair(say("refunded_number"), facts.sold_number))
    blocks.append(Pair(say("refunded_at"), facts.sold_at))
    if facts.approved_by:
        blocks.append(Pair(say("approved_by"), facts.approved_by))
    blocks.append(Rule())
    blocks += _lines(facts.lines, say)
    blocks.append(Pair(say("refunded"), priced(facts.paid_fen), size=2, bold=True))
    if facts.returned.total_fen:
        blocks.append(Pair(say("back_principal"), yuan(facts.returned.principal_fen)))
        blocks.append(Pair(say("back_bonus"), yuan(facts.returned.bonus_fen)))
    blocks += [Pair(say.tender(tender), yuan(fen)) for tender, fen in facts.tenders]
    for each in facts.passes_back:
        blocks.append(Text(say("pass_back").format(name=each.name, uses=each.uses)))
    blocks += [Pair(say("coupon_back"), code) for code in facts.coupons]
    for name in ("points_back", "points_taken"):
        if getattr(facts, name):
            blocks.append(Pair(say(name), str(getattr(facts, name))))
    blocks += _debts(facts.debts, say)
    if facts.balance is not None:
        blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
        if facts.points_left is not None:
            blocks.append(Pair(say("points_left"), str(facts.points_left)))
    blocks += tail_lines(head, facts.reference, facts.token, say)
    receipt = document(receipt_id, facts.number, facts.at, blocks, say)
    return replace(receipt, open_drawer=dict(facts.tenders).get("cash", 0) > 0)


def _lines(lines: Sequence[LineFacts], say: Words) -> Iterator[Block]:
    yield Row((say("item"), say("quantity"), say("amount")), _WEIGHTS)
    for line in lines:
        yield Row((line.name, line.quantity, yuan(line.list_fen)), _WEIGHTS)
        for each in line.discounts:
            yield Pair(f"  {_called(each, say)}", yuan(-each.fen))
    yield Rule()


def _called(discount: Discount, say: Words) -> str:
    """`会员折扣 金卡`, `优惠券 满100减20`, `第二件半价`."""
    if discount.kind == "promotion" and discount.name:
        return discount.name
    if discount.kind == "override":
        return f"{say('step_override')} {say(f'override_{discount.name}')}"
    return f"{say(f'step_{discount.kind}')} {discount.name}".strip()


def _total(list_fen: int, saved_fen: int, say: Words) -> Iterator[Block]:
    if saved_fen:
        yield Pair(say("list_total"), yuan(list_fen))
        yield Pair(say("saved"), yuan(-saved_fen))


def _paid(facts: BasketFacts, say: Words) -> Iterator[Block]:
    if facts.taken.total_fen:
        yield Pair(say("from_principal"), yuan(facts.taken.principal_fen))
        yield Pair(say("from_bonus"), yuan(facts.taken.bonus_fen))
    for tender, fen in facts.tenders:
        yield Pair(say.tender(tender), yuan(fen))
        if tender == "cash" and facts.change_fen:
            yield Pair(say("received"), yuan(fen + facts.change_fen))
            yield Pair(say("change"), yuan(facts.change_fen))
    if facts.on_card_fen is not None:
        yield Pair(say("on_card"), yuan(facts.on_card_fen))


def _passes(facts: BasketFacts, say: Words) -> Iterator[Block]:
    for each in facts.passes_used:
        left = "" if each.left is None else say("pass_left").format(left=each.left)
        yield Pair(say("pass_used").format(name=each.name, uses=each.uses), left)
    for each in facts.passes_bought:
        yield Text(say("pass_bought").format(name=each.name, uses=each.uses))
        if each.until:
            yield Text(say("until").format(day=each.until))


def _points(facts: BasketFacts, head: ShopHead, say: Words) -> Iterator[Block]:
    """Points that paid are part of the price, and always told."""
    told = facts.points_used or facts.points_earned or facts.points_left
    if facts.points_used:
        yield Pair(say("points_used"), str(facts.points_used))
    if not head.show_points:
        return
    if facts.points_earned:
        yield Pair(say("points_earned"), str(facts.points_earned))
    if told and facts.points_left is not None:
        yield Pair(say("points_left"), str(facts.points_left))
    if facts.level_up:
        yield Text(say("level_up").format(name=facts.level_up), bold=True)
    elif facts.level:
        yield Pair(say("level"), facts.level)


def _debts(debts: Sequence[DebtFacts], say: Words) -> Iterator[Block]:
    for debt in debts:
        words = say(f"debt_{debt.kind}").format(amount=debt.amount)
        worth = f"{say('worth')} {priced(debt.worth_fen)}" if debt.worth_fen else ""
        yield Text(f"{words} {worth}".strip())
