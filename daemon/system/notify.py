"""Telling systemd how the daemon is (sd_notify(3)): ready, alive, stopping, and why it is not well.

Without `$NOTIFY_SOCKET` every call does nothing."""

from __future__ import annotations

import os
import socket


def notify(*lines: str) -> bool:
    """Sends e.g. `READY=1`, `WATCHDOG=1`, `STOPPING=1`, `STATUS=...`. Returns whether somebody
    listens. An abstract socket's name begins with `@`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True


def watchdog_interval_s() -> float | None:
    """Half of what systemd allows between two signs of life, or None when it does not watch."""
    allowed_us = os.environ.get("WATCHDOG_USEC", "")
    if not allowed_us.isdigit() or int(allowed_us) == 0:
        return None
    pid = os.environ.get("WATCHDOG_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    return int(allowed_us) / 2_000_000
