"""Which message leaves next: queues per stream, schedulers, and how much waits. See :rfc:`8260#section-3`."""

import heapq
from typing import Final

from .config import SchedulerKind
from .context import Context
from .errors import BufferFullError
from .events import BufferedAmountLow, MessageAbandoned
from .outgoing import OutgoingMessage, OutgoingStream
from .timers import NEVER

MESSAGE_OVERHEAD: Final = 64
"""Bytes that a message is charged on top of its length, so that a flood of tiny ones is bounded too."""

DEFAULT_WEIGHT: Final = 256
_TAG_SCALE: Final = 1 << 20


class SendQueue:
    """Messages that wait, and the order in which streams are served.

    Streams with something to send stand in a heap by a tag. For the fair schedulers it is the virtual time at which the
    stream's turn begins (start-time fair queueing): a turn moves it on by the bytes sent, divided by the weight.
    """

    __slots__ = (
        "_context",
        "_current",
        "_heap",
        "_is_suspended",
        "_kind",
        "_order",
        "_parked",
        "_time",
        "_unborn",
        "interleaved",
        "reset_ready",
        "size",
        "streams",
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kind = context.config.scheduler
        self.streams: dict[int, OutgoingStream] = {}
        self._unborn: list[tuple[OutgoingMessage, float]] = []
        """Messages with a lifetime that were queued since the last flush, and their lifetimes."""

        self.interleaved = False
        """Whether streams take turns fragment by fragment, not message by message."""

        self.size = 0
        """Bytes that wait, with the overhead of each message."""

        self.reset_ready: list[int] = []
        """Streams of which everything before a reset was sent, in order."""

        self._heap: list[tuple[int, int, int]] = []
        self._current: OutgoingStream | None = None
        """The stream whose turn it is; in the middle of a message unless messages interleave."""

        self._order = 0
        self._time = 0
        self._is_suspended = False
        self._parked: list[OutgoingStream] = []
        """Streams whose next message must not begin yet."""

    def stream(self, stream_id: int) -> OutgoingStream:
        """The stream, made on first use."""
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.streams[stream_id] = OutgoingStream(stream_id, DEFAULT_WEIGHT)
        return stream

    def add(
        self,
        stream_id: int,
        ppid: int,
        payload: bytes,
        *,
        unordered: bool,
        max_retransmits: int | None,
        lifetime: float | None,
        ignore_limit: bool = False,
    ) -> None:
        """Queue one message.

        Raises:
            BufferFullError: There is no room; a message longer than the whole buffer is taken when nothing else waits.
        """
        size = len(payload) + MESSAGE_OVERHEAD
        if self.size + size > self._context.config.send_buffer_size and self.size > 0 and not ignore_limit:
            raise BufferFullError(f"{self.size} bytes wait already")
        stream = self.streams.get(stream_id) or self.stream(stream_id)
        self._order += 1
        message = OutgoingMessage(stream, ppid, payload, unordered, max_retransmits, NEVER, self._order)
        if lifetime is not None:
            self._unborn.append((message, lifetime))
        stream.queue.append(message)
        stream.buffered += len(payload)
        self.size += size
        if not stream.is_scheduled and stream.queue[0] is not None:
            self._schedule(stream)

    def start_lifetimes(self) -> None:
        """Let lifetimes begin: commands do not tell the time, but the flush that follows them does."""
        # [rfc3758:4.1/9]
        for message, lifetime in self._unborn:
            message.expires_at = self._context.now + lifetime
        self._unborn.clear()

    def request_reset(self, stream_id: int) -> None:
        """Let a stream be reset once everything queued on it so far was sent."""
        stream = self.stream(stream_id)
        stream.queue.append(None)
        if len(stream.queue) == 1:
            self.reset_ready.append(stream_id)

    def finish_reset(self, stream_id: int, *, performed: bool) -> None:
        """Go on with what was queued behind a reset; it was performed or refused."""
        stream = self.streams[stream_id]
        stream.queue.popleft()
        if performed:
            stream.begin_anew()
        self._look_at_head(stream)

    def ends_with_reset(self, stream_id: int) -> bool:
        """Whether the last thing that waits in a stream is a reset."""
        stream = self.streams.get(stream_id)
        return stream is not None and bool(stream.queue) and stream.queue[-1] is None

    def suspend(self) -> None:
        """Begin no further message; those that were begun go on."""
        self._is_suspended = True

    def resume(self) -> None:
        """Begin messages again."""
        self._is_suspended = False
        parked, self._parked = self._parked, []
        for stream in parked:
            self._schedule(stream)

    def begin_anew(self) -> None:
        """Start the numbers of all streams anew."""
        for stream in self.streams.values():
            stream.begin_anew()

    def head(self) -> OutgoingMessage | None:
        """The message from which the next fragment is to be cut; ``None`` if nothing can be sent.

        Messages whose lifetime is over are given up on the way.
        """
        now = self._context.now
        while True:
            stream = self._current
            if stream is None:
                if not self._heap:
                    return None
                self._time, _, stream_id = heapq.heappop(self._heap)
                stream = self._current = self.streams[stream_id]
            message = stream.queue[0]
            if message is None:  # only streams with messages are scheduled; the type checker cannot know
                raise RuntimeError("a stream that is being reset was scheduled")
            if self._is_suspended and message.offset == 0:
                self._parked.append(stream)
                self._current = None
                continue
            # [rfc3758:4.1/2] [rfc3758:4.1/3] [rfc3758:4.1/4] [rfc3758:4.1/8]
            if message.expires_at >= now or message.offset:
                return message
            self._give_up(message)

    def _give_up(self, message: OutgoingMessage) -> None:
        context = self._context
        context.stats.messages_abandoned += 1
        # [rfc3758:4.1/5]
        context.events.append(MessageAbandoned(message.stream.stream_id, message.ppid))
        self.discard(message)

    def cut(self, message: OutgoingMessage, length: int) -> None:
        """Note that a fragment of the head was sent."""
        stream = message.stream
        message.offset += length
        before = stream.buffered
        stream.buffered = after = before - length
        self.size -= length
        if after <= stream.low_threshold < before:
            self._context.events.append(BufferedAmountLow(stream.stream_id))
        if message.offset == len(message.payload):
            self._remove_head(stream, len(message.payload))
        elif self.interleaved and self._heap:
            # [rfc8260:2.2.2/5] [rfc8260:2.2.2/6] Let other streams have their turn; this one goes on with the same message.
            self._current = None
            stream.is_scheduled = False
            stream.finish_tag = self._tag_after(stream, length)
            self._schedule(stream)

    def discard(self, message: OutgoingMessage) -> None:
        """Drop what is left of a message that waits at the head of its stream."""
        stream = message.stream
        left = len(message.payload) - message.offset
        before = stream.buffered
        stream.buffered = after = before - left
        self.size -= left
        message.offset = len(message.payload)
        if after <= stream.low_threshold < before:
            self._context.events.append(BufferedAmountLow(stream.stream_id))
        if self._current is not stream:
            # It waits for its next turn; without a message it may have none.
            self._heap = [entry for entry in self._heap if entry[2] != stream.stream_id]
            heapq.heapify(self._heap)
        self._remove_head(stream, 0)

    def _remove_head(self, stream: OutgoingStream, sent: int) -> None:
        stream.queue.popleft()
        self.size -= MESSAGE_OVERHEAD
        if self._current is stream:
            self._current = None
        stream.is_scheduled = False
        stream.finish_tag = self._tag_after(stream, sent)
        self._look_at_head(stream)

    def _look_at_head(self, stream: OutgoingStream) -> None:
        if not stream.queue:
            return
        if stream.queue[0] is None:
            self.reset_ready.append(stream.stream_id)
        else:
            self._schedule(stream)

    # --- turns ---

    def _tag_after(self, stream: OutgoingStream, sent: int) -> int:
        start = max(self._time, stream.finish_tag)
        # [rfc8260:3/1]
        if self._kind is SchedulerKind.WEIGHTED_FAIR:
            return start + sent * _TAG_SCALE // stream.weight
        if self._kind is SchedulerKind.FAIR_CAPACITY:
            return start + sent
        return start + 1

    def _schedule(self, stream: OutgoingStream) -> None:
        stream.is_scheduled = True
        head = stream.queue[0]
        order = 0 if head is None else head.order
        if self._kind is SchedulerKind.FIRST_COME:
            tag = order
        elif self._kind is SchedulerKind.PRIORITY:
            tag = -stream.weight
        else:
            tag = max(self._time, stream.finish_tag)
        if self._current is None and not self._heap:
            # The usual case: no other stream has anything to send.
            self._time = max(self._time, tag) if self._kind is not SchedulerKind.PRIORITY else 0
            self._current = stream
        else:
            heapq.heappush(self._heap, (tag, order, stream.stream_id))

    # --- amounts ---

    def set_low_threshold(self, stream_id: int, threshold: int) -> None:
        """Say at how many unsent bytes ``BufferedAmountLow`` tells."""
        self.stream(stream_id).low_threshold = threshold

    def set_weight(self, stream_id: int, weight: int) -> None:
        """Say how large a stream's share is; counts from its next turn."""
        self.stream(stream_id).weight = weight

    def buffered_amount(self, stream_id: int) -> int:
        """Unsent payload bytes of one stream."""
        stream = self.streams.get(stream_id)
        return 0 if stream is None else stream.buffered

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be sent."""
        return self._current is None and not self._heap

    @property
    def waits(self) -> bool:
        """Whether messages wait, even behind a reset."""
        return self.size > 0
