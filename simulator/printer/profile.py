"""What kind of printer is simulated: its width, its character ROM and its habits."""

from __future__ import annotations

from dataclasses import dataclass

WIDTHS_DOTS = (576, 384)
"""80 mm and 58 mm paper at 203 dpi."""


@dataclass(frozen=True)
class Profile:
    """One model of printer. All lengths are dots of 0.125 mm (203 dpi).

    `encoding` is the Chinese character ROM: `gb18030` (1, 2 and 4 bytes), `gbk` (1 and 2), `big5`.
    `chinese_on` is the state after power-on and ESC @: Chinese models start in Chinese mode.
    `sizes_apart` is the habit of the common clones: GS ! and ESC ! scale only one-byte characters,
    FS ! only Chinese ones. Without it GS ! scales both, as the original does.
    `cutter_dots` is the way from the print head to the knife: GS V 65 and 66 feed it by
    themselves, GS V 0 and 1 cut where the paper stands.
    """

    width_dots: int = 576
    encoding: str = "gb18030"
    chinese_on: bool = True
    sizes_apart: bool = True
    line_spacing_dots: int = 30
    cutter_dots: int = 96

    def __post_init__(self) -> None:
        if self.encoding not in ("gb18030", "gbk", "big5"):
            raise ValueError(f"no such character ROM: {self.encoding}")
        if not 8 <= self.width_dots <= 2048 or self.width_dots % 8:
            raise ValueError(f"not a print width: {self.width_dots}")
