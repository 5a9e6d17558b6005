"""Counters, named after those of the W3C's "Identifiers for WebRTC's Statistics API" in Python's case.

Times are seconds: those that end in ``_at`` on the session's clock, durations summed up as the W3C sums them.
"""

from dataclasses import field

from rtc_rtp.dataclass import dataclass


@dataclass(slots=True)
class SessionStats:
    """What the session as a whole did."""

    packets_sent: int = 0
    """RTP packets, retransmissions and padding included."""

    packets_received: int = 0
    rtcp_packets_sent: int = 0
    """Datagrams of RTCP."""

    rtcp_packets_received: int = 0
    ccfb_messages_sent: int = 0
    """Congestion control feedback of :rfc:`8888`."""

    ccfb_messages_received: int = 0
    bytes_sent: int = 0
    """Of all datagrams, before SRTP."""

    bytes_received: int = 0
    round_trip_time: float | None = None
    """The latest, smoothed, by whatever measured it."""

    target_bitrate_bps: int | None = None
    """What the bandwidth estimate allows; ``None`` without one."""

    dropped: dict[str, int] = field(default_factory=dict)
    """What the peer sent and we did not take, by reason."""


@dataclass(slots=True)
class RemoteReport:
    """What the peer's reports tell of one stream of ours (``remote-inbound-rtp``)."""

    reports_received: int = 0
    reported_at: float | None = None
    packets_received: int = 0
    """An estimate: reports tell what was lost."""

    packets_lost: int = 0
    fraction_lost: float = 0.0
    """Of those since the report before, 0 to 1."""

    jitter: float = 0.0
    """Seconds."""

    highest_sequence_number: int = 0
    round_trip_time: float | None = None
    total_round_trip_time: float = 0.0
    round_trip_time_measurements: int = 0


@dataclass(slots=True)
class OutboundStats:
    """One stream that is sent (``outbound-rtp``)."""

    ssrc: int
    rid: str | None = None
    rtx_ssrc: int | None = None
    payload_type: int | None = None
    """Of the latest packet."""

    active: bool = True
    packets_sent: int = 0
    """Retransmissions under the stream's own SSRC or its RTX SSRC included, as the W3C wants it."""

    bytes_sent: int = 0
    """Payload alone."""

    header_bytes_sent: int = 0
    """Headers, extensions and padding."""

    retransmitted_packets_sent: int = 0
    """Padding is none of them."""

    retransmitted_bytes_sent: int = 0
    total_packet_send_delay: float = 0.0
    """Seconds that packets waited here, summed up."""

    frames_sent: int = 0
    key_frames_sent: int = 0
    huge_frames_sent: int = 0
    """Frames of more than two and a half times the average."""

    frames_dropped: int = 0
    """Frames of an encoding that is not active or held back, or that gave way to a tone."""

    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    retransmissions_denied: int = 0
    """Packets that were asked for and no longer there, or sent a moment ago."""

    fec_packets_sent: int = 0
    """Packets of parity, whether in this stream (and counted above, too) or beside it."""

    fec_bytes_sent: int = 0
    target_bitrate_bps: int | None = None
    remote: RemoteReport = field(default_factory=RemoteReport)


@dataclass(slots=True)
class RemoteSender:
    """What the peer's sender reports tell of one stream (``remote-outbound-rtp``)."""

    reports_sent: int = 0
    reported_at: float | None = None
    remote_timestamp: float | None = None
    """The peer's clock in its latest report, seconds since 1970."""

    packets_sent: int = 0
    bytes_sent: int = 0
    round_trip_time: float | None = None
    """Seconds, out of the peer's answer to a reference time; ``None`` if its latest report came without."""

    total_round_trip_time: float = 0.0
    round_trip_time_measurements: int = 0


@dataclass(slots=True)
class InboundStats:
    """One stream that is received (``inbound-rtp``)."""

    ssrc: int
    rid: str | None = None
    rtx_ssrc: int | None = None
    fec_ssrc: int | None = None
    payload_type: int | None = None
    """Of the latest packet."""

    packets_received: int = 0
    """Retransmissions included, duplicates not."""

    packets_lost: int = 0
    jitter: float = 0.0
    """Seconds."""

    packets_duplicated: int = 0
    packets_discarded: int = 0
    """Packets that came too late to be used."""

    packets_repaired: int = 0
    """Packets that forward error correction or redundancy brought back."""

    bytes_received: int = 0
    header_bytes_received: int = 0
    last_packet_received_at: float | None = None
    retransmitted_packets_received: int = 0
    retransmitted_bytes_received: int = 0
    fec_packets_received: int = 0
    fec_bytes_received: int = 0
    fec_packets_discarded: int = 0
    nack_count: int = 0
    pli_count: int = 0
    fir_count: int = 0
    frames_received: int = 0
    key_frames_received: int = 0
    frames_dropped: int = 0
    """Frames that were not whole in time, or could not be decoded without one that was not."""

    frames_assembled_from_multiple_packets: int = 0
    total_assembly_time: float = 0.0
    """Seconds between the first and the last packet of frames, summed up."""

    jitter_buffer_delay: float = 0.0
    """Seconds that media waited, summed up over pictures, or over the ticks of sound."""

    jitter_buffer_target_delay: float = 0.0
    """Seconds of target delay, summed up so."""

    jitter_buffer_minimum_delay: float = 0.0
    """Seconds of the delay that the network alone asks for, summed up so."""

    jitter_buffer_emitted_count: int = 0
    """Pictures that left the jitter buffer, or ticks of sound: those are samples, but for G.722, whose clock runs at half its rate."""

    concealed_packets: int = 0
    """Packets of audio that were missing when their time came: the decoder has to conceal them."""

    concealment_events: int = 0
    estimated_playout_timestamp: float | None = None
    """When the frame handed on last was captured, by the peer's clock, seconds since 1970."""

    audio_level: float | None = None
    """0 to 1, as the packet handed on last says."""

    cname: str | None = None
    remote: RemoteSender = field(default_factory=RemoteSender)
