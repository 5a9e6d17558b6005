"""What the machine itself counts. What all layers count is in `rtc_peer.statistics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from rtc_peer.dataclass import dataclass


@dataclass(slots=True)
class PeerStats:
    """What went through the machine, for its contract: cheap counters, always there."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """By reason. Those of the machines below have the layer's name in front, such as ``ice:malformed``."""

    def add_layer(self, layer: str, dropped: Mapping[str, int]) -> None:
        """Count what a machine below has dropped."""
        for reason, count in dropped.items():
            name = f"{layer}:{reason}"
            self.dropped[name] = self.dropped.get(name, 0) + count
