"""What an agent shows of itself: nothing here changes anything."""

from typing import Final

from rtc_ice.config import IceConfig
from rtc_ice.credentials import Credentials
from rtc_ice.generation import Generation
from rtc_ice.pacing import Pacer
from rtc_ice.pair import CandidatePair, ComponentKey, Pair
from rtc_ice.selection import Selection
from rtc_ice.session import Session
from rtc_ice.state import ConnectionState, GatheringState
from rtc_ice.stats import CandidatePairStats, CandidateStats, IceStats, describe_candidates, describe_pairs
from rtc_ice.status import Status
from rtc_stun import Address

_FIRST_COMPONENT: Final[ComponentKey] = (0, 1)


_LONGEST_CONSENT_INTERVAL: Final = 7.0
"""Seconds between two consent checks of a peer, at most, and one for the way."""


class AgentView:
    """The side of an `IceAgent` that is for looking at."""

    _config: IceConfig
    _current: Generation
    _pacer: Pacer
    _previous: Session | None
    _selection: Selection
    _stats: IceStats
    _status: Status

    @property
    def local_credentials(self) -> Credentials:
        """What to signal to the peer. The ufrag also routes datagrams: it begins the USERNAME of the peer's checks."""
        return self._current.session.local

    @property
    def remote_credentials(self) -> Credentials | None:
        """What the peer signalled for this session."""
        return None if self._current.session.remote is None else self._current.session.remote.credentials

    @property
    def lite(self) -> bool:
        """Whether this is a lite agent, which is to be signalled to the peer."""
        return self._config.lite

    @property
    def renomination(self) -> bool:
        """Whether to signal the ICE option ``renomination``: see `IceConfig.continual`."""
        return self._config.continual

    @property
    def ta(self) -> float:
        """The pacing in force, in seconds."""
        return self._pacer.ta

    @property
    def connection_state(self) -> ConnectionState:
        """How far the agent as a whole is."""
        return self._status.connection

    @property
    def gathering_state(self) -> GatheringState:
        """How far the local candidates are known."""
        return self._status.gathering

    def needs_restart(self, now: float) -> bool:
        """Whether the chosen pair is gone and, as things stand, only a restart makes both sides send on another.

        A peer that controls and does not know of renomination may choose another all the same: give it some seconds. What
        it sends on it also checks, so that one that stays with the pair that is gone is found out.
        """
        session = self._current.session
        if session.completed_at is None or session.remote is None or session.renominates:
            return False
        pairs = [self._selection.pair_of(component) for component in session.components()]
        return any(
            pair is None or not pair.nominated or (not session.remote.lite and not _is_asked_for(pair, now))
            for pair in pairs
        )

    @property
    def selected_pair(self) -> CandidatePair | None:
        """Where data of the first component goes, or ``None`` if nothing may be sent."""
        return self._selection.pairs.get(_FIRST_COMPONENT)

    def selected_pair_of(self, stream: int, component_id: int) -> CandidatePair | None:
        """Return where data of a component goes, or ``None`` if nothing may be sent."""
        return self._selection.pairs.get((stream, component_id))

    def is_valid_path(self, local: Address, remote: Address, transport: str = "udp") -> bool:
        """Whether data that arrives here comes from the peer: it proved on this path to know our password.

        Sending is another matter: see `selected_pair`.
        """
        # [rfc8445:12.2/1] Not only selected pairs: the peer may send on whatever pair it has validated.
        path = (local, remote, transport)
        if path in self._current.session.authenticated_paths:
            return True
        return self._previous is not None and path in self._previous.authenticated_paths

    @property
    def stats(self) -> IceStats:
        """Counters; alive, not a copy."""
        return self._stats

    def candidate_stats(self) -> list[CandidateStats]:
        """Describe the candidates of this session, local ones first."""
        return describe_candidates(self._current.session)

    def candidate_pair_stats(self) -> list[CandidatePairStats]:
        """Describe the pairs of this session, and those kept from before a restart."""
        return describe_pairs(self._current.session, [monitor.pair for monitor in self._selection.monitors()])


def _is_asked_for(pair: Pair, now: float) -> bool:
    return pair.asked_at is not None and now < pair.asked_at + _LONGEST_CONSENT_INTERVAL
