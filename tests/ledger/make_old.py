"""Made the kept databases in `old/`: `python -m tests.ledger.make_old 2`.

Speaks the SQL of the version it makes, not today's books: what a shop has on its card was written
by the release of then. A kept database is never made again; a new version gets a new one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.core.entry import GENESIS, Account, Draft, Entry, Kind, Posting, chain_hash
from daemon.ledger.checkpoint import keep_head, sign_checkpoint
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.migrate import migrate
from tests.ledger.shop import CASH, GIVEN, KEY, SALES, SeedSigner

OLD = Path(__file__).parent / "old"
AT_MS = 1_790_000_000_000
MEMBER = "01HOLDMEMBER00000000000001"
OWNER = f"member:{MEMBER}"
SPENT, LEFT = Account(OWNER, "principal", 1), Account(OWNER, "principal", 2)
BONUS = Account(OWNER, "bonus", 2)
ENTRIES: Sequence[tuple[Kind, tuple[Posting, ...]]] = (
    (Kind.RECHARGE, (Posting(CASH, -1_000), Posting(SPENT, 1_000))),
    (
        Kind.RECHARGE,
        (Posting(CASH, -5_000), Posting(LEFT, 5_000), Posting(GIVEN, -500), Posting(BONUS, 500)),
    ),
    (Kind.SALE, (Posting(SPENT, -1_000), Posting(LEFT, -200), Posting(SALES, 1_200))),
)
"""One lot is spent whole, one in part, one not at all."""


def make_version(number: int, path: Path) -> None:
    """All versions hold the same rows; from 2 on each account says whether it holds anything, from
    3 on the member's balances stand beside them."""
    connection = open_writer(path, KEY)
    migrate(connection, upto=number)
    connection.execute("BEGIN")
    connection.execute(
        "INSERT INTO epoch (epoch, first_dseq, started_ms, reason) VALUES (1, 1, ?, 'created')",
        (AT_MS,),
    )
    connection.execute("INSERT INTO setting VALUES ('store', 'S1')")
    connection.execute(
        "INSERT INTO member (member_id, number, category, status, created_ms)"
        " VALUES (?, '1001', 'gold', 'active', ?)",
        (MEMBER, AT_MS),
    )
    chain = GENESIS
    ids: dict[Account, int] = {}
    for dseq, (kind, postings) in enumerate(ENTRIES, start=1):
        op_id = f"01HOLDENTRY{dseq:015}"
        draft = Draft(op_id, kind, AT_MS + dseq, "employee:1", MEMBER, postings=postings)
        leaf = Entry(dseq, draft).leaf()
        chain = chain_hash(chain, leaf)
        connection.execute(
            "INSERT INTO operation (op_id, kind, state, actor, created_ms, request, dseq)"
            " VALUES (?, ?, 'approved', 'employee:1', ?, '{}', NULL)",
            (op_id, kind.name.lower(), AT_MS + dseq),
        )
        connection.execute(
            "INSERT INTO journal (dseq, op_id, kind, at_ms, member_id, leaf, chain)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (dseq, op_id, int(kind), AT_MS + dseq, MEMBER, leaf, chain),
        )
        for line, posting in enumerate(postings):
            _post(connection, ids, dseq, line, posting)
    if number >= 2:
        connection.execute("UPDATE account SET held = (balance <> 0)")
    if number >= 3:
        connection.execute(
            "INSERT INTO standing (member_id, principal_fen, bonus_fen)"
            " SELECT ?, sum((asset = 'principal') * balance), sum((asset = 'bonus') * balance)"
            " FROM account WHERE owner = ?",
            (MEMBER, OWNER),
        )
    checkpoint = sign_checkpoint(
        SeedSigner(), dseq=len(ENTRIES), epoch=1, chain=chain, at_ms=AT_MS + 9, device="device-1"
    )
    connection.execute(
        "INSERT INTO checkpoint VALUES (?, 1, ?, ?, 'device-1', ?, ?)",
        (
            checkpoint.dseq,
            checkpoint.chain,
            checkpoint.at_ms,
            checkpoint.key_id,
            checkpoint.signature,
        ),
    )
    connection.execute("COMMIT")
    connection.close()
    keep_head(path, checkpoint)


def _post(
    connection: Connection, ids: dict[Account, int], dseq: int, line: int, posting: Posting
) -> None:
    account = posting.account
    if account not in ids:
        ids[account] = len(ids) + 1
        rule = "rule-1" if account.lot else None
        connection.execute(
            "INSERT INTO account (id, owner, asset, lot, rule, opened_dseq)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (ids[account], account.owner, account.asset, account.lot, rule, dseq),
        )
    connection.execute(
        "INSERT INTO posting (dseq, line, account, amount) VALUES (?, ?, ?, ?)",
        (dseq, line, ids[account], posting.amount),
    )
    connection.execute(
        "UPDATE account SET balance = balance + ? WHERE id = ?", (posting.amount, ids[account])
    )


if __name__ == "__main__":
    (asked,) = sys.argv[1:]
    assert asked in ("1", "2", "3", "4", "5")
    OLD.mkdir(exist_ok=True)
    make_version(int(asked), OLD / f"v{asked}.db")
