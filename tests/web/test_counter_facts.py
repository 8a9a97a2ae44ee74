"""What every cashier may see of who stands there, and of who serves."""

from __future__ import annotations

from datetime import date

import pytest

from daemon.operations.acquaintance import birthday_hint
from tests.web.till import Counter


@pytest.mark.parametrize(
    ("birthday", "hint"),
    [
        ("1990-11-22", "today"),
        ("--11-22", "today"),
        ("1990-11-29", "soon"),
        ("1990-11-30", None),
        ("1990-11-21", None),
        ("", None),
    ],
)
def test_birthday_is_hinted_at_a_week_before(birthday: str, hint: str | None) -> None:
    assert birthday_hint(birthday, date(2026, 11, 22)) == hint


def test_new_year_is_no_border() -> None:
    assert birthday_hint("1990-01-02", date(2026, 12, 30)) == "soon"


async def test_a_cashier_sees_who_stands_there_and_who_serves(counter: Counter) -> None:
    asked = {"name": "张伟", "phone": "13812341234", "birthday": "1990-05-17", "tags": ["爱聊天"]}
    member = await counter.post("/members", asked, expect=201)
    seen = await counter.get(f"/members/{member['member_id']}/acquaintance")
    assert seen["tags"] == ["爱聊天"]
    assert (seen["visits"], seen["last_day"]) == (0, None)
    assert "05-17" not in str(seen)
    crew = (await counter.get("/crew"))["crew"]
    assert [each["number"] for each in crew] == ["1", "9"]
    unknown = await counter.ask("GET", "/members/00000000000000000000000000/acquaintance")
    assert unknown.status == 404
