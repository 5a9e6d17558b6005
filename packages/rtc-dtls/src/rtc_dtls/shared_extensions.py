"""What both versions agree on by extensions: offering, answering, accepting the answers.

use_srtp                 :rfc:`5764#section-4.1`
ALPN                     :rfc:`7301#section-3.1`
record_size_limit        :rfc:`8449`
external_id_hash, external_session_id    :rfc:`8844`, in `external_session.py`

DTLS 1.2 answers in the ServerHello, 1.3 in EncryptedExtensions.
"""

from .alert import AlertDescription
from .config import MIN_RECORD_SIZE, DtlsConfig
from .dataclass import dataclass
from .errors import ProtocolError
from .extensions import Extensions, ExtensionType, encode_protocol_names, parse_protocol_names
from .external_session import answer_external_session, check_external_session, offer_external_session
from .presentation import Reader
from .record import MAX_PLAINTEXT_LENGTH
from .srtp import encode_use_srtp, parse_use_srtp
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedChoices:
    """What came out."""

    srtp_profile: int | None
    alpn_protocol: str | None
    record_size_limit: int | None
    """The longest record the peer takes, as it counts; None if it did not say."""


def offer_shared_extensions(config: DtlsConfig) -> list[tuple[int, bytes]]:
    """As a client, ask."""
    items: list[tuple[int, bytes]] = []
    if config.srtp_profiles:
        # [rfc5764:4.1.1/1] [rfc5764:4.1/1]
        items.append((ExtensionType.USE_SRTP, encode_use_srtp(config.srtp_profiles)))
    if config.alpn_protocols:
        names = (name.encode() for name in config.alpn_protocols)
        # [rfc7301:3.1/1]
        items.append((ExtensionType.ALPN, encode_protocol_names(names)))
    items += offer_external_session(config)
    # [rfc8449:4/8]
    items.append(_record_size_limit(config, is_13_possible=Version.DTLS_1_3 in config.spoken_versions))
    return items


def answer_shared_extensions(
    config: DtlsConfig, offered: Extensions, version: Version
) -> tuple[SharedChoices, list[tuple[int, bytes]]]:
    """As a server, choose and answer.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: Something required is missing or not allowed.
    """
    if offered.find(ExtensionType.QUIC_TRANSPORT_PARAMETERS) is not None:
        raise ProtocolError(AlertDescription.UNSUPPORTED_EXTENSION, "this is not QUIC", "RFC 9001 section 8.2")
    answers: list[tuple[int, bytes]] = []
    profile = _choose_srtp_profile(config, offered)
    # [rfc5764:4.1.1/2] [rfc5764:4.1.1/5] [rfc5764:4.1.3/4]
    if profile is not None:
        answers.append((ExtensionType.USE_SRTP, encode_use_srtp((profile,))))
    protocol = _choose_protocol(config, offered)
    if protocol is not None:
        # [rfc7301:3.1/4] [rfc7301:3.1/5]
        answers.append((ExtensionType.ALPN, encode_protocol_names((protocol.encode(),))))
    answers += answer_external_session(config, offered)
    # max_fragment_length is not ours. [rfc8449:5/1]
    limit = _find_record_size_limit(offered)
    if limit is not None:
        answers.append(_record_size_limit(config, is_13_possible=version == Version.DTLS_1_3))
    return SharedChoices(srtp_profile=profile, alpn_protocol=protocol, record_size_limit=limit), answers


def accept_shared_extensions(config: DtlsConfig, answered: Extensions) -> SharedChoices:
    """As a client, read the answers.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: The server chose what was not offered.
    """
    check_external_session(config, answered)
    return SharedChoices(
        srtp_profile=_accept_srtp_profile(config, answered),
        alpn_protocol=_accept_protocol(config, answered),
        record_size_limit=_find_record_size_limit(answered),
    )


def _record_size_limit(config: DtlsConfig, *, is_13_possible: bool) -> tuple[int, bytes]:
    """Make the extension. See :rfc:`8449#section-4`."""
    # [rfc8449:4/2] [rfc8449:4/4]
    limit = min(config.record_size_limit, MAX_PLAINTEXT_LENGTH + is_13_possible)
    return ExtensionType.RECORD_SIZE_LIMIT, limit.to_bytes(2, "big")


def _find_record_size_limit(extensions: Extensions) -> int | None:
    data = extensions.find(ExtensionType.RECORD_SIZE_LIMIT)
    if data is None:
        return None
    reader = Reader(data, "record_size_limit")
    limit = reader.number(2)
    reader.finish()
    # However large it is. [rfc8449:4/3] [rfc8449:4/6]
    if limit < MIN_RECORD_SIZE:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER, f"a record size limit of {limit} bytes", "RFC 8449 section 4"
        )
    return limit


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
