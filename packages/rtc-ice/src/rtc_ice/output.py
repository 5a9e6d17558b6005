"""What waits to be sent."""

from collections.abc import Callable, Iterable
from typing import Final

from rtc_stun import Datagram

MAX_QUEUED_DATAGRAMS: Final = 1024
"""How much may wait for a caller that does not collect it; more is dropped and counted."""


class Output:
    """A bounded queue."""

    __slots__ = ("_count", "_datagrams")

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._datagrams: list[Datagram] = []

    def put(self, datagram: Datagram) -> None:
        """Queue a datagram, or drop and count it."""
        if len(self._datagrams) < MAX_QUEUED_DATAGRAMS:
            self._datagrams.append(datagram)
        else:
            self._count("output-limit")

    def extend(self, datagrams: Iterable[Datagram]) -> None:
        """Queue several datagrams."""
        for datagram in datagrams:
            self.put(datagram)

    def drain(self) -> list[Datagram]:
        """Take all that waits."""
        datagrams, self._datagrams = self._datagrams, []
        return datagrams
