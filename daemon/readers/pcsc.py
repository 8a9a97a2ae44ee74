"""Readers behind pcscd. The only door to pyscard, by its raw calls.

pyscard's own monitors swallow errors and stop for good when pcscd restarts, so this is one loop
over SCardGetStatusChange that starts again with a fresh context whenever anything fails. A
supervisor replaces the loop where it does not come round: pcsc-lite's client waits for an answer of
pcscd without any limit, so a pcscd that hangs takes every call into it along.

Sessions use a context of their own, on the thread that their reader has: pcsc-lite serialises the
calls of one context, so a shared one would let a silent card hold up the watch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any

from daemon.core.errors import CardError, CardGone, ReaderError
from daemon.readers.link import LinkEvent
from daemon.readers.roster import Roster

WATCH_TIMEOUT_MS = 500
"""The list of readers is read again at least this often: a reader that comes between the listing
and the waiting would otherwise be seen only with the next event."""

WATCH_STUCK_S = 3.0
"""A watch that has not come round for so long hangs in pcsc-lite."""

MAX_HANGING = 4
"""Threads that hang cannot be ended. With so many of them, wait for one to come back."""

SUPERVISE_S = 0.25

RETRY_S = (0.1, 0.25, 0.5, 1.0)
"""Between attempts at a context; the last one for ever. pcscd takes about 0.2 s to start."""

_PNP = "\\\\?PnP?\\Notification"
_HRESULT = 0xFFFFFFFF

# Codes by number: pyscard's constants are signed or not depending on the platform (pcsc-lite
# pcsclite.h).
_OK = 0x00000000
_E_CANCELLED = 0x80100002
_E_TIMEOUT = 0x8010000A
_E_UNKNOWN_READER = 0x80100009
_E_SHARING = 0x8010000B
_E_NO_READERS = 0x8010002E
_W_SECURITY = 0x8010006A
_NO_SERVICE = 0x8010001D
_SERVICE_DOWN = frozenset({_NO_SERVICE, 0x8010001E, 0x80100013, 0x80100001, 0x80100003})
_CARD_LEFT = frozenset(
    {
        0x8010000C,  # SCARD_E_NO_SMARTCARD
        0x80100016,  # SCARD_E_NOT_TRANSACTED: it left while the command was under way
        0x80100066,  # SCARD_W_UNRESPONSIVE_CARD
        0x80100067,  # SCARD_W_UNPOWERED_CARD
        0x80100068,  # SCARD_W_RESET_CARD: another one, or another program, came between
        0x80100069,  # SCARD_W_REMOVED_CARD
        0x8010002F,  # SCARD_E_COMM_DATA_LOST
    }
)


class _Failed(Exception):
    """A raw call failed; the watch begins again."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:08X}")
        self.code = code


def _scard() -> ModuleType:
    """Raises ReaderError where pyscard is not installed."""
    try:
        from smartcard import scard
    except ImportError as error:
        raise ReaderError("reader_driver_missing") from error
    return scard  # type: ignore[no-any-return]


def _check(code: int) -> None:
    """Raises _Failed."""
    if code & _HRESULT != _OK:
        raise _Failed(code & _HRESULT)


def _translate(code: int) -> CardError | ReaderError:
    if code in _CARD_LEFT:
        return CardGone("card_gone", why="removed", code=f"{code:08X}")
    if code == _E_SHARING:
        return ReaderError("reader_busy")
    if code == _W_SECURITY:
        return ReaderError("reader_access_denied")
    if code in _SERVICE_DOWN:
        return ReaderError("reader_service_down", code=f"{code:08X}")
    return ReaderError("reader_absent", code=f"{code:08X}")


class _PcscChannel:
    def __init__(
        self, scard: Any, context: Any, card: Any, protocol: Any, on_left: Callable[[], None]
    ) -> None:
        self._scard = scard
        self._context = context
        self._card = card
        self._on_left = on_left
        self._left = False
        t0 = protocol == scard.SCARD_PROTOCOL_T0
        self._header = scard.SCARD_PCI_T0 if t0 else scard.SCARD_PCI_T1

    def transmit(self, apdu: bytes) -> bytes:
        code, answer = self._scard.SCardTransmit(self._card, self._header, list(apdu))
        # Success and no answer is seen where the card is torn out within the command.
        if code & _HRESULT in _CARD_LEFT or (code & _HRESULT == _OK and len(answer) < 2):
            self._left = True
            self._on_left()
            raise CardGone("card_gone", why="removed", code=f"{code & _HRESULT:08X}")
        if code & _HRESULT != _OK:
            raise _translate(code & _HRESULT)
        return bytes(byte & 0xFF for byte in answer)

    def close(self, *, reset: bool) -> None:
        scard = self._scard
        scard.SCardEndTransaction(self._card, scard.SCARD_LEAVE_CARD)
        # Resetting a card that has left makes pcscd 1.9 publish "absent" without having looked;
        # a card that then lies there before it looks is never announced.
        end = scard.SCARD_RESET_CARD if reset and not self._left else scard.SCARD_LEAVE_CARD
        scard.SCardDisconnect(self._card, end)
        scard.SCardReleaseContext(self._context)


class PcscLink:
    """All readers of pcscd, or those that `allow` names."""

    def __init__(self, allow: Collection[str] | None = None) -> None:
        self._allow = allow
        self._shaken: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="pcsc", daemon=True)
        self._roster = Roster(allow, lambda _: None)

    def start(self, tell: Callable[[LinkEvent], None]) -> None:
        self._roster = Roster(self._allow, tell)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def connect(self, reader: str) -> _PcscChannel:
        scard = _scard()
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code & _HRESULT != _OK:
            raise _translate(code & _HRESULT)
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        for share in (scard.SCARD_SHARE_EXCLUSIVE, scard.SCARD_SHARE_SHARED):
            # Shared where another program has the card open; the transaction then keeps it out.
            code, card, protocol = scard.SCardConnect(context, reader, share, protocols)
            if code & _HRESULT != _E_SHARING:
                break
        if code & _HRESULT == _OK and reader in self._shaken:
            # The last card left in the middle. One that came back, or another, within one look of
            # pcscd's is powered as far as pcscd knows and without power in truth.
            code, protocol = scard.SCardReconnect(card, share, protocols, scard.SCARD_RESET_CARD)
        if code & _HRESULT == _OK:
            code = scard.SCardBeginTransaction(card)
        if code & _HRESULT == _OK:
            self._shaken.discard(reader)
            return _PcscChannel(scard, context, card, protocol, lambda: self._shaken.add(reader))
        scard.SCardReleaseContext(context)
        raise _translate(code & _HRESULT)

    def _supervise(self) -> None:
        """Keeps one watch going until `stop`."""
        lock = threading.Lock()
        watch = _Watch(self._roster, lock)
        hanging: list[_Watch] = []
        while not self._stopping.wait(SUPERVISE_S):
            hanging = [old for old in hanging if old.alive()]
            if watch.hangs() and len(hanging) < MAX_HANGING:
                watch.retire()
                hanging.append(watch)
                self._roster.lose_all("reader_service_down")
                watch = _Watch(self._roster, lock)
        watch.retire()
        watch.join()


class _Watch:
    """One thread that follows pcscd. Where it is retired it tells nothing any more."""

    def __init__(self, roster: Roster, lock: threading.Lock) -> None:
        self._roster = roster
        self._lock = lock
        self._retired = threading.Event()
        self._context: Any = None
        self._round_at_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="pcsc watch", daemon=True)
        self._thread.start()

    def hangs(self) -> bool:
        return time.monotonic() - self._round_at_s > WATCH_STUCK_S or not self.alive()

    def alive(self) -> bool:
        return self._thread.is_alive()

    def retire(self) -> None:
        with self._lock:
            self._retired.set()

    def join(self) -> None:
        """Waits for its end (the rest of its wait), but not for a pcscd that hangs."""
        self._thread.join(WATCH_STUCK_S)

    def _run(self) -> None:
        """The supervised loop: nothing ends it but `retire`."""
        attempt = denied = 0
        while not self._retired.is_set():
            self._round_at_s = time.monotonic()
            try:
                scard = _scard()
                code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
                _check(code)
                attempt = denied = 0
                try:
                    self._follow(scard)
                finally:
                    context, self._context = self._context, None
                    scard.SCardReleaseContext(context)
            except _Failed as error:
                # pcsc-lite also says "denied" where pcscd dies while it is being asked: only a
                # denial that stays is one.
                denied = denied + 1 if error.code == _W_SECURITY else 0
                code = _NO_SERVICE if denied == 1 else error.code
                self._say(self._roster.lose_all, _translate(code).key)
            except ReaderError as error:
                self._say(self._roster.lose_all, error.key)
            self._retired.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    def _follow(self, scard: Any) -> None:
        """Follows readers and cards until `retire`. Raises _Failed."""
        while not self._retired.is_set():
            self._round_at_s = time.monotonic()
            self._say(self._roster.list, self._list(scard))
            with self._lock:
                states = self._roster.states
            waits = [*states.items(), (_PNP, scard.SCARD_STATE_UNAWARE)]
            code, results = scard.SCardGetStatusChange(self._context, WATCH_TIMEOUT_MS, waits)
            code &= _HRESULT
            if code in (_E_TIMEOUT, _E_CANCELLED, _E_UNKNOWN_READER, _E_NO_READERS):
                continue
            _check(code)
            for name, state, atr in results:
                told = bytes(byte & 0xFF for byte in atr)
                self._say(self._roster.note, name, state & _HRESULT, told)

    def _list(self, scard: Any) -> list[str]:
        code, names = scard.SCardListReaders(self._context, [])
        if code & _HRESULT == _E_NO_READERS:
            return []
        _check(code)
        return list(names)

    def _say(self, what: Callable[..., None], *arguments: object) -> None:
        with self._lock:
            if not self._retired.is_set():
                what(*arguments)
