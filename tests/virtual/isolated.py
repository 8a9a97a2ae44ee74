#!/usr/bin/env python3
"""A pcscd of one's own: `python -m tests.virtual.isolated COMMAND...` (needs root).

pcscd's socket has a fixed path and its virtual reader listens on every address, so each rig gets a
private mount and network namespace; any number run side by side. COMMAND runs inside, with a pcscd
that has two virtual readers of two slots each. `--bare` starts none: the command then uses `Pcscd`.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

INSIDE = "COUNTERD_ISOLATED"
DRIVERS = (
    Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so"),
    Path("/usr/lib/x86_64-linux-gnu/pcsc/drivers/serial/libifdvpcd.so"),
    Path("/usr/lib/aarch64-linux-gnu/pcsc/drivers/serial/libifdvpcd.so"),
)
RUN = Path("/run/pcscd")
SOCKET = RUN / "pcscd.comm"
PORTS = {"Virtual PCD A": 0x8C7B, "Virtual PCD B": 0x8C8B}
"""Each reader has a second slot on the next port."""

START_S = 10.0


def why_not() -> str | None:
    """What is missing here to run a pcscd of one's own, or None."""
    if os.geteuid() != 0:
        return "needs root for private namespaces"
    for tool in ("pcscd", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if not any(path.exists() for path in DRIVERS):
        return "vsmartcard-vpcd (libifdvpcd.so) is not installed"
    try:
        import smartcard.scard  # noqa: F401
    except ImportError:
        return "pyscard is not installed"
    tried = subprocess.run(["unshare", "-m", "-n", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "namespaces are not permitted"


class Pcscd:
    """pcscd inside the namespace. Restarting with other readers is how one is unplugged: pcscd does
    not remove readers of a changed configuration by itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *readers: str) -> None:
        """Raises TimeoutError where it does not come up."""
        configured = Path(tempfile.mkdtemp(dir=self._folder))
        for name in readers or PORTS:
            (configured / name.replace(" ", "-")).write_text(self._stanza(name))
        SOCKET.unlink(missing_ok=True)
        told = subprocess.run(["pcscd", "--help"], capture_output=True, text=True, check=False)
        extra = ["--disable-polkit"] if "--disable-polkit" in told.stdout + told.stderr else []
        with (self._folder / "pcscd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["pcscd", "-f", "-c", str(configured), *extra], stdout=log, stderr=log
            )
        end_s = time.monotonic() + START_S
        while not SOCKET.exists():
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise TimeoutError("pcscd did not come up")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # it waits for a silent card for ever
                process.kill()
                process.wait()

    def signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)

    def _stanza(self, name: str) -> str:
        # The driver keeps its slots in a global array: a second reader needs a second copy of it.
        driver = next(path for path in DRIVERS if path.exists())
        copy = self._folder / f"{name.replace(' ', '-')}.so"
        if not copy.exists():
            shutil.copy(driver, copy)
        port = f"0x{PORTS[name]:X}"
        return (
            f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:{port}\n'
            f"LIBPATH {copy}\nCHANNELID {port}\n"
        )


def enter(arguments: Sequence[str]) -> None:
    """Runs this program again inside the namespaces; returns only there."""
    if os.environ.get(INSIDE) != "1":
        command = ["unshare", "-m", "-n", "--propagation", "private", sys.executable, "-m"]
        environment = {**os.environ, INSIDE: "1"}
        os.execvpe("unshare", [*command, "tests.virtual.isolated", *arguments], environment)
    _raise_loopback()
    RUN.mkdir(exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", bytes(RUN), b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), f"cannot mount over {RUN}")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


def main(arguments: list[str]) -> int:
    problem = why_not() if os.environ.get(INSIDE) != "1" else None
    if problem is not None:
        print(f"isolated: {problem}", file=sys.stderr)
        return 77
    enter(arguments)
    bare = arguments[:1] == ["--bare"]
    with tempfile.TemporaryDirectory() as folder:
        pcscd = Pcscd(Path(folder))
        if not bare:
            pcscd.start()
        try:
            return subprocess.run(arguments[bare:], check=False).returncode
        finally:
            pcscd.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
