"""What the life of a card and the law ask of the books."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daemon.core.entry import Account, Entry, Kind, parse_leaf
from daemon.core.errors import LedgerCorrupt
from daemon.core.records import IdentityPaper
from daemon.ledger.chain_desk import ChainDesk
from daemon.ledger.vault import NONCE_BYTES


class CardsDesk(ChainDesk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    def card_numbered(self, number: str) -> str | None:
        row = self._one(
            "SELECT card_id FROM card WHERE number = ? AND status <> 'returned'", number
        )
        return None if row is None else str(row[0])

    def identity(self, member_id: str) -> IdentityPaper | None:
        """Raises LedgerCorrupt where it cannot be decrypted."""
        row = self._one(
            "SELECT k.wrapped, i.sealed FROM member_key k JOIN member_identity i USING (member_id)"
            " WHERE member_id = ?",
            member_id,
        )
        if row is None:
            return None
        return _open(member_id, self._vault.unwrap(member_id, row[0]), row[1])

    def has_identity(self, member_id: str) -> tuple[bool, bool]:
        paper = self.identity(member_id)
        return (False, False) if paper is None else (True, bool(paper.agent_number))

    def put_identity(self, member_id: str, paper: IdentityPaper) -> None:
        row = self._one("SELECT wrapped FROM member_key WHERE member_id = ?", member_id)
        assert row is not None, "no such member, or erased"
        self._change(
            "INSERT INTO member_identity (member_id, sealed) VALUES (?, ?)"
            " ON CONFLICT (member_id) DO UPDATE SET sealed = excluded.sealed",
            member_id,
            _seal(member_id, self._vault.unwrap(member_id, row[0]), paper),
        )

    def taken_of(self, member_id: str, kind: Kind) -> Mapping[Account, int]:
        owner = f"member:{member_id}"
        rows = self._all(
            "SELECT a.asset, a.lot, -sum(p.amount) FROM journal j"
            " JOIN posting p USING (dseq) JOIN account a ON a.id = p.account"
            " WHERE j.member_id = ? AND j.kind = ? AND a.owner = ? AND p.amount < 0"
            " GROUP BY a.asset, a.lot",
            member_id,
            int(kind),
            owner,
        )
        return {Account(owner, asset, lot): taken for asset, lot, taken in rows}

    def opening(self, lot: int) -> Entry | None:
        dseq = self.dseq_of(lot)
        row = None if dseq is None else self._one("SELECT leaf FROM journal WHERE dseq = ?", dseq)
        return None if row is None else parse_leaf(row[0])


def _seal(member_id: str, key: bytes, paper: IdentityPaper) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    body = json.dumps(asdict(paper), ensure_ascii=False).encode()
    return nonce + AESGCM(key).encrypt(nonce, body, _bound_to(member_id))


def _open(member_id: str, key: bytes, sealed: bytes) -> IdentityPaper:
    try:
        body = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(member_id))
        return IdentityPaper(**json.loads(body))
    except (InvalidTag, ValueError, TypeError) as error:
        raise LedgerCorrupt("personal_unreadable") from error


def _bound_to(member_id: str) -> bytes:
    """Not the bytes that personal data is bound to: one sealed text never passes for the other."""
    return f"{member_id}/identity".encode()
