"""Points, passes, coupons, check-ins, thanks, triggers and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from daemon.core.campaign import IssuedCoupon
from daemon.core.entry import Account
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


class LoyaltyBooks(Protocol):
    """Part of `daemon.ports.ledger.Books`: inside its transaction, on its thread."""

    # -- messages ---------------------------------------------------------------------------------

    def add_message(
        self,
        message_id: str,
        member_id: str,
        kind: str,
        facts: Mapping[str, int | str],
        now_ms: int,
    ) -> None:
        """Puts a message into the outbox. `facts` hold no personal data."""
        ...

    def message(self, message_id: str) -> Message | None: ...

    def messages(
        self,
        *,
        member_id: str | None = None,
        state: MessageState | None = None,
        before: str | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Newest first; `before` is the id that the last page ended with."""
        ...

    def waiting_messages(self, limit: int) -> Sequence[Message]:
        """The outbox, oldest first."""
        ...

    def count_attempt(self, message_id: str) -> None:
        """One more try at delivering it. Asserts that it waits."""
        ...

    def settle_message(self, message_id: str, state: MessageState, now_ms: int) -> None:
        """Asserts that it waits and that `state` is an end."""
        ...

    # -- coupons ----------------------------------------------------------------------------------

    def coupons_of(self, member_id: str, *, usable_on: str | None = None) -> Sequence[IssuedCoupon]:
        """A member's coupons, newest first; `usable_on` (YYYY-MM-DD) leaves out those that are
        redeemed, withdrawn or over on that day."""
        ...

    def coupons_of_campaign(
        self,
        campaign: str,
        *,
        state: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> Sequence[IssuedCoupon]:
        """In order of issue; `after` is the code that the last page ended with."""
        ...

    def coupons_issued_by(self, op_id: str, campaign: str, at_ms: int) -> Sequence[IssuedCoupon]:
        """What one operation, which began at `at_ms`, issued of a campaign, by code."""
        ...

    def add_coupon(self, coupon: IssuedCoupon) -> bool:
        """False where the code is taken: make another."""
        ...

    def withdraw_coupon(self, code: str) -> bool:
        """False where it is redeemed or withdrawn already."""
        ...

    def extend_coupon(self, code: str, to_day: str) -> bool:
        """Moves the last day. False where it is redeemed or withdrawn."""
        ...

    def campaign_counts(self, campaign: str, day: str) -> CouponCounts: ...

    # -- check-ins and thanks ---------------------------------------------------------------------

    def last_check_in(self, member_id: str) -> CheckIn | None: ...

    def check_ins(self, member_id: str, from_day: str) -> Sequence[CheckIn]:
        """Oldest first."""
        ...

    def add_check_in(self, member_id: str, check_in: CheckIn) -> None:
        """Asserts that the member has not checked in on that day."""
        ...

    def referral_of(self, friend: str) -> Referral | None: ...

    def referrals_by(self, referrer: str, *, since_ms: int = 0, limit: int) -> Sequence[Referral]:
        """Newest first."""
        ...

    def referral_count(self, referrer: str, since_ms: int) -> int:
        """Friends who brought `referrer` points since then."""
        ...

    def brought_by(self, referrer: str, limit: int) -> Sequence[str]:
        """Member ids of those who named `referrer`, newest first."""
        ...

    def add_referral(self, referral: Referral) -> None:
        """Asserts that nobody was thanked for this friend before."""
        ...

    def drop_referral(self, friend: str) -> None:
        """The sale that thanks were given for was undone."""
        ...

    def member_numbered(self, number: str) -> str | None:
        """The id of the member with that number."""
        ...

    def undone_by(self, op_id: str) -> str | None:
        """The op_id of the movement of points that undid this one."""
        ...

    # -- triggers ---------------------------------------------------------------------------------

    def add_fired(self, trigger_id: str, member_id: str, occasion: str, now_ms: int) -> bool:
        """False where it has fired for this occasion."""
        ...

    def has_fired(self, trigger_id: str, member_id: str, occasion: str) -> bool: ...

    # -- stock ------------------------------------------------------------------------------------

    def stocks(self) -> Sequence[Stocked]: ...

    def put_stock(self, code: str, on_hand: int) -> None: ...

    def drop_stock(self, code: str) -> None:
        """From now on this store does not count the code."""
        ...

    # -- what ends --------------------------------------------------------------------------------

    def ended_lots(self, today: str, limit: int) -> Sequence[EndedLot]:
        """Lots whose last day is before `today`: the whole of the first owner and last day among
        them, at most `limit`."""
        ...

    def forget_end(self, ended: EndedLot) -> None:
        """The lot has nothing left that could end on that day."""
        ...

    def ends_on(self, account: Account, to_day: str) -> None:
        """The lot's last day is `to_day`: it was moved since the lot was opened."""
        ...

    # -- whom the daily round looks at ------------------------------------------------------------

    def sweep_members(
        self, after: str, look_at: int, first_day: str, last_day: str, *, leveled: bool
    ) -> Sweep:
        """Of the next `look_at` members those whose benefits end from `first_day` to `last_day`,
        and those with a level where `leveled` asks for them."""
        ...

    def sweep_visits(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        """Of the next `look_at` members those whose last visit lies in between."""
        ...

    def sweep_coupons(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        """Of the next `look_at` coupons the members who hold one that was not used and ends in
        between."""
        ...

    def sweep_lots(self, after: str, look_at: int, first_day: str, last_day: str) -> Sweep:
        """The members of the next `look_at` lots that end in between."""
        ...

    def born_on(self, month_days: Sequence[str], after: str, limit: int) -> Sequence[str]:
        """Members with a birthday on one of those days (MM-DD), in order of their ids."""
        ...
