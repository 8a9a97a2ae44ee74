"""Whatever a reader sends, the cards answer with a valid status and stay themselves."""

from typing import Final

from card_scripts import AID, APPLICATION_KEYS, personalised
from desfire_terminal import Terminal
from hypothesis import given
from hypothesis import strategies as st

from simulator.cards.administration import COMMANDS as ADMINISTRATION
from simulator.cards.authentication import KINDS_BY_COMMAND
from simulator.cards.desfire import DesfireCard
from simulator.cards.file_commands import COMMANDS as FILE_COMMANDS
from simulator.cards.status import Status
from simulator.cards.uid import UidCard
from tests.budget import examples

MEMORY: Final = personalised().to_json()
STATUS_WORDS: Final = {0x9100 | status for status in Status} | {
    0x9000,
    0x6282,
    0x6700,
    0x6A81,
    0x6A82,
    0x6A86,
    0x6D00,
    0x6E00,
}
INSTRUCTIONS: Final = sorted([*ADMINISTRATION, *FILE_COMMANDS, *KINDS_BY_COMMAND, 0xAF])

raw = st.binary(max_size=300)
wrapped = st.builds(
    lambda ins, payload: (
        bytes([0x90, ins, 0, 0]) + (bytes([len(payload)]) + payload if payload else b"") + b"\x00"
    ),
    st.sampled_from(INSTRUCTIONS),
    st.binary(max_size=70),
)
# A plausible file number and a small span reach further into the commands than noise does.
aimed = st.builds(
    lambda ins, file_no, span, rest: (
        bytes([0x90, ins, 0, 0, 7 + len(rest), file_no]) + span + rest + b"\x00"
    ),
    st.sampled_from(INSTRUCTIONS),
    st.integers(0, 6),
    st.builds(
        lambda offset, length: bytes([offset, 0, 0, length, 0, 0]),
        st.integers(0, 20),
        st.integers(0, 80),
    ),
    st.binary(max_size=60),
)
conversation = st.lists(st.one_of(raw, wrapped, aimed), min_size=1, max_size=12)
many = examples(300, nightly=10_000)


def is_valid(answer: bytes) -> bool:
    word = int.from_bytes(answer[-2:], "big")
    return len(answer) >= 2 and (word in STATUS_WORDS or word >> 8 == 0x6C)


@many
@given(conversation)
def test_any_bytes_get_a_status(apdus: list[bytes]) -> None:
    card = DesfireCard.from_json(MEMORY)
    card.transmit(b"\x90\x5a\x00\x00\x03" + AID + b"\x00")
    for apdu in apdus:
        assert is_valid(card.transmit(apdu)), apdu.hex()
    assert DesfireCard.from_json(card.to_json()).to_json() == card.to_json()


@many
@given(st.sampled_from([0, 1, 2, 3]), conversation)
def test_no_bytes_change_an_application_without_its_keys(key_no: int, apdus: list[bytes]) -> None:
    """Not inside an EV2 session either: nothing goes through that is not signed."""
    card = DesfireCard.from_json(MEMORY)
    terminal = Terminal(card.transmit)
    terminal.select(AID)
    terminal.authenticate_ev2(key_no, APPLICATION_KEYS[key_no])
    for apdu in apdus:
        assert is_valid(card.transmit(apdu)), apdu.hex()
    applications = {app["aid"]: app for app in card.to_json()["applications"]}
    before = {app["aid"]: app for app in MEMORY["applications"]}
    assert applications[AID.hex()] == before[AID.hex()]


@many
@given(raw)
def test_uid_card_any_bytes_get_a_status(apdu: bytes) -> None:
    assert is_valid(UidCard(bytes(7)).transmit(apdu))
