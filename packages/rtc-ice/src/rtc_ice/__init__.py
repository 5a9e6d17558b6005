"""Interactive Connectivity Establishment (RFC 8445) without I/O: full and lite agent, trickle, consent."""

from rtc_ice._version import __version__
from rtc_ice.agent import IceAgent, Trace
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
from rtc_ice.mdns import MdnsEvent, MdnsStats, MulticastDns, NameLost, candidate_name, is_candidate_name
from rtc_ice.mdns_links import GROUP_IPV4 as MDNS_GROUP_IPV4
from rtc_ice.mdns_links import GROUP_IPV6 as MDNS_GROUP_IPV6
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
