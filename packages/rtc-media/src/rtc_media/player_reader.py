"""Reads a file, a device or a URL in a thread, and cuts what is in it into frames for tracks: decoded, or encoded as it is."""

import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Final, Protocol, TypeAlias

import av
from av import AudioFrame, VideoFrame
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.stream import Stream

from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.errors import CodecError, MediaError, said_by
from rtc_media.picture import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE, PictureAdapter, upright_rotation, upright_size
from rtc_media.sound_adapter import SoundAdapter
from rtc_media.templates import TEMPORAL_DELIMITER
from rtc_rtp import EncodedFrame

Packet: TypeAlias = "av.Packet[Stream]"
PlayedFrame: TypeAlias = AudioFrame | VideoFrame | EncodedFrame

AUDIO_RATE: Final = 48_000
AUDIO_FRAME_SAMPLES: Final = 960
LARGEST_STEP_BACK: Final = 0.1
"""Seconds by which times may step back within a file; by more they do where it was put together of several, and go on then."""
READ_AHEAD: Final = 0.5
"""Seconds that are ready for each track before reading pauses."""
QUEUE_SECONDS: Final = 2.0
"""How much waits for a track that is not read; of more, the oldest goes."""
STALLED: Final = 1.0
"""Seconds after which a track that nobody waits for holds up the others no more."""
MIME_TYPES: Final = {
    "opus": "audio/opus",
    "libopus": "audio/opus",
    "g722": "audio/G722",
    "pcm_mulaw": "audio/PCMU",
    "pcm_alaw": "audio/PCMA",
    "vp8": "video/VP8",
    "libvpx": "video/VP8",
    "vp9": "video/VP9",
    "libvpx-vp9": "video/VP9",
    "h264": "video/H264",
    "hevc": "video/H265",
    "av1": "video/AV1",
    "libdav1d": "video/AV1",
    "libaom-av1": "video/AV1",
}
"""By libav's names of decoders: what can be sent as it is."""
ANNEX_B_FILTERS: Final = {"video/H264": "h264_mp4toannexb", "video/H265": "hevc_mp4toannexb"}


class Cutter(Protocol):
    """Makes the frames of one stream; all times begin at zero with the file, and go on when it is played again."""

    def cut(self, packet: Packet, offset: float) -> "Sequence[tuple[float, PlayedFrame]]":
        """Make frames of the next packet.

        Args:
            packet: An empty one ends the stream.
            offset: What to add to its times, seconds.

        Returns:
            Each with the time at which it ends.
        """


class PictureCutter:
    """Decodes pictures, and turns them upright.

    Args:
        framerate: Pictures per second where they have no times.
    """

    def __init__(self, framerate: float) -> None:
        self._adapter = PictureAdapter()
        self._interval = 1 / framerate
        self._next = 0.0

    def cut(self, packet: Packet, offset: float) -> "Sequence[tuple[float, PlayedFrame]]":
        """Decode a packet."""
        frames: list[tuple[float, PlayedFrame]] = []
        for picture in packet.decode():
            if not isinstance(picture, VideoFrame):
                continue
            # A bare bitstream has no times: it is as fast as it says.
            self._next = picture.time if picture.pts is not None else self._next
            seconds = self._next + offset
            self._next += self._interval
            if upright_rotation(picture):
                picture = self._adapter.adapt(picture, *upright_size(picture))
            picture.pts, picture.time_base = round(seconds * VIDEO_CLOCK_RATE), VIDEO_TIME_BASE
            frames.append((seconds + self._interval, picture))
        return frames


class SoundCutter:
    """Decodes sound into frames of 20 ms, 48 kHz, s16, mono or stereo."""

    def __init__(self, channels: int) -> None:
        self._adapter = SoundAdapter(
            layout="mono" if channels == 1 else "stereo", rate=AUDIO_RATE, frame_size=AUDIO_FRAME_SAMPLES
        )

    def cut(self, packet: Packet, offset: float) -> "Sequence[tuple[float, PlayedFrame]]":
        """Decode a packet."""
        cut: list[AudioFrame] = []
        for sound in packet.decode():
            if isinstance(sound, AudioFrame):
                cut += self._adapter.adapt(sound)
        if not packet.size:
            cut += self._adapter.rest()
        frames: list[tuple[float, PlayedFrame]] = []
        for frame in cut:
            if frame.pts is None or frame.time_base is None:
                continue
            frame.pts = round((float(frame.pts * frame.time_base) + offset) * AUDIO_RATE)
            frame.time_base = Fraction(1, AUDIO_RATE)
            frames.append(((frame.pts + frame.samples) / AUDIO_RATE, frame))
        return frames


class EncodedCutter:
    """Hands on what is in the file, in the form in which it is sent."""

    def __init__(self, stream: Stream, mime_type: str) -> None:
        self._mime_type = mime_type
        self._kind = AUDIO_CODECS.get(mime_type.lower())
        name = ANNEX_B_FILTERS.get(mime_type)
        self._filter = BitStreamFilterContext(name, stream) if name is not None else None
        self._rest = b""

    def cut(self, packet: Packet, offset: float) -> "Sequence[tuple[float, PlayedFrame]]":
        """Make frames of a packet."""
        if not packet.size or packet.pts is None:
            return ()
        frames: list[tuple[float, PlayedFrame]] = []
        for each in self._filter.filter(packet) if self._filter is not None else [packet]:
            if each.pts is None:
                continue
            seconds = float(each.pts * each.time_base) + offset
            frames += self._sound(bytes(each), seconds) if self._kind is not None else [self._picture(each, seconds)]
        return frames

    def _picture(self, packet: Packet, seconds: float) -> tuple[float, PlayedFrame]:
        data = bytes(packet)
        if self._mime_type == "video/AV1":
            data = data.removeprefix(TEMPORAL_DELIMITER)
        timestamp = round(seconds * VIDEO_CLOCK_RATE)
        return seconds, EncodedFrame(data, timestamp, keyframe=packet.is_keyframe, mime_type=self._mime_type)

    def _sound(self, data: bytes, seconds: float) -> "list[tuple[float, PlayedFrame]]":
        if self._kind is None:
            return []
        rate, step = self._kind.clock_rate, self._kind.byte_rate
        if step is None:
            return [(seconds, EncodedFrame(data, round(seconds * rate), mime_type=self._mime_type))]
        # Files hold G.711 and G.722 in pieces of any length: cut them into packets of 20 ms.
        length = step // 50
        seconds -= len(self._rest) / step
        data = self._rest + data
        whole = len(data) // length * length
        data, self._rest = data[:whole], data[whole:]
        return [
            (
                seconds + at / step,
                EncodedFrame(data[at : at + length], round((seconds + at / step) * rate), mime_type=self._mime_type),
            )
            for at in range(0, len(data), length)
        ]


class Feed:
    """What connects the reading thread to one track. Its two times are written by one side each."""

    def __init__(
        self, stream: Stream, cutter: Cutter, deliver: "weakref.WeakMethod[Callable[[PlayedFrame], None]]"
    ) -> None:
        self.stream = stream
        self.cutter = cutter
        self.deliver = deliver
        """Called in the reading thread, which keeps no track alive."""
        self.read_until = 0.0
        self.taken_until = 0.0
        self.active = True
        """False once its track was stopped."""
        self._expected: float | None = None
        """Where in the file the next packet would begin."""
        self._shift = 0.0
        self._readers = 0
        self._left_at: float | None = None

    def __enter__(self) -> None:
        """Somebody waits for a frame; until he leaves, and for a moment longer, none is to be lost."""
        self._readers += 1

    def __exit__(self, *error: object) -> None:
        self._readers -= 1
        self._left_at = time.monotonic()

    def shift(self, packet: Packet) -> float:
        """Return what to add to the times of a packet and those behind it, so that they go on where times begin anew."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return self._shift
        begins = float(stamp * packet.time_base)
        if self._expected is not None and begins < self._expected - LARGEST_STEP_BACK:
            self._shift += self._expected - begins
        self._expected = begins + float((packet.duration or 0) * packet.time_base)
        return self._shift

    def begin_again(self) -> None:
        """The file is read from its beginning: no leap, but meant."""
        self._expected = None
        self._shift = 0.0

    @property
    def ready(self) -> float:
        """Seconds that wait for the track."""
        return self.read_until - self.taken_until

    @property
    def is_full(self) -> bool:
        """Whether somebody who reads the track would lose frames if more were read."""
        if self.ready < QUEUE_SECONDS - READ_AHEAD:
            return False
        return self._readers > 0 or (self._left_at is not None and time.monotonic() - self._left_at < STALLED)


class Reader:
    """The thread of a player.

    Args:
        container: What is read; closed in the end.
        feeds: One for each track.
        loop: Begin again at the end.
        live: Read as fast as frames come: they are made now.
        ended: Called in the thread at the end, with what went wrong.
    """

    def __init__(
        self,
        container: InputContainer,
        feeds: Sequence[Feed],
        *,
        loop: bool,
        live: bool,
        ended: "weakref.WeakMethod[Callable[[MediaError | None], None]]",
    ) -> None:
        self._container = container
        self._feeds = feeds
        self._loop = loop
        self._live = live
        self._ended = ended
        self._wake = threading.Condition()
        self._quit = threading.Event()
        # Files count from anywhere; a player's times begin at zero.
        self._start = 0.0 if live else (container.start_time or 0) / av.time_base
        self._offset = -self._start
        self._thread = threading.Thread(target=self._run, name="media-player", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether the thread is there, and was not told to end."""
        return self._thread.is_alive() and not self._quit.is_set()

    def took(self) -> None:
        """A track took a frame: there may be room for more."""
        with self._wake:
            self._wake.notify()

    def stop(self) -> None:
        """End soon: as soon as libav lets go of the file."""
        with self._wake:
            self._quit.set()
            self._wake.notify()

    def join(self, patience: float | None = None) -> None:
        """Wait until the thread is gone, for so many seconds at most, if any are given."""
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        error: MediaError | None = None
        try:
            for packet in self._packets():
                if not self._may_go_on():
                    break
                self._hand_out(packet)
        except (av.FFmpegError, CodecError, ValueError) as failure:  # PyAV tells of some by ValueError
            error = MediaError(f"cannot be played: {said_by(failure)}")
        finally:
            self._container.close()
            if (ended := self._ended()) is not None:
                ended(error)

    def _packets(self) -> Iterator[Packet]:
        streams = [feed.stream for feed in self._feeds]
        while not self._quit.is_set():
            try:
                yield from self._container.demux(*streams)
            except av.error.BlockingIOError:  # a device has nothing yet
                with self._wake:
                    self._wake.wait(0.01)
                continue
            if not self._loop:
                return
            # Everything goes on where the longest stream ended.
            self._offset = max(feed.read_until for feed in self._feeds) - self._start
            self._container.seek(0)
            for feed in self._feeds:
                feed.begin_again()

    def _may_go_on(self) -> bool:
        with self._wake:
            while not self._quit.is_set() and not self._live:
                # Streams are woven into each other: what is ready for one cannot wait until the other is read. But where one has
                # a gap, or ends before the other, that one shall not be read to its end at once.
                feeds = [feed for feed in self._feeds if feed.active]
                is_full = any(feed.is_full for feed in feeds)
                if not feeds or (min(feed.ready for feed in feeds) < READ_AHEAD and not is_full):
                    break
                self._wake.wait(STALLED if is_full else None)
            return not self._quit.is_set()

    def _hand_out(self, packet: Packet) -> None:
        for feed in self._feeds:
            if feed.stream is packet.stream and feed.active:
                try:
                    frames = feed.cutter.cut(packet, self._offset + feed.shift(packet))
                except av.error.InvalidDataError:
                    return  # a broken packet in a file does not end it
                deliver = feed.deliver()
                for ends, frame in frames:
                    feed.read_until = max(feed.read_until, ends)
                    if deliver is not None:
                        deliver(frame)
