"""The DCEP codec: vectors, round trip, and what broken bytes do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_datachannel import Ack, ChannelType, MessageType, Open, ParseError, parse_message

# Laid out by hand from RFC 8832 section 5.1: unordered, two retransmissions, priority 256, label "é" (two bytes), protocol "p".
VECTOR = bytes.fromhex("03 81 0100 00000002 0002 0001 c3a9 70")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
opens = st.builds(
    Open,
    label=texts,
    protocol=texts,
    channel_type=st.integers(0, 255),
    priority=st.integers(0, 0xFFFF),
    reliability_parameter=st.integers(0, 0xFFFF_FFFF),
)


@pytest.mark.spec("rfc8832:5.1/3")
def test_a_hand_made_open_is_parsed_with_lengths_in_bytes() -> None:
    message = Open.parse(VECTOR)

    assert message == Open(
        label="é",
        protocol="p",
        channel_type=ChannelType.PARTIAL_RELIABLE_REXMIT_UNORDERED,
        priority=256,
        reliability_parameter=2,
    )
    assert bytes(message) == VECTOR
    assert (message.ordered, message.max_retransmits, message.max_packet_life_time_ms) == (False, 2, None)


@pytest.mark.parametrize(
    ("kind", "ordered", "retransmits", "life_time"),
    [
        (ChannelType.RELIABLE, True, None, None),
        (ChannelType.RELIABLE_UNORDERED, False, None, None),
        (ChannelType.PARTIAL_RELIABLE_REXMIT, True, 0, None),
        (ChannelType.PARTIAL_RELIABLE_REXMIT_UNORDERED, False, 7, None),
        (ChannelType.PARTIAL_RELIABLE_TIMED, True, None, 1500),
        (ChannelType.PARTIAL_RELIABLE_TIMED_UNORDERED, False, None, 0),
    ],
)
def test_properties_and_channel_type_are_two_views_of_the_same(
    kind: ChannelType, ordered: bool, retransmits: int | None, life_time: int | None
) -> None:
    message = Open.for_channel(
        label="",
        protocol="",
        ordered=ordered,
        max_retransmits=retransmits,
        max_packet_life_time_ms=life_time,
        priority=128,
    )

    assert message.channel_type == kind
    again = Open.parse(bytes(message))
    assert (again.ordered, again.max_retransmits, again.max_packet_life_time_ms) == (ordered, retransmits, life_time)


@pytest.mark.spec("rfc8832:5.1/1")
def test_reliable_channels_send_reliability_parameter_zero() -> None:
    message = Open.for_channel(
        label="", protocol="", ordered=True, max_retransmits=None, max_packet_life_time_ms=None, priority=0
    )

    assert bytes(message)[4:8] == bytes(4)


@pytest.mark.spec("rfc8832:5.1/2")
def test_the_reliability_parameter_of_a_reliable_channel_is_ignored() -> None:
    message = Open.parse(bytes.fromhex("03 00 0000 00000009 0000 0000"))

    assert message.max_retransmits is None
    assert message.max_packet_life_time_ms is None


def test_both_limits_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="not by both"):
        Open.for_channel(label="", protocol="", ordered=True, max_retransmits=1, max_packet_life_time_ms=1, priority=0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"label": "x" * 65_536},
        {"protocol": "é" * 32_768},
        {"label": "\ud800"},
        {"priority": 65_536},
        {"priority": -1},
        {"reliability_parameter": 1 << 32},
        {"channel_type": 256},
    ],
)
def test_an_open_that_the_wire_cannot_carry_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Open(**arguments)  # type: ignore[arg-type]  # one wrong value of each kind


@pytest.mark.spec("rfc8832:7/1")
def test_label_and_protocol_may_be_of_the_greatest_length() -> None:
    message = Open(label="l" * 65_535, protocol="p" * 65_535)

    assert Open.parse(bytes(message)) == message


@given(opens)
def test_open_survives_the_wire(message: Open) -> None:
    assert parse_message(bytes(message)) == message


def test_ack_is_one_byte() -> None:
    assert bytes(Ack()) == bytes([MessageType.ACK])
    assert parse_message(b"\x02") == Ack()


@pytest.mark.spec("rfc8832:7/2")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02\x00",
        b"\x01",
        b"\x03",
        VECTOR[:-1],
        VECTOR + b"\0",
        VECTOR[:8] + b"\xff\xff" + VECTOR[10:],
        VECTOR[:12] + b"\xc3\x28p",
        b"\x04" + VECTOR[1:],
    ],
)
def test_inconsistent_messages_are_refused(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_message(data)


@given(st.binary(max_size=40))
def test_random_bytes_raise_nothing_but_parse_error(data: bytes) -> None:
    try:
        message = parse_message(data)
    except ParseError:
        return
    assert bytes(message) == data


@given(opens, st.data())
def test_flipped_bits_raise_nothing_but_parse_error(message: Open, data: st.DataObject) -> None:
    wire = bytearray(bytes(message))
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        again = parse_message(bytes(wire))
    except ParseError:
        return
    assert bytes(again) == wire
