"""What an entry of the journal did to leases: its postings sorted into the counters of each account
(docs/leases.md, "The books on a device"). The device folds its own entries with it, the cloud those
of a batch, so both count the same.

    kind                      member posting +            member posting -
    GRANTED, LEASE            seen                        malformed
    GRANTED, ONLINE           online, by `refers_to`      malformed
    RELEASED                  malformed                   returned
    LEASE_VOIDED              malformed                   nothing: it was the old epoch's
    VOID_SALE, REFUND         refunded                    spent
    every other               topped up                   spent

and of `credit:<member>` in any kind: - is credit, + is credit back. Entries of a shop that was
alone before (HOME) sort the same way: its lease was granted nothing and topped up all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.core.errors import BadRequest
from daemon.core.lease.values import Moves

CHAIN: Final = "chain"
"""The owner that stands for the rest of the merchant."""
OWED: Final = "owed"
"""The asset of credit."""
LEASE_KINDS: Final = frozenset({Kind.GRANTED, Kind.RELEASED, Kind.LEASE_VOIDED})
_NOTHING: Final = Moves()
_BACK: Final = frozenset({Kind.VOID_SALE, Kind.REFUND})


@dataclass(frozen=True, slots=True, order=True)
class AccountKey:
    """An account of a member in the whole chain. `lot` is a number that only one journal gives."""

    member: str
    asset: str
    lot: int = 0

    def account(self) -> Account:
        owner = "credit" if self.asset == OWED else "member"
        return Account(f"{owner}:{self.member}", self.asset, self.lot)


def key_of(account: Account) -> AccountKey | None:
    """None for an account that is no member's."""
    owner, _, member = account.owner.partition(":")
    if owner not in ("member", "credit"):
        return None
    return AccountKey(member, account.asset, account.lot)


def moves_of(entry: Entry) -> Mapping[AccountKey, Moves]:
    """In the order of the postings. Raises BadRequest("lease_entry_malformed") for an entry of a
    lease's kind that does not say what such an entry must."""
    draft = entry.draft
    if draft.kind in LEASE_KINDS:
        _require_form(draft)
    moves: dict[AccountKey, Moves] = {}
    for posting in draft.postings:
        key = key_of(posting.account)
        if key is not None:
            moves[key] = _add(moves.get(key, _NOTHING), draft, posting)
    return {key: each for key, each in moves.items() if each != _NOTHING}


def _add(moves: Moves, draft: Draft, posting: Posting) -> Moves:
    plus, minus = max(0, posting.amount), max(0, -posting.amount)
    if posting.account.owner.startswith("credit:"):
        return replace(moves, credit=moves.credit + minus, credit_back=moves.credit_back + plus)
    if draft.kind is Kind.GRANTED:
        if posting.funding is Funding.LEASE:
            return replace(moves, seen=moves.seen + plus)
        assert draft.refers_to is not None, "the form was checked"
        return replace(moves, online={**moves.online, draft.refers_to: plus})
    if draft.kind is Kind.RELEASED:
        return replace(moves, returned=moves.returned + minus)
    if draft.kind is Kind.LEASE_VOIDED:
        return moves
    if minus:
        return replace(moves, spent=moves.spent + minus)
    if draft.kind in _BACK:
        return replace(moves, refunded=moves.refunded + plus)
    return replace(moves, topped_up=moves.topped_up + plus)


def _require_form(draft: Draft) -> None:
    """A member's postings have one sign and one funding, and the chain's mirror them by asset."""
    sign = 1 if draft.kind is Kind.GRANTED else -1
    mirrored: dict[str, int] = {}
    fundings: set[Funding] = set()
    for posting in draft.postings:
        owner, _, member = posting.account.owner.partition(":")
        of_member = owner == "member" and member != ""
        if not of_member and posting.account.owner != CHAIN:
            raise BadRequest("lease_entry_malformed", kind=int(draft.kind))
        if of_member and posting.amount * sign < 0:
            raise BadRequest("lease_entry_malformed", kind=int(draft.kind))
        fundings.add(posting.funding)
        asset = posting.account.asset
        mirrored[asset] = mirrored.get(asset, 0) + posting.amount
    online = fundings == {Funding.ONLINE} and draft.kind is Kind.GRANTED
    if online and not draft.refers_to:
        raise BadRequest("lease_entry_malformed", kind=int(draft.kind))
    if not (online or fundings <= {Funding.LEASE}) or any(mirrored.values()):
        raise BadRequest("lease_entry_malformed", kind=int(draft.kind))
