"""RtpSender: what leaves through a transceiver (RFC 8829 section 3.4.2, section 5.2 of webrtc-pc)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rtc_peer.errors import ArgumentError, ModificationError, StateError
from rtc_peer.media_content import Source
from rtc_rtp.parameters import SendEncoding

if TYPE_CHECKING:
    from rtc_peer.media_services import MediaServices
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_rtp import EncodedFrame, ExtensionMap, RtpPacket
    from rtc_rtp.parameters import SendParameters

MAX_ID_LENGTH: Final = 64
"""Characters of a track's or a stream's identifier that fit into a description (:rfc:`8830#section-2`)."""
MAX_RID_LENGTH: Final = 255

_FIXED_FIELDS: Final = ("ssrc", "rtx_ssrc", "fec_ssrc", "rid")


class RtpSender:
    """What leaves through one transceiver. Made by the connection alone."""

    __slots__ = ("_clock_rate", "_encodings", "_services", "_stream_ids", "track_id", "transceiver")

    def __init__(
        self,
        services: MediaServices,
        transceiver: RtpTransceiver,
        *,
        track_id: str | None,
        stream_ids: tuple[str, ...],
        encodings: tuple[SendEncoding, ...],
    ) -> None:
        self._services = services
        self.transceiver = transceiver
        self.track_id = track_id
        """The application's name for what is sent; None while there is nothing to send. Assign to exchange it: no negotiation."""
        self._stream_ids = stream_ids
        self._encodings = encodings
        self._clock_rate: int | None = None
        """Of the codec that was agreed upon for sending last."""

    @property
    def id(self) -> str:
        """Names the sender within its connection; stands for the track in descriptions."""
        return self.transceiver.name

    @property
    def kind(self) -> str:
        """Audio or video."""
        return self.transceiver.kind

    @property
    def stream_ids(self) -> tuple[str, ...]:
        """The MediaStreams that the peer shall see the track in."""
        return self._stream_ids

    def set_streams(self, stream_ids: Iterable[str]) -> None:
        """Put the track into other streams; the next offer tells the peer.

        Raises:
            StateError: The connection is closed.
            ArgumentError: An identifier does not fit into a description.
        """
        self._services.require_open()
        checked = check_stream_ids(stream_ids)
        if checked != self._stream_ids:
            self._stream_ids = checked
            self._services.touch()

    @property
    def encodings(self) -> tuple[SendEncoding, ...]:
        """The encodings side by side: one, or those of simulcast."""
        return self._encodings

    def set_encodings(self, encodings: Iterable[SendEncoding]) -> None:
        """Change activity, bounds and priorities of the encodings. Takes effect at once, without a negotiation.

        Raises:
            StateError: The transceiver was stopped, or the connection is closed.
            ModificationError: Number, order, names or SSRCs of the encodings differ.
            ArgumentError: A value is out of range.
        """
        self._services.require_open()
        if self.transceiver.stopping:
            raise StateError("the transceiver was stopped")
        changed = tuple(encodings)
        fixed = [tuple(getattr(each, name) for name in _FIXED_FIELDS) for each in changed]
        if fixed != [tuple(getattr(each, name) for name in _FIXED_FIELDS) for each in self._encodings]:
            raise ModificationError("number, order, names and SSRCs of the encodings cannot be changed")
        check_encodings(self.transceiver.kind, changed)
        self._encodings = changed
        self._services.settings_changed(self.transceiver.id)

    def replace_encodings(self, encodings: tuple[SendEncoding, ...]) -> None:
        """Take what negotiation makes of the encodings. Not for applications."""
        self._encodings = encodings

    def name_encodings(self, rids: Sequence[str]) -> None:
        """Take the names of the encodings that the peer wants; the first of them is what was there. Not for applications."""
        only = self._encodings[0]
        most = len(rids) - 1
        self._encodings = tuple(
            replace(
                only if index == 0 else SendEncoding(ssrc=self._services.new_ssrc()),
                rid=rid,
                rtx_ssrc=only.rtx_ssrc if index == 0 else self._services.new_ssrc(),
                fec_ssrc=only.fec_ssrc if index == 0 else self._services.new_ssrc(),
                scale_resolution_down_by=2.0 ** (most - index),
            )
            for index, rid in enumerate(rids)
        )

    def follow_clock_rate(self, clock_rate: int) -> None:
        """Take other SSRCs if the codec in use from now on has another clock rate (RFC 7160). Not for applications."""
        # [rfc8829:5.11/6] [rfc8829:5.11/7] [rfc8834:4.3/5]
        if self._clock_rate not in (None, clock_rate):
            self._encodings = tuple(replace(each, ssrc=self._services.new_ssrc()) for each in self._encodings)
        self._clock_rate = clock_rate

    def leave_ssrcs(self, taken: frozenset[int]) -> None:
        """Take other SSRCs in place of those that are taken. Not for applications."""

        def kept(ssrc: int) -> int:
            return self._services.new_ssrc() if ssrc in taken else ssrc

        self._encodings = tuple(
            replace(
                each,
                ssrc=kept(each.ssrc),
                rtx_ssrc=None if each.rtx_ssrc is None else kept(each.rtx_ssrc),
                fec_ssrc=None if each.fec_ssrc is None else kept(each.fec_ssrc),
            )
            for each in self._encodings
        )

    # --- media ---

    def send_frame(self, frame: EncodedFrame, *, rid: str | None = None, now: float | None = None) -> None:
        """Queue an encoded frame; flush next.

        Nothing is kept for later: what comes before the connection is up, while the direction does not let it leave, while
        its encoding is not active or while a tone is played, is dropped. `rtc_peer.KeyFrameRequested` tells when a picture
        that stands alone is needed.

        Args:
            frame: Whole; ``timestamp`` counts in the codec's clock from a beginning of the caller's choice.
            rid: Name of the encoding; None for the only one.
            now: Present time in seconds, from which the peer's synchronisation is computed; None for that of the last
                packet that came or left.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such encoding, or the frame is of no negotiated format.
            rtc_rtp.BufferFullError: Too much waits to be sent.
        """
        self._services.flow.send_frame(self.transceiver.id, frame, rid, now)

    def send_packet(
        self,
        packet: RtpPacket,
        *,
        rid: str | None = None,
        rewrite: bool = True,
        payload_type: int | None = None,
        extension_map: ExtensionMap | None = None,
        now: float | None = None,
    ) -> None:
        """Queue an RTP packet that is ready or came from elsewhere; flush next. What cannot leave now is dropped.

        Args:
            packet: It is copied. Its payload type is one of `parameters`, unless `payload_type` is given.
            rid: Name of the encoding; None for the only one.
            rewrite: Give the packet the SSRC, sequence numbers and timestamps of the encoding; see
                `rtc_rtp.RtpSession.send_packet`.
            payload_type: The one to leave under.
            extension_map: What the packet's header extensions mean; None if they have the identifiers of this sender.
            now: As for `send_frame`.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such encoding, or the packet has another SSRC and is not to be rewritten.
            rtc_rtp.BufferFullError: Too much waits to be sent.
        """
        payload_types = None if payload_type is None else {packet.payload_type: payload_type}
        self.send_packets(
            (packet,), rid=rid, rewrite=rewrite, payload_types=payload_types, extension_map=extension_map, now=now
        )

    def send_packets(
        self,
        packets: Sequence[RtpPacket],
        *,
        rid: str | None = None,
        rewrite: bool = True,
        payload_types: Mapping[int, int] | None = None,
        extension_map: ExtensionMap | None = None,
        now: float | None = None,
    ) -> None:
        """Queue RTP packets of one source that came together, all or none; flush next: the fast path of `send_packet`.

        Args:
            packets: In their order.
            rid: As for `send_packet`, as the others.
            rewrite: Whether the packets become those of the encoding.
            payload_types: The ones to leave under, by those that the packets have; others stay.
            extension_map: What the header extensions of the packets mean.
            now: As for `send_frame`.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such encoding, or a packet has another SSRC and is not to be rewritten.
            rtc_rtp.BufferFullError: Too much waits to be sent.
        """
        self._services.flow.send_packets(
            self.transceiver.id,
            packets,
            rid=rid,
            rewrite=rewrite,
            payload_types=payload_types,
            extension_map=extension_map,
            now=now,
        )

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether tones can be sent: the connection is up, the direction lets them, and the peer takes telephone events."""
        return self._services.flow.can_insert_dtmf(self.transceiver.id)

    def insert_dtmf(
        self, tones: str, *, duration_ms: float = 100, gap_ms: float = 70, now: float | None = None
    ) -> None:
        """Play telephone tones after the one that is playing, in place of all that wait; flush next.

        `rtc_peer.ToneSent` tells when each begins, and when all are done. Audio gives way to them.

        Args:
            tones: Of ``0`` to ``9``, ``A`` to ``D``, ``#`` and ``*``; a comma is a pause of two seconds.
            duration_ms: Of each tone; brought into 40 to 6000.
            gap_ms: Between two tones; at least 30.
            now: As for `send_frame`.

        Raises:
            StateError: `can_insert_dtmf` is false.
            ArgumentError: There is no such tone; none is played.
        """
        if not self.can_insert_dtmf:
            raise StateError("tones cannot be sent now")
        self._services.flow.insert_dtmf(
            self.transceiver.id, tones, duration=duration_ms / 1000, gap=gap_ms / 1000, now=now
        )

    def resume(self, *, rid: str | None = None, now: float | None = None) -> None:
        """Let media go on that the circuit breaker holds back, because a person wants to try again; flush next.

        `rtc_peer.TargetBitrateChanged` told that nothing may be sent (a share of 0), and tells when something may: once the
        stream has rested for as long as it took to see that it must, longer each time. Where nothing is held back nothing
        happens.

        Args:
            rid: Name of the encoding; None for all of them.
            now: As for `send_frame`.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such encoding.

        See :rfc:`8083#section-4.5`.
        """
        self._services.flow.resume(self.transceiver.id, rid=rid, now=now)

    # --- within ---

    def belongs_to(self, services: MediaServices) -> bool:
        """Whether it is of that connection."""
        return self._services is services

    @property
    def parameters(self) -> SendParameters | None:
        """What was negotiated; None before that."""
        return self._services.send_parameters(self.transceiver.id)

    @property
    def rids(self) -> tuple[str, ...]:
        """Names of the encodings; none if there is a single one without a name."""
        return tuple(each.rid for each in self._encodings if each.rid is not None)

    def source(self, cname: str) -> Source:
        """Return what descriptions announce of the first encoding."""
        first = self._encodings[0]
        return Source(ssrc=first.ssrc, cname=cname, rtx_ssrc=first.rtx_ssrc, fec_ssrc=first.fec_ssrc)

    def __repr__(self) -> str:
        return f"<RtpSender {self.id}: {self.kind}, {len(self._encodings)} encodings>"


def check_stream_ids(stream_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the identifiers of streams, each once.

    Raises:
        ArgumentError: One does not fit into a description.
    """
    found = tuple(dict.fromkeys(stream_ids))
    for each in found:
        check_id(each)
    return found


def check_id(name: str) -> str:
    """Return the identifier of a track or stream.

    Raises:
        ArgumentError: It does not fit into a description.
    """
    # [rfc8830:2/1]
    if not 0 < len(name) <= MAX_ID_LENGTH or not all(
        0x21 <= ord(char) <= 0x7E and char not in '"(),/:;<=>?@[\\]' for char in name
    ):
        raise ArgumentError(f"{name!r} is no identifier of 1 to {MAX_ID_LENGTH} token characters")
    return name


def check_encodings(kind: str, encodings: Sequence[SendEncoding]) -> None:
    """Check the values of encodings.

    Raises:
        ArgumentError: One is out of range.
    """
    rids = [each.rid for each in encodings if each.rid is not None]
    if rids and (len(rids) != len(encodings) or len(set(rids)) != len(rids)):
        raise ArgumentError("either all encodings have names, all different, or none has")
    for rid in rids:
        if not 0 < len(rid) <= MAX_RID_LENGTH or not all(char.isascii() and char.isalnum() for char in rid):
            raise ArgumentError(f"{rid!r} is no name of letters and digits")
    for each in encodings:
        # Written so that what is no number fails as well.
        if not each.scale_resolution_down_by >= 1:
            raise ArgumentError("resolution can only be scaled down: scale_resolution_down_by is at least 1")
        if each.max_framerate is not None and not each.max_framerate >= 0:
            raise ArgumentError("max_framerate is not negative")
        if each.max_bitrate_bps is not None and each.max_bitrate_bps < 0:
            raise ArgumentError("max_bitrate_bps is not negative")
    if kind == "audio" and len(encodings) > 1:
        raise ArgumentError("audio has one encoding")


def complete_encodings(
    kind: str, wished: Sequence[SendEncoding], new_ssrc: Callable[[], int], most: int
) -> tuple[SendEncoding, ...]:
    """Return the encodings that a new sender has, with SSRCs and, where there are several, with names.

    Args:
        kind: Audio or video.
        wished: By the application; an SSRC of 0 is drawn.
        new_ssrc: Draws an SSRC.
        most: Encodings that one sender may have.
    """
    check_encodings(kind, wished)
    encodings = list(wished[:most]) or [SendEncoding(ssrc=0)]
    if len(encodings) == 1:
        encodings = [replace(encodings[0], rid=None)]
    # [rfc8829:5.2.1/35] [rfc8829:5.2.1/36] [rfc8829:5.2.1/37]
    if len(encodings) > 1 and encodings[0].rid is None:
        encodings = [replace(each, rid=str(index)) for index, each in enumerate(encodings)]
    # [rfc8853:5.2/10]
    if kind == "video" and len(encodings) > 1 and all(each.scale_resolution_down_by == 1 for each in encodings):
        encodings = [
            replace(each, scale_resolution_down_by=2.0 ** (len(encodings) - index - 1))
            for index, each in enumerate(encodings)
        ]
    return tuple(
        replace(
            each,
            ssrc=each.ssrc or new_ssrc(),
            rtx_ssrc=(each.rtx_ssrc or new_ssrc()) if kind == "video" else None,
            fec_ssrc=(each.fec_ssrc or new_ssrc()) if kind == "video" else None,
        )
        for each in encodings
    )
