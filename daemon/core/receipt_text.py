"""What a receipt says: facts of a sale, a recharge or a void -> a `Receipt` in zh-CN or en.

The fields are those that Chinese customers expect on a 小票: shop, kind, number, cashier, device,
time, what was paid from principal (本金) and bonus (赠金), the masked member, the three balances.
`marked` adds what a second, late or doubtful print must say of itself; it runs just before printing
so that the stored document stays the one of the first print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from daemon.core.money import Purse, yuan
from daemon.core.receipt import Align, Block, Feed, Logo, Pair, Qr, Receipt, Row, Rule, Text

LANGUAGES: Final = ("zh-CN", "en")
MOST_TOKEN: Final = 200
"""A QR code of version 10 or so still has modules of 0.6 mm on 58 mm paper."""

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "sale": ("消费小票", "SALE RECEIPT"),
    "recharge": ("充值小票", "RECHARGE RECEIPT"),
    "void": ("撤销小票", "VOID RECEIPT"),
    "number": ("单号", "No."),
    "at": ("时间", "Time"),
    "cashier": ("收银员", "Cashier"),
    "device": ("设备", "Device"),
    "item": ("项目", "Item"),
    "quantity": ("数量", "Qty"),
    "amount": ("金额", "Amount"),
    "stored_value_sale": ("储值消费", "Stored-value sale"),
    "total": ("合计", "Total"),
    "discount": ("会员优惠", "Member discount"),
    "paid": ("实付", "PAID"),
    "from_principal": ("储值-本金", "From principal"),
    "from_bonus": ("储值-赠金", "From bonus"),
    "member": ("会员", "Member"),
    "card_tail": ("卡号", "Card"),
    "principal": ("本金余额", "Principal"),
    "bonus": ("赠金余额", "Bonus"),
    "balance": ("卡内余额", "BALANCE"),
    "recharged": ("充值本金", "Recharged"),
    "bonus_given": ("赠送金额", "Bonus given"),
    "credited": ("到账", "TOTAL"),
    "tender": ("支付方式", "Paid by"),
    "change": ("找零", "Change"),
    "rule": ("活动", "Offer"),
    "voided_number": ("原单号", "Voids No."),
    "voided_at": ("原交易时间", "Made at"),
    "back_principal": ("退回本金", "Principal back"),
    "back_bonus": ("退回赠金", "Bonus back"),
    "withdrawn_principal": ("扣回本金", "Principal taken"),
    "withdrawn_bonus": ("扣回赠金", "Bonus taken"),
    "returned": ("退回", "RETURN"),
    "handed_back": ("退款", "REFUND"),
    "approved_by": ("批准人", "Approved by"),
    "reference": ("流水", "Ref."),
    "scan": ("扫码查询余额与流水", "Scan for balance and records"),
    "signature": ("顾客签名", "Signature"),
    "refund_hint": (
        "付款七日内未消费可申请退还本金，凭本小票办理。",
        "Unused principal can be refunded within 7 days of payment with this receipt.",
    ),
    "weak": (
        "本次以卡号识别，凭会员密码支付。",
        "Card identified by its number; paid with the member's PIN.",
    ),
    "phone": ("电话", "Tel."),
    "thanks": ("谢谢惠顾，欢迎再来", "Thank you, see you again"),
}
TENDERS: Final[Mapping[str, tuple[str, str]]] = {
    "cash": ("现金", "Cash"),
    "bank_card": ("银行卡", "Bank card"),
    "wechat": ("微信支付", "WeChat Pay"),
    "alipay": ("支付宝", "Alipay"),
    "owed": ("赊账", "On credit"),
    "bank_transfer": ("银行转账", "Bank transfer"),
    "stored": ("储值", "Stored value"),
    "purse": ("卡内电子钱包", "Purse on the card"),
}


@dataclass(frozen=True, slots=True)
class ShopHead:
    """What every receipt of a shop begins and ends with, and what the shop wants on it. Only `name`
    must be given; `footer` may have several lines."""

    name: str
    store: str = ""
    phone: str = ""
    address: str = ""
    footer: str = ""
    device: str = ""
    show_qr: bool = True
    show_points: bool = True
    show_refund_hint: bool = True
    has_logo: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a sale: `quantity` as people read it, `amount_fen` for the whole line."""

    name: str
    quantity: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class SaleFacts:
    """A sale paid from a card. `member` is masked already (core.masking), `card_tail` the last four
    of the member's or card's number, `amount_fen` what was paid, `list_fen` the price before
    discount (0: the same). `token` is opaque and goes into the QR code; empty: no code.
    `weak`: the card proves nothing but its number."""

    number: str
    at: str
    cashier: str
    amount_fen: int
    taken: Purse
    balance: Purse
    member: str
    card_tail: str
    reference: str
    list_fen: int = 0
    items: tuple[Item, ...] = ()
    weak: bool = False
    token: str = ""


@dataclass(frozen=True, slots=True)
class RechargeFacts:
    """Money put on a card. `rule` is the offer's text as it was then; `expiry` says until when the
    bonus is good, in the reader's words; `sign` asks for the customer's signature. `tenders` says
    what each paid where it was a mix; `notes` are lines of their own below the offer."""

    number: str
    at: str
    cashier: str
    amount_fen: int
    bonus_fen: int
    tender: str
    balance: Purse
    member: str
    card_tail: str
    reference: str
    rule: str = ""
    expiry: str = ""
    sign: bool = True
    refund_hint: str | None = None
    token: str = ""
    open_drawer: bool | None = None
    tenders: tuple[tuple[str, int], ...] = ()
    change_fen: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VoidFacts:
    """The undoing of a sale (`returned` goes back onto the card), of a recharge (`returned` is
    taken off the card) or of a fee. Of the latter two, `handed_back_fen` goes to the customer by
    `tenders`, (name, fen) each; the `stored` part of a fee is what is `returned`."""

    number: str
    at: str
    cashier: str
    voided_number: str
    voided_at: str
    returned: Purse
    balance: Purse
    member: str
    card_tail: str
    reference: str
    of: Literal["sale", "recharge", "fee"] = "sale"
    handed_back_fen: int = 0
    tenders: tuple[tuple[str, int], ...] = ()
    approved_by: str = ""
    token: str = ""


def sale_receipt(
    receipt_id: str, head: ShopHead, facts: SaleFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of an approved sale. An unknown `language` reads as zh-CN."""
    say = Words(language)
    blocks: list[Block] = [*top_lines(head, "sale", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    weights = (5, 2, 3)
    blocks.append(Row((say("item"), say("quantity"), say("amount")), weights))
    items = facts.items or (
        Item(say("stored_value_sale"), "1", facts.list_fen or facts.amount_fen),
    )
    blocks += [Row((item.name, item.quantity, yuan(item.amount_fen)), weights) for item in items]
    blocks.append(Rule())
    list_fen = facts.list_fen or facts.amount_fen
    if list_fen != facts.amount_fen:
        blocks.append(Pair(say("total"), yuan(list_fen)))
        blocks.append(Pair(say("discount"), yuan(facts.amount_fen - list_fen)))
    blocks.append(Pair(say("paid"), priced(facts.amount_fen), size=2, bold=True))
    blocks.append(Pair(say("from_principal"), yuan(facts.taken.principal_fen)))
    blocks.append(Pair(say("from_bonus"), yuan(facts.taken.bonus_fen)))
    blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
    if facts.weak:
        blocks.append(Text(say("weak")))
    blocks += tail_lines(head, facts.reference, facts.token, say)
    return document(receipt_id, facts.number, facts.at, blocks, say)


def recharge_receipt(
    receipt_id: str, head: ShopHead, facts: RechargeFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a recharge. Cash opens the drawer unless `open_drawer` says otherwise."""
    say = Words(language)
    blocks: list[Block] = [*top_lines(head, "recharge", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    blocks.append(Pair(say("recharged"), yuan(facts.amount_fen)))
    blocks.append(Pair(say("bonus_given"), yuan(facts.bonus_fen)))
    credited = priced(facts.amount_fen + facts.bonus_fen)
    blocks.append(Pair(say("credited"), credited, size=2, bold=True))
    for name, fen in facts.tenders or ((facts.tender, facts.amount_fen),):
        blocks.append(Pair(say("tender"), f"{say.tender(name)} {yuan(fen)}"))
    if facts.change_fen:
        blocks.append(Pair(say("change"), yuan(facts.change_fen)))
    if facts.rule:
        blocks.append(Pair(say("rule"), facts.rule))
    blocks += [Text(note) for note in (facts.expiry, *facts.notes) if note]
    blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
    hint = say("refund_hint") if facts.refund_hint is None else facts.refund_hint
    if hint and head.show_refund_hint:
        blocks.append(Text(hint))
    if facts.sign:
        blocks += [Feed(), Text(f"{say('signature')}: " + "_" * 20)]
    blocks += tail_lines(head, facts.reference, facts.token, say)
    drawer = facts.tender == "cash" if facts.open_drawer is None else facts.open_drawer
    receipt = document(receipt_id, facts.number, facts.at, blocks, say)
    return replace(receipt, open_drawer=drawer)


def void_receipt(
    receipt_id: str, head: ShopHead, facts: VoidFacts, language: str = "zh-CN"
) -> Receipt:
    """The receipt of a void. Cash handed back opens the drawer."""
    say = Words(language)
    blocks: list[Block] = [*top_lines(head, "void", say)]
    blocks += who_lines(head, facts.number, facts.at, facts.cashier, say)
    blocks.append(Pair(say("voided_number"), facts.voided_number))
    blocks.append(Pair(say("voided_at"), facts.voided_at))
    if facts.approved_by:
        blocks.append(Pair(say("approved_by"), facts.approved_by))
    blocks.append(Rule())
    moved = "withdrawn" if facts.of == "recharge" else "back"
    if facts.of != "fee" or facts.returned.total_fen:
        blocks.append(Pair(say(f"{moved}_principal"), yuan(facts.returned.principal_fen)))
        blocks.append(Pair(say(f"{moved}_bonus"), yuan(facts.returned.bonus_fen)))
    if facts.of == "sale":
        blocks.append(Pair(say("returned"), priced(facts.returned.total_fen), size=2, bold=True))
    else:
        blocks.append(Pair(say("handed_back"), priced(facts.handed_back_fen), size=2, bold=True))
        for name, fen in facts.tenders:
            blocks.append(Pair(say("tender"), f"{say.tender(name)} {yuan(fen)}"))
    blocks += member_lines(facts.member, facts.card_tail, facts.balance, say)
    blocks += tail_lines(head, facts.reference, facts.token, say)
    drawer = dict(facts.tenders).get("cash", 0) > 0
    receipt = document(receipt_id, facts.number, facts.at, blocks, say)
    return replace(receipt, open_drawer=drawer)


def marked(receipt: Receipt, *, maybe_printed: bool = False) -> Receipt:
    """`receipt` with the marks of this print before its first block: a copy with its number, late
    after a restart with the time of the transaction, possibly on paper already. Unmarked receipts
    come back as they are."""
    marks = tuple(_marks(receipt, maybe_printed))
    return replace(receipt, blocks=marks + receipt.blocks) if marks else receipt


def _marks(receipt: Receipt, maybe_printed: bool) -> Iterator[Block]:
    english = receipt.language == "en"
    if receipt.copy:
        mark = f"** COPY {receipt.copy} **" if english else f"** 补打 第{receipt.copy}次 **"
        yield Text(mark, Align.CENTRE, size=2, bold=True)
    if receipt.late:
        late = "PRINTED AFTER RESTART" if english else "重启后打印"
        yield Text(late, Align.CENTRE, bold=True)
        if receipt.at:
            when = "original time" if english else "原交易时间"
            yield Text(f"{when} {receipt.at}", Align.CENTRE)
    if maybe_printed:
        doubt = "MAY HAVE BEEN PRINTED BEFORE" if english else "可能已打印过"
        once = "one and the same transaction" if english else "与前一张为同一笔交易"
        yield Text(doubt, Align.CENTRE, bold=True)
        yield Text(once, Align.CENTRE)
    if receipt.copy or receipt.late or maybe_printed:
        yield Rule(double=True)


class Words:
    """The words of one language, called by their name: a paper's `own` before those that papers
    share. An unknown language reads as zh-CN."""

    def __init__(
        self, language: str, own: Mapping[str, tuple[str, str]] = MappingProxyType({})
    ) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._index = LANGUAGES.index(self.language)
        self._own = own

    def __call__(self, name: str) -> str:
        return (self._own.get(name) or _WORDS[name])[self._index]

    def tender(self, name: str) -> str:
        """A tender that the shop made up prints under its own name."""
        return TENDERS[name][self._index] if name in TENDERS else name


def priced(amount_fen: int) -> str:
    """An amount that stands out: with the sign of the yuan."""
    return f"￥{yuan(amount_fen)}"


def top_lines(head: ShopHead, kind: str, say: Words) -> Iterator[Block]:
    """Whose paper it is and of which kind."""
    if head.has_logo:
        yield Logo()
    yield Text(head.name, Align.CENTRE, size=2, bold=True)
    if head.store:
        yield Text(head.store, Align.CENTRE)
    yield Text(say(kind), Align.CENTRE, bold=True)
    yield Rule(double=True)


def who_lines(head: ShopHead, number: str, at: str, cashier: str, say: Words) -> Iterator[Block]:
    """Number, time, cashier and device."""
    yield Pair(say("number"), number)
    yield Pair(say("at"), at)
    yield Pair(say("cashier"), cashier)
    if head.device:
        yield Pair(say("device"), head.device)
    yield Rule()


def member_lines(member: str, card_tail: str, balance: Purse, say: Words) -> Iterator[Block]:
    """The masked member, the card's tail and the three balances."""
    yield Rule()
    if member:
        yield Pair(say("member"), member)
    if card_tail:
        yield Pair(say("card_tail"), f"**** {card_tail}")
    yield Pair(say("principal"), yuan(balance.principal_fen))
    yield Pair(say("bonus"), yuan(balance.bonus_fen))
    yield Pair(say("balance"), priced(balance.total_fen), bold=True)
    yield Rule()


def tail_lines(head: ShopHead, reference: str, token: str, say: Words) -> Iterator[Block]:
    """The reference, the code to scan and what the shop ends its papers with."""
    yield Text(f"{say('reference')} {reference}")
    if token and head.show_qr:
        assert len(token) <= MOST_TOKEN and token.isascii(), "a token is short and ASCII"
        yield Qr(token, say("scan"))
    yield Text(head.footer or say("thanks"), Align.CENTRE)
    if head.address:
        yield Text(head.address, Align.CENTRE)
    if head.phone:
        yield Text(f"{say('phone')} {head.phone}", Align.CENTRE)


def document(receipt_id: str, number: str, at: str, blocks: list[Block], say: Words) -> Receipt:
    """The paper itself."""
    return Receipt(receipt_id, number, tuple(blocks), language=say.language, at=at)
