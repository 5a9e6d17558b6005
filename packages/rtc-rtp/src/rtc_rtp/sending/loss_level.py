"""How much loss the encoder of a stream has to protect against, in few steps: an encoder may have to be opened anew for another one."""

from typing import Final

LEVELS: Final = (0.0, 0.05, 0.1, 0.2, 0.4)
"""Parts of the packets, each for losses up to it."""
LEAST_LOSS: Final = 0.005
"""Less is nothing."""
EASING: Final = 0.75
"""What remains, with each report, of a loss that is over: the next burst may come soon."""


class LossLevel:
    """Follows what receiver reports tell: up at once, and down by and by."""

    __slots__ = ("_recent", "level")

    def __init__(self) -> None:
        self._recent = 0.0
        self.level = 0.0
        """One of `LEVELS`."""

    def report(self, fraction_lost: float) -> bool:
        """Take a report; return whether the level is another one now.

        Args:
            fraction_lost: Since the report before, 0 to 1.
        """
        eased = fraction_lost + EASING * (self._recent - fraction_lost)
        self._recent = max(fraction_lost, eased)
        before = self.level
        if self._recent < LEAST_LOSS:
            self._recent = self.level = 0.0
        else:
            # [rfc8854:8/2]
            self.level = next((level for level in LEVELS if self._recent <= level), LEVELS[-1])
        return self.level != before
