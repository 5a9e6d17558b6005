"""From frames of the machine to tracks."""

import asyncio
import threading

import pytest

from rtc_asyncio import MediaStreamError, worker
from rtc_asyncio.receiving import RemoteMedia, RemoteTrack
from rtc_rtp import EncodedFrame, RtpCodec

from .fake_codec import DELTA_FRAME, KEY_FRAME, FakeCodecs, Picture, Sound

VP8 = RtpCodec(payload_type=96, mime_type="video/VP8", clock_rate=90_000)
OPUS = RtpCodec(payload_type=111, mime_type="audio/opus", clock_rate=48_000, channels=2)


class Side:
    """One receiver."""

    def __init__(self, kind: str = "video", codecs: FakeCodecs | None = None) -> None:
        self.requests = 0
        self.codecs = codecs
        self.media = RemoteMedia(
            "audio" if kind == "audio" else "video",
            codecs,
            lambda frame: OPUS if kind == "audio" else VP8,
            self._request,
        )
        self.track = RemoteTrack("audio" if kind == "audio" else "video", self.media)

    def _request(self) -> None:
        self.requests += 1


def picture(number: int, *, key: bool = False, ssrc: int = 1) -> EncodedFrame:
    head = KEY_FRAME if key else DELTA_FRAME
    return EncodedFrame(head + bytes(4) + number.to_bytes(4, "big") + b"\0", 3000 * number, key, ssrc=ssrc)


def sound(number: int) -> EncodedFrame:
    return EncodedFrame(b"\xfc" + number.to_bytes(4, "big"), 960 * number, ssrc=1)


async def numbers(track: RemoteTrack, count: int) -> list[int]:
    async with asyncio.timeout(30):
        found = [await track.recv() for _ in range(count)]
    return [frame.number for frame in found if isinstance(frame, Picture | Sound)]


@pytest.mark.parametrize("inline", [False, True])
async def test_decoding_begins_with_the_first_reader_and_a_key_frame(inline: bool) -> None:
    codecs = FakeCodecs(inline=inline)
    side = Side(codecs=codecs)
    side.media.received(picture(1, key=True))
    reading = asyncio.ensure_future(numbers(side.track, 2))
    await asyncio.sleep(0.01)
    for frame in (picture(2), picture(3, key=True), picture(4)):
        side.media.received(frame)

    assert await reading == [3, 4]
    assert side.requests == 1
    figures = side.media.decodings[1].figures
    assert (figures.frames_decoded, figures.key_frames_decoded, figures.frames_dropped) == (2, 1, 1)
    side.media.close(told=False)
    async with asyncio.timeout(30):
        while not codecs.decoders[0].closed:
            await asyncio.sleep(0.001)


async def test_a_frame_that_cannot_be_decoded_takes_a_key_frame() -> None:
    side = Side(codecs=FakeCodecs())
    reading = asyncio.ensure_future(numbers(side.track, 2))
    await asyncio.sleep(0.01)
    for frame in (picture(1, key=True), EncodedFrame(b"?", 0, False, ssrc=1), picture(2), picture(3, key=True)):
        side.media.received(frame)

    assert await reading == [1, 3]
    assert side.requests == 2
    side.media.close(told=False)


async def test_where_no_thread_is_to_be_had_decoding_ends_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    side, at_work = Side(codecs=FakeCodecs()), set(worker._AT_WORK)
    reading = asyncio.ensure_future(numbers(side.track, 1))
    await asyncio.sleep(0.01)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    side.media.received(picture(1, key=True))

    with pytest.raises(MediaStreamError):
        await reading
    assert [context["message"] for context in told] == ["decoding failed"]
    assert set(worker._AT_WORK) <= at_work
    side.media.close(told=False)


async def test_sound_needs_no_key_frame_and_none_of_it_is_lost() -> None:
    side = Side("audio", FakeCodecs())
    reading = asyncio.ensure_future(numbers(side.track, 100))
    await asyncio.sleep(0.01)
    for number in range(100):
        side.media.received(sound(number))

    assert await reading == list(range(100))
    assert side.track.getSettings() == {"sampleRate": 48_000}
    side.media.close(told=False)


async def test_what_was_concealed_is_counted_on_by_the_next_decoder() -> None:
    codecs = FakeCodecs(inline=True)
    side = Side("audio", codecs)
    for round_ in range(2):
        reader = side.track.subscribe()
        await asyncio.sleep(0)
        for number in range(3):
            side.media.received(sound(3 * round_ + number))
        async with asyncio.timeout(30):
            for _ in range(3):
                await reader.get()
        reader.close()

    assert len(codecs.decoders) == 2
    concealment = side.media.decodings[1].figures.concealment
    assert concealment is not None
    assert concealment.concealment_events == 6
    side.media.close(told=False)


async def test_of_pictures_a_slow_reader_gets_the_newest() -> None:
    side = Side(codecs=FakeCodecs())
    reader = side.track.subscribe()
    await asyncio.sleep(0.01)
    for number in range(1, 11):
        side.media.received(picture(number, key=number == 1))
    async with asyncio.timeout(30):
        while reader.dropped < 6:
            await asyncio.sleep(0.001)

    found = [frame.number for frame in reader.take_all() if isinstance(frame, Picture)]
    assert found == [7, 8, 9, 10]
    assert reader.dropped == 6
    side.media.close(told=False)


async def test_without_codecs_the_track_delivers_encoded_frames() -> None:
    side = Side(codecs=None)
    reader = side.track.subscribe()
    frame = picture(1)
    side.media.received(frame)

    assert await reader.get() is frame
    assert side.requests == 0


async def test_encoded_frames_go_to_all_who_want_them() -> None:
    side = Side(codecs=FakeCodecs())
    readers = [side.media.frames.subscribe(), side.media.frames.subscribe()]
    frame = picture(1)
    side.media.received(frame)

    assert [await reader.get() for reader in readers] == [frame, frame]
    assert side.codecs is not None
    assert side.codecs.decoders == []


async def test_the_thread_ends_with_the_last_reader() -> None:
    codecs = FakeCodecs()
    side = Side(codecs=codecs)
    reader = side.track.subscribe()
    await asyncio.sleep(0.01)
    side.media.received(picture(1, key=True))
    await reader.get()
    reader.close()

    async with asyncio.timeout(30):
        while not codecs.decoders[0].closed or any("rtc-decode" in each.name for each in threading.enumerate()):
            await asyncio.sleep(0.001)
    again = side.track.subscribe()
    await asyncio.sleep(0.01)
    side.media.received(picture(2, key=True))
    assert isinstance(await again.get(), Picture)
    side.media.close(told=False)


async def test_a_reader_that_comes_while_the_last_frame_of_another_is_decoded_has_a_decoder_of_its_own() -> None:
    codecs = FakeCodecs()
    codecs.gate = threading.Event()
    side = Side(codecs=codecs)
    first = side.track.subscribe()
    await asyncio.sleep(0.01)
    side.media.received(picture(1, key=True))
    async with asyncio.timeout(30):
        while not codecs.decoders:
            await asyncio.sleep(0.001)
    first.close()
    second = side.track.subscribe()
    await asyncio.sleep(0.01)
    side.media.received(picture(2, key=True))
    codecs.gate.set()
    async with asyncio.timeout(30):
        frame = await second.get()

    assert isinstance(frame, Picture)
    assert frame.number == 2
    assert len(codecs.decoders) == 2
    side.media.close(told=False)


async def test_a_clone_has_its_own_life_and_ends_with_the_source() -> None:
    side = Side(codecs=FakeCodecs())
    clone = side.track.clone()
    events: list[str] = []
    clone.onended = lambda event: events.append("ended")
    clone.onunmute = lambda event: events.append("unmute")
    side.media.set_muted(False)
    side.track.stop()

    assert (side.track.readyState, clone.readyState) == ("ended", "live")
    with pytest.raises(MediaStreamError):
        await side.track.recv()
    side.media.close(told=True)
    assert events == ["unmute", "ended"]


async def test_a_disabled_track_is_black() -> None:
    side = Side(codecs=FakeCodecs())
    side.track.enabled = False
    reading = asyncio.ensure_future(side.track.recv())
    await asyncio.sleep(0.01)
    side.media.received(picture(1, key=True))

    frame = await reading
    assert isinstance(frame, Picture)
    assert frame.black
    side.media.close(told=False)
