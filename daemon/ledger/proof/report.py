"""What a proof finds: problems by name, and how much was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from daemon.core.entry import GENESIS

MOST_PROBLEMS: Final = 1000
"""Named one by one; a ledger with more of them is not read better with a longer list."""


class Flaw(Enum):
    """What can be wrong. The value is the name in the report."""

    ROW_CHANGED = "row_changed"
    """The leaf or the chain hash is not what the row before leads to."""
    ROW_MISSING = "row_missing"
    ROW_MISPLACED = "row_misplaced"
    """The leaf says that it is another row: two rows were swapped, or one was copied."""
    LEAF_MALFORMED = "leaf_malformed"
    COLUMNS_DIFFER = "columns_differ"
    """A column that repeats the leaf says something else."""
    POSTINGS_DIFFER = "postings_differ"
    POSTINGS_UNBALANCED = "postings_unbalanced"
    POSTINGS_STRAY = "postings_stray"
    """Postings of an entry that is not there."""
    TIME_WENT_BACK = "time_went_back"
    BALANCE_DIFFERS = "balance_differs"
    MEMBER_BELOW_ZERO = "member_below_zero"
    HELD_MARK_WRONG = "held_mark_wrong"
    BATCH_GAP = "batch_gap"
    BATCH_CHANGED = "batch_changed"
    """Its manifest is not the one whose hash was kept, or does not name the batch before
    it and the link of the chain that it ends with."""
    CHECKPOINT_FORGED = "checkpoint_forged"
    CHECKPOINT_DIFFERS = "checkpoint_differs"
    """A signed checkpoint names another chain hash: the journal was rewritten."""
    TAIL_CUT = "tail_cut"
    """The journal ends before a signed checkpoint."""
    HEAD_MISSING = "head_missing"
    HEAD_MALFORMED = "head_malformed"
    LOT_RULES_DIFFER = "lot_rules_differ"
    """What a lot was opened under is not what its entry has proved."""
    PROJECTION_DIFFERS = "projection_differs"
    """A row of a table that follows from the journal is changed, missing or too many."""
    ANSWER_DIFFERS = "answer_differs"
    """The kept answer of an operation is not one that its entry could have had: the rows that
    follow from it cannot be made again."""
    RULES_DIFFER = "rules_differ"
    """A version of the shop's rules is not the one that the journal says was written."""
    WAL_DAMAGED = "wal_damaged"
    """The write-ahead log is broken before its end: acknowledged entries are lost in it."""
    UNREADABLE = "unreadable"
    """The database itself says that its file is damaged."""


JOURNAL_FLAWS: Final = frozenset(
    {
        Flaw.ROW_CHANGED,
        Flaw.ROW_MISSING,
        Flaw.ROW_MISPLACED,
        Flaw.LEAF_MALFORMED,
        Flaw.WAL_DAMAGED,
        Flaw.UNREADABLE,
        Flaw.CHECKPOINT_DIFFERS,
        Flaw.TAIL_CUT,
    }
)
"""With one of them the entries are not those that were written: nothing is made again from them."""
MENDABLE: Final = frozenset({Flaw.PROJECTION_DIFFERS})


@dataclass(frozen=True, slots=True)
class Problem:
    """`table` and `key` name the row of a projection."""

    flaw: Flaw
    dseq: int | None
    detail: str = ""
    table: str = ""
    key: str = ""

    def __str__(self) -> str:
        place = f"{self.table} {self.key}" if self.table else f"entry {self.dseq}"
        return f"{place}: {self.flaw.value} {self.detail}".rstrip()

    def to_json(self) -> dict[str, Any]:
        said = {"problem": self.flaw.value, "dseq": self.dseq, "detail": self.detail}
        return {**said, "table": self.table, "key": self.key} if self.table else said


@dataclass(slots=True)
class Report:
    """`problems` in the order of the journal; empty for a ledger that is whole. `projected` counts
    the rows that were compared with what the journal makes of them."""

    entries: int = 0
    postings: int = 0
    accounts: int = 0
    projected: int = 0
    batches: int = 0
    checkpoints: int = 0
    head_dseq: int = 0
    head_chain: bytes = GENESIS
    problems: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def journal_is_whole(self) -> bool:
        return not any(problem.flaw in JOURNAL_FLAWS for problem in self.problems)

    def note(
        self, flaw: Flaw, dseq: int | None, detail: str = "", table: str = "", key: str = ""
    ) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(flaw, dseq, detail, table, key))

    def __str__(self) -> str:
        lines = [
            f"{self.entries} entries, {self.postings} postings, {self.accounts} accounts,"
            f" {self.projected} projected rows, {self.batches} batches,"
            f" {self.checkpoints} checkpoints",
            f"the chain ends at {self.head_dseq} with {self.head_chain.hex()}",
            *map(str, self.problems),
            "the ledger is whole" if self.ok else f"{len(self.problems)} problems",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "entries": self.entries,
            "postings": self.postings,
            "accounts": self.accounts,
            "projected": self.projected,
            "batches": self.batches,
            "checkpoints": self.checkpoints,
            "head": {"dseq": self.head_dseq, "chain": self.head_chain.hex()},
            "problems": [problem.to_json() for problem in self.problems],
        }
