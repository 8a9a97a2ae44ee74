"""A pcscd with one virtual reader, a rack of cards and a PC/SC client, for what runs inside private
namespaces (pcscd_session, pcscd_purse): `walked` runs one walk over them and prints what it found.

The card is a process of its own: in the client's process it and pcscd would wait for each other at
exit.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smartcard import scard

READER_CONF = """\
FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    0x8C7B
"""
WAIT_S = 20.0


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


@contextmanager
def pcscd(folder: Path) -> Iterator[None]:
    """The service with its reader, up. /run/pcscd is expected to be its own."""
    configured = folder / "readers"
    configured.mkdir()
    (configured / "vpcd").write_text(READER_CONF)
    service = subprocess.Popen(
        ["pcscd", "--foreground", "--config", str(configured)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while not Path("/run/pcscd/pcscd.comm").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
    finally:
        service.terminate()
        service.wait(20)


def walked(
    walk: Callable[[Client, Rack], dict[str, Any]], prepare: Callable[[Path], None] | None = None
) -> None:
    """Prints what `walk` found, one JSON object; `prepare` puts cards into the rack's folder."""
    with tempfile.TemporaryDirectory() as scratch:
        cards = Path(scratch) / "cards"
        if prepare is not None:
            prepare(cards)
        with pcscd(Path(scratch)):
            rack = Rack(cards)
            try:
                print(json.dumps(walk(Client(), rack)))
            finally:
                rack.close()
