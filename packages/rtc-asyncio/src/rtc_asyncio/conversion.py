"""Between the W3C's words and those of `rtc_peer`: configurations and errors."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rtc_peer import (
    BundlePolicy,
    Configuration,
    DescriptionSyntaxError,
    IceServer,
    IceTransportPolicy,
    PeerError,
    RtcpMuxPolicy,
)

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
    except ValueError as error:
        raise TypeError(str(error)) from None
    with w3c_errors():
        return Configuration(
            ice_servers=tuple(_server(server) for server in configuration.iceServers),
            ice_transport_policy=transport_policy,
            bundle_policy=bundle_policy,
            rtcp_mux_policy=rtcp_mux_policy,
            certificates=tuple(certificate.machine_certificate for certificate in configuration.certificates),
            ice_candidate_pool_size=configuration.iceCandidatePoolSize,
        )


def _server(server: RTCIceServer | Mapping[str, object]) -> IceServer:
    wanted = converted(RTCIceServer, server)
    urls: Sequence[str] = (wanted.urls,) if isinstance(wanted.urls, str) else wanted.urls
    return IceServer(urls=tuple(urls), username=wanted.username, credential=wanted.credential)
