"""The keys of electronic purses: cryptograms come out of a key store, keys never do.

Four stores and not one, so that a till holds only what it may do: a till that sells has the
purchase keys (or a PSAM in the reader's second slot that has them and counts for itself), a desk
that loads has the load and TAC keys, only the back office can block a card.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from daemon.core.purse import LoadTerms, PurchaseTerms, PurseCard


class PurchaseKeys(Protocol):
    """Every method raises KeyMissing("card_key_missing") where this store has no such key."""

    def sign_purchase(self, terms: PurchaseTerms) -> bytes:
        """MAC1, 4 bytes: the till's permission to debit."""
        ...

    def proves_purchase(self, terms: PurchaseTerms, mac2: bytes) -> bool:
        """Whether MAC2 (4 bytes) is the card's proof of having debited under these very terms."""
        ...


class LoadKeys(Protocol):
    """As PurchaseKeys."""

    def proves_start(self, terms: LoadTerms, mac1: bytes) -> bool:
        """Whether the card that answered INITIALIZE FOR LOAD holds the load key and stands behind
        its balance."""
        ...

    def sign_load(self, terms: LoadTerms) -> bytes:
        """MAC2, 4 bytes: the issuer's permission to credit."""
        ...


class TacKeys(Protocol):
    """The issuer's side: who checks what cards signed. As PurchaseKeys."""

    def proves_purchase_tac(self, terms: PurchaseTerms, tac: bytes) -> bool: ...

    def proves_load_tac(self, terms: LoadTerms, tac: bytes) -> bool: ...


class MaintenanceKeys(Protocol):
    """As PurchaseKeys."""

    def sign_command(self, card: PurseCard, challenge: bytes, command: bytes) -> bytes:
        """4 bytes over a command (CLA, INS, P1, P2, Lc with the MAC counted, data) and the card's
        fresh 4-byte challenge."""
        ...


@dataclass(frozen=True, slots=True)
class PurseKeys:
    """What one till holds. `key_index` is that of the purchase and load keys on the cards; a till
    without `loads` and `tacs` only sells."""

    purchases: PurchaseKeys
    key_index: int
    loads: LoadKeys | None = None
    tacs: TacKeys | None = None
