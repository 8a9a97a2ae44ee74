"""The virtual cards through a real pcscd and its virtual reader, in namespaces of their own."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
NAMESPACES = ["unshare", "-m", "-n", "-p", "--fork", "--kill-child", "--mount-proc"]
PREPARE = 'ip link set lo up && mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd && exec "$@"'
TIMEOUT_S = 120

pytestmark = pytest.mark.pcscd


def missing() -> str | None:
    """What this machine lacks for the test."""
    if os.geteuid() != 0:
        return "needs root for private namespaces"
    for program in ("pcscd", "unshare", "ip", "mount"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if not DRIVER.exists():
        return "needs vsmartcard-vpcd"
    if importlib.util.find_spec("smartcard") is None:
        return "needs pyscard"
    if subprocess.run([*NAMESPACES, "true"], check=False, capture_output=True).returncode:
        return "needs a kernel that lets us unshare"
    return None


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    if reason := missing():
        pytest.skip(reason)
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", PREPARE, "sh", sys.executable, str(HERE / "pcscd_session.py")],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=HERE.parents[1],
        env=os.environ | {"PYTHONPATH": str(HERE.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    findings: dict[str, object] = json.loads(done.stdout)
    print(findings)
    return findings


def test_a_uid_card_shows_its_uid(found: dict[str, object]) -> None:
    assert found["uid_atr"] == "3b8f8001804f0ca0000003060300030000000068"
    assert found["uid"] == "04a1b2c3d4e5f69000"


def test_a_desfire_card_sells(found: dict[str, object]) -> None:
    assert found["atr"] == "3b8180018080"
    assert found["first_sale"] == 4_000


def test_a_clone_proves_nothing(found: dict[str, object]) -> None:
    assert found["clone"] == "BadAnswer"


def test_a_rolled_back_card_proves_itself_with_old_money(found: dict[str, object]) -> None:
    assert found["rolled_back_sale"] == 4_000


def test_tears_around_the_commit(found: dict[str, object]) -> None:
    assert (found["torn_before"], found["torn_after"]) == ("removed", "removed")
    # 5000 less the first sale, less the one torn after its commit, less the last.
    assert found["last_sale"] == 2_000
