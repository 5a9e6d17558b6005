"""Hello extensions: the list as it is on the wire, and the codecs of those we speak.

    struct { uint16 type; opaque data<0..2^16-1>; } Extension;     Extension extensions<0..2^16-1>;

See :rfc:`5246#section-7.4.1.4`. What is inside is defined elsewhere: :rfc:`8422#section-5.1` (groups, point formats),
:rfc:`5246#section-7.4.1.4.1` (signature algorithms), :rfc:`7301` (ALPN), :rfc:`7627` (extended master secret),
:rfc:`5746` (renegotiation), :rfc:`8446#section-4.2.1` (versions). use_srtp is in `srtp.py`.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Self

from .alert import AlertDescription
from .errors import ParseError
from .presentation import Reader, numbers, vector, vectors


class ExtensionType(IntEnum):
    """The extensions we know by name."""

    SERVER_NAME = 0
    MAX_FRAGMENT_LENGTH = 1
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    USE_SRTP = 14
    HEARTBEAT = 15
    ALPN = 16
    SIGNED_CERTIFICATE_TIMESTAMP = 18
    CLIENT_CERTIFICATE_TYPE = 19
    SERVER_CERTIFICATE_TYPE = 20
    PADDING = 21
    EXTENDED_MASTER_SECRET = 23
    RECORD_SIZE_LIMIT = 28
    PRE_SHARED_KEY = 41
    EARLY_DATA = 42
    SUPPORTED_VERSIONS = 43
    COOKIE = 44
    PSK_KEY_EXCHANGE_MODES = 45
    CERTIFICATE_AUTHORITIES = 47
    OID_FILTERS = 48
    POST_HANDSHAKE_AUTH = 49
    SIGNATURE_ALGORITHMS_CERT = 50
    KEY_SHARE = 51
    CONNECTION_ID = 54
    EXTERNAL_ID_HASH = 55
    EXTERNAL_SESSION_ID = 56
    QUIC_TRANSPORT_PARAMETERS = 57
    RENEGOTIATION_INFO = 0xFF01


class Extensions:
    """The extensions of one hello, in the order they were sent in."""

    __slots__ = ("items",)

    def __init__(self, items: Iterable[tuple[int, bytes]] = ()) -> None:
        self.items = tuple(items)

    @classmethod
    def parse(cls, reader: Reader) -> Self:
        """Parse what is left of a hello. No extensions at all is a hello of old and fine.

        Raises:
            ParseError: A length is wrong, or an extension comes twice.
        """
        # [rfc5246:7.4.1.2/12]
        return cls.parse_required(reader) if reader.left else cls()

    @classmethod
    def parse_required(cls, reader: Reader) -> Self:
        """Parse what is left of a message of DTLS 1.3, in which the list may be empty, but not absent.

        Raises:
            ParseError: A length is wrong, or an extension comes twice.
        """
        inner = Reader(reader.vector(2), "extensions")
        reader.finish()
        items: dict[int, bytes] = {}
        while inner.left:
            extension_type = inner.number(2)
            # [rfc5246:7.4.1.4/4] [rfc8446:4.2/3]
            if extension_type in items:
                raise ParseError(f"extension {extension_type} comes twice", AlertDescription.ILLEGAL_PARAMETER)
            items[extension_type] = inner.vector(2)
        return cls(items.items())

    def find(self, extension_type: int) -> bytes | None:
        """Return the content of an extension, or None if it was not sent."""
        for candidate, data in self.items:
            if candidate == extension_type:
                return data
        return None

    def __bytes__(self) -> bytes:
        return self.encode() if self.items else b""

    def encode(self) -> bytes:
        """Encode the list, an empty one as well."""
        return vector(2, b"".join(kind.to_bytes(2, "big") + vector(2, data) for kind, data in self.items))


def parse_code_points(data: bytes, what: str) -> tuple[int, ...]:
    """Parse ``uint16 list<2..2^16-1>``: supported_groups and signature_algorithms."""
    reader = Reader(data, what)
    values = reader.numbers(2, 2)
    reader.finish()
    return values


def encode_code_points(values: Iterable[int]) -> bytes:
    """Encode supported_groups or signature_algorithms."""
    return numbers(2, 2, values)


def parse_bytes_list(data: bytes, what: str) -> tuple[int, ...]:
    """Parse ``uint8 list<1..2^8-1>``: ec_point_formats."""
    reader = Reader(data, what)
    values = reader.numbers(1, 1)
    reader.finish()
    return values


def parse_supported_versions(data: bytes) -> tuple[int, ...]:
    """Parse the ClientHello's ``uint16 versions<2..254>``."""
    reader = Reader(data, "supported_versions")
    values = reader.numbers(1, 2)
    reader.finish()
    return values


def encode_supported_versions(versions: Iterable[int]) -> bytes:
    """Encode the ClientHello's list."""
    return numbers(1, 2, versions)


def parse_protocol_names(data: bytes) -> tuple[bytes, ...]:
    """Parse the names of ALPN."""
    reader = Reader(data, "application_layer_protocol_negotiation")
    # [rfc7301:3.1/2] [rfc7301:3.1/3]
    names = reader.vectors(2, 1, item_floor=1)
    reader.finish()
    if not names:
        raise ParseError("application_layer_protocol_negotiation: no name")
    return names


def encode_protocol_names(names: Iterable[bytes]) -> bytes:
    """Encode the names of ALPN."""
    return vectors(2, 1, names)


def parse_renegotiated_connection(data: bytes) -> bytes:
    """Parse renegotiation_info; what is inside is empty in an initial handshake."""
    reader = Reader(data, "renegotiation_info")
    # [rfc5746:3.2/1]
    value = reader.vector(1)
    reader.finish()
    return value


def require_empty(data: bytes, what: str) -> None:
    """Refuse content in an extension that is only a flag."""
    Reader(data, what).finish()


# [rfc8422:5.1.2/5] [rfc8422:5.2/2]
UNCOMPRESSED_POINT: bytes = b"\x01\x00"
"""ec_point_formats with its only living value."""

NO_RENEGOTIATED_CONNECTION: bytes = b"\x00"
"""renegotiation_info of an initial handshake."""
