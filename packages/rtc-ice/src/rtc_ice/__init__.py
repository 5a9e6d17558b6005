"""Interactive Connectivity Establishment (RFC 8445) without I/O: full and lite agent, trickle, consent."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_ice._version import __version__

if TYPE_CHECKING:
    from rtc_ice.agent import IceAgent
    from rtc_ice.announcement import Announced, Announcement
    from rtc_ice.candidate import Candidate
    from rtc_ice.config import IceConfig
    from rtc_ice.credentials import Credentials, Rng
    from rtc_ice.errors import IceError, ParseError, StateError
    from rtc_ice.events import (
        CandidateGatheringFailed,
        CandidatePairChanged,
        ConnectionStateChanged,
        ConsentExpired,
        Event,
        GatheringStateChanged,
        LocalCandidateGathered,
        RoleChanged,
        SelectedPairChanged,
    )
    from rtc_ice.hidden_name import candidate_name, is_candidate_name
    from rtc_ice.mdns import MdnsEvent, MdnsStats, MulticastDns, NameLost
    from rtc_ice.mdns_links import MDNS_GROUP_IPV4, MDNS_GROUP_IPV6
    from rtc_ice.mdns_questions import NameResolved
    from rtc_ice.mux import Multiplexer, MuxPeer, MuxStats, check_ufrag
    from rtc_ice.mux_streams import Refused, Routed, StreamDoor
    from rtc_ice.nomination import NominationPolicy
    from rtc_ice.pair import CandidatePair, Pair
    from rtc_ice.priority import candidate_priority, pair_priority
    from rtc_ice.state import ConnectionState, GatheringState, PairState
    from rtc_ice.stats import CandidatePairStats, CandidateStats, IceStats
    from rtc_ice.streams import StreamTable
    from rtc_ice.tcp import TcpType
    from rtc_ice.trace import Trace
    from rtc_ice.turn_server import TurnServer

__all__ = [
    "Announced",
    "Announcement",
    "Candidate",
    "CandidateGatheringFailed",
    "CandidatePair",
    "CandidatePairChanged",
    "CandidatePairStats",
    "CandidateStats",
    "ConnectionState",
    "ConnectionStateChanged",
    "ConsentExpired",
    "Credentials",
    "Event",
    "GatheringState",
    "GatheringStateChanged",
    "IceAgent",
    "IceConfig",
    "IceError",
    "IceStats",
    "LocalCandidateGathered",
    "MDNS_GROUP_IPV4",
    "MDNS_GROUP_IPV6",
    "MdnsEvent",
    "MdnsStats",
    "MulticastDns",
    "Multiplexer",
    "MuxPeer",
    "MuxStats",
    "NameLost",
    "NameResolved",
    "NominationPolicy",
    "Pair",
    "PairState",
    "ParseError",
    "Refused",
    "Rng",
    "RoleChanged",
    "Routed",
    "SelectedPairChanged",
    "StateError",
    "StreamDoor",
    "StreamTable",
    "TcpType",
    "Trace",
    "TurnServer",
    "__version__",
    "candidate_name",
    "candidate_priority",
    "check_ufrag",
    "is_candidate_name",
    "pair_priority",
]

_DEFINED_IN: Final = {
    "agent": "IceAgent",
    "announcement": "Announced Announcement",
    "candidate": "Candidate",
    "config": "IceConfig",
    "credentials": "Credentials Rng",
    "errors": "IceError ParseError StateError",
    "events": "CandidateGatheringFailed CandidatePairChanged ConnectionStateChanged ConsentExpired Event GatheringStateChanged LocalCandidateGathered RoleChanged SelectedPairChanged",
    "hidden_name": "candidate_name is_candidate_name",
    "mdns": "MdnsEvent MdnsStats MulticastDns NameLost",
    "mdns_links": "MDNS_GROUP_IPV4 MDNS_GROUP_IPV6",
    "mdns_questions": "NameResolved",
    "mux": "Multiplexer MuxPeer MuxStats check_ufrag",
    "mux_streams": "Refused Routed StreamDoor",
    "nomination": "NominationPolicy",
    "pair": "CandidatePair Pair",
    "priority": "candidate_priority pair_priority",
    "state": "ConnectionState GatheringState PairState",
    "stats": "CandidatePairStats CandidateStats IceStats",
    "streams": "StreamTable",
    "tcp": "TcpType",
    "trace": "Trace",
    "turn_server": "TurnServer",
}
"""Which module defines which public names. It is loaded when one of them is first used: a program pays for what it needs."""

if not TYPE_CHECKING:  # with a `__getattr__` in sight, type checkers would believe in any name

    def __getattr__(name: str) -> object:
        """Load a public name; see :pep:`562` and "Import time" in the notes on architecture."""
        for module, names in _DEFINED_IN.items():
            if name in names.split():
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
