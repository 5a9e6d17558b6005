"""When the controlling agent chooses a pair (:rfc:`8445#section-8.1.1`).

The specification leaves the moment open. Waiting costs nothing but tidiness, because data already flows on the best
valid pair; choosing too early would fix a poor path. So: the best pair that can be hoped for is nominated at once, any
other after a short, bounded wait, which is longer for one through a relay: a check that is lost is repeated after half a second,
and what is nominated in its stead is where the call stays.
"""

from collections.abc import Sequence

from rtc_ice.candidate import RELAYED
from rtc_ice.dataclass import dataclass
from rtc_ice.pair import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class NominationPolicy:
    """The choice of a pair for one component. Derive from it to choose in another way."""

    max_wait: float = 0.5
    """Seconds after the first valid pair during which better ones are waited for."""
    max_wait_for_direct: float = 2.0
    """The same as long as there are none but through relays and a direct one may be found: enough for a check that is lost twice."""

    def choose(
        self,
        valid: Sequence[Pair],
        checklist: Sequence[Pair],
        *,
        more_expected: bool,
        first_valid_at: float,
        now: float,
    ) -> Pair | None:
        """Return the pair to nominate, or ``None`` to wait.

        Args:
            valid: The valid pairs of the component, best first; not empty.
            checklist: All pairs of the component.
            more_expected: Whether either side may still find candidates.
            first_valid_at: When the first pair became valid.
            now: The present.
        """
        best = valid[0]
        is_relayed = best.is_relayed or best.source.is_relayed
        waits_for_direct = is_relayed and _may_be_direct(checklist, more_expected=more_expected)
        wait = max(self.max_wait, self.max_wait_for_direct) if waits_for_direct else self.max_wait
        if now >= first_valid_at + wait:
            return best
        hope = any(not pair.is_settled and pair.priority > best.source.priority for pair in checklist)
        if hope or (more_expected and not best.is_direct):
            return None
        return best


def _may_be_direct(checklist: Sequence[Pair], *, more_expected: bool) -> bool:
    """Whether a path without a relay may still be found: one is being checked, or further candidates may meet one of ours."""
    if any(not (pair.is_relayed or pair.is_settled) for pair in checklist):
        return True
    return more_expected and any(pair.local.candidate.type != RELAYED for pair in checklist)
