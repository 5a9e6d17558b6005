"""WebRTC data channels, sans-I/O. See :rfc:`8831` and :rfc:`8832`."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_datachannel._version import __version__

if TYPE_CHECKING:
    from rtc_datachannel.channel import ChannelCloseReason, ChannelStats, DataChannel, Priority
    from rtc_datachannel.config import DEFAULT_REMOTE_MAX_MESSAGE_SIZE, MAX_PACKET_SIZE, DataChannelConfig
    from rtc_datachannel.dcep import Ack, ChannelType, DcepMessage, MessageType, Open, parse_message
    from rtc_datachannel.endpoint import DataChannelEndpoint
    from rtc_datachannel.errors import (
        BufferFullError,
        DataChannelError,
        MessageTooLargeError,
        ParseError,
        StateError,
        StreamUnavailableError,
    )
    from rtc_datachannel.events import (
        BufferedAmountLow,
        ChannelClosed,
        ChannelClosing,
        ChannelOpened,
        ChannelReceived,
        EndpointClosed,
        EndpointConnected,
        EndpointFailed,
        Event,
        MessageReceived,
    )
    from rtc_datachannel.payload import Data, Ppid
    from rtc_datachannel.state import ChannelInput, ChannelState, EndpointInput, EndpointState
    from rtc_datachannel.stats import EndpointStats
    from rtc_datachannel.streams import MAX_STREAM_ID
    from rtc_datachannel.table import Trace

__all__ = [
    "Ack",
    "BufferFullError",
    "BufferedAmountLow",
    "ChannelCloseReason",
    "ChannelClosed",
    "ChannelClosing",
    "ChannelInput",
    "ChannelOpened",
    "ChannelReceived",
    "ChannelState",
    "ChannelStats",
    "ChannelType",
    "DEFAULT_REMOTE_MAX_MESSAGE_SIZE",
    "Data",
    "DataChannel",
    "DataChannelConfig",
    "DataChannelEndpoint",
    "DataChannelError",
    "DcepMessage",
    "EndpointClosed",
    "EndpointConnected",
    "EndpointFailed",
    "EndpointInput",
    "EndpointState",
    "EndpointStats",
    "Event",
    "MAX_PACKET_SIZE",
    "MAX_STREAM_ID",
    "MessageReceived",
    "MessageTooLargeError",
    "MessageType",
    "Open",
    "ParseError",
    "Ppid",
    "Priority",
    "StateError",
    "StreamUnavailableError",
    "Trace",
    "__version__",
    "parse_message",
]

_DEFINED_IN: Final = {
    "channel": "ChannelCloseReason ChannelStats DataChannel Priority",
    "config": "DEFAULT_REMOTE_MAX_MESSAGE_SIZE DataChannelConfig MAX_PACKET_SIZE",
    "dcep": "Ack ChannelType DcepMessage MessageType Open parse_message",
    "endpoint": "DataChannelEndpoint",
    "errors": "BufferFullError DataChannelError MessageTooLargeError ParseError StateError StreamUnavailableError",
    "events": (
        "BufferedAmountLow ChannelClosed ChannelClosing ChannelOpened ChannelReceived EndpointClosed "
        "EndpointConnected EndpointFailed Event MessageReceived"
    ),
    "payload": "Data Ppid",
    "state": "ChannelInput ChannelState EndpointInput EndpointState",
    "stats": "EndpointStats",
    "streams": "MAX_STREAM_ID",
    "table": "Trace",
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
