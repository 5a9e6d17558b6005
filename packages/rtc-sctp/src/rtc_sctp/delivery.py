"""Handing messages up in the order that their stream wants. See :rfc:`9260#section-6.6`."""

from collections.abc import Collection

from .context import Context
from .events import MessageReceived
from .reassembly import HOLDING_COST, Message


class IncomingStream:
    """Where one stream is in its numbers."""

    __slots__ = ("next_number", "waiting")

    def __init__(self) -> None:
        # [rfc9260:6.5/3]
        self.next_number = 0
        self.waiting: dict[int, Message] = {}
        """Messages that came too early, by their number."""


class _Deferral:
    """A reset that waits for what was sent before it; see `Delivery.hold`."""

    __slots__ = ("last_tsn", "messages", "stream_ids")

    def __init__(self, stream_ids: Collection[int] | None, last_tsn: int) -> None:
        self.stream_ids = stream_ids
        self.last_tsn = last_tsn
        self.messages: list[Message] = []

    def holds(self, message: Message) -> bool:
        return message.tsn > self.last_tsn and (self.stream_ids is None or message.stream_id in self.stream_ids)


class Delivery:
    """Incoming streams, and the messages that are whole but not handed up."""

    __slots__ = ("_awaiting", "_context", "_deferral", "_mask", "length", "streams", "undelivered")

    def __init__(self, context: Context, *, interleaved: bool) -> None:
        self._context = context
        self._mask = 0xFFFF_FFFF if interleaved else 0xFFFF
        self._deferral: _Deferral | None = None
        self._awaiting: list[Message] | None = None
        """Messages that came while it is open whether they count by old numbers or by new ones."""

        self.streams: dict[int, IncomingStream] = {}
        self.length = 0
        """Bytes of messages that wait for others, with `HOLDING_COST` for each."""

        self.undelivered = 0
        """Bytes of messages in events that the caller has not taken yet, with `HOLDING_COST` for each."""

    @property
    def is_deferring(self) -> bool:
        """Whether messages of streams that are to be reset are held back."""
        return self._deferral is not None or self._awaiting is not None

    def stream(self, stream_id: int) -> IncomingStream:
        """The stream, made on first use."""
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.streams[stream_id] = IncomingStream()
        return stream

    def deliver(self, message: Message) -> None:
        """Hand a message up if it is its turn, else keep it."""
        deferral = self._deferral
        if self._awaiting is not None:
            self.length += len(message.data) + HOLDING_COST
            self._awaiting.append(message)
        elif deferral is not None and deferral.holds(message):
            # [rfc6525:5.2.2/4]
            self.length += len(message.data) + HOLDING_COST
            deferral.messages.append(message)
        elif message.unordered:
            # [rfc9260:3.3.1/2] [rfc9260:3.3.1/3] [rfc9260:6.6/3]
            self._hand_up(message)
        else:
            self._deliver_ordered(message)

    def _deliver_ordered(self, message: Message) -> None:
        stream = self.stream(message.stream_id)
        # [rfc9260:6.6/1]
        if message.number == stream.next_number:
            self._hand_up(message)
            stream.next_number = (stream.next_number + 1) & self._mask
            if stream.waiting:
                self._release(stream)
        # [rfc9260:1.6/5]
        elif (message.number - stream.next_number) & self._mask > self._mask >> 1 or message.number in stream.waiting:
            self._context.drop("sequence_number_used")
        else:
            # [rfc9260:6.6/2]
            stream.waiting[message.number] = message
            self.length += len(message.data) + HOLDING_COST

    def _release(self, stream: IncomingStream) -> None:
        while (message := stream.waiting.pop(stream.next_number, None)) is not None:
            self.length -= len(message.data) + HOLDING_COST
            self._hand_up(message)
            stream.next_number = (stream.next_number + 1) & self._mask

    def _hand_up(self, message: Message) -> None:
        self.undelivered += len(message.data) + HOLDING_COST
        self._context.stats.messages_received += 1
        self._context.events.append(MessageReceived(message.stream_id, message.ppid, message.data, message.unordered))

    def skip(self, stream_id: int, number: int) -> None:
        """Go on behind an ordered message that will not come, with all that waited for it."""
        # [rfc3758:3.6/8] [rfc3758:3.6/9]
        stream = self.stream(stream_id)
        mask = self._mask
        count = (number - stream.next_number) & mask
        if count > mask >> 1:
            return
        self._hand_up_waiting(stream, count)
        stream.next_number = (number + 1) & mask
        self._release(stream)

    # --- resets ---

    def await_new_numbers(self) -> None:
        """Keep what comes: the peer may begin all numbers anew at any moment, and says only then with which TSN."""
        self._awaiting = []

    def keep_old_numbers(self) -> None:
        """Go on: the peer does not begin anew."""
        self._release_awaiting(None)
        self._awaiting = None

    def _release_awaiting(self, last_tsn: int | None) -> None:
        """Deliver by the old numbers what was kept, up to a TSN; the rest stays."""
        messages, self._awaiting = self._awaiting or [], None
        rest: list[Message] = []
        for message in messages:
            self.length -= len(message.data) + HOLDING_COST
            if last_tsn is None or message.tsn <= last_tsn:
                self.deliver(message)
            else:
                rest.append(message)
        self._awaiting = []
        for message in rest:
            self.deliver(message)

    def begin_anew(self, last_tsn: int) -> None:
        """Hand up all that waits, and start the numbers of all streams anew, with what came beyond a TSN."""
        kept: list[Message] = []
        if self._awaiting is not None:
            self._release_awaiting(last_tsn)
            kept, self._awaiting = self._awaiting, None
        for stream in self.streams.values():
            self._hand_up_waiting(stream, self._mask >> 1)
        self.reset(None, last_tsn)
        for message in kept:
            self.length -= len(message.data) + HOLDING_COST
            self.deliver(message)

    def _hand_up_waiting(self, stream: IncomingStream, count: int) -> None:
        """Hand up what waits under the next ``count`` numbers and this one, in order, whatever is missing between."""
        start = stream.next_number
        mask = self._mask
        early = [number for number in stream.waiting if (number - start) & mask <= count]
        for number in sorted(early, key=lambda number: (number - start) & mask):
            message = stream.waiting.pop(number)
            self.length -= len(message.data) + HOLDING_COST
            self._hand_up(message)

    def hold(self, stream_ids: Collection[int] | None, last_tsn: int) -> None:
        """Keep what these streams, or all, bring beyond a TSN until `reset`: it belongs to their next life."""
        former, self._deferral = self._deferral, _Deferral(stream_ids, last_tsn)
        if former is not None:
            self._release_held(former)

    def reset(self, stream_ids: Collection[int] | None, last_tsn: int) -> None:
        """Start the numbers of these streams, or of all, anew after a TSN, and release what was held."""
        if self._awaiting is not None:
            self._release_awaiting(last_tsn)
        # [rfc6525:5.2.2/7] [rfc6525:5.2.2/8]
        for stream_id in self.streams if stream_ids is None else stream_ids:
            stream = self.streams.get(stream_id)
            if stream is not None:
                self.length -= sum([len(message.data) + HOLDING_COST for message in stream.waiting.values()])
                stream.waiting.clear()
                # [rfc8260:2.3.2/1]
                stream.next_number = 0
        if stream_ids is None:
            # A peer that resets all streams again and again shall not let us walk through all of them each time.
            self.streams.clear()
        deferral, self._deferral = self._deferral, None
        if deferral is not None:
            # [rfc6525:5.2.2/9]
            self._release_held(deferral)

    def _release_held(self, deferral: _Deferral) -> None:
        for message in deferral.messages:
            self.length -= len(message.data) + HOLDING_COST
            self.deliver(message)
