"""The order in which a counter of a chain looks for the money of a sale: what is here, then the
cloud, then credit, then a part here and the rest otherwise. A pure decision, asked again after
every answer; it never spends a figure that was only told.

    here enough                                UseHere
    short, online, not asked                   AskCloud(short)
    short, the cloud has called it in          AskCloud(short, again)   until the deadline
    short, the cloud has less                  Split, or Decline
    short, offline or no answer                Credit, else Split, or Decline

After no answer the debit is unknown to us: it is reversed, whatever the sale does then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from daemon.core.authorize import Decline
from daemon.core.lease.policy import ChainPolicy, CreditSoFar, CreditYes, may_credit


class Link(Enum):
    """The cloud, as this sale has found it."""

    ONLINE = "online"
    OFFLINE = "offline"
    SILENT = "silent"
    """This sale's question was sent and not answered in time."""


@dataclass(frozen=True, slots=True)
class Held:
    """Money of the member that another branch holds. `since_ms`: that branch is out of reach since
    then; None if it can be called in."""

    branch: str
    amount_fen: int
    since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Insufficient:
    """The cloud's last answer: what it has free, and who holds the rest. `waited_ms` since the
    first question of this sale."""

    available_fen: int
    held: tuple[Held, ...] = ()
    waited_ms: int = 0


@dataclass(frozen=True, slots=True)
class UseHere:
    amount_fen: int


@dataclass(frozen=True, slots=True)
class AskCloud:
    """`again`: the holders were asked to release meanwhile."""

    shortage_fen: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Credit:
    """`here_fen` is spent from what is here, `credit_fen` is sold without cover."""

    here_fen: int
    credit_fen: int
    needs_manager: bool


@dataclass(frozen=True, slots=True)
class Split:
    """`usable_fen` can be paid now: `here_fen` held, `online_fen` free in the cloud. `rest_fen`
    needs another tender, the network, or is `held` elsewhere. `credit` says why there is none."""

    usable_fen: int
    here_fen: int
    online_fen: int
    rest_fen: int
    held: tuple[Held, ...] = ()
    credit: Decline | None = None


Step = UseHere | AskCloud | Credit | Split | Decline


def next_step(
    amount_fen: int,
    here_fen: int,
    link: Link,
    policy: ChainPolicy,
    *,
    barred: Decline | None = None,
    told: Insufficient | None = None,
    so_far: CreditSoFar | None = None,
) -> Step:
    """`here_fen` is the balance of this ledger. `barred` is why it may not be spent now (from
    `device.may_spend`), `told` the cloud's last INSUFFICIENT to this sale, `so_far` the credit
    given (None: none may be)."""
    assert amount_fen > 0 and here_fen >= 0
    here_fen = 0 if barred is not None else here_fen
    if amount_fen <= here_fen:
        return UseHere(amount_fen)
    short_fen = amount_fen - here_fen
    if link is Link.ONLINE:
        if told is None:
            return AskCloud(short_fen)
        return _after_no(here_fen, short_fen, told, policy)
    refusal = Decline("credit_off")
    if so_far is not None:
        credit = may_credit(short_fen, so_far, policy)
        if isinstance(credit, CreditYes):
            return Credit(here_fen, short_fen, credit.needs_manager)
        refusal = credit
    held = told.held if told is not None else ()
    if here_fen:
        return Split(here_fen, here_fen, 0, short_fen, held, refusal)
    if barred is not None:
        return barred
    return Decline("needs_network", {"short_fen": short_fen, **refusal.facts})


def _after_no(here_fen: int, short_fen: int, told: Insufficient, policy: ChainPolicy) -> Step:
    callable_fen = sum(held.amount_fen for held in told.held if held.since_ms is None)
    reachable = told.available_fen + callable_fen >= short_fen
    if told.available_fen >= short_fen:
        return AskCloud(short_fen, again=True)
    if reachable and told.waited_ms < policy.debit_deadline_ms:
        return AskCloud(short_fen, again=True)
    usable_fen = here_fen + told.available_fen
    rest_fen = short_fen - told.available_fen
    if usable_fen:
        return Split(usable_fen, here_fen, told.available_fen, rest_fen, told.held)
    key = "held_elsewhere" if told.held else "insufficient_funds"
    elsewhere_fen = sum(held.amount_fen for held in told.held)
    facts = {"short_fen": rest_fen, "available_fen": 0, "elsewhere_fen": elsewhere_fen}
    return Decline(key, facts)
