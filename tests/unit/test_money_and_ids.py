"""Money, ids and ratios: exact, bounded, refused when they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import BadRequest
from daemon.core.ids import id_bytes, id_text, is_id, make_id
from daemon.core.money import MAX_FEN, parse_yuan, require_amount, share, yuan


@given(st.integers(0, MAX_FEN))
def test_yuan_reads_back(amount_fen: int) -> None:
    assert parse_yuan(yuan(amount_fen)) == amount_fen


@pytest.mark.parametrize(
    ("text", "amount_fen"),
    [("18.50", 1850), ("18.5", 1850), ("18", 1800), (" 0.01 ", 1), ("7.", 700)],
)
def test_what_people_type(text: str, amount_fen: int) -> None:
    assert parse_yuan(text) == amount_fen


@pytest.mark.parametrize(
    "text", ["", "1,5", "1.234", "-1", "1e3", "١٢", "nan", "0x10", "1.2.3", "."]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_yuan(text)
    assert refused.value.key == "amount_not_a_number"


@pytest.mark.parametrize("amount_fen", [0, -1, MAX_FEN + 1])
def test_amounts_out_of_bounds(amount_fen: int) -> None:
    with pytest.raises(BadRequest):
        require_amount(amount_fen)


@given(st.integers(0, MAX_FEN), st.integers(0, 10_000))
def test_a_share_is_rounded_down(amount_fen: int, basis_points: int) -> None:
    part = share(amount_fen, basis_points)
    assert part * 10_000 <= amount_fen * basis_points < (part + 1) * 10_000


@given(st.integers(0, (1 << 48) - 1), st.binary(min_size=10, max_size=10))
def test_ids_read_back_and_keep_time_order(now_ms: int, entropy: bytes) -> None:
    made = make_id(now_ms, entropy)
    assert is_id(made) and len(made) == 26
    assert id_text(id_bytes(made)) == made
    if now_ms:
        assert make_id(now_ms - 1, b"\xff" * 10) < made


@given(st.text(max_size=30))
def test_what_is_no_id(text: str) -> None:
    if is_id(text):
        assert id_text(id_bytes(text)) == text
