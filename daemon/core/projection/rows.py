"""Rows of projections as they are compared: values in the order of the table's columns."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

Values = tuple[Any, ...]
"""What stands behind the key."""


class Unknown(Enum):
    """A fact that a release before version 4 wrote down nowhere but in the row itself."""

    ANY = "any"

    def __repr__(self) -> str:
        return "?"


ANY: Final = Unknown.ANY


def agree(wanted: Values, found: Values) -> bool:
    return all(one is ANY or one == other for one, other in zip(wanted, found, strict=True))


def filled(wanted: Values, found: Values | None, defaults: Values) -> Values:
    """What is unknown stays as it was found; a row that is made anew gets the default."""
    return tuple(
        value if value is not ANY else there
        for value, there in zip(wanted, defaults if found is None else found, strict=True)
    )
