"""What goes wrong, named by whose fault it is.

A peer's fault is `ParseError` or one of the cookie errors: codecs raise them, the association catches them at the edge.
The caller's fault is `StateError`, `BufferFullError`, or `ValueError` for an argument that no state would allow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cookie import CookieContents


class SctpError(Exception):
    """Root of everything this package raises on purpose."""


class ParseError(SctpError, ValueError):
    """The bytes are not what the specification describes."""


class ChecksumError(ParseError):
    """The CRC32c of a packet is wrong."""


class CookieError(SctpError):
    """The State Cookie does not open; one of the two subclasses tells why."""


class ForgedCookieError(CookieError):
    """The cookie was not made by this instance, or was changed on the way."""


class StaleCookieError(CookieError):
    """The cookie is ours and unchanged, but older than it may be."""

    def __init__(self, contents: "CookieContents", staleness: float) -> None:
        super().__init__(f"the cookie expired {staleness:.6f} s ago")
        self.contents = contents
        """What the cookie says; it still counts where it repeats what is known. See :rfc:`9260#section-5.2.4`."""
        self.staleness = staleness
        """Seconds since the cookie expired, above 0; a Stale Cookie cause reports them in microseconds."""

    def __reduce__(self) -> tuple[type["StaleCookieError"], tuple["CookieContents", float]]:
        return StaleCookieError, (self.contents, self.staleness)


class StateError(SctpError):
    """The command does not fit the present state of the association; nothing was changed."""


class BufferFullError(SctpError):
    """The send buffer has no room for the message; wait for ``BufferedAmountLow`` and try again."""
