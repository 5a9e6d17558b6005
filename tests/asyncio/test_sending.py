"""From a track to frames for the machine: what is encoded, when, and what becomes of it."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import pytest

from rtc_asyncio import EncodedFrameTrack, MediaStreamError, MediaStreamTrack, RawFrame, RtpPacketTrack
from rtc_asyncio.encoding import Encoding
from rtc_asyncio.sending import SendingPump
from rtc_asyncio.tracks import MediaKind
from rtc_peer import ArgumentError
from rtc_rtp import (
    BufferFullError,
    EncodedFrame,
    FrameMetadata,
    RtpCodec,
    RtpPacket,
    SendEncoding,
    SendParameters,
    VideoOrientation,
)

from .fake_codec import FakeCodecs, Picture, Sound

VP8 = RtpCodec(payload_type=96, mime_type="video/VP8", clock_rate=90_000)
H264 = RtpCodec(payload_type=102, mime_type="video/H264", clock_rate=90_000)
PLAIN = SendParameters(kind="video", codecs=(VP8, H264), encodings=(SendEncoding(ssrc=1),))
OPUS = RtpCodec(payload_type=111, mime_type="audio/opus", clock_rate=48_000, channels=2)
SPOKEN = SendParameters(kind="audio", codecs=(OPUS,), encodings=(SendEncoding(ssrc=1),))
SIMULCAST = replace(
    PLAIN,
    encodings=(
        SendEncoding(ssrc=1, rid="q", scale_resolution_down_by=2.0, max_bitrate_bps=100_000),
        SendEncoding(ssrc=2, rid="f"),
        SendEncoding(ssrc=3, rid="x", active=False),
    ),
)


class Recorder:
    """Keeps what is sent."""

    def __init__(self, parameters: SendParameters | None = PLAIN) -> None:
        self.parameters = parameters
        self.frames: list[tuple[EncodedFrame, str | None]] = []
        self.packets: list[RtpPacket] = []
        self.full = False
        self.strict = False

    def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
        if self.full:
            raise BufferFullError("full")
        if self.strict:
            raise ArgumentError("not of this format")
        self.frames.append((frame, rid))

    def send_packets(self, packets: Sequence[RtpPacket], track: MediaStreamTrack) -> None:
        self.packets += packets

    def wake(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def scale_for(self, frame: RawFrame, encoding: SendEncoding) -> float:
        return encoding.scale_resolution_down_by


class Pictures(MediaStreamTrack):
    """A list of pictures, then the end; or silence for ever."""

    kind: MediaKind = "video"

    def __init__(self, pictures: Iterator[Picture] | list[Picture], *, ends: bool = True) -> None:
        super().__init__()
        self._pictures = iter(pictures)
        self._ends = ends

    async def recv(self) -> Picture:
        await asyncio.sleep(0)
        for picture in self._pictures:
            return picture
        if not self._ends:
            await asyncio.Event().wait()
        raise MediaStreamError("no more")


class Sounds(MediaStreamTrack):
    """So many pieces of sound, then nothing."""

    kind: MediaKind = "audio"

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = iter(range(count))

    async def recv(self) -> Sound:
        await asyncio.sleep(0)
        for number in self._left:
            return Sound(number, 960 * number)
        await asyncio.Event().wait()
        raise MediaStreamError("no more")


def pictures(count: int) -> list[Picture]:
    return [Picture(number, 3000 * number) for number in range(1, count + 1)]


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("inline", [False, True])
async def test_raw_frames_are_encoded_with_the_first_codec_in_one_thread(inline: bool) -> None:
    codecs, outlet = FakeCodecs(inline=inline), Recorder()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(5), ends=False))
    await until(lambda: len(outlet.frames) == 5)
    pump.close()

    frames = [frame for frame, _ in outlet.frames]
    steps = [(later.timestamp - sooner.timestamp) % 2**32 for sooner, later in itertools.pairwise(frames)]
    assert steps == [3000] * 4
    assert [frame.keyframe for frame in frames] == [True, False, False, False, False]
    assert {frame.payload_type for frame in frames} == {96}
    assert (threading.get_ident() in codecs.encoders[0].threads) is inline
    await until(lambda: codecs.encoders[0].closed)
    await until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("rtc-encode")])


@pytest.mark.parametrize(
    ("said", "width", "height", "aimed_at"),
    [
        (None, 320, 240, 600_000),
        (None, 1280, 720, 2_500_000),
        (None, 3840, 2160, 8_000_000),
        (20_000_000, 320, 240, 20_000_000),
    ],
)
async def test_a_wide_path_is_not_filled_for_its_own_sake(
    said: int | None, width: int, height: int, aimed_at: int
) -> None:
    """Unless the application says how much, a picture gets what is enough for its size."""
    codecs = FakeCodecs()
    outlet = Recorder(replace(PLAIN, encodings=(SendEncoding(ssrc=1, max_bitrate_bps=said),)))
    pump = SendingPump("video", outlet, codecs)
    pump.share_changed(None, 50_000_000)
    pump.start(Pictures([Picture(i, 3000 * i, width, height) for i in range(5)], ends=False))
    await until(lambda: len(outlet.frames) == 5)
    pump.close()

    assert codecs.encoders[0].bitrates[-1] == aimed_at
    assert pump.encodings[None].target_bitrate_bps == aimed_at


def test_pictures_that_are_made_smaller_are_told_from_those_that_come_so() -> None:
    """Only what the encoder does by itself is a limitation of quality, and it is the path's only if the path leaves too little."""
    codecs = FakeCodecs()
    encoding = Encoding("video", codecs)
    encoding.configure(VP8, SendEncoding(ssrc=1, max_bitrate_bps=100_000))
    encoding.encode(Picture(1, 0, 640, 480))
    limitations = [encoding.limitation]

    codecs.encoders[0].smaller_by = 2
    for number in range(2, 5):
        encoding.encode(Picture(number, 3000 * number, 640, 480))
    assert (encoding.figures.frame_width, encoding.figures.frame_height) == (320, 240)
    limitations.append(encoding.limitation)
    assert encoding.figures.other_limited_duration > 0
    encoding.set_share(50_000)
    assert [*limitations, encoding.limitation] == ["none", "other", "bandwidth"]

    encoding.encode(Picture(5, 15_000, 320, 240))
    encoding.encode(Picture(6, 18_000, 320, 240))
    assert encoding.figures.frame_width == 160
    assert encoding.figures.resolution_changes == 1, "of the source's own change nobody counts"
    encoding.close()


@pytest.mark.spec("rfc8854:8/2")
async def test_an_encoder_is_told_what_it_has_to_protect_against() -> None:
    codecs = FakeCodecs(inline=True)
    encoding = Encoding("audio", codecs)
    encoding.configure(OPUS, SPOKEN.encodings[0])
    for loss in (0.0, 0.1, 0.1, 0.05):
        encoding.fraction_lost = loss
        encoding.encode(Sound(1, 960))
    encoding.configure(OPUS, replace(SPOKEN.encodings[0], packet_time_ms=60))
    encoding.encode(Sound(2, 1920))

    assert [each.losses for each in codecs.encoders] == [[0.1, 0.05], [0.05]]


async def test_simulcast_encodes_each_active_encoding() -> None:
    codecs, outlet = FakeCodecs(), Recorder(SIMULCAST)
    pump = SendingPump("video", outlet, codecs)
    pump.share_changed("q", 500_000)
    pump.share_changed("f", 700_000)
    pump.start(Pictures(pictures(2), ends=False))
    await until(lambda: len(outlet.frames) == 4)
    pump.close()

    # Each leaves when it is ready, but no picture before the one before it is there in all sizes.
    rids = [rid for _, rid in outlet.frames]
    assert [set(rids[:2]), set(rids[2:])] == [{"q", "f"}, {"q", "f"}]
    bitrates = {encoder.settings.scale_resolution_down_by: encoder.bitrates for encoder in codecs.encoders}
    assert bitrates == {2.0: [100_000], 1.0: [700_000]}


async def test_encodings_are_made_side_by_side() -> None:
    codecs, outlet = FakeCodecs(), Recorder(SIMULCAST)
    codecs.gate = threading.Event()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: [encoder.forced for encoder in codecs.encoders] == [[True], [True]])  # both at work
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    await until(lambda: all(encoder.closed for encoder in codecs.encoders))
    assert codecs.encoders[0].threads.isdisjoint(codecs.encoders[1].threads)
    await until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("rtc-encode")])


async def test_an_encoder_is_told_how_long_packets_shall_be_and_what_shall_suffer() -> None:
    outlet, codecs = Recorder(replace(PLAIN, encodings=(SendEncoding(ssrc=1, packet_time_ms=60),))), FakeCodecs()
    pump = SendingPump("video", outlet, codecs)
    pump.degradation_preference = "maintain-resolution"
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    settings = codecs.encoders[0].settings
    assert (settings.packet_time_ms, settings.degradation_preference) == (60, "maintain-resolution")


async def test_a_key_frame_is_made_when_asked_for() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(2), ends=False))
    await until(lambda: len(outlet.frames) == 2)
    pump.key_frame_requested(None)
    pump.start(Pictures(pictures(2), ends=False))
    await until(lambda: len(outlet.frames) == 4)
    pump.close()

    assert codecs.encoders[0].forced == [True, False, True, False]


async def test_a_track_that_is_replaced_while_it_is_encoded_is_followed_by_a_key_frame() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    codecs.gate = threading.Event()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: bool(codecs.encoders and codecs.encoders[0].forced))
    pump.start(Pictures(pictures(2), ends=False))
    await asyncio.sleep(0)
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    assert codecs.encoders[0].forced == [True, True, False]
    assert [frame.keyframe for frame, _ in outlet.frames] == [True, False]


async def test_after_a_pause_sending_begins_with_a_key_frame() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    track = Pictures(iter(pictures(100_000)), ends=False)
    pump.start(track)
    await until(lambda: len(outlet.frames) >= 2)
    pump.pause()
    before = len(outlet.frames)
    pump.start(track)
    await until(lambda: len(outlet.frames) > before + 1)
    pump.close()

    assert [frame.keyframe for frame, _ in outlet.frames[before : before + 2]] == [True, False]


async def test_another_track_goes_on_where_the_last_one_was() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures([Picture(1, 9_000_000)], ends=False))
    await until(lambda: len(outlet.frames) == 1)
    pump.start(Pictures([Picture(1, 5)], ends=False))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    (first, _), (second, _) = outlet.frames
    assert 1 <= (second.timestamp - first.timestamp) % 2**32 < 90_000
    assert len(codecs.encoders) == 1


async def test_another_codec_or_size_takes_another_encoder() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: len(outlet.frames) == 1)
    outlet.parameters = replace(PLAIN, codecs=(H264, VP8))
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    assert [encoder.codec for encoder in codecs.encoders] == [VP8, H264]
    assert codecs.encoders[0].closed
    assert [frame.payload_type for frame, _ in outlet.frames] == [96, 102]


@pytest.mark.parametrize(
    ("framerate", "taken"), [(None, 300), (10.0, 100), (15.0, 150), (30.0, 300), (60.0, 300), (0.0, 0)]
)
def test_a_frame_rate_leaves_frames_out(framerate: float | None, taken: int) -> None:
    encoding = Encoding("video", FakeCodecs())
    encoding.configure(VP8, SendEncoding(ssrc=1, max_framerate=framerate))

    due = [encoding.is_due(1000 + frame / 30) for frame in range(300)]
    assert abs(sum(due) - taken) <= 1


async def test_a_disabled_track_shows_black_once_a_second() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, FakeCodecs())
    track = Pictures(pictures(20), ends=False)
    track.enabled = False
    pump.start(track)
    await until(lambda: pump.source_frames == 20)
    pump.close()

    assert [frame.data[-1] for frame, _ in outlet.frames] == [1]


async def test_a_disabled_track_is_silent_without_a_gap() -> None:
    outlet, codecs = Recorder(SPOKEN), FakeCodecs()
    pump = SendingPump("audio", outlet, codecs)
    track = Sounds(3)
    track.enabled = False
    pump.start(track)
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert codecs.encoders[0].silent == [True, True, True]


async def test_a_track_that_has_ended_leaves_black() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, FakeCodecs())
    pump.start(Pictures(pictures(2)))
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert [frame.data[-1] for frame, _ in outlet.frames] == [0, 0, 1]


async def test_what_cannot_be_encoded_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, FakeCodecs())
    pump.start(Pictures([Picture(-1), Picture(-1), Picture(1)], ends=False))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    assert len(caplog.records) == 1


async def test_without_codecs_raw_frames_are_refused_in_words(caplog: pytest.LogCaptureFixture) -> None:
    pump = SendingPump("video", Recorder(), None)
    pump.start(Pictures(pictures(3), ends=False))
    await until(lambda: caplog.records)
    pump.close()

    assert "rtc-media" in caplog.text


async def test_encoded_frames_get_our_numbers() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    for ticks in (2**32 - 3000, 0):
        await track.put(EncodedFrame(b"x", ticks, ssrc=7, mime_type="video/h264", payload_type=33))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    (first, _), (second, _) = outlet.frames
    assert (second.timestamp - first.timestamp) % 2**32 == 3000
    assert first.payload_type == 102


async def test_an_encoded_frame_is_passed_on_with_what_is_known_of_it() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    known = EncodedFrame(
        b"x", 5, csrcs=(9,), capture_time=1e9, orientation=VideoOrientation(90), metadata=FrameMetadata()
    )
    await track.put(known)
    await until(lambda: bool(outlet.frames))
    pump.close()

    sent, _ = outlet.frames[0]
    assert (sent.csrcs, sent.capture_time, sent.orientation, sent.metadata) == (
        known.csrcs, known.capture_time, known.orientation, known.metadata,
    )  # fmt: skip


async def test_encoded_frames_of_another_source_go_on_in_time() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"x", 5, ssrc=7))
    await track.put(EncodedFrame(b"x", 4_000_000, ssrc=8))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    (first, _), (second, _) = outlet.frames
    assert 1 <= (second.timestamp - first.timestamp) % 2**32 < 90_000


async def test_encoded_frames_go_to_the_encoding_that_they_name() -> None:
    outlet = Recorder(SIMULCAST)
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    for rid in ("f", "q", None):
        await track.put(EncodedFrame(b"x", 0, rid=rid))
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert [rid for _, rid in outlet.frames] == ["f", "q", "q"]


async def test_frames_of_a_codec_that_was_not_negotiated_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"x", 0, mime_type="video/AV1"))
    await until(lambda: pump.frames_dropped == 1)
    pump.close()

    assert outlet.frames == []
    assert "video/AV1" in caplog.text


async def test_a_request_for_a_key_frame_reaches_whoever_feeds_the_track() -> None:
    requests: list[int] = []
    pump = SendingPump("video", Recorder(), None)
    pump.start(EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1)))
    assert requests == [1], "who has seen nothing needs one"
    pump.key_frame_requested(None)
    pump.close()

    assert requests == [1, 1]


async def test_a_full_machine_costs_a_frame_and_takes_a_key_frame() -> None:
    requests: list[int] = []
    outlet = Recorder()
    outlet.full = True
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    pump.start(track)
    await track.put(EncodedFrame(b"x", 0))
    await until(lambda: pump.frames_dropped == 1)
    pump.close()

    assert requests == [1, 1], "one at the beginning"


async def test_a_frame_of_no_format_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Recorder()
    outlet.strict = True
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"?", 0))
    await track.put(EncodedFrame(b"?", 0))
    await until(lambda: pump.frames_dropped == 2)
    outlet.strict = False
    await track.put(EncodedFrame(b"x", 0))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    assert len(caplog.records) == 1


async def test_what_is_no_frame_ends_sending_and_is_told() -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["message"]))
    pump = SendingPump("video", Recorder(), FakeCodecs())
    pump.start(Pictures(["no picture"]))  # type: ignore[list-item]  # what is wrong
    await until(lambda: reports != [])
    pump.close()

    assert reports == ["sending a track failed"]


def _has_sent(pump: SendingPump, outlet: Recorder, taken: int, sent: int) -> bool:
    return pump.source_frames == taken and len(outlet.frames) == sent


async def test_an_encoding_that_is_active_again_begins_with_a_key_frame() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    for round_, active in enumerate((True, False, True), start=1):
        outlet.parameters = replace(PLAIN, encodings=(SendEncoding(ssrc=1, active=active),))
        pump.start(Pictures(pictures(2), ends=False))
        await until(partial(_has_sent, pump, outlet, 2, 2 * ((round_ + 1) // 2)))
    pump.close()

    assert codecs.encoders[0].forced == [True, False, True, False]


async def test_after_a_lost_frame_those_that_refer_to_it_are_left_out() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    outlet.full = True
    await track.put(EncodedFrame(b"1", 1, keyframe=False))
    await until(lambda: pump.frames_dropped == 1)
    outlet.full = False
    for number, key in enumerate((False, False, True, False), start=2):
        await track.put(EncodedFrame(str(number).encode(), number, keyframe=key))
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert [frame.data for frame, _ in outlet.frames] == [b"0", b"4", b"5"]
    assert pump.frames_dropped == 3


async def test_frames_that_are_put_too_fast_cost_those_up_to_the_next_key_frame() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    requests: list[int] = []
    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    pump.start(track)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    for number in range(1, 400):
        track.put_nowait(EncodedFrame(str(number).encode(), number, keyframe=number == 390))
    await until(lambda: len(outlet.frames) == 11)
    pump.close()

    assert [int(frame.data) for frame, _ in outlet.frames] == [0, *range(390, 400)]
    assert len(requests) == 2


async def test_whoever_feeds_a_track_does_not_wait_for_a_sender_that_failed() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    class Broken(Recorder):
        def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
            raise RuntimeError("a fault of ours")

    pump = SendingPump("audio", Broken(SPOKEN), None)
    track = EncodedFrameTrack("audio")
    pump.start(track)
    async with asyncio.timeout(30):
        for number in range(600):  # more than may wait
            await track.put(EncodedFrame(b"x", number, mime_type="audio/opus"))
    pump.close()

    assert [context["message"] for context in failures] == ["sending a track failed"]


async def test_a_feeder_that_raises_when_asked_for_a_key_frame_harms_nobody() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def ask() -> None:
        raise RuntimeError("no key frames here")

    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video", on_key_frame_request=ask)
    pump.start(track)
    pump.key_frame_requested(None)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    assert [str(context["exception"]) for context in failures] == ["no key frames here"] * 2


async def test_packets_pass_through_unless_the_track_is_disabled() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = RtpPacketTrack("video")
    pump.start(track)
    await track.put(RtpPacket(96, 1, 0, 1))
    await until(lambda: len(outlet.packets) == 1)
    track.enabled = False
    await track.put(RtpPacket(96, 2, 0, 1))
    await asyncio.sleep(0.01)
    pump.close()

    assert [packet.sequence_number for packet in outlet.packets] == [1]


async def test_a_pump_that_is_closed_leaves_no_task() -> None:
    pump = SendingPump("video", Recorder(), FakeCodecs())
    pump.start(Pictures(pictures(1), ends=False))
    await asyncio.sleep(0.01)
    pump.close()
    pump.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [task for task in asyncio.all_tasks() if "Pump" in repr(task) or "Source" in repr(task)] == []
