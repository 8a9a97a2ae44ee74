"""Accounts at home, what each device holds of them, and online debits: the rows that
`daemon.core.lease.rows` turns into other rows.

Whoever changes an account holds its row first, in the order of the keys; leases and parts of debits
are only changed by who holds their account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from cloud.desks.at_once import debit_if_unchanged
from cloud.records import Account, DebitPart, HeldLease, SaleDebit
from cloud.statements import Ask, Row, Statements, answer
from daemon.core.lease.moves import AccountKey
from daemon.core.lease.values import Debit, DebitState, Home, Lease, LeaseState

_HOME: Final = "member, asset, lot, funded, reserve, settled, overspent, at_risk, in_debit"
_LEASE: Final = (
    "member, asset, lot, device, epoch, granted, seen, online, topped_up, refunded, spent,"
    " returned, forced, credit, state, gseq"
)
_LEASE_OF_L: Final = ", ".join(f"l.{name}" for name in _LEASE.split(", "))
_PART: Final = "member, asset, lot, txid, device, epoch, amount, state"
_AT_A_TIME: Final = 200
"""Members in one statement."""


def ask_granted_after(
    device: str, epoch: int, gseq: int, most: int
) -> Ask[list[tuple[HeldLease, str]]]:
    """Leases whose newest grant comes after `gseq`, with the rule of the lot, in order."""
    return Ask(
        f"SELECT {_LEASE_OF_L}, r.rule FROM lease l LEFT JOIN lot_rule r"
        " ON r.member = l.member AND r.asset = l.asset AND r.lot = l.lot"
        " WHERE l.device = ? AND l.epoch = ? AND l.gseq > ? ORDER BY l.gseq LIMIT ?",
        (device, epoch, gseq, most),
        lambda rows: [(_held(row[:-1]), row[-1] or "") for row in rows],
    )


def ask_recalled(device: str, epoch: int, most: int) -> Ask[list[tuple[str, str]]]:
    """(member, asset) of what the device was asked to give up and still has."""
    return Ask(
        "SELECT DISTINCT member, asset FROM lease WHERE device = ? AND epoch = ?"
        " AND state = 'recalling' ORDER BY member, asset LIMIT ?",
        (device, epoch, most),
        lambda rows: [(row[0], row[1]) for row in rows],
    )


def ask_open_parts(device: str, epoch: int) -> Ask[list[DebitPart]]:
    return Ask(
        f"SELECT {_PART} FROM debit_part WHERE device = ? AND epoch = ? AND state = 'open'"
        " ORDER BY member, asset, lot, txid",
        (device, epoch),
        lambda rows: [_part(row) for row in rows],
    )


def ask_to_grant(most: int) -> Ask[list[str]]:
    """Members whose grants are to be looked at."""
    return Ask(
        "SELECT member FROM to_grant ORDER BY since_ms, member LIMIT ?",
        (most,),
        lambda rows: [row[0] for row in rows],
    )


def ask_homes(members: Sequence[str]) -> Ask[dict[AccountKey, Home]]:
    """Every account of these few members, as it is."""
    return Ask(
        f"SELECT {_HOME} FROM account WHERE member IN ({_marks(members)})"
        " ORDER BY member, asset, lot",
        tuple(members),
        lambda rows: {AccountKey(*row[:3]): Home(*row[3:]) for row in rows},
    )


def ask_leases(members: Sequence[str], device: str, epoch: int) -> Ask[dict[AccountKey, HeldLease]]:
    """What one journal holds of these few members' accounts."""
    return Ask(
        f"SELECT {_LEASE} FROM lease WHERE member IN ({_marks(members)})"
        " AND device = ? AND epoch = ? ORDER BY member, asset, lot",
        (*members, device, epoch),
        lambda rows: {held.key: held for held in map(_held, rows)},
    )


def ask_rules(members: Sequence[str]) -> Ask[dict[AccountKey, str]]:
    """The rules of these few members' lots."""
    return Ask(
        f"SELECT member, asset, lot, rule FROM lot_rule WHERE member IN ({_marks(members)})",
        tuple(members),
        lambda rows: {AccountKey(*row[:3]): row[3] for row in rows},
    )


class AccountDesk:
    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    async def hold(self, keys: Iterable[AccountKey]) -> dict[AccountKey, Home]:
        """Those accounts, made where they are not there yet, and kept from every other transaction
        until this one ends."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        found = await self.hold_members(sorted({key.member for key in wanted}))
        missing = [key for key in wanted if key not in found]
        if missing:
            await self._sql.many(
                f"INSERT INTO account ({_HOME}) VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0)"
                " ON CONFLICT DO NOTHING",
                [(key.member, key.asset, key.lot) for key in missing],
            )
            found = await self.hold_members(sorted({key.member for key in wanted}))
        return {key: found[key] for key in wanted}

    async def hold_members(self, members: Sequence[str]) -> dict[AccountKey, Home]:
        """Every account of these members, held."""
        return await self._homes(members, self._sql.for_update)

    async def look(self, members: Sequence[str]) -> dict[AccountKey, Home]:
        """Every account of these members, as it is."""
        return await self._homes(members, "")

    async def _homes(self, members: Sequence[str], held: str) -> dict[AccountKey, Home]:
        found: dict[AccountKey, Home] = {}
        for start in range(0, len(members), _AT_A_TIME):
            some = members[start : start + _AT_A_TIME]
            ask = ask_homes(some)
            found |= ask.read(await self._sql.rows(ask.statement + held, *ask.values))
        return found

    async def put(self, homes: Mapping[AccountKey, Home]) -> None:
        """Rows that are held."""
        await self._sql.many(
            "UPDATE account SET funded = ?, reserve = ?, settled = ?, overspent = ?, at_risk = ?,"
            " in_debit = ? WHERE member = ? AND asset = ? AND lot = ?",
            [
                (h.funded, h.reserve, h.settled, h.overspent, h.at_risk, h.in_debit,
                 key.member, key.asset, key.lot)
                for key, h in sorted(homes.items())
            ],
        )  # fmt: skip

    async def all_accounts(self, after: AccountKey, most: int) -> list[Account]:
        rows = await self._sql.rows(
            f"SELECT {_HOME} FROM account WHERE (member, asset, lot) > (?, ?, ?)"
            " ORDER BY member, asset, lot LIMIT ?",
            after.member,
            after.asset,
            after.lot,
            most,
        )
        return [Account(AccountKey(*row[:3]), Home(*row[3:])) for row in rows]

    async def leases(
        self, members: Sequence[str], device: str, epoch: int
    ) -> dict[AccountKey, HeldLease]:
        """What one journal holds of the members' accounts."""
        found: dict[AccountKey, HeldLease] = {}
        for start in range(0, len(members), _AT_A_TIME):
            some = members[start : start + _AT_A_TIME]
            page = await answer(self._sql, ask_leases(some, device, epoch))
            found |= page
        return found

    async def leases_of(self, member: str) -> list[HeldLease]:
        """Of every device and epoch, by account."""
        return await self.leases_of_members([member])

    async def leases_of_members(self, members: Sequence[str]) -> list[HeldLease]:
        found: list[HeldLease] = []
        for start in range(0, len(members), _AT_A_TIME):
            some = members[start : start + _AT_A_TIME]
            rows = await self._sql.rows(
                f"SELECT {_LEASE} FROM lease WHERE member IN ({_marks(some)})"
                " ORDER BY member, asset, lot, device, epoch",
                *some,
            )
            found += map(_held, rows)
        return found

    async def leases_at(
        self, device: str, epoch: int, after: AccountKey, most: int
    ) -> list[HeldLease]:
        """A page of what one journal holds, by account."""
        rows = await self._sql.rows(
            f"SELECT {_LEASE} FROM lease WHERE device = ? AND epoch = ?"
            " AND (member, asset, lot) > (?, ?, ?) ORDER BY member, asset, lot LIMIT ?",
            device,
            epoch,
            after.member,
            after.asset,
            after.lot,
            most,
        )
        return [_held(row) for row in rows]

    async def granted_after(
        self, device: str, epoch: int, gseq: int, most: int
    ) -> list[tuple[HeldLease, str]]:
        """Leases whose newest grant comes after `gseq`, with the rule of the lot, in order."""
        return await answer(self._sql, ask_granted_after(device, epoch, gseq, most))

    async def recalled(self, device: str, epoch: int, most: int) -> list[tuple[str, str]]:
        """(member, asset) of what the device was asked to give up and still has."""
        return await answer(self._sql, ask_recalled(device, epoch, most))

    async def put_leases(self, leases: Sequence[HeldLease]) -> None:
        """Rows of accounts that are held."""
        await self._sql.many(
            f"INSERT INTO lease ({_LEASE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (member, asset, lot, device, epoch) DO UPDATE SET"
            " granted = excluded.granted, seen = excluded.seen, online = excluded.online,"
            " topped_up = excluded.topped_up, refunded = excluded.refunded,"
            " spent = excluded.spent, returned = excluded.returned, forced = excluded.forced,"
            " credit = excluded.credit, state = excluded.state, gseq = excluded.gseq",
            [_lease_row(held) for held in leases],
        )

    async def put_rules(self, rules: Mapping[AccountKey, str]) -> None:
        """The first rule of a lot stays."""
        await self._sql.many(
            "INSERT INTO lot_rule (member, asset, lot, rule) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [(key.member, key.asset, key.lot, rule) for key, rule in sorted(rules.items())],
        )

    async def rules(self, members: Sequence[str]) -> dict[AccountKey, str]:
        found: dict[AccountKey, str] = {}
        for start in range(0, len(members), _AT_A_TIME):
            some = members[start : start + _AT_A_TIME]
            page = await answer(self._sql, ask_rules(some))
            found |= page
        return found

    async def debit(self, txid: str, *, hold: bool = False) -> SaleDebit | None:
        held = self._sql.for_update if hold else ""
        row = await self._sql.row(
            f"SELECT txid, member, device, epoch, reversed, at_ms FROM debit WHERE txid = ?{held}",
            txid,
        )
        if row is None:
            return None
        values: Row = (*row[:4], bool(row[4]), row[5])
        return SaleDebit(*values)

    async def claim_debit(self, debit: SaleDebit) -> SaleDebit | None:
        """Makes the row of a txid, held: None. Or finds the one that is there, held."""
        row = await self._sql.row(
            "INSERT INTO debit (txid, member, device, epoch, reversed, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING txid",
            debit.txid,
            debit.member,
            debit.device,
            debit.epoch,
            int(debit.reversed),
            debit.at_ms,
        )
        if row is not None:
            return None
        found = await self.debit(debit.txid, hold=True)
        assert found is not None
        return found

    async def debit_if_unchanged(
        self,
        claim: SaleDebit,
        before: Mapping[AccountKey, Home],
        after: Mapping[AccountKey, Home],
        parts: Sequence[DebitPart],
    ) -> bool:
        """`cloud.desks.at_once`, for a store that can."""
        return await debit_if_unchanged(self._sql, claim, before, after, parts)

    async def reverse_debit(self, txid: str) -> None:
        await self._sql.run("UPDATE debit SET reversed = 1 WHERE txid = ?", txid)

    async def parts(self, txids: Sequence[str]) -> list[DebitPart]:
        """Parts of these sales, by account."""
        found: list[DebitPart] = []
        for start in range(0, len(txids), _AT_A_TIME):
            some = txids[start : start + _AT_A_TIME]
            rows = await self._sql.rows(
                f"SELECT {_PART} FROM debit_part WHERE txid IN ({_marks(some)})"
                " ORDER BY member, asset, lot, txid",
                *some,
            )
            found += [_part(row) for row in rows]
        return found

    async def open_parts(self, device: str, epoch: int) -> list[DebitPart]:
        return await answer(self._sql, ask_open_parts(device, epoch))

    async def put_parts(self, parts: Sequence[DebitPart]) -> None:
        await self._sql.many(
            f"INSERT INTO debit_part ({_PART}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (member, asset, lot, txid) DO UPDATE SET state = excluded.state,"
            " amount = excluded.amount",
            [
                (*_key(part.key), part.txid, part.debit.device, part.debit.epoch,
                 part.debit.amount, part.debit.state.value)
                for part in parts
            ],
        )  # fmt: skip

    async def to_grant(self, members: Iterable[str], now_ms: int) -> None:
        """Grants of these members are to be looked at again."""
        await self._sql.many(
            "INSERT INTO to_grant (member, since_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(member, now_ms) for member in sorted(set(members))],
        )

    async def members_to_grant(self, most: int) -> list[str]:
        return await answer(self._sql, ask_to_grant(most))

    async def granted(self, members: Iterable[str]) -> None:
        await self._sql.many(
            "DELETE FROM to_grant WHERE member = ?", [(member,) for member in sorted(set(members))]
        )

    async def unsound(self, most: int = 100) -> list[tuple[AccountKey, int]]:
        """I1 in SQL: accounts for which F + O and R + S + D + sum(out) differ, and by how much; and
        D against the open debits."""
        rows = await self._sql.rows(
            "SELECT a.member, a.asset, a.lot, a.funded + a.overspent - a.reserve - a.settled"
            " - a.in_debit - CAST(coalesce(l.held, 0) AS BIGINT) AS wrong"
            " FROM account a LEFT JOIN (SELECT member, asset, lot, sum(granted + online + topped_up"
            " + refunded - spent - returned - forced) AS held FROM lease"
            " GROUP BY member, asset, lot) l"
            " ON l.member = a.member AND l.asset = a.asset AND l.lot = a.lot"
            " LEFT JOIN (SELECT member, asset, lot, sum(amount) AS opened FROM debit_part"
            " WHERE state = 'open' GROUP BY member, asset, lot) d"
            " ON d.member = a.member AND d.asset = a.asset AND d.lot = a.lot"
            " WHERE a.funded + a.overspent <> a.reserve + a.settled + a.in_debit"
            " + coalesce(l.held, 0) OR a.in_debit <> coalesce(d.opened, 0)"
            " ORDER BY a.member, a.asset, a.lot LIMIT ?",
            most,
        )
        return [(AccountKey(*row[:3]), row[3]) for row in rows]

    async def sums(self) -> dict[str, dict[str, int]]:
        """The letters of all accounts together, by asset."""
        rows = await self._sql.rows(
            "SELECT asset, CAST(sum(funded) AS BIGINT), CAST(sum(reserve) AS BIGINT),"
            " CAST(sum(settled) AS BIGINT), CAST(sum(overspent) AS BIGINT),"
            " CAST(sum(at_risk) AS BIGINT), CAST(sum(in_debit) AS BIGINT) FROM account"
            " GROUP BY asset ORDER BY asset"
        )
        names = ("funded", "reserve", "settled", "overspent", "at_risk", "in_debit")
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}

    async def held_by_device(self) -> list[tuple[str, int, str, int, int]]:
        """(device, epoch, asset, what is out, on how many accounts)."""
        rows = await self._sql.rows(
            "SELECT device, epoch, asset, CAST(sum(granted + online + topped_up + refunded - spent"
            " - returned - forced) AS BIGINT), count(*) FROM lease GROUP BY device, epoch, asset"
            " ORDER BY device, epoch, asset"
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _key(key: AccountKey) -> tuple[str, str, int]:
    return key.member, key.asset, key.lot


def _held(row: Row) -> HeldLease:
    counters: Row = (*row[5:14], LeaseState(row[14]))
    lease = Lease(*counters)
    return HeldLease(AccountKey(*row[:3]), row[3], row[4], lease, row[15])


def _lease_row(held: HeldLease) -> Row:
    x = held.lease
    counters = (x.granted, x.seen, x.online, x.topped_up, x.refunded, x.spent, x.returned)
    who = (*_key(held.key), held.device, held.epoch)
    return (*who, *counters, x.forced, x.credit, x.state.value, held.gseq)


def _part(row: Row) -> DebitPart:
    return DebitPart(
        AccountKey(*row[:3]), row[3], Debit(row[4], row[5], row[6], DebitState(row[7]))
    )
