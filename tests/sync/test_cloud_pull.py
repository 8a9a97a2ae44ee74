"""`python -m cloud` as processes of their own against a real device over TLS."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloud import keys as cloud_keys
from daemon.core.errors import KeyMissing
from daemon.sync.envelope import SeedKey
from daemon.sync.receipts import progress
from tests.sync.appliance import CLOUD, ROOT, Served, run_json

TABLES = ("devices", "cursors", "batches", "leaves", "accounts")


def contents(store: Path) -> dict[str, list[Any]]:
    """Everything that a pull keeps, but for when it came."""
    with closing(sqlite3.connect(store)) as db:
        found = {name: sorted(db.execute(f"SELECT * FROM {name}")) for name in TABLES}
    found["devices"] = [row[:-1] for row in found["devices"]]
    found["batches"] = [(*row[:-2], row[-1]) for row in found["batches"]]
    return found


async def test_a_first_pull_reconciles_and_acknowledges(served: Served, store: Path) -> None:
    recharged = await served.appliance.recharge("A")
    sales = [await served.appliance.sell("A", recharged.dseq) for _ in range(60)]
    await served.appliance.void(sales[-1])
    code, report = await served.pull(store)
    assert code == 0, report
    assert (report["new"], report["batches"], report["entries"]) == (2, 2, 62)
    assert report["sales"] == {
        "count": 60,
        "sales_fen": 60 * 1850,
        "tendered_fen": 0,
        "bonus_fen": 60 * 150,
    }
    assert report["voided_sales"]["count"] == 1
    assert report["voided_sales"]["sales_fen"] == 1850
    assert report["voided_sales"]["bonus_fen"] == 150
    assert report["recharges"] == {
        "count": 1,
        "sales_fen": 0,
        "tendered_fen": 5_000_000,
        "bonus_fen": 500_000,
    }
    assert report["tenders"] == [
        {"name": "cash", "unit": "fen", "opening": 0, "movement": 5_000_000, "closing": 5_000_000}
    ]
    assert [(line["name"], line["closing"]) for line in report["liability"]] == [
        ("bonus", 500_000 - 59 * 150),
        ("principal", 5_000_000 - 59 * 1700),
    ]
    assert report["reconciled"] and report["discrepancies"] == []
    head = await served.appliance.look("head")
    assert report["head"]["chain"] == head.chain.hex()
    assert (await progress(served.appliance.ledger)).receipted == 2


async def test_a_second_pull_finds_nothing_new(served: Served, store: Path) -> None:
    await served.appliance.trade(60)
    await served.pull(store)
    before = contents(store)
    for more in ((), ("--from-start",)):
        code, report = await served.pull(store, *more)
        assert (code, report["new"], report["entries"], report["ok"]) == (0, 0, 0, True)
        assert report["sales"]["count"] == 0
        assert report["tenders"][0] == {
            "name": "cash",
            "unit": "fen",
            "opening": 5_000_000,
            "movement": 0,
            "closing": 5_000_000,
        }
        assert contents(store) == before
    assert report["checked"] == 2


async def test_the_next_pull_brings_only_what_is_new(served: Served, store: Path) -> None:
    await served.appliance.trade(10)
    await served.pull(store)
    recharged = await served.appliance.recharge("B")
    await served.appliance.sell("B", recharged.dseq)
    code, report = await served.pull(store)
    assert (code, report["new"], report["entries"]) == (0, 1, 2)
    assert report["tenders"][0]["opening"] == report["tenders"][0]["movement"] == 5_000_000


async def test_two_pulls_at_once_keep_everything_once(served: Served, store: Path) -> None:
    await served.appliance.trade(220)
    results = await asyncio.gather(*(served.pull(store) for _ in range(3)))
    assert [code for code, _ in results] == [0, 0, 0], results
    assert sum(report["new"] for _, report in results) == 5
    once = store.with_name("once.db")
    await served.pull(once)
    assert contents(store) == contents(once)


async def test_pulling_while_the_shop_sells(served: Served, store: Path) -> None:
    recharged = await served.appliance.recharge("A")
    done = asyncio.Event()

    async def sell() -> None:
        while not done.is_set():
            await served.appliance.sell("A", recharged.dseq)
            await asyncio.sleep(0.005)

    selling = asyncio.create_task(sell())
    results = [
        result
        for _ in range(3)
        for result in await asyncio.gather(served.pull(store), served.pull(store))
    ]
    done.set()
    await selling
    assert all(code == 0 for code, _ in results), results
    code, report = await served.pull(store)
    assert code == 0 and report["reconciled"]
    assert report["head"]["dseq"] == (await served.appliance.look("head")).dseq


async def test_a_device_key_is_needed_once_and_then_pinned(served: Served, store: Path) -> None:
    await served.appliance.trade(2)
    command = served.pull_arguments(store)
    without = [part for part in command if not part.startswith("--device-key")]
    code, refused = await run_json(without)
    assert (code, refused["key"]) == (1, "device_key_required")
    wrong = SeedKey(bytes(32)).public_key.hex()
    code, refused = await run_json([*without, f"--device-key={wrong}"])
    assert (code, refused["key"]) == (1, "device_key_mismatch")
    key_file = served.folder / "device.pub"
    key_file.write_text(served.appliance.signer.public_key.hex() + "\n")
    code, report = await run_json([*without, f"--device-key={key_file}"])
    assert (code, report["new"]) == (0, 1)
    code, report = await run_json(without)
    assert (code, report["new"]) == (0, 0)
    code, refused = await run_json([*without, f"--device-key={wrong}"])
    assert (code, refused["key"]) == (1, "device_key_mismatch")


async def test_an_empty_device(served: Served, store: Path) -> None:
    code, report = await served.pull(store)
    assert (code, report["new"], report["acknowledged"]) == (0, 0, 0)
    code, report = await run_json([*CLOUD, "report", f"--store={store}", "--json"])
    assert (code, report) == (0, {"ok": True, "journals": []})


async def test_the_report_tells_the_whole_journal(served: Served, store: Path) -> None:
    await served.appliance.trade(20)
    await served.pull(store)
    await served.appliance.trade(20)
    await served.pull(store)
    code, report = await run_json([*CLOUD, "report", f"--store={store}", "--json"])
    assert code == 0
    (journal,) = report["journals"]
    assert journal["sales"]["count"] == 40
    assert journal["recharges"]["tendered_fen"] == 10_000_000
    assert journal["tenders"][0]["opening"] == 0


async def test_the_page_for_a_person(served: Served, store: Path) -> None:
    await served.appliance.trade(59)
    command = [part for part in served.pull_arguments(store) if part != "--json"]
    text = await printed(command)
    assert "M-0001 / store 012 / device D-7F3A / epoch 1" in text
    assert "batches 1 to 2 with 60 entries" in text
    assert any(line.split() == ["cash", "0.00", "50000.00", "50000.00"] for line in text)
    assert "sold 1091.50, of it bonus 88.50" in text
    assert any(line.split() == ["total", "0.00", "53908.50", "53908.50"] for line in text)
    assert "reconciled: everything agrees" in text
    assert "acknowledged up to batch 2, 2 new" in text
    assert "new: nothing" in await printed(command)


class Text(str):
    """Printed lines: `in` looks for a part anywhere, iteration goes line by line."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.splitlines())


async def printed(command: list[str]) -> Text:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return Text(out.decode())


async def test_the_store_is_checked_when_it_is_read(served: Served, store: Path) -> None:
    await served.appliance.trade(60)
    await served.pull(store)
    with closing(sqlite3.connect(store)) as db:
        db.execute("UPDATE accounts SET balance = balance + 1 WHERE owner = 'shop'")
        db.commit()
    code, report = await run_json([*CLOUD, "report", f"--store={store}", "--json"])
    (journal,) = report["journals"]
    assert code == 0 and not journal["reconciled"]
    assert {wrong["type"] for wrong in journal["discrepancies"]} == {"TOTALS"}
    with closing(sqlite3.connect(store)) as db:
        db.execute("UPDATE batches SET message = x'00' WHERE bseq = 1")
        db.commit()
    code, refused = await run_json([*CLOUD, "report", f"--store={store}", "--json"])
    assert (code, refused["key"]) == (1, "store_damaged")


async def test_a_file_that_is_no_store(served: Served, store: Path) -> None:
    store.write_text("this is no database at all, but a long enough text to look at")
    code, refused = await served.pull(store)
    assert (code, refused["key"]) == (1, "store_unusable")


async def test_a_device_that_is_not_there(served: Served, store: Path) -> None:
    await served.server.stop()
    code, refused = await served.pull(store)
    assert (code, refused["key"]) == (3, "link_failed")


async def test_a_receipt_key_that_the_device_does_not_trust(served: Served, store: Path) -> None:
    await served.appliance.trade(3)
    other = served.folder / "other.key"
    cloud_keys.generate(other)
    code, refused = await served.pull(store, f"--signing-key={other}")
    assert (code, refused["key"]) == (1, "receipt_key_unknown")
    assert (await progress(served.appliance.ledger)).receipted == 0
    code, report = await served.pull(store)
    assert (code, report["new"], report["acknowledged"]) == (0, 0, 1)
    assert (await progress(served.appliance.ledger)).receipted == 1


async def test_keygen_never_overwrites_and_keeps_the_seed_private(tmp_path: Path) -> None:
    out = tmp_path / "cloud.key"
    command = [*CLOUD, "keygen", f"--out={out}"]
    public = (await printed(command)).strip()
    assert cloud_keys.load(out).public_key.hex() == public
    assert cloud_keys.public_key(str(out) + ".pub").hex() == public
    assert out.stat().st_mode & 0o777 == 0o600
    code, error = await run_json(command)
    assert code == 1 and "key_file_exists" in error
    assert cloud_keys.load(out).public_key.hex() == public


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "00" * 33, "\xff" * 32])
def test_a_key_file_with_something_else_in_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyMissing, match="key_file_malformed"):
        cloud_keys.load(path)


def test_a_key_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("00" * 32)
    path.chmod(0o640)
    with pytest.raises(KeyMissing, match="key_file_too_open"):
        cloud_keys.load(path)
