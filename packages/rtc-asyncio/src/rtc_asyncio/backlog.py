"""Counting that can wait: what is done for many pictures at once costs a fraction of what it costs for each.

A codec that has worked on a picture leaves the caches empty, and code that is run once finds nothing of itself in them.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 32
"""Notes that wait at most."""


class Backlog(Generic[T]):
    """Notes of what is to be counted, added by one thread and worked off by whoever needs the sums, in order."""

    def __init__(self) -> None:
        self._notes: deque[T] = deque()
        self._lock = threading.Lock()

    def add(self, note: T, count: Callable[[T], None]) -> None:
        """Add a note; when there are many, they are worked off."""
        self._notes.append(note)
        if len(self._notes) >= MOST:
            self.work_off(count)

    def work_off(self, count: Callable[[T], None]) -> None:
        """Count what was noted so far."""
        with self._lock:
            while self._notes:
                count(self._notes.popleft())
