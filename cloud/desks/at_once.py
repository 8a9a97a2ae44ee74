"""An online debit in one statement, for a store that changes several tables in one.

What a debit does to the rows is decided before, from a look, by the same rules as everywhere
(`daemon.core.lease.rows`); nothing of them is written here. The statement only keeps it if nothing
has moved since: the journal may be given something, nobody has claimed the sale, and every account
of the member stands as it was seen. It takes its rows in the order of `cloud.desks`: the journal's
grants, the debit, the accounts by key. Where one of the three is not so it changes no account, and
the debit is done in turns.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final

from cloud.records import DebitPart, SaleDebit
from cloud.statements import Statements
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Home

_LETTERS: Final = ("funded", "reserve", "settled", "overspent", "at_risk", "in_debit")
_BEFORE: Final = ", ".join(f"was_{name}" for name in _LETTERS)
_AFTER: Final = ", ".join(f"now_{name}" for name in _LETTERS)
_SAME: Final = " AND ".join(f"a.{name} = t.was_{name}" for name in _LETTERS)
_SET: Final = ", ".join(f"{name} = t.now_{name}" for name in _LETTERS)
_WAS_OF_T: Final = ", ".join(f"t.was_{name}" for name in _LETTERS)
_NOW_OF_T: Final = ", ".join(f"t.now_{name}" for name in _LETTERS)
_AN_ACCOUNT: Final = f"(?::text, ?::text, ?::bigint{', ?::bigint' * 12})"
_A_PART: Final = "(?::text, ?::text, ?::bigint, ?::text, ?::text, ?::bigint, ?::bigint, ?::text)"
MOST_ACCOUNTS: Final = 16
"""Each number of accounts is a statement of its own to the database; a member with more lots than
that is served in turns."""


@functools.lru_cache(maxsize=MOST_ACCOUNTS * MOST_ACCOUNTS)
def _statement(accounts: int, parts: int) -> str:
    return (
        "WITH opened AS (SELECT 1 FROM journal_grant WHERE device = ? AND epoch = ? AND opened = 1"
        " FOR SHARE),"
        " claimed AS (INSERT INTO debit (txid, member, device, epoch, reversed, at_ms)"
        " SELECT ?, ?, ?, ?::bigint, 0, ?::bigint WHERE EXISTS (SELECT FROM opened)"
        " ON CONFLICT DO NOTHING RETURNING 1),"
        f" told (member, asset, lot, {_BEFORE}, {_AFTER})"
        f" AS (VALUES {', '.join([_AN_ACCOUNT] * accounts)}),"
        " held AS (SELECT 1 FROM account a JOIN told t"
        " ON a.member = t.member AND a.asset = t.asset AND a.lot = t.lot"
        f" WHERE {_SAME} AND EXISTS (SELECT FROM claimed)"
        " ORDER BY a.member, a.asset, a.lot FOR UPDATE OF a),"
        " same AS (SELECT count(*) = ?::bigint AS accounts FROM held),"
        f" moved AS (UPDATE account a SET {_SET} FROM told t"
        " WHERE a.member = t.member AND a.asset = t.asset AND a.lot = t.lot"
        f" AND ROW({_WAS_OF_T}) IS DISTINCT FROM ROW({_NOW_OF_T})"
        " AND (SELECT accounts FROM same) RETURNING 1),"
        " parted AS (INSERT INTO debit_part"
        " (member, asset, lot, txid, device, epoch, amount, state)"
        f" SELECT * FROM (VALUES {', '.join([_A_PART] * parts)}) p"
        " WHERE (SELECT accounts FROM same) RETURNING 1)"
        # A debit is whole or not at all: dividing by zero undoes the statement.
        " SELECT (SELECT accounts FROM same),"
        " 1 / CASE WHEN (SELECT count(*) FROM moved) = ?::bigint"
        " AND (SELECT count(*) FROM parted) = ?::bigint OR NOT (SELECT accounts FROM same)"
        " THEN 1 ELSE 0 END"
    )


async def debit_if_unchanged(
    statements: Statements,
    claim: SaleDebit,
    before: Mapping[AccountKey, Home],
    after: Mapping[AccountKey, Home],
    parts: Sequence[DebitPart],
) -> bool:
    """Whether it was kept. `before` is every account of the member as it was seen, `after` the same
    accounts as they shall be. Where it was not, the sale may be claimed, without parts."""
    assert before.keys() == after.keys() and parts
    if len(before) > MOST_ACCOUNTS:
        return False
    told: list[object] = []
    for key in sorted(before):
        told += (key.member, key.asset, key.lot, *_letters(before[key]), *_letters(after[key]))
    taken: list[object] = []
    for part in parts:
        key, debit = part.key, part.debit
        taken += (key.member, key.asset, key.lot, part.txid)
        taken += (debit.device, debit.epoch, debit.amount, debit.state.value)
    row = await statements.row(
        _statement(len(before), len(parts)),
        claim.device, claim.epoch,
        claim.txid, claim.member, claim.device, claim.epoch, claim.at_ms,
        *told, len(before), *taken,
        sum(before[key] != after[key] for key in before), len(parts),
    )  # fmt: skip
    return row is not None and bool(row[0])


def _letters(home: Home) -> tuple[int, ...]:
    return (
        home.funded, home.reserve, home.settled, home.overspent, home.at_risk, home.in_debit,
    )  # fmt: skip
