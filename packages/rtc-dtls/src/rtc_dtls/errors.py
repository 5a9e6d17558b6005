"""Whose fault is it? The caller's: `StateError` and friends. The peer's: `ParseError` and `ProtocolError`.

The peer's errors never leave `DtlsConnection`: it turns them into an alert and a `ConnectionFailed` event.
"""

from typing import Final

_DECODE_ERROR: Final = 50


class DtlsError(Exception):
    """Root of everything this package raises, `ValueError` for plainly wrong arguments aside."""


class StateError(DtlsError):
    """The caller asked for something that the connection cannot do now (or not any more)."""


class BufferFullError(DtlsError):
    """The send queue is full: flush `datagrams_to_send` and try again."""


class ParseError(DtlsError, ValueError):
    """Bytes from the network are not what they claim to be. `alert` says how to tell the peer."""

    def __init__(self, message: str, alert: int = _DECODE_ERROR) -> None:
        super().__init__(message)
        self.alert = alert


class ProtocolError(DtlsError):
    """The peer broke a rule, and the handshake or connection cannot go on. `section` names the rule."""

    def __init__(self, alert: int, message: str, section: str) -> None:
        super().__init__(message)
        self.alert = alert
        self.section = section
