"""What a codec package offers: encoders, decoders, and the factory that makes them.

A package declares its factory under the entry point group `rtc_asyncio.codecs`; the object named there implements `CodecFactory`. Encoders and
decoders are plain objects without a notion of event loops: `rtc_asyncio` calls each from one thread at a time, off the event loop.
"""

import logging
from collections.abc import Collection, Mapping
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from .dataclass import dataclass
from .tracks import RawFrame

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame, RtpCodec

    from .rtp_dictionaries import RTCDegradationPreference

ENTRY_POINT_GROUP: Final = "rtc_asyncio.codecs"


class CodecError(Exception):
    """A frame could not be encoded or decoded. After a decoder raised it, a key frame is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """What an encoder is asked for."""

    bitrate_bps: int
    """Bits per second to begin with; `Encoder.set_bitrate` changes it."""
    max_framerate: float | None = None
    """Frames per second; more are left out by the sender. A hint for rate control."""
    scale_resolution_down_by: float = 1.0
    """Width and height are divided by this before encoding, 1.0 or more."""
    scalability_mode: str | None = None
    """Such as "L1T2" (webrtc-svc); None for one layer."""
    content_hint: str = ""
    """`MediaStreamTrack.contentHint`."""
    packet_time_ms: int | None = None
    """How much sound a packet shall hold, as far as the codec and the peer let it; None for what is usual."""
    degradation_preference: "RTCDegradationPreference | None" = None
    """What shall suffer when there are too few bits for good pictures; None leaves it to the encoder and the content hint."""


class Encoder(Protocol):
    """Encodes one stream of pictures or sound."""

    @property
    def runs_inline(self) -> bool:
        """Whether encoding is so cheap (G.711) that a thread would cost more than it."""

    @property
    def implementation(self) -> str:
        """The library that does it, for the statistics: "libvpx"."""

    def encode(self, frame: RawFrame, *, force_keyframe: bool) -> "list[EncodedFrame]":
        """Encode one frame of the track; it may change its size or format at any time.

        Returns:
            What is complete, often one; none while the encoder collects. Each has `timestamp` = the time of presentation in ticks of the
            codec's clock, counted from the same zero as `frame.pts`, may be negative or large; the sender makes an RTP timestamp of it,
            in the same object: keep none of them.

        Raises:
            CodecError: It cannot be encoded.
        """

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Aim at another bit rate, from the next frame on."""

    def close(self) -> None:
        """Free what it holds. Idempotent."""


@runtime_checkable
class ProtectiveEncoder(Encoder, Protocol):
    """An encoder that can put error correction into its frames."""

    def set_loss(self, fraction_lost: float) -> None:
        """Protect against so much loss from the next frame on, 0 to 1; an encoder begins with none to protect against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concealment:
    """Sound that stands for what was lost or came too late, by the names of webrtc-stats; a stereo sample counts once."""

    concealed_samples: int = 0
    silent_concealed_samples: int = 0
    """Those of them that are silence or comfort noise."""
    concealment_events: int = 0
    """How often it began."""

    def __add__(self, other: "Concealment") -> "Concealment":
        return Concealment(
            concealed_samples=self.concealed_samples + other.concealed_samples,
            silent_concealed_samples=self.silent_concealed_samples + other.silent_concealed_samples,
            concealment_events=self.concealment_events + other.concealment_events,
        )


class Decoder(Protocol):
    """Decodes one stream."""

    @property
    def runs_inline(self) -> bool:
        """Whether decoding is so cheap (G.711) that a thread would cost more than it."""

    @property
    def implementation(self) -> str:
        """The library that does it, for the statistics."""

    @property
    def concealment(self) -> Concealment | None:
        """What it made up so far; None for pictures, or if it does not count."""

    def decode(self, frame: "EncodedFrame") -> list[RawFrame]:
        """Decode one frame. Gaps show in its sequence numbers and timestamp; sound may be concealed over them.

        Returns:
            Raw frames with `pts` and `time_base`; `pts` grows by the ticks that `frame.timestamp` grows by, across its wrap.

        Raises:
            CodecError: It cannot be decoded.
        """

    def close(self) -> None:
        """Free what it holds. Idempotent."""


class CodecFactory(Protocol):
    """Makes encoders and decoders."""

    def can_encode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        """Whether there is an encoder for this codec ("video/H264") with these format parameters of the peer or of an offer."""

    def can_decode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        """Whether there is a decoder for this codec with these format parameters."""

    def scalability_modes(self, mime_type: str) -> Collection[str]:
        """The modes of WebRTC-SVC in which its encoder of this codec makes streams, such as "L1T2"."""

    def create_encoder(self, codec: "RtpCodec", settings: EncoderSettings) -> Encoder:
        """Make an encoder. `codec.parameters` are what the peer can take.

        Raises:
            CodecError: There is none.
        """

    def create_decoder(self, codec: "RtpCodec") -> Decoder:
        """Make a decoder.

        Raises:
            CodecError: There is none.
        """

    def blank(self, frame: RawFrame) -> RawFrame:
        """Make a black picture, or silence, of the size, format, length and time of another frame."""

    def blank_video(self, width: int, height: int, pts: int, time_base: Fraction) -> RawFrame:
        """Make a black picture."""

    def blank_audio(self, sample_rate: int, sample_count: int, pts: int, time_base: Fraction) -> RawFrame:
        """Make silence of one channel."""


@cache
def installed_codecs() -> CodecFactory | None:
    """Find the codec package of this environment; of several, the first by name of its entry point that can be loaded."""
    from importlib.metadata import entry_points

    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        try:
            factory: CodecFactory = entry.load()
        except ImportError as error:
            logging.getLogger("rtc_asyncio").warning("the codec package %s cannot be loaded: %s", entry.name, error)
        else:
            return factory
    return None
