"""VP9: the descriptor, non-flexible and flexible mode, spatial layers and superframes (RFC 9628)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.payload.captures import captures
from tests.rtp.payload.wire import packets_of

from rtc_rtp import (
    EncodedFrame,
    FrameMetadata,
    GroupPicture,
    ParseError,
    RtpPacket,
    ScalabilityStructure,
    Vp9PayloadDescriptor,
)
from rtc_rtp.payload.vp9 import Vp9Format
from rtc_rtp.payload.vp9_bitstream import Vp9FrameHeader, join_superframe, split_superframe

KEYFRAME = bytes.fromhex("824983420013f00b30") + bytes(300)
INTERFRAME = b"\x86\x00" + b"\x01" * 3000


def _packets(payloads: list[bytes]) -> list[RtpPacket]:
    return [RtpPacket(98, i, 3000, 7, payload, marker=payload is payloads[-1]) for i, payload in enumerate(payloads)]


def _descriptors(payloads: list[tuple[bytes, bool]]) -> list[Vp9PayloadDescriptor]:
    return [Vp9PayloadDescriptor.parse(payload)[0] for payload, _ in payloads]


pictures = st.builds(
    GroupPicture, st.integers(0, 7), st.booleans(), st.lists(st.integers(0, 255), max_size=3).map(tuple)
)
structures = st.integers(1, 8).flatmap(
    lambda count: st.builds(
        ScalabilityStructure,
        st.just(count),
        st.just(()) | st.tuples(*[st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))] * count),
        st.none() | st.lists(pictures, max_size=10).map(tuple),
    )
)
without_layers = st.builds(
    Vp9PayloadDescriptor,
    st.none() | st.integers(0, 0x7FFF),
    inter_picture=st.booleans(),
    starts_frame=st.booleans(),
    ends_frame=st.booleans(),
    not_reference=st.booleans(),
    structure=st.none() | structures,
)
non_flexible = st.builds(
    Vp9PayloadDescriptor,
    st.integers(0, 0x7F),
    st.just(False),
    temporal_id=st.integers(0, 7),
    switching_up=st.booleans(),
    spatial_id=st.integers(0, 7),
    inter_layer=st.booleans(),
    tl0picidx=st.integers(0, 255),
)
flexible = st.builds(
    Vp9PayloadDescriptor,
    st.integers(0, 0x7FFF),
    inter_picture=st.just(True),
    flexible=st.just(True),
    temporal_id=st.integers(0, 7),
    spatial_id=st.integers(0, 7),
    differences=st.lists(st.integers(0, 127), min_size=1, max_size=3).map(tuple),
)


@given(without_layers | non_flexible | flexible)
def test_descriptors_survive_the_wire(descriptor: Vp9PayloadDescriptor) -> None:
    wire = descriptor.serialize()

    assert Vp9PayloadDescriptor.parse(wire + b"\0") == (descriptor, len(wire))


def test_the_descriptor_by_hand() -> None:
    # I L F B E: picture 0x1234, temporal layer 1 with U, spatial layer 2 with D
    wire = bytes.fromhex("bc 9234 35 82")

    descriptor, length = Vp9PayloadDescriptor.parse(wire)

    assert length == 4
    assert descriptor == Vp9PayloadDescriptor(
        0x1234,
        flexible=True,
        starts_frame=True,
        ends_frame=True,
        temporal_id=1,
        switching_up=True,
        spatial_id=2,
        inter_layer=True,
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x80",
        b"\x80\x80",
        b"\x88\x05",  # nothing behind the descriptor
        b"\x50\x03\x03\x03\x03\x00",  # four references
        b"\x50\x03",
        b"\x02\x10\x00",
        b"\x02\x08\x02\x04",
        b"\x02\xf8\xff",
    ],
)
def test_descriptors_that_are_none(payload: bytes) -> None:
    with pytest.raises(ParseError):
        Vp9PayloadDescriptor.parse(payload)


def test_without_layers_each_picture_follows_the_one_before() -> None:
    sender, receiver = Vp9Format({}), Vp9Format({})
    sender.next_picture_id = 0x7FFF
    key = packets_of(sender, EncodedFrame(KEYFRAME, 0))
    inter = packets_of(sender, EncodedFrame(INTERFRAME, 3000, keyframe=False))

    described = [Vp9PayloadDescriptor.parse(packet.payload)[0] for packet in [*key, *inter]]
    frames = [receiver.assemble(key), receiver.assemble(inter)]

    assert described[0].structure == ScalabilityStructure(1, ((320, 180),), (GroupPicture(differences=(1,)),))
    assert [each.flexible for each in described] == [False] * 4
    assert [each.inter_picture for each in described] == [False, True, True, True]
    assert [each.starts_frame for each in described] == [True, True, False, False]
    assert [each.ends_frame for each in described] == [True, False, False, True]
    metadata = [frame.metadata for frame in frames]
    assert [each and each.frame_id for each in metadata] == [0x7FFF, 0]
    assert [each and each.dependencies for each in metadata] == [(), (0x7FFF,)]


def test_a_frame_that_is_called_a_key_frame_but_is_none() -> None:
    [first, *_] = _descriptors(Vp9Format({}).packetize(EncodedFrame(INTERFRAME, 0), 1200))

    assert first.inter_picture
    assert first.structure is None


@pytest.mark.parametrize(
    ("frame_id", "dependencies", "differences"),
    [(10, (9,), (1,)), (10, (9, 6, 2), (1, 4, 8)), (1, (0x7FFF,), (2,)), (2, (0x7F,), (3,)), (300, (299,), (1,))],
)
def test_dependencies_are_sent_in_flexible_mode(
    frame_id: int, dependencies: tuple[int, ...], differences: tuple[int, ...]
) -> None:
    metadata = FrameMetadata(temporal_id=1, frame_id=frame_id, dependencies=dependencies)

    [first, *_] = _descriptors(Vp9Format({}).packetize(EncodedFrame(INTERFRAME, 0, False, metadata=metadata), 1200))

    assert first.flexible
    assert first.differences == differences
    assert (first.temporal_id, first.spatial_id) == (1, 0)


@pytest.mark.parametrize("dependencies", [(1,), (299, 298, 297, 296), (300,)])
def test_dependencies_that_cannot_be_told_are_the_callers_fault(dependencies: tuple[int, ...]) -> None:
    metadata = FrameMetadata(frame_id=300, dependencies=dependencies)

    with pytest.raises(ValueError, match="depends"):
        Vp9Format({}).packetize(EncodedFrame(INTERFRAME, 0, False, metadata=metadata), 1200)


def test_layers_without_known_dependencies_are_taken_to_need_the_picture_before() -> None:
    metadata = FrameMetadata(temporal_id=2)

    [first, *_] = _descriptors(Vp9Format({}).packetize(EncodedFrame(INTERFRAME, 0, False, metadata=metadata), 1200))

    assert first.differences == (1,)


def test_spatial_layers_are_cut_by_themselves() -> None:
    sender, receiver = Vp9Format({}), Vp9Format({})
    picture = join_superframe([KEYFRAME, INTERFRAME, INTERFRAME])
    metadata = FrameMetadata(width=1280, height=720, spatial_id=2, temporal_id=0)

    packets = packets_of(sender, EncodedFrame(picture, 0, metadata=metadata))
    frame = receiver.assemble(packets)

    described = [Vp9PayloadDescriptor.parse(packet.payload)[0] for packet in packets]
    assert [each.spatial_id for each in described] == [0, 1, 1, 1, 2, 2, 2]
    assert [each.inter_layer for each in described] == [False] + [True] * 6
    assert [each.not_reference for each in described] == [False] * 4 + [True] * 3
    assert described[0].structure == ScalabilityStructure(3, ((320, 180), (640, 360), (1280, 720)))
    assert frame.data == picture
    assert frame.metadata is not None
    assert (frame.metadata.width, frame.metadata.height, frame.metadata.spatial_id) == (1280, 720, 2)
    assert [receiver.starts_frame(packet.payload) for packet in packets] == [True] + [False] * 6
    assert [receiver.starts_keyframe(packet.payload) for packet in packets] == [True] + [False] * 6


@pytest.mark.parametrize(
    "keep",
    [
        [1, 2, 3],  # the lowest layer is missing: what is left needs it, so no key frame
        [0, 1, 2, 3],
    ],
)
def test_layers_may_have_been_left_out_on_the_way(keep: list[int]) -> None:
    metadata = FrameMetadata(spatial_id=2)
    picture = join_superframe([KEYFRAME, INTERFRAME, INTERFRAME])
    packets = packets_of(Vp9Format({}), EncodedFrame(picture, 0, metadata=metadata))

    frame = Vp9Format({}).assemble([packets[i] for i in keep])

    assert frame.keyframe is (0 in keep)
    assert frame.metadata is not None
    assert frame.metadata.spatial_id == 1


def test_packets_that_make_no_picture() -> None:
    sender = Vp9Format({})
    one, two = (packets_of(sender, EncodedFrame(INTERFRAME, i, keyframe=False)) for i in range(2))

    for packets in (one[1:], one[:-1], [one[0], *one], [*one, *two], [one[0], two[1], two[2]]):
        with pytest.raises(ParseError):
            Vp9Format({}).assemble(packets)


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8))
def test_superframes_survive(frames: list[bytes]) -> None:
    frames = [frame + b"\x01" for frame in frames]

    assert split_superframe(join_superframe(frames)) == frames


@given(st.binary(max_size=40))
def test_what_is_no_superframe_stays_whole(data: bytes) -> None:
    frames = split_superframe(data)

    assert frames == [data] or join_superframe(frames) == data or sum(map(len, frames)) < len(data)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        ("82498342 00 13f0 0b30", Vp9FrameHeader(0, True, 320, 180)),
        ("8600", Vp9FrameHeader(0, False)),
        ("8a00", Vp9FrameHeader(0, False)),  # shows a frame that exists
    ],
)
def test_frame_headers(data: str, header: Vp9FrameHeader) -> None:
    assert Vp9FrameHeader.parse(bytes.fromhex(data)) == header


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x82", b"\x82\x49\x83\x43\x00", b"\x42"])
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(ParseError):
        Vp9FrameHeader.parse(data)


def test_the_groups_of_browsers_tell_dependencies() -> None:
    for capture in captures("video/VP9"):
        receiver = Vp9Format({})
        metadata = [receiver.assemble(frame.packets).metadata for frame in capture.frames]

        ids = [each.frame_id for each in metadata if each is not None and each.frame_id is not None]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        for each in metadata[1:]:
            assert each is not None
            assert each.dependencies
            assert set(each.dependencies) <= set(ids)


@pytest.mark.parametrize(("first", "second"), [(5, 6), (0x7FFF, 0), (0x7F, 0x80)])
def test_frames_that_follow_each_other(first: int, second: int) -> None:
    sender, receiver = Vp9Format({}), Vp9Format({})
    sender.next_picture_id = second

    payloads = [payload for payload, _ in sender.packetize(EncodedFrame(INTERFRAME, 0), 1200)]

    assert [receiver.follows(payload, first) for payload in payloads] == [True, False, False]
    assert not receiver.follows(payloads[0], second)
    assert not receiver.follows(b"", first)
