"""The virtual CPU card with the electronic purse, by itself: published traces of real cards, what
it refuses, that any bytes get a status, and the same through the rack with its faults."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from card_scripts import Script, unhex, vectors
from hypothesis import given
from hypothesis import strategies as st
from vpcd_reader import CardGone, VpcdReader

from simulator.cards.control import rack_app
from simulator.cards.purse import PurseCard
from simulator.cards.purse_memory import (
    DEMO_MASTERS,
    PurseMemory,
    diversified,
    line_mac,
    mac4,
    triple_des,
)
from simulator.cards.rack import Rack
from simulator.cards.shelf import Shelf
from tests.budget import examples

UID = unhex("b0ac2842")
VECTORS = vectors("pboc_purse")
SELECT = unhex("00a4040009a00000000386980701")
BALANCE = unhex("805c000204")
CHALLENGE = unhex("0084000004")
VERIFY = unhex("0020000003123456")
TILL = unhex("001122334455")
MOMENT = unhex("20261122150405")


def named(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["id"]) for entry in entries]


def traced(case: dict[str, Any]) -> PurseCard:
    """A card in the state that the trace began in; it gives the trace's random number."""
    memory = PurseMemory.issued(UID)
    memory.purchase_keys = {0: unhex(case.get("purchase_key", "00" * 16))}
    index = unhex(case["apdus"][0][0])[5] if "apdus" in case else 2
    memory.load_keys = {index: unhex(case.get("load_key", "00" * 16))}
    memory.tac_key = unhex(case.get("tac_key", "00" * 16))
    memory.balance = int(case["old_balance"], 16)
    memory.online_sequence = int(case.get("online_seq", "0"), 16)
    memory.offline_sequence = int(case.get("offline_seq", "0"), 16)
    card = PurseCard(memory, Script(unhex(case["rand"])))
    assert card.transmit(SELECT)[-2:] == b"\x90\x00"
    assert card.transmit(VERIFY) == b"\x90\x00"
    return card


def forgetting_versions(answer: bytes) -> bytes:
    """Key version and algorithm, which traces fill in various ways, put out of sight."""
    if len(answer) == 18:
        return answer[:6] + bytes(2) + answer[8:]
    return answer[:9] + bytes(2) + answer[11:] if len(answer) == 17 else answer


TRACES = [case for case in [*VECTORS["load"], *VECTORS["purchase"]] if "apdus" in case]


@pytest.mark.parametrize("case", named(TRACES))
def test_it_answers_as_the_real_card_did(case: dict[str, Any]) -> None:
    card = traced(case)
    for command, answer in case["apdus"]:
        said = card.transmit(unhex(command))
        assert forgetting_versions(said) == forgetting_versions(unhex(answer))


def test_it_signs_what_the_wrongly_keyed_real_card_should_have() -> None:
    case = next(case for case in VECTORS["load"] if case["id"] == "A-load-0-negative")
    command = unhex("805000020b02" + case["amount"] + case["terminal"] + "10")
    mac1 = traced(case).transmit(command)[12:16].hex()
    assert mac1 == case["mac1"] != case["card_returned_mac1"]


@pytest.mark.parametrize("case", named(VECTORS["diversify"]))
def test_keys_of_one_card(case: dict[str, Any]) -> None:
    assert diversified(unhex(case["key"]), unhex(case["factor"])) == unhex(case["derived"])


@pytest.mark.parametrize("case", named(VECTORS["secure_messaging"]))
def test_line_protection(case: dict[str, Any]) -> None:
    key = unhex(case["key"])
    if case["op"] == "ecb":
        assert triple_des(key, unhex(case["plain"])) == unhex(case["cipher"])
    else:
        assert line_mac(key, unhex(case["iv"]), unhex(case["data"])) == unhex(case["mac"])


def test_its_atr_is_the_published_one() -> None:
    exact = {entry["profile"]: entry["atr"] for entry in vectors("atr")["exact"]}
    assert PurseCard(PurseMemory.issued(UID)).atr.hex() == exact["fmcos"]


def issued(balance: int = 1_000) -> PurseCard:
    memory = PurseMemory.issued(UID)
    memory.balance = balance
    card = PurseCard(memory)
    card.transmit(SELECT)
    return card


def debit_after(answer: bytes, amount: int, number: int = 1) -> bytes:
    """DEBIT FOR PURCHASE after the answer to INITIALIZE."""
    key = diversified(DEMO_MASTERS["purchase"], PurseMemory.issued(UID).serial)
    tail = number.to_bytes(4, "big")
    session = triple_des(key, answer[11:15] + answer[4:6] + tail[2:])
    mac1 = mac4(session, amount.to_bytes(4, "big") + b"\x06" + TILL + MOMENT)
    return unhex("805401000f") + tail + MOMENT + mac1 + b"\x08"


def initialize(amount: int, key_index: int = 1) -> bytes:
    return unhex("805001020b") + bytes([key_index]) + amount.to_bytes(4, "big") + TILL + b"\x0f"


def test_a_purchase_its_proof_and_its_log() -> None:
    card = issued()
    done = card.transmit(debit_after(card.transmit(initialize(300)), 300))
    assert len(done) == 10 and done[-2:] == b"\x90\x00"
    assert card.transmit(BALANCE) == (700).to_bytes(4, "big") + b"\x90\x00"
    card.reset()
    card.transmit(SELECT)
    assert card.transmit(unhex("805a000602000008")) == done[4:8] + done[:4] + b"\x90\x00"
    for other in ("805a000602000108", "805a000202000008"):
        assert card.transmit(unhex(other)) == unhex("9406")
    record = card.transmit(unhex("00b201c400"))
    assert record == unhex("0000" + "000000" + "0000012c" + "06") + TILL + MOMENT + unhex("9000")
    assert card.transmit(unhex("00b202c400")) == unhex("6a83")


def test_any_command_between_the_two_of_a_transaction_ends_it() -> None:
    card = issued()
    debit = debit_after(card.transmit(initialize(300)), 300)
    card.transmit(BALANCE)
    assert card.transmit(debit) == unhex("6901")
    debit = debit_after(card.transmit(initialize(300)), 300)
    assert card.transmit(debit[:-3] + bytes([debit[-3] ^ 1]) + debit[-2:]) == unhex("9302")
    assert card.transmit(debit) == unhex("6901")
    assert card.memory.balance == 1_000 and card.memory.offline_sequence == 0


def test_the_same_debit_twice_counts_once() -> None:
    card = issued()
    debit = debit_after(card.transmit(initialize(300)), 300)
    assert card.transmit(debit)[-2:] == b"\x90\x00"
    assert card.transmit(debit) == unhex("6901")
    assert card.memory.balance == 700


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("80", "6700"),
        ("805c000204", "000003e89000"),
        ("805c000104", "6a86"),
        ("805c000205", "6700"),
        ("805c00020401", "6700"),
        ("805001020b09000000010011223344550f", "9403"),
        ("805001020b01000003e90011223344550f", "9401"),
        ("805000020b010000000100112233445510", "6982"),
        ("805001010b01000000010011223344550f", "6a86"),
        ("805001020a0100000001001122334455", "6700"),
        ("805200000b0000000000000000000000", "6901"),
        ("00a4040008a000000003869807", "6a82"),
        ("00a40000023f02", "6a82"),
        ("00a40000023f00", "9000"),
        ("00b0950020", "6c1e"),
        ("00b0960000", "6a82"),
        ("002000000100", "6700"),
        ("0020000002ffff", "63c2"),
        ("841e00000400000000", "6985"),
        ("00840000", "6700"),
        ("9060000000", "6e00"),
        ("00ff000000", "6d00"),
        ("ffca000000", "b0ac28429000"),
        ("ffca010000", "0c7880002090000000000000009000"),
        ("ffb0000410", "6a81"),
    ],
)
def test_frames_and_their_answers(apdu: str, answer: str) -> None:
    assert issued().transmit(unhex(apdu)).hex() == answer


COMMANDS = ((0, 0x20), (0, 0x84), (0, 0xA4), (0, 0xB0), (0, 0xB2), (0x80, 0x50), (0x80, 0x52),
            (0x80, 0x54), (0x80, 0x5A), (0x80, 0x5C), (0x84, 0x1E))  # fmt: skip
aimed = st.builds(
    lambda head, p1, p2, body: bytes([*head, p1, p2, len(body)]) + body + b"\x00",
    st.sampled_from(COMMANDS),
    st.sampled_from([0, 1, 2, 3, 4, 0x95]),
    st.sampled_from([0, 1, 2, 6, 0xC4]),
    st.binary(min_size=1, max_size=20),
)


@examples(500, nightly=10_000)
@given(st.lists(st.one_of(st.binary(max_size=40), aimed, st.just(VERIFY)), max_size=15))
def test_no_bytes_without_a_mac_move_money(apdus: list[bytes]) -> None:
    card = issued()
    for apdu in apdus:
        answer = card.transmit(apdu)
        assert len(answer) >= 2 and answer[-2] in (0x90, 0x93, 0x94, *range(0x62, 0x70)), apdu
    memory = card.memory
    state = (memory.balance, memory.online_sequence, memory.offline_sequence, memory.block)
    assert state == (1_000, 0, 0, "")
    assert PurseCard.from_json(card.to_json()).to_json() == card.to_json()


class Desk:
    """A rack with its API and a reader; `stored` is what lies on the shelf."""

    def __init__(self, client: "TestClient[Any, Any]", reader: VpcdReader, folder: Path) -> None:
        self.client, self.reader, self.folder = client, reader, folder

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.client.post(f"/api/cards{path}", json=body) as response:
            assert response.status in (200, 201), await response.text()
            return await response.json()

    async def insert(self, card_id: str, **fault: Any) -> None:
        await self.post(f"/{card_id}/insert", {"swap_gap_ms": 0, "fault": fault or None})
        self.reader.accept()

    def stored(self) -> PurseMemory:
        document = json.loads((self.folder / "wallet.json").read_text(encoding="utf-8"))
        return PurseMemory.from_json(document["state"])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    shelf = Shelf(tmp_path / "cards")
    memory = PurseMemory.issued(UID)
    memory.balance = 1_000
    shelf.save("wallet", {"kind": "purse", "label": {}, "state": memory.to_json()})
    with VpcdReader() as reader:
        rack = Rack(shelf, "127.0.0.1", reader.port)
        async with TestClient(TestServer(rack_app(rack))) as client:
            yield Desk(client, reader, tmp_path / "cards")


def pay(reader: VpcdReader, amount: int, number: int = 1) -> bytes:
    reader.transmit(SELECT)
    return reader.transmit(debit_after(reader.transmit(initialize(amount)), amount, number))


async def test_the_rack_makes_an_issued_purse(desk: Desk) -> None:
    made = await desk.post("", {"kind": "purse", "id": "new"})
    assert (made["kind"], len(made["uid"])) == ("purse", 14)
    await desk.insert("new")
    desk.reader.transmit(SELECT)
    assert desk.reader.transmit(BALANCE) == bytes(4) + b"\x90\x00"
    async with desk.client.post("/api/cards", json={"kind": "purse", "uid": "01"}) as refused:
        assert refused.status == 400


async def test_a_debit_is_on_disk_before_its_answer(desk: Desk) -> None:
    await desk.insert("wallet")
    assert pay(desk.reader, 300)[-2:] == b"\x90\x00"
    assert (desk.stored().balance, desk.stored().offline_sequence) == (700, 1)


@pytest.mark.parametrize(("when", "left"), [("before", 1_000), ("after", 700)])
async def test_a_torn_debit_and_its_proof(desk: Desk, when: str, left: int) -> None:
    await desk.insert("wallet", mode="remove", ins="8054", when=when)
    with pytest.raises(CardGone):
        pay(desk.reader, 300)
    assert desk.stored().balance == left
    await desk.insert("wallet")
    desk.reader.transmit(SELECT)
    proof = desk.reader.transmit(unhex("805a000602000008"))
    assert (proof == unhex("9406")) is (when == "before")


async def test_wrong_macs_garbage_words_and_replay(desk: Desk) -> None:
    await desk.insert("wallet")
    genuine = pay(desk.reader, 1)
    await desk.client.post("/api/cards/eject")
    await desk.post("/wallet/replay", {"as": "clone"})
    await desk.insert("clone")
    assert pay(desk.reader, 1, number=2) == genuine
    await desk.insert("wallet", mode="wrong_mac")
    desk.reader.transmit(SELECT)
    assert desk.reader.transmit(BALANCE) == unhex("000003e79000")
    last = desk.stored().proof
    assert last is not None
    spoilt = desk.reader.transmit(unhex("805a000602000008"))
    assert spoilt[:7] == last.mac + last.tac[:3] and spoilt[7] != last.tac[3]
    await desk.insert("wallet", mode="garbage_status", ins="8054", seed=1)
    assert pay(desk.reader, 1, number=3)[-2:] != b"\x90\x00"
    assert desk.stored().balance == 998
