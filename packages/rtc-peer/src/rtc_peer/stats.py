"""What the machine itself counts. What all layers count is in `rtc_peer.statistics`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class PeerStats:
    """What the machine itself did, for its contract: cheap counters, always there."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Datagrams that were not handed to any protocol, by reason."""

    def drop(self, reason: str, count: int = 1) -> None:
        """Count dropped datagrams."""
        self.dropped[reason] = self.dropped.get(reason, 0) + count
