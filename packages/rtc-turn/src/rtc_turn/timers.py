"""Deadlines of many things, the earliest of which is always at hand."""

import heapq


class Timers:
    """One deadline per key. Setting another replaces it; what is stale leaves the heap when it comes to the top."""

    __slots__ = ("_deadlines", "_heap")

    def __init__(self) -> None:
        self._deadlines: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def set(self, key: int, deadline: float) -> None:
        """Let ``key`` be due at ``deadline``, in seconds."""
        self._deadlines[key] = deadline
        heapq.heappush(self._heap, (deadline, key))
        self._drop_stale()

    def cancel(self, key: int) -> None:
        """Forget the deadline of ``key``, if it has one."""
        if self._deadlines.pop(key, None) is not None:
            self._drop_stale()

    def next(self) -> float | None:
        """Return the earliest deadline."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[int]:
        """Remove and return the keys whose time has come, the earliest first."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            key = heapq.heappop(self._heap)[1]
            del self._deadlines[key]
            due.append(key)
            self._drop_stale()
        return due

    def _drop_stale(self) -> None:
        heap = self._heap
        while heap and self._deadlines.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        # Stale entries below the top are bounded too: rebuild when they outnumber the live ones.
        if len(heap) > 2 * len(self._deadlines) + 64:
            self._heap = [(deadline, key) for key, deadline in self._deadlines.items()]
            heapq.heapify(self._heap)
