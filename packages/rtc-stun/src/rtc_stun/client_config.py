"""What a client may be told, and what it counts."""

from dataclasses import field
from typing import Final

from rtc_stun._version import __version__
from rtc_stun.attribute import AttributeSet
from rtc_stun.attributes import STUN_ATTRIBUTES, Software
from rtc_stun.dataclass import dataclass
from rtc_stun.retransmission import LAST_WAIT_FACTOR, MAX_REQUESTS, RELIABLE_TIMEOUT

STREAM_TRANSPORTS: Final = frozenset({"tcp", "tls"})

_TRANSPORTS: Final = frozenset({"udp", "dtls", *STREAM_TRANSPORTS})
_MAX_LENGTH_IPV4: Final = 576 - 20 - 8
_MAX_LENGTH_IPV6: Final = 1280 - 40 - 8
_DTLS_OVERHEAD: Final = 13 + 8 + 16
"""Record header, explicit nonce and tag of AES-GCM, the largest that is in use without padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """What a client may be told. Times are seconds."""

    transport: str = "udp"
    """``udp``, ``dtls``, ``tcp`` or ``tls``; encryption itself is the caller's."""
    # [rfc8489:14.14/1] [rfc8489:16.1.2/1]
    software: str | None = f"rtc-stun {__version__}"
    """Value of SOFTWARE; None to keep it to oneself."""
    fingerprint: bool = False
    """Whether to send FINGERPRINT and to insist on it in what is received."""
    known_attributes: AttributeSet = field(default_factory=lambda: STUN_ATTRIBUTES)
    """The attributes that responses may carry."""
    # [rfc8489:6.2.1/10] [rfc8489:6.2.1/12] [rfc8489:6.2.2/2]
    max_requests: int = MAX_REQUESTS
    """How often a request is sent over UDP, the RFC's Rc."""
    last_wait_factor: float = LAST_WAIT_FACTOR
    """How many RTOs to wait after the last time, the RFC's Rm."""
    reliable_timeout: float = RELIABLE_TIMEOUT
    """How long to wait for an answer over a stream, or for the stream to open, the RFC's Ti."""
    max_server_errors: int = 4
    """How often to ask again after a temporary error of the server; 0 for never."""
    follow_redirections: bool = False
    """Whether a 300 that the server's integrity proves leads to the alternate server."""
    max_message_length: int | None = None
    """Bytes of a request over UDP; None for what every path carries, 548 over IPv4 and 1232 over IPv6."""
    max_pending_requests: int = 1024
    """Requests that wait for an answer or for their turn; one more raises."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.transport not in _TRANSPORTS:
            raise ValueError(f"the transport is one of {', '.join(sorted(_TRANSPORTS))}, not {self.transport!r}")
        if self.max_requests < 1 or self.last_wait_factor <= 0 or self.reliable_timeout <= 0:
            raise ValueError("a request is sent at least once and waits a positive time")
        if self.software is not None:
            Software(self.software).serialize(b"")

    def check_length(self, length: int, *, ipv6: bool) -> None:
        """Refuse a message that may not fit the path.

        Raises:
            ValueError: It is too long.

        See :rfc:`8489#section-6.1`.
        """
        if self.transport in STREAM_TRANSPORTS:
            return
        # [rfc8489:6.1/4] [rfc8489:6.1/6]
        limit = self.max_message_length
        if limit is None:
            # [rfc8489:6.1/5]
            limit = _MAX_LENGTH_IPV6 if ipv6 else _MAX_LENGTH_IPV4
            if self.transport == "dtls":
                limit -= _DTLS_OVERHEAD
        if length > limit:
            raise ValueError(f"the message has {length} bytes, more than the {limit} that the path carries")


@dataclass(slots=True)
class ClientStats:
    """What a client has done so far."""

    requests_sent: int = 0
    """Retransmissions not counted."""
    retransmissions: int = 0
    responses_accepted: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Datagrams, messages and streams that came to nothing, by reason."""
