"""`RTCTrackEvent` (WebRTC 1.0, section 5.7)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .event_target import Event
from .media_stream import MediaStream
from .tracks import MediaStreamTrack

if TYPE_CHECKING:
    from .rtp_receiver import RTCRtpReceiver
    from .rtp_transceiver import RTCRtpTransceiver


class RTCTrackEvent(Event):
    """The peer sends, or is about to send.

    Attributes:
        receiver: What receives it.
        track: What is received.
        streams: The streams that the track belongs to, as the peer has it.
        transceiver: The receiver's transceiver.
    """

    __slots__ = ("receiver", "streams", "track", "transceiver")

    def __init__(
        self,
        type: str,
        *,
        receiver: "RTCRtpReceiver",
        track: MediaStreamTrack,
        transceiver: "RTCRtpTransceiver",
        streams: Sequence[MediaStream] = (),
    ) -> None:
        super().__init__(type)
        self.receiver = receiver
        self.track = track
        self.streams = list(streams)
        self.transceiver = transceiver

    def payload(self) -> tuple[MediaStreamTrack]:
        """The track."""
        return (self.track,)
