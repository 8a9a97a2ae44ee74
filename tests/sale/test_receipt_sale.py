"""What the papers of baskets say, in both languages, and that they fit both widths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.money import Purse
from daemon.core.receipt import Pair, Receipt, Row, Text, receipt_from_json, receipt_to_json
from daemon.core.receipt_sale import (
    BasketFacts,
    DebtFacts,
    Discount,
    LineFacts,
    PassFacts,
    RefundFacts,
    basket_receipt,
    refund_receipt,
)
from daemon.core.receipt_text import ShopHead
from daemon.printer.layout import lay_out

HEAD = ShopHead("云剪美发", "人民路店", device="C-01")
SALE = BasketFacts(
    number="S1-20261122-0001",
    at="2026-11-22 14:05:09",
    cashier="101",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0R",
    lines=(
        LineFacts("剪发", "1", 6_800, (Discount("member", "金卡", 1_360),)),
        LineFacts(
            "洗发水 @59.90",
            "2",
            11_980,
            (Discount("promotion", "第二瓶半价", 2_995), Discount("coupon", "新人券", 1_000)),
        ),
        LineFacts("剪发", "1", 6_800, (Discount("prepaid", "剪发十次卡", 6_800),)),
        LineFacts("旅行套装", "1", 4_500, (Discount("gift", "", 4_500),)),
    ),
    paid_fen=13_425,
    taken=Purse(5_000, 425),
    tenders=(("cash", 8_000),),
    change_fen=2_000,
    member="张*",
    card_tail="0001",
    balance=Purse(45_000, 4_575),
    points_used=200,
    points_earned=130,
    points_left=930,
    passes_used=(PassFacts("剪发十次卡", 1, 6, "2027-11-21"),),
    passes_bought=(PassFacts("护理五次卡", 5, None, "2027-05-20"),),
    coupons=("ABC123",),
    level="银级",
    level_up="银级",
    token="01JDQ7ZK3T5M8P2V9X4B6C1N0R",
)
REFUND = RefundFacts(
    number="S1-20261122-0002",
    at="2026-11-22 15:05:09",
    cashier="101",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0S",
    sold_number="S1-20261122-0001",
    sold_at="2026-11-22 14:05:09",
    lines=(LineFacts("剪发", "1", 6_800, (Discount("member", "金卡", 1_360),)),),
    paid_fen=5_440,
    returned=Purse(2_000, 170),
    tenders=(("cash", 3_270),),
    member="张*",
    card_tail="0001",
    balance=Purse(47_000, 4_745),
    points_back=20,
    points_taken=30,
    points_left=920,
    passes_back=(PassFacts("剪发十次卡", 1),),
    coupons=("ABC123",),
    debts=(DebtFacts("points", 24, 24), DebtFacts("uses", 3, 15_000)),
    approved_by="9",
)


def said(receipt: Receipt) -> str:
    rows = []
    for block in receipt.blocks:
        match block:
            case Text(text):
                rows.append(text)
            case Pair(left, right):
                rows.append(f"{left}|{right}")
            case Row(cells):
                rows.append("|".join(cells))
    return "\n".join(rows)


def test_a_sale_explains_itself() -> None:
    text = said(basket_receipt("r1", HEAD, SALE))
    for part in (
        "剪发|1|68.00",
        "会员折扣 金卡|-13.60",
        "第二瓶半价|-29.95",
        "优惠券 新人券|-10.00",
        "次卡 剪发十次卡|-68.00",
        "积分兑换|-45.00",
        "原价合计|300.80",
        "优惠合计|-166.55",
        "实付|￥134.25",
        "储值-本金|50.00",
        "储值-赠金|4.25",
        "现金|80.00",
        "实收现金|100.00",
        "找零|20.00",
        "优惠券|ABC123",
        "剪发十次卡 使用 1 次|剩 6 次",
        "护理五次卡 购入 5 次",
        "有效期至 2027-05-20",
        "使用积分|200",
        "本次积分|130",
        "积分余额|930",
        "恭喜升级为 银级",
        "卡内余额|￥495.75",
    ):
        assert part in text, part
    english = said(basket_receipt("r1", HEAD, SALE, "en"))
    for part in ("Member discount 金卡", "Coupon 新人券", "For points", "Change|20.00", "6 left"):
        assert part in english, part


def test_a_refund_says_what_it_could_not_take_back() -> None:
    text = said(refund_receipt("r2", HEAD, REFUND))
    for part in (
        "退款小票",
        "原单号|S1-20261122-0001",
        "批准人|9",
        "退款|￥54.40",
        "退回本金|20.00",
        "现金|32.70",
        "剪发十次卡 退回 1 次",
        "优惠券已退回|ABC123",
        "退回积分|20",
        "扣回积分|30",
        "已用积分 24 分未扣回 折合 ￥0.24",
        "已用次数 3 次未扣回 折合 ￥150.00",
    ):
        assert part in text, part
    english = said(refund_receipt("r2", HEAD, REFUND, "en"))
    assert "24 points already spent worth ￥0.24" in english
    assert "撤销小票" in said(refund_receipt("r2", HEAD, replace(REFUND, of_void=True)))


def test_nobodys_sale_names_nobody() -> None:
    walk_in = replace(SALE, balance=None, member="", card_tail="", points_left=None)
    text = said(basket_receipt("r1", HEAD, walk_in))
    assert "会员|" not in text and "余额" not in text


def test_cash_opens_the_drawer_and_nothing_else_does() -> None:
    assert basket_receipt("r1", HEAD, SALE).open_drawer
    assert not basket_receipt("r1", HEAD, replace(SALE, tenders=(("wechat", 1),))).open_drawer
    assert refund_receipt("r2", HEAD, REFUND).open_drawer
    assert not refund_receipt("r2", HEAD, replace(REFUND, tenders=())).open_drawer


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("columns", [32, 48])
def test_every_paper_is_kept_and_fits(language: str, columns: int) -> None:
    for receipt in (
        basket_receipt("r1", HEAD, SALE, language),
        refund_receipt("r2", HEAD, REFUND, language),
    ):
        assert receipt_from_json(receipt_to_json(receipt)) == receipt
        assert lay_out(receipt, columns)
