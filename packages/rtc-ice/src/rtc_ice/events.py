"""What the agent reports: self-contained facts, in the order in which they came about."""

from typing import TypeAlias

from rtc_ice.candidate import Candidate
from rtc_ice.dataclass import dataclass
from rtc_ice.pair import CandidatePair
from rtc_ice.state import ConnectionState, GatheringState, PairState
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address, CloseTransport, OpenTransport


@dataclass(slots=True)
class LocalCandidateGathered:
    """A candidate is there to be signalled to the peer."""

    candidate: Candidate
    ufrag: str
    """The session that it belongs to; signal it along, so that a restart cannot mix generations."""
    stream: int
    server: Address | None
    """The STUN or TURN server that told of it, if one did."""
    turn_server: TurnServer | None = None
    """The same, if it was a TURN server."""


@dataclass(slots=True)
class CandidateGatheringFailed:
    """A STUN or TURN server gave no candidate. Gathering goes on with the others."""

    local: Address
    """Where we asked from."""
    server: Address
    error_code: int | None
    """300 to 699 as the server said, or ``None`` if nothing usable came back in time."""
    reason: str
    turn_server: TurnServer | None = None
    """Set if it was asked for a relayed candidate."""


@dataclass(slots=True)
class GatheringStateChanged:
    """Gathering began or ended. Once complete, signal the end of candidates."""

    state: GatheringState
    ufrag: str


@dataclass(slots=True)
class ConnectionStateChanged:
    """The agent as a whole reached another state."""

    state: ConnectionState


@dataclass(slots=True)
class SelectedPairChanged:
    """Data of a component takes another path from now on; with ``None``, none."""

    stream: int
    component_id: int
    pair: CandidatePair | None
    nominated: bool
    """Whether the controlling agent chose it; otherwise it is the best valid pair so far."""


@dataclass(slots=True)
class CandidatePairChanged:
    """A pair of this session appeared, took a step, was nominated or disappeared."""

    number: int
    """Names the pair within its session, as in `CandidatePairStats`."""
    pair: CandidatePair
    state: PairState | None
    """``None`` if the pair is gone."""
    nominated: bool


@dataclass(slots=True)
class RoleChanged:
    """A role conflict was resolved, or the peer is lite."""

    controlling: bool


@dataclass(slots=True)
class ConsentExpired:
    """The peer no longer consents to receive on this pair; nothing may be sent on it any more."""

    pair: CandidatePair
    revoked: bool
    """Whether the peer said so, instead of falling silent."""


Event: TypeAlias = (
    LocalCandidateGathered
    | CandidateGatheringFailed
    | GatheringStateChanged
    | ConnectionStateChanged
    | CandidatePairChanged
    | SelectedPairChanged
    | RoleChanged
    | ConsentExpired
    | OpenTransport
    | CloseTransport
)
