"""The printers of the configuration file (A5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.printer_config import PrinterSettings, read_printers
from daemon.core.printer_model import MODELS, Answers, Buzzer, Model, Role

COUNTER = {
    "name": "counter",
    "role": "customer",
    "connection": "network",
    "host": "192.0.2.5",
    "model": "xprinter-xp-80",
}
KITCHEN = {
    "name": "kitchen",
    "role": "kitchen",
    "connection": "serial",
    "path": "/dev/ttyUSB0",
    "baud": 19200,
    "flow": "rts_cts",
    "model": "generic-58-serial",
    "encoding": "big5",
    "cutter": True,
    "drawer_pin": 0,
    "buzzer": "esc_a",
    "answers": "no",
}


def good(*rows: dict[str, Any]) -> tuple[PrinterSettings, ...]:
    printers, mistakes = read_printers(list(rows))
    assert mistakes == []
    return printers


def wrong(found: Any) -> str:
    _, mistakes = read_printers(found)
    assert mistakes
    return "\n".join(mistakes)


def test_two_printers_with_roles() -> None:
    one, two = good(COUNTER, KITCHEN)
    assert (one.name, one.role, one.host, one.port) == (
        "counter",
        Role.CUSTOMER,
        "192.0.2.5",
        9100,
    )
    assert one.model == MODELS["xprinter-xp-80"] and one.model.columns == 48
    assert (two.role, two.path, two.baud, two.flow) == (
        Role.KITCHEN,
        "/dev/ttyUSB0",
        19200,
        "rts_cts",
    )
    assert two.model == Model(58, 384, "big5", True, 0, Buzzer.ESC_A, Answers.NO)


def test_usb_by_the_kernel_and_by_libusb() -> None:
    lp, usb = good(
        {"name": "a", "role": "customer", "connection": "usb_lp", "path": "/dev/usb/lp0"},
        {
            "name": "b",
            "role": "shop",
            "connection": "usb",
            "vendor": 0x04B8,
            "product": 0x0E15,
            "serial": "X1",
        },
    )
    assert lp.path == "/dev/usb/lp0" and lp.model == MODELS["generic-80"]
    assert (usb.vendor, usb.product, usb.serial) == (0x04B8, 0x0E15, "X1")


def test_another_width_has_its_own_dots() -> None:
    (printer,) = good({**COUNTER, "width_mm": 58})
    assert (printer.model.dots, printer.model.columns) == (384, 32)
    (printer,) = good({**COUNTER, "dots": 420})
    assert printer.model.columns == 34


def test_the_single_form_of_earlier_releases() -> None:
    printers, mistakes = read_printers({"kind": "network", "host": "h", "width_mm": 58})
    assert mistakes == [] and printers == (
        PrinterSettings("printer", Role.CUSTOMER, "network", Model(58, 384), "h", 9100),
    )
    assert read_printers({"kind": "none"}) == ((), [])
    assert read_printers(None) == ((), [])
    assert "[printer] host: is missing" in wrong({"kind": "network", "width_mm": 70})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"connection": "parallel"}, "connection: must be one of network, serial, usb_lp, usb"),
        ({"role": "bar"}, "role: must be one of customer, shop, kitchen"),
        ({"model": "star"}, "model: must be one of generic-80"),
        ({"encoding": "utf-8"}, "encoding: must be one of raster, gb18030, gbk, big5"),
        ({"host": ""}, "host: is missing"),
        ({"path": "/dev/usb/lp0"}, "path: there is no such setting"),
        ({"port": 0}, "port: must be 1 to 65535"),
        ({"dots": 2000}, "dots: must be 240 to 832"),
        ({"drawer_pin": 3}, "drawer_pin: must be one of 0, 2, 5"),
        ({"cutter": "yes"}, "cutter: must be true or false"),
        ({"encoding": ["gbk"]}, "encoding: must be one of"),
    ],
)
def test_mistakes_are_told(change: dict[str, Any], told: str) -> None:
    assert told in wrong([{**COUNTER, **change}])


def test_two_cannot_have_one_name_role_or_place() -> None:
    told = wrong([COUNTER, COUNTER])
    for what in ("name", "role", "place"):
        assert f"[printer 2] {what}: is taken by another printer" in told


def test_every_model_makes_whole_bytes_of_a_row() -> None:
    for model in MODELS.values():
        assert model.columns * 12 % 8 == 0 and model.columns * 12 <= model.dots


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
row = st.dictionaries(st.sampled_from([*COUNTER, *KITCHEN, "x"]), json_like, max_size=8)


@given(st.one_of(json_like, row, st.lists(row, max_size=3)))
def test_nonsense_never_crashes(found: Any) -> None:
    printers, mistakes = read_printers(found)
    assert mistakes or all(isinstance(each, PrinterSettings) for each in printers)
