"""What a named part of a path may look like: an id, unless it is listed here."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from daemon.web.api.bodies import EXAMPLE_ID, ID_PATTERN


class Form(NamedTuple):
    pattern: str
    example: str

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None


ID: Final = Form(ID_PATTERN, EXAMPLE_ID)
FORMS: Final[dict[str, Form]] = {
    "section": Form("^[a-z_]{1,32}$", "catalogue"),
    "version": Form("^[1-9][0-9]{0,8}$", "1"),
    "sample": Form("^[a-z_]{1,32}$", "bakery"),
    "step": Form("^[a-z]{1,16}$", "codes"),
    "role": Form("^[a-z]{1,16}$", "customer"),
}


def form_of(name: str) -> Form:
    return FORMS.get(name, ID)
