"""Local and remote candidates as the agent knows them, and the pairs they form (:rfc:`8445#section-6.1.2`)."""

import ipaddress
from typing import Final, TypeAlias

from rtc_ice.candidate import HOST, PEER_REFLEXIVE, RELAYED, Candidate
from rtc_ice.dataclass import dataclass
from rtc_ice.priority import candidate_priority, pair_priority
from rtc_ice.state import PAIR_TRANSITIONS, PairInput, PairState
from rtc_ice.tcp import can_connect
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address

Path: TypeAlias = tuple[Address, Address, str]
"""Where packets leave, where they go, and by what: our base, the peer's address, and ``udp`` or ``tcp``."""

ComponentKey: TypeAlias = tuple[int, int]
"""Index of the stream, and component ID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePair:
    """A pair as the application sees it: send from ``local`` to ``remote``."""

    local: Address
    """The address to send from: the base of the local candidate."""
    remote: Address
    """The address to send to."""
    local_candidate: Candidate
    """What the peer sees of us; reflexive behind a NAT."""
    remote_candidate: Candidate
    """What we know of the peer."""
    stream: int
    """Index of the data stream."""
    component_id: int
    """1 to 256."""

    @property
    def is_carried(self) -> bool:
        """Whether data goes through a relay or a stream, and so through `IceAgent.send`, instead of straight from a socket."""
        return self.local_candidate.type == RELAYED or self.local_candidate.transport != "udp"


class LocalCandidate:
    """A candidate of ours with what the peer need not know."""

    __slots__ = (
        "base",
        "candidate",
        "is_signalled",
        "local_preference",
        "related_address",
        "server",
        "stream",
        "turn_server",
    )

    def __init__(
        self,
        candidate: Candidate,
        base: Address,
        stream: int,
        local_preference: int,
        server: Address | None = None,
        turn_server: TurnServer | None = None,
    ) -> None:
        self.candidate = candidate
        self.base = base
        """Where it sends from."""
        self.stream = stream
        self.local_preference = local_preference
        self.server = server
        """The STUN or TURN server that told us, if one did."""
        self.turn_server = turn_server
        """The same, if it was a TURN server."""
        self.is_signalled = True
        """Whether the peer may be told of it; otherwise it is a base for checks, and for reflexive candidates."""
        self.related_address = without_zone(base)
        """What reflexive candidates of this base tell of it."""

    @property
    def is_base(self) -> bool:
        """Whether packets can be sent from this candidate itself."""
        return self.candidate.type in (HOST, RELAYED)

    def is_at(self, base: Address, transport: str) -> bool:
        """Whether it sends from that address by that transport."""
        return self.base == base and self.candidate.transport == transport

    def peer_reflexive_priority(self) -> int:
        """Return what PRIORITY says in our checks: our priority, were we a peer-reflexive candidate."""
        # [rfc8445:7.1.1/1]
        candidate = self.candidate
        return candidate_priority(PEER_REFLEXIVE, self.local_preference, candidate.component_id, candidate.transport)


class RemoteCandidate:
    """A candidate of the peer, signalled or learned from a check."""

    __slots__ = ("candidate", "is_private", "priority", "stream")

    def __init__(self, candidate: Candidate, stream: int, *, is_private: bool = False) -> None:
        self.candidate = candidate
        self.stream = stream
        self.is_private = is_private
        """Whether a name stands for its address in signalling, so that no relay may learn of it."""
        self.priority = candidate.priority
        """Used in pair priorities. Stays what the first check said when signalling comes later."""

    @property
    def is_peer_reflexive(self) -> bool:
        """Whether only a check told us about it."""
        return self.candidate.type == PEER_REFLEXIVE


class Pair:
    """A candidate pair on its way through the checks. A `NominationPolicy` reads it and changes nothing about it."""

    __slots__ = (
        "_is_valid_itself",
        "_source",
        "_valid",
        "asked_at",
        "consent_lost",
        "foundation",
        "heard_at",
        "last_response_at",
        "local",
        "losses",
        "nominate_on_success",
        "nominated",
        "nomination",
        "number",
        "path",
        "priority",
        "remote",
        "state",
        "statistics",
    )

    def __init__(self, number: int, local: LocalCandidate, remote: RemoteCandidate, *, controlling: bool) -> None:
        self.number = number
        """Names the pair in traces and statistics."""
        self.local = local
        self.remote = remote
        self.path: Final[Path] = (
            local.base,
            _with_zone_of(local.base, remote.candidate.address),
            local.candidate.transport,
        )
        self.state = PairState.FROZEN
        self._valid: Pair | None = None
        self._is_valid_itself = False
        self._source: Pair | None = None
        self.nominated = False
        self.nomination = 0
        """Number of its last nomination: of several, the highest holds. 0 where nobody counts."""
        self.nominate_on_success = False
        """The peer nominated it before our own check was through."""
        self.last_response_at: float | None = None
        """When the peer last consented: answered a check of ours."""
        self.heard_at: float | None = None
        """When the peer last proved to be there, by a request or a response."""
        self.asked_at: float | None = None
        """When the peer last checked it: what it sends on, it asks for consent to."""
        self.consent_lost = False
        """Consent expired or was revoked: never used again with these credentials."""
        self.losses = 0
        """How often its stream broke since the last success."""
        self.statistics = PairCounters()
        self.foundation = ("", "")
        self.priority = 0
        self.refresh(controlling=controlling)

    # A pair refers to itself by None, so that one that is dropped is gone at once.

    @property
    def valid(self) -> "Pair | None":
        """The valid pair that this pair's last successful check constructed; often the pair itself."""
        return self if self._is_valid_itself else self._valid

    @valid.setter
    def valid(self, pair: "Pair | None") -> None:
        self._is_valid_itself = pair is self
        self._valid = None if pair is self else pair

    @property
    def source(self) -> "Pair":
        """The pair whose check proved this one, and is repeated to nominate it."""
        return self._source or self

    @source.setter
    def source(self, pair: "Pair") -> None:
        self._source = None if pair is self else pair

    @property
    def stream(self) -> int:
        """Index of the stream."""
        return self.local.stream

    @property
    def component_id(self) -> int:
        """The component that both candidates belong to."""
        return self.local.candidate.component_id

    @property
    def component(self) -> ComponentKey:
        """Stream and component."""
        return self.local.stream, self.local.candidate.component_id

    @property
    def is_settled(self) -> bool:
        """Whether its checks are over."""
        return self.state in (PairState.SUCCEEDED, PairState.FAILED)

    @property
    def is_untried(self) -> bool:
        """Whether no check of it has begun."""
        return self.state in (PairState.FROZEN, PairState.WAITING)

    @property
    def is_direct(self) -> bool:
        """Whether both sides are host candidates: no better path can follow from further candidates of another type."""
        return self.local.candidate.type == HOST and self.remote.candidate.type == HOST

    @property
    def is_relayed(self) -> bool:
        """Whether it is known to go through a relay of either side."""
        return RELAYED in (self.local.candidate.type, self.remote.candidate.type)

    def refresh(self, *, controlling: bool) -> None:
        """Recompute what depends on the candidates and on our role."""
        ours, theirs = self.local.candidate.priority, self.remote.priority
        self.priority = pair_priority(ours, theirs) if controlling else pair_priority(theirs, ours)
        self.foundation = (self.local.candidate.foundation, self.remote.candidate.foundation)

    def step(self, pair_input: PairInput) -> None:
        """Follow the state table."""
        self.state = PAIR_TRANSITIONS[self.state, pair_input]

    def can(self, pair_input: PairInput) -> bool:
        """Whether the state table knows the input now."""
        return (self.state, pair_input) in PAIR_TRANSITIONS

    def snapshot(self) -> CandidatePair:
        """Return the pair as the application sees it."""
        return CandidatePair(
            local=self.path[0],
            remote=self.path[1],
            local_candidate=self.local.candidate,
            remote_candidate=self.remote.candidate,
            stream=self.stream,
            component_id=self.component_id,
        )


class PairCounters:
    """What the W3C's RTCIceCandidatePairStats wants to know about checks."""

    __slots__ = (
        "consent_requests_sent",
        "current_round_trip_time",
        "requests_received",
        "requests_sent",
        "responses_received",
        "responses_sent",
        "retransmissions_sent",
        "round_trip_time_measurement_count",
        "total_round_trip_time",
    )

    def __init__(self) -> None:
        self.requests_sent = 0
        self.retransmissions_sent = 0
        self.responses_received = 0
        self.requests_received = 0
        self.responses_sent = 0
        self.consent_requests_sent = 0
        self.current_round_trip_time: float | None = None
        self.total_round_trip_time = 0.0
        self.round_trip_time_measurement_count = 0

    def measure(self, round_trip_time: float) -> None:
        """Take in the time between a request and its response, in seconds."""
        self.current_round_trip_time = round_trip_time
        self.total_round_trip_time += round_trip_time
        self.round_trip_time_measurement_count += 1


def can_pair(local: LocalCandidate, remote: RemoteCandidate) -> bool:
    """Whether checks between the two make sense: same component, transport, family and scope.

    See :rfc:`8445#section-6.1.2.2`.
    """
    ours, theirs = local.candidate, remote.candidate
    return (
        # What is sent through a relay names the peer's address to its server.
        not (remote.is_private and ours.type == RELAYED)
        and local.stream == remote.stream
        and ours.component_id == theirs.component_id
        and ours.transport == theirs.transport
        and can_connect(ours.tcp_type, theirs.tcp_type)
        and local.base.is_ipv6 == theirs.address.is_ipv6
        # [rfc8445:6.1.2.2/1]
        and _is_link_local(local.base) == _is_link_local(theirs.address)
    )


def without_zone(address: Address) -> Address:
    """Drop the zone of a link-local address, which only its own host understands."""
    host, zone_mark, _ = address.host.partition("%")
    return Address(host, address.port) if zone_mark else address


def _is_link_local(address: Address) -> bool:
    return address.is_ipv6 and ipaddress.IPv6Address(address.host).is_link_local


def _with_zone_of(local: Address, remote: Address) -> Address:
    """Say by which of our interfaces a link-local address is to be reached; signalling cannot."""
    _, zone_mark, zone = local.host.partition("%")
    return Address(f"{remote.host}%{zone}", remote.port) if zone_mark and "%" not in remote.host else remote
