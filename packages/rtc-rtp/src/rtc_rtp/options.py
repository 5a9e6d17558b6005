"""Settings of a session; the defaults are those for WebRTC."""

from rtc_rtp.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What may be set once, when a session is made."""

    max_packet_size: int = 1200
    """Bytes of the longest RTP packet or RTCP compound, before SRTP; what fits any path."""

    # [rfc3550:6.2/1]
    session_bandwidth_bps: int = 2_000_000
    """Of which RTCP may have one twentieth. See :rfc:`3550#section-6.2`."""

    # [rfc8083:4.1/2] [rfc8083:4.1/3]
    report_interval: float = 1.0
    """Seconds between regular reports on average (``trr-int``). See :rfc:`4585#section-3.4`."""

    probation: int = 2
    """Packets in a row that make an SSRC valid of which neither signalling nor the packets tell where it belongs. See :rfc:`3550#appendix-A.1`."""

    max_sources: int = 512
    """How many SSRCs of the peer are kept apart; packets of more are dropped."""

    send_buffer_size: int = 8 * 1024 * 1024
    """Bytes that may wait to be sent before commands raise, with the headers of all layers down to IP."""

    history_duration: float = 1.0
    """Seconds for which sent packets are kept to be sent again; more if the round trip is long."""

    history_size: int = 4 * 1024 * 1024
    """Bytes of sent packets that one stream keeps at most; those of the latest half are there for certain."""

    audio_redundancy: int = 0
    """How many earlier payloads each packet of audio repeats where the peer takes RED, 0 to 9; browsers repeat 1. See :rfc:`2198`."""

    error_correction: bool = False
    """Whether video is followed by parity (ULPFEC, FlexFEC) where the peer takes it: as much as losses call for that retransmission cannot repair in time."""

    pacing: bool = True
    """Whether packets leave at the pace of the bandwidth estimate rather than at once."""

    congestion_control: bool = True
    """Whether the bandwidth is estimated at all, where the peer sends the feedback for it."""

    # [rfc8083:4/1] [rfc8083:4/2]
    circuit_breaker: bool = True
    """Whether a stream is bounded, and at last held back, of which the peer reports nothing, or nothing but loss. See :rfc:`8083`."""

    start_bitrate_bps: int = 300_000
    min_bitrate_bps: int = 30_000
    max_bitrate_bps: int = 50_000_000

    receiver_reference_time: bool = True
    """Whether a session that only receives measures the round trip by extended reports. See :rfc:`3611#section-4.4`."""
