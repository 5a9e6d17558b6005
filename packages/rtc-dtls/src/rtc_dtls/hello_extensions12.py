"""Agreeing on extensions in DTLS 1.2: what a server answers to a ClientHello, and what a client lets a server answer.

extended_master_secret    :rfc:`7627#section-5.1`, required unless the configuration says otherwise
renegotiation_info        :rfc:`5746#section-3.4`, always empty: there is no renegotiation
ec_point_formats          :rfc:`8422#section-5.1.2`

use_srtp and those that 1.3 has as well are in `shared_extensions.py`.
"""

from .alert import AlertDescription
from .cipher_suite import CipherSuiteId
from .client_hello import ClientHello
from .config import DtlsConfig
from .dataclass import dataclass
from .errors import ProtocolError
from .extensions import (
    NO_RENEGOTIATED_CONNECTION,
    UNCOMPRESSED_POINT,
    Extensions,
    ExtensionType,
    parse_bytes_list,
    parse_renegotiated_connection,
    require_empty,
)
from .shared_extensions import SharedChoices, accept_shared_extensions, answer_shared_extensions
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What came out of the extensions."""

    extended_master_secret: bool
    shared: SharedChoices


def answer_client_extensions(config: DtlsConfig, hello: ClientHello) -> tuple[Choices, Extensions]:
    """As a server, choose, and make the extensions of the ServerHello.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: Something required is missing or not allowed.
    """
    offered = hello.extensions
    # [rfc5246:7.4.1.4/1] [rfc5246:7.4.1.4.1/6] [rfc5746:3.6/5] [rfc5746:3.6/7]
    answers: list[tuple[int, bytes]] = []
    extended = _has_extended_master_secret(config, offered)
    # [rfc7627:5.2/2] [rfc7627:5.2/4]
    if extended:
        answers.append((ExtensionType.EXTENDED_MASTER_SECRET, b""))
    # [rfc5746:3.6/1] [rfc5746:3.6/2] [rfc5746:3.6/4] [rfc5746:4.3/1]
    if _check_renegotiation(offered) or CipherSuiteId.EMPTY_RENEGOTIATION_INFO_SCSV in hello.cipher_suites:
        answers.append((ExtensionType.RENEGOTIATION_INFO, NO_RENEGOTIATED_CONNECTION))
    if _check_point_formats(offered):
        answers.append((ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINT))
    shared, more = answer_shared_extensions(config, offered, Version.DTLS_1_2)
    return Choices(extended_master_secret=extended, shared=shared), Extensions(answers + more)


def check_server_extensions(config: DtlsConfig, offered: Extensions, answered: Extensions) -> Choices:
    """As a client, read the server's answers.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: The server answered what was not asked, or not as it may.
    """
    # [rfc5246:7.4.1.4/2] [rfc5246:7.4.1.4/3]
    for extension_type, _ in answered.items:
        if offered.find(extension_type) is None:
            raise ProtocolError(
                AlertDescription.UNSUPPORTED_EXTENSION,
                f"the server answered extension {extension_type}, which was not offered",
                "RFC 5246 section 7.4.1.4",
            )
    # [rfc5746:3.4/3]
    _check_renegotiation(answered)
    # [rfc8422:5.2/3]
    _check_point_formats(answered)
    return Choices(
        extended_master_secret=_has_extended_master_secret(config, answered),
        shared=accept_shared_extensions(config, answered),
    )


def _has_extended_master_secret(config: DtlsConfig, extensions: Extensions) -> bool:
    data = extensions.find(ExtensionType.EXTENDED_MASTER_SECRET)
    if data is not None:
        # [rfc7627:5.1/2]
        require_empty(data, "extended_master_secret")
        return True
    # [rfc7627:4/2] [rfc7627:5.2/3] [rfc7627:5.2/5] [rfc5246:7.4.1.2/11]
    if config.require_extended_master_secret:
        raise ProtocolError(
            AlertDescription.HANDSHAKE_FAILURE,
            "the peer does not have the extended master secret",
            "RFC 7627 section 5.2",
        )
    return False


def _check_renegotiation(extensions: Extensions) -> bool:
    """Whether renegotiation_info is there, which then has to be that of an initial handshake."""
    data = extensions.find(ExtensionType.RENEGOTIATION_INFO)
    if data is None:
        return False
    # [rfc5746:3.4/4] [rfc5746:3.6/3]
    if parse_renegotiated_connection(data):
        raise ProtocolError(
            AlertDescription.HANDSHAKE_FAILURE,
            "renegotiation_info of a connection that does not exist",
            "RFC 5746 section 3.4",
        )
    return True


def _check_point_formats(extensions: Extensions) -> bool:
    data = extensions.find(ExtensionType.EC_POINT_FORMATS)
    if data is None:
        return False
    # [rfc8422:5.1.2/1] [rfc8422:5.1.2/2] [rfc8422:5.1.2/4]
    if 0 not in parse_bytes_list(data, "ec_point_formats"):
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            "the peer does not take uncompressed points",
            "RFC 8422 section 5.1.2",
        )
    return True
