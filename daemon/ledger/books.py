"""The books over one connection: every desk in one place (`daemon.ports.ledger.Books`)."""

from __future__ import annotations

from daemon.ledger.branch_desk import BranchDesk
from daemon.ledger.cards_desk import CardsDesk
from daemon.ledger.crew_desk import CrewDesk
from daemon.ledger.journal import JournalDesk
from daemon.ledger.loyalty_desk import LoyaltyDesk
from daemon.ledger.office_desk import OfficeDesk
from daemon.ledger.paper import PaperDesk
from daemon.ledger.people import PeopleDesk
from daemon.ledger.places_desk import PlacesDesk
from daemon.ledger.purse_desk import PurseDesk
from daemon.ledger.requests import RequestDesk
from daemon.ledger.rules_desk import RulesDesk
from daemon.ledger.sales_desk import SalesDesk
from daemon.ledger.seals import SealDesk
from daemon.ledger.shift_desk import ShiftDesk
from daemon.ledger.staff import StaffDesk


class SqlBooks(
    BranchDesk,
    JournalDesk,
    RequestDesk,
    PeopleDesk,
    StaffDesk,
    PaperDesk,
    PlacesDesk,
    SealDesk,
    RulesDesk,
    SalesDesk,
    OfficeDesk,
    CardsDesk,
    PurseDesk,
    LoyaltyDesk,
    CrewDesk,
    ShiftDesk,
):
    """Used on the thread that owns the connection, inside a transaction that somebody else opens
    and closes."""
