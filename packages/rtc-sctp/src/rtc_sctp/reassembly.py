"""From fragments to messages, by TSN. See :rfc:`9260#section-6.9`."""

from typing import Final

BEGINNING: Final = 0x02
ENDING: Final = 0x01

HOLDING_COST: Final = 64
"""Bytes that a piece or a message is charged on top of its payload while it is held, so that many tiny ones are bounded."""


class Message:
    """A whole message that cannot be handed up yet, or is about to be."""

    __slots__ = ("data", "number", "ppid", "stream_id", "tsn", "unordered")

    def __init__(self, stream_id: int, unordered: bool, number: int, ppid: int, data: bytes, tsn: int) -> None:
        self.stream_id = stream_id
        self.unordered = unordered
        self.number = number
        """Stream sequence number, or message identifier."""

        self.ppid = ppid
        self.data = data
        self.tsn = tsn
        """Of its first fragment, not wrapped."""


class Run:
    """Fragments with consecutive TSNs that belong to one message."""

    __slots__ = ("begins", "ends", "first", "length", "number", "pieces", "ppid", "stream_id", "unordered")

    def __init__(
        self, first: int, flags: int, stream_id: int, unordered: bool, number: int, ppid: int, payload: bytes
    ) -> None:
        self.first = first
        self.begins = bool(flags & BEGINNING)
        self.ends = bool(flags & ENDING)
        self.stream_id = stream_id
        self.unordered = unordered
        self.number = number
        self.ppid = ppid
        self.pieces = [payload]
        self.length = len(payload)

    @property
    def cost(self) -> int:
        """What it counts for in the receive buffer."""
        return self.length + HOLDING_COST * len(self.pieces)

    def fits(self, other: "Run") -> bool:
        """Whether a run that follows this one without a gap is of the same message."""
        return (
            not self.ends
            and not other.begins
            and self.stream_id == other.stream_id
            and self.unordered == other.unordered
            and (self.unordered or self.number == other.number)
        )


class Reassembly:
    """Incomplete messages of DATA chunks: their fragments have consecutive TSNs.

    Runs of fragments are found by the TSN that would continue them at the end or, where their beginning is missing, at the
    front; two runs that meet become one, the shorter moving into the longer.
    """

    __slots__ = ("_by_first", "_by_next", "_skipped", "length", "longest")

    def __init__(self) -> None:
        self._by_next: dict[int, Run] = {}
        self._by_first: dict[int, Run] = {}
        self._skipped = 0
        """The highest TSN that will not come: what goes on from there cannot be completed."""

        self.length = 0
        """Bytes that wait, with `HOLDING_COST` for each fragment."""

        self.longest = 0
        """Bytes of the longest message that was touched since this was set to 0."""

    def add(
        self, tsn: int, flags: int, stream_id: int, unordered: bool, number: int, ppid: int, payload: bytes
    ) -> Message | None:
        """Take one fragment, each TSN once; returns the message if that completes one.

        Raises:
            ValueError: The fragment contradicts its neighbours.
        """
        # [rfc9260:6.9/1] [rfc9260:6.9/15]
        if not flags & BEGINNING:
            run = self._by_next.get(tsn)
            if (
                run is not None
                and run.stream_id == stream_id
                and not flags & ENDING
                and run.unordered == unordered
                and (unordered or run.number == number)
                and tsn + 1 not in self._by_first
            ):
                # The usual case: the next fragment of a message that grows at its end.
                del self._by_next[tsn]
                run.pieces.append(payload)
                run.length += len(payload)
                self.length += len(payload) + HOLDING_COST
                if run.length > self.longest:
                    self.longest = run.length
                self._by_next[tsn + 1] = run
                return None
        return self._insert(Run(tsn, flags, stream_id, unordered, number, ppid, payload))

    def lacks_beginning_before(self, tsn: int) -> bool:
        """Whether what ends in front of this TSN is the rest of a message that never began: the peer broke a rule."""
        run = self._by_next.get(tsn)
        return run is not None and not run.begins

    def take(self, tsn: int) -> Run | None:
        """Hand out the message that this TSN would continue, for `Receiver.receive_in_order` to let it grow."""
        run = self._by_next.get(tsn)
        if run is None or not run.begins:
            return None
        del self._by_next[tsn]
        self.length -= run.cost
        return run

    def put_back(self, run: Run) -> None:
        """Take an incomplete message back, with what was added at its end."""
        self._by_next[run.first + len(run.pieces)] = run
        self.length += run.cost

    def _insert(self, run: Run) -> Message | None:
        tsn = run.first
        if not run.begins and tsn - 1 == self._skipped:
            self.skip(tsn, tsn)
            return None
        self.length += run.cost
        before = self._by_next.get(tsn)
        after = self._by_first.get(tsn + 1)
        if before is not None:
            if not before.fits(run):
                raise ValueError("a message goes on in another stream, or begins before the last one ended")
            del self._by_next[tsn]
            run = self._join(before, run)
        if after is not None:
            if not run.fits(after):
                raise ValueError("a message goes on in another stream, or begins before the last one ended")
            del self._by_first[tsn + 1]
            next_tsn = after.first + len(after.pieces)
            if not after.ends:
                del self._by_next[next_tsn]
            run = self._join(run, after)
        return self._keep(run)

    def _join(self, left: Run, right: Run) -> Run:
        self._forget(left)
        if len(left.pieces) >= len(right.pieces):
            left.pieces.extend(right.pieces)
        else:
            right.pieces[:0] = left.pieces
            left.pieces = right.pieces
        left.length += right.length
        left.ends = right.ends
        return left

    def _forget(self, run: Run) -> None:
        if not run.begins:
            self._by_first.pop(run.first, None)

    def _keep(self, run: Run) -> Message | None:
        self.longest = max(self.longest, run.length)
        if run.begins and run.ends:
            self.length -= run.cost
            return Message(run.stream_id, run.unordered, run.number, run.ppid, b"".join(run.pieces), run.first)
        if not run.begins:
            self._by_first[run.first] = run
        if not run.ends:
            self._by_next[run.first + len(run.pieces)] = run
        return None

    def skip(self, first: int, last: int) -> None:
        """Drop what can no longer be completed because these TSNs will not come."""
        # [rfc3758:3.6/10] [rfc3758:3.6/11]
        for next_tsn in _between(self._by_next, first, last):
            if self._by_next[next_tsn].begins:
                self.length -= self._by_next.pop(next_tsn).cost
        for tsn in _between(self._by_first, first, last + 1):
            run = self._by_first.pop(tsn)
            next_tsn = tsn + len(run.pieces)
            if not run.ends:
                del self._by_next[next_tsn]
            self.length -= run.cost
            last = max(last, next_tsn - 1)
        self._skipped = last


def _between(runs: dict[int, Run], first: int, last: int) -> list[int]:
    """The keys from ``first`` to ``last``, found in the shorter of two ways: a peer may skip often, or far."""
    if last - first < len(runs):
        return [tsn for tsn in range(first, last + 1) if tsn in runs]
    return [tsn for tsn in runs if first <= tsn <= last]
