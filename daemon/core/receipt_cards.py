"""Receipts around a card and its balance: fees, balances paid out, what went to another person; and
the lines on a recharge that say under which rule it was bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.lot_number import lot_text
from daemon.core.money import Purse, yuan
from daemon.core.receipt import Block, Feed, Pair, Receipt, Row, Rule, Text
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
    "fee": ("收费小票", "FEE RECEIPT"),
    "balance_refund": ("退余额小票", "BALANCE REFUND"),
    "transfer": ("转卡小票", "TRANSFER RECEIPT"),
    "service.issue": ("办卡费", "Card issue"),
    "service.reissue": ("补卡费", "Card after a loss"),
    "service.repair": ("修卡费", "Card repair"),
    "service.extend": ("延期费", "Extension"),
    "service.return": ("退卡费", "Card return"),
    "service.transfer": ("转卡费", "Transfer"),
    "valid_to": ("有效期至", "Valid to"),
    "new_card": ("新卡号", "New card"),
    "lot": ("充值", "Recharge"),
    "left": ("结余", "Left"),
    "back": ("应退", "Back"),
    "kept_fee": ("手续费", "Fee"),
    "paid_out": ("实退", "PAID OUT"),
    "to": ("退款方式", "Paid by"),
    "reference_no": ("凭证号", "Voucher"),
    "in_ratio": ("按实付比例", "in ratio"),
    "whole": ("按消费全额", "whole"),
    "seven_days": ("七日内", "within 7 days"),
    "points_stay": ("积分保留", "Points kept"),
    "passes_stay": ("次卡保留", "Passes kept"),
    "approved_by": ("批准人", "Approved by"),
    "from_member": ("转出会员", "From"),
    "to_member": ("转入会员", "To"),
    "moved_principal": ("转出本金", "Principal moved"),
    "moved_bonus": ("转出赠金", "Bonus moved"),
}


def offer_words(rules: Sequence[str], names: Mapping[str, str], language: str) -> str:
    """The rules of a recharge (`<promotion>:<from_fen>:<bonus_bp>:<bonus_fen>`) as people read
    them; `names` are those of the promotions."""
    return " + ".join(_offer(rule, names, language) for rule in rules)


def _offer(rule: str, names: Mapping[str, str], language: str) -> str:
    offer, from_fen, bonus_bp, bonus_fen = rule.rsplit(":", 3)
    english = language == "en"
    gifts = []
    if int(bonus_bp):
        share = f"{int(bonus_bp) / 100:g}"
        gifts.append(f"+{share} %" if english else f"送{share}%")
    if int(bonus_fen):
        fixed = yuan(int(bonus_fen))
        gifts.append(f"+{fixed}" if english else f"送{fixed}")
    least = yuan(int(from_fen))
    words = f"from {least} {' '.join(gifts)}" if english else f"充{least}起{''.join(gifts)}"
    name = names.get(offer, "")
    return f"{name} {words}" if name else words


def lots_words(
    lot: int, principal_fen: int, bonus_fen: int, bonus_to_day: str, language: str
) -> tuple[str, ...]:
    """Both lots of a recharge, and until when each is good."""
    called = lot_text(lot)
    if language == "en":
        lines = [f"Lot {called}: principal {yuan(principal_fen)}, never ends"]
        if bonus_fen:
            ends = f"until {bonus_to_day}" if bonus_to_day else "never ends"
            lines.append(f"Lot {called}: bonus {yuan(bonus_fen)}, {ends}")
    else:
        lines = [f"批次{called} 本金{yuan(principal_fen)} 长期有效"]
        if bonus_fen:
            ends = f"有效期至{bonus_to_day}" if bonus_to_day else "长期有效"
            lines.append(f"批次{called} 赠金{yuan(bonus_fen)} {ends}")
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every receipt of this kind says. `member` is masked, `card_tail` short, as in
    `receipt_text.SaleFacts`."""

    number: str
    at: str
    cashier: str
    member: str
    card_tail: str
    balance: Purse
    reference: str
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class FeeFacts:
    """A fee for a service on a card. `valid_to` after an extension; `card_number` as it is printed
    on the new card."""

    frame: Frame
    service: str
    fee_fen: int
    tenders: tuple[tuple[str, int], ...]
    change_fen: int = 0
    valid_to: str = ""
    card_number: str = ""
    open_drawer: bool = False


@dataclass(frozen=True, slots=True)
class RefundedLot:
    """One recharge of a balance that is paid out. `method` is in_ratio or whole."""

    bought_at: str
    paid_fen: int
    bonus_fen: int
    left_fen: int
    refund_fen: int
    method: str
    cooling_off: bool = False


@dataclass(frozen=True, slots=True)
class BalanceRefundFacts:
    """A balance that was paid out. `voucher` names the transfer at the bank or the payment."""

    frame: Frame
    lots: tuple[RefundedLot, ...]
    fee_fen: int
    refund_fen: int
    tender: str
    voucher: str = ""
    points: int = 0
    passes: int = 0


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """What went to another member. The frame is the giver's."""

    frame: Frame
    to_member: str
    to_tail: str
    moved: Purse
    fee_fen: int = 0


def fee_receipt(
    receipt_id: str, head: ShopHead, facts: FeeFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a fee. Cash opens the drawer."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "fee", say), *_begin(head, facts.frame, say)]
    blocks.append(Pair(say(f"service.{facts.service}"), priced(facts.fee_fen), size=2, bold=True))
    for name, fen in facts.tenders:
        blocks.append(Pair(say("tender"), f"{say.tender(name)} {yuan(fen)}"))
    if facts.change_fen:
        blocks.append(Pair(say("change"), yuan(facts.change_fen)))
    if facts.valid_to:
        blocks.append(Pair(say("valid_to"), facts.valid_to))
    if facts.card_number:
        blocks.append(Pair(say("new_card"), f"**** {facts.card_number[-4:]}"))
    receipt = _end(receipt_id, head, facts.frame, blocks, say)
    return replace(receipt, open_drawer=facts.open_drawer)


def balance_refund_receipt(
    receipt_id: str, head: ShopHead, facts: BalanceRefundFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a balance that was paid out: how each recharge was counted. Cash opens the
    drawer."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "balance_refund", say), *_begin(head, facts.frame, say)]
    weights = (4, 3, 3)
    blocks.append(Row((say("lot"), say("left"), say("back")), weights))
    for lot in facts.lots:
        paid = f"{yuan(lot.paid_fen)}+{yuan(lot.bonus_fen)}"
        blocks.append(Row((paid, yuan(lot.left_fen), yuan(lot.refund_fen)), weights))
        seven = f" ({say('seven_days')})" if lot.cooling_off else ""
        blocks.append(Text(f"  {lot.bought_at} {say(lot.method)}{seven}"))
    blocks.append(Rule())
    if facts.fee_fen:
        blocks.append(Pair(say("kept_fee"), yuan(facts.fee_fen)))
    blocks.append(Pair(say("paid_out"), priced(facts.refund_fen), size=2, bold=True))
    blocks.append(Pair(say("to"), say.tender(facts.tender)))
    if facts.voucher:
        blocks.append(Pair(say("reference_no"), facts.voucher))
    if facts.points:
        blocks.append(Pair(say("points_stay"), str(facts.points)))
    if facts.passes:
        blocks.append(Pair(say("passes_stay"), str(facts.passes)))
    blocks += [Feed(), Text(f"{say('signature')}: " + "_" * 20)]
    receipt = _end(receipt_id, head, facts.frame, blocks, say)
    return replace(receipt, open_drawer=facts.tender == "cash" and facts.refund_fen > 0)


def transfer_receipt(
    receipt_id: str, head: ShopHead, facts: TransferFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of an account that went to another person."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*top_lines(head, "transfer", say), *_begin(head, facts.frame, say)]
    blocks.append(Pair(say("moved_principal"), yuan(facts.moved.principal_fen)))
    blocks.append(Pair(say("moved_bonus"), yuan(facts.moved.bonus_fen)))
    blocks.append(Pair(say("from_member"), facts.frame.member))
    blocks.append(Pair(say("to_member"), f"{facts.to_member} **** {facts.to_tail}"))
    if facts.fee_fen:
        blocks.append(Pair(say("service.transfer"), yuan(facts.fee_fen)))
    blocks += [Feed(), Text(f"{say('signature')}: " + "_" * 20)]
    return _end(receipt_id, head, facts.frame, blocks, say)


def _begin(head: ShopHead, frame: Frame, say: Words) -> list[Block]:
    blocks = [*who_lines(head, frame.number, frame.at, frame.cashier, say)]
    if frame.approved_by:
        blocks.insert(-1, Pair(say("approved_by"), frame.approved_by))
    return blocks


def _end(receipt_id: str, head: ShopHead, frame: Frame, blocks: list[Block], say: Words) -> Receipt:
    blocks += member_lines(frame.member, frame.card_tail, frame.balance, say)
    blocks += tail_lines(head, frame.reference, receipt_id, say)
    return document(receipt_id, frame.number, frame.at, blocks, say)
