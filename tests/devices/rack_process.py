"""The rack of virtual cards as a process of its own, by its HTTP control."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INSERT_TRIES = 50


class RackProcess:
    def __init__(self, base: str) -> None:
        self._base = base

    async def create(self, kind: str, card_id: str, uid: str = "") -> None:
        await self._post("", {"kind": kind, "id": card_id, "uid": uid})

    async def insert(self, card_id: str, **fault: int | str) -> None:
        """Onto the reader, in place of the card that lies there; the reader may still be
        starting."""
        body = {"swap_gap_ms": 0, "fault": fault or None}
        for _ in range(INSERT_TRIES):
            try:
                await self._post(f"/{card_id}/insert", body)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                await asyncio.sleep(0.1)
            else:
                return
        raise TimeoutError("no reader takes the card")

    async def eject(self) -> None:
        await self._post("/eject", {})

    async def snapshot(self, card_id: str, copy_id: str) -> None:
        await self._post(f"/{card_id}/snapshot", {"as": copy_id})

    async def clone_last(self, card_id: str, clone_id: str) -> None:
        await self._post(f"/{card_id}/replay", {"as": clone_id, "from": "last"})

    async def said(self, card_id: str) -> list[str]:
        """The command codes of the last exchanges, oldest first."""
        listed = await asyncio.to_thread(self._call, "GET", f"/{card_id}/apdus", None)
        return [exchange["ins"] for exchange in listed]

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        await asyncio.to_thread(self._call, "POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{self._base}/api/cards{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def running_rack(folder: Path, port: int) -> Iterator[RackProcess]:
    command = [sys.executable, "-m", "simulator.cards", "--state", str(folder)]
    with subprocess.Popen(
        [*command, "--vpcd-port", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            ready = process.stdout.readline()
            assert ready.startswith("cards ready "), ready
            yield RackProcess(ready.split()[-1])
        finally:
            process.terminate()
            process.wait(10)
