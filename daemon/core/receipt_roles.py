"""What a printer that does not serve the customer makes of a receipt: the shop's copy, whole, and
the slip for the kitchen or workshop, which is told what was ordered and nothing about money."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from daemon.core.printer_model import Model, Role
from daemon.core.receipt import Align, Block, Feed, Pair, Qr, Receipt, Row, Rule, Text

SALE: Final = "sale"
INTERNAL: Final = frozenset(
    (
        "shift_open",
        "shift_hand_over",
        "shift_close",
        "shift_x",
        "cash_in",
        "cash_out",
        "drawer_opened",
    )
)
"""Papers of the till itself: nobody's but its own."""


def for_role(receipt: Receipt, kind: str, role: Role) -> Receipt | None:
    """What `role` prints of the receipt of an operation of `kind`; None: nothing. Never opens a
    drawer, but at the customer's printer."""
    match role:
        case Role.CUSTOMER:
            return receipt
        case Role.SHOP:
            return None if kind in INTERNAL else _copy(receipt)
        case Role.KITCHEN:
            return _slip(receipt) if kind == SALE else None


def _copy(receipt: Receipt) -> Receipt:
    words = "SHOP'S COPY" if receipt.language == "en" else "商户联"
    mark = (Text(words, Align.CENTRE, bold=True), Rule())
    return replace(receipt, blocks=mark + receipt.blocks, open_drawer=False)


def _slip(receipt: Receipt) -> Receipt | None:
    """None where the receipt has no goods."""
    goods = [block for block in receipt.blocks if isinstance(block, Row)][1:]
    if not goods:
        return None
    english = receipt.language == "en"
    title = "ORDER" if english else "制作单"
    blocks: list[Block] = [Text(title, Align.CENTRE, size=2, bold=True)]
    blocks.append(Pair("No." if english else "单号", receipt.number))
    if receipt.at:
        blocks.append(Pair("Time" if english else "时间", receipt.at))
    blocks.append(Rule(double=True))
    for row in goods:
        name, quantity = row.cells[0], row.cells[1] if len(row.cells) > 2 else ""
        blocks.append(Pair(name, f"x {quantity}" if quantity else "", size=2, bold=True))
    blocks += [Rule(double=True), Feed(1)]
    return replace(receipt, blocks=tuple(blocks), open_drawer=False)


def trial_page(
    page_id: str, name: str, role: Role, model: Model, at: str, language: str
) -> Receipt:
    """A page that shows what a printer can do: its whole width, Chinese, sizes, a code, the cut;
    it opens the drawer where there is one."""
    english = language == "en"
    blocks = tuple(_test_blocks(name, role, model, at, english))
    return Receipt(page_id, "TEST", blocks, language, open_drawer=model.drawer_pin != 0, at=at)


def _test_blocks(name: str, role: Role, model: Model, at: str, english: bool) -> Iterator[Block]:
    columns = model.columns
    yield Text("PRINTER TEST" if english else "打印机测试页", Align.CENTRE, size=2, bold=True)
    yield Pair("Printer" if english else "打印机", name)
    yield Pair("For" if english else "用途", role.value)
    yield Pair("Time" if english else "时间", at)
    yield Pair(f"{model.width_mm} mm", f"{model.dots} / {columns} / {model.encoding}")
    yield Rule()
    yield Text(_ruler(columns))
    yield Text("".join("|" if n % 10 == 0 else "." for n in range(1, columns + 1)))
    yield Text("汉" * (columns // 2))
    yield Rule()
    yield Text("云杉茶铺：储值消费 ￥18.50，本金、赠金（100%）")
    yield Text("會員儲值卡 實付 ￥18.50 ·—…℃")
    yield Text("㛃䶮 " + ("drawn where the ROM lacks it" if english else "生僻字按图打印"))
    yield Text("The quick brown fox 0123456789")
    yield Text("大字 Abc 88.00", size=2)
    yield Text("粗体 bold", bold=True)
    yield Row(("左 left", "2", "18.50"), (5, 2, 3))
    yield Qr("counterd printer test", "QR")
    yield Rule(double=True)
    said = "then: cut" if english else "随后：切纸"
    if not model.cutter:
        said = "tear off here" if english else "请在此撕下"
    if model.drawer_pin:
        said += ", drawer" if english else "、开钱箱"
    if model.buzzer.value != "none":
        said += ", buzzer" if english else "、蜂鸣"
    yield Text(said, Align.CENTRE)


def _ruler(columns: int) -> str:
    """1234567890... to the last column: a paper that is too narrow wraps it."""
    return "".join(str(n % 10) for n in range(1, columns + 1))
