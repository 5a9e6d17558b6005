"""Messages that an old peer cut up by payload protocol identifier, instead of leaving that to SCTP.

The identifiers 52 and 54 are deprecated and never sent, but cheap to understand on reliable ordered channels, for
which they were made. See :rfc:`8831#section-6.6`.
"""


class PartialMessages:
    """Bounded store of the pieces that arrived, by stream.

    SCTP has handed the pieces up, so its window does not bound them.
    """

    __slots__ = ("_capacity", "_messages", "_size")

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._messages: dict[int, tuple[int, bytearray]] = {}

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._messages

    def identifier(self, stream_id: int) -> int | None:
        """The identifier of the stream's pieces, ``None`` if there are none."""
        return self._messages[stream_id][0] if stream_id in self._messages else None

    def length(self, stream_id: int) -> int:
        """Bytes of the stream's pieces together."""
        return len(self._messages[stream_id][1]) if stream_id in self._messages else 0

    def add(self, stream_id: int, ppid: int, data: bytes) -> bool:
        """Keep one more piece; returns whether there was room."""
        if self._size + len(data) > self._capacity:
            return False
        self._size += len(data)
        _, pieces = self._messages.setdefault(stream_id, (ppid, bytearray()))
        pieces += data
        return True

    def take(self, stream_id: int) -> bytes:
        """Give the stream's pieces out as one, and forget them."""
        _, pieces = self._messages.pop(stream_id, (0, bytearray()))
        self._size -= len(pieces)
        return bytes(pieces)
