"""What kinds of receipt printer there are, and what each is for: plain facts, no driver.

The models are those that shops of the mainland, of Taiwan and Hong Kong commonly own, as they are
commonly sold; nobody held them against each maker's manual. The test page shows what differs, and
everything of a model can be said otherwise in the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

ENCODINGS: Final = ("raster", "gb18030", "gbk", "big5")
WIDTHS_MM: Final = (58, 80)
LEAST_DOTS, MOST_DOTS = 240, 832
"""Of a line: 30 mm at 203 dots per inch, and four inches."""


class Role(Enum):
    """What a printer prints. CUSTOMER: every receipt. SHOP: the shop's copy of them. KITCHEN: the
    lines of a sale, without money."""

    CUSTOMER = "customer"
    SHOP = "shop"
    KITCHEN = "kitchen"


class Buzzer(Enum):
    """How it is told to beep. ESC_B n t: most makers of the mainland. ESC_A, `ESC ( A`: Epson."""

    NONE = "none"
    ESC_B = "esc_b"
    ESC_A = "esc_a"


class Answers(Enum):
    """Whether it answers DLE EOT. YES: silence means that it is not there. NO: it is not asked.
    UNKNOWN: it is asked, and silence is shown as unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Model:
    """`dots` of a line; `encoding` of `ENCODINGS`; `band_rows` rows of a picture that it takes at
    once; `drawer_pin` 2 or 5 of the drawer's connector, 0 where it has none."""

    width_mm: int
    dots: int
    encoding: str = "raster"
    cutter: bool = True
    drawer_pin: int = 2
    buzzer: Buzzer = Buzzer.NONE
    answers: Answers = Answers.UNKNOWN
    band_rows: int = 128

    @property
    def columns(self) -> int:
        """Of 12 dots; even, so that a row of a picture is whole bytes."""
        return self.dots // 24 * 2


MODELS: Final[Mapping[str, Model]] = {
    "generic-80": Model(80, 576),
    "generic-58": Model(58, 384, cutter=False),
    "generic-80-serial": Model(80, 576, "gb18030"),
    "generic-58-serial": Model(58, 384, "gbk", cutter=False),
    "generic-80-big5": Model(80, 576, "big5"),
    "xprinter-xp-80": Model(80, 576, buzzer=Buzzer.ESC_B, answers=Answers.YES),
    "xprinter-xp-58": Model(58, 384, cutter=False),
    "gprinter-gp-80": Model(80, 576, buzzer=Buzzer.ESC_B, answers=Answers.YES),
    "zjiang-zj-5890": Model(58, 384, cutter=False, answers=Answers.NO, band_rows=64),
    "epson-tm-t82": Model(80, 576, buzzer=Buzzer.ESC_A, answers=Answers.YES),
    "epson-tm-t88-42": Model(80, 512, buzzer=Buzzer.ESC_A, answers=Answers.YES),
}
