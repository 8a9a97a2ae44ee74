"""What the purse tests share: an issued virtual purse, its issuer's keys, and a till."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from daemon.core.purse import LoadTerms, PurchaseTerms, PurseCard, PurseNotDone, PurseOutcome
from daemon.keys import purse as cryptograms
from daemon.keys.purse import LoadMasters, MaintenanceMasters, PurchaseMasters, TacMasters
from daemon.readers.cards import purse
from simulator.cards.purse import PurseCard as VirtualPurse
from simulator.cards.purse_memory import DEMO_MASTERS, DEMO_PIN, PurseMemory
from tests.unit.card_talk import Transmit, run

UID = bytes.fromhex("b0ac2842")
TILL = bytes.fromhex("001122334455")
CHINA = timezone(timedelta(hours=8))
AT = datetime(2026, 11, 22, 15, 4, 5, tzinfo=CHINA)
KEY_INDEX = 1
PURCHASES = PurchaseMasters({KEY_INDEX: DEMO_MASTERS["purchase"]})
LOADS = LoadMasters({KEY_INDEX: DEMO_MASTERS["load"]})
TACS = TacMasters({0: DEMO_MASTERS["tac"]})
MAINTENANCE = MaintenanceMasters({KEY_INDEX: DEMO_MASTERS["maintenance"]})
PIN = DEMO_PIN


class CardKeys:
    """The four ports over one card's own keys: published traces tell those, not the masters."""

    def __init__(self, *, purchase: str = "", load: str = "", tac: str = "") -> None:
        self._purchase = bytes.fromhex(purchase)
        self._load = bytes.fromhex(load)
        self._tac = bytes.fromhex(tac)

    def sign_purchase(self, terms: PurchaseTerms) -> bytes:
        return cryptograms.purchase_mac1(self._purchase, terms)

    def proves_purchase(self, terms: PurchaseTerms, mac2: bytes) -> bool:
        return cryptograms.purchase_mac2(self._purchase, terms) == mac2

    def proves_start(self, terms: LoadTerms, mac1: bytes) -> bool:
        return cryptograms.load_mac1(self._load, terms) == mac1

    def sign_load(self, terms: LoadTerms) -> bytes:
        return cryptograms.load_mac2(self._load, terms)

    def proves_purchase_tac(self, terms: PurchaseTerms, tac: bytes) -> bool:
        return cryptograms.purchase_tac(self._tac, terms) == tac

    def proves_load_tac(self, terms: LoadTerms, tac: bytes) -> bool:
        return cryptograms.load_tac(self._tac, terms) == tac


def issued(
    balance_fen: int = 0,
    uid: bytes = UID,
    random_bytes: Callable[[int], bytes] | None = None,
) -> VirtualPurse:
    memory = PurseMemory.issued(uid)
    memory.balance = balance_fen
    return VirtualPurse(memory, random_bytes) if random_bytes else VirtualPurse(memory)


def errand(
    transmit: Transmit, amount_fen: int, terminal: bytes = TILL, at: datetime = AT
) -> purse.Errand:
    """Selects the purse and reads whose it is."""
    assert run(purse.select(), transmit) is purse.Selection.OPEN
    facts = run(purse.read_purse(), transmit)
    return purse.Errand(facts.card(KEY_INDEX), amount_fen, terminal, at)


def begun_purchase(transmit: Transmit, amount_fen: int, number: int) -> PurchaseTerms:
    terms = run(purse.begin_purchase(errand(transmit, amount_fen), number), transmit)
    assert not isinstance(terms, PurseNotDone), terms
    return terms


def begun_load(transmit: Transmit, amount_fen: int) -> LoadTerms:
    wanted = errand(transmit, amount_fen)
    assert run(purse.verify_pin(PIN), transmit).right
    terms = run(purse.begin_load(wanted, LOADS), transmit)
    assert not isinstance(terms, PurseNotDone), terms
    return terms


def bought(transmit: Transmit, amount_fen: int, number: int) -> PurseOutcome:
    return run(purse.debit(begun_purchase(transmit, amount_fen, number), PURCHASES), transmit)


def loaded(transmit: Transmit, amount_fen: int) -> PurseOutcome:
    return run(purse.credit(begun_load(transmit, amount_fen), LOADS, TACS), transmit)


def some_card() -> PurseCard:
    return PurseCard(bytes(8), KEY_INDEX)
