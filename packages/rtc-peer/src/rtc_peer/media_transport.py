"""The media of one transport: an RTP session above SRTP (RFC 8834).

::

    NegotiatedMedia ──► senders, receivers ──► RtpSession ◄── whose? ──► BundleRouter
                                               │        ▲
                                        packets│        │packets
                                               ▼        │
                                              SrtpTransport ◄── keys ── DTLS
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import rtc_dtls
import rtc_rtp
from rtc_dtls import DtlsConnection
from rtc_peer.bundle_router import BundleRouter, RoutedSection
from rtc_peer.capabilities import MID_EXTENSION, REPAIRED_RID_EXTENSION, RID_EXTENSION
from rtc_peer.errors import ArgumentError
from rtc_peer.events import WarningIssued
from rtc_peer.journal import Journal
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.rtcp_terms import together
from rtc_peer.srtp_transport import MAX_OVERHEAD, HeaderEncryption, SrtpTransport
from rtc_peer.stats import PeerStats
from rtc_rtp import (
    EncodedFrame,
    ExtensionMap,
    KeyFrameRequested,
    ReceiveParameters,
    RtcpParameters,
    RtpPacket,
    RtpSession,
    SendParameters,
    SessionOptions,
    Source,
    StreamEnded,
)

_TONES: Final = frozenset(f"{rtc_rtp.DTMF_TONES},")

_EXTENSION_FLAG: Final = 0x10

MediaTransportEvent: TypeAlias = "rtc_rtp.Event | WarningIssued"


class MediaTransport:
    """The RTP session of one transport.

    Senders and receivers go by the numbers of their transceivers.

    Args:
        transport_id: Names it to people.
        rng: Source of randomness.
        options: Settings of the session; None for those of WebRTC.
        mtu: Bytes of the longest datagram.
        journal: Takes what is dropped, and records.
        now: Present time in seconds.
    """

    __slots__ = (
        "_events",
        "_journal",
        "_missed",
        "_refused_extension_ids",
        "_router",
        "_rtcp",
        "_transport_id",
        "receivers",
        "senders",
        "session",
        "srtp",
    )

    def __init__(
        self,
        transport_id: int,
        *,
        rng: Callable[[int], bytes],
        options: SessionOptions | None,
        mtu: int,
        journal: Journal,
        now: float,
    ) -> None:
        self._transport_id = transport_id
        self._events: list[MediaTransportEvent] = []
        self._missed: dict[tuple[int, str | None], None] = {}
        """Encodings whose frames came before the keys, in their order."""
        self._refused_extension_ids: frozenset[int] = frozenset()
        """Of header extensions that are to come encrypted, under another identifier."""
        self._journal = journal
        self._router = BundleRouter()
        self._rtcp = RtcpParameters()
        self.srtp = SrtpTransport(journal)
        self.senders: dict[int, SendParameters] = {}
        """In force, by transceiver."""
        self.receivers: dict[int, ReceiveParameters] = {}
        self.session = RtpSession(
            now=now,
            rng=rng,
            ntp_time=journal.time_of_day(now),
            options=options or _options(mtu),
            trace=journal.trace,
        )
        self.session.set_router(self._router)

    # --- what negotiation asks ---

    def apply(self, media: Sequence[NegotiatedMedia]) -> None:
        """Take what all sections of this transport send and receive from now on."""
        self.srtp.encrypt_headers(_sent_headers(media), _received_headers(media))
        self._refused_extension_ids = frozenset(number for each in media for number in each.refused_extension_ids)
        rtcp = together([each.rtcp for each in media if each.rtcp is not None])
        if rtcp != self._rtcp:
            self._rtcp = rtcp
            self.session.set_rtcp(rtcp)
        self._apply_senders({each.transceiver_id: each for each in media})
        self._apply_receivers({each.transceiver_id: each.receive for each in media if each.receives and each.receive})

    def _apply_senders(self, media: Mapping[int, NegotiatedMedia]) -> None:
        for key in [key for key in self.senders if key not in media]:
            # The section has ended, which BYE tells the peer.
            self.session.remove_sender(key)
            del self.senders[key]
        for key, section in media.items():
            if section.send is not None:
                # A sender that is put on hold keeps its sequence numbers, and RTCP goes on: no BYE.
                wanted = section.send if section.sends else _silenced(section.send)
                if wanted != self.senders.get(key):
                    self.senders[key] = wanted
                    self.session.add_sender(key, wanted)
        self.srtp.repeating = frozenset(ssrc for each in self.senders.values() for ssrc in _repeating(each))

    def _apply_receivers(self, wanted: dict[int, ReceiveParameters]) -> None:
        for key in [key for key in self.receivers if key not in wanted]:
            self.session.remove_receiver(key)
        for key, parameters in wanted.items():
            if parameters != self.receivers.get(key):
                self.session.add_receiver(key, parameters)
        self.receivers = wanted
        # [rfc9143:9.2/1]
        self._router.configure(_routed(key, parameters) for key, parameters in wanted.items())
        self.session.set_router(self._router)

    # --- what the application asks ---

    def send_frame(self, key: int, frame: EncodedFrame, now: float | None, *, rid: str | None = None) -> None:
        """Queue an encoded frame. One that comes before negotiation and keys is dropped: it would be old once they are here.

        Raises:
            ArgumentError: There is no such encoding, or the frame is of no negotiated format.
            rtc_rtp.BufferFullError: Too much waits already.
        """
        if self._is_ready(key, rid):
            try:
                self.session.send_frame(key, frame, rid=rid, now=now)
            except ValueError as error:
                raise ArgumentError(str(error)) from error

    def send_packets(
        self,
        key: int,
        packets: Sequence[RtpPacket],
        now: float | None,
        *,
        rid: str | None = None,
        rewrite: bool = True,
        payload_types: Mapping[int, int] | None = None,
        extension_map: ExtensionMap | None = None,
    ) -> None:
        """Queue RTP packets that somebody else made; see `rtc_rtp.RtpSession.send_packets`.

        Raises:
            ArgumentError: There is no such encoding, or a packet does not fit it.
            rtc_rtp.BufferFullError: Too much waits already.
        """
        if self._is_ready(key, rid):
            try:
                self.session.send_packets(
                    key,
                    packets,
                    rid=rid,
                    rewrite=rewrite,
                    payload_types=payload_types,
                    extension_map=extension_map,
                    now=now,
                )
            except ValueError as error:
                raise ArgumentError(str(error)) from error

    def can_insert_dtmf(self, key: int) -> bool:
        """Whether tones can be sent: the way is open, the sender may send, and the peer takes telephone events."""
        parameters = self.senders.get(key)
        if parameters is None or self.srtp.profile is None:
            return False
        return bool(parameters.telephone_event_payload_types) and parameters.encodings[0].active

    def insert_dtmf(self, key: int, tones: str, *, duration: float, gap: float, now: float) -> None:
        """Play tones; audio gives way to them.

        Raises:
            ArgumentError: There is no such tone, or they are too many.
        """
        unknown = set(tones.upper()) - _TONES
        if unknown:
            raise ArgumentError(f"{''.join(sorted(unknown))!r} cannot be sent")
        try:
            self.session.send_tones(key, tones, now, duration=duration, gap=gap)
        except ValueError as error:
            raise ArgumentError(str(error)) from error

    def _is_ready(self, key: int, rid: str | None) -> bool:
        """Whether media may be put into the session now."""
        if key not in self.senders:
            return False
        if self.srtp.profile is None:
            self._missed[key, rid] = None
            return False
        return True

    def resume(self, key: int, *, rid: str | None, now: float) -> None:
        """Let a sender go on that the circuit breaker holds back.

        Raises:
            ArgumentError: There is no such encoding.
        """
        if key in self.senders:
            try:
                self.session.resume_sender(key, rid=rid, now=now)
            except ValueError as error:
                raise ArgumentError(str(error)) from error

    def request_key_frame(self, key: int, *, rid: str | None = None) -> None:
        """Ask the peer for a key frame.

        Nothing happens if nothing arrives yet, or if the peer did not promise to listen.
        """
        if key in self.receivers:
            self.session.request_key_frame(key, rid)

    def sources(self, key: int) -> tuple[list[Source], list[Source]]:
        """Return whom one hears or sees of late: synchronization sources and contributing sources."""
        if key not in self.receivers:
            return [], []
        return self.session.synchronization_sources(key), self.session.contributing_sources(key)

    # --- what the layers below tell ---

    def key(self, connection: DtlsConnection, now: float) -> None:
        """Take the keys of a handshake that is over, and then what came before them. Does nothing if they are here."""
        try:
            if not self.srtp.key(connection):
                return
        except rtc_dtls.StateError as error:
            # [rfc8834:4.2/2] Without keys there is no media, and never media without protection.
            self._events.append(WarningIssued(f"no media on transport {self._transport_id}: {error}"))
            return
        # Encoders that have begun already begin anew.
        missed = [(key, rid) for key, rid in self._missed if key in self.senders and self.senders[key].kind == "video"]
        self._events += [KeyFrameRequested(sender_id=key, rid=rid) for key, rid in missed]
        self._missed = {}
        self.receive(self.srtp.take_early(), now)

    def receive(self, packets: Iterable[bytes], now: float) -> None:
        """Take SRTP and SRTCP packets that arrived together on proven paths."""
        plain = self.srtp.unprotect(packets)
        if self._refused_extension_ids:
            self._count_readable(plain)
        if plain:
            self.session.receive_datagrams(plain, now)

    def _count_readable(self, packets: Iterable[bytes]) -> None:
        """Count packets with header extensions in the clear that the peer agreed to encrypt. Nobody looks at these."""
        for packet in packets:
            if packet[0] & _EXTENSION_FLAG and not rtc_rtp.is_rtcp(packet):
                try:
                    found = RtpPacket.parse(packet).extensions
                except rtc_rtp.ParseError:
                    continue
                if not self._refused_extension_ids.isdisjoint(found):
                    self._journal.drop("rtp:readable header extension")

    # --- the contract of every machine, as far as it is asked ---

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain what is to be sent, protected. Without keys nothing is, and nothing is taken from the session."""
        if self.srtp.profile is None:
            return []
        packets = self.session.datagrams_to_send(now)
        return self.srtp.protect(packets) if packets else []

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self.srtp.profile is not None:
            self.session.handle_timeout(now)

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again; never without keys."""
        return None if self.srtp.profile is None else self.session.next_timeout()

    @property
    def has_events(self) -> bool:
        """Whether `drain` returns something."""
        return bool(self._events) or self.session.has_events

    def drain(self) -> list[MediaTransportEvent]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        said = self.session.events()
        for event in said:
            if isinstance(event, StreamEnded) and event.reason is rtc_rtp.EndReason.BYE:
                # One that is silent for long may go on without naming its section again.
                self._router.forget(event.ssrc)
        return events + said

    def close(self, now: float) -> None:
        """End all streams; the peer is told by what `datagrams_to_send` returns next."""
        self.session.close(now)

    def count_drops(self, stats: PeerStats) -> None:
        """Add what the session has dropped."""
        stats.add_layer("rtp", self.session.stats.dropped)


def _options(mtu: int) -> SessionOptions:
    """Return the settings of a session whose packets fit into datagrams when they are protected."""
    longest = min(mtu, SessionOptions().max_packet_size) - MAX_OVERHEAD
    # A source needs no probation: SRTP has shown that its first packet is the peer's.
    return SessionOptions(max_packet_size=longest, probation=0)


def _sent_headers(media: Sequence[NegotiatedMedia]) -> HeaderEncryption:
    agreed = [each for each in media if each.send is not None]
    return HeaderEncryption(
        extension_ids=frozenset(
            number for each in agreed if each.send is not None for number in each.send.header_extensions.encrypted
        ),
        # [rfc9335:4/5]
        cryptex=bool(agreed) and all(each.cryptex for each in agreed),
        required=any(each.requires_cryptex for each in media),
    )


def _received_headers(media: Sequence[NegotiatedMedia]) -> HeaderEncryption:
    return HeaderEncryption(
        extension_ids=frozenset(
            number for each in media if each.receive is not None for number in each.receive.header_extensions.encrypted
        ),
        # [rfc9335:4/4]
        cryptex=any(each.accepts_cryptex for each in media),
        required=any(each.requires_cryptex for each in media),
    )


def _silenced(parameters: SendParameters) -> SendParameters:
    """Return parameters under which nothing but RTCP leaves."""
    return replace(parameters, encodings=tuple(replace(each, active=False) for each in parameters.encodings))


def _repeating(parameters: SendParameters) -> list[bytes]:
    """Return the SSRCs of streams of which the peer may ask for packets again that are then sent as they were."""
    asks = any("nack" in codec.feedback for codec in parameters.codecs)
    return [each.ssrc.to_bytes(4, "big") for each in parameters.encodings if asks and each.rtx_ssrc is None]


def _routed(key: int, parameters: ReceiveParameters) -> RoutedSection:
    """Return what tells the streams of a section from others."""
    extensions = parameters.header_extensions
    rids = (extensions.id_of(RID_EXTENSION), extensions.id_of(REPAIRED_RID_EXTENSION))
    return RoutedSection(
        receiver_id=key,
        mid=parameters.mid or "",
        payload_types=_payload_types(parameters),
        ssrcs=_sources(parameters),
        rids=parameters.rids,
        mid_extension_id=extensions.id_of(MID_EXTENSION),
        rid_extension_ids=tuple(each for each in rids if each is not None),
    )


def _payload_types(parameters: ReceiveParameters) -> frozenset[int]:
    """Return everything that a section may receive."""
    found = {codec.payload_type for codec in parameters.codecs} | set(parameters.telephone_event_payload_types.values())
    optional = [codec.rtx_payload_type for codec in parameters.codecs]
    optional += [parameters.red_payload_type, parameters.ulpfec_payload_type, parameters.flexfec_payload_type]
    return frozenset(found | {each for each in optional if each is not None})


def _sources(parameters: ReceiveParameters) -> tuple[int, ...]:
    """Return the SSRCs that the peer has signalled, with those that repair them."""
    found: dict[int, None] = {}
    for ssrc, association in parameters.ssrcs.items():
        found |= {each: None for each in (ssrc, association.rtx_ssrc, association.fec_ssrc) if each is not None}
    return tuple(found)
