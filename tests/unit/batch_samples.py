"""Entries as a shop writes them, and batches over them, the same every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.core.entry import Account, Draft, Entry, Funding, Kind, Posting
from daemon.sync.envelope import (
    Circumstances,
    Discrepancy,
    Identity,
    Pending,
    Position,
    SealedBatch,
    SeedKey,
    seal,
)

IDENTITY = Identity("M-0001", "012", "D-7F3A", 1)
# RFC 8032 section 7.1, test 1: a key that everybody knows.
KEY = SeedKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
CLOUD_KEY = SeedKey(
    bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
)
TRUSTED = {KEY.key_id: KEY.public_key}
START_MS = 1_760_000_000_000


def recharge(dseq: int, member: str = "A") -> Entry:
    principal = Account(f"member:{member}", "principal", dseq)
    bonus = Account(f"member:{member}", "bonus", dseq)
    postings = (
        Posting(Account("tender:cash", "taken"), -50_000),
        Posting(principal, 50_000),
        Posting(Account("shop", "bonus_given"), -5_000),
        Posting(bonus, 5_000),
    )
    return _entry(dseq, Kind.RECHARGE, postings, member_id=member)


def sale(dseq: int, lot: int, member: str = "A", counter: int | None = None) -> Entry:
    postings = (
        Posting(Account(f"member:{member}", "principal", lot), -1_700, Funding.HOME),
        Posting(Account(f"member:{member}", "bonus", lot), -150, Funding.HOME),
        Posting(Account("shop", "sales"), 1_850),
    )
    card = None if counter is None else "card-1"
    return _entry(dseq, Kind.SALE, postings, member_id=member, card_id=card, card_counter=counter)


def member_added(dseq: int, member: str = "A") -> Entry:
    return _entry(dseq, Kind.MEMBER_ADDED, (), member_id=member, detail={"category": "basic"})


def entries() -> Iterator[Entry]:
    """A member, a recharge, then sales for ever."""
    yield member_added(1)
    yield recharge(2)
    dseq = 3
    while True:
        yield sale(dseq, 2, counter=dseq - 2)
        dseq += 1


def leaves(first: int, count: int) -> list[bytes]:
    made = []
    for entry in entries():
        if entry.dseq >= first + count:
            return made
        if entry.dseq >= first:
            made.append(entry.leaf())
    raise AssertionError


def sealed_batches(*counts: int) -> list[SealedBatch]:
    """Consecutive batches with so many entries each."""
    position = Position(IDENTITY)
    made = []
    for count in counts:
        batch = seal(position, leaves(position.dseq + 1, count), KEY, circumstances(position.bseq))
        made.append(batch)
        position = batch.position
    return made


def circumstances(
    number: int, discrepancies: Sequence[Discrepancy] = (), pending: Sequence[Pending] = ()
) -> Circumstances:
    return Circumstances(
        START_MS + 1_000_000 + number, {"daemon": "0.1.0"}, tuple(pending), tuple(discrepancies)
    )


def _entry(dseq: int, kind: Kind, postings: tuple[Posting, ...], **more: object) -> Entry:
    draft = Draft(
        op_id=f"01K7AAAAAAAAAAAAAAAAAA{dseq:04d}",
        kind=kind,
        at_ms=START_MS + dseq * 1000,
        actor="employee:0001",
        postings=postings,
        **more,  # type: ignore[arg-type]
    )
    return Entry(dseq, draft)
