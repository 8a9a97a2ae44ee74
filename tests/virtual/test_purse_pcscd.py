"""The purse codec and the virtual purse through a real pcscd, in namespaces of their own."""

import pytest
from pcscd_alone import findings

pytestmark = pytest.mark.pcscd


def test_two_hundred_purchases_torn_ones_and_a_clone() -> None:
    found = findings("pcscd_purse.py")
    assert found["atr"] == "3b8b800120900000000000b0ac2842cc"
    assert (found["loaded"], found["done"]) == ("PurseDone", 200)
    assert found["torn"] == ["PurseNotDone", "PurseDone"] * 3
    assert found["clone"] == "PurseUnknown"
    assert found["balance"] == 1_000 - 3 * (200 + 3)
