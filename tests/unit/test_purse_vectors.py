"""The purse codec and its key store against traces of real cards and the manual's own examples
(tests/vectors/pboc_purse.json; each vector names its source there)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from daemon.core.errors import CardForged, KeyMissing
from daemon.core.purse import (
    LoadTerms,
    PurchaseTerms,
    PurseCard,
    PurseDone,
    PurseNotDone,
    PurseUnknown,
)
from daemon.keys import purse as cryptograms
from daemon.keys.purse import LoadMasters, PurchaseMasters, TacMasters, diversify_purse_key
from daemon.readers.cards import purse
from tests.unit.card_talk import Script, run, vectors
from tests.unit.purse_talk import AT, CHINA, CardKeys, some_card

h = bytes.fromhex
VECTORS = vectors("pboc_purse")
LOADS = {case["id"]: case for case in VECTORS["load"]}
PURCHASE = VECTORS["purchase"][0]


def named(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


def moment(case: Any) -> datetime:
    told = case.get("datetime", "20190101000000")
    return datetime.strptime(told, "%Y%m%d%H%M%S").replace(tzinfo=CHINA)


def errand(case: Any) -> purse.Errand:
    """With the key index that the trace shows in its first command."""
    first = case["apdus"][0][0] if "apdus" in case else "805000020b02"
    card = PurseCard(bytes(8), h(first)[5])
    return purse.Errand(card, int(case["amount"], 16), h(case["terminal"]), moment(case))


def keys(case: Any) -> CardKeys:
    return CardKeys(
        purchase=case.get("purchase_key", ""),
        load=case.get("load_key", ""),
        tac=case.get("tac_key", ""),
    )


def load_terms(case: Any) -> LoadTerms:
    wanted = errand(case)
    return LoadTerms(
        wanted.card,
        wanted.amount_fen,
        wanted.terminal,
        wanted.at,
        h(case["rand"]),
        int(case["online_seq"], 16),
        int(case["old_balance"], 16),
    )


def purchase_terms(case: Any) -> PurchaseTerms:
    wanted = errand(case)
    return PurchaseTerms(
        wanted.card,
        wanted.amount_fen,
        wanted.terminal,
        wanted.at,
        h(case["rand"]),
        int(case["offline_seq"], 16),
        int(case["old_balance"], 16),
        int(case["term_seq"], 16),
    )


@named(VECTORS["diversify"])
def test_a_purse_key_is_made_of_the_factor_and_its_complement(case: Any) -> None:
    assert diversify_purse_key(h(case["key"]), h(case["factor"])) == h(case["derived"])


@named(VECTORS["load"])
def test_load_session_key_and_mac1(case: Any) -> None:
    assert case["source"]
    terms = load_terms(case)
    assert cryptograms.load_session_key(h(case["load_key"]), terms) == h(case["session_key"])
    assert cryptograms.load_mac1(h(case["load_key"]), terms) == h(case["mac1"])


def test_load_mac2_and_tac() -> None:
    case = LOADS["B-load"]
    terms = load_terms(case)
    assert cryptograms.load_mac2(h(case["load_key"]), terms) == h(case["mac2"])
    assert cryptograms.load_tac(h(case["tac_key"]), terms) == h(case["tac"])
    assert terms.balance_after_fen == int(case["new_balance"], 16)


def test_purchase_cryptograms() -> None:
    assert PURCHASE["source"]
    terms, key = purchase_terms(PURCHASE), h(PURCHASE["purchase_key"])
    assert cryptograms.purchase_session_key(key, terms) == h(PURCHASE["session_key"])
    assert cryptograms.purchase_mac1(key, terms) == h(PURCHASE["mac1"])
    assert cryptograms.purchase_mac2(key, terms) == h(PURCHASE["mac2"])
    assert cryptograms.purchase_tac(h(PURCHASE["tac_key"]), terms) == h(PURCHASE["tac"])


def with_le(command: bytes, le: int) -> bytes:
    """Some traces leave Le out, the manual has it."""
    return command if len(command) > 5 + command[4] else command + bytes([le])


@named([case for case in VECTORS["load"] if "apdus" in case])
def test_a_real_card_was_loaded_with_these_bytes(case: Any) -> None:
    script = Script([h(answer) for _, answer in case["apdus"]])
    terms = run(purse.begin_load(errand(case), keys(case)), script)
    assert terms == load_terms(case)
    assert isinstance(terms, LoadTerms)
    if len(case["apdus"]) > 1:
        outcome = run(purse.credit(terms, keys(case), keys(case)), script)
        assert outcome == PurseDone(h(case["tac"]), int(case["new_balance"], 16))
    expected = [with_le(h(said), le) for (said, _), le in zip(case["apdus"], (16, 4), strict=False)]
    assert script.asked == expected


def test_a_real_card_paid_with_these_bytes() -> None:
    case = PURCHASE
    script = Script([h(answer) for _, answer in case["apdus"]])
    terms = run(purse.begin_purchase(errand(case), int(case["term_seq"], 16)), script)
    assert terms == purchase_terms(case)
    assert isinstance(terms, PurchaseTerms)
    outcome = run(purse.debit(terms, keys(case)), script)
    assert outcome == PurseDone(h(case["tac"]), 0x2000 - 1)
    expected = [with_le(h(said), le) for (said, _), le in zip(case["apdus"], (15, 8), strict=True)]
    assert script.asked == expected


def test_the_real_card_whose_mac1_was_wrong_is_refused() -> None:
    """Its load key was stored under another algorithm: what it signed is not what we compute."""
    case = LOADS["A-load-0-negative"]
    answer = h(case["old_balance"] + case["online_seq"] + "0000" + case["rand"])
    script = Script([answer + h(case["card_returned_mac1"]) + h("9000")])
    with pytest.raises(CardForged) as raised:
        run(purse.begin_load(errand(case), keys(case)), script)
    assert raised.value.facts == {"why": "mac1"}
    script = Script([answer + h(case["mac1"]) + h("9000")])
    assert isinstance(run(purse.begin_load(errand(case), keys(case)), script), LoadTerms)


@pytest.mark.parametrize("bit", range(64))
def test_a_flipped_bit_in_the_answer_to_a_real_debit_is_never_done(bit: int) -> None:
    """The MAC covers MAC2; the TAC is the issuer's to check, and the issuer sees every bit."""
    spoilt = bytearray(h(PURCHASE["apdus"][1][1]))
    spoilt[bit // 8] ^= 1 << bit % 8
    outcome = run(purse.debit(purchase_terms(PURCHASE), keys(PURCHASE)), Script([bytes(spoilt)]))
    if bit >= 32:
        assert outcome == PurseUnknown("mac2")
    else:
        assert isinstance(outcome, PurseDone)
        assert not keys(PURCHASE).proves_purchase_tac(purchase_terms(PURCHASE), outcome.tac)


@named(VECTORS["secure_messaging"])
def test_line_protection(case: Any) -> None:
    assert case["source"]
    key = h(case["key"])
    if case["op"] == "ecb":
        plain, cipher = h(case["plain"]), h(case["cipher"])
        blocks = [plain[at : at + 8] for at in range(0, len(plain), 8)]
        assert b"".join(cryptograms._encrypt(key, block) for block in blocks) == cipher
    elif len(key) == 16:
        assert cryptograms.command_mac(key, h(case["iv"])[:4], h(case["data"])) == h(case["mac"])
    else:
        assert cryptograms._mac(key, h(case["data"])) == h(case["mac"])


REFUSALS = {"9401": "funds", "9403": "key_index", "6985": "conditions", "6901": "state",
            "6982": "security", "6983": "pin_blocked"}  # fmt: skip


@pytest.mark.parametrize("word", REFUSALS)
def test_every_published_refusal_has_its_name(word: str) -> None:
    assert word in VECTORS["refusal_cases"]
    wanted = purse.Errand(some_card(), 1, bytes(6), AT)
    said = run(purse.begin_purchase(wanted, 0), Script([h(word)]))
    assert said == PurseNotDone(REFUSALS[word])


def test_a_store_without_the_key_says_so_and_shows_none() -> None:
    terms = purchase_terms(PURCHASE)
    store = PurchaseMasters({7: bytes(range(16))})
    with pytest.raises(KeyMissing) as raised:
        run(purse.debit(terms, store), Script([]))
    assert raised.value.facts == {"purpose": "purchase", "index": 0}
    for held in (store, LoadMasters({7: bytes(range(16))}), TacMasters({0: bytes(range(16))})):
        assert bytes(range(4)).hex() not in repr(held) and "\\x" not in repr(held)
