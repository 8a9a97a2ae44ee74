"""The simulated display as a process of its own, for the tests."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PATIENCE_S = 30.0


class DisplayProcess:
    """What stands on the glass, and its faults."""

    def __init__(self, path: Path, url: str, client: aiohttp.ClientSession) -> None:
        self.path, self._url, self._client = path, url, client

    async def look(self) -> dict[str, Any]:
        async with self._client.get(f"{self._url}api/display") as answer:
            seen: dict[str, Any] = await answer.json()
            return seen

    async def fault(self, name: str) -> None:
        body = {"fault": name}
        async with self._client.post(f"{self._url}api/display/fault", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def dark(self) -> None:
        async with self._client.post(f"{self._url}api/display/dark") as answer:
            assert (await answer.json())["lines"] == [" " * 20] * 2

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is seen as soon as it fits; the limit is only there so that a test ends."""
        async with asyncio.timeout(PATIENCE_S):
            while not fits(seen := await self.look()):
                await asyncio.sleep(0.01)
        assert seen["unknown"] == []
        return seen

    async def shows(self, *lines: str) -> None:
        await self.until(lambda seen: [each.strip() for each in seen["lines"]] == list(lines))


@asynccontextmanager
async def display_process(path: Path, kind: str) -> AsyncIterator[DisplayProcess]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator.display", "--link", str(path), "--kind", kind),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.search(r"control (http://\S+)", line)
        assert found is not None, line
        async with aiohttp.ClientSession() as client:
            yield DisplayProcess(path, found[1], client)
    finally:
        process.terminate()
        await process.wait()
