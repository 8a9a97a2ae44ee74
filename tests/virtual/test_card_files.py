"""Files of the virtual DESFire card: rights, limits, transactions, and what a tear leaves."""

import pytest
from card_scripts import (
    AID,
    BACKUP,
    CYCLIC,
    LINEAR,
    STANDARD,
    VALUE,
    delivered,
    opened,
    personalised,
    value_of,
)
from desfire_terminal import (
    AES_ZEROS,
    FULL,
    MAC,
    PLAIN,
    Refused,
    Terminal,
    i32,
    rights,
    u24,
)

from simulator.cards.desfire import DesfireCard
from simulator.cards.status import Status

WHOLE_RECORD = u24(0) + u24(16)


def refused(status: Status) -> "pytest.RaisesExc[Refused]":
    return pytest.raises(Refused, match=f"^{status:02x}$")


def span(file_no: int, offset: int, length: int) -> bytes:
    return bytes([file_no]) + u24(offset) + u24(length)


def test_settings_of_every_kind() -> None:
    terminal = opened(personalised(FULL), 0)
    settings = [terminal.control(0xF5, bytes([number])).hex() for number in range(1, 6)]
    common = "03" + rights(1, 2, 3, 0).hex()
    assert settings == [
        f"00{common}640000",
        f"01{common}2c0100",
        f"02{common}00000000a08601000000000001",
        f"04{common}100000040000000000",
        f"03{common}0a0000020000000000",
    ]
    assert terminal.control(0x6F) == bytes([1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("ins", "allowed"),
    [
        ("read", {1, 3}),
        ("write", {2, 3}),
        ("get_value", {1, 2, 3}),
        ("debit", {1, 2, 3}),
        ("limited", {2, 3}),
        ("credit", {3}),
        ("clear", {3}),
        ("settings", {0}),
    ],
)
@pytest.mark.parametrize("key_no", [0, 1, 2, 3])
def test_rights(ins: str, allowed: set[int], key_no: int) -> None:
    card = personalised(MAC)
    opened(card, 3).write(0xDC, bytes([VALUE]), i32(50), MAC)
    terminal = opened(card, 2)
    terminal.write(0xDC, bytes([VALUE]), i32(50), MAC)
    terminal.control(0xC7)
    terminal = opened(card, key_no)
    attempts = {
        "read": lambda: terminal.read(0xBD, span(STANDARD, 0, 4), MAC),
        "write": lambda: terminal.write(0x3D, span(STANDARD, 0, 4), bytes(4), MAC),
        "get_value": lambda: terminal.read(0x6C, bytes([VALUE]), MAC),
        "debit": lambda: terminal.write(0xDC, bytes([VALUE]), i32(1), MAC),
        "limited": lambda: terminal.write(0x1C, bytes([VALUE]), i32(1), MAC),
        "credit": lambda: terminal.write(0x0C, bytes([VALUE]), i32(1), MAC),
        "clear": lambda: terminal.control(0xEB, bytes([CYCLIC])),
        "settings": lambda: terminal.write(
            0x5F, bytes([STANDARD]), b"\x01" + rights(1, 2, 3, 0), FULL
        ),
    }
    if key_no in allowed:
        attempts[ins]()
    else:
        with refused(Status.PERMISSION_DENIED):
            attempts[ins]()


def test_without_a_session_a_keyed_file_asks_for_authentication() -> None:
    card = personalised(PLAIN)
    terminal = Terminal(card.transmit)
    terminal.select(AID)
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.native(0xBD, span(STANDARD, 0, 4))
    with refused(Status.AUTHENTICATION_ERROR):
        terminal.native(0x3B, span(CYCLIC, 0, 1) + b"x")


def test_free_and_forbidden_access() -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    terminal.native(0xCA, AID + b"\x0f\x81")
    terminal.select(AID)
    terminal.native(0xCD, b"\x01\x03" + rights(0xE, 0xF, 0xF, 0xE) + u24(8))
    assert terminal.native(0xBD, span(1, 0, 0)) == bytes(8)
    with refused(Status.PERMISSION_DENIED):
        terminal.native(0x3D, span(1, 0, 1) + b"x")
    terminal.native(0x5F, b"\x01\x00" + rights(0xE, 0xE, 0xF, 0xF))
    terminal.native(0x3D, span(1, 0, 1) + b"x")
    assert terminal.native(0xBD, span(1, 0, 2)) == b"x\x00"
    with refused(Status.PERMISSION_DENIED):
        terminal.native(0x5F, b"\x01\x00" + rights(0xE, 0xE, 0xE, 0xE))
    terminal.native(0xCC, b"\x02\x01" + rights(0, 0, 0, 0) + i32(-5) + i32(5) + i32(-3) + b"\x02")
    assert terminal.native(0x6C, b"\x02") == i32(-3)


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"\x01\x00\xee\xee" + u24(8), Status.DUPLICATE_ERROR),
        (b"\x20\x00\xee\xee" + u24(8), Status.PARAMETER_ERROR),
        (b"\x06\x04\xee\xee" + u24(8), Status.PARAMETER_ERROR),
        (b"\x06\x00\xee\x5e" + u24(8), Status.PARAMETER_ERROR),
        (b"\x06\x00\xee\xee" + u24(0), Status.PARAMETER_ERROR),
        (b"\x06\x00\xee\xee" + u24(9000), Status.OUT_OF_MEMORY),
        (b"\x06\x00\xee\xee" + u24(2**24 - 1), Status.OUT_OF_MEMORY),
        (b"\x06\x00\xee\xee" + u24(8) + b"\x00", Status.LENGTH_ERROR),
        (b"\x06\x00\xee\xee", Status.LENGTH_ERROR),
    ],
)
def test_create_is_checked(payload: bytes, status: Status) -> None:
    terminal = opened(personalised(), 0)
    with refused(status):
        terminal.control(0xCD, payload)


@pytest.mark.parametrize(
    "own",
    [
        i32(10) + i32(5) + i32(7) + b"\x00",
        i32(0) + i32(5) + i32(7) + b"\x00",
        i32(0) + i32(5) + i32(1) + b"\x04",
    ],
)
def test_value_files_are_checked(own: bytes) -> None:
    terminal = opened(personalised(), 0)
    with refused(Status.PARAMETER_ERROR):
        terminal.control(0xCC, b"\x06\x00\xee\xee" + own)


def test_a_cyclic_file_needs_room_for_the_transaction() -> None:
    terminal = opened(personalised(), 0)
    with refused(Status.PARAMETER_ERROR):
        terminal.control(0xC0, b"\x06\x00\xee\xee" + u24(8) + u24(1))


def test_deleted_file_is_gone_its_memory_is_not() -> None:
    terminal = opened(personalised(), 0)
    before = terminal.control(0x6E)
    terminal.control(0xDF, bytes([BACKUP]))
    assert terminal.control(0x6E) == before
    with refused(Status.FILE_NOT_FOUND):
        terminal.control(0xF5, bytes([BACKUP]))


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 101), (100, 1), (99, 2), (100, 0), (2**24 - 1, 2**24 - 1)]
)
def test_reading_past_the_end(offset: int, length: int) -> None:
    terminal = opened(personalised(FULL), 1)
    with refused(Status.BOUNDARY_ERROR):
        terminal.read(0xBD, span(STANDARD, offset, length), FULL)


@pytest.mark.parametrize("file_no", [STANDARD, BACKUP, CYCLIC, LINEAR])
def test_writing_past_the_end(file_no: int) -> None:
    terminal = opened(personalised(FULL), 2)
    size = {STANDARD: 100, BACKUP: 300, CYCLIC: 16, LINEAR: 10}[file_no]
    ins = 0x3D if file_no in (STANDARD, BACKUP) else 0x3B
    with refused(Status.BOUNDARY_ERROR):
        terminal.write(ins, span(file_no, size - 1, 2), b"xy", FULL)


@pytest.mark.parametrize("extra", [-1, 1])
def test_length_and_data_must_agree(extra: int) -> None:
    card = personalised(PLAIN)
    terminal = opened(card, 2, "aes")
    payload = span(STANDARD, 0, 10) + bytes(10 + extra)
    answer, status = terminal.frame(0x3D, payload)
    # Too little: the card waits for the rest; a further frame that overshoots is refused.
    if extra < 0:
        assert (answer, status) == (b"", 0xAF)
        answer, status = terminal.frame(0xAF, bytes(2))
    assert (answer, status) == (b"", Status.LENGTH_ERROR)


def test_commands_on_the_wrong_kind_of_file() -> None:
    card = personalised(MAC)
    for ins, header in ((0xBD, span(VALUE, 0, 1)), (0xBB, span(STANDARD, 0, 1)), (0x6C, b"\x01")):
        terminal = opened(card, 3)
        with refused(Status.PERMISSION_DENIED):
            terminal.read(ins, header, MAC)


def test_file_commands_at_card_level() -> None:
    terminal = Terminal(delivered().transmit)
    for ins, payload in ((0x6F, b""), (0xF5, b"\x01"), (0xC7, b""), (0xBD, span(1, 0, 0))):
        with refused(Status.PERMISSION_DENIED):
            terminal.native(ins, payload)


def test_value_limits_and_committed_value() -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    for ins, amount, status in (
        (0xDC, 5_001, Status.BOUNDARY_ERROR),
        (0x0C, 95_001, Status.BOUNDARY_ERROR),
        (0x0C, 2**31 - 1, Status.BOUNDARY_ERROR),
        (0xDC, -1, Status.PARAMETER_ERROR),
    ):
        with refused(status):
            terminal.write(ins, bytes([VALUE]), i32(amount), FULL)
        terminal = opened(card, 3)
    terminal.write(0xDC, bytes([VALUE]), i32(3_000), FULL)
    assert terminal.read(0x6C, bytes([VALUE]), FULL) == i32(5_000)
    terminal.write(0xDC, bytes([VALUE]), i32(2_000), FULL)
    terminal.control(0xC7)
    assert terminal.read(0x6C, bytes([VALUE]), FULL) == i32(0)


def test_limited_credit_returns_what_was_debited_once() -> None:
    card = personalised(FULL)
    terminal = opened(card, 2)
    with refused(Status.BOUNDARY_ERROR):
        terminal.write(0x1C, bytes([VALUE]), i32(1), FULL)
    terminal = opened(card, 2)
    terminal.write(0xDC, bytes([VALUE]), i32(300), FULL)
    terminal.write(0xDC, bytes([VALUE]), i32(200), FULL)
    terminal.control(0xC7)
    assert opened(card, 0).control(0xF5, bytes([VALUE]))[12:16] == i32(500)
    terminal = opened(card, 2)
    with refused(Status.BOUNDARY_ERROR):
        terminal.write(0x1C, bytes([VALUE]), i32(501), FULL)
    terminal = opened(card, 2)
    terminal.write(0x1C, bytes([VALUE]), i32(100), FULL)
    terminal.control(0xC7)
    assert value_of(card) == 4_600
    terminal = opened(card, 2)
    with refused(Status.BOUNDARY_ERROR):
        terminal.write(0x1C, bytes([VALUE]), i32(1), FULL)


def write_record(terminal: Terminal, file_no: int, text: bytes, size: int) -> None:
    terminal.write(0x3B, span(file_no, 0, size), text.ljust(size, b"."), FULL)
    terminal.control(0xC7)


def test_a_cyclic_file_keeps_the_newest_three_of_four() -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    with refused(Status.BOUNDARY_ERROR):
        terminal.read(0xBB, span(CYCLIC, 0, 0), FULL)
    terminal = opened(card, 3)
    for number in range(5):
        write_record(terminal, CYCLIC, b"%d" % number, 16)
    whole = terminal.read(0xBB, span(CYCLIC, 0, 0), FULL)
    assert whole.replace(b".", b"") == b"234"
    assert terminal.read(0xBB, span(CYCLIC, 0, 1), FULL).rstrip(b".") == b"4"
    assert terminal.read(0xBB, span(CYCLIC, 1, 2), FULL).replace(b".", b"") == b"23"
    assert opened(card, 0).control(0xF5, bytes([CYCLIC]))[10:13] == u24(3)
    for newest, count in ((3, 1), (0, 4), (2, 2)):
        terminal = opened(card, 1)
        with refused(Status.BOUNDARY_ERROR):
            terminal.read(0xBB, span(CYCLIC, newest, count), FULL)


def test_a_linear_file_fills_up_and_is_cleared() -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    write_record(terminal, LINEAR, b"a", 10)
    write_record(terminal, LINEAR, b"b", 10)
    with refused(Status.BOUNDARY_ERROR):
        write_record(terminal, LINEAR, b"c", 10)
    terminal = opened(card, 3)
    terminal.control(0xEB, bytes([LINEAR]))
    assert terminal.read(0xBB, span(LINEAR, 0, 0), FULL).replace(b".", b"") == b"ab"
    with refused(Status.PERMISSION_DENIED):
        write_record(terminal, LINEAR, b"c", 10)
    terminal = opened(card, 3)
    terminal.control(0xEB, bytes([LINEAR]))
    terminal.control(0xC7)
    write_record(terminal, LINEAR, b"c", 10)
    assert terminal.read(0xBB, span(LINEAR, 0, 0), FULL).replace(b".", b"") == b"c"


def test_a_transaction_has_one_new_record() -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    terminal.write(0x3B, span(CYCLIC, 0, 2), b"ab", FULL)
    terminal.write(0x3B, span(CYCLIC, 1, 2), b"XY", FULL)
    terminal.control(0xC7)
    assert terminal.read(0xBB, span(CYCLIC, 0, 0), FULL) == b"aXY".ljust(16, b"\x00")


def change_everything(terminal: Terminal) -> None:
    terminal.write(0xDC, bytes([VALUE]), i32(1_000), FULL)
    terminal.write(0x3B, span(CYCLIC, 0, 4), b"sale", FULL)
    terminal.write(0x3D, span(BACKUP, 0, 4), b"sale", FULL)


def contents(card: DesfireCard) -> tuple[int, bytes, bool]:
    terminal = opened(card, 1)
    backup = terminal.read(0xBD, span(BACKUP, 0, 4), FULL)
    settings = opened(card, 0).control(0xF5, bytes([CYCLIC]))
    return value_of(card), backup, settings[10:13] == u24(1)


UNTOUCHED = (5_000, bytes(4), False)
COMMITTED = (4_000, b"sale", True)


@pytest.mark.parametrize(
    "ending", ["removal", "select", "abort", "wrong MAC", "refused command", "none"]
)
def test_a_transaction_is_all_or_nothing(ending: str) -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    change_everything(terminal)
    if ending == "removal":
        card.reset()
    elif ending == "select":
        terminal.select(AID)
    elif ending == "abort":
        terminal.control(0xA7)
    elif ending == "wrong MAC":
        assert terminal.frame(0xC7, bytes(8)) == (b"", Status.INTEGRITY_ERROR)
    elif ending == "refused command":
        with refused(Status.BOUNDARY_ERROR):
            terminal.read(0xBD, span(BACKUP, 0, 301), FULL)
    else:
        terminal.control(0xC7)
    assert contents(card) == (COMMITTED if ending == "none" else UNTOUCHED)


def test_after_a_lost_session_nothing_is_left_to_commit() -> None:
    """A commit needs no key: what a broken session wrote must not be there for it."""
    card = personalised(FULL)
    terminal = opened(card, 3)
    change_everything(terminal)
    assert terminal.frame(0x6C, bytes(9)) == (b"", Status.FILE_NOT_FOUND)
    assert terminal.frame(0xC7) == (b"", Status.NO_CHANGES)
    assert contents(card) == UNTOUCHED


@pytest.mark.parametrize("ins", [0xC7, 0xA7])
def test_nothing_to_commit(ins: int) -> None:
    terminal = opened(personalised(), 1)
    with refused(Status.NO_CHANGES):
        terminal.control(ins)


def test_a_transaction_mac_is_not_offered() -> None:
    terminal = opened(personalised(FULL), 3)
    change_everything(terminal)
    with refused(Status.PERMISSION_DENIED):
        terminal.control(0xC7, b"\x01")


def test_iso_identifiers_come_with_every_file() -> None:
    card = delivered()
    terminal = Terminal(card.transmit)
    terminal.native(0xCA, AID + b"\x0f\xa1\x10\xe1")
    terminal.select(AID)
    terminal.authenticate_ev2(0, AES_ZEROS)
    terminal.control(0xCD, b"\x01\x04\xe1\x00\x00\x00" + u24(8))
    with refused(Status.DUPLICATE_ERROR):
        terminal.control(0xCD, b"\x02\x04\xe1\x00\x00\x00" + u24(8))
    terminal.authenticate_ev2(0, AES_ZEROS)
    with refused(Status.LENGTH_ERROR):
        terminal.control(0xCD, b"\x02\x00\x00\x00" + u24(8))


def test_state_survives_a_restart() -> None:
    card = personalised(FULL)
    terminal = opened(card, 3)
    change_everything(terminal)
    terminal.control(0xC7)
    terminal.write(0xDC, bytes([VALUE]), i32(1), FULL)
    revived = DesfireCard.from_json(card.to_json())
    assert contents(revived) == COMMITTED
    assert revived.to_json() == card.to_json()
    assert revived.uid == card.uid


def test_every_committed_change_is_stored_before_its_answer() -> None:
    stored: list[object] = []
    card = DesfireCard.from_json(personalised(FULL).to_json(), on_change=stored.append)
    terminal = opened(card, 3)
    change_everything(terminal)
    assert stored == []
    terminal.control(0xC7)
    assert stored == [card.to_json()]
    terminal.write(0x3D, span(STANDARD, 0, 1), b"x", FULL)
    assert stored[1:] == [card.to_json()]
