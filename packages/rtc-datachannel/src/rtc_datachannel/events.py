"""What an endpoint tells its owner, as facts in the past tense."""

from .channel import ChannelCloseReason, DataChannel
from .dataclass import dataclass


@dataclass(slots=True)
class EndpointConnected:
    """The association is up: every channel that was created may send. After a restart of the peer it comes again."""

    max_channels: int
    """Stream identifiers are below this, until more streams are added."""


@dataclass(slots=True)
class ChannelOpened:
    """The peer confirmed a channel of ours, or a negotiated one became usable. Its state is OPEN."""

    channel: DataChannel


@dataclass(slots=True)
class ChannelReceived:
    """The peer opened a channel; it is OPEN at once."""

    channel: DataChannel


@dataclass(slots=True)
class MessageReceived:
    """A message arrived, as text or as bytes, possibly empty."""

    channel_id: int
    """Identifier of the channel."""

    data: str | bytes


@dataclass(slots=True)
class BufferedAmountLow:
    """The channel's unsent bytes fell to its threshold or below; go on sending."""

    channel: DataChannel


@dataclass(slots=True)
class ChannelClosing:
    """The peer, or a fault of the peer, began to close the channel. Its state is CLOSING; it sends no more."""

    channel: DataChannel
    reason: ChannelCloseReason


@dataclass(slots=True)
class ChannelClosed:
    """The channel ended; its state is CLOSED and its identifier may be used again."""

    channel: DataChannel
    reason: ChannelCloseReason


@dataclass(slots=True)
class EndpointClosed:
    """The association ended in an orderly way, or by the wish of one side; terminal."""

    by_peer: bool
    """Whether the peer aborted."""

    message: bytes = b""
    """The peer's words in its abort, if any."""


@dataclass(slots=True)
class EndpointFailed:
    """The association broke; terminal."""

    reason: str
    """One sentence for a log."""

    section: str
    """Where the rule stands, such as ``"rfc9260:8.1"``."""


Event = (
    EndpointConnected
    | ChannelOpened
    | ChannelReceived
    | MessageReceived
    | BufferedAmountLow
    | ChannelClosing
    | ChannelClosed
    | EndpointClosed
    | EndpointFailed
)
