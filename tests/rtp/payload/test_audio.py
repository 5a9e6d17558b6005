"""Audio: one packet is one frame, talkspurts are marked, durations are known (RFC 3551, 7587, 3389)."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.payload.captures import VECTORS, captures
from tests.rtp.payload.wire import packets_of
from tests.support.effort import examples

from rtc_rtp import (
    ComfortNoise,
    EncodedFrame,
    ParseError,
    PayloadFormat,
    RtpPacket,
    opus_channels,
    opus_duration,
    opus_redundancy,
    payload_format,
)

AUDIO = ["audio/opus", "audio/PCMU", "audio/PCMA", "audio/G722", "audio/L16", "audio/CN"]


def _format(mime_type: str, **parameters: str) -> PayloadFormat:
    made = payload_format(mime_type, parameters)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("toc", "ticks"),
    [
        (b"\x78", 960),  # hybrid, 20 ms
        (b"\x00", 480),  # SILK, 10 ms
        (b"\x18", 2880),  # SILK, 60 ms
        (b"\x80", 120),  # CELT, 2.5 ms
        (b"\xf8", 960),  # CELT, 20 ms
        (b"\xf9", 1920),  # two of one length
        (b"\xfa", 1920),  # two of two lengths
        (b"\xfb\x03", 2880),  # three
        (b"\xfb\x46", 5760),  # six, with padding
        (b"\x1b\x02", 5760),
    ],
)
@pytest.mark.spec("rfc7587:4.2/2")
def test_opus_durations(toc: bytes, ticks: int) -> None:
    assert opus_duration(toc + b"data") == ticks


@pytest.mark.parametrize("packet", [b"", b"\xfb", b"\xfb\x00", b"\xfb\x07", b"\x1b\x03"])
def test_what_lasts_no_time_or_too_long_is_no_opus_packet(packet: bytes) -> None:
    assert opus_duration(packet) is None


def test_opus_channels() -> None:
    assert [opus_channels(packet) for packet in (b"\x78", b"\x7c", b"")] == [1, 2, 1]


@pytest.mark.parametrize(
    ("packet", "ticks"),
    [
        ("0840", 960),  # SILK, 20 ms: activity, then redundancy
        ("0880", 0),
        ("0040", 480),
        ("1020", 1920),  # of 40 ms: two flags of activity go before
        ("1810", 2880),
        ("6840", 960),  # hybrid
        ("8040", 0),  # CELT has none
        ("0c10", 960),  # the second of two channels
        ("0c08", 0),
        ("0940", 960),  # two frames: the first has it
        ("0a0140aa", 960),
        ("0afc0140" + "aa" * 253, 960),  # a length of two bytes
        ("0a00aa", 0),  # the first frame is empty
        ("0b0240aa", 960),
        ("0b820140aa", 960),
        ("0bc2010140aa00", 960),  # padding
        ("0bc2ff0001" + "40aa" + "00" * 254, 960),
        ("", 0),
        ("08", 0),
        ("0b", 0),
        ("0bc2ffff", 0),
    ],
)
def test_where_opus_repeats_what_was_before_a_packet(packet: str, ticks: int) -> None:
    assert opus_redundancy(bytes.fromhex(packet)) == ticks


@given(st.binary(max_size=40))
@examples(100)
def test_any_bytes_may_be_asked_for_redundancy(packet: bytes) -> None:
    assert opus_redundancy(packet) in {0, 480, 960, 1920, 2880}


@pytest.mark.spec("rfc7587:4.1/4", "rfc7587:6.1/7", "rfc7587:7/1", "rfc3551:4.5.2/1")
def test_clock_rates() -> None:
    assert {name: _format(name).clock_rate for name in AUDIO} == {
        "audio/opus": 48000,
        "audio/PCMU": 8000,
        "audio/PCMA": 8000,
        "audio/G722": 8000,
        "audio/L16": 44100,
        "audio/CN": 8000,
    }


@pytest.mark.spec("rfc3551:4.5.2/1", "rfc3551:4.5.2/2", "rfc3551:4.5.14/1")
@pytest.mark.parametrize("name", ["audio/PCMU", "audio/PCMA", "audio/G722"])
def test_twenty_milliseconds_have_160_bytes_and_ticks(name: str) -> None:
    captured = [frame for capture in captures(name) for frame in capture.frames]

    assert captured
    assert {_format(name).duration(frame.packets[0].payload) for frame in captured} == {160}
    steps = {b.timestamp - a.timestamp for a, b in pairwise(captured[:3])}
    assert steps == {160}


@pytest.mark.spec("rfc3551:4.1/5", "rfc3551:4.3/1", "rfc3551:4.3/2")
def test_samples_of_l16_are_whole_over_all_channels() -> None:
    stereo = _format("audio/L16", channels="2")

    assert stereo.duration(bytes(400)) == 100
    assert stereo.duration(bytes(402)) is None
    samples = b"\x01\x02\x03\x04"
    assert stereo.packetize(EncodedFrame(samples, 0), 1200) == [(samples, True)]


@pytest.mark.spec("rfc3551:4.1/2", "rfc3551:4.1/3", "rfc7587:4.1/3")
def test_the_first_packet_after_a_pause_is_marked() -> None:
    sender = _format("audio/PCMU")

    markers = [sender.packetize(EncodedFrame(bytes(160), at), 1200)[0][1] for at in (0, 160, 320, 800, 960)]

    assert markers == [True, False, False, True, False]


@pytest.mark.spec("rfc7587:4.1/3")
def test_timestamps_that_wrap_are_no_pause() -> None:
    sender = _format("audio/opus")

    markers = [sender.packetize(EncodedFrame(b"\x78abc", at), 1200)[0][1] for at in ((1 << 32) - 960, 0)]

    assert markers == [True, False]


@pytest.mark.spec("rfc7587:3.1.3/1")
def test_of_silence_the_first_packet_alone_is_sent() -> None:
    sender = _format("audio/opus")
    speech, silence = b"\x78speech", b"\x78"

    sent = [
        sender.packetize(EncodedFrame(data, 960 * i), 1200)
        for i, data in enumerate([speech, silence, silence, silence, speech, speech])
    ]

    assert sent == [[(speech, True)], [(silence, False)], [], [], [(speech, True)], [(speech, False)]]


@pytest.mark.spec("rfc7587:3.1.3/1", "rfc3551:4.1/1")
def test_captured_silence_leaves_out_whole_frames() -> None:
    capture = next(each for each in captures("audio/opus") if each.name == "chromium-opus-dtx")
    receiver = _format("audio/opus")

    frames = [receiver.assemble(frame.packets) for frame in capture.frames]

    steps = [b.timestamp - a.timestamp for a, b in pairwise(frames)]
    assert any(step > 960 for step in steps)
    assert all(step % 120 == 0 for step in steps)


@pytest.mark.spec("rfc7587:4.2/1", "rfc7587:6.1/6", "rfc7587:7.1/7")
def test_an_opus_packet_is_taken_as_it_is() -> None:
    capture = next(each for each in captures("audio/opus") if each.name == "firefox-opus")
    receiver, sender = _format("audio/opus"), _format("audio/opus", useinbandfec="0", stereo="0")

    for captured in capture.frames:
        frame = receiver.assemble(captured.packets)

        assert frame.data == captured.packets[0].payload
        assert [payload for payload, _ in sender.packetize(frame, 1200)] == [frame.data]


@pytest.mark.spec("rfc3551:4.2/2", "rfc3551:4.4/1")
@given(st.sampled_from(AUDIO), st.binary(min_size=3, max_size=1500))
def test_whatever_its_length_a_frame_is_one_packet(name: str, data: bytes) -> None:
    [packet] = packets_of(_format(name), EncodedFrame(data, 77), 1500)

    frame = _format(name).assemble([packet])

    assert (frame.data, frame.timestamp, frame.keyframe) == (data, 77, True)


def test_what_does_not_fit_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="cannot be cut"):
        _format("audio/PCMU").packetize(EncodedFrame(bytes(1201), 0), 1200)


def test_two_packets_are_two_frames() -> None:
    packets = [RtpPacket(0, i, 0, 1, b"a") for i in range(2)]

    with pytest.raises(ParseError):
        _format("audio/PCMU").assemble(packets)


def test_nothing_is_not_sent() -> None:
    assert _format("audio/PCMU").packetize(EncodedFrame(b"", 0), 1200) == []


def test_captured_comfort_noise() -> None:
    content = json.loads((VECTORS / "noise" / "chromium-cn.json").read_text())
    packets = [RtpPacket.parse(bytes.fromhex(each)) for each in content["packets"]]

    noise = ComfortNoise.parse(packets[0].payload)

    assert noise == ComfortNoise(level=94, reflection_coefficients=(0.0,) * 8)
    assert noise.serialize() == packets[0].payload
    assert not any(packet.marker for packet in packets)
    assert _format("audio/CN").packetize(EncodedFrame(packets[0].payload, 0), 1200) == [(packets[0].payload, False)]


@given(st.integers(0, 127), st.binary(max_size=12).map(lambda data: bytes([min(byte, 254) for byte in data])))
def test_comfort_noise_survives_the_wire(level: int, coefficients: bytes) -> None:
    payload = bytes([level]) + coefficients

    assert ComfortNoise.parse(payload).serialize() == payload


def test_comfort_noise_has_a_level() -> None:
    with pytest.raises(ParseError):
        ComfortNoise.parse(b"")
    with pytest.raises(ValueError, match="128"):
        ComfortNoise(level=128).serialize()


def test_formats_that_are_not_known() -> None:
    assert payload_format("audio/unknown", {}) is None
