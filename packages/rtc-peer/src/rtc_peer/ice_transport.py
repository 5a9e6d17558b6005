"""One ICE agent as a transport of the connection: what negotiation asks of it, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import rtc_ice
from rtc_ice import Candidate, CandidatePair, Credentials, IceAgent, IceConfig
from rtc_stun import Address, Datagram

from rtc_peer.section import TransportParameters
from rtc_peer.state import IceGatheringState, IceTransportState

Trace = Callable[[float, str, Mapping[str, object]], None]

MAX_CANDIDATES: Final = 128
"""Local candidates of one generation that are kept for descriptions."""


class IceTransport:
    """An agent with one component, and the candidates of its present generation.

    Args:
        rng: Source of randomness.
        config: Of the agent.
        trace: Takes structured records.
        now: Present time in seconds.
    """

    __slots__ = ("agent", "candidates", "gathering_state", "remote_ended", "state")

    def __init__(
        self, *, rng: Callable[[int], bytes], config: IceConfig, trace: Trace | None, now: float
    ) -> None:
        self.agent = IceAgent(controlling=False, rng=rng, config=config, trace=trace, now=now)
        self.state = IceTransportState.NEW
        self.gathering_state = IceGatheringState.NEW
        self.candidates: list[Candidate] = []
        """Of the present generation, as descriptions show them."""

    @property
    def credentials(self) -> Credentials:
        """What we say in descriptions."""
        return self.agent.local_credentials

    @property
    def pair(self) -> CandidatePair | None:
        """Where data goes; None if nothing may be sent."""
        return self.agent.selected_pair
