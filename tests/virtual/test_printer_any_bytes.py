"""Whatever bytes come, the simulated printer neither raises nor loses one."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.printer.interpreter import Interpreter, interpret
from simulator.printer.profile import Profile
from simulator.printer.status import RealTimeScanner
from simulator.printer.tokens import Tokenizer

PREFIXES = st.sampled_from([b"\x1b", b"\x1d", b"\x1c", b"\x10"])
COMMAND_LIKE = st.builds(
    lambda prefix, code, rest: prefix + bytes((code,)) + rest,
    PREFIXES,
    st.integers(0, 255),
    st.binary(max_size=12),
)
STREAMS = st.lists(
    st.one_of(
        COMMAND_LIKE,
        st.binary(max_size=40),
        st.text(max_size=20).map(lambda text: text.encode("gb18030", "replace")),
        st.sampled_from([b"\x1d(k\x03\x001Q0", b"\x1d(k\x05\x001P0ab", b"\x1dVB\x00", b"\x1c.",
                         b"\x1dv0\x00\x01\x00\x01\x00\xff", b"\x1b*\x21\x01\x00abc", b"\n"]),
    ),
    max_size=40,
).map(b"".join)  # fmt: skip
PROFILES = st.sampled_from(
    [Profile(), Profile(width_dots=384), Profile(encoding="gbk"), Profile(encoding="big5"),
     Profile(chinese_on=False), Profile(sizes_apart=False)]
)  # fmt: skip
MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@MANY
@given(STREAMS, PROFILES)
def test_every_byte_is_in_exactly_one_event(stream: bytes, profile: Profile) -> None:
    document = interpret(stream, profile)
    assert b"".join(event.raw for event in document.events) == stream
    offset = 0
    for event in document.events:
        assert event.offset == offset
        offset += len(event.raw)


@MANY
@given(STREAMS, st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_cutting_the_stream_anywhere_changes_nothing(stream: bytes, sizes: list[int]) -> None:
    head, papers, kinds, at, turn = Interpreter(), [], [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        for event in head.feed(stream[at : at + size]):
            kinds += [event.kind] * len(event.raw)
            papers += event.papers
        at, turn = at + size, turn + 1
    kinds += [event.kind for event in head.finish() for _ in event.raw]
    last = head.tear("end of data")
    papers += [last] if last else []
    whole = interpret(stream)
    assert kinds == [event.kind for event in whole.events for _ in event.raw]
    assert [paper.text() for paper in papers] == [paper.text() for paper in whole.papers]
    assert [paper.height for paper in papers] == [paper.height for paper in whole.papers]


@MANY
@given(STREAMS)
def test_every_paper_can_be_drawn(stream: bytes) -> None:
    for paper in interpret(stream).papers:
        assert paper.image().width == 576
        assert all(picture.image.mode == "1" for picture in paper.pictures)


def random_streams(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    alphabet = bytes(range(256)) + b"\x1b\x1d\x1c\x10" * 24 + b"0(k*vLV!@" * 8
    for _ in range(count):
        yield bytes(chance.choices(alphabet, k=chance.randrange(1, 120)))


def test_ten_thousand_random_strings_are_cut_without_loss() -> None:
    for stream in random_streams(1, 10_000):
        tokens = Tokenizer("gb18030", chinese_on=True)
        cut = [*tokens.feed(stream), *tokens.finish()]
        assert b"".join(token.raw for token in cut) == stream


def test_random_strings_are_interpreted_without_loss() -> None:
    for stream in random_streams(2, 1500):
        events = interpret(stream).events
        assert b"".join(event.raw for event in events) == stream


@MANY
@given(STREAMS, st.integers(1, 7))
def test_real_time_commands_are_found_whatever_the_packets(stream: bytes, size: int) -> None:
    stream += b"\x10\x04\x01" * 2
    whole = RealTimeScanner().feed(stream)
    scanner = RealTimeScanner()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [found for piece in pieces for found in scanner.feed(piece)] == whole
    assert whole[-1] == b"\x10\x04\x01" or b"\x10\x14" in stream
