"""One pull: fetch, verify everything again, keep, and only then acknowledge.

The cursor moves with the commit and nothing else, so a pull may be cut off, killed, repeated or run
twice at once. A batch that does not verify is kept apart with the reason; the batches before it
count, and the cursor stays in front of it until it comes whole. Nothing is ever skipped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.link import DeviceWords, Link
from cloud.store import Device, Store
from daemon.core.errors import SyncError
from daemon.sync.envelope import (
    Identity,
    Position,
    RawBatch,
    SigningKey,
    SyncReceipt,
    Verified,
    decode_batches,
    encode_batch,
    open_batch,
)

BATCHES_A_REQUEST: Final = 50


@dataclass(frozen=True, slots=True)
class Pulled:
    """`before` and `after` are the cursor when the pull began and ended; `new` how many batches
    this very pull added (another one at the same time may have added the rest)."""

    identity: Identity
    before: Position
    after: Position
    new: int
    checked: int


async def pull(
    link: Link,
    store: Store,
    signing_key: SigningKey,
    *,
    device_key: bytes | None = None,
    from_start: bool = False,
) -> Pulled:
    """Brings `store` up to what the device holds now, and tells the device so.

    `from_start` fetches and verifies what is there already too. Raises SyncError: `device_*` where
    the device is not who it should be or has gone back, `batch_*` for a batch that was refused (it
    is in quarantine then), `receipt_*` where the device refuses the receipt, `link_*`, `store_*`.
    """
    words = await link.device()
    device = recognise(store, words, device_key)
    identity = words.identity
    before = store.position(identity)
    if words.bseq < before.bseq:
        # Another pull may have come further since the device spoke: ask what it holds now.
        words = await link.device()
    _check_direction(store, words, identity, before)
    reader = _Reader(link, store, device, identity)
    position = Position(identity) if from_start else before
    while position.bseq < words.bseq:
        position = await reader.read_on(position, words.bseq)
    after = store.position(identity)
    _check_head(store, words)
    if after.bseq:
        receipt = SyncReceipt(identity.device, identity.epoch, after.bseq, after.head)
        await link.acknowledge(receipt.sealed_by(signing_key))
    return Pulled(identity, before, after, reader.new, reader.checked)


def recognise(store: Store, words: DeviceWords, device_key: bytes | None) -> Device:
    """The device with the key that is pinned, or is pinned now because somebody vouched for it.

    Raises SyncError("device_key_required") on a first pull without a key: whoever answers first is
    not believed for that. SyncError("device_key_mismatch") if it answers with another key.
    """
    pinned = store.device(words.identity.device)
    expected = device_key if pinned is None else pinned.public_key
    if expected is None:
        raise SyncError("device_key_required", device=words.identity.device)
    if words.public_key != expected or (device_key is not None and device_key != expected):
        raise SyncError("device_key_mismatch", device=words.identity.device)
    if pinned is not None and pinned.merchant != words.identity.merchant:
        raise SyncError("device_merchant_mismatch", device=words.identity.device)
    device = pinned or Device(words.identity.device, words.identity.merchant, expected)
    store.pin(device, _now_ms())
    return device


class _Reader:
    """Fetches and keeps, a response at a time."""

    def __init__(self, link: Link, store: Store, device: Device, identity: Identity) -> None:
        self._link = link
        self._store = store
        self._trusted = device.trusted()
        self._identity = identity
        self.new = 0
        self.checked = 0

    async def read_on(self, position: Position, upto: int) -> Position:
        """Where the next response ends. Raises SyncError after what was good has been kept."""
        most = min(BATCHES_A_REQUEST, upto - position.bseq)
        body = await self._link.batches(position.bseq, most)
        try:
            raws = decode_batches(body)
            if not raws:
                raise SyncError("batch_gap", want_bseq=position.bseq + 1)
        except SyncError as error:
            self._refuse(position, error, body)
            raise
        good, refusal = self._verify(position, raws)
        if good:
            self.new += self._keep(position, good, body)
            self.checked += len(good)
            position = good[-1].position
        if refusal is not None:
            self._refuse(position, refusal, encode_batch(*_parts(raws[len(good)])))
            raise refusal
        return position

    def _keep(self, position: Position, good: Sequence[Verified], body: bytes) -> int:
        try:
            return self._store.add(good, _now_ms())
        except SyncError as error:
            # Signed, sound, and not what the device sent before: the proof of a fork is kept.
            if error.key in ("batch_fork", "batch_gap"):
                self._refuse(position, error, body)
            raise

    def _verify(
        self, position: Position, raws: Sequence[RawBatch]
    ) -> tuple[list[Verified], SyncError | None]:
        good: list[Verified] = []
        for raw in raws:
            try:
                verified = open_batch(raw.message, raw.leaves, self._trusted, position)
            except SyncError as error:
                return good, SyncError(error.key, **{"bseq": position.bseq + 1, **error.facts})
            good.append(verified)
            position = verified.position
        return good, None

    def _refuse(self, position: Position, error: SyncError, content: bytes) -> None:
        self._store.quarantine(self._identity, position.bseq, error, content, _now_ms())


def _check_direction(
    store: Store, words: DeviceWords, identity: Identity, cursor: Position
) -> None:
    """A device that holds less than it was seen to hold was rolled back (a restored or copied
    disk): its epoch is over, and money may have been spent twice. Raises
    SyncError("device_behind")."""
    if words.identity != identity:
        raise SyncError("batch_device", device=words.identity.device, epoch=words.identity.epoch)
    newest = store.newest_epoch(identity.device)
    if newest is not None and words.identity.epoch < newest:
        raise SyncError("device_behind", epoch=identity.epoch, seen_epoch=newest)
    if words.bseq < cursor.bseq:
        raise SyncError("device_behind", bseq=words.bseq, seen_bseq=cursor.bseq)


def _check_head(store: Store, words: DeviceWords) -> None:
    """The device's last batch is the one that is kept here. Raises SyncError("batch_fork")."""
    if words.bseq and store.position(words.identity, words.bseq).head != words.head:
        raise SyncError("batch_fork", bseq=words.bseq)


def _parts(raw: RawBatch) -> tuple[bytes, Sequence[bytes]]:
    return raw.message, raw.leaves


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
