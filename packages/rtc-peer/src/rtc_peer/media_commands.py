"""The media commands of a connection (section 5.1 of webrtc-pc)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rtc_sdp import Direction

if TYPE_CHECKING:
    from rtc_peer.media import MediaSurface
    from rtc_peer.negotiated import NegotiatedMedia
    from rtc_peer.receiver import RtpReceiver
    from rtc_peer.sender import RtpSender
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_rtp.parameters import SendEncoding


class MediaCommands:
    """What a connection offers for audio and video."""

    _media: MediaSurface

    @property
    def transceivers(self) -> tuple[RtpTransceiver, ...]:
        """All transceivers that were not let go, in the order in which they were added."""
        return self._media.transceivers

    @property
    def senders(self) -> tuple[RtpSender, ...]:
        """The senders of the transceivers that were not stopped for good."""
        return tuple(each.sender for each in self._media.transceivers if not each.stopped)

    @property
    def receivers(self) -> tuple[RtpReceiver, ...]:
        """The receivers of the transceivers that were not stopped for good."""
        return tuple(each.receiver for each in self._media.transceivers if not each.stopped)

    @property
    def negotiated_media(self) -> tuple[NegotiatedMedia, ...]:
        """What is in force for each section of audio and video: codecs, numbers, SSRCs, as the transports were told."""
        return self._media.negotiated()

    def add_transceiver(
        self,
        kind: str,
        *,
        direction: Direction = Direction.SENDRECV,
        stream_ids: Iterable[str] = (),
        track_id: str | None = None,
        encodings: Sequence[SendEncoding] = (),
        receive_rids: Iterable[str] = (),
    ) -> RtpTransceiver:
        """Add a sender and a receiver that share a media section. `NegotiationNeeded` tells when to offer it.

        Args:
            kind: ``audio`` or ``video``.
            direction: What is wanted.
            stream_ids: The MediaStreams that the peer shall see the track in.
            track_id: The application's name for what is sent; None while there is nothing to send.
            encodings: For simulcast, one for each stream side by side, the smallest first; an SSRC of 0 is drawn.
            receive_rids: Names of the encodings to ask the peer for, if it can send simulcast.

        Raises:
            StateError: The connection is closed.
            ArgumentError: An argument is out of range.
            OperationError: There are too many transceivers.
        """
        return self._media.add_transceiver(
            kind,
            direction=direction,
            stream_ids=stream_ids,
            track_id=track_id,
            encodings=encodings,
            receive_rids=receive_rids,
        )

    def add_track(self, kind: str, track_id: str, stream_ids: Iterable[str] = ()) -> RtpSender:
        """Send a track: through a transceiver that has never sent, or a new one. A section that the peer offers may take it.

        Args:
            kind: ``audio`` or ``video``.
            track_id: The application's name for the track.
            stream_ids: The MediaStreams that the peer shall see it in.

        Raises:
            StateError: The connection is closed.
            ArgumentError: An argument is out of range, or the track is sent already.
        """
        return self._media.add_track(kind, track_id, stream_ids)

    def remove_track(self, sender: RtpSender) -> None:
        """Send the track of a sender no longer; the transceiver stays. Does nothing if it sends none.

        Raises:
            StateError: The connection is closed.
            ArgumentError: The sender is of another connection.
        """
        self._media.remove_track(sender)
