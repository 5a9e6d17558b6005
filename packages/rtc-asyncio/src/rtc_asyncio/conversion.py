"""Between the W3C's words and those of `rtc_peer`: configurations and errors."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rtc_peer import (
    MAX_ICE_SERVERS,
    BundlePolicy,
    Configuration,
    DescriptionSyntaxError,
    IceServer,
    IceTransportPolicy,
    PeerError,
    RtcpMuxPolicy,
    RtpHeaderEncryptionPolicy,
    SessionDescription,
)

from .certificate import RTCCertificate
from .dictionaries import RTCConfiguration, RTCIceServer, converted
from .errors import (
    DOMException,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    NotSupportedError,
    OperationError,
    RTCError,
    SyntaxError,
)
from .session_description import RTCSessionDescription

_EXCEPTIONS: Final[dict[str, type[DOMException]]] = {
    kind.name: kind
    for kind in (
        InvalidAccessError,
        InvalidModificationError,
        InvalidStateError,
        NotSupportedError,
        OperationError,
        SyntaxError,
    )
}


@contextlib.contextmanager
def w3c_errors() -> Iterator[None]:
    """Turn what `rtc_peer` raises into the exception that the W3C names for it."""
    try:
        yield
    except DescriptionSyntaxError as error:
        raise RTCError("sdp-syntax-error", str(error), sdpLineNumber=error.line_number) from error
    except PeerError as error:
        if error.dom_name == "TypeError":
            raise TypeError(str(error)) from error
        raise _EXCEPTIONS[error.dom_name](str(error)) from error


def to_configuration(configuration: RTCConfiguration) -> Configuration:
    """Make the configuration of the machine.

    Raises:
        TypeError: A value is not one of its enumeration.
        SyntaxError: A server's URI is malformed.
        InvalidAccessError: A TURN server lacks credentials.
    """
    try:
        transport_policy = IceTransportPolicy(configuration.iceTransportPolicy)
        bundle_policy = BundlePolicy(configuration.bundlePolicy)
        rtcp_mux_policy = RtcpMuxPolicy(configuration.rtcpMuxPolicy)
        header_encryption = RtpHeaderEncryptionPolicy(configuration.rtpHeaderEncryptionPolicy)
    except ValueError as error:
        raise TypeError(str(error)) from None
    servers = [converted(RTCIceServer, server) for server in configuration.iceServers]
    with w3c_errors():
        return Configuration(
            ice_servers=tuple(_server(server) for server in servers[:MAX_ICE_SERVERS]),
            ice_transport_policy=transport_policy,
            bundle_policy=bundle_policy,
            rtcp_mux_policy=rtcp_mux_policy,
            rtp_header_encryption_policy=header_encryption,
            certificates=tuple(_certificate(each).machine_certificate for each in configuration.certificates),
            ice_candidate_pool_size=configuration.iceCandidatePoolSize,
        )


def described(description: SessionDescription | None) -> RTCSessionDescription | None:
    """Return a description of the machine as the W3C shows it."""
    if description is None:
        return None
    return RTCSessionDescription(sdp=description.sdp, type=description.type.value)


def as_description(given: RTCSessionDescription | Mapping[str, object]) -> RTCSessionDescription:
    """Take a description in either form.

    Raises:
        TypeError: It is neither, or a member has a wrong value.
    """
    if isinstance(given, RTCSessionDescription):
        return given
    if not isinstance(given, Mapping):
        raise TypeError(f"expected an RTCSessionDescription or a dict, got {type(given).__name__}")
    return RTCSessionDescription(given)


def usv_string(text: object) -> str:
    """Return a text that has a form in UTF-8, as Web IDL makes one: surrogates without their other half are replaced.

    Raises:
        TypeError: It is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a text, got {type(text).__name__}")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _server(server: RTCIceServer) -> IceServer:
    urls: Sequence[str] = (server.urls,) if isinstance(server.urls, str) else server.urls
    for text in (*urls, server.username or "", server.credential or ""):
        if not isinstance(text, str):
            raise TypeError(f"the members of an RTCIceServer are texts, not {type(text).__name__}")
    return IceServer(urls=tuple(urls), username=server.username, credential=server.credential)


def _certificate(given: object) -> RTCCertificate:
    if not isinstance(given, RTCCertificate):
        raise TypeError(f"expected an RTCCertificate, got {type(given).__name__}")
    return given
