"""The deadlines of an association: a handful of numbers, no heap."""

from enum import IntEnum
from typing import Final

NEVER: Final = float("inf")


class Timer(IntEnum):
    """What may be due, in the order in which it is done when several are."""

    T1 = 0
    """T1-init in COOKIE-WAIT, T1-cookie in COOKIE-ECHOED."""

    T2 = 1
    """T2-shutdown."""

    T3 = 2
    """T3-rtx."""

    T5 = 3
    """T5-shutdown-guard."""

    RECONFIGURATION = 4
    ZERO_WINDOW = 5
    HEARTBEAT = 6
    SACK = 7
    PATH_MTU = 8
    """PROBE_TIMER while a probe is under way, PMTU_RAISE_TIMER after the search."""


class Timers:
    """One deadline per timer, in seconds of the caller's clock."""

    __slots__ = ("deadlines",)

    def __init__(self) -> None:
        self.deadlines = [NEVER] * len(Timer)

    def start(self, timer: Timer, deadline: float) -> None:
        """Start or restart a timer."""
        self.deadlines[timer] = deadline

    def stop(self, timer: Timer) -> None:
        """Stop a timer, running or not."""
        self.deadlines[timer] = NEVER

    def stop_all(self) -> None:
        """Stop every timer: the association ended."""
        self.deadlines = [NEVER] * len(Timer)

    def is_running(self, timer: Timer) -> bool:
        """Whether the timer has a deadline."""
        return self.deadlines[timer] != NEVER

    def next(self) -> float | None:
        """The earliest deadline."""
        earliest = min(self.deadlines)
        return None if earliest == NEVER else earliest

    def expire(self, now: float) -> list[Timer]:
        """Stop and return the timers that are due."""
        due = [timer for timer in Timer if self.deadlines[timer] <= now]
        for timer in due:
            self.deadlines[timer] = NEVER
        return due
