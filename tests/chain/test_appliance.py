"""The daemon itself as one of a chain: set up, enrolled with a code, running against a cloud that
is served over TLS, with nothing in memory but the clock of this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from cloud import enrol as cloud_enrol
from cloud import site
from cloud.answer import Cloud
from cloud.server import CloudServer
from cloud.sqlite_books import SqliteStore
from daemon.__main__ import main
from daemon.app import Appliance
from daemon.config import load
from tests.chain.bindings import until

CONFIG = """
[device]
id = "d1"
store = "S1"
merchant = "m1"

[shop]
name = "测试店"

[storage]
ledger = "ledger.db"
keys = "keys"

[web]
port = 0

[sync]
identity = "tls"
enabled = false

[chain]
url = "https://127.0.0.1:{port}"
identity = "chain"

[[reader]]
kind = "vpcd"
port = 1
"""


async def test_a_daemon_joins_a_chain(tmp_path: Path) -> None:
    made = site.make_site(tmp_path / "site", "m1", ["127.0.0.1"])
    store = await SqliteStore.open(tmp_path / "cloud.db")
    cloud = Cloud(store, made.key, "m1", site.now_ms)
    server = CloudServer(cloud, "127.0.0.1", 0, tls=made.tls, authority=made.authority)
    await server.start()
    folder = tmp_path / "device"
    folder.mkdir()
    config, code_file = folder / "counterd.toml", folder / "code"
    config.write_text(CONFIG.format(port=server.port), encoding="utf-8")
    code_file.write_text(await cloud_enrol.make_code(store, "d1", "S1", "anna", site.now_ms()))
    try:
        assert await asyncio.to_thread(main, ["init", "--config", str(config)]) == 0
        enrolling = [
            *("enrol", "--config", str(config), "--code-file", str(code_file)),
            *("--ca", str(made.tls.clients), "--new-member-key"),
        ]
        assert await asyncio.to_thread(main, enrolling) == 0
        assert await asyncio.to_thread(main, enrolling) == 1, "a code is good once"
        for name in ("chain/device.key", "keys/member-key"):
            assert (folder / name).stat().st_mode & 0o077 == 0
        appliance = Appliance(load(config))
        await appliance.start()
        try:

            async def joined() -> bool:
                status = await appliance.status()
                chain = status["sync"]["chain"]
                assert json.dumps(status["sync"])
                return bool(chain["online"] and status["sync"]["receipted"] >= 0)

            await until(joined)
            async with store.transaction() as books:
                device = await books.devices.device("d1")
                journal = await books.journals.newest("d1")
            assert device is not None and device.seen_ms > 0
            assert journal is not None and journal.number == 1
        finally:
            await appliance.stop()
    finally:
        await server.stop()
        await store.close()
