"""What became of the candidate pairs since the last look: the events about them."""

from rtc_ice.events import CandidatePairChanged
from rtc_ice.pair import CandidatePair, Pair
from rtc_ice.session import Session
from rtc_ice.state import PairState


class PairWatch:
    """Compares the pairs of the present session with what was reported of them."""

    __slots__ = ("_known", "_session")

    def __init__(self) -> None:
        self._session: Session | None = None
        self._known: dict[int, tuple[PairState, bool, CandidatePair]] = {}

    def changes(self, session: Session) -> list[CandidatePairChanged]:
        """Return an event for every pair that appeared, disappeared, took a step or was nominated."""
        pairs = _pairs(session)
        if session is self._session and _is_as_known(pairs, self._known):
            return []
        events = []
        if session is not self._session:
            # A restart begins anew; numbers too.
            events += [_gone(number, known) for number, known in self._known.items()]
            self._session, self._known = session, {}
        events += [_gone(number, self._known.pop(number)) for number in [*self._known] if number not in pairs]
        for number, pair in pairs.items():
            known = self._known.get(number)
            if known is None or known[:2] != (pair.state, pair.nominated):
                snapshot = pair.snapshot()
                self._known[number] = (pair.state, pair.nominated, snapshot)
                events.append(CandidatePairChanged(number, snapshot, pair.state, pair.nominated))
        return events


def _pairs(session: Session) -> dict[int, Pair]:
    return {pair.number: pair for checklist in session.checklists for pair in (*checklist.pairs, *checklist.valid)}


def _is_as_known(pairs: dict[int, Pair], known: dict[int, tuple[PairState, bool, CandidatePair]]) -> bool:
    return pairs.keys() == known.keys() and all(
        known[number][:2] == (pair.state, pair.nominated) for number, pair in pairs.items()
    )


def _gone(number: int, known: tuple[PairState, bool, CandidatePair]) -> CandidatePairChanged:
    return CandidatePairChanged(number, known[2], None, nominated=False)
