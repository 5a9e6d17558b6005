"""Agreeing on extensions: what a server answers to a ClientHello, and what a client lets a server answer.

extended_master_secret    :rfc:`7627#section-5.1`, required unless the configuration says otherwise
renegotiation_info        :rfc:`5746#section-3.4`, always empty: there is no renegotiation
use_srtp                  :rfc:`5764#section-4.1`
ALPN                      :rfc:`7301#section-3.1`
ec_point_formats          :rfc:`8422#section-5.1.2`
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
    encode_protocol_names,
    parse_bytes_list,
    parse_protocol_names,
    parse_renegotiated_connection,
    require_empty,
)
from .srtp import encode_use_srtp, parse_use_srtp


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What came out of the extensions."""

    extended_master_secret: bool
    srtp_profile: int | None
    alpn_protocol: str | None


def answer_client_extensions(config: DtlsConfig, hello: ClientHello) -> tuple[Choices, Extensions]:
    """As a server, choose, and make the extensions of the ServerHello.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: Something required is missing or not allowed.
    """
    offered = hello.extensions
    if offered.find(ExtensionType.QUIC_TRANSPORT_PARAMETERS) is not None:
        raise ProtocolError(AlertDescription.UNSUPPORTED_EXTENSION, "this is not QUIC", "RFC 9001 section 8.2")
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
    profile = _choose_srtp_profile(config, offered)
    # [rfc5764:4.1.1/2] [rfc5764:4.1.1/5] [rfc5764:4.1.3/4]
    if profile is not None:
        answers.append((ExtensionType.USE_SRTP, encode_use_srtp((profile,))))
    protocol = _choose_protocol(config, offered)
    if protocol is not None:
        # [rfc7301:3.1/4] [rfc7301:3.1/5]
        answers.append((ExtensionType.ALPN, encode_protocol_names((protocol.encode(),))))
    choices = Choices(extended_master_secret=extended, srtp_profile=profile, alpn_protocol=protocol)
    return choices, Extensions(answers)


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
        srtp_profile=_accept_srtp_profile(config, answered),
        alpn_protocol=_accept_protocol(config, answered),
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


def _choose_srtp_profile(config: DtlsConfig, offered: Extensions) -> int | None:
    """Our first profile that the client has. An MKI of the client is not taken over: the answer's is empty."""
    data = offered.find(ExtensionType.USE_SRTP)
    profiles = parse_use_srtp(data)[0] if data is not None else ()
    for profile in config.srtp_profiles:
        # [rfc5764:4.1.1/3] [rfc5764:4.1.1/4]
        if profile in profiles:
            return profile
    # [rfc5764:4.1.1/6]
    if config.require_srtp:
        raise _no_srtp()
    return None


def _accept_srtp_profile(config: DtlsConfig, answered: Extensions) -> int | None:
    data = answered.find(ExtensionType.USE_SRTP)
    if data is None:
        if config.require_srtp:
            raise _no_srtp()
        return None
    profiles, mki = parse_use_srtp(data)
    # [rfc5764:4.1.1/7]
    if len(profiles) != 1 or profiles[0] not in config.srtp_profiles:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            "the server chose no or several SRTP profiles, or one that was not offered",
            "RFC 5764 section 4.1.1",
        )
    # [rfc5764:4.1.3/5] [rfc5764:4.1.3/6]
    if mki:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            "the server has an SRTP MKI, which was not offered",
            "RFC 5764 section 4.1.3",
        )
    return profiles[0]


def _no_srtp() -> ProtocolError:
    return ProtocolError(AlertDescription.HANDSHAKE_FAILURE, "no SRTP profile in common", "RFC 5764 section 4.1.1")


def _choose_protocol(config: DtlsConfig, offered: Extensions) -> str | None:
    data = offered.find(ExtensionType.ALPN)
    if data is None:
        return _check_required_protocol(config, None)
    names = parse_protocol_names(data)
    if not config.alpn_protocols:
        return None
    wanted = config.alpn_protocols if config.required_alpn_protocol is None else (config.required_alpn_protocol,)
    for protocol in wanted:
        # [rfc7301:3.2/1]
        if protocol.encode() in names:
            return protocol
    raise ProtocolError(
        # [rfc7301:3.2/2]
        AlertDescription.NO_APPLICATION_PROTOCOL,
        "no application protocol in common",
        "RFC 7301 section 3.2",
    )


def _accept_protocol(config: DtlsConfig, answered: Extensions) -> str | None:
    data = answered.find(ExtensionType.ALPN)
    if data is None:
        return _check_required_protocol(config, None)
    names = parse_protocol_names(data)
    for protocol in config.alpn_protocols:
        # [rfc7301:3.1/6] [rfc7301:3.2/3]
        if names == (protocol.encode(),):
            return _check_required_protocol(config, protocol)
    raise ProtocolError(
        AlertDescription.ILLEGAL_PARAMETER,
        "the server chose several application protocols, or one that was not offered",
        "RFC 7301 section 3.1",
    )


def _check_required_protocol(config: DtlsConfig, protocol: str | None) -> str | None:
    # [rfc8833:2/3]
    if config.required_alpn_protocol is not None and protocol != config.required_alpn_protocol:
        raise ProtocolError(
            AlertDescription.NO_APPLICATION_PROTOCOL,
            f"the peer does not speak {config.required_alpn_protocol}",
            "RFC 8833 section 2",
        )
    return protocol
