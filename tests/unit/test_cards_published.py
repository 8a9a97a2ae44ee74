"""Every published vector that no codec of ours runs through yet, recomputed from our primitives:
what the files in tests/vectors say must not go unread until the day somebody needs it.

Each vector names its source in its file; `test_every_vector_names_its_source` holds that.
"""

from __future__ import annotations

from functools import reduce
from operator import xor as exclusive_or
from typing import Any

import pytest

from daemon.readers.cards.primitives import Aes128, aes_cmac, truncate_mac
from daemon.readers.cards.uid import GET_UID
from simulator.cards.crypto import BlockCipher
from simulator.cards.uid import UidCard
from tests.unit.card_talk import delivered, vectors

h = bytes.fromhex
SECURE = vectors("cmac_sm")
ATRS = vectors("atr")
COMMANDS = vectors("pcsc_part3")["commands"]
FILES = ("an10922", "cmac_sm", "desfire_aes_auth", "desfire_ev2_auth", "pboc_purse")
CONSTANTS = {"2K3DES": (0x21, 0x22), "3K3DES": (0x31, 0x32, 0x33)}
"""AN10922, clauses 2.4 and 2.3: one constant for each eight bytes of the key."""


def named(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


@pytest.mark.parametrize("name", FILES)
def test_every_vector_names_its_source(name: str) -> None:
    lists = [cases for cases in vectors(name).values() if isinstance(cases, list)]
    unnamed = [case["id"] for cases in lists for case in cases if not case.get("source")]
    assert lists and not unnamed


def tdea_diversified(master: bytes, given: bytes, constants: tuple[int, ...]) -> bytes:
    """AN10922 for triple DES: input padded to two blocks of eight, the last one with subkey K2."""
    cipher = BlockCipher(master, aes=False)
    seed = int.from_bytes(cipher.encrypt(bytes(8), bytes(8)), "big")
    subkeys = []
    for _ in range(2):
        seed = (seed << 1 & (1 << 64) - 1) ^ (0x1B if seed >> 63 else 0)
        subkeys.append(seed.to_bytes(8, "big"))
    key = b""
    for constant in constants:
        message = bytes([constant]) + given
        whole = len(message) == 16
        padded = message if whole else (message + b"\x80").ljust(16, b"\x00")
        mask = subkeys[0 if whole else 1]
        last = bytes(map(exclusive_or, padded[8:], mask))
        key += cipher.encrypt(padded[:8] + last, bytes(8))[8:]
    return key


@named([case for case in vectors("an10922")["vectors"] if case["alg"] in CONSTANTS])
def test_triple_des_keys_are_diversified_as_published(case: Any) -> None:
    key = tdea_diversified(h(case["master_key"]), h(case["div_input"]), CONSTANTS[case["alg"]])
    published = {case["derived_key"], case.get("derived_key_with_version_bits")}
    # The sources differ in the lowest bit of each byte, where DES keeps parity or a version.
    cleared = {bytes(b & 0xFE for b in h(text)) for text in published if text}
    assert cleared == {bytes(b & 0xFE for b in key)}


@named(SECURE["ev2_iv"])
def test_the_vector_that_enciphers_a_command(case: Any) -> None:
    assert case["direction"] == "command"
    seed = h("a55a") + h(case["ti"]) + case["cmd_ctr"].to_bytes(2, "little") + bytes(8)
    assert Aes128(h(case["ses_enc_key"])).encrypt(seed, bytes(16)) == h(case["iv"])


@named(SECURE["transaction_mac"])
def test_transaction_mac_keys_and_value(case: Any) -> None:
    tail = h("00010080") + case["tmc_used"].to_bytes(4, "little") + h(case["uid"])
    mac_key = aes_cmac(h(case["tm_key"]), h("5a") + tail)
    assert mac_key == h(case["ses_tm_mac_key"])
    assert aes_cmac(h(case["tm_key"]), h("a5") + tail) == h(case["ses_tm_enc_key"])
    if "tmi" in case:
        assert truncate_mac(aes_cmac(mac_key, h(case["tmi"]))) == h(case["tmv"])


@named(SECURE["ultralight_aes"])
def test_ultralight_aes_session(case: Any) -> None:
    a, b = h(case["rnd_a"]), h(case["rnd_b"])
    mixed = bytes(map(exclusive_or, a[2:8], b[:6]))
    key = aes_cmac(h(case["key"]), h("5aa500010080") + a[:2] + mixed + b[6:] + a[8:])
    assert key == h(case["session_key"])
    message = case["ctr"].to_bytes(2, "little") + h(case["msg"])
    assert truncate_mac(aes_cmac(key, message)) == h(case["mac8"])


@named([case for case in SECURE["ntag424_sdm"] if case["op"] == "sdm_full"])
def test_secure_dynamic_messaging(case: Any) -> None:
    plain = Aes128(h(case["k1"])).decrypt(h(case["p"]), bytes(16))
    assert plain[0] == h(case["plain"])[0] == 0xC7
    assert plain[:11] == h(case["plain"])[:11]
    key = aes_cmac(h(case["k2"]), h(case["sv2"]))
    assert key == h(case["derived_mac_key"])
    assert h(case["sv2"]) == h("3cc300010080") + plain[1:11]
    assert truncate_mac(aes_cmac(key, b"")) == h(case["c"])


@pytest.mark.parametrize("case", ATRS["exact"], ids=[case["atr"] for case in ATRS["exact"]])
def test_an_atr_ends_with_the_sum_of_all_its_bytes(case: Any) -> None:
    atr = h(case["atr"])
    assert atr[:1] == b"\x3b" and case["source"]
    assert reduce(exclusive_or, atr[1:]) == 0
    assert atr[1] & 0x0F == len(atr) - 5
    if atr[4:7] == h("804f0c"):  # a storage card: PC/SC part 3, clause 3.1.3.2.3
        assert atr[7:12] == h("a000000306")
        assert f"{atr[12]:02x}" in ATRS["ss"]["values"]
        assert atr[13:15].hex() in {entry["nn"] for entry in ATRS["pcsc_part3_nn"]["values"]}


def test_the_list_of_card_names_is_whole() -> None:
    names = ATRS["pcsc_part3_nn"]
    assert names["count"] == len(names["values"]) == len({entry["nn"] for entry in names["values"]})
    assert ATRS["pcsc_part3_nn"]["source"] and ATRS["ss"]["source"]


@pytest.mark.parametrize("case", COMMANDS, ids=[case["name"] for case in COMMANDS])
def test_pseudo_commands_of_readers_get_a_status_from_every_virtual_card(case: Any) -> None:
    """A card that is no storage card refuses what it does not offer; it never lets a reader
    believe that a block was read or a key was loaded."""
    assert case["src"]
    template = case["apdu"].replace(" ", "")
    command = h(_filled(template))
    for card in (UidCard(h("04112233445566")), delivered()):
        answer = card.transmit(command)
        if command == GET_UID:
            assert answer == card.uid + h("9000")
        elif case["name"] != "Get ATS":
            assert answer[-2:] in (h("6a81"), h("6700"))


def _filled(template: str) -> str:
    """A template of the list with zeros in its places: `{blk}` one byte, `{key6}` six."""
    filled, rest = "", template.removesuffix("...").removesuffix("data")
    while rest:
        before, opening, after = rest.partition("{")
        inner, _, rest = after.partition("}") if opening else ("", "", "")
        size = int(inner[-1]) if inner.startswith(("key", "value4")) and inner[-1].isdigit() else 1
        filled += before + "00" * (size if opening else 0)
    return filled
