"""How unevenly packets are missing: bursts of losses, and the gaps between them (:rfc:`3611#section-4.7.2`)."""

from typing import Final

GMIN: Final = 16
"""Packets in a row that must have come in time for a burst to be over. See :rfc:`3611#section-4.7.6`."""


class Bursts:
    """Counts packets in their order, each of which came in time or did not.

    A missing packet with enough good ones before and behind it is part of a gap; missing ones that lie closer together make
    a burst, from the first of them to the last. Before the first packet and after the latest all are taken to be good.
    """

    __slots__ = ("_closed", "_first", "_last", "_missing", "missing", "packets")

    def __init__(self) -> None:
        self.packets = 0
        """How many were counted."""

        self.missing = 0
        """Those of them that did not come in time."""

        self._closed = 0, 0, 0
        """Of the bursts that are over: how many, their packets, and the missing among these."""

        self._first = self._last = 0
        """Positions of the missing packets that may be a burst yet."""

        self._missing = 0
        """How many these are."""

    def count(self, *, is_good: bool) -> None:
        """Count the next packet."""
        position = self.packets
        self.packets += 1
        if is_good:
            return
        self.missing += 1
        if self._missing and position - self._last > GMIN:
            self._closed = self._with_current()
            self._missing = 0
        if not self._missing:
            self._first = position
        self._last = position
        self._missing += 1

    def _with_current(self) -> tuple[int, int, int]:
        """Return the sums with those that may be a burst yet: there is none of one packet."""
        bursts, packets, missing = self._closed
        if self._missing < 2:
            return self._closed
        return bursts + 1, packets + self._last - self._first + 1, missing + self._missing

    def densities(self) -> tuple[float, float]:
        """Return which part of the packets is missing in bursts, and in gaps."""
        _, packets, missing = self._with_current()
        gap_packets = self.packets - packets
        # [rfc3611:4.7.2/2]
        return (
            missing / packets if packets else 0.0,
            (self.missing - missing) / gap_packets if gap_packets else 0.0,
        )

    def lengths(self) -> tuple[float, float]:
        """Return how many packets a burst has on average, and a gap; 0 if there were none.

        Before, between and behind bursts there are gaps; as in the example of the RFC, and its appendix A.2, there are taken to be as
        many of them as there are bursts.
        """
        bursts, packets, _ = self._with_current()
        # [rfc3611:4.7.2/4]
        return (packets / bursts if bursts else 0.0, (self.packets - packets) / max(1, bursts))
