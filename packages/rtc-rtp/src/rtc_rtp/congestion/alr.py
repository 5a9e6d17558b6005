"""Application-limited region: whether the application sends so little that the path is not tested."""

from typing import Final

USAGE: Final = 0.65
"""Share of the bit rate; whoever uses less is limited by himself."""
INTERVAL: Final = 0.005
"""Seconds for which bytes are only added up."""
WINDOW: Final = 0.5
"""Seconds over which unused budget adds up."""
START_LEVEL: Final = 0.8
STOP_LEVEL: Final = 0.5


class ApplicationLimitedRegion:
    """Adds up what could have been sent and was not."""

    def __init__(self) -> None:
        self.started_at: float | None = None
        """Since when the application is the limit, in seconds; None if it is not."""
        self.ended_at: float | None = None
        """When it last ceased to be; None if it never was."""
        self._level = 0.0  # of the budget, -1 to 1
        self._last_at: float | None = None
        self._pending = 0  # bytes that are not yet in the level

    def bytes_sent(self, size: int, target_bps: float, now: float) -> None:
        """Take in what was sent.

        Args:
            size: Bytes.
            target_bps: What might be sent, bits per second.
            now: Seconds; time does not go back.
        """
        self._pending += size
        last_at = self._last_at
        if last_at is None:
            self._last_at = now
            return
        if now < last_at + INTERVAL:
            return
        # Use of a budget that was exceeded before is made up for; unused budget does not keep beyond the window.
        level = self._level + (now - last_at) / WINDOW - self._pending / (USAGE * target_bps / 8 * WINDOW)
        self._level = level = min(max(level, -1.0), 1.0)
        self._last_at = now
        self._pending = 0
        if self.started_at is None:
            if level > START_LEVEL:
                self.started_at = now
        elif level < STOP_LEVEL:
            self.started_at = None
            self.ended_at = now
