"""Every error that crosses a boundary of the appliance.

    CounterError
    ├── Refused            a rule of the shop said no; nothing changed
    ├── BadRequest         what was asked cannot be understood or is out of bounds
    │   ├── NotFound
    │   └── Conflict       the same id was used before for something else, or the state forbids it
    ├── NotAllowed         who asks may not (not signed in, no permission, locked out)
    ├── CardError          the card or what was said to it
    │   ├── CardGone       it left the field; nothing was committed on it
    │   ├── CardTorn       it left while a commit was under way: the outcome is UNKNOWN
    │   ├── CardSilent     it did not answer within the deadline
    │   ├── CardGarbled    an answer that the specification does not allow
    │   ├── CardForged     it does not hold the keys that it should
    │   └── SwipeError     a magnetic card that was pulled through a reader
    │       ├── SwipeTorn      a track without its end, or one that the reader could not read
    │       ├── SwipeGarbled   what no track may hold, or another LRC than was sent
    │       └── BankCardShown  a bank card: refused, never kept
    ├── ReaderError        no reader, no driver, service down
    ├── PrinterError       the printer could not be reached or refuses
    ├── PanelError         a lamp, button or customer display: never in the way of a sale
    ├── KeyMissing         a key is missing, unreadable, too open or of the wrong form
    ├── LedgerError        the ledger cannot be trusted to have written: THE COUNTER STOPS
    │   ├── LedgerWrongKey
    │   ├── LedgerBusy     another daemon holds it
    │   ├── LedgerFull     no space left on the disk
    │   └── LedgerCorrupt
    └── SyncError          a batch, receipt or peer that does not verify

An error says whose fault it is, whether to try again, and carries a key that the screen turns into
a sentence in zh-CN or en. `facts` are numbers and codes for that sentence: never card data, keys or
personal data. Bugs are assertions, not members of this tree.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Fault(Enum):
    """Whose move it is."""

    CASHIER = "cashier"
    MEMBER = "member"
    CARD = "card"
    DEVICE = "device"
    CLIENT = "client"
    SHOP = "shop"


class Retry(Enum):
    """Whether the same request may be tried again as it is."""

    NEVER = "never"
    AFTER_CHANGE = "after_change"
    SAME = "same"
    LATER = "later"


class CounterError(Exception):
    """Base of the tree. `key` names the sentence for the screen, e.g. `card_lost`."""

    fault: ClassVar[Fault] = Fault.DEVICE
    retry: ClassVar[Retry] = Retry.LATER

    def __init__(self, key: str, /, **facts: int | str | bool | None) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.key} ({told})" if told else self.key


class Refused(CounterError):
    fault = Fault.SHOP
    retry = Retry.AFTER_CHANGE


class BadRequest(CounterError):
    fault = Fault.CLIENT
    retry = Retry.NEVER


class NotFound(BadRequest):
    pass


class Conflict(BadRequest):
    pass


class NotAllowed(CounterError):
    fault = Fault.CASHIER
    retry = Retry.AFTER_CHANGE


class CardError(CounterError):
    fault = Fault.CARD
    retry = Retry.SAME


class CardGone(CardError):
    fault = Fault.MEMBER


class CardTorn(CardError):
    fault = Fault.MEMBER


class CardSilent(CardError):
    pass


class CardGarbled(CardError):
    pass


class CardForged(CardError):
    retry = Retry.NEVER


class SwipeError(CardError):
    fault = Fault.MEMBER


class SwipeTorn(SwipeError):
    pass


class SwipeGarbled(SwipeError):
    pass


class BankCardShown(SwipeError):
    retry = Retry.NEVER


class ReaderError(CounterError):
    pass


class PrinterError(CounterError):
    pass


class PanelError(CounterError):
    """`panel_absent`, `panel_driver_missing`, `panel_access_denied`, `panel_busy`,
    `panel_pin_refused`, `panel_stalled`, `panel_cut_off`."""


class KeyMissing(CounterError):
    """A key is missing, unreadable, too open or of the wrong form."""

    retry = Retry.AFTER_CHANGE


class LedgerError(CounterError):
    retry = Retry.NEVER


class LedgerWrongKey(LedgerError):
    pass


class LedgerBusy(LedgerError):
    retry = Retry.LATER


class LedgerFull(LedgerError):
    pass


class LedgerCorrupt(LedgerError):
    pass


class SyncError(CounterError):
    pass
