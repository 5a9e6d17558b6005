"""What goes wrong, named by whose fault it is.

A peer's fault is `ParseError`: codecs raise it, machines catch it at the edge, drop and count. The caller's fault is
`StateError`, `BufferFullError`, or `ValueError` for an argument that no state would allow.
"""


class RtpError(Exception):
    """Root of every error of this package."""


class ParseError(RtpError, ValueError):
    """The bytes are not what the specification describes."""


class StateError(RtpError):
    """The caller asked for something that the object cannot do now; nothing was changed."""


class BufferFullError(RtpError):
    """A queue is full; the command was not taken. Flush, or send less."""
