"""Cryptograms of the electronic purse (PBOC, ED/EP part, as FMCOS cards compute them) over masters
in memory: `daemon.ports.purse_keys`.

    card's key      3DES(master, factor) || 3DES(master, NOT factor)
    load session    3DES(load key, random 4 || online sequence 2 || 80 00)
    purchase sess.  3DES(purchase key, random 4 || offline sequence 2 || terminal sequence, low 2)
    MAC, TAC        DES in CBC mode from zeros, padded with 80 00.., the first 4 bytes of the last
                    block; a TAC under the two halves of the TAC key XORed

Cards name an algorithm in an answer; published traces show both values over one derivation, so it
is not looked at: the derivation follows from the length of the key, always 16 bytes here.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from daemon.core.errors import KeyMissing
from daemon.core.purse import LoadTerms, PurchaseTerms, PurseCard, PurseTerms, TransactionType

BLOCK_BYTES = 8
KEY_BYTES = 16
MAC_BYTES = 4


def diversify_purse_key(master: bytes, factor: bytes) -> bytes:
    """The 16-byte key of the card whose serial number ends with the 8 bytes of `factor`."""
    return _encrypt(master, factor) + _encrypt(master, bytes(b ^ 0xFF for b in factor))


def load_session_key(card_key: bytes, terms: LoadTerms) -> bytes:
    """8 bytes."""
    sequence = terms.card_sequence.to_bytes(2, "big")
    return _encrypt(card_key, terms.card_random + sequence + b"\x80\x00")


def purchase_session_key(card_key: bytes, terms: PurchaseTerms) -> bytes:
    """8 bytes."""
    sequence = terms.card_sequence.to_bytes(2, "big")
    low = terms.terminal_sequence.to_bytes(4, "big")[2:]
    return _encrypt(card_key, terms.card_random + sequence + low)


def load_mac1(card_key: bytes, terms: LoadTerms) -> bytes:
    """The card to the issuer."""
    message = _amount(terms.balance_fen) + _agreed(terms, TransactionType.LOAD)
    return _mac(load_session_key(card_key, terms), message)


def load_mac2(card_key: bytes, terms: LoadTerms) -> bytes:
    """The issuer to the card."""
    message = _agreed(terms, TransactionType.LOAD) + terms.moment
    return _mac(load_session_key(card_key, terms), message)


def load_tac(tac_key: bytes, terms: LoadTerms) -> bytes:
    """Over the new balance and the online sequence before it was moved on."""
    message = _amount(terms.balance_after_fen) + terms.card_sequence.to_bytes(2, "big")
    message += _agreed(terms, TransactionType.LOAD) + terms.moment
    return _mac(_halves_joined(tac_key), message)


def purchase_mac1(card_key: bytes, terms: PurchaseTerms) -> bytes:
    """The till to the card."""
    message = _agreed(terms, TransactionType.PURCHASE) + terms.moment
    return _mac(purchase_session_key(card_key, terms), message)


def purchase_mac2(card_key: bytes, terms: PurchaseTerms) -> bytes:
    """The card to the till."""
    return _mac(purchase_session_key(card_key, terms), _amount(terms.amount_fen))


def purchase_tac(tac_key: bytes, terms: PurchaseTerms) -> bytes:
    """The card to its issuer."""
    message = _agreed(terms, TransactionType.PURCHASE)
    message += terms.terminal_sequence.to_bytes(4, "big") + terms.moment
    return _mac(_halves_joined(tac_key), message)


def command_mac(key: bytes, challenge: bytes, command: bytes) -> bytes:
    """Line protection under a 16-byte key: ISO/IEC 9797-1 algorithm 3 from the card's challenge."""
    assert len(key) == KEY_BYTES
    left, right = key[:8], key[8:]
    last = _chain(left, _pad(command), challenge.ljust(BLOCK_BYTES, b"\x00"))[-BLOCK_BYTES:]
    return _encrypt(left, _decrypt(right, last))[:MAC_BYTES]


def _agreed(terms: PurseTerms, kind: TransactionType) -> bytes:
    return _amount(terms.amount_fen) + bytes([kind]) + terms.terminal


def _amount(amount_fen: int) -> bytes:
    return amount_fen.to_bytes(4, "big")


def _halves_joined(key: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(key[:8], key[8:], strict=True))


def _mac(session_key: bytes, message: bytes) -> bytes:
    chained = _chain(session_key, _pad(message), bytes(BLOCK_BYTES))
    return chained[-BLOCK_BYTES:][:MAC_BYTES]


def _pad(message: bytes) -> bytes:
    return message + b"\x80" + bytes(-(len(message) + 1) % BLOCK_BYTES)


def _encrypt(key: bytes, block: bytes) -> bytes:
    assert len(block) == BLOCK_BYTES
    return _chain(key, block, bytes(BLOCK_BYTES))


def _decrypt(key: bytes, block: bytes) -> bytes:
    decryptor = Cipher(_algorithm(key), modes.CBC(bytes(BLOCK_BYTES))).decryptor()
    return decryptor.update(block) + decryptor.finalize()


def _chain(key: bytes, message: bytes, vector: bytes) -> bytes:
    encryptor = Cipher(_algorithm(key), modes.CBC(vector)).encryptor()
    return encryptor.update(message) + encryptor.finalize()


def _algorithm(key: bytes) -> TripleDES:
    # Three times one key is single DES; two keys are used first, second, first.
    return TripleDES(key * 3 if len(key) == BLOCK_BYTES else key + key[:BLOCK_BYTES])


class _Masters:
    """Masters of one purpose by key index. Has no representation of a key."""

    __slots__ = ("_masters",)
    purpose = "none"

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        assert all(len(master) == KEY_BYTES for master in masters.values())
        assert all(0 <= index <= 0xFF for index in masters)
        self._masters = dict(masters)

    def __repr__(self) -> str:
        held = ", ".join(str(index) for index in sorted(self._masters))
        return f"<{type(self).__name__} {held or 'none'}>"

    def _key(self, card: PurseCard) -> bytes:
        master = self._masters.get(card.key_index)
        if master is None:
            raise KeyMissing("card_key_missing", purpose=self.purpose, index=card.key_index)
        return diversify_purse_key(master, card.factor)


class PurchaseMasters(_Masters):
    """`daemon.ports.purse_keys.PurchaseKeys`."""

    __slots__ = ()
    purpose = "purchase"

    def sign_purchase(self, terms: PurchaseTerms) -> bytes:
        return purchase_mac1(self._key(terms.card), terms)

    def proves_purchase(self, terms: PurchaseTerms, mac2: bytes) -> bool:
        return hmac.compare_digest(purchase_mac2(self._key(terms.card), terms), mac2)


class LoadMasters(_Masters):
    """`daemon.ports.purse_keys.LoadKeys`."""

    __slots__ = ()
    purpose = "load"

    def proves_start(self, terms: LoadTerms, mac1: bytes) -> bool:
        return hmac.compare_digest(load_mac1(self._key(terms.card), terms), mac1)

    def sign_load(self, terms: LoadTerms) -> bytes:
        return load_mac2(self._key(terms.card), terms)


class TacMasters(_Masters):
    """`daemon.ports.purse_keys.TacKeys`. A card has one TAC key: masters go by index 0 only."""

    __slots__ = ()
    purpose = "tac"

    def proves_purchase_tac(self, terms: PurchaseTerms, tac: bytes) -> bool:
        return hmac.compare_digest(purchase_tac(self._tac_key(terms), terms), tac)

    def proves_load_tac(self, terms: LoadTerms, tac: bytes) -> bool:
        return hmac.compare_digest(load_tac(self._tac_key(terms), terms), tac)

    def _tac_key(self, terms: PurseTerms) -> bytes:
        return self._key(PurseCard(terms.card.factor, 0))


class MaintenanceMasters(_Masters):
    """`daemon.ports.purse_keys.MaintenanceKeys`."""

    __slots__ = ()
    purpose = "maintenance"

    def sign_command(self, card: PurseCard, challenge: bytes, command: bytes) -> bytes:
        return command_mac(self._key(card), challenge, command)
