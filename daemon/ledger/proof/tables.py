"""The tables that follow from the journal: their keys and columns, a walk over them, and the change
of one row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from daemon.core.projection.rows import ANY, Values, filled
from daemon.ledger.desk import Connection

ROWS_AT_ONCE: Final = 500

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`defaults` stand where a row is made anew and a fact of it is told nowhere."""

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    defaults: Values

    @property
    def all_columns(self) -> str:
        return ", ".join((*self.keys, *self.columns))

    @property
    def by_key(self) -> str:
        return " AND ".join(f"{key} = ?" for key in self.keys)

    def split(self, row: tuple[Any, ...]) -> tuple[Key, Values]:
        return tuple(row[: len(self.keys)]), tuple(row[len(self.keys) :])


STANDING: Final = Table(
    "standing",
    ("member_id",),
    (
        "first_day",
        "last_day",
        "visits",
        "spent_fen",
        "recharged_fen",
        "points_earned",
        "principal_fen",
        "bonus_fen",
        "points",
    ),
    (None, None, 0, 0, 0, 0, 0, 0, 0),
)
MEMBER_DAY: Final = Table(
    "member_day",
    ("member_id", "day"),
    ("visits", "spent_fen", "recharged_fen", "points"),
    (0, 0, 0, 0),
)
SALE_LINE: Final = Table(
    "sale_line",
    ("op_id", "line_id"),
    (
        "day",
        "actor",
        "category",
        "name",
        "quantity",
        "list_fen",
        "paid_fen",
        "code",
        "parts",
        "member_id",
        "card_id",
        "points",
        "pass_uses",
    ),
    ("", "", "", "", 0, 0, 0, "", 1, None, None, 0, 0),
)
COMMISSION: Final = Table(
    "commission", ("employee_id", "day", "op_id", "line_id", "rule_id"), ("fen",), (0,)
)
STOCK: Final = Table("stock", ("code",), ("on_hand",), (0,))
COUPON: Final = Table(
    "coupon",
    ("code",),
    (
        "campaign",
        "issued_ms",
        "issued_op",
        "member_id",
        "from_day",
        "to_day",
        "state",
        "used_op",
    ),
    ("", 0, "", None, None, None, "issued", None),
)
LOT_END: Final = Table("lot_end", ("to_day", "owner", "asset", "lot"), (), ())


@dataclass(frozen=True, slots=True)
class Difference:
    """`wanted` None: the row is too many; `found` None: it is missing."""

    table: Table
    key: Key
    wanted: Values | None
    found: Values | None

    @property
    def key_text(self) -> str:
        return " ".join(map(str, self.key))

    @property
    def detail(self) -> str:
        if self.wanted is None:
            return "too many"
        if self.found is None:
            return "missing"
        pairs = zip(self.table.columns, self.found, self.wanted, strict=True)
        return ", ".join(
            f"{column} is {found}, the journal says {wanted}"
            for column, found, wanted in pairs
            if wanted is not ANY and wanted != found
        )

    def __str__(self) -> str:
        return f"{self.table.name} {self.key_text}: {self.detail}"

    def to_json(self) -> dict[str, str]:
        return {"table": self.table.name, "key": self.key_text, "detail": self.detail}


def walk(connection: Connection, table: Table) -> Iterator[tuple[Key, Values]]:
    """Every row in the order of its key, a few at a time; changes behind the walk do no harm."""
    keys = ", ".join(table.keys)
    marks = ", ".join("?" * len(table.keys))
    after: Key | None = None
    while True:
        where = "" if after is None else f" WHERE ({keys}) > ({marks})"
        rows = connection.execute(
            f"SELECT {table.all_columns} FROM {table.name}{where} ORDER BY {keys} LIMIT ?",
            (*(after or ()), ROWS_AT_ONCE),
        ).fetchall()
        for row in rows:
            after, values = table.split(row)
            yield after, values
        if len(rows) < ROWS_AT_ONCE:
            return


def mend(connection: Connection, difference: Difference) -> None:
    """Makes one row what the journal says."""
    table = difference.table
    if difference.wanted is None:
        connection.execute(f"DELETE FROM {table.name} WHERE {table.by_key}", difference.key)
        return
    values = filled(difference.wanted, difference.found, table.defaults)
    if difference.found is None:
        marks = ", ".join("?" * (len(table.keys) + len(table.columns)))
        connection.execute(
            f"INSERT INTO {table.name} ({table.all_columns}) VALUES ({marks})",
            (*difference.key, *values),
        )
        return
    changes = ", ".join(f"{column} = ?" for column in table.columns)
    connection.execute(
        f"UPDATE {table.name} SET {changes} WHERE {table.by_key}", (*values, *difference.key)
    )
