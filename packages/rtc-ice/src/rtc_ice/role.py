"""Who controls, and what happens if both think they do (:rfc:`8445#section-7.3.1.1`)."""

from enum import Enum, auto
from typing import Final

from rtc_ice.credentials import Rng

TIE_BREAKER_LENGTH: Final = 8


class Verdict(Enum):
    """What a request's role means for ours."""

    KEEP = auto()
    """No conflict."""
    SWITCH = auto()
    """We change sides and answer as if nothing had been."""
    REJECT = auto()
    """The peer has to change sides: 487."""


class Role:
    """Our role and the number that decides conflicts."""

    __slots__ = ("_rng", "controlling", "tie_breaker")

    def __init__(self, *, controlling: bool, rng: Rng) -> None:
        self._rng = rng
        self.controlling = controlling
        # [rfc8445:16.1/1] Drawn once; only `renew` draws again.
        self.tie_breaker = int.from_bytes(rng(TIE_BREAKER_LENGTH), "big")

    def judge(self, *, controlling: bool, tie_breaker: int) -> Verdict:
        """Compare with the role that a request claims.

        Args:
            controlling: Whether the request carried ICE-CONTROLLING.
            tie_breaker: The value that it carried.
        """
        # [rfc8445:7.3.1.1/3]
        if controlling != self.controlling:
            return Verdict.KEEP
        peer_yields = self.tie_breaker >= tie_breaker
        if self.controlling:
            return Verdict.REJECT if peer_yields else Verdict.SWITCH
        return Verdict.SWITCH if peer_yields else Verdict.REJECT

    def renew(self) -> None:
        """Draw another tiebreaker, because the last one lost."""
        # [rfc8445:7.2.5.1/4] [rfc8445:16.1/2]
        previous = self.tie_breaker
        while self.tie_breaker == previous:
            self.tie_breaker = int.from_bytes(self._rng(TIE_BREAKER_LENGTH), "big")
