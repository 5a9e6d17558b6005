"""What goes wrong, named by whose fault it is.

Nothing that the network sends raises: the agent drops, counts and perhaps answers it. The text of a candidate comes
from the peer by way of the caller, so `ParseError` says that the peer wrote something else than a candidate.
"""


class IceError(Exception):
    """Root of every error of this package."""


class ParseError(IceError, ValueError):
    """The text is not a candidate as :rfc:`8839#section-5.1` describes one."""


class StateError(IceError):
    """The caller asked for something that the agent cannot do now; nothing was changed."""
