"""Real packets become the frames that the browser's encoder made, and these become packets that mean the same."""

import pytest
from tests.rtp.payload.captures import Capture, captures, digests
from tests.rtp.payload.wire import packets_of

from rtc_rtp import PayloadFormat, payload_format
from rtc_rtp.payload.nal_units import split_byte_stream
from rtc_rtp.payload.vp9_bitstream import split_superframe

CAPTURES = captures()
every_capture = pytest.mark.parametrize("capture", CAPTURES, ids=[capture.name for capture in CAPTURES])


def _format(capture: Capture) -> PayloadFormat:
    made = payload_format(capture.mime_type, capture.parameters)
    assert made is not None
    return made


def _layers(capture: Capture, data: bytes, count: int) -> list[bytes]:
    """Cut a picture into the layer frames that the page saw."""
    if capture.mime_type == "video/VP9":
        return split_superframe(data)
    return [data] if count == 1 else []


@every_capture
def test_packets_make_the_frames_of_the_encoder(capture: Capture) -> None:
    assembler = _format(capture)

    for sent in capture.frames:
        frame = assembler.assemble(sent.packets)

        assert frame.timestamp == sent.timestamp
        assert frame.keyframe is sent.keyframe
        assert frame.mime_type == capture.mime_type
        assert frame.first_sequence_number == sent.packets[0].sequence_number
        assert frame.last_sequence_number == sent.packets[-1].sequence_number
        if layers := _layers(capture, frame.data, len(sent.layers)):
            assert digests(layers) == sent.layers
        else:
            assert len(frame.data) == sum(length for length, _ in sent.layers)


@every_capture
def test_metadata_is_that_of_the_encoder(capture: Capture) -> None:
    assembler = _format(capture)

    for sent in capture.frames:
        metadata = assembler.assemble(sent.packets).metadata

        if metadata is None:
            assert capture.mime_type.startswith("audio/")
            continue
        if sent.keyframe:
            assert (metadata.width, metadata.height) == (sent.width, sent.height)
        if "t3" in capture.name:
            assert metadata.temporal_id == sent.temporal_id


@every_capture
def test_the_borders_of_frames_are_seen(capture: Capture) -> None:
    receiver = _format(capture)

    for sent in capture.frames:
        assert receiver.starts_frame(sent.packets[0].payload)
        assert receiver.starts_keyframe(sent.packets[0].payload) is sent.keyframe
        assert [receiver.ends_frame(packet) for packet in sent.packets] == [
            packet is sent.packets[-1] for packet in sent.packets
        ]


@every_capture
@pytest.mark.parametrize("limit", [1400, 1100, 300])
def test_frames_survive_being_cut_again(capture: Capture, limit: int) -> None:
    if capture.parameters.get("packetization-mode") == "0":
        limit = 1400
    receiver, sender, second_receiver = _format(capture), _format(capture), _format(capture)

    for sent in capture.frames:
        frame = receiver.assemble(sent.packets)
        again = second_receiver.assemble(packets_of(sender, frame, limit))

        if capture.mime_type == "video/H264":  # zeros behind a NAL unit are no part of it; Chromium leaves one
            assert split_byte_stream(again.data) == split_byte_stream(frame.data)
        else:
            assert again.data == frame.data
        assert again.keyframe is frame.keyframe
        if frame.metadata is not None and again.metadata is not None:
            assert again.metadata.spatial_id == frame.metadata.spatial_id
            assert again.metadata.width == frame.metadata.width
