"""Run inside private namespaces by test_card_pcscd: every kind of card, tapped once or twice.

Prints one JSON object of findings.
"""

import time
from pathlib import Path
from typing import Any

from card_scripts import AID, DEBIT_KEY, VALUE, personalised
from desfire_terminal import FULL, BadAnswer, Refused, Terminal, i32
from pcscd_rack import CardRemoved, Client, Rack, leave, tap, walked

from simulator.cards.shelf import Shelf

READ_UID = bytes.fromhex("ffca000000")
EXCHANGES = 300


def sell(client: Client) -> int:
    """Debits 1000; the value afterwards."""
    terminal = Terminal(client.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
    terminal.control(0xC7)
    return int.from_bytes(terminal.read(0x6C, bytes([VALUE]), FULL), "little")


def walk(client: Client, rack: Rack) -> dict[str, Any]:
    """Every kind of card, tapped once or twice."""
    found: dict[str, Any] = {}
    rack.post("", {"kind": "uid", "id": "guest", "uid": "04a1b2c3d4e5f6"})
    rack.post("/member/snapshot", {"as": "old"})
    found["uid_atr"] = tap(client, rack, "guest")
    found["uid"] = client.transmit(READ_UID).hex()
    leave(client, rack)

    found["atr"] = tap(client, rack, "member")
    found["first_sale"] = sell(client)
    times = []
    for _ in range(EXCHANGES):
        start = time.perf_counter()
        client.transmit(READ_UID)
        times.append(time.perf_counter() - start)
    found["median_us"] = round(sorted(times)[EXCHANGES // 2] * 1e6)
    leave(client, rack)

    rack.post("/member/replay", {"as": "clone"})
    tap(client, rack, "clone")
    try:
        found["clone"] = sell(client)
    except (BadAnswer, Refused) as refusal:
        found["clone"] = type(refusal).__name__
    leave(client, rack)

    tap(client, rack, "old")
    found["rolled_back_sale"] = sell(client)
    leave(client, rack)

    for when in ("before", "after"):
        tap(client, rack, "member", fault={"mode": "remove", "ins": "c7", "when": when})
        try:
            sell(client)
            found[f"torn_{when}"] = "not torn"
        except CardRemoved:
            found[f"torn_{when}"] = "removed"
        client.disconnect()
        client.wait(present=False)
    tap(client, rack, "member")
    found["last_sale"] = sell(client)
    leave(client, rack)
    return found


def put_member(cards: Path) -> None:
    state = {"kind": "desfire", "label": {}, "state": personalised().to_json()}
    Shelf(cards).save("member", state)


if __name__ == "__main__":
    walked(walk, put_member)
