"""What the documents of the shop's rules are made of: the strict base of every model, and the types
of their fields.

A document is read from JSON alone. What does not fit is a mistake with a place, a key for the
screen and figures for its sentence (`daemon.rules.mistakes`), never an exception of its own.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from daemon.core.errors import BadRequest
from daemon.core.money import MAX_FEN
from daemon.core.pricing.rounding import WHOLE_BP

T = TypeVar("T")

PNG: Final = b"\x89PNG\r\n\x1a\n"
LARGEST_PNG_BYTES: Final = 12 * 1024
"""A logo of 576 dots across in black and white has room; a photograph has not."""
MOST_PIXELS: Final = 2_000
"""To a side: what is small as a file may be huge when it is drawn."""
MOST_DAYS: Final = 36_500


def refusal(key: str, **facts: int | str) -> PydanticCustomError:
    """What a validator raises: `key` names the sentence for the screen."""
    return PydanticCustomError(key, key.replace("_", " "), facts or None)


def kept(make: Callable[[], T]) -> T:
    """Makes a value of the core, and says its refusal as a mistake of the document."""
    try:
        return make()
    except BadRequest as error:
        facts = {name: fact for name, fact in error.facts.items() if isinstance(fact, int | str)}
        raise refusal(error.key, **facts) from error


class Part(BaseModel):
    """Strict, nothing unknown, never changed once made."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise refusal("not_printable")
    return text


def _spoken(text: str) -> str:
    if not text.strip():
        raise refusal("empty_text")
    return _printable(text)


def _png(text: str) -> str:
    try:
        image = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal("not_a_png") from error
    # Portable Network Graphics, 5.2 and 11.2.2: the signature, then IHDR with width and height.
    if text and not (image.startswith(PNG) and image[12:16] == b"IHDR" and len(image) >= 33):
        raise refusal("not_a_png")
    width, height = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    if len(image) > LARGEST_PNG_BYTES or max(width, height) > MOST_PIXELS:
        raise refusal("image_too_large", limit=LARGEST_PNG_BYTES)
    return text


def by_law(limit: int) -> Any:
    """A bound of the law: a merchant can be stricter, never laxer."""

    def check(figure: int) -> int:
        if figure > limit:
            raise refusal("laxer_than_law", limit=limit)
        return figure

    return AfterValidator(check)


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_spoken)]
Line = Annotated[str, Field(max_length=120), AfterValidator(_printable)]
Word = Annotated[str, Field(min_length=1, max_length=10), AfterValidator(_spoken)]
Id = Annotated[str, Field(pattern="^[a-z0-9_-]{1,32}$")]
GoodsCode = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,20}$")]
Fen = Annotated[int, Field(ge=0, le=MAX_FEN, description="Integer fen: 1850 is 18.50 yuan.")]
SomeFen = Annotated[int, Field(ge=1, le=MAX_FEN, description="Integer fen, above zero.")]
RateBp = Annotated[
    int, Field(ge=0, le=WHOLE_BP, description="Basis points that are paid: 8800 is 88 折.")
]
Points = Annotated[int, Field(ge=0, le=1_000_000)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Day = Annotated[date, Field(description="YYYY-MM-DD.")]
Colour = Annotated[str, Field(pattern="^$|^#[0-9a-f]{6}$", description="#rrggbb, or empty.")]
Png = Annotated[str, Field(max_length=LARGEST_PNG_BYTES * 4 // 3 + 4), AfterValidator(_png)]
"""A PNG image as Base64, or empty."""
