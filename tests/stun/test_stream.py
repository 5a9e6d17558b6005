"""Messages on a byte stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.strategies import messages
from tests.stun.vectors import load_vector

from rtc_stun import Message, ParseError, StreamBuffer

REQUEST = load_vector("rfc5769-2.1-request")


@given(st.lists(messages(), max_size=4), st.data())
def test_messages_come_out_however_the_stream_is_cut(sent: list[Message], data: st.DataObject) -> None:
    wire = [bytes(message) for message in sent]
    stream = b"".join(wire)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    buffer = StreamBuffer()

    received = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += buffer.feed(stream[start:end])

    assert received == wire


def test_byte_by_byte() -> None:
    buffer = StreamBuffer()

    received = [buffer.feed(REQUEST[at : at + 1]) for at in range(len(REQUEST))]

    assert received == [[]] * (len(REQUEST) - 1) + [[REQUEST]]


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\nHost: x", b"\x40" + REQUEST[1:], REQUEST[:3] + b"\x59" + REQUEST[4:]],
)
def test_what_is_not_stun_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError, match="does not continue"):
        StreamBuffer().feed(data)


@pytest.mark.parametrize("fault", [bytes(20), REQUEST[:2] + b"\xff\xfc" + REQUEST[4:]], ids=["garbage", "too large"])
def test_a_message_is_not_lost_to_what_follows_it(fault: bytes) -> None:
    buffer = StreamBuffer(max_message_length=1000)

    assert buffer.feed(REQUEST + fault) == [REQUEST]
    for _ in range(2):
        with pytest.raises(ParseError):
            buffer.feed(b"")


def test_a_message_that_is_too_large_is_refused_before_it_is_buffered() -> None:
    with pytest.raises(ParseError, match="more than the 107 allowed"):
        StreamBuffer(max_message_length=107).feed(REQUEST[:20])


@given(st.binary(max_size=100))
def test_random_bytes_raise_nothing_but_parse_error(data: bytes) -> None:
    try:
        StreamBuffer().feed(data)
    except ParseError:
        return
