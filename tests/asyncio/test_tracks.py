"""Tracks, streams, and those who read them."""

import asyncio
from fractions import Fraction

import pytest

from rtc_asyncio import (
    AudioStreamTrack,
    EncodedFrameTrack,
    Event,
    MediaStream,
    MediaStreamError,
    MediaStreamTrack,
    RawFrame,
    VideoStreamTrack,
)
from rtc_asyncio.tracks import MediaKind
from rtc_rtp import EncodedFrame


class Numbers:
    """A raw frame that is only a number."""

    def __init__(self, pts: int) -> None:
        self.pts = pts
        self.time_base = Fraction(1, 1000)


class Counter(MediaStreamTrack):
    """Counts up to an end."""

    kind: MediaKind = "video"

    def __init__(self, end: int = 1000) -> None:
        super().__init__()
        self.count = 0
        self.end = end

    async def recv(self) -> RawFrame:
        await asyncio.sleep(0)
        if self.count == self.end:
            raise MediaStreamError("no more")
        self.count += 1
        return Numbers(self.count)


def encoded(number: int) -> EncodedFrame:
    return EncodedFrame(b"x", number)


async def test_a_track_has_a_kind() -> None:
    class Without(Counter):
        kind = "subtitles"  # type: ignore[assignment]

    with pytest.raises(TypeError):
        Without()


async def test_two_readers_each_get_every_frame() -> None:
    track = Counter(3)
    first, second = track.subscribe(), track.subscribe()

    seen = [[frame.pts async for frame in reader if isinstance(frame, Numbers)] for reader in (first, second)]

    assert seen == [[1, 2, 3], [1, 2, 3]]


async def test_readers_that_come_together_both_get_the_first_frame_even_if_it_is_there_at_once() -> None:
    class Ready(Counter):
        async def recv(self) -> RawFrame:
            self.count += 1
            return Numbers(self.count)

    track = Ready()

    async def first() -> int:
        frame = await track.subscribe().get()
        assert isinstance(frame, Numbers)
        return frame.pts

    assert list(await asyncio.gather(first(), first())) == [1, 1]


async def test_a_track_whose_source_ends_tells() -> None:
    track = Counter(0)
    told: list[str] = []
    track.onended = lambda event: told.append("web")
    track.on("ended")(lambda: told.append("person"))

    assert [frame async for frame in track.subscribe()] == []
    assert told == ["web", "person"]
    assert track.readyState == "ended"


async def test_stopping_tells_only_those_who_asked_to_hear_of_every_end() -> None:
    track = Counter()
    told: list[str] = []
    track.onended = lambda event: told.append("web")
    track.on("ended")(lambda: told.append("person"))

    track.stop()
    track.stop()

    assert told == ["person"]
    with pytest.raises(MediaStreamError):
        await track.subscribe().get()


async def test_a_reader_that_is_cancelled_and_closed_leaves_no_task() -> None:
    track = Counter()
    reader = track.subscribe()
    waiting = asyncio.ensure_future(reader.get())
    await asyncio.sleep(0)
    waiting.cancel()
    reader.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [task for task in asyncio.all_tasks() if "Source" in repr(task)] == []


class Gated(Counter):
    """Gives its next number when the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def recv(self) -> RawFrame:
        await self.gate.wait()
        return await super().recv()

    @classmethod
    async def begun(cls) -> "Gated":
        """One of which the first number was read."""
        track = cls()
        track.gate.set()
        reader = track.subscribe()
        await reader.get()
        reader.close()
        track.gate.clear()
        return track


@pytest.mark.parametrize("count", [1, 2])
async def test_whoever_waits_for_a_frame_hears_at_once_that_the_reader_was_closed_or_the_track_stopped(
    count: int,
) -> None:
    for end in ("close", "stop"):
        track = await Gated.begun()
        readers = [track.subscribe() for _ in range(count)]
        waiting = [asyncio.ensure_future(reader.get()) for reader in readers]
        await asyncio.sleep(0.01)
        if end == "stop":
            track.stop()
        else:
            for reader in readers:
                reader.close()
        async with asyncio.timeout(5):
            results = await asyncio.gather(*waiting, return_exceptions=True)

        assert [type(result) for result in results] == [MediaStreamError] * count


async def test_a_reader_that_is_closed_and_cancelled_is_cancelled() -> None:
    track = await Gated.begun()
    reader = track.subscribe()
    waiting = asyncio.ensure_future(reader.get())
    await asyncio.sleep(0.01)
    reader.close()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("came", ["before", "after"])
async def test_when_one_reader_is_cancelled_the_others_go_on(came: str) -> None:
    track = await Gated.begun()
    first = track.subscribe()
    second = track.subscribe() if came == "before" else None
    giving_up = asyncio.ensure_future(first.get())
    await asyncio.sleep(0.01)
    second = second or track.subscribe()
    going_on = asyncio.ensure_future(second.get())
    await asyncio.sleep(0.01)
    giving_up.cancel()
    await asyncio.sleep(0.01)
    track.gate.set()
    async with asyncio.timeout(5):
        frame = await going_on

    assert giving_up.cancelled()
    assert isinstance(frame, Numbers)
    assert frame.pts == 2


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("fault", [ValueError("oh"), asyncio.CancelledError("oh")])
async def test_a_track_that_raises_ends_and_its_error_is_told(fault: BaseException, count: int) -> None:
    class Faulty(Counter):
        async def recv(self) -> RawFrame:
            raise fault

    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["exception"]))
    track = Faulty()
    readers = [track.subscribe() for _ in range(count)]

    async with asyncio.timeout(5):
        for reader in readers:
            assert [frame async for frame in reader] == []
    assert str(reports[0]) == "oh"
    assert track.readyState == "ended"


async def test_a_clone_delivers_the_same_and_stops_alone() -> None:
    track = Counter()
    clone, reader = track.clone(), track.subscribe()
    copy = await clone.recv()
    clone.stop()

    assert copy is await reader.get()
    assert (clone.readyState, track.readyState) == ("ended", "live")
    assert clone.id != track.id
    with pytest.raises(MediaStreamError):
        await clone.recv()


async def test_a_clone_follows_its_original() -> None:
    track = Counter()
    clone = track.clone()
    events: list[str] = []
    for name in ("mute", "unmute", "ended"):
        clone.addEventListener(name, lambda event: events.append(event.type))
    track.set_muted(True)
    track.set_muted(True)
    track.set_muted(False)
    track.stop()

    assert events == ["mute", "unmute", "ended"]
    assert track.clone().readyState == "ended"


async def test_what_is_put_reaches_every_reader_and_waits_for_the_slowest() -> None:
    track = EncodedFrameTrack("video")
    fast, slow = track.subscribe(), track.subscribe(1)
    await track.put(encoded(1))
    second = asyncio.ensure_future(track.put(encoded(2)))
    await asyncio.sleep(0)
    held_up = not second.done()
    first_of_slow = await slow.get()
    await second

    assert held_up
    assert first_of_slow.timestamp == 1
    assert [frame.timestamp for frame in fast.take_all()] == [1, 2]
    assert slow.dropped == 0


async def test_what_is_put_without_waiting_pushes_out_the_oldest() -> None:
    track = EncodedFrameTrack("video")
    reader = track.subscribe(2)
    for number in range(5):
        track.put_nowait(encoded(number))
    track.end()

    assert [frame.timestamp async for frame in reader] == [3, 4]
    assert reader.dropped == 3
    with pytest.raises(MediaStreamError):
        track.put_nowait(encoded(5))
    with pytest.raises(MediaStreamError):
        await track.put(encoded(5))


async def test_a_reader_that_goes_frees_who_waits_for_it() -> None:
    track = EncodedFrameTrack("audio")
    reader = track.subscribe(1)
    await track.put(encoded(1))
    putting = asyncio.ensure_future(track.put(encoded(2)))
    await asyncio.sleep(0)
    reader.close()

    async with asyncio.timeout(1):
        await putting


async def test_paced_tracks_keep_time() -> None:
    video, audio = VideoStreamTrack(), AudioStreamTrack()
    started = asyncio.get_running_loop().time()
    pictures = [await video.next_timestamp() for _ in range(3)]
    sounds = [await audio.next_timestamp() for _ in range(3)]

    assert pictures == [(0, Fraction(1, 90000)), (3000, Fraction(1, 90000)), (6000, Fraction(1, 90000))]
    assert sounds == [(0, Fraction(1, 8000)), (160, Fraction(1, 8000)), (320, Fraction(1, 8000))]
    assert asyncio.get_running_loop().time() - started >= 2 / 30 + 0.04 - 0.001
    video.stop()
    with pytest.raises(MediaStreamError):
        await video.next_timestamp()


async def test_a_stream_holds_tracks() -> None:
    audio, video = AudioStreamTrack(), VideoStreamTrack()
    stream = MediaStream([video])
    stream.addTrack(audio)
    stream.addTrack(audio)

    assert stream.getTracks() == [video, audio]
    assert (stream.getAudioTracks(), stream.getVideoTracks()) == ([audio], [video])
    assert stream.getTrackById(audio.id) is audio
    assert stream.getTrackById("?") is None
    assert MediaStream(stream).getTracks() == [video, audio]
    stream.removeTrack(video)
    stream.removeTrack(video)
    assert stream.active
    audio.stop()
    assert not stream.active
    with pytest.raises(TypeError):
        stream.addTrack("video")


async def test_a_stream_tells_only_what_the_other_side_does() -> None:
    stream = MediaStream(id="s")
    video = VideoStreamTrack()
    events: list[tuple[str, object]] = []
    stream.onaddtrack = lambda event: events.append((event.type, event.track))
    stream.on("removetrack")(lambda track: events.append(("gone", track)))
    stream.addTrack(video)
    stream.track_added(video)
    stream.track_removed(video)
    stream.track_removed(video)
    stream.track_added(video)
    stream.removeTrack(video)

    assert events == [("gone", video), ("addtrack", video)]


async def test_a_cloned_stream_has_clones() -> None:
    stream = MediaStream([VideoStreamTrack()])
    clone = stream.clone()

    assert clone.id != stream.id
    assert clone.getTracks()[0].id != stream.getTracks()[0].id


async def test_an_event_of_a_track_has_its_target() -> None:
    track = Counter()
    events: list[Event] = []
    track.onmute = events.append
    track.set_muted(True)

    assert events[0].target is track
    assert track.muted
