"""The cloud's SQLite file has one transaction at a time, whoever stops waiting for it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from cloud.sqlite_books import SqliteStore


async def test_a_caller_that_gives_up_at_the_beginning_leaves_nothing_begun(tmp_path: Path) -> None:
    """The file is another process's for a moment, and the beginning waits in its thread."""
    path = tmp_path / "cloud.db"
    store = await SqliteStore.open(path)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = threading.Event()
            store.db.set_trace_callback(lambda _: begun.set())
            asked = asyncio.create_task(store.run(lambda books: books.devices.devices()))
            await asyncio.to_thread(begun.wait)
            asked.cancel()
            await asyncio.sleep(0)
            other.execute("ROLLBACK")
        await asyncio.gather(asked, return_exceptions=True)
        assert asked.cancelled()
        assert list(await store.run(lambda books: books.devices.devices())) == []
    finally:
        await store.close()
