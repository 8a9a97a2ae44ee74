"""systemd's own tools read the unit: not a word that it does not know, and tight enough."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "counterd.service"
MOST_EXPOSURE = 20
"""systemd-analyze's tenths; 0 is a unit that can do nothing. Ours must reach readers, a network
printer and the page."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with an ExecStart that exists on this machine."""
    text = UNIT.read_text(encoding="utf-8")
    path = tmp_path / UNIT.name
    path.write_text(text.replace("/opt/counterd/bin/counterd", "/bin/true"), encoding="utf-8")
    return path


@needs_systemd
def test_systemd_knows_every_word(installed: Path) -> None:
    # It exits 0 on unknown keys (systemd 252): what it says on standard error is the verdict.
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(installed)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stderr == "" and told.returncode == 0


@needs_systemd
def test_verify_would_see_a_mistake(installed: Path) -> None:
    installed.write_text(installed.read_text(encoding="utf-8") + "\n[Service]\nBogus=1\n")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(installed)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Bogus" in told.stderr


@needs_systemd
def test_its_exposure_is_small(installed: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSURE}"]
    told = subprocess.run(
        [*command, "--json=short", str(installed)], capture_output=True, text=True, check=False
    )
    rows = json.loads(told.stdout)
    assert told.returncode == 0, [row for row in rows if row.get("exposure")]


def test_no_key_is_on_the_command_line_or_in_the_environment() -> None:
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith(("ExecStart=", "Environment=")):
            assert "key" not in line.lower()
