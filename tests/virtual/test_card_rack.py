"""The rack: persistence, copies, the control API, and the program itself."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from card_scripts import AID, DEBIT_KEY, VALUE, delivered, personalised, value_of
from desfire_terminal import DES_ZEROS, FULL, BadAnswer, Terminal, i32
from vpcd_reader import CardGone, VpcdReader

from simulator.cards.control import is_loopback, rack_app
from simulator.cards.demo import seed_demo
from simulator.cards.desfire import DesfireCard
from simulator.cards.rack import Rack
from simulator.cards.shelf import Shelf, ShelfError

ROOT = Path(__file__).parents[2]
READ_UID = bytes.fromhex("ffca000000")


class Desk:
    """A rack with its API, a reader, and nothing in between."""

    def __init__(self, client: "TestClient[Any, Any]", reader: VpcdReader, folder: Path) -> None:
        self.client, self.reader, self.folder = client, reader, folder

    async def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        async with self.client.post(f"/api/cards{path}", json=body or {}) as response:
            return response.status, await response.json()

    async def insert(self, card_id: str, **body: Any) -> None:
        status, card = await self.post(f"/{card_id}/insert", {"swap_gap_ms": 0, **body})
        assert (status, card["inserted"]) == (200, True), card
        await asyncio.to_thread(self.reader.accept)

    async def eject(self) -> None:
        status, _ = await self.post("/eject")
        assert status == 200

    async def cards(self) -> dict[str, dict[str, Any]]:
        async with self.client.get("/api/cards") as response:
            return {card["id"]: card for card in await response.json()}

    def stored(self, card_id: str) -> DesfireCard:
        document = json.loads((self.folder / f"{card_id}.json").read_text(encoding="utf-8"))
        return DesfireCard.from_json(document["state"])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    shelf = Shelf(tmp_path / "cards")
    document = {
        "kind": "desfire",
        "label": {"zh": "甲", "en": "A"},
        "state": personalised().to_json(),
    }
    shelf.save("member", document)
    with VpcdReader() as reader:
        rack = Rack(shelf, "127.0.0.1", reader.port)
        async with TestClient(TestServer(rack_app(rack))) as client:
            yield Desk(client, reader, tmp_path / "cards")


def sell(reader: VpcdReader) -> None:
    terminal = Terminal(reader.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
    terminal.control(0xC7)


async def test_create_list_insert_eject(desk: Desk) -> None:
    status, created = await desk.post(
        "", {"kind": "uid", "id": "guest", "label": {"zh": "客", "en": "Guest"}, "uid": "04a1b2c3"}
    )
    assert status == 201
    assert created == {
        "id": "guest",
        "label": {"zh": "客", "en": "Guest"},
        "kind": "uid",
        "uid": "04a1b2c3",
        "inserted": False,
        "reader": None,
    }
    await desk.insert("guest")
    assert desk.reader.transmit(READ_UID).hex() == "04a1b2c39000"
    assert (await desk.cards())["guest"]["inserted"]
    await desk.eject()
    assert not (await desk.cards())["guest"]["inserted"]
    assert desk.reader.is_empty()
    assert (await desk.post("/eject"))[1] == {"ejected": None}


async def test_a_card_goes_from_one_reader_to_the_other(desk: Desk) -> None:
    with VpcdReader(desk.reader.port + 1) as second:
        await desk.insert("member")
        status, card = await desk.post("/member/insert", {"swap_gap_ms": 0, "reader": 1})
        assert (status, card["reader"]) == (200, 1)
        await asyncio.to_thread(second.accept)
        assert second.transmit(READ_UID)[-2:] == b"\x90\x00"
        assert desk.reader.is_empty()
    for reader in (2, -1, "left"):
        status, _ = await desk.post("/member/insert", {"reader": reader})
        assert status == 400


async def test_inserting_another_ejects_the_first(desk: Desk) -> None:
    await desk.post("", {"kind": "uid", "id": "guest"})
    await desk.insert("member")
    await desk.insert("guest")
    inserted = [card["id"] for card in (await desk.cards()).values() if card["inserted"]]
    assert inserted == ["guest"]
    await desk.insert("guest")
    assert desk.reader.transmit(READ_UID)[-2:] == b"\x90\x00"


async def test_a_new_card_is_as_delivered(desk: Desk) -> None:
    _, created = await desk.post("", {"kind": "desfire"})
    assert created["uid"].startswith("04")
    assert len(created["uid"]) == 14
    await desk.insert(created["id"])
    terminal = Terminal(desk.reader.transmit)
    terminal.authenticate(0x1A, 0, DES_ZEROS)
    assert terminal.control(0x45).hex() == "0f01"


async def test_state_is_on_disk_before_the_answer(desk: Desk) -> None:
    await desk.insert("member")
    await asyncio.to_thread(sell, desk.reader)
    assert value_of(desk.stored("member")) == 4_000
    revived = Rack(Shelf(desk.folder), "127.0.0.1", desk.reader.port)
    assert [card["id"] for card in revived.list_cards()] == ["member"]


async def test_uncommitted_changes_are_lost_with_the_field(desk: Desk) -> None:
    await desk.insert("member")
    terminal = Terminal(desk.reader.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
    await desk.insert("member")
    terminal = Terminal(desk.reader.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    assert terminal.read(0x6C, bytes([VALUE]), FULL) == i32(5_000)


async def test_a_rolled_back_copy(desk: Desk) -> None:
    status, copy = await desk.post("/member/snapshot", {"as": "member-old"})
    assert (status, copy["kind"]) == (201, "desfire")
    assert copy["label"] == {"zh": "甲（旧副本）", "en": "A (old copy)"}
    await desk.insert("member")
    await asyncio.to_thread(sell, desk.reader)
    await desk.eject()
    assert copy["uid"] == (await desk.cards())["member"]["uid"]
    assert value_of(desk.stored("member")) == 4_000
    assert value_of(desk.stored("member-old")) == 5_000
    await desk.insert("member-old")
    await asyncio.to_thread(sell, desk.reader)
    assert value_of(desk.stored("member-old")) == 4_000


async def test_a_clone_of_the_last_insertion(desk: Desk) -> None:
    await desk.insert("member")
    await asyncio.to_thread(sell, desk.reader)
    await desk.eject()
    status, clone = await desk.post("/member/replay", {"as": "member-clone"})
    assert (status, clone["kind"]) == (201, "replay")
    await desk.insert("member-clone")
    assert desk.reader.atr().hex() == "3b8180018080"
    with pytest.raises(BadAnswer):
        await asyncio.to_thread(sell, desk.reader)
    assert (await desk.post("/member-clone/replay", {"as": "x"}))[0] == 409


@pytest.mark.parametrize("ending", ["eject", "tear"])
async def test_a_clone_of_the_next_insertion(desk: Desk, ending: str) -> None:
    status, armed = await desk.post("/member/replay", {"as": "member-clone", "from": "next"})
    assert (status, armed) == (202, {"armed": "member-clone"})
    assert "member-clone" not in await desk.cards()
    fault = {"mode": "remove", "ins": "c7", "when": "after"} if ending == "tear" else {}
    await desk.insert("member", fault=fault)
    if ending == "tear":
        with pytest.raises(CardGone):
            await asyncio.to_thread(sell, desk.reader)
    else:
        await asyncio.to_thread(sell, desk.reader)
        await desk.eject()
    cards = await desk.cards()
    while cards["member"]["inserted"]:
        cards = await desk.cards()
    assert cards["member-clone"]["uid"] == cards["member"]["uid"]


async def test_a_fault_belongs_to_one_insertion(desk: Desk) -> None:
    await desk.insert("member", fault={"mode": "remove", "at": 1})
    with pytest.raises(CardGone):
        desk.reader.transmit(READ_UID)
    await desk.insert("member")
    assert desk.reader.transmit(READ_UID)[-2:] == b"\x90\x00"


async def test_trace_shows_instructions_statuses_and_times_only(desk: Desk) -> None:
    begun_ms = time.time() * 1000
    await desk.insert("member")
    await asyncio.to_thread(sell, desk.reader)
    async with desk.client.get("/api/cards/member/apdus") as response:
        exchanges = await response.json()
    times = [exchange.pop("answered_ms") for exchange in exchanges]
    assert times == sorted(times) and begun_ms <= times[0] and times[-1] <= time.time() * 1000
    assert exchanges == [
        {"ins": "5a", "status": "9100"},
        {"ins": "71", "status": "91af"},
        {"ins": "af", "status": "9100"},
        {"ins": "dc", "status": "9100"},
        {"ins": "c7", "status": "9100"},
    ]
    for _ in range(210):
        desk.reader.transmit(READ_UID)
    async with desk.client.get("/api/cards/member/apdus") as response:
        assert len(await response.json()) == 200


async def test_remove(desk: Desk) -> None:
    await desk.insert("member")
    async with desk.client.delete("/api/cards/member") as response:
        assert response.status == 204
    assert desk.reader.is_empty()
    assert await desk.cards() == {}
    assert list(desk.folder.glob("*.json")) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/nobody/insert", {}, 404),
        ("/nobody/snapshot", {"as": "x"}, 404),
        ("/nobody/replay", {"as": "x"}, 404),
        ("/member/snapshot", {"as": "member"}, 409),
        ("/member/snapshot", {"as": "../member"}, 400),
        ("/member/snapshot", {}, 400),
        ("/member/insert", {"fault": {"mode": "explode"}}, 400),
        ("/member/insert", {"fault": []}, 400),
        ("/member/insert", {"fault": "x"}, 400),
        ("/member/insert", {"swap_gap_ms": "now"}, 400),
        ("/member/insert", {"swap_gap_ms": -1}, 400),
        ("/member/replay", {"as": "x", "from": "never"}, 400),
        ("", {"kind": "magic"}, 400),
        ("", {}, 400),
        ("", {"kind": "uid", "uid": "zz"}, 400),
        ("", {"kind": "desfire", "uid": "04a1b2c3"}, 400),
        ("", {"kind": "uid", "id": "member"}, 409),
        ("", {"kind": "uid", "label": "x"}, 400),
        ("", {"kind": "uid", "label": {"zh": 1}}, 400),
    ],
)
async def test_refusals(desk: Desk, path: str, body: dict[str, Any], status: int) -> None:
    answered, error = await desk.post(path, body)
    assert answered == status
    assert set(error) == {"error"}
    async with desk.client.post(f"/api/cards{path}", data=b"not json") as response:
        assert response.status == 400 if path != "/nobody/insert" else response.status in (400, 404)


async def test_no_reader_is_said(desk: Desk) -> None:
    desk.reader._listener.close()
    answered, error = await desk.post("/member/insert", {})
    assert answered == 503
    assert "no reader" in error["error"]


async def test_pages_of_other_origins_may_not_touch_cards(desk: Desk) -> None:
    for origin, status in (
        ("http://127.0.0.1:8080", 200),
        ("http://localhost", 200),
        ("http://[::1]:3000", 200),
        ("https://shop.example", 403),
        ("null", 403),
    ):
        async with desk.client.get("/api/cards", headers={"Origin": origin}) as response:
            assert response.status == status
            allowed = response.headers.get("Access-Control-Allow-Origin")
            assert allowed == (origin if status == 200 else None)
    async with desk.client.get("/api/cards", headers={"Host": "rebound.example"}) as response:
        assert response.status == 403
    async with desk.client.options(
        "/api/cards/x/insert", headers={"Origin": "http://localhost:1"}
    ) as response:
        assert response.status == 204


def test_loopback_hosts() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]"))
    assert not any(is_loopback(host) for host in ("", "0.0.0.0", "localhost.example", "10.0.0.1"))


def test_demo_cards_are_made_once(tmp_path: Path) -> None:
    rack = Rack(Shelf(tmp_path), "127.0.0.1", 1)
    assert seed_demo(rack) == ["alice", "bob", "carol", "dave", "stranger"]
    uids = [card["uid"] for card in rack.list_cards()]
    again = Rack(Shelf(tmp_path), "127.0.0.1", 1)
    assert seed_demo(again) == []
    assert [card["uid"] for card in again.list_cards()] == uids
    assert {card["kind"] for card in again.list_cards()} == {"desfire", "uid"}


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "cards")
    shelf.save("a", {"kind": "desfire", "label": {}, "state": delivered().to_json()})
    assert (tmp_path / "cards").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cards" / "a.json").stat().st_mode & 0o777 == 0o600


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "member.json").write_text("{", encoding="utf-8")
    with pytest.raises(ShelfError, match=r"member\.json"):
        Rack(Shelf(tmp_path), "127.0.0.1", 1)


def test_a_cut_save_leaves_the_old_state(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    document = {"kind": "uid", "label": {}, "state": {"uid": "04a1b2c3"}}
    shelf.save("a", document)
    (tmp_path / "a.new").write_text('{"kind": "ui', encoding="utf-8")
    assert shelf.load_all() == {"a": document}


async def test_the_program(tmp_path: Path) -> None:
    """Seeds, serves, keeps the card of a killed run, and ends cleanly on SIGTERM."""
    with VpcdReader() as reader:
        arguments = [sys.executable, "-m", "simulator.cards", "--state", str(tmp_path / "cards")]
        arguments += ["--vpcd-port", str(reader.port), "--listen", "127.0.0.1:0", "--seed", "demo"]
        for ending in (signal.SIGKILL, signal.SIGTERM):
            program = await asyncio.create_subprocess_exec(
                *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
            )
            assert program.stdout is not None
            line = (await program.stdout.readline()).decode()
            address = line.removeprefix("cards ready ").strip()
            async with ClientSession() as session:
                async with session.post(f"{address}/api/cards/alice/insert") as response:
                    assert response.status == 200, await response.text()
                await asyncio.to_thread(reader.accept)
                terminal = Terminal(reader.transmit)
                if ending is signal.SIGKILL:
                    terminal.native(0xCA, AID + b"\x0f\x81")
                else:
                    assert terminal.native(0x6A) == AID
            program.send_signal(ending)
            assert await program.wait() == (0 if ending is signal.SIGTERM else -9)
            reader.drop()


def test_the_program_refuses_to_listen_to_the_world(tmp_path: Path) -> None:
    from simulator.cards.__main__ import main

    with pytest.raises(SystemExit, match="2"):
        main(["--state", str(tmp_path), "--listen", "0.0.0.0:8000"])
