"""One ICE agent as a transport of the connection: what negotiation asks of it, and what it says about itself.

The agent counts generations of candidates by its credentials. A description names the credentials of one generation;
the agent is in that generation as soon as the description is applied. A rolled-back restart leaves the agent in a
generation that nobody answers, which does no harm: data stays on the old pair until a new one is chosen.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import rtc_ice
from rtc_ice import Candidate, CandidatePair, Credentials, IceAgent, IceConfig

from rtc_stun import Address

from rtc_peer.events import (
    IceCandidateFailed,
    IceCandidateFound,
    IceTransportGatheringStateChanged,
    IceTransportStateChanged,
    SelectedCandidatePairChanged,
)
from rtc_peer.ice_server import StunServers
from rtc_peer.negotiation import StartOrder
from rtc_peer.state import IceGatheringState, IceTransportState

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]

NO_RESPONSE: Final = 701
"""Error code for a server that could not be reached (webrtc-pc section 4.8.3)."""

MAX_UNRESOLVED: Final = 32
"""Candidates that may wait for the resolution of their names."""

MAX_ADDRESSES_PER_HOST: Final = 8

IceTransportEvent: TypeAlias = (
    IceCandidateFailed
    | IceCandidateFound
    | IceTransportGatheringStateChanged
    | IceTransportStateChanged
    | SelectedCandidatePairChanged
)


class IceTransport:
    """An agent with one component, and the candidates of its present generation.

    Args:
        transport_id: Names it in events.
        credentials: What the description says that it was made for.
        controlling: Whether we made the first offer.
        rng: Source of randomness.
        config: Of the agent.
        trace: Takes structured records.
        now: Present time in seconds.
    """

    __slots__ = (
        "_abandoned",
        "_ended",
        "_transport_id",
        "agent",
        "candidates",
        "credentials",
        "gathering_state",
        "hosts_wanted",
        "_selected",
        "_unresolved",
        "pair_changes",
        "state",
    )

    def __init__(
        self,
        transport_id: int,
        *,
        credentials: Credentials,
        controlling: bool,
        rng: Callable[[int], bytes],
        config: IceConfig,
        trace: Trace | None,
        now: float,
    ) -> None:
        self._transport_id = transport_id
        self.agent = IceAgent(
            controlling=controlling, rng=rng, config=config, credentials=credentials, trace=trace, now=now
        )
        self.credentials = credentials
        """Of the generation that descriptions show."""
        self.candidates: list[Candidate] = []
        """Of that generation, those that may be shown."""
        self.state = IceTransportState.NEW
        self.gathering_state = IceGatheringState.NEW
        self.pair_changes = 0
        self.hosts_wanted: list[str] = []
        """Names in candidates that are to be resolved."""
        self._unresolved: list[tuple[Candidate, str]] = []
        self._ended = ""
        self._selected: CandidatePair | None = None
        self._abandoned: tuple[Credentials, list[Candidate]] | None = None

    @property
    def pair(self) -> CandidatePair | None:
        """Where data goes; None if nothing may be sent."""
        return self.agent.selected_pair

    @property
    def gathering_complete(self) -> bool:
        """Whether all candidates of the generation that descriptions show are known."""
        is_shown = self.agent.local_credentials == self.credentials
        return is_shown and self.gathering_state is IceGatheringState.COMPLETE

    # --- what negotiation asks ---

    def restart(self, credentials: Credentials, now: float) -> None:
        """Begin another generation of candidates."""
        self._abandoned = (self.credentials, self.candidates)
        self.credentials, self.candidates = credentials, []
        self.agent.restart(now, credentials=credentials)

    def roll_back(self) -> None:
        """Show the former generation again."""
        if self._abandoned is not None:
            self.credentials, self.candidates = self._abandoned
            self._abandoned = None

    def start(self, order: StartOrder, now: float) -> None:
        """Begin to check, or go on with what is agreed upon already."""
        remote = order.agreement.remote
        ufrag, password = remote.credentials.ufrag, remote.credentials.password
        if self.agent.remote_credentials is None and self.agent.local_credentials == self.credentials:
            self._abandoned = None
            self.agent.set_remote_credentials(ufrag, password, now, lite=remote.ice_lite)
        for text in order.candidates:
            self.add_candidate(text, ufrag, now)
        if order.end_of_candidates:
            self.end_candidates(ufrag, now)

    def add_candidate(self, text: str, ufrag: str, now: float) -> None:
        """Take a candidate of the peer.

        Args:
            text: As its attribute writes it. A malformed one is left out: it may have come in a description, of which
                the rest is sound.
            ufrag: The generation that it belongs to.
            now: Present time in seconds.
        """
        if not self._is_current(ufrag):
            return
        try:
            candidate = Candidate.parse(text)
        except rtc_ice.ParseError:
            return
        host = candidate.address.host
        if is_ip_literal(host):
            self.agent.add_remote_candidate(candidate, now)
        elif candidate.transport == "udp" and len(self._unresolved) < MAX_UNRESOLVED:
            self._unresolved.append((candidate, ufrag))
            self.hosts_wanted.append(host)

    def host_resolved(self, host: str, addresses: Iterable[str], now: float) -> None:
        """Take the addresses that the name in a candidate stands for; none if it has none."""
        waiting = [each for each in self._unresolved if each[0].address.host == host]
        self._unresolved = [each for each in self._unresolved if each[0].address.host != host]
        found = list(addresses)[:MAX_ADDRESSES_PER_HOST]
        for candidate, ufrag in waiting:
            if self._is_current(ufrag):
                for address in found:
                    resolved = replace(candidate, address=Address(address, candidate.address.port))
                    self.agent.add_remote_candidate(resolved, now)
        if self._ended and not self._unresolved:
            self.end_candidates(self._ended, now)

    def take_hosts_wanted(self) -> list[str]:
        """Return the names to resolve that were not asked for yet."""
        wanted, self.hosts_wanted = self.hosts_wanted, []
        return wanted

    def end_candidates(self, ufrag: str, now: float) -> None:
        """Take the end of a generation of the peer's candidates; names that are still being resolved delay it."""
        if not self._is_current(ufrag):
            return
        if self._unresolved:
            self._ended = ufrag
            return
        self._ended = ""
        self.agent.end_of_remote_candidates(now)

    def _is_current(self, ufrag: str) -> bool:
        remote = self.agent.remote_credentials
        return remote is not None and remote.ufrag == ufrag

    # --- what it says ---

    def drain(self, servers: StunServers, names: tuple[str, int]) -> list[IceTransportEvent]:
        """Return what happened since the last call.

        Args:
            servers: To name the one that a candidate came from.
            names: Mid and index of the section that candidates are signalled for.
        """
        found: list[IceTransportEvent] = []
        for event in self.agent.events():
            match event:
                case rtc_ice.LocalCandidateGathered():
                    found += self._gathered(event, servers, names)
                case rtc_ice.CandidateGatheringFailed():
                    found.append(_failed(event, servers))
                case rtc_ice.GatheringStateChanged():
                    found += self._gathering_changed(event, names)
                case rtc_ice.ConnectionStateChanged():
                    self.state = IceTransportState(event.state.value)
                    found.append(IceTransportStateChanged(self._transport_id, self.state))
                case rtc_ice.SelectedPairChanged():
                    found += self._pair_changed(event)
                case rtc_ice.RoleChanged() | rtc_ice.ConsentExpired():
                    # The role is read when asked for; lost consent shows in the state and in the selected pair.
                    pass
        return found

    def _gathered(
        self, event: rtc_ice.LocalCandidateGathered, servers: StunServers, names: tuple[str, int]
    ) -> list[IceTransportEvent]:
        if event.ufrag != self.credentials.ufrag:
            return []
        self.candidates.append(event.candidate)
        url = None if event.server is None else servers.url_of(event.server)
        # [rfc8829:4.1.20/1]
        return [IceCandidateFound(_with_ufrag(event.candidate, event.ufrag), *names, event.ufrag, url)]

    def _gathering_changed(
        self, event: rtc_ice.GatheringStateChanged, names: tuple[str, int]
    ) -> list[IceTransportEvent]:
        self.gathering_state = IceGatheringState(event.state.value)
        changed = IceTransportGatheringStateChanged(self._transport_id, self.gathering_state)
        if self.gathering_state is not IceGatheringState.COMPLETE or event.ufrag != self.credentials.ufrag:
            return [changed]
        # [rfc8829:4.1.20/2] [rfc8829:4.1.20/3]
        return [IceCandidateFound("", *names, event.ufrag), changed]

    def _pair_changed(self, event: rtc_ice.SelectedPairChanged) -> list[IceTransportEvent]:
        if event.pair is None or event.pair == self._selected:
            return []
        self._selected = event.pair
        self.pair_changes += 1
        local, remote = str(event.pair.local_candidate), str(event.pair.remote_candidate)
        return [SelectedCandidatePairChanged(self._transport_id, local, remote)]


def _failed(event: rtc_ice.CandidateGatheringFailed, servers: StunServers) -> IceCandidateFailed:
    return IceCandidateFailed(
        url=servers.url_of(event.server) or "",
        error_code=event.error_code or NO_RESPONSE,
        error_text=event.reason,
        address=event.local.host,
        port=event.local.port,
    )


def _with_ufrag(candidate: Candidate, ufrag: str) -> str:
    """Return a candidate as it is signalled: with the generation that it belongs to."""
    return str(candidate) if candidate.ufrag is not None else f"{candidate} ufrag {ufrag}"


def is_ip_literal(host: str) -> bool:
    """Tell an IP address from a domain name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
