"""The rest of the merchant, as a sale at this counter sees it (docs/leases.md).

A shop without a cloud holds everything and runs the same code: `Alone` never has anybody to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from daemon.ports.branch_books import DebitIntent, HeldThere


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an account. `rule` is the text that the lot was bought under."""

    asset: str
    lot: int
    amount: int
    rule: str


@dataclass(frozen=True, slots=True)
class Given:
    """The debit was made: these parts may be spent here, for its sale."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """The debit was not made: `available_fen` is free, the rest of the member's money is `held`."""

    available_fen: int
    held: tuple[HeldThere, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The cloud says no; `key` names the sentence."""

    key: str
    facts: Mapping[str, int] = field(default_factory=dict)


Answer = Given | Short | Refusal


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """May `quantity` of a line of a sale of another counter come back here? Once for `rid`."""

    rid: str
    sale_id: str
    line_id: str
    quantity: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """`belongs` False: a shop without a cloud. `since_ms`: online or offline since then;
    `contact_ms` the last word from the cloud, `waiting` the batches and changes that it lacks."""

    belongs: bool
    online: bool
    since_ms: int | None = None
    contact_ms: int | None = None
    waiting: int = 0


class Chain(Protocol):
    """Nothing here raises for a network that is gone: no answer is None."""

    @property
    def belongs(self) -> bool:
        """Whether this device is one of a chain."""
        ...

    @property
    def online(self) -> bool:
        """Whether the cloud answered a moment ago: only then is it worth to let a member wait."""
        ...

    @property
    def clock_synced(self) -> bool:
        """Whether the time is known: this machine's clock is set, or the cloud has told it since
        this daemon began."""
        ...

    @property
    def up_ms(self) -> int:
        """How long this daemon runs."""
        ...

    @property
    def unsynced_spent_fen(self) -> int:
        """What was spent from leases since this daemon began without a clock that is set."""
        ...

    def spent(self, amount_fen: int) -> None:
        """Stored value was taken."""
        ...

    async def debit(self, intent: DebitIntent, timeout_s: float) -> Answer | None:
        """Asks for what the intent says, which is durable already. The same intent again finds
        the first answer, where there was one."""
        ...

    async def may_refund(self, asked: RefundAsked, timeout_s: float) -> Refusal | bool | None:
        """True: it may."""
        ...

    async def want(self, member_id: str | None, uid: bytes | None, timeout_s: float) -> bool:
        """Asks for what can be known and held here of a member, found by id or card. True when the
        cloud has answered; what it gave is on the books then."""
        ...

    def look_up(self, member_id: str) -> None:
        """Somebody looks at a member: what the member has in the whole chain is asked for. Comes as
        the event `whole`, where the cloud can be reached. Never blocks."""
        ...

    def poke(self, *, soon: bool = False) -> None:
        """Something is on the journal that the cloud should have: after a pause in which more may
        come, or `soon`. Never blocks."""
        ...

    def status(self) -> ChainStatus: ...


class Alone:
    """Implements Chain for a shop without a cloud."""

    belongs = False
    online = False
    clock_synced = True
    up_ms = 0
    unsynced_spent_fen = 0

    def spent(self, amount_fen: int) -> None:
        return None

    async def debit(self, intent: DebitIntent, timeout_s: float) -> Answer | None:
        return None

    async def may_refund(self, asked: RefundAsked, timeout_s: float) -> Refusal | bool | None:
        return None

    async def want(self, member_id: str | None, uid: bytes | None, timeout_s: float) -> bool:
        return False

    def look_up(self, member_id: str) -> None:
        return None

    def poke(self, *, soon: bool = False) -> None:
        return None

    def status(self) -> ChainStatus:
        return ChainStatus(belongs=False, online=False)
