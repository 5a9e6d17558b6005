"""Which stream pairs are taken, which are on their way out, and which number a new channel gets.

A channel is the pair of the two streams with one identifier. It gives the pair back when both streams were reset,
each by its sender. See :rfc:`8832#section-6` and :rfc:`8831#section-6.7`.
"""

import heapq
from collections.abc import Iterable
from enum import IntFlag
from typing import Final

from .errors import StreamUnavailableError

MAX_STREAM_ID: Final = 65_534
"""The highest stream identifier; 65,535 streams are the most that SCTP can negotiate."""


class _Pair(IntFlag):
    IDLE = 0
    REQUESTED = 1
    """This side asked for the reset of its outgoing stream."""

    OUTGOING_DONE = 2
    """The peer confirmed that reset."""

    INCOMING_DONE = 4
    """The peer reset its own outgoing stream."""

    STALE = 8
    """A confirmation is still to come that belongs to the pair's former life."""

    RETIRED = 16
    """A reset was refused: the pair can never be used again."""


_BOTH: Final = _Pair.OUTGOING_DONE | _Pair.INCOMING_DONE


class StreamPairs:
    """The pairs in use, and the next free one of this side's parity."""

    __slots__ = ("_freed", "_next", "_taken")

    def __init__(self) -> None:
        self._taken: dict[int, _Pair] = {}
        self._next: int | None = None
        self._freed: list[int] = []

    def set_role(self, *, client: bool) -> None:
        """Say which parity is ours. Once."""
        # [rfc8832:4/3] [rfc8832:4/4] [rfc8832:6/5] [rfc8832:6/6] [rfc8864:6.1/1]
        self._next = 0 if client else 1

    def is_ours(self, stream_id: int) -> bool:
        """Whether this side, and not the peer, may open channels with this identifier."""
        return self._next is not None and stream_id & 1 == self._next & 1

    def is_taken(self, stream_id: int) -> bool:
        """Whether a channel or an unfinished reset occupies the pair."""
        return stream_id in self._taken

    def taken_among(self, stream_ids: Iterable[int]) -> list[int]:
        """Those of the identifiers whose pairs are taken: one small packet of the peer may name all streams there are."""
        taken = self._taken
        if isinstance(stream_ids, range):
            return [stream_id for stream_id in taken if stream_id in stream_ids]
        return [stream_id for stream_id in stream_ids if stream_id in taken]

    def take(self, stream_id: int) -> None:
        """Occupy one pair.

        Raises:
            StreamUnavailableError: It is taken.
        """
        # [rfc8831:6.5/1]
        if stream_id in self._taken:
            raise StreamUnavailableError(f"stream {stream_id} belongs to another channel")
        self._taken[stream_id] = _Pair.IDLE

    def allocate(self, limit: int) -> int:
        """Occupy the lowest pair that is free, below ``limit`` and ours.

        Raises:
            StreamUnavailableError: None is left.
        """
        # [rfc8832:4/2] Always the one parity: the steps are two.
        stream_id = self._reusable(limit)
        if stream_id is None:
            stream_id = self._unused(limit)
        self._taken[stream_id] = _Pair.IDLE
        return stream_id

    def _reusable(self, limit: int) -> int | None:
        while self._freed and self._freed[0] < limit:
            stream_id = heapq.heappop(self._freed)
            if stream_id not in self._taken:
                return stream_id
        return None

    def _unused(self, limit: int) -> int:
        if self._next is None:
            raise StreamUnavailableError("the role, and so the parity, is not known yet")
        while self._next < limit:
            stream_id = self._next
            self._next += 2
            if stream_id not in self._taken:
                return stream_id
        raise StreamUnavailableError(f"all streams of our parity below {limit} are taken")

    def release(self, stream_id: int) -> None:
        """Give back a pair of which nothing reached the peer."""
        del self._taken[stream_id]
        if self.is_ours(stream_id):
            heapq.heappush(self._freed, stream_id)

    def request_reset(self, stream_id: int) -> bool:
        """Note that our outgoing stream has to be reset; returns whether that is news."""
        pair = self._taken[stream_id]
        if pair & (_Pair.REQUESTED | _Pair.RETIRED):
            return False
        self._taken[stream_id] = pair | _Pair.REQUESTED
        return True

    def outgoing_was_reset(self, stream_id: int) -> bool:
        """Note the peer's confirmation, of a reset that either side wished; returns whether the pair is now free."""
        pair = self._taken.get(stream_id)
        if pair is None:
            return False
        if pair & _Pair.STALE:
            self._taken[stream_id] = pair & ~_Pair.STALE
            return False
        return self._advance(stream_id, pair | _Pair.REQUESTED | _Pair.OUTGOING_DONE)

    def incoming_was_reset(self, stream_id: int) -> bool:
        """Note that the peer reset its stream; returns whether the pair is now free."""
        pair = self._taken.get(stream_id)
        return pair is not None and self._advance(stream_id, pair | _Pair.INCOMING_DONE)

    def _advance(self, stream_id: int, pair: _Pair) -> bool:
        self._taken[stream_id] = pair
        if pair & _BOTH != _BOTH or pair & _Pair.RETIRED:
            return False
        # [rfc8831:6.7/4]
        self.release(stream_id)
        return True

    def is_ending(self, stream_id: int) -> bool:
        """Whether our outgoing stream was reset, or is to be."""
        return bool(self._taken.get(stream_id, _Pair.IDLE) & _Pair.REQUESTED)

    def is_retired(self, stream_id: int) -> bool:
        """Whether the pair can never be used again."""
        return bool(self._taken.get(stream_id, _Pair.IDLE) & _Pair.RETIRED)

    def awaits_confirmation_only(self, stream_id: int) -> bool:
        """Whether the peer reset its stream and ours is reset too, but the confirmation is still on its way.

        A peer that opens a channel on such a pair has seen our reset: its OPEN overtook its confirmation.
        """
        pair = self._taken.get(stream_id, _Pair.IDLE)
        return pair == _Pair.REQUESTED | _Pair.INCOMING_DONE

    def renew(self, stream_id: int) -> None:
        """Start the pair's next life although the confirmation of our reset has not arrived."""
        self._taken[stream_id] = _Pair.STALE

    def retire(self, stream_id: int) -> None:
        """Never use the pair again: its streams cannot be reset."""
        self._taken[stream_id] = self._taken.get(stream_id, _Pair.IDLE) | _Pair.RETIRED

    def forget_all(self) -> None:
        """Free every pair: the association, and all streams with it, began anew."""
        for stream_id in list(self._taken):
            self.release(stream_id)

    def forget_all_but_requested(self) -> None:
        """Free every pair that does not wait for a confirmation: all streams began anew within one association."""
        for stream_id, pair in list(self._taken.items()):
            if pair & _Pair.REQUESTED and not pair & _Pair.OUTGOING_DONE:
                self._taken[stream_id] = pair | _Pair.INCOMING_DONE
            elif not pair & _Pair.RETIRED:
                self.release(stream_id)
