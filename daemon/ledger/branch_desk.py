"""What a counter of a chain keeps on the disk (`daemon.ports.branch_books.BranchBooks`).

Members, cards, staff and rules that change here are marked to go up wherever they are written, so
that no operation has to know of it; what comes down from the cloud is written without a mark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Final

from daemon.core.card import CardStatus, Technology
from daemon.core.entry import Account
from daemon.core.errors import BadRequest
from daemon.core.records import Card, Document, Employee, Member, Personal
from daemon.ledger.chain_desk import ChainDesk, lot_key
from daemon.ledger.people import PeopleDesk
from daemon.ledger.rules_desk import RulesDesk
from daemon.ledger.staff import StaffDesk
from daemon.ports.branch_books import (
    ChainState,
    DebitIntent,
    DebitState,
    HeldThere,
    Outgoing,
    WholeBalance,
)

_STATE: Final = "grants_upto, pull_after, credit_bytes, valid_until_ms, contact_ms, cloud_ms"
_DEBIT: Final = "txid, member_id, amount_fen, spending, state, asked_ms, units, settled_ms"
_WHOLE: Final = "principal_fen, bonus_fen, owed_fen, as_of_ms"
_USABLE: Final = (CardStatus.ACTIVE,)
AT_ONCE: Final = 10_000
"""Keys that are marked in one statement."""


class BranchDesk(PeopleDesk, StaffDesk, RulesDesk, ChainDesk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    # -- where this device stands ----------------------------------------------------------------

    def join_chain(self) -> None:
        self._change("INSERT OR IGNORE INTO chain_state (one) VALUES (1)")

    def chain_state(self) -> ChainState | None:
        row = self._one(f"SELECT {_STATE} FROM chain_state")
        return None if row is None else ChainState(*row)

    def put_chain_state(self, state: ChainState) -> None:
        changed = self._change(
            "UPDATE chain_state SET grants_upto = ?, pull_after = ?, credit_bytes = ?,"
            " valid_until_ms = ?, contact_ms = ?, cloud_ms = ?",
            state.grants_upto,
            state.pull_after,
            state.credit_bytes,
            state.valid_until_ms,
            state.contact_ms,
            state.cloud_ms,
        )
        assert changed == 1, "this device belongs to no chain"

    def held_members(self, after: str, most: int) -> Sequence[str]:
        rows = self._all(
            "SELECT DISTINCT owner FROM account WHERE held = 1 AND owner > ?"
            " AND owner GLOB 'member:*' ORDER BY owner LIMIT ?",
            after,
            most,
        )
        return [str(owner) for (owner,) in rows]

    def held_sums(self) -> Mapping[str, int]:
        rows = self._all(
            "SELECT asset, sum(balance) FROM account WHERE owner GLOB 'member:*'"
            " AND balance <> 0 GROUP BY asset ORDER BY asset"
        )
        return {str(asset): int(units) for asset, units in rows}

    def held_count(self) -> int:
        row = self._one(
            "SELECT count(DISTINCT owner) FROM account WHERE owner GLOB 'member:*' AND balance <> 0"
        )
        return int(row[0])

    # -- online debits ---------------------------------------------------------------------------

    def debit(self, txid: str) -> DebitIntent | None:
        row = self._one(f"SELECT {_DEBIT} FROM debit WHERE txid = ?", txid)
        return None if row is None else _debit(row)

    def put_debit(self, intent: DebitIntent) -> None:
        self._change(
            f"INSERT INTO debit ({_DEBIT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (txid) DO UPDATE SET member_id = excluded.member_id,"
            " amount_fen = excluded.amount_fen, spending = excluded.spending,"
            " state = excluded.state, asked_ms = excluded.asked_ms, units = excluded.units,"
            " settled_ms = excluded.settled_ms",
            intent.txid,
            intent.member_id,
            intent.amount_fen,
            intent.spending,
            intent.state.value,
            intent.asked_ms,
            json.dumps([list(unit) for unit in intent.units]),
            intent.settled_ms,
        )

    def open_debits(self) -> Sequence[DebitIntent]:
        rows = self._all(
            f"SELECT {_DEBIT} FROM debit WHERE state IN ('asked', 'reversing') ORDER BY txid"
        )
        return [_debit(row) for row in rows]

    # -- what goes up ----------------------------------------------------------------------------

    def outgoing(self, most: int) -> Sequence[Outgoing]:
        rows = self._all("SELECT cseq, dataset, key FROM outgoing ORDER BY cseq LIMIT ?", most)
        return [Outgoing(*row) for row in rows]

    def forget_outgoing(self, upto: int) -> None:
        self._change("DELETE FROM outgoing WHERE cseq <= ?", upto)

    def is_outgoing(self, dataset: str, key: str) -> bool:
        row = self._one("SELECT 1 FROM outgoing WHERE dataset = ? AND key = ?", dataset, key)
        return row is not None

    def mark_all_outgoing(self) -> None:
        """Everything that a shop had when it joined."""
        for dataset, table, key in (
            ("members", "member", "member_id"),
            ("cards", "card", "card_id"),
            ("staff", "employee", "employee_id"),
        ):
            rows = self._all(f"SELECT {key} FROM {table} ORDER BY {key}")
            for start in range(0, len(rows), AT_ONCE):
                self._all_go_up(dataset, [str(each) for (each,) in rows[start : start + AT_ONCE]])
        for document in self.documents():
            self._goes_up("rules", document.section)
        for asset, lot, owner in self._all(
            "SELECT asset, lot, owner FROM account WHERE owner GLOB 'member:*' AND lot > 0"
        ):
            self._goes_up("lots", lot_key(Account(owner, asset, lot)))

    def add_members(self, added: Sequence[tuple[Member, Personal]]) -> None:
        super().add_members(added)
        self._all_go_up("members", [member.member_id for member, _ in added])

    def change_member(self, member: Member) -> None:
        before = self.member(member.member_id)
        super().change_member(member)
        if before is None or _told(before) != _told(member):
            self._goes_up("members", member.member_id)

    def change_personal(self, member_id: str, personal: Personal) -> None:
        super().change_personal(member_id, personal)
        self._goes_up("members", member_id)

    def erase_personal(self, member_id: str) -> None:
        super().erase_personal(member_id)
        self._goes_up("members", member_id)

    def add_card(self, card: Card) -> None:
        super().add_card(card)
        self._goes_up("cards", card.card_id)

    def change_card(self, card: Card) -> None:
        before = self.card(card.card_id)
        super().change_card(card)
        if before is None or _card_row(before, None) != _card_row(card, None):
            # Counters go up with the sales themselves.
            self._goes_up("cards", card.card_id)

    def put_employee(self, employee: Employee) -> None:
        before = self.employee(employee.employee_id)
        super().put_employee(employee)
        if before is None or _staff_row(before) != _staff_row(employee):
            self._goes_up("staff", employee.employee_id)

    def add_document(self, document: Document) -> None:
        super().add_document(document)
        self._goes_up("rules", document.section)

    # -- rows ------------------------------------------------------------------------------------

    def dataset_versions(self) -> Mapping[str, int]:
        return {str(name): int(version) for name, version in self._all("SELECT * FROM dataset")}

    def put_dataset_version(self, name: str, version: int) -> None:
        self._change(
            "INSERT INTO dataset (name, version) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            name,
            version,
        )

    def keys_of(self, dataset: str) -> frozenset[str]:
        table, key = {
            "members": ("member", "member_id"),
            "cards": ("card", "card_id"),
            "staff": ("employee", "employee_id"),
            "rules": ("document", "DISTINCT section"),
        }[dataset]
        return frozenset(str(each) for (each,) in self._all(f"SELECT {key} FROM {table}"))

    def row_for_cloud(self, dataset: str, key: str) -> Mapping[str, Any] | None:
        match dataset:
            case "members":
                member = self.member(key)
                if member is None:
                    return None
                personal = self.personal(key)
                return {**_told(member), "personal": asdict(personal) if personal else None}
            case "cards":
                card = self.card(key)
                return None if card is None else _card_row(card, card.counter)
            case "staff":
                employee = self.employee(key)
                return None if employee is None else _staff_row(employee)
            case _:
                document = self.document(key)
                if document is None:
                    return None
                return {"content": dict(document.content), "note": document.note}

    def rule_of_lot(self, key: str) -> str | None:
        member_id, _, rest = key.partition("/")
        asset, _, lot = rest.rpartition("/")
        row = self._one(
            "SELECT rule FROM account WHERE owner = ? AND asset = ? AND lot = ?",
            f"member:{member_id}",
            asset,
            int(lot),
        )
        return None if row is None else str(row[0] or "")

    def take_row(self, dataset: str, key: str, row: Mapping[str, Any] | None) -> None:
        """Rules are taken by the operation, which puts each version on the journal."""
        assert dataset in ("members", "cards", "staff")
        try:
            with self._from_above():
                if dataset == "members":
                    self._take_member(key, row)
                elif dataset == "cards":
                    self._take_card(key, row)
                else:
                    self._take_employee(key, row)
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequest("row_malformed", dataset=dataset) from error

    def take_document(self, document: Document) -> None:
        with self._from_above():
            self.add_document(document)

    @contextmanager
    def _from_above(self) -> Iterator[None]:
        self._coming_down = True
        try:
            yield
        finally:
            self._coming_down = False

    def _take_member(self, member_id: str, row: Mapping[str, Any] | None) -> None:
        here = self.member(member_id)
        if row is None:
            # Money and history stay; the person goes.
            if here is not None:
                self.erase_personal(member_id)
            return
        fields = {name: row[name] for name in _MEMBER_FIELDS}
        fields["tags"] = tuple(fields["tags"])
        if fields["referrer"] is not None and self.member(fields["referrer"]) is None:
            fields["referrer"] = None
        taken = self._one("SELECT member_id FROM member WHERE number = ?", fields["number"])
        if taken is not None and taken[0] != member_id:
            # Two counters gave out one number while they were apart.
            fields["number"] = f"{fields['number']}-{member_id[-4:]}"
        personal = None if row["personal"] is None else Personal(**row["personal"])
        if here is None:
            self.add_members([(Member(member_id, **fields), personal or Personal(""))])
            if personal is None:
                self.erase_personal(member_id)
            return
        self.change_member(replace(here, **fields))
        if personal is None:
            self.erase_personal(member_id)
        elif self.personal(member_id) not in (None, personal):
            self.change_personal(member_id, personal)

    def _take_card(self, card_id: str, row: Mapping[str, Any] | None) -> None:
        here = self.card(card_id)
        if row is None:
            if here is not None and here.status is CardStatus.ACTIVE:
                self.change_card(replace(here, status=CardStatus.RETURNED))
            return
        if self.member(row["member_id"]) is None:
            raise BadRequest("row_orphan", dataset="cards")
        status = CardStatus(row["status"])
        if here is not None and self.is_outgoing("cards", card_id) and status in _USABLE:
            # What was changed here is newer and goes up: only a block comes in between.
            return
        number = row["number"]
        if number is not None and status is not CardStatus.RETURNED:
            other = self._one(
                "SELECT card_id FROM card WHERE number = ? AND status <> 'returned'", number
            )
            number = number if other is None or other[0] == card_id else None
        card = Card(
            card_id=card_id,
            member_id=row["member_id"],
            uid=bytes.fromhex(row["uid"]),
            technology=Technology(row["technology"]),
            status=status,
            key_version=row["key_version"],
            counter=row["counter"],
            issued_ms=row["issued_ms"],
            number=number,
            valid_to=row["valid_to"],
            replaces=row["replaces"],
        )
        if here is None:
            self.add_card(card)
            return
        behind = (card.counter or 0) <= (here.counter or 0)
        if behind or here.pending is not None:
            card = replace(
                card, counter=here.counter, pending=here.pending, pending_op=here.pending_op
            )
        self.change_card(card)

    def _take_employee(self, employee_id: str, row: Mapping[str, Any] | None) -> None:
        here = self.employee(employee_id)
        if row is None:
            if here is not None:
                self.put_employee(replace(here, active=False))
            return
        fields = {name: row[name] for name in _STAFF_FIELDS}
        taken = self.employee_by_number(fields["number"])
        if taken is not None and taken.employee_id != employee_id:
            # Each device was set up with an employee of that number: the chain's one is it now.
            self.put_employee(
                replace(taken, number=f"{taken.number}-{taken.employee_id[-4:]}", active=False)
            )
        if here is None:
            self.put_employee(Employee(employee_id, **fields))
        else:
            self.put_employee(replace(here, **fields))

    # -- elsewhere -------------------------------------------------------------------------------

    def held_elsewhere(self, member_id: str) -> Sequence[HeldThere]:
        rows = self._all(
            "SELECT store, device, amount_fen, seen_ms, told_ms FROM held_elsewhere"
            " WHERE member_id = ? ORDER BY amount_fen DESC, store, device",
            member_id,
        )
        return [HeldThere(*row) for row in rows]

    def put_held_elsewhere(self, member_id: str, held: Sequence[HeldThere]) -> None:
        self._change("DELETE FROM held_elsewhere WHERE member_id = ?", member_id)
        for each in held:
            self._change(
                "INSERT OR REPLACE INTO held_elsewhere"
                " (member_id, store, device, amount_fen, seen_ms, told_ms)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                member_id,
                each.store,
                each.device,
                each.amount_fen,
                each.seen_ms,
                each.told_ms,
            )

    def whole_balance(self, member_id: str) -> WholeBalance | None:
        row = self._one(f"SELECT {_WHOLE} FROM whole_balance WHERE member_id = ?", member_id)
        return None if row is None else WholeBalance(*row)

    def put_whole_balance(self, member_id: str, whole: WholeBalance) -> None:
        self._change(
            f"INSERT OR REPLACE INTO whole_balance (member_id, {_WHOLE}) VALUES (?, ?, ?, ?, ?)",
            member_id,
            whole.principal_fen,
            whole.bonus_fen,
            whole.owed_fen,
            whole.as_of_ms,
        )


_MEMBER_FIELDS: Final = (
    "number",
    "category",
    "status",
    "created_ms",
    "pin_hash",
    "level",
    "valid_to",
    "tags",
    "fields",
    "referrer",
    "named",
)
_STAFF_FIELDS: Final = ("number", "name", "role", "pin_hash", "grade", "active", "language")


def _told(member: Member) -> dict[str, Any]:
    """Wrong PINs are counted at each counter for itself."""
    row = {name: getattr(member, name) for name in _MEMBER_FIELDS}
    return {**row, "tags": list(member.tags), "fields": dict(member.fields)}


def _card_row(card: Card, counter: int | None) -> dict[str, Any]:
    return {
        "member_id": card.member_id,
        "uid": card.uid.hex(),
        "technology": card.technology.value,
        "status": card.status.value,
        "key_version": card.key_version,
        "counter": counter,
        "issued_ms": card.issued_ms,
        "number": card.number,
        "valid_to": card.valid_to,
        "replaces": card.replaces,
    }


def _staff_row(employee: Employee) -> dict[str, Any]:
    return {name: getattr(employee, name) for name in _STAFF_FIELDS}


def _debit(row: Sequence[Any]) -> DebitIntent:
    txid, member_id, amount_fen, spending, state, asked_ms, units, settled_ms = row
    return DebitIntent(
        txid,
        member_id,
        amount_fen,
        spending,
        DebitState(state),
        asked_ms,
        tuple((asset, amount) for asset, amount in json.loads(units)),
        settled_ms,
    )
