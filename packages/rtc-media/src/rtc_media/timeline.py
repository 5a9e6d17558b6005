"""RTP timestamps as numbers that do not wrap around."""

_RANGE = 1 << 32


class Timeline:
    """Follows the timestamps of one stream, in whatever order they come."""

    def __init__(self) -> None:
        self._last: int | None = None

    def ticks(self, timestamp: int) -> int:
        """Return the number nearest to the last one that is equal to the timestamp in its 32 bits."""
        if self._last is None:
            self._last = timestamp
        else:
            self._last += (timestamp - self._last + (_RANGE >> 1)) % _RANGE - (_RANGE >> 1)
        return self._last
