"""The decoder of one received stream, and what it counts."""

import math
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from rtc_rtp.payload.quantizer import quantizer_index

from .codecs import CodecFactory, Concealment, Decoder
from .dataclass import dataclass
from .loudness import linear_level
from .tracks import RawFrame

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame, RtpCodec

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


class Decoding:
    """Decodes one stream. `decode` and `close` belong to the worker's thread, or to the event loop if nothing runs there.

    Args:
        factory: Makes the decoder.
    """

    def __init__(self, factory: CodecFactory) -> None:
        self._factory = factory
        self._decoder: Decoder | None = None
        self._codec: RtpCodec | None = None
        self._concealed_before = Concealment()
        """By decoders that were there before this one."""
        self._decoded_at: deque[float] = deque(maxlen=200)
        self._distances: deque[float] = deque(maxlen=_FREEZE_WINDOW)
        self.figures = DecoderFigures()

    def successor(self) -> "Decoding":
        """Make another decoder that goes on counting: this one is about to be closed, perhaps while it is at work."""
        successor = Decoding(self._factory)
        successor.figures = self.figures
        return successor

    def runs_inline(self, codec: "RtpCodec") -> bool:
        """Whether the decoder is there and costs less than a thread."""
        return self._decoder is not None and codec == self._codec and self._decoder.runs_inline

    def frames_per_second(self, now: float) -> int:
        """How many frames were decoded in the last second."""
        return sum(1 for at in list(self._decoded_at) if at > now - 1)

    def decode(self, frame: "EncodedFrame", codec: "RtpCodec") -> list[RawFrame]:
        """Decode one frame.

        Raises:
            CodecError: It cannot be decoded, or there is no decoder.
        """
        if self._decoder is None or codec != self._codec:
            self.close()
            self._decoder = self._factory.create_decoder(codec)
            self._codec = codec
            self._concealed_before = self.figures.concealment or Concealment()
        started = time.perf_counter()
        decoded = self._decoder.decode(frame)
        self.figures.total_decode_time += time.perf_counter() - started
        self.figures.implementation = self._decoder.implementation
        if (concealment := self._decoder.concealment) is not None:
            self.figures.concealment = self._concealed_before + concealment
        self._count(frame, decoded)
        return decoded

    def close(self) -> None:
        """Free the decoder. Idempotent."""
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()

    def _count(self, frame: "EncodedFrame", decoded: list[RawFrame]) -> None:
        figures = self.figures
        now = time.monotonic()
        waited = max(now - frame.received_at, 0.0) if frame.received_at is not None else 0.0
        for each in decoded:
            figures.frames_decoded += 1
            width, height = getattr(each, "width", None), getattr(each, "height", None)
            samples, rate = getattr(each, "samples", None), getattr(each, "sample_rate", None)
            if isinstance(width, int) and isinstance(height, int):
                figures.frame_width, figures.frame_height = width, height
                figures.total_processing_delay += waited
            if isinstance(samples, int) and isinstance(rate, int) and rate:
                figures.total_processing_delay += waited * samples
                figures.total_samples_received += samples
                figures.total_samples_duration += samples / rate
                if frame.audio_level is not None:
                    energy = linear_level(frame.audio_level.level) ** 2 * samples / rate
                    figures.total_audio_energy = (figures.total_audio_energy or 0.0) + energy
                figures.sample_rate = rate
                channels = getattr(getattr(each, "layout", None), "nb_channels", None)
                figures.channel_count = channels if isinstance(channels, int) else None
            self._count_distance(now)
            self._decoded_at.append(now)
        if not decoded or self._codec is None:
            return
        figures.key_frames_decoded += frame.keyframe
        if (index := quantizer_index(self._codec.mime_type, frame.data)) is not None:
            figures.qp_sum = (figures.qp_sum or 0) + index

    def _count_distance(self, now: float) -> None:
        if not self._decoded_at:
            return
        figures = self.figures
        distance = now - self._decoded_at[-1]
        figures.total_inter_frame_delay += distance
        figures.total_squared_inter_frame_delay += distance * distance
        usual = math.fsum(self._distances) / len(self._distances) if self._distances else math.inf
        if distance > _PAUSE:
            figures.pause_count += 1
            figures.total_pauses_duration += distance
        elif distance >= max(3 * usual, usual + 0.150):
            figures.freeze_count += 1
            figures.total_freezes_duration += distance
        self._distances.append(distance)
