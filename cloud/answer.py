"""`answer(report) -> orders`: one exchange with a device, the same on every binding.

Nothing is kept between exchanges but the books: what a device must hear is worked out from them and
from its report, so any process answers any exchange, and one that comes twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cloud import bell
from cloud.books import CloudBooks, CloudStore
from cloud.chain_rules import RULES, chain_rules
from cloud.datasets import SharedDeltas, take_changes
from cloud.desks.accounts import ask_granted_after, ask_open_parts, ask_recalled, ask_to_grant
from cloud.desks.journals import ask_due, ask_journal, ask_newest
from cloud.desks.office import ask_dataset_versions
from cloud.effects import catch_up
from cloud.epochs import end_epoch, stand
from cloud.grants import give
from cloud.ingest import ingest, receipt_of
from cloud.records import DebitPart, Device, DeviceState, HeldLease, Journal, JournalState
from cloud.requests import Asker, answer_request
from cloud.wholes import wholes_of, whom
from daemon.core.errors import SyncError
from daemon.core.lease.policy import ChainPolicy
from daemon.sync.envelope import SigningKey
from daemon.sync.envelope.canonical import decode
from daemon.sync.envelope.cose import KID
from daemon.sync.link.asking import Answer
from daemon.sync.link.messages import (
    Grant,
    NewJournal,
    Orders,
    Pull,
    Recall,
    Report,
    open_report,
)

CREDIT_BYTES: Final = 1 << 20
GRANTS_AT_A_TIME: Final = 1_000
RECALLS_AT_A_TIME: Final = 1_000
SEEN_EVERY_MS: Final = 10_000
"""How often a device that only says that it is there costs a write."""
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Answered:
    """`news`: whether the orders say anything that the device does not know. `reminder`: nothing
    but recalls, which it may have heard before."""

    orders: Orders
    news: bool
    reminder: bool


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a device stands in the books, all at one moment."""

    journal: Journal
    newest: Journal
    granted: list[tuple[HeldLease, str]]
    recalled: list[tuple[str, str]]
    opened: list[DebitPart]
    versions: dict[str, int]


class Cloud:
    """What answers devices. `now_ms` is the cloud's clock; `policy` the merchant's rules, until the
    office writes others."""

    def __init__(
        self,
        store: CloudStore,
        key: SigningKey,
        merchant: str,
        now_ms: Callable[[], int],
        policy: ChainPolicy | None = None,
    ) -> None:
        self.store = store
        self.key = key
        self.merchant = merchant
        self.now_ms = now_ms
        self.policy = policy or ChainPolicy()
        self._rules_version = 0
        self._shared = SharedDeltas()

    async def exchange(self, message: bytes, *, device: str | None = None) -> bytes:
        """A signed report, answered with signed orders. `device` is whose certificate it came
        under. Raises what `open` and `answer` raise."""
        report, known = await self.open(message, device=device)
        answered = await self.answer(report, known)
        return answered.orders.sealed_by(self.key)

    async def open(self, message: bytes, *, device: str | None = None) -> tuple[Report, Device]:
        """Raises SyncError: `report_*` where the message does not verify, "device_unknown",
        "device_revoked", "report_device" where it speaks for somebody else."""
        async with self.store.look() as books:
            known = await _signer(books, message)
        report = open_report(message, {} if known is None else known.trusted())
        assert known is not None, "nothing verifies without a key"
        who = report.hello.identity
        if known.state is DeviceState.REVOKED:
            raise SyncError("device_revoked", device=known.device)
        mine = (known.device, known.merchant) == (who.device, who.merchant)
        if not mine or known.merchant != self.merchant or device not in (None, known.device):
            raise SyncError("report_device", device=who.device)
        return report, known

    async def answer(self, report: Report, device: Device) -> Answered:
        """Raises SyncError("epoch_unknown"), SyncError("change_malformed") and, where the database
        is gone, SyncError("store_unusable"): then nothing was promised."""
        now_ms = self.now_ms()
        hello = report.hello
        epoch = hello.identity.epoch
        await self.store.run(partial(self._meet, device=device, report=report, now_ms=now_ms))
        if report.batches:
            done = await ingest(self.store, device, epoch, report.batches, now_ms)
            if done.refusal is not None and done.refusal.key == "batch_fork":
                await self.store.run(
                    partial(_end_forked, device=device, journal=done.journal, now_ms=now_ms)
                )
        async with self.store.look() as books:
            due, waiting = await books.together(ask_due(device.device), ask_to_grant(1))
        if due:
            await catch_up(self.store, device.device, epoch, now_ms)
        await take_changes(self.store, device, epoch, report.changes, report.have, now_ms)
        if due or report.changes or waiting:
            await give(self.store, self.policy, now_ms)
        asker = Asker(device, epoch, self.policy, now_ms)
        answers = [await answer_request(self.store, asker, request) for request in report.requests]
        return await self.orders(report, device, tuple(answers))

    async def orders(
        self, report: Report, device: Device, answers: tuple[Answer, ...] = ()
    ) -> Answered:
        """What the device must hear now."""
        async with self.store.look() as books:
            return await self._orders(books, report, device, answers)

    async def _meet(
        self, books: CloudBooks, *, device: Device, report: Report, now_ms: int
    ) -> Journal:
        journal = await stand(books, device, report.hello, now_ms)
        hello = report.hello
        known = await books.devices.device(device.device)
        assert known is not None
        have = {**known.have, **report.have}
        seen = replace(
            known,
            seen_ms=now_ms,
            boot=hello.boot,
            version=hello.version,
            store=hello.identity.store,
            have=have,
        )
        stale = now_ms - known.seen_ms >= SEEN_EVERY_MS
        if stale or replace(seen, seen_ms=known.seen_ms) != known:
            await books.devices.put_device(seen)
        return journal

    async def _follow_rules(self, books: CloudBooks, version: int) -> None:
        """Every process sees a change of the rules with its next exchange."""
        if version != self._rules_version:
            self.policy = await chain_rules(books) or self.policy
            self._rules_version = version

    async def _orders(
        self, books: CloudBooks, report: Report, device: Device, answers: tuple[Answer, ...]
    ) -> Answered:
        now_ms, epoch = self.now_ms(), report.hello.identity.epoch
        seen = _Standing(
            *await books.together(
                ask_journal(device.device, epoch),
                ask_newest(device.device),
                ask_granted_after(device.device, epoch, report.grants_upto, GRANTS_AT_A_TIME),
                ask_recalled(device.device, epoch, RECALLS_AT_A_TIME),
                ask_open_parts(device.device, epoch),
                ask_dataset_versions(),
            )
        )
        journal, newest = seen.journal, seen.newest
        live = journal.state is JournalState.LIVE
        # A disk that may have been put back is given nothing twice before that is known.
        granted = seen.granted if live and report.hello.bseq >= journal.bseq else []
        recalled = seen.recalled if live else []
        opened = seen.opened if live else []
        await self._follow_rules(books, seen.versions.get(RULES, 0))
        deltas = await self._shared.deltas(books, report.have, seen.versions, now_ms)
        grants = tuple(
            Grant(h.gseq, h.key.member, h.key.asset, h.key.lot, h.lease.granted, rule)
            for h, rule in granted
        )
        behind = journal.bseq > report.receipted
        orders = Orders(
            echo=report.nonce,
            device=device.device,
            epoch=epoch,
            now_ms=now_ms,
            valid_until_ms=now_ms + self.policy.lease_valid_h * HOUR_MS if live else now_ms,
            pull=Pull(journal.bseq, CREDIT_BYTES),
            journal=NewJournal(newest.epoch, newest.number),
            receipt=receipt_of(journal, self.key) if behind else None,
            changes_upto=journal.cseq,
            grants=grants,
            recalls=tuple(Recall(member, asset) for member, asset in recalled),
            deltas=tuple(deltas),
            answers=answers,
            debits=tuple(sorted({part.txid for part in opened})),
            wholes=await wholes_of(books, whom(grants, report.requests)),
        )
        changed = any(each.cseq <= journal.cseq for each in report.changes)
        fresh = bool(
            not live or behind or granted or deltas or answers or changed or report.batches
        )
        return Answered(orders, fresh or bool(recalled), not fresh and bool(recalled))


def key_id_in(message: bytes) -> bytes | None:
    """The key id that a COSE_Sign1 message names; nothing of it is believed by that."""
    try:
        protected = decode(message[1:], "report_malformed")[0]
        key_id = decode(protected, "report_malformed")[KID]
    except (SyncError, TypeError, KeyError, IndexError):
        return None
    return key_id if isinstance(key_id, bytes) else None


async def _signer(books: CloudBooks, message: bytes) -> Device | None:
    """The device whose key the message names; the signature is checked afterwards."""
    key_id = key_id_in(message)
    return None if key_id is None else await books.devices.device_of_key(key_id)


async def _end_forked(books: CloudBooks, *, device: Device, journal: Journal, now_ms: int) -> None:
    """A second history under the device's own signature: the epoch is over."""
    if journal.state is JournalState.LIVE:
        await end_epoch(books, device, journal, "FORK", now_ms, bseq=journal.bseq)
        await books.tell(bell.of_device(device.device))
