"""RTP packets: what is parsed, what is kept, what is refused."""

import copy
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtc_rtp import ParseError, RtpPacket, is_rtcp
from rtc_rtp.header_extension import serialize_elements

from .strategies import elements, packets

WITH_EXTENSION = bytes.fromhex("90e0000100000bb812345678bede00023031220102030000") + b"payload"


def general(data: bytes) -> RtpPacket:
    """Parse without the fast path."""
    packet = RtpPacket.__new__(RtpPacket)
    packet._parse_any(data)
    return packet


@pytest.mark.spec("rfc3550:5.1/1", "rfc3550:5.1/13", "rfc3550:5.3.1/2")
def test_a_packet_with_an_extension() -> None:
    packet = RtpPacket.parse(WITH_EXTENSION)

    assert packet.marker
    assert packet.payload_type == 96
    assert packet.sequence_number == 1
    assert packet.timestamp == 3000
    assert packet.ssrc == 0x1234_5678
    assert packet.extensions == {3: b"1", 2: b"\1\2\3"}
    assert packet.payload == b"payload"


@given(packets)
@pytest.mark.spec("rfc3550:5.1/14", "rfc3550:5.3.1/2")
def test_what_is_serialized_is_parsed_back(packet: RtpPacket) -> None:
    assert RtpPacket.parse(bytes(packet)) == packet


@given(packets)
def test_a_packet_that_passes_through_keeps_its_bytes(packet: RtpPacket) -> None:
    data = bytes(packet)
    passing = RtpPacket.parse(data)
    passing.extension(1)

    # Padding is made anew, and anything may stand in it; of ours we know what.
    assert bytes(passing) == data


@given(packets)
def test_the_fast_path_is_the_general_parser(packet: RtpPacket) -> None:
    data = bytes(packet)

    assert RtpPacket.parse(data) == general(data)


@given(st.binary(min_size=12, max_size=80).map(lambda data: b"\x90" + data[1:]))
def test_the_fast_path_refuses_what_the_general_parser_refuses(data: bytes) -> None:
    try:
        expected = general(data)
    except ParseError:
        with pytest.raises(ParseError):
            RtpPacket.parse(data)
    else:
        assert RtpPacket.parse(data) == expected


@given(st.binary(max_size=120) | st.binary(max_size=120).map(lambda data: b"\xbf" + data))
@example(b"\x90" + bytes(11))
@example(b"\xa0" + bytes(11))
@example(b"\xa0" + bytes(12))
@pytest.mark.spec("rfc3550:A.1/1")
def test_any_bytes_raise_nothing_but_parse_errors(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except ParseError:
        return
    assert RtpPacket.parse(packet.serialize()) == packet
    assert isinstance(packet.extensions, dict)


@given(packets, elements)
def test_elements_can_be_replaced(packet: RtpPacket, changed: dict[int, bytes]) -> None:
    parsed = RtpPacket.parse(bytes(packet))
    parsed.extensions = changed

    assert RtpPacket.parse(bytes(parsed)).extensions == changed


def test_elements_can_be_changed_in_place() -> None:
    packet = RtpPacket.parse(bytes(RtpPacket(96, 1, 2, 3, b"x", extensions={1: b"a", 2: b"b"})))
    packet.extensions[1] = b"other"
    del packet.extensions[2]

    assert RtpPacket.parse(bytes(packet)).extensions == {1: b"other"}


@given(packets, elements)
def test_an_extension_can_be_given_as_it_goes_on_the_wire(packet: RtpPacket, others: dict[int, bytes]) -> None:
    before = dict(packet.extensions)

    data = packet.serialize_with(*serialize_elements(others))

    assert packet.extensions == before
    packet.extensions = others
    assert RtpPacket.parse(data) == RtpPacket.parse(bytes(packet))


def test_an_extension_of_another_kind_survives_being_looked_at() -> None:
    data = bytes.fromhex("9060000100000002000000031234000101020304") + b"x"
    packet = RtpPacket.parse(data)

    assert packet.extensions == {}
    assert bytes(packet) == data
    packet.extensions[1] = b"a"
    assert RtpPacket.parse(bytes(packet)).extensions == {1: b"a"}


def test_a_parsed_packet_keeps_the_two_byte_form() -> None:
    packet = RtpPacket.parse(RtpPacket(96, 1, 2, 3, extensions={1: b"a"}).serialize(two_byte=True))
    packet.extensions[2] = b"b"

    assert packet.serialize()[12:14] == b"\x10\x00"


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0),
        RtpPacket(-1, 0, 0, 0),
        RtpPacket(0, 1 << 16, 0, 0),
        RtpPacket(0, 0, 1 << 32, 0),
        RtpPacket(0, 0, 0, -1),
        RtpPacket(0, 0, 0, 0, csrcs=(1,) * 16),
        RtpPacket(0, 0, 0, 0, csrcs=(1 << 32,)),
        RtpPacket(0, 0, 0, 0, padding_length=256),
        RtpPacket(0, 0, 0, 0, padding_length=-1),
        RtpPacket(0, 0, 0, 0, extensions={0: b"a"}),
        RtpPacket(0, 0, 0, 0, extensions={256: b"a"}),
        RtpPacket(0, 0, 0, 0, extensions={1: bytes(256)}),
    ],
    ids=str,
)
@pytest.mark.spec("rfc3550:5.1/15")
def test_what_no_packet_can_say_is_refused(packet: RtpPacket) -> None:
    with pytest.raises(ValueError, match=r"packet|payload type|padding|extension"):
        packet.serialize()


@given(packets)
def test_copies_are_equal(packet: RtpPacket) -> None:
    parsed = RtpPacket.parse(bytes(packet))

    assert copy.deepcopy(parsed) == pickle.loads(pickle.dumps(parsed)) == packet


@pytest.mark.parametrize(
    ("second", "rtcp"), [(191, False), (192, True), (200, True), (206, True), (223, True), (224, False), (96, False)]
)
@pytest.mark.spec("rfc5761:4/1")
def test_rtcp_is_known_by_its_packet_type(second: int, rtcp: bool) -> None:
    assert is_rtcp(bytes((0x80, second, 0, 0))) is rtcp


def test_nothing_is_not_rtcp() -> None:
    assert not is_rtcp(b"")
    assert not is_rtcp(b"\x80")
