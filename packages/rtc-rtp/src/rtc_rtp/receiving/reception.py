"""What one source lost, and how unevenly its packets come. See :rfc:`3550#appendix-A`."""

from collections.abc import Container
from typing import Final

MAX_DROPOUT: Final = 3000
"""A sequence number this much ahead is still a gap; beyond, it may be a restart."""

MAX_MISORDER: Final = 100
"""A packet this much behind is late; beyond, it may be a restart."""

REPEATED_RESTART_COUNT: Final = 128
"""Packets in a row far away that are a restart, where a few may be ones that were sent again."""


class Reception:
    """The sequence numbers of one SSRC and the statistics that reports are made of.

    Extended sequence numbers begin at the first one seen plus 65,536, so that those a little before are positive too.
    """

    __slots__ = (
        "_arrival",
        "_bad_count",
        "_bad_sequence",
        "_expected_prior",
        "_missing",
        "_received_prior",
        "_timestamp",
        "awaited",
        "base",
        "clock_rate",
        "highest",
        "jitter",
        "probation",
        "reason",
        "restart_count",
        "restarts",
    )

    def __init__(self, sequence_number: int, *, clock_rate: int, probation: int) -> None:
        self.clock_rate = clock_rate
        """RTP ticks per second."""

        self.probation = probation
        """How many packets in a row are wanting until the source is valid; the first counts when it is accepted."""

        self.jitter = 0.0
        """Interarrival jitter in RTP ticks."""

        self.reason = ""
        """Why `accept` returned ``None``."""

        self.restart_count = 2
        """How many packets in a row far away are a restart."""

        self.awaited: Container[int] = ()
        """Extended sequence numbers that are not too late however far they are behind: they were asked for."""

        self.restarts = 0
        self._arrival = 0.0
        self._timestamp: int | None = None
        self._begin(sequence_number)
        self.highest -= 1

    def _begin(self, sequence_number: int) -> None:
        self.base = 0x1_0000 + sequence_number
        self.highest = self.base
        """Highest extended sequence number."""

        self._missing = 0
        """Packets up to the highest that have not come; negative if more came than were expected."""

        self._bad_sequence = -1
        self._bad_count = 0
        self._expected_prior = 0
        self._received_prior = 0

    def follow(self, sequence_number: int, timestamp: int, now: float) -> int | None:
        """Do what `accept` and `time` would do, if a packet follows the one before as nearly all do; else return ``None``."""
        number = self.highest + 1
        if sequence_number != number & 0xFFFF or self.probation:
            return None
        self.highest = number
        if timestamp == self._timestamp and now == self._arrival:
            # It came together with others of its frame: by neither clock has time passed.
            self.jitter -= self.jitter / 16
        else:
            self.time(timestamp, now)
        return number

    def accept(self, sequence_number: int) -> int | None:
        """Return the extended sequence number of a packet that came, or ``None`` if it must not be used yet.

        The caller finds duplicates itself, and takes them back by `reject_duplicate`.
        """
        highest = self.highest
        ahead = (sequence_number - highest) & 0xFFFF
        if self.probation:
            # [rfc3550:6.2.1/2] [rfc3550:A.1/2]
            # A source is valid once its sequence numbers follow each other.
            if ahead == 1:
                self.probation -= 1
                self.highest = highest + 1
                return self.highest
            self.probation += self.received
            self._begin(sequence_number)
            self.probation -= 1
            return self.highest
        if ahead < MAX_DROPOUT:
            self.highest = highest + ahead
            self._missing += ahead - 1
            return self.highest
        if ahead <= 0x1_0000 - MAX_MISORDER and highest + ahead - 0x1_0000 not in self.awaited:
            # Two packets in a row far away: the peer began anew without telling.
            # [rfc3550:A.1/2]
            self._bad_count = self._bad_count + 1 if sequence_number == self._bad_sequence else 1
            if self._bad_count >= self.restart_count:
                self._begin(sequence_number)
                self.restarts += 1
                return self.highest
            self._bad_sequence = (sequence_number + 1) & 0xFFFF
            self.reason = "sequence_number_jumped"
            return None
        self._missing -= 1
        return highest + ahead - 0x1_0000

    def go_to(self, number: int) -> None:
        """Take a number for the highest, though its packet did not come itself: a repair did."""
        self._missing += number - self.highest
        self.highest = number

    def reject_duplicate(self) -> None:
        """Take the last packet back: it had come before."""
        self._missing += 1

    def time(self, timestamp: int, now: float) -> None:
        """Update the jitter with a packet that came in its own time, not as a retransmission."""
        before = self._timestamp
        if before is not None:
            ticks = (timestamp - before) & 0xFFFF_FFFF
            if ticks >= 0x8000_0000:
                ticks -= 0x1_0000_0000
            difference = (now - self._arrival) * self.clock_rate - ticks
            # The gain of one sixteenth is the algorithm's, see appendix A.8.
            # [rfc3550:6.4.1/7] [rfc3550:6.4.1/8]
            self.jitter += ((difference if difference >= 0 else -difference) - self.jitter) / 16
        self._timestamp = timestamp
        self._arrival = now

    def change_clock_rate(self, clock_rate: int) -> None:
        """Go on with another clock; the jitter keeps its duration. See :rfc:`7160#section-4.2`."""
        # [rfc8834:4.3/6]
        self.jitter *= clock_rate / self.clock_rate
        self.clock_rate = clock_rate
        self._timestamp = None

    @property
    def expected(self) -> int:
        """Packets that should have come."""
        return self.highest - self.base + 1

    @property
    def received(self) -> int:
        """Packets that came, without duplicates."""
        return self.expected - self._missing

    @property
    def lost(self) -> int:
        """Packets that have not come, negative if more came than were expected; 24 bits with a sign."""
        # [rfc3550:6.4.1/10]
        return max(-0x80_0000, min(0x7F_FFFF, self._missing))

    def take_fraction_lost(self) -> int:
        """Return which part of 256 was lost since the last call. See :rfc:`3550#appendix-A.3`."""
        expected, received = self.expected, self.received
        expected_interval = expected - self._expected_prior
        lost_interval = expected_interval - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        # [rfc3550:6.4.1/9]
        if expected_interval <= 0 or lost_interval <= 0:
            return 0
        return min(255, (lost_interval << 8) // expected_interval)
