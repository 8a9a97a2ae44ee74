"""What the papers of a shift say (E3), in zh-CN or en: the Z report at its end, an X report in
between, and the slips of cash that went in or out of the drawer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.money import yuan
from daemon.core.receipt import Align, Block, Feed, Pair, Receipt, Row, Rule, Text
from daemon.core.receipt_text import ShopHead, Words

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "z": ("交班日结单 (Z)", "Z REPORT"),
    "x": ("班次中间报表 (X)", "X REPORT"),
    "number": ("单号", "No."),
    "shift": ("班次", "Shift"),
    "opened": ("开班", "Opened"),
    "closed": ("交班", "Closed"),
    "printed": ("打印", "Printed"),
    "by": ("经手人", "By"),
    "device": ("设备", "Device"),
    "sales": ("销售", "Sales"),
    "refunds": ("退货", "Refunds"),
    "voids": ("撤销", "Voids"),
    "discount": ("优惠合计", "Discounts"),
    "overrides": ("其中改价", "Prices changed"),
    "recharges": ("储值本金", "Recharges"),
    "bonus": ("储值赠金", "Bonus given"),
    "recharge_voids": ("撤销储值", "Recharges voided"),
    "balance_refunds": ("退卡退款", "Balance refunds"),
    "fees": ("手续费", "Fees"),
    "points_given": ("发放积分", "Points given"),
    "points_used": ("使用积分", "Points used"),
    "passes_given": ("售出次数", "Passes given"),
    "passes_used": ("消费次数", "Passes used"),
    "tender": ("支付方式", "Tender"),
    "taken": ("收入", "Taken"),
    "paid_out": ("支出", "Paid out"),
    "drawer": ("钱箱现金", "CASH IN DRAWER"),
    "float": ("备用金", "Float"),
    "cash_taken": ("现金收款", "Cash taken"),
    "cash_paid_out": ("现金退款", "Cash paid out"),
    "in": ("放入", "Cash in"),
    "out": ("取出", "Cash out"),
    "found": ("交接差额", "Found at hand-over"),
    "expected": ("应有现金", "Expected"),
    "counted": ("实点现金", "Counted"),
    "difference": ("长短款", "Difference"),
    "note": ("面额", "Note"),
    "count": ("张数", "Count"),
    "amount": ("金额", "Amount"),
    "cashier": ("收银员", "Cashier"),
    "loaded": ("储值", "Loaded"),
    "cash": ("现金", "Cash"),
    "entries": ("流水", "Entries"),
    "signature": ("签名", "Signature"),
    "cash_in_slip": ("现金放入单", "CASH IN"),
    "cash_out_slip": ("现金取出单", "CASH OUT"),
    "drawer_slip": ("开钱箱", "DRAWER OPENED"),
    "reason": ("原因", "Reason"),
    "approved_by": ("批准人", "Approved by"),
}


@dataclass(frozen=True, slots=True)
class ShiftPaper:
    """`kind` is "z" or "x"; `report` is as `daemon.core.shift_report.figures` makes it; `counted`
    notes by value in fen. `closed` is the time of printing on an X report."""

    kind: str
    number: str
    shift: int
    opened: str
    opened_by: str
    closed: str
    closed_by: str
    first_dseq: int
    last_dseq: int
    report: Mapping[str, Any]
    counted: Mapping[str, int]
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class DrawerSlip:
    """`kind` is cash_in, cash_out or drawer; `reason` as the cashier typed it."""

    kind: str
    number: str
    at: str
    by: str
    reason: str
    amount_fen: int = 0
    approved_by: str = ""


def shift_receipt(
    receipt_id: str, head: ShopHead, paper: ShiftPaper, language: str = "zh-CN"
) -> Receipt:
    """The paper of an X or Z report."""
    say = Words(language, _WORDS)
    blocks = [
        *_top(head, say(paper.kind)),
        *_who(head, paper, say),
        *_business(paper.report, say),
        *_tenders(paper.report, say),
        *_drawer(paper, say),
        *_cashiers(paper.report, say),
        Pair(say("entries"), f"{paper.first_dseq}-{paper.last_dseq}"),
    ]
    if paper.kind == "z":
        blocks += [Feed(), Text(f"{say('signature')}: " + "_" * 20)]
    return Receipt(receipt_id, paper.number, tuple(blocks), language=say.language, at=paper.closed)


def drawer_receipt(
    receipt_id: str, head: ShopHead, slip: DrawerSlip, language: str = "zh-CN"
) -> Receipt:
    """The slip of a drawer that was opened without a sale. Opens the drawer."""
    say = Words(language, _WORDS)
    blocks: list[Block] = [*_top(head, say(f"{slip.kind}_slip"))]
    blocks += [Pair(say("number"), slip.number), Pair(say("printed"), slip.at)]
    blocks.append(Pair(say("by"), slip.by))
    if slip.approved_by:
        blocks.append(Pair(say("approved_by"), slip.approved_by))
    if slip.amount_fen:
        blocks.append(Pair(say("amount"), f"￥{yuan(slip.amount_fen)}", size=2, bold=True))
    blocks.append(Text(f"{say('reason')}: {slip.reason}"))
    blocks += [Feed(), Text(f"{say('signature')}: " + "_" * 20)]
    return Receipt(
        receipt_id,
        slip.number,
        tuple(blocks),
        language=say.language,
        open_drawer=True,
        at=slip.at,
    )


def _top(head: ShopHead, title: str) -> Iterator[Block]:
    yield Text(head.name, Align.CENTRE, size=2, bold=True)
    if head.store:
        yield Text(head.store, Align.CENTRE)
    yield Text(title, Align.CENTRE, bold=True)
    yield Rule(double=True)


def _who(head: ShopHead, paper: ShiftPaper, say: Words) -> Iterator[Block]:
    yield Pair(say("number"), paper.number)
    yield Pair(say("shift"), str(paper.shift))
    yield Pair(say("opened"), f"{paper.opened} {paper.opened_by}")
    ended = "closed" if paper.kind == "z" else "printed"
    yield Pair(say(ended), f"{paper.closed} {paper.closed_by}")
    if paper.approved_by:
        yield Pair(say("approved_by"), paper.approved_by)
    if head.device:
        yield Pair(say("device"), head.device)
    yield Rule()


def _business(report: Mapping[str, Any], say: Words) -> Iterator[Block]:
    for name in ("sales", "refunds", "voids", "fees"):
        yield _counted(say(name), report[name])
    yield Pair(say("discount"), yuan(report["discount_fen"]))
    changed = report.get("overrides")  # Reports of releases before knew none.
    if changed is not None and changed["count"]:
        yield _counted(say("overrides"), changed)
    yield _counted(say("recharges"), report["recharges"])
    yield Pair(say("bonus"), yuan(report["bonus_fen"]))
    yield _counted(say("recharge_voids"), report["recharge_voids"])
    yield _counted(say("balance_refunds"), report["balance_refunds"])
    for asset in ("points", "passes"):
        for way in ("given", "used"):
            if report[asset][way]:
                yield Pair(say(f"{asset}_{way}"), str(report[asset][way]))
    yield Rule()


def _counted(label: str, both: Mapping[str, int]) -> Pair:
    return Pair(f"{label} x{both['count']}", yuan(both["fen"]))


def _tenders(report: Mapping[str, Any], say: Words) -> Iterator[Block]:
    weights = (4, 3, 3)
    yield Row((say("tender"), say("taken"), say("paid_out")), weights)
    for row in report["tenders"]:
        cells = (say.tender(row["tender"]), yuan(row["taken_fen"]), yuan(row["paid_out_fen"]))
        yield Row(cells, weights)
    yield Rule()


def _drawer(paper: ShiftPaper, say: Words) -> Iterator[Block]:
    cash = paper.report["cash"]
    yield Text(say("drawer"), bold=True)
    yield Pair(say("float"), yuan(cash["float_fen"]))
    yield Pair(say("cash_taken"), yuan(cash["taken_fen"]))
    yield Pair(say("cash_paid_out"), yuan(-cash["paid_out_fen"]))
    yield Pair(say("in"), yuan(cash["in_fen"]))
    yield Pair(say("out"), yuan(-cash["out_fen"]))
    if cash["found_fen"]:
        yield Pair(say("found"), yuan(cash["found_fen"]))
    yield Pair(say("expected"), f"￥{yuan(cash['expected_fen'])}", bold=True)
    if cash["counted_fen"] is not None:
        weights = (4, 2, 4)
        yield Row((say("note"), say("count"), say("amount")), weights)
        for value, count in sorted(paper.counted.items(), key=lambda row: -int(row[0])):
            yield Row((yuan(int(value)), str(count), yuan(int(value) * count)), weights)
        yield Pair(say("counted"), f"￥{yuan(cash['counted_fen'])}", bold=True)
        yield Pair(say("difference"), f"￥{yuan(cash['difference_fen'])}", size=2, bold=True)
    yield Rule()


def _cashiers(report: Mapping[str, Any], say: Words) -> Iterator[Block]:
    weights = (2, 3, 3, 3)
    yield Row((say("cashier"), say("sales"), say("loaded"), say("cash")), weights)
    for row in report["cashiers"]:
        sold = row["sales"]["fen"] - row["refunds"]["fen"]
        cells = (row["number"], yuan(sold), yuan(row["recharges"]["fen"]), yuan(row["cash_fen"]))
        yield Row(cells, weights)
    yield Rule()
