"""An encoder of video for one RTP stream: adapts each picture, follows the target bit rate, makes key frames when asked."""

import math
from collections.abc import Collection
from fractions import Fraction
from typing import Final

import av
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from rtc_asyncio import EncoderSettings, RawFrame
from rtc_media.availability import encoder_name
from rtc_media.errors import LIBAV_ERRORS, CodecError, libav_fails_as, said_by
from rtc_media.limits import picture_limits
from rtc_media.picture import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE, PictureAdapter, is_adapted, upright_size
from rtc_media.rate import FramerateEstimate, FramerateLimit, RateKeeper
from rtc_media.video_settings import VIDEO_ENCODERS, Stream, thread_count
from rtc_rtp import EncodedFrame, FrameMetadata, RtpCodec

FEWEST_BITS_PER_PIXEL: Final = 0.018
"""With fewer (in VP8) a picture falls to blocks, and a smaller one that is enlarged by the receiver looks better."""
SMALLER_BY: Final = (1.0, 4 / 3, 2.0, 8 / 3, 4.0)
"""By what pictures are made smaller where bits are few."""
GROW_AGAIN_AT: Final = 1.3
"""How much more than the fewest bits there must be to enlarge pictures again, so that sizes do not go back and forth."""
KEYFRAME_INTERVAL: Final = 3000
"""Pictures: in practice they come when a receiver asks."""
DEFAULT_FRAMERATE: Final = 30.0
LONGEST_STEP: Final = VIDEO_CLOCK_RATE * 2
"""Ticks between two pictures in the encoder's time; what pauses or jumps more costs its rate control nothing."""
LATEST_BEGINNING: Final = 1 << 40
"""Ticks that the encoder's time may begin with, some months: encoders count in finer units, which are not to overflow."""
LONGEST_ENLARGED: Final = 1280
"""Pixels of the longer side of a picture that is enlarged for its encoder."""
KEEPS_RESOLUTION: Final = frozenset({"maintain-resolution", "maintain-framerate-and-resolution"})
KEEPS_FRAMERATE: Final = frozenset({"maintain-framerate", "maintain-framerate-and-resolution"})
"""Preferences with which no picture is left out for the rate's sake."""
TEMPORAL_LAYERS: Final = {"L1T1": 1, "L1T2": 2, "L1T3": 3}
"""By scalability mode; spatial layers are sent as simulcast instead."""
TEMPORAL_IDS: Final = {2: (0, 1), 3: (0, 2, 1, 2)}
"""Which layer each picture is in, by the number of layers."""


class VideoEncoder:
    """Encodes the pictures of one track for one RTP stream.

    Pictures may change size, format and orientation at any time; a new size begins with a key frame. They are made smaller by
    `settings.scale_resolution_down_by`, by what the peer can decode (`codec.parameters`) and, when the bit rate is too low for their size,
    unless `settings.degradation_preference` forbids it; where nothing is preferred, the contents "detail" and "text" do.

    Args:
        codec: The codec and what the peer can decode.
        settings: What is asked for.

    Raises:
        CodecError: This build of libav has no such encoder.
    """

    runs_inline = False

    def __init__(self, codec: RtpCodec, settings: EncoderSettings) -> None:
        name = encoder_name(codec.mime_type)
        if name is None:
            raise CodecError(f"the installed libav has no encoder for {codec.mime_type}")
        self.implementation = name
        """libav's name of the encoder."""
        self._codec = codec
        self._settings = settings
        self._kind = VIDEO_ENCODERS[name]
        self._has_delimiters = name in {"libsvtav1", "libaom-av1"}
        self._limits = picture_limits(codec.mime_type, codec.parameters)
        self._bounds_framerate = self._limits.bounds_framerate
        self._layers = TEMPORAL_LAYERS.get(settings.scalability_mode or "", 1) if self._kind.has_temporal_layers else 1
        self._is_drawn = settings.content_hint in {"detail", "text"}
        preference = settings.degradation_preference
        self._keeps_size = self._is_drawn if preference is None else preference in KEEPS_RESOLUTION
        self._keeps_framerate = preference in KEEPS_FRAMERATE
        self._rate = RateKeeper(self._bounded(settings.bitrate_bps))
        self._source = FramerateEstimate(settings.max_framerate or DEFAULT_FRAMERATE)
        self._framerate_limit = FramerateLimit()
        self._adapter = PictureAdapter()
        self._context: VideoCodecContext | None = None
        self._opened = (0, 0)
        """Width and height that the context encodes."""
        self._smaller_by = 1.0
        self._sized_for: tuple[int, ...] = ()
        self._sized = (0, 0)
        self._last_ticks: int | None = None
        self._encoder_ticks = 0
        self._ticks_of: dict[int, int] = {}
        self._since_open = 0
        self._base_layer_index = 0
        self._owes_keyframe = False
        self._closed = False

    # --- Encoder ---

    def encode(self, frame: RawFrame, *, force_keyframe: bool) -> list[EncodedFrame]:
        """Encode a picture; see `rtc_asyncio.Encoder`.

        Raises:
            CodecError: It is no picture of libav's, has no time, or libav refuses it.
        """
        if self._closed:
            raise CodecError("the encoder is closed")
        if not isinstance(frame, VideoFrame):
            raise CodecError(f"an encoder of video takes av.VideoFrame, not {type(frame).__name__}")
        # Of the time base there would be made a fraction, to be thrown away, for every picture.
        now = frame.time
        if frame.pts is None or math.isnan(now):
            raise CodecError("the picture has no time: set its pts and time_base")
        ticks = round(now * VIDEO_CLOCK_RATE)
        self._source.seen(now)
        keyframe = force_keyframe or self._owes_keyframe
        if not self._is_due(frame, now) and not keyframe:
            return []
        self._owes_keyframe = True  # should it fail
        size = self._size(frame)
        context = self._context
        if (
            context is None
            or size != self._opened
            or (not self._kind.changes_bitrate and self._rate.wants_new_encoder(now, keyframe=keyframe))
        ):
            context = self._open(*size, now)
        elif self._kind.changes_bitrate and context.bit_rate != self._rate.target_bps:
            context.bit_rate = self._rate.target_bps
        picture = self._picture(frame, now, ticks, keyframe=keyframe)
        self._ticks_of[self._encoder_ticks] = ticks
        try:
            packets = context.encode(picture)
        except LIBAV_ERRORS as failure:
            del self._ticks_of[self._encoder_ticks]
            raise CodecError(f"{self.implementation} failed: {said_by(failure)}") from failure
        self._owes_keyframe = False
        return self._frames(packets, ticks)

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Aim at another bit rate. Encoders that cannot change it while they run are opened anew, though not for each small change."""
        self._rate.aim(self._bounded(bitrate_bps))

    def close(self) -> None:
        """Free what it holds. Idempotent."""
        self._closed = True
        self._context = None

    # --- size and rate ---

    def _bounded(self, bitrate_bps: int) -> int:
        return min(bitrate_bps, self._limits.max_bitrate_bps or bitrate_bps)

    def _is_due(self, frame: VideoFrame, now: float) -> bool:
        most = self._settings.max_framerate
        if self._bounds_framerate:
            limits = self._limits
            allowed = limits.framerate(*limits.fit(*upright_size(frame), self._settings.scale_resolution_down_by))
            most = allowed if most is None else min(allowed or most, most)
        if most is not None and not self._framerate_limit.keeps(now, most):
            return False
        return self._keeps_framerate or not self._rate.must_skip(now)

    def _size(self, frame: VideoFrame) -> tuple[int, int]:
        """What pictures like this one are encoded at; worked out anew when they, or what they may take, change."""
        reasons = (frame.width, frame.height, frame.rotation, self._rate.target_bps, round(self._source.framerate))
        if reasons != self._sized_for:
            self._sized_for = reasons
            self._sized = self._fitted(*upright_size(frame))
        return self._sized

    def _fitted(self, width: int, height: int) -> tuple[int, int]:
        if not self._keeps_size:
            self._smaller_by = self._smaller(width, height)
        wished = max(self._settings.scale_resolution_down_by, 1.0) * self._smaller_by
        # Some encoders take no thumbnails: pictures are not made so small, and those that are so are enlarged.
        wished = max(1.0, min(wished, min(width, height) / self._kind.smallest))
        return _at_least(self._kind.smallest, *self._limits.fit(width, height, wished))

    def _smaller(self, width: int, height: int) -> float:
        """By how much more pictures have to be made smaller for the bit rate; the same as last time if that still does."""
        down_by = max(self._settings.scale_resolution_down_by, 1.0)
        pixels_per_second = width * height / (down_by * down_by) * min(self._source.framerate, 60)
        bits_per_pixel = self._rate.target_bps * self._kind.efficiency / pixels_per_second
        enough = [by for by in SMALLER_BY if bits_per_pixel * by * by >= FEWEST_BITS_PER_PIXEL] or [SMALLER_BY[-1]]
        if enough[0] < self._smaller_by:
            plenty = [by for by in SMALLER_BY if bits_per_pixel * by * by >= FEWEST_BITS_PER_PIXEL * GROW_AGAIN_AT]
            return min(self._smaller_by, (plenty or [SMALLER_BY[-1]])[0])
        return enough[0]

    # --- libav ---

    def _open(self, width: int, height: int, now: float) -> VideoCodecContext:
        self._context = None
        stream = Stream(
            width=width,
            height=height,
            bitrate_bps=self._rate.target_bps,
            parameters=self._codec.parameters,
            temporal_layers=self._layers,
            screen=self._is_drawn,
        )
        with libav_fails_as(CodecError, f"{self.implementation} does not open"):
            context = av.CodecContext.create(self.implementation, "w")
            if not isinstance(context, VideoCodecContext):
                raise CodecError(f"{self.implementation} is no encoder of video")
            # [rfc7742:6.1/3] [rfc7742:6.2/12] Pixels are square unless an encoder is told otherwise, and none is.
            context.width, context.height, context.pix_fmt = width, height, "yuv420p"
            context.bit_rate = stream.bitrate_bps
            context.framerate = Fraction(max(1, round(self._source.framerate)))
            context.time_base = VIDEO_TIME_BASE
            context.gop_size = KEYFRAME_INTERVAL
            context.thread_count = thread_count(stream.pixel_count)
            context.options = self._kind.options(stream)
            context.open()
        self._context, self._opened = context, (width, height)
        self._rate.opened(now)
        self._ticks_of.clear()
        self._since_open = 0
        return context

    def _picture(self, frame: VideoFrame, now: float, ticks: int, *, keyframe: bool) -> VideoFrame:
        """Return the picture as it is encoded: of the right size and type, and in the encoder's time, which never goes back or leaps.

        The encoder's time begins as the track's. While they go together, a picture that is right in all else is encoded itself: on what
        others may have as well nothing is written.
        """
        last, self._last_ticks = self._last_ticks, ticks
        if last is not None:
            self._encoder_ticks += min(max(ticks - last, 1), LONGEST_STEP)
        elif 0 <= ticks <= LATEST_BEGINNING:
            self._encoder_ticks = ticks
        # Ticks and seconds together tell the time base, unless they are 0. To ask for it makes a fraction each time.
        is_timed = 0 < ticks == frame.pts == self._encoder_ticks and now == ticks / VIDEO_CLOCK_RATE
        if is_timed and not keyframe and is_adapted(frame, *self._opened) and frame.pict_type == PictureType.NONE:
            return frame
        # [rfc7742:4/5] Upright, so there is no orientation to signal, in the codec's way or another.
        picture = self._adapter.adapt(frame, *self._opened)
        picture.pts = self._encoder_ticks
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        return picture

    def _frames(self, packets: "list[av.Packet[av.stream.Stream]]", ticks: int) -> list[EncodedFrame]:
        frames: list[EncodedFrame] = []
        width, height = self._opened
        for packet in packets:
            if not packet.size:
                continue
            data = bytes(packet)
            if self._has_delimiters:
                data = _without_temporal_delimiter(data)
            self._rate.encoded(len(data))
            metadata = FrameMetadata(width=width, height=height)
            if self._layers > 1:
                self._number_layer(metadata)
            self._since_open += 1
            frame = EncodedFrame(
                data=data,
                timestamp=self._ticks_of.pop(packet.pts or 0, ticks),
                keyframe=packet.is_keyframe,
                mime_type=self._codec.mime_type,
                metadata=metadata,
            )
            frames.append(frame)
        return frames

    def _number_layer(self, metadata: FrameMetadata) -> None:
        """Tell which temporal layer the next frame is in."""
        pattern = TEMPORAL_IDS[self._layers]
        metadata.temporal_id = pattern[self._since_open % len(pattern)]
        self._base_layer_index += metadata.temporal_id == 0
        metadata.base_layer_index = self._base_layer_index & 0xFF


def _at_least(smallest: int, width: int, height: int) -> tuple[int, int]:
    """Enlarge a size whose shorter side is too short, in its shape unless that would make the other one very long."""
    if min(width, height) >= smallest:
        return width, height
    by = min(smallest / min(width, height), max(1.0, LONGEST_ENLARGED / max(width, height)))
    return max(smallest, round(width * by / 2) * 2), max(smallest, round(height * by / 2) * 2)


def video_scalability_modes(mime_type: str) -> Collection[str]:
    """The scalability modes in which pictures can be encoded with a codec."""
    kind = VIDEO_ENCODERS.get(encoder_name(mime_type) or "")
    if kind is None:
        return ()
    return TEMPORAL_LAYERS if kind.has_temporal_layers else ("L1T1",)


def _without_temporal_delimiter(data: bytes) -> bytes:
    """Leave out the OBU that begins every temporal unit in files (type 2, with a size of 0): RTP has timestamps."""
    return data[2:] if data[:2] == b"\x12\x00" else data
