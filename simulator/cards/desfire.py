"""A virtual MIFARE DESFire EV1, EV2 or EV3 card as its reader sees it: APDUs in, APDUs out.

Native commands come wrapped (`90 INS 00 00 [Lc data] 00`, answered by `data 91 SS`), long ones in
several frames both ways (AF). A refused command ends the session and forgets what is uncommitted.
`on_change` is called with the new state after each change of the memory and before the answer
leaves, so that an answered commit has been stored.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from simulator.cards import administration, file_commands
from simulator.cards.apdu import (
    CLASS_PSEUDO,
    INS_GET_DATA,
    SW_FUNCTION_NOT_SUPPORTED,
    SW_NOT_FOUND,
    SW_OK,
    SW_UNKNOWN_CLASS,
    SW_UNKNOWN_INSTRUCTION,
    SW_WRONG_LENGTH,
    SW_WRONG_PARAMETERS,
    CommandApdu,
    MalformedApdu,
    answer_get_data,
)
from simulator.cards.authentication import (
    AUTHENTICATE_AES,
    AUTHENTICATE_EV2_FIRST,
    AUTHENTICATE_EV2_NON_FIRST,
    AUTHENTICATE_ISO,
    AUTHENTICATE_LEGACY,
    CAPABILITIES_SIZE,
    KINDS_BY_COMMAND,
    Ev2FirstHandshake,
    Ev2NonFirstHandshake,
    Handshake,
    LegacyHandshake,
    RandomSource,
    StandardHandshake,
)
from simulator.cards.command import Command, Plan, PoweredCard
from simulator.cards.messaging import Ev2Messaging
from simulator.cards.picc import MASTER_AID, Picc
from simulator.cards.status import CardError, Status, require

ATR: Final = bytes.fromhex("3b8180018080")
ATS: Final = bytes.fromhex("067577810280")
CLASS_WRAPPED: Final = 0x90
CLASS_ISO: Final = 0x00
INS_SELECT: Final = 0xA4
ADDITIONAL_FRAME: Final = 0xAF
DF_NAME: Final = bytes.fromhex("d2760000850100")
MASTER_FILE: Final = bytes.fromhex("3f00")
NATIVE_FRAME_SIZE: Final = 59
"""Data bytes of a frame: 60 with the command or status byte."""
ISO_FRAME_SIZE: Final = 255
"""AD, AB, 8D and 8B leave the chaining to ISO/IEC 14443-4, bounded by a short APDU."""
ISO_CHAINED: Final = frozenset({0xAD, 0xAB, 0x8D, 0x8B})
EV2_COMMANDS: Final = ISO_CHAINED | {AUTHENTICATE_EV2_FIRST, AUTHENTICATE_EV2_NON_FIRST}
COMMANDS: Final[dict[int, Command]] = administration.COMMANDS | file_commands.COMMANDS


@dataclass
class _PendingWrite:
    """A command whose data has not all come yet."""

    ins: int
    payload: bytes
    plan: Plan


class DesfireCard:
    """One card. `random_bytes(n)` is the chip's source of RndB and TI."""

    def __init__(
        self,
        picc: Picc,
        random_bytes: RandomSource = secrets.token_bytes,
        on_change: Callable[[dict[str, Any]], None] | None = None,
        capabilities: bytes = bytes(CAPABILITIES_SIZE),
    ) -> None:
        self._card = PoweredCard(picc)
        self._random_bytes = random_bytes
        self._on_change = on_change
        self._capabilities = capabilities
        self._handshake: Handshake | None = None
        self._pending_write: _PendingWrite | None = None
        self._pending_frames: list[bytes] = []

    @property
    def atr(self) -> bytes:
        """The same for every DESFire: identify by GetVersion."""
        return ATR

    @property
    def uid(self) -> bytes:
        """Seven bytes."""
        return self._card.picc.uid

    def to_json(self) -> dict[str, Any]:
        """Committed state, keys included: as secret as the card."""
        return self._card.picc.to_json()

    @classmethod
    def from_json(
        cls,
        stored: dict[str, Any],
        random_bytes: RandomSource = secrets.token_bytes,
        on_change: Callable[[dict[str, Any]], None] | None = None,
    ) -> Self:
        """The inverse of `to_json`."""
        return cls(Picc.from_json(stored), random_bytes, on_change)

    def reset(self) -> None:
        """The field went: selection, session and open transaction are lost."""
        self._interrupt()
        self._card.select(MASTER_AID)

    def transmit(self, apdu: bytes) -> bytes:
        """One exchange; any bytes get an answer."""
        try:
            command = CommandApdu.parse(apdu)
        except MalformedApdu:
            return SW_WRONG_LENGTH
        if command.cla == CLASS_WRAPPED:
            return self._wrapped(command)
        if command.cla == CLASS_PSEUDO:
            if command.ins == INS_GET_DATA:
                return answer_get_data(command, self.uid, ATS)
            return SW_FUNCTION_NOT_SUPPORTED
        if command.cla == CLASS_ISO:
            return self._iso(command)
        return SW_UNKNOWN_CLASS

    def _iso(self, command: CommandApdu) -> bytes:
        if command.ins != INS_SELECT:
            return SW_UNKNOWN_INSTRUCTION
        if (command.p1, command.p2) not in ((0x04, 0x00), (0x04, 0x0C), (0x00, 0x00), (0x00, 0x0C)):
            return SW_WRONG_PARAMETERS
        aid = self._aid_by_name(command.body) if command.p1 else self._aid_by_fid(command.body)
        if aid is None:
            return SW_NOT_FOUND
        self._interrupt()
        self._card.select(aid)
        return SW_OK

    def _aid_by_name(self, name: bytes) -> bytes | None:
        if name == DF_NAME:
            return MASTER_AID
        applications = self._card.picc.applications.values()
        return next((app.aid for app in applications if name and app.df_name == name), None)

    def _aid_by_fid(self, fid: bytes) -> bytes | None:
        if fid in (b"", MASTER_FILE):
            return MASTER_AID
        applications = self._card.picc.applications.values()
        return next((app.aid for app in applications if app.iso_fid == fid), None)

    def _wrapped(self, command: CommandApdu) -> bytes:
        if (command.p1, command.p2) != (0, 0):
            return SW_WRONG_PARAMETERS
        if command.le != 0:
            return SW_WRONG_LENGTH
        try:
            answer, status = self._native(command.ins, command.body)
        except CardError as refusal:
            self._interrupt()
            self._card.end_session()
            answer, status = b"", refusal.status
        return answer + bytes([0x91, status])

    def _native(self, ins: int, payload: bytes) -> tuple[bytes, Status]:
        if ins == ADDITIONAL_FRAME:
            return self._continue(payload)
        if self._handshake or self._pending_write or self._pending_frames:
            raise CardError(Status.COMMAND_ABORTED)
        require(len(payload) <= self._frame_size(ins), Status.LENGTH_ERROR)
        known = ins not in EV2_COMMANDS or self._card.picc.features.speaks_ev2
        require(known, Status.ILLEGAL_COMMAND)
        if ins in KINDS_BY_COMMAND:
            return self._authenticate(ins, payload)
        require(ins in COMMANDS, Status.ILLEGAL_COMMAND)
        command = COMMANDS[ins]
        plan = command.plan(self._card, payload)
        if command.takes_frames and not self._is_complete(command, plan, payload):
            self._pending_write = _PendingWrite(ins, payload, plan)
            return b"", Status.ADDITIONAL_FRAME
        return self._execute(ins, payload, plan)

    def _continue(self, payload: bytes) -> tuple[bytes, Status]:
        if self._pending_frames:
            require(not payload, Status.LENGTH_ERROR)
            return self._next_frame()
        if self._handshake:
            handshake, self._handshake = self._handshake, None
            proof, self._card.session = handshake.finish(payload)
            return proof, Status.OK
        pending = self._pending_write
        if pending is None:
            raise CardError(Status.ILLEGAL_COMMAND)
        require(0 < len(payload) <= self._frame_size(pending.ins), Status.LENGTH_ERROR)
        pending.payload += payload
        if not self._is_complete(COMMANDS[pending.ins], pending.plan, pending.payload):
            return b"", Status.ADDITIONAL_FRAME
        self._pending_write = None
        return self._execute(pending.ins, pending.payload, pending.plan)

    def _authenticate(self, ins: int, payload: bytes) -> tuple[bytes, Status]:
        """The first command of a handshake; a running EV2 session matters to 77 only."""
        require(len(payload) >= 1, Status.LENGTH_ERROR)
        key_no, running = payload[0], self._card.session
        key = self._card.application.key(key_no)
        require(key.kind in KINDS_BY_COMMAND[ins], Status.AUTHENTICATION_ERROR)
        if ins == AUTHENTICATE_EV2_FIRST:
            require(len(payload) >= 2 and len(payload) == 2 + payload[1], Status.LENGTH_ERROR)
            require(payload[1] <= CAPABILITIES_SIZE, Status.PARAMETER_ERROR)
            # A new transaction begins: what an earlier one left open is gone.
            self._card.picc.abort_transaction()
            self._handshake = Ev2FirstHandshake(
                key_no, key, self._random_bytes, self._capabilities, payload[2:]
            )
        else:
            require(len(payload) == 1, Status.LENGTH_ERROR)
            self._handshake = self._single_handshake(ins, key_no, running)
        self._card.drop_authentication()
        return self._handshake.challenge(), Status.ADDITIONAL_FRAME

    def _single_handshake(self, ins: int, key_no: int, running: object) -> Handshake:
        key = self._card.application.key(key_no)
        if ins == AUTHENTICATE_LEGACY:
            return LegacyHandshake(key_no, key, self._random_bytes)
        if ins == AUTHENTICATE_EV2_NON_FIRST:
            if not isinstance(running, Ev2Messaging):
                raise CardError(Status.AUTHENTICATION_ERROR)
            return Ev2NonFirstHandshake(key_no, key, self._random_bytes, running)
        assert ins in (AUTHENTICATE_ISO, AUTHENTICATE_AES)
        return StandardHandshake(key_no, key, self._random_bytes)

    def _is_complete(self, command: Command, plan: Plan, payload: bytes) -> bool:
        """Raises CardError LENGTH_ERROR where there is more than there can be."""
        assert plan.plain_size is not None
        body_size = self._card.session.body_size(plan.plain_size, plan.mode, command.traffic)
        require(len(payload) <= plan.header_size + body_size, Status.LENGTH_ERROR)
        return len(payload) == plan.header_size + body_size

    def _execute(self, ins: int, payload: bytes, plan: Plan) -> tuple[bytes, Status]:
        card, command = self._card, COMMANDS[ins]
        header, body = payload[: plan.header_size], payload[plan.header_size :]
        if command.key_data:
            plain = card.session.open_key(ins, header, body)
        else:
            plain = card.session.open(
                ins, header, body, plan.mode, command.traffic, plan.plain_size
            )
        card.changed = False
        answer = command.run(card, header + plain)
        if card.changed and self._on_change is not None:
            self._on_change(self.to_json())
        closed = card.session.close(answer, plan.mode, command.traffic)
        self._pending_frames = self._split(closed, command.answer_frames, self._frame_size(ins))
        return self._next_frame()

    @staticmethod
    def _split(answer: bytes, first_sizes: tuple[int, ...], size: int) -> list[bytes]:
        frames = []
        for first in first_sizes:
            frames.append(answer[:first])
            answer = answer[first:]
        frames += [answer[start : start + size] for start in range(0, len(answer), size)]
        return frames or [b""]

    def _next_frame(self) -> tuple[bytes, Status]:
        frame = self._pending_frames.pop(0)
        return frame, Status.ADDITIONAL_FRAME if self._pending_frames else Status.OK

    @staticmethod
    def _frame_size(ins: int) -> int:
        return ISO_FRAME_SIZE if ins in ISO_CHAINED else NATIVE_FRAME_SIZE

    def _interrupt(self) -> None:
        self._handshake = None
        self._pending_write = None
        self._pending_frames = []
