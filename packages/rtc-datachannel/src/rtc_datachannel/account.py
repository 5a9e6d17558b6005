"""How much of what waits in a stream is the application's, and how much is ours."""

from collections import deque


class SendAccount:
    """Tells the application's unsent bytes from the overhead in the same stream.

    Overhead is DCEP messages and the byte that stands for an empty message. A stream is sent in the order in which it
    was filled, so the overhead that is still unsent follows from its place. What the application queued is counted by
    the channel's statistics already; every method takes that number, so that a message costs nothing here.
    """

    __slots__ = ("_low_at", "_overhead", "_total")

    def __init__(self) -> None:
        self._total = 0
        """Bytes of overhead that were ever queued."""

        self._overhead: deque[tuple[int, int]] = deque()
        """Ranges of overhead, as offsets in everything that was ever queued."""

        self._low_at = 0
        """Bytes of the application that were queued when the stream was last low by the present threshold; 0 if it never was."""

    def add_overhead(self, length: int, queued: int) -> None:
        """Note that bytes of ours were queued, after ``queued`` bytes of the application."""
        start = queued + self._total
        self._total += length
        if self._overhead and self._overhead[-1][1] == start:
            start = self._overhead.pop()[0]
        self._overhead.append((start, queued + self._total))

    def user_bytes(self, unsent: int, queued: int) -> int:
        """How many of the stream's ``unsent`` bytes are the application's."""
        if not self._overhead:
            return unsent
        sent = queued + self._total - unsent
        while self._overhead and self._overhead[0][1] <= sent:
            self._overhead.popleft()
        return unsent - sum(end - max(start, sent) for start, end in self._overhead)

    def threshold_changed(self, threshold: int, unsent: int, queued: int) -> None:
        """Note that another amount of the application's bytes is low: if more are unsent, it is news when they have fallen to that."""
        self._low_at = 0 if self.user_bytes(unsent, queued) > threshold else queued

    def became_low(self, queued: int) -> bool:
        """Note that the stream is low; returns whether the application queued anything since it last was."""
        is_news = queued > self._low_at
        self._low_at = queued
        return is_news
