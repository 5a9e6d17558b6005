"""What was negotiated for one media section, as the session needs it.

Whoever negotiates fills these in (`rtc_peer` from SDP, others by hand) and hands them to `RtpSession`; a change is a new
object under the same identifier. See :rfc:`8829#section-5.10`.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal, TypeAlias

from rtc_rtp.dataclass import dataclass
from rtc_rtp.header_extension import ExtensionMap

StreamId: TypeAlias = str | int
"""How the caller names a sender or a receiver; the session only hands it back."""

Kind: TypeAlias = Literal["audio", "video"]

Delivery: TypeAlias = Literal["frames", "packets", "both"]
"""Frames come out of the jitter buffer whole and in order; packets come at once, as they arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpCodec:
    """A payload type and what it stands for."""

    payload_type: int
    """0 to 127."""

    mime_type: str
    """Such as ``video/VP8``; compared without regard to case."""

    clock_rate: int
    """RTP ticks per second."""

    channels: int = 1
    """For audio alone."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    """The format parameters of ``a=fmtp``."""

    feedback: frozenset[str] = frozenset()
    """Of ``a=rtcp-fb``: ``nack``, ``nack pli``, ``ccm fir``, ``transport-cc``, ``goog-remb`` ..."""

    rtx_payload_type: int | None = None
    """Under which retransmissions of this codec travel; ``None`` to repeat packets as they were. See :rfc:`4588`."""

    def has_format_of(self, other: "RtpCodec") -> bool:
        """Whether payloads of both are made alike: media type and format parameters are the same."""
        same_type = self.mime_type.lower() == other.mime_type.lower()
        return same_type and dict(self.parameters) == dict(other.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRestrictions:
    """What the peer lets the pictures of an encoding be (``a=rid``); ``None`` for anything. See :rfc:`8851#section-5`."""

    max_width: int | None = None
    """Pixels of the picture as it is encoded."""

    max_height: int | None = None
    max_pixels: int | None = None
    """Of one picture (``max-fs``)."""

    max_pixels_per_second: int | None = None
    max_bits_per_pixel: float | None = None
    """Of any picture, on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEncoding:
    """One of the encodings of a sender: one RTP stream and those that repair it."""

    ssrc: int
    """1 to 2**32 - 1."""

    rtx_ssrc: int | None = None
    """Of the retransmissions; ``None`` for no stream of their own."""

    fec_ssrc: int | None = None
    """Of FlexFEC repair packets."""

    rid: str | None = None
    """Name of the encoding among its sender's; ``None`` if there is only one. See :rfc:`8851`."""

    active: bool = True
    """Whether frames of it leave; frames of an inactive encoding are dropped without a sound."""

    payload_type: int | None = None
    """Of the codec that this encoding uses; ``None`` for the first of the sender."""

    max_bitrate_bps: int | None = None
    max_framerate: float | None = None
    restrictions: PictureRestrictions | None = None
    """What the peer lets pictures be, beside the bounds above; whoever encodes obeys."""

    scale_resolution_down_by: float = 1.0
    scalability_mode: str | None = None
    priority: Literal["very-low", "low", "medium", "high"] = "low"
    """Weighs the shares of the bitrate: each step doubles. See :rfc:`8835#section-4.1`."""

    network_priority: Literal["very-low", "low", "medium", "high"] = "low"
    packet_time_ms: int | None = None
    """How much sound a packet shall hold; ``None`` for what is usual."""

    adaptive_packet_time: bool = False
    """Whether the length of packets may change with the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendParameters:
    """What a sender may send, and under which numbers."""

    kind: Kind
    codecs: tuple[RtpCodec, ...]
    """At least one; the first is in use unless an encoding chooses."""

    encodings: tuple[SendEncoding, ...]
    """At least one, their names and SSRCs all different."""

    mid: str | None = None
    cname: str | None = None
    """Told of these streams in RTCP; ``None`` for the session's own."""

    header_extensions: ExtensionMap = field(default_factory=ExtensionMap)
    reduced_size: bool = False
    """Whether RTCP feedback may leave without a report around it. See :rfc:`5506`."""

    telephone_event_payload_types: Mapping[int, int] = field(default_factory=dict)
    """Clock rate to payload type. See :rfc:`4733`."""

    red_payload_type: int | None = None
    ulpfec_payload_type: int | None = None
    flexfec_payload_type: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAssociation:
    """What signalling tells of one remote SSRC (``a=ssrc``, ``a=ssrc-group``). See :rfc:`5576`."""

    rtx_ssrc: int | None = None
    fec_ssrc: int | None = None
    cname: str | None = None
    rid: str | None = None


Statistic: TypeAlias = Literal["loss", "dup", "jitt"]
"""What a summary tells: losses, duplicates, jitter. See :rfc:`3611#section-4.6`."""

DelayMode: TypeAlias = Literal["all", "sender", "none"]

USUAL_TRACE_SIZE: Final = 400
"""Bytes of a block that the peer wants and sets no bound to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedReports:
    """What the peer wants to be told of each stream that it sends (``a=rtcp-xr``), besides the usual reports. See :rfc:`3611#section-5`."""

    loss_trace_size: int | None = None
    """Bytes at most of the block that tells which packets came; ``None`` for no such block."""

    duplicate_trace_size: int | None = None
    """The same of the block that tells which came more than once."""

    receipt_times_size: int | None = None
    """The same of each block that tells when they came."""

    statistics: frozenset[Statistic] = frozenset()
    """What a summary is to tell; nothing: no summary."""

    voip_metrics: bool = False
    """Whether to tell how a call goes: losses in bursts and gaps, delays, the jitter buffer. Of sound alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpParameters:
    """What both sides agreed upon about the RTCP of a session, all its media sections together."""

    senders_bps: int | None = None
    """Bits per second for those who send media (``b=RS``); ``None`` for what is left of a twentieth of the session. See :rfc:`3556`."""

    receivers_bps: int | None = None
    """Bits per second for the others (``b=RR``); ``None`` as above, 0 for none: they then send no RTCP at all."""

    report_interval: float = 0.0
    """Seconds that regular reports lie apart at least (``trr-int``); the session's own interval may be longer. See :rfc:`4585#section-3.4`."""

    sends_reference_times: bool = True
    """Whether extended reports may ask the peer to help to measure the round trip. See :rfc:`3611#section-4.4`."""

    answers_reference_times: DelayMode = "all"
    """Whether the peer is answered when it asks: always, while this end sends media, or never (``rcvr-rtt``)."""

    max_delays_size: int | None = None
    """Bytes of a block of such answers at most; ``None`` for as many as a packet takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JitterSettings:
    """How long media wait for those that are late."""

    target_delay: float | None = None
    """Seconds that the application would like media to wait at least; ``None`` for as short as the network lets us."""

    maximum_delay: float = 2.0
    """Seconds after which media are handed on in any case, or given up if they cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveParameters:
    """What the peer may send for one media section."""

    kind: Kind
    codecs: tuple[RtpCodec, ...]
    mid: str | None = None
    header_extensions: ExtensionMap = field(default_factory=ExtensionMap)
    rids: tuple[str, ...] = ()
    """Names of the encodings that the peer may send, if it names them."""

    ssrcs: Mapping[int, SourceAssociation] = field(default_factory=dict)
    """The peer's SSRCs, as far as it told; more may turn up."""

    reduced_size: bool = False
    voice_activity: bool = True
    """Whether the flag in audio levels means anything; ``vad=off`` denies it. See :rfc:`6464#section-4`."""

    jitter: JitterSettings = JitterSettings()  # frozen
    deliver: Delivery = "frames"
    extended_reports: ExtendedReports | None = None
    """What the peer wants to know of its streams; ``None`` for nothing but the usual."""

    synchronization_group: str | None = None
    """Receivers with the same name are played in step, such as the id of their media stream; ``None`` for alone."""

    telephone_event_payload_types: Mapping[int, int] = field(default_factory=dict)
    red_payload_type: int | None = None
    ulpfec_payload_type: int | None = None
    flexfec_payload_type: int | None = None
