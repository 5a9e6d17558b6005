"""Framing of packets on streams (RFC 4571)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_ice.errors import ParseError
from rtc_ice.framing import FrameBuffer, frame


@pytest.mark.spec("rfc8835:3.4/8")
@pytest.mark.spec("rfc4571:2/1", "rfc4571:2/2")
def test_a_frame_is_the_length_and_the_packet() -> None:
    assert frame(b"") == b"\x00\x00"
    assert frame(b"abc") == b"\x00\x03abc"
    assert frame(bytes(0x1234))[:2] == b"\x12\x34"
    with pytest.raises(ValueError, match="65536 bytes"):
        frame(bytes(65_536))


@pytest.mark.spec("rfc4571:2/3")
def test_an_empty_packet_is_none() -> None:
    assert FrameBuffer().feed(b"\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x01b") == [b"a", b"b"]


@pytest.mark.spec("rfc4571:8/1")
@pytest.mark.parametrize("length", [1, 1500, 65_535])
def test_packets_of_any_length_pass(length: int) -> None:
    assert FrameBuffer().feed(frame(bytes(length))) == [bytes(length)]


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=10), st.lists(st.integers(1, 50), max_size=100))
@examples(100)
def test_however_a_stream_is_cut_the_packets_come_out(packets: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(frame, packets))
    buffer, found = FrameBuffer(), []
    for cut in cuts:
        found += buffer.feed(data[:cut])
        data = data[cut:]
    found += buffer.feed(data)

    assert found == packets


def test_what_is_longer_than_allowed_is_refused_before_it_is_there() -> None:
    buffer = FrameBuffer(max_length=100)
    assert buffer.feed(frame(bytes(100))) == [bytes(100)]

    with pytest.raises(ParseError, match="101 bytes"):
        buffer.feed(b"\x00\x65")
