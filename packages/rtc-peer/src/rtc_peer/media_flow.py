"""What flows through transceivers: frames and packets down to the transports, and what the transports tell up to the application.

Negotiation says what may flow (`rtc_peer.media`); here it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import rtc_rtp
from rtc_peer.events import WarningIssued
from rtc_peer.media_events import (
    BitrateShare,
    FlowEvent,
    FrameReceived,
    KeyFrameRequested,
    LossChanged,
    PacketReceived,
    StreamDiscovered,
    StreamEnded,
    TargetBitrateChanged,
    ToneReceived,
    ToneSent,
)
from rtc_peer.track_events import TrackMuted, TrackUnmuted

if TYPE_CHECKING:
    from rtc_peer.journal import Journal
    from rtc_peer.layers import Layers
    from rtc_peer.media_transport import MediaTransport, MediaTransportEvent
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_rtp import EncodedFrame, ExtensionMap, RtpPacket, Source
    from rtc_rtp.parameters import StreamId

_MEDIA: Final = (rtc_rtp.PacketReceived, rtc_rtp.FrameReceived, rtc_rtp.StreamDiscovered)
"""Events that tell of media."""

_ARRIVALS: Final = (*_MEDIA, rtc_rtp.StreamEnded, rtc_rtp.ToneReceived)
"""Events of receivers."""


class TransceiverOwner(Protocol):
    """Who has the transceivers, as the way of their media sees it."""

    def transceiver(self, transceiver_id: int) -> RtpTransceiver | None:
        """Return a transceiver by its id."""

    def require_open(self) -> None:
        """Raise `StateError` once the connection is closed."""

    def follow(self) -> None:
        """Tell the transports what was done to transceivers since they were told last."""

    def settings_changed(self, transceiver_id: int) -> None:
        """A sender has other settings."""

    def spend_ssrcs(self, ssrcs: Iterable[int]) -> None:
        """Remember SSRCs that somebody uses."""


class MediaFlow:
    """The way between transceivers and transports.

    Args:
        owner: Knows the transceivers.
        layers: Know the transports.
        journal: Knows the time.
    """

    __slots__ = ("_journal", "_layers", "_owner")

    def __init__(self, owner: TransceiverOwner, layers: Layers, journal: Journal) -> None:
        self._owner = owner
        self._layers = layers
        self._journal = journal

    # --- down ---

    def send_frame(self, transceiver_id: int, frame: EncodedFrame, rid: str | None, now: float | None) -> None:
        """See `RtpSender.send_frame`."""
        media = self._transport(transceiver_id, now)
        if media is not None:
            media.send_frame(transceiver_id, frame, now, rid=rid)
            self._layers.stir()

    def send_packets(
        self,
        transceiver_id: int,
        packets: Sequence[RtpPacket],
        *,
        rid: str | None,
        rewrite: bool,
        payload_types: Mapping[int, int] | None,
        extension_map: ExtensionMap | None,
        now: float | None,
    ) -> None:
        """See `RtpSender.send_packets`."""
        media = self._transport(transceiver_id, now)
        if media is not None:
            media.send_packets(
                transceiver_id,
                packets,
                now,
                rid=rid,
                rewrite=rewrite,
                payload_types=payload_types,
                extension_map=extension_map,
            )
            self._layers.stir()

    def request_key_frame(self, transceiver_id: int, rid: str | None) -> None:
        """See `RtpReceiver.request_key_frame`."""
        media = self._transport(transceiver_id, None)
        if media is not None:
            media.request_key_frame(transceiver_id, rid=rid)
            self._layers.stir()

    def sources(self, transceiver_id: int) -> tuple[list[Source], list[Source]]:
        """Return synchronization sources and contributing sources of late; none where nothing is received."""
        media = self._layers.media_transport(transceiver_id)
        return ([], []) if media is None else media.sources(transceiver_id)

    def can_insert_dtmf(self, transceiver_id: int) -> bool:
        """See `RtpSender.can_insert_dtmf`."""
        media = self._layers.media_transport(transceiver_id)
        return media is not None and media.can_insert_dtmf(transceiver_id)

    def insert_dtmf(self, transceiver_id: int, tones: str, *, duration: float, gap: float, now: float | None) -> None:
        """See `RtpSender.insert_dtmf`."""
        media = self._transport(transceiver_id, now)
        if media is not None:
            media.insert_dtmf(transceiver_id, tones, duration=duration, gap=gap, now=self._journal.now)
            self._layers.stir()

    def resume(self, transceiver_id: int, *, rid: str | None, now: float | None) -> None:
        """See `RtpSender.resume`."""
        media = self._transport(transceiver_id, now)
        if media is not None:
            media.resume(transceiver_id, rid=rid, now=self._journal.now)
            self._layers.stir()

    def _transport(self, transceiver_id: int, now: float | None) -> MediaTransport | None:
        """Begin a command, and return where it goes; None while there is nothing."""
        self._owner.require_open()
        if now is not None:
            self._journal.advance(now)
        self._owner.follow()
        return self._layers.media_transport(transceiver_id)

    # --- up ---

    def translate(self, events: Iterable[MediaTransportEvent]) -> list[FlowEvent]:
        """Return what events of media transports mean to the application; those of transceivers that are over are left out."""
        found: list[FlowEvent] = []
        known: dict[StreamId, RtpTransceiver | None] = {}
        for event in events:
            if isinstance(event, _ARRIVALS):
                number = event.receiver_id
                if number not in known:
                    known[number] = self._find(number)
                transceiver = known[number]
                if transceiver is not None:
                    if isinstance(event, _MEDIA) and transceiver.receiver.media_arrived():
                        found.append(TrackUnmuted(transceiver))
                    if isinstance(event, rtc_rtp.FrameReceived):
                        found.append(FrameReceived(transceiver, event.frame))
                    else:
                        found += _received(transceiver, event)
            elif isinstance(event, WarningIssued):
                found.append(event)
            elif isinstance(event, rtc_rtp.TargetBitrateChanged):
                found.append(TargetBitrateChanged(event.bitrate_bps, self._shares(event.shares)))
            else:
                transceiver = self._find(event.sender_id)
                if transceiver is not None:
                    found += self._sent(transceiver, event)
        return found

    def _find(self, number: StreamId) -> RtpTransceiver | None:
        return self._owner.transceiver(number) if isinstance(number, int) else None

    def _shares(self, shares: Iterable[rtc_rtp.BitrateShare]) -> tuple[BitrateShare, ...]:
        found = ((self._find(each.sender_id), each) for each in shares)
        return tuple(
            BitrateShare(transceiver, each.rid, each.bitrate_bps)
            for transceiver, each in found
            if transceiver is not None
        )

    def _sent(
        self,
        transceiver: RtpTransceiver,
        event: rtc_rtp.KeyFrameRequested | rtc_rtp.LossChanged | rtc_rtp.SourceConflict | rtc_rtp.ToneSent,
    ) -> list[FlowEvent]:
        """Return what an event of a sender means."""
        match event:
            case rtc_rtp.KeyFrameRequested(rid=rid):
                return [KeyFrameRequested(transceiver, rid)]
            case rtc_rtp.LossChanged(rid=rid, fraction_lost=fraction_lost):
                return [LossChanged(transceiver, rid, fraction_lost)]
            case rtc_rtp.ToneSent(tone=tone):
                return [ToneSent(transceiver, tone)]
            case rtc_rtp.SourceConflict():
                # [rfc8834:4.8/4] The next description tells the peer.
                exchanged = {event.old_ssrc: event.new_ssrc}
                transceiver.sender.replace_encodings(
                    tuple(
                        replace(
                            each,
                            ssrc=exchanged.get(each.ssrc, each.ssrc),
                            rtx_ssrc=exchanged.get(each.rtx_ssrc or 0, each.rtx_ssrc),
                            fec_ssrc=exchanged.get(each.fec_ssrc or 0, each.fec_ssrc),
                        )
                        for each in transceiver.sender.encodings
                    )
                )
                self._owner.spend_ssrcs((event.new_ssrc,))
                self._owner.settings_changed(transceiver.id)
                return []


def _received(
    transceiver: RtpTransceiver,
    event: rtc_rtp.PacketReceived | rtc_rtp.StreamDiscovered | rtc_rtp.StreamEnded | rtc_rtp.ToneReceived,
) -> list[FlowEvent]:
    """Return what an event of a receiver means, other than a frame."""
    match event:
        case rtc_rtp.PacketReceived(packet=packet):
            return [PacketReceived(transceiver, packet)]
        case rtc_rtp.StreamDiscovered(ssrc=ssrc, rid=rid):
            return [StreamDiscovered(transceiver, ssrc, rid)]
        case rtc_rtp.StreamEnded(ssrc=ssrc, rid=rid, reason=reason):
            ended = StreamEnded(transceiver, ssrc, rid, reason.value)
            is_muted = reason is rtc_rtp.EndReason.BYE and transceiver.receiver.media_ended()
            return [ended, TrackMuted(transceiver)] if is_muted else [ended]
        case rtc_rtp.ToneReceived():
            return [ToneReceived(transceiver, event.code, event.duration, event.volume_dbm0, event.ended)]
