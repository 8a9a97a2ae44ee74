"""Points, passes, coupons, check-ins, thanks, triggers and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Account, Kind
from daemon.core.loyalty.held import (
    CheckIn,
    CouponCounts,
    EndedLot,
    Message,
    MessageState,
    Referral,
    Stocked,
    Sweep,
)
from daemon.ledger.desk import Desk, from_json, to_json

_MESSAGE = "message_id, member_id, kind, facts, created_ms, state, attempts, settled_ms"
_COUPON = "code, campaign, issued_ms, issued_op, member_id, from_day, to_day, state, used_op"


class LoyaltyDesk(Desk):
    """Part of `daemon.ledger.books.SqlBooks`."""

    # -- messages ---------------------------------------------------------------------------------

    def add_message(
        self,
        message_id: str,
        member_id: str,
        kind: str,
        facts: Mapping[str, int | str],
        now_ms: int,
    ) -> None:
        self._change(
            "INSERT INTO message (message_id, member_id, kind, facts, created_ms)"
            " VALUES (?, ?, ?, ?, ?)",
            message_id,
            member_id,
            kind,
            to_json(facts),
            now_ms,
        )

    def message(self, message_id: str) -> Message | None:
        row = self._one(f"SELECT {_MESSAGE} FROM message WHERE message_id = ?", message_id)
        return None if row is None else _message(row)

    def messages(
        self,
        *,
        member_id: str | None = None,
        state: MessageState | None = None,
        before: str | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Newest first."""
        where, values = [], []
        for column, test, value in (
            ("member_id", "=", member_id),
            ("state", "=", state.value if state else None),
            ("message_id", "<", before),
        ):
            if value is not None:
                where.append(f"{column} {test} ?")
                values.append(value)
        wanted = f"WHERE {' AND '.join(where)} " if where else ""
        rows = self._all(
            f"SELECT {_MESSAGE} FROM message {wanted}ORDER BY message_id DESC LIMIT ?",
            *values,
            limit,
        )
        return [_message(row) for row in rows]

    def waiting_messages(self, limit: int) -> Sequence[Message]:
        rows = self._all(
            f"SELECT {_MESSAGE} FROM message WHERE state = 'waiting' ORDER BY message_id LIMIT ?",
            limit,
        )
        return [_message(row) for row in rows]

    def count_attempt(self, message_id: str) -> None:
        changed = self._change(
            "UPDATE message SET attempts = attempts + 1 WHERE message_id = ? AND state = 'waiting'",
            message_id,
        )
        assert changed == 1, "no such message, or it has ended"

    def settle_message(self, message_id: str, state: MessageState, now_ms: int) -> None:
        assert state is not MessageState.WAITING
        changed = self._change(
            "UPDATE message SET state = ?, settled_ms = ?"
            " WHERE message_id = ? AND state = 'waiting'",
            state.value,
            now_ms,
            message_id,
        )
        assert changed == 1, "no such message, or it has ended"

    # -- coupons ----------------------------------------------------------------------------------

    def coupons_of(self, member_id: str, *, usable_on: str | None = None) -> Sequence[IssuedCoupon]:
        """Newest first."""
        usable = " AND state = 'issued' AND (to_day IS NULL OR to_day >= ?)" if usable_on else ""
        rows = self._all(
            f"SELECT {_COUPON} FROM coupon WHERE member_id = ?{usable}"
            " ORDER BY issued_ms DESC, code",
            member_id,
            *([usable_on] if usable_on else []),
        )
        return [IssuedCoupon(*row) for row in rows]

    def coupons_of_campaign(
        self,
        campaign: str,
        *,
        state: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[IssuedCoupon]:
        """In order of issue."""
        where, values = "campaign = ?", [campaign]
        if state is not None:
            where += " AND state = ?"
            values.append(state)
        if after is not None:
            where += " AND (issued_ms, code) > (SELECT issued_ms, code FROM coupon WHERE code = ?)"
            values.append(after)
        rows = self._all(
            f"SELECT {_COUPON} FROM coupon WHERE {where} ORDER BY issued_ms, code LIMIT ?",
            *values,
            limit,
        )
        return [IssuedCoupon(*row) for row in rows]

    def coupons_issued_by(self, op_id: str, campaign: str, at_ms: int) -> Sequence[IssuedCoupon]:
        rows = self._all(
            f"SELECT {_COUPON} FROM coupon WHERE campaign = ? AND issued_ms = ? AND issued_op = ?"
            " ORDER BY code",
            campaign,
            at_ms,
            op_id,
        )
        return [IssuedCoupon(*row) for row in rows]

    def add_coupon(self, coupon: IssuedCoupon) -> bool:
        added = self._change(
            f"INSERT INTO coupon ({_COUPON}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (code) DO NOTHING",
            *astuple(coupon),
        )
        return added == 1

    def withdraw_coupon(self, code: str) -> bool:
        withdrawn = self._change(
            "UPDATE coupon SET state = 'withdrawn' WHERE code = ? AND state = 'issued'", code
        )
        return withdrawn == 1

    def extend_coupon(self, code: str, to_day: str) -> bool:
        extended = self._change(
            "UPDATE coupon SET to_day = ? WHERE code = ? AND state = 'issued'", to_day, code
        )
        return extended == 1

    def campaign_counts(self, campaign: str, day: str) -> CouponCounts:
        row = self._one(
            "SELECT count(*), coalesce(sum(state = 'redeemed'), 0),"
            " coalesce(sum(state = 'withdrawn'), 0),"
            " coalesce(sum(state = 'issued' AND to_day IS NOT NULL AND to_day < ?), 0)"
            " FROM coupon WHERE campaign = ?",
            day,
            campaign,
        )
        return CouponCounts(*row)

    # -- check-ins and thanks ---------------------------------------------------------------------

    def last_check_in(self, member_id: str) -> CheckIn | None:
        row = self._one(
            "SELECT day, streak, op_id FROM check_in WHERE member_id = ? ORDER BY day DESC LIMIT 1",
            member_id,
        )
        return None if row is None else CheckIn(*row)

    def check_ins(self, member_id: str, from_day: str) -> Sequence[CheckIn]:
        rows = self._all(
            "SELECT day, streak, op_id FROM check_in WHERE member_id = ? AND day >= ? ORDER BY day",
            member_id,
            from_day,
        )
        return [CheckIn(*row) for row in rows]

    def add_check_in(self, member_id: str, check_in: CheckIn) -> None:
        added = self._change(
            "INSERT INTO check_in (member_id, day, streak, op_id) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (member_id, day) DO NOTHING",
            member_id,
            *check_in,
        )
        assert added == 1, "checked in on this day already"

    def referral_of(self, friend: str) -> Referral | None:
        row = self._one(
            "SELECT friend, referrer, points, credited_ms, op_id FROM referral WHERE friend = ?",
            friend,
        )
        return None if row is None else Referral(*row)

    def referrals_by(self, referrer: str, *, since_ms: int = 0, limit: int) -> Sequence[Referral]:
        """Newest first."""
        rows = self._all(
            "SELECT friend, referrer, points, credited_ms, op_id FROM referral"
            " WHERE referrer = ? AND credited_ms >= ? ORDER BY credited_ms DESC, friend LIMIT ?",
            referrer,
            since_ms,
            limit,
        )
        return [Referral(*row) for row in rows]

    def referral_count(self, referrer: str, since_ms: int) -> int:
        row = self._one(
            "SELECT count(*) FROM referral WHERE referrer = ? AND credited_ms >= ? AND points > 0",
            referrer,
            since_ms,
        )
        return int(row[0])

    def brought_by(self, referrer: str, limit: int) -> Sequence[str]:
        rows = self._all(
            "SELECT member_id FROM member WHERE referrer = ? ORDER BY member_id DESC LIMIT ?",
            referrer,
            limit,
        )
        return [row[0] for row in rows]

    def add_referral(self, referral: Referral) -> None:
        added = self._change(
            "INSERT INTO referral (friend, referrer, points, credited_ms, op_id)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (friend) DO NOTHING",
            *referral,
        )
        assert added == 1, "thanks were given for this friend already"

    def drop_referral(self, friend: str) -> None:
        self._change("DELETE FROM referral WHERE friend = ?", friend)

    def member_numbered(self, number: str) -> str | None:
        row = self._one("SELECT member_id FROM member WHERE number = ?", number)
        return None if row is None else str(row[0])

    def undone_by(self, op_id: str) -> str | None:
        row = self._one(
            "SELECT op_id FROM journal WHERE refers_to = ? AND kind = ?", op_id, int(Kind.POINTS)
        )
        return None if row is None else str(row[0])

    # -- triggers ---------------------------------------------------------------------------------

    def add_fired(self, trigger_id: str, member_id: str, occasion: str, now_ms: int) -> bool:
        added = self._change(
            "INSERT INTO fired (trigger_id, member_id, occasion, at_ms) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (trigger_id, member_id, occasion) DO NOTHING",
            trigger_id,
            member_id,
            occasion,
            now_ms,
        )
        return added == 1

    def has_fired(self, trigger_id: str, member_id: str, occasion: str) -> bool:
        row = self._one(
            "SELECT 1 FROM fired WHERE trigger_id = ? AND member_id = ? AND occasion = ?",
            trigger_id,
            member_id,
            occasion,
        )
        return row is not None

    # -- stock ------------------------------------------------------------------------------------

    def stocks(self) -> Sequence[Stocked]:
        return [Stocked(*row) for row in self._all("SELECT code, on_hand FROM stock ORDER BY code")]

    def put_stock(self, code: str, on_hand: int) -> None:
        self._change(
            "INSERT INTO stock (code, on_hand) VALUES (?, ?)"
            " ON CONFLICT (code) DO UPDATE SET on_hand = excluded.on_hand",
            code,
            on_hand,
        )

    def drop_stock(self, code: str) -> None:
        self._change("DELETE FROM stock WHERE code = ?", code)

    # -- what ends --------------------------------------------------------------------------------

    def ended_lots(self, today: str, limit: int) -> Sequence[EndedLot]:
        first = self._one(
            "SELECT to_day, owner FROM lot_end WHERE to_day < ? ORDER BY to_day, owner LIMIT 1",
            today,
        )
        if first is None:
            return []
        rows = self._all(
            "SELECT e.to_day, e.owner, e.asset, e.lot, coalesce(a.balance, 0), a.rule"
            " FROM lot_end e LEFT JOIN account a USING (owner, asset, lot)"
            " WHERE e.to_day = ? AND e.owner = ? ORDER BY e.asset, e.lot LIMIT ?",
            *first,
            limit,
        )
        return [
            EndedLot(to_day, Account(owner, asset, lot), balance, rule)
            for to_day, owner, asset, lot, balance, rule in rows
        ]

    def forget_end(self, ended: EndedLot) -> None:
        self._change(
            "DELETE FROM lot_end WHERE to_day = ? AND owner = ? AND asset = ? AND lot = ?",
            ended.to_day,
            ended.account.owner,
            ended.account.asset,
            ended.account.lot,
        )

    def ends_on(self, account: Account, to_day: str) -> None:
        self._change(
            "INSERT INTO lot_end (to_day, owner, asset, lot) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            to_day,
            account.owner,
            account.asset,
            account.lot,
        )

    # -- whom the daily round looks at ------------------------------------------------------------

    def sweep_members(
        self, after: str, look_at: int, first_day: str, last_day: str, *, leveled: bool
    ) -> Sweep:
        rows = self._all(
            "SELECT member_id, (valid_to BETWEEN ? AND ?) OR (? AND level IS NOT NULL)"
            " FROM member WHERE member_id > ? ORDER BY member_id LIMIT ?",
            first_day,
            last_day,
            int(leveled),
            after,
            look_at,
        )
        return _sweep(rows, look_at)

    def sweep_visits(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        rows = self._all(
            "SELECT member_id, last_day BETWEEN ? AND ? FROM standing"
            " WHERE member_id > ? ORDER BY member_id LIMIT ?",
            first_day,
            last_day,
            after,
            look_at,
        )
        return _sweep(rows, look_at)

    def sweep_coupons(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        rows = self._all(
            "SELECT code, state = 'issued' AND to_day BETWEEN ? AND ?, member_id FROM coupon"
            " WHERE code > ? ORDER BY code LIMIT ?",
            first_day,
            last_day,
            after,
            look_at,
        )
        held = [member_id for _, due, member_id in rows if due and member_id is not None]
        return Sweep(list(dict.fromkeys(held)), _place(rows, look_at))

    def sweep_lots(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        to_day, _, owner = after.partition("/")
        rows = self._all(
            "SELECT DISTINCT to_day, owner FROM lot_end WHERE (to_day, owner) > (?, ?)"
            " AND to_day BETWEEN ? AND ? ORDER BY to_day, owner LIMIT ?",
            to_day,
            owner,
            first_day,
            last_day,
            look_at,
        )
        found = [owner.removeprefix("member:") for _, owner in rows]
        place = "/".join(rows[-1]) if len(rows) == look_at else None
        return Sweep(list(dict.fromkeys(found)), place)

    def born_on(self, month_days: Sequence[str], after: str, limit: int) -> Sequence[str]:
        words = [self._vault.word(f"bd:{month_day}") for month_day in month_days]
        rows = self._all(
            f"SELECT member_id FROM member_word WHERE word IN ({', '.join('?' * len(words))})"
            " AND member_id > ? ORDER BY member_id LIMIT ?",
            *words,
            after,
            limit,
        )
        return [row[0] for row in rows]


def _sweep(rows: Sequence[Sequence[Any]], look_at: int) -> Sweep:
    """Of rows (id, whether it is one of those)."""
    return Sweep([member_id for member_id, due in rows if due], _place(rows, look_at))


def _place(rows: Sequence[Sequence[Any]], look_at: int) -> str | None:
    return str(rows[-1][0]) if len(rows) == look_at else None


def _message(row: Sequence[Any]) -> Message:
    message_id, member_id, kind, facts, created_ms, state, attempts, settled_ms = row
    return Message(
        message_id,
        member_id,
        kind,
        from_json(facts),
        created_ms,
        MessageState(state),
        attempts,
        settled_ms,
    )
