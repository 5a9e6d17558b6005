"""The media commands of a connection (section 5.1 of webrtc-pc), and the place of its media.

What is for media alone is loaded when there are any: with the first command, or with an offer of the peer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from rtc_peer.description import SdpType
from rtc_peer.state import SignalingState
from rtc_sdp import Direction

if TYPE_CHECKING:
    from rtc_peer.configuration import Configuration
    from rtc_peer.journal import Journal
    from rtc_peer.layers import Layers
    from rtc_peer.media import MediaSurface
    from rtc_peer.negotiated import NegotiatedMedia
    from rtc_peer.negotiation import Negotiator
    from rtc_peer.options import PeerOptions
    from rtc_peer.orders import Outcome
    from rtc_peer.receiver import RtpReceiver
    from rtc_peer.sender import RtpSender
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_peer.wishes import MediaWish
    from rtc_rtp.parameters import SendEncoding


class MediaCommands:
    """What a connection offers for audio and video."""

    _configuration: Configuration
    _journal: Journal
    _layers: Layers
    _negotiator: Negotiator
    _options: PeerOptions
    _rng: Callable[[int], bytes]
    _surface: MediaSurface | None

    @property
    def _media(self) -> MediaSurface:
        if self._surface is None:
            from rtc_peer.media import MediaSurface

            self._surface = MediaSurface(
                negotiator=self._negotiator,
                layers=self._layers,
                options=self._options.media,
                header_encryption=self._configuration.rtp_header_encryption_policy,
                rng=self._rng,
                journal=self._journal,
            )
        return self._surface

    @property
    def transceivers(self) -> tuple[RtpTransceiver, ...]:
        """All transceivers that were not let go, in the order in which they were added."""
        return () if self._surface is None else self._surface.transceivers

    @property
    def senders(self) -> tuple[RtpSender, ...]:
        """The senders of the transceivers that were not stopped for good."""
        return tuple(each.sender for each in self.transceivers if not each.stopped)

    @property
    def receivers(self) -> tuple[RtpReceiver, ...]:
        """The receivers of the transceivers that were not stopped for good."""
        return tuple(each.receiver for each in self.transceivers if not each.stopped)

    @property
    def negotiated_media(self) -> tuple[NegotiatedMedia, ...]:
        """What is in force for each section of audio and video: codecs, numbers, SSRCs, as the transports were told."""
        return () if self._surface is None else self._surface.negotiated()

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

    # --- within ---

    def _track_of(self, transceiver_id: int) -> str:
        """Return the identifier of the track that a transceiver receives."""
        transceiver = None if self._surface is None else self._surface.transceiver(transceiver_id)
        return "" if transceiver is None else transceiver.receiver.track_id

    def _media_wishes(self) -> tuple[MediaWish, ...]:
        return () if self._surface is None else self._surface.wishes()

    def _apply_to_media(self, kind: SdpType, before: SignalingState, outcome: Outcome, *, remote: bool) -> None:
        """Let a description take effect on the transceivers."""
        theirs = self._negotiator.remote
        if self._surface is None and not (remote and theirs is not None and theirs.has_media):
            return
        media = self._media
        if outcome.rolled_back:
            media.rolled_back(remote=before is SignalingState.HAVE_REMOTE_OFFER)
        if kind is SdpType.OFFER and (before is SignalingState.STABLE or outcome.rolled_back):
            media.offer_begins()
        if kind is not SdpType.ROLLBACK:
            media.description_applied(kind, remote=remote)
        outcome.media = media.negotiated()
        media.stirred = False
