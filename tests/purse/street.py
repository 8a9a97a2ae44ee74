"""Thousands of purse sales over torn, slow and lossy cards, straight to the virtual cards: after
them, card, ledger and batches must agree to the fen.

A seeded run over a whole counter (the real ledger, desk, codec and sealer; readers in memory). Each
insertion may have a fault at any command; sales are cancelled while they are unknown, the counter
is stopped in between, rolled-back copies are laid down, the office says what is unknown, rightly or
wrongly. In the end every card is laid down once more without a fault.
"""

from __future__ import annotations

import random
import time
from collections import Counter as Tally
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from daemon.core.entry import Entry, Kind
from daemon.core.ids import make_id
from daemon.core.permissions import ALL
from daemon.core.pricing.basket import Line
from daemon.core.purse import DeedState, LoadTerms, TransactionType
from daemon.keys.files import KeyFolder
from daemon.operations import purse_office
from daemon.operations.basket import Basket
from daemon.operations.sell import Order
from daemon.operations.shop import Actor
from daemon.sync.envelope import Identity, Position, key_id_of, open_batch
from daemon.sync.sealer import Sealer
from simulator.cards.purse import PurseCard as VirtualPurse
from tests.fakes.clock import HandClock
from tests.fakes.purse_plastic import KEYS, PursePlastic, purse_card
from tests.web.till import READER, Counter

CASHIER: Final = Actor("E1", "1", "cashier", "manager", permissions=ALL)
START_FEN: Final = 1_000_000
CARDS: Final = 40
COMMANDS: Final = ("8054", "8054", "8054", "8050", "805a", "805c", "00a4", "00b0")
FAULTS: Final = ("remove", "remove", "silence", "wrong_mac", "wrong_length", "garbage_status")
TAPS: Final = 6
"""Of one sale before the cashier gives it up."""


@dataclass
class Purse:
    card: PursePlastic
    member_id: str
    card_id: str
    copies: list[dict[str, Any]] = field(default_factory=list)


class SeededClock(HandClock):
    """Ids out of the seed as well, so that a run is the same again."""

    def __init__(self, source: random.Random) -> None:
        super().__init__()
        self._source = source

    def new_id(self) -> str:
        return make_id(self.now_ms(), self._source.randbytes(10))


class Street:
    """One run. `tally` counts what happened."""

    def __init__(self, folder: Path, sales: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._sales = sales
        self._folder = folder
        self.seed = seed
        self.tally: Tally[str] = Tally()
        self.purses: list[Purse] = []
        self.counter = Counter(folder, SeededClock(self._random))

    async def run(self) -> dict[str, Any]:
        """Raises AssertionError where anything does not agree."""
        began_s = time.monotonic()
        await self.counter.start()
        try:
            await self.counter.hire()
            await self.counter.sign_in()
            for at in range(min(CARDS, max(4, self._sales // 20))):
                await self._member(at)
            for number in range(self._sales):
                await self._one(number)
            await self._settle_all()
            facts = await self._agree()
        finally:
            await self.counter.stop()
        took_s = time.monotonic() - began_s
        return {**facts, **self.tally, "seed": self.seed, "took_s": round(took_s, 1)}

    async def _member(self, at: int) -> None:
        card = purse_card(START_FEN, (0xB0000000 + at).to_bytes(4, "big"), self._random.randbytes)
        member = await self.counter.member(f"会员{at}", "")
        kept = await self.counter.issue(member["member_id"], card)
        self.purses.append(Purse(card, member["member_id"], kept["card_id"]))

    # -- what happens ----------------------------------------------------------------------------

    async def _one(self, number: int) -> None:
        chance = self._random.random
        purse = self._random.choice(self.purses)
        if chance() < 0.01:
            purse.copies.append(purse.card.chip.to_json())
        if chance() < 0.01 and purse.copies:
            await self._copy(purse)
        fen = self._random.randint(1, 250)
        sale_id = await self._begin(fen)
        for _ in range(TAPS):
            await self._tap(purse)
            status = (await self._status(sale_id))["status"]
            if status in ("approved", "declined"):
                break
            if chance() < 0.1:
                break
        status = (await self._status(sale_id))["status"]
        if status in ("unknown", "awaiting_card"):
            self.tally[f"cancelled_{status}"] += 1
            await self.counter.desk.cancel(sale_id)
        else:
            self.tally[status] += 1
        if chance() < 0.1:
            await self._tap(purse)
        if chance() < 0.02:
            await self._office()
        if number % 1_000 == 499:
            await self._restart()

    async def _begin(self, fen: int) -> str:
        line = Line("1", None, fen, "general")
        order = Order(Basket((line,)), fen)
        view = await self.counter.desk.begin(CASHIER, order, self.counter.new_key())
        return str(view["sale_id"])

    async def _status(self, sale_id: str) -> dict[str, Any]:
        till = self.counter.desk.till
        return {"status": till.view["sale"]["status"]} if till.is_current(sale_id) else {}

    async def _tap(self, purse: Purse) -> None:
        card = purse.card
        card.strikes = [self._fault()] if self._random.random() < 0.3 else []
        await self.counter.tap(card, READER)

    def _fault(self) -> dict[str, Any]:
        self.tally["faults"] += 1
        if self._random.random() < 0.1:
            return {"delay_ms": 1}
        return {
            "mode": self._random.choice(FAULTS),
            "ins": self._random.choice(COMMANDS),
            "when": self._random.choice(("before", "after")),
            "seed": self._random.randrange(1000),
        }

    async def _copy(self, purse: Purse) -> None:
        """A rolled-back copy, keys and all, wherever the card has gone on since."""
        copy = purse_card(0, purse.card.uid)
        copy.chip = VirtualPurse.from_json(self._random.choice(purse.copies))
        known = await self.counter.ledger.read(lambda books: books.card(purse.card_id))
        deeds = await self.counter.ledger.read(lambda b: b.purse_deeds_to_ask(purse.card_id))
        assert known is not None
        if copy.chip.memory.offline_sequence >= (known.counter or 0) or deeds:
            return
        before = copy.chip.memory.balance
        sale_id = await self._begin(self._random.randint(1, 250))
        await self.counter.tap(copy)
        view = await self._status(sale_id)
        assert (view["status"], copy.chip.memory.balance) == ("declined", before)
        self.tally["copies_refused"] += 1

    async def _office(self) -> None:
        """Says of something unknown what it likes: the card corrects it."""
        deeds = await self.counter.ledger.read(lambda books: books.open_purse_deeds(50))
        open_ones = [each for each in deeds if each.state.open]
        if not open_ones:
            return
        deed, key = self._random.choice(open_ones), self.counter.new_key()
        done = self._random.random() < 0.5
        shop = self.counter.shop
        await purse_office.decide(shop, CASHIER, deed.deed_id, done=done, reason="查过", key=key)
        self.tally["decided_by_office"] += 1

    async def _restart(self) -> None:
        self.tally["restarts"] += 1
        await self.counter.stop()
        self.counter = self.counter.reborn()
        await self.counter.start()

    async def _settle_all(self) -> None:
        for purse in self.purses:
            purse.card.strikes = []
            await self.counter.tap(purse.card)

    # -- what must hold --------------------------------------------------------------------------

    async def _agree(self) -> dict[str, Any]:
        ledger = self.counter.ledger
        assert not await ledger.read(lambda books: books.open_purse_deeds(10)), "still unknown"
        entries = await self._from_batches()
        total_fen = 0
        for purse in self.purses:
            total_fen += await self._one_card(purse, entries)
        sold = sum(
            -p.amount
            for entry in entries
            for p in entry.draft.postings
            if entry.draft.kind is Kind.SALE and p.account.owner.startswith("card:")
        )
        return {
            "cards": len(self.purses),
            "entries": len(entries),
            "taken_from_cards_fen": total_fen,
            "of_which_sales_fen": sold,
        }

    async def _from_batches(self) -> list[Entry]:
        """The journal as the cloud opens it: every batch verified, and none marked."""
        held = KeyFolder(self._folder / "keys")
        signer = held.signer()
        identity = Identity("m1", "S1", "d1", 1)
        sealer = Sealer(self.counter.ledger, signer, identity, self.counter.clock)
        await sealer.seal_all()
        trusted = {key_id_of(signer.public_key): signer.public_key}
        position, entries = Position(identity), list[Entry]()
        for batch in await self.counter.ledger.batches_after(0, 100_000):
            count = batch.last_dseq - batch.first_dseq + 1
            first = batch.first_dseq
            rows = await self.counter.ledger.read(
                lambda books, first=first, count=count: books.leaves(first, count)
            )
            opened = open_batch(
                batch.manifest, tuple(leaf for _, leaf, _ in rows), trusted, position
            )
            assert opened.manifest.discrepancies == (), opened.manifest.discrepancies
            position = opened.position
            entries += opened.entries
        assert all(owner != "card" for owner, _ in position.balances)
        self.tally["batches"] = position.bseq
        return entries

    async def _one_card(self, purse: Purse, entries: list[Entry]) -> int:
        """Returns what was taken from the card."""
        memory, owner = purse.card.chip.memory, f"card:{purse.card_id}"
        in_batches = sum(
            p.amount
            for entry in entries
            for p in entry.draft.postings
            if (p.account.owner, p.account.asset) == (owner, "purse")
        )
        books = await self.counter.ledger.read(
            lambda books: sum(h.balance for h in books.holdings(owner))
        )
        assert START_FEN + in_batches == memory.balance == START_FEN + books, owner
        proofs = await self._proofs(purse, entries)
        known = await self.counter.ledger.read(lambda b: b.card(purse.card_id))
        assert known is not None and (known.counter or 0) == memory.offline_sequence
        assert proofs == list(range(memory.offline_sequence)), "a sequence is missing or twice"
        return START_FEN - memory.balance

    async def _proofs(self, purse: Purse, entries: list[Entry]) -> list[int]:
        """The card's sequences in the leaves, each with a TAC that the issuer accepts."""
        found = []
        ops: dict[tuple[int, str], Any] = {}
        for entry in entries:
            draft = entry.draft
            if draft.card_id != purse.card_id or "purse_tac" not in draft.detail:
                continue
            op_id = draft.op_id if draft.kind is Kind.SALE else str(draft.refers_to)
            sequence = int(draft.detail["purse_seq"])
            deeds = await self.counter.ledger.read(
                lambda books, op_id=op_id: books.purse_deeds_of(op_id)
            )
            (deed,) = [
                each
                for each in deeds
                if each.terms.card_sequence == sequence and each.state is DeedState.DONE
            ]
            assert deed.tac is not None and deed.tac.hex() == draft.detail["purse_tac"]
            assert deed.kind is TransactionType.PURCHASE and not isinstance(deed.terms, LoadTerms)
            assert KEYS.tacs is not None and KEYS.tacs.proves_purchase_tac(deed.terms, deed.tac)
            assert ops.setdefault((sequence, op_id), deed) is deed
            found.append(sequence)
        return sorted(found)
