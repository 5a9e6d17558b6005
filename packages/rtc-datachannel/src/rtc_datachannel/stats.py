"""What an endpoint did so far."""

from dataclasses import field

from .dataclass import dataclass


@dataclass(slots=True)
class EndpointStats:
    """Counters of one endpoint; every drop of the association below is counted here too."""

    channels_opened: int = 0
    """Channels that became OPEN, whoever asked for them."""

    channels_closed: int = 0
    """Channels that were OPEN and ended."""

    dropped: dict[str, int] = field(default_factory=dict)
    """What was thrown away, by reason."""

    def drop(self, reason: str) -> None:
        """Count one thing that was thrown away."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
