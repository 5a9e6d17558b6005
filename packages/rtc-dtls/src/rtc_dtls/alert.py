"""The alert protocol. See :rfc:`5246#section-7.2`; the code points are IANA's "TLS Alerts".

 0       1       2
+-------+-------+
| level | descr |     one alert, one record
+-------+-------+
"""

from enum import IntEnum
from typing import Self

from .errors import ParseError


class AlertLevel(IntEnum):
    """How grave the sender thinks it is."""

    WARNING = 1
    FATAL = 2


# [rfc5246:7.2.2/8] [rfc5246:7.2.2/9] [rfc5246:7.2.2/10]
class AlertDescription(IntEnum):
    """The alerts we know. Any other number is data, not an error."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    TOO_MANY_CIDS_REQUESTED = 52
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    UNRECOGNIZED_NAME = 112
    CERTIFICATE_REQUIRED = 116
    NO_APPLICATION_PROTOCOL = 120


class Alert:
    """One alert as it is on the wire."""

    __slots__ = ("description", "level")

    def __init__(self, level: int, description: int) -> None:
        self.level = level
        self.description = description

    @classmethod
    def parse(cls, data: bytes, *, any_level: bool = False) -> Self:
        """Parse the fragment of one alert record.

        Args:
            data: The fragment.
            any_level: Take any level, as it says nothing in DTLS 1.3.

        Raises:
            ParseError: The record does not hold exactly one alert, or the level is unknown.
        """
        if len(data) != 2:
            raise ParseError(f"an alert is 2 bytes, got {len(data)}")
        if not any_level and data[0] not in (AlertLevel.WARNING, AlertLevel.FATAL):
            raise ParseError(f"alert level {data[0]} does not exist", AlertDescription.ILLEGAL_PARAMETER)
        return cls(data[0], data[1])

    def __bytes__(self) -> bytes:
        return bytes((self.level, self.description))


def alert_name(description: int) -> str:
    """Name an alert the way the RFCs do, such as ``bad_certificate``."""
    try:
        return AlertDescription(description).name.lower()
    except ValueError:
        return f"alert_{description}"
