"""Sending: fragments, windows, retransmission. See :rfc:`9260#section-6` and 7."""

import struct
from typing import Final

from .abandonment import forward_tsn, is_to_abandon
from .bundle import COMMON_HEADER_LENGTH, Bundle
from .causes import ProtocolViolation
from .chunks import DATA_HEADER_LENGTH, I_DATA_HEADER_LENGTH, SACK_LENGTH, SackChunk
from .congestion import CongestionControl
from .context import Context, ViolationError
from .events import MessageAbandoned
from .outgoing import OutgoingMessage
from .peer_window import PeerWindow
from .retransmission_queue import Acknowledged, OutstandingChunk, RetransmissionQueue
from .rto import RtoEstimator
from .send_queue import SendQueue
from .serial import MASK_32, greater_or_equal_32
from .timers import Timer

_DATA: Final = struct.Struct("!BBHLHHL")
_I_DATA: Final = struct.Struct("!BBHLHHLL")
_DATA_TYPE: Final = 0
_I_DATA_TYPE: Final = 64
_END: Final = 0x01
_BEGINNING: Final = 0x02
_UNORDERED: Final = 0x04
_MAX_SEGMENT_LIFETIME: Final = 30.0
"""Seconds for which a packet may be on its way."""

_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
_MAX_OUTSTANDING: Final = 0x7FFF
"""Chunks on the wire at once: gap blocks count with 16 bits, and what is half a circle of stream sequence numbers ahead of what a
receiver waits for is old to it."""


class Sender:
    """Everything that goes out under a TSN, and what comes back for it."""

    __slots__ = (
        "_acked_since_flush",
        "_context",
        "_forward_due",
        "_fragment_length",
        "_idle_since",
        "_interleaved",
        "_queue",
        "_rescue_due",
        "_restarts",
        "_stale_until",
        "_timed_at",
        "_timed_tsn",
        "congestion",
        "outstanding",
        "partial_reliability",
        "rto",
        "window",
    )

    def __init__(
        self,
        context: Context,
        queue: SendQueue,
        rto: RtoEstimator,
        *,
        initial_tsn: int,
        window: int,
        partial_reliability: bool,
        interleaved: bool,
    ) -> None:
        config = context.config
        self._context = context
        self._queue = queue
        self.rto = rto
        self._interleaved = interleaved
        self.partial_reliability = partial_reliability
        """Whether the peer understands FORWARD-TSN."""

        self._fragment_length = 0
        self.congestion = CongestionControl((config.max_packet_size - COMMON_HEADER_LENGTH) & ~3)
        self.resize_packets(config.max_packet_size)
        self.outstanding = RetransmissionQueue((initial_tsn - 1) & MASK_32)
        self.window = PeerWindow(context, rto, window)

        self._acked_since_flush = 0
        self._forward_due = False
        self._rescue_due = False
        """Whether one packet may leave whatever the congestion window says: fast retransmit."""

        self._restarts = False
        """Whether one packet at a time may be in flight: T3-rtx expired, and nothing was acknowledged since."""

        self._timed_tsn: int | None = None
        """The chunk whose round trip is being measured."""

        self._timed_at = 0.0
        self._stale_until = 0.0
        """Until when SACKs for TSNs of before a renumbering may arrive."""

        self._idle_since = context.now

    def renumber(self, next_tsn: int) -> None:
        """Go on with another TSN; nothing is outstanding."""
        self.outstanding = RetransmissionQueue((next_tsn - 1) & MASK_32)
        self.congestion.recovery_exit = None
        self._timed_tsn = None
        self._forward_due = False
        self._stale_until = self._context.now + _MAX_SEGMENT_LIFETIME

    def resize_packets(self, size: int) -> None:
        """Cut fragments for packets of so many bytes from now on."""
        # [rfc8899:5/2]
        header = I_DATA_HEADER_LENGTH if self._interleaved else DATA_HEADER_LENGTH
        # [rfc9260:6.9/8] [rfc9260:6.9/9] [rfc9260:6.9/11] [rfc9260:6/9] [rfc9260:7.3/5]
        self._fragment_length = (size - COMMON_HEADER_LENGTH - SACK_LENGTH - header) & ~3
        self.congestion.max_chunk_length = (size - COMMON_HEADER_LENGTH) & ~3

    def path_changed(self) -> None:
        """Forget what was learnt of the path: packets go another way from now on."""
        # [rfc9260:7.2.5/1] [rfc9260:7.2.5.2/1] [rfc8261:6.1/6]
        self.congestion = CongestionControl(self.congestion.max_chunk_length)
        self.rto.reset()
        self._timed_tsn = None

    # --- what there is to do ---

    @property
    def is_idle(self) -> bool:
        """Whether everything queued was sent and acknowledged."""
        return not self.outstanding.chunks and not self._queue.waits

    @property
    def has_work(self) -> bool:
        """Whether a flush would send DATA now, as far as the windows tell."""
        outstanding = self.outstanding
        if self._rescue_due or self._forward_due or self.window.probe_due:
            return True
        if outstanding.flight_size >= self.congestion.cwnd or (self._restarts and outstanding.flight_size):
            return False
        if outstanding.next_marked() is not None:
            return True
        return not self._queue.is_empty and self.window.size > outstanding.flight_size

    @property
    def last_assigned_tsn(self) -> int:
        """The TSN of the newest chunk."""
        return self.outstanding.last_tsn

    # --- sending ---

    def transmit(self, bundle: Bundle) -> None:
        """Put into packets what the windows allow: what the peer may skip, what was lost, then what is new."""
        self._forget_idle_path()
        if self._forward_due:
            self._send_forward_tsn(bundle)
        # [rfc9260:6.1/12]
        if self.outstanding.marked or self._rescue_due:
            self._retransmit(bundle)
        if not self._queue.is_empty and self.outstanding.next_marked() is None:
            self._send_new(bundle)
        if self._forward_due:
            # A message was given up halfway just now.
            bundle.finish_packet()
            self._send_forward_tsn(bundle)
        self._acked_since_flush = 0
        if self.outstanding.chunks:
            # [rfc9260:6.1/17] [rfc9260:6.1/19] [rfc9260:6.1/20]
            if not self._context.timers.is_running(Timer.T3):
                self._start_t3()
        elif not self._queue.is_empty and not self._context.timers.is_running(Timer.ZERO_WINDOW):
            self.window.wait()

    def _start_t3(self) -> None:
        self.window.listen_anew()
        self._context.timers.start(Timer.T3, self._context.now + self.rto.rto)

    def _forget_idle_path(self) -> None:
        if self.outstanding.chunks:
            return
        periods = int((self._context.now - self._idle_since) / self.rto.rto)
        if periods:
            self.congestion.idle(periods)
            self._idle_since += periods * self.rto.rto

    def _send_forward_tsn(self, bundle: Bundle) -> None:
        self._forward_due = False
        if not self.outstanding.owes_forward_tsn:
            return
        # [rfc3758:3.5/17] [rfc3758:3.5/18] [rfc3758:3.5/19]
        bundle.add(forward_tsn(self.outstanding, interleaved=self._interleaved, max_length=bundle.capacity))
        # [rfc3758:3.5/14] transmit() starts T3-rtx if it does not run: abandoned chunks are outstanding still.

    def _retransmit(self, bundle: Bundle) -> None:
        outstanding = self.outstanding
        context = self._context
        cwnd = self.congestion.cwnd
        rescue_room = 0
        one_packet = self._rescue_due or (self._restarts and not outstanding.flight_size)
        if one_packet and (chunk := outstanding.next_marked()) is not None:
            # [rfc9260:7.2.4/4] [rfc9260:7.2.4/5] [rfc9260:7.2.1/2] One packet leaves whatever the window says.
            if len(chunk.chunk) > bundle.room:
                bundle.finish_packet()
            # A chunk that was cut for longer packets goes alone.
            rescue_room = max(bundle.room, len(chunk.chunk))
        self._rescue_due = False
        while (chunk := outstanding.next_marked()) is not None:
            length = len(chunk.chunk)
            if length <= rescue_room:
                rescue_room -= length
            elif outstanding.flight_size >= cwnd or self._restarts:
                # [rfc9260:6.3.3/2]
                break
            else:
                rescue_room = 0
            if chunk.tsn == (outstanding.cumulative_tsn + 1) & MASK_32:
                # [rfc9260:6.1/18]
                self._start_t3()
            if self._timed_tsn is not None and greater_or_equal_32(self._timed_tsn, chunk.tsn):
                # [rfc9260:6.3.1/4] [rfc9260:6.3.1/5]
                self._timed_tsn = None
            outstanding.retransmitted(chunk)
            bundle.add(chunk.chunk)
            context.stats.chunks_retransmitted += 1

    def _send_new(self, bundle: Bundle) -> None:
        queue = self._queue
        outstanding = self.outstanding
        congestion = self.congestion
        context = self._context
        now = context.now
        fragment_length = self._fragment_length
        interleaved = self._interleaved
        # [rfc9260:6.1/13] [rfc9260:6.1/14] What was acknowledged since may be sent twice over, as in slow start.
        burst = max(context.config.max_burst * congestion.max_chunk_length, 2 * self._acked_since_flush)
        flight = outstanding.flight_size
        # [rfc9260:7.2.1/2]
        limit = min(congestion.cwnd, flight + burst) if not self._restarts else 1
        peer = self.window
        window = peer.size
        tsn = (outstanding.last_tsn + 1) & MASK_32
        chunks = outstanding.chunks
        sent = 0
        sent_messages = 0
        # [rfc9260:6.1/9] [rfc9260:6.1/10] [rfc9260:6.1/11] [rfc9260:6.1/16] [rfc9260:7.2.1/4]
        # [rfc8260:2.2.2/4] [rfc8260:2.1/4] [rfc8260:2.1/5] [rfc8260:2.1/7]
        # [rfc9260:1.6/3] [rfc9260:6.1/21] [rfc9260:6.1/22]
        while flight < limit and len(chunks) < _MAX_OUTSTANDING and (message := queue.head()) is not None:
            payload = message.payload
            offset = message.offset
            remaining = len(payload) - offset
            if remaining > fragment_length:
                # [rfc9260:6/8] [rfc9260:6.9/2] [rfc9260:6.9/10]
                length = fragment_length
                flags = 0
            else:
                length = remaining
                flags = _END
            # [rfc9260:6.1/1] [rfc9260:6.1/8]
            if length + _DATA.size > window - flight and not peer.probe_due:
                break
            peer.probe_due = False
            stream = message.stream
            if offset == 0:
                # [rfc9260:3.3.1/11] [rfc9260:6.9/14]
                flags |= _BEGINNING
                self._number(message)
            elif message.expires_at < now and self.partial_reliability:
                self._abandon((message,))
                tsn = (outstanding.last_tsn + 1) & MASK_32
                flight = outstanding.flight_size
                continue
            if message.unordered:
                # [rfc9260:3.3.1/4] [rfc9260:6.9/13]
                flags |= _UNORDERED
            data = payload if length == len(payload) else payload[offset : offset + length]
            # [rfc9260:3.3.1/1] [rfc9260:3.3.1/6] [rfc9260:3.3.1/7] [rfc9260:3.3.1/8] [rfc9260:3.3.1/9] [rfc9260:3.3.1/12]
            # [rfc9260:3.3.1/13] [rfc9260:6.9/12] [rfc9260:6.10/4]
            if interleaved:
                chunk = _i_data(tsn, message, flags, data, message.fragment_count)
                message.fragment_count += 1
            else:
                chunk = (
                    _DATA.pack(
                        _DATA_TYPE,
                        flags,
                        length + 16,
                        tsn,
                        stream.stream_id,
                        message.number & 0xFFFF,
                        message.ppid,
                    )
                    + data
                    + _PADDING[length & 3]
                )
            queue.cut(message, length)
            chunks.append(OutstandingChunk(tsn, chunk, message))
            flight += len(chunk)
            outstanding.flight_size = flight
            sent += length
            sent_messages += flags & _END
            bundle.add(chunk)
            if self._timed_tsn is None:
                # [rfc9260:6.3.1/1] [rfc9260:6.3.1/2]
                self._timed_tsn = tsn
                self._timed_at = now
            # [rfc9260:1.6/1] [rfc9260:1.6/4]
            tsn = (tsn + 1) & MASK_32
            if remaining > 2 * fragment_length and not interleaved:
                middle = self._cut_middle(message, tsn, limit, bundle)
                tsn = (tsn + middle) & MASK_32
                flight = outstanding.flight_size
                sent += middle * fragment_length
        context.stats.bytes_sent += sent
        context.stats.messages_sent += sent_messages

    def _cut_middle(self, message: OutgoingMessage, tsn: int, limit: int, bundle: Bundle) -> int:
        """Send fragments between the first and the last one, each a full packet, in one go; returns how many."""
        outstanding = self.outstanding
        length = self._fragment_length
        chunk_length = length + DATA_HEADER_LENGTH
        flight = outstanding.flight_size
        payload = message.payload
        offset = message.offset
        # The last packet may exceed the congestion window, but not the peer's.
        count = min(
            (len(payload) - offset - 1) // length,
            (limit - flight + chunk_length - 1) // chunk_length,
            (self.window.size - flight) // chunk_length,
            _MAX_OUTSTANDING - len(outstanding.chunks),
        )
        if count <= 0:
            return 0
        flags = _UNORDERED if message.unordered else 0
        stream_id, number, ppid = message.stream.stream_id, message.number & 0xFFFF, message.ppid
        pack = _DATA.pack
        chunks = [
            pack(_DATA_TYPE, flags, chunk_length, tsn + place & MASK_32, stream_id, number, ppid)
            + payload[offset + place * length : offset + (place + 1) * length]
            for place in range(count)
        ]
        outstanding.chunks.extend(
            [OutstandingChunk(tsn + place & MASK_32, chunk, message) for place, chunk in enumerate(chunks)]
        )
        outstanding.flight_size = flight + count * chunk_length
        self._queue.cut(message, count * length)
        bundle.add_full(chunks)
        return count

    def _number(self, message: OutgoingMessage) -> None:
        stream = message.stream
        if not message.unordered:
            # [rfc9260:6.5/4] [rfc9260:6.5/5] Masked to 16 bits where it is a stream sequence number.
            message.number = stream.next_number
            stream.next_number = (stream.next_number + 1) & MASK_32
        elif self._interleaved:
            message.number = stream.next_unordered_number
            stream.next_unordered_number = (stream.next_unordered_number + 1) & MASK_32
        # [rfc9260:6.5/6]

    # --- acknowledgements ---

    def receive_sack(self, sack: SackChunk) -> bool:
        """Take a SACK; returns whether anything was newly acknowledged.

        Raises:
            ViolationError: It acknowledges what was never sent.
        """
        outstanding = self.outstanding
        context = self._context
        if not greater_or_equal_32(sack.cumulative_tsn, outstanding.cumulative_tsn):
            context.drop("old_sack")
            return False
        ahead = (sack.cumulative_tsn - outstanding.cumulative_tsn) & MASK_32
        gaps = sack.gaps
        sent = len(outstanding.chunks)
        # [rfc9260:12.4/5]
        if ahead > sent or (gaps and ahead + max([end for _, end in gaps]) > sent):
            if context.now < self._stale_until:
                # It acknowledges TSNs of before all numbers began anew, and was long on its way.
                context.drop("old_sack")
                return False
            reason = "a SACK for a TSN that was never sent"
            raise ViolationError(reason, "rfc9260:12.4", ProtocolViolation(reason.encode()).serialize())
        result = outstanding.acknowledge(sack.cumulative_tsn, gaps)
        self.window.told(sack.a_rwnd, self._fragment_length)
        if result.byte_count or result.advanced:
            # [rfc9260:8.1/6]
            context.error_count = 0
            self._restarts = False
            self._acked_since_flush += result.byte_count
            self._measure()
        congestion = self.congestion
        # [rfc9260:7.2.4/7] Growth comes before the reduction.
        congestion.acknowledged(result.byte_count, flight_before=result.flight_before, advanced=result.advanced)
        if congestion.recovery_exit is not None and greater_or_equal_32(
            outstanding.cumulative_tsn, congestion.recovery_exit
        ):
            congestion.recovery_exit = None
        if gaps:
            self._look_for_losses(result.highest_new >= 0 or result.advanced, sack, result)
        self._restart_t3(advanced=result.advanced)
        if self.partial_reliability and outstanding.advance():
            self._forward_due = True
        return result.byte_count > 0 or result.advanced

    def receive_cumulative_tsn(self, cumulative_tsn: int) -> None:
        """Take the acknowledgement in a SHUTDOWN: what lies beyond it stays as it was."""
        outstanding = self.outstanding
        ahead = (cumulative_tsn - outstanding.cumulative_tsn) & MASK_32
        if 0 < ahead <= len(outstanding.chunks):
            outstanding.acknowledge_cumulative(ahead)
            self._context.error_count = 0
            self._restarts = False
            self._measure()
            self._restart_t3(advanced=True)

    def _look_for_losses(self, news: bool, sack: SackChunk, result: Acknowledged) -> None:
        outstanding = self.outstanding
        congestion = self.congestion
        if not news:
            return
        recovering = congestion.recovery_exit is not None
        if outstanding.report_missing(result, sack.gaps, recovering=recovering):
            # [rfc3758:3.5/22] [rfc7496:3.1/2] Even if all that was lost is given up.
            congestion.lost(outstanding.last_tsn)
            self._context.stats.fast_retransmissions += 1
            self._rescue_due = True
            self._abandon_lost()

    def _restart_t3(self, *, advanced: bool) -> None:
        timers = self._context.timers
        if not self.outstanding.chunks:
            timers.stop(Timer.T3)
            self.congestion.everything_acknowledged()
            self._idle_since = self._context.now
        elif advanced:
            self._start_t3()

    def _measure(self) -> None:
        timed = self._timed_tsn
        if timed is None:
            return
        if greater_or_equal_32(self.outstanding.cumulative_tsn, timed):
            self.rto.measure(self._context.now - self._timed_at)
            self._timed_tsn = None

    # --- losses ---

    def retransmission_timeout(self) -> None:
        """T3-rtx expired.

        Raises:
            PeerGoneError: It did so too often.
        """
        context = self._context
        outstanding = self.outstanding
        if not outstanding.chunks:
            return
        context.stats.retransmission_timeouts += 1
        if context.trace is not None:
            context.trace(context.now, "sctp:retransmission_timeout", {"rto": self.rto.rto})
        self.congestion.timed_out()
        self.rto.back_off()
        # [rfc9260:6.1/5] A peer that goes on saying that it has no room is alive.
        if not self.window.is_refused:
            context.count_error()
        outstanding.mark_all()
        self._restarts = True
        self._timed_tsn = None
        self._abandon_lost()
        # [rfc3758:3.5/15]
        if self.partial_reliability and outstanding.advance():
            self._forward_due = True

    def _abandon_lost(self) -> None:
        if not self.partial_reliability:
            return
        now = self._context.now
        # Each once, in their order.
        lost = {
            chunk.message: None
            for chunk in self.outstanding.marked
            if chunk.message.is_limited and not chunk.message.is_abandoned and is_to_abandon(chunk, now)
        }
        if lost:
            self._abandon(tuple(lost))

    def _abandon(self, messages: tuple[OutgoingMessage, ...]) -> None:
        """Give up messages of which fragments were sent."""
        context = self._context
        outstanding = self.outstanding
        outstanding.abandon(messages)
        for message in messages:
            if message.offset < len(message.payload):
                # The peer waits for the end: a TSN stands for it that is skipped but never sent.
                self._queue.discard(message)
                tsn = (outstanding.last_tsn + 1) & MASK_32
                outstanding.add_abandoned(OutstandingChunk(tsn, b"", message))
            context.stats.messages_abandoned += 1
            context.events.append(MessageAbandoned(message.stream.stream_id, message.ppid))
        # [rfc3758:4.3/3]
        if outstanding.advance():
            self._forward_due = True

    def stop_abandoning(self) -> None:
        """The peer does not understand FORWARD-TSN after all: send the rest reliably."""
        # [rfc3758:3.3.3/2] [rfc3758:3.3.3/3] [rfc3758:3.3.3/4]
        self.partial_reliability = False
        self._forward_due = False


def _i_data(tsn: int, message: OutgoingMessage, flags: int, data: bytes, fragment_number: int) -> bytes:
    # [rfc8260:2.1/1] [rfc8260:2.1/3] [rfc8260:2.1/6] [rfc8260:2.2.2/1] [rfc8260:2.2.2/2] [rfc8260:2.2.2/3]
    ppid_or_fsn = message.ppid if flags & _BEGINNING else fragment_number
    return (
        _I_DATA.pack(_I_DATA_TYPE, flags, len(data) + 20, tsn, message.stream.stream_id, 0, message.number, ppid_or_fsn)
        + data
        + _PADDING[len(data) & 3]
    )
