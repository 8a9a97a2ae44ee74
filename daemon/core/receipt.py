"""A receipt is a document: blocks in order, no bytes and no printer. `receipt_text` composes one
from the facts of a sale; `daemon.printer` lays it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from daemon.core.errors import BadRequest


class Align(Enum):
    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, wrapped to the paper's width. `size` 1 is normal, 2 is double both ways."""

    text: str
    align: Align = Align.LEFT
    size: int = 1
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A label at the left edge and its value at the right edge of one line."""

    left: str
    right: str
    size: int = 1
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: `cells` with `weights` (shares of the width); the first cell is aligned
    left, the others right."""

    cells: tuple[str, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper. `double` for the end of a section that matters."""

    double: bool = False


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code, centred. `text` holds an opaque token, never personal data."""

    text: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Logo:
    """The shop's logo, centred, as it is when the paper is printed: a receipt does not carry it."""


@dataclass(frozen=True, slots=True)
class Feed:
    lines: int = 1


Block = Text | Pair | Row | Rule | Qr | Logo | Feed
_BLOCKS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Text, Pair, Row, Rule, Qr, Logo, Feed)
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """`receipt_id` is an id; `number` what people read: store-date-sequence, printed once.

    `copy` 0 is the first print; the n-th reprint carries `copy` n and says so on the paper.
    `late` marks a receipt that is printed after a restart. `at` is when the shop did what the
    receipt tells of, as people read it: the mark of a late receipt repeats it.
    """

    receipt_id: str
    number: str
    blocks: tuple[Block, ...]
    language: str = "zh-CN"
    open_drawer: bool = False
    copy: int = 0
    late: bool = False
    at: str = ""


def receipt_to_json(receipt: Receipt) -> dict[str, Any]:
    """A JSON-ready form that `receipt_from_json` reads back to an equal receipt."""
    body = asdict(receipt)
    body["blocks"] = [_block_to_json(block) for block in receipt.blocks]
    return body


def receipt_from_json(body: Mapping[str, Any]) -> Receipt:
    """Raises BadRequest("receipt_malformed")."""
    try:
        blocks = tuple(_block_from_json(block) for block in body["blocks"])
        rest = {key: value for key, value in body.items() if key != "blocks"}
        return Receipt(blocks=blocks, **rest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest("receipt_malformed") from error


def _block_to_json(block: Block) -> dict[str, Any]:
    body = asdict(block)
    if isinstance(block, Text):
        body["align"] = block.align.value
    return {"block": type(block).__name__.lower(), **body}


def _block_from_json(body: Mapping[str, Any]) -> Block:
    rest = {key: value for key, value in body.items() if key != "block"}
    kind = _BLOCKS[body["block"]]
    if kind is Text:
        rest["align"] = Align(rest["align"])
    for name in ("cells", "weights"):
        if isinstance(rest.get(name), Sequence):
            rest[name] = tuple(rest[name])
    made: Block = kind(**rest)
    return made
