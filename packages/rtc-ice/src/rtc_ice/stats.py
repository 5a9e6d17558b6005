"""Counters and snapshots, rich enough for the W3C's RTCIceCandidatePairStats and RTCIceCandidateStats."""

from collections.abc import Sequence
from dataclasses import field

from rtc_ice.candidate import Candidate
from rtc_ice.dataclass import dataclass
from rtc_ice.pair import Pair
from rtc_ice.session import Session
from rtc_ice.state import PairState
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address


@dataclass(slots=True)
class IceStats:
    """What an agent has counted since it was made."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    checks_accepted: int = 0
    """Requests of the peer that were authenticated and answered with success."""
    indications_received: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """How many datagrams, checks and candidates were refused or ignored, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateStats:
    """A candidate as it stands now."""

    candidate: Candidate
    is_remote: bool
    base: Address | None
    """Where a local candidate sends from."""
    server: Address | None
    """The STUN or TURN server that told of it."""
    stream: int
    turn_server: TurnServer | None = None
    """The same, if it was a TURN server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePairStats:
    """A candidate pair as it stands now. Bytes and packets are counted by whoever sends them."""

    number: int
    """Names the pair within its agent's session."""
    local: Candidate
    remote: Candidate
    state: PairState
    priority: int
    nominated: bool
    selected: bool
    requests_sent: int
    """Checks and consent checks, without retransmissions."""
    retransmissions_sent: int
    responses_received: int
    requests_received: int
    responses_sent: int
    consent_requests_sent: int
    current_round_trip_time: float | None
    """Seconds that the last measured check took."""
    total_round_trip_time: float
    """Seconds, all measured checks together."""
    round_trip_time_measurement_count: int


def describe_candidates(session: Session) -> list[CandidateStats]:
    """Describe the candidates of a session, local ones first."""
    ours = [
        CandidateStats(
            candidate=local.candidate,
            is_remote=False,
            base=local.base,
            server=local.server,
            stream=local.stream,
            turn_server=local.turn_server,
        )
        for local in session.local_candidates
    ]
    theirs = [
        CandidateStats(candidate=remote.candidate, is_remote=True, base=None, server=None, stream=remote.stream)
        for remote in session.remote_candidates
    ]
    return ours + theirs


def describe_pairs(session: Session, selected: Sequence[Pair]) -> list[CandidatePairStats]:
    """Describe the pairs of a session, and the selected ones wherever they come from."""
    pairs = [pair for checklist in session.checklists for pair in (*checklist.pairs, *checklist.valid)]
    distinct = {id(pair): pair for pair in (*pairs, *selected)}
    return [_describe_pair(pair, selected=pair in selected) for pair in distinct.values()]


def _describe_pair(pair: Pair, *, selected: bool) -> CandidatePairStats:
    counters = pair.statistics
    return CandidatePairStats(
        number=pair.number,
        local=pair.local.candidate,
        remote=pair.remote.candidate,
        state=pair.state,
        priority=pair.priority,
        nominated=pair.nominated,
        selected=selected,
        requests_sent=counters.requests_sent,
        retransmissions_sent=counters.retransmissions_sent,
        responses_received=counters.responses_received,
        requests_received=counters.requests_received,
        responses_sent=counters.responses_sent,
        consent_requests_sent=counters.consent_requests_sent,
        current_round_trip_time=counters.current_round_trip_time,
        total_round_trip_time=counters.total_round_trip_time,
        round_trip_time_measurement_count=counters.round_trip_time_measurement_count,
    )
