"""The shop's logo on its receipts: drawn where it can be, and never in the way of the receipt."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.core.errors import PrinterError
from daemon.core.money import Purse
from daemon.core.receipt import Logo, Receipt, Text, receipt_from_json, receipt_to_json
from daemon.core.receipt_text import RechargeFacts, ShopHead, recharge_receipt
from daemon.printer.gb18030 import Encoding, native_job
from daemon.printer.layout import PictureLine, TextLine, lay_out
from daemon.printer.raster import Rasterizer, find_fonts, logo_picture
from tests.budget import examples


def png(width: int = 40, height: int = 20, *, mode: str = "L", colour: object = 0) -> bytes:
    written = io.BytesIO()
    Image.new(mode, (width, height), colour).save(written, "PNG")  # type: ignore[arg-type]
    return written.getvalue()


BLACK = png()
RECEIPT = Receipt("r", "n", (Logo(), Text("店")))


def test_a_receipt_says_where_the_logo_goes_and_does_not_carry_it() -> None:
    assert receipt_from_json(receipt_to_json(RECEIPT)) == RECEIPT
    assert receipt_to_json(RECEIPT)["blocks"][0] == {"block": "logo"}
    assert lay_out(RECEIPT, 32, BLACK) == (PictureLine(BLACK), TextLine("店"))
    assert lay_out(RECEIPT, 32) == (TextLine("店"),)


def test_only_a_shop_with_a_logo_has_it() -> None:
    facts = RechargeFacts("n", "at", "1", 100, 0, "cash", Purse(100, 0), "", "", "ref")
    plain = recharge_receipt("r", ShopHead("店"), facts)
    assert recharge_receipt("r", ShopHead("店", has_logo=True), facts).blocks == (
        Logo(),
        *plain.blocks,
    )


def test_black_is_ink_and_nothing_is_not() -> None:
    drawn = logo_picture(BLACK, 384)
    assert drawn.size == (40, 20) and drawn.mode == "1" and drawn.getextrema() == (255, 255)
    clear = png(mode="RGBA", colour=(0, 0, 0, 0))
    assert logo_picture(clear, 384).getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(1_000, 100, (192, 19)), (100, 1_000, (16, 160)), (2_000, 1, (192, 1))],
)
def test_a_large_logo_is_made_small(width: int, height: int, size: tuple[int, int]) -> None:
    assert logo_picture(png(width, height), 384).size == size


def test_it_stands_in_the_middle_above_the_name() -> None:
    try:
        fonts = find_fonts()
    except PrinterError:
        pytest.skip("no Chinese font on this machine")
    rasterizer = Rasterizer(32, fonts)
    with_logo = rasterizer.draw(lay_out(RECEIPT, 32, BLACK))
    without = rasterizer.draw(lay_out(RECEIPT, 32))
    assert with_logo.height == without.height + 28
    assert with_logo.crop((0, 0, 384, 28)).getbbox() == (172, 0, 212, 20)
    assert with_logo.crop((0, 28, 384, with_logo.height)).tobytes() == without.tobytes()


def test_a_printer_of_text_goes_without() -> None:
    lines = lay_out(RECEIPT, 32, BLACK)
    plain = native_job(lay_out(RECEIPT, 32), 32, Encoding.GB18030, None)
    assert native_job(lines, 32, Encoding.GB18030, None) == plain


@examples(200, nightly=10_000)
@given(st.integers(8, len(BLACK) - 1), st.binary(max_size=12), st.booleans())
def test_a_broken_logo_does_not_keep_the_receipt(at: int, put: bytes, cut: bool) -> None:
    spoilt = BLACK[:at] + put + (b"" if cut else BLACK[at + len(put) :])
    drawn = logo_picture(spoilt, 384)
    assert drawn.mode == "1" and drawn.width <= 192 and drawn.height <= 160
