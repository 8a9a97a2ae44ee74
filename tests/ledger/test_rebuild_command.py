"""`counterd verify` and `counterd rebuild` as store IT types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.__main__ import main
from daemon.config import load
from daemon.keys.files import find_keys
from daemon.ledger.door import open_writer
from daemon.ledger.store import SqlLedger
from tests.ledger.shop import TickClock, member, person, recharge


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A device with one member who has 100 yuan."""
    keys = tmp_path / "keys"
    path = tmp_path / "counterd.toml"
    path.write_text(
        f"""[device]
id = "d1"
store = "S1"
merchant = "m1"
[shop]
name = "店"
[storage]
ledger = "{tmp_path / "ledger.db"}"
keys = "{keys}"
[sync]
identity = "{tmp_path / "identity"}"
""",
        encoding="utf-8",
    )
    assert main(["init", "--config", str(path)]) == 0
    asyncio.run(_with_ledger(path, recharged=True))
    return path


async def _with_ledger(config: Path, *, recharged: bool = False) -> int:
    """Opens the ledger as the daemon does; what `rebuild` says meanwhile."""
    settings, clock = load(config), TickClock()
    keys = find_keys(settings.storage.keys)
    ledger = await SqlLedger.open(
        settings.storage.ledger, keys.ledger_key(), keys.signer(), clock, device="d1"
    )
    try:
        if recharged:
            who = member(clock)
            await ledger.write(lambda books: books.add_member(who, person()))
            await ledger.write(recharge(clock, who, 10_000))
        return await asyncio.to_thread(main, ["rebuild", "--config", str(config)])
    finally:
        await ledger.close()


def spoil(config: Path, statement: str) -> None:
    settings = load(config)
    key = find_keys(settings.storage.keys).ledger_key()
    connection = open_writer(settings.storage.ledger, key)
    connection.execute(statement)
    connection.close()


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_row_is_found_and_put_right(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(config, "UPDATE standing SET principal_fen = 999999")
    capsys.readouterr()
    assert main(["verify", "--config", str(config), "--json"]) == 1
    (problem,) = said(capsys)["problems"]
    assert (problem["problem"], problem["table"]) == ("projection_differs", "standing")
    assert problem["detail"] == "principal_fen is 999999, the journal says 10000"
    assert main(["verify", "--config", str(config)]) == 1
    told = capsys.readouterr().out
    assert f"standing {problem['key']}: projection_differs principal_fen is 999999" in told
    assert main(["rebuild", "--config", str(config), "--json"]) == 0
    changed = said(capsys)
    assert changed["changed"] == {"standing": 1}
    assert [each["key"] for each in changed["differences"]] == [problem["key"]]
    assert main(["verify", "--config", str(config), "--json"]) == 0
    assert said(capsys)["projected"] == 1
    assert main(["rebuild", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "nothing differs\n"


def test_a_ledger_in_use_is_left_alone(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asyncio.run(_with_ledger(config)) == 1
    assert "ledger_in_use" in capsys.readouterr().err


def test_a_ledger_that_is_not_whole_is_left_alone(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(config, "UPDATE account SET balance = balance + 1 WHERE owner GLOB 'member:*'")
    assert main(["rebuild", "--config", str(config)]) == 1
    assert "ledger_not_whole" in capsys.readouterr().err
