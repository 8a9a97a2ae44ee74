"""One deduction, the same for every contender, and the books it is taken from.

A deduction reads what a member holds, takes 12 fen from the oldest lots of principal and bonus, and
appends one entry of three postings: a journal row, three posting rows, three balances, one link of
the chain. All of it is `SqlBooks` of the product, over whatever connection it is given.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daemon.core.entry import Account, Draft, Entry, Kind, Posting
from daemon.core.ids import make_id
from daemon.ledger.books import SqlBooks
from daemon.ledger.desk import Connection
from daemon.ledger.door import AUTOCHECKPOINT_PAGES, WRITER_CACHE_KIB, open_writer
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from daemon.ledger.writer import TEND_EVERY
from daemon.ports.ledger import Books

KEY = bytes(range(32))
CASH, GIVEN = Account("tender:cash", "taken"), Account("shop", "bonus_given")
SALES = Account("shop", "sales")
PRINCIPAL_FEN, BONUS_FEN = 50_000_000, 5_000_000
TAKEN_PRINCIPAL_FEN, TAKEN_BONUS_FEN = 10, 2


class BenchClock:
    def now_ms(self) -> int:
        return int(time.time() * 1000)

    def new_id(self) -> str:
        return make_id(self.now_ms(), os.urandom(10))


class BenchSigner:
    """Always the same key, so that a database of an earlier run can be opened again."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(32))

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.public_key).digest()[:8]

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


CLOCK = BenchClock()


def recharge(books: Books, member_id: str) -> Entry:
    owner = f"member:{member_id}"
    principal, bonus = Account(owner, "principal"), Account(owner, "bonus")
    postings = (
        Posting(CASH, -PRINCIPAL_FEN),
        Posting(principal, PRINCIPAL_FEN),
        Posting(GIVEN, -BONUS_FEN),
        Posting(bonus, BONUS_FEN),
    )
    draft = Draft(CLOCK.new_id(), Kind.RECHARGE, CLOCK.now_ms(), "e", member_id, postings=postings)
    return books.append(draft, {principal: "r1", bonus: "r1"})


def deduct(books: Books, member_id: str) -> Entry:
    principal, bonus = books.holdings(f"member:{member_id}")[:2]
    assert principal.balance >= TAKEN_PRINCIPAL_FEN and bonus.balance >= TAKEN_BONUS_FEN
    return books.append(
        Draft(
            op_id=CLOCK.new_id(),
            kind=Kind.SALE,
            at_ms=CLOCK.now_ms(),
            actor="01EMPLOYEE",
            member_id=member_id,
            card_id=member_id,
            card_counter=7,
            postings=(
                Posting(principal.account, -TAKEN_PRINCIPAL_FEN),
                Posting(bonus.account, -TAKEN_BONUS_FEN),
                Posting(SALES, TAKEN_PRINCIPAL_FEN + TAKEN_BONUS_FEN),
            ),
        )
    )


@dataclass
class DirectShop:
    """Books that are called on the thread that owns their connection, one commit a deduction.

    As in the product, the WAL is moved into the database between two sales and not inside one."""

    connection: Connection
    books: SqlBooks
    members: Sequence[str]
    count: int = 0

    def sell(self) -> None:
        member_id = self.next_member()
        self.connection.execute("BEGIN IMMEDIATE")
        deduct(self.books, member_id)
        self.connection.execute("COMMIT")

    def sell_together(self, size: int) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        for _ in range(size):
            self.connection.execute("SAVEPOINT operation")
            deduct(self.books, self.next_member())
            self.connection.execute("RELEASE operation")
        self.connection.execute("COMMIT")

    def next_member(self) -> str:
        self.count += 1
        return self.members[self.count * 7919 % len(self.members)]

    def tend(self) -> None:
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def open_shop(connection: Connection, members: int, entries: int) -> DirectShop:
    """Fills empty books with `members` and `entries`."""
    migrate(connection)
    books = SqlBooks(connection, Vault(KEY), writable=True)
    if books.epoch() == 0:
        books.begin_epoch(1, CLOCK.now_ms(), "created")
    member_ids = [CLOCK.new_id() for _ in range(members)]
    connection.execute("BEGIN")
    for member_id in member_ids:
        recharge(books, member_id)
    for number in range(entries - members):
        deduct(books, member_ids[number % members])
    connection.execute("COMMIT")
    return DirectShop(connection, books, member_ids)


def encrypted(path: Path) -> Connection:
    return open_writer(path, KEY)


def plain(path: Path) -> Connection:
    """SQLite as Python brings it, set up as the door sets up SQLCipher, with its own page size."""
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",
        "secure_delete = ON",
        "temp_store = MEMORY",
        f"cache_size = -{WRITER_CACHE_KIB}",
        f"wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def timed(work: Callable[[], None], times: int, between: Callable[[], None]) -> list[float]:
    """Seconds of each call. `between` runs now and then, outside of what is measured."""
    taken = []
    for number in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
        if number % TEND_EVERY == TEND_EVERY - 1:
            between()
    return taken


def fastest(taken: Sequence[float]) -> float:
    """Mean of the fastest 95 %, in seconds."""
    kept = sorted(taken)[: max(1, int(len(taken) * 0.95))]
    return sum(kept) / len(kept)
