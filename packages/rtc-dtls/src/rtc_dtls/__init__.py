"""DTLS 1.3 and 1.2 for WebRTC: a client and a server that compute, while their owner moves the bytes.

See :rfc:`9147`, :rfc:`8446`, :rfc:`6347`, :rfc:`5246`, :rfc:`5764` and :rfc:`8827`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_dtls._version import __version__

if TYPE_CHECKING:
    from rtc_dtls.alert import AlertDescription
    from rtc_dtls.alpn import CONFIDENTIAL_WEBRTC, WEBRTC, WEBRTC_PROTOCOLS, is_confidential
    from rtc_dtls.certificate import Certificate, CertificateKind
    from rtc_dtls.cipher_suite import CipherSuiteId
    from rtc_dtls.config import DtlsConfig
    from rtc_dtls.connection import DtlsConnection
    from rtc_dtls.connection_id import peek_connection_id
    from rtc_dtls.errors import BufferFullError, DtlsError, ParseError, StateError
    from rtc_dtls.events import (
        ApplicationDataReceived,
        ConnectionClosed,
        ConnectionFailed,
        Event,
        HandshakeCompleted,
        PeerCertificateReceived,
    )
    from rtc_dtls.fingerprint import Fingerprint
    from rtc_dtls.group import GroupId
    from rtc_dtls.signature import SignatureScheme
    from rtc_dtls.srtp import SrtpKeyingMaterial, SrtpProfile
    from rtc_dtls.state import ConnectionState, Role
    from rtc_dtls.stats import DtlsStats
    from rtc_dtls.version import Version

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

_DEFINED_IN: Final = {
    "alert": "AlertDescription",
    "alpn": "CONFIDENTIAL_WEBRTC WEBRTC WEBRTC_PROTOCOLS is_confidential",
    "certificate": "Certificate CertificateKind",
    "cipher_suite": "CipherSuiteId",
    "config": "DtlsConfig",
    "connection": "DtlsConnection",
    "connection_id": "peek_connection_id",
    "errors": "BufferFullError DtlsError ParseError StateError",
    "events": (
        "ApplicationDataReceived ConnectionClosed ConnectionFailed Event HandshakeCompleted PeerCertificateReceived"
    ),
    "fingerprint": "Fingerprint",
    "group": "GroupId",
    "signature": "SignatureScheme",
    "srtp": "SrtpKeyingMaterial SrtpProfile",
    "state": "ConnectionState Role",
    "stats": "DtlsStats",
    "version": "Version",
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
