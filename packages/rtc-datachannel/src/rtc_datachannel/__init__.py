"""WebRTC data channels, sans-I/O. See :rfc:`8831` and :rfc:`8832`."""

from ._version import __version__
from .channel import ChannelCloseReason, ChannelStats, DataChannel, Priority
from .config import DEFAULT_REMOTE_MAX_MESSAGE_SIZE, MAX_PACKET_SIZE, DataChannelConfig
from .dcep import Ack, ChannelType, DcepMessage, MessageType, Open, parse_message
from .endpoint import DataChannelEndpoint
from .errors import (
    BufferFullError,
    DataChannelError,
    MessageTooLargeError,
    ParseError,
    StateError,
    StreamUnavailableError,
)
from .events import (
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
from .payload import Data, Ppid
from .state import ChannelInput, ChannelState, EndpointInput, EndpointState
from .stats import EndpointStats
from .streams import MAX_STREAM_ID
from .table import Trace

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
