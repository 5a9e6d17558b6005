"""DTLS 1.3 and 1.2 for WebRTC: a client and a server that compute, while their owner moves the bytes.

See :rfc:`9147`, :rfc:`8446`, :rfc:`6347`, :rfc:`5246`, :rfc:`5764` and :rfc:`8827`.
"""

from ._version import __version__
from .alert import AlertDescription
from .alpn import CONFIDENTIAL_WEBRTC, WEBRTC, WEBRTC_PROTOCOLS, is_confidential
from .certificate import Certificate, CertificateKind
from .cipher_suite import CipherSuiteId
from .config import DtlsConfig
from .connection import DtlsConnection
from .connection_id import peek_connection_id
from .errors import BufferFullError, DtlsError, ParseError, StateError
from .events import (
    ApplicationDataReceived,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    HandshakeCompleted,
    PeerCertificateReceived,
)
from .fingerprint import Fingerprint
from .group import GroupId
from .signature import SignatureScheme
from .srtp import SrtpKeyingMaterial, SrtpProfile
from .state import ConnectionState, Role
from .stats import DtlsStats
from .version import Version

__all__ = [
    "AlertDescription",
    "ApplicationDataReceived",
    "BufferFullError",
    "CONFIDENTIAL_WEBRTC",
    "Certificate",
    "CertificateKind",
    "CipherSuiteId",
    "ConnectionClosed",
    "ConnectionFailed",
    "ConnectionState",
    "DtlsConfig",
    "DtlsConnection",
    "DtlsError",
    "DtlsStats",
    "Event",
    "Fingerprint",
    "GroupId",
    "HandshakeCompleted",
    "ParseError",
    "PeerCertificateReceived",
    "Role",
    "SignatureScheme",
    "SrtpKeyingMaterial",
    "SrtpProfile",
    "StateError",
    "Version",
    "WEBRTC",
    "WEBRTC_PROTOCOLS",
    "__version__",
    "is_confidential",
    "peek_connection_id",
]
