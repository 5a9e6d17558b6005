"""SRTP and SRTCP: protect and unprotect packets (RFC 3711, 7714)."""

from ._version import __version__
from .config import SrtpConfig
from .dtls_srtp import EXPORTER_LABEL, dtls_srtp_pair, keying_material_length
from .errors import (
    AuthenticationError,
    KeyExhaustedError,
    KeyExpiredError,
    PacketReuseError,
    ParseError,
    ReplayError,
    SourceLimitError,
    SrtpError,
    StateError,
    UnencryptableError,
    UnencryptedError,
    UnknownKeyError,
    UnprotectError,
)
from .master_key import MasterKey
from .profile import ProtectionProfile
from .receiver import SrtpReceiver
from .sender import SrtpSender

__all__ = [
    "AuthenticationError",
    "EXPORTER_LABEL",
    "KeyExhaustedError",
    "KeyExpiredError",
    "MasterKey",
    "PacketReuseError",
    "ParseError",
    "ProtectionProfile",
    "ReplayError",
    "SourceLimitError",
    "SrtpConfig",
    "SrtpError",
    "SrtpReceiver",
    "SrtpSender",
    "StateError",
    "UnencryptableError",
    "UnencryptedError",
    "UnknownKeyError",
    "UnprotectError",
    "__version__",
    "dtls_srtp_pair",
    "keying_material_length",
]
