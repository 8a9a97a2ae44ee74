"""PostgreSQL with asyncpg as a peer: a private cluster, the same tables, the same deduction.

`statements` is what a Python program does: one statement after another in a transaction. `function`
is the best that PostgreSQL can do: the whole deduction in one PL/pgSQL call and one round trip. The
cluster is set up as it comes: fsync on, synchronous_commit on, a unix socket.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.deduction import (
    BONUS_FEN,
    CLOCK,
    PRINCIPAL_FEN,
    TAKEN_BONUS_FEN,
    TAKEN_PRINCIPAL_FEN,
)
from daemon.core.entry import Account, Draft, Entry, Kind, Posting, chain_hash
from simulator import postgres

SCHEMA = """
CREATE TABLE journal (
    dseq BIGINT PRIMARY KEY CHECK (dseq > 0), op_id TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL,
    at_ms BIGINT NOT NULL, member_id TEXT, card_id TEXT, refers_to TEXT, leaf BYTEA NOT NULL,
    chain BYTEA NOT NULL CHECK (length(chain) = 32));
CREATE INDEX journal_refers_to ON journal (refers_to) WHERE refers_to IS NOT NULL;
CREATE TABLE account (
    id BIGINT PRIMARY KEY, owner TEXT NOT NULL, asset TEXT NOT NULL, lot BIGINT NOT NULL,
    balance BIGINT NOT NULL, held INTEGER NOT NULL, rule TEXT, opened_dseq BIGINT NOT NULL,
    UNIQUE (owner, asset, lot), CHECK (owner NOT LIKE 'member:%' OR balance >= 0));
CREATE INDEX account_held ON account (owner) WHERE held = 1;
CREATE TABLE posting (
    dseq BIGINT NOT NULL REFERENCES journal, line INTEGER NOT NULL,
    account BIGINT NOT NULL REFERENCES account, amount BIGINT NOT NULL CHECK (amount <> 0),
    funding INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (dseq, line));
CREATE TABLE head (id INTEGER PRIMARY KEY, dseq BIGINT NOT NULL, chain BYTEA NOT NULL);
INSERT INTO head VALUES (1, 0, decode(repeat('00', 32), 'hex'));
CREATE FUNCTION deduct(op TEXT, at BIGINT, who TEXT, principal BIGINT, bonus BIGINT, body BYTEA)
RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE n BIGINT; link BYTEA; a BIGINT; b BIGINT; ids BIGINT[];
BEGIN
    SELECT dseq + 1, sha256('\\x02'::bytea || chain || body) INTO n, link FROM head FOR UPDATE;
    SELECT array_agg(id ORDER BY id) INTO ids FROM account
        WHERE owner = 'member:' || who AND held = 1;
    INSERT INTO journal VALUES (n, op, 1, at, who, who, NULL, body, link);
    UPDATE account SET balance = balance - principal WHERE id = ids[1];
    UPDATE account SET balance = balance - bonus WHERE id = ids[2];
    UPDATE account SET balance = balance + principal + bonus WHERE id = 3;
    INSERT INTO posting VALUES
        (n, 0, ids[1], -principal), (n, 1, ids[2], -bonus), (n, 2, 3, principal + bonus);
    UPDATE head SET dseq = n, chain = link;
    RETURN n;
END $$;
"""


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[str | None]:
    """Yields the socket's folder of a running cluster on the disk of `folder`, or None where
    PostgreSQL is not installed."""
    with postgres.cluster(folder) as server:
        yield None if server is None else str(server.home)


class PostgresShop:
    """`connect` first. One connection, as the ledger has one writer."""

    def __init__(self, socket: str, members: int) -> None:
        self._socket = socket
        self.members = [CLOCK.new_id() for _ in range(members)]
        self._count = 0
        self._connection: Any = None

    async def connect(self) -> None:
        asyncpg = importlib.import_module("asyncpg")

        self._connection = await asyncpg.connect(
            host=self._socket, user=postgres.USER, database="postgres"
        )
        await self._connection.execute(SCHEMA)
        accounts: list[tuple[object, ...]] = [
            (1, "tender:cash", "taken", 0, 0, 1, None, 1),
            (2, "shop", "bonus_given", 0, 0, 1, None, 1),
            (3, "shop", "sales", 0, 0, 1, None, 1),
        ]
        for lot, member_id in enumerate(self.members, start=1):
            for asset, balance in (("principal", PRINCIPAL_FEN), ("bonus", BONUS_FEN)):
                row = (f"member:{member_id}", asset, lot, balance, 1, "r1", lot)
                accounts.append((len(accounts) + 1, *row))
        await self._connection.copy_records_to_table("account", records=accounts)
        await self._connection.execute("VACUUM ANALYZE")

    def _next(self) -> str:
        self._count += 1
        return self.members[self._count * 7919 % len(self.members)]

    async def by_statements(self) -> None:
        member_id = self._next()
        connection = self._connection
        async with connection.transaction():
            head = await connection.fetchrow("SELECT dseq, chain FROM head FOR UPDATE")
            held = await connection.fetch(
                "SELECT id, asset, lot, balance FROM account WHERE owner = $1 AND held = 1"
                " ORDER BY lot, id FOR UPDATE",
                f"member:{member_id}",
            )
            entry = _entry(head["dseq"] + 1, member_id, held[0]["lot"])
            assert held[0]["balance"] >= TAKEN_PRINCIPAL_FEN
            assert held[1]["balance"] >= TAKEN_BONUS_FEN
            leaf = entry.leaf()
            chain = chain_hash(head["chain"], leaf)
            draft = entry.draft
            await connection.execute(
                "INSERT INTO journal VALUES ($1, $2, $3, $4, $5, $6, NULL, $7, $8)",
                entry.dseq, draft.op_id, int(draft.kind), draft.at_ms, member_id, member_id,
                leaf, chain,
            )  # fmt: skip
            taken = (-TAKEN_PRINCIPAL_FEN, -TAKEN_BONUS_FEN, TAKEN_PRINCIPAL_FEN + TAKEN_BONUS_FEN)
            ids = (held[0]["id"], held[1]["id"], 3)
            await connection.executemany(
                "UPDATE account SET balance = balance + $1 WHERE id = $2",
                list(zip(taken, ids, strict=True)),
            )
            await connection.executemany(
                "INSERT INTO posting VALUES ($1, $2, $3, $4, 0)",
                [(entry.dseq, line, ids[line], taken[line]) for line in range(3)],
            )
            await connection.execute("UPDATE head SET dseq = $1, chain = $2", entry.dseq, chain)
            # As the books do: what was written is read back before it is committed.
            back = await connection.fetch(
                "SELECT p.amount, a.balance, j.chain FROM posting p"
                " JOIN account a ON a.id = p.account JOIN journal j ON j.dseq = p.dseq"
                " WHERE p.dseq = $1 ORDER BY p.line",
                entry.dseq,
            )
            assert [row["amount"] for row in back] == list(taken)
            assert back[0]["balance"] == held[0]["balance"] - TAKEN_PRINCIPAL_FEN
            assert all(row["chain"] == chain for row in back)

    async def by_function(self) -> None:
        member_id = self._next()
        draft = _entry(1, member_id, 1).draft
        await self._connection.fetchval(
            "SELECT deduct($1, $2, $3, $4, $5, $6)",
            draft.op_id,
            draft.at_ms,
            member_id,
            TAKEN_PRINCIPAL_FEN,
            TAKEN_BONUS_FEN,
            Entry(1, draft).leaf(),
        )

    async def close(self) -> None:
        await self._connection.close()


def _entry(dseq: int, member_id: str, lot: int) -> Entry:
    owner = f"member:{member_id}"
    postings = (
        Posting(Account(owner, "principal", lot), -TAKEN_PRINCIPAL_FEN),
        Posting(Account(owner, "bonus", lot), -TAKEN_BONUS_FEN),
        Posting(Account("shop", "sales"), TAKEN_PRINCIPAL_FEN + TAKEN_BONUS_FEN),
    )
    draft = Draft(
        CLOCK.new_id(),
        Kind.SALE,
        CLOCK.now_ms(),
        "01EMPLOYEE",
        member_id,
        member_id,
        card_counter=7,
        postings=postings,
    )
    return Entry(dseq, draft)
