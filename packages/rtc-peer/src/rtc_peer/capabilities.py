"""What we can send and receive: codecs and RTP header extensions, in order of preference (RFC 8834 section 5, RFC 7742, RFC 7874).

Everything here is offered without a codec at hand: frames come encoded from the application. One that encodes says by
`MediaOptions` what it can, or narrows a transceiver by its codec preferences.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal, TypeAlias

from rtc_peer.dataclass import dataclass
from rtc_peer.errors import ArgumentError
from rtc_peer.rtcp_terms import RtcpTerms
from rtc_sdp import Direction

MediaKind: TypeAlias = Literal["audio", "video"]

VIDEO_CLOCK_RATE: Final = 90_000

VIDEO_FEEDBACK: Final = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
"""The RTCP feedback of every video codec, as ``a=rtcp-fb`` names it."""

AUDIO_FEEDBACK: Final = ("transport-cc",)

CONGESTION_CONTROL_FEEDBACK: Final = "ack ccfb"
"""Feedback for congestion control as RFC 8888 has it. It counts for all formats of a section or for none."""

ARRIVAL_FEEDBACK: Final = frozenset({CONGESTION_CONTROL_FEEDBACK, "transport-cc"})
"""Kinds of feedback that tell the same: when which packets arrived."""

MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
AUDIO_LEVEL_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
REPAIRED_RID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

RTX: Final = "rtx"
RED: Final = "red"
ULPFEC: Final = "ulpfec"
FLEXFEC: Final = "flexfec-03"
COMFORT_NOISE: Final = "cn"
TELEPHONE_EVENT: Final = "telephone-event"

SUPPLEMENTARY: Final = frozenset({RTX, RED, ULPFEC, FLEXFEC, COMFORT_NOISE, TELEPHONE_EVENT})
"""Names of formats, in lower case, that only accompany media."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecCapability:
    """A format that can be negotiated, without the payload type that it will travel under.

    ``rtx`` stands for the retransmission of every codec of its kind, whatever their number.
    """

    mime_type: str
    """Such as ``video/VP8``."""
    clock_rate: int
    """RTP ticks per second."""
    channels: int = 1
    """For audio alone."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The format parameters of ``a=fmtp``; names in lower case."""
    feedback: tuple[str, ...] = ()
    """The RTCP feedback, as ``a=rtcp-fb`` names it, in order of preference."""

    @property
    def name(self) -> str:
        """The name of the format, in lower case: ``vp8``, ``rtx``."""
        return self.mime_type.partition("/")[2].lower()

    @property
    def is_supplementary(self) -> bool:
        """Whether it only accompanies media: retransmission, redundancy, comfort noise, tones."""
        return self.name in SUPPLEMENTARY


class ExtensionEncryption(enum.Enum):
    """In which forms a header extension is negotiated: encrypted by SRTP, or in the clear. See :rfc:`6904#section-4`."""

    ACCEPT = "accept"
    """Offered in the clear, and taken encrypted where the peer offers that."""
    # [rfc6904:4.1/2] Who chooses this says that it may be read.
    PREFER = "prefer"
    """Offered in both forms. A peer that does not know encryption takes the other: only for what anybody may read."""
    REQUIRE = "require"
    """Offered and taken encrypted or not at all."""

    @property
    def offered(self) -> tuple[bool, ...]:
        """The forms to offer: whether encrypted."""
        # [rfc6904:4.1/1]
        return {"accept": (False,), "prefer": (False, True), "require": (True,)}[self.value]


@dataclass(frozen=True, slots=True)
class HeaderExtensionCapability:
    """An RTP header extension that can be negotiated."""

    uri: str
    direction: Direction = Direction.SENDRECV
    """What is negotiated unless the application chooses; ``inactive`` leaves it out."""
    encryption: ExtensionEncryption = ExtensionEncryption.ACCEPT
    """In which forms."""


def _video(name: str, **parameters: str) -> CodecCapability:
    return CodecCapability(
        mime_type=f"video/{name}",
        clock_rate=VIDEO_CLOCK_RATE,
        parameters={key.replace("_", "-"): value for key, value in parameters.items()},
        feedback=VIDEO_FEEDBACK,
    )


def _h264(profile_level_id: str, packetization_mode: str) -> CodecCapability:
    return _video(
        "H264",
        level_asymmetry_allowed="1",
        packetization_mode=packetization_mode,
        profile_level_id=profile_level_id,
    )


def _audio(name: str, clock_rate: int, **parameters: str) -> CodecCapability:
    return CodecCapability(mime_type=f"audio/{name}", clock_rate=clock_rate, parameters=parameters)


# [rfc8829:5.2.1/23] [rfc8829:5.2.1/30] [rfc8829:5.3.1/17] [rfc8854:4.2/1] [rfc8854:4.2/2] [rfc8854:7/2] [rfc7587:3.3/2] Opus repairs itself ("useinbandfec"), or by redundancy.
AUDIO_CODECS: Final = (
    CodecCapability(
        mime_type="audio/opus",
        clock_rate=48_000,
        channels=2,
        parameters={"minptime": "10", "useinbandfec": "1"},
        feedback=AUDIO_FEEDBACK,
    ),
    CodecCapability(mime_type="audio/red", clock_rate=48_000, channels=2),
    _audio("G722", 8000),
    _audio("PCMU", 8000),
    _audio("PCMA", 8000),
    _audio("CN", 8000),
    _audio("telephone-event", 48_000, **{"0-15": ""}),
    _audio("telephone-event", 8000, **{"0-15": ""}),
)
"""What is negotiated for audio by default."""

# [rfc8829:5.2.1/23]
VIDEO_CODECS: Final = (
    _video("VP8"),
    _video("VP9", profile_id="0"),
    _h264("42e01f", "1"),
    _h264("42001f", "1"),
    _h264("42e01f", "0"),
    _video("AV1"),
    _video("H265"),
    CodecCapability(mime_type="video/rtx", clock_rate=VIDEO_CLOCK_RATE),
)
"""What is negotiated for video by default."""

# [rfc8834:6.2/2]
VIDEO_REDUNDANCY: Final = (
    CodecCapability(mime_type="video/red", clock_rate=VIDEO_CLOCK_RATE),
    CodecCapability(mime_type="video/ulpfec", clock_rate=VIDEO_CLOCK_RATE),
)
"""Forward error correction for video, for those who want to append it: ``VIDEO_CODECS + VIDEO_REDUNDANCY``."""

# [rfc8834:6.2/2]
VIDEO_FLEXIBLE_REDUNDANCY: Final = (
    CodecCapability(
        mime_type="video/flexfec-03",
        clock_rate=VIDEO_CLOCK_RATE,
        parameters={"repair-window": "10000000"},
    ),
)
"""Forward error correction for video in a stream beside it, by the draft of :rfc:`8627` that browsers speak; to be appended likewise."""

_COMMON_EXTENSIONS: Final = (
    HeaderExtensionCapability(MID_EXTENSION),
    HeaderExtensionCapability("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time", Direction.INACTIVE),
    # [rfc8834:5.2.1/1] [rfc6051:3.3/6] [rfc6051:3.3/7]
    HeaderExtensionCapability("urn:ietf:params:rtp-hdrext:ntp-64"),
)

AUDIO_EXTENSIONS: Final = (
    HeaderExtensionCapability(AUDIO_LEVEL_EXTENSION),
    # [rfc6465:5/1]
    HeaderExtensionCapability("urn:ietf:params:rtp-hdrext:csrc-audio-level", Direction.RECVONLY),
    *_COMMON_EXTENSIONS,
)
"""The header extensions of audio."""

VIDEO_EXTENSIONS: Final = (
    *_COMMON_EXTENSIONS,
    HeaderExtensionCapability(RID_EXTENSION),
    HeaderExtensionCapability(REPAIRED_RID_EXTENSION),
    HeaderExtensionCapability("urn:3gpp:video-orientation"),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"),
    HeaderExtensionCapability("urn:ietf:params:rtp-hdrext:toffset"),
    HeaderExtensionCapability(
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
    ),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/video-content-type", Direction.INACTIVE),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/video-timing", Direction.INACTIVE),
    HeaderExtensionCapability("http://www.webrtc.org/experiments/rtp-hdrext/color-space", Direction.INACTIVE),
    HeaderExtensionCapability(
        "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00", Direction.INACTIVE
    ),
)
"""The header extensions of video."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """What a connection negotiates for audio and video. Without codecs of a kind, offered sections of it are rejected."""

    audio_codecs: tuple[CodecCapability, ...] = AUDIO_CODECS
    """In order of preference."""
    video_codecs: tuple[CodecCapability, ...] = VIDEO_CODECS
    """In order of preference."""
    audio_header_extensions: tuple[HeaderExtensionCapability, ...] = AUDIO_EXTENSIONS
    video_header_extensions: tuple[HeaderExtensionCapability, ...] = VIDEO_EXTENSIONS
    max_simulcast_encodings: int = 8
    """Most encodings of one source that are sent or received side by side; 1 refuses simulcast."""
    rtcp_senders_bps: int | None = None
    """Bits per second of RTCP for those who send media in a section (``b=RS``); None for what is usual. See :rfc:`3556`."""
    rtcp_receivers_bps: int | None = None
    """The same for those who do not (``b=RR``); 0 lets them be silent. Nothing then controls congestion but what the sender knows
    itself, whose circuit breaker holds media back of which nobody reports (`rtc_rtp.SessionOptions.circuit_breaker`)."""
    round_trip_reports: bool = True
    """Whether receivers are offered help in measuring the round trip (``a=rtcp-xr:rcvr-rtt=all``). See :rfc:`3611#section-5`."""
    max_transceivers: int = 256
    """Bound on the transceivers of a connection; at most 256 sections fit into a description."""

    def __post_init__(self) -> None:
        """Check the bandwidths.

        Raises:
            ArgumentError: One is negative, or both are 0: without RTCP there are no media.
        """
        limits = (self.rtcp_senders_bps, self.rtcp_receivers_bps)
        if any(each is not None and each < 0 for each in limits) or limits == (0, 0):
            raise ArgumentError("the bandwidths of RTCP are not negative, and not both 0")

    @property
    def rtcp_terms(self) -> RtcpTerms:
        """What every section offers about RTCP."""
        extended = None
        # [rfc3611:5.1/3]
        if self.round_trip_reports:
            from rtc_sdp import RoundTripMode, RtcpXr

            # [rfc3611:5.1/6]
            extended = RtcpXr.of(round_trip=RoundTripMode.ALL)
        return RtcpTerms(senders_bps=self.rtcp_senders_bps, receivers_bps=self.rtcp_receivers_bps, extended=extended)

    def codecs(self, kind: MediaKind) -> tuple[CodecCapability, ...]:
        """Return the codecs of a kind."""
        return self.audio_codecs if kind == "audio" else self.video_codecs

    def header_extensions(self, kind: MediaKind) -> tuple[HeaderExtensionCapability, ...]:
        """Return the header extensions of a kind."""
        return self.audio_header_extensions if kind == "audio" else self.video_header_extensions
