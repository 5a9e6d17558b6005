"""What the peer connection raises, sorted by whose fault it is.

Each class carries the name that the W3C specification gives to the same failure, so that a face with W3C names needs
no table of its own: ``RTCError`` for malformed SDP, else the name of a ``DOMException``, or ``TypeError``.
"""

from __future__ import annotations

from typing import ClassVar


class PeerError(Exception):
    """Root of everything that this package raises."""

    dom_name: ClassVar[str] = "OperationError"
    """Name of the matching W3C exception."""


class StateError(PeerError):
    """The application called something that the present state does not allow."""

    dom_name = "InvalidStateError"


class ArgumentError(PeerError, ValueError):
    """The application passed a value outside its range."""

    dom_name = "TypeError"


class ModificationError(PeerError):
    """The application changed what must stay: a generated description, or a fixed part of the configuration."""

    dom_name = "InvalidModificationError"


class OperationError(PeerError):
    """The request is well formed, but cannot be carried out."""

    dom_name = "OperationError"


class ServerUrlError(PeerError, ValueError):
    """The URL of an ICE server is malformed."""

    dom_name = "SyntaxError"


class CredentialsError(PeerError, ValueError):
    """A TURN server was given without usable credentials."""

    dom_name = "InvalidAccessError"


class CertificateError(PeerError, ValueError):
    """A certificate of the configuration cannot be used."""

    dom_name = "InvalidAccessError"


class DescriptionError(PeerError):
    """The peer's description is well-formed SDP, but its content is invalid or does not fit the session."""

    dom_name = "InvalidAccessError"


class DescriptionSyntaxError(DescriptionError):
    """The peer's description is not well-formed SDP."""

    dom_name = "RTCError"

    def __init__(self, message: str, line_number: int | None = None) -> None:
        super().__init__(message)
        self.line_number = line_number
        """Line of the SDP in which the fault was found, counted from 1; None if it is not known."""

    error_detail: ClassVar[str] = "sdp-syntax-error"
    """What ``RTCError.errorDetail`` shows."""
