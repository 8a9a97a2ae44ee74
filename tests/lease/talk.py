"""What a device and the cloud of the model say to each other. A network may lose each of these,
bring it twice, late, or in another order."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.lease.values import Moves


@dataclass(frozen=True, slots=True)
class Leaf:
    """An entry of a device's journal. `uid` stands for its hash: no two timelines share one.
    `epoch` is the one it was made in; `gave_up` a sale and what is given up of its refund."""

    uid: int
    epoch: int
    moves: Moves
    gave_up: tuple[str, int] | None = None
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    device: str
    epoch: int


@dataclass(frozen=True, slots=True)
class GrantTo(Message):
    """`last` is for the mutant that believes in deltas."""

    total: int
    last: int


@dataclass(frozen=True, slots=True)
class RecallOf(Message):
    pass


@dataclass(frozen=True, slots=True)
class Report(Message):
    """`serial` grows within a boot; it is also the nonce that orders echo."""

    boot: int
    serial: int


@dataclass(frozen=True, slots=True)
class Batch(Report):
    """Leaves after place `after`, whose uid there is `previous`."""

    after: int
    previous: int
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Receipt(Message):
    upto: int


@dataclass(frozen=True, slots=True)
class DebitAsk(Message):
    txid: str
    amount: int


@dataclass(frozen=True, slots=True)
class DebitSays(Message):
    txid: str
    ok: bool


@dataclass(frozen=True, slots=True)
class StatusAsk(Message):
    txid: str


@dataclass(frozen=True, slots=True)
class ReverseAsk(Message):
    txid: str


@dataclass(frozen=True, slots=True)
class ReverseSays(Message):
    txid: str


@dataclass(frozen=True, slots=True)
class RefundAsk(Message):
    rid: str
    sale: str
    amount: int


@dataclass(frozen=True, slots=True)
class RefundSays(Message):
    rid: str


@dataclass(frozen=True, slots=True)
class LineRecall(Message):
    sale: str


@dataclass(frozen=True, slots=True)
class Hello(Report):
    """`uids` stands for the hashes that a device shows until the cloud knows where they part."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NewEpoch(Message):
    """`epoch` is the dead one; `after` the last place that both know. A device obeys it only as
    the answer to its newest report: by an older one, the place would be wrong."""

    echo: int
    begin: int
    after: int
