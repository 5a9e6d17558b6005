"""A checklist: the pairs of one data stream in the order of their promise (:rfc:`8445#section-6.1.2`)."""

from rtc_ice.pair import ComponentKey, Pair, Path
from rtc_ice.state import ChecklistState, PairInput, PairState


class Checklist:
    """The pairs of a stream, its triggered-check queue and its valid list."""

    def __init__(self, stream: int) -> None:
        self.stream = stream
        self.state = ChecklistState.RUNNING
        self.pairs: list[Pair] = []
        """By falling priority."""
        self.valid: list[Pair] = []
        """By falling priority. Pairs from here may carry data."""
        self.triggered: list[Pair] = []
        """Pairs to check at the next opportunity, first come first served."""
        self._by_path: dict[Path, Pair] = {}

    def find(self, path: Path) -> Pair | None:
        """Return the pair of that path."""
        return self._by_path.get(path)

    def insert(self, pair: Pair) -> None:
        """Add a pair whose path is new."""
        self._by_path[pair.path] = pair
        self.pairs.append(pair)
        self.sort()

    def remove(self, pair: Pair) -> None:
        """Take a pair out of the checklist and of the queue; a valid one stays valid."""
        if self._by_path.get(pair.path) is pair:
            del self._by_path[pair.path]
            self.pairs.remove(pair)
        self.untrigger(pair)

    def sort(self) -> None:
        """Bring pairs into order after priorities changed."""
        # Python's sort is stable: pairs of equal priority keep the order in which they came.
        self.pairs.sort(key=_by_priority)
        self.valid.sort(key=_by_priority)

    def trigger(self, pair: Pair) -> None:
        """Queue a pair for a check at the next opportunity."""
        if pair not in self.triggered:
            self.triggered.append(pair)

    def untrigger(self, pair: Pair) -> None:
        """Forget that the pair was queued."""
        if pair in self.triggered:
            self.triggered.remove(pair)

    def validate(self, pair: Pair, source: Pair) -> None:
        """Put a pair on the valid list, proven by the check of ``source``.

        See :rfc:`8445#section-7.2.5.3.2`.
        """
        replaced = source.valid
        if replaced is not None and replaced is not pair and replaced.source is source:
            # A NAT gave the check another address than the last one.
            self.invalidate(replaced)
        pair.source = source
        source.valid = pair
        if pair not in self.valid:
            self.valid.append(pair)
            self.valid.sort(key=_by_priority)

    def invalidate(self, pair: Pair) -> None:
        """Take a pair off the valid list."""
        pair.nominated = False
        if pair in self.valid:
            self.valid.remove(pair)

    def next_pair(self) -> Pair | None:
        """Take the pair to check now: the head of the queue, else the best one that waits.

        See :rfc:`8445#section-6.1.4.2`, steps 1 and 3.
        """
        if self.triggered:
            return self.triggered.pop(0)
        return next((pair for pair in self.pairs if pair.state is PairState.WAITING), None)

    def valid_of(self, component: ComponentKey) -> list[Pair]:
        """Return the valid pairs of a component, best first."""
        return [pair for pair in self.valid if pair.component == component]

    def nominated_of(self, component: ComponentKey) -> list[Pair]:
        """Return the nominated pairs of a component, best first; a peer of :rfc:`5245` may nominate several."""
        return [pair for pair in self.valid if pair.nominated and pair.component == component]

    def conclude(self, component: ComponentKey) -> list[Pair]:
        """Drop all pairs of a component but the nominated ones, and return those dropped.

        See :rfc:`8445#section-8.1.2`.
        """
        # [rfc8445:8.1.2/1]
        dropped = [pair for pair in self.pairs if pair.component == component and not _is_nominated(pair)]
        for pair in dropped:
            self.remove(pair)
        for pair in [pair for pair in self.valid if pair.component == component and not pair.nominated]:
            self.invalidate(pair)
        return dropped

    def fail(self, pair: Pair) -> None:
        """Mark a pair as failed; its valid pair, if a check had proven one, goes with it."""
        if pair.can(PairInput.FAIL):
            pair.step(PairInput.FAIL)
        self.untrigger(pair)
        if pair.valid is not None:
            self.invalidate(pair.valid)
            if pair.valid is not pair and pair.valid.can(PairInput.FAIL):
                pair.valid.step(PairInput.FAIL)
            pair.valid = None
        pair.nominate_on_success = False


def _by_priority(pair: Pair) -> tuple[int, int]:
    """Order of checks and of preference; of equal priorities the lower component comes first."""
    return -pair.priority, pair.component_id


def _is_nominated(pair: Pair) -> bool:
    # Also one that the peer has nominated and our check has yet to prove: a peer of RFC 5245 nominates several at once.
    return pair.nominated or pair.nominate_on_success or (pair.valid is not None and pair.valid.nominated)
