"""What goes wrong, named by whose fault it is.

A peer's fault is `ParseError`: codecs raise it, machines catch it at the edge. The caller's fault is `StateError`, or
`ValueError` for an argument that no state would allow.
"""


class TurnError(Exception):
    """Root of every error of this package."""


class ParseError(TurnError, ValueError):
    """The bytes, or the text of a URI, are not what the specification describes."""


class StateError(TurnError):
    """The caller asked for something that the object cannot do now; nothing was changed."""


class BufferFullError(StateError):
    """Too much waits to be sent already; go on when some of it has gone."""
