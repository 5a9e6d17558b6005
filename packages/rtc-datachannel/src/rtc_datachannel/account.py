"""How much of what waits in a stream is the application's, and how much is ours."""

from collections import deque


class SendAccount:
    """Tells the application's unsent bytes from the overhead in the same stream.

    Overhead is DCEP messages and the byte that stands for an empty message. A stream is sent in the order in which it
    was filled, so the overhead that is still unsent follows from its place.
    """

    __slots__ = ("_overhead", "_queued", "has_user_bytes")

    def __init__(self) -> None:
        self._queued = 0
        self._overhead: deque[tuple[int, int]] = deque()
        """Ranges of overhead, as offsets in everything that was ever queued."""

        self.has_user_bytes = False
        """Whether application bytes were queued since the stream was last low."""

    def add_message(self, length: int) -> None:
        """Note that bytes of the application were queued."""
        self._queued += length
        self.has_user_bytes = True

    def add_overhead(self, length: int) -> None:
        """Note that bytes of ours were queued."""
        start = self._queued
        self._queued += length
        if self._overhead and self._overhead[-1][1] == start:
            start = self._overhead.pop()[0]
        self._overhead.append((start, self._queued))

    def user_bytes(self, unsent: int) -> int:
        """How many of the stream's ``unsent`` bytes are the application's."""
        sent = self._queued - unsent
        while self._overhead and self._overhead[0][1] <= sent:
            self._overhead.popleft()
        return unsent - sum(end - max(start, sent) for start, end in self._overhead)
