"""VP8: the descriptor bit by bit, numbering of frames, and their borders (RFC 7741)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.payload.captures import captures
from tests.rtp.payload.wire import packets_of

from rtc_rtp import EncodedFrame, FrameMetadata, ParseError, RtpPacket, Vp8PayloadDescriptor, payload_format
from rtc_rtp.payload.vp8 import Vp8Format

KEYFRAME = bytes.fromhex("50a2009d012a4001b400") + bytes(300)
INTERFRAME = bytes.fromhex("31a2") + bytes(3000)


def _packet(payload: bytes, *, marker: bool = False) -> RtpPacket:
    return RtpPacket(96, 1, 3000, 7, payload, marker=marker)


def _descriptors(payloads: list[tuple[bytes, bool]]) -> list[Vp8PayloadDescriptor]:
    return [Vp8PayloadDescriptor.parse(payload)[0] for payload, _ in payloads]


@pytest.mark.spec("rfc7741:4.2/1", "rfc7741:4.2/17", "rfc7741:4.2/7")
def test_the_examples_of_the_rfc() -> None:
    # 4.6.1: a key frame in one packet; 4.6.2: no PictureID; 4.6.3: the second partition; 4.6.4: 15 bits.
    assert Vp8PayloadDescriptor.parse(bytes([0x90, 0x80, 17, 0])) == (
        Vp8PayloadDescriptor(starts_partition=True, picture_id=17, long_picture_id=False),
        3,
    )
    assert Vp8PayloadDescriptor.parse(bytes([0x10, 1])) == (Vp8PayloadDescriptor(starts_partition=True), 1)
    assert Vp8PayloadDescriptor.parse(bytes([0x91, 0x80, 17, 0]))[0].partition == 1
    assert Vp8PayloadDescriptor.parse(bytes([0x80, 0x80, 0x91, 0x11, 0]))[0].picture_id == 0x1111


descriptors = st.builds(
    Vp8PayloadDescriptor,
    st.booleans(),
    st.integers(0, 7),
    st.booleans(),
    picture_id=st.none() | st.integers(0, 0x7F),
    long_picture_id=st.just(False),
    tl0picidx=st.none() | st.integers(0, 255),
    temporal_id=st.none() | st.integers(0, 3),
    key_index=st.none() | st.integers(0, 31),
) | st.builds(Vp8PayloadDescriptor, st.booleans(), st.integers(0, 7), picture_id=st.integers(0, 0x7FFF))


@given(st.integers(0, 0x7FFF), st.none() | st.builds(FrameMetadata, discardable=st.booleans()), st.integers(64, 4000))
def test_the_fast_path_of_descriptors_says_what_the_general_one_says(
    picture_id: int, metadata: FrameMetadata | None, limit: int
) -> None:
    format_ = Vp8Format({})
    format_.next_picture_id = picture_id
    is_discardable = metadata is not None and metadata.discardable
    usual = Vp8PayloadDescriptor(non_reference=is_discardable, picture_id=picture_id)
    first = Vp8PayloadDescriptor(True, non_reference=is_discardable, picture_id=picture_id)

    payloads = format_.packetize(EncodedFrame(INTERFRAME, 0, False, metadata=metadata), limit)

    assert [payload[:4] for payload, _ in payloads] == [first.serialize(), *[usual.serialize()] * (len(payloads) - 1)]
    assert b"".join([payload[4:] for payload, _ in payloads]) == INTERFRAME
    assert [marker for _, marker in payloads] == [False] * (len(payloads) - 1) + [True]


@pytest.mark.spec("rfc7741:4.2/1", "rfc7741:4.2/2", "rfc7741:4.2/11", "rfc7741:4.2/13", "rfc7741:4.2/17")
@given(descriptors)
def test_descriptors_survive_the_wire(descriptor: Vp8PayloadDescriptor) -> None:
    wire = descriptor.serialize()

    parsed, length = Vp8PayloadDescriptor.parse(wire + b"\0")

    if descriptor.picture_id is None:
        parsed.long_picture_id = descriptor.long_picture_id
    assert parsed == descriptor
    assert length == len(wire)
    extended = [descriptor.picture_id, descriptor.tl0picidx, descriptor.temporal_id, descriptor.key_index]
    assert bool(wire[0] & 0x80) is any(each is not None for each in extended)


@pytest.mark.spec("rfc7741:4.2/3", "rfc7741:4.2/16")
@given(descriptors)
def test_reserved_bits_are_sent_as_zero_and_not_looked_at(descriptor: Vp8PayloadDescriptor) -> None:
    wire = bytearray(descriptor.serialize() + b"\0")

    assert not wire[0] & 0x48
    expected = Vp8PayloadDescriptor.parse(bytes(wire))
    wire[0] |= 0x48
    if wire[0] & 0x80:
        assert not wire[1] & 0x0F
        wire[1] |= 0x0F

    assert Vp8PayloadDescriptor.parse(bytes(wire)) == expected


@pytest.mark.spec("rfc7741:4.2/14", "rfc7741:4.2/15")
def test_tid_and_keyidx_count_only_where_announced() -> None:
    with_tid, _ = Vp8PayloadDescriptor.parse(bytes([0x90, 0x20, 0xDF, 0]))
    with_key_index, _ = Vp8PayloadDescriptor.parse(bytes([0x90, 0x10, 0xDF, 0]))

    assert (with_tid.temporal_id, with_tid.key_index) == (3, None)
    assert (with_key_index.temporal_id, with_key_index.key_index) == (None, 31)


@pytest.mark.spec("rfc7741:4.2/18", "rfc7741:4.2/19")
def test_picture_ids_run_and_wrap() -> None:
    sender = Vp8Format({})
    sender.next_picture_id = 0x7FFE

    numbers = [_descriptors(sender.packetize(EncodedFrame(INTERFRAME, i), 1200)) for i in range(3)]

    assert [{each.picture_id for each in frame} for frame in numbers] == [{0x7FFE}, {0x7FFF}, {0}]


@pytest.mark.spec("rfc7741:4.2/20")
def test_the_length_of_picture_ids_may_change() -> None:
    receiver = Vp8Format({})
    short = _packet(bytes([0x90, 0x80, 0x7F]) + KEYFRAME)
    long = _packet(bytes([0x90, 0x80, 0x80, 0x80]) + KEYFRAME)

    frames = [receiver.assemble([packet]) for packet in (short, long)]

    assert [frame.metadata and frame.metadata.frame_id for frame in frames] == [0x7F, 0x80]
    assert [frame.data for frame in frames] == [KEYFRAME, KEYFRAME]


@pytest.mark.spec(
    "rfc7741:4.2/12",
    "rfc7741:4.2/21",
    "rfc7741:4.2/22",
    "rfc7741:4.2/23",
    "rfc7741:4.2/24",
    "rfc7741:4.2/26",
    "rfc7741:4.2/27",
)
def test_temporal_layers_are_told() -> None:
    sender = Vp8Format({})
    sender.tl0picidx = 254

    sent = []
    for temporal_id, sync in ((0, False), (2, True), (1, True), (2, False), (0, False)):
        metadata = FrameMetadata(temporal_id=temporal_id, layer_sync=sync)
        sent += _descriptors(sender.packetize(EncodedFrame(KEYFRAME, 0, metadata=metadata), 1200))

    assert [each.tl0picidx for each in sent] == [255, 255, 255, 255, 0]
    assert [each.temporal_id for each in sent] == [0, 2, 1, 2, 0]
    assert [each.layer_sync for each in sent] == [False, True, True, False, False]


@pytest.mark.spec("rfc7741:4.2/4")
def test_only_what_is_known_not_to_be_a_reference_is_sent_as_such() -> None:
    sender = Vp8Format({})

    unknown = _descriptors(sender.packetize(EncodedFrame(INTERFRAME, 0), 1200))
    known = _descriptors(sender.packetize(EncodedFrame(INTERFRAME, 0, metadata=FrameMetadata(discardable=True)), 1200))

    assert not any(each.non_reference for each in unknown)
    assert all(each.non_reference for each in known)


@pytest.mark.spec(
    "rfc7741:4.1/2",
    "rfc7741:4.2/6",
    "rfc7741:4.2/7",
    "rfc7741:4.2/8",
    "rfc7741:4.2/10",
    "rfc7741:4.4/1",
    "rfc7741:4.4/3",
    "rfc7741:4.4/5",
    "rfc3551:5/2",
)
def test_a_frame_is_cut_evenly_and_only_its_first_packet_starts_it() -> None:
    payloads = Vp8Format({}).packetize(EncodedFrame(INTERFRAME, 0), 1200)

    described = _descriptors(payloads)
    assert [each.starts_partition for each in described] == [True, False, False]
    assert {each.partition for each in described} == {0}
    assert [marker for _, marker in payloads] == [False, False, True]
    lengths = [len(payload) for payload, _ in payloads]
    assert max(lengths) - min(lengths) <= 1
    assert b"".join(payload[4:] for payload, _ in payloads) == INTERFRAME


@pytest.mark.spec("rfc7741:4.4/4")
def test_packets_of_two_frames_make_none() -> None:
    sender, receiver = Vp8Format({}), Vp8Format({})
    first, second = (packets_of(sender, EncodedFrame(INTERFRAME, i)) for i in range(2))

    for packets in ([first[0], second[1]], [first[0], second[0]], first[1:]):
        with pytest.raises(ParseError):
            receiver.assemble(packets)


@pytest.mark.spec("rfc7741:6.2.1/2", "rfc7741:6.2.1/3", "rfc3551:5/1")
def test_the_name_and_clock_of_descriptions() -> None:
    made = payload_format("video/vp8", {})

    assert made is not None
    assert (made.mime_type, made.clock_rate) == ("video/VP8", 90000)
    assert made.duration(b"\x10\0") is None


def test_a_key_frame_without_its_start_code_is_none() -> None:
    with pytest.raises(ParseError):
        Vp8Format({}).assemble([_packet(b"\x10" + bytes(20))])


def test_an_empty_frame_is_not_sent() -> None:
    assert Vp8Format({}).packetize(EncodedFrame(b"", 0), 1200) == []


def test_no_room_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        Vp8Format({}).packetize(EncodedFrame(KEYFRAME, 0), 63)


def test_captured_temporal_layers_have_their_indices() -> None:
    capture = next(each for each in captures("video/VP8") if each.name == "chromium-vp8-l1t3")
    receiver = Vp8Format({})

    metadata = [receiver.assemble(frame.packets).metadata for frame in capture.frames]

    assert [each and each.temporal_id for each in metadata] == [frame.temporal_id for frame in capture.frames]
    assert all(each is not None and each.base_layer_index is not None for each in metadata)


@pytest.mark.parametrize(("first", "second"), [(5, 6), (0x7FFF, 0), (0x7F, 0x80)])
def test_frames_that_follow_each_other(first: int, second: int) -> None:
    sender, receiver = Vp8Format({}), Vp8Format({})
    sender.next_picture_id = second

    payloads = [payload for payload, _ in sender.packetize(EncodedFrame(INTERFRAME, 0), 1200)]

    assert [receiver.follows(payload, first) for payload in payloads] == [True, False, False]
    assert not receiver.follows(payloads[0], second)
    assert not receiver.follows(b"", first)


def test_short_numbers_wrap_too() -> None:
    payload = bytes([0x90, 0x80, 0]) + INTERFRAME

    assert Vp8Format({}).follows(payload, 0x7F)
