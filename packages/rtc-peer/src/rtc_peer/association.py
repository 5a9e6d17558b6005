"""Transceivers and the sections they belong to: what each description does to them (section 4.4.1.5 of webrtc-pc).

Negotiation has applied the description before; nothing here can fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rtc_peer.dataclass import dataclass
from rtc_peer.description import SdpType
from rtc_peer.media_content import MediaContent
from rtc_peer.section import MediaSection, RemoteDescription, RemoteSection
from rtc_peer.track_events import TrackAdded, TrackEvent, TrackMuted, TrackRemoved, TransceiverStopped
from rtc_peer.transceiver import Association, RtpTransceiver
from rtc_sdp import Direction, RidDirection

if TYPE_CHECKING:
    from rtc_rtp.parameters import SendEncoding

_ANSWERS: Final = (SdpType.ANSWER, SdpType.PRANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What a rollback gives back to a transceiver."""

    association: Association | None
    encodings: tuple[SendEncoding, ...]
    remote_stream_ids: tuple[str, ...]


class Associations:
    """The transceivers of a connection, in the order in which they were added.

    Args:
        make: Makes a transceiver for a section that the peer offers.
        default_stream: Names the stream of tracks of which the peer names none.
        max_encodings: Encodings that one sender may have.
    """

    def __init__(
        self,
        *,
        make: Callable[[MediaContent], RtpTransceiver],
        default_stream: Callable[[], str],
        max_encodings: int,
    ) -> None:
        self.transceivers: list[RtpTransceiver] = []
        self.added_by_track: set[int] = set()
        """Ids of the transceivers that `add_track` made or used: the peer's sections may be given to them."""
        self._made_by_peer: set[int] = set()
        """Ids of those that the pending offer of the peer made."""
        self._stable: dict[int, _Standing] = {}
        self._make = make
        self._default_stream = default_stream
        self._max_encodings = max_encodings
        self._events: list[TrackEvent] = []

    def of_section(self, index: int) -> RtpTransceiver | None:
        """Return the transceiver that a section is associated with."""
        return next(
            (each for each in self.transceivers if each.association is not None and each.association.index == index),
            None,
        )

    def by_id(self, transceiver_id: int) -> RtpTransceiver | None:
        """Return a transceiver."""
        for each in self.transceivers:
            if each.id == transceiver_id:
                return each
        return None

    def drain(self) -> list[TrackEvent]:
        """Return what happened to tracks: muted ones first, then those that left streams, then those that came."""
        events, self._events = self._events, []
        order = (TransceiverStopped, TrackMuted, TrackRemoved, TrackAdded)
        return sorted(events, key=lambda event: order.index(type(event)))

    # --- descriptions ---

    def remember(self) -> None:
        """Keep what a rollback gives back: an offer is about to be applied in the state stable."""
        self._made_by_peer = set()
        self._stable = {
            each.id: _Standing(
                association=each.association,
                encodings=each.sender.encodings,
                remote_stream_ids=each.receiver.remote_stream_ids,
            )
            for each in self.transceivers
        }

    def local_applied(self, kind: SdpType, sections: tuple[MediaSection, ...]) -> None:
        """A description of ours was applied.

        Args:
            kind: Its type.
            sections: The sections as they are now.
        """
        for section in sections:
            transceiver = None if section.transceiver_id is None else self.by_id(section.transceiver_id)
            if transceiver is None:
                continue
            transceiver.association = Association(section.index, section.mid)
            if kind in _ANSWERS and not transceiver.stopped:
                self._local_answer(transceiver, section.media)
        self._finish(kind, sections)

    def _local_answer(self, transceiver: RtpTransceiver, content: MediaContent | None) -> None:
        if content is None:
            self._stop(transceiver)
            return
        self._keep_encodings(transceiver, content.rid_names(RidDirection.SEND))
        fired = transceiver.fired_direction
        if not content.direction.receives and fired is not None and fired.receives:
            self._set_streams(transceiver, ())
            self._mute(transceiver)
        self._agree(transceiver, content.direction)
        transceiver.fired_direction = content.direction

    def remote_offered(self, offer: RemoteDescription, sections: Sequence[MediaSection]) -> None:
        """An offer of the peer was applied: each of its sections gets a transceiver.

        Args:
            offer: The offer.
            sections: What our answer will call them.
        """
        self._withdraw(sections)
        for theirs, section in zip(offer.sections, sections, strict=True):
            if theirs.media is not None:
                transceiver = self._find(theirs) or self._create(theirs.media)
                transceiver.association = Association(section.index, section.mid)
                self._propose_encodings(transceiver, theirs.media)
                self._process(transceiver, theirs.media)
            elif theirs.rejected:
                self._process_rejection(theirs.index)

    def _withdraw(self, sections: Sequence[MediaSection]) -> None:
        """Take back what an offer gave to transceivers where the one that replaces it has other sections."""
        kinds = {section.index: section.media_type for section in sections}
        for transceiver in list(self.transceivers):
            association = transceiver.association
            standing = self._stable.get(transceiver.id)
            is_pending = association is not None and (standing is None or standing.association is None)
            if association is not None and is_pending and kinds.get(association.index) != transceiver.kind:
                self._give_back(transceiver, remote=True)
        self.release()

    def _process_rejection(self, index: int) -> None:
        # webrtc-pc ends it with the offer already, and no rollback brings it back: its track has ended.
        transceiver = self.of_section(index)
        if transceiver is not None:
            self._process(transceiver, None)
            self._stop(transceiver)

    def remote_answered(self, kind: SdpType, sections: tuple[MediaSection, ...], answer: RemoteDescription) -> None:
        """An answer of the peer was applied, provisional or not."""
        for section, theirs in zip(sections, answer.sections, strict=True):
            transceiver = None if section.transceiver_id is None else self.by_id(section.transceiver_id)
            if transceiver is None or transceiver.stopped:
                continue
            content = theirs.media if theirs.is_usable_media else None
            if content is not None:
                self._keep_encodings(transceiver, content.rid_names(RidDirection.RECV, alternatives=True))
            self._process(transceiver, content)
            if content is None:
                self._stop(transceiver)
            else:
                self._agree(transceiver, content.direction.reversed)
        self._finish(kind, sections)

    def rolled_back(self, *, remote: bool) -> None:
        """The pending offer was given up.

        Args:
            remote: Whether it was the peer's.
        """
        for transceiver in list(self.transceivers):
            self._give_back(transceiver, remote=remote)
        self._made_by_peer = set()
        self.release()

    def _give_back(self, transceiver: RtpTransceiver, *, remote: bool) -> None:
        """Let a transceiver be what it was before the pending offer."""
        standing = self._stable.get(transceiver.id)
        # [rfc8829:5.7/3]
        transceiver.association = None if standing is None else standing.association
        if standing is not None and transceiver.sender.rids and not _has_names(standing.encodings):
            transceiver.sender.replace_encodings(standing.encodings)
        if remote:
            streams = () if standing is None else standing.remote_stream_ids
            self._process_remote(transceiver, transceiver.current_direction or Direction.INACTIVE, streams)
        # [rfc8829:5.7/4] [rfc8829:5.7/5]
        if transceiver.id in self._made_by_peer and transceiver.id not in self.added_by_track:
            self._stop(transceiver, disappears=True)
            self.transceivers.remove(transceiver)

    def release(self) -> None:
        """Let go of what was stopped and has no section: nobody needs to be told."""
        for transceiver in [each for each in self.transceivers if each.stopping and each.association is None]:
            self._stop(transceiver)
            self.transceivers.remove(transceiver)

    # --- within ---

    def _find(self, section: RemoteSection) -> RtpTransceiver | None:
        associated = self.of_section(section.index)
        if associated is not None:
            if section.mid is None or section.mid == associated.mid or not associated.stopped:
                return associated
            # The section has been recycled.
            associated.association = None
        content = section.media
        if content is None or not content.direction.receives:
            return None
        return next(
            (
                each
                for each in self.transceivers
                if each.id in self.added_by_track
                and each.kind == content.kind
                and each.association is None
                and not each.stopping
            ),
            None,
        )

    def _create(self, content: MediaContent) -> RtpTransceiver:
        transceiver = self._make(content)
        self._made_by_peer.add(transceiver.id)
        return transceiver

    def _propose_encodings(self, transceiver: RtpTransceiver, content: MediaContent) -> None:
        """Take the names of the encodings that the peer wants to receive, where we have none."""
        rids = content.rid_names(RidDirection.RECV)[: 1 if transceiver.kind == "audio" else self._max_encodings]
        encodings = transceiver.sender.encodings
        if rids and len(encodings) == 1 and encodings[0].rid is None:
            transceiver.sender.name_encodings(rids)

    def _keep_encodings(self, transceiver: RtpTransceiver, agreed: tuple[str, ...]) -> None:
        """Drop the encodings that an answer does not name; the first stays if it names none."""
        # [rfc8853:5.3.3/1] [rfc8853:5.3.3/3]
        encodings = transceiver.sender.encodings
        if len(encodings) > 1:
            kept = tuple(each for each in encodings if each.rid in agreed)
            transceiver.sender.replace_encodings(kept or encodings[:1])

    def _agree(self, transceiver: RtpTransceiver, direction: Direction) -> None:
        # [rfc3264:8.4/1] What is wanted stays: a peer that holds the call does not make us hold it.
        transceiver.current_direction = Direction.INACTIVE if transceiver.stopping else direction
        if direction.sends:
            transceiver.used_for_sending = True

    def _process(self, transceiver: RtpTransceiver, content: MediaContent | None) -> None:
        """Follow what the peer says about its track; None if it rejects the section."""
        direction = Direction.INACTIVE if content is None else content.direction.reversed
        streams: tuple[str, ...] = ()
        if content is not None and direction.receives:
            streams = (self._default_stream(),) if content.streams is None else content.streams
        self._process_remote(transceiver, direction, streams)

    def _process_remote(self, transceiver: RtpTransceiver, direction: Direction, streams: tuple[str, ...]) -> None:
        grown = self._set_streams(transceiver, streams)
        before = transceiver.fired_direction
        received = before is not None and before.receives
        # The track of a transceiver that was stopped has ended, and comes no more.
        if ((direction.receives and not received) or grown) and not transceiver.stopping:
            self._events.append(TrackAdded(transceiver, streams))
        if not direction.receives and received:
            self._mute(transceiver)
        transceiver.fired_direction = direction

    def _mute(self, transceiver: RtpTransceiver) -> None:
        transceiver.receiver.muted = True
        self._events.append(TrackMuted(transceiver))

    def _set_streams(self, transceiver: RtpTransceiver, streams: tuple[str, ...]) -> bool:
        """Put the remote track into streams, and return whether there are new ones among them."""
        before = transceiver.receiver.remote_stream_ids
        left = tuple(each for each in before if each not in streams)
        if left:
            self._events.append(TrackRemoved(transceiver, left))
        transceiver.receiver.remote_stream_ids = streams
        return any(each not in before for each in streams)

    def _stop(self, transceiver: RtpTransceiver, *, disappears: bool = False) -> None:
        if not transceiver.stopping and not disappears:
            self._events.append(TransceiverStopped(transceiver))
        transceiver.stopping = transceiver.stopped = True
        transceiver.current_direction = None
        transceiver.receiver.remote_stream_ids = ()

    def _finish(self, kind: SdpType, sections: tuple[MediaSection, ...]) -> None:
        """After a final answer, let go of the transceivers whose sections are rejected."""
        if kind is not SdpType.ANSWER:
            return
        rejected = {section.index for section in sections if section.rejected}
        self.transceivers = [
            each
            for each in self.transceivers
            if not (each.stopped and (each.association is None or each.association.index in rejected))
        ]
        self._made_by_peer = set()


def _has_names(encodings: tuple[SendEncoding, ...]) -> bool:
    return any(each.rid is not None for each in encodings)
