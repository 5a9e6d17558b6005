"""AV1: OBUs, the aggregation header, temporal units (AOM RTP payload format 1.0)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.payload.captures import captures

from rtc_rtp import EncodedFrame, ParseError, RtpPacket
from rtc_rtp.payload.av1 import Av1Format
from rtc_rtp.payload.obu import read_leb128, sequence_size, sized_obu, split_obus, write_leb128

SEQUENCE = bytes.fromhex("0800000004" + "3cfecc01a0")[:10]
KEY = b"\x30\x10" + b"\x01" * 20
INTER = b"\x30\x30" + b"\x01" * 20
HIGHER = b"\x34\x28\x30" + b"\x02" * 20
DELIMITER = b"\x12\x00"


def _packets(*payloads: bytes) -> list[RtpPacket]:
    return [RtpPacket(45, i, 3000, 7, payload, marker=payload is payloads[-1]) for i, payload in enumerate(payloads)]


def _payloads(*obus: bytes, limit: int = 1200) -> list[bytes]:
    frame = EncodedFrame(b"".join(map(sized_obu, obus)), 0)
    return [payload for payload, _ in Av1Format({}).packetize(frame, limit)]


def _capture_sequence() -> bytes:
    capture = next(each for each in captures("video/AV1") if each.name == "chromium-av1")
    return split_obus(Av1Format({}).assemble(capture.frames[0].packets).data)[0]


@pytest.mark.parametrize(
    ("number", "wire"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (1 << 28, "8080808001")]
)
def test_lengths(number: int, wire: str) -> None:
    assert write_leb128(number) == bytes.fromhex(wire)
    assert read_leb128(bytes.fromhex("ff" + wire), 1) == (number, 1 + len(wire) // 2)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x80\x80\x80\x80\x01"])
def test_lengths_that_are_none(data: bytes) -> None:
    with pytest.raises(ParseError):
        read_leb128(data, 0)


def test_one_obu_has_no_length() -> None:
    assert _payloads(INTER) == [b"\x10" + INTER]


def test_up_to_three_obus_are_counted_and_the_last_has_no_length() -> None:
    assert _payloads(SEQUENCE, KEY) == [b"\x28" + bytes([len(SEQUENCE)]) + SEQUENCE + KEY]
    three = _payloads(SEQUENCE, KEY, INTER)
    assert three[0][0] == 0x38


def test_more_obus_have_lengths() -> None:
    obus = [INTER] * 4

    [payload] = _payloads(*obus)

    assert payload == b"\x00" + (bytes([len(INTER)]) + INTER) * 4
    assert split_obus(Av1Format({}).assemble(_packets(payload)).data) == obus


def test_delimiters_tile_lists_and_padding_are_not_sent() -> None:
    data = DELIMITER + sized_obu(SEQUENCE) + sized_obu(b"\x40\x01") + sized_obu(KEY) + sized_obu(b"\x78\x00")

    [(payload, marker)] = Av1Format({}).packetize(EncodedFrame(data, 0), 1200)

    assert payload == _payloads(SEQUENCE, KEY)[0]
    assert marker
    assert Av1Format({}).packetize(EncodedFrame(DELIMITER, 0), 1200) == []


def test_fragments_are_flagged() -> None:
    payloads = _payloads(SEQUENCE, KEY[:2] + bytes(300), limit=120)

    assert [payload[0] for payload in payloads] == [0x68, 0xD0, 0x90]
    assert [Av1Format({}).starts_frame(payload) for payload in payloads] == [True, False, False]
    assert [Av1Format({}).starts_keyframe(payload) for payload in payloads] == [True, False, False]


def test_only_a_first_packet_begins_a_sequence() -> None:
    sequence = _capture_sequence()

    frame = Av1Format({}).assemble(_packets(*_payloads(sequence, KEY)))

    assert frame.keyframe
    assert frame.metadata is not None
    assert (frame.metadata.width, frame.metadata.height) == sequence_size(sequence) == (480, 270)
    assert not Av1Format({}).assemble(_packets(*_payloads(INTER))).keyframe
    assert not Av1Format({}).assemble(_packets(*_payloads(sequence, INTER))).keyframe


def test_layers_are_told() -> None:
    receiver = Av1Format({})

    frame = receiver.assemble(_packets(*_payloads(b"\x34\x20\x30", HIGHER)))

    assert frame.metadata is not None
    assert (frame.metadata.temporal_id, frame.metadata.spatial_id) == (1, 1)
    assert receiver.starts_frame(_payloads(b"\x34\x20\x30")[0])
    assert not receiver.starts_frame(_payloads(HIGHER)[0])


def test_obus_may_come_with_their_sizes() -> None:
    sized = sized_obu(INTER)

    frame = Av1Format({}).assemble(_packets(b"\x10" + sized))

    assert frame.data == sized


@pytest.mark.parametrize(
    "payloads",
    [
        [b"", b"\x10\x30"],
        [b"\x10"],
        [b"\x20\x09\x30"],  # longer than what there is
        [b"\x30\x01\x30\x01\x30"],  # two of three
        [b"\x90\x30"],  # the beginning is missing
        [b"\x50\x30"],  # the end is missing
        [b"\x50\x30", b"\x10\x30"],
        [b"\x10\xb0\x00"],  # the forbidden bit
        [b"\x10\x32\x05\x00"],  # a size that is none
        [b"\x10\x32\x01\x00\x30\x00"],  # two OBUs in an element
        [b"\x10\x10"],  # nothing but a delimiter
        [b"\x10\x34"],  # no room for its extension
    ],
)
def test_packets_that_make_no_temporal_unit(payloads: list[bytes]) -> None:
    with pytest.raises(ParseError):
        Av1Format({}).assemble(_packets(*payloads))


@pytest.mark.parametrize("data", [b"\xb2\x00", b"\x32\x05\x00", b"\x34"])
def test_what_is_no_obu_is_the_callers_fault(data: bytes) -> None:
    with pytest.raises(ValueError, match="AV1"):
        Av1Format({}).packetize(EncodedFrame(data, 0), 1200)


@pytest.mark.parametrize("payload", [b"", b"\x10", b"\x20\x80", b"\x20\x00", b"\x90\x30\x10"])
def test_payloads_that_begin_nothing(payload: bytes) -> None:
    assert not Av1Format({}).starts_frame(payload)
    assert not Av1Format({}).starts_keyframe(payload)


@given(st.binary(max_size=30))
def test_a_random_sequence_header_has_a_size_or_is_a_parse_error(data: bytes) -> None:
    try:
        width, height = sequence_size(b"\x08" + data)
    except ParseError:
        return

    assert 0 < width <= 1 << 16
    assert 0 < height <= 1 << 16


def test_sequence_headers_with_everything_in_them() -> None:
    bits = "000" + "0" + "0"  # profile, still picture, reduced
    bits += "1" + "0" * 64 + "1" + "010"  # timing: equal intervals
    bits += "1" + "00111" + "0" * 32 + "0" * 10  # decoder model: delays of 8 bits
    bits += "1" + "00001"  # display delay, two operating points
    bits += "0" * 12 + "01000" + "1" + "1" + "0" * 17 + "1" + "0001"  # level 8 with tier, delays
    bits += "0" * 12 + "00001" + "0" + "0"
    bits += "1010" + "1001" + format(1279, "011b") + format(719, "010b")
    bits += "0" * (-len(bits) % 8)

    assert sequence_size(b"\x08" + int(bits, 2).to_bytes(len(bits) // 8, "big")) == (1280, 720)
