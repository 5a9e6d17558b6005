"""From fragments to messages, by message identifier and fragment number. See :rfc:`8260#section-2.2.3`."""

from collections.abc import Iterable

from .chunks import IDataChunk
from .reassembly import HOLDING_COST, Message
from .serial import greater_or_equal_32


class _Partial:
    """The fragments of one message that have arrived."""

    __slots__ = ("count", "length", "pieces", "ppid", "tsn")

    def __init__(self, tsn: int) -> None:
        self.pieces: dict[int, bytes] = {}
        self.length = 0
        self.count: int | None = None
        """How many fragments there are; known once the last one arrived."""

        self.ppid: int | None = None
        """Known once the first fragment arrived."""

        self.tsn = tsn
        """The lowest TSN of its fragments, not wrapped."""

    @property
    def cost(self) -> int:
        """What it counts for in the receive buffer."""
        return self.length + HOLDING_COST * len(self.pieces)


class InterleavedReassembly:
    """Incomplete messages of I-DATA chunks; their fragments may have any TSNs."""

    __slots__ = ("_partials", "length", "longest")

    def __init__(self) -> None:
        self._partials: dict[tuple[int, bool, int], _Partial] = {}
        self.length = 0
        """Bytes that wait, with `HOLDING_COST` for each fragment."""

        self.longest = 0
        """Bytes of the longest message that was touched since this was set to 0."""

    def add(self, chunk: IDataChunk, tsn: int) -> Message | None:
        """Take one fragment, each TSN once; returns the message if that completes one.

        Raises:
            ValueError: The fragment contradicts what arrived before.
        """
        # [rfc8260:2.2.3/1] [rfc8260:2.2.3/2]
        key = (chunk.stream_id, chunk.unordered, chunk.message_id)
        partial = self._partials.get(key)
        if partial is None:
            partial = self._partials[key] = _Partial(tsn)
        number = 0 if chunk.beginning else chunk.ppid_or_fsn
        if number in partial.pieces or (partial.count is not None and number >= partial.count):
            raise ValueError("a fragment number came twice, or after the last one")
        if chunk.beginning:
            partial.ppid = chunk.ppid_or_fsn
        elif number == 0:
            raise ValueError("fragment 0 is not marked as the beginning")
        if chunk.ending:
            if partial.count is not None or any(other > number for other in partial.pieces):
                raise ValueError("a message has two ends")
            partial.count = number + 1
        partial.pieces[number] = chunk.payload
        partial.length += len(chunk.payload)
        partial.tsn = min(partial.tsn, tsn)
        self.length += len(chunk.payload) + HOLDING_COST
        self.longest = max(self.longest, partial.length)
        if partial.ppid is None or len(partial.pieces) != partial.count:
            return None
        del self._partials[key]
        self.length -= partial.cost
        data = b"".join([partial.pieces[place] for place in range(partial.count)])
        return Message(*key, partial.ppid, data, partial.tsn)

    def skip_to(self, tsn: int) -> None:
        """Drop the incomplete messages that were begun up to a TSN."""
        for key in [key for key, partial in self._partials.items() if partial.tsn <= tsn]:
            self.length -= self._partials.pop(key).cost

    def skip(self, streams: Iterable[tuple[int, bool, int]]) -> None:
        """Drop the incomplete messages of streams up to an identifier each: they will not be completed."""
        # [rfc3758:3.6/11] One pass, however many streams the peer lists.
        last = {(stream_id, unordered): message_id for stream_id, unordered, message_id in streams}
        for key in list(self._partials):
            message_id = last.get(key[:2])
            if message_id is not None and greater_or_equal_32(message_id, key[2]):
                self.length -= self._partials.pop(key).cost
