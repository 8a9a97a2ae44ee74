"""The rack: all virtual cards of one desk, and the one that lies on the reader.

Thread-safe and blocking: the control API calls it from worker threads. Cards keep their state on a
shelf. Tapping again means inserting again, also the card that is still there.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.cards.desfire import DesfireCard
from simulator.cards.faults import Fault, FaultyChip
from simulator.cards.picc import Picc
from simulator.cards.purse import PurseCard
from simulator.cards.purse_memory import PurseMemory
from simulator.cards.replay import Exchange, Recorder, ReplayCard
from simulator.cards.shelf import CARD_ID, Shelf
from simulator.cards.uid import UidCard
from simulator.vpcd import InsertedCard

NXP_MANUFACTURER: Final = b"\x04"
SWAP_GAP_MS: Final = 600
"""pcscd looks every 400 ms: a faster swap of cards looks to it like one card."""
MAX_SWAP_GAP_MS: Final = 10_000
MAX_CARDS: Final = 200
READERS: Final = 2
"""vpcd listens on a port for each of its two readers: two counters of one demo may stand at them.
There is one hand: a card lies on one reader, and no other card on the other one."""

AnyCard = DesfireCard | PurseCard | UidCard | ReplayCard
Labels = dict[str, str]


class RackError(Exception):
    """A request that cannot be met; the message is for the caller."""


class NoSuchCard(RackError):
    """No card has that id."""


class CardConflict(RackError):
    """The id is taken, or the card is of the wrong kind."""


class BadRequest(RackError):
    """The request makes no sense."""


@dataclass
class Entry:
    """A card of the rack."""

    card_id: str
    kind: str
    label: Labels
    card: AnyCard
    recorder: Recorder = field(init=False)
    stored: dict[str, Any] = field(default_factory=dict)
    """The state as it lies on the shelf; replaced as a whole, so any thread may read it."""
    clone_id: str | None = None
    """Where a replaying clone is to be made of the next insertion."""

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.card)


class Rack:
    """See the module."""

    def __init__(self, shelf: Shelf, vpcd_host: str, vpcd_port: int) -> None:
        """Loads every card. Raises ShelfError."""
        self._shelf = shelf
        self._address = (vpcd_host, vpcd_port)
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._inserted: tuple[str, InsertedCard] | None = None
        self._reader = 0
        self._faulty: FaultyChip | None = None
        self._emptied_at_s = time.monotonic() - SWAP_GAP_MS / 1000
        for card_id, document in shelf.load_all().items():
            card = self._revive(card_id, document)
            self._entries[card_id] = Entry(
                card_id, document["kind"], document["label"], card, document["state"]
            )

    def list_cards(self) -> list[dict[str, Any]]:
        """`{id, label, kind, uid, inserted}` of every card, in order of id."""
        with self._lock:
            self._settle()
            return [self._describe(self._entries[card_id]) for card_id in sorted(self._entries)]

    def describe(self, card_id: str) -> dict[str, Any]:
        """One of `list_cards`. Raises NoSuchCard."""
        with self._lock:
            self._settle()
            return self._describe(self._entry(card_id))

    def create(
        self, kind: str, card_id: str | None = None, label: Labels | None = None, uid: str = ""
    ) -> str:
        """A card as delivered, or a purse as issued and empty; answers its id.

        Raises CardConflict, BadRequest, ShelfError.
        """
        with self._lock:
            card_id = self._free_id(card_id or f"{kind}-{secrets.token_hex(3)}")
            try:
                uid_bytes = bytes.fromhex(uid) or NXP_MANUFACTURER + secrets.token_bytes(6)
            except ValueError:
                raise BadRequest("uid is hexadecimal") from None
            if kind == "desfire" and len(uid_bytes) == 7:
                state = Picc.delivered(uid_bytes).to_json()
            elif kind == "uid" and len(uid_bytes) in (4, 7, 10):
                state = UidCard(uid_bytes).to_json()
            elif kind == "purse" and len(uid_bytes) in (4, 7):
                state = PurseMemory.issued(uid_bytes).to_json()
            else:
                raise BadRequest("kind is desfire (UID of 7 bytes), purse (4, 7) or uid (4, 7, 10)")
            self._add(card_id, kind, label or {"zh": card_id, "en": card_id}, state)
            return card_id

    def insert(
        self,
        card_id: str,
        fault: Fault | None = None,
        swap_gap_ms: int = SWAP_GAP_MS,
        reader: int = 0,
    ) -> None:
        """Put a card on the reader, after taking off the one that lies on it or on the other.

        Raises NoSuchCard, and ReaderGone where no reader listens.
        """
        if not 0 <= swap_gap_ms <= MAX_SWAP_GAP_MS:
            raise BadRequest(f"swap_gap_ms is a whole number from 0 to {MAX_SWAP_GAP_MS}")
        if not 0 <= reader < READERS:
            raise BadRequest(f"reader is a whole number from 0 to {READERS - 1}")
        host, port = self._address
        with self._lock:
            entry = self._entry(card_id)
            self.eject()
            time.sleep(max(0.0, self._emptied_at_s + swap_gap_ms / 1000 - time.monotonic()))
            faulty = FaultyChip(entry.card, fault) if fault else None
            recorder = Recorder(faulty or entry.card, trace=entry.recorder.trace)
            self._inserted = (card_id, InsertedCard(recorder, host, port + reader))
            self._reader = reader
            entry.recorder, self._faulty = recorder, faulty

    def eject(self) -> str | None:
        """Take the card off the reader; answers its id, or None where there was none."""
        with self._lock:
            if self._inserted is None:
                return None
            card_id, inserted = self._inserted
            if self._faulty is not None:
                self._faulty.leave()
            inserted.pull()
            self._settle()
            return card_id

    def snapshot(self, card_id: str, copy_id: str, label: Labels | None = None) -> None:
        """A rolled-back copy: UID, keys and files as they are committed now.

        Raises NoSuchCard, CardConflict, BadRequest, ShelfError.
        """
        with self._lock:
            entry = self._entry(card_id)
            copy_id = self._free_id(copy_id)
            copy_label = label or _suffixed(entry.label, "（旧副本）", " (old copy)")
            self._add(copy_id, entry.kind, copy_label, entry.stored)

    def replay(
        self, card_id: str, clone_id: str, *, armed: bool = False, label: Labels | None = None
    ) -> bool:
        """A clone that replays the last insertion, or with `armed` or none heard yet, the next.

        True where the clone is made now. Raises NoSuchCard, CardConflict, BadRequest, ShelfError.
        """
        with self._lock:
            self._settle()
            entry = self._entry(card_id)
            if entry.kind == "replay":
                raise CardConflict("a clone cannot be cloned")
            clone_id = self._free_id(clone_id)
            if armed or not entry.recorder.exchanges:
                entry.clone_id = clone_id
                return False
            self._make_clone(entry, clone_id, label)
            return True

    def remove(self, card_id: str) -> None:
        """Throw a card away, off the reader first. Raises NoSuchCard, ShelfError."""
        with self._lock:
            self._entry(card_id)
            if self._inserted is not None and self._inserted[0] == card_id:
                self.eject()
            self._shelf.remove(card_id)
            del self._entries[card_id]

    def trace(self, card_id: str) -> list[dict[str, Any]]:
        """The last exchanges, oldest first: `ins` and `status` in hexadecimal, `answered_ms` since
        1970 with its fraction. Raises NoSuchCard."""
        with self._lock:
            return [
                {
                    "ins": exchange.command[1:2].hex(),
                    "status": exchange.answer[-2:].hex(),
                    "answered_ms": exchange.answered_ns / 1e6,
                }
                for exchange in list(self._entry(card_id).recorder.trace)
            ]

    def close(self) -> None:
        """Leave the reader."""
        self.eject()

    def _entry(self, card_id: str) -> Entry:
        try:
            return self._entries[card_id]
        except KeyError:
            raise NoSuchCard(f"no card {card_id}") from None

    def _describe(self, entry: Entry) -> dict[str, Any]:
        inserted = self._inserted is not None and self._inserted[0] == entry.card_id
        return {
            "id": entry.card_id,
            "label": entry.label,
            "kind": entry.kind,
            "uid": entry.card.uid.hex(),
            "inserted": inserted,
            "reader": self._reader if inserted else None,
        }

    def _free_id(self, card_id: str) -> str:
        if not CARD_ID.fullmatch(card_id):
            raise BadRequest("an id is 1 to 32 of a-z, 0-9, - and _")
        if card_id in self._entries:
            raise CardConflict(f"there is a card {card_id}")
        if len(self._entries) >= MAX_CARDS:
            raise CardConflict(f"the rack holds {MAX_CARDS} cards")
        return card_id

    def _add(self, card_id: str, kind: str, label: Labels, state: dict[str, Any]) -> None:
        document = {"kind": kind, "label": label, "state": state}
        self._shelf.save(card_id, document)
        card = self._revive(card_id, document)
        self._entries[card_id] = Entry(card_id, kind, label, card, state)

    def _revive(self, card_id: str, document: dict[str, Any]) -> AnyCard:
        builders: dict[str, Callable[[dict[str, Any]], AnyCard]] = {
            "desfire": lambda state: DesfireCard.from_json(
                state, on_change=lambda changed: self._store(card_id, changed)
            ),
            "purse": lambda state: PurseCard.from_json(
                state, on_change=lambda changed: self._store(card_id, changed)
            ),
            "uid": UidCard.from_json,
            "replay": ReplayCard.from_json,
        }
        return builders[document["kind"]](document["state"])

    def _store(self, card_id: str, state: dict[str, Any]) -> None:
        """Called by a card's thread, which must not wait for the lock."""
        entry = self._entries[card_id]
        self._shelf.save(card_id, {"kind": entry.kind, "label": entry.label, "state": state})
        entry.stored = state

    def _settle(self) -> None:
        """Notice that the card on the reader has left, by itself or by our hand."""
        if self._inserted is None or self._inserted[1].inserted:
            return
        card_id, inserted = self._inserted
        inserted.pull()
        self._inserted = None
        self._emptied_at_s = time.monotonic()
        entry = self._entries[card_id]
        if entry.clone_id is not None and entry.recorder.exchanges:
            clone_id, entry.clone_id = entry.clone_id, None
            if clone_id not in self._entries:
                self._make_clone(entry, clone_id, None)

    def _make_clone(self, entry: Entry, clone_id: str, label: Labels | None) -> None:
        exchanges: list[Exchange] = entry.recorder.exchanges
        clone = ReplayCard.of(entry.card.uid, entry.card.atr, exchanges)
        clone_label = label or _suffixed(entry.label, "（克隆）", " (clone)")
        self._add(clone_id, "replay", clone_label, clone.to_json())


def _suffixed(label: Labels, zh: str, en: str) -> Labels:
    return {"zh": label.get("zh", "") + zh, "en": label.get("en", "") + en}
