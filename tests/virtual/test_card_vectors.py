"""Published vectors and logs of real cards, held against the virtual card."""

from typing import Any

import pytest
from card_scripts import Script, delivered, unhex, vectors, wrap
from desfire_terminal import DES_ZEROS, Terminal, diversify_aes

from simulator.cards.crypto import BlockCipher, crc32, odd_bytes
from simulator.cards.desfire import ATR, DesfireCard
from simulator.cards.keys import Key, KeyKind
from simulator.cards.messaging import CommMode, Ev1Messaging, Ev2Messaging, Traffic
from simulator.cards.picc import Picc
from simulator.cards.status import CardError, Status
from simulator.cards.uid import ATR_CLASSIC_1K, ATR_ULTRALIGHT, UidCard

AES_LOGS = vectors("desfire_aes_auth")["vectors"]
EV2_LOGS = vectors("desfire_ev2_auth")["vectors"]
MESSAGING = vectors("cmac_sm")
AES_DIVERSIFICATION = [v for v in vectors("an10922")["vectors"] if v["alg"] == "AES-128"]


def named(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["id"]) for entry in entries]


def aes_card(key: str, random_parts: list[bytes], capabilities: str = "") -> DesfireCard:
    picc = Picc.delivered(unhex("04112233445566"))
    picc.master.kind, picc.master.keys = KeyKind.AES, [Key(KeyKind.AES, unhex(key))]
    return DesfireCard(picc, Script(*random_parts), capabilities=unhex(capabilities))


@pytest.mark.parametrize("log", named(AES_LOGS))
def test_aes_authentication(log: dict[str, Any]) -> None:
    card = aes_card(log["key"], [unhex(log["rnd_b"])])
    assert card.transmit(wrap(b"\xaa\x00")) == unhex(log["enc_rnd_b"]) + b"\x91\xaf"
    answer = card.transmit(wrap(b"\xaf" + unhex(log["enc_rnd_ab"])))
    assert answer == unhex(log["enc_rnd_a"]) + b"\x91\x00"


@pytest.mark.parametrize(
    "log", named([log for log in AES_LOGS if "wrapped_apdus" in log or "apdus_wrapped_form" in log])
)
def test_aes_authentication_as_it_was_on_the_wire(log: dict[str, Any]) -> None:
    card = aes_card(log["key"], [unhex(log["rnd_b"])])
    exchanges = log.get("wrapped_apdus") or [
        (exchange["tx"], exchange["rx"]) for exchange in log["apdus_wrapped_form"]
    ]
    for command, answer in exchanges:
        assert card.transmit(unhex(command)).hex() == answer


@pytest.mark.parametrize("log", named(EV2_LOGS))
def test_ev2_first_authentication(log: dict[str, Any]) -> None:
    ti = unhex(log.get("ti", "8cf141f3"))
    card = aes_card(log["key"], [ti, unhex(log["rnd_b"])], log.get("pd_cap2", ""))
    terminal_capabilities = unhex(log.get("pcd_cap2", ""))
    request = bytes([0x71, 0, len(terminal_capabilities)]) + terminal_capabilities
    challenge = card.transmit(wrap(request))
    if "enc_rnd_b" in log:
        assert challenge == unhex(log["enc_rnd_b"]) + b"\x91\xaf"
        answer = card.transmit(wrap(b"\xaf" + unhex(log["enc_rnd_ab"])))
        assert answer == unhex(log["enc_response"]) + b"\x91\x00"


@pytest.mark.parametrize("log", named([log for log in EV2_LOGS if "ses_enc_key" in log]))
def test_ev2_session_keys(log: dict[str, Any]) -> None:
    ti = unhex(log.get("ti", "8cf141f3"))
    card = aes_card(log["key"], [ti, unhex(log["rnd_b"])])
    terminal = Terminal(card.transmit, Script(unhex(log["rnd_a"])))
    terminal.authenticate_ev2(0, Key(KeyKind.AES, unhex(log["key"])))
    # The card accepts and signs a command under exactly the published keys.
    encryption, mac = unhex(log["ses_enc_key"]), unhex(log["ses_mac_key"])
    reference = Ev2Messaging(0, encryption, mac, ti)
    request = b"\x51" + bytes(2) + ti
    signature = odd_bytes(BlockCipher(mac, aes=True).cmac(request))
    answer = card.transmit(wrap(b"\x51" + signature))
    assert answer == reference.close(card.uid, CommMode.FULL, Traffic.CONTROL) + b"\x91\x00"


@pytest.mark.parametrize("exchange", named(MESSAGING["ev2_exchanges"]))
def test_ev2_exchange(exchange: dict[str, Any]) -> None:
    encryption = unhex(exchange.get("ses_enc_key", "00" * 16))
    session = Ev2Messaging(0, encryption, unhex(exchange["ses_mac_key"]), unhex(exchange["ti"]))
    session.command_counter = exchange["cmd_ctr"]
    mode = CommMode.FULL if exchange["mode"] == "full" else CommMode.MAC
    plain = unhex(exchange.get("cmd_plain_data", ""))
    body = unhex(exchange.get("cmd_cipher", exchange.get("cmd_plain_data", "")))
    body += unhex(exchange["cmd_mac"])
    ins, header = int(exchange["cmd"], 16), unhex(exchange["header"])
    assert session.open(ins, header, body, mode, Traffic.WRITE, len(plain)) == plain
    answer = unhex(exchange["resp_data"])
    assert session.close(answer, mode, Traffic.READ) == answer + unhex(exchange["resp_mac"])


@pytest.mark.parametrize("exchange", named(MESSAGING["ev2_exchanges"]))
def test_ev2_exchange_with_a_flipped_bit(exchange: dict[str, Any]) -> None:
    session = Ev2Messaging(0, bytes(16), unhex(exchange["ses_mac_key"]), unhex(exchange["ti"]))
    session.command_counter = exchange["cmd_ctr"]
    body = bytearray(unhex(exchange.get("cmd_plain_data", "")) + unhex(exchange["cmd_mac"]))
    body[0] ^= 1
    with pytest.raises(CardError) as refused:
        session.open(
            int(exchange["cmd"], 16),
            unhex(exchange["header"]),
            bytes(body),
            CommMode.MAC,
            Traffic.WRITE,
            len(body) - 8,
        )
    assert refused.value.status is Status.INTEGRITY_ERROR


@pytest.mark.parametrize("vector", named(MESSAGING["ev2_iv"]))
def test_ev2_initial_vector(vector: dict[str, Any]) -> None:
    label = {"command": b"\xa5\x5a", "answer": b"\x5a\xa5"}[vector["direction"]]
    counter = vector["cmd_ctr"].to_bytes(2, "little")
    seed = label + unhex(vector["ti"]) + counter + bytes(8)
    cipher = BlockCipher(unhex(vector["ses_enc_key"]), aes=True)
    assert cipher.encrypt(seed, bytes(16)).hex() == vector["iv"]


def split_command(message: bytes) -> tuple[int, bytes, bytes]:
    header = message[1:8] if message[0] in (0x3D, 0xBD) else b""
    return message[0], header, message[1 + len(header) :]


@pytest.mark.parametrize("series", named(MESSAGING["ev1_chained_sessions"]))
def test_ev1_series(series: dict[str, Any]) -> None:
    """Each step through the card's own session where it is a command or an answer."""
    cipher = BlockCipher(unhex(series["session_key"]), aes=True)
    session, steps = Ev1Messaging(0, cipher), series["steps"]
    for place, step in enumerate(steps):
        if step["op"] == "crc":
            assert crc32(unhex(step["msg"])).hex() == step["crc32_le"]
        elif step["op"] == "enc":
            plain = session.open_key(0xC4, b"\x00", unhex(step["cipher"]))
            assert plain.hex() == step["plain"]
        elif step["op"] == "dec":
            data = unhex(steps[0]["msg"])[8:]
            closed = session.close(data, CommMode.FULL, Traffic.READ)
            assert closed.hex() == step["cipher"]
        elif step["what"].startswith("resp"):
            data = unhex(step["msg"])[:-1]
            mode = CommMode.MAC if place > 1 else CommMode.PLAIN
            closed = session.close(data, mode, Traffic.READ)
            assert closed.hex() == data.hex() + step["cmac8"]
        else:
            ins, header, data = split_command(unhex(step["msg"]))
            signature = unhex(step["cmac8"]) if "WriteData" in step["what"] else b""
            traffic = Traffic.WRITE if signature else Traffic.READ
            opened = session.open(ins, header, data + signature, CommMode.MAC, traffic, len(data))
            assert opened == data


@pytest.mark.parametrize(
    "vector", named([v for v in MESSAGING["ntag424_sdm"] if v["op"] == "cmac"])
)
def test_cmac(vector: dict[str, Any]) -> None:
    mac = BlockCipher(unhex(vector["key"]), aes=True).cmac(unhex(vector["msg"]))
    assert mac.hex() == vector["mac16"]


@pytest.mark.parametrize("vector", named(AES_DIVERSIFICATION))
def test_diversified_keys_open_the_card(vector: dict[str, Any]) -> None:
    """A card given the published key lets in a terminal that derives it, and nobody else."""
    key = Key(KeyKind.AES, diversify_aes(unhex(vector["master_key"]), unhex(vector["div_input"])))
    card = delivered()
    terminal = Terminal(card.transmit)
    terminal.authenticate(0x1A, 0, DES_ZEROS)
    published = vector.get("derived_key")
    if published is None:
        assert key.value.hex() != vector["derived_key_wrong"]
        return
    terminal.change_key(0x80, Key(KeyKind.AES, unhex(published)))
    terminal.authenticate_ev2(0, key)


def test_a_whole_session_of_a_real_card() -> None:
    """85 exchanges in DES, 2K3DES, 3K3DES and AES sessions, from format to format."""
    log = vectors("desfire_ev1_card_log")
    identity = log["card"]
    picc = Picc.delivered(unhex(identity["uid"]), identity["generation"])
    picc.batch, picc.production = unhex(identity["batch"]), unhex(identity["production"])
    source = Script(*[unhex(step["rnd_b"]) for step in log["steps"] if "rnd_b" in step])
    card = DesfireCard(picc, source)
    exchanges = 0
    for step in log["steps"]:
        for command, answer in step["exchanges"]:
            frame = unhex(answer)
            expected = frame[1:] + bytes([0x91, frame[0]])
            assert card.transmit(wrap(unhex(command))) == expected, step["what"]
            exchanges += 1
    assert exchanges == 85
    assert source.parts == []


@pytest.mark.parametrize("log", named(vectors("desfire_d40_card_log")["sessions"]))
def test_d40_session_of_a_real_card(log: dict[str, Any]) -> None:
    challenge = unhex(log["exchanges"][0][1])[1:]
    rnd_b = BlockCipher(unhex(log["key"]), aes=False).decrypt(challenge, bytes(8))
    card = DesfireCard(Picc.delivered(bytes(7)), Script(rnd_b))
    for command, answer in log["exchanges"]:
        frame = unhex(answer)
        assert card.transmit(wrap(unhex(command))) == frame[1:] + bytes([0x91, frame[0]])


def test_atrs_are_those_of_the_published_list() -> None:
    exact = {entry["atr"]: entry["profile"] for entry in vectors("atr")["exact"]}
    assert exact[ATR.hex()] == "desfire"
    assert exact[ATR_CLASSIC_1K.hex()] == "mifare-classic-1k"
    assert exact[ATR_ULTRALIGHT.hex()] == "ultralight-family"


@pytest.mark.parametrize("uid", ["04a1b2c3", "04a1b2c3d4e5f6", "04a1b2c3d4e5f6778899"])
def test_pseudo_apdus_of_pcsc_part_3(uid: str) -> None:
    commands = {entry["name"]: entry["apdu"] for entry in vectors("pcsc_part3")["commands"]}
    card = UidCard(unhex(uid))
    assert card.transmit(unhex(commands["Get UID"])).hex() == uid + "9000"
    assert card.transmit(unhex(commands["Get ATS"])).hex() == "6a81"
    desfire = delivered(unhex("04a1b2c3d4e5f6"))
    assert desfire.transmit(unhex(commands["Get UID"])).hex() == "04a1b2c3d4e5f69000"
    assert desfire.transmit(unhex(commands["Get ATS"])).hex() == "0675778102809000"
