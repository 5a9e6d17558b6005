"""`RTCDataChannelEvent` (WebRTC 1.0, section 6.3)."""

from .data_channel import RTCDataChannel
from .event_target import Event


class RTCDataChannelEvent(Event):
    """The peer opened a data channel.

    Attributes:
        channel: The new channel.
    """

    __slots__ = ("channel",)

    def __init__(self, type: str, *, channel: RTCDataChannel) -> None:
        super().__init__(type)
        self.channel = channel

    def payload(self) -> tuple[RTCDataChannel]:
        """The channel."""
        return (self.channel,)
