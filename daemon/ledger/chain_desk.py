"""What a chain adds to the journal itself: the numbers of lots, who funded a posting, and the
counters of what is held here. A shop without a cloud has none of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.core.lot_number import lot_number
from daemon.ledger.desk import Desk
from daemon.ports.branch_books import OF_ONE_STORE, LeaseCounters

_COUNTERS: Final = ("seen", "online", "topped_up", "refunded", "spent", "returned")
_MEMBER: Final = "member:"
_REFUNDS: Final = (Kind.VOID_SALE, Kind.REFUND)
_FOLD: Final = f"""
INSERT INTO lease_counter (account, epoch, seen, online, topped_up, refunded, spent, returned)
SELECT p.account, ?,
    sum((j.kind = {Kind.GRANTED:d} AND p.funding = 1 AND p.amount > 0) * p.amount),
    sum((j.kind = {Kind.GRANTED:d} AND p.funding = 2 AND p.amount > 0) * p.amount),
    sum((j.kind NOT IN ({Kind.GRANTED:d}, {Kind.VOID_SALE:d}, {Kind.REFUND:d})
        AND p.amount > 0) * p.amount),
    sum((j.kind IN ({Kind.VOID_SALE:d}, {Kind.REFUND:d}) AND p.amount > 0) * p.amount),
    sum((j.kind <> {Kind.RELEASED:d} AND p.amount < 0) * -p.amount),
    sum((j.kind = {Kind.RELEASED:d} AND p.amount < 0) * -p.amount)
FROM journal j JOIN posting p USING (dseq) JOIN account a ON a.id = p.account
WHERE j.dseq >= ? AND a.owner GLOB 'member:*' GROUP BY p.account
"""


class ChainDesk(Desk):
    """Base of `daemon.ledger.journal.JournalDesk`."""

    _coming_down = False

    def epoch(self) -> int:
        """The epoch that is being written, 0 before the first."""
        return int(self._one("SELECT coalesce(max(epoch), 0) FROM epoch")[0])

    def begin_epoch(
        self, first_dseq: int, now_ms: int, reason: str, epoch: int | None = None
    ) -> int:
        """`epoch` None: the next one."""
        epoch = self.epoch() + 1 if epoch is None else epoch
        assert epoch > self.epoch(), "an epoch is never begun twice"
        rows = self._all(
            "SELECT owner, asset, sum(amount) FROM ("
            "SELECT owner, asset, balance AS amount FROM account"
            " WHERE owner NOT GLOB 'member:*' AND held = 1"
            " UNION ALL SELECT owner, asset, -p.amount FROM posting p"
            " JOIN account a ON a.id = p.account"
            " WHERE p.dseq >= ? AND owner NOT GLOB 'member:*'"
            ") GROUP BY owner, asset ORDER BY owner, asset",
            first_dseq,
        )
        self._change(
            "INSERT INTO epoch (epoch, first_dseq, started_ms, reason, opening)"
            " VALUES (?, ?, ?, ?, ?)",
            epoch,
            first_dseq,
            now_ms,
            reason,
            json.dumps([list(row) for row in rows]),
        )
        return epoch

    def receipted_dseq(self) -> int:
        row = self._one(
            "SELECT coalesce(max(last_dseq), ?) FROM batch"
            " WHERE epoch = ? AND receipted_ms IS NOT NULL",
            self.first_dseq() - 1,
            self.epoch(),
        )
        return int(row[0])

    def first_dseq(self) -> int:
        return int(self._one("SELECT first_dseq FROM epoch ORDER BY epoch DESC LIMIT 1")[0])

    def epoch_opening(self) -> Mapping[tuple[str, str], int]:
        row = self._one("SELECT opening FROM epoch ORDER BY epoch DESC LIMIT 1")
        return {(owner, asset): balance for owner, asset, balance in json.loads(row[0])}

    def journal_number(self) -> int:
        row = self._one("SELECT number FROM chain_journal ORDER BY epoch DESC LIMIT 1")
        return 0 if row is None else int(row[0])

    def lot_of(self, dseq: int) -> int:
        row = self._one(
            "SELECT number FROM chain_journal WHERE first_dseq <= ?"
            " ORDER BY first_dseq DESC, epoch DESC LIMIT 1",
            dseq,
        )
        return lot_number(0 if row is None else int(row[0]), dseq)

    def dseq_of(self, lot: int) -> int | None:
        """The entry of this journal that opened the lot; None where another one's did."""
        number, dseq = lot >> 40, lot & ((1 << 40) - 1)
        return dseq if dseq and self.lot_of(dseq) == lot and number >= 0 else None

    def begin_journal(self, epoch: int, number: int) -> None:
        assert epoch == self.epoch(), "the epoch is begun before its journal is numbered"
        tip = self._one("SELECT coalesce(max(dseq), 0) FROM journal")[0]
        self._change(
            "INSERT INTO chain_journal (epoch, number, first_dseq) VALUES (?, ?, ?)",
            epoch,
            number,
            tip + 1,
        )
        first = self._one("SELECT first_dseq FROM epoch WHERE epoch = ?", epoch)[0]
        if epoch == 1:
            # A shop that joins brings what it holds; a later epoch begins with nothing held.
            self._change(_FOLD, epoch, first)

    def counters(self, account: Account) -> LeaseCounters:
        row = self._one(
            f"SELECT {', '.join(_COUNTERS)} FROM lease_counter JOIN account a ON a.id = account"
            " WHERE epoch = ? AND owner = ? AND asset = ? AND lot = ?",
            self.epoch(),
            account.owner,
            account.asset,
            account.lot,
        )
        return LeaseCounters() if row is None else LeaseCounters(*row)

    def credit_of(self, member_id: str, first_dseq: int) -> tuple[int, int]:
        row = self._one(
            "SELECT coalesce(-sum(p.amount), 0), count(DISTINCT j.dseq) FROM journal j"
            " JOIN posting p USING (dseq)"
            " WHERE j.member_id = ? AND j.dseq >= ? AND p.funding = ? AND p.amount < 0",
            member_id,
            first_dseq,
            int(Funding.CREDIT),
        )
        return int(row[0]), int(row[1])

    def credit_since(self, first_dseq: int) -> int:
        row = self._one(
            "SELECT coalesce(-sum(amount), 0) FROM posting"
            " WHERE dseq >= ? AND funding = ? AND amount < 0",
            first_dseq,
            int(Funding.CREDIT),
        )
        return int(row[0])

    def has_account(self, account: Account) -> bool:
        row = self._one(
            "SELECT 1 FROM account WHERE owner = ? AND asset = ? AND lot = ?",
            account.owner,
            account.asset,
            account.lot,
        )
        return row is not None

    def _goes_up(self, dataset: str, key: str) -> None:
        if self._coming_down or (dataset == "rules" and key in OF_ONE_STORE):
            return
        row = self._one("UPDATE chain_state SET last_cseq = last_cseq + 1 RETURNING last_cseq")
        if row is not None:
            self._change(
                "INSERT INTO outgoing (dataset, key, cseq) VALUES (?, ?, ?)"
                " ON CONFLICT (dataset, key) DO UPDATE SET cseq = excluded.cseq",
                dataset,
                key,
                row[0],
            )

    def _all_go_up(self, dataset: str, keys: Sequence[str]) -> None:
        """In this order, each once, in two statements however many they are."""
        assert dataset != "rules", "a section of one store does not go up"
        if self._coming_down or not keys:
            return
        row = self._one(
            "UPDATE chain_state SET last_cseq = last_cseq + ? RETURNING last_cseq", len(keys)
        )
        if row is not None:
            self._change(
                "INSERT INTO outgoing (dataset, key, cseq)"
                " SELECT ?, value, ? + key FROM json_each(?) WHERE true"
                " ON CONFLICT (dataset, key) DO UPDATE SET cseq = excluded.cseq",
                dataset,
                row[0] - len(keys) + 1,
                json.dumps(list(keys)),
            )

    def _funded(self, draft: Draft) -> Draft:
        """Where the right to spend came from: in a chain a member's money is held here by lease,
        or by the online debit that was made for this very sale."""
        online = self._topped_up_for(draft.op_id) if draft.kind is Kind.SALE else frozenset()
        return replace(draft, postings=tuple(_by_lease(each, online) for each in draft.postings))

    def _topped_up_for(self, op_id: str) -> frozenset[tuple[str, str, int]]:
        rows = self._all(
            "SELECT a.owner, a.asset, a.lot FROM journal j JOIN posting p USING (dseq)"
            " JOIN account a ON a.id = p.account"
            " WHERE j.refers_to = ? AND j.kind = ? AND p.amount > 0",
            op_id,
            int(Kind.GRANTED),
        )
        return frozenset((owner, asset, lot) for owner, asset, lot in rows)

    def _count(self, entry: Entry, lines: Sequence[tuple[Any, ...]]) -> None:
        """`lines` are the rows of the postings: (dseq, line, account id, amount, funding)."""
        if entry.draft.kind is Kind.LEASE_VOIDED:
            # What it takes was held in the epoch before, whose counters stay as they were.
            return
        epoch = self.epoch()
        for posting, line in zip(entry.draft.postings, lines, strict=True):
            if posting.account.owner.startswith(_MEMBER):
                name = _counter(entry.draft.kind, posting)
                amount = abs(posting.amount)
                # Not an upsert: its CHECK would look at what is spent without what came before.
                changed = self._change(
                    f"UPDATE lease_counter SET {name} = {name} + ? WHERE account = ? AND epoch = ?",
                    amount,
                    line[2],
                    epoch,
                )
                if not changed:
                    self._change(
                        f"INSERT INTO lease_counter (account, epoch, {name}) VALUES (?, ?, ?)",
                        line[2],
                        epoch,
                        amount,
                    )


def lot_key(account: Account) -> str:
    """As the rule of a lot is named on its way up."""
    return f"{account.owner.removeprefix(_MEMBER)}/{account.asset}/{account.lot}"


def _by_lease(posting: Posting, online: frozenset[tuple[str, str, int]]) -> Posting:
    account = posting.account
    if account.owner.startswith("credit:"):
        return replace(posting, funding=Funding.CREDIT)
    if posting.funding is not Funding.HOME or not account.owner.startswith(_MEMBER):
        return posting
    debited = (account.owner, account.asset, account.lot) in online
    return replace(posting, funding=Funding.ONLINE if debited else Funding.LEASE)


def _counter(kind: Kind, posting: Posting) -> str:
    if posting.amount < 0:
        return "returned" if kind is Kind.RELEASED else "spent"
    if kind is Kind.GRANTED:
        return "online" if posting.funding is Funding.ONLINE else "seen"
    return "refunded" if kind in _REFUNDS else "topped_up"
