"""H.264: packetization modes, aggregation and fragments byte by byte, parameter sets (RFC 6184)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.payload.captures import captures
from tests.rtp.payload.wire import packets_of

from rtc_rtp import EncodedFrame, ParseError, RtpPacket, payload_format
from rtc_rtp.payload.h264 import H264Format
from rtc_rtp.payload.h264_bitstream import picture_size
from rtc_rtp.payload.nal_units import join_byte_stream, split_byte_stream

MODE_1 = {"packetization-mode": "1"}
SPS = bytes.fromhex("6742c0158c8d40a0cbcf370100")[:-1]
PPS = bytes.fromhex("68ce3c80")
SEI = bytes.fromhex("0605aa80")
IDR = bytes.fromhex("6588") + bytes(range(1, 101))
SLICE = bytes.fromhex("419a") + bytes(range(1, 101))
LAST_SLICE = bytes.fromhex("014a") + bytes(range(1, 101))


def _frame(*units: bytes) -> EncodedFrame:
    return EncodedFrame(join_byte_stream(list(units)), 3000)


def _packets(*payloads: bytes) -> list[RtpPacket]:
    return [RtpPacket(96, i, 3000, 7, payload, marker=payload is payloads[-1]) for i, payload in enumerate(payloads)]


def _units(*payloads: bytes) -> list[bytes]:
    return split_byte_stream(H264Format(MODE_1).assemble(_packets(*payloads)).data)


@pytest.mark.spec(
    "rfc6184:5.7/2", "rfc6184:5.7/3", "rfc6184:5.7/1", "rfc6184:5.7.1/1", "rfc6184:5.1/1", "rfc6184:6.3/1"
)
def test_small_units_of_an_access_unit_share_a_packet() -> None:
    payloads = H264Format(MODE_1).packetize(_frame(SEI, SPS, PPS), 1200)

    expected = b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in (SEI, SPS, PPS))
    assert payloads == [(expected, True)]


@pytest.mark.spec("rfc6184:5.7/3")
def test_an_aggregate_of_disposable_units_is_disposable() -> None:
    [(payload, _)] = H264Format(MODE_1).packetize(_frame(SEI, b"\x01\x9a\x80"), 1200)

    assert payload[0] == 0x18


@pytest.mark.spec("rfc6184:5.7/4", "rfc6184:5.5/1", "rfc6184:6.3/2", "rfc6184:6.3/3", "rfc6184:6.1/1")
@given(st.integers(64, 400), st.lists(st.integers(1, 900), min_size=1, max_size=8))
def test_mode_1_keeps_the_order_and_knows_three_types_of_packets(limit: int, sizes: list[int]) -> None:
    units = [b"\x41" + bytes([1 + i]) * size for i, size in enumerate(sizes)]
    payloads = [payload for payload, _ in H264Format(MODE_1).packetize(_frame(*units), limit)]

    assert {payload[0] & 0x1F for payload in payloads} <= {1, 24, 28}
    assert all(len(payload) <= limit for payload in payloads)
    assert _units(*payloads) == units


@pytest.mark.spec("rfc6184:5.8/1", "rfc6184:5.8/2", "rfc6184:5.8/6", "rfc6184:5.8/7", "rfc6184:5.8/8", "rfc6184:5.1/1")
def test_a_long_unit_is_fragmented() -> None:
    unit = b"\x65" + bytes(range(1, 251))

    payloads = H264Format(MODE_1).packetize(_frame(unit), 100)

    assert [payload[:2].hex() for payload, _ in payloads] == ["7c85", "7c05", "7c45"]
    assert b"".join(payload[2:] for payload, _ in payloads) == unit[1:]
    assert [marker for _, marker in payloads] == [False, False, True]
    assert [len(payload) for payload, _ in payloads] == [86, 86, 84]


@pytest.mark.spec("rfc6184:5.8/8")
@given(st.integers(64, 200), st.integers(60, 1200))
def test_no_fragment_is_first_and_last(limit: int, size: int) -> None:
    payloads = H264Format(MODE_1).packetize(_frame(b"\x65" + b"\x01" * size), limit)

    flags = [payload[1] >> 6 for payload, _ in payloads if payload[0] & 0x1F == 28]
    assert not flags or (flags[0] == 2 and flags[-1] == 1 and set(flags[1:-1]) <= {0} and len(flags) > 1)


@pytest.mark.spec("rfc6184:5.8/7")
def test_the_reserved_bit_of_a_fragment_is_not_looked_at() -> None:
    assert _units(b"\x7c\xa5\x88", b"\x7c\x65\x01") == [b"\x65\x88\x01"]


@pytest.mark.parametrize(
    "payloads",
    [
        [b"\x7c\x05\x01", b"\x7c\x45\x02"],  # the first is missing
        [b"\x7c\x85\x01"],  # the last is missing
        [b"\x7c\x85\x01", b"\x41\x9a"],  # another unit in between
        [b"\x7c\x85\x01", b"\x7c\x85\x01"],  # it begins again
        [b"\x7c\x85"],  # nothing in it
    ],
)
@pytest.mark.spec("rfc6184:5.8/9", "rfc6184:5.8/2")
def test_fragments_that_make_no_unit(payloads: list[bytes]) -> None:
    with pytest.raises(ParseError):
        H264Format(MODE_1).assemble(_packets(*payloads))


@pytest.mark.parametrize(
    "payload",
    [
        b"\x78\x00\x02\x7c\x85",  # a fragment in an aggregation packet
        b"\x78\x00\x04\x78\x00\x01\x41",  # an aggregation packet in another
        b"\x78\x00\x05\x41\x9a",  # longer than what is there
        b"\x78\x00\x00",  # an empty unit
        b"\x78",
        b"\x78\x00",
    ],
)
@pytest.mark.spec("rfc6184:5.7/5", "rfc6184:5.7/6")
def test_aggregation_packets_that_are_none(payload: bytes) -> None:
    with pytest.raises(ParseError):
        H264Format(MODE_1).assemble(_packets(payload))


@pytest.mark.spec("rfc6184:5.8/3", "rfc6184:5.8/4")
@pytest.mark.parametrize("kind", [0, 24, 25, 28, 29, 31])
def test_no_packet_is_in_fragments(kind: int) -> None:
    with pytest.raises(ParseError):
        H264Format(MODE_1).assemble(_packets(bytes([0x7C, 0x80 | kind, 1]), bytes([0x7C, 0x40 | kind, 1])))


@pytest.mark.parametrize("kind", [0, 25, 26, 27, 29, 30, 31])
@pytest.mark.spec("rfc6184:5.2/1", "rfc6184:5.4/2")
def test_types_of_packets_that_the_mode_does_not_know(kind: int) -> None:
    receiver = H264Format(MODE_1)

    with pytest.raises(ParseError):
        receiver.assemble(_packets(bytes([0x60 | kind]) + bytes(20)))
    assert not receiver.starts_frame(bytes([0x60 | kind]) + bytes(20))


@pytest.mark.spec("rfc6184:5.4/1")
@pytest.mark.parametrize("header", [0x60, 0x78, 0x7C, 0x7F, 0xE5])
def test_what_is_no_unit_of_h264_is_not_sent(header: int) -> None:
    with pytest.raises(ValueError, match="not a NAL unit"):
        H264Format(MODE_1).packetize(_frame(bytes([header, 1, 2])), 1200)


@pytest.mark.spec("rfc6184:5.6/1", "rfc6184:5.6/2", "rfc6184:6.2/1", "rfc6184:6.2/2", "rfc6184:6.2/3", "rfc6184:8.1/2")
@pytest.mark.parametrize("parameters", [{}, {"packetization-mode": "0"}])
def test_mode_0_sends_each_unit_by_itself(parameters: dict[str, str]) -> None:
    sender, receiver = H264Format(parameters), H264Format(parameters)

    packets = packets_of(sender, _frame(SPS, PPS, IDR), 1200)

    assert [packet.payload for packet in packets] == [SPS, PPS, IDR]
    assert split_byte_stream(receiver.assemble(packets).data) == [SPS, PPS, IDR]
    with pytest.raises(ValueError, match="does not cut"):
        sender.packetize(_frame(IDR), 100)


@pytest.mark.spec("rfc6184:8.1/2")
@pytest.mark.parametrize("mode", ["2", "3", "x"])
def test_the_interleaved_mode_is_not_supported(mode: str) -> None:
    with pytest.raises(ValueError, match=mode):
        payload_format("video/H264", {"packetization-mode": mode})


@pytest.mark.spec("rfc6184:8.1/9", "rfc6184:8.4/1", "rfc6184:6.1/3", "rfc6184:6.1/4")
def test_parameter_sets_go_with_every_idr_picture() -> None:
    sender = H264Format(MODE_1)
    sender.packetize(_frame(SPS, PPS, IDR), 1200)
    sender.packetize(_frame(SLICE), 1200)

    sent = [payload for payload, _ in sender.packetize(_frame(SEI, IDR), 1200)]

    assert _units(*sent) == [SEI, SPS, PPS, IDR]


@pytest.mark.spec("rfc6184:8.2.2/4")
def test_parameter_sets_of_the_description_are_delivered() -> None:
    sets = ",".join(base64.b64encode(unit).decode() for unit in (SPS, PPS))
    receiver = H264Format(MODE_1 | {"sprop-parameter-sets": sets})

    frame = receiver.assemble(_packets(IDR))

    assert split_byte_stream(frame.data) == [SPS, PPS, IDR]
    assert frame.metadata is not None
    assert (frame.metadata.width, frame.metadata.height) == (320, 180)


@pytest.mark.spec("rfc6184:8.2.2/8", "rfc6184:8.4/2")
def test_parameter_sets_of_another_stream_are_not_used() -> None:
    one, other = H264Format(MODE_1), H264Format(MODE_1)
    one.assemble(_packets(SPS, PPS, IDR))

    assert split_byte_stream(other.assemble(_packets(IDR)).data) == [IDR]
    assert split_byte_stream(one.assemble(_packets(IDR)).data) == [SPS, PPS, IDR]


@pytest.mark.parametrize("text", ["", "!!!", "Z0LAFYyNQKDLzzcB,%", "QQ==", ",,,"])
def test_parameter_sets_that_make_no_sense_are_left_out(text: str) -> None:
    receiver = H264Format(MODE_1 | {"sprop-parameter-sets": text})

    assert split_byte_stream(receiver.assemble(_packets(IDR)).data)[-1] == IDR


@pytest.mark.spec("rfc6184:8.2.1/1", "rfc6184:5.1/3")
def test_the_name_and_clock_of_descriptions() -> None:
    made = payload_format("video/h264", {})

    assert made is not None
    assert (made.mime_type, made.clock_rate) == ("video/H264", 90000)
    assert made.duration(IDR) is None


def test_parameter_sets_too_long_to_be_real_are_not_kept() -> None:
    receiver = H264Format(MODE_1)
    receiver.assemble(_packets(SPS + b"\x01" * 9000, PPS + b"\x01" * 9000, IDR))

    assert split_byte_stream(receiver.assemble(_packets(IDR)).data) == [IDR]


def test_key_frames_and_their_beginnings() -> None:
    receiver = H264Format(MODE_1)
    aggregate = H264Format(MODE_1).packetize(_frame(SPS, PPS, IDR), 1200)[0][0]
    fragments = [payload for payload, _ in H264Format(MODE_1).packetize(_frame(IDR), 70)]

    for payload in (SPS, IDR, aggregate, fragments[0]):
        assert receiver.starts_keyframe(payload)
    for payload in (
        SLICE,
        PPS,
        SEI,
        fragments[1],
        b"",
        b"\x78",
        b"\x78\x00\x05\x06",
        b"\x65",
        b"\x65\x00",
        b"\x7c\x85",
    ):
        assert not receiver.starts_keyframe(payload)
    for payload in (SLICE, SEI, PPS):
        assert receiver.starts_frame(payload)
    # A slice that begins at another macroblock than the first.
    assert not receiver.starts_frame(LAST_SLICE)


def test_a_size_that_cannot_be_read_costs_no_picture() -> None:
    frame = H264Format(MODE_1).assemble(_packets(b"\x67\x42", PPS, IDR))

    assert frame.keyframe
    assert frame.metadata is not None
    assert frame.metadata.width is None


def test_disposable_pictures_are_told() -> None:
    receiver = H264Format(MODE_1)

    disposable = [receiver.assemble(_packets(unit)).metadata for unit in (SLICE, LAST_SLICE)]

    assert [each is not None and each.discardable for each in disposable] == [False, True]


@pytest.mark.parametrize("data", [b"\x65\x88", b"no start code", b"\x00\x00"])
def test_what_is_no_byte_stream_is_the_callers_fault(data: bytes) -> None:
    with pytest.raises(ValueError, match="byte stream"):
        H264Format(MODE_1).packetize(EncodedFrame(data, 0), 1200)


def test_start_codes_of_three_and_four_bytes_and_zeros_around_them() -> None:
    data = b"\0\0\0\x01" + SPS + b"\0\0\x01" + PPS + b"\0\0\0\0\x01" + IDR + b"\0\0"

    assert split_byte_stream(data) == [SPS, PPS, IDR]
    assert split_byte_stream(b"\0\0\x01\0\0\x01") == []


@pytest.mark.parametrize(
    ("sps", "size"),
    [
        ("6742c0158c8d40a0cbcf3701", (320, 180)),
        ("67640028acd940780227e5c05a808080a0000003002000000781e30632c0", (1920, 1080)),  # x264, high profile
    ],
)
def test_sizes_of_pictures(sps: str, size: tuple[int, int]) -> None:
    assert picture_size(bytes.fromhex(sps)) == size


@given(st.binary(min_size=1, max_size=60))
def test_a_random_sps_has_a_size_or_is_a_parse_error(data: bytes) -> None:
    try:
        width, height = picture_size(data)
    except ParseError:
        return

    assert width >= 0
    assert height >= 0


def test_chromium_without_fragments() -> None:
    capture = next(each for each in captures("video/H264") if each.name == "chromium-h264-mode-0")

    types = {packet.payload[0] & 0x1F for frame in capture.frames for packet in frame.packets}

    assert types <= {1, 5, 7, 8}
