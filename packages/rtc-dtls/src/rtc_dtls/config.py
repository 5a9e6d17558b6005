"""What a connection is allowed and expected to do."""

from dataclasses import field
from typing import Final

from .certificate import Certificate
from .cipher_suite import CIPHER_SUITES
from .cipher_suite13 import CIPHER_SUITES_13, MAX_FORGERIES
from .cookie import MIN_SECRET_LENGTH
from .dataclass import dataclass
from .fingerprint import Fingerprint
from .group import ECDHE_GROUPS, GROUPS
from .srtp import SrtpProfile
from .version import Version

MIN_MTU: Final = 256
MAX_MTU: Final = 2**14
DEFAULT_MTU: Final = 1200
MAX_PROTOCOL_COUNT: Final = 64
MIN_RECORD_SIZE: Final = 64
MAX_RECORD_SIZE: Final = 2**14 + 1
# [rfc9147:5.8.2/1]
DEFAULT_INITIAL_TIMEOUT: Final = 0.4
"""Seconds. :rfc:`9147#section-5.8.2` recommends it where, as in DTLS-SRTP, people wait for the handshake."""
MAX_TIMEOUT: Final = 60.0
"""Seconds, of :rfc:`6347#section-4.2.4.1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DtlsConfig:
    """Options of a connection; the defaults are those of WebRTC after ICE has checked the path.

    Raises:
        ValueError: An option is out of range or unknown.
    """

    certificate: Certificate | None = None
    """Ours. A server needs one; a client without one sends an empty list when asked."""
    remote_fingerprints: tuple[Fingerprint, ...] | None = None
    """What the peer's certificate must match; None if signalling has not brought them yet."""
    require_client_certificate: bool = True
    """As a server, ask for the client's certificate and fail without. If False, clients stay unknown, and there are no
    ``remote_fingerprints`` to know them by."""
    versions: tuple[int, ...] = (Version.DTLS_1_3, Version.DTLS_1_2)
    """Those that may be spoken; the newest in common is. One that has no cipher suite or no group among those below is
    left out."""
    cipher_suites: tuple[int, ...] = (*CIPHER_SUITES_13, *CIPHER_SUITES)
    """Of all versions, in order of preference; a server's order decides."""
    groups: tuple[int, ...] = GROUPS
    """In order of preference; a server's order decides, but in DTLS 1.3 a group that the client sent a share of goes
    first: another would cost a round trip. DTLS 1.2 has no X25519MLKEM768."""
    key_share_groups: tuple[int, ...] | None = None
    """As a client of DTLS 1.3, the groups to send shares of at once. None: the first of ``groups``, and the first that
    is not a hybrid."""
    srtp_profiles: tuple[int, ...] = ()
    """SRTP protection profiles in order of preference; a server's order decides. None of them: no use_srtp."""
    require_srtp: bool = False
    """Fail the handshake if no SRTP profile comes out of it."""
    alpn_protocols: tuple[str, ...] = ()
    """Application protocols in order of preference, such as `WEBRTC_PROTOCOLS`; a server's order decides."""
    required_alpn_protocol: str | None = None
    """Fail the handshake unless this one of them comes out of it, such as `CONFIDENTIAL_WEBRTC`."""
    identity_hash: bytes | None = None
    """SHA-256 of the identity assertion that went through signalling, empty without one; None does not speak of it. With
    it, a peer that says another than ``remote_identity_hash`` is refused (:rfc:`8844#section-3.2`)."""
    remote_identity_hash: bytes = b""
    external_session_id: str | None = None
    """The ``tls-id`` of our description; None if there is none. With it, a peer that says another than
    ``remote_external_session_id`` is refused (:rfc:`8844#section-4.3`)."""
    remote_external_session_id: str | None = None
    require_extended_master_secret: bool = True
    """Fail without :rfc:`7627`. If False and the peer does not have it, nothing can be exported."""
    # [rfc8449:4.1/1]
    record_size_limit: int = MAX_RECORD_SIZE
    """The longest record we let the peer send (:rfc:`8449`), from 64 bytes; in DTLS 1.3 its type counts as one byte."""
    # [rfc9146:8/1]
    connection_id: bytes | None = None
    """What the peer has to put into its records, so that we know whose they are wherever they come from; empty: nothing,
    but we use the peer's. None: not negotiated (:rfc:`9146`). Up to 255 bytes."""
    cookie_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """As a server, make clients return a cookie first. The first secret makes cookies, all of them are accepted. Empty:
    no cookies, which is right after ICE and wrong on an open port."""
    mtu: int = DEFAULT_MTU
    """Bytes of the largest datagram of the handshake."""
    initial_timeout: float = DEFAULT_INITIAL_TIMEOUT
    """Seconds until the first retransmission."""
    max_timeout: float = MAX_TIMEOUT
    """Seconds beyond which the timer is not doubled; less than the 60 of the RFC where the path is known to be there."""
    max_transmissions: int = 12
    """How often a flight is sent before the handshake fails."""
    max_queued_datagrams: int = 4096
    """Bound of what `send` may queue between two flushes."""
    max_records_per_key: int = 2**23
    """Records of DTLS 1.3 after which our keys are updated; half of what AES-GCM may protect at most."""
    max_forgeries_per_key: int = MAX_FORGERIES
    """Records of DTLS 1.3 that may fail authentication under one key. At half of them the peer is asked for new keys, at
    the limit the connection ends."""
    key_log: bool = False
    """Keep lines for an SSLKEYLOG file, to be drained by `DtlsConnection.key_log_lines`."""

    def __post_init__(self) -> None:
        self._check_protocol()
        if self.connection_id is not None and len(self.connection_id) > 255:
            raise ValueError("a connection ID has up to 255 bytes")
        if not self.require_client_certificate and self.remote_fingerprints is not None:
            raise ValueError("without a client certificate there is nothing that remote_fingerprints could match")
        self._check_external_session()
        if self.require_srtp and not self.srtp_profiles:
            raise ValueError("require_srtp needs srtp_profiles")
        if not all(0 < len(name.encode()) < 256 for name in self.alpn_protocols):
            raise ValueError("a protocol name has 1 to 255 bytes")
        if len(set(self.alpn_protocols)) != len(self.alpn_protocols) or len(self.alpn_protocols) > MAX_PROTOCOL_COUNT:
            raise ValueError(f"protocol names are different, and no more than {MAX_PROTOCOL_COUNT}")
        if self.required_alpn_protocol is not None and self.required_alpn_protocol not in self.alpn_protocols:
            raise ValueError("required_alpn_protocol is not among alpn_protocols")
        if any(len(secret) < MIN_SECRET_LENGTH for secret in self.cookie_secrets):
            raise ValueError(f"a cookie secret has at least {MIN_SECRET_LENGTH} bytes")
        if self.max_transmissions < 1 or self.max_queued_datagrams < 1:
            raise ValueError("a limit below 1")
        if not 1 <= self.max_records_per_key <= 2**23 or not 2 <= self.max_forgeries_per_key <= MAX_FORGERIES:
            raise ValueError("a limit of a key's use that protects nothing")
        check_mtu(self.mtu)
        check_timeout(self.initial_timeout)
        if not self.initial_timeout <= self.max_timeout <= MAX_TIMEOUT:
            raise ValueError(f"max_timeout is from initial_timeout to {MAX_TIMEOUT:g} seconds")

    def _check_external_session(self) -> None:
        for binding_hash in (self.identity_hash or b"", self.remote_identity_hash):
            if len(binding_hash) not in (0, 32):
                raise ValueError("the hash of an identity assertion has 32 bytes")
        for session_id in (self.external_session_id, self.remote_external_session_id):
            if session_id is not None and not (session_id.isascii() and 20 <= len(session_id) <= 255):
                raise ValueError("a tls-id has 20 to 255 ASCII characters")

    def _check_protocol(self) -> None:
        for name, values, known in (
            ("versions", self.versions, (Version.DTLS_1_3, Version.DTLS_1_2)),
            ("cipher_suites", self.cipher_suites, (*CIPHER_SUITES_13, *CIPHER_SUITES)),
            ("groups", self.groups, GROUPS),
            ("key_share_groups", self.key_share_groups or (), self.groups),
            ("srtp_profiles", self.srtp_profiles, tuple(SrtpProfile)),
        ):
            if len(set(values)) != len(values) or not set(values) <= set(known):
                raise ValueError(f"{name} has an unknown or repeated value")
        if not self.spoken_versions:
            raise ValueError("without a version, a cipher suite and a group of it there is no handshake")
        # [rfc8449:4/7]
        if not MIN_RECORD_SIZE <= self.record_size_limit <= MAX_RECORD_SIZE:
            raise ValueError(f"record_size_limit is from {MIN_RECORD_SIZE} to {MAX_RECORD_SIZE} bytes")

    @property
    def spoken_versions(self) -> tuple[Version, ...]:
        """Those of ``versions`` that have a cipher suite and a group here, the newest first."""
        able = {
            Version.DTLS_1_3: self.cipher_suites_13 and self.groups,
            Version.DTLS_1_2: self.cipher_suites_12 and self.ecdhe_groups,
        }
        return tuple(version for version, means in able.items() if means and version in self.versions)

    @property
    def cipher_suites_12(self) -> tuple[int, ...]:
        """Those of ``cipher_suites`` that DTLS 1.2 has."""
        return tuple(suite for suite in self.cipher_suites if suite in CIPHER_SUITES)

    @property
    def cipher_suites_13(self) -> tuple[int, ...]:
        """Those of ``cipher_suites`` that DTLS 1.3 has."""
        return tuple(suite for suite in self.cipher_suites if suite in CIPHER_SUITES_13)

    @property
    def ecdhe_groups(self) -> tuple[int, ...]:
        """Those of ``groups`` that DTLS 1.2 has."""
        return tuple(group for group in self.groups if group in ECDHE_GROUPS)

    @property
    def offered_key_shares(self) -> tuple[int, ...]:
        """The groups whose shares a client of DTLS 1.3 sends at once."""
        if self.key_share_groups is not None:
            return self.key_share_groups
        return tuple(dict.fromkeys((self.groups[0], *self.ecdhe_groups[:1])))


def check_mtu(mtu: int) -> None:
    """Raise ValueError for an MTU that we cannot work with."""
    if not MIN_MTU <= mtu <= MAX_MTU:
        raise ValueError(f"an MTU of {mtu} is outside {MIN_MTU}..{MAX_MTU}")


def check_timeout(seconds: float) -> None:
    """Raise ValueError for an initial timeout that is none."""
    if not 0.0 < seconds <= MAX_TIMEOUT:
        raise ValueError(f"an initial timeout of {seconds} seconds is outside 0..{MAX_TIMEOUT:g}")
