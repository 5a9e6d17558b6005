"""`MediaPlayer`, as users of aiortc know it: tracks of what is in a file, comes from a device or over the network."""

import asyncio
import warnings
import weakref
from collections import deque
from pathlib import Path
from typing import BinaryIO, Final, Self

import av
from av.container import InputContainer
from av.stream import Stream

from rtc_asyncio import MediaStreamError, MediaStreamTrack
from rtc_asyncio.tracks import MediaKind
from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.errors import MediaError, libav_fails_as, said_by
from rtc_media.picture import VIDEO_CLOCK_RATE
from rtc_media.player_reader import (
    MIME_TYPES,
    QUEUE_SECONDS,
    Cutter,
    EncodedCutter,
    Feed,
    PictureCutter,
    PlayedFrame,
    Reader,
    SoundCutter,
)
from rtc_rtp import EncodedFrame

LIVE_FORMATS: Final = frozenset(
    [
        "alsa",
        "android_camera",
        "avfoundation",
        "bktr",
        "decklink",
        "dshow",
        "fbdev",
        "gdigrab",
        "iec61883",
        "jack",
        "kmsgrab",
        "openal",
        "oss",
        "pulse",
        "rtp",
        "rtsp",
        "sdp",
        "sndio",
        "v4l2",
        "video4linux2",
        "vfwcap",
        "x11grab",
    ]
)
"""What libav calls sources that keep real time by themselves."""
CLOSING_TIME: Final = 2.0
"""Seconds for which closing waits for a source that is being read."""
LATEST: Final = 1.0
"""Seconds: a player that lags behind by more does not catch up, but goes on later."""


class MediaPlayer:
    """Plays a file, a device or a URL at the pace of real time.

    ``player.audio`` and ``player.video`` are its tracks, None if there is no such stream. Reading begins when one of them is read, and
    ends when all have been stopped, or with `close`. Pictures and sound keep together.

    Args:
        file: Path, URL, device or an open file.
        format: libav's name of the format or of the kind of device, such as "v4l2"; None to find out.
        options: For the demuxer or device, such as ``{"video_size": "640x480"}``.
        timeout: Seconds that opening and each reading may take; None for as long as they want.
        loop: Begin again at the end, for ever; the file must be seekable.
        decode: False delivers the encoded frames that are in the file, which are sent without any codec.

    Opening blocks; `MediaPlayer.open` does it in a thread.

    Raises:
        MediaError: It cannot be opened, or has neither sound nor pictures that can be played in this way.
    """

    def __init__(
        self,
        file: str | Path | BinaryIO,
        format: str | None = None,  # noqa: A002 - as in aiortc
        options: dict[str, str] | None = None,
        timeout: float | None = None,
        loop: bool = False,
        decode: bool = True,
    ) -> None:
        self._name = str(file)
        with libav_fails_as(MediaError, f"{self._name} cannot be opened"):
            try:
                self._container: InputContainer = av.open(
                    str(file) if isinstance(file, Path) else file, "r", format=format, options=options, timeout=timeout
                )
            except ValueError as error:  # PyAV tells of an unknown format by it
                raise MediaError(f"{self._name} cannot be opened: {said_by(error)}") from error
        self.live = bool(LIVE_FORMATS.intersection(self._container.format.name.split(",")))
        """Whether it keeps real time by itself."""
        self._clock = _Clock()
        self._tracks: list[PlayedTrack] = []
        self.error: MediaError | None = None
        """Why it ended before its end."""
        for kind in ("audio", "video"):
            self._add_track(kind, decode=decode)
        if not self._tracks:
            self._container.close()
            raise MediaError(f"{self._name} has nothing to play" + ("" if decode else " without decoding"))
        self._reader = Reader(
            self._container,
            [track.feed for track in self._tracks],
            loop=loop,
            live=self.live,
            ended=weakref.WeakMethod(self._read_to_the_end),
        )
        self._event_loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    async def open(
        cls,
        file: str | Path | BinaryIO,
        format: str | None = None,  # noqa: A002 - as in aiortc
        options: dict[str, str] | None = None,
        timeout: float | None = None,
        *,
        loop: bool = False,
        decode: bool = True,
    ) -> Self:
        """Make a player without blocking the event loop meanwhile; arguments and errors are those of the class."""
        return await asyncio.to_thread(cls, file, format, options, timeout, loop, decode)

    def __del__(self) -> None:
        if vars(self).get("_event_loop") is not None and self._reader.is_running:
            warnings.warn(f"unclosed player of {self._name}", ResourceWarning, source=self, stacklevel=2)
            self._reader.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def audio(self) -> "PlayedTrack | None":
        """The first stream of sound."""
        return next((track for track in self._tracks if track.kind == "audio"), None)

    @property
    def video(self) -> "PlayedTrack | None":
        """The first stream of pictures."""
        return next((track for track in self._tracks if track.kind == "video"), None)

    async def close(self) -> None:
        """End all tracks and free the file; its thread is gone afterwards. Idempotent.

        A source that says nothing, and that was opened without a timeout, holds its thread: it is left alone after two seconds,
        and ends when the source ends or goes on.
        """
        for track in self._tracks:
            track.stop()
        if self._event_loop is None:
            self._container.close()
        else:
            await asyncio.to_thread(self._reader.join, CLOSING_TIME)

    # --- called by its tracks ---

    def track_reads(self) -> None:
        """Begin to read, with the first track that wants something."""
        if self._event_loop is None:
            self._event_loop = asyncio.get_running_loop()
            self._reader.start()

    def track_took(self) -> None:
        """Read on if there is room now."""
        self._reader.took()

    def track_stopped(self) -> None:
        """End with the last track."""
        if any(track.feed.active for track in self._tracks):
            self._reader.took()
        else:
            self._reader.stop()

    # --- streams ---

    def _add_track(self, kind: MediaKind, *, decode: bool) -> None:
        streams = self._container.streams.audio if kind == "audio" else self._container.streams.video
        for stream in streams:
            cutter = _cutter(stream, decode=decode)
            if cutter is not None:
                self._tracks.append(PlayedTrack(self, kind, self._name, stream, cutter, self._clock))
                return

    def _read_to_the_end(self, error: MediaError | None) -> None:
        if self._event_loop is None or self._event_loop.is_closed():
            return
        self.error = error
        for track in self._tracks:
            self._event_loop.call_soon_threadsafe(track.end_reached)


class _Clock:
    """When what is played began, in real time: one for all tracks of a player, so that they keep together."""

    def __init__(self) -> None:
        self._began: float | None = None

    def wait_for(self, seconds: float, now: float) -> float:
        """Return how long it takes until something is due."""
        if self._began is None:
            self._began = now - seconds
        late = now - self._began - seconds
        if late > LATEST:
            self._began += late
        return -late


class PlayedTrack(MediaStreamTrack):
    """A track of a player."""

    def __init__(
        self, player: MediaPlayer, kind: MediaKind, name: str, stream: Stream, cutter: Cutter, clock: _Clock
    ) -> None:
        super().__init__(kind, label=name)
        self._player = player
        self._clock = clock
        self._frames: deque[PlayedFrame] = deque()
        self._arrived = asyncio.Event()
        self._at_end = False
        self._settings = _settings(stream)
        self.feed = Feed(stream, cutter, weakref.WeakMethod(self._deliver))
        """What the reading thread fills."""

    def getSettings(self) -> dict[str, object]:  # noqa: N802 - the Web's name
        """What the file says: width, height and frameRate, or sampleRate and channelCount."""
        return dict(self._settings)

    async def recv(self) -> PlayedFrame:
        """Take the next frame when it is due.

        Raises:
            MediaStreamError: The end was reached, or the track was stopped.
        """
        if self.readyState == "ended":
            raise MediaStreamError("the track has ended")
        with self.feed:
            self._player.track_reads()
            while not self._frames:
                if self._at_end:
                    self._source_ended()
                    raise MediaStreamError("the track has ended")
                self._arrived.clear()
                await self._arrived.wait()
            frame = self._frames.popleft()
            seconds = _begins(frame)
            self.feed.taken_until = max(self.feed.taken_until, seconds)
            self._player.track_took()
            if not self._player.live:
                await asyncio.sleep(self._clock.wait_for(seconds, asyncio.get_running_loop().time()))
            return frame

    def end_reached(self) -> None:
        """There is nothing more to read; called by the player."""
        self._at_end = True
        self._arrived.set()

    def _deliver(self, frame: PlayedFrame) -> None:
        """Take a frame from the reading thread."""
        loop = self._player._event_loop  # noqa: SLF001 - a player and its tracks are one thing
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._add, frame)

    def _add(self, frame: PlayedFrame) -> None:
        if not self.feed.active:
            return
        frames = self._frames
        frames.append(frame)
        if _begins(frame) - _begins(frames[0]) > QUEUE_SECONDS:
            frames.popleft()
            # Encoded pictures build on each other: what has lost its beginning begins with the next key frame.
            while frames and isinstance(frames[0], EncodedFrame) and not frames[0].keyframe:
                frames.popleft()
        self._arrived.set()

    def _end(self, *, told: bool) -> None:
        if self.feed.active:
            self.feed.active = False
            self._frames.clear()
            self._at_end = True
            self._arrived.set()
            self._player.track_stopped()
        super()._end(told=told)


def _cutter(stream: Stream, *, decode: bool) -> Cutter | None:
    context = stream.codec_context
    if context is None:
        return None
    if not decode:
        mime_type = MIME_TYPES.get(context.name)
        return EncodedCutter(stream, mime_type) if mime_type is not None else None
    if isinstance(context, av.AudioCodecContext):
        return SoundCutter(len(context.layout.channels))
    return PictureCutter(float(stream.average_rate or 25) if isinstance(stream, av.VideoStream) else 25)


def _settings(stream: Stream) -> dict[str, object]:
    context = stream.codec_context
    if isinstance(context, av.AudioCodecContext):
        return {"sampleRate": context.sample_rate, "channelCount": len(context.layout.channels)}
    if isinstance(stream, av.VideoStream):
        return {"width": stream.width, "height": stream.height, "frameRate": float(stream.average_rate or 0)}
    return {}


def _begins(frame: PlayedFrame) -> float:
    if isinstance(frame, EncodedFrame):
        kind = AUDIO_CODECS.get((frame.mime_type or "").lower())
        return frame.timestamp / (kind.clock_rate if kind is not None else VIDEO_CLOCK_RATE)
    return float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base is not None else 0.0
