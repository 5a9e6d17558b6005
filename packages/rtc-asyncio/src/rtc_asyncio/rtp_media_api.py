"""The part of `RTCPeerConnection` that is for media (WebRTC 1.0, section 5.1: "RTCPeerConnection Interface Extensions")."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import rtc_peer
from rtc_peer import MediaOptions, PeerConnection

from .codec_selection import CodecChoice, chosen_factory
from .conversion import w3c_errors
from .dictionaries import RTCOfferOptions, converted
from .dispatch import Dispatcher
from .driver import Driver
from .errors import InvalidAccessError, InvalidStateError
from .event_target import EventHandler, EventTarget

if TYPE_CHECKING:
    from .media import Media
    from .media_stream import MediaStream
    from .rtp_dictionaries import RTCRtpEncodingParameters, RTCRtpTransceiverDirection, RTCRtpTransceiverInit
    from .rtp_receiver import RTCRtpReceiver
    from .rtp_sender import RTCRtpSender
    from .rtp_transceiver import RTCRtpTransceiver
    from .track_event import RTCTrackEvent
    from .tracks import MediaKind, MediaStreamTrack


class RtpMediaApi(EventTarget):
    """Sends and receives media. Nothing of media is loaded before it is used."""

    _peer: PeerConnection
    _driver: Driver[rtc_peer.Event]
    _dispatcher: Dispatcher
    _codecs: CodecChoice
    _media_options: MediaOptions

    ontrack: "EventHandler[RTCTrackEvent]" = EventHandler()

    def _load_media(self) -> "Media":
        if self._dispatcher.media is None:
            from .media import Media

            self._dispatcher.media = Media(
                self, self._peer, self._driver, self._dispatcher.transport, self._codecs, self._media_options
            )
        return self._dispatcher.media

    def getTransceivers(self) -> "list[RTCRtpTransceiver]":
        """All transceivers, in the order they came."""
        return self._load_media().transceivers

    def getSenders(self) -> "list[RTCRtpSender]":
        """The senders of all transceivers that were not stopped."""
        return [each.sender for each in self._load_media().transceivers if not each.stopped]

    def getReceivers(self) -> "list[RTCRtpReceiver]":
        """The receivers of all transceivers that were not stopped."""
        return [each.receiver for each in self._load_media().transceivers if not each.stopped]

    def addTrack(self, track: "MediaStreamTrack", *streams: "MediaStream") -> "RTCRtpSender":
        """Send a track. It flows once both sides have negotiated it.

        Args:
            track: Raw media, encoded frames or RTP packets.
            streams: The streams that the peer shall find it in.

        Raises:
            TypeError: It is no track, or one of the others is no stream.
            InvalidStateError: The connection is closed.
            InvalidAccessError: The track is sent already.
        """
        from .media_stream import stream_ids
        from .tracks import checked_track

        self._driver.check_thread()
        track, ids = checked_track(track), stream_ids(streams)
        self._check_open()
        media = self._load_media()
        if any(sender.track is track for sender in self.getSenders()):
            raise InvalidAccessError("the track is sent already")
        with w3c_errors():
            handle = self._peer.add_track(track.kind, track.id, ids).transceiver
        sender = media.transceiver(handle, track).sender
        sender.set_track(track)
        self._driver.wake()
        return sender

    def removeTrack(self, sender: "RTCRtpSender") -> None:
        """Send nothing through this sender any more. The peer learns it by the next negotiation.

        Raises:
            TypeError: It is no sender.
            InvalidStateError: The connection is closed.
            InvalidAccessError: The sender belongs to another connection.
        """
        from .rtp_sender import RTCRtpSender

        self._driver.check_thread()
        if not isinstance(sender, RTCRtpSender):
            raise TypeError(f"expected an RTCRtpSender, got {type(sender).__name__}")
        self._check_open()
        with w3c_errors():
            try:
                self._peer.remove_track(sender.handle.sender)
            except rtc_peer.ArgumentError as error:
                raise InvalidAccessError(str(error)) from None
        if sender.track is not None and sender.handle.sender.track_id is None:
            sender.set_track(None)
        self._driver.wake()

    def addTransceiver(
        self,
        trackOrKind: "MediaStreamTrack | MediaKind",
        init: "RTCRtpTransceiverInit | Mapping[str, object] | None" = None,
        *,
        direction: "RTCRtpTransceiverDirection | None" = None,
        streams: "Sequence[MediaStream] | None" = None,
        sendEncodings: "Sequence[RTCRtpEncodingParameters | Mapping[str, object]] | None" = None,
    ) -> "RTCRtpTransceiver":
        """Add a transceiver; the next offer proposes it. The members of `RTCRtpTransceiverInit` can be given as keywords too.

        Args:
            trackOrKind: What to send, or the kind of what may be sent later: "audio" or "video".
            init: Direction, streams and encodings.
            direction: As in `init`.
            streams: As in `init`.
            sendEncodings: As in `init`.

        Raises:
            InvalidStateError: The connection is closed.
            TypeError: The kind, a direction, a stream or a `rid` is wrong.
            OperationError: A codec of an encoding is not among the capabilities, or a scalability mode is not known.
            ValueError: A number of an encoding is out of range; a RangeError on the Web.
        """
        from .rtp_dictionaries import RTCRtpTransceiverInit
        from .scalability import Scalability
        from .transceiver_init import Wanted

        self._driver.check_thread()
        given = converted(RTCRtpTransceiverInit, init)
        wanted = Wanted.of(
            trackOrKind,
            direction=direction or given.direction,
            streams=given.streams if streams is None else streams,
            encodings=given.sendEncodings if sendEncodings is None else sendEncodings,
            options=self._media_options,
            scalability=Scalability(chosen_factory(self._codecs)),
            check_open=self._check_open,
        )
        with w3c_errors():
            handle = self._peer.add_transceiver(
                wanted.kind,
                direction=wanted.direction,
                stream_ids=wanted.stream_ids,
                track_id=wanted.track.id if wanted.track is not None else None,
                encodings=wanted.machine_encodings,
            )
        self._driver.wake()
        return self._load_media().transceiver(handle, wanted.track, wanted.encodings)

    def _check_open(self) -> None:
        if self._peer.closed:
            raise InvalidStateError("the connection is closed")

    def _offer_to_receive(self, options: RTCOfferOptions) -> None:
        """Bring transceivers into the state that the legacy options of `createOffer` ask for."""
        kinds: tuple[tuple[Literal["audio", "video"], bool | None], ...] = (
            ("audio", options.offerToReceiveAudio),
            ("video", options.offerToReceiveVideo),
        )
        for kind, receives in kinds:
            if receives is None:
                continue
            running = [each for each in self.getTransceivers() if each.kind == kind and each.direction != "stopped"]
            if receives:
                if not any(each.direction in {"sendrecv", "recvonly"} for each in running):
                    self.addTransceiver(kind, direction="recvonly")
                continue
            for transceiver in running:
                if transceiver.direction == "sendrecv":
                    transceiver.direction = "sendonly"
                elif transceiver.direction == "recvonly":
                    transceiver.direction = "inactive"
