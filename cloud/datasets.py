"""Members, cards, staff and rules: what a device changed goes up, gets its version, and comes down
to the others.

A value is the row's own CBOR and is not looked into, but for the cards: a card that was reported
lost, locked, returned or replaced is never made usable by who did not know of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from cloud import bell
from cloud.books import CloudBooks, CloudStore
from cloud.records import DatasetRow, Device
from daemon.core.errors import SyncError
from daemon.core.lease.moves import AccountKey
from daemon.sync.envelope.canonical import decode, encode
from daemon.sync.link.messages import Change, Delta, Row

DATASETS: Final = ("rules", "staff", "members", "cards")
"""In the order in which they come down: a card names its member."""
LOTS: Final = "lots"
"""Rules of lots go up only; they come down with grants. The key is member/asset/lot."""
ROWS_A_DELTA: Final = 2_000
BYTES_A_DELTA: Final = 512 << 10
MOST_KEPT: Final = 16
"""Deltas at hand for the next device that lacks the same: at most 24 MB."""
KEPT_MS: Final = 60_000
MOST_VALUE_BYTES: Final = 1 << 20
USABLE: Final = "active"


async def take_changes(
    store: CloudStore,
    device: Device,
    epoch: int,
    changes: Sequence[Change],
    have: Mapping[str, int],
    now_ms: int,
) -> None:
    """Once each, in the order of their numbers. `have` is what the device knew of each dataset.
    Raises SyncError("change_malformed")."""
    for change in changes:
        if change.dataset not in (*DATASETS, LOTS) or len(change.value) > MOST_VALUE_BYTES:
            raise SyncError("change_malformed", cseq=change.cseq)
    if changes:
        await store.run(
            partial(_take, device=device, epoch=epoch, changes=changes, have=have, now_ms=now_ms)
        )


async def _take(
    books: CloudBooks,
    *,
    device: Device,
    epoch: int,
    changes: Sequence[Change],
    have: Mapping[str, int],
    now_ms: int,
) -> None:
    journal = await books.journals.journal(device.device, epoch, hold=True)
    assert journal is not None
    new = sorted((each for each in changes if each.cseq > journal.cseq), key=lambda c: c.cseq)
    if not new:
        return
    moved = False
    # One order for every process: whoever changes a dataset holds its version until the commit.
    for change in sorted(new, key=lambda c: (c.dataset, c.cseq)):
        if change.dataset == LOTS:
            rules = _rule(change)
            await books.accounts.put_rules(rules)
            await books.accounts.to_grant([key.member for key in rules], now_ms)
        else:
            row = DatasetRow(change.dataset, change.key, 0, change.value, device.device, now_ms)
            moved |= await put_row(books, row, have.get(change.dataset, 0))
    await books.journals.put_cseq(device.device, epoch, new[-1].cseq)
    if moved:
        await books.tell(bell.EVERYTHING)


async def put_row(books: CloudBooks, row: DatasetRow, known_version: int) -> bool:
    """Gives the row the dataset's next version. `known_version` is what who changed it knew of the
    dataset. False: it says what was there."""
    await books.office.hold_dataset(row.dataset)
    before = await books.office.dataset_row(row.dataset, row.key)
    value = row.value
    if row.dataset == "cards" and before is not None and before.version > known_version:
        value = _still_blocked(before.value, value)
    if before is not None and before.value == value == row.value:
        return False
    version = await books.office.next_version(row.dataset)
    await books.office.put_dataset_row(replace(row, version=version, value=value))
    card = _card(value) if row.dataset == "cards" and value is not None else None
    if card is not None:
        await books.office.put_card_member(card[0], row.key, card[1])
    return True


class SharedDeltas:
    """What devices lack. Many lack the same when somebody changed something: it is read once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int, int], _Told] = {}

    async def deltas(
        self, books: CloudBooks, have: Mapping[str, int], versions: Mapping[str, int], now_ms: int
    ) -> list[Delta]:
        """What a device does not `have`, a bounded piece of it. A dataset waits for the one before.
        `versions` is where each dataset stands."""
        found: list[Delta] = []
        for dataset in DATASETS:
            start, end = have.get(dataset, 0), versions.get(dataset, 0)
            if start >= end:
                continue
            told = await self._told(books, dataset, start, end, now_ms)
            found.append(told.delta)
            if not told.whole:
                break
        return found

    async def _told(
        self, books: CloudBooks, dataset: str, start: int, end: int, now_ms: int
    ) -> _Told:
        """It leads from `start` to `end` whenever it is applied, so it is never out of date; a row
        that changed again after `end` comes again."""
        kept = self._kept.get((dataset, start, end))
        if kept is not None and 0 <= now_ms - kept.read_ms < KEPT_MS:
            return kept
        rows = await books.office.dataset_after(dataset, start, ROWS_A_DELTA)
        taken = _as_far_as(rows, BYTES_A_DELTA)
        whole = len(taken) == len(rows) < ROWS_A_DELTA
        upto = end if whole else taken[-1].version
        lines = tuple(Row(row.key, row.value) for row in taken)
        told = _Told(Delta(dataset, start, upto, False, lines), whole, now_ms)
        self._kept[dataset, start, end] = told
        for oldest in list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)]:
            del self._kept[oldest]
        return told


@dataclass(frozen=True, slots=True)
class _Told:
    """`whole`: nothing is left behind `delta`."""

    delta: Delta
    whole: bool
    read_ms: int


def _as_far_as(rows: Sequence[DatasetRow], most_bytes: int) -> list[DatasetRow]:
    taken: list[DatasetRow] = []
    size = 0
    for row in rows:
        size += len(row.key) + len(row.value or b"")
        if taken and size > most_bytes:
            break
        taken.append(row)
    return taken


def _rule(change: Change) -> dict[AccountKey, str]:
    member, _, rest = change.key.partition("/")
    asset, _, lot = rest.rpartition("/")
    rule = decode(change.value, "change_malformed")
    if not (member and asset and lot.isdecimal() and isinstance(rule, str)):
        raise SyncError("change_malformed", cseq=change.cseq)
    return {AccountKey(member, asset, int(lot)): rule}


def fields_of(value: bytes | None) -> dict[str, Any] | None:
    """The row, if it is one that can be read here."""
    if value is None:
        return None
    try:
        row = decode(value, "change_malformed")
    except SyncError:
        return None
    return row if isinstance(row, dict) else None


def _card(value: bytes) -> tuple[str, str] | None:
    row = fields_of(value)
    if row is None or not isinstance(row.get("uid"), str):
        return None
    member = row.get("member_id")
    return (row["uid"].lower(), member) if isinstance(member, str) else None


def _still_blocked(before: bytes | None, after: bytes | None) -> bytes | None:
    """The new row, with the old status where that one blocks and the new one does not."""
    old, new = fields_of(before), fields_of(after)
    if old is None or new is None:
        return after
    status = old.get("status")
    if status in (None, USABLE) or new.get("status") != USABLE:
        return after
    return encode({**new, "status": status})
