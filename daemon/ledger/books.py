"""The books over one connection: every desk in one place (`daemon.ports.ledger.Books`)."""

from __future__ import annotations

from daemon.ledger.journal import JournalDesk
from daemon.ledger.paper import PaperDesk
from daemon.ledger.people import PeopleDesk
from daemon.ledger.requests import RequestDesk
from daemon.ledger.seals import SealDesk
from daemon.ledger.staff import StaffDesk


class SqlBooks(JournalDesk, RequestDesk, PeopleDesk, StaffDesk, PaperDesk, SealDesk):
    """Used on the thread that owns the connection, inside a transaction that somebody else opens
    and closes."""
