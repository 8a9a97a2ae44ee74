"""What the page must say, word for word, in both languages; written down here a second time, so
that a sentence which changes or goes missing is noticed."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["zh-CN", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh-CN", "en")

SAID: Final[dict[str, dict[Language, tuple[str, str]]]] = {
    "idle": {
        "zh-CN": ("可以收款", "输入金额后按「收款」，也可以先把会员卡放到读卡器上。"),
        "en": (
            "Ready",
            "Type an amount and press Charge, or lay the member's card on the reader first.",
        ),
    },
    "awaiting_card": {
        "zh-CN": ("请刷卡", "{amount} · 请会员把卡放到读卡器上"),
        "en": ("Tap the card", "{amount} · the member lays the card on the reader"),
    },
    "tap_again": {
        "zh-CN": ("请再刷一次", "{amount} · 还没有扣款，请用同一张卡再刷一次"),
        "en": ("Tap once more", "{amount} · nothing was taken yet; tap the same card again"),
    },
    "card_ready": {
        "zh-CN": ("卡已就绪", "输入金额后按「收款」，会直接从这张卡扣款。"),
        "en": (
            "Card is ready",
            "Type an amount and press Charge: it is taken from this card at once.",
        ),
    },
    "approved": {"zh-CN": ("已收款", "{amount}"), "en": ("Approved", "{amount}")},
    "voided": {
        "zh-CN": ("已作废", "{amount} 已退回会员账户"),
        "en": ("Voided", "{amount} is back on the member's account"),
    },
    "cancelled_by_cashier": {
        "zh-CN": ("已取消，没有扣款", "可以开始下一笔。"),
        "en": ("Cancelled, nothing was taken", "Ready for the next sale."),
    },
    "card_unknown": {
        "zh-CN": ("不认识这张卡", "请确认是本店的会员卡。需要的话，按 F9 找到会员后重新发卡。"),
        "en": (
            "This card is not known",
            "Check that it is a card of this shop. To issue one, find the member (F9).",
        ),
    },
    "card_lost": {
        "zh-CN": ("这张卡已挂失", "没有扣款。请核对会员身份；确认找回后，按 F9 解除挂失再收款。"),
        "en": (
            "This card was reported lost",
            "Nothing was taken. Check who the member is; if it was found, lift the report (F9).",
        ),
    },
    "card_locked": {
        "zh-CN": ("这张卡已锁定", "没有扣款。请核对会员身份，由店长按 F9 解锁后再收款。"),
        "en": (
            "This card is locked",
            "Nothing was taken. Check who the member is; the manager can unlock it (F9).",
        ),
    },
    "card_forged": {
        "zh-CN": ("卡未通过真伪验证", "没有扣款。请不要再次尝试，留意此卡并联系店长。"),
        "en": (
            "The card is not genuine",
            "Nothing was taken. Do not try again; keep an eye on it and call the manager.",
        ),
    },
    "card_rolled_back": {
        "zh-CN": (
            "卡内计数倒退，可能是旧副本",
            "没有扣款，此卡已自动锁定。请核对会员身份后换发新卡（F9）。",
        ),
        "en": (
            "The card's counter went back: an old copy?",
            "Nothing was taken; the card is locked. Check the member, reissue (F9).",
        ),
    },
    "insufficient_funds": {
        "zh-CN": (
            "余额不足，还差 {short}",
            "卡内可用 {left}。请会员充值（F4），或改用其他方式付款。",
        ),
        "en": (
            "Not enough money: {short} short",
            "{left} is available. Recharge (F4) or take another payment.",
        ),
    },
    "pin_wrong": {
        "zh-CN": ("密码不对，还可以试 {left} 次", "请会员重新输入密码。"),
        "en": ("Wrong PIN, {left} tries left", "Ask the member to type it again."),
    },
    "card_torn": {
        "zh-CN": ("刷卡中断，结果未知", "请用同一张卡再刷一次，系统会查明结果，不会重复扣款。"),
        "en": (
            "The tap was cut off: result unknown",
            "Tap the same card again. It will be settled and never charged twice.",
        ),
    },
    "restarted": {
        "zh-CN": ("刷卡之前设备重启了，没有扣款", "请重新收款。"),
        "en": ("The device restarted before the tap, nothing was taken", "Charge again."),
    },
    "sign_in_failed": {
        "zh-CN": ("工号或密码不对", "还可以试 {left} 次。"),
        "en": ("Wrong number or PIN", "{left} tries left."),
    },
    "double_tap": {
        "zh-CN": (
            "同一张卡、同样的金额，再收一次？",
            "刚刚已经收过一笔。如果只是多刷了一下，请选「不收」。",
        ),
        "en": (
            "Same card, same amount: charge again?",
            "It was charged a moment ago. If it was tapped twice by accident, choose No.",
        ),
    },
}
"""Title and advice, with places for facts."""

WORD: Final[dict[str, dict[Language, str]]] = {
    "language": {"zh-CN": "中文", "en": "English"},
    "principal_taken": {"zh-CN": "本金支付", "en": "From principal"},
    "bonus_taken": {"zh-CN": "赠金支付", "en": "From bonus"},
    "balance_now": {"zh-CN": "现在余额", "en": "Balance now"},
    "principal": {"zh-CN": "本金", "en": "Principal"},
    "bonus": {"zh-CN": "赠金", "en": "Bonus"},
    "secure_card": {"zh-CN": "安全芯片卡", "en": "Secure chip card"},
    "plain_card": {"zh-CN": "普通卡", "en": "Plain card"},
    "weak": {"zh-CN": "弱验证", "en": "Weak proof"},
    "receipt": {"zh-CN": "小票", "en": "Receipt"},
    "printed": {"zh-CN": "已打印", "en": "Printed"},
    "recharge": {"zh-CN": "充值", "en": "Recharge"},
    "recharge_do": {"zh-CN": "确认充值", "en": "Recharge"},
    "recharge_done": {"zh-CN": "充值成功", "en": "Recharged"},
    "gift": {"zh-CN": "送 {amount}", "en": "+ {amount}"},
    "cash": {"zh-CN": "现金", "en": "Cash"},
    "done": {"zh-CN": "完成", "en": "Done"},
    "void": {"zh-CN": "作废", "en": "Void"},
    "void_title": {"zh-CN": "作废这笔收款？", "en": "Void this sale?"},
    "void_yes": {"zh-CN": "确认作废", "en": "Void it"},
    "sales": {"zh-CN": "记录", "en": "Sales"},
    "parked_title": {"zh-CN": "挂单", "en": "Parked sales"},
    "parked_resume": {"zh-CN": "继续收款", "en": "Take up"},
    "double_no": {"zh-CN": "不收", "en": "No"},
    "double_yes": {"zh-CN": "再收一次", "en": "Charge again"},
    "pin_title": {"zh-CN": "请输入支付密码", "en": "Enter your payment PIN"},
    "other_card": {"zh-CN": "不是刚才那张卡", "en": "That is another card"},
    "one_waiting": {"zh-CN": "1 张待打印", "en": "1 waiting"},
    "waiting": {"zh-CN": "等待打印", "en": "Waiting"},
    "paper_out": {"zh-CN": "打印机缺纸", "en": "Out of paper"},
    "last_run": {
        "zh-CN": "设备重启过，请核对上次的收款",
        "en": "The device restarted: check the last sales",
    },
    "not_taken": {"zh-CN": "没有扣款", "en": "nothing was taken"},
    "resolve": {"zh-CN": "查明", "en": "Look it up"},
    "seen": {"zh-CN": "知道了", "en": "Got it"},
}


def said(key: str, language: Language, **facts: object) -> tuple[str, str]:
    """Title and advice with the facts in their places."""
    title, advice = SAID[key][language]
    return title.format(**facts), advice.format(**facts)


def yuan(amount_fen: int) -> str:
    return f"¥{amount_fen // 100:,}.{amount_fen % 100:02d}"
