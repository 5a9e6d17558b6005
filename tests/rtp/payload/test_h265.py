"""H.265: aggregation packets and fragmentation units byte by byte, parameter sets (RFC 7798)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import EncodedFrame, ParseError, RtpPacket, payload_format
from rtc_rtp.payload.h265 import H265Format
from rtc_rtp.payload.h265_bitstream import picture_size
from rtc_rtp.payload.nal_units import join_byte_stream, split_byte_stream

VPS = bytes.fromhex("40010c01ffff")
SPS = bytes.fromhex("420101016000000300b0000003000003003ca00a080b9f6d9640")
PPS = bytes.fromhex("4401c0f3c02c")
IDR = bytes.fromhex("2601af") + bytes(range(1, 101))
SLICE = bytes.fromhex("0201d0") + bytes(range(1, 101))
LATER_SLICE = bytes.fromhex("020150") + bytes(range(1, 101))


def _frame(*units: bytes) -> EncodedFrame:
    return EncodedFrame(join_byte_stream(list(units)), 3000)


def _packets(*payloads: bytes) -> list[RtpPacket]:
    return [RtpPacket(96, i, 3000, 7, payload, marker=payload is payloads[-1]) for i, payload in enumerate(payloads)]


def _units(*payloads: bytes) -> list[bytes]:
    return split_byte_stream(H265Format({}).assemble(_packets(*payloads)).data)


@pytest.mark.spec("rfc7798:4.1/1", "rfc7798:4.1/3", "rfc7798:4.4.2/1", "rfc7798:4.4.2/3", "rfc7798:5/2", "rfc7798:5/3")
def test_small_units_of_an_access_unit_share_a_packet() -> None:
    higher = b"\x02\x0b\xd0\x01"  # layer 1, temporal layer 2

    payloads = H265Format({}).packetize(_frame(PPS, higher), 1200)

    assert payloads == [(b"\x60\x01" + b"\x00\x06" + PPS + b"\x00\x04" + higher, True)]
    [(both_high, _)] = H265Format({}).packetize(_frame(higher, higher), 1200)
    assert both_high[:2] == b"\x60\x0b"


@pytest.mark.spec("rfc7798:4.4.1/1", "rfc7798:4.4.2/4", "rfc7798:4.4.3/5", "rfc7798:5/1")
@given(st.integers(64, 400), st.lists(st.integers(2, 900), min_size=1, max_size=8))
def test_units_keep_their_order(limit: int, sizes: list[int]) -> None:
    units = [b"\x02\x01" + bytes([1 + i]) * size for i, size in enumerate(sizes)]
    payloads = [payload for payload, _ in H265Format({}).packetize(_frame(*units), limit)]

    assert {payload[0] >> 1 for payload in payloads} <= {1, 48, 49}
    assert all(len(payload) <= limit for payload in payloads)
    assert _units(*payloads) == units


@pytest.mark.spec("rfc7798:4.1/1", "rfc7798:4.4.3/1", "rfc7798:4.4.3/2", "rfc7798:4.4.3/5", "rfc7798:4.4.3/6")
def test_a_long_unit_is_fragmented() -> None:
    unit = b"\x26\x01" + bytes(range(1, 251))

    payloads = H265Format({}).packetize(_frame(unit), 100)

    assert [payload[:3].hex() for payload, _ in payloads] == ["620193", "620113", "620153"]
    assert b"".join(payload[3:] for payload, _ in payloads) == unit[2:]
    assert [marker for _, marker in payloads] == [False, False, True]


@pytest.mark.parametrize(
    "payloads",
    [
        [b"\x62\x01\x13\x01", b"\x62\x01\x53\x02"],  # the first is missing
        [b"\x62\x01\x93\x01"],  # the last is missing
        [b"\x62\x01\x93\x01", SLICE],  # another unit in between
        [b"\x62\x01\x93\x01", b"\x62\x01\x93\x01"],  # it begins again
        [b"\x62\x01\x93"],  # nothing in it
        [b"\x62\x01\xb0\x01", b"\x62\x01\x70\x01"],  # an aggregation packet in fragments
        [b"\x62\x01\xb1\x01", b"\x62\x01\x71\x01"],  # fragments in fragments
    ],
)
@pytest.mark.spec("rfc7798:4.4.3/3", "rfc7798:4.4.3/4", "rfc7798:4.4.3/5", "rfc7798:4.4.3/7")
def test_fragments_that_make_no_unit(payloads: list[bytes]) -> None:
    with pytest.raises(ParseError):
        H265Format({}).assemble(_packets(*payloads))


@pytest.mark.parametrize(
    "payload",
    [
        b"\x60\x01\x00\x04\x62\x01\x93\x01",  # a fragment in an aggregation packet
        b"\x60\x01\x00\x07\x60\x01\x00\x03\x02\x01\xd0",  # an aggregation packet in another
        b"\x60\x01\x00\x09\x02\x01\xd0",  # longer than what is there
        b"\x60\x01\x00\x02\x02\x01",  # an empty unit
        b"\x60\x01\x00",
        b"\x64\x01\x00\x00\x00",  # PACI
        b"\x02",
        b"",
    ],
)
@pytest.mark.spec("rfc7798:4.4.2/2", "rfc7798:6/1")
def test_packets_that_are_none(payload: bytes) -> None:
    receiver = H265Format({})

    with pytest.raises(ParseError):
        receiver.assemble(_packets(payload))
    assert not receiver.starts_keyframe(payload)


@pytest.mark.spec("rfc7798:4.4.1/1", "rfc7798:4.3/1", "rfc7798:4.3/2")
@pytest.mark.parametrize("parameters", [{"sprop-max-don-diff": "1"}, {"tx-mode": "MRST"}])
def test_streams_out_of_order_are_not_supported(parameters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="decoding order"):
        payload_format("video/H265", parameters)


@pytest.mark.spec("rfc7798:4.2/1", "rfc7798:4.4.1/3", "rfc7798:5/4")
def test_one_unit_is_sent_as_it_is() -> None:
    assert H265Format({}).packetize(_frame(SLICE), 1200) == [(SLICE, True)]


@pytest.mark.spec("rfc7798:7.2.2/4", "rfc7798:7.2.2/6")
def test_parameter_sets_of_the_description_are_delivered() -> None:
    sets = {name: base64.b64encode(unit).decode() for name, unit in (("vps", VPS), ("sps", SPS), ("pps", PPS))}
    receiver = H265Format({f"sprop-{name}": text for name, text in sets.items()})

    assert split_byte_stream(receiver.assemble(_packets(IDR)).data) == [VPS, SPS, PPS, IDR]
    assert split_byte_stream(H265Format({}).assemble(_packets(IDR)).data) == [IDR]


@pytest.mark.spec("rfc7798:7.2.2/5", "rfc7798:8.4/2")
def test_parameter_sets_go_with_every_picture_at_which_decoding_may_start() -> None:
    sender, receiver = H265Format({}), H265Format({})
    sender.packetize(_frame(VPS, SPS, PPS, IDR), 1200)
    sender.packetize(_frame(SLICE), 1200)

    sent = [payload for payload, _ in sender.packetize(_frame(IDR), 1200)]

    assert _units(*sent) == [VPS, SPS, PPS, IDR]
    receiver.assemble(_packets(VPS, SPS, PPS, IDR))
    assert split_byte_stream(receiver.assemble(_packets(IDR)).data) == [VPS, SPS, PPS, IDR]


def test_key_frames_and_their_beginnings() -> None:
    receiver = H265Format({})
    aggregate = H265Format({}).packetize(_frame(VPS, SPS, PPS, IDR), 1200)[0][0]
    fragments = [payload for payload, _ in H265Format({}).packetize(_frame(IDR), 70)]

    for payload in (VPS, SPS, IDR, aggregate, fragments[0]):
        assert receiver.starts_keyframe(payload)
    for payload in (SLICE, PPS, fragments[1], b"\x60\x01\x00\x09\x02\x01\xd0"):
        assert not receiver.starts_keyframe(payload)
    assert receiver.starts_frame(SLICE)
    assert not receiver.starts_frame(LATER_SLICE)


def test_metadata() -> None:
    frame = H265Format({}).assemble(_packets(VPS, SPS, PPS, IDR))

    assert frame.keyframe
    assert frame.metadata is not None
    assert (frame.metadata.width, frame.metadata.height, frame.metadata.temporal_id) == (320, 180, 0)


@pytest.mark.spec("rfc7798:4.1/2", "rfc7798:7.2.1/1")
def test_the_name_and_clock_of_descriptions() -> None:
    made = payload_format("video/h265", {})

    assert made is not None
    assert (made.mime_type, made.clock_rate) == ("video/H265", 90000)
    assert made.duration(IDR) is None


@pytest.mark.parametrize("data", [b"\x26\x01", b"\0\0\x01\x26", b"\0\0\x01\x60\x01\x02", b"\0\0\x01\xa6\x01\x02"])
def test_what_is_no_byte_stream_of_h265_is_the_callers_fault(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a"):
        H265Format({}).packetize(EncodedFrame(data, 0), 1200)


@given(st.binary(min_size=1, max_size=60))
def test_a_random_sps_has_a_size_or_is_a_parse_error(data: bytes) -> None:
    try:
        width, height = picture_size(data)
    except ParseError:
        return

    assert width >= 0
    assert height >= 0
