"""What goes wrong, named by whose fault it is.

A peer's fault is `ParseError`, or `CookieError` in `cookie.py`: codecs raise them, the association catches them at the edge.
The caller's fault is `StateError`, `BufferFullError`, or `ValueError` for an argument that no state would allow.
"""


class SctpError(Exception):
    """Root of everything this package raises on purpose."""


class ParseError(SctpError, ValueError):
    """The bytes are not what the specification describes."""


class ChecksumError(ParseError):
    """The CRC32c of a packet is wrong."""


class StateError(SctpError):
    """The command does not fit the present state of the association; nothing was changed."""


class BufferFullError(SctpError):
    """The send buffer has no room for the message; wait for ``BufferedAmountLow`` and try again."""
