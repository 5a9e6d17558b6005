"""The decoder of one received stream, and what it counts."""

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from rtc_rtp.payload.quantizer import LONGEST_HEADER, quantizer_index

from .backlog import Backlog
from .codecs import CodecFactory, Concealment, Decoder
from .dataclass import dataclass
from .loudness import linear_level
from .tracks import RawFrame

if TYPE_CHECKING:
    from rtc_rtp import AudioLevel, EncodedFrame, RtpCodec

_FREEZE: Final = 0.150
"""Seconds by which the distance of pictures is longer than usual in a freeze, at least."""
_FREEZE_WINDOW: Final = 30
"""Frames over which the usual distance of pictures is averaged."""
_PAUSE: Final = 5.0
"""Seconds without a picture that make a pause."""


@dataclass(slots=True, kw_only=True)
class DecoderFigures:
    """What a decoder did so far, by the names of webrtc-stats; times are seconds."""

    frames_decoded: int = 0
    key_frames_decoded: int = 0
    frames_dropped: int = 0
    qp_sum: int | None = None
    """Indices of quantizers, where they are found in the pictures (VP8, VP9)."""
    frame_width: int | None = None
    frame_height: int | None = None
    total_decode_time: float = 0.0
    total_processing_delay: float = 0.0
    """Summed up over pictures, or over samples."""
    total_inter_frame_delay: float = 0.0
    total_squared_inter_frame_delay: float = 0.0
    pause_count: int = 0
    total_pauses_duration: float = 0.0
    freeze_count: int = 0
    total_freezes_duration: float = 0.0
    total_samples_received: int = 0
    total_samples_duration: float = 0.0
    total_audio_energy: float | None = None
    """As the sender tells its levels; None where it does not."""
    implementation: str | None = None
    concealment: Concealment | None = None
    sample_rate: int | None = None
    channel_count: int | None = None


_Shape: TypeAlias = tuple[object, object, object, object, object]
"""Width and height of a picture; how many samples sound has, in it and in a second, and how many channels. Whole numbers, if it says so."""
_Note: TypeAlias = "tuple[float, float, float | None, str, bool, bytes, AudioLevel | None, list[_Shape]]"
"""One call of the decoder, as it is to be counted: when it was, and how many seconds it took; when the last packet of the frame came; of
which media type, and whether a key frame; where it begins; how loud it is; what came out of it."""


class Decoding:
    """Decodes one stream. `decode` and `close` belong to the worker's thread, or to the event loop if nothing runs there.

    Args:
        factory: Makes the decoder.
    """

    def __init__(self, factory: CodecFactory) -> None:
        self._factory = factory
        self._decoder: Decoder | None = None
        self._codec: RtpCodec | None = None
        self._shape = _shape_of_sound
        self._concealed_before = Concealment()
        """By decoders that were there before this one."""
        self._decoded_at: deque[float] = deque(maxlen=200)
        self._distances: deque[float] = deque(maxlen=_FREEZE_WINDOW)
        self._figures = DecoderFigures()
        self._backlog: Backlog[_Note] = Backlog()
        """What was decoded and not counted yet."""

    def successor(self) -> "Decoding":
        """Make another decoder that goes on counting: this one is about to be closed, perhaps while it is at work."""
        successor = Decoding(self._factory)
        successor._figures = self.figures
        return successor

    @property
    def figures(self) -> DecoderFigures:
        """What was done so far."""
        self._settle()
        return self._figures

    def _settle(self) -> None:
        self._backlog.work_off(self._count)
        if (decoder := self._decoder) is not None:
            self._figures.implementation = decoder.implementation
            if (concealment := decoder.concealment) is not None:
                self._figures.concealment = self._concealed_before + concealment

    def runs_inline(self, codec: "RtpCodec") -> bool:
        """Whether the decoder is there and costs less than a thread."""
        decoder = self._decoder
        return decoder is not None and decoder.runs_inline and codec == self._codec

    def frames_per_second(self, now: float) -> int:
        """How many frames were decoded in the last second."""
        self._backlog.work_off(self._count)
        return sum(1 for at in list(self._decoded_at) if at > now - 1)

    def decode(self, frame: "EncodedFrame", codec: "RtpCodec") -> list[RawFrame]:
        """Decode one frame.

        Raises:
            CodecError: It cannot be decoded, or there is no decoder.
        """
        if self._decoder is None or codec != self._codec:
            self.close()
            self._concealed_before = self._figures.concealment or Concealment()
            self._decoder = self._factory.create_decoder(codec)
            self._codec = codec
            self._shape = _shape_of_picture if codec.mime_type.lower().startswith("video/") else _shape_of_sound
        started = time.perf_counter()
        decoded = self._decoder.decode(frame)
        duration = time.perf_counter() - started
        note = (
            time.monotonic(),
            duration,
            frame.received_at,
            codec.mime_type,
            frame.keyframe,
            frame.data[:LONGEST_HEADER],
            frame.audio_level,
            list(map(self._shape, decoded)),
        )
        self._backlog.add(note, self._count)
        return decoded

    def close(self) -> None:
        """Free the decoder. Idempotent."""
        self._settle()
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()

    def _count(self, note: _Note) -> None:
        now, duration, received_at, mime_type, keyframe, header, audio_level, shapes = note
        figures = self._figures
        figures.total_decode_time += duration
        waited = max(now - received_at, 0.0) if received_at is not None else 0.0
        for width, height, samples, rate, channels in shapes:
            figures.frames_decoded += 1
            if isinstance(width, int) and isinstance(height, int):
                figures.frame_width, figures.frame_height = width, height
                figures.total_processing_delay += waited
            if isinstance(samples, int) and isinstance(rate, int) and rate:
                figures.total_processing_delay += waited * samples
                figures.total_samples_received += samples
                figures.total_samples_duration += samples / rate
                if audio_level is not None:
                    energy = linear_level(audio_level.level) ** 2 * samples / rate
                    figures.total_audio_energy = (figures.total_audio_energy or 0.0) + energy
                figures.sample_rate, figures.channel_count = rate, channels if isinstance(channels, int) else None
            self._count_distance(now)
            self._decoded_at.append(now)
        if shapes:
            figures.key_frames_decoded += keyframe
            if (index := quantizer_index(mime_type, header)) is not None:
                figures.qp_sum = (figures.qp_sum or 0) + index

    def _count_distance(self, now: float) -> None:
        if not self._decoded_at:
            return
        figures = self._figures
        distance = now - self._decoded_at[-1]
        figures.total_inter_frame_delay += distance
        figures.total_squared_inter_frame_delay += distance * distance
        if distance > _PAUSE:
            figures.pause_count += 1
            figures.total_pauses_duration += distance
        elif distance >= _FREEZE and self._distances and distance >= self._shortest_freeze():
            figures.freeze_count += 1
            figures.total_freezes_duration += distance
        self._distances.append(distance)

    def _shortest_freeze(self) -> float:
        usual = math.fsum(self._distances) / len(self._distances)
        return max(3 * usual, usual + _FREEZE)


def _shape_of_picture(raw: RawFrame) -> "_Shape":
    return getattr(raw, "width", None), getattr(raw, "height", None), None, None, None


def _shape_of_sound(raw: RawFrame) -> "_Shape":
    channels = getattr(getattr(raw, "layout", None), "nb_channels", None)
    return None, None, getattr(raw, "samples", None), getattr(raw, "sample_rate", None), channels
