"""What a server that speaks 1.3 puts into its random when it answers in 1.2, so that nobody between can bring that about.

See :rfc:`8446#section-4.1.3` and, for DTLS, :rfc:`9147#section-5.3`.
"""

from typing import Final

from .alert import AlertDescription
from .config import DtlsConfig
from .errors import ProtocolError
from .version import Version

# [rfc8446:4.1.3/3]
TO_1_2: Final = b"DOWNGRD\x01"
TO_1_0: Final = b"DOWNGRD\x00"


def mark_downgrade(config: DtlsConfig, random: bytes) -> bytes:
    """As a server of DTLS 1.2, say so in the random if we could do better."""
    # [rfc8446:4.1.3/3]
    return random[: -len(TO_1_2)] + TO_1_2 if Version.DTLS_1_3 in config.spoken_versions else random


def check_downgrade(config: DtlsConfig, random: bytes) -> None:
    """As a client that was answered in DTLS 1.2, refuse what somebody brought about.

    Raises:
        ProtocolError: Server and client both speak a newer version.
    """
    # [rfc8446:4.1.3/4] [rfc8446:4.1.3/5]
    marks = (TO_1_2, TO_1_0) if Version.DTLS_1_3 in config.spoken_versions else (TO_1_0,)
    if random.endswith(marks):
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            "both sides speak a newer version than the one that was negotiated",
            "RFC 8446 section 4.1.3",
        )
