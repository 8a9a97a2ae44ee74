"""Readers behind pcscd. The only door to pyscard, by its raw calls.

pyscard's own monitors swallow errors and stop for good when pcscd restarts, so this is one loop
over SCardGetStatusChange that starts again with a fresh context whenever anything fails. Sessions
use a context of their own, on the thread that their reader has: pcsc-lite serialises the calls of
one context, so a shared one would let a silent card hold up the watch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from types import ModuleType
from typing import Any

from daemon.core.errors import CardError, CardGone, ReaderError
from daemon.readers.link import (
    CardInserted,
    CardRemoved,
    LinkEvent,
    ReaderForgotten,
    ReaderFound,
    ReaderLost,
)

SERVICE = "PC/SC"
"""The row that says why there is no reader, while none is known by name."""

WATCH_TIMEOUT_MS = 1000
"""The list of readers is read again at least this often: a reader that comes between the listing
and the waiting would otherwise be seen only with the next event."""

RETRY_S = (0.1, 0.25, 0.5, 1.0, 2.0)
"""Between attempts at a context; the last one for ever. pcscd takes about 0.2 s to start."""

MAX_READERS = 16
"""pcscd itself has no more."""

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

_PRESENT = 0x0020
_MUTE = 0x0200
_FLAGS = 0xFFFF


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
    def __init__(self, scard: Any, context: Any, card: Any, protocol: Any) -> None:
        self._scard = scard
        self._context = context
        self._card = card
        self._header = (
            scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else (scard.SCARD_PCI_T1)
        )

    def transmit(self, apdu: bytes) -> bytes:
        code, answer = self._scard.SCardTransmit(self._card, self._header, list(apdu))
        if code & _HRESULT != _OK:
            raise _translate(code & _HRESULT)
        if len(answer) < 2:
            # Seen where the card is torn out within the command: success, and nothing came.
            raise CardGone("card_gone", why="empty_answer")
        return bytes(byte & 0xFF for byte in answer)

    def close(self, *, reset: bool) -> None:
        scard = self._scard
        scard.SCardEndTransaction(self._card, scard.SCARD_LEAVE_CARD)
        scard.SCardDisconnect(
            self._card, scard.SCARD_RESET_CARD if reset else (scard.SCARD_LEAVE_CARD)
        )
        scard.SCardReleaseContext(self._context)


class PcscLink:
    """All readers of pcscd, or those that `allow` names."""

    def __init__(self, allow: Collection[str] | None = None) -> None:
        self._allow = None if allow is None else frozenset(allow)
        self._named = set(allow or ())
        self._tell: Callable[[LinkEvent], None] = lambda _: None
        self._stopping = threading.Event()
        self._context: Any = None
        self._states: dict[str, int] = {}
        self._lost: dict[str, str] = {}
        self._thread = threading.Thread(target=self._watch, name="pcsc watch", daemon=True)

    def start(self, tell: Callable[[LinkEvent], None]) -> None:
        self._tell = tell
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        context = self._context
        if context is not None:
            _scard().SCardCancel(context)
        # Without the cancel (it is lost where the watch was between two waits) the wait ends by
        # itself within WATCH_TIMEOUT_MS.
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
        if code & _HRESULT != _OK:
            scard.SCardReleaseContext(context)
            raise _translate(code & _HRESULT)
        code = scard.SCardBeginTransaction(card)
        if code & _HRESULT != _OK:
            scard.SCardDisconnect(card, scard.SCARD_RESET_CARD)
            scard.SCardReleaseContext(context)
            raise _translate(code & _HRESULT)
        return _PcscChannel(scard, context, card, protocol)

    def _watch(self) -> None:
        """The supervising loop: nothing ends it but `stop`."""
        attempt = denied = 0
        while not self._stopping.is_set():
            try:
                scard = _scard()
                self._context = self._establish(scard)
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
                self._lose_all(_translate(code).key)
            except ReaderError as error:
                self._lose_all(error.key)
            self._stopping.wait(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    def _establish(self, scard: Any) -> Any:
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        if code & _HRESULT != _OK:
            raise _Failed(code & _HRESULT)
        return context

    def _follow(self, scard: Any) -> None:
        """Follows readers and cards until `stop`. Raises _Failed."""
        while not self._stopping.is_set():
            self._compare(self._list(scard))
            waits = [*self._states.items(), (_PNP, scard.SCARD_STATE_UNAWARE)]
            code, results = scard.SCardGetStatusChange(self._context, WATCH_TIMEOUT_MS, waits)
            code &= _HRESULT
            if code in (_E_TIMEOUT, _E_CANCELLED, _E_UNKNOWN_READER, _E_NO_READERS):
                continue
            if code != _OK:
                raise _Failed(code)
            for name, state, atr in results:
                if name in self._states:
                    self._note(name, state & _HRESULT, bytes(byte & 0xFF for byte in atr))

    def _list(self, scard: Any) -> list[str]:
        code, names = scard.SCardListReaders(self._context, [])
        code &= _HRESULT
        if code == _E_NO_READERS:
            return []
        if code != _OK:
            raise _Failed(code)
        allowed = [name for name in names if self._allow is None or name in self._allow]
        return allowed[:MAX_READERS]

    def _compare(self, names: list[str]) -> None:
        """Tells which readers came and went since the last listing."""
        if names:
            self._forget(SERVICE)
        for name in [known for known in self._states if known not in names]:
            del self._states[name]
            self._lose(name, "reader_unplugged")
        for name in names:
            if name not in self._states:
                self._states[name] = 0
                self._lost.pop(name, None)
                self._tell(ReaderFound(name))
        for name in (self._named | set(self._lost)) - set(names) - {SERVICE}:
            self._lose(name, "reader_unplugged")
        if not self._states and set(self._lost) <= {SERVICE}:
            self._lose(SERVICE, "reader_none")

    def _note(self, name: str, state: int, atr: bytes) -> None:
        """One reader's new state: 16 bits of flags and above them how often a card came or went
        there, which shows a card that was swapped between two looks."""
        before, self._states[name] = self._states[name], state & ~0x0002
        was = bool(before & _PRESENT) and not before & _MUTE
        present = bool(state & _PRESENT) and not state & _MUTE
        swapped = was and present and before >> 16 != state >> 16
        if was and (not present or swapped):
            self._tell(CardRemoved(name))
        if present and (not was or swapped):
            self._tell(CardInserted(name, atr))

    def _lose_all(self, problem: str) -> None:
        names = [*self._states, *self._lost, *self._named] or [SERVICE]
        self._states.clear()
        for name in names:
            self._lose(name, problem)

    def _lose(self, name: str, problem: str) -> None:
        if self._lost.get(name) == problem:
            return
        self._lost[name] = problem
        self._tell(ReaderLost(name, problem))
        if len(self._lost) > MAX_READERS:
            self._forget(next(iter(self._lost)))

    def _forget(self, name: str) -> None:
        if self._lost.pop(name, None) is not None:
            self._tell(ReaderForgotten(name))
