"""All printers of a counter: for each role its printer, the spool that feeds it, and how it is.

The customer's printer is always there, if only as one that nobody can reach: receipts then wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.printer_config import PrinterSettings
from daemon.core.printer_model import MODELS, Role
from daemon.ports.printing import PlacedPrinter, PrinterStatus, PrintQueue
from daemon.printer.port import (
    Address,
    LpAddress,
    NetworkAddress,
    PrinterPort,
    SerialAddress,
    UsbAddress,
)
from daemon.printer.printer import EscposPrinter, settings_of
from daemon.printer.spool import OnReceipt, Pace, Spool

NOWHERE = PrinterSettings("printer", Role.CUSTOMER, "network", MODELS["generic-80"], "127.0.0.1", 1)


def address_of(printer: PrinterSettings) -> Address:
    match printer.connection:
        case "serial":
            return SerialAddress(printer.path, printer.baud, printer.flow)
        case "usb_lp":
            return LpAddress(printer.path)
        case "usb":
            return UsbAddress(printer.vendor, printer.product, printer.serial)
        case _:
            return NetworkAddress(printer.host, printer.port)


@dataclass(frozen=True, slots=True)
class _Station:
    placed: PlacedPrinter
    printer: EscposPrinter
    spool: Spool


class PrinterDesk:
    """`on_change(role)` is called when a printer or its queue changed, `on_receipt` for papers of
    the customer; both on the event loop. `queue_of` gives each role its queue."""

    def __init__(
        self,
        printers: Sequence[PrinterSettings],
        queue_of: Callable[[Role], PrintQueue],
        on_change: Callable[[Role], None],
        on_receipt: OnReceipt,
        logo: Callable[[], bytes] = bytes,
        pace: Pace | None = None,
    ) -> None:
        self._on_change, self._on_receipt = on_change, on_receipt
        self.configured = frozenset(printer.role for printer in printers)
        there = {printer.role: printer for printer in printers}
        there.setdefault(Role.CUSTOMER, NOWHERE)
        self._stations: dict[Role, _Station] = {}
        for role in (role for role in Role if role in there):
            settings = there[role]
            printer = EscposPrinter(
                PrinterPort(address_of(settings)),
                settings_of(settings.model, beeps=role is Role.KITCHEN),
                logo=logo,
            )
            placed = PlacedPrinter(
                settings.name, role, settings.connection, settings.model, printer
            )
            spool = Spool(queue_of(role), printer, self._changed(role), self._told(role), pace)
            self._stations[role] = _Station(placed, printer, spool)

    @property
    def customer(self) -> EscposPrinter:
        return self._stations[Role.CUSTOMER].printer

    @property
    def placed(self) -> Mapping[Role, PlacedPrinter]:
        """Those that were configured."""
        return {
            role: station.placed
            for role, station in self._stations.items()
            if role in self.configured
        }

    async def start(self) -> None:
        """Loads fonts and begins with what waits."""
        for station in self._stations.values():
            await station.printer.start()
            await station.spool.start()

    async def stop(self) -> None:
        """All at once: each has a job on its line to finish. What waits stays in the books."""
        stations = self._stations.values()
        await asyncio.gather(*(station.spool.stop() for station in stations))
        for station in stations:
            await station.printer.stop()

    def poke(self) -> None:
        """A receipt was kept, or somebody did something at a printer."""
        for station in self._stations.values():
            station.spool.poke()

    def view(self) -> dict[str, Any]:
        """How the customer's printer is."""
        return self._view(self._stations[Role.CUSTOMER])

    def views(self) -> list[dict[str, Any]]:
        """How each configured printer is, with its name, role and cable."""
        return [
            {
                "name": placed.name,
                "role": role.value,
                "connection": placed.connection,
                **self._view(self._stations[role]),
            }
            for role, placed in self.placed.items()
        ]

    def _view(self, station: _Station) -> dict[str, Any]:
        status = station.printer.status()
        return {
            "reachable": status.reachable,
            "online": status.online,
            "cover_open": status.cover_open,
            "paper": status.paper.value,
            "problem": status.problem,
            "waiting": station.spool.waiting,
        }

    def _changed(self, role: Role) -> Callable[[PrinterStatus, int], None]:
        return lambda status, waiting: self._on_change(role)

    def _told(self, role: Role) -> OnReceipt:
        def told(receipt_id: str, state: str) -> None:
            if role is Role.CUSTOMER:
                self._on_receipt(receipt_id, state)

        return told
