"""`counterd employee --config FILE --number N --name NAME --role ROLE`: the PIN comes on standard
input, so that it is in no process list and no shell history. The daemon must not be running."""

from __future__ import annotations

import argparse
import asyncio
import sys

from daemon.config import Settings, load
from daemon.keys.files import find_keys
from daemon.keys.pins import Argon2Pins
from daemon.ledger.store import SqlLedger
from daemon.operations.sign_in import keep_employee
from daemon.system.clock import SystemClock

ROLES = ("cashier", "manager")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--role", choices=ROLES, default="cashier")


def carry_out(arguments: argparse.Namespace) -> int:
    pin = sys.stdin.readline().strip()
    asyncio.run(_keep(load(arguments.config), arguments, pin))
    print(f"employee {arguments.number} ({arguments.role}) may sign in")
    return 0


async def _keep(settings: Settings, arguments: argparse.Namespace, pin: str) -> None:
    keys, clock = find_keys(settings.storage.keys), SystemClock()
    ledger = await SqlLedger.open(
        settings.storage.ledger,
        keys.ledger_key(),
        keys.signer(),
        clock,
        device=settings.device.id,
    )
    try:
        await keep_employee(
            ledger,
            Argon2Pins(),
            clock,
            number=arguments.number,
            name=arguments.name,
            role=arguments.role,
            pin=pin,
        )
    finally:
        await ledger.close()
