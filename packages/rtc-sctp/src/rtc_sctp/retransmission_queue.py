"""Chunks that were sent and are not cumulatively acknowledged. See :rfc:`9260#section-6.3.3` and :rfc:`3758#section-3.5`."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from .outgoing import OutgoingMessage
from .serial import MASK_32

IN_FLIGHT: Final = 0
GAP_ACKED: Final = 1
"""Acknowledged by a gap block; the peer may still revoke that."""

MARKED: Final = 2
"""Lost, and to be sent again."""

ABANDONED: Final = 3
"""Never to be sent again: the peer is told to skip it."""

_FAST_RETRANSMIT_THRESHOLD: Final = 3
"""Missing reports after which a chunk counts as lost."""

_DONE: Final = -1
"""In place of missing reports: the chunk was retransmitted fast once, which is all it gets."""


class OutstandingChunk:
    """One DATA or I-DATA chunk on the wire."""

    __slots__ = ("chunk", "message", "missing_reports", "state", "transmissions", "tsn")

    def __init__(self, tsn: int, chunk: bytes, message: OutgoingMessage) -> None:
        self.tsn = tsn
        self.chunk = chunk
        """The whole chunk, padded; its length is what it counts in flight."""

        self.message = message
        self.state = IN_FLIGHT
        self.missing_reports = 0
        self.transmissions = 1


class Acknowledged:
    """What a SACK brought."""

    __slots__ = ("advanced", "byte_count", "flight_before", "highest_new")

    def __init__(self, flight_before: int) -> None:
        self.byte_count = 0
        """Bytes newly acknowledged."""

        self.flight_before = flight_before
        self.advanced = False
        """Whether the cumulative TSN moved."""

        self.highest_new = -1
        """Place in the queue of the highest chunk that a gap block newly acknowledged; -1 for none."""


class RetransmissionQueue:
    """Outstanding chunks by TSN, without holes: the first one is the one after ``cumulative_tsn``."""

    __slots__ = ("_irregular", "advanced_tsn", "chunks", "cumulative_tsn", "flight_size", "marked")

    def __init__(self, cumulative_tsn: int) -> None:
        self.cumulative_tsn = cumulative_tsn
        """Highest TSN up to which the peer acknowledged everything."""

        self.advanced_tsn = cumulative_tsn
        """Advanced.Peer.Ack.Point: up to here everything is acknowledged or abandoned."""

        self.chunks: deque[OutstandingChunk] = deque()
        self.marked: deque[OutstandingChunk] = deque()
        """Chunks to send again, in the order of their TSNs; ones that are no longer marked are skipped."""

        self.flight_size = 0
        """Bytes in flight, with headers and padding."""

        self._irregular = False
        """Whether any chunk is in another state than in flight."""

    @property
    def last_tsn(self) -> int:
        """The highest TSN ever assigned."""
        # [rfc3758:3.5/20] [rfc3758:3.5/21] Old is what is behind the last SACK, not behind the advanced point.
        return (self.cumulative_tsn + len(self.chunks)) & MASK_32

    def add(self, chunk: OutstandingChunk) -> None:
        """Take in what has just been sent; its TSN is the next one."""
        self.chunks.append(chunk)
        self.flight_size += len(chunk.chunk)

    def add_abandoned(self, chunk: OutstandingChunk) -> None:
        """Take in a TSN that is never sent: it stands for the rest of a message that was given up halfway."""
        chunk.state = ABANDONED
        self.chunks.append(chunk)
        self._irregular = True

    # --- acknowledgements ---

    def acknowledge(self, cumulative_tsn: int, gaps: Sequence[tuple[int, int]]) -> Acknowledged:
        """Take a SACK whose cumulative TSN is not behind ours and not beyond what was sent."""
        result = Acknowledged(self.flight_size)
        self._acknowledge_cumulative((cumulative_tsn - self.cumulative_tsn) & MASK_32, result)
        if gaps:
            self._acknowledge_gaps(gaps, result)
        elif self._irregular:
            self._revoke(iter(self.chunks))
            self._irregular = bool(self.marked) or any(chunk.state != IN_FLIGHT for chunk in self.chunks)
        return result

    def acknowledge_cumulative(self, count: int) -> None:
        """Take an acknowledgement of the first chunks that says nothing about the others."""
        self._acknowledge_cumulative(count, Acknowledged(self.flight_size))

    def _acknowledge_cumulative(self, count: int, result: Acknowledged) -> None:
        if count == 0:
            return
        popleft = self.chunks.popleft
        # [rfc9260:6.7/3]
        if not self._irregular:
            byte_count = 0
            for _ in range(count):
                byte_count += len(popleft().chunk)
            self.flight_size -= byte_count
            result.byte_count += byte_count
        else:
            for _ in range(count):
                self._acknowledge_one(popleft(), result)
        self.cumulative_tsn = (self.cumulative_tsn + count) & MASK_32
        if (self.advanced_tsn - self.cumulative_tsn) & MASK_32 > len(self.chunks):
            self.advanced_tsn = self.cumulative_tsn
        result.advanced = True

    def _acknowledge_one(self, chunk: OutstandingChunk, result: Acknowledged) -> None:
        if chunk.state == IN_FLIGHT:
            self.flight_size -= len(chunk.chunk)
            result.byte_count += len(chunk.chunk)
        elif chunk.state == MARKED:
            # [rfc3758:3.5/3] [rfc3758:3.5/4] What was abandoned does not count.
            result.byte_count += len(chunk.chunk)
        if chunk.state != ABANDONED:
            chunk.state = GAP_ACKED

    def _acknowledge_gaps(self, gaps: Sequence[tuple[int, int]], result: Acknowledged) -> None:
        self._irregular = True
        chunks = iter(self.chunks)
        place = 0
        for start, end in gaps:
            # Offsets count from the cumulative TSN; blocks that overlap or go back are covered already.
            while place < start - 1 and (chunk := next(chunks, None)) is not None:
                place += 1
                self._revoke_one(chunk)
            while place < end and (chunk := next(chunks, None)) is not None:
                place += 1
                if chunk.state in (IN_FLIGHT, MARKED):
                    self._acknowledge_one(chunk, result)
                    result.highest_new = place - 1
        self._revoke(chunks)

    def _revoke(self, chunks: Iterator[OutstandingChunk]) -> None:
        for chunk in chunks:
            self._revoke_one(chunk)

    def _revoke_one(self, chunk: OutstandingChunk) -> None:
        """The peer no longer has what it once acknowledged in a gap block."""
        if chunk.state == GAP_ACKED:
            chunk.state = IN_FLIGHT
            self.flight_size += len(chunk.chunk)

    # --- losses ---

    def report_missing(self, result: Acknowledged, gaps: Sequence[tuple[int, int]], *, recovering: bool) -> bool:
        """Count missing reports after a SACK with gaps; returns whether that marked anything lost."""
        # [rfc9260:6.7/4] [rfc9260:6.7/5] [rfc9260:7.2.4/2] [rfc9260:7.2.4/3]
        limit = result.highest_new
        if recovering and result.advanced:
            limit = max([end for _, end in gaps]) - 1
        found = False
        for place, chunk in enumerate(self.chunks):
            if place >= limit:
                break
            if chunk.state != IN_FLIGHT or chunk.missing_reports == _DONE:
                continue
            chunk.missing_reports += 1
            if chunk.missing_reports >= _FAST_RETRANSMIT_THRESHOLD:
                chunk.missing_reports = _DONE
                self._mark(chunk)
                found = True
        if found:
            self._sort_marked()
        return found

    def mark_all(self) -> None:
        """Consider everything in flight lost: T3-rtx expired."""
        self.marked.clear()
        for chunk in self.chunks:
            if chunk.state == IN_FLIGHT:
                chunk.missing_reports = 0
                self._mark(chunk)
            elif chunk.state == MARKED:
                self.marked.append(chunk)

    def _mark(self, chunk: OutstandingChunk) -> None:
        chunk.state = MARKED
        self.flight_size -= len(chunk.chunk)
        self._irregular = True
        self.marked.append(chunk)

    def _sort_marked(self) -> None:
        base = self.cumulative_tsn
        still = [chunk for chunk in self.marked if chunk.state == MARKED]
        still.sort(key=lambda chunk: (chunk.tsn - base) & MASK_32)
        self.marked = deque(still)

    def next_marked(self) -> OutstandingChunk | None:
        """The lowest chunk to send again."""
        while self.marked and self.marked[0].state != MARKED:
            self.marked.popleft()
        return self.marked[0] if self.marked else None

    def retransmitted(self, chunk: OutstandingChunk) -> None:
        """Note that the chunk `next_marked` gave was sent."""
        self.marked.popleft()
        chunk.state = IN_FLIGHT
        chunk.transmissions += 1
        self.flight_size += len(chunk.chunk)

    # --- partial reliability ---

    def abandon(self, messages: Collection[OutgoingMessage]) -> None:
        """Give up every fragment of these messages, also those that the peer has, in one pass."""
        # [rfc3758:3.5/2] [rfc3758:3.5/5] [rfc3758:4.3/2] [rfc3758:3.2/1] [rfc3758:3.4/1]
        for message in messages:
            message.is_abandoned = True
        self._irregular = True
        for chunk in self.chunks:
            if chunk.message.is_abandoned and chunk.state != ABANDONED:
                if chunk.state == IN_FLIGHT:
                    self.flight_size -= len(chunk.chunk)
                chunk.state = ABANDONED

    def advance(self) -> bool:
        """Move the advanced point over abandoned chunks; returns whether the peer has to be told of it."""
        # [rfc3758:3.5/6] [rfc3758:3.5/7] [rfc3758:3.5/8] [rfc3758:3.5/16]
        if not self._irregular:
            return False
        count = 0
        for chunk in self.chunks:
            if chunk.state != ABANDONED:
                break
            count += 1
        self.advanced_tsn = (self.cumulative_tsn + count) & MASK_32
        return count > 0

    @property
    def owes_forward_tsn(self) -> bool:
        """Whether the peer does not know yet how far it may skip."""
        return self.advanced_tsn != self.cumulative_tsn
