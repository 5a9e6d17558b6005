"""Receiving: DATA to messages, the window, and when to acknowledge. See :rfc:`9260#section-6.2`."""

import struct
from collections.abc import Sequence
from typing import Final

from .causes import InvalidStreamIdentifier, OutOfResource, ProtocolViolation
from .chunks import (
    SACK_ENTRY_LENGTH,
    SACK_LENGTH,
    ErrorChunk,
    ForwardTsnChunk,
    IDataChunk,
    IForwardTsnChunk,
    SackChunk,
)
from .context import Context, ViolationError
from .delivery import Delivery
from .events import MessageReceived
from .interleaved_reassembly import InterleavedReassembly
from .packet import is_intact
from .reassembly import HOLDING_COST, Message, Reassembly, Run
from .serial import MASK_32
from .timers import Timer
from .tsn_tracker import MAX_GAP_OFFSET, TsnTracker

_unpack_data: Final = struct.Struct("!BBHLHHL").unpack_from
_DATA_HEADER_LENGTH: Final = 16
_ENDING: Final = 0x01
_BEGINNING: Final = 0x02
_WHOLE: Final = 0x03
_UNORDERED: Final = 0x04
_IMMEDIATE: Final = 0x08
_MAX_DUPLICATES: Final = 64
"""Duplicates that are remembered for one SACK."""

_INTERLEAVED_MESSAGES: Final = 16
"""How many incomplete messages of the greatest length have room beside the receive buffer."""


class Receiver:
    """Everything that comes in under a TSN, and what goes back for it."""

    __slots__ = (
        "_advertised",
        "_buffer_size",
        "_context",
        "_immediately",
        "_interleaved",
        "_interleaved_reassembly",
        "_is_first",
        "_largest_message",
        "_packets",
        "_reassembly",
        "delivery",
        "inbound_streams",
        "tracker",
        "unread",
    )

    def __init__(self, context: Context, *, initial_tsn: int, inbound_streams: int, interleaved: bool) -> None:
        self._context = context
        self._interleaved = interleaved
        self._buffer_size = context.config.receive_buffer_size
        self._largest_message = context.config.max_received_message_size
        self._reassembly = Reassembly()
        self._interleaved_reassembly = InterleavedReassembly()
        self._packets = 0
        """Packets with data since the last SACK."""

        self._immediately = False
        self._is_first = True
        self._advertised = self._buffer_size
        self.delivery = Delivery(context, interleaved=interleaved)
        self.inbound_streams = inbound_streams
        self.tracker = TsnTracker(initial_tsn)
        self.unread = 0
        """Bytes handed up that the application has not consumed."""

    def renumber(self, next_tsn: int) -> None:
        """Let all streams begin anew with this TSN, of which the peer may have sent some already."""
        tracker = self.tracker
        last = tracker.unwrap(next_tsn) - 1
        if abs(last - tracker.cumulative) <= MAX_GAP_OFFSET:
            # The TSNs go on as they were.
            if last > tracker.cumulative:
                tracker.skip_to(last)
            self._reassembly.skip(0, last)
            self._interleaved_reassembly.skip_to(last)
        else:
            self.start_at(next_tsn)
        self.delivery.begin_anew(last)

    def start_at(self, next_tsn: int) -> None:
        """Forget which TSNs arrived, and what is incomplete."""
        self.tracker = TsnTracker(next_tsn)
        self._reassembly = Reassembly()
        self._interleaved_reassembly = InterleavedReassembly()

    # --- the window ---

    @property
    def room(self) -> int:
        """How many more bytes are taken; below 1 for none.

        All that is held counts, but a buffer that is full of incomplete messages would stay full for ever: while the
        application keeps up and nothing is missing in between, there is always room to complete some.
        """
        delivery = self.delivery
        incomplete = self._reassembly.length + self._interleaved_reassembly.length
        others = delivery.length + delivery.undelivered + self.unread
        room = self._buffer_size - incomplete - others
        if incomplete > self._buffer_size // 2 > others and not self.tracker.has_gaps:
            count = _INTERLEAVED_MESSAGES if self._interleaved else 1
            if incomplete < self._buffer_size + count * self._largest_message:
                return max(room, self._buffer_size // 4)
        return room

    @property
    def window(self) -> int:
        """How many more bytes the peer may send."""
        # [rfc9260:6.2/22] [rfc9260:6.2/23] [rfc9260:6.2/27] [rfc9260:3.3.2/12] [rfc9260:3.3.3/13]
        window = self.room
        # [rfc9260:6.2/6] No window that invites crumbs.
        return window if window >= self._context.config.max_packet_size else 0

    def taken(self) -> None:
        """The caller took the events; what it has not consumed is in ``unread``."""
        if self.delivery.undelivered:
            self.delivery.undelivered = 0
            self.announce_window()

    def announce_window(self) -> None:
        """Let the peer know if the window opened noticeably since it last heard of it."""
        # [rfc9260:6.2/11] [rfc9260:6.2/12] [rfc9260:6.2/21]
        if self._advertised < self._buffer_size // 2 and self.window >= self._advertised + self._buffer_size // 4:
            self._immediately = True
            self._context.dirty = True

    def _has_room_for(self, number: int) -> bool:
        room = self.room
        tracker = self.tracker
        # What fills a gap makes room sooner or later: for that, as much again. What comes next in sequence makes room now.
        reserve = self._buffer_size if number != tracker.cumulative + 1 else self._buffer_size + self._largest_message
        return room > 0 or (number < tracker.highest and room > -reserve)

    # --- data ---

    def receive_in_order(  # noqa: C901  # one loop without calls is what makes the fast path fast
        self, packets: Sequence[bytes], index: int, position: int, head: bytes
    ) -> tuple[int, int]:
        """Take DATA chunks for as long as they come in order and nothing is odd: the fast path, a batch in one loop.

        Everything that it leaves, `receive_data` and the general parser take, to the same effect.

        Args:
            packets: What arrived together.
            index: Where in ``packets`` to begin.
            position: Where in that packet to begin; 0 for one whose header was not looked at.
            head: Ports, verification tag and, where that will do, the checksum of zero with which packets begin.

        Returns:
            The packet that it did not take to the end, and the position in it; 0 if it took nothing of it.
        """
        tracker = self.tracker
        delivery = self.delivery
        if (
            tracker.has_gaps
            or delivery.is_deferring
            or self._interleaved
            or self._reassembly.lacks_beginning_before(tracker.cumulative + 1)
        ):
            return index, position
        room = self.room
        count = len(packets)
        start = index, position
        prefix = head[:8]
        streams = delivery.streams
        limit = self.inbound_streams
        longest = self._largest_message
        report = self._context.events.append
        first = expected = tracker.cumulative + 1
        run = self._reassembly.take(expected)
        flags_seen = messages = received = delivered = 0
        while index < count:
            packet = packets[index]
            size = len(packet)
            if position == 0:
                if packet[:12] != head and (packet[:8] != prefix or not is_intact(packet)):
                    break
                position = 12
            # [rfc9260:6.2/2] Without room the general path decides.
            while position + 16 < size and room > 0:
                type_, flags, length, tsn, stream_id, number, ppid = _unpack_data(packet, position)
                end = position + length
                if type_ or tsn != expected & MASK_32 or length <= 16 or end > size or stream_id >= limit:
                    break
                length -= 16
                whole = flags & _WHOLE
                if whole & _BEGINNING:
                    if run is not None:
                        break
                elif (
                    run is None
                    or run.stream_id != stream_id
                    or run.unordered is not (flags & _UNORDERED != 0)
                    or (run.number != number and not run.unordered)
                    or run.length + length > longest
                ):
                    break
                payload = packet[position + 16 : end]
                if whole & _ENDING:
                    unordered = flags & _UNORDERED != 0
                    # [rfc9260:3.3.1/2] [rfc9260:3.3.1/3] [rfc9260:6.6/1] [rfc9260:6.6/3]
                    if not unordered:
                        stream = streams.get(stream_id)
                        if stream is None or stream.next_number != number or stream.waiting:
                            break
                        stream.next_number = (number + 1) & 0xFFFF
                    if run is not None:
                        run.pieces.append(payload)
                        payload = b"".join(run.pieces)
                        ppid = run.ppid
                        run = None
                    report(MessageReceived(stream_id, ppid, payload, unordered))
                    messages += 1
                    delivered += len(payload)
                elif run is None:
                    run = Run(expected, flags, stream_id, flags & _UNORDERED != 0, number, ppid, payload)
                else:
                    run.pieces.append(payload)
                    run.length += length
                # [rfc9260:6.2/15]
                expected += 1
                flags_seen |= flags
                received += length
                room -= length + HOLDING_COST
                position = (end + 3) & ~3
            if position < size:
                break
            position = 0
            index += 1
        if run is not None:
            self._reassembly.put_back(run)
        if position == 12 and start[1] != 12:
            position = 0
        if expected != first:
            tracker.cumulative = expected - 1
            self._packets += max(index - start[0], 1)
            # [rfc9260:6.2/18] [rfc9260:5.1/19] [rfc9260:5.1.5/7]
            self._immediately = self._immediately or self._is_first or flags_seen & _IMMEDIATE != 0
            self._is_first = False
            delivery.undelivered += delivered + HOLDING_COST * messages
            self._context.stats.bytes_received += received
            self._context.stats.messages_received += messages
        return index, position

    def receive_data(self, packet: bytes, position: int) -> int:
        """Take the DATA chunks from ``position`` up to the first thing that is none; returns where that stands.

        Raises:
            ViolationError: The peer broke a rule that ends the association.
        """
        start = position
        while position + _DATA_HEADER_LENGTH < len(packet):
            type_, flags, length, tsn, stream_id, number, ppid = _unpack_data(packet, position)
            end = position + length
            if type_ != 0 or length <= _DATA_HEADER_LENGTH or end > len(packet):
                break
            self._receive_one(tsn, flags, stream_id, number, ppid, packet[position + _DATA_HEADER_LENGTH : end])
            position = (end + 3) & ~3
        if position != start:
            self._packets += 1
            # [rfc9260:5.1/19]
            self._immediately = self._immediately or self._is_first
            self._is_first = False
        return position

    def _receive_one(self, tsn: int, flags: int, stream_id: int, number: int, ppid: int, payload: bytes) -> None:
        # [rfc8260:2.2.3/3]
        if self._interleaved:
            raise _violation("DATA although I-DATA was agreed", "rfc8260:2.2.3")
        place = self._accept(tsn, flags, stream_id, len(payload))
        if place is not None:
            self._reassemble(place, flags, stream_id, number, ppid, payload)

    def receive_i_data(self, chunk: IDataChunk) -> None:
        """Take one I-DATA chunk.

        Raises:
            ViolationError: The peer broke a rule that ends the association.
        """
        if not self._interleaved:
            raise _violation("I-DATA although it was not agreed", "rfc8260:2.2.1")
        self._packets += 1
        if self._is_first:
            self._is_first = False
            self._immediately = True
        place = self._accept(chunk.tsn, chunk.flags, chunk.stream_id, len(chunk.payload))
        if place is None:
            return
        reassembly = self._interleaved_reassembly
        try:
            message = reassembly.add(chunk, place)
        except ValueError as error:
            raise _violation(str(error), "rfc8260:2.2.3") from None
        self._check_length(reassembly.longest)
        if message is not None:
            reassembly.longest = 0
            self.delivery.deliver(message)

    def _accept(self, tsn: int, flags: int, stream_id: int, length: int) -> int | None:
        """Note a TSN; returns its unwrapped number if the chunk is new, wanted and on a stream that exists."""
        context = self._context
        tracker = self.tracker
        number = tracker.unwrap(tsn)
        if tracker.has(number):
            # [rfc9260:6.2/19] [rfc9260:6.2/20]
            context.stats.duplicate_chunks += 1
            if len(tracker.duplicates) < _MAX_DUPLICATES:
                tracker.duplicates.append(tsn)
            self._immediately = True
            return None
        if number - tracker.cumulative > MAX_GAP_OFFSET or not self._has_room_for(number):
            # [rfc9260:6.2/2] [rfc9260:6.2/4] [rfc9260:6.2/5]
            # [rfc9260:6.2/25] [rfc9260:6.2/26] [rfc9260:6.2/28] What was once acknowledged is never dropped.
            context.drop("receive_buffer_full")
            self._immediately = True
            return None
        # [rfc9260:6.7/1] [rfc9260:7.2.4/1] [rfc9260:6.2/17] [rfc8260:2.1/2]
        self._immediately |= tracker.has_gaps or bool(flags & _IMMEDIATE)
        tracker.add(number)
        self._immediately |= tracker.has_gaps
        # [rfc9260:6.5/2]
        if stream_id >= self.inbound_streams:
            context.drop("invalid_stream")
            context.control.append(ErrorChunk((InvalidStreamIdentifier(stream_id),)).serialize())
            return None
        context.stats.bytes_received += length
        return number

    def _reassemble(self, place: int, flags: int, stream_id: int, number: int, ppid: int, payload: bytes) -> None:
        unordered = bool(flags & _UNORDERED)
        if flags & _WHOLE == _WHOLE:
            self.delivery.deliver(Message(stream_id, unordered, number, ppid, payload, place))
            return
        reassembly = self._reassembly
        try:
            message = reassembly.add(place, flags, stream_id, unordered, number, ppid, payload)
        except ValueError as error:
            raise _violation(str(error), "rfc9260:6.9") from None
        if reassembly.longest > self._largest_message:
            self._check_length(reassembly.longest)
        if message is not None:
            reassembly.longest = 0
            self.delivery.deliver(message)

    def _check_length(self, length: int) -> None:
        # [rfc9260:6.9/16] Messages are handed up whole, so one that never ends cannot be let grow.
        if length > self._largest_message:
            reason = f"a message of more than {self._largest_message} bytes"
            raise ViolationError(reason, "rfc9260:6.9", OutOfResource().serialize())

    # --- what will not come ---

    def receive_forward_tsn(self, chunk: ForwardTsnChunk | IForwardTsnChunk) -> None:
        """Stop waiting for what the peer gave up.

        Raises:
            ViolationError: It is of the kind that was not agreed.
        """
        # [rfc8260:2.3.1/8]
        if isinstance(chunk, IForwardTsnChunk) is not self._interleaved:
            raise _violation("FORWARD TSN of the kind that was not agreed", "rfc8260:2.3.1")
        number = self.tracker.unwrap(chunk.cumulative_tsn)
        # [rfc3758:3.6/4] [rfc3758:3.6/5] [rfc3758:3.6/6]
        if number <= self.tracker.cumulative:
            self._immediately = True
            return
        if number - self.tracker.cumulative > MAX_GAP_OFFSET:
            self._context.drop("forward_tsn_too_far")
            return
        # [rfc3758:3.6/1] [rfc3758:3.6/7]
        self._packets += 1
        first = self.tracker.cumulative + 1
        self.tracker.skip_to(number)
        # [rfc9260:7.2.4/1]
        self._immediately = self._immediately or self.tracker.has_gaps
        if isinstance(chunk, IForwardTsnChunk):
            self._interleaved_reassembly.skip(chunk.streams)
            for stream_id, unordered, message_id in chunk.streams:
                if stream_id < self.inbound_streams and not unordered:
                    self.delivery.skip(stream_id, message_id)
            return
        self._reassembly.skip(first, number)
        for stream_id, sequence in chunk.streams:
            if stream_id < self.inbound_streams:
                self.delivery.skip(stream_id, sequence)

    # --- acknowledging ---

    @property
    def owes_sack(self) -> bool:
        """Whether anything arrived that is not acknowledged."""
        return self._packets > 0 or self._immediately

    @property
    def owes_sack_now(self) -> bool:
        """Whether the acknowledgement must not wait for company."""
        # [rfc9260:6.2/1] [rfc9260:6.2/8] [rfc9260:5.1/20]
        return self._immediately or self._packets >= self._context.config.sack_frequency

    def acknowledge_now(self) -> None:
        """Let the next flush bring a SACK."""
        self._immediately = True

    def arm_sack_timer(self) -> None:
        """Bound the time for which an acknowledgement waits."""
        # [rfc9260:6.2/7] [rfc9260:6.2/9] [rfc9260:6.2/10]
        timers = self._context.timers
        if self._packets and not timers.is_running(Timer.SACK):
            timers.start(Timer.SACK, self._context.now + self._context.config.sack_delay)

    def sack(self, max_length: int) -> bytes:
        """The SACK for everything that arrived, at most ``max_length`` bytes long."""
        tracker = self.tracker
        # [rfc9260:6.2/24]
        self._advertised = window = self.window
        self._packets = 0
        self._immediately = False
        self._context.timers.stop(Timer.SACK)
        gaps: tuple[tuple[int, int], ...] = ()
        duplicates: tuple[int, ...] = ()
        if tracker.has_gaps or tracker.duplicates:
            room = (max_length - SACK_LENGTH) // SACK_ENTRY_LENGTH
            gaps = tracker.gaps(room)
            duplicates = tuple(tracker.duplicates[: room - len(gaps)])
            tracker.duplicates.clear()
        return SackChunk(tracker.cumulative_tsn, window, gaps, duplicates).serialize()


def _violation(reason: str, section: str) -> ViolationError:
    return ViolationError(reason, section, ProtocolViolation(reason.encode()).serialize())
