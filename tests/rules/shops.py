"""The sample shops as what tests stand on: real rules of some size."""

from __future__ import annotations

import copy
from typing import Any

from daemon.core.policy import Policy
from daemon.core.receipt_text import ShopHead
from daemon.operations.samples import SAMPLES, sample
from daemon.rules.compile import compile as compile_rules
from daemon.rules.shop_rules import ShopRules

HEAD = ShopHead("测试店", "S1")
POLICY = Policy()
SHOPS = SAMPLES


def sections(name: str) -> dict[str, Any]:
    """A copy of one's own."""
    return copy.deepcopy(dict(sample(name)["sections"]))


def compiled(contents: dict[str, Any]) -> ShopRules:
    return compile_rules(contents, POLICY, HEAD)
