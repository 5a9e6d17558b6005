"""Keepalives where no consent checks are sent (:rfc:`8445#section-11`)."""

from collections.abc import Iterable

from rtc_ice.credentials import Rng
from rtc_ice.messages import TRANSACTION_ID_LENGTH, build_keepalive
from rtc_ice.pair import Path
from rtc_stun import Datagram


class Keepalives:
    """Sends a Binding indication on each path every Tr seconds."""

    def __init__(self, interval: float, rng: Rng) -> None:
        self._interval = interval
        self._rng = rng
        self._next_at: dict[Path, float] = {}

    def follow(self, paths: Iterable[Path], now: float) -> None:
        """Set the paths to keep alive; those that are new wait a full interval."""
        self._next_at = {path: self._next_at.get(path, now + self._interval) for path in paths}

    def handle_timeout(self, now: float) -> list[Datagram]:
        """Return the indications that are due."""
        output = []
        for path, at in self._next_at.items():
            if at <= now:
                # [rfc8445:11/4]
                self._next_at[path] = now + self._interval
                output.append(Datagram(build_keepalive(self._rng(TRANSACTION_ID_LENGTH)), *path))
        return output

    def next_timeout(self) -> float | None:
        """Return when the next indication is due."""
        return min(self._next_at.values(), default=None)
