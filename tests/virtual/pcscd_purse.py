"""Run inside private namespaces by test_purse_pcscd: a pcscd, the rack with a purse, and the codec.

Prints one JSON object of findings.
"""

from typing import Any

from pcscd_rack import CardRemoved, Client, Rack, leave, tap, walked

from daemon.core.errors import CardGone
from daemon.core.purse import PurchaseTerms, PurseDone, PurseUnknown
from daemon.readers.cards import purse
from tests.unit.card_talk import run
from tests.unit.purse_talk import PURCHASES, begun_purchase, bought, loaded

PURCHASE_FEN = 3
SMOOTH = 200
"""Purchases in one tap."""
TORN = 6


class Through:
    """The reader as the codec's tests see one."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, command: bytes) -> bytes:
        try:
            return self._client.transmit(command)
        except CardRemoved:
            raise CardGone("card_gone") from None


def settle(client: Client, rack: Rack, terms: PurchaseTerms) -> str:
    tap(client, rack, "wallet")
    told = run(purse.settle_purchase(terms, PURCHASES), Through(client))
    leave(client, rack)
    return type(told).__name__


def walk(client: Client, rack: Rack) -> dict[str, Any]:
    rack.post("", {"kind": "purse", "id": "wallet", "uid": "b0ac2842"})
    through, found = Through(client), dict[str, Any]()
    found["atr"] = tap(client, rack, "wallet")
    found["loaded"] = type(loaded(through, 1_000)).__name__
    leave(client, rack)
    tap(client, rack, "wallet")
    done = [bought(through, PURCHASE_FEN, number) for number in range(SMOOTH)]
    found["done"] = sum(isinstance(outcome, PurseDone) for outcome in done)
    leave(client, rack)
    rack.post("/wallet/replay", {"as": "clone"})
    torn = []
    for number in range(SMOOTH, SMOOTH + TORN):
        when = "after" if number % 2 else "before"
        tap(client, rack, "wallet", fault={"mode": "remove", "ins": "8054", "when": when})
        terms = begun_purchase(through, PURCHASE_FEN, number)
        assert isinstance(run(purse.debit(terms, PURCHASES), through), PurseUnknown)
        client.disconnect()
        client.wait(present=False)
        torn.append(settle(client, rack, terms))
    found["torn"] = torn
    tap(client, rack, "clone")
    found["clone"] = type(bought(through, PURCHASE_FEN, SMOOTH + TORN)).__name__
    leave(client, rack)
    tap(client, rack, "wallet")
    run(purse.select(), through)
    found["balance"] = run(purse.balance(), through)
    leave(client, rack)
    return found


if __name__ == "__main__":
    walked(walk)
