"""The media of a connection as the application sees it: transceivers, and what becomes of them (sections 5.1 and 4.7.3 of webrtc-pc)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.answer import continue_sections
from rtc_peer.association import Associations
from rtc_peer.capabilities import MID_EXTENSION, HeaderExtensionCapability, MediaKind, MediaOptions
from rtc_peer.configuration import RtpHeaderEncryptionPolicy
from rtc_peer.description import SdpType
from rtc_peer.errors import ArgumentError, OperationError, StateError
from rtc_peer.lip_sync import played_with
from rtc_peer.media_agreement import negotiated_media
from rtc_peer.media_content import MediaContent
from rtc_peer.media_flow import MediaFlow
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.section import MediaSection
from rtc_peer.sender import RtpSender, check_id, check_stream_ids, complete_encodings
from rtc_peer.state import SignalingState
from rtc_peer.track_events import TrackEvent
from rtc_peer.transceiver import RtpTransceiver, check_kind
from rtc_peer.wishes import MediaWish
from rtc_sdp import Direction, answer_direction

if TYPE_CHECKING:
    from rtc_peer.journal import Journal
    from rtc_peer.layers import Layers
    from rtc_peer.negotiation import Negotiator
    from rtc_rtp.parameters import ReceiveParameters, SendEncoding, SendParameters

_CNAME_LENGTH = 12
"""Random bytes of our name in RTCP: 96 bits, as :rfc:`7022#section-4.2` asks for."""

_NAME_LENGTH = 16
"""Random bytes of the names of tracks and streams."""

MAX_SPENT_SSRCS = 4096
"""SSRCs of the past that are remembered, so that none is used again; chance alone has to do for older ones."""


class MediaSurface:
    """The transceivers of a connection.

    Args:
        negotiator: Knows the sections.
        layers: Carry the media.
        options: What is negotiated.
        header_encryption: Whether header extensions are encrypted as a whole.
        rng: Source of randomness.
        journal: Knows the time.
    """

    def __init__(
        self,
        *,
        negotiator: Negotiator,
        layers: Layers,
        options: MediaOptions,
        header_encryption: RtpHeaderEncryptionPolicy,
        rng: Callable[[int], bytes],
        journal: Journal,
    ) -> None:
        self.options = options
        self._header_encryption = header_encryption
        self.touched = False
        """Whether something was changed that an offer may have to tell; cleared by who has looked."""
        self.stirred = False
        """Whether the transports have to be told anew; cleared by who has told them."""
        self.flow = layers.interpreter = MediaFlow(self, layers, journal)
        """The way of media to and from the transports."""
        self._negotiator = negotiator
        self._layers = layers
        self._journal = journal
        self._rng = rng
        self._count = 0
        self._cname = ""
        self._default_stream = ""
        self._foreign_ssrcs: frozenset[int] = frozenset()
        """Those that the latest description of the peer signals."""
        self._spent_ssrcs: dict[int, None] = {}
        """Those that anybody has drawn or signalled so far, in that order."""
        self._associations = Associations(
            make=self._make_for_peer,
            default_stream=self._name_default_stream,
            max_encodings=options.max_simulcast_encodings,
        )

    @property
    def transceivers(self) -> tuple[RtpTransceiver, ...]:
        """All that were not let go, in the order in which they were added."""
        return tuple(self._associations.transceivers)

    def transceiver(self, transceiver_id: int) -> RtpTransceiver | None:
        """Return a transceiver by its id."""
        return self._associations.by_id(transceiver_id)

    # --- commands ---

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
        """See `PeerConnection.add_transceiver`."""
        self._require_room()
        transceiver = self._make(
            check_kind(kind),
            direction=direction,
            stream_ids=check_stream_ids(stream_ids),
            track_id=None if track_id is None else check_id(track_id),
            encodings=encodings,
            receive_rids=tuple(dict.fromkeys(receive_rids)),
        )
        self.touch()
        return transceiver

    def add_track(self, kind: str, track_id: str, stream_ids: Iterable[str] = ()) -> RtpSender:
        """See `PeerConnection.add_track`."""
        self._require_room()
        streams, media_kind = check_stream_ids(stream_ids), check_kind(kind)
        check_id(track_id)
        senders = [each.sender for each in self.transceivers]
        if any(each.track_id == track_id and not each.transceiver.stopping for each in senders):
            raise ArgumentError(f"the track {track_id!r} is sent already")
        for sender in senders:
            transceiver = sender.transceiver
            free = sender.track_id is None and not transceiver.stopping and not transceiver.used_for_sending
            if free and sender.kind == media_kind:
                sender.track_id = track_id
                sender.set_streams(streams)
                transceiver.want_sending()
                break
        else:
            sender = self._make(media_kind, direction=Direction.SENDRECV, stream_ids=streams, track_id=track_id).sender
        self._associations.added_by_track.add(sender.transceiver.id)
        self.touch()
        return sender

    def remove_track(self, sender: RtpSender) -> None:
        """See `PeerConnection.remove_track`."""
        self.require_open()
        if not sender.belongs_to(self):
            raise ArgumentError("the sender is of another connection")
        transceiver = sender.transceiver
        if transceiver.stopping or transceiver not in self.transceivers or sender.track_id is None:
            return
        sender.track_id = None
        transceiver.unwant_sending()
        self.touch()

    def _require_room(self) -> None:
        self.require_open()
        if len(self._associations.transceivers) >= self.options.max_transceivers:
            raise OperationError(f"there are {self.options.max_transceivers} transceivers already")

    def _make(
        self,
        kind: MediaKind,
        *,
        direction: Direction,
        stream_ids: tuple[str, ...] = (),
        track_id: str | None = None,
        encodings: Sequence[SendEncoding] = (),
        receive_rids: tuple[str, ...] = (),
    ) -> RtpTransceiver:
        completed = complete_encodings(kind, encodings, self.new_ssrc, self.options.max_simulcast_encodings)
        transceiver = RtpTransceiver(
            self,
            self._count,
            kind,
            direction=direction,
            name=self._new_name(),
            track_id=track_id,
            stream_ids=stream_ids,
            encodings=completed,
            receive_rids=receive_rids,
            extensions=self._header_extensions(kind),
        )
        self._count += 1
        self._associations.transceivers.append(transceiver)
        return transceiver

    def _header_extensions(self, kind: MediaKind) -> tuple[HeaderExtensionCapability, ...]:
        """Return those of a new transceiver: as the first of its kind has them, and with what bundling cannot do without."""
        alike = (each for each in self._associations.transceivers if each.kind == kind and not each.stopping)
        first = next(alike, None)
        if first is None:
            return self.options.header_extensions(kind)
        return tuple(
            replace(each, direction=Direction.SENDRECV) if each.uri == MID_EXTENSION else each
            for each in first.header_extensions
        )

    def _make_for_peer(self, content: MediaContent) -> RtpTransceiver:
        transceiver = self._make(content.kind, direction=Direction.RECVONLY)
        if content.track_id is not None:
            transceiver.receiver.track_id = content.track_id
        return transceiver

    def _name_default_stream(self) -> str:
        self._default_stream = self._default_stream or self._new_name()
        return self._default_stream

    def _new_name(self) -> str:
        return self._rng(_NAME_LENGTH).hex()

    def new_ssrc(self) -> int:
        """Draw an SSRC that nobody has or, as far as we remember, ever had."""
        taken = self._foreign_ssrcs | {
            ssrc
            for each in self._associations.transceivers
            for encoding in each.sender.encodings
            for ssrc in (encoding.ssrc, encoding.rtx_ssrc, encoding.fec_ssrc)
        }
        while True:
            # [rfc3550:8/1] [rfc8834:11/1] [rfc9143:9.1/4] [rfc5576:5/3] [rfc5576:5/9] [rfc5576:5/10] [rfc5576:8/2]
            ssrc = int.from_bytes(self._rng(4), "big")
            if ssrc and ssrc not in taken and ssrc not in self._spent_ssrcs:
                self.spend_ssrcs((ssrc,))
                return ssrc

    def spend_ssrcs(self, ssrcs: Iterable[int]) -> None:
        """Remember SSRCs that somebody uses."""
        self._spent_ssrcs |= dict.fromkeys(ssrcs)
        while len(self._spent_ssrcs) > MAX_SPENT_SSRCS:
            del self._spent_ssrcs[next(iter(self._spent_ssrcs))]

    # --- what transceivers tell ---

    def require_open(self) -> None:
        """Refuse a command once the connection is closed.

        Raises:
            StateError: It is.
        """
        if self._negotiator.signaling.state is SignalingState.CLOSED:
            raise StateError("the connection is closed")

    def touch(self) -> None:
        """Something was changed that an offer may have to tell."""
        self.touched = True

    def stopped_by_application(self) -> None:
        """A transceiver was stopped: nothing flows through it from now on."""
        self._associations.release()
        self.touched = self.stirred = True

    def settings_changed(self, transceiver_id: int) -> None:
        """A sender or receiver has other settings, which count at once."""
        transceiver = self._associations.by_id(transceiver_id)
        self.stirred = self.stirred or (transceiver is not None and transceiver.association is not None)

    def send_parameters(self, transceiver_id: int) -> SendParameters | None:
        """Return what was negotiated about sending."""
        return next((each.send for each in self.negotiated() if each.transceiver_id == transceiver_id), None)

    def cryptex_negotiated(self, transceiver_id: int) -> bool:
        """Return whether packets are sent with their header extensions encrypted as a whole."""
        return any(each.cryptex for each in self.negotiated() if each.transceiver_id == transceiver_id)

    def receive_parameters(self, transceiver_id: int) -> ReceiveParameters | None:
        """Return what was negotiated about receiving."""
        return next((each.receive for each in self.negotiated() if each.transceiver_id == transceiver_id), None)

    def follow(self) -> None:
        """Tell the transports what was done to transceivers since they were told last."""
        if self.stirred:
            self.stirred = False
            self._layers.apply_media(self.negotiated(), self._journal.now)

    # --- negotiation ---

    def wishes(self) -> tuple[MediaWish, ...]:
        """Return what is wanted of each transceiver."""
        return tuple(self._wish(each) for each in self._associations.transceivers)

    def _wish(self, transceiver: RtpTransceiver) -> MediaWish:
        # [rfc8834:4.1/5] [rfc8834:4.9/1] [rfc8834:4.9/2] [rfc8834:4.9/3] [rfc8827:9.2/4]
        self._cname = self._cname or self._rng(_CNAME_LENGTH).hex()
        return MediaWish(
            transceiver_id=transceiver.id,
            kind=transceiver.kind,
            index=None if transceiver.association is None else transceiver.association.index,
            direction=transceiver.direction,
            stopping=transceiver.stopping,
            codecs=transceiver.codecs,
            has_preferences=bool(transceiver.codec_preferences),
            extensions=transceiver.header_extensions,
            cryptex=self._header_encryption is not RtpHeaderEncryptionPolicy.DISABLE,
            streams=transceiver.sender.stream_ids,
            track_id=transceiver.name,
            source=transceiver.sender.source(self._cname),
            send_rids=transceiver.sender.rids,
            receive_rids=transceiver.receive_rids,
            max_encodings=self.options.max_simulcast_encodings,
            rtcp=self.options.rtcp_terms,
        )

    def offer_begins(self) -> None:
        """An offer is about to be applied in the state stable."""
        self._associations.remember()

    def rolled_back(self, *, remote: bool) -> None:
        """The pending offer was given up."""
        self._associations.rolled_back(remote=remote)

    def description_applied(self, kind: SdpType, *, remote: bool) -> None:
        """A description was applied.

        Args:
            kind: Its type; no rollback.
            remote: Whether it is the peer's.
        """
        sections = self._negotiator.sections
        theirs = self._negotiator.remote
        if not remote:
            self._associations.local_applied(kind, sections)
        elif theirs is not None and kind is SdpType.OFFER:
            self._associations.remote_offered(theirs, continue_sections(theirs, sections))
        elif theirs is not None:
            self._associations.remote_answered(kind, sections, theirs)
        if kind is SdpType.ANSWER:
            self._keep_header_extensions(sections, remote=remote)
        if remote and theirs is not None:
            self._leave_ssrcs(theirs.ssrcs)
        self._follow_clock_rates()

    def _keep_header_extensions(self, sections: Sequence[MediaSection], *, remote: bool) -> None:
        """Let later descriptions have the header extensions of this answer, as WebRTC Extensions wants."""
        for section in sections:
            transceiver = None if section.transceiver_id is None else self._associations.by_id(section.transceiver_id)
            if transceiver is not None and section.agreed is not None:
                answer = section.agreed.remote if remote else section.agreed.local
                directions: dict[str, Direction] = {}
                for each in answer.extensions:
                    # Of the forms in the clear and encrypted, the one in use counts.
                    if each.direction is not Direction.INACTIVE or each.uri not in directions:
                        directions[each.uri] = each.direction or Direction.SENDRECV
                transceiver.keep_header_extensions(
                    {uri: found.reversed if remote else found for uri, found in directions.items()}
                )

    def _leave_ssrcs(self, signalled: frozenset[int]) -> None:
        """Take other SSRCs where the peer has signalled ours as its own; our next description tells of them."""
        self._foreign_ssrcs = signalled
        self.spend_ssrcs(sorted(signalled))
        # [rfc8834:4.8/5] [rfc5576:5/6]
        for transceiver in self._associations.transceivers:
            transceiver.sender.leave_ssrcs(signalled)

    def _follow_clock_rates(self) -> None:
        for media in self.negotiated():
            transceiver = self._associations.by_id(media.transceiver_id)
            if media.sends and media.send is not None and transceiver is not None:
                transceiver.sender.follow_clock_rate(media.send.codecs[0].clock_rate)

    def negotiated(self) -> tuple[NegotiatedMedia, ...]:
        """Return what the transports are to do, for all sections."""
        offering = self._negotiator.signaling.state is SignalingState.HAVE_LOCAL_OFFER
        found = []
        for section in self._negotiator.sections:
            transceiver = None if section.transceiver_id is None else self._associations.by_id(section.transceiver_id)
            media = (
                None
                if transceiver is None
                else negotiated_media(
                    section,
                    transceiver,
                    cname=self._cname,
                    offering=offering,
                    played_with=played_with(section.mid, self._negotiator.lip_sync),
                    requires_cryptex=self._header_encryption is RtpHeaderEncryptionPolicy.REQUIRE,
                )
            )
            if media is not None:
                found.append(media)
        return tuple(found)

    def events(self) -> list[TrackEvent]:
        """Drain what happened to tracks."""
        return self._associations.drain()

    def needs_negotiation(self) -> bool:
        """Whether a transceiver is not what the current descriptions say (section 4.7.3 of webrtc-pc)."""
        sections = self._negotiator.stable
        return any(self._is_unsaid(each, sections) for each in self._associations.transceivers)

    def _is_unsaid(self, transceiver: RtpTransceiver, sections: Sequence[MediaSection]) -> bool:
        section = next((each for each in sections if each.transceiver_id == transceiver.id), None)
        if transceiver.stopping:
            return not transceiver.stopped or (section is not None and not section.rejected)
        if section is None or section.agreed is None:
            return True
        local, remote = section.agreed.local, section.agreed.remote
        wanted = transceiver.direction
        if wanted.sends and local.streams != transceiver.sender.stream_ids:
            return True
        current = self._negotiator.signaling.current_local
        if current is not None and current.type is SdpType.OFFER:
            return wanted not in (local.direction, remote.direction.reversed)
        return local.direction is not answer_direction(remote.direction, wanted)
