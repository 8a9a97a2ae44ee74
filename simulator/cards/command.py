"""What a DESFire command is to the card, and what the card holds while it has power."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulator.cards.files import FREE_ACCESS, NO_ACCESS, File
from simulator.cards.messaging import CommMode, Messaging, Traffic, Unprotected
from simulator.cards.picc import MASTER_AID, Application, Picc
from simulator.cards.status import CardError, Status, require

MASTER_KEY_NO = 0


@dataclass
class PoweredCard:
    """The chip in the field: its memory, the selected application and the running session."""

    picc: Picc
    selected: bytes = MASTER_AID
    session: Messaging = field(default_factory=Unprotected)
    changed: bool = False
    """Set by a command that changed the non-volatile memory."""

    @property
    def application(self) -> Application:
        """What is selected; the card level where nothing was."""
        return self.picc.applications[self.selected]

    def select(self, aid: bytes) -> None:
        """Ends the session and the transaction. Raises CardError APPLICATION_NOT_FOUND."""
        require(aid in self.picc.applications, Status.APPLICATION_NOT_FOUND)
        self.end_session()
        self.selected = aid

    def end_session(self) -> None:
        """Forget the authentication and everything uncommitted."""
        self.session = Unprotected()
        self.picc.abort_transaction()

    def drop_authentication(self) -> None:
        """Forget the authentication only: its key was changed or its application deleted."""
        self.session = Unprotected()

    def file(self, file_no: int) -> File:
        """A file of the selected application.

        Raises CardError: PERMISSION_DENIED at card level, FILE_NOT_FOUND.
        """
        require(self.selected != MASTER_AID, Status.PERMISSION_DENIED)
        return self.application.file(file_no)

    def require_key(self, key_no: int, *, unless: bool = False) -> None:
        """Raises CardError AUTHENTICATION_ERROR where another key, or none, authenticated."""
        require(unless or self.session.key_no == key_no, Status.AUTHENTICATION_ERROR)

    def require_level(self, *, master: bool) -> None:
        """Raises CardError PERMISSION_DENIED at the wrong one of card and application level."""
        require((self.selected == MASTER_AID) == master, Status.PERMISSION_DENIED)

    def grant(self, file: File, rights: Iterable[int], *, free: bool = False) -> CommMode:
        """The communication mode under which one of `rights` (key numbers, E, F) lets pass.

        A right that the session's key has makes the file's own mode apply; free access is plain.
        Raises CardError: PERMISSION_DENIED, AUTHENTICATION_ERROR where no key authenticated.
        """
        named = set(rights)
        if self.session.key_no is not None and self.session.key_no in named:
            return file.mode
        if free or FREE_ACCESS in named:
            return CommMode.PLAIN
        if self.session.key_no is None and named != {NO_ACCESS}:
            raise CardError(Status.AUTHENTICATION_ERROR)
        raise CardError(Status.PERMISSION_DENIED)


@dataclass(frozen=True)
class Plan:
    """How to take a command's bytes apart before anything is verified."""

    mode: CommMode
    header_size: int = 0
    plain_size: int | None = None
    """Bytes of data behind the header; None: whatever is there, unenciphered."""


CONTROL = Plan(CommMode.MAC)
"""Administration: a MAC in EV2, a CMAC on the answer in EV1, nothing in D40."""


def control(_card: PoweredCard, _payload: bytes) -> Plan:
    """The plan of most commands."""
    return CONTROL


@dataclass(frozen=True)
class Command:
    """One entry of the command table."""

    run: Callable[[PoweredCard, bytes], bytes]
    """Takes header and data, verified and deciphered; answers the data to send."""
    plan: Callable[[PoweredCard, bytes], Plan] = control
    traffic: Traffic = Traffic.CONTROL
    key_data: bool = False
    """ChangeKey: the cryptogram has checksums of its own."""
    takes_frames: bool = False
    """Long data may come in further frames."""
    answer_frames: tuple[int, ...] = ()
    """Sizes of the first frames of the answer where they are fixed."""


def exactly(payload: bytes, size: int) -> bytes:
    """Raises CardError LENGTH_ERROR."""
    require(len(payload) == size, Status.LENGTH_ERROR)
    return payload


def unsigned(field_bytes: bytes) -> int:
    """Least significant byte first."""
    return int.from_bytes(field_bytes, "little")


def signed(field_bytes: bytes) -> int:
    """Least significant byte first, two's complement."""
    return int.from_bytes(field_bytes, "little", signed=True)
