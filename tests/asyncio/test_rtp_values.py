"""Codecs that match, sources that were heard, timestamps that go on."""

from dataclasses import replace

import pytest

from rtc_asyncio import RTCRtpCodec, RTCRtpContributingSource, RTCRtpReceiver, RTCRtpSender
from rtc_asyncio.rtp_codecs import codecs_match, parsed_fmtp
from rtc_asyncio.rtp_sources import SourceRecord
from rtc_asyncio.timeline import Timeline
from rtc_rtp import EncodedFrame, Source

from .fake_codec import FakeCodecs

H264 = RTCRtpCodec(mimeType="video/H264", clockRate=90_000, sdpFmtpLine="profile-level-id=42e01f;packetization-mode=1")


def _h264(fmtp: str | None) -> RTCRtpCodec:
    return RTCRtpCodec(mimeType="VIDEO/h264", clockRate=90_000, sdpFmtpLine=fmtp)


@pytest.mark.parametrize(
    ("other", "exactly", "but_for_asymmetry"),
    [
        (_h264("packetization-mode=1; profile-level-id=42e01f"), True, True),
        (_h264("packetization-mode=1;profile-level-id=42e034"), False, True),
        (_h264("packetization-mode=0;profile-level-id=42e01f"), False, False),
        (_h264("packetization-mode=1;profile-level-id=640c1f"), False, False),
        (_h264(None), False, False),
        (RTCRtpCodec(mimeType="video/H264", clockRate=8000, sdpFmtpLine=H264.sdpFmtpLine), False, False),
        (RTCRtpCodec(mimeType="video/H264", clockRate=90_000, channels=2, sdpFmtpLine=H264.sdpFmtpLine), False, False),
    ],
)
def test_codecs_match(other: RTCRtpCodec, exactly: bool, but_for_asymmetry: bool) -> None:
    assert codecs_match(H264, other) is exactly
    assert codecs_match(H264, other, ignore_asymmetrical_parameters=True) is but_for_asymmetry


def test_parameters_that_are_no_pairs_are_compared_as_text() -> None:
    events = RTCRtpCodec(mimeType="audio/telephone-event", clockRate=8000, channels=1, sdpFmtpLine="0-15")

    assert parsed_fmtp("0-15") is None
    assert codecs_match(events, events)
    assert not codecs_match(events, replace(events, sdpFmtpLine="0-16"))


def test_capabilities_without_a_codec_package_are_all_that_fits_into_rtp() -> None:
    video, audio = RTCRtpSender.getCapabilities("video", None), RTCRtpReceiver.getCapabilities("audio", None)
    assert video is not None
    assert audio is not None

    assert {"video/VP8", "video/VP9", "video/H264", "video/AV1", "video/rtx"} <= {
        each.mimeType for each in video.codecs
    }
    assert [each.sdpFmtpLine for each in video.codecs if each.mimeType == "video/rtx"] == [None]
    assert {"audio/opus", "audio/PCMU", "audio/telephone-event"} <= {each.mimeType for each in audio.codecs}
    assert "urn:ietf:params:rtp-hdrext:sdes:mid" in {each.uri for each in audio.headerExtensions}
    assert RTCRtpSender.getCapabilities("smell", None) is None


def test_capabilities_with_a_codec_package_are_what_it_encodes_and_decodes() -> None:
    video = RTCRtpSender.getCapabilities("video", FakeCodecs())
    assert video is not None

    assert [each.mimeType for each in video.codecs] == ["video/VP8", "video/rtx"]


def test_sources_are_told_with_the_time_of_day() -> None:
    record = SourceRecord(lambda: 1_000_000.0)
    record.add(EncodedFrame(b"", 3, ssrc=1, csrcs=(8,), capture_time=5.0))
    sources = [Source(8, played_at=40.0, rtp_timestamp=3, audio_level=0.1), Source(9, played_at=39.5, rtp_timestamp=2)]

    assert record.told(sources, RTCRtpContributingSource, now=42.0) == [
        RTCRtpContributingSource(
            timestamp=998_000.0, source=8, audioLevel=0.1, rtpTimestamp=3, captureTimestamp=5000.0
        ),
        RTCRtpContributingSource(timestamp=997_500.0, source=9, rtpTimestamp=2),
    ]


def test_frames_of_somebody_else_are_noticed() -> None:
    record = SourceRecord()
    frames = [
        EncodedFrame(b"", 1, ssrc=ssrc, csrcs=csrcs)
        for ssrc, csrcs in ((1, ()), (1, ()), (2, ()), (2, (7,)), (2, (7,)))
    ]

    assert [record.add(frame) for frame in frames] == [
        (True, False),
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]


def test_each_source_keeps_the_last_time_of_capture_that_was_told() -> None:
    record = SourceRecord()
    for ssrc, capture_time in ((1, 5.0), (1, 6.0), (2, 7.0), (1, None), (2, 8.0), (2, None)):
        record.add(EncodedFrame(b"", 1, ssrc=ssrc, capture_time=capture_time))
    told = record.told([Source(1, 0.0, 0), Source(2, 0.0, 0)], RTCRtpContributingSource, now=0.0)

    assert [each.captureTimestamp for each in told] == [6000.0, 8000.0]


def test_times_of_capture_are_bounded() -> None:
    record = SourceRecord()
    for ssrc in range(1000):
        record.add(EncodedFrame(b"", 1, ssrc=ssrc, capture_time=float(ssrc)))
    told = record.told([Source(ssrc, 0.0, 0) for ssrc in range(1000)], RTCRtpContributingSource, now=0.0)

    assert sum(each.captureTimestamp is not None for each in told) == 256


def test_timestamps_wrap_and_go_on_across_origins() -> None:
    timeline = Timeline()
    first = timeline.timestamp(2**33 - 5, 0.0, clock_rate=1000, origin="a")
    assert (timeline.timestamp(2**33 + 5, 0.01, clock_rate=1000, origin="a") - first) % 2**32 == 10
    assert (timeline.timestamp(70, 0.51, clock_rate=1000, origin="b") - first) % 2**32 == 510
    assert (timeline.timestamp(80, 0.52, clock_rate=1000, origin="b") - first) % 2**32 == 520
    assert (timeline.timestamp(0, 0.52, clock_rate=1000, origin="c") - first) % 2**32 == 521
