"""One SCTP association over one path, such as DTLS. See :rfc:`9260` and :rfc:`8261`."""

import struct
from collections.abc import Callable, Iterable
from typing import Final

from .bundle import Bundle, packet_head, seal_packet
from .causes import Cause, NoUserData, ProtocolViolation, StaleCookie, UnrecognizedChunkType, UserInitiatedAbort
from .chunks import (
    FLAG_REFLECTED_TAG,
    AbortChunk,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    IDataChunk,
    IForwardTsnChunk,
    InitAckChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
    UnknownChunk,
    parse_chunk,
)
from .config import AssociationConfig
from .context import Context, PeerGoneError, Trace, ViolationError
from .cookie import CookieContents
from .crc32c import crc32c
from .errors import ParseError, StateError
from .events import (
    AssociationClosed,
    AssociationEstablished,
    AssociationFailed,
    CloseReason,
    Event,
    PartialReliabilityLost,
    PeerErrorReceived,
    PeerRestarted,
)
from .handshake import CookieVerdict, Handshake
from .heartbeat import Heartbeat
from .receiver import Receiver
from .reconfiguration_requests import ReconfigurationRequests
from .reconfiguration_responses import ReconfigurationResponses
from .rto import RtoEstimator
from .send_queue import SendQueue, deadline
from .sender import Sender
from .shutdown import Shutdown
from .state import IS_UP, MAY_RECEIVE, MAY_SEND, AssociationState, Input
from .stats import AssociationStats
from .timers import Timer

_unpack_header: Final = struct.Struct("!HHLL").unpack_from
_unpack_chunk_header: Final = struct.Struct("!BBH").unpack_from
_MIN_PACKET: Final = 16
_DATA: Final = DataChunk.TYPE
_NO_CHECKSUM: Final = bytes(4)
_MAX_REPORT_LENGTH: Final = 256
"""Bytes of an unrecognized chunk that are quoted."""

_MAX_PENDING_EVENTS: Final = 100_000
"""Events that may wait to be taken; the peer's packets are dropped beyond."""

_MAX_PENDING_CONTROL: Final = 1000
"""Answers that may wait to be flushed; the peer's packets are dropped beyond."""


class _Established:
    """The parts that exist once both sides know the association."""

    __slots__ = ("agreed", "head", "heartbeat", "receiver", "requests", "responses", "sender", "shutdown")

    def __init__(self, context: Context, queue: SendQueue, rto: RtoEstimator, agreed: CookieContents) -> None:
        config = context.config
        extensions = agreed.peer_extensions
        interleaved = config.message_interleaving and IDataChunk.TYPE in extensions
        self.agreed = agreed
        self.head = packet_head(config.local_port, config.remote_port, agreed.peer_tag)
        queue.interleaved = interleaved
        self.sender = Sender(
            context,
            queue,
            rto,
            initial_tsn=agreed.local_initial_tsn,
            window=agreed.peer_a_rwnd,
            # [rfc3758:3.3.2/4] [rfc3758:3.3.2/5]
            partial_reliability=config.partial_reliability
            and (IForwardTsnChunk.TYPE in extensions if interleaved else agreed.peer_forward_tsn),
            interleaved=interleaved,
        )
        self.receiver = Receiver(
            context,
            initial_tsn=agreed.peer_initial_tsn,
            inbound_streams=agreed.inbound_streams,
            interleaved=interleaved,
        )
        self.heartbeat = Heartbeat(context, rto)
        self.requests = ReconfigurationRequests(
            context,
            queue,
            self.sender,
            rto,
            initial_tsn=agreed.local_initial_tsn,
            remote_initial_tsn=agreed.peer_initial_tsn,
        )
        self.responses = ReconfigurationResponses(
            context, self.receiver, self.requests, remote_initial_tsn=agreed.peer_initial_tsn
        )
        self.shutdown = Shutdown(context, self.receiver, rto, agreed.peer_tag)


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

    __slots__ = ("_context", "_ended", "_handshake", "_queue", "_rto", "_up")

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        config: AssociationConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._context = Context(config or AssociationConfig(), rng, trace)
        self._ended = False
        self._start_over()

    def _start_over(self) -> None:
        config = self._context.config
        self._rto = RtoEstimator(initial=config.rto_initial, minimum=config.rto_min, maximum=config.rto_max)
        self._handshake = Handshake(self._context, self._rto)
        self._queue = SendQueue(self._context)
        self._up: _Established | None = None

    # --- what it is ---

    @property
    def state(self) -> AssociationState:
        """Where the association is in its life."""
        return self._context.state

    @property
    def closed(self) -> bool:
        """Whether it ended; inputs are then ignored and commands raise."""
        return self._ended

    @property
    def stats(self) -> AssociationStats:
        """The counters, with the path as it looks now."""
        stats = self._context.stats
        if (up := self._up) is not None:
            stats.congestion_window = up.sender.congestion.cwnd
            stats.slow_start_threshold = up.sender.congestion.ssthresh
            stats.flight_size = up.sender.outstanding.flight_size
            stats.remote_window = max(0, up.sender.window - stats.flight_size)
        stats.smoothed_round_trip_time = self._rto.smoothed
        stats.retransmission_timeout = self._rto.rto
        return stats

    def buffered_amount(self, stream_id: int) -> int:
        """Bytes that were queued on one stream and have not left."""
        return self._queue.buffered_amount(stream_id)

    # --- commands ---

    def connect(self, now: float) -> None:
        """Set the association up; call ``datagrams_to_send`` next.

        Raises:
            StateError: It was begun, or has ended.
        """
        if self._context.state is not AssociationState.CLOSED or self._ended:
            raise StateError("the association was begun already")
        self._tick(now)
        self._handshake.start()

    def send(
        self,
        stream_id: int,
        ppid: int,
        payload: bytes,
        *,
        unordered: bool = False,
        max_retransmits: int | None = None,
        lifetime: float | None = None,
    ) -> None:
        """Queue one message; call ``datagrams_to_send`` next.

        Args:
            stream_id: Below the number of outbound streams.
            ppid: Payload protocol identifier, 0 to 2**32 - 1.
            payload: At least one byte.
            unordered: Whether it may overtake others of its stream, and be overtaken.
            max_retransmits: How often it is sent again if it is lost; ``None`` for reliability.
            lifetime: For how many seconds it is sent at all; ``None`` for reliability.

        Raises:
            StateError: The association is not established, or is shutting down.
            BufferFullError: The send buffer is full; wait for ``BufferedAmountLow``.
            ValueError: An argument is out of range.
        """
        up = self._up
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
        self._queue.add(
            stream_id,
            ppid,
            payload,
            unordered=unordered,
            max_retransmits=max_retransmits,
            expires_at=deadline(self._context.now, lifetime),
        )
        self._context.dirty = True

    def set_buffered_amount_low_threshold(self, stream_id: int, threshold: int) -> None:
        """Say at how many unsent bytes of a stream ``BufferedAmountLow`` tells; 0 at first.

        Raises:
            ValueError: An argument is out of range.
        """
        if not 0 <= stream_id <= 0xFFFF or threshold < 0:
            raise ValueError("a stream identifier has 16 bits, and a threshold is not negative")
        self._queue.set_low_threshold(stream_id, threshold)

    def set_stream_weight(self, stream_id: int, weight: int) -> None:
        """Set a stream's share against the others, 1 to 65,535; 256 at first. See `SchedulerKind`.

        Raises:
            ValueError: An argument is out of range.
        """
        if not 0 <= stream_id <= 0xFFFF or not 1 <= weight <= 0xFFFF:
            raise ValueError("a stream identifier has 16 bits, and a weight is 1 to 65,535")
        self._queue.set_weight(stream_id, weight)

    def reset_streams(self, stream_ids: Iterable[int]) -> None:
        """Reset outgoing streams once all that is queued on them was sent; call ``datagrams_to_send`` next.

        ``OutgoingStreamsReset`` tells when the peer has done it; messages queued in between wait for that. Ignored while
        the association shuts down, since that ends the streams as well.

        Raises:
            StateError: The association is not established, or the peer cannot reset streams.
            ValueError: There is no such stream.

        See :rfc:`6525#section-5.1.2`.
        """
        up = self._up
        if up is None:
            raise StateError(f"the association is {self._context.state.value}")
        # [rfc6525:5.1.1/2] [rfc6525:5.1.1/3] [rfc6525:5.1.1/4]
        if not self._can_reset(up):
            raise StateError("the peer does not support stream reconfiguration")
        streams = tuple(stream_ids)
        if any(not 0 <= stream_id < up.agreed.outbound_streams for stream_id in streams):
            raise ValueError(f"streams are 0 to {up.agreed.outbound_streams - 1}")
        if self._context.state is not AssociationState.ESTABLISHED:
            return
        for stream_id in streams:
            self._queue.request_reset(stream_id)
        self._context.dirty = True

    def add_unread(self, difference: int) -> None:
        """Say that so many bytes of messages handed up wait unread, or fewer than before (negative).

        They count against the receive buffer, so that the peer stops sending to an application that does not read.

        Raises:
            ValueError: Fewer than no bytes would wait.
        """
        up = self._up
        if up is None:
            return
        if up.receiver.unread + difference < 0:
            raise ValueError("not so many bytes wait")
        up.receiver.unread += difference
        if difference < 0:
            up.receiver.announce_window()

    def close(self, now: float) -> None:
        """End once everything queued was delivered; ``AssociationClosed`` tells when. Idempotent; only queues."""
        self._tick(now)
        context = self._context
        if self._ended:
            return
        if self._up is None:
            self._abort_quietly()
            self._end(AssociationClosed(CloseReason.SHUTDOWN))
        elif context.state is AssociationState.ESTABLISHED:
            self._up.shutdown.begin()
            self._progress(self._up)
        # [rfc9260:9.2/7]

    def abort(self, now: float, message: bytes = b"") -> None:
        """End at once; what was queued is lost. Idempotent; call ``datagrams_to_send`` next.

        Args:
            now: Seconds.
            message: Words for the peer; cut to what fits a packet.
        """
        self._tick(now)
        if self._ended:
            return
        if self._up is not None:
            # [rfc9260:9.1/1] [rfc9260:9.1/4]
            self._send_abort(UserInitiatedAbort(message[: self._context.config.max_packet_size // 2]))
        else:
            self._abort_quietly()
        self._end(AssociationClosed(CloseReason.LOCAL_ABORT))

    def _abort_quietly(self) -> None:
        """Tell a peer that may know of us already that nothing comes of it."""
        self._context.packets.clear()
        if self._handshake.agreed is not None:
            self._send_abort(UserInitiatedAbort())

    # --- the machine ---

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one packet from the peer. Never raises for what it holds."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        """Take all packets that arrived together: the fast path."""
        self._tick(now)
        for datagram in datagrams:
            self._receive(datagram)
        up = self._up
        if up is not None and not self._ended:
            self._progress(up)
            up.receiver.arm_sack_timer()

    def handle_timeout(self, now: float) -> None:
        """Do what is due; call at or after ``next_timeout``."""
        self._tick(now)
        context = self._context
        for timer in context.timers.expire(context.now):
            if self._ended:
                return
            try:
                self._expire(timer)
            except PeerGoneError as error:
                self._fail(error)
        if self._up is not None and not self._ended:
            self._progress(self._up)

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain the packets to send; call after every other call."""
        context = self._context
        if now > context.now:
            context.now = now
        context.dirty = False
        packets, context.packets = context.packets, []
        up = self._up
        if up is not None and not self._ended:
            packets += self._flush(up)
        context.stats.packets_sent += len(packets)
        return packets

    def events(self) -> list[Event]:
        """Drain what happened; call after every other call."""
        context = self._context
        events, context.events = context.events, []
        if self._up is not None:
            self._up.receiver.taken()
        return events

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due, on the clock of ``now``; ``None`` for never."""
        context = self._context
        if context.dirty:
            return context.now
        return context.timers.next()

    # --- sending ---

    def _flush(self, up: _Established) -> list[bytes]:
        context = self._context
        bundle = Bundle(
            up.head,
            max_packet_size=context.config.max_packet_size,
            zero_checksum=context.config.zero_checksum and up.agreed.peer_zero_checksum,
        )
        # [rfc9260:6/10] [rfc9260:6.10/3]
        if context.control:
            for chunk in context.control:
                bundle.add(chunk)
            context.control.clear()
        receiver, sender = up.receiver, up.sender
        may_send = context.state in MAY_SEND
        # [rfc9260:6.1/15] [rfc9260:6.1/12]
        if receiver.owes_sack and (receiver.owes_sack_now or (may_send and sender.has_work)):
            bundle.add(receiver.sack(max(bundle.room, bundle.capacity // 2)))
        if may_send:
            sender.transmit(bundle)
            if self._queue.reset_ready:
                up.requests.send_next()
                if context.control:
                    # The request names the last TSN, and so stands behind what was sent until now: in a packet of its own.
                    bundle.finish_packet()
                    for chunk in context.control:
                        bundle.add(chunk)
                    context.control.clear()
        bundle.finish_packet()
        return bundle.packets

    # --- receiving ---

    def _tick(self, now: float) -> None:
        context = self._context
        if now > context.now:
            context.now = now
        if not self._ended:
            context.dirty = True

    def _receive(self, packet: bytes) -> None:
        context = self._context
        context.stats.packets_received += 1
        if self._ended:
            context.drop("association_ended")
            return
        if len(packet) < _MIN_PACKET:
            context.drop("packet_too_short")
            return
        if len(context.control) > _MAX_PENDING_CONTROL or len(context.packets) > _MAX_PENDING_CONTROL:
            context.drop("output_not_flushed")
            return
        if len(context.events) > _MAX_PENDING_EVENTS:
            context.drop("events_not_taken")
            return
        source, destination, tag, checksum = _unpack_header(packet)
        config = context.config
        if source != config.remote_port or destination != config.local_port:
            context.drop("wrong_port")
            return
        # [rfc9260:6.8/3]
        if (checksum or not config.zero_checksum or packet[12] in _CHECKSUM_REQUIRED) and not _is_intact(packet):
            context.drop("wrong_checksum")
            return
        try:
            if tag == self._handshake.local_tag and tag and packet[12] not in _SPECIAL:
                # [rfc9260:8.5/2]
                self._receive_chunks(packet, 12)
            else:
                self._receive_special(packet, tag)
        except ViolationError as error:
            self._receive_violation(error)
        except PeerGoneError as error:
            self._fail(error)

    def _receive_violation(self, error: ViolationError) -> None:
        self._context.drop("protocol_violation")
        # [rfc9260:8.5.1/4]
        self._send_abort_chunk(_raw_abort(error.cause))
        self._end(AssociationFailed(error.reason, error.section))

    def _receive_special(self, packet: bytes, tag: int) -> None:
        """Packets whose verification tag has a rule of its own. See :rfc:`9260#section-8.5.1`."""
        context = self._context
        type_, flags, length = _unpack_chunk_header(packet, 12)
        if length < 4 or 12 + length > len(packet):
            context.drop("partial_chunk")
            return
        value = packet[16 : 12 + length]
        end = 12 + (length + 3 & ~3)
        is_ours = tag == self._handshake.local_tag and tag != 0
        agreed = self._handshake.agreed
        is_reflected = agreed is not None and tag == agreed.peer_tag
        try:
            match type_:
                case InitChunk.TYPE:
                    # [rfc9260:8.5.1/2] [rfc9260:8.5.1/3] [rfc9260:12.3/3] [rfc9260:8.4/3]
                    if tag != 0 or end < len(packet):
                        context.drop("init_with_wrong_tag_or_company")
                    else:
                        self._receive_init(InitChunk.parse(flags, value))
                case CookieEchoChunk.TYPE:
                    self._receive_cookie_echo(value, tag, packet, end)
                case AbortChunk.TYPE:
                    # [rfc9260:8.5.1/6] [rfc9260:8.5.1/7] [rfc9260:9.1/6] [rfc9260:8.4/2]
                    if is_reflected if flags & FLAG_REFLECTED_TAG else is_ours:
                        self._receive_abort(AbortChunk.parse(flags, value))
                    else:
                        context.drop("abort_with_wrong_tag")
                case ShutdownCompleteChunk.TYPE:
                    # [rfc9260:8.5.1/12] [rfc9260:8.4/8]
                    if is_reflected if flags & FLAG_REFLECTED_TAG else is_ours:
                        self._receive_shutdown_complete()
                    else:
                        context.drop("shutdown_complete_with_wrong_tag")
                case ShutdownAckChunk.TYPE:
                    self._receive_shutdown_ack(tag, is_ours=is_ours, rest=(packet, end))
                case _:
                    # [rfc9260:8.5/3] [rfc9260:8.5/4] [rfc9260:8.4/9]
                    context.drop("wrong_verification_tag")
        except ParseError:
            context.drop("malformed_chunk")

    def _receive_chunks(self, packet: bytes, position: int) -> None:
        """Process the chunks of a packet that belongs to the association, in their order."""
        # [rfc9260:6.10/6] [rfc9260:6/11]
        context = self._context
        size = len(packet)
        if context.state is AssociationState.SHUTDOWN_SENT and self._up is not None:
            self._up.shutdown.heard_from_peer()
        while position < size:
            up = self._up
            if packet[position] == _DATA and up is not None and context.state in MAY_RECEIVE:
                end = up.receiver.receive_data(packet, position)
                if end != position:
                    position = end
                    self._data_arrived(up)
                    continue
            if size - position < 4:
                context.drop("partial_chunk")
                return
            type_, flags, length = _unpack_chunk_header(packet, position)
            end = position + length
            # [rfc9260:6.10/7]
            if length < 4 or end > size:
                context.drop("partial_chunk")
                return
            try:
                chunk = parse_chunk(type_, flags, packet[position + 4 : end])
            except ParseError:
                self._receive_malformed(type_, packet[position + 4 : end])
            else:
                if not self._dispatch(chunk) or self._ended:
                    return
            # [rfc9260:3.2/7]
            position = end + 3 & ~3

    def _receive_malformed(self, type_: int, value: bytes) -> None:
        self._context.drop("malformed_chunk")
        # [rfc9260:6.2/30]
        if type_ == _DATA and len(value) == 12 and self._up is not None and self._context.state in MAY_RECEIVE:
            tsn = int.from_bytes(value[:4], "big")
            raise ViolationError("DATA without user data", "rfc9260:6.2", NoUserData(tsn).serialize())

    def _data_arrived(self, up: _Established) -> None:
        up.responses.data_arrived()
        if self._context.state is AssociationState.SHUTDOWN_SENT:
            up.shutdown.data_arrived()

    def _dispatch(self, chunk: Chunk) -> bool:
        """Process one chunk; returns whether the rest of the packet is to be processed."""
        up = self._up
        match chunk:
            case SackChunk():
                self._receive_sack(chunk)
            case CookieAckChunk():
                self._receive_cookie_ack()
            case InitAckChunk():
                self._handshake.receive_init_ack(chunk)
            case ErrorChunk():
                self._receive_error(chunk)
            case AbortChunk():
                # [rfc9260:9.1/5] The tag of the packet is ours.
                if chunk.flags & FLAG_REFLECTED_TAG:
                    self._context.drop("abort_with_wrong_tag")
                else:
                    self._receive_abort(chunk)
                return False
            case UnknownChunk():
                return self._receive_unknown(chunk)
            case _ if up is None or self._context.state not in IS_UP:
                # [rfc9260:6/4] [rfc9260:9.2/26]
                self._context.drop("unexpected_chunk")
            case _:
                self._dispatch_established(up, chunk)
        return True

    def _dispatch_established(self, up: _Established, chunk: Chunk) -> None:
        context = self._context
        match chunk:
            case IDataChunk() | DataChunk() | ForwardTsnChunk() | IForwardTsnChunk():
                self._receive_data_chunk(up, chunk)
            case HeartbeatChunk():
                up.heartbeat.answer(chunk)
            case HeartbeatAckChunk():
                up.heartbeat.receive_answer(chunk)
            case ReconfigChunk():
                if context.config.stream_reconfiguration:
                    up.responses.receive(chunk)
                else:
                    context.drop("unexpected_chunk")
            case ShutdownChunk():
                # [rfc9260:3.3.8/2] A SACK without gap blocks would revoke; only the cumulative TSN is taken.
                up.sender.receive_cumulative_tsn(chunk.cumulative_tsn)
                up.shutdown.receive_shutdown()
            case ShutdownAckChunk():
                if up.shutdown.receive_shutdown_ack():
                    self._end(AssociationClosed(CloseReason.SHUTDOWN))
            case InitChunk() | CookieEchoChunk() | ShutdownCompleteChunk():
                # Not the first chunk of its packet, as it must be, or not at this time.
                context.drop("unexpected_chunk")
            case _:
                # PAD: there to fill.
                pass

    def _receive_data_chunk(
        self, up: _Established, chunk: DataChunk | IDataChunk | ForwardTsnChunk | IForwardTsnChunk
    ) -> None:
        context = self._context
        # [rfc9260:6/2] [rfc9260:6/4]
        if context.state not in MAY_RECEIVE or isinstance(chunk, DataChunk):
            context.drop("unexpected_data")
            return
        if isinstance(chunk, IDataChunk):
            up.receiver.receive_i_data(chunk)
        else:
            up.receiver.receive_forward_tsn(chunk)
        self._data_arrived(up)

    def _receive_sack(self, chunk: SackChunk) -> None:
        # [rfc9260:6/5] [rfc9260:6/7]
        if self._up is None or self._context.state not in MAY_SEND:
            self._context.drop("unexpected_sack")
            return
        if self._up.sender.receive_sack(chunk) and self._rto.is_backed_off:
            self._up.heartbeat.measure()

    def _receive_unknown(self, chunk: UnknownChunk) -> bool:
        context = self._context
        context.drop("unknown_chunk")
        # [rfc9260:3.2/3]
        if chunk.report and self._up is not None:
            quoted = chunk.serialize()[:_MAX_REPORT_LENGTH]
            context.control.append(ErrorChunk((UnrecognizedChunkType(quoted),)).serialize())
        # [rfc9260:3.2/1] [rfc9260:3.2/2]
        return chunk.skip

    def _receive_error(self, chunk: ErrorChunk) -> None:
        for cause in chunk.causes:
            if isinstance(cause, StaleCookie):
                self._handshake.receive_stale_cookie()
            elif self._up is not None:
                self._receive_cause(self._up, cause)

    def _receive_cause(self, up: _Established, cause: Cause) -> None:
        events = self._context.events
        raw = cause.serialize()
        code, value = int.from_bytes(raw[:2], "big"), raw[4 : int.from_bytes(raw[2:4], "big")]
        events.append(PeerErrorReceived(code, value))
        # [rfc3758:3.3.3/1]
        if (
            isinstance(cause, UnrecognizedChunkType)
            and cause.chunk[:1] in (bytes([ForwardTsnChunk.TYPE]), bytes([IForwardTsnChunk.TYPE]))
            and up.sender.partial_reliability
        ):
            up.sender.stop_abandoning()
            events.append(PartialReliabilityLost())

    # --- set-up ---

    def _receive_init(self, init: InitChunk) -> None:
        if self._up is not None and self._context.state is AssociationState.SHUTDOWN_ACK_SENT:
            self._up.shutdown.answer_init()
        else:
            self._handshake.receive_init(init)

    def _receive_cookie_echo(self, cookie: bytes, tag: int, packet: bytes, end: int) -> None:
        # [rfc9260:8.4/5] [rfc9260:5.1.5/9]
        verdict, contents = self._handshake.receive_cookie_echo(cookie, tag)
        if contents is None or verdict is CookieVerdict.DISCARD:
            return
        match verdict:
            case CookieVerdict.NEW:
                self._establish(contents)
                self._handshake.acknowledge_cookie()
                self._context.events.append(self._report())
            case CookieVerdict.RESTART:
                self._restart(contents)
            case CookieVerdict.UPDATE:
                self._handshake.accept(contents)
                self._up = _Established(self._context, self._queue, self._rto, contents)
            case CookieVerdict.REPEATED:
                self._handshake.acknowledge_cookie()
        self._receive_chunks(packet, end)

    def _receive_cookie_ack(self) -> None:
        context = self._context
        agreed = self._handshake.agreed
        # [rfc9260:5.2.5/1]
        if context.state is not AssociationState.COOKIE_ECHOED or agreed is None:
            context.drop("unexpected_cookie_ack")
            return
        context.step(Input.COOKIE_ACK)
        self._set_up(agreed)
        context.events.append(self._report())

    def _establish(self, contents: CookieContents) -> None:
        self._context.step(Input.COOKIE_ECHO)
        self._handshake.agreed = contents
        self._handshake.local_tag = contents.local_tag
        self._handshake.local_initial_tsn = contents.local_initial_tsn
        self._set_up(contents)

    def _set_up(self, contents: CookieContents) -> None:
        context = self._context
        context.timers.stop(Timer.T1)
        context.packets.clear()
        context.error_count = 0
        self._up = up = _Established(context, self._queue, self._rto, contents)
        up.heartbeat.postpone()

    def _restart(self, contents: CookieContents) -> None:
        # [rfc9260:5.2.4/4] [rfc9260:5.2.4/5]
        context = self._context
        config = context.config
        context.timers.stop_all()
        context.control.clear()
        self._rto = RtoEstimator(initial=config.rto_initial, minimum=config.rto_min, maximum=config.rto_max)
        self._queue = SendQueue(context)
        self._establish(contents)
        self._handshake.acknowledge_cookie()
        context.events.append(PeerRestarted(self._report()))

    def _report(self) -> AssociationEstablished:
        up = self._up
        if up is None:
            raise RuntimeError("nothing to report")
        agreed = up.agreed
        return AssociationEstablished(
            outbound_streams=agreed.outbound_streams,
            inbound_streams=agreed.inbound_streams,
            partial_reliability=up.sender.partial_reliability,
            stream_reconfiguration=self._can_reset(up),
            message_interleaving=self._queue.interleaved,
            zero_checksum=agreed.peer_zero_checksum,
        )

    def _can_reset(self, up: _Established) -> bool:
        return self._context.config.stream_reconfiguration and ReconfigChunk.TYPE in up.agreed.peer_extensions

    # --- the end ---

    def _progress(self, up: _Established) -> None:
        """Go on with a shutdown that waited for data to be acknowledged."""
        state = self._context.state
        if state is AssociationState.SHUTDOWN_PENDING or state is AssociationState.SHUTDOWN_RECEIVED:
            if up.sender.is_idle:
                up.shutdown.everything_acknowledged()

    def _receive_shutdown_ack(self, tag: int, *, is_ours: bool, rest: tuple[bytes, int]) -> None:
        context = self._context
        if context.state in IS_UP:
            if is_ours:
                self._receive_chunks(rest[0], 12)
            else:
                context.drop("wrong_verification_tag")
            return
        # [rfc9260:8.4/6] [rfc9260:8.4/7] [rfc9260:8.5.1/10] [rfc9260:8.5.1/11] [rfc9260:8.5.1/15] [rfc9260:9.2/25]
        # [rfc9260:3.1/5]
        context.drop("shutdown_ack_out_of_the_blue")
        config = context.config
        complete = ShutdownCompleteChunk(FLAG_REFLECTED_TAG).serialize()
        context.packets.append(seal_packet(config.local_port, config.remote_port, tag, complete))

    def _receive_shutdown_complete(self) -> None:
        if self._up is not None and self._up.shutdown.receive_shutdown_complete():
            self._end(AssociationClosed(CloseReason.SHUTDOWN))
        elif self._up is None:
            self._context.drop("unexpected_shutdown_complete")

    def _receive_abort(self, chunk: AbortChunk) -> None:
        if self._context.state is AssociationState.CLOSED:
            self._context.drop("unexpected_abort")
            return
        # [rfc9260:9.1/7] [rfc9260:9.1/8] [rfc9260:9.1/9] [rfc9260:3.3.7/4]
        for cause in chunk.causes:
            if isinstance(cause, UserInitiatedAbort):
                self._end(AssociationClosed(CloseReason.REMOTE_ABORT, cause.reason))
                return
        detail = ", ".join(type(cause).__name__ for cause in chunk.causes)
        if not chunk.causes:
            self._end(AssociationClosed(CloseReason.REMOTE_ABORT))
        else:
            self._end(AssociationFailed(f"the peer aborted: {detail}", "rfc9260:9.1"))

    def _send_abort(self, cause: Cause) -> None:
        self._send_abort_chunk(AbortChunk((cause,)).serialize())

    def _send_abort_chunk(self, chunk: bytes) -> None:
        # [rfc9260:9.1/2] [rfc9260:9.1/3] [rfc9260:3.3.7/1] [rfc9260:3.3.7/2]
        agreed = self._handshake.agreed
        config = self._context.config
        if agreed is not None:
            packet = seal_packet(config.local_port, config.remote_port, agreed.peer_tag, chunk)
            self._context.packets.append(packet)

    def _fail(self, error: PeerGoneError) -> None:
        # [rfc9260:8.1/3] [rfc9260:8.1/4] [rfc9260:8.1/5]
        self._send_abort_chunk(AbortChunk().serialize())
        self._end(AssociationFailed(error.reason, error.section))

    def _end(self, event: AssociationClosed | AssociationFailed) -> None:
        # [rfc9260:14.2/1]
        context = self._context
        context.step(Input.END)
        context.timers.stop_all()
        context.control.clear()
        context.events.append(event)
        self._ended = True
        self._queue = SendQueue(context)
        context.dirty = bool(context.packets)

    # --- timers ---

    def _expire(self, timer: Timer) -> None:
        up = self._up
        if timer is Timer.T1:
            self._handshake.expire()
        elif up is None:
            return
        elif timer is Timer.T2:
            up.shutdown.expire()
        elif timer is Timer.T3:
            up.sender.retransmission_timeout()
        elif timer is Timer.T5:
            # [rfc9260:9.2/13]
            self._send_abort(ProtocolViolation(b"the shutdown took too long"))
            self._end(AssociationFailed("the shutdown took too long", "rfc9260:9.2"))
        elif timer is Timer.RECONFIGURATION:
            up.requests.expire()
        elif timer is Timer.ZERO_WINDOW:
            up.sender.probe_window()
        elif timer is Timer.HEARTBEAT:
            up.heartbeat.expire(path_in_use=not up.sender.is_idle)
        else:
            up.receiver.acknowledge_now()


_SPECIAL: Final = frozenset(
    {InitChunk.TYPE, CookieEchoChunk.TYPE, AbortChunk.TYPE, ShutdownCompleteChunk.TYPE, ShutdownAckChunk.TYPE}
)
"""Chunks that are judged by themselves when they begin a packet."""

_CHECKSUM_REQUIRED: Final = frozenset({InitChunk.TYPE, InitAckChunk.TYPE, CookieEchoChunk.TYPE})
"""Packets that begin with these come before anything was agreed about checksums."""


def _is_intact(packet: bytes) -> bool:
    # [rfc9260:6.8/3] [rfc9260:6.8/4]
    expected = crc32c(packet[:8] + _NO_CHECKSUM + packet[12:])
    return expected.to_bytes(4, "little") == packet[8:12]


def _raw_abort(cause: bytes) -> bytes:
    return struct.pack("!BBH", AbortChunk.TYPE, 0, 4 + len(cause)) + cause
