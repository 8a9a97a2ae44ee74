"""NTAG 424 DNA against what NXP printed in AN12196 (tests/vectors/ntag424.json, sources there), and
against any bytes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import CardError, CardForged, CardGarbled
from daemon.readers.cards import ev2, ntag424
from daemon.readers.cards.apdu import Ins
from daemon.readers.cards.primitives import aes_cmac
from simulator.cards.messaging import CommMode, Ev2Messaging, Traffic
from tests.budget import examples
from tests.unit.card_talk import Script, delivered, run, vectors

h = bytes.fromhex
VECTORS = vectors("ntag424")
SESSION_KEYS = {case["id"]: case for case in vectors("cmac_sm")["ntag424_sdm"]}
LINKS = {case["id"]: case for case in VECTORS["links"]}
FIRST = LINKS["an12196-3.4.4.2.1"]
SELECT = h("00a4040c07d276000085010100")


def named(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


@named(VECTORS["links"])
def test_a_link_is_opened_and_checked_as_published(case: Any) -> None:
    assert case["source"]
    link = ntag424.read_link(case["link"])
    touch = ntag424.open_link(link, h(case["meta_key"]))
    assert touch == ntag424.SunTouch(h(case["uid"]), case["counter"])
    key = h(case["file_key"])
    if "mac_key" in case:
        assert ntag424.sun_mac_key(key, touch) == h(case["mac_key"])
    ntag424.check_link(link, touch, key, case["signed"].encode("ascii"))
    if "file_plain" in case:
        plain = ntag424.open_file_part(h(case["file_cipher"]), touch, key)
        assert plain == h(case["file_plain"])


@pytest.mark.parametrize("name", ["an12196-t1-enc", "an12196-t1-mac"])
def test_session_keys_of_table_1(name: str) -> None:
    case = SESSION_KEYS[name]
    touch = ntag424.SunTouch(h("04c767f2066180"), 1)
    if name.endswith("mac"):
        assert ntag424.sun_mac_key(h(case["key"]), touch) == h(case["mac16"])
    assert aes_cmac(h(case["key"]), h(case["msg"])) == h(case["mac16"])
    assert h(case["msg"])[6:] == touch.uid + h("010000")


@pytest.mark.parametrize("bit", range(24 * 8))
def test_every_flipped_bit_of_a_link_is_seen(bit: int) -> None:
    """But for the five random bytes in the cipher there is nothing that may change; in AES every
    bit of the cipher changes all of them."""
    whole = ntag424.read_link(FIRST["link"])
    spoilt = bytearray(whole.picc + whole.mac)
    spoilt[bit // 8] ^= 1 << bit % 8
    link = ntag424.SunLink(bytes(spoilt[:16]), bytes(spoilt[16:]))
    with pytest.raises(CardForged):
        ntag424.check_link(link, ntag424.open_link(link, bytes(16)), bytes(16))


def test_a_link_of_other_keys_or_another_touch_is_forged() -> None:
    link = ntag424.read_link(FIRST["link"])
    touch = ntag424.open_link(link, bytes(16))
    with pytest.raises(CardForged):
        ntag424.open_link(link, h("01" * 16))
    for wrong, key in (
        (touch, h("01" * 16)),
        (ntag424.SunTouch(touch.uid, touch.counter + 1), bytes(16)),
        (ntag424.SunTouch(bytes(7), touch.counter), bytes(16)),
    ):
        with pytest.raises(CardForged):
            ntag424.check_link(link, wrong, key)


PICC, MAC = "EF963FF7828658A599F3041510671E88", "94EED9EE65337086"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "https://a/",
        f"https://a/?e={PICC}",
        f"https://a/?c={MAC}",
        f"https://a/?e={PICC[:-2]}&c={MAC}",
        f"https://a/?e={PICC}&c={MAC}00",
        f"https://a/?e={PICC}&e={PICC}&c={MAC}",
        f"https://a/?e={PICC}&c={MAC}&c={MAC}",
        f"https://a/?e={MAC}&c={PICC}",
        f"https://a/?e={PICC[:-2]}zz&c={MAC}",
        f"https://[a/?e={PICC}&c={MAC}",
        f"https://a/?e={PICC}&c={MAC}" + "&x=1" * 40,
        f"https://a/?e={PICC}&c={MAC}&x=" + "0" * 3000,
    ],
)
def test_what_is_no_link_of_a_chip_is_garbled(text: str) -> None:
    with pytest.raises(CardGarbled):
        ntag424.read_link(text)


@named(VECTORS["authentications"])
def test_a_chip_proves_itself_and_signs_its_uid(case: Any) -> None:
    """The published handshake, then the UID from a far side under the published session keys."""
    far = Ev2Messaging(0, h(case["ses_enc_key"]), h(case["ses_mac_key"]), h(case["ti"]))
    uid = h("04958caa5c5e80")
    signed = far.close(uid, CommMode.FULL, Traffic.READ)
    answers = [h("9000"), h(case["enc_rnd_b"] + "91af"), h(case["enc_response"] + "9100")]
    script = Script([*answers, signed + h("9100")])
    proved = run(ntag424.prove(case["key_no"], h(case["key"]), h(case["rnd_a"])), script)
    assert proved == uid
    assert script.asked[:2] == [SELECT, h("9071000002") + bytes([case["key_no"]]) + h("0000")]
    assert script.asked[2] == h("90af000020" + case["enc_rnd_ab"] + "00")
    answers[2] = answers[2][:20] + bytes([answers[2][20] ^ 1]) + answers[2][21:]
    with pytest.raises(CardForged):
        run(ntag424.prove(0, h(case["key"]), h(case["rnd_a"])), Script(answers))


def test_the_published_answer_with_the_uid() -> None:
    case = VECTORS["card_uid"]
    session = ev2.Session(0, h(case["ses_enc_key"]), h(case["ses_mac_key"]), h(case["ti"]))
    script = Script([h(case["answer"])])
    uid = run(ev2.command(session, Ins.GET_CARD_UID, mode=ev2.CommMode.FULL), script)
    assert uid == h(case["uid"])
    assert script.asked == [h(case["apdu"])]


def test_the_lrp_mode_is_refused() -> None:
    """There the chip's first answer has one byte more, which names the mode."""
    with pytest.raises(CardGarbled):
        run(ntag424.prove(0, bytes(16), bytes(16)), Script([h("9000"), h("01" * 17 + "91af")]))


@pytest.mark.parametrize(
    ("kind", "major", "told"), [(0x04, 0x30, True), (0x04, 0x10, False), (0x01, 0x33, False)]
)
def test_the_chip_is_told_by_its_version(kind: int, major: int, told: bool) -> None:
    frame = bytes([4, kind, 2, major, 0, 0x11, 5])
    answers = [frame + h("91af"), frame + h("91af"), bytes(14) + h("9100")]
    assert run(ntag424.is_ntag424(), Script(answers)) is told


def test_other_cards_are_not_taken_for_one() -> None:
    assert not run(ntag424.is_ntag424(), delivered().transmit)
    assert not run(ntag424.is_ntag424(), Script([h("6e00")]))
    assert not run(ntag424.is_ntag424(), Script([h("91af")] * 3))


def test_ten_thousand_answers_prove_nothing() -> None:
    source = random.Random(424)
    lengths = (0, 1, 7, 8, 14, 16, 17, 24, 32, 40)
    words = [h(word) for word in ("9000", "9100", "91af", "91ae", "6a82")]
    given_answers = 0

    def transmit(_command: bytes) -> bytes:
        nonlocal given_answers
        given_answers += 1
        if source.random() < 0.3:
            return h("9000") if given_answers % 2 else source.randbytes(source.randrange(60))
        return source.randbytes(source.choice(lengths)) + source.choice(words)

    while given_answers < 10_000:
        with pytest.raises(CardError):
            run(ntag424.prove(0, bytes(16), bytes(16)), transmit)
        try:
            assert not run(ntag424.is_ntag424(), transmit)
        except CardGarbled as error:
            assert error.facts["command"] == Ins.ADDITIONAL_FRAME


@examples(500, nightly=100_000)
@given(text=st.one_of(st.text(max_size=200), st.from_regex(r"https://a/\?e=[0-9a-fA-F%&=]{0,40}")))
def test_any_text_is_a_link_or_garbled(text: str) -> None:
    try:
        link = ntag424.read_link(text)
    except CardGarbled:
        return
    with pytest.raises(CardForged):
        ntag424.check_link(link, ntag424.open_link(link, bytes(16)), bytes(16))
