"""What udev and the kernel say of device nodes. Reading it needs no right to the nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

MOST_NODES = 64
"""Nodes of one kind that are looked at: no counter has as many."""
_MOST_PARENTS = 8
"""From a port up to its USB device there are two or three."""


def names_in(folder: Path, *beginnings: str) -> list[str]:
    """Sorted, a bounded number; none where there is no such folder. Never raises."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [name for name in names if name.startswith(beginnings)][:MOST_NODES]


def told(path: Path) -> str:
    """What cannot be read says nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def told_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def udev_says(records: Path, node: Path) -> dict[str, str] | None:
    """The properties in udev's own record of a node; None where there is no such node."""
    try:
        number = node.stat().st_rdev
    except OSError:
        return None
    record = told(records / f"c{os.major(number)}:{os.minor(number)}")
    return dict(_properties(record))


def _properties(record: str) -> Iterator[tuple[str, str]]:
    """The lines `E:NAME=value` of a record of udev's database."""
    for line in record.splitlines():
        name, equals, value = line.removeprefix("E:").partition("=")
        if line.startswith("E:") and equals:
            yield name, value


def usb_says(device: Path) -> dict[str, str]:
    """What the USB device above a node's `device` in sysfs says of itself; empty where there is
    none."""
    try:
        at = device.resolve()
    except (OSError, RuntimeError):
        return {}
    for _ in range(_MOST_PARENTS):
        vendor = told(at / "idVendor").strip()
        if vendor:
            files = {"ID_VENDOR_ID": "idVendor", "ID_MODEL_ID": "idProduct", "NAME": "product"}
            said = {name: told(at / file).strip() for name, file in files.items()}
            return {name: value for name, value in said.items() if value}
        at = at.parent
    return {}
