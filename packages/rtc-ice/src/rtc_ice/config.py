"""What an agent can be told to do differently."""

from dataclasses import field
from typing import Final

from rtc_ice.candidate import is_ip_literal
from rtc_ice.dataclass import dataclass
from rtc_ice.nomination import NominationPolicy
from rtc_ice.priority import MAX_COMPONENT_ID
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address

# [rfc8445:14.2/1]
DEFAULT_TA: Final = 0.050
MIN_TA: Final = 0.005
MIN_RTO: Final = 0.500
# [rfc8445:11/5]
MIN_KEEPALIVE_INTERVAL: Final = 15.0
# [rfc7675:5.1/4]
MIN_CONSENT_INTERVAL: Final = 5.0
"""The basic period; each interval is 0.8 to 1.2 times it, so that none is below four seconds."""
CONSENT_LIFETIME: Final = 30.0
MAX_CONSENT_INTERVAL: Final = CONSENT_LIFETIME / 1.2
MAX_STUN_SERVERS: Final = 16
MAX_TURN_SERVERS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class IceConfig:
    """The parameters of an agent. All times are seconds.

    Raises:
        ValueError: A value is outside the range that the specifications leave.
    """

    lite: bool = False
    """Whether to be a lite agent, which only answers checks: for hosts with a public address."""
    components: tuple[int, ...] = (1,)
    """How many components each data stream has. WebRTC: one stream with one component."""
    # [rfc8445:5.1.1.2/2]
    stun_servers: tuple[Address, ...] = ()
    """Servers to ask for server-reflexive candidates, all at the same time."""
    turn_servers: tuple[TurnServer, ...] = ()
    """Servers to ask for relayed candidates, all at the same time; the preferred ones first."""
    relay_only: bool = False
    """Whether nothing but relayed candidates is gathered, shown and used: hides our addresses from the peer."""
    allow_loopback: bool = False
    """Whether loopback addresses may become candidates: for tests and demonstrations on one machine."""

    ta: float = DEFAULT_TA
    """The least time between two new transactions (Ta), 0.005 or more. Signal another value than 0.050 to the peer."""
    assumed_remote_ta: float = DEFAULT_TA
    """What counts as the peer's proposal if it signals none. The larger of both applies."""
    max_requests: int = 7
    """How often a check is sent before it fails (Rc)."""
    final_wait_rtos: int = 16
    """How many initial retransmission timeouts the last request waits for its response (Rm)."""
    patience: float | None = None
    """How long no failure is declared, at least (the PAC timer). ``None``: as long as a check lasts, 39.5 seconds."""
    nomination: NominationPolicy = field(default_factory=NominationPolicy)
    """When the controlling agent chooses."""

    continual: bool = False
    """Whether paths are sought for as long as the session lasts: addresses may come and go, and the pair moves to another one
    without a restart where the peer understands renomination (signal the ICE option ``renomination``) or chooses itself."""

    report_pairs: bool = False
    """Whether `CandidatePairChanged` tells of every step of every pair: for those who draw or debug what happens."""

    gathering_timeout: float = 5.0
    """How long a STUN or TURN server is given. Candidates are reported as they come; this bounds when gathering is complete."""
    consent_interval: float = MIN_CONSENT_INTERVAL
    """The basic period of consent checks; five seconds to 25, so that one falls into every thirty."""
    disconnected_timeout: float = 10.0
    """The silence after which the connection counts as disconnected; two consent checks went unanswered by then."""
    keepalive_interval: float = MIN_KEEPALIVE_INTERVAL
    """The period of keepalives (Tr) where no consent checks are sent; at least fifteen seconds."""

    # [rfc8445:6.1.2.5/2] [rfc8445:19.5.1/1]
    max_pairs: int = 100
    """The most candidate pairs over all streams."""
    max_remote_candidates: int = 100
    """The most candidates accepted from the peer, learned ones included; further ones are ignored and counted."""
    max_local_addresses: int = 64
    """The most addresses that the caller may add."""

    def __post_init__(self) -> None:
        # [rfc8445:14.2/4] Within one agent the floor is enforced here.
        _require(self.ta >= MIN_TA and self.assumed_remote_ta >= 0, "ta is 0.005 or more")
        _require(len(self.components) > 0, "there is at least one stream")
        _require(all(1 <= count <= MAX_COMPONENT_ID for count in self.components), "a stream has 1 to 256 components")
        _require(len(self.stun_servers) <= MAX_STUN_SERVERS, f"there are at most {MAX_STUN_SERVERS} STUN servers")
        _require(len(self.turn_servers) <= MAX_TURN_SERVERS, f"there are at most {MAX_TURN_SERVERS} TURN servers")
        _require(
            all(is_ip_literal(server.host) for server in self.stun_servers), "a STUN server is given by IP address"
        )
        _require(self.max_requests >= 1 and self.final_wait_rtos >= 1, "a check is sent at least once and waited for")
        _require(self.patience is None or self.patience >= 0, "patience is not negative")
        _require(self.gathering_timeout > 0 and self.disconnected_timeout > 0, "timeouts are positive")
        # [rfc7675:5.1/5]
        _require(MIN_CONSENT_INTERVAL <= self.consent_interval < MAX_CONSENT_INTERVAL, "consent_interval is 5 to 25")
        # [rfc8445:11/6]
        _require(self.keepalive_interval >= MIN_KEEPALIVE_INTERVAL, "keepalive_interval is 15 or more")
        _require(self.max_local_addresses <= 512, "max_local_addresses is 512 at most")
        _require(min(self.max_pairs, self.max_remote_candidates, self.max_local_addresses) >= 1, "limits are positive")

    @property
    def effective_patience(self) -> float:
        """How long the PAC timer runs."""
        # [rfc8863:4/2]
        return transaction_timeout(MIN_RTO, self) if self.patience is None else self.patience


def transaction_timeout(rto: float, config: IceConfig) -> float:
    """How long a check lasts that is never answered: the doubling waits, then the final one."""
    return rto * (2.0 ** (config.max_requests - 1) - 1 + config.final_wait_rtos)


def _require(condition: bool, rule: str) -> None:
    if not condition:
        raise ValueError(rule)
