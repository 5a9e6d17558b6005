"""Counters of a connection."""

from dataclasses import field

from .dataclass import dataclass


@dataclass(slots=True)
class DtlsStats:
    """What went through, and what was dropped for which reason."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    bytes_received: int = 0
    """Of datagrams."""
    bytes_sent: int = 0
    """Of datagrams."""
    application_data_received: int = 0
    """Records of application data handed to the owner."""
    application_data_sent: int = 0
    flights_retransmitted: int = 0
    key_updates: int = 0
    """How often our keys changed, in DTLS 1.3."""
    peer_key_updates: int = 0
    """How often the peer's did."""
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count something that was dropped."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count
