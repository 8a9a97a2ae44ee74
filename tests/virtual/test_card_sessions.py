"""Authentication, keys and secure messaging of the virtual DESFire card, scheme by scheme."""

import pytest
from card_scripts import (
    AID,
    APPLICATION_KEYS,
    BACKUP,
    CYCLIC,
    DEBIT_KEY,
    MASTER_KEY,
    READ_KEY,
    STANDARD,
    UID,
    VALUE,
    delivered,
    opened,
    personalised,
    wrap,
)
from desfire_terminal import (
    AES_ZEROS,
    DES_ZEROS,
    FULL,
    MAC,
    PLAIN,
    Ev2Session,
    Refused,
    Terminal,
    i32,
    rights,
    u24,
)

from simulator.cards.desfire import DesfireCard
from simulator.cards.keys import Key, KeyKind
from simulator.cards.messaging import CommMode
from simulator.cards.status import Status

MODES = [PLAIN, MAC, FULL]
LEGACY, ISO, AES = 0x0A, 0x1A, 0xAA
TWO_KEY = Key(KeyKind.DES, bytes.fromhex("00102030405060708090a0b0c0d0e0f0"))
THREE_KEY = Key(KeyKind.DES3, bytes(range(0, 48, 2)))


def refused(status: Status) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, match=f"^{status:02x}$")


def test_delivered_card_describes_itself() -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    version = terminal.native(0x60)
    assert len(version) == 28
    assert version[:7].hex() == "04010133001805"
    assert version[7:14].hex() == "04010103001805"
    assert version[14:21] == UID
    assert terminal.native(0x45).hex() == "0f01"
    assert terminal.native(0x64, b"\x00").hex() == "00"
    assert terminal.native(0x6A) == b""
    assert int.from_bytes(terminal.native(0x6E), "little") == 5120


def test_get_version_comes_in_three_frames() -> None:
    card = delivered()
    answers = [card.transmit(wrap(ins)) for ins in (b"\x60", b"\xaf", b"\xaf")]
    assert [(len(answer) - 2, answer[-1]) for answer in answers] == [(7, 0xAF), (7, 0xAF), (14, 0)]


@pytest.mark.parametrize("scheme", [LEGACY, ISO])
@pytest.mark.parametrize(
    "new", [AES_ZEROS, MASTER_KEY, TWO_KEY, THREE_KEY], ids=lambda k: k.kind.name
)
def test_master_key_changes_kind(scheme: int, new: Key) -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    terminal.authenticate(scheme, 0, DES_ZEROS)
    terminal.change_key(new.kind.value, new)
    assert terminal.native(0x45) == bytes([0x0F, new.kind.value | 1])
    assert terminal.native(0x64, b"\x00") == bytes([new.version])
    again = {KeyKind.AES: AES, KeyKind.DES: ISO, KeyKind.DES3: ISO}[new.kind]
    terminal.authenticate(again, 0, new)
    terminal.change_key(0x00, DES_ZEROS)
    terminal.authenticate(LEGACY, 0, DES_ZEROS)


def test_master_key_from_des_to_aes_opens_ev2() -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.authenticate_ev2(0, AES_ZEROS)
    terminal.authenticate(ISO, 0, DES_ZEROS)
    terminal.change_key(0x80, MASTER_KEY)
    terminal.authenticate_ev2(0, MASTER_KEY)
    assert terminal.read(0x51, b"", FULL) == UID
    assert terminal.control(0x45).hex() == "0f81"


@pytest.mark.parametrize("scheme", [LEGACY, ISO, "aes", "ev2"])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_file_data_in_every_scheme_and_mode(scheme: int | str, mode: CommMode) -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    aes = isinstance(scheme, str)
    terminal.native(0xCA, AID + (b"\x0f\x82" if aes else b"\x0f\x02"))
    terminal.select(AID)

    def authenticate() -> None:
        if scheme == "ev2":
            terminal.authenticate_ev2(0, AES_ZEROS)
        elif scheme == "aes":
            terminal.authenticate(AES, 0, AES_ZEROS)
        else:
            assert isinstance(scheme, int)
            terminal.authenticate(scheme, 0, DES_ZEROS)

    authenticate()
    own = bytes([mode]) + rights(0, 0, 0, 0)
    terminal.control(0xCD, bytes([STANDARD]) + own + u24(200))
    terminal.control(0xCC, bytes([VALUE]) + own + i32(-100) + i32(100) + i32(0) + b"\x00")
    terminal.control(0xC0, bytes([CYCLIC]) + own + u24(20) + u24(3))
    text = bytes(range(150))
    terminal.write(0x3D, bytes([STANDARD]) + u24(10) + u24(150), text, mode)
    assert terminal.read(0xBD, bytes([STANDARD]) + u24(10) + u24(150), mode) == text
    assert terminal.read(0xBD, bytes([STANDARD]) + u24(0) + u24(11), mode) == bytes(11)
    terminal.write(0x0C, bytes([VALUE]), i32(70), mode)
    terminal.write(0x3B, bytes([CYCLIC]) + u24(0) + u24(20), bytes(range(20)), mode)
    terminal.control(0xC7)
    assert terminal.read(0x6C, bytes([VALUE]), mode) == i32(70)
    terminal.write(0xDC, bytes([VALUE]), i32(90), mode)
    terminal.control(0xC7)
    assert terminal.read(0x6C, bytes([VALUE]), mode) == i32(-20)
    assert terminal.read(0xBB, bytes([CYCLIC]) + u24(0) + u24(0), mode) == bytes(range(20))
    assert terminal.read(0x51, b"", FULL) == UID
    terminal.write(0x54, b"", b"\x0b", FULL)
    assert terminal.control(0x45)[0] == 0x0B
    terminal.write(0x5F, bytes([STANDARD]), b"\x00" + rights(0xE, 0, 0, 0), FULL)
    assert terminal.control(0xF5, bytes([STANDARD]))[1:4] == b"\x00" + rights(0xE, 0, 0, 0)
    assert terminal.session is not None
    authenticate()


@pytest.mark.parametrize("ins", [0x8D, 0x3D])
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_iso_and_native_chaining_write_the_same(ins: int, mode: CommMode) -> None:
    card = personalised(mode)
    terminal = opened(card, 3)
    text = bytes(range(200))
    frame_size = 255 if ins == 0x8D else 59
    terminal.write(ins, bytes([BACKUP]) + u24(0) + u24(200), text, mode, frame_size)
    terminal.control(0xC7)
    for reading in (0xAD, 0xBD):
        assert terminal.read(reading, bytes([BACKUP]) + u24(0) + u24(200), mode) == text


def test_a_native_frame_takes_59_bytes() -> None:
    card = personalised(PLAIN)
    terminal = opened(card, 3)
    with refused(Status.LENGTH_ERROR):
        terminal.native(0x3D, bytes([STANDARD]) + u24(0) + u24(53) + bytes(53), frame_size=60)


def test_second_authentication_continues_the_transaction() -> None:
    card = personalised(FULL)
    terminal = opened(card, 2)
    terminal.write(0xDC, bytes([VALUE]), i32(500), FULL)
    session = terminal.session
    assert isinstance(session, Ev2Session)
    counter = session.counter
    terminal.authenticate_ev2(1, READ_KEY, first=False)
    assert isinstance(terminal.session, Ev2Session)
    assert (terminal.session.ti, terminal.session.counter) == (session.ti, counter)
    assert terminal.session.mac_key != session.mac_key
    terminal.control(0xC7)
    assert terminal.read(0x6C, bytes([VALUE]), FULL) == i32(4_500)


def test_a_new_transaction_forgets_the_old_one() -> None:
    card = personalised(FULL)
    terminal = opened(card, 2)
    terminal.write(0xDC, bytes([VALUE]), i32(500), FULL)
    terminal.authenticate_ev2(2, DEBIT_KEY)
    with refused(Status.NO_CHANGES):
        terminal.control(0xC7)


def test_non_first_needs_a_first() -> None:
    card = personalised()
    terminal = Terminal(card.transmit)
    terminal.select(AID)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.authenticate_ev2(0, MASTER_KEY, first=False)


def test_plain_commands_count_too() -> None:
    """Free access in a session is plain, yet CmdCtr goes on: the next MAC shows it."""
    card = personalised(FULL)
    terminal = opened(card, 0)
    terminal.write(0x5F, bytes([STANDARD]), b"\x03" + rights(0xE, 2, 3, 0), FULL)
    assert terminal.read(0xBD, bytes([STANDARD]) + u24(0) + u24(5), PLAIN) == bytes(5)
    terminal.control(0xF5, bytes([STANDARD]))


@pytest.mark.parametrize("scheme", ["ev2", "aes"])
@pytest.mark.parametrize("place", [0, 3, -1])
@pytest.mark.parametrize("mode", [MAC, FULL], ids=lambda mode: mode.name)
def test_a_flipped_bit_ends_the_session(scheme: str, place: int, mode: CommMode) -> None:
    card = personalised(mode)

    def spoil(apdu: bytes) -> bytes:
        if apdu[1] != 0xDC:
            return card.transmit(apdu)
        spoiled = bytearray(apdu)
        spoiled[(6 + place) if place >= 0 else -2] ^= 0x10
        return card.transmit(bytes(spoiled))

    terminal = opened(card, 2, scheme)
    terminal.transmit = spoil
    with refused(Status.INTEGRITY_ERROR):
        terminal.write(0xDC, bytes([VALUE]), i32(100), mode)
    # The card has forgotten the session: it takes the frame for a plain one.
    answer, status = terminal.frame(0x6C, bytes([VALUE]))
    assert (answer, status) == (b"", Status.AUTHENTICATION_ERROR)


def test_a_repeated_command_is_refused() -> None:
    """The same bytes again carry an old CmdCtr."""
    card = personalised(FULL)
    sent: list[bytes] = []

    def watch(apdu: bytes) -> bytes:
        sent.append(apdu)
        return card.transmit(apdu)

    terminal = opened(card, 2)
    terminal.transmit = watch
    terminal.write(0xDC, bytes([VALUE]), i32(100), FULL)
    assert card.transmit(sent[-1]) == bytes([0x91, Status.INTEGRITY_ERROR])


def test_an_unsigned_command_in_an_ev2_session_is_a_length_error() -> None:
    """Seen on a real EV3: a bare 51 answers 7E and costs the session."""
    card = personalised()
    opened(card, 1)
    assert card.transmit(wrap(b"\x51")) == bytes([0x91, Status.LENGTH_ERROR])
    assert card.transmit(wrap(b"\x51")) == bytes([0x91, Status.AUTHENTICATION_ERROR])


def test_wrong_key() -> None:
    card = personalised()
    terminal = Terminal(card.transmit)
    terminal.select(AID)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.authenticate_ev2(1, DEBIT_KEY)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.authenticate(AES, 1, DEBIT_KEY)
    with refused(Status.NO_SUCH_KEY):
        terminal.authenticate_ev2(4, DEBIT_KEY)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.authenticate(ISO, 1, DES_ZEROS)


@pytest.mark.parametrize("scheme", ["ev2", "aes"])
def test_other_keys_are_changed_with_the_old_one(scheme: str) -> None:
    card = personalised()
    new = Key(KeyKind.AES, bytes(range(100, 116)), 9)
    terminal = opened(card, 0, scheme)
    terminal.change_key(1, new, READ_KEY)
    assert terminal.control(0x64, b"\x01") == b"\x09"
    with refused(Status.INTEGRITY_ERROR):
        terminal.change_key(1, new, READ_KEY)
    terminal.authenticate_ev2(1, new)


@pytest.mark.parametrize(
    ("change_right", "holder", "target", "status"),
    [
        (0x0, 0, 2, None),
        (0x0, 1, 2, Status.AUTHENTICATION_ERROR),
        (0x1, 1, 2, None),
        (0x1, 0, 2, Status.AUTHENTICATION_ERROR),
        (0x1, 0, 1, None),
        (0xE, 2, 2, None),
        (0xE, 0, 2, Status.AUTHENTICATION_ERROR),
        (0xF, 0, 2, Status.PERMISSION_DENIED),
        (0xF, 0, 0, None),
        (0x0, 1, 0, Status.AUTHENTICATION_ERROR),
    ],
)
def test_who_may_change_keys(
    change_right: int, holder: int, target: int, status: Status | None
) -> None:
    card = personalised()
    opened(card, 0).write(0x54, b"", bytes([change_right << 4 | 0x0B]), FULL)
    terminal = opened(card, holder)
    old = None if holder == target else APPLICATION_KEYS[target]
    new = Key(KeyKind.AES, bytes(16), 7)
    if status is None:
        terminal.change_key(target, new, old)
    else:
        with refused(status):
            terminal.change_key(target, new, old)


def test_frozen_settings_stay_frozen() -> None:
    card = personalised()
    opened(card, 0).write(0x54, b"", b"\x00", FULL)
    terminal = opened(card, 0)
    with refused(Status.PERMISSION_DENIED):
        terminal.write(0x54, b"", b"\x0f", FULL)
    terminal = opened(card, 0)
    with refused(Status.PERMISSION_DENIED):
        terminal.change_key(0, AES_ZEROS)
    with refused(Status.AUTHENTICATION_ERROR):
        Terminal(card.transmit).native(0x6F)


def test_format_forgets_applications_and_keeps_the_key() -> None:
    card = personalised()
    terminal = Terminal(card.transmit)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.native(0xFC)
    terminal.authenticate(LEGACY, 0, DES_ZEROS)
    terminal.control(0xFC)
    assert terminal.control(0x6A) == b""
    assert int.from_bytes(terminal.control(0x6E), "little") == 5120


def test_applications() -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    terminal.native(0xCA, AID + b"\x0b\x84")
    with refused(Status.DUPLICATE_ERROR):
        terminal.native(0xCA, AID + b"\x0b\x84")
    for bad in (b"\x00\x00\x00\x0b\x84", b"\x01\x00\x00\x0b\xc1", b"\x01\x00\x00\x0b\x80"):
        with refused(Status.PARAMETER_ERROR):
            terminal.native(0xCA, bad)
    for short in (b"", AID, AID + b"\x0b", AID + b"\x0b\x84\x01"):
        with refused(Status.LENGTH_ERROR):
            terminal.native(0xCA, short)
    terminal.native(0xCA, b"\x01\x00\x00\x0b\x21\x10\xe1" + b"COUNTER")
    assert terminal.native(0x6A) == AID + b"\x01\x00\x00"
    assert card.transmit(b"\x00\xa4\x04\x00\x07COUNTER\x00") == b"\x90\x00"
    assert terminal.native(0x45).hex() == "0b21"
    assert card.transmit(bytes.fromhex("00a4040007d276000085010000")) == b"\x90\x00"
    assert terminal.native(0x45).hex() == "0f01"
    assert card.transmit(b"\x00\xa4\x00\x00\x02\xe1\x10\x00") == b"\x6a\x82"
    assert card.transmit(b"\x00\xa4\x00\x00\x02\x10\xe1\x00") == b"\x90\x00"
    with refused(Status.APPLICATION_NOT_FOUND):
        terminal.select(b"\xff\xff\xff")
    terminal.select(bytes(3))
    terminal.authenticate(ISO, 0, DES_ZEROS)
    terminal.control(0xDA, AID)
    assert terminal.control(0x6A) == b"\x01\x00\x00"


def test_an_application_deletes_itself() -> None:
    card = personalised()
    terminal = opened(card, 0)
    payload = AID + terminal.session.mac(0xDA, AID)  # type: ignore[union-attr]
    assert terminal.native(0xDA, payload) == b""
    terminal.session = None
    assert terminal.native(0x6A) == b""


def test_a_stray_command_aborts_what_was_open() -> None:
    card = delivered()
    assert card.transmit(wrap(b"\x60"))[-1] == 0xAF
    assert card.transmit(wrap(b"\x45")) == bytes([0x91, Status.COMMAND_ABORTED])
    assert card.transmit(wrap(b"\x45"))[-1] == Status.OK
    assert card.transmit(wrap(b"\xaf")) == bytes([0x91, Status.ILLEGAL_COMMAND])
    # The reader's own question about the UID is no command to the chip.
    assert card.transmit(wrap(b"\x60"))[-1] == 0xAF
    assert card.transmit(bytes.fromhex("ffca000000")) == UID + b"\x90\x00"
    assert card.transmit(wrap(b"\xaf"))[-1] == 0xAF


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("90", "6700"),
        ("9060000001", "6700"),
        ("90600000", "6700"),
        ("9060010000", "6a86"),
        ("905a000003000000", "6700"),
        ("905a00000300000000", "9100"),
        ("905a0000020000", "6700"),
        ("90ff000000", "911c"),
        ("9061000000", "911c"),
        ("00b0000000", "6d00"),
        ("80ca000000", "6e00"),
        ("ff82000006ffffffffffff", "6a81"),
        ("ffb0000410", "6a81"),
        ("ffca000004", "6c07"),
        ("ffca00000a", "04782e21801d806282"),
        ("ffca020000", "6a81"),
    ],
)
def test_frames_that_are_not_commands(apdu: str, answer: str) -> None:
    assert delivered().transmit(bytes.fromhex(apdu)).hex() == answer


def test_ev1_chip_knows_no_ev2() -> None:
    card = DesfireCard(delivered()._card.picc)
    card._card.picc.generation = "ev1"
    for ins in (0x71, 0x77, 0x8D, 0xAD):
        assert card.transmit(wrap(bytes([ins, 0, 0])))[-1] == Status.ILLEGAL_COMMAND
