"""What receipts say, in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.money import Purse
from daemon.core.receipt import Pair, Qr, Receipt, Row, Text, receipt_from_json, receipt_to_json
from daemon.core.receipt_text import (
    LANGUAGES,
    Item,
    RechargeFacts,
    SaleFacts,
    ShopHead,
    VoidFacts,
    marked,
    recharge_receipt,
    sale_receipt,
    void_receipt,
)

HEAD = ShopHead("云杉茶铺", "人民路店", "0571-88881234", "人民路 18 号", "凭小票换取赠品", "C-01")
SALE = SaleFacts(
    number="S01-20261122-0001",
    at="2026-11-22 14:05:09",
    cashier="101 王*",
    amount_fen=1850,
    taken=Purse(1500, 350),
    balance=Purse(48500, 4650),
    member="张*",
    card_tail="0001",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0R",
    token="K7Q2M9XV4T8ZP3WB6C1N",
)
RECHARGE = RechargeFacts(
    number="R01-20261122-0002",
    at="2026-11-22 14:06:00",
    cashier="101 王*",
    amount_fen=50000,
    bonus_fen=5000,
    tender="cash",
    balance=Purse(98500, 9650),
    member="欧阳**",
    card_tail="0002",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0S",
    rule="充500送10%",
)
VOID = VoidFacts(
    number="V01-20261122-0003",
    at="2026-11-22 14:07:00",
    cashier="101 王*",
    voided_number="S01-20261122-0001",
    voided_at="2026-11-22 14:05:09",
    returned=Purse(1500, 350),
    balance=Purse(50000, 5000),
    member="张*",
    card_tail="0001",
    reference="01JDQ7ZK3T5M8P2V9X4B6C1N0T",
)


def said(receipt: Receipt) -> str:
    """All words of a receipt, a line for each block."""
    lines = []
    for block in receipt.blocks:
        match block:
            case Text(text):
                lines.append(text)
            case Pair(left, right):
                lines.append(f"{left}|{right}")
            case Row(cells):
                lines.append("|".join(cells))
            case Qr(text, caption):
                lines.append(f"QR {text} {caption}")
    return "\n".join(lines)


def test_a_sale_says_what_was_taken_and_what_is_left() -> None:
    text = said(sale_receipt("r1", HEAD, SALE))
    for line in (
        "云杉茶铺", "人民路店", "消费小票", "单号|S01-20261122-0001", "时间|2026-11-22 14:05:09",
        "收银员|101 王*", "设备|C-01", "储值消费|1|18.50", "实付|￥18.50", "储值-本金|15.00",
        "储值-赠金|3.50", "会员|张*", "卡号|**** 0001", "本金余额|485.00", "赠金余额|46.50",
        "卡内余额|￥531.50", "流水 01JDQ7ZK3T5M8P2V9X4B6C1N0R", "凭小票换取赠品",
        "人民路 18 号", "电话 0571-88881234",
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "合计" not in text
    assert "凭会员密码" not in text


def test_a_sale_in_english() -> None:
    text = said(sale_receipt("r1", replace(HEAD, footer=""), SALE, "en"))
    for line in ("SALE RECEIPT", "PAID|￥18.50", "From principal|15.00", "BALANCE|￥531.50"):
        assert line in text.splitlines()
    assert "Thank you" in text
    assert "消费" not in text


def test_a_discount_shows_list_price_and_lines() -> None:
    items = (Item("龙井", "2", 1756), Item("桂花糕", "1", 300))
    text = said(sale_receipt("r1", HEAD, replace(SALE, list_fen=2056, items=items)))
    for line in ("龙井|2|17.56", "合计|20.56", "会员优惠|-2.06", "实付|￥18.50"):
        assert line in text.splitlines()


def test_a_weak_card_is_named_as_such() -> None:
    assert "凭会员密码支付" in said(sale_receipt("r1", HEAD, replace(SALE, weak=True)))


def test_a_cash_recharge_says_what_was_given_and_opens_the_drawer() -> None:
    receipt = recharge_receipt("r2", HEAD, RECHARGE)
    text = said(receipt)
    for line in (
        "充值小票", "充值本金|500.00", "赠送金额|50.00", "到账|￥550.00", "支付方式|现金 500.00",
        "活动|充500送10%", "卡内余额|￥1081.50",
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "顾客签名" in text and "退还本金" in text
    assert receipt.open_drawer
    assert not recharge_receipt("r2", HEAD, replace(RECHARGE, tender="wechat")).open_drawer
    assert not recharge_receipt("r2", HEAD, replace(RECHARGE, open_drawer=False)).open_drawer


def test_signature_and_hint_can_be_left_out_or_replaced() -> None:
    text = said(recharge_receipt("r2", HEAD, replace(RECHARGE, sign=False, refund_hint="")))
    assert "签名" not in text and "退还" not in text
    assert "按章程" in said(recharge_receipt("r2", HEAD, replace(RECHARGE, refund_hint="按章程")))


def test_an_unknown_tender_prints_under_its_own_name() -> None:
    assert "食堂卡 500.00" in said(recharge_receipt("r2", HEAD, replace(RECHARGE, tender="食堂卡")))


def test_a_void_names_what_it_undoes() -> None:
    receipt = void_receipt("r3", HEAD, replace(VOID, approved_by="001 李*"))
    for line in (
        "撤销小票", "原单号|S01-20261122-0001", "原交易时间|2026-11-22 14:05:09",
        "批准人|001 李*", "退回本金|15.00", "退回赠金|3.50", "退回|￥18.50",
    ):  # fmt: skip
        assert line in said(receipt).splitlines()
    assert not receipt.open_drawer


def test_a_voided_cash_recharge_hands_the_money_back() -> None:
    facts = replace(VOID, of="recharge", handed_back_fen=50000, tenders=(("cash", 50000),))
    receipt = void_receipt("r3", HEAD, facts)
    assert "退款|￥500.00" in said(receipt) and "扣回本金|15.00" in said(receipt)
    assert receipt.open_drawer


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_receipt_survives_the_queue(language: str) -> None:
    for receipt in (
        sale_receipt("r1", HEAD, SALE, language),
        recharge_receipt("r2", HEAD, RECHARGE, language),
        void_receipt("r3", HEAD, VOID, language),
    ):
        assert receipt_from_json(receipt_to_json(receipt)) == receipt
        assert receipt.language == language
        assert receipt.at.startswith("2026-11-22")


def test_a_first_print_carries_no_mark() -> None:
    receipt = sale_receipt("r1", HEAD, SALE)
    assert marked(receipt) is receipt


def test_marks() -> None:
    receipt = sale_receipt("r1", HEAD, SALE)
    assert "补打 第2次" in said(marked(replace(receipt, copy=2)))
    late = said(marked(replace(receipt, late=True)))
    assert late.startswith("重启后打印\n原交易时间 2026-11-22 14:05:09\n云杉茶铺")
    assert "可能已打印过" in said(marked(receipt, maybe_printed=True))
    both = said(marked(replace(receipt, copy=1, late=True), maybe_printed=True))
    assert both.index("补打") < both.index("重启") < both.index("可能") < both.index("云杉")


def test_marks_in_english() -> None:
    receipt = replace(sale_receipt("r1", HEAD, SALE, "en"), copy=2, late=True)
    text = said(marked(receipt, maybe_printed=True))
    for mark in ("COPY 2", "PRINTED AFTER RESTART", "MAY HAVE BEEN PRINTED BEFORE"):
        assert mark in text


def test_a_shop_with_only_a_name_has_no_empty_lines() -> None:
    receipt = sale_receipt("r1", ShopHead("店"), replace(SALE, token=""))
    assert all(line.strip("|") for line in said(receipt).splitlines())
    assert not any(isinstance(block, Qr) for block in receipt.blocks)


def test_a_language_that_we_do_not_speak_reads_as_chinese() -> None:
    assert sale_receipt("r1", HEAD, SALE, "fr").language == "zh-CN"
