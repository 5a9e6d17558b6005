"""What a handshake agrees on: first from the hellos, then, when it is over, as a session."""

from .cipher_suite import CipherSuite
from .dataclass import dataclass
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two hellos settle."""

    suite: CipherSuite
    client_random: bytes
    server_random: bytes
    extended_master_secret: bool
    srtp_profile: int | None
    alpn_protocol: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A handshake that both Finished messages confirmed. Nothing in it is secret: it outlives the connection."""

    negotiated: Negotiated
    group: int
    peer_signature_algorithm: int | None
    """Scheme of the signature that proved the peer's key; None if it showed no certificate."""
    version: Version = Version.DTLS_1_2
