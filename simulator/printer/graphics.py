"""Pictures on the paper: raster rows, bit-image columns, QR codes, barcodes. Pure.

Every function answers an ink mask: a Pillow image of mode "1" in which 255 is a burnt dot.
"""

from __future__ import annotations

from PIL import Image, ImageDraw

from simulator.printer import fonts

QR_LEVELS = {48: "L", 49: "M", 50: "Q", 51: "H"}
QR_BYTES_AT_MOST = 2953
"""Version 40 with level L, byte mode (ISO/IEC 18004 table 7)."""

BARCODES = {
    0: "UPC-A", 1: "UPC-E", 2: "EAN13", 3: "EAN8", 4: "CODE39", 5: "ITF", 6: "CODABAR",
    65: "UPC-A", 66: "UPC-E", 67: "EAN13", 68: "EAN8", 69: "CODE39", 70: "ITF", 71: "CODABAR",
    72: "CODE93", 73: "CODE128", 74: "GS1-128", 75: "GS1-OMNI", 76: "GS1-TRUNC",
    77: "GS1-LIMITED", 78: "GS1-EXPANDED", 79: "CODE128-AUTO",
}  # fmt: skip


class NotDrawableError(Exception):
    """The command is complete but asks for a picture that cannot be."""


def raster(data: bytes, width_bytes: int, rows: int) -> Image.Image:
    """Rows from the top, most significant bit on the left, 1 = burnt (GS v 0, GS ( L)."""
    if not width_bytes or not rows:
        raise NotDrawableError("empty picture")
    if len(data) != width_bytes * rows:
        raise NotDrawableError(f"{len(data)} bytes for {width_bytes} x {rows}")
    return Image.frombytes("1", (width_bytes * 8, rows), data)


def scaled(ink: Image.Image, across: int, down: int) -> Image.Image:
    """Each dot becomes a block of across x down dots."""
    if (across, down) == (1, 1):
        return ink
    return ink.resize((ink.width * across, ink.height * down), Image.Resampling.NEAREST)


def bit_image(mode: int, data: bytes) -> Image.Image:
    """ESC *: columns from the left, most significant bit on top; 8 or 24 dots high.

    On a head of 203 dpi a dot of the 8-dot modes is 3 dots high, and single density is 2 wide.
    """
    depth = 3 if mode >= 32 else 1
    columns = len(data) // depth
    if not columns:
        raise NotDrawableError("empty bit image")
    # A column is a row of the picture that lies on its side.
    lying = Image.frombytes("1", (depth * 8, columns), data[: columns * depth])
    standing = lying.transpose(Image.Transpose.TRANSPOSE)
    return scaled(standing, 1 if mode & 1 else 2, 1 if depth == 3 else 3)


def qr(data: bytes, level: int, module_dots: int) -> Image.Image:
    """QR code model 2 without quiet zone, as printers draw it. Raises NotDrawableError."""
    import qrcode
    from qrcode.exceptions import DataOverflowError

    if not data:
        raise NotDrawableError("QR code without data")
    if len(data) > QR_BYTES_AT_MOST:
        raise NotDrawableError(f"QR code of {len(data)} bytes")
    corrections = {
        48: qrcode.ERROR_CORRECT_L,
        49: qrcode.ERROR_CORRECT_M,
        50: qrcode.ERROR_CORRECT_Q,
        51: qrcode.ERROR_CORRECT_H,
    }
    code = qrcode.QRCode(border=0, error_correction=corrections[level])
    code.add_data(data)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        # The library says ValueError("Invalid version ...") when no version is large enough.
        raise NotDrawableError(
            f"QR code of {len(data)} bytes at level {QR_LEVELS[level]}"
        ) from error
    modules = code.get_matrix()
    ink = Image.new("1", (len(modules), len(modules)), 0)
    ink.putdata([255 if module else 0 for row in modules for module in row])
    return scaled(ink, module_dots, module_dots)


def barcode_box(system: int, text: str, module_dots: int, height: int) -> Image.Image:
    """A frame of about the right size that names the barcode; it cannot be scanned."""
    width = max(96, (len(text) * 11 + 35) * module_dots)
    label = f"{BARCODES[system]} {text}"
    height = max(height, 32)
    ink = Image.new("1", (max(width, len(label) * 12 + 16), height), 0)
    ImageDraw.Draw(ink).rectangle((0, 0, ink.width - 1, height - 1), outline=255)
    for index, character in enumerate(label):
        ink.paste(fonts.glyph(character, 12, 24), (8 + index * 12, (height - 24) // 2))
    return ink
