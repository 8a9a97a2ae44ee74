"""Runs a program of this folder in mount, network and process namespaces of its own, with an empty
/run/pcscd: pcscd's socket has a fixed path, and its virtual reader listens on every address."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
NAMESPACES = ["unshare", "-m", "-n", "-p", "--fork", "--kill-child", "--mount-proc"]
PREPARE = 'ip link set lo up && mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd && exec "$@"'
TIMEOUT_S = 120


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


def findings(program: str) -> dict[str, Any]:
    """The JSON object that `program` prints; the test is skipped by name where it cannot run."""
    if reason := missing():
        pytest.skip(reason)
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", PREPARE, "sh", sys.executable, str(HERE / program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    print(found)
    return found
