"""A virtual CPU card with the PBOC electronic purse, as an FMCOS card shows it to its reader.

Written from the manual (FMCOS 2.0, chapters 7, 8 and 11) and published traces of real cards. A
transaction takes two commands in a row; any other command in between ends it. `on_change` is called
with the new state before the answer leaves, so that an answered debit has been stored.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Any, Final, Self

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
from simulator.cards.purse_memory import (
    LAST_SEQUENCE,
    MOST_FEN,
    PIN_TRIES,
    TYPE_LOAD,
    TYPE_PURCHASE,
    Proof,
    PurseMemory,
    line_mac,
    mac4,
    triple_des,
)

ATS: Final = bytes.fromhex("0c788000209000000000000000")
PURSE_NAME: Final = bytes.fromhex("a00000000386980701")
PURSE_FID: Final = bytes.fromhex("3f01")
MASTER_FID: Final = bytes.fromhex("3f00")
ACCOUNT_PURSE: Final = 0x02
PUBLIC_FILE: Final = 0x15
LOG_FILE: Final = 0x18

SW_SELECTED_BLOCKED: Final = b"\x62\x83"
SW_STATE: Final = b"\x69\x01"
SW_SECURITY: Final = b"\x69\x82"
SW_PIN_BLOCKED: Final = b"\x69\x83"
SW_CONDITIONS: Final = b"\x69\x85"
SW_NO_RECORD: Final = b"\x6a\x83"
SW_WRONG_MAC: Final = b"\x93\x02"
SW_LOCKED: Final = b"\x93\x03"
SW_FUNDS: Final = b"\x94\x01"
SW_SEQUENCE: Final = b"\x94\x02"
SW_KEY_INDEX: Final = b"\x94\x03"
SW_NO_PROOF: Final = b"\x94\x06"


@dataclass(frozen=True)
class _Begun:
    """Between the two commands of a transaction; lost with the field."""

    kind: int
    amount: int
    terminal: bytes
    random: bytes
    key: bytes


class PurseCard:
    """One card. `random_bytes(n)` is the chip's source of random numbers."""

    def __init__(
        self,
        memory: PurseMemory,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        on_change: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.memory = memory
        self._random_bytes = random_bytes
        self._on_change = on_change
        self._selected = False
        self._pin_given = False
        self._begun: _Begun | None = None
        self._challenge: bytes | None = None

    @property
    def atr(self) -> bytes:
        """FM1208: eleven historical bytes, the last four from the chip's number."""
        body = bytes.fromhex("8b800120900000000000") + self.uid[:4]
        return b"\x3b" + body + bytes([reduce(xor, body)])

    @property
    def uid(self) -> bytes:
        """Four or seven bytes."""
        return self.memory.uid

    def to_json(self) -> dict[str, Any]:
        """Committed state, keys included."""
        return self.memory.to_json()

    @classmethod
    def from_json(
        cls,
        stored: dict[str, Any],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        on_change: Callable[[dict[str, Any]], None] | None = None,
    ) -> Self:
        """The inverse of `to_json`."""
        return cls(PurseMemory.from_json(stored), random_bytes, on_change)

    def reset(self) -> None:
        """The field went: selection, PIN, challenge and a begun transaction are lost."""
        self._selected = self._pin_given = False
        self._begun = self._challenge = None

    def transmit(self, apdu: bytes) -> bytes:
        """One exchange; any bytes get an answer."""
        try:
            command = CommandApdu.parse(apdu)
        except MalformedApdu:
            return SW_WRONG_LENGTH
        if command.cla == CLASS_PSEUDO:
            if command.ins == INS_GET_DATA:
                return answer_get_data(command, self.uid, ATS)
            return SW_FUNCTION_NOT_SUPPORTED
        begun, self._begun = self._begun, None
        challenge, self._challenge = self._challenge, None
        if command.cla == 0x84 and command.ins == 0x1E:
            return self._block(command, challenge)
        if command.cla == 0x80 and command.ins in (0x52, 0x54):
            return self._finish(command, begun)
        handler = _HANDLERS.get((command.cla, command.ins))
        if handler is not None:
            return handler(self, command)
        return SW_UNKNOWN_CLASS if command.cla not in (0x00, 0x80, 0x84) else SW_UNKNOWN_INSTRUCTION

    def _select(self, command: CommandApdu) -> bytes:
        if (command.p1, command.p2) not in ((0x00, 0x00), (0x04, 0x00)):
            return SW_WRONG_PARAMETERS
        self._pin_given = False
        if command.p1 == 0 and command.body in (b"", MASTER_FID):
            self._selected = False
            return SW_OK
        if command.body != (PURSE_NAME if command.p1 else PURSE_FID):
            return SW_NOT_FOUND
        if self.memory.block == "permanent":
            self._selected = False
            return SW_LOCKED
        self._selected = True
        own = b"\x9f\x0c" + bytes([len(self.memory.public_facts)]) + self.memory.public_facts
        inner = b"\x84" + bytes([len(PURSE_NAME)]) + PURSE_NAME + b"\xa5" + bytes([len(own)]) + own
        status = SW_SELECTED_BLOCKED if self.memory.block else SW_OK
        return b"\x6f" + bytes([len(inner)]) + inner + status

    def _read_binary(self, command: CommandApdu) -> bytes:
        if not self._selected:
            return SW_NOT_FOUND
        if command.p1 != 0x80 | PUBLIC_FILE or command.p2:
            return SW_NOT_FOUND if command.p1 & 0x80 else SW_WRONG_PARAMETERS
        facts = self.memory.public_facts
        if command.le and command.le > len(facts):
            return bytes([0x6C, len(facts)])
        return facts[: command.le or len(facts)] + SW_OK

    def _read_record(self, command: CommandApdu) -> bytes:
        if command.p2 != LOG_FILE << 3 | 4 or not self._selected:
            return SW_NOT_FOUND
        if not 1 <= command.p1 <= len(self.memory.log):
            return SW_NO_RECORD
        return self.memory.log[command.p1 - 1] + SW_OK

    def _get_challenge(self, command: CommandApdu) -> bytes:
        if command.le not in (4, 8) or command.p1 or command.p2 or command.body:
            return SW_WRONG_LENGTH
        self._challenge = self._random_bytes(command.le)
        return self._challenge + SW_OK

    def _verify(self, command: CommandApdu) -> bytes:
        memory = self.memory
        if not self._selected or memory.block:
            return SW_CONDITIONS
        if not 2 <= len(command.body) <= 6:
            return SW_WRONG_LENGTH
        if memory.pin_left == 0:
            return SW_PIN_BLOCKED
        right = hmac.compare_digest(command.body.hex().rstrip("f"), memory.pin)
        memory.pin_left = PIN_TRIES if right else memory.pin_left - 1
        self._pin_given = right
        self._store()
        return SW_OK if right else bytes([0x63, 0xC0 | memory.pin_left])

    def _get_balance(self, command: CommandApdu) -> bytes:
        if not self._selected:
            return SW_CONDITIONS
        if command.p1 or command.p2 != ACCOUNT_PURSE:
            return SW_WRONG_PARAMETERS
        if command.body or command.le not in (None, 0, 4):
            return SW_WRONG_LENGTH
        return self.memory.balance.to_bytes(4, "big") + SW_OK

    def _initialize(self, command: CommandApdu) -> bytes:
        memory = self.memory
        if (command.p1, command.p2) not in ((0x00, ACCOUNT_PURSE), (0x01, ACCOUNT_PURSE)):
            return SW_WRONG_PARAMETERS
        if len(command.body) != 11:
            return SW_WRONG_LENGTH
        if not self._selected or memory.block:
            return SW_CONDITIONS
        loading = command.p1 == 0x00
        if loading and not self._pin_given:
            return SW_SECURITY
        key = (memory.load_keys if loading else memory.purchase_keys).get(command.body[0])
        if key is None:
            return SW_KEY_INDEX
        amount, terminal = int.from_bytes(command.body[1:5], "big"), command.body[5:]
        if loading and memory.balance + amount > MOST_FEN:
            return SW_CONDITIONS
        if not loading and amount > memory.balance:
            return SW_FUNDS
        sequence = memory.online_sequence if loading else memory.offline_sequence
        if sequence == LAST_SEQUENCE:
            return SW_SEQUENCE
        kind, random = TYPE_LOAD if loading else TYPE_PURCHASE, self._random_bytes(4)
        begun = self._begun = _Begun(kind, amount, terminal, random, key)
        head = memory.balance.to_bytes(4, "big") + sequence.to_bytes(2, "big")
        if not loading:
            return head + bytes(3) + b"\x01\x00" + random + SW_OK
        agreed = amount.to_bytes(4, "big") + bytes([kind]) + terminal
        mac1 = mac4(self._session(begun, b"\x80\x00"), head[:4] + agreed)
        return head + b"\x01\x00" + random + mac1 + SW_OK

    def _finish(self, command: CommandApdu, begun: _Begun | None) -> bytes:
        loading = command.ins == 0x52
        if (command.p1, command.p2) != (0x00 if loading else 0x01, 0x00):
            return SW_WRONG_PARAMETERS
        if len(command.body) != (11 if loading else 15):
            return SW_WRONG_LENGTH
        if begun is None or begun.kind != (TYPE_LOAD if loading else TYPE_PURCHASE):
            return SW_STATE
        return (self._credit if loading else self._debit)(begun, command.body)

    def _credit(self, begun: _Begun, body: bytes) -> bytes:
        memory, moment, mac2 = self.memory, body[:7], body[7:]
        agreed = begun.amount.to_bytes(4, "big") + bytes([begun.kind]) + begun.terminal
        expected = mac4(self._session(begun, b"\x80\x00"), agreed + moment)
        self._pin_given = False
        if not hmac.compare_digest(expected, mac2):
            return SW_WRONG_MAC
        sequence = memory.online_sequence
        memory.balance += begun.amount
        memory.online_sequence += 1
        signed = memory.balance.to_bytes(4, "big") + sequence.to_bytes(2, "big")
        tac = memory.tac(signed + agreed + moment)
        memory.remember(Proof(TYPE_LOAD, sequence, mac2, tac), agreed + moment)
        self._store()
        return tac + SW_OK

    def _debit(self, begun: _Begun, body: bytes) -> bytes:
        memory = self.memory
        terminal_sequence, moment, mac1 = body[:4], body[4:11], body[11:]
        session = self._session(begun, terminal_sequence[2:])
        agreed = begun.amount.to_bytes(4, "big") + bytes([begun.kind]) + begun.terminal
        self._pin_given = False
        if not hmac.compare_digest(mac4(session, agreed + moment), mac1):
            return SW_WRONG_MAC
        sequence = memory.offline_sequence
        memory.balance -= begun.amount
        memory.offline_sequence += 1
        tac = memory.tac(agreed + terminal_sequence + moment)
        mac2 = mac4(session, agreed[:4])
        memory.remember(Proof(TYPE_PURCHASE, sequence, mac2, tac), agreed + moment)
        self._store()
        return tac + mac2 + SW_OK

    def _prove(self, command: CommandApdu) -> bytes:
        if not self._selected:
            return SW_CONDITIONS
        if command.p1:
            return SW_WRONG_PARAMETERS
        if len(command.body) != 2:
            return SW_WRONG_LENGTH
        proof, sequence = self.memory.proof, int.from_bytes(command.body, "big")
        if proof is None or (proof.kind, proof.sequence) != (command.p2, sequence):
            return SW_NO_PROOF
        return proof.mac + proof.tac + SW_OK

    def _block(self, command: CommandApdu, challenge: bytes | None) -> bytes:
        if command.p1 or command.p2 > 1:
            return SW_WRONG_PARAMETERS
        if len(command.body) != 4:
            return SW_WRONG_LENGTH
        if not self._selected or challenge is None or len(challenge) != 4:
            return SW_CONDITIONS
        head = bytes([command.cla, command.ins, command.p1, command.p2, 4])
        expected = line_mac(self.memory.maintenance_key, challenge, head)
        if not hmac.compare_digest(expected, command.body):
            return SW_WRONG_MAC
        if command.p2:
            self.memory.block = "permanent"
        else:
            self.memory.block = self.memory.block or "temporary"
        self._store()
        return SW_OK

    def _session(self, begun: _Begun, tail: bytes) -> bytes:
        online = begun.kind == TYPE_LOAD
        sequence = self.memory.online_sequence if online else self.memory.offline_sequence
        return triple_des(begun.key, begun.random + sequence.to_bytes(2, "big") + tail)

    def _store(self) -> None:
        if self._on_change is not None:
            self._on_change(self.to_json())


_HANDLERS: Final[dict[tuple[int, int], Callable[[PurseCard, CommandApdu], bytes]]] = {
    (0x00, 0x20): PurseCard._verify,
    (0x00, 0x84): PurseCard._get_challenge,
    (0x00, 0xA4): PurseCard._select,
    (0x00, 0xB0): PurseCard._read_binary,
    (0x00, 0xB2): PurseCard._read_record,
    (0x80, 0x50): PurseCard._initialize,
    (0x80, 0x5A): PurseCard._prove,
    (0x80, 0x5C): PurseCard._get_balance,
}
