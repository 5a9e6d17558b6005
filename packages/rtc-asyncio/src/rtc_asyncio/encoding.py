"""One encoding of a sender: its encoder, what it was told, and what it counts."""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from rtc_rtp.payload.quantizer import LONGEST_HEADER, quantizer_index

from .backlog import Backlog
from .codecs import CodecError, CodecFactory, Encoder, EncoderSettings, ProtectiveEncoder
from .dataclass import dataclass
from .tracks import RawFrame, picture_size
from .worker import Worker, perform

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame, FrameMetadata, RtpCodec, SendEncoding

    from .rtp_dictionaries import RTCDegradationPreference
    from .rtp_stats import RTCQualityLimitationReason
    from .tracks import MediaKind

START_BITRATE_BPS: Final = {"audio": 48_000, "video": 1_000_000}
"""Bits per second before the path is known."""
CEILINGS_BPS: Final = (
    (320 * 240, 600_000),
    (640 * 480, 1_700_000),
    (960 * 540, 2_000_000),
    (1280 * 720, 2_500_000),
    (1920 * 1080, 4_000_000),
)
"""What pictures of so many pixels are given at most unless the application says how much; about what browsers do. More would hardly
be seen, and would cost time to encode."""
REDUCED: Final = 0.9
"""Part of the pixels asked for with fewer of which a picture has been made smaller, rather than even."""
HIGHEST_CEILING_BPS: Final = 8_000_000
"""As the others, of larger pictures."""


@dataclass(slots=True, kw_only=True)
class EncoderFigures:
    """What an encoder did so far, by the names of webrtc-stats."""

    frames_encoded: int = 0
    key_frames_encoded: int = 0
    total_encode_time: float = 0.0
    """Seconds."""
    total_encoded_bytes_target: int = 0
    frame_width: int | None = None
    frame_height: int | None = None
    implementation: str | None = None
    total_encoding_duration: float = 0.0
    """Seconds from frame to frame."""
    bandwidth_limited_duration: float = 0.0
    """Seconds of these in which the path left less than wanted."""
    other_limited_duration: float = 0.0
    """Seconds of these in which pictures were smaller than asked for, though the path was not to blame."""
    qp_sum: int | None = None
    """Indices of quantizers, where they are found in the pictures (VP8, VP9)."""
    resolution_changes: int = 0
    """By the encoder's own choice."""

    def is_smaller_than(self, wished: tuple[int, int] | None) -> bool:
        """Whether pictures have clearly fewer pixels than the application wishes."""
        if wished is None or self.frame_width is None or self.frame_height is None:
            return False
        return self.frame_width * self.frame_height < REDUCED * wished[0] * wished[1]


_Part: TypeAlias = "tuple[bool, bytes, FrameMetadata | None]"
"""Of a frame whether it is a key frame, where it begins, and what is known of it."""
_Note: TypeAlias = "tuple[float, float, str, tuple[int, int] | None, bool, bool, int, list[_Part]]"
"""One call of the encoder, as it is to be counted: when it was, and how many seconds it took; of which media type; the size that was wished
for, and whether it was wished for the picture before, too; whether the path left too little; the bit rate aimed at; what came of it."""


class Encoding:
    """Encodes the pictures or the sound of one track into one RTP stream, in a thread of its own unless that costs more than it.

    All but `encode` and `close` belong to the event loop.

    Args:
        kind: "audio" or "video".
        factory: Makes the encoder.
    """

    def __init__(self, kind: "MediaKind", factory: CodecFactory) -> None:
        self._kind = kind
        self._factory = factory
        self._worker = Worker("rtc-encode")
        self._unfinished = 0
        """Frames that the encoder has not done with, whether or not anybody waits for them."""
        self._encoder: Encoder | None = None
        self._made_for: tuple[RtpCodec, EncoderSettings] | None = None
        self._codec: RtpCodec | None = None
        self._wishes: tuple[object, ...] = ()
        self._settings = EncoderSettings(bitrate_bps=START_BITRATE_BPS[kind])
        self._key_frame_wanted = False
        self._awaited: Callable[[list[EncodedFrame] | BaseException], None] | None = None
        """Whoever waits for the frame that is being encoded."""
        self._share_bps: int | None = None
        self._max_bitrate_bps: int | None = None
        self._max_frame_bits: float | None = None
        """Bits of a picture on average that the peer takes."""
        self._aimed_at_bps = 0
        self._fraction_lost = 0.0
        self._protects_against = 0.0
        self._was_bandwidth_limited = False
        self._mime_type = ""
        """Of what the encoder makes."""
        self._next_due = 0.0
        self._encoded_at: deque[float] = deque()
        """Times of the frames of the last second."""
        self._last_encoded_at: float | None = None
        self._is_adjusted = False
        """Whether the encoder knows all that was wanted so far."""
        self._adjusted_to: tuple[object, object] = (None, None)
        """Width and height of the pictures for which it knows."""
        self._wished_size: tuple[int, int] | None = None
        """Of the picture that is encoded, or was last, as the application wants it; None for sound, and before there is one."""
        self._ceiling_bps: int | None = None
        """What is enough for pictures of this size; None for sound, and before there is one."""
        self._figures = EncoderFigures()
        self._backlog: Backlog[_Note] = Backlog()
        """What was encoded and not counted yet."""

    @property
    def runs_inline(self) -> bool:
        """Whether the encoder is there, costs less than a thread, and is not at work in one."""
        encoder = self._encoder
        if encoder is None or not encoder.runs_inline or self._unfinished:
            return False
        return self._made_for == (self._codec, self._settings)

    @property
    def target_bitrate_bps(self) -> int:
        """Bits per second that the encoder aims at."""
        share = self._share_bps if self._share_bps is not None else START_BITRATE_BPS[self._kind]
        most = self._max_bitrate_bps if self._max_bitrate_bps is not None else self._ceiling_bps
        return share if most is None else min(share, most)

    @property
    def limitation(self) -> "RTCQualityLimitationReason":
        """Why pictures are worse than asked for: the path leaves less than the encoder would take, or something else makes them smaller."""
        if self._is_bandwidth_limited:
            return "bandwidth"
        return "other" if self.figures.is_smaller_than(self._wished_size) else "none"

    @property
    def _is_bandwidth_limited(self) -> bool:
        wanted = START_BITRATE_BPS[self._kind] if self._max_bitrate_bps is None else self._max_bitrate_bps
        return self._share_bps is not None and self._share_bps < wanted

    @property
    def figures(self) -> EncoderFigures:
        """What was done so far."""
        self._backlog.work_off(self._count)
        if (encoder := self._encoder) is not None:
            self._figures.implementation = encoder.implementation
        return self._figures

    def frames_per_second(self, now: float) -> int:
        """How many frames were encoded in the last second."""
        self._backlog.work_off(self._count)
        return sum(1 for at in list(self._encoded_at) if at > now - 1)

    def configure(
        self,
        codec: "RtpCodec",
        encoding: "SendEncoding",
        *,
        content_hint: str = "",
        scale: float = 1.0,
        degradation_preference: "RTCDegradationPreference | None" = None,
        max_frame_bits: float | None = None,
    ) -> None:
        """Take what was negotiated and what the application wants; a new encoder is made where this asks for one."""
        wishes = (codec, encoding, content_hint, scale, degradation_preference, max_frame_bits)
        if wishes == self._wishes:
            return
        self._wishes = wishes
        self._codec = codec
        self._max_bitrate_bps = encoding.max_bitrate_bps
        self._max_frame_bits = max_frame_bits
        self._settings = EncoderSettings(
            bitrate_bps=START_BITRATE_BPS[self._kind],
            max_framerate=encoding.max_framerate,
            scale_resolution_down_by=scale,
            scalability_mode=encoding.scalability_mode,
            content_hint=content_hint,
            packet_time_ms=encoding.packet_time_ms,
            degradation_preference=degradation_preference,
        )
        self._is_adjusted = False

    def set_share(self, bitrate_bps: int) -> None:
        """The path leaves so much for it."""
        self._share_bps = bitrate_bps
        self._is_adjusted = False

    @property
    def fraction_lost(self) -> float:
        """What the encoder has to protect against, 0 to 1."""
        return self._fraction_lost

    @fraction_lost.setter
    def fraction_lost(self, fraction_lost: float) -> None:
        self._fraction_lost = fraction_lost
        self._is_adjusted = False

    def want_key_frame(self) -> None:
        """The next frame has to be a key frame."""
        self._key_frame_wanted = True

    def is_due(self, now: float) -> bool:
        """Whether the frame of this moment is within the frame rate; asking takes the frame."""
        framerate = self._settings.max_framerate
        if framerate is None:
            return True
        if framerate <= 0:
            return False
        # The rate may have been lower when the last frame was taken.
        self._next_due = min(self._next_due, now + 1 / framerate)
        if now < self._next_due - 0.1 / framerate:
            return False
        behind = now - self._next_due
        self._next_due = (self._next_due if behind < 1 / framerate else now) + 1 / framerate
        return True

    def start(self, frame: RawFrame, done: "Callable[[list[EncodedFrame] | BaseException], None]") -> None:
        """Begin to encode one frame.

        Args:
            frame: Raw.
            done: Called with what came of it, or the error that says why nothing did; at once if no thread is needed.
        """
        # Decided here, frame by frame: what is still in the thread from before a pause must not take the key frame of after it.
        forced, self._key_frame_wanted = self._key_frame_wanted, False
        self._awaited = done
        begin = perform if self.runs_inline else self._worker.start
        self._unfinished += 1
        begin(partial(self.encode, frame, force_keyframe=forced), partial(self._finished, done, forced))

    def abandon(self) -> None:
        """Nobody waits any more for the frame that is being encoded."""
        if self._awaited is not None:
            self._awaited = None
            self.want_key_frame()  # it is never sent, and nothing may refer to it

    def _finished(
        self,
        done: "Callable[[list[EncodedFrame] | BaseException], None]",
        forced: bool,
        result: "list[EncodedFrame] | BaseException",
    ) -> None:
        self._unfinished -= 1
        if done is not self._awaited:
            return
        self._awaited = None
        if isinstance(result, CodecError):
            self._key_frame_wanted |= forced
        done(result)

    def finish(self) -> None:
        """Free the encoder once it is done, and end the thread; nobody waits for it."""
        self._worker.finish(self.close)

    # --- in the worker's thread, or in the loop if nothing runs there ---

    def encode(self, frame: RawFrame, *, force_keyframe: bool = False) -> "list[EncodedFrame]":
        """Encode one frame.

        Raises:
            CodecError: It cannot be encoded, or there is no encoder.
        """
        encoder, wished_before = self._encoder, self._wished_size
        shape = getattr(frame, "width", None), getattr(frame, "height", None)
        if encoder is None or not self._is_adjusted or shape != self._adjusted_to:
            self._adjusted_to = shape
            try:
                encoder, is_new = self._adjust(picture_size(frame))
            except BaseException:
                self._is_adjusted = False  # it does not know yet
                raise
            force_keyframe |= is_new
        elif self._max_frame_bits is not None:
            self._aim(encoder)  # anew for each frame: how many there were of late decides
        started = time.perf_counter()
        encoded = encoder.encode(frame, force_keyframe=force_keyframe)
        duration = time.perf_counter() - started
        note = (
            time.monotonic(),
            duration,
            self._mime_type,
            self._wished_size,
            wished_before == self._wished_size,
            self._was_bandwidth_limited,
            self._aimed_at_bps,
            [(each.keyframe, each.data[:LONGEST_HEADER], each.metadata) for each in encoded],
        )
        self._backlog.add(note, self._count)
        return encoded

    def _adjust(self, size: tuple[int, int] | None) -> tuple[Encoder, bool]:
        """Let the encoder be what is wanted for pictures of this size; return it, and whether it is another one."""
        self._is_adjusted = True  # said first: what is wanted from now on is seen with the next frame
        codec, settings = self._codec, self._settings
        if codec is None:
            raise CodecError("no codec was negotiated")
        self._take_size(size, settings.scale_resolution_down_by)
        encoder = self._encoder
        is_new = encoder is None or self._made_for != (codec, settings)
        if encoder is None or is_new:
            self.close()
            encoder = self._encoder = self._factory.create_encoder(codec, settings)
            self._made_for, self._mime_type = (codec, settings), codec.mime_type
            self._aimed_at_bps, self._protects_against = 0, 0.0
        self._aim(encoder)
        self._was_bandwidth_limited = self._is_bandwidth_limited
        if self._fraction_lost != self._protects_against:
            self._protects_against = self._fraction_lost
            if isinstance(encoder, ProtectiveEncoder):
                encoder.set_loss(self._protects_against)
        return encoder, is_new

    def _aim(self, encoder: Encoder) -> None:
        """Tell the encoder its bit rate if that is another one."""
        bitrate_bps = self.target_bitrate_bps
        if self._max_frame_bits is not None:
            self._backlog.work_off(self._count)
            bitrate_bps = min(bitrate_bps, int(self._max_frame_bits * max(1, len(self._encoded_at))))
        if bitrate_bps != self._aimed_at_bps:
            encoder.set_bitrate(bitrate_bps)
            self._aimed_at_bps = bitrate_bps

    def _take_size(self, size: tuple[int, int] | None, scale: float) -> None:
        if size is None:
            self._wished_size = self._ceiling_bps = None
            return
        width, height = self._wished_size = int(size[0] / scale), int(size[1] / scale)
        self._ceiling_bps = next(
            (ceiling for most, ceiling in CEILINGS_BPS if width * height <= most), HIGHEST_CEILING_BPS
        )

    def close(self) -> None:
        """Free the encoder. Idempotent."""
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            self._figures.implementation = encoder.implementation
            encoder.close()

    def _count(self, note: _Note) -> None:
        now, duration, mime_type, wished_size, is_same_source, is_bandwidth_limited, aimed_at_bps, parts = note
        figures = self._figures
        if self._last_encoded_at is not None:
            passed = now - self._last_encoded_at
            figures.total_encoding_duration += passed
            if is_bandwidth_limited:
                figures.bandwidth_limited_duration += passed
            elif figures.is_smaller_than(wished_size):
                figures.other_limited_duration += passed
        figures.total_encode_time += duration
        encoded_at = self._encoded_at
        while encoded_at and encoded_at[0] <= now - 1:
            encoded_at.popleft()
        for keyframe, header, metadata in parts:
            figures.frames_encoded += 1
            figures.key_frames_encoded += keyframe
            if (index := quantizer_index(mime_type, header)) is not None:
                figures.qp_sum = (figures.qp_sum or 0) + index
            encoded_at.append(now)
            self._last_encoded_at = now
            if metadata is not None and (width := metadata.width) is not None:
                if figures.frame_width is not None and figures.frame_width != width:
                    figures.resolution_changes += is_same_source
                figures.frame_width, figures.frame_height = width, metadata.height
        figures.total_encoded_bytes_target += aimed_at_bps // (8 * (len(encoded_at) or 1))
        if figures.frame_width is None and wished_size is not None:
            figures.frame_width, figures.frame_height = wished_size
