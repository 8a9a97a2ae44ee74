"""The configuration file: TOML in, frozen settings out, every mistake reported at once.

    [device]  id, store, merchant, name        who this appliance is
    [shop]    name, phone, address, footer, language ("zh-CN" | "en"), utc_offset_min
    [storage] ledger (path), keys (directory; without it, systemd credentials)
    [web]     host, port, allowed_hosts, frame_ancestors, secure_cookie
    [sync]    host, port, identity (directory with TLS files), enabled, cloud_keys (hex)
    [chain]   url (of the merchant's cloud), identity (directory with TLS files), binding
              ("outward": this device dials out; "inward": the cloud comes by [sync])
    [[reader]] kind = "pcsc" | "vpcd", names (pcsc: only these), host, port (vpcd)
    [[swipe]] name, match (list of "PROPERTY=value" of udev, all of which the reader has) or port
              (a serial line), track (1 to 3: where the shop's cards have their number), lrc,
              enter_per_track, idle_ms, baud, line
    [[scanner]] name, match or port, idle_ms, baud, line ("8N1")
    [[printer]] name, role, connection, model, ... (see daemon.core.printer_config)
    [panel]   chip, and the GPIO line of each part that is there: ready, approved, declined,
              attention, buzzer, cancel, confirm, key_open, key_office; active_low (list of parts),
              pull ("up" | "down" | "none"), bounce_ms
    [[display]] name, port (a serial line), profile ("escpos" | "cd5220" | "digits"), baud, columns,
              charset ("gb18030" | "ascii"), balance (may be shown after a sale)
    [policy]  spend_order, tiers = [{from_fen, bonus_bp}], most_sale_fen, ...

Unknown names are mistakes too: a typing error must not silently become a default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from daemon.core.errors import BadRequest
from daemon.core.panel_settings import (
    DisplaySettings,
    PanelSettings,
    display_mistakes,
    panel_mistakes,
)
from daemon.core.policy import BonusTier, Policy, SpendOrder
from daemon.core.printer_config import PrinterSettings, read_printers

T = TypeVar("T", bound="SwipeSettings | ScannerSettings")
LANGUAGES: Final = ("zh-CN", "en")
LINES: Final = ("8N1", "8E1", "8O1", "7E1", "7O1", "7N2")
BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


class ConfigMistakes(BadRequest):
    """`mistakes` is one sentence each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("config_invalid", count=len(mistakes))
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    id: str
    store: str
    merchant: str
    name: str = "counterd"


@dataclass(frozen=True, slots=True)
class ShopSettings:
    name: str
    phone: str = ""
    address: str = ""
    footer: str = ""
    language: str = "zh-CN"


@dataclass(frozen=True, slots=True)
class StorageSettings:
    ledger: Path
    keys: Path | None = None
    """A directory of 0600 files; None: the credentials that systemd hands over."""


@dataclass(frozen=True, slots=True)
class WebSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    secure_cookie: bool = False
    demo: bool = False


@dataclass(frozen=True, slots=True)
class SyncSettings:
    identity: Path
    host: str = "127.0.0.1"
    port: int = 8443
    enabled: bool = True
    cloud_keys: tuple[str, ...] = ()
    """Hex public keys (Ed25519, 32 bytes) whose receipts count."""

    def trusted(self) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(key) for key in self.cloud_keys)


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """A device of a chain of counters. `identity` holds what `counterd enrol` brought: the cloud's
    authority, this device's certificate and its key, and the cloud's public key."""

    url: str = ""
    identity: Path = Path("chain")
    binding: str = "outward"

    @property
    def belongs(self) -> bool:
        return self.url != "" or self.binding == "inward"

    @property
    def authority(self) -> Path:
        return self.identity / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.identity / "device.pem"

    @property
    def key(self) -> Path:
        return self.identity / "device.key"

    @property
    def cloud_key(self) -> Path:
        return self.identity / "cloud.pub"


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    kind: str
    names: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 35963


def _properties(match: tuple[str, ...]) -> dict[str, str]:
    return dict(each.split("=", 1) for each in match)


@dataclass(frozen=True, slots=True)
class SwipeSettings:
    """A magnetic swipe reader: one that plays a keyboard or sends HID reports, known by `match`, or
    one on a serial line, known by `match` or by its `port`. `lrc`: it sends each track's LRC;
    `enter_per_track`: and Enter behind each track, not behind the last alone."""

    name: str
    match: tuple[str, ...] = ()
    track: int = 2
    lrc: bool = False
    enter_per_track: bool = False
    idle_ms: int = 300
    port: str = ""
    baud: int = 9600
    line: str = "8N1"

    def properties(self) -> dict[str, str]:
        return _properties(self.match)


@dataclass(frozen=True, slots=True)
class ScannerSettings:
    """A scanner of barcodes and QR codes, known as a swipe reader is."""

    name: str
    match: tuple[str, ...] = ()
    idle_ms: int = 100
    port: str = ""
    baud: int = 9600
    line: str = "8N1"

    def properties(self) -> dict[str, str]:
        return _properties(self.match)


@dataclass(frozen=True, slots=True)
class Settings:
    device: DeviceSettings
    shop: ShopSettings
    storage: StorageSettings
    sync: SyncSettings
    web: WebSettings = field(default_factory=WebSettings)
    readers: tuple[ReaderSettings, ...] = (ReaderSettings("pcsc"),)
    printers: tuple[PrinterSettings, ...] = ()
    policy: Policy = field(default_factory=Policy)
    chain: ChainSettings = field(default_factory=ChainSettings)
    swipes: tuple[SwipeSettings, ...] = ()
    scanners: tuple[ScannerSettings, ...] = ()
    panel: PanelSettings = field(default_factory=PanelSettings)
    displays: tuple[DisplaySettings, ...] = ()


def load(path: Path) -> Settings:
    """Raises ConfigMistakes with every mistake in the file. Relative paths are relative to it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigMistakes([f"{path}: cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigMistakes([f"{path}: is not TOML: {error}"]) from error
    return parse(raw, path.parent)


def parse(raw: Mapping[str, Any], base: Path) -> Settings:
    """Raises ConfigMistakes."""
    reading = _Reading(raw, base)
    settings = reading.settings()
    if reading.mistakes:
        raise ConfigMistakes(reading.mistakes)
    assert settings is not None
    return settings


class _Reading:
    """Reads section by section and collects mistakes instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any], base: Path) -> None:
        self.raw, self.base = raw, base
        self.mistakes: list[str] = []

    def settings(self) -> Settings | None:
        lists = {
            "readers": "reader",
            "swipes": "swipe",
            "scanners": "scanner",
            "displays": "display",
            "printers": "printer",
        }
        known = {lists.get(each.name, each.name) for each in fields(Settings)}
        for name in self.raw.keys() - known:
            self.mistakes.append(f"[{name}]: there is no such section")
        device = self._build(DeviceSettings, "device", {"id": str, "store": str, "merchant": str})
        shop = self._build(ShopSettings, "shop", {"name": str})
        storage = self._build(StorageSettings, "storage", {"ledger": Path})
        web = self._build(WebSettings, "web", {})
        sync = self._build(SyncSettings, "sync", {"identity": Path})
        chain = self._build(ChainSettings, "chain", {})
        printers, mistakes = read_printers(self.raw.get("printer"))
        self.mistakes += mistakes
        readers = self._readers()
        swipes = self._swiped("swipe", SwipeSettings)
        scanners = self._swiped("scanner", ScannerSettings)
        names = [each.name for each in swipes] + [each.name for each in scanners]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.mistakes.append(
                f'[[swipe]], [[scanner]] name: "{name}" is taken by another reader'
            )
        panel = self._build(PanelSettings, "panel", {})
        displays = self._displays()
        if panel is not None:
            self.mistakes.extend(panel_mistakes(panel))
        policy = self._policy()
        self._check_words()
        self._check_cloud_keys(sync)
        if self.mistakes:
            return None
        assert device and shop and storage and web and sync and chain and panel
        return Settings(
            *(device, shop, storage, sync, web, readers, printers, policy, chain, swipes, scanners),
            panel=panel,
            displays=displays,
        )

    def _section(self, name: str) -> Mapping[str, Any]:
        found = self.raw.get(name, {})
        if not isinstance(found, Mapping):
            self.mistakes.append(f"[{name}]: must be a table")
            return {}
        return found

    def _build(self, kind: type[Any], section: str, required: Mapping[str, type[Any]]) -> Any:
        return self._fill(kind, section, self._section(section), required)

    def _fill(
        self, kind: type[Any], where: str, body: Mapping[str, Any], required: Mapping[str, Any]
    ) -> Any:
        before = len(self.mistakes)
        fields = kind.__dataclass_fields__
        for name in body.keys() - fields.keys():
            self.mistakes.append(f"[{where}] {name}: there is no such setting")
        for name in required.keys() - body.keys():
            self.mistakes.append(f"[{where}] {name}: is missing")
        values = {
            name: self._value(where, name, str(fields[name].type), value)
            for name, value in body.items()
            if name in fields
        }
        return None if len(self.mistakes) > before else kind(**values)

    def _value(self, where: str, name: str, kind: str, value: Any) -> Any:
        """One setting, by the type that the dataclass gives it."""
        if kind == "str" and isinstance(value, str) and value:
            return value
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
            if name == "port" and not 0 <= value <= 65535:
                self.mistakes.append(f"[{where}] {name}: must be 0 to 65535")
            return value
        if kind.startswith("Path") and isinstance(value, str) and value:
            return self.base / value
        if kind.startswith("tuple[str") and isinstance(value, list):
            if all(isinstance(item, str) for item in value):
                return tuple(value)
            self.mistakes.append(f"[{where}] {name}: must be a list of strings")
            return ()
        if kind == "str" and value == "":
            return value
        self.mistakes.append(f"[{where}] {name}: must be of type {kind}")
        return None

    def _readers(self) -> tuple[ReaderSettings, ...]:
        rows = self.raw.get("reader")
        if rows is None:
            return (ReaderSettings("pcsc"),)
        if not isinstance(rows, list):
            self.mistakes.append("[[reader]]: must be a list of tables")
            return ()
        made = []
        for number, row in enumerate(rows, 1):
            where = f"reader {number}"
            if not isinstance(row, Mapping):
                self.mistakes.append(f"[{where}]: must be a table")
                continue
            reader = self._fill(ReaderSettings, where, row, {"kind": str})
            if reader is not None and reader.kind not in ("pcsc", "vpcd"):
                self.mistakes.append(f'[{where}] kind: must be "pcsc" or "vpcd"')
            made.append(reader)
        return tuple(made)

    def _swiped(self, section: str, kind: type[T]) -> tuple[T, ...]:
        rows = self.raw.get(section, [])
        if not isinstance(rows, list):
            self.mistakes.append(f"[[{section}]]: must be a list of tables")
            return ()
        made: list[T] = []
        for number, row in enumerate(rows, 1):
            where = f"{section} {number}"
            if not isinstance(row, Mapping):
                self.mistakes.append(f"[{where}]: must be a table")
                continue
            each = self._fill(kind, where, row, {"name": str})
            if each is not None:
                self._check_swiped(where, each)
                made.append(each)
        return tuple(made)

    def _displays(self) -> tuple[DisplaySettings, ...]:
        rows = self.raw.get("display", [])
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            self.mistakes.append("[[display]]: must be a list of tables")
            return ()
        needed = {"name": str, "port": str}
        made = [
            self._fill(DisplaySettings, f"display {n}", r, needed) for n, r in enumerate(rows, 1)
        ]
        displays = tuple(each for each in made if each is not None)
        self.mistakes.extend(display_mistakes(displays))
        return displays

    def _check_swiped(self, where: str, each: SwipeSettings | ScannerSettings) -> None:
        if isinstance(each, SwipeSettings):
            self._one_of(where, "track", each.track, (1, 2, 3))
        self._one_of(where, "baud", each.baud, BAUDS)
        self._one_of(where, "line", each.line, LINES)
        if not 50 <= each.idle_ms <= 2000:
            self.mistakes.append(f"[{where}] idle_ms: must be 50 to 2000")
        if bool(each.match) == bool(each.port):
            self.mistakes.append(
                f'[{where}] match: must be ["ID_VENDOR_ID=0801", ...], or port a serial line'
            )
        if each.port and not each.port.startswith("/"):
            self.mistakes.append(f"[{where}] port: must be a path")
        if not all("=" in line for line in each.match):
            self.mistakes.append(f"[{where}] match: each must have an equals sign")
        if not all(line.partition("=")[0] for line in each.match):
            self.mistakes.append(f"[{where}] match: each must have a name")

    def _check_words(self) -> None:
        shop = self._section("shop")
        self._one_of("shop", "language", shop.get("language", LANGUAGES[0]), LANGUAGES)
        chain = self._section("chain")
        self._one_of("chain", "binding", chain.get("binding", "outward"), ("outward", "inward"))
        url = chain.get("url", "")
        if isinstance(url, str) and url and not url.startswith(("https://", "http://127.0.0.1:")):
            self.mistakes.append("[chain] url: must begin with https://")
        if (url or "binding" in chain) and "identity" not in chain:
            self.mistakes.append("[chain] identity: is missing")

    def _one_of(self, where: str, name: str, value: Any, words: tuple[Any, ...]) -> None:
        if value not in words:
            told = ", ".join(str(word) for word in words)
            self.mistakes.append(f"[{where}] {name}: must be one of {told}")

    def _check_cloud_keys(self, sync: SyncSettings | None) -> None:
        for number, key in enumerate(sync.cloud_keys if sync else (), 1):
            if len(key) != 64 or not all(letter in "0123456789abcdef" for letter in key):
                self.mistakes.append(
                    f"[sync] cloud_keys: key {number} is not 64 lower-case hex digits"
                )

    def _policy(self) -> Policy:
        body = dict(self._section("policy"))
        default = Policy()
        made: dict[str, Any] = {}
        if "tiers" in body:
            made["tiers"] = self._tiers(body.pop("tiers"))
        if "spend_order" in body:
            word = body.pop("spend_order")
            try:
                made["spend_order"] = SpendOrder(word)
            except ValueError:
                words = ", ".join(order.value for order in SpendOrder)
                self.mistakes.append(f"[policy] spend_order: must be one of {words}")
        for name, value in body.items():
            if not isinstance(getattr(default, name, None), int):
                self.mistakes.append(f"[policy] {name}: there is no such setting")
            elif not isinstance(value, int) or isinstance(value, bool) or value < 0:
                self.mistakes.append(f"[policy] {name}: must be a whole number, 0 or more")
            else:
                made[name] = value
        return Policy(**made) if not self.mistakes else default

    def _tiers(self, rows: Any) -> tuple[BonusTier, ...]:
        tiers: list[BonusTier] = []
        try:
            for row in rows:
                from_fen, bonus_bp = row["from_fen"], row["bonus_bp"]
                whole = type(from_fen) is int and type(bonus_bp) is int
                if set(row) != {"from_fen", "bonus_bp"} or not whole:
                    raise ValueError
                if not (from_fen > 0 and 0 <= bonus_bp <= 10_000):
                    raise ValueError
                tiers.append(BonusTier(from_fen, bonus_bp))
        except (TypeError, KeyError, ValueError):
            self.mistakes.append(
                "[policy] tiers: must be [{from_fen = 50000, bonus_bp = 1000}, ...], "
                "from_fen above 0, bonus_bp 0 to 10000"
            )
        return tuple(tiers)
