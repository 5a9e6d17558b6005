"""The media of a connection: which W3C objects stand for the machine's transceivers, and what its events do to them.

It is loaded when media are used for the first time.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import rtc_peer
from rtc_peer import MediaOptions, PeerConnection, RtpTransceiver

from .codec_selection import CodecChoice, chosen_factory
from .codecs import CodecFactory
from .driver import Driver
from .errors import InvalidAccessError
from .event_target import EventTarget
from .media_services import StatsSelector
from .media_stream import MediaStream
from .rtp_dictionaries import RTCRtpEncodingParameters
from .rtp_receiver import RTCRtpReceiver
from .rtp_sender import RTCRtpSender
from .rtp_transceiver import RTCRtpTransceiver
from .track_event import RTCTrackEvent
from .tracks import MediaStreamTrack
from .transports import RTCDtlsTransport

if TYPE_CHECKING:
    from .stats import RTCStatsReport


class Media:
    """Senders, receivers, transceivers and the peer's streams of one connection; implements `MediaServices`.

    Args:
        target: The connection.
        peer: The machine.
        driver: Drives it.
        find_transport: Returns a transport by its number; None if it is gone.
        choice: The codec package.
        options: What can be negotiated.
    """

    def __init__(
        self,
        target: EventTarget,
        peer: PeerConnection,
        driver: Driver[rtc_peer.Event],
        find_transport: Callable[[int], RTCDtlsTransport | None],
        choice: CodecChoice,
        options: MediaOptions,
    ) -> None:
        self._target = target
        self._peer = peer
        self._driver = driver
        self._find_transport = find_transport
        self._loop = asyncio.get_running_loop()
        self.factory: CodecFactory | None = chosen_factory(choice)
        self.options = options
        self._transceivers: dict[RtpTransceiver, RTCRtpTransceiver] = {}
        self._streams: dict[str, MediaStream] = {}
        self._transports: dict[int, RTCDtlsTransport] = {}
        """By transceiver; those that were in use last remain when the connection is closed."""
        self._bitrate_bps: int | None = None
        self._announced: list[RTCTrackEvent] = []
        """Events of tracks that are to be fired when all tracks of the description are in their streams."""
        self._reactions: dict[type[object], Callable[..., None]] = {
            rtc_peer.FrameReceived: self._frame_received,
            rtc_peer.PacketReceived: self._packet_received,
            rtc_peer.TrackAdded: self._track_added,
            rtc_peer.TrackRemoved: self._track_removed,
            rtc_peer.TrackMuted: self._track_muted,
            rtc_peer.TrackUnmuted: self._track_unmuted,
            rtc_peer.TransceiverStopped: self._stopped,
            rtc_peer.KeyFrameRequested: self._key_frame_requested,
            rtc_peer.TargetBitrateChanged: self._bitrate_changed,
            rtc_peer.LossChanged: self._loss_changed,
            rtc_peer.ToneSent: self._tone_sent,
            rtc_peer.ToneReceived: self._tone_received,
        }

    # --- what the connection asks ---

    @property
    def transceivers(self) -> list[RTCRtpTransceiver]:
        """All transceivers, in the order they came."""
        if self._peer.closed:
            return list(self._transceivers.values())
        return [self.transceiver(handle) for handle in self._peer.transceivers]

    def transceiver(
        self,
        handle: RtpTransceiver,
        track: MediaStreamTrack | None = None,
        encodings: Sequence[RTCRtpEncodingParameters] = (),
    ) -> RTCRtpTransceiver:
        """Return the object of a transceiver, and make it if it is new.

        Args:
            handle: The machine's transceiver.
            track: What a new one sends.
            encodings: What the application wants of a new one's encodings.
        """
        known = self._transceivers.get(handle)
        if known is None:
            sender = RTCRtpSender(handle, self, track, list(encodings))
            known = RTCRtpTransceiver(handle, self, sender, RTCRtpReceiver(handle, self))
            self._transceivers[handle] = known
        return known

    def dispatch(self, event: object) -> bool:
        """Take an event of the machine, and tell whether it was one of media."""
        reaction = self._reactions.get(type(event))
        if self._announced and reaction != self._track_added:
            self._announce()
        if reaction is None:
            return False
        reaction(event)
        return True

    def refresh(self) -> None:
        """A description was applied, or a transport changed its state: media may flow that did not, or the reverse."""
        self._announce()
        for transceiver in list(self._transceivers.values()):  # whoever is asked for a key frame may add others
            transceiver.sender.refresh()
            transceiver.receiver.refresh()
        for handle in [handle for handle in self._transceivers if handle.stopped]:
            # A rollback, or the agreement on its end, has taken it away.
            if handle not in self._peer.transceivers:
                self._transceivers.pop(handle).end(told=False)

    def close(self) -> None:
        """The connection is about to be closed."""
        for transceiver in self._transceivers.values():
            self.transport_of(transceiver.handle)
        for transceiver in self._transceivers.values():
            transceiver.end(told=False)

    def selected(self, track: MediaStreamTrack) -> RTCRtpSender | RTCRtpReceiver:
        """Find the one sender or receiver that a track belongs to.

        Raises:
            InvalidAccessError: There is none, or more than one.
        """
        ends: list[RTCRtpSender | RTCRtpReceiver] = []
        for transceiver in self._transceivers.values():
            ends += [transceiver.sender, transceiver.receiver]
        found = [each for each in ends if each.track is track]
        if len(found) != 1:
            raise InvalidAccessError(
                "the connection neither sends nor receives this track, or it does so more than once"
            )
        return found[0]

    # --- what senders, receivers and transceivers ask ---

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""
        return self._peer.closed

    def is_connected(self, handle: RtpTransceiver) -> bool:
        """Whether media of a transceiver can flow."""
        transport = self.transport_of(handle)
        return transport is not None and transport.state == "connected"

    def wake(self) -> None:
        """Flush soon."""
        self._driver.wake()

    def flush(self) -> None:
        """Flush now; never while the machine's events are handled."""
        self._driver.flush()

    def check_thread(self) -> None:
        """Refuse a call from another thread."""
        self._driver.check_thread()

    @property
    def now(self) -> float:
        """The time to hand to the machine."""
        return self._loop.time()

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back in the next turn of the event loop."""
        self._loop.call_soon(callback)

    def transport_of(self, handle: RtpTransceiver) -> RTCDtlsTransport | None:
        """What carries the media of a transceiver."""
        if not self._peer.closed:
            self._transports = {
                each.transceiver_id: transport
                for each in self._peer.negotiated_media
                if (transport := self._find_transport(each.transport_id)) is not None
            }
        return self._transports.get(handle.id)

    async def stats_of(self, selector: StatsSelector) -> "RTCStatsReport":
        """What was counted about a sender or receiver."""
        from .stats_selection import selected

        return selected(self.report(), selector)

    def report(self) -> "RTCStatsReport":
        """What was counted about everything, with what codecs and tracks know."""
        from .media_stats import complete
        from .stats import report

        timestamp = time.time() * 1000
        statistics = report(self._peer.statistics(), timestamp, self.now)
        return complete(statistics, self._transceivers.values(), timestamp, self.now, self._bitrate_bps)

    # --- what happens ---

    def _frame_received(self, event: rtc_peer.FrameReceived) -> None:
        self.transceiver(event.transceiver).receiver.frame_received(event.frame)

    def _packet_received(self, event: rtc_peer.PacketReceived) -> None:
        self.transceiver(event.transceiver).receiver.packet_received(event.packet)

    def _track_added(self, event: rtc_peer.TrackAdded) -> None:
        transceiver = self.transceiver(event.transceiver)
        receiver = transceiver.receiver
        streams = [self._stream(stream_id) for stream_id in event.stream_ids]
        new = [stream for stream in streams if stream not in receiver.streams]
        receiver.streams = streams
        for stream in new:
            stream.track_added(receiver.track)
        if not self._announced:
            self._loop.call_soon(self._announce)
        self._announced.append(
            RTCTrackEvent("track", receiver=receiver, track=receiver.track, streams=streams, transceiver=transceiver)
        )

    def _announce(self) -> None:
        """Fire "track" for all that a description brought, now that each is in its streams."""
        announced, self._announced = self._announced, []
        for event in announced:
            if not self._peer.closed:
                self._target.dispatchEvent(event)

    def _track_removed(self, event: rtc_peer.TrackRemoved) -> None:
        receiver = self.transceiver(event.transceiver).receiver
        left = [stream for stream in receiver.streams if stream.id in event.stream_ids]
        receiver.streams = [stream for stream in receiver.streams if stream not in left]
        for stream in left:
            stream.track_removed(receiver.track)

    def _track_muted(self, event: rtc_peer.TrackMuted) -> None:
        self.transceiver(event.transceiver).receiver.media.set_muted(True)

    def _track_unmuted(self, event: rtc_peer.TrackUnmuted) -> None:
        self.transceiver(event.transceiver).receiver.media.set_muted(False)

    def _stopped(self, event: rtc_peer.TransceiverStopped) -> None:
        transceiver = self.transceiver(event.transceiver)
        for stream in transceiver.receiver.streams:
            stream.track_removed(transceiver.receiver.track)
        transceiver.end(told=True)

    def _key_frame_requested(self, event: rtc_peer.KeyFrameRequested) -> None:
        self.transceiver(event.transceiver).sender.key_frame_requested(event.rid)

    def _bitrate_changed(self, event: rtc_peer.TargetBitrateChanged) -> None:
        self._bitrate_bps = event.bitrate_bps
        for share in event.shares:
            self.transceiver(share.transceiver).sender.pump.share_changed(share.rid, share.bitrate_bps)

    def _loss_changed(self, event: rtc_peer.LossChanged) -> None:
        self.transceiver(event.transceiver).sender.pump.loss_changed(event.rid, event.fraction_lost)

    def _tone_sent(self, event: rtc_peer.ToneSent) -> None:
        dtmf = self.transceiver(event.transceiver).sender.dtmf
        if dtmf is not None:
            dtmf.played(event.tone)

    def _tone_received(self, event: rtc_peer.ToneReceived) -> None:
        self.transceiver(event.transceiver).receiver.tone_received(event)

    def _stream(self, stream_id: str) -> MediaStream:
        if stream_id not in self._streams:
            self._streams[stream_id] = MediaStream(id=stream_id)
        return self._streams[stream_id]
