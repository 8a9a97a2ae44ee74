"""What was acknowledged had been synced: seen from outside, in the process's system calls."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"(?:\[pid +\d+\] |\d+ +)?(\w+)\((\d+)<([^>]*)>")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_every_acknowledgement_follows_a_sync_of_the_wal(tmp_path: Path) -> None:
    """kill -9 keeps the kernel's page cache, a power cut does not: so no line of the shop may leave
    the process while a write to the WAL is newer than the last sync of the WAL."""
    trace = tmp_path / "trace"
    process = subprocess.Popen(
        [
            "strace", "-f", "-y", "-o", str(trace),
            "-e", "trace=pwrite64,write,fsync,fdatasync",
            sys.executable, "-m", "tests.ledger.crash_writer",
            str(tmp_path / "ledger.db"), "1", "1",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    acknowledged = 0
    for line in process.stdout:
        acknowledged += line.startswith(b"done")
        if acknowledged == 100:
            break
    os.killpg(process.pid, signal.SIGKILL)
    _, said = process.communicate()
    if b"PTRACE" in said:
        pytest.skip("this machine does not let us trace our own child")
    assert acknowledged == 100, said.decode()
    unsynced = 0
    seen = 0
    for line in trace.read_text(errors="replace").splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        name, descriptor, file = call.groups()
        if file.endswith("-wal"):
            unsynced = unsynced + 1 if name == "pwrite64" else 0
        elif descriptor == "1" and name == "write" and '"done' in line:
            seen += 1
            assert unsynced == 0, line
    assert seen >= 100
