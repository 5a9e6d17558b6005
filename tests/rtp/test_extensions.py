"""Values of header extensions: both ways, vectors, and bytes that mean nothing."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

import rtc_rtp
from rtc_rtp import (
    AbsoluteCaptureTime,
    ActiveLayer,
    ColorSpace,
    DecodeTargetIndication,
    DependencyDescriptor,
    DependencyStructure,
    FeedbackRequest,
    FrameDependencies,
    FrameMarking,
    HdrMetadata,
    HeaderExtension,
    ParseError,
    PlayoutDelay,
    VideoLayersAllocation,
    VideoOrientation,
    VideoTiming,
    parse_dependency_descriptor,
    serialize_dependency_descriptor,
)
from rtc_rtp.extensions.audio_level import SILENCE, AudioLevel

from .strategies import uint8, uint16, uint64

EXTENSIONS: list[HeaderExtension[object]] = [
    getattr(rtc_rtp, name) for name in rtc_rtp.__all__ if isinstance(getattr(rtc_rtp, name), HeaderExtension)
]

_uint2 = st.integers(0, 3)
_text = st.text("abcXYZ019-_", min_size=1, max_size=20)
_hdr = st.builds(HdrMetadata, uint16, uint16, st.tuples(*[uint16] * 8), uint16, uint16)

VALUES: dict[str, st.SearchStrategy[object]] = {
    rtc_rtp.MID: _text,
    rtc_rtp.RID: _text,
    rtc_rtp.REPAIRED_RID: _text,
    rtc_rtp.AUDIO_LEVEL: st.builds(AudioLevel, st.integers(0, 127), st.booleans()),
    rtc_rtp.CSRC_AUDIO_LEVEL: st.lists(st.integers(0, 127), max_size=15).map(tuple),
    rtc_rtp.TRANSPORT_SEQUENCE_NUMBER: uint16,
    rtc_rtp.TRANSPORT_SEQUENCE_NUMBER_V2: st.builds(FeedbackRequest, uint16)
    | st.builds(FeedbackRequest, uint16, st.integers(0, 0x7FFF), st.booleans()),
    rtc_rtp.TRANSMISSION_OFFSET: st.integers(-(1 << 23), (1 << 23) - 1),
    rtc_rtp.NTP_64: uint64,
    rtc_rtp.NTP_56: st.integers(0, (1 << 56) - 1),
    rtc_rtp.ABS_SEND_TIME: st.integers(0, (1 << 24) - 1).map(lambda units: units / (1 << 18)),
    rtc_rtp.ABS_CAPTURE_TIME: st.builds(
        AbsoluteCaptureTime, uint64, st.none() | st.integers(-(1 << 63), (1 << 63) - 1)
    ),
    rtc_rtp.VIDEO_ORIENTATION: st.builds(
        VideoOrientation, st.sampled_from([0, 90, 180, 270]), st.booleans(), st.booleans()
    ),
    rtc_rtp.PLAYOUT_DELAY: st.lists(st.integers(0, 4095), min_size=2, max_size=2).map(
        lambda bounds: PlayoutDelay(10 * min(bounds), 10 * max(bounds))
    ),
    rtc_rtp.VIDEO_CONTENT_TYPE: uint8,
    rtc_rtp.VIDEO_FRAME_TRACKING_ID: uint16,
    rtc_rtp.VIDEO_TIMING: st.builds(VideoTiming, uint8, uint16, uint16, uint16, uint16, uint16, uint16),
    rtc_rtp.COLOR_SPACE: st.builds(ColorSpace, uint8, uint8, uint8, _uint2, _uint2, _uint2, st.none() | _hdr),
    rtc_rtp.FRAME_MARKING: st.builds(
        FrameMarking,
        start_of_frame=st.booleans(),
        end_of_frame=st.booleans(),
        independent=st.booleans(),
        discardable=st.booleans(),
        base_layer_sync=st.booleans(),
        temporal_id=st.integers(0, 7),
        layer_id=uint8,
        tl0_picture_index=st.none() | uint8,
    ),
}


@st.composite
def allocations(draw: st.DrawFn) -> VideoLayersAllocation:
    places = sorted(draw(st.sets(st.tuples(_uint2, _uint2), min_size=1)))
    sized = draw(st.booleans())
    rates = st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=4)
    layers = [ActiveLayer(stream, spatial, draw(rates)) for stream, spatial in places]
    for layer in layers if sized else ():
        layer.width, layer.height, layer.frame_rate = draw(uint16) + 1, draw(uint16) + 1, draw(uint8)
    return VideoLayersAllocation(draw(_uint2), layers)


VALUES[rtc_rtp.VIDEO_LAYERS_ALLOCATION] = allocations()


@st.composite
def structures(draw: st.DrawFn) -> DependencyStructure:
    targets = draw(st.integers(1, 6))
    chains = draw(st.integers(0, targets))
    layers = [(0, 0)]
    for step in draw(st.lists(_uint2, max_size=8)):
        spatial, temporal = layers[-1]
        if step == 1 and temporal < 7:
            layers.append((spatial, temporal + 1))
        elif step == 2 and spatial < 3:
            layers.append((spatial + 1, 0))
        else:
            layers.append((spatial, temporal))
    indication = st.sampled_from(DecodeTargetIndication)
    templates = [
        FrameDependencies(
            *layer,
            draw(st.lists(indication, min_size=targets, max_size=targets)),
            draw(st.lists(st.integers(1, 16), max_size=3)),
            draw(st.lists(st.integers(0, 15), min_size=chains, max_size=chains)),
        )
        for layer in layers
    ]
    protected = draw(st.lists(st.integers(0, chains - 1), min_size=targets, max_size=targets)) if chains else []
    resolution = st.tuples(st.integers(1, 65536), st.integers(1, 65536))
    count = layers[-1][0] + 1
    resolutions = draw(st.just([]) | st.lists(resolution, min_size=count, max_size=count))
    return DependencyStructure(draw(st.integers(0, 63)), targets, templates, chains, protected, resolutions)


@st.composite
def descriptors(draw: st.DrawFn) -> tuple[DependencyDescriptor, DependencyStructure]:
    structure = draw(structures())
    index = draw(st.integers(0, len(structure.templates) - 1))
    own = copy.deepcopy(structure.templates[index])
    if draw(st.booleans()):
        own.indications = [draw(st.sampled_from(DecodeTargetIndication)) for _ in own.indications]
    if draw(st.booleans()):
        own.frame_differences = draw(st.lists(st.integers(1, 4096), max_size=4))
    if draw(st.booleans()):
        own.chain_differences = [draw(uint8) for _ in own.chain_differences]
    targets = st.integers(0, (1 << structure.decode_target_count) - 1)
    is_key = draw(st.booleans())
    descriptor = DependencyDescriptor(
        draw(st.booleans()),
        draw(st.booleans()),
        (index + structure.template_id_offset) % 64,
        draw(uint16),
        structure if is_key else None,
        draw(targets) if is_key else draw(st.none() | targets),
        own,
    )
    return descriptor, structure


VALUES[rtc_rtp.DEPENDENCY_DESCRIPTOR] = descriptors().map(lambda pair: pair[0]).filter(lambda each: each.structure)


def test_every_extension_has_values_to_try() -> None:
    assert set(EXTENSIONS) == set(VALUES)


@pytest.mark.parametrize("extension", EXTENSIONS)
@examples(40)
@given(data=st.data())
def test_what_is_serialized_is_parsed_back(extension: HeaderExtension[object], data: st.DataObject) -> None:
    value = data.draw(VALUES[extension])

    assert extension.parse(extension.serialize(value)) == value


@pytest.mark.parametrize("extension", EXTENSIONS)
@given(data=st.binary(max_size=40))
def test_any_bytes_raise_nothing_but_parse_errors(extension: HeaderExtension[object], data: bytes) -> None:
    try:
        value = extension.parse(data)
    except ParseError:
        return
    assert extension.parse(extension.serialize(value)) == value


@given(descriptors())
def test_a_descriptor_is_told_in_terms_of_its_structure(pair: tuple[DependencyDescriptor, DependencyStructure]) -> None:
    descriptor, structure = pair

    assert parse_dependency_descriptor(serialize_dependency_descriptor(descriptor, structure), structure) == descriptor


@given(structures(), st.binary(min_size=4, max_size=12))
def test_any_bytes_beside_a_structure_raise_nothing_but_parse_errors(
    structure: DependencyStructure, data: bytes
) -> None:
    try:
        parse_dependency_descriptor(data, structure)
    except ParseError:
        return


@pytest.mark.parametrize(
    ("extension", "data", "value"),
    [
        (rtc_rtp.MID, "30", "0"),
        (rtc_rtp.MID, "61756469 6f00", "audio"),
        (rtc_rtp.AUDIO_LEVEL, "ff", AudioLevel(127, voice_activity=True)),
        (rtc_rtp.AUDIO_LEVEL, "1e", AudioLevel(30, voice_activity=False)),
        (rtc_rtp.CSRC_AUDIO_LEVEL, "0a7f", (10, 127)),
        (rtc_rtp.TRANSPORT_SEQUENCE_NUMBER, "ffff", 65535),
        (rtc_rtp.ABS_SEND_TIME, "040000", 1.0),
        (rtc_rtp.TRANSMISSION_OFFSET, "ffffff", -1),
        (rtc_rtp.VIDEO_ORIENTATION, "0d", VideoOrientation(90, flip=True, back_camera=True)),
        (rtc_rtp.PLAYOUT_DELAY, "00a064", PlayoutDelay(100, 1000)),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, "00", VideoLayersAllocation()),
        (
            rtc_rtp.VIDEO_LAYERS_ALLOCATION,
            "11 00 64 ac02",
            VideoLayersAllocation(0, [ActiveLayer(0, 0, [100]), ActiveLayer(1, 0, [300])]),
        ),
        (
            rtc_rtp.DEPENDENCY_DESCRIPTOR,
            "c00001",
            DependencyDescriptor(start_of_frame=True, end_of_frame=True, template_id=0, frame_number=1),
        ),
    ],
)
def test_vectors(extension: HeaderExtension[object], data: str, value: object) -> None:
    assert extension.parse(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("data", "rotation"), [(b"\0", 0), (b"\x01", 90), (b"\x02", 180), (b"\x03", 270), (b"\xf1", 90)]
)
def test_a_picture_is_turned_by_quarters(data: bytes, rotation: int) -> None:
    assert rtc_rtp.VIDEO_ORIENTATION.parse(data).rotation == rotation


@pytest.mark.spec("rfc6464:3/1", "rfc6464:4/1", "rfc6465:4/2")
def test_silence_and_speech() -> None:
    assert rtc_rtp.AUDIO_LEVEL.serialize(AudioLevel(SILENCE)) == b"\x7f"
    assert rtc_rtp.AUDIO_LEVEL.serialize(AudioLevel(SILENCE, voice_activity=True)) == b"\xff"
    assert rtc_rtp.AUDIO_LEVEL.serialize(AudioLevel(3, voice_activity=False)) == b"\x03"
    assert rtc_rtp.CSRC_AUDIO_LEVEL.serialize([SILENCE, 0]) == b"\x7f\0"


@pytest.mark.spec("rfc6465:4/1")
def test_no_packet_has_more_levels_than_sources() -> None:
    assert len(rtc_rtp.CSRC_AUDIO_LEVEL.serialize([1] * 15)) == 15
    with pytest.raises(ValueError, match="15"):
        rtc_rtp.CSRC_AUDIO_LEVEL.serialize([1] * 16)


@pytest.mark.parametrize(
    ("extension", "value"),
    [
        (rtc_rtp.MID, ""),
        (rtc_rtp.MID, "é"),
        (rtc_rtp.RID, "x" * 256),
        (rtc_rtp.AUDIO_LEVEL, AudioLevel(128)),
        (rtc_rtp.CSRC_AUDIO_LEVEL, [0] * 16),
        (rtc_rtp.CSRC_AUDIO_LEVEL, [128]),
        (rtc_rtp.TRANSPORT_SEQUENCE_NUMBER, 1 << 16),
        (rtc_rtp.TRANSPORT_SEQUENCE_NUMBER_V2, FeedbackRequest(1 << 16)),
        (rtc_rtp.TRANSPORT_SEQUENCE_NUMBER_V2, FeedbackRequest(1, 1 << 15)),
        (rtc_rtp.TRANSMISSION_OFFSET, 1 << 23),
        (rtc_rtp.ABS_CAPTURE_TIME, AbsoluteCaptureTime(1 << 64)),
        (rtc_rtp.VIDEO_ORIENTATION, VideoOrientation(45)),
        (rtc_rtp.PLAYOUT_DELAY, PlayoutDelay(20, 10)),
        (rtc_rtp.VIDEO_TIMING, VideoTiming(pacer_exit_ms=1 << 16)),
        (rtc_rtp.COLOR_SPACE, ColorSpace(256, 0, 0)),
        (rtc_rtp.COLOR_SPACE, ColorSpace(0, 0, 0, range=4)),
        (
            rtc_rtp.FRAME_MARKING,
            FrameMarking(
                start_of_frame=True, end_of_frame=True, independent=True, discardable=False, tl0_picture_index=1
            ),
        ),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, VideoLayersAllocation(0, [ActiveLayer(0, 4, [1])])),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, VideoLayersAllocation(4, [ActiveLayer(0, 0, [1])])),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, VideoLayersAllocation(0, [ActiveLayer(0, 0, [])])),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, VideoLayersAllocation(0, [ActiveLayer(0, 0, [1], width=1)])),
        (
            rtc_rtp.VIDEO_LAYERS_ALLOCATION,
            VideoLayersAllocation(0, [ActiveLayer(0, 0, [1], 1, 1, 1), ActiveLayer(0, 1, [1])]),
        ),
        (rtc_rtp.VIDEO_LAYERS_ALLOCATION, VideoLayersAllocation(0, [ActiveLayer(0, 1, [1]), ActiveLayer(0, 0, [1])])),
        (
            rtc_rtp.DEPENDENCY_DESCRIPTOR,
            DependencyDescriptor(True, True, 0, 1, DependencyStructure(0, 1, [FrameDependencies(0, 1, [])])),
        ),
        (rtc_rtp.DEPENDENCY_DESCRIPTOR, DependencyDescriptor(True, True, 64, 1)),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_no_value_can_say_is_refused(extension: HeaderExtension[object], value: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        extension.serialize(value)
