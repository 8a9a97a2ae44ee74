"""The purse codec and the virtual purse through a real pcscd, in namespaces of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_card_pcscd import HERE, NAMESPACES, PREPARE, TIMEOUT_S, missing

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.pcscd


def test_two_hundred_purchases_torn_ones_and_a_clone() -> None:
    if reason := missing():
        pytest.skip(reason)
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", PREPARE, "sh", sys.executable, str(HERE / "pcscd_purse.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["atr"] == "3b8b800120900000000000b0ac2842cc"
    assert (found["loaded"], found["done"]) == ("PurseDone", 200)
    assert found["torn"] == ["PurseNotDone", "PurseDone"] * 3
    assert found["clone"] == "PurseUnknown"
    assert found["balance"] == 1_000 - 3 * (200 + 3)
