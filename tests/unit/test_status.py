"""What a printer's status bytes mean, and that what it did not say stays unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.ports.printing import Paper, PrinterStatus
from daemon.printer.status import (
    ASKED,
    ask,
    blocking_problem,
    combine,
    unreachable,
    valid,
    valid_paper_reply,
)


def told(first: int, second: int, third: int, fourth: int) -> PrinterStatus:
    return combine({1: first, 2: second, 3: third, 4: fourth})


def test_ready() -> None:
    assert told(0x16, 0x12, 0x12, 0x12) == PrinterStatus(True, True, False, Paper.OK, None)


def test_near_end_still_prints() -> None:
    status = told(0x16, 0x12, 0x12, 0x1E)
    assert status.paper is Paper.NEAR_END
    assert blocking_problem(status) is None


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ((0x1E, 0x32, 0x12, 0x7E), "printer_paper_out"),
        ((0x1E, 0x16, 0x12, 0x12), "printer_cover_open"),
        ((0x1E, 0x36, 0x12, 0x7E), "printer_cover_open"),
        ((0x1E, 0x12, 0x12, 0x12), "printer_offline"),
    ],
)
def test_what_keeps_it_from_printing(replies: tuple[int, int, int, int], problem: str) -> None:
    status = told(*replies)
    assert blocking_problem(status) == problem
    assert status.problem == problem


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (0x1A, "printer_cutter_jammed"),
        (0x52, "printer_overheated"),
        (0x32, "printer_error"),
    ],
)
def test_errors_have_names(error: int, problem: str) -> None:
    status = told(0x1E, 0x52, error, 0x12)
    assert status.problem == problem
    assert blocking_problem(status) == "printer_offline"


def test_silence_is_unknown_and_never_paper() -> None:
    status = combine({})
    assert status == PrinterStatus(True, None, None, Paper.UNKNOWN, "printer_mute")
    assert blocking_problem(status) is None


@given(st.dictionaries(st.sampled_from(ASKED), st.none() | st.integers(0, 255)))
def test_only_valid_replies_count(replies: dict[int, int | None]) -> None:
    kept = {n: reply for n, reply in replies.items() if reply is not None and valid(reply)}
    status = combine(replies)
    assert status == combine(kept)
    assert (status.online is None) == (1 not in kept)
    assert (status.cover_open is None) == (2 not in kept)
    if status.paper in (Paper.OK, Paper.NEAR_END):
        assert 4 in kept


def test_valid_replies_are_those_of_the_mask() -> None:
    assert sum(map(valid, range(256))) == 16
    assert valid(0x12) and not valid(0x00) and not valid(0xFF) and not valid(None)
    assert not any(valid(reply) and valid_paper_reply(reply) for reply in range(256))


def test_nobody_at_home() -> None:
    assert blocking_problem(unreachable("printer_absent")) == "printer_absent"
    assert blocking_problem(PrinterStatus(reachable=None)) is None


def test_the_question() -> None:
    assert [ask(n) for n in (1, 2, 3, 4)] == [bytes([16, 4, n]) for n in (1, 2, 3, 4)]
