"""One RTP session over one transport: everything between frames or packets and datagrams. See :rfc:`3550`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rtc_rtp.context import Context, Trace
from rtc_rtp.errors import ParseError, StateError
from rtc_rtp.events import Event
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.header_extension import ExtensionMap
from rtc_rtp.inbound import Inbound
from rtc_rtp.options import SessionOptions
from rtc_rtp.outbound import Outbound
from rtc_rtp.packet import RTCP_TYPES, RtpPacket
from rtc_rtp.parameters import ReceiveParameters, RtcpParameters, SendParameters, StreamId
from rtc_rtp.receiving.sources import Source
from rtc_rtp.reporting.control import Control
from rtc_rtp.router import Router
from rtc_rtp.sending.sender import check
from rtc_rtp.stats import InboundStats, OutboundStats, SessionStats
from rtc_rtp.tone_sender import DEFAULT_TONE_DURATION, DEFAULT_TONE_GAP

_NEVER = float("inf")


class RtpSession:
    """One end of an RTP session; its datagrams are RTP and RTCP packets, multiplexed (:rfc:`5761`) and not protected.

    The loop: hand in what arrived (``receive_datagrams``), call ``handle_timeout`` when ``next_timeout`` is reached, and
    after every call drain ``events`` and ``datagrams_to_send``. Commands only queue. `is_rtcp` tells the outputs apart
    for whoever protects them.

    Args:
        now: Seconds, the first reading of the caller's clock.
        rng: Source of random bytes, such as ``os.urandom``.
        ntp_time: Wall-clock time at `now`, seconds since 1970: what reports tell the peer.
        cname: Canonical name of this end (:rfc:`7022`); made from `rng` if it is ``None``.
        options: Settings; the defaults are those for WebRTC.
        trace: Called with structured records of what happens; changes nothing.
    """

    __slots__ = ("_closing", "_context", "_control", "_control_due", "_inbound", "_outbound", "_timeout")

    def __init__(
        self,
        *,
        now: float,
        rng: Callable[[int], bytes],
        ntp_time: float,
        cname: str | None = None,
        options: SessionOptions | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._context = Context(now=now, rng=rng, ntp_time=ntp_time, options=options or SessionOptions(), trace=trace)
        self._outbound = Outbound(self._context)
        self._inbound = Inbound(self._context, self._outbound)
        self._control = Control(self._context, self._inbound, self._outbound, cname)
        self._closing = False
        self._timeout = _NEVER
        self._control_due = 0.0
        """When RTCP has something to say; holds while nothing is stirred."""

    # --- what it is ---

    @property
    def closed(self) -> bool:
        """Whether it ended; inputs are then ignored and commands raise."""
        return self._closing and not self._context.dirty

    @property
    def stats(self) -> SessionStats:
        """The counters of the session as a whole."""
        stats = self._context.stats
        stats.round_trip_time = self._context.round_trip_time.smoothed
        return stats

    @property
    def cname(self) -> str:
        """Canonical name of this end, as reports tell it."""
        return self._control.cname

    def sender_stats(self, sender_id: StreamId) -> dict[str | None, OutboundStats]:
        """Return the counters of a sender's encodings by their name.

        Raises:
            StateError: There is no such sender.
        """
        return self._outbound.stats(sender_id)

    def receiver_stats(self, receiver_id: StreamId) -> list[InboundStats]:
        """Return the counters of a receiver's streams, one for each SSRC of media.

        Raises:
            StateError: There is no such receiver.
        """
        return self._inbound.stats(receiver_id)

    def synchronization_sources(self, receiver_id: StreamId) -> list[Source]:
        """Return the SSRCs of a receiver that were handed on within ten seconds, the latest first.

        Raises:
            StateError: There is no such receiver.
        """
        return self._inbound.receiver(receiver_id).sources("synchronization")

    def contributing_sources(self, receiver_id: StreamId) -> list[Source]:
        """Return the CSRCs of a receiver that were handed on within ten seconds, the latest first.

        Raises:
            StateError: There is no such receiver.
        """
        return self._inbound.receiver(receiver_id).sources("contributing")

    # --- commands ---

    def set_router(self, router: Router) -> None:
        """Say who assigns SSRCs to receivers; without a router everything belongs to the only receiver.

        Call it again, if with the same, when the router would answer otherwise: it is asked with the next packet of every
        SSRC. A stream that turns out to belong to another receiver ends here (``StreamEnded``) and begins anew there.
        """
        self._inbound.set_router(router)

    def set_rtcp(self, parameters: RtcpParameters) -> None:
        """Say what was agreed upon about RTCP; without it reports go by the options alone.

        Raises:
            StateError: The session was closed.
            ValueError: A number is negative.
        """
        self._begin()
        numbers = (parameters.senders_bps or 0, parameters.receivers_bps or 0, parameters.report_interval)
        if min(numbers) < 0:
            raise ValueError("bandwidths and intervals are not negative")
        self._control.configure(parameters)
        self._touch()

    def add_sender(self, sender_id: StreamId, parameters: SendParameters) -> None:
        """Add a sender, or go on with other parameters; streams of SSRCs that stay are not disturbed.

        Call ``datagrams_to_send`` next.

        Raises:
            StateError: The session was closed.
            ValueError: The parameters contradict each other, or those of another sender.
        """
        self._begin()
        check(parameters)
        self._control.say_goodbye(self._outbound.add(sender_id, parameters))
        self._control.start()
        self._touch()

    def remove_sender(self, sender_id: StreamId) -> None:
        """End the streams of a sender; the peer is told (BYE). Call ``datagrams_to_send`` next.

        Raises:
            StateError: There is no such sender, or the session was closed.
        """
        self._begin()
        self._control.say_goodbye(self._outbound.remove(sender_id))
        self._touch()

    def resume_sender(self, sender_id: StreamId, *, rid: str | None = None, now: float) -> None:
        """Let a sender go on that the circuit breaker holds back, because a person wants to try again, or the path is another.

        It goes on once it has rested for as long as it took to see that it must, longer each time; ``TargetBitrateChanged``
        then tells its shares. Where nothing is held back nothing happens. Call ``datagrams_to_send`` next.

        Args:
            sender_id: As it was added.
            rid: Name of the encoding; ``None`` for all of them.
            now: Seconds.

        Raises:
            StateError: There is no such sender, or the session was closed.
            ValueError: There is no such encoding.

        See :rfc:`8083#section-4.5`.
        """
        self._begin(now)
        self._outbound.resume(sender_id, rid)
        self._touch()

    def add_receiver(self, receiver_id: StreamId, parameters: ReceiveParameters) -> None:
        """Add a receiver, or go on with other parameters; its streams are not disturbed.

        Raises:
            StateError: The session was closed.
            ValueError: A codec has a format parameter that its payload format does not allow.
        """
        self._begin()
        self._inbound.add(receiver_id, parameters)
        self._control.start()
        self._touch()

    def remove_receiver(self, receiver_id: StreamId) -> None:
        """Forget a receiver and its streams.

        Raises:
            StateError: There is no such receiver, or the session was closed.
        """
        self._begin()
        self._inbound.remove(receiver_id)
        self._touch()

    def send_frame(
        self, sender_id: StreamId, frame: EncodedFrame, *, rid: str | None = None, now: float | None = None
    ) -> None:
        """Queue one frame; call ``datagrams_to_send`` next.

        Frames of an encoding that is not active are dropped.

        Args:
            sender_id: As it was added.
            frame: Whole; ``timestamp`` counts in the codec's clock from a beginning of the caller's choice.
            rid: Name of the encoding; ``None`` for the only one.
            now: When this is, if it is later than what the session was told last: reports tell the peer how timestamps
                relate to it.

        Raises:
            StateError: There is no such sender, or the session was closed.
            BufferFullError: Too much waits to be sent.
            ValueError: There is no such encoding, or the frame is not of a negotiated format.
        """
        self._begin(now)
        self._outbound.send_frame(sender_id, frame, rid, is_timed=now is not None)
        self._context.dirty = True

    def send_packet(
        self,
        sender_id: StreamId,
        packet: RtpPacket,
        *,
        rid: str | None = None,
        rewrite: bool = False,
        payload_type: int | None = None,
        extension_map: ExtensionMap | None = None,
        now: float | None = None,
    ) -> None:
        """Queue one RTP packet that is ready or came from elsewhere; call ``datagrams_to_send`` next.

        The packet is copied. Header extensions of one hop (MID, RID, sending time, transport-wide number) are ours in
        any case; others are passed on if they are negotiated here.

        Args:
            sender_id: As it was added.
            packet: With a payload type that was negotiated for this sender, unless `payload_type` is given.
            rid: Name of the encoding; ``None`` for the only one.
            rewrite: Give the packet the encoding's SSRC, sequence numbers and timestamps. Distances within one source
                stay as they were, lost packets leave their gap; a packet of another SSRC goes on where the last one ended.
            payload_type: The one to leave under.
            extension_map: What the packet's header extensions mean; ``None`` if they have the identifiers of this sender.
            now: As for `send_frame`.

        Raises:
            StateError: There is no such sender, or the session was closed.
            BufferFullError: Too much waits to be sent.
            ValueError: There is no such encoding, or the packet has another SSRC and is not to be rewritten.
        """
        payload_types = None if payload_type is None else {packet.payload_type: payload_type}
        self.send_packets(
            sender_id,
            (packet,),
            rid=rid,
            rewrite=rewrite,
            payload_types=payload_types,
            extension_map=extension_map,
            now=now,
        )

    def send_packets(
        self,
        sender_id: StreamId,
        packets: Sequence[RtpPacket],
        *,
        rid: str | None = None,
        rewrite: bool = False,
        payload_types: Mapping[int, int] | None = None,
        extension_map: ExtensionMap | None = None,
        now: float | None = None,
    ) -> None:
        """Queue packets of one source that came together, all or none: the fast path of `send_packet`.

        Args:
            sender_id: As it was added.
            packets: In their order.
            rid: As for `send_packet`, as the others.
            rewrite: Whether the packets become those of the encoding.
            payload_types: The ones to leave under, by those that the packets have; others stay.
            extension_map: What the header extensions of the packets mean.
            now: As for `send_frame`.

        Raises:
            StateError: There is no such sender, or the session was closed.
            BufferFullError: Too much waits to be sent.
            ValueError: There is no such encoding, or a packet has another SSRC and is not to be rewritten.
        """
        self._begin(now)
        self._outbound.send_packets(sender_id, packets, rid, rewrite, payload_types, extension_map)
        self._context.dirty = True

    def send_tones(
        self,
        sender_id: StreamId,
        tones: str,
        now: float,
        *,
        duration: float = DEFAULT_TONE_DURATION,
        gap: float = DEFAULT_TONE_GAP,
    ) -> None:
        """Dial, in place of tones that have not begun; call ``datagrams_to_send`` next. ``ToneSent`` tells of each.

        While a tone sounds, frames of the sender are dropped.

        Args:
            sender_id: Of audio.
            tones: Of ``0123456789*#ABCD``, and ``,`` for a pause of two seconds; nothing ends the dialling.
            now: Seconds.
            duration: Of each tone, seconds; taken for the nearest of 0.04 to 6.
            gap: Between tones, seconds; at least 0.03.

        Raises:
            StateError: There is no such sender, no telephone events were negotiated for it, or the session was closed.
            ValueError: One of the tones is none, or they are too many.
        """
        self._begin(now)
        self._outbound.send_tones(sender_id, tones, duration, gap)
        self._context.dirty = True

    def tones_left(self, sender_id: StreamId) -> str:
        """Return the tones that have not begun.

        Raises:
            StateError: There is no such sender.
        """
        return self._outbound.tones_left(sender_id)

    def request_key_frame(self, receiver_id: StreamId, rid: str | None = None) -> None:
        """Ask the peer for a key frame (PLI, or FIR) of an encoding, or of all that arrive; call ``datagrams_to_send`` next.

        Nothing happens if no stream has come yet, or the peer did not promise to listen.

        Raises:
            StateError: There is no such receiver, or the session was closed.
        """
        self._begin()
        self._inbound.request_key_frame(receiver_id, rid)
        self._touch()

    def close(self, now: float) -> None:
        """End all streams; the peer is told (BYE). Idempotent; call ``datagrams_to_send`` next."""
        self._tick(now)
        if self._closing:
            return
        self._closing = True
        self._outbound.departures.clear()
        self._inbound.clear()
        self._context.waiting.clear()
        self._control.close()
        self._touch()

    # --- the machine ---

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one RTP or RTCP packet. Never raises for what it holds."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        """Take all packets that arrived together: the fast path."""
        context, inbound = self._context, self._inbound
        context.now = now = max(now, context.now)
        if self._closing:
            return
        routed, mids, mid_id = inbound.routed, inbound.mids, inbound.mid_id
        parse = RtpPacket.parse
        packets: list[RtpPacket] = []
        media_size = control_size = 0
        for data in datagrams:
            size = len(data)
            # [rfc5761:5.1.1/5] [rfc8834:4.1/1] [rfc8834:4.1/2] [rfc8858:4.4/1]
            if data[1:2] in RTCP_TYPES:
                control_size += size
                self._control.receive(data)
                continue
            media_size += size
            try:
                packet = parse(data)
            except ParseError:
                context.drop("malformed_rtp")
                continue
            packets.append(packet)
            stream = routed.get(packet.ssrc)
            if stream is None or (
                mid_id is not None and (mid := packet.extension(mid_id)) is not None and mid != mids.get(packet.ssrc)
            ):
                stream = inbound.route(packet)
            if stream is not None:
                stream.receive(packet, size)
        context.stats.packets_received += len(packets)
        context.stats.bytes_received += media_size + control_size
        arrivals = inbound.arrivals
        if arrivals.is_noting:
            arrivals.note(packets, media_size, now)
        if context.waiting:
            inbound.progress()
        if control_size or self._outbound.has_begun:
            self._outbound.progress()
        context.dirty = True
        # What came in its turn gives RTCP nothing to say, but the news that it came, which can wait.
        if context.waiting or context.answers or inbound.ended_ssrcs or arrivals.ready_at <= now:
            context.is_stirred = True
        elif arrivals.deadline < self._control_due:
            self._control_due = arrivals.deadline

    def handle_timeout(self, now: float) -> None:
        """Do what is due; call at or after ``next_timeout``."""
        self._tick(now)
        if not self._closing:
            self._inbound.progress()
            self._outbound.progress()
            self._touch()

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain the packets to send; call after every other call."""
        context = self._context
        if now > context.now:
            context.now = now
        if self._closing:
            datagrams = self._control.flush() if context.dirty else []
            context.dirty = False
            self._timeout = _NEVER
        else:
            # Media first: reports then count them.
            datagrams = self._outbound.flush()
            if context.is_stirred or context.has_new_stream or self._control_due <= now:
                datagrams += self._control.flush()
                if context.has_given_up:
                    context.has_given_up = False
                    self._inbound.progress()
                    datagrams += self._control.flush()
                context.is_stirred = False
                self._control_due = self._control.deadline()
            context.dirty = False
            self._timeout = min(self._inbound.deadline, self._control_due, self._outbound.deadline())
        if datagrams:
            context.stats.bytes_sent += sum(map(len, datagrams))
        return datagrams

    @property
    def has_events(self) -> bool:
        """Whether ``events`` returns something."""
        return bool(self._context.events)

    def events(self) -> list[Event]:
        """Drain what happened; call after every other call."""
        context = self._context
        events, context.events = context.events, []
        return events

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due, on the clock of ``now``; ``None`` for never."""
        if self._context.dirty:
            return self._context.now
        return None if self._timeout == _NEVER else self._timeout

    # --- within ---

    def _tick(self, now: float) -> None:
        if now > self._context.now:
            self._context.now = now

    def _touch(self) -> None:
        """Something happened that is more than media to send."""
        self._context.dirty = self._context.is_stirred = True

    def _begin(self, now: float | None = None) -> None:
        """Begin a command, unless the session was closed."""
        if self._closing:
            raise StateError("the session was closed")
        if now is not None and now > self._context.now:
            self._context.now = now
