"""Takes the cloud's receipts into the ledger, and says how far the cloud has come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from daemon.core.errors import Conflict
from daemon.ports.ledger import Books, Ledger
from daemon.sync.envelope import Identity, SyncReceipt

SETTING: Final = "sync_receipted"


@dataclass(frozen=True, slots=True)
class Progress:
    """`sealed` and `receipted` are batch numbers (0: none); `receipted_ms` when the last receipt
    that was news arrived."""

    sealed: int
    receipted: int
    receipted_ms: int | None


async def take_receipt(
    ledger: Ledger, identity: Identity, receipt: SyncReceipt, now_ms: int
) -> Progress:
    """Marks every batch up to `receipt.upto` as held by the cloud, once and for ever.

    The same receipt again, or an older one, changes nothing. Raises Conflict("receipt_device")
    for another device or epoch, Conflict("receipt_ahead") for a batch that was never sealed, and
    Conflict("receipt_fork") where the cloud holds another batch under that number than we do.
    """
    if (receipt.device, receipt.epoch) != (identity.device, identity.epoch):
        raise Conflict("receipt_device", device=receipt.device, epoch=receipt.epoch)
    named = await ledger.batches_after(receipt.upto - 1, 1)
    if not named or named[0].bseq != receipt.upto:
        raise Conflict("receipt_ahead", upto=receipt.upto)
    if named[0].head != receipt.head:
        raise Conflict("receipt_fork", upto=receipt.upto)
    before = await progress(ledger)
    if receipt.upto <= before.receipted:
        return before
    # Two receipts at once: each looks again inside its own write, so the mark never goes back.
    return await ledger.write(lambda books: _mark(books, receipt.upto, now_ms))


async def progress(ledger: Ledger) -> Progress:
    return await ledger.read(_progress)


def _progress(books: Books) -> Progress:
    last = books.last_batch()
    kept = books.setting(SETTING)
    sealed = last.bseq if last else 0
    if kept is None:
        return Progress(sealed, 0, None)
    mark = json.loads(kept)
    if mark.get("epoch", 1) != books.epoch():
        return Progress(sealed, 0, None)
    return Progress(sealed, int(mark["bseq"]), int(mark["at_ms"]))


def _mark(books: Books, upto: int, now_ms: int) -> Progress:
    before = _progress(books)
    if upto <= before.receipted:
        return before
    books.mark_receipted(upto, now_ms)
    books.put_setting(SETTING, json.dumps({"bseq": upto, "at_ms": now_ms, "epoch": books.epoch()}))
    return Progress(before.sealed, upto, now_ms)
