"""The errors of the W3C API: exceptions whose `name` is the DOMException name, and `RTCError`.

See WebRTC 1.0, section 11 "Error Handling", and the names table of Web IDL.
"""

from typing import ClassVar, Literal, TypeAlias

RTCErrorDetailType: TypeAlias = Literal[
    "data-channel-failure",
    "dtls-failure",
    "fingerprint-failure",
    "sctp-failure",
    "sdp-syntax-error",
    "hardware-encoder-not-available",
    "hardware-encoder-error",
]


class DOMException(Exception):  # noqa: N818 - the name the Web platform gave it
    """Root of the errors that the W3C API raises.

    Attributes:
        name: The DOMException name, the same as the class's.
        message: A sentence for people.
    """

    name: ClassVar[str] = "Error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class InvalidAccessError(DOMException):
    """The object does not support the operation or argument, such as an SDP without a fingerprint."""

    name = "InvalidAccessError"


class InvalidModificationError(DOMException):
    """The object cannot be changed in this way, such as another bundle policy in mid-session."""

    name = "InvalidModificationError"


class InvalidStateError(DOMException):
    """The object is in the wrong state, such as a closed connection."""

    name = "InvalidStateError"


class NetworkError(DOMException):
    """The network failed, such as a send buffer that overflowed for good."""

    name = "NetworkError"


class NotSupportedError(DOMException):
    """The operation or algorithm is not supported."""

    name = "NotSupportedError"


class OperationError(DOMException):
    """The operation failed for a reason of its own; the message tells which."""

    name = "OperationError"


class SyntaxError(DOMException):  # noqa: A001 - the name the Web platform gave it
    """A text, such as a STUN URI, is malformed."""

    name = "SyntaxError"


class RTCError(OperationError):
    """An error with details of the protocol that failed (WebRTC 1.0, section 11.2).

    Attributes:
        errorDetail: The kind of failure.
        sdpLineNumber: For "sdp-syntax-error", the line, counted from 1.
        sctpCauseCode: For "sctp-failure", the cause code of the SCTP abort.
        receivedAlert: For "dtls-failure", the alert that came from the peer, 0 to 255.
        sentAlert: For "dtls-failure", the alert that we sent, 0 to 255.
    """

    name = "OperationError"

    def __init__(
        self,
        errorDetail: RTCErrorDetailType,
        message: str = "",
        *,
        sdpLineNumber: int | None = None,
        sctpCauseCode: int | None = None,
        receivedAlert: int | None = None,
        sentAlert: int | None = None,
    ) -> None:
        super().__init__(message)
        self.errorDetail = errorDetail
        self.sdpLineNumber = sdpLineNumber
        self.sctpCauseCode = sctpCauseCode
        self.receivedAlert = receivedAlert
        self.sentAlert = sentAlert


class MediaStreamError(InvalidStateError):
    """The track has ended: there is nothing more to receive."""


class InvalidCharacterError(DOMException):
    """A text has a character that it must not have, such as a tone that no telephone has."""

    name = "InvalidCharacterError"
