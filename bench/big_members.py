"""Builds the books of a shop with very many members, for searches and lists.

Member by member through the books it would take an hour, because each search word goes to a place
of its own in an encrypted index. So the members are written in large transactions and their words
sorted first; what comes out is the same rows, made by the same vault.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from bench.deduction import KEY
from daemon.core.ids import make_id
from daemon.core.records import Member, Personal
from daemon.ledger.books import SqlBooks
from daemon.ledger.desk import Connection
from daemon.ledger.door import open_writer
from daemon.ledger.migrate import migrate
from daemon.ledger.vault import Vault
from daemon.operations.jobs import WORDS_VERSION

FIRST_MS = 1_700_000_000_000
CHUNK = 5_000
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文华玉红建国梅丹萍鑫鹏宇浩凯健俊帆雪琴云莹婷宁海波斌慧"
    "巧美香春菊翠雅芝萱佳嘉琼勤珍贞莉玲环青倩雯露瑶怡婵雁蓓纨仪荷若黛家栋子轩梓涵一诺欣怡思远天佑晨曦博雅清"
)
TAGS = ("VIP", "老客", "学生", "家庭")


def person(chance: random.Random) -> Personal:
    given = "".join(chance.choices(GIVEN, k=1 if chance.random() < 0.3 else 2))
    birthday = f"{chance.randrange(1950, 2010)}-{chance.randrange(1, 13):02d}-15"
    phone = f"1{chance.choice('35789')}{chance.randrange(10**9):09d}"
    return Personal(chance.choice(SURNAMES) + given, phone, chance.choice("fm"), birthday)


def people(count: int) -> Iterator[tuple[Member, Personal]]:
    """The same for the same count: number n is `S1` and n in seven digits."""
    chance = random.Random(7)
    for number in range(count):
        member_id = make_id(FIRST_MS + number * 1000, chance.randbytes(10))
        member = Member(
            member_id,
            f"S1{number:07d}",
            chance.choice(("standard", "gold", "silver")),
            "active" if chance.random() < 0.98 else "frozen",
            FIRST_MS + number * 1000,
            tags=(chance.choice(TAGS),) if chance.random() < 0.2 else (),
        )
        yield member, person(chance)


def build(path: Path, count: int) -> float:
    """Returns the seconds it took."""
    began = time.perf_counter()
    part = path.with_name(path.name + ".part")
    words = path.with_name(path.name + ".words")
    for each in (part, path, words):
        for suffix in ("", "-wal", "-shm", "-journal", ".head", ".lock"):
            each.with_name(each.name + suffix).unlink(missing_ok=True)
    connection = open_writer(part, KEY)
    migrate(connection)
    # The kernel may keep it: a build that is cut is begun again.
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -262144"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA wal_autocheckpoint = 20000")
    connection.execute(f"ATTACH DATABASE '{words}' AS apart KEY ''")
    connection.execute("PRAGMA apart.synchronous = OFF")
    connection.execute("PRAGMA apart.journal_mode = OFF")
    connection.execute("CREATE TABLE apart.word (word INTEGER, member_id TEXT)")
    _write(connection, count)
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("BEGIN")
    connection.execute(
        "INSERT INTO member_word SELECT word, member_id FROM apart.word ORDER BY word, member_id"
    )
    connection.execute("INSERT INTO setting VALUES ('member_tokens', ?)", (f"{WORDS_VERSION}:all",))
    connection.execute("COMMIT")
    connection.execute("DETACH DATABASE apart")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection.close()
    words.unlink()
    part.rename(path)
    return time.perf_counter() - began


class _Apart(SqlBooks):
    """Puts the search words aside instead of into their index."""

    def keep(self, chunk: list[tuple[Member, Personal]]) -> None:
        connection, vault = self._connection, self._vault
        secrets, keys, words = [], [], []
        for member, personal in chunk:
            key, wrapped = vault.new_key(member.member_id)
            keys.append((member.member_id, wrapped))
            secrets.append((member.member_id, vault.seal(member.member_id, key, personal)))
            found_by = vault.words(personal).numbers()
            words += [(number, member.member_id) for number in found_by]
        connection.executemany(
            "INSERT INTO member (member_id, number, category, status, created_ms, tags)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [
                (m.member_id, m.number, m.category, m.status, m.created_ms, _tags(m))
                for m, _ in chunk
            ],
        )
        connection.executemany("INSERT INTO member_key VALUES (?, ?)", keys)
        connection.executemany("INSERT INTO member_secret VALUES (?, ?)", secrets)
        connection.executemany("INSERT INTO apart.word VALUES (?, ?)", words)


def _tags(member: Member) -> str:
    return f'["{member.tags[0]}"]' if member.tags else "[]"


def _write(connection: Connection, count: int) -> None:
    books = _Apart(connection, Vault(KEY), writable=True)
    chance = random.Random(11)
    chunk: list[tuple[Member, Personal]] = []
    for number, pair in enumerate(people(count), start=1):
        chunk.append(pair)
        if len(chunk) == CHUNK or number == count:
            connection.execute("BEGIN")
            books.keep(chunk)
            _money(connection, chance, chunk, number - len(chunk))
            connection.execute("COMMIT")
            chunk = []


def _money(
    connection: Connection,
    chance: random.Random,
    chunk: list[tuple[Member, Personal]],
    first: int,
) -> None:
    """A lot of principal each, and a standing for those who came."""
    held = [(f"member:{m.member_id}", 10_000 + n, first + n + 1) for n, (m, _) in enumerate(chunk)]
    connection.executemany(
        "INSERT INTO account (owner, asset, lot, balance, held, rule, opened_dseq)"
        " VALUES (?, 'principal', ?3, ?2, 1, 'r1', ?3)",
        held,
    )
    connection.executemany(
        "INSERT INTO standing (member_id, first_day, last_day, visits, spent_fen, principal_fen)"
        " VALUES (?, '2025-01-01', ?, ?, ?, ?)",
        [
            (
                member.member_id,
                f"2026-{chance.randrange(1, 9):02d}-{chance.randrange(1, 29):02d}",
                chance.randrange(1, 60),
                chance.randrange(100, 1_000_000),
                10_000,
            )
            for member, _ in chunk
            if chance.random() < 0.8
        ],
    )
