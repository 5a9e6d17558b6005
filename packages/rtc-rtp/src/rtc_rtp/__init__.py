"""RTP and RTCP without I/O: packets, sessions, feedback, payload formats, congestion control (:rfc:`3550` and its companions)."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_rtp._version import __version__

if TYPE_CHECKING:
    from rtc_rtp.errors import BufferFullError, ParseError, RtpError, StateError

__all__ = [
    "BufferFullError",
    "ParseError",
    "RtpError",
    "StateError",
    "__version__",
]

_DEFINED_IN: Final = {
    "errors": "BufferFullError ParseError RtpError StateError",
}
"""Which module defines which public names. It is loaded when one of them is first used: a program pays for what it needs."""

if not TYPE_CHECKING:  # with a `__getattr__` in sight, type checkers would believe in any name

    def __getattr__(name: str) -> object:
        """Load a public name; see :pep:`562` and "Import time" in the notes on architecture."""
        for module, names in _DEFINED_IN.items():
            if name in names.split():
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
