"""The status bytes of a DESFire card and the exception that carries one to the outside."""

from enum import IntEnum


class Status(IntEnum):
    """Second status byte after 91 (libfreefare `freefare.h`, DESFire Light data sheet)."""

    OK = 0x00
    NO_CHANGES = 0x0C
    OUT_OF_MEMORY = 0x0E
    ILLEGAL_COMMAND = 0x1C
    INTEGRITY_ERROR = 0x1E
    NO_SUCH_KEY = 0x40
    LENGTH_ERROR = 0x7E
    PERMISSION_DENIED = 0x9D
    PARAMETER_ERROR = 0x9E
    APPLICATION_NOT_FOUND = 0xA0
    AUTHENTICATION_ERROR = 0xAE
    ADDITIONAL_FRAME = 0xAF
    BOUNDARY_ERROR = 0xBE
    COMMAND_ABORTED = 0xCA
    COUNT_ERROR = 0xCE
    DUPLICATE_ERROR = 0xDE
    FILE_NOT_FOUND = 0xF0


class CardError(Exception):
    """A command that the card refuses; the session and the open transaction end with it."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


def require(condition: bool, status: Status) -> None:
    """Refuse the command with `status` unless `condition` holds."""
    if not condition:
        raise CardError(status)
