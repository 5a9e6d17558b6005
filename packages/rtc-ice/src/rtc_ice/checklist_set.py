"""The checklists of all streams: what is checked next, what is frozen, how many pairs there may be.

See :rfc:`8445#section-6.1.2.5`, :rfc:`8445#section-6.1.2.6`, :rfc:`8445#section-6.1.4.2` and :rfc:`8838#section-12`.
"""

from collections.abc import Iterator

from rtc_ice.checklist import Checklist
from rtc_ice.pair import Pair, Path
from rtc_ice.state import ChecklistState, PairInput, PairState


class ChecklistSet:
    """One checklist per stream, in the order of the streams."""

    def __init__(self, stream_count: int, max_pairs: int) -> None:
        self.checklists = [Checklist(stream) for stream in range(stream_count)]
        self._max_pairs = max_pairs
        self._cursor = 0
        self._started = False

    def __iter__(self) -> Iterator[Checklist]:
        return iter(self.checklists)

    def pairs(self) -> Iterator[Pair]:
        """Go through all pairs of all checklists."""
        for checklist in self.checklists:
            yield from checklist.pairs

    def find(self, path: Path) -> Pair | None:
        """Return the pair of that path, in whatever checklist."""
        return next((pair for checklist in self.checklists if (pair := checklist.find(path)) is not None), None)

    def insert(self, pair: Pair) -> Pair | None:
        """Add a pair with the state that the others leave to it.

        Returns:
            The pair that had to make room, ``pair`` itself if there was no room for it, or ``None``.
        """
        evicted: Pair | None = None
        # [rfc8445:6.1.2.5/1]
        if sum(len(checklist.pairs) for checklist in self.checklists) >= self._max_pairs:
            evicted = self._choose_to_evict(pair)
            if evicted is None:
                return pair
            self.checklists[evicted.stream].remove(evicted)
        self.checklists[pair.stream].insert(pair)
        if self._started and self._starts_waiting(pair):
            pair.step(PairInput.UNFREEZE)
        return evicted

    def unfreeze(self, foundation: tuple[str, str]) -> None:
        """Let all frozen pairs of a foundation be checked, because one of it succeeded."""
        # [rfc8445:7.2.5.3.3/1]
        for pair in self.pairs():
            if pair.state is PairState.FROZEN and pair.foundation == foundation:
                pair.step(PairInput.UNFREEZE)

    def next_check(self) -> Pair | None:
        """Take the pair to check now that Ta fired, one checklist after the other; ``None`` if there is nothing to do.

        See :rfc:`8445#section-6.1.4.2`.
        """
        if not self._started:
            self._start()
        count = len(self.checklists)
        for offset in range(count):
            position = (self._cursor + offset) % count
            checklist = self.checklists[position]
            if checklist.state is ChecklistState.RUNNING:
                self._unfreeze_idle(checklist)
                pair = checklist.next_pair()
            else:
                # A nomination after the end, by a peer of RFC 5245.
                pair = checklist.triggered.pop(0) if checklist.triggered else None
            if pair is not None:
                self._cursor = (position + 1) % count
                return pair
        return None

    def has_work(self) -> bool:
        """Whether `next_check` would return a pair."""
        if any(checklist.triggered for checklist in self.checklists):
            return True
        running = [checklist for checklist in self.checklists if checklist.state is ChecklistState.RUNNING]
        if any(pair.state is PairState.WAITING for checklist in running for pair in checklist.pairs):
            return True
        busy = self._busy_foundations()
        return any(
            pair.state is PairState.FROZEN and pair.foundation not in busy
            for checklist in running
            for pair in checklist.pairs
        )

    def open_count(self) -> int:
        """Return how many pairs are waiting or in progress."""
        return sum(pair.state in (PairState.WAITING, PairState.IN_PROGRESS) for pair in self.pairs())

    def refresh(self, *, controlling: bool) -> None:
        """Recompute what depends on candidates and role."""
        for checklist in self.checklists:
            for pair in {id(pair): pair for pair in (*checklist.pairs, *checklist.valid)}.values():
                pair.refresh(controlling=controlling)
            checklist.sort()

    def _start(self) -> None:
        """Set the initial states (:rfc:`8445#section-6.1.2.6`): per foundation, the first pair waits."""
        self._started = True
        seen: set[tuple[str, str]] = set()
        for pair in sorted(self.pairs(), key=_column_order):
            if pair.foundation not in seen:
                seen.add(pair.foundation)
                if pair.state is PairState.FROZEN:
                    pair.step(PairInput.UNFREEZE)

    def _starts_waiting(self, pair: Pair) -> bool:
        """Decide by the rules 1 to 3 of :rfc:`8838#section-12`."""
        others = [other for other in self.pairs() if other is not pair and other.foundation == pair.foundation]
        if all(_column_order(pair) < _column_order(other) for other in others):
            return True
        return any(other.state is PairState.SUCCEEDED for other in others)

    def _unfreeze_idle(self, checklist: Checklist) -> None:
        """Take step 2: with nothing waiting, unfreeze one pair for each foundation that nobody works on."""
        if any(pair.state is PairState.WAITING for pair in checklist.pairs):
            return
        busy = self._busy_foundations()
        for pair in checklist.pairs:
            if pair.state is PairState.FROZEN and pair.foundation not in busy:
                pair.step(PairInput.UNFREEZE)
                busy.add(pair.foundation)

    def _busy_foundations(self) -> set[tuple[str, str]]:
        return {pair.foundation for pair in self.pairs() if pair.state in (PairState.WAITING, PairState.IN_PROGRESS)}

    def _choose_to_evict(self, new: Pair) -> Pair | None:
        # [rfc8838:10/3] [rfc8838:11/3]
        failed = [pair for pair in self.pairs() if pair.state is PairState.FAILED]
        if failed:
            return min(failed, key=lambda pair: pair.priority)
        # [rfc8445:6.1.2.5/3] The longest checklist gives first.
        longest = max(self.checklists, key=lambda checklist: len(checklist.pairs))
        untried = [pair for pair in longest.pairs if pair.is_untried]
        if not untried:
            return None
        worst = untried[-1]
        uneven = len(longest.pairs) > len(self.checklists[new.stream].pairs) + 1
        # [rfc8838:10/4] [rfc8838:11/4]
        return worst if uneven or worst.priority < new.priority else None


def _column_order(pair: Pair) -> tuple[int, int, int]:
    """Order of the pairs of one foundation: the first checklist, the lowest component, the highest priority."""
    return pair.stream, pair.component_id, -pair.priority
