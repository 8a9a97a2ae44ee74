"""Builds a ledger of years: a million members and five million entries, with a chain that holds.

Entry by entry through the books it would take half an hour, so the rows are written in bulk with
the SQL of the schema, without syncs and without indexes in the way. What comes out is the same: the
leaf bytes are `Entry.leaf`'s (checked on a sample of the entries), the links are chained, postings
and balances agree, and the head is signed, so that `counterd verify` finds it whole.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import cbor2

from bench.deduction import (
    BONUS_FEN,
    CASH,
    GIVEN,
    KEY,
    PRINCIPAL_FEN,
    SALES,
    TAKEN_BONUS_FEN,
    TAKEN_PRINCIPAL_FEN,
    BenchSigner,
)
from daemon.core.entry import FORMAT, GENESIS, Kind, chain_hash, parse_leaf
from daemon.core.ids import make_id
from daemon.ledger.checkpoint import keep_head, sign_checkpoint
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.migrate import migrate

FIRST_MS = 1_700_000_000_000
STEP_MS = 30_000
"""Five million sales half a minute apart: almost five years without a night."""
CHUNK = 20_000
CHECKED_EVERY = 10_007
FIRST_ACCOUNT = 4
"""Accounts 1 to 3 are the shop's; member n (from 0) has 4 + 2n (principal) and 5 + 2n (bonus)."""


def member_id(number: int) -> str:
    return make_id(FIRST_MS - 10_000_000_000 + number, random.Random(number).randbytes(10))


def build(path: Path, members: int, entries: int) -> float:
    """Returns the seconds it took. Entry n+1 is the recharge of member n, then come sales of
    members at random."""
    began = time.perf_counter()
    part = path.with_name(path.name + ".part")
    for each in (part, path):
        for suffix in ("", "-wal", "-shm", ".head", ".lock"):
            each.with_name(each.name + suffix).unlink(missing_ok=True)
    connection = open_writer(part, KEY)
    migrate(connection)
    # The kernel may keep it: nothing is lost if a build is cut, it is begun again.
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")
    ids = [member_id(number) for number in range(members)]
    sales = [0] * members
    connection.execute("BEGIN")
    connection.execute("INSERT INTO epoch VALUES (1, 1, ?, 'created')", (FIRST_MS,))
    connection.executemany(
        "INSERT INTO member (member_id, number, category, status, created_ms)"
        " VALUES (?, ?, 'gold', 'active', ?)",
        ((each, f"{number:08}", FIRST_MS) for number, each in enumerate(ids)),
    )
    connection.execute("COMMIT")
    chain = _write_journal(connection, ids, sales, entries)
    _write_accounts(connection, ids, sales)
    head = sign_checkpoint(
        BenchSigner(), dseq=entries, epoch=1, chain=chain, at_ms=FIRST_MS, device="bench"
    )
    connection.execute(
        "INSERT INTO checkpoint VALUES (?, 1, ?, ?, 'bench', ?, ?)",
        (entries, chain, FIRST_MS, head.key_id, head.signature),
    )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    keep_head(path, head)
    os.rename(part, path)
    return time.perf_counter() - began


def _write_journal(connection: Connection, ids: list[str], sales: list[int], entries: int) -> bytes:
    chain = GENESIS
    rng = random.Random(7)
    numbers = iter(range(1, entries + 1))
    while chunk := list(itertools.islice(numbers, CHUNK)):
        rows: list[tuple[object, ...]] = []
        lines: list[tuple[int, int, int, int]] = []
        for dseq in chunk:
            op_id = make_id(FIRST_MS + dseq * STEP_MS, rng.randbytes(10))
            number = dseq - 1 if dseq <= len(ids) else rng.randrange(len(ids))
            if dseq > len(ids):
                sales[number] += 1
            kind, leaf, posted = _entry(dseq, op_id, number, ids)
            if dseq % CHECKED_EVERY == 1:
                assert parse_leaf(leaf).dseq == dseq
            chain = chain_hash(chain, leaf)
            who, at_ms = ids[number], FIRST_MS + dseq * STEP_MS
            card = who if kind is Kind.SALE else None
            rows.append((dseq, op_id, int(kind), at_ms, who, card, leaf, chain))
            lines.extend(posted)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO journal (dseq, op_id, kind, at_ms, member_id, card_id, leaf, chain)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        connection.executemany(
            "INSERT INTO posting (dseq, line, account, amount) VALUES (?, ?, ?, ?)", lines
        )
        connection.execute("COMMIT")
    return chain


def _entry(
    dseq: int, op_id: str, number: int, ids: list[str]
) -> tuple[Kind, bytes, list[tuple[int, int, int, int]]]:
    """An entry's kind, its leaf bytes and its rows of postings."""
    owner = f"member:{ids[number]}"
    account = FIRST_ACCOUNT + 2 * number
    lot = number + 1
    sale = dseq > len(ids)
    if sale:
        moved = [
            (account, [owner, "principal", lot, -TAKEN_PRINCIPAL_FEN, 0]),
            (account + 1, [owner, "bonus", lot, -TAKEN_BONUS_FEN, 0]),
            (3, [SALES.owner, SALES.asset, 0, TAKEN_PRINCIPAL_FEN + TAKEN_BONUS_FEN, 0]),
        ]
    else:
        moved = [
            (1, [CASH.owner, CASH.asset, 0, -PRINCIPAL_FEN, 0]),
            (account, [owner, "principal", lot, PRINCIPAL_FEN, 0]),
            (2, [GIVEN.owner, GIVEN.asset, 0, -BONUS_FEN, 0]),
            (account + 1, [owner, "bonus", lot, BONUS_FEN, 0]),
        ]
    kind = Kind.SALE if sale else Kind.RECHARGE
    body: dict[int, object] = {
        0: FORMAT,
        1: dseq,
        2: op_id,
        3: int(kind),
        4: FIRST_MS + dseq * STEP_MS,
        5: "01EMPLOYEE",
        6: ids[number],
    }
    if sale:
        body |= {7: ids[number], 8: 7}
    # Keys in order are canonical as they stand; a sample is checked by who calls.
    body[10] = [posting for _, posting in moved]
    lines = [(dseq, line, each, int(str(p[3]))) for line, (each, p) in enumerate(moved)]
    return kind, cbor2.dumps(body), lines


def _write_accounts(connection: Connection, ids: list[str], sales: list[int]) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        sold = sum(sales) * (TAKEN_PRINCIPAL_FEN + TAKEN_BONUS_FEN)
        yield 1, CASH.owner, CASH.asset, 0, -PRINCIPAL_FEN * len(ids), 1, None, 1
        yield 2, GIVEN.owner, GIVEN.asset, 0, -BONUS_FEN * len(ids), 1, None, 1
        yield 3, SALES.owner, SALES.asset, 0, sold, int(sold != 0), None, 1
        for number, each in enumerate(ids):
            account, lot = FIRST_ACCOUNT + 2 * number, number + 1
            left = PRINCIPAL_FEN - sales[number] * TAKEN_PRINCIPAL_FEN
            yield account, f"member:{each}", "principal", lot, left, 1, "r1", lot
            left = BONUS_FEN - sales[number] * TAKEN_BONUS_FEN
            yield account + 1, f"member:{each}", "bonus", lot, left, 1, "r1", lot

    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO account (id, owner, asset, lot, balance, held, rule, opened_dseq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )
    connection.execute("COMMIT")
