"""What a PBOC electronic purse remembers, and the cryptograms it computes (PBOC, ED/EP part;
FMCOS 2.0 manual, chapter 8).

The card keeps two counters: the online one moves with each load, the offline one with each
purchase. All amounts are in fen, most significant byte first.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self

from simulator.cards.crypto import BlockCipher, exclusive_or, pad_marked

TYPE_LOAD: Final = 0x02
TYPE_PURCHASE: Final = 0x06
LOG_RECORDS: Final = 10
PIN_TRIES: Final = 3
LAST_SEQUENCE: Final = 0xFFFF
MOST_FEN: Final = 0x7FFFFFFF
DEMO_PIN: Final = "123456"
DEMO_ISSUER: Final = bytes.fromhex("0792800000000145")
DEMO_MASTERS: Final = {
    "purchase": bytes.fromhex("00112233445566778899aabbccddeeff"),
    "load": bytes.fromhex("3f013f013f013f013f013f013f013f01"),
    "tac": bytes.fromhex("3434343434343434aaaaaaaaaaaaaaaa"),
    "maintenance": bytes.fromhex("36363636363636360102030405060708"),
}
"""Of cards that the rack makes: known to everybody, worth nothing outside of it."""


def triple_des(key: bytes, blocks: bytes) -> bytes:
    """ECB over whole blocks with a key of 8 or 16 bytes."""
    cipher = BlockCipher(key, aes=False)
    parts = (blocks[start : start + 8] for start in range(0, len(blocks), 8))
    return b"".join(cipher.encrypt(part, bytes(8)) for part in parts)


def diversified(master: bytes, serial: bytes) -> bytes:
    """The key of one card from its serial number's last eight bytes and their complement."""
    last = serial[-8:]
    return triple_des(master, last + exclusive_or(last, b"\xff" * 8))


def mac4(key: bytes, message: bytes) -> bytes:
    """MAC1, MAC2 and TAC: DES-CBC over the marked message, first half of the last block."""
    return BlockCipher(key, aes=False).encrypt(pad_marked(message, 8), bytes(8))[-8:-4]


def line_mac(key: bytes, challenge: bytes, command: bytes) -> bytes:
    """Line protection: single DES chained from the challenge, triple DES on the last block where
    the key has two halves (ISO/IEC 9797-1 algorithm 3)."""
    left = BlockCipher(key[:8], aes=False)
    last = left.encrypt(pad_marked(command, 8), challenge + bytes(8 - len(challenge)))[-8:]
    if len(key) == 16:
        middle = BlockCipher(key[8:], aes=False).decrypt(last, bytes(8))
        last = left.encrypt(middle, bytes(8))
    return last[:4]


@dataclass
class Proof:
    """The last transaction: what GET TRANSACTION PROVE gives again."""

    kind: int
    sequence: int
    mac: bytes
    tac: bytes


@dataclass
class PurseMemory:
    """The non-volatile memory. `block` is "", "temporary" or "permanent"."""

    uid: bytes
    issuer: bytes
    serial: bytes
    purchase_keys: dict[int, bytes]
    load_keys: dict[int, bytes]
    tac_key: bytes
    maintenance_key: bytes
    pin: str = DEMO_PIN
    pin_left: int = PIN_TRIES
    balance: int = 0
    online_sequence: int = 0
    offline_sequence: int = 0
    proof: Proof | None = None
    log: list[bytes] = field(default_factory=list)
    block: str = ""

    def __post_init__(self) -> None:
        assert len(self.uid) in (4, 7) and len(self.issuer) == 8 and len(self.serial) == 10
        assert 0 <= self.balance <= MOST_FEN

    @classmethod
    def issued(cls, uid: bytes, masters: dict[str, bytes] | None = None) -> Self:
        """An empty purse as its issuer hands it out: key index 1, keys of its own."""
        serial = (b"\x20\x26" + uid.rjust(8, b"\x00"))[:10]
        keys = {
            name: diversified(master, serial) for name, master in (masters or DEMO_MASTERS).items()
        }
        return cls(
            uid,
            DEMO_ISSUER,
            serial,
            {1: keys["purchase"]},
            {1: keys["load"]},
            keys["tac"],
            keys["maintenance"],
        )

    @property
    def public_facts(self) -> bytes:
        """File 15: issuer, type, version, serial number, valid from, valid to, own FCI data."""
        return self.issuer + b"\x01\x01" + self.serial + bytes.fromhex("20260101203512315566")

    def tac(self, message: bytes) -> bytes:
        """Under the two halves of the TAC key, joined."""
        return mac4(exclusive_or(self.tac_key[:8], self.tac_key[8:]), message)

    def remember(self, proof: Proof, details: bytes) -> None:
        """The last transaction, and one line of the log (newest first)."""
        self.proof = proof
        record = proof.sequence.to_bytes(2, "big") + bytes(3) + details
        self.log = [record, *self.log][:LOG_RECORDS]

    def to_json(self) -> dict[str, Any]:
        """For the card's state file, keys included: as secret as the card."""
        last = self.proof
        return {
            "uid": self.uid.hex(),
            "issuer": self.issuer.hex(),
            "serial": self.serial.hex(),
            "purchase_keys": {str(index): key.hex() for index, key in self.purchase_keys.items()},
            "load_keys": {str(index): key.hex() for index, key in self.load_keys.items()},
            "tac_key": self.tac_key.hex(),
            "maintenance_key": self.maintenance_key.hex(),
            "pin": self.pin,
            "pin_left": self.pin_left,
            "balance": self.balance,
            "online_sequence": self.online_sequence,
            "offline_sequence": self.offline_sequence,
            "proof": last and [last.kind, last.sequence, last.mac.hex(), last.tac.hex()],
            "log": [record.hex() for record in self.log],
            "block": self.block,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The inverse of `to_json`."""
        last = stored["proof"]
        return cls(
            uid=bytes.fromhex(stored["uid"]),
            issuer=bytes.fromhex(stored["issuer"]),
            serial=bytes.fromhex(stored["serial"]),
            purchase_keys=_keys(stored["purchase_keys"]),
            load_keys=_keys(stored["load_keys"]),
            tac_key=bytes.fromhex(stored["tac_key"]),
            maintenance_key=bytes.fromhex(stored["maintenance_key"]),
            pin=stored["pin"],
            pin_left=stored["pin_left"],
            balance=stored["balance"],
            online_sequence=stored["online_sequence"],
            offline_sequence=stored["offline_sequence"],
            proof=last and Proof(last[0], last[1], bytes.fromhex(last[2]), bytes.fromhex(last[3])),
            log=[bytes.fromhex(record) for record in stored["log"]],
            block=stored["block"],
        )


def _keys(stored: dict[str, str]) -> dict[int, bytes]:
    return {int(index): bytes.fromhex(key) for index, key in stored.items()}
