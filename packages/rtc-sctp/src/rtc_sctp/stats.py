"""Counters of an association."""

from dataclasses import field

from .dataclass import dataclass


@dataclass(slots=True)
class AssociationStats:
    """What happened so far, and how the path looks now; lengths in bytes, times in seconds."""

    packets_sent: int = 0
    packets_received: int = 0
    """Packets that were looked at, dropped ones included."""

    bytes_sent: int = 0
    """Payload of messages, each fragment once."""

    bytes_received: int = 0
    messages_sent: int = 0
    """Messages of which the last fragment left."""

    messages_received: int = 0
    messages_abandoned: int = 0
    chunks_retransmitted: int = 0
    fast_retransmissions: int = 0
    retransmission_timeouts: int = 0
    duplicate_chunks: int = 0
    """DATA that the peer sent although they had arrived."""

    # [rfc8899:3/21] [rfc8899:4.4/1]
    packet_size: int = 0
    """Longest packet that may be sent at present, common header included. See :rfc:`8899`."""

    congestion_window: int = 0
    slow_start_threshold: int = 0
    flight_size: int = 0
    """Bytes sent and not yet acknowledged."""

    remote_window: int = 0
    """How many more bytes the peer says it takes."""

    smoothed_round_trip_time: float | None = None
    retransmission_timeout: float = 0.0

    dropped: dict[str, int] = field(default_factory=dict)
    """What the peer sent and we did not take, by reason."""

    def drop(self, reason: str) -> None:
        """Count one drop."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
