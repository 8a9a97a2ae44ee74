"""A disk of a few MiB for a ledger, which can be filled to the last page and emptied again.

It is a tmpfs, so it needs root, and it lies in a mount namespace of its own, so nothing is left of
it whatever becomes of the storm: `in_a_world_of_its_own` begins the program again in one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SIZE_MIB: Final = 48
INSIDE: Final = "COUNTERD_STORM_INSIDE"


def in_a_world_of_its_own(module: str, arguments: Sequence[str]) -> bool:
    """Whether disks can be mounted here. Where they could be in a namespace of our own, this does
    not return: the program begins again in one."""
    if os.environ.get(INSIDE):
        return True
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        return False
    trial = 'mount -t tmpfs tmpfs "$1"'
    tried = [unshare, "-m", "sh", "-c", trial, "sh", "/tmp"]
    if subprocess.run(tried, capture_output=True).returncode == 0:
        again = [unshare, "-m", sys.executable, "-m", module, *arguments]
        os.execve(unshare, again, {**os.environ, INSIDE: "1"})
    return False


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        size = f"size={SIZE_MIB}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)

    def fill(self) -> None:
        """Not one page more can be written."""
        piece = 1 << 20
        with self._ballast.open("wb", buffering=0) as ballast:
            while piece:
                try:
                    ballast.write(bytes(piece))
                except OSError:
                    piece >>= 1

    def make_room(self) -> None:
        self._ballast.unlink()

    def take_away(self) -> None:
        """With everything on it."""
        subprocess.run(["umount", str(self.folder)], check=True)
