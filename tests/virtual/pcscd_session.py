"""Run inside private namespaces by test_card_pcscd: a pcscd, the rack, and a PC/SC client.

Prints one JSON object of findings. The card is a process of its own: in the client's process it and
pcscd would wait for each other at exit.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from card_scripts import AID, DEBIT_KEY, VALUE, personalised
from desfire_terminal import FULL, BadAnswer, Refused, Terminal, i32
from smartcard import scard

from simulator.cards.shelf import Shelf

READER_CONF = """\
FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    0x8C7B
"""
WAIT_S = 20.0
READ_UID = bytes.fromhex("ffca000000")
EXCHANGES = 300


class CardRemoved(Exception):
    """PC/SC says the card is gone."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """A winscard call; the result without its code, or an exception with it."""
    result = function(*arguments)
    code, rest = (result[0], result[1:]) if isinstance(result, (list, tuple)) else (result, ())
    if code != scard.SCARD_S_SUCCESS:
        raise CardRemoved(f"{function.__name__} {code & 0xFFFFFFFF:08x}")
    return rest


class Client:
    """One context and one reader."""

    def __init__(self) -> None:
        (self._context,) = call(scard.SCardEstablishContext, scard.SCARD_SCOPE_SYSTEM)
        (readers,) = call(scard.SCardListReaders, self._context, [])
        self._reader = readers[0]
        self._card: Any = None

    def wait(self, present: bool) -> bytes:
        """Until a card is there, or none is; the ATR."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            (states,) = call(
                scard.SCardGetStatusChange,
                self._context,
                0,
                [(self._reader, scard.SCARD_STATE_UNAWARE)],
            )
            _, event, atr = states[0]
            if bool(event & scard.SCARD_STATE_PRESENT) == present:
                return bytes(atr)
            time.sleep(0.02)
        raise TimeoutError(f"present={present}")

    def connect(self) -> None:
        self.disconnect()
        self._card, self._protocol = call(
            scard.SCardConnect,
            self._context,
            self._reader,
            scard.SCARD_SHARE_EXCLUSIVE,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )

    def disconnect(self) -> None:
        if self._card is not None:
            scard.SCardDisconnect(self._card, scard.SCARD_RESET_CARD)
            self._card = None

    def transmit(self, apdu: bytes) -> bytes:
        header = scard.SCARD_PCI_T1
        if self._protocol == scard.SCARD_PROTOCOL_T0:
            header = scard.SCARD_PCI_T0
        (answer,) = call(scard.SCardTransmit, self._card, header, list(apdu))
        if len(answer) < 2:
            # vpcd's driver reports a tear within an exchange as a success without an answer.
            raise CardRemoved("no answer")
        return bytes(answer)


class Rack:
    """The rack program, by its API."""

    def __init__(self, folder: Path) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", "simulator.cards", "--state", str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._program.stdout is not None
        self._address = self._program.stdout.readline().removeprefix("cards ready ").strip()

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self._address}/api/cards{path}", json.dumps(body or {}).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def close(self) -> None:
        self._program.terminate()
        self._program.wait(20)


def sell(client: Client) -> int:
    """Debits 1000; the value afterwards."""
    terminal = Terminal(client.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
    terminal.control(0xC7)
    return int.from_bytes(terminal.read(0x6C, bytes([VALUE]), FULL), "little")


def tap(client: Client, rack: Rack, card_id: str, **body: Any) -> str:
    """Insert and connect; the ATR."""
    rack.post(f"/{card_id}/insert", body)
    atr = client.wait(present=True)
    client.connect()
    return atr.hex()


def leave(client: Client, rack: Rack) -> None:
    client.disconnect()
    rack.post("/eject")
    client.wait(present=False)


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


def main() -> None:
    """Expects /run/pcscd to be its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "readers").mkdir()
        (folder / "readers" / "vpcd").write_text(READER_CONF)
        state = {"kind": "desfire", "label": {}, "state": personalised().to_json()}
        Shelf(folder / "cards").save("member", state)
        pcscd = subprocess.Popen(
            ["pcscd", "--foreground", "--config", str(folder / "readers")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + WAIT_S
            while not Path("/run/pcscd/pcscd.comm").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            rack = Rack(folder / "cards")
            try:
                print(json.dumps(walk(Client(), rack)))
            finally:
                rack.close()
        finally:
            pcscd.terminate()
            pcscd.wait(20)


if __name__ == "__main__":
    main()
