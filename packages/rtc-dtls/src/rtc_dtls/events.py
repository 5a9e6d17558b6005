"""What a connection tells its owner."""

from .dataclass import dataclass


@dataclass(slots=True)
class PeerCertificateReceived:
    """The peer showed its certificate. Whether it holds the key is not proven yet, nor who it is.

    Owners with rules of their own look at it now and call `DtlsConnection.abort` with the alert they choose; owners
    that do not know the fingerprints yet call `DtlsConnection.set_remote_fingerprints` as soon as they do.
    """

    chain: tuple[bytes, ...]
    """Raw DER, the peer's own certificate first."""


@dataclass(slots=True)
class HandshakeCompleted:
    """Both sides proved who they are, and the peer's certificate has an expected fingerprint: data may flow."""

    version: int
    cipher_suite: int
    group: int
    srtp_profile: int | None
    """The SRTP protection profile, or None if none was negotiated."""
    alpn_protocol: str | None


@dataclass(slots=True)
class ApplicationDataReceived:
    """The content of one record, which was one `send` of the peer."""

    data: bytes


@dataclass(slots=True)
class ConnectionClosed:
    """The connection ended in order. Terminal."""

    by_peer: bool


@dataclass(slots=True)
class ConnectionFailed:
    """The connection ended because something went wrong. Terminal."""

    reason: str
    """For people."""
    alert: int | None
    """The alert that was sent or received, as its code point; None after a timeout."""
    received: bool
    """Whether the peer sent the alert."""
    section: str | None
    """The rule that was broken, such as ``RFC 7627 section 5.2``; None if the peer alone knows."""


Event = PeerCertificateReceived | HandshakeCompleted | ApplicationDataReceived | ConnectionClosed | ConnectionFailed
