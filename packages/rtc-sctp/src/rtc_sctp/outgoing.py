"""Messages on their way out, and the streams in which they wait."""

from collections import deque

from .timers import NEVER


class OutgoingMessage:
    """One message of the application, from ``send`` until its last fragment is acknowledged or given up."""

    __slots__ = (
        "expires_at",
        "fragment_count",
        "is_abandoned",
        "max_retransmits",
        "number",
        "offset",
        "order",
        "payload",
        "ppid",
        "stream",
        "unordered",
    )

    def __init__(
        self,
        stream: "OutgoingStream",
        ppid: int,
        payload: bytes,
        unordered: bool,
        max_retransmits: int | None,
        expires_at: float,
        order: int,
    ) -> None:
        self.stream = stream
        self.ppid = ppid
        self.payload = payload
        self.unordered = unordered
        self.max_retransmits = max_retransmits
        self.expires_at = expires_at
        self.order = order
        """Place among all messages of the association, for the scheduler that goes by it."""

        self.offset = 0
        """Bytes that were cut off into fragments."""

        self.fragment_count = 0
        """How many fragments were cut, where messages interleave: the number of the next one."""

        self.number = 0
        """Stream sequence number or message identifier; given when the first fragment is cut."""

        self.is_abandoned = False

    @property
    def is_limited(self) -> bool:
        """Whether it may be given up."""
        return self.max_retransmits is not None or self.expires_at != NEVER


class OutgoingStream:
    """A queue of messages, and of marks where the stream is to be reset."""

    __slots__ = (
        "buffered",
        "finish_tag",
        "is_scheduled",
        "low_threshold",
        "next_number",
        "next_unordered_number",
        "queue",
        "stream_id",
        "weight",
    )

    def __init__(self, stream_id: int, weight: int) -> None:
        self.stream_id = stream_id
        self.weight = weight
        self.queue: deque[OutgoingMessage | None] = deque()
        """What waits, in order. ``None`` is the place of a reset: what stands behind it belongs to the next life."""

        self.buffered = 0
        """Payload bytes that were not cut into fragments yet."""

        self.low_threshold = 0
        # [rfc9260:6.5/3]
        self.next_number = 0
        """Of the next ordered message: its stream sequence number, or message identifier where messages interleave."""

        self.next_unordered_number = 0
        """Message identifier of the next unordered message."""

        self.is_scheduled = False
        self.finish_tag = 0
        """When it has had its share, on the scheduler's clock."""

    def begin_anew(self) -> None:
        """Start numbering from 0: the stream was reset."""
        # [rfc8260:2.3.2/1]
        self.next_number = 0
        self.next_unordered_number = 0
