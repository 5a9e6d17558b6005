"""Synthetic sources, the relay and the black hole."""

import asyncio

import av
import numpy as np
import pytest

from rtc_asyncio import EncodedFrameTrack, MediaStreamError, MediaStreamTrack
from rtc_media import (
    CodecError,
    FilteredTrack,
    MediaBlackhole,
    MediaRelay,
    SilenceTrack,
    TestCardPainter,
    TestCardTrack,
    ToneTrack,
    VideoDecoder,
    read_picture_number,
)
from rtc_rtp import EncodedFrame

from .support import cards, codec, luma, pictures, samples, spectrum, video_encoder


async def take(track: MediaStreamTrack, count: int) -> list[object]:
    return [await track.recv() for _ in range(count)]


@pytest.mark.parametrize(("frequency", "channels"), [(440, 1), (1000, 2), (997, 1)])
async def test_a_tone_has_its_frequency_and_goes_on_without_a_crack(frequency: int, channels: int) -> None:
    track = ToneTrack(frequency, channels=channels)
    track.frame_duration = 0.5
    track._started_at = 0.0  # no waiting: it is long due

    frames = await take(track, 4)

    sound = samples(frames)
    heard, louder_by = spectrum(sound, 48_000)
    assert heard == pytest.approx(frequency, abs=1)
    assert louder_by > 60
    assert np.sqrt((sound**2).mean()) == pytest.approx(32_768 / 10, rel=0.02)


async def test_tracks_keep_real_time_and_end() -> None:
    loop = asyncio.get_running_loop()
    begins = loop.time()
    track = SilenceTrack()

    frames = await take(track, 6)
    track.stop()

    assert loop.time() - begins > 0.09
    assert not samples(frames).any()
    with pytest.raises(MediaStreamError):
        await track.recv()


def test_a_tone_has_limits() -> None:
    for frequency in (0, 24_001):
        with pytest.raises(ValueError, match="Hz"):
            ToneTrack(frequency)


async def test_a_test_card_track_counts_its_pictures() -> None:
    track = TestCardTrack(160, 120, framerate=100)

    frames = await take(track, 5)
    track.stop()

    assert [read_picture_number(frame) for frame in frames if isinstance(frame, av.VideoFrame)] == [0, 1, 2, 3, 4]
    assert track.getSettings() == {"width": 160, "height": 120, "frameRate": 100}


@pytest.mark.parametrize(("width", "height"), [(96, 64), (320, 180), (642, 362), (1280, 720)])
@pytest.mark.parametrize("number", [0, 1, 12_345, 2**20 - 1])
def test_a_card_is_read_at_any_size(width: int, height: int, number: int) -> None:
    card = TestCardPainter(width, height).paint(number, 1.0)

    assert read_picture_number(card) == number
    assert read_picture_number(card.reformat(width=160, height=90)) == number


def test_a_card_has_the_colours_of_the_bars() -> None:
    card = TestCardPainter(320, 240).paint(0, 0).to_ndarray(format="rgb24")
    bars = [tuple(int(value) > 100 for value in card[5, 20 + 40 * i]) for i in range(8)]

    white, yellow, cyan, green, magenta, red, blue, black = bars
    assert white == (True, True, True)
    assert (yellow, cyan, magenta) == ((True, True, False), (False, True, True), (True, False, True))
    assert (red, green, blue) == ((True, False, False), (False, True, False), (False, False, True))
    assert black == (False, False, False)


def test_other_pictures_have_no_number() -> None:
    grey = av.VideoFrame(320, 240, "yuv420p")
    for plane in grey.planes:
        plane.update(bytes([128]) * plane.buffer_size)

    assert read_picture_number(grey) is None
    with pytest.raises(ValueError, match="even"):
        TestCardPainter(97, 64)


def test_a_card_that_was_badly_encoded_is_read_or_not_but_never_wrongly() -> None:
    encoder, decoder = (
        video_encoder("video/VP8", bitrate_bps=20_000, content_hint="detail"),
        VideoDecoder(codec("video/VP8")),
    )
    wrong = 0
    for number, card in enumerate(cards(20, 320, 240)):
        for encoded in encoder.encode(card, force_keyframe=False):
            for decoded in pictures(decoder, encoded):
                wrong += read_picture_number(decoded) not in {number, None}

    assert wrong == 0


def test_the_clock_and_the_bar_move() -> None:
    painter = TestCardPainter(320, 240)
    one, other = luma(painter.paint(0, 0.0)), luma(painter.paint(1, 1.0))

    changed = np.abs(one - other).max(axis=1) > 50
    assert not changed[: 240 * 6 // 10].any()
    assert changed[240 * 6 // 10 : 240 * 7 // 10].all()
    assert changed[240 * 7 // 10 : 240 * 9 // 10].any()


# --- relay and black hole ---


async def test_every_consumer_of_a_relay_gets_every_frame() -> None:
    source = EncodedFrameTrack("video")
    relay = MediaRelay()
    consumers = [relay.subscribe(source) for _ in range(3)]
    for number in range(5):
        source.put_nowait(EncodedFrame(b"x", number))

    for consumer in consumers:
        assert [frame.timestamp for frame in await take(consumer, 5) if isinstance(frame, EncodedFrame)] == list(
            range(5)
        )


async def test_a_slow_consumer_loses_its_oldest_and_holds_up_nobody() -> None:
    source, relay = EncodedFrameTrack("video"), MediaRelay()
    slow, newest = relay.subscribe(source, limit=4), relay.subscribe(source, buffered=False)
    for number in range(10):
        source.put_nowait(EncodedFrame(b"x", number))

    assert [frame.timestamp for frame in await take(slow, 4) if isinstance(frame, EncodedFrame)] == [6, 7, 8, 9]
    assert [frame.timestamp for frame in await take(newest, 1) if isinstance(frame, EncodedFrame)] == [9]


async def test_the_source_ends_its_relayed_tracks_and_not_the_other_way() -> None:
    source, relay = EncodedFrameTrack("video"), MediaRelay()
    one, other = relay.subscribe(source), relay.subscribe(source)
    ended = []
    other.on("ended")(lambda: ended.append("other"))

    one.stop()
    source.put_nowait(EncodedFrame(b"x", 1))
    assert len(await take(other, 1)) == 1
    assert source.readyState == "live"
    source.end()

    assert other.readyState == "ended"
    assert ended == ["other"]
    for track in (one, other):
        with pytest.raises(MediaStreamError):
            await track.recv()


async def test_a_black_hole_consumes() -> None:
    source = TestCardTrack(96, 64, framerate=200)
    hole = MediaBlackhole()
    hole.addTrack(source)
    await hole.start()
    async with asyncio.timeout(30):
        while source._number <= 5:
            await asyncio.sleep(0.005)
    await hole.stop()

    taken = source._number
    await asyncio.sleep(0.03)
    assert source._number <= taken + 1
    assert source.readyState == "live"


# --- filters ---


async def test_pictures_are_mirrored_and_the_original_stays() -> None:
    source = TestCardTrack(160, 120, framerate=100)
    mirrored, same = FilteredTrack(source, [("hflip", "")]), FilteredTrack(source, [])

    turned, plain = await asyncio.gather(mirrored.recv(), same.recv())
    source.stop()

    assert np.array_equal(luma(turned), luma(plain)[:, ::-1])
    assert (turned.pts, turned.time_base) == (plain.pts, plain.time_base)
    assert read_picture_number(plain) == 0


async def test_edges_are_found() -> None:
    source = TestCardTrack(160, 120, framerate=100)
    edges = luma(await FilteredTrack(source, [("edgedetect", "low=0.1:high=0.3"), ("format", "yuv420p")]).recv())
    source.stop()

    assert edges[3:60].max() > 100
    assert edges[3:60, 5:14].max() < 40  # within a bar there are none


async def test_a_filter_that_does_not_exist_raises_our_error_and_the_source_ends_the_track() -> None:
    source = TestCardTrack(160, 120, framerate=100)
    filtered = FilteredTrack(source, [("nonsense", "")])
    with pytest.raises(CodecError, match="cannot be filtered"):
        await filtered.recv()
    stopped = FilteredTrack(source, [])
    source.stop()
    for track in (filtered, stopped):
        with pytest.raises(MediaStreamError):
            await track.recv()
