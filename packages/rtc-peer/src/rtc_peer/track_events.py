"""What a peer connection tells about the tracks of its peer (sections 5.1 and 5.7 of webrtc-pc)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rtc_peer.dataclass import dataclass

if TYPE_CHECKING:
    from rtc_peer.transceiver import RtpTransceiver


@dataclass(slots=True)
class TrackAdded:
    """The peer sends a track, or has put it into further streams: the event ``track`` of webrtc-pc.

    It tells that media may come. Whether they do, `TrackUnmuted` tells.
    """

    transceiver: RtpTransceiver
    stream_ids: tuple[str, ...]
    """All the streams that the track is in."""


@dataclass(slots=True)
class TrackRemoved:
    """The peer has taken a track out of streams."""

    transceiver: RtpTransceiver
    stream_ids: tuple[str, ...]
    """The streams that the track has left."""


@dataclass(slots=True)
class TrackMuted:
    """The peer no longer sends a track, or may not. It may come back."""

    transceiver: RtpTransceiver


@dataclass(slots=True)
class TrackUnmuted:
    """Media of a track of the peer arrive."""

    transceiver: RtpTransceiver


@dataclass(slots=True)
class TransceiverStopped:
    """A transceiver is over by the peer's will, or because nothing could be agreed upon: its track has ended."""

    transceiver: RtpTransceiver


TrackEvent: TypeAlias = TrackAdded | TrackMuted | TrackRemoved | TrackUnmuted | TransceiverStopped
