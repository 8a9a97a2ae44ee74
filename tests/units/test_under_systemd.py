"""The unit, started for real: systemd boots in a container over a throw-away overlay of this
machine, and starts, watches, restarts and stops the daemon."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RIG_UNIT = """[Unit]
After=basic.target systemd-user-sessions.service
[Service]
Type=oneshot
ExecStart=/rig/inside.sh
"""


def _why_not() -> str | None:
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("systemd-nspawn", "unshare", "script"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "may not make a mount namespace"


pytestmark = [
    pytest.mark.skipif(_why_not() is not None, reason=f"systemd in a container: {_why_not()}"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """NAME -> VALUE as inside.sh wrote it."""
    rig = tmp_path_factory.mktemp("systemd")
    shared = rig / "shared"
    shared.mkdir()
    shutil.copy(HERE / "inside.sh", shared)
    shutil.copy(HERE / "import_members.py", shared)
    _workbook(shared / "members.xlsx")
    (rig / "rig.service").write_text(RIG_UNIT)
    site = sysconfig.get_path("purelib")
    python = f"/opt/counterd/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    (rig / "binds").write_text(
        f"{sys.base_prefix} /opt/counterd/python\n"
        f"{site} /opt/counterd/site\n{ROOT} /opt/counterd/app\n"
    )
    (shared / "counterd").write_text(
        "#!/bin/sh\nexport PYTHONHOME=/opt/counterd/python\n"
        "export LD_LIBRARY_PATH=/opt/counterd/python/lib\n"
        "export PYTHONPATH=/opt/counterd/app:/opt/counterd/site\n"
        f'exec {python} -m daemon "$@"\n'
    )
    done = subprocess.run([str(HERE / "boot.sh"), str(rig)], capture_output=True, check=False)
    kept = shared / "report"
    if not kept.exists():
        console = (
            (rig / "console.log").read_text(errors="replace")
            if (rig / "console.log").exists()
            else ""
        )
        if "cgroup" in console + done.stderr.decode() or "Operation not permitted" in console:
            pytest.skip(f"systemd does not boot in a container here: {console[-300:]}")
        pytest.fail(f"no report: {done.stderr.decode()[-500:]} {console[-1500:]}")
    for name in ("bad-rows.csv", "export.xlsx"):
        if (shared / name).exists():
            shutil.copy(shared / name, rig / name)
    lines = kept.read_text().splitlines()
    log = (shared / "inside.log").read_text(errors="replace")
    print(log[-6000:])
    if (shared / "journal.log").exists():
        print((shared / "journal.log").read_text(errors="replace")[-4000:])
    yield {"rig": str(rig), **dict(line.split("=", 1) for line in lines)}


def _workbook(path: Path) -> None:
    """Two members, one without a name, one whose phone is none."""
    book = Workbook()
    book.active.append(["会员号", "姓名", "手机号码", "生日"])
    book.active.append(["U1", "张三丰", "13900000001", date(1990, 5, 17)])
    book.active.append(["U2", "李清照", 13900000002, "5月8日"])
    book.active.append(["U3", None, "13900000003", None])
    book.active.append(["U4", "赵六", "12ab", None])
    book.save(path)


def test_it_starts_and_says_so(report: dict[str, str]) -> None:
    assert report["start"] == "0"
    assert report["active"] == "active"
    assert report["status"] == "serving"
    assert report["health"] == "True"


def test_it_runs_as_its_own_user_and_keys_stay_with_root(report: dict[str, str]) -> None:
    assert report["user"] == "counterd"
    assert report["environ_has_key"] == "0"
    assert report["keys_readable_by_service"] == "no"
    assert report["journal_has_key"] == "0"


def test_a_workbook_of_members_is_taken_in_under_the_units_bounds(report: dict[str, str]) -> None:
    """MemoryDenyWriteExecute, SystemCallFilter and PrivateTmp leave reading one, and writing one,
    to a child of the daemon."""
    preview = {"add": 2, "change": 0, "bad": 2, "duplicates": 0}
    assert json.loads(report["import_preview"]) == preview
    assert report["import_state"] == "done"
    assert report["import_found"] == "U2"
    bad = (Path(report["rig"]) / "bad-rows.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.reader(io.StringIO(bad)))
    assert [row[0] for row in rows] == ["会员号", "U3", "U4"]
    assert all(row[-1] for row in rows[1:])
    sheet = load_workbook(Path(report["rig"]) / "export.xlsx").active
    assert {row[0].value for row in sheet.iter_rows(min_row=2)} == {"U1", "U2"}


def test_it_comes_back_after_kill_9(report: dict[str, str]) -> None:
    assert report["after_kill"] == "active"
    assert report["restarts_after_kill"] == "1"
    assert report["health_after_kill"] == "True"


def test_the_watchdog_ends_a_hanging_daemon(report: dict[str, str]) -> None:
    assert int(report["watchdog_said"]) >= 1
    assert report["restarts_after_hang"] == "2"
    assert report["after_hang"] == "active"


def test_it_stops_in_order_and_the_books_are_whole(report: dict[str, str]) -> None:
    assert report["stop"] == "0"
    assert report["result"] == "success"
    assert report["verify"] == "0"
