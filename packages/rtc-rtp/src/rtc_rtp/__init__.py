"""RTP and RTCP without I/O: packets, sessions, feedback, payload formats, congestion control (:rfc:`3550` and its companions)."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_rtp._version import __version__

if TYPE_CHECKING:
    from rtc_rtp.errors import BufferFullError, ParseError, RtpError, StateError
    from rtc_rtp.header_extension import ExtensionMap, HeaderExtension
    from rtc_rtp.packet import RtpPacket, is_rtcp
    from rtc_rtp.sequence import SequenceUnwrapper, sequence_difference, sequence_is_newer

__all__ = [
    "BufferFullError",
    "ExtensionMap",
    "HeaderExtension",
    "ParseError",
    "RtpError",
    "RtpPacket",
    "SequenceUnwrapper",
    "StateError",
    "__version__",
    "is_rtcp",
    "sequence_difference",
    "sequence_is_newer",
]

_DEFINED_IN: Final = {
    "errors": "BufferFullError ParseError RtpError StateError",
    "header_extension": "ExtensionMap HeaderExtension",
    "packet": "RtpPacket is_rtcp",
    "sequence": "SequenceUnwrapper sequence_difference sequence_is_newer",
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
