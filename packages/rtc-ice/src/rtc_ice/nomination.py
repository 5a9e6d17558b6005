"""When the controlling agent chooses a pair (:rfc:`8445#section-8.1.1`).

The specification leaves the moment open. Waiting costs nothing but tidiness, because data already flows on the best
valid pair; choosing too early would fix a poor path. So: the best pair that can be hoped for is nominated at once, any
other after a short, bounded wait, which is longer for one through a relay: a check that is lost is repeated after half a second,
and what is nominated in its stead is where the call stays.
"""

from collections.abc import Sequence

from rtc_ice.dataclass import dataclass
from rtc_ice.pair import Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class NominationPolicy:
    """The choice of a pair for one component. Derive from it to choose in another way."""

    max_wait: float = 0.5
    """Seconds after the first valid pair during which better ones are waited for."""
    max_wait_for_direct: float = 2.0
    """The same as long as there are none but through relays: enough for a check that is lost twice."""

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
        if now >= first_valid_at + (max(self.max_wait, self.max_wait_for_direct) if is_relayed else self.max_wait):
            return best
        hope = any(not pair.is_settled and pair.priority > best.source.priority for pair in checklist)
        if hope or (more_expected and not best.is_direct):
            return None
        return best
