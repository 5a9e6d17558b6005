"""Which receiver a packet from the network belongs to. See :rfc:`9143#section-9.2`."""

from typing import Protocol

from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import StreamId


class Router(Protocol):
    """Assigns RTP packets to receivers.

    The session asks once for every SSRC, and again after `RtpSession.set_router` and when a stream names another section
    (MID). An implementation is plain data (it is copied with the session) and answers by looking up: it neither calls the
    session nor raises.
    """

    def route(self, packet: RtpPacket) -> StreamId | None:
        """Return the receiver of this packet, or ``None`` if nobody wants it: the packet is then dropped and counted."""
        ...

    def describe(self, ssrc: int, mid: str) -> None:
        """Take note of the section that a source belongs to, as RTCP tells it."""
        ...


class SoleReceiver:
    """The router of a session that needs none: all packets belong to one receiver."""

    __slots__ = ("receiver_id",)

    def __init__(self, receiver_id: StreamId | None = None) -> None:
        self.receiver_id = receiver_id

    def route(self, packet: RtpPacket) -> StreamId | None:  # noqa: ARG002  # a Router
        """Return the receiver, whatever the packet is."""
        return self.receiver_id

    def describe(self, ssrc: int, mid: str) -> None:
        """Do nothing: there is nothing to choose from."""
