"""Extensions in the messages of DTLS 1.3: which may be where, and the codecs of those that only this version has.

    supported_versions    in a ServerHello the one chosen (2)
    cookie                opaque cookie<1..2^16-1>

key_share is in `key_share.py`. See :rfc:`8446#section-4.2`.
"""

from typing import Final, Literal

from .alert import AlertDescription
from .errors import ProtocolError
from .extensions import Extensions, ExtensionType
from .presentation import Reader, vector

Place = Literal["server_hello", "hello_retry_request", "encrypted_extensions", "certificate_request", "certificate"]
"""The messages other than a ClientHello that carry extensions."""

# [rfc8446:4.2/2]
PLACES: Final[dict[int, tuple[Place, ...]]] = {
    ExtensionType.SERVER_NAME: ("encrypted_extensions",),
    ExtensionType.MAX_FRAGMENT_LENGTH: ("encrypted_extensions",),
    ExtensionType.STATUS_REQUEST: ("certificate_request", "certificate"),
    ExtensionType.SUPPORTED_GROUPS: ("encrypted_extensions",),
    ExtensionType.EC_POINT_FORMATS: (),
    ExtensionType.SIGNATURE_ALGORITHMS: ("certificate_request",),
    ExtensionType.USE_SRTP: ("encrypted_extensions",),
    ExtensionType.HEARTBEAT: ("encrypted_extensions",),
    ExtensionType.ALPN: ("encrypted_extensions",),
    ExtensionType.SIGNED_CERTIFICATE_TIMESTAMP: ("certificate_request", "certificate"),
    ExtensionType.CLIENT_CERTIFICATE_TYPE: ("encrypted_extensions",),
    ExtensionType.SERVER_CERTIFICATE_TYPE: ("encrypted_extensions",),
    ExtensionType.PADDING: (),
    ExtensionType.EXTENDED_MASTER_SECRET: (),
    ExtensionType.RECORD_SIZE_LIMIT: ("encrypted_extensions",),
    ExtensionType.PRE_SHARED_KEY: ("server_hello",),
    ExtensionType.EARLY_DATA: ("encrypted_extensions",),
    ExtensionType.SUPPORTED_VERSIONS: ("server_hello", "hello_retry_request"),
    ExtensionType.COOKIE: ("hello_retry_request",),
    ExtensionType.PSK_KEY_EXCHANGE_MODES: (),
    ExtensionType.CERTIFICATE_AUTHORITIES: ("certificate_request",),
    ExtensionType.OID_FILTERS: ("certificate_request",),
    ExtensionType.POST_HANDSHAKE_AUTH: (),
    ExtensionType.SIGNATURE_ALGORITHMS_CERT: ("certificate_request",),
    ExtensionType.KEY_SHARE: ("server_hello", "hello_retry_request"),
    ExtensionType.CONNECTION_ID: ("server_hello",),
    ExtensionType.EXTERNAL_ID_HASH: ("encrypted_extensions",),
    ExtensionType.EXTERNAL_SESSION_ID: ("encrypted_extensions",),
    ExtensionType.QUIC_TRANSPORT_PARAMETERS: (),
    ExtensionType.RENEGOTIATION_INFO: (),
}


def check_places(extensions: Extensions, place: Place) -> None:
    """Refuse what we know and what has no place in this message.

    Raises:
        ProtocolError: There is such an extension.
    """
    for extension_type, _ in extensions.items:
        if place not in PLACES.get(extension_type, (place,)):
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                f"extension {extension_type} has no place in {place}",
                "RFC 8446 section 4.2",
            )


def check_answers(extensions: Extensions, place: Place, offered: Extensions) -> None:
    """Refuse what has no place in this message, and answers to what was not asked.

    Raises:
        ProtocolError: There is such an extension.
    """
    check_places(extensions, place)
    for extension_type, _ in extensions.items:
        # A cookie is the one thing that a server says unasked. [rfc8446:4.2/1] [rfc8449:5/2]
        if offered.find(extension_type) is None and extension_type != ExtensionType.COOKIE:
            raise ProtocolError(
                AlertDescription.UNSUPPORTED_EXTENSION,
                f"extension {extension_type} in {place} was not asked for",
                "RFC 8446 section 4.2",
            )


def parse_selected_version(data: bytes) -> int:
    """Parse supported_versions of a ServerHello."""
    reader = Reader(data, "supported_versions")
    version = reader.number(2)
    reader.finish()
    return version


def parse_cookie(data: bytes) -> bytes:
    """Parse a cookie."""
    reader = Reader(data, "cookie")
    cookie = reader.vector(2, 1)
    reader.finish()
    return cookie


def encode_cookie(cookie: bytes) -> bytes:
    """Encode a cookie."""
    return vector(2, cookie)
