"""What a server grants for a time and prolongs on request: permissions and channels, as a client sees them."""

from enum import Enum, auto
from typing import Final

NEVER: Final = float("inf")
RETRY_INTERVAL: Final = 5.0
"""Seconds after a request in vain before it is repeated."""


class Stage(Enum):
    """How far a lease is."""

    REQUESTED = auto()
    """The first request is under way."""
    GRANTED = auto()
    REFRESHING = auto()
    """Granted, and a request to prolong it is under way."""


class Lease:
    """One thing that ends unless it is refreshed, and is refreshed only if somebody uses it.

    Args:
        lifetime: Seconds from each grant to its end.
        margin: Seconds before its end at which it is refreshed.
        now: Present time in seconds; it is being asked for.
    """

    __slots__ = ("_lifetime", "_margin", "_retry_at", "_used_at", "expires_at", "stage")

    def __init__(self, lifetime: float, margin: float, now: float) -> None:
        self._lifetime = lifetime
        self._margin = margin
        self._used_at = now
        self._retry_at = now
        self.stage = Stage.REQUESTED
        self.expires_at = NEVER
        """Seconds; infinity before the first grant."""

    @property
    def is_valid(self) -> bool:
        """Whether it was granted."""
        return self.stage is not Stage.REQUESTED

    def request(self, now: float) -> None:
        """Ask for it anew, after it has ended."""
        self.stage = Stage.REQUESTED
        self.expires_at = NEVER
        self._used_at = now

    def grant(self, now: float) -> None:
        """The server said yes."""
        self.stage = Stage.GRANTED
        self.expires_at = now + self._lifetime

    def refresh_failed(self, now: float) -> None:
        """The server did not prolong it this time: it is there until its end, and asked for again before."""
        self.stage = Stage.GRANTED
        self._retry_at = now + RETRY_INTERVAL

    def use(self, now: float) -> bool:
        """Take note of a use; whether it must be refreshed for that at once."""
        self._used_at = now
        return self._begin_refresh(now)

    def handle_timeout(self, now: float) -> bool:
        """Whether it is to be refreshed now: it is in use, and near its end."""
        # What nobody has used since the last grant may end.
        return self._used_at > self.expires_at - self._lifetime and self._begin_refresh(now)

    def _begin_refresh(self, now: float) -> bool:
        if self.stage is not Stage.GRANTED or now < self._refresh_at:
            return False
        self.stage = Stage.REFRESHING
        return True

    @property
    def _refresh_at(self) -> float:
        return max(self.expires_at - self._margin, self._retry_at)

    def next_timeout(self, now: float) -> float:
        """Return when something is due, in seconds; infinity for never."""
        refresh_at = self._refresh_at
        is_awaited = self.stage is Stage.GRANTED and now < refresh_at
        return min(refresh_at, self.expires_at) if is_awaited else self.expires_at
