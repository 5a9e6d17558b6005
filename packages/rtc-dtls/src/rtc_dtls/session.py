"""What a handshake agrees on: in DTLS 1.2 first from the hellos, then, when it is over, as a session of any version."""

from .cipher_suite import CipherSuite
from .dataclass import dataclass
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A handshake that both Finished messages confirmed. Nothing in it is secret: it outlives the connection."""

    version: Version
    cipher_suite: int
    record_overhead: int
    """Bytes a record of application data is longer than its content."""
    group: int
    peer_signature_algorithm: int | None
    """Scheme of the signature that proved the peer's key; None if it showed no certificate."""
    extended_master_secret: bool
    """Whether the secrets are bound to the handshake: in DTLS 1.3 they always are."""
    srtp_profile: int | None
    alpn_protocol: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What the two hellos of DTLS 1.2 settle."""

    suite: CipherSuite
    client_random: bytes
    server_random: bytes
    extended_master_secret: bool
    srtp_profile: int | None
    alpn_protocol: str | None

    def session(self, group: int, peer_signature_algorithm: int | None, record_overhead: int) -> Session:
        """Return the facts, with those that came out later."""
        return Session(
            version=Version.DTLS_1_2,
            cipher_suite=self.suite.id,
            record_overhead=record_overhead,
            group=group,
            peer_signature_algorithm=peer_signature_algorithm,
            extended_master_secret=self.extended_master_secret,
            srtp_profile=self.srtp_profile,
            alpn_protocol=self.alpn_protocol,
        )
