"""The rules in force, as one value that is replaced whole when a document changes."""

from __future__ import annotations

from daemon.core.policy import Policy
from daemon.core.receipt_text import ShopHead
from daemon.rules.compile import compile as compile_rules
from daemon.rules.goods import OPEN_CATEGORY
from daemon.rules.shop_rules import ShopRules

__all__ = ["OPEN_CATEGORY", "RulesCell", "ShopRules"]


class RulesCell:
    """Holds the rules in force. One writer (the operation that changed a document), many readers,
    on any thread: the reference is replaced at once."""

    def __init__(self) -> None:
        self._now: ShopRules | None = None

    def now(self, policy: Policy, head: ShopHead) -> ShopRules:
        """What was put last, or the shop without documents: the file's policy and one category."""
        if self._now is None:
            self._now = compile_rules({}, policy, head)
        return self._now

    def put(self, rules: ShopRules) -> None:
        """An older edition than the one that is here is let go: two changes may come in either
        order."""
        if self._now is None or rules.edition >= self._now.edition:
            self._now = rules
