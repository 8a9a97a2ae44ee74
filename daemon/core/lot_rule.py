"""What a lot was opened under, kept with it as text: the rule that gave it, when it ends, what
was paid for it. A refund years later, and an expiry, need nothing else.

The text is JSON with sorted keys; fields that say nothing are left out. A text that is not JSON is
a rule's name alone, as version 1 of the books kept it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from daemon.core.errors import BadRequest
from daemon.core.records import Holding

LOTS_PROOF: Final = "lots_sha256"
"""In the detail of an entry that opens lots: `lots_digest` of them."""


@dataclass(frozen=True, slots=True)
class LotRule:
    """`given` names the rule (`bonus:50000:1000:0`, `check_in`, `pass:<code>`). `to_day` is the
    last day, YYYY-MM-DD; "" is for ever. `paid_fen` and `bonus_fen` are what a recharge was paid
    and given, `bought_ms` when, `method` how its balance is refunded; `before_fen` is what had been
    paid out or given away of the recharge before this part of it came from another member. A pass
    has `codes`, the `worth_fen` of one use, and the sale's `line` that gave it."""

    given: str = ""
    to_day: str = ""
    paid_fen: int = 0
    bonus_fen: int = 0
    bought_ms: int = 0
    method: str = ""
    before_fen: int = 0
    codes: tuple[str, ...] = ()
    worth_fen: int = 0
    line: str = ""

    def as_text(self) -> str:
        said = {name: value for name, value in asdict(self).items() if value}
        if set(said) <= {"given"}:
            return self.given
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    def over(self, day: str) -> bool:
        """Whether the last day is before `day`."""
        return self.to_day != "" and self.to_day < day


def lot_rule(text: str | None) -> LotRule:
    """Raises BadRequest("lot_rule_malformed")."""
    if not text or not text.startswith("{"):
        return LotRule(given=text or "")
    try:
        kept: dict[str, Any] = json.loads(text)
        if not set(kept) <= {field.name for field in fields(LotRule)}:
            raise ValueError("a field of a later release")
        return LotRule(**{**kept, "codes": tuple(kept.get("codes", ()))})
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRequest("lot_rule_malformed") from error


def lots_digest(lots: Iterable[tuple[str, str, str]]) -> str:
    """SHA-256 in hex over (owner, asset, rule) of the lots that one entry opens: what the journal
    says of their rules, which are kept beside it."""
    text = json.dumps(sorted(lots), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def usable(holdings: Sequence[Holding], day: str) -> list[Holding]:
    """What may still be spent on `day` (YYYY-MM-DD): lots whose last day is not over."""
    return [held for held in holdings if not lot_rule(held.rule).over(day)]
