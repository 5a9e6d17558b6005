"""From a track to frames for the machine: what is encoded, when, and what becomes of it."""

import asyncio
import itertools
import threading
from dataclasses import replace
from functools import partial

import pytest

from rtc_asyncio import CodecError, EncoderSettings, RawFrame, sending
from rtc_asyncio.encoding import Encoding
from rtc_asyncio.sending import SendingPump
from rtc_asyncio.worker import perform
from rtc_rtp import EncodedFrame, RtpCodec, SendEncoding

from .fake_codec import FakeCodecs, FakeEncoder, Picture, Sound
from .sent import H264, OPUS, PLAIN, SIMULCAST, SPOKEN, VP8, Fed, Pictures, Pushed, Recorder, Sounds, pictures, until


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


def feed(outlet: Recorder, codecs: FakeCodecs, given: list[Picture]) -> "tuple[SendingPump, asyncio.Queue[Picture]]":
    """Start to send what is in a queue, and is put into it."""
    fed: asyncio.Queue[Picture] = asyncio.Queue()
    for each in given:
        fed.put_nowait(each)
    pump = SendingPump("video", outlet, codecs)
    pump.start(Fed(fed))
    return pump, fed


async def test_a_small_picture_does_not_wait_for_a_large_one() -> None:
    codecs, outlet = FakeCodecs(), Recorder(SIMULCAST)
    first, second = pictures(2)
    pump, fed = feed(outlet, codecs, [first])
    await until(lambda: len(outlet.frames) == 2)
    large = next(each for each in codecs.encoders if each.settings.scale_resolution_down_by == 1.0)
    large.gate = threading.Event()
    fed.put_nowait(second)
    await until(lambda: len(outlet.frames) == 3)

    assert outlet.frames[2][1] == "q"
    large.gate.set()
    await until(lambda: len(outlet.frames) == 4)
    pump.close()


async def test_a_picture_that_has_waited_for_long_is_shown_if_it_is_the_last_one() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    codecs.gate = threading.Event()
    pump, fed = feed(outlet, codecs, pictures(2))
    await until(fed.empty)
    await asyncio.sleep(0.2)
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 2)
    pump.close()


async def test_one_picture_is_asked_for_while_another_is_encoded() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    codecs.gate = threading.Event()
    pump, fed = feed(outlet, codecs, pictures(4))
    await until(lambda: bool(codecs.encoders and codecs.encoders[0].forced))
    for _ in range(20):
        await asyncio.sleep(0)

    assert fed.qsize() == 2, "one is encoded, and one waits for it"
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 4)
    pump.close()
    steps = [
        (later.timestamp - sooner.timestamp) % 2**32 for (sooner, _), (later, _) in itertools.pairwise(outlet.frames)
    ]
    assert steps == [3000] * 3


async def test_an_encoder_that_is_too_slow_goes_on_with_the_newest_picture() -> None:
    """What came before pictures that were thrown away would be shown late, and all that follows behind it."""
    codecs, outlet = FakeCodecs(), Recorder()
    codecs.gate = threading.Event()
    track = Pushed()
    pump = SendingPump("video", outlet, codecs)
    pump.start(track)
    for picture in pictures(5):
        track.queue.push(picture)
        for _ in range(20):
            await asyncio.sleep(0)
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    assert [frame.data[13] for frame, _ in outlet.frames] == [1, 5]


@pytest.mark.parametrize("inline", [False, True])
async def test_a_frame_that_is_none_ends_sending_and_is_told(inline: bool) -> None:
    """Whoever feeds the track does not wait for ever for a reader that failed."""

    class Broken(Recorder):
        def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
            raise TypeError("that is no frame")

    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    track = Pushed()
    pump = SendingPump("video", Broken(), FakeCodecs(inline=inline))
    pump.start(track)
    for picture in pictures(3):
        track.queue.push(picture)
    await until(lambda: track.queue.ended)
    pump.close()

    assert [context["message"] for context in told] == ["sending a track failed"]


async def test_the_first_failure_without_a_thread_is_the_last() -> None:
    class Failing(Recorder):
        def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
            super().send_frame(frame, rid)
            if len(self.frames) > 1:
                raise TypeError("that is no frame")

    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    outlet, track = Failing(SPOKEN), Pushed()
    track.kind = "audio"
    pump = SendingPump("audio", outlet, FakeCodecs(inline=True))
    pump.start(track)
    track.queue.push(Sound(0))
    await until(lambda: outlet.frames)
    for number in range(1, 5):
        track.queue.push(Sound(number, 960 * number))
    await until(lambda: track.queue.ended)
    pump.close()

    assert len(outlet.frames) == 2
    assert [context["message"] for context in told] == ["sending a track failed"]


async def test_whoever_interrupts_the_program_interrupts_an_encoder() -> None:
    class Interrupted(FakeCodecs):
        def create_encoder(self, codec: RtpCodec, settings: EncoderSettings) -> FakeEncoder:
            raise KeyboardInterrupt

    encoding = Encoding("video", Interrupted())
    encoding.configure(VP8, SendEncoding(ssrc=1))
    pump = SendingPump("video", Recorder(), FakeCodecs())
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    with pytest.raises(KeyboardInterrupt):
        perform(partial(encoding.encode, pictures(1)[0]), partial(pump._encoded, Pushed(), VP8, None, None))
    assert not told


def test_an_encoder_that_could_not_be_told_its_rate_is_told_again() -> None:
    class Deaf(FakeEncoder):
        def set_bitrate(self, bitrate_bps: int) -> None:
            super().set_bitrate(bitrate_bps)
            if len(self.bitrates) == 1:
                raise CodecError("once more, please")

    class Codecs(FakeCodecs):
        def create_encoder(self, codec: RtpCodec, settings: EncoderSettings) -> FakeEncoder:
            self.encoders.append(Deaf(codec, settings))
            return self.encoders[-1]

    codecs = Codecs()
    encoding = Encoding("video", codecs)
    encoding.configure(VP8, SendEncoding(ssrc=1))
    first, second, third = pictures(3)

    with pytest.raises(CodecError):
        encoding.encode(first)
    assert encoding.encode(second)
    assert encoding.encode(third)

    (encoder,) = codecs.encoders
    assert encoder.bitrates == [encoding.target_bitrate_bps] * 2


def test_what_was_encoded_is_counted_when_somebody_asks() -> None:
    encoding = Encoding("video", FakeCodecs())
    encoding.configure(VP8, SendEncoding(ssrc=1))
    for count, picture in enumerate(pictures(40), 1):
        encoding.encode(picture, force_keyframe=count == 3)
        if count in {1, 31, 32, 33, 40}:
            assert encoding.figures.frames_encoded == count
    figures = encoding.figures

    assert figures.key_frames_encoded == 2
    assert (figures.frame_width, figures.frame_height) == (640, 480)
    assert figures.total_encoding_duration >= figures.bandwidth_limited_duration
    assert figures.implementation == "fake"
    encoding.close()
    assert encoding.figures.frames_encoded == 40


async def test_pictures_are_made_smaller_as_soon_as_this_is_wanted() -> None:
    class Scaled(Recorder):
        scale = 1.0

        def scale_for(self, frame: RawFrame, encoding: SendEncoding) -> float:
            return self.scale

    outlet, codecs, queue = Scaled(), FakeCodecs(), asyncio.Queue[Picture]()
    pump, track = SendingPump("video", outlet, codecs), Fed(queue)
    for count, picture in enumerate(pictures(3), 1):
        outlet.scale = 1.0 if count == 1 else 2.0
        pump.start(track)
        queue.put_nowait(picture)
        await until(lambda count=count: len(outlet.frames) == count)
    pump.close()

    assert [each.settings.scale_resolution_down_by for each in codecs.encoders] == [1.0, 2.0]


def test_what_is_wanted_while_an_encoder_is_made_is_told_before_the_next_frame() -> None:
    class Slow(FakeCodecs):
        def create_encoder(self, codec: RtpCodec, settings: EncoderSettings) -> FakeEncoder:
            encoder = super().create_encoder(codec, settings)
            encoding.configure(H264, SendEncoding(ssrc=1, max_bitrate_bps=90_000))
            return encoder

    codecs = Slow()
    encoding = Encoding("video", codecs)
    encoding.configure(VP8, SendEncoding(ssrc=1))
    first, second, third = pictures(3)
    encoding.encode(first)
    encoding.encode(second)
    encoding.set_share(70_000)
    encoding.encode(third)

    assert [each.codec for each in codecs.encoders] == [VP8, H264]
    assert codecs.encoders[1].bitrates == [90_000, 70_000]


def test_who_encoded_is_known_also_when_nobody_asked_in_time() -> None:
    encoding = Encoding("video", FakeCodecs())
    encoding.configure(VP8, SendEncoding(ssrc=1))
    encoding.encode(pictures(1)[0])
    encoding.close()

    assert encoding.figures.implementation == "fake"


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


async def test_an_encoder_that_needs_no_thread_is_left_alone_while_it_is_in_one() -> None:
    """It is made in a thread, with its first frame, which may still be there when another track begins."""
    codecs, outlet = FakeCodecs(inline=True), Recorder()
    codecs.gate = threading.Event()
    pump = SendingPump("video", outlet, codecs)
    pump.start(Pictures(pictures(1), ends=False))
    await until(lambda: bool(codecs.encoders and codecs.encoders[0].forced))
    pump.start(Pictures(pictures(2), ends=False))
    for _ in range(20):
        await asyncio.sleep(0)

    assert codecs.encoders[0].forced == [True], "one frame at a time"
    codecs.gate.set()
    await until(lambda: len(outlet.frames) == 2)
    pump.close()


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


async def test_a_track_that_has_ended_leaves_black(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BLACK_INTERVAL", 0.01)
    outlet = Recorder()
    pump = SendingPump("video", outlet, FakeCodecs())
    pump.start(Pictures(pictures(2)))
    await until(lambda: len(outlet.frames) == 5)
    pump.close()

    assert [frame.data[-1] for frame, _ in outlet.frames] == [0, 0, 1, 1, 1]
    times = [frame.timestamp for frame, _ in outlet.frames]
    steps = [(later - sooner) % 2**32 for sooner, later in itertools.pairwise(times)]
    assert all(0 < step < 90_000 * 30 for step in steps), "each picture has a time of its own"


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
