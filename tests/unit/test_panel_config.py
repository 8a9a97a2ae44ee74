"""`[panel]` and `[[display]]` of the configuration: what is read, and every mistake by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import ConfigMistakes, Settings, parse
from daemon.core.panel import Button, Lamp
from daemon.core.panel_settings import INPUTS, OUTPUTS, PROFILES, PanelSettings, panel_mistakes
from daemon.core.pole_text import Charset
from daemon.panel.front import pole_of, wiring_of
from daemon.panel.pins import Pull, Wiring
from daemon.panel.poles import POLES
from tests.unit.test_config import GOOD


def read(**more: Any) -> Settings:
    return parse({**GOOD, **more}, Path())


def test_without_a_panel_there_is_none() -> None:
    settings = read()
    assert settings.panel.wired() == {}
    assert settings.displays == ()


def test_pins_become_wiring() -> None:
    body = {"ready": 17, "buzzer": 24, "cancel": 5, "key_open": 12, "active_low": ["buzzer"]}
    wiring = wiring_of(read(panel={**body, "pull": "down", "bounce_ms": 10}).panel)
    assert wiring.lamps == {Lamp.READY: Wiring(17)}
    assert wiring.buzzer == Wiring(24, active_high=False)
    assert wiring.buttons == {Button.CANCEL: Wiring(5)}
    assert (wiring.key_open, wiring.key_office) == (Wiring(12), None)
    assert (wiring.pull, wiring.bounce_ms) == (Pull.DOWN, 10)


def test_a_display_as_it_is_written() -> None:
    body = {"name": "pole", "port": "/dev/ttyUSB0", "profile": "cd5220", "balance": True}
    pole = pole_of(read(display=[body]).displays[0])
    assert (pole.path, pole.profile, pole.baud) == ("/dev/ttyUSB0", "cd5220", 9600)
    assert (pole.text.charset, pole.text.balance) == (Charset.GB18030, True)
    assert set(POLES) == set(PROFILES)


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        ({"ready": 64}, "[panel] ready: must be 0 to 63"),
        ({"ready": 4, "cancel": 4}, "the pin 4 is taken"),
        ({"active_low": ["buzzer"]}, "buzzer is not a part with a pin"),
        ({"cancel": 5, "active_low": ["cancel"]}, 'cancel follows from pull = "up"'),
        ({"pull": "sideways"}, "[panel] pull"),
        ({"bounce_ms": 0}, "[panel] bounce_ms"),
        ({"chip": 16}, "[panel] chip"),
        ({"key_office": 3}, "[panel] key_open: is missing"),
        ({"lamp": 3}, "[panel] lamp: there is no such setting"),
        ({"ready": "GPIO17"}, "[panel] ready: must be of type int"),
    ],
)
def test_mistakes_of_the_panel(panel: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigMistakes) as raised:
        read(panel=panel)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"port": "COM1"}, "[display 1] port"),
        ({"profile": "vfd"}, "[display 1] profile"),
        ({"charset": "big5"}, "[display 1] charset"),
        ({"baud": 1}, "[display 1] baud"),
        ({"columns": 41}, "[display 1] columns"),
        ({"profile": "cd5220", "columns": 16}, "[display 1] columns: a cd5220 has 20"),
        ({"colour": "green"}, "[display 1] colour: there is no such setting"),
    ],
)
def test_mistakes_of_a_display(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigMistakes) as raised:
        read(display=[{"name": "pole", "port": "/dev/ttyUSB0", **more}])
    assert told in str(raised.value)


def test_two_displays_have_two_names() -> None:
    body = {"name": "pole", "port": "/dev/ttyUSB0"}
    with pytest.raises(ConfigMistakes, match="is taken by another display"):
        read(display=[body, {**body, "port": "/dev/ttyUSB1"}])
    with pytest.raises(ConfigMistakes, match="must be a list of tables"):
        read(display=body)


@given(
    st.builds(
        PanelSettings,
        **{name: st.integers(-2, 70) for name in OUTPUTS + INPUTS},
        chip=st.integers(-1, 20),
        active_low=st.lists(st.sampled_from([*OUTPUTS, *INPUTS, "x"])).map(tuple),
        pull=st.sampled_from(["up", "down", "none", ""]),
        bounce_ms=st.integers(-1, 600),
    )
)
def test_what_has_no_mistake_can_be_wired(panel: PanelSettings) -> None:
    if not list(panel_mistakes(panel)):
        wiring = wiring_of(panel)
        parts = len(wiring.lamps) + len(wiring.buttons) + (wiring.buzzer is not None)
        keys = [each for each in (wiring.key_open, wiring.key_office) if each is not None]
        assert parts + len(keys) == len(panel.wired())
