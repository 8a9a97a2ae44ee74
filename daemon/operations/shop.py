"""What every operation is given: the ports, the merchant's rules, and who this device is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from daemon.core.entry import Draft
from daemon.core.errors import NotAllowed
from daemon.core.panel import KeyPosition
from daemon.core.permissions import Permission
from daemon.core.policy import Policy
from daemon.core.printer_model import Role
from daemon.core.receipt_text import ShopHead
from daemon.ports.cards import CardReaders
from daemon.ports.chain import Alone, Chain
from daemon.ports.clock import Clock
from daemon.ports.events import Events
from daemon.ports.ledger import Books, Ledger
from daemon.ports.pins import PinHasher
from daemon.ports.printing import PlacedPrinter, ReceiptPrinter
from daemon.rules.cell import RulesCell, ShopRules


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this device is. `store` is short: it is printed in every receipt's number."""

    device: str
    store: str
    merchant: str


@dataclass(frozen=True, slots=True)
class Shop:
    """`poke_spool` wakes the printer's queue after a receipt was spooled. `head` and `policy` are
    what the configuration file says; the merchant's documents, once there are any, go before it
    (`daemon.rules`). `key` tells where the till's key switch stands, None without one."""

    identity: Identity
    base_head: ShopHead
    base_policy: Policy
    base_language: str
    ledger: Ledger
    clock: Clock
    events: Events
    pins: PinHasher
    readers: CardReaders
    printer: ReceiptPrinter
    printers: Mapping[Role, PlacedPrinter] = field(default_factory=dict)
    """Those that were configured, the customer's `printer` among them."""
    poke_spool: Callable[[], None] = field(default=lambda: None)
    rules_cell: RulesCell = field(default_factory=RulesCell)
    chain: Chain = field(default_factory=Alone)
    key: Callable[[], KeyPosition | None] = field(default=lambda: None)

    @property
    def rules(self) -> ShopRules:
        """The rules in force now: one immutable value. Take it once for one decision."""
        return self.rules_cell.now(self.base_policy, self.base_head)

    @property
    def policy(self) -> Policy:
        return self.rules.policy

    @property
    def head(self) -> ShopHead:
        return self.rules.head

    @property
    def language(self) -> str:
        return self.rules.language or self.base_language

    def receipt_spooled(self, receipt_id: str) -> None:
        """Says that the paper is to come, also where the printer cannot print now."""
        self.events.publish("receipt", {"receipt_id": receipt_id, "state": "waiting"})
        self.poke_spool()

    def local(self, at_ms: int) -> datetime:
        """`at_ms` on the shop's wall clock."""
        shift = timedelta(minutes=self.policy.utc_offset_min)
        return datetime.fromtimestamp(at_ms / 1000, UTC) + shift

    def day(self, at_ms: int) -> str:
        """YYYY-MM-DD in the shop's time zone."""
        return self.local(at_ms).strftime("%Y-%m-%d")

    def day_of(self, draft: Draft) -> str:
        """The day that an entry counts for: the one it names, or that of its time where a release
        before version 4 wrote it."""
        return str(draft.detail.get("day") or self.day(draft.at_ms))

    def time_text(self, at_ms: int) -> str:
        return self.local(at_ms).strftime("%Y-%m-%d %H:%M:%S")

    def receipt_number(self, books: Books, at_ms: int) -> str:
        """store-YYYYMMDD-sequence; printed once (a copy carries the same number and says so)."""
        day = self.day(at_ms)
        sequence = books.next_receipt_number(day)
        return f"{self.identity.store}-{day.replace('-', '')}-{sequence:04d}"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a signed-in employee. `approver` is the number of the manager who said yes to this
    one action, where `granted` was not the employee's own."""

    employee_id: str
    number: str
    name: str
    role: str
    grade: str = ""
    permissions: frozenset[Permission] = frozenset()
    approver: str = ""
    granted: Permission | None = None
    language: str = ""

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions or permission is self.granted

    def require(self, permission: Permission) -> None:
        """Raises NotAllowed("permission_needed")."""
        if not self.may(permission):
            raise NotAllowed("permission_needed", permission=permission.value)
