"""`MediaRecorder`, as users of aiortc know it: writes what tracks deliver into a file, encoded here or as it came."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, Self

from av import AudioFrame, VideoFrame

from rtc_asyncio import FrameReader, MediaStreamError, MediaStreamTrack, RawFrame
from rtc_asyncio.tracks import MediaFrame, checked_track
from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.errors import MediaError
from rtc_media.file_writer import FileWriter, LibavWriter, RtpDumpFileWriter
from rtc_media.picture import VIDEO_CLOCK_RATE
from rtc_media.timeline import Timeline
from rtc_rtp import EncodedFrame, RtpCodec, RtpPacket

WAITING: Final = {"audio": 500, "video": 60}
"""Frames that may wait for a disk or an encoder that is slow: ten seconds of sound, two of pictures, which are large."""
LARGEST_LEAP: Final = 5.0
"""Seconds: when a track's times leap by more against real time, they count from there anew."""


class MediaRecorder:
    """Records tracks into a file.

    Raw frames are encoded by libav with the codec that suits the file. Encoded frames are written as they are, without any codec:
    into WebM, Matroska, MP4, Ogg, IVF, and as packets into rtpdump. RTP packets are written as they are into rtpdump; for other files
    say in `addTrack` what they carry. Tracks are aligned by their capture times where they are known, else by their arrival.
    A file says at its beginning which streams it has: a track that delivers nothing in the first three seconds is left out of it.

    Args:
        file: Path, URL or an open file; its name tells the format.
        format: The format, libav's name or "rtpdump"; None to tell by the name.
        options: For libav's muxer.

    Everything that blocks runs in one thread, which is gone after `stop`.
    """

    def __init__(
        self,
        file: str | Path | BinaryIO,
        format: str | None = None,  # noqa: A002 - as in aiortc
        options: dict[str, str] | None = None,
    ) -> None:
        self._file = file
        self._format = format
        self._options = options
        self._tracks: list[MediaStreamTrack] = []
        self._codecs: dict[int, RtpCodec] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: FileWriter | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._origin = _Origin()
        self._ended = False
        self.error: MediaError | None = None
        """Why it stopped by itself; the file was finished as far as that was possible."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def addTrack(self, track: MediaStreamTrack, codec: RtpCodec | None = None) -> None:  # noqa: N802 - as in aiortc
        """Record this track too. Files say at their beginning which streams they have, so add all tracks before `start`.

        Args:
            track: Of raw frames, encoded frames or RTP packets.
            codec: What its RTP packets carry, if it delivers such.

        Raises:
            TypeError: It is no track.
            MediaError: It has started.
        """
        if self._thread is not None:
            raise MediaError("a recorder takes no more tracks once it has started")
        self._tracks.append(checked_track(track))
        if codec is not None:
            self._codecs[len(self._tracks) - 1] = codec

    async def start(self) -> None:
        """Open the file and begin. Does nothing while it records.

        Raises:
            MediaError: The file cannot be written, or it was written: a recorder records once.
        """
        if self._ended:
            raise MediaError("a recorder records once: make another one")
        if self._thread is not None:
            return
        self._thread = ThreadPoolExecutor(1, "media-recorder")
        try:
            self._writer = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except MediaError:
            self._thread.shutdown()
            self._thread = None
            raise
        readers = [track.subscribe(WAITING[track.kind]) for track in self._tracks]
        self._tasks = [asyncio.create_task(self._record(index, reader)) for index, reader in enumerate(readers)]

    async def stop(self) -> None:
        """Finish the file. Tracks go on. Idempotent.

        Raises:
            MediaError: The file could not be written, now or before.
        """
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._finish()
        for outcome in ended:
            if isinstance(outcome, Exception):  # a track's own fault; those of the file are in `error`
                raise outcome
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    async def wait(self) -> None:
        """Wait until all tracks have ended, or recording has failed; then call `stop`."""
        if self._tasks:
            await asyncio.wait(self._tasks)  # who stops waiting does not stop the recording

    def _open(self) -> FileWriter:
        is_dump = self._format == "rtpdump" or (self._format is None and str(self._file).endswith((".rtpdump", ".rtp")))
        if is_dump:
            return RtpDumpFileWriter(self._file, time.time())
        return LibavWriter(self._file, self._format, self._options, len(self._tracks), self._codecs)

    async def _record(self, index: int, frames: FrameReader[MediaFrame]) -> None:
        clock = _TrackClock(self._origin, self._tracks[index].kind, self._codecs.get(index))
        loop = asyncio.get_running_loop()
        try:
            while True:
                frame = await frames.get()
                position = clock.position(frame, loop.time())
                if position is None or self._writer is None or self._thread is None:
                    continue
                await loop.run_in_executor(self._thread, self._writer.write, index, frame, position)
        except MediaStreamError:
            pass
        except MediaError as error:
            self.error = error
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()
            await self._finish()
        finally:
            frames.close()

    async def _finish(self) -> None:
        writer, self._writer = self._writer, None
        thread = self._thread
        self._ended = thread is not None
        if writer is None or thread is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(thread, writer.close)
        except MediaError as error:
            self.error = self.error or error
        finally:
            thread.shutdown()


class _Origin:
    """What the beginning of the file is in each of the clocks."""

    def __init__(self) -> None:
        self.arrival: float | None = None
        self.capture: float | None = None


class _TrackClock:
    """Places what a track delivers in the file."""

    def __init__(self, origin: _Origin, kind: str, codec: RtpCodec | None) -> None:
        self._origin = origin
        self._kind = kind
        self._codec = codec
        self._timeline = Timeline()
        self._offset: float | None = None

    def position(self, frame: MediaFrame, now: float) -> float | None:
        """Return where a frame that has come now belongs, in seconds; None if it has no time.

        Raises:
            MediaError: It is no frame.
        """
        origin = self._origin
        seconds = self._seconds(frame)
        if seconds is None:
            return None
        if origin.arrival is None:
            origin.arrival = now
        arrived = now - origin.arrival
        if self._offset is None or abs(self._offset + seconds - arrived) > LARGEST_LEAP:
            begins = arrived
            if isinstance(frame, EncodedFrame) and frame.capture_time is not None:
                if origin.capture is None:
                    origin.capture = frame.capture_time - arrived
                # Captured together belongs together; what came from elsewhere has another clock.
                captured = frame.capture_time - origin.capture
                begins = captured if abs(captured - arrived) < LARGEST_LEAP else arrived
            self._offset = begins - seconds
        return self._offset + seconds

    def _seconds(self, frame: MediaFrame) -> float | None:
        """Return the frame's time in its track's own clock."""
        if isinstance(frame, EncodedFrame):
            return self._timeline.ticks(frame.timestamp) / self._clock_rate(frame.mime_type)
        if isinstance(frame, RtpPacket):
            return self._timeline.ticks(frame.timestamp) / self._clock_rate(None)
        return _presentation_time(frame)

    def _clock_rate(self, mime_type: str | None) -> int:
        if self._kind == "video":
            return VIDEO_CLOCK_RATE
        if self._codec is not None:
            return self._codec.clock_rate
        kind = AUDIO_CODECS.get((mime_type or "").lower())
        return kind.clock_rate if kind is not None else 48_000


def _presentation_time(frame: RawFrame) -> float | None:
    if not isinstance(frame, AudioFrame | VideoFrame):
        raise MediaError(f"a track delivered {type(frame).__name__}")
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base)
