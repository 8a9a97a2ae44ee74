"""The configuration: every mistake at once, no unknown names, sensible defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.app import swipe_sources
from daemon.config import (
    ConfigMistakes,
    ReaderSettings,
    ScannerSettings,
    SwipeSettings,
    load,
    parse,
)
from daemon.core.policy import BonusTier, SpendOrder

GOOD: dict[str, Any] = {
    "device": {"id": "d1", "store": "S01", "merchant": "m"},
    "shop": {"name": "Shop"},
    "storage": {"ledger": "l.db", "keys": "keys"},
    "sync": {"identity": "tls"},
}


def test_defaults_and_paths_relative_to_the_file() -> None:
    settings = parse(GOOD, Path("/etc/counterd"))
    assert settings.storage.ledger == Path("/etc/counterd/l.db")
    assert settings.readers == (ReaderSettings("pcsc"),)
    assert settings.printers == ()
    assert settings.web.host == "127.0.0.1"


def test_every_mistake_is_reported_at_once() -> None:
    bad = {
        **GOOD,
        "device": {"id": 5, "store": "S01"},
        "shop": {"name": "x", "language": "fr", "colour": "red"},
        "web": {"port": 70_000},
        "reader": [{"kind": "wedge"}],
        "printer": {"kind": "network", "width_mm": 70},
        "policy": {"tiers": [{"from_fen": 0}], "spend_order": "random", "most_sale_fen": -1},
        "prnter": {},
    }
    with pytest.raises(ConfigMistakes) as raised:
        parse(bad, Path())
    told = str(raised.value)
    for word in (
        "merchant: is missing",
        "[device] id",
        "language",
        "colour",
        "port: must be 0 to 65535",
        "reader 1",
        "host: is missing",
        "width_mm",
        "tiers",
        "spend_order",
        "most_sale_fen",
        "[prnter]",
    ):
        assert word in told, word


def test_the_merchants_rules() -> None:
    rules = {
        "spend_order": "in_proportion",
        "tiers": [{"from_fen": 10_000, "bonus_bp": 800}],
        "double_tap_ms": 5_000,
    }
    policy = parse({**GOOD, "policy": rules}, Path()).policy
    assert policy.spend_order is SpendOrder.IN_PROPORTION
    assert policy.tiers == (BonusTier(10_000, 800),)
    assert policy.double_tap_ms == 5_000


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigMistakes):
        load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"[device\n\xff")
    with pytest.raises(ConfigMistakes):
        load(broken)


@pytest.mark.parametrize("from_fen", [1.5, True, "100", -1, None])
def test_a_tier_is_whole_fen(from_fen: Any) -> None:
    rules = {"tiers": [{"from_fen": from_fen, "bonus_bp": 800}]}
    with pytest.raises(ConfigMistakes):
        parse({**GOOD, "policy": rules}, Path())


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "web", "reader", "printer", "policy", "x"]), json_like, max_size=6
    )
)
def test_nonsense_is_reported_and_never_crashes(raw: dict[str, Any]) -> None:
    try:
        parse({**GOOD, **raw}, Path())
    except ConfigMistakes as error:
        assert error.mistakes


def test_swipe_readers_are_named_by_what_udev_says_of_them() -> None:
    row = {"name": "till", "match": ["ID_VENDOR_ID=0801", "ID_SERIAL=a=b"], "track": 1}
    (swipe,) = parse({**GOOD, "swipe": [row]}, Path()).swipes
    assert swipe == SwipeSettings("till", ("ID_VENDOR_ID=0801", "ID_SERIAL=a=b"), track=1)
    assert swipe.properties() == {"ID_VENDOR_ID": "0801", "ID_SERIAL": "a=b"}
    assert parse(GOOD, Path()).swipes == ()


def test_every_mistake_about_swipe_readers_is_reported() -> None:
    rows: list[Any] = [
        {"name": "a", "match": [], "track": 4},
        {"name": "b", "match": ["ID_VENDOR_ID"], "idle_ms": 5},
        {"name": "c", "match": ["=x"], "lrc": 1},
        {"match": ["A=b"]},
        {"name": "d", "match": ["A=b"]},
        {"name": "d", "match": ["A=b"]},
        7,
    ]
    with pytest.raises(ConfigMistakes) as raised:
        parse({**GOOD, "swipe": rows}, Path())
    told = str(raised.value)
    for word in (
        "[swipe 1] track",
        "[swipe 1] match",
        "[swipe 2] idle_ms",
        "[swipe 2] match: each",
        "[swipe 3] lrc",
        "[swipe 4] name: is missing",
        'name: "d" is taken',
        "[swipe 7]: must be a table",
    ):
        assert word in told, word
    with pytest.raises(ConfigMistakes):
        parse({**GOOD, "swipe": {"name": "a"}}, Path())


def test_serial_readers_and_scanners_are_named_by_their_port_or_by_what_udev_says() -> None:
    raw = {
        **GOOD,
        "swipe": [{"name": "a", "port": "/dev/ttyUSB0", "baud": 19200, "line": "7E1"}],
        "scanner": [{"name": "b", "match": ["ID_MODEL_ID=0204"]}, {"name": "c", "port": "/dev/x"}],
    }
    settings = parse(raw, Path())
    assert settings.swipes == (SwipeSettings("a", port="/dev/ttyUSB0", baud=19200, line="7E1"),)
    scanners = (ScannerSettings("b", ("ID_MODEL_ID=0204",)), ScannerSettings("c", port="/dev/x"))
    assert settings.scanners == scanners
    first, second, third = swipe_sources(settings)
    assert (first.port, first.baud, first.line, first.form.codes) == (
        "/dev/ttyUSB0",
        19200,
        "7E1",
        False,
    )
    assert second.match == {"ID_MODEL_ID": "0204"} and second.form.codes
    assert third.port == "/dev/x" and third.form.codes


def test_every_mistake_about_serial_readers_and_scanners_is_reported() -> None:
    scanners: list[Any] = [
        {"name": "a"},
        {"name": "b", "port": "ttyUSB0"},
        {"name": "c", "port": "/dev/x", "match": ["A=b"]},
        {"name": "d", "port": "/dev/x", "baud": 300},
        {"name": "e", "port": "/dev/x", "line": "9N1"},
        {"name": "f", "port": "/dev/x", "track": 2},
        {"name": "s", "port": "/dev/x"},
    ]
    with pytest.raises(ConfigMistakes) as raised:
        parse({**GOOD, "scanner": scanners, "swipe": [{"name": "s", "port": "/dev/y"}]}, Path())
    told = str(raised.value)
    for word in (
        "[scanner 1] match",
        "[scanner 2] port: must be a path",
        "[scanner 3] match",
        "[scanner 4] baud",
        "[scanner 5] line",
        "[scanner 6] track: there is no such setting",
        'name: "s" is taken',
    ):
        assert word in told, word
