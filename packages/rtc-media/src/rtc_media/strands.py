"""The strands of a file that is written: each takes what one track delivers and makes packets of it, encoded here or as they came."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, TypeAlias

import av
from av import AudioFrame, VideoFrame
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.availability import encoder_name
from rtc_media.errors import MediaError
from rtc_media.picture import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE, PictureAdapter, upright_size
from rtc_media.sound_adapter import SoundAdapter
from rtc_media.templates import stream_template
from rtc_media.video_settings import thread_count
from rtc_rtp import EncodedFrame
from rtc_rtp.payload.opus import opus_channels, opus_duration

Packet: TypeAlias = "av.Packet[Stream]"

PREFERRED_AUDIO: Final = {
    "webm": "libopus",
    "ogg": "libopus",
    "opus": "libopus",
    "matroska": "libopus",
    "flv": "aac",
    "mpegts": "aac",
    "3gp": "aac",
}
PREFERRED_VIDEO: Final = {"webm": "libvpx", "flv": "h264", "mpegts": "h264", "3gp": "h264"}
"""By libav's name of the container, where its default is too slow for what happens now, or seldom played."""
VIDEO_OPTIONS: Final = {
    "libx264": {"preset": "veryfast", "crf": "21", "tune": "zerolatency"},
    "libvpx": {"deadline": "realtime", "cpu-used": "-6", "crf": "8", "b": "4000000", "auto-alt-ref": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0", "row-mt": "1"},
}
PIXEL_FORMATS: Final = {"mjpeg": "yuvj420p"}
"""Of encoders that take another format than that of most, though they offer it."""
FINE_CLOCKS: Final = frozenset(["libx264", "libx265", "libvpx", "libvpx-vp9", "libaom-av1", "libsvtav1", "libopenh264"])
"""Encoders that take times of 90 kHz; others count pictures."""
AUDIO_RATE: Final = 48_000


class Strand(ABC):
    """One stream of a file."""

    @abstractmethod
    def packets(self, item: object, position: float) -> Sequence[Packet]:
        """Make packets of what a track delivered.

        Args:
            item: The frame.
            position: Where in the file it begins, seconds.
        """

    def rest(self) -> Sequence[Packet]:
        """Make packets of what is still held back; nothing comes after it."""
        return ()


class PictureStrand(Strand):
    """Encodes pictures. All have the size of the first: others are scaled to it."""

    def __init__(self, container: OutputContainer, first: VideoFrame) -> None:
        name = _encoder(PREFERRED_VIDEO, container, container.default_video_codec, "pictures")
        stream = container.add_stream(name, rate=30, options=VIDEO_OPTIONS.get(name))
        if not isinstance(stream, VideoStream):
            raise MediaError(f"{name} is no encoder of pictures")
        width, height = upright_size(first)
        self._stream = stream
        self._width, self._height = max(2, width & ~1), max(2, height & ~1)
        stream.width, stream.height = self._width, self._height
        offered = [each.name for each in stream.codec_context.codec.video_formats or []]
        usual = PIXEL_FORMATS.get(name, "yuv420p")
        self._pixel_format = usual if usual in offered or not offered else offered[0]
        stream.pix_fmt = self._pixel_format
        stream.codec_context.thread_count = thread_count(self._width * self._height)
        stream.time_base = stream.codec_context.time_base = _time_base(container, name)
        self._adapter = PictureAdapter()
        self._last = -1

    def packets(self, item: object, position: float) -> Sequence[Packet]:
        """Encode a picture."""
        if not isinstance(item, VideoFrame):
            raise MediaError(f"a track of pictures delivered {type(item).__name__}")
        # [rfc7742:3.2/1] A picture of another size still shows.
        picture = self._adapter.adapt(item, self._width, self._height, self._pixel_format)
        time_base = self._stream.codec_context.time_base
        self._last = max(self._last + 1, round(position / time_base))
        picture.pts, picture.time_base, picture.pict_type = self._last, time_base, 0
        return list[Packet](self._stream.encode(picture))

    def rest(self) -> Sequence[Packet]:
        """Flush the encoder."""
        return list[Packet](self._stream.encode(None))


class SoundStrand(Strand):
    """Encodes sound. All has the rate and channels of the first: what comes in another form is converted."""

    def __init__(self, container: OutputContainer, first: AudioFrame) -> None:
        name = _encoder(PREFERRED_AUDIO, container, container.default_audio_codec, "sound")
        stream = container.add_stream(name, rate=AUDIO_RATE)
        if not isinstance(stream, av.AudioStream):
            raise MediaError(f"{name} is no encoder of sound")
        layout = "mono" if len(first.layout.channels) == 1 else "stereo"
        stream.codec_context.layout = layout
        self._stream = stream
        self._adapter = SoundAdapter(layout=layout, rate=AUDIO_RATE, format="fltp")

    def packets(self, item: object, position: float) -> Sequence[Packet]:
        """Encode a frame of sound."""
        if not isinstance(item, AudioFrame):
            raise MediaError(f"a track of sound delivered {type(item).__name__}")
        # Frames are shared with others, and their times would be written over.
        copied = AudioFrame(item.format.name, item.layout.name, item.samples)
        for plane, original in zip(copied.planes, item.planes, strict=True):
            plane.update(bytes(original)[: plane.buffer_size].ljust(plane.buffer_size, b"\0"))
        copied.sample_rate = item.sample_rate
        copied.pts = round(position * item.sample_rate)
        copied.time_base = Fraction(1, item.sample_rate)
        return self._encoded(self._adapter.adapt(copied))

    def rest(self) -> Sequence[Packet]:
        """Flush the encoder."""
        return [*self._encoded(self._adapter.rest()), *self._stream.encode(None)]

    def _encoded(self, frames: list[AudioFrame]) -> list[Packet]:
        return [packet for frame in frames for packet in self._stream.encode(frame)]


class EncodedVideoStrand(Strand):
    """Writes encoded pictures as they are, from the first key frame on."""

    def __init__(self, container: OutputContainer, keyframe: EncodedFrame) -> None:
        self._template: tuple[InputContainer, VideoStream] = stream_template(keyframe)
        self._stream = container.add_stream_from_template(self._template[1], opaque=True)
        self._stream.time_base = VIDEO_TIME_BASE
        self._last = -1

    def packets(self, item: object, position: float) -> Sequence[Packet]:
        """Wrap an encoded picture."""
        if not isinstance(item, EncodedFrame):
            raise MediaError(f"a track of encoded frames delivered {type(item).__name__}")
        packet = av.Packet(item.data)
        packet.stream = self._stream
        self._last = max(self._last + 1, round(position * VIDEO_CLOCK_RATE))
        packet.pts = packet.dts = self._last
        packet.time_base = VIDEO_TIME_BASE
        packet.is_keyframe = item.keyframe
        return [packet]


class EncodedSoundStrand(Strand):
    """Writes encoded sound as it is."""

    def __init__(self, container: OutputContainer, first: EncodedFrame) -> None:
        mime_type = (first.mime_type or "").lower()
        kind, name = AUDIO_CODECS.get(mime_type), encoder_name(mime_type)
        if kind is None or name is None:
            raise MediaError(f"files do not hold {first.mime_type or 'frames without a mime_type'}")
        self._kind = kind
        # The encoder that belongs to the stream encodes nothing: it writes the stream's header.
        stream = container.add_stream(name, rate=kind.sample_rate)
        if not isinstance(stream, av.AudioStream):
            raise MediaError(f"{name} is no encoder of sound")
        opus = mime_type == "audio/opus"
        stream.codec_context.layout = "stereo" if opus and opus_channels(first.data) == 2 else "mono"
        self._opus = opus
        self._stream = stream
        self._time_base = Fraction(1, kind.sample_rate)
        self._last = -1

    def packets(self, item: object, position: float) -> Sequence[Packet]:
        """Wrap an encoded packet of sound; what describes silence is left out."""
        if not isinstance(item, EncodedFrame):
            raise MediaError(f"a track of encoded frames delivered {type(item).__name__}")
        if not item.data or (item.mime_type or "").lower() == "audio/cn":
            return ()
        packet = av.Packet(item.data)
        packet.stream = self._stream
        self._last = max(self._last + 1, round(position * self._kind.sample_rate))
        packet.pts = packet.dts = self._last
        packet.time_base = self._time_base
        packet.is_keyframe = True
        if self._opus:
            packet.duration = opus_duration(item.data) or 0
        elif self._kind.byte_rate:
            packet.duration = len(item.data) * self._kind.sample_rate // self._kind.byte_rate
        return [packet]


def make_strand(container: OutputContainer, item: object) -> Strand | None:
    """Add the stream to a file that fits what a track delivered first; None if it is to be made of something later (a key frame)."""
    match item:
        case VideoFrame():
            return PictureStrand(container, item)
        case AudioFrame():
            return SoundStrand(container, item)
        case EncodedFrame() if (item.mime_type or "").lower().startswith("video/"):
            return EncodedVideoStrand(container, item) if item.keyframe else None
        case EncodedFrame():
            return EncodedSoundStrand(container, item) if (item.mime_type or "").lower() != "audio/cn" else None
        case _:
            raise MediaError(f"files do not hold {type(item).__name__}")


def _encoder(preferred: Mapping[str, str], container: OutputContainer, default: str, kind: str) -> str:
    """Return the name of the encoder that suits a container.

    Raises:
        MediaError: Its files do not hold this kind of media, or libav has no encoder for it.
    """
    name = preferred.get(container.format.name, default)
    if container.format.name == "image2" and container.name.lower().endswith(".png"):
        name = "png"
    if not name or name == "none":
        raise MediaError(f"files of format {container.format.name} hold no {kind}")
    try:
        return av.Codec(name, "w").name  # of "h264", for example, "libx264": options belong to an encoder
    except av.codec.codec.UnknownCodecError:
        raise MediaError(
            f"libav has no encoder of {name}, which files of format {container.format.name} hold"
        ) from None


def _time_base(container: OutputContainer, encoder: str) -> Fraction:
    """Return the unit of times that an encoder for this container can use: some count pictures."""
    counts = container.format.name in {"avi", "image2", "gif"} or encoder not in FINE_CLOCKS
    return Fraction(1, 30) if counts else VIDEO_TIME_BASE
