"""The simulated printer's reading of ESC/POS, against bytes written by hand from the manual."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from simulator.printer import fonts
from simulator.printer.interpreter import Document, Interpreter, interpret
from simulator.printer.paper import MAX_PAPER_DOTS
from simulator.printer.profile import Profile
from simulator.printer.tokens import Kind

WIDE, NARROW = Profile(width_dots=576), Profile(width_dots=384)


def ink_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """Bounding box of everything black."""
    return ImageChops.invert(image).getbbox()


def only_paper_image(document: Document) -> Image.Image:
    assert len(document.papers) == 1
    return document.papers[0].image()


def test_plain_text_stands_in_columns_of_twelve_dots() -> None:
    document = interpret(b"\x1b@" + b"M" * 48 + b"\n")
    (line,) = document.papers[0].lines
    assert (line.text, line.x, line.width, line.height) == ("M" * 48, 0, 576, 24)


@pytest.mark.parametrize(("profile", "columns"), [(WIDE, 48), (NARROW, 32)])
def test_one_column_too_many_wraps(profile: Profile, columns: int) -> None:
    document = interpret(b"x" * (columns + 1) + b"\n", profile)
    assert [len(line.text) for line in document.papers[0].lines] == [columns, 1]


@pytest.mark.parametrize(("profile", "characters"), [(WIDE, 24), (NARROW, 16)])
def test_chinese_takes_two_columns(profile: Profile, characters: int) -> None:
    raw = ("会" * characters + "员\n").encode("gb18030")
    lines = interpret(raw, profile).papers[0].lines
    assert [line.text for line in lines] == ["会" * characters, "员"]
    assert lines[0].width == profile.width_dots


@pytest.mark.parametrize(
    "character", ["·", "—", "…", "℃", "￥", "：", "（", "〇", "䶮", "㛃", "龦"]
)
def test_every_character_of_two_or_four_bytes_is_twenty_four_dots(character: str) -> None:
    (line,) = interpret((character + "\n").encode("gb18030")).papers[0].lines
    assert (line.text, line.width) == (character, 24)


def test_four_byte_character_is_garbage_on_a_gbk_rom() -> None:
    profile = Profile(encoding="gbk")
    document = interpret("㛃\n".encode("gb18030"), profile)
    assert document.papers[0].lines[0].text == "\ufffd\ufffd"
    assert "2 unreadable characters" in document.papers[0].notes[0]
    assert interpret("你好\n".encode("gbk"), profile).papers[0].text() == "你好\n"


def test_big5_rom_reads_big5() -> None:
    document = interpret("收據 NT$100\n".encode("big5"), Profile(encoding="big5"))
    assert document.papers[0].text() == "收據 NT$100\n"


def test_chinese_mode_off_reads_the_code_page_and_reset_turns_it_on_again() -> None:
    document = interpret(b"\x1c.\x1bt\x00\x82\n\x1bt\x10\x80\n\x1b@\xc4\xe3\n")
    assert document.papers[0].text() == "é\n€\n你\n"


def test_lead_byte_eats_the_next_byte_in_chinese_mode() -> None:
    document = interpret(b"\x82 x\n")
    assert document.papers[0].text() == "\ufffdx\n"


def test_lead_byte_never_eats_a_control_code() -> None:
    document = interpret(b"\xc4\nA\n")
    assert document.papers[0].text() == "\ufffd\nA\n"


def test_country_fifteen_prints_the_dollar_as_yuan() -> None:
    assert interpret(b"\x1bR\x0f$5\n\x1bR\x00$5\n").papers[0].text() == "¥5\n$5\n"


@pytest.mark.parametrize(
    ("command", "x"), [(b"\x1ba\x00", 0), (b"\x1ba\x01", 276), (b"\x1ba2", 552)]
)
def test_alignment_moves_the_line(command: bytes, x: int) -> None:
    (line,) = interpret(command + b"ab\n").papers[0].lines
    assert line.x == x


def test_alignment_inside_a_line_is_ignored_and_said() -> None:
    document = interpret(b"ab\x1ba\x01cd\n")
    assert document.papers[0].lines[0].x == 0
    assert "beginning of a line" in document.papers[0].notes[0]


def test_clone_scales_letters_and_chinese_apart() -> None:
    letters_only = interpret("\x1d!\x11A你\n".encode("gb18030")).papers[0].lines[0]
    assert (letters_only.width, letters_only.height) == (24 + 24, 48)
    both = interpret("\x1d!\x11\x1c!\x0cA你\n".encode("gb18030")).papers[0].lines[0]
    assert (both.width, both.height) == (24 + 48, 48)


def test_original_scales_both_with_one_command() -> None:
    profile = Profile(sizes_apart=False)
    line = interpret("\x1d!\x11A你\n".encode("gb18030"), profile).papers[0].lines[0]
    assert (line.width, line.height) == (24 + 48, 48)


def test_print_mode_byte_sets_font_bold_size_and_underline() -> None:
    line = interpret(b"\x1b!\x31A\n").papers[0].lines[0]
    assert (line.width, line.height) == (18, 34)
    plain = only_paper_image(interpret(b"iii\n"))
    bold = only_paper_image(interpret(b"\x1b!\x08iii\n"))
    assert sum(bold.histogram()[:1]) > sum(plain.histogram()[:1])
    underlined = only_paper_image(interpret(b"\x1b!\x80   \n"))
    assert ink_box(underlined) == (0, 23, 36, 24)


def test_underline_two_dots_and_reverse() -> None:
    assert ink_box(only_paper_image(interpret(b"\x1b-2  \n"))) == (0, 22, 24, 24)
    assert ink_box(only_paper_image(interpret(b"\x1dB\x01 \n"))) == (0, 0, 12, 24)


def test_chinese_underline_and_spacing() -> None:
    spaced = interpret(b"\x1cS\x02\x04" + "你好\n".encode("gbk")).papers[0].lines[0]
    assert spaced.width == 2 * (2 + 24 + 4)
    under = only_paper_image(interpret(b"\x1c-\x02" + "\u3000\n".encode("gbk")))
    assert ink_box(under) == (0, 22, 24, 24)


def test_line_spacing_and_feeds_add_up() -> None:
    document = interpret(b"a\n\x1b3\x40b\n\x1b2c\n\x1bJ\x05\x1bd\x02d\n")
    assert [line.y for line in document.papers[0].lines] == [0, 30, 94, 94 + 30 + 5 + 60]


def test_feed_commands_print_the_waiting_line_first() -> None:
    document = interpret(b"a\x1bd\x03b\x1bJ\x28c\n")
    assert [line.y for line in document.papers[0].lines] == [0, 90, 130]


def test_tabs_and_absolute_position() -> None:
    lines = interpret(b"a\tb\n\x1bD\x14\x1e\x00a\tb\tc\n\x1b$\x78\x00z\n").papers[0].lines
    assert [line.text for line in lines] == [
        "a       b",
        "a" + " " * 19 + "b" + " " * 9 + "c",
        " " * 10 + "z",
    ]
    assert [line.width for line in lines] == [9 * 12, 31 * 12, 11 * 12]


def test_margin_and_print_area_narrow_the_line() -> None:
    lines = interpret(b"\x1dL\x18\x00\x1dW\x30\x00abcde\n").papers[0].lines
    assert [(line.text, line.x) for line in lines] == [("abcd", 24), ("e", 24)]


RASTER_ROWS = bytes([0b10000001, 0xFF, 0b10101010, 0x00])


def test_raster_is_kept_dot_by_dot() -> None:
    document = interpret(b"\x1dv0\x00\x02\x00\x02\x00" + RASTER_ROWS)
    (picture,) = document.papers[0].pictures
    assert picture.ink.size == (16, 2)
    assert picture.ink.tobytes() == RASTER_ROWS
    whole = only_paper_image(document)
    assert whole.size == (576, 2)
    assert [whole.getpixel((x, 0)) for x in range(9)] == [0, 255, 255, 255, 255, 255, 255, 0, 0]


def test_raster_bands_that_touch_are_one_picture() -> None:
    band = b"\x1dv0\x00\x02\x00\x02\x00" + RASTER_ROWS
    document = interpret(band + band + b"\x1bJ\x01" + band)
    first, second = document.papers[0].pictures
    assert (first.ink.size, first.ink.tobytes()) == ((16, 4), RASTER_ROWS * 2)
    assert (second.y, second.ink.size) == (5, (16, 2))
    assert document.papers[0].text() == "[image 16x4]\n[image 16x2]\n"


@pytest.mark.parametrize(("mode", "size"), [(1, (32, 2)), (2, (16, 4)), (51, (32, 4))])
def test_raster_modes_double_the_dots(mode: int, size: tuple[int, int]) -> None:
    command = b"\x1dv0" + bytes((mode,)) + b"\x02\x00\x02\x00" + RASTER_ROWS
    assert interpret(command).papers[0].pictures[0].ink.size == size


def test_raster_wider_than_the_paper_is_noted_and_clipped() -> None:
    command = b"\x1dv0\x00\x49\x00\x01\x00" + b"\xff" * 73
    document = interpret(command)
    assert "cut off at the edge" in document.papers[0].notes[0]
    assert only_paper_image(document).width == 576


def test_raster_is_centred() -> None:
    document = interpret(b"\x1ba\x01\x1dv0\x00\x02\x00\x01\x00\xff\xff")
    assert document.papers[0].pictures[0].x == 280


@pytest.mark.parametrize("printing", [2, 50])
def test_graphics_are_stored_and_printed(printing: int) -> None:
    body = b"0\x70\x30\x01\x01\x31\x10\x00\x02\x00" + RASTER_ROWS
    store = b"\x1d(L" + len(body).to_bytes(2, "little") + body
    nothing_yet = interpret(store)
    assert nothing_yet.papers == []
    document = interpret(store + b"\x1d(L\x02\x000" + bytes((printing,)))
    assert document.papers[0].pictures[0].ink.tobytes() == RASTER_ROWS
    wide = b"\x1d8L" + len(body).to_bytes(4, "little") + body
    again = interpret(wide + b"\x1d(L\x02\x000" + bytes((printing,)))
    assert again.papers[0].pictures[0].ink.tobytes() == RASTER_ROWS


def test_printing_graphics_that_were_not_stored_is_noted() -> None:
    document = interpret(b"\x1d(L\x02\x0002a\n")
    assert document.events[0].kind is Kind.IGNORED
    assert "no picture is stored" in document.papers[0].notes[0]


@pytest.mark.parametrize(
    ("mode", "data", "size"),
    [
        (0, b"\x80\x01", (4, 24)),
        (1, b"\x80\x01", (2, 24)),
        (32, b"\x80\x00\x01" * 2, (4, 24)),
        (33, b"\x80\x00\x01" * 2, (2, 24)),
    ],
)
def test_bit_image_columns(mode: int, data: bytes, size: tuple[int, int]) -> None:
    command = b"\x1b*" + bytes((mode, 2, 0)) + data + b"\n"
    (line,) = interpret(command).papers[0].lines
    assert (line.width, line.height) == size


def test_bit_image_puts_the_top_dot_on_top() -> None:
    image = only_paper_image(interpret(b"\x1b*\x21\x02\x00\x80\x00\x00\x00\x00\x01\n"))
    assert image.getpixel((0, 0)) == 0
    assert image.getpixel((1, 23)) == 0
    assert ink_box(image) == (0, 0, 2, 24)


def qr_commands(data: bytes, module: int = 4, level: int = 49) -> bytes:
    stored = b"1P0" + data
    return (
        b"\x1d(k\x04\x001A2\x00"
        + b"\x1d(k\x03\x001C"
        + bytes((module,))
        + b"\x1d(k\x03\x001E"
        + bytes((level,))
        + b"\x1d(k"
        + len(stored).to_bytes(2, "little")
        + stored
        + b"\x1d(k\x03\x001Q0"
    )


def test_qr_code_is_drawn_with_its_finders_and_named() -> None:
    document = interpret(qr_commands("余额 https://x/1".encode()))
    paper = document.papers[0]
    assert paper.text() == "[qr 余额 https://x/1]\n"
    image = only_paper_image(document)
    # The finder pattern: seven dark modules, then light, on the first row (ISO/IEC 18004 6.3.3).
    assert [image.getpixel((x, 0)) for x in range(0, 32, 4)] == [0] * 7 + [255]
    assert [image.getpixel((x, 5)) for x in range(0, 28, 4)] == [0, 255, 255, 255, 255, 255, 0]
    box = ink_box(image)
    assert box is not None
    assert box[2] - box[0] == box[3] - box[1]


def test_qr_code_too_long_is_noted() -> None:
    document = interpret(qr_commands(b"x" * 2954) + b"a\n")
    assert "QR code of 2954 bytes" in document.papers[0].notes[0]
    document = interpret(qr_commands(b"x" * 2000, level=51) + b"a\n")
    assert "at level H" in document.papers[0].notes[0]


@pytest.mark.parametrize("command", [b"\x1dk\x02123456789012\x00", b"\x1dkC\x0c123456789012"])
def test_barcodes_are_boxes_with_their_text(command: bytes) -> None:
    document = interpret(b"\x1dh\x40\x1dw\x02" + command)
    assert document.papers[0].text() == "[barcode EAN13 123456789012]\n"
    box = ink_box(only_paper_image(document))
    assert box is not None
    assert box[3] - box[1] == 64


@pytest.mark.parametrize(
    "cut",
    [b"\x1dV\x00", b"\x1dV\x01", b"\x1dV0", b"\x1dV1", b"\x1dV\x41\x00", b"\x1dV\x42\x10",
     b"\x1dV\x61\x00", b"\x1dV\x62\x00", b"\x1dV\x67\x00", b"\x1dV\x68\x00", b"\x1bi", b"\x1bm"],
)  # fmt: skip
def test_every_form_of_cut_ends_the_paper(cut: bytes) -> None:
    document = interpret(b"one\n" + b"\x1bd\x06" + cut + b"two\n")
    assert [paper.text() for paper in document.papers] == ["one\n", "two\n"]
    assert [paper.ended for paper in document.papers] == ["cut", "end of data"]
    assert document.papers[0].notes == []


def test_cut_too_early_goes_through_the_print() -> None:
    document = interpret(b"one\n\x1dV\x00")
    assert "cut through print: fed 90 dots too little" in document.papers[0].notes[0]
    assert interpret(b"one\n\x1dVB\x00").papers[0].notes == []


def test_cutting_bare_paper_makes_no_paper() -> None:
    assert interpret(b"\x1b@\n\n\x1dV\x00\x1dV\x00").papers == []


def test_drawer_kicks_are_counted() -> None:
    document = interpret(b"\x1bp\x00\x32\x32\x1bp1\x19\xfa\x1bp\x07\x01\x01")
    assert document.drawer_kicks == 2
    assert document.events[2].kind is Kind.IGNORED


def test_unknown_commands_are_recorded_with_their_bytes() -> None:
    document = interpret(b"a\x1b\x99b\x1d\x7fc\x1c~d\x10\x33e\x01f\n")
    assert [event.raw for event in document.unknown] == [
        b"\x1b\x99", b"\x1d\x7f", b"\x1c~", b"\x10\x33", b"\x01",
    ]  # fmt: skip
    assert document.papers[0].text() == "abcdef\n"


def test_unknown_extended_functions_are_framed() -> None:
    document = interpret(b"\x1d(X\x03\x00abc\x1d(k\x03\x000C\x01\x1d(L\x02\x000Zok\n")
    assert [event.kind for event in document.events[:3]] == [Kind.UNKNOWN] * 3
    assert document.papers[0].text() == "ok\n"


def test_status_questions_draw_nothing() -> None:
    questions = (
        b"\x10\x04\x01\x10\x04\x04\x10\x05\x01\x1dr\x01\x1bv\x1da\xff\x1dI\x01"
        b"\x10\x14\x01\x00\x01\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
    )
    document = interpret(questions)
    assert {event.kind for event in document.events} == {Kind.COMMAND}
    assert document.papers == []


def test_incomplete_tail_is_recorded() -> None:
    document = interpret(b"ok\n\x1dv0\x00\x02\x00\x02\x00\xff")
    last = document.events[-1]
    assert (last.kind, last.raw) == (Kind.INCOMPLETE, b"\x1dv0\x00\x02\x00\x02\x00\xff")
    assert "torn after 9 bytes" in document.papers[0].notes[0]


def test_pieces_give_the_same_paper_as_the_whole() -> None:
    stream = (
        "\x1b@\x1ba\x01\x1d!\x11\x1c!\x0c好邻居\n\x1d!\x00\x1c!\x00\x1ba\x00".encode("gb18030")
        + "㛃 可乐 500ml ￥7.00\n".encode("gb18030")
        + qr_commands(b"https://x")
        + b"\x1dv0\x00\x02\x00\x02\x00"
        + RASTER_ROWS
        + b"\x1dVB\x00"
    )
    whole = interpret(stream).papers[0]
    head = Interpreter()
    events = [event for byte in stream for event in head.feed(bytes((byte,)))]
    (paper,) = [paper for event in events for paper in event.papers]
    assert paper.text() == whole.text()
    assert ImageChops.difference(paper.image(), whole.image()).getbbox() is None


def test_endless_feeding_tears_the_paper_and_keeps_memory() -> None:
    document = interpret(b"x\n" + b"\x1bd\xff" * 20)
    assert document.papers[0].ended == "too long"
    assert all(paper.height <= MAX_PAPER_DOTS + 255 * 30 for paper in document.papers)


def test_chinese_is_drawn_with_a_real_font_or_said_not_to_be() -> None:
    document = interpret("你好\n".encode("gb18030"))
    assert document.warnings == fonts.warnings()
    image = only_paper_image(document)
    first, second = image.crop((0, 0, 24, 24)), image.crop((24, 0, 48, 24))
    same = ImageChops.difference(first, second).getbbox() is None
    assert same == any("Chinese" in warning for warning in document.warnings)
