"""How long a receipt takes to compose and how many bytes it is: `python -m bench receipt --json`.

Cold is the first receipt of a process that drew nothing before; `start` is the drawing of our own
words that the daemon does before the first customer; warm is the median and the slowest twentieth
after that, every receipt with another number, amount, name and code.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PIL import ImageChops, ImageOps

from daemon.core.errors import PrinterError
from daemon.core.money import Purse
from daemon.core.receipt import Receipt
from daemon.core.receipt_text import Item, SaleFacts, ShopHead, sale_receipt
from daemon.printer.gb18030 import Encoding, native_job
from daemon.printer.layout import lay_out
from daemon.printer.raster import Rasterizer, find_fonts

COLUMNS = {"80": 48, "58": 32}
MARGIN_DOTS = 24
"""What a print head leaves white at both edges, for the samples only."""
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
HEAD = ShopHead("云杉茶铺", "人民路店", "0571-8888 1234", "杭州市上城区人民路 18 号", "", "C-01")


def a_receipt(n: int, language: str = "zh-CN") -> Receipt:
    """The n-th sale of a day."""
    amount_fen = 1850 + 137 * n
    principal_fen = amount_fen * 4 // 5
    facts = SaleFacts(
        number=f"S01-20261122-{n:04d}",
        at=f"2026-11-22 14:{n // 60 % 60:02d}:{n % 60:02d}",
        cashier="101 王*",
        amount_fen=amount_fen,
        taken=Purse(principal_fen, amount_fen - principal_fen),
        balance=Purse(3_200_00 - 10 * n, 465_00 + n),
        member=f"{SURNAMES[n % len(SURNAMES)]}*",
        card_tail=f"{n:04d}",
        reference="01JDQ7ZK3T5M8P2V9X4B6C1N0R",
        list_fen=amount_fen + 206,
        items=(Item("龙井（明前）大杯", "2", amount_fen - 94), Item("桂花糕", "1", 300)),
        token=f"K7Q2M9XV4T8ZP3W{n:05d}",
    )
    return sale_receipt("01JDQ7ZK3T5M8P2V9X4B6C1N0R", HEAD, facts, language)


def measure_raster(columns: int, rounds: int) -> dict[str, Any]:
    """Milliseconds and bytes of pictures on a paper of `columns`."""
    fonts = find_fonts()
    cold = Rasterizer(columns, fonts)
    cold_ms = timed(lambda: cold.job(lay_out(a_receipt(0), columns)))
    warm = Rasterizer(columns, fonts)
    start_ms = timed(warm.warm)
    spent_ms = [
        timed(partial(lambda n: warm.job(lay_out(a_receipt(n), columns)), n))
        for n in range(1, rounds + 1)
    ]
    preview_ms = timed(lambda: warm.png(lay_out(a_receipt(1), columns)))
    return {
        "cold_ms": cold_ms,
        "start_ms": start_ms,
        "first_after_start_ms": spent_ms[0],
        "warm_ms": round(statistics.median(spent_ms), 2),
        "warm_p95_ms": round(statistics.quantiles(spent_ms, n=20)[-1], 2),
        "preview_png_ms": preview_ms,
        "bytes": sum(map(len, warm.job(lay_out(a_receipt(1), columns)))),
    }


def measure_native(columns: int, rounds: int) -> dict[str, Any]:
    """Milliseconds and bytes of GB18030 text on a paper of `columns`."""

    def compose(n: int) -> list[bytes]:
        return native_job(lay_out(a_receipt(n), columns), columns, Encoding.GB18030, None)

    spent_ms = [timed(partial(compose, n)) for n in range(rounds)]
    size = sum(map(len, compose(1)))
    return {
        "warm_ms": round(statistics.median(spent_ms), 2),
        "warm_p95_ms": round(statistics.quantiles(spent_ms, n=20)[-1], 2),
        "bytes": size,
        "at_9600_baud_s": round(size * 10 / 9600, 2),
    }


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return round((time.perf_counter() - begun) * 1000, 2)


def write_samples(folder: Path) -> None:
    """receipt-80.png (zh-CN) and receipt-58.png (en), as the daemon would show them."""
    folder.mkdir(parents=True, exist_ok=True)
    for (name, columns), language in zip(COLUMNS.items(), ("zh-CN", "en"), strict=True):
        paper = Rasterizer(columns, find_fonts()).draw(lay_out(a_receipt(1, language), columns))
        framed = ImageOps.expand(ImageChops.invert(paper), border=MARGIN_DOTS, fill=255)
        framed.save(folder / f"receipt-{name}.png")


def main(argv: list[str]) -> int:
    """Prints the figures; exit 1 where no Chinese font is installed."""
    parser = argparse.ArgumentParser(prog="bench receipt", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--samples", type=Path, help="write two sample papers to this folder")
    options = parser.parse_args(argv)
    try:
        if options.samples:
            write_samples(options.samples)
            return 0
        figures = {
            f"{mode}_{name}": measure(columns, max(20, options.rounds))
            for name, columns in COLUMNS.items()
            for mode, measure in (("raster", measure_raster), ("gb18030", measure_native))
        }
    except PrinterError as error:
        print(f"receipt: {error}: install fonts-wqy-microhei")
        return 1
    if options.json:
        print(json.dumps(figures, indent=2))
        return 0
    for name, measured in figures.items():
        print(name, *(f"{key} {value}" for key, value in measured.items()), sep="  ")
    return 0
