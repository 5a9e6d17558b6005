"""What extended reports tell of a stream, packet by packet, where the peer wants to know (:rfc:`3611#section-4.1` to 4.3, 4.6 and 4.7)."""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Final, TypeVar

from rtc_rtp.parameters import USUAL_TRACE_SIZE, ExtendedReports
from rtc_rtp.receiving.call_quality import CallQuality
from rtc_rtp.receiving.playout_clock import PlayoutClock
from rtc_rtp.rtcp.extended_block import ExtendedBlock
from rtc_rtp.rtcp.extended_statistics import Spread, StatisticsSummary, VoipMetrics
from rtc_rtp.rtcp.extended_trace import MAX_THINNING, DuplicateTrace, LossTrace, PacketTrace, ReceiptTimes

MAX_SPAN: Final = 8192
"""Sequence numbers that are kept in mind between two reports; of more, the latest half."""

MAX_RUNS: Final = 8
"""Runs of packets without a loss of which one report tells the times; of more, the latest."""

_MASK: Final = 0xFFFF_FFFF

B = TypeVar("B", bound=PacketTrace)


class Observation:
    """Notes the packets of one stream between two reports.

    Numbers are extended ones, so that they grow beyond 16 bits. What comes after the report that it belonged to is late, and told
    of no more.

    Args:
        offset: 32 random bits that times of arrival begin with, as timestamps do.
    """

    __slots__ = (
        "_arrivals",
        "_begin",
        "_copies",
        "_differences",
        "_discarded",
        "_end",
        "_offset",
        "_quality",
        "_repaired",
        "_transit",
        "told_at",
    )

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._begin: int | None = None
        self._end = 0
        """The number after the highest one."""

        self._arrivals: dict[int, float] = {}
        """When each packet came first, seconds."""

        self._copies: dict[int, int] = {}
        """How often a packet came once more."""

        self._repaired: dict[int, None] = {}
        """Packets that came by a detour."""

        self._discarded: dict[int, None] = {}
        """Packets that came too late to be played."""

        self._quality = CallQuality()
        self._differences: list[int] = []
        """By how much the transit of each packet differs from that of the one before, RTP ticks."""

        self._transit: int | None = None
        self.told_at = float("-inf")
        """When `take_blocks` was called last, seconds; whoever calls it says so."""

    def note(self, number: int, timestamp: int, now: float, clock_rate: int) -> None:
        """Take note of a packet, be it a copy, and the first of its source."""
        # [rfc3611:4.1/7]
        begin = self._begin
        if begin is None or abs(number - self._end) > MAX_SPAN:
            self._begin_at(number)
        elif number < begin:
            return
        elif number in self._arrivals:
            self._copies[number] = self._copies.get(number, 0) + 1
            return
        self._arrivals[number] = now
        self._quality.note(number, timestamp, clock_rate)
        if number >= self._end:
            self._end = number + 1
            if self._end - (self._begin or 0) > MAX_SPAN:
                self._forget()
        transit = int(now * clock_rate) - timestamp & _MASK
        if self._transit is not None:
            ticks = transit - self._transit & _MASK
            self._differences.append(min(ticks, -ticks & _MASK))
        self._transit = transit

    @property
    def is_idle(self) -> bool:
        """Whether nothing came since the last report."""
        return self.span == 0

    @property
    def span(self) -> int:
        """How many sequence numbers the next report tells of: it costs as much, however few packets came."""
        return 0 if self._begin is None else self._end - self._begin

    def note_delivery(self, number: int, *, was_repaired: bool, was_discarded: bool) -> None:
        """Take note of what became of a packet that came, by whatever way."""
        if was_repaired:
            self._repaired[number] = None
        if was_discarded:
            self._discarded[number] = None

    def take_metrics(self, ssrc: int, round_trip_time: float | None, playout: PlayoutClock | None) -> VoipMetrics:
        """Return how the call goes, from its beginning to the last `take_blocks`."""
        return self._quality.metrics(ssrc, round_trip_time, playout)

    def take_blocks(
        self, ssrc: int, clock_rate: int, wanted: ExtendedReports, most: int = USUAL_TRACE_SIZE
    ) -> list[ExtendedBlock]:
        """Return the blocks about what came since the last call; none if nothing did.

        Args:
            ssrc: Of the stream.
            clock_rate: RTP ticks per second.
            wanted: Which ones, and how long the peer lets them be.
            most: Bytes that find room in a packet.
        """
        begin, end = self._begin, self._end
        if begin is None or self.is_idle:
            return []
        blocks: list[ExtendedBlock] = []
        if wanted.loss_trace_size is not None:
            blocks += _thinned(
                LossTrace, ssrc, begin, end, self._arrivals.__contains__, min(wanted.loss_trace_size, most)
            )
        if wanted.duplicate_trace_size is not None:
            blocks += _thinned(
                DuplicateTrace, ssrc, begin, end, self._came_once, min(wanted.duplicate_trace_size, most)
            )
        if wanted.receipt_times_size is not None:
            blocks += self._all_times(ssrc, begin, end, clock_rate, min(wanted.receipt_times_size, most), most)
        if wanted.statistics:
            blocks.append(self._summary(ssrc, begin, end, wanted))
        for number in range(begin, end):
            came = number in self._arrivals or number in self._repaired
            self._quality.count(came=came, was_discarded=came and number in self._discarded)
        self._begin_at(end)
        return blocks

    def _begin_at(self, number: int) -> None:
        self._begin = self._end = number
        self._arrivals = {}
        self._copies = {}
        self._repaired = {}
        self._discarded = {}
        self._differences = []

    def _forget(self) -> None:
        """Keep the latest half: reports come too seldom for all."""
        begin = self._begin = self._end - MAX_SPAN // 2
        self._arrivals = {number: at for number, at in self._arrivals.items() if number >= begin}
        self._copies = {number: count for number, count in self._copies.items() if number >= begin}
        self._repaired = {number: None for number in self._repaired if number >= begin}
        self._discarded = {number: None for number in self._discarded if number >= begin}
        self._differences = self._differences[-MAX_SPAN // 2 :]

    def _came_once(self, number: int) -> bool:
        return number not in self._copies

    def _runs(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the runs without a loss, the first number of each and the one after its last."""
        # [rfc3611:4.3/1]
        runs: list[tuple[int, int]] = []
        for number in range(begin, end):
            if number not in self._arrivals:
                continue
            if runs and runs[-1][1] == number:
                runs[-1] = (runs[-1][0], number + 1)
            else:
                runs.append((number, number + 1))
        return runs[-MAX_RUNS:]

    def _all_times(self, ssrc: int, begin: int, end: int, clock_rate: int, size: int, most: int) -> list[ReceiptTimes]:
        """Return a block for each run, the latest ones, as many as a packet holds."""
        blocks: list[ReceiptTimes] = []
        # [rfc3611:7/1]
        for first, last in reversed(self._runs(begin, end)):
            found = self._times(ssrc, first, last, clock_rate, size)
            most -= sum(len(block.serialize()) for block in found)
            if most < 0:
                break
            blocks[:0] = found
        return blocks

    def _times(self, ssrc: int, first: int, last: int, clock_rate: int, size: int) -> list[ReceiptTimes]:
        # [rfc3611:4.3/2] Of a packet that came more than once it is the first time.
        def block(thinning: int) -> ReceiptTimes:
            # [rfc3611:4.3/4] [rfc3611:4.3/5]
            times = (self._arrivals[number] for number in _told(first, last, thinning))
            ticks = [int(at * clock_rate) + self._offset & _MASK for at in times]
            return ReceiptTimes(ssrc, first & 0xFFFF, last & 0xFFFF, thinning, ticks)

        return _shortest_thinning(block, size)

    def _summary(self, ssrc: int, begin: int, end: int, wanted: ExtendedReports) -> StatisticsSummary:
        statistics = wanted.statistics
        return StatisticsSummary(
            ssrc,
            begin & 0xFFFF,
            end & 0xFFFF,
            end - begin - len(self._arrivals) if "loss" in statistics else None,
            sum(self._copies.values()) if "dup" in statistics else None,
            _spread(self._differences) if "jitt" in statistics else None,
        )


def _thinned(
    kind: type[LossTrace], ssrc: int, begin: int, end: int, flag: Callable[[int], bool], size: int
) -> list[LossTrace]:
    def block(thinning: int) -> LossTrace:
        return kind(ssrc, begin & 0xFFFF, end & 0xFFFF, thinning, [flag(each) for each in _told(begin, end, thinning)])

    return _shortest_thinning(block, size)


def _shortest_thinning(make: Callable[[int], B], size: int) -> list[B]:
    """Return the block that tells of as many packets as fit into so many bytes; none if not even the last does."""
    # [rfc3611:5.1/8] [rfc3611:7/1]
    made: Iterator[B] = (make(thinning) for thinning in range(MAX_THINNING + 1))
    block = next((each for each in made if len(each.serialize()) <= size), None)
    return [] if block is None else [block]


def _told(begin: int, end: int, thinning: int) -> range:
    """Return the numbers that a block with such a thinning tells of."""
    step = 1 << thinning
    return range(begin + -begin % step, end, step)


def _spread(values: list[int]) -> Spread:
    if not values:
        return Spread(0, 0, 0, 0)
    mean = sum(values) / len(values)
    deviation = sqrt(sum((each - mean) ** 2 for each in values) / len(values))
    return Spread(min(values), max(values), int(mean), min(int(deviation), _MASK))
