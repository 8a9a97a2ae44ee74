"""The contract of the links, and what only pcscd can do, through a real pcscd with virtual readers
in namespaces of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.devices.rack_process import ROOT
from tests.virtual.isolated import INSIDE, why_not

pytestmark = [pytest.mark.pcscd, pytest.mark.timeout(600)]
MISSING = "already inside" if os.environ.get(INSIDE) == "1" else why_not()


@pytest.mark.skipif(MISSING is not None, reason=f"no pcscd of our own: {MISSING}")
@pytest.mark.parametrize("suite", ["test_readers_contract.py", "readers_inside.py"])
def test_through_a_real_pcscd(suite: str) -> None:
    command = [sys.executable, "-m", "tests.virtual.isolated", "--bare"]
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *pytest_command, f"tests/devices/{suite}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
