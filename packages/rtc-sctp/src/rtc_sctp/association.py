"""One SCTP association over one path, such as DTLS. See :rfc:`9260` and :rfc:`8261`."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from .causes import UserInitiatedAbort
from .config import MAX_STREAMS, AssociationConfig
from .context import Context, Trace
from .errors import StateError
from .established import Established
from .events import AssociationClosed, CloseReason, Event
from .lifecycle import Lifecycle
from .reconfiguration import AddIncomingStreams, AddOutgoingStreams, IncomingSsnResetRequest, SsnTsnResetRequest
from .state import AssociationState
from .stats import AssociationStats


class Association:
    """One association, from ``connect`` to ``closed``; its datagrams are SCTP packets.

    The loop: hand in what arrived (``receive_datagrams``), call ``handle_timeout`` when ``next_timeout`` is reached, and
    after every call drain ``events`` and ``datagrams_to_send``. Commands only queue. One side may call ``connect``, or
    both may at once, as WebRTC does; a side that never does answers.

    Args:
        config: Settings; the defaults are those of the specifications.
        rng: Source of random bytes, such as ``os.urandom``.
        trace: Called with structured records of what happens; changes nothing.
    """

    __slots__ = ("_context", "_life")

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        config: AssociationConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._context = Context(config or AssociationConfig(), rng, trace)
        self._life = Lifecycle(self._context)

    # --- what it is ---

    @property
    def state(self) -> AssociationState:
        """Where the association is in its life."""
        return self._context.state

    @property
    def closed(self) -> bool:
        """Whether it ended; inputs are then ignored and commands raise."""
        return self._life.ended

    @property
    def stats(self) -> AssociationStats:
        """The counters, with the path as it looks now."""
        stats = self._context.stats
        if (up := self._life.up) is not None:
            stats.packet_size = up.packet_size
            stats.congestion_window = up.sender.congestion.cwnd
            stats.slow_start_threshold = up.sender.congestion.ssthresh
            stats.flight_size = up.sender.outstanding.flight_size
            stats.remote_window = max(0, up.sender.window.size - stats.flight_size)
        stats.smoothed_round_trip_time = self._life.rto.smoothed
        stats.retransmission_timeout = self._life.rto.rto
        return stats

    def buffered_amount(self, stream_id: int) -> int:
        """Bytes that were queued on one stream and have not left."""
        return self._life.queue.buffered_amount(stream_id)

    # --- commands ---

    def connect(self, now: float, *, remote_port: int | None = None) -> None:
        """Set the association up; call ``datagrams_to_send`` next.

        Args:
            now: Seconds.
            remote_port: What signalling said since the configuration was made.

        Raises:
            StateError: It was begun, or has ended.
            ValueError: The port is out of range.
        """
        if self._context.state is not AssociationState.CLOSED or self._life.ended:
            raise StateError("the association was begun already")
        if remote_port is not None:
            self._context.config = replace(self._context.config, remote_port=remote_port)
        self._tick(now)
        self._life.handshake.start()

    def send(
        self,
        stream_id: int,
        ppid: int,
        payload: bytes,
        *,
        unordered: bool = False,
        max_retransmits: int | None = None,
        lifetime: float | None = None,
        ignore_limit: bool = False,
    ) -> None:
        """Queue one message; call ``datagrams_to_send`` next.

        Args:
            stream_id: Below the number of outbound streams.
            ppid: Payload protocol identifier, 0 to 2**32 - 1.
            payload: At least one byte.
            unordered: Whether it may overtake others of its stream, and be overtaken.
            max_retransmits: How often it is sent again if it is lost; ``None`` for reliability.
            lifetime: For how many seconds from the next ``datagrams_to_send`` on it is sent at all; ``None`` for reliability.
            ignore_limit: Whether it is taken though the send buffer is full: for what a protocol above owes the peer, and
                bounds by other means.

        Raises:
            StateError: The association is not established, or is shutting down.
            BufferFullError: The send buffer is full; wait for ``BufferedAmountLow``.
            ValueError: An argument is out of range.
        """
        up = self._life.up
        # [rfc9260:5/1] [rfc9260:6/1] [rfc9260:4/10] [rfc9260:4/12] [rfc9260:9.2/10] [rfc9260:9.2/23]
        if up is None or self._context.state is not AssociationState.ESTABLISHED:
            raise StateError(f"the association is {self._context.state.value}")
        # [rfc9260:6.5/1] [rfc9260:5.1.1/4]
        if not 0 <= stream_id < up.agreed.outbound_streams:
            raise ValueError(f"streams are 0 to {up.agreed.outbound_streams - 1}")
        # [rfc9260:3.3.1/5] [rfc9260:6.2/31]
        if not payload:
            raise ValueError("a message has at least one byte")
        if not 0 <= ppid <= 0xFFFF_FFFF:
            raise ValueError("the payload protocol identifier has 32 bits")
        if max_retransmits is not None or lifetime is not None:
            if (max_retransmits is not None and max_retransmits < 0) or (lifetime is not None and lifetime < 0):
                raise ValueError("limits are not negative")
            if not up.sender.partial_reliability:
                max_retransmits = lifetime = None
        self._life.queue.add(
            stream_id,
            ppid,
            payload,
            unordered=unordered,
            max_retransmits=max_retransmits,
            lifetime=lifetime,
            ignore_limit=ignore_limit,
        )
        self._context.dirty = True

    def set_buffered_amount_low_threshold(self, stream_id: int, threshold: int) -> None:
        """Say at how many unsent bytes of a stream ``BufferedAmountLow`` tells; 0 at first.

        Raises:
            ValueError: An argument is out of range.
        """
        if not 0 <= stream_id <= 0xFFFF or threshold < 0:
            raise ValueError("a stream identifier has 16 bits, and a threshold is not negative")
        self._life.queue.set_low_threshold(stream_id, threshold)

    def set_stream_weight(self, stream_id: int, weight: int) -> None:
        """Set a stream's share against the others, 1 to 65,535; 256 at first. See `SchedulerKind`.

        Raises:
            ValueError: An argument is out of range.
        """
        if not 0 <= stream_id <= 0xFFFF or not 1 <= weight <= 0xFFFF:
            raise ValueError("a stream identifier has 16 bits, and a weight is 1 to 65,535")
        self._life.queue.set_weight(stream_id, weight)

    def reset_streams(self, stream_ids: Iterable[int]) -> None:
        """Reset outgoing streams once all that is queued on them was sent; call ``datagrams_to_send`` next.

        ``OutgoingStreamsReset`` tells when the peer has done it; messages queued in between wait for that. Ignored while
        the association shuts down, since that ends the streams as well.

        Raises:
            StateError: The association is not established, or the peer cannot reset streams.
            ValueError: There is no such stream.

        See :rfc:`6525#section-5.1.2`.
        """
        up = self._life.up
        if up is None:
            raise StateError(f"the association is {self._context.state.value}")
        # [rfc6525:5.1.1/2] [rfc6525:5.1.1/3] [rfc6525:5.1.1/4]
        if not up.can_reset:
            raise StateError("the peer does not support stream reconfiguration")
        streams = tuple(stream_ids)
        if any(not 0 <= stream_id < up.agreed.outbound_streams for stream_id in streams):
            raise ValueError(f"streams are 0 to {up.agreed.outbound_streams - 1}")
        if self._context.state is not AssociationState.ESTABLISHED:
            return
        for stream_id in streams:
            self._life.queue.request_reset(stream_id)
        self._context.dirty = True

    def reset_incoming_streams(self, stream_ids: Iterable[int]) -> None:
        """Ask the peer to reset outgoing streams of its own; call ``datagrams_to_send`` next.

        ``IncomingStreamsReset`` tells when it did, ``IncomingStreamsResetFailed`` that it does not.

        Raises:
            StateError: The association is not established, or the peer cannot reset streams.
            BufferFullError: A thousand requests wait already.
            ValueError: There is no such stream, none is named, or there are more than fit a packet.

        See :rfc:`6525#section-5.1.3`.
        """
        up = self._reconfigurable()
        streams = tuple(stream_ids)
        # [rfc6525:5.1.3/4]
        if not 0 < len(streams) <= (self._context.config.max_packet_size - 24) // 2:
            raise ValueError("name some streams, but no more than fit a packet")
        if any(not 0 <= stream_id < up.agreed.inbound_streams for stream_id in streams):
            raise ValueError(f"streams are 0 to {up.agreed.inbound_streams - 1}")
        up.requests.add(IncomingSsnResetRequest(0, streams))
        self._context.dirty = True

    def add_streams(self, *, outgoing: int = 0, incoming: int = 0) -> None:
        """Ask for more streams than were negotiated; call ``datagrams_to_send`` next.

        ``StreamsAdded`` tells when they may be used, ``StreamsAddFailed`` that the peer does not want them.

        Raises:
            StateError: The association is not established, or the peer cannot add streams.
            BufferFullError: A thousand requests wait already.
            ValueError: Nothing is asked for, or more than 65,535 streams in one direction.

        See :rfc:`6525#section-5.1.5`.
        """
        up = self._reconfigurable()
        agreed = up.agreed
        if outgoing < 0 or incoming < 0 or outgoing + incoming == 0:
            raise ValueError("numbers of streams are positive")
        if up.requests.outbound_streams + outgoing > MAX_STREAMS or agreed.inbound_streams + incoming > MAX_STREAMS:
            raise ValueError(f"there are at most {MAX_STREAMS} streams in each direction")
        if outgoing:
            up.requests.add(AddOutgoingStreams(0, outgoing))
        if incoming:
            up.requests.add(AddIncomingStreams(0, incoming))
        self._context.dirty = True

    def reset_association(self) -> None:
        """Ask to begin all numbers anew, of streams in both directions and of TSNs; call ``datagrams_to_send`` next.

        Messages that were begun arrive before, others wait. ``AssociationReset`` tells when it is done,
        ``AssociationResetFailed`` that the peer does not want it.

        Raises:
            StateError: The association is not established, the peer cannot do it, or it is less than 30 seconds since the
                last time.
            BufferFullError: A thousand requests wait already.

        See :rfc:`6525#section-5.1.4`.
        """
        self._reconfigurable().requests.add(SsnTsnResetRequest(0))
        self._context.dirty = True

    def _reconfigurable(self) -> Established:
        up = self._life.up
        if up is None or self._context.state is not AssociationState.ESTABLISHED:
            raise StateError(f"the association is {self._context.state.value}")
        # [rfc6525:5.1.1/2] [rfc6525:5.1.1/3] [rfc6525:5.1.1/4]
        if not up.can_reset:
            raise StateError("the peer does not support stream reconfiguration")
        return up

    def add_unread(self, difference: int) -> None:
        """Say that so many bytes of messages handed up wait unread, or fewer than before (negative).

        They count against the receive buffer, so that the peer stops sending to an application that does not read. After
        ``PeerRestarted`` the count begins at 0.

        Raises:
            ValueError: Fewer than no bytes would wait.
        """
        up = self._life.up
        if up is None:
            return
        if up.receiver.unread + difference < 0:
            raise ValueError("not so many bytes wait")
        up.receiver.unread += difference
        if difference < 0:
            up.receiver.announce_window()

    def path_changed(self, now: float) -> None:
        """Say that packets go another way from now on, as after an ICE restart; congestion control begins anew.

        See :rfc:`8261#section-6.1` and :rfc:`9260#section-7.2.5`.
        """
        self._tick(now)
        if self._life.up is not None and not self._life.ended:
            self._life.up.path_changed()

    def close(self, now: float) -> None:
        """End once everything queued was delivered; ``AssociationClosed`` tells when. Idempotent; only queues."""
        self._tick(now)
        context = self._context
        if self._life.ended:
            return
        if self._life.up is None:
            self._abort_quietly()
            self._life.end(AssociationClosed(CloseReason.SHUTDOWN))
        elif context.state is AssociationState.ESTABLISHED:
            self._life.up.shutdown.begin()
            self._life.up.progress()
        # [rfc9260:9.2/7]

    def abort(self, now: float, message: bytes = b"") -> None:
        """End at once; what was queued is lost. Idempotent; call ``datagrams_to_send`` next.

        Args:
            now: Seconds.
            message: Words for the peer; cut to what fits a packet.
        """
        self._tick(now)
        if self._life.ended:
            return
        if self._life.up is not None:
            # [rfc9260:9.1/1] [rfc9260:9.1/4]
            self._life.send_abort(UserInitiatedAbort(message[: self._context.config.max_packet_size // 2]))
        else:
            self._abort_quietly()
        self._life.end(AssociationClosed(CloseReason.LOCAL_ABORT))

    def _abort_quietly(self) -> None:
        """Tell a peer that may know of us already that nothing comes of it."""
        self._context.packets.clear()
        if self._life.handshake.agreed is not None:
            self._life.send_abort(UserInitiatedAbort())

    # --- the machine ---

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one packet from the peer. Never raises for what it holds."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        """Take all packets that arrived together: the fast path."""
        self._tick(now)
        life = self._life
        life.receive_batch(datagrams if isinstance(datagrams, (list, tuple)) else list(datagrams))
        if life.up is not None and not life.ended:
            life.up.progress()

    def handle_timeout(self, now: float) -> None:
        """Do what is due; call at or after ``next_timeout``."""
        self._tick(now)
        context = self._context
        for timer in context.timers.expire(context.now):
            if not self._life.ended:
                self._life.expire(timer)
        life = self._life
        if life.up is not None and not life.ended:
            life.up.progress()

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain the packets to send; call after every other call."""
        context = self._context
        if now > context.now:
            context.now = now
        context.dirty = False
        packets, context.packets = context.packets, []
        up = self._life.up
        if up is not None and not self._life.ended:
            packets += up.flush()
        context.stats.packets_sent += len(packets)
        return packets

    def events(self) -> list[Event]:
        """Drain what happened; call after every other call."""
        context = self._context
        events, context.events = context.events, []
        if self._life.up is not None:
            self._life.up.receiver.taken()
        return events

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due, on the clock of ``now``; ``None`` for never."""
        context = self._context
        if context.dirty:
            return context.now
        return context.timers.next()

    # --- within ---

    def _tick(self, now: float) -> None:
        context = self._context
        if now > context.now:
            context.now = now
        if not self._life.ended:
            context.dirty = True
