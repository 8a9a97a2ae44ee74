"""Names, phones and numbers as they may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.masking import mask_name, mask_phone, tail


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张伟", "张*"),
        ("张三丰", "张**"),
        ("欧阳修", "欧阳*"),
        ("欧阳娜娜", "欧阳**"),
        ("歐陽鋒", "歐陽*"),
        ("欧阳", "欧*"),
        ("阿依古丽·买买提", "阿**"),
        ("张", "*"),
        ("", ""),
        ("  张伟 ", "张*"),
        ("Mary Ann Lee", "M** A** L**"),
        ("Li", "L**"),
        ("张\u200b伟\x1b", "张*"),
    ],
)
def test_a_name_shows_its_surname(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812341234", "138****1234"),
        ("138 1234 1234", "138****1234"),
        ("+86 138-1234-1234", "138****1234"),
        ("88881234", "****1234"),
        ("12345", "****45"),
        ("1", "****"),
        ("", ""),
        ("no digits", ""),
    ],
)
def test_a_phone_shows_its_ends(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@given(st.from_regex(r"1[0-9]{10}", fullmatch=True))
def test_the_middle_of_a_phone_is_never_shown(phone: str) -> None:
    assert mask_phone(phone) == phone[:3] + "****" + phone[7:]


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2))
def test_a_given_name_is_never_whole(name: str) -> None:
    shown = mask_name(name)
    assert shown.endswith("*") and name not in shown
    assert len(shown.rstrip("*")) <= 2


@given(st.text())
def test_any_text_masks_to_printable_text(name: str) -> None:
    assert all(mark.isprintable() or mark == "\u3000" for mark in mask_name(name))
    assert set(mask_phone(name)) <= set("0123456789*")


def test_tail() -> None:
    assert tail("M000123") == "0123"
    assert tail("12") == "12"
    assert tail("123456", 0) == ""
