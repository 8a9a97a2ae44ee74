"""The codecs against every published vector that concerns them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from daemon.core.errors import CardForged
from daemon.keys.an10922 import diversify
from daemon.readers.cards import ev1, ev2
from daemon.readers.cards.apdu import Ins, Reply, wrap
from daemon.readers.cards.primitives import (
    Aes128,
    SingleDes,
    aes_cmac,
    crc16,
    crc32,
    pad_iso,
    truncate_mac,
    unpad_iso,
)
from tests.unit.card_talk import Script, run, vectors

h = bytes.fromhex


def named(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


AN10922 = [c for c in vectors("an10922")["vectors"] if c["alg"] == "AES-128"]
SECURE = vectors("cmac_sm")
EV2_AUTH = vectors("desfire_ev2_auth")["vectors"]
EV2_COMMANDS = vectors("desfire_ev2_commands")["commands"]


@named(AN10922)
def test_a_key_is_diversified_as_published(case: Any) -> None:
    key = diversify(h(case["master_key"]), h(case["div_input"]))
    if case["kind"] == "negative":
        assert key != h(case["derived_key_wrong"])
    else:
        assert key == h(case["derived_key"])


@pytest.mark.parametrize("length", [15, 16, 30, 31])
def test_diversifiers_around_the_block_sizes_give_different_keys(length: int) -> None:
    master = bytes(range(16))
    keys = {diversify(master, bytes(length)), diversify(master, bytes(length - 1) + b"\x80")}
    keys.add(diversify(master, bytes(length - 1)))
    assert len(keys) == 3


@named([c for c in EV2_AUTH if "enc_rnd_b" in c and not c.get("pcd_cap2")])
def test_ev2_first_says_what_was_logged(case: Any) -> None:
    answers = [h(case["enc_rnd_b"]) + h("91af"), h(case["enc_response"]) + h("9100")]
    script = Script(answers)
    key_number = case.get("key_no", 0)
    session = run(ev2.authenticate_first(key_number, h(case["key"]), h(case["rnd_a"])), script)
    assert script.asked[0] == h("9071000002") + bytes([key_number]) + h("0000")
    assert script.asked[1] == h("90af000020") + h(case["enc_rnd_ab"]) + h("00")
    assert repr(session) == f"<EV2 session of key {key_number}>"


@named([c for c in EV2_AUTH if "ses_enc_key" in c])
def test_ev2_session_keys(case: Any) -> None:
    keys = ev2.session_keys(h(case["key"]), h(case["rnd_a"]), h(case["rnd_b"]))
    assert keys == (h(case["ses_enc_key"]), h(case["ses_mac_key"]))


def test_an_ev2_card_that_turns_our_number_wrongly_is_forged() -> None:
    case = EV2_AUTH[0]
    proof = bytearray(h(case["enc_response"]))
    proof[16] ^= 1
    script = Script([h(case["enc_rnd_b"]) + h("91af"), bytes(proof) + h("9100")])
    with pytest.raises(CardForged):
        run(ev2.authenticate_first(0, h(case["key"]), h(case["rnd_a"])), script)


def session_of(case: Any) -> ev2.Session:
    enc_key = h(case.get("ses_enc_key", "00" * 16))
    return ev2.Session(0, enc_key, h(case["ses_mac_key"]), h(case["ti"]), case["cmd_ctr"])


@named(SECURE["ev2_exchanges"])
def test_an_ev2_exchange_is_sealed_and_opened_as_published(case: Any) -> None:
    mode = ev2.CommMode.FULL if case["mode"] == "full" else ev2.CommMode.MAC
    ins, session = int(case["cmd"], 16), session_of(case)
    plain = h(case.get("cmd_plain_data", ""))
    sealed = session.seal(ins, h(case["header"]), plain, mode)
    body = h(case.get("cmd_cipher", "")) or plain
    assert sealed == h(case["header"]) + body + h(case["cmd_mac"])
    reply = Reply(0x00, h(case["resp_data"]) + h(case["resp_mac"]))
    assert session.open(reply, ins, mode) == h(case["resp_data"])


@named(SECURE["ev2_exchanges"])
def test_every_flipped_bit_of_an_answer_is_seen(case: Any) -> None:
    mode = ev2.CommMode.FULL if case["mode"] == "full" else ev2.CommMode.MAC
    payload = h(case["resp_data"]) + h(case["resp_mac"])
    for bit in range(len(payload) * 8):
        spoilt = bytearray(payload)
        spoilt[bit // 8] ^= 1 << bit % 8
        session = session_of(case)
        session.seal(int(case["cmd"], 16), h(case["header"]), b"", mode)
        with pytest.raises(CardForged):
            session.open(Reply(0x00, bytes(spoilt)), int(case["cmd"], 16), mode)


@named(EV2_COMMANDS)
def test_an_ev2_command_is_as_published(case: Any) -> None:
    ins, session = int(case["ins"], 16), session_of(case)
    mode = ev2.CommMode.FULL
    assert wrap(ins, session.seal(ins, h(case["header"]), h(case["body"]), mode)) == h(case["apdu"])
    if "answer" in case:
        reply = Reply(0x00, h(case["answer"])[:-2])
        assert session.open(reply, ins, mode) == h(case["plain_answer"])


def test_changing_another_key_sends_the_published_command() -> None:
    case = EV2_COMMANDS[0]
    script = Script([h(case["answer"])])
    old, new = h(case["old_key"]), h(case["new_key"])
    run(ev2.change_other_key(session_of(case), 2, old, new, case["version"]), script)
    assert script.asked == [h(case["apdu"])]


def test_changing_the_own_key_sends_the_published_command() -> None:
    case = EV2_COMMANDS[1]
    script = Script([h("9100")])
    run(ev2.change_own_key(session_of(case), h(case["new_key"]), case["version"]), script)
    assert script.asked == [h(case["apdu"])]


@named(vectors("desfire_aes_auth")["vectors"])
def test_the_chained_handshake_says_what_real_cards_accepted(case: Any) -> None:
    script = Script([h(case["enc_rnd_b"]) + h("91af"), h(case["enc_rnd_a"]) + h("9100")])
    cipher = Aes128(h(case["key"]))
    key = run(
        ev1.authenticate_chained(
            Ins.AUTHENTICATE_AES, case["key_no"], cipher, h(case["rnd_a"]), ev1.aes_session_key
        ),
        script,
    )
    assert key == h(case["session_key"])
    assert script.asked[1] == wrap(0xAF, h(case["enc_rnd_ab"]))


@named(SECURE["ev1_chained_sessions"])
def test_ev1_checksums_and_cryptograms(case: Any) -> None:
    cipher = Aes128(h(case["session_key"]))
    for step in case["steps"]:
        if step["op"] == "crc":
            assert crc32(h(step["msg"])) == h(step["crc32_le"])
        elif step["op"] == "enc" and step["what"].startswith("ChangeKey"):
            new = h(step["plain"])[:17]
            assert ev1.own_key_cryptogram(cipher, 0, new) == h(step["cipher"])


ISO_LOG = vectors("desfire_ev1_card_log")["steps"]


def iso_handshakes() -> list[Any]:
    """The handshakes of the log with the factory's key, and the step that follows each."""
    pairs = itertools.pairwise(ISO_LOG)
    return [(step, after) for step, after in pairs if step["what"].endswith("ISO key 0 zeros")]


@pytest.mark.parametrize("step,after", iso_handshakes())
def test_a_real_card_accepted_our_iso_handshake_and_key_change(step: Any, after: Any) -> None:
    (_, challenge), (token, proof) = step["exchanges"]
    rnd_b = h(step["rnd_b"])
    cipher = SingleDes(ev1.FACTORY_PICC_KEY)
    rnd_a = cipher.decrypt(h(token)[1:9], h(challenge)[1:])
    script = Script([h(challenge)[1:] + h("91af"), h(proof)[1:] + h("9100")])
    key = run(ev1.authenticate_chained(0x1A, 0, cipher, rnd_a, ev1.des_session_key), script)
    assert key == rnd_a[:4] + rnd_b[:4]
    assert script.asked[1] == wrap(0xAF, h(token)[1:])
    if after["what"].startswith("ChangeKey 0 to 2K3DES 00102031"):
        new = h("00102031405060708090a0b0b0a09080")
        cryptogram = ev1.own_key_cryptogram(SingleDes(key), 0, new)
        assert cryptogram == h(after["exchanges"][0][0])[2:]


def test_the_log_holds_iso_handshakes_and_one_key_change() -> None:
    followers = [after["what"] for _, after in iso_handshakes()]
    assert len(followers) >= 3
    assert any(what.startswith("ChangeKey 0 to 2K3DES 00102031") for what in followers)


def test_a_real_card_accepted_our_legacy_handshake() -> None:
    case = vectors("desfire_d40_card_log")["sessions"][0]
    (_, challenge), (token, proof) = case["exchanges"][:2]
    script = Script([h(challenge)[1:] + h("91af"), h(proof)[1:] + h("9100")])
    key = run(ev1.authenticate_legacy(0, h(case["key"])[:8], h(case["rnd_a"])), script)
    assert script.asked[1] == wrap(0xAF, h(token)[1:])
    assert key == h(case["session_key"])
    # ChangeKeySettings 0F in the same session: setting, CRC_A and zeros, deciphered to be sent.
    settings = b"\x0f" + crc16(b"\x0f") + bytes(5)
    assert ev1.decipher_to_send(SingleDes(key), settings) == h(case["exchanges"][2][0])[1:]


@named([c for c in SECURE["ntag424_sdm"] if c["op"] == "cmac"])
def test_cmac(case: Any) -> None:
    assert aes_cmac(h(case["key"]), h(case["msg"])) == h(case["mac16"])


def test_the_truncated_mac_is_every_second_byte() -> None:
    assert truncate_mac(bytes(range(16))) == bytes(range(1, 16, 2))


@pytest.mark.parametrize("length", range(34))
def test_padding_comes_off_again(length: int) -> None:
    padded = pad_iso(bytes(length))
    assert len(padded) % 16 == 0
    assert unpad_iso(padded) == bytes(length)


@pytest.mark.parametrize("wrong", [bytes(16), b"\x01" * 16, b"\x80" + bytes(16), b""])
def test_what_is_not_padded_is_refused(wrong: bytes) -> None:
    assert unpad_iso(wrong) is None
