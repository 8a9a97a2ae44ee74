"""A real pcscd with a virtual reader, in a mount namespace of its own.

pcscd's socket has a fixed path, so a private one needs a private /run/pcscd; what runs in the
namespace sees that pcscd and no other. Needs root, pcscd and vsmartcard's driver."""

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from simulator.appliance import Processes

DRIVERS: Final = (
    Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so"),
    Path("/usr/lib/x86_64-linux-gnu/pcsc/drivers/serial/libifdvpcd.so"),
    Path("/usr/lib/aarch64-linux-gnu/pcsc/drivers/serial/libifdvpcd.so"),
)
RUN: Final = Path("/run/pcscd")
SOCKET: Final = RUN / "pcscd.comm"
INSIDE: Final = "COUNTERD_PRIVATE_PCSCD"
START_S: Final = 10.0


def driver() -> Path | None:
    return next((path for path in DRIVERS if path.exists()), None)


def can_run_pcscd() -> bool:
    """Root, the programs, the driver, and the client library (pyscard)."""
    try:
        import smartcard  # noqa: F401
    except ImportError:
        return False
    tools = all(shutil.which(tool) for tool in ("pcscd", "unshare"))
    if os.geteuid() != 0 or not tools or driver() is None:
        return False
    return bool(os.environ.get(INSIDE)) or _may_unshare()


def _may_unshare() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def enter_namespace(module: str, arguments: Sequence[str]) -> None:
    """Runs this program again inside a private mount namespace; returns only when it is inside."""
    if os.environ.get(INSIDE):
        return
    environment = {**os.environ, INSIDE: "1"}
    command = ["unshare", "-m", "--propagation", "private", sys.executable, "-m", module]
    os.execvpe("unshare", [*command, *arguments], environment)  # noqa: S606


async def start_pcscd(processes: "Processes", state: Path, port: int) -> None:
    """Starts pcscd with one virtual reader whose card connects to `port`.

    Raises RuntimeError when it does not come up."""
    RUN.mkdir(exist_ok=True)
    _mount_tmpfs(RUN)
    readers = state / "readers"
    readers.mkdir(exist_ok=True)
    library = driver()
    assert library is not None
    (readers / "virtual").write_text(
        f'FRIENDLYNAME "counterd virtual reader"\nDEVICENAME /dev/null:0x{port:X}\n'
        f"LIBPATH {library}\nCHANNELID 0x{port:X}\n"
    )
    extra = ["--disable-polkit"] if _has_polkit() else []
    await processes.launch("pcscd", "pcscd", "-f", "-c", str(readers), *extra)
    async with asyncio.timeout(START_S):
        while not SOCKET.exists():
            await asyncio.sleep(0.02)


def _has_polkit() -> bool:
    told = subprocess.run(["pcscd", "--help"], capture_output=True, text=True, check=False)
    return "--disable-polkit" in told.stdout + told.stderr


def _mount_tmpfs(where: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", bytes(where), b"tmpfs", 0, None):
        raise RuntimeError(f"cannot mount over {where}: {os.strerror(ctypes.get_errno())}")
