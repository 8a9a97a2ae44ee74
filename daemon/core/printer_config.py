"""The printers of the configuration file: what TOML gave in, settings and mistakes out.

[[printer]] name, role ("customer" | "shop" | "kitchen"), connection ("network" | "serial" |
            "usb_lp" | "usb"), model, and by connection: host, port; path, baud, flow; path;
            vendor, product, serial. What the model says can be said otherwise: width_mm, dots,
            encoding, cutter, drawer_pin, buzzer, answers
[printer]   the form of earlier releases, one for the customer: kind ("network" | "none"), host,
            port, width_mm, encoding
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from daemon.core.printer_model import (
    ENCODINGS,
    LEAST_DOTS,
    MODELS,
    MOST_DOTS,
    WIDTHS_MM,
    Answers,
    Buzzer,
    Model,
    Role,
)

V = TypeVar("V")
DOTS_BY_WIDTH_MM: Final = {58: 384, 80: 576}
CONNECTIONS: Final[Mapping[str, frozenset[str]]] = {
    "network": frozenset(("host", "port")),
    "serial": frozenset(("path", "baud", "flow")),
    "usb_lp": frozenset(("path",)),
    "usb": frozenset(("vendor", "product", "serial")),
}
_MUST: Final = {
    "network": ("host",),
    "serial": ("path",),
    "usb_lp": ("path",),
    "usb": ("vendor", "product"),
}
FLOWS: Final = ("none", "rts_cts", "xon_xoff")
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_OF_MODEL: Final = frozenset(each.name for each in fields(Model)) - {"band_rows"}


@dataclass(frozen=True, slots=True)
class PrinterSettings:
    """One printer. Of host to serial only those of its `connection` mean anything. What was said
    otherwise than by its model is in `model`."""

    name: str
    role: Role
    connection: str
    model: Model
    host: str = ""
    port: int = 9100
    path: str = ""
    baud: int = 9600
    flow: str = "none"
    vendor: int = 0
    product: int = 0
    serial: str = ""

    @property
    def place(self) -> tuple[object, ...]:
        """Where it is plugged in: two printers cannot be in one place."""
        if self.connection == "network":
            return (self.host, self.port)
        return (self.path,) if self.path else (self.vendor, self.product, self.serial)


def read_printers(found: Any) -> tuple[tuple[PrinterSettings, ...], list[str]]:
    """`found` as TOML gave it, None: nothing was said. Where there are mistakes the printers are
    not all there."""
    if found is None:
        return (), []
    if isinstance(found, Mapping):
        return _single(found)
    if not isinstance(found, list):
        return (), ["[[printer]]: must be a list of tables"]
    printers: list[PrinterSettings] = []
    mistakes: list[str] = []
    for number, row in enumerate(found, 1):
        table = _Table(f"printer {number}", row, mistakes)
        made = table.printer()
        if made is None:
            continue
        for what in ("name", "role", "place"):
            if getattr(made, what) in [getattr(other, what) for other in printers]:
                table.wrong(what, "is taken by another printer")
        printers.append(made)
    return tuple(printers), mistakes


def _single(body: Mapping[str, Any]) -> tuple[tuple[PrinterSettings, ...], list[str]]:
    mistakes: list[str] = []
    table = _Table("printer", body, mistakes)
    table.only(frozenset(("kind", "host", "port", "width_mm", "encoding")))
    kind = table.word("kind", "none", ("network", "none"))
    width_mm = table.choice("width_mm", 80, WIDTHS_MM)
    encoding = table.word("encoding", "raster", ENCODINGS)
    host, port = table.text("host", ""), table.number("port", 9100, 0, 65535)
    if kind == "network" and not host:
        table.wrong("host", "is missing")
    if mistakes or kind == "none":
        return (), mistakes
    model = Model(width_mm, DOTS_BY_WIDTH_MM[width_mm], encoding)
    return (PrinterSettings("printer", Role.CUSTOMER, "network", model, host, port),), mistakes


class _Table:
    """Reads one table and adds what is wrong with it to `mistakes`."""

    def __init__(self, where: str, body: Any, mistakes: list[str]) -> None:
        self._where, self._mistakes = where, mistakes
        self._body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        if not isinstance(body, Mapping):
            mistakes.append(f"[{where}]: must be a table")

    def wrong(self, name: str, why: str) -> None:
        self._mistakes.append(f"[{self._where}] {name}: {why}")

    def only(self, known: frozenset[str]) -> None:
        for name in sorted(self._body.keys() - known):
            self.wrong(name, "there is no such setting")

    def text(self, name: str, default: str) -> str:
        return self._checked(name, default, lambda value: isinstance(value, str), "a text")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        def fits(value: Any) -> bool:
            return type(value) is int and least <= value <= most

        return self._checked(name, default, fits, f"{least} to {most}")

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        return self._checked(name, default, words.__contains__, f"one of {', '.join(words)}")

    def choice(self, name: str, default: int, numbers: tuple[int, ...]) -> int:
        told = ", ".join(map(str, numbers))

        def fits(value: Any) -> bool:
            return type(value) is int and value in numbers

        return self._checked(name, default, fits, f"one of {told}")

    def _checked(self, name: str, default: V, fits: Callable[[Any], bool], must: str) -> V:
        value: V = self._body.get(name, default)
        try:
            good = fits(value)
        except TypeError:
            good = False  # an unhashable value is in no set of words
        if not good:
            self.wrong(name, f"must be {must}")
            return default
        return value

    def printer(self) -> PrinterSettings | None:
        """None where something is wrong."""
        before = len(self._mistakes)
        connection = self.word("connection", "", tuple(CONNECTIONS))
        own = CONNECTIONS.get(connection, frozenset())
        self.only(frozenset(("name", "role", "connection", "model")) | own | _OF_MODEL)
        for name in ("name", "role", *_MUST.get(connection, ())):
            if self._body.get(name) in (None, ""):
                self.wrong(name, "is missing")
        roles = tuple(role.value for role in Role)
        made = PrinterSettings(
            name=self.text("name", ""),
            role=Role(self.word("role", Role.CUSTOMER.value, roles)),
            connection=connection,
            model=self._model(),
            host=self.text("host", ""),
            port=self.number("port", 9100, 1, 65535),
            path=self.text("path", ""),
            baud=self.choice("baud", 9600, BAUDS),
            flow=self.word("flow", "none", FLOWS),
            vendor=self.number("vendor", 0, 0, 0xFFFF),
            product=self.number("product", 0, 0, 0xFFFF),
            serial=self.text("serial", ""),
        )
        return made if len(self._mistakes) == before else None

    def _model(self) -> Model:
        model = MODELS[self.word("model", "generic-80", tuple(MODELS))]
        width_mm = self.choice("width_mm", model.width_mm, WIDTHS_MM)
        dots = model.dots if width_mm == model.width_mm else DOTS_BY_WIDTH_MM[width_mm]
        cutter = self._checked(
            "cutter", model.cutter, lambda value: isinstance(value, bool), "true or false"
        )
        return replace(
            model,
            width_mm=width_mm,
            dots=self.number("dots", dots, LEAST_DOTS, MOST_DOTS),
            encoding=self.word("encoding", model.encoding, ENCODINGS),
            cutter=cutter,
            drawer_pin=self.choice("drawer_pin", model.drawer_pin, (0, 2, 5)),
            buzzer=Buzzer(self.word("buzzer", model.buzzer.value, _values(Buzzer))),
            answers=Answers(self.word("answers", model.answers.value, _values(Answers))),
        )


def _values(kind: type[Buzzer] | type[Answers]) -> tuple[str, ...]:
    return tuple(str(each.value) for each in kind)
