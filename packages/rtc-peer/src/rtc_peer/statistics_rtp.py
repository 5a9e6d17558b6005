"""What is counted about media, in the structure of webrtc-stats under Python names: the part of `rtc_peer.statistics` for RTP.

Here is what those know who move packets. What only codecs and tracks know (frames decoded, samples concealed, audio levels of
what is played) is counted by whoever has them. ``None`` means that a value does not exist (yet). Durations are seconds.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from rtc_peer.dataclass import dataclass


@dataclass(slots=True, kw_only=True)
class CodecStats:
    """A payload type as it is used on a transport."""

    TYPE: ClassVar[Literal["codec"]] = "codec"

    id: str
    payload_type: int
    transport_id: str
    mime_type: str
    clock_rate: int
    channels: int | None
    """For audio alone."""
    sdp_fmtp_line: str | None


@dataclass(slots=True, kw_only=True)
class RtpStreamStats:
    """What every RTP stream has."""

    id: str
    ssrc: int
    kind: str
    """``audio`` or ``video``."""
    transport_id: str
    codec_id: str | None


@dataclass(slots=True, kw_only=True)
class InboundRtpStats(RtpStreamStats):
    """A stream that the peer sends."""

    TYPE: ClassVar[Literal["inbound-rtp"]] = "inbound-rtp"

    track_identifier: str
    mid: str | None
    rid: str | None
    """Which encoding of a simulcast it is; webrtc-stats has no such member."""
    remote_id: str | None
    packets_received: int
    packets_lost: int
    jitter: float
    last_packet_received_timestamp: float | None
    """On the clock of ``now``."""
    header_bytes_received: int
    bytes_received: int
    """Of payloads; without headers and padding."""
    packets_discarded: int
    fec_packets_received: int
    fec_bytes_received: int
    fec_packets_discarded: int
    retransmitted_packets_received: int | None
    """``None`` where nothing tells them from others."""
    retransmitted_bytes_received: int | None
    rtx_ssrc: int | None
    fec_ssrc: int | None
    nack_count: int
    fir_count: int
    pli_count: int
    frames_received: int
    frames_dropped: int
    key_frames_received: int
    """As far as the payload format shows them; webrtc-stats counts those that were decoded."""
    frames_assembled_from_multiple_packets: int
    total_assembly_time: float
    jitter_buffer_delay: float
    jitter_buffer_target_delay: float
    jitter_buffer_minimum_delay: float
    jitter_buffer_emitted_count: int
    concealment_events: int
    audio_level: float | None
    """0 to 1, as the sender measured it."""
    estimated_playout_timestamp: float | None
    """Seconds since 1970 on the sender's clock."""


@dataclass(slots=True, kw_only=True)
class OutboundRtpStats(RtpStreamStats):
    """A stream that we send."""

    TYPE: ClassVar[Literal["outbound-rtp"]] = "outbound-rtp"

    mid: str | None
    rid: str | None
    encoding_index: int
    remote_id: str | None
    active: bool
    packets_sent: int
    bytes_sent: int
    """Of payloads; without headers and padding."""
    header_bytes_sent: int
    retransmitted_packets_sent: int
    retransmitted_bytes_sent: int
    rtx_ssrc: int | None
    target_bitrate: int | None
    """Bits per second."""
    frames_sent: int
    key_frames_sent: int
    """Webrtc-stats counts those that were encoded."""
    huge_frames_sent: int
    total_packet_send_delay: float
    nack_count: int
    fir_count: int
    pli_count: int
    scalability_mode: str | None


@dataclass(slots=True, kw_only=True)
class RemoteInboundRtpStats(RtpStreamStats):
    """How the peer receives a stream of ours, as it reports."""

    TYPE: ClassVar[Literal["remote-inbound-rtp"]] = "remote-inbound-rtp"

    local_id: str
    reported_at: float | None
    """When the latest report came, on the clock of ``now``."""
    packets_received: int
    """An estimate out of what was lost."""
    packets_lost: int
    fraction_lost: float
    """Since the report before: 0 to 1."""
    jitter: float
    round_trip_time: float | None
    total_round_trip_time: float
    round_trip_time_measurements: int


@dataclass(slots=True, kw_only=True)
class RemoteOutboundRtpStats(RtpStreamStats):
    """What the peer has sent of a stream, as it reports."""

    TYPE: ClassVar[Literal["remote-outbound-rtp"]] = "remote-outbound-rtp"

    local_id: str
    reported_at: float | None
    """When the latest report came, on the clock of ``now``."""
    packets_sent: int
    bytes_sent: int
    remote_timestamp: float
    """Seconds since 1970 on the peer's clock: when it wrote its last report."""
    reports_sent: int
    round_trip_time: float | None
    total_round_trip_time: float
    round_trip_time_measurements: int
