"""Ta: how often new transactions begin (:rfc:`8445#section-14.2`)."""


class Pacer:
    """Lets one transaction pass per Ta, the first at once."""

    __slots__ = ("ready_at", "ta")

    def __init__(self, ta: float) -> None:
        self.ta = ta
        """Seconds between two transactions."""
        self.ready_at = float("-inf")
        """When the next transaction may begin."""

    def ready(self, now: float) -> bool:
        """Whether a transaction may begin."""
        return now >= self.ready_at

    def spend(self, now: float) -> None:
        """Note that one began."""
        # [rfc8445:5.1.1.2/7]
        self.ready_at = now + self.ta

    def agree(self, ours: float, theirs: float) -> None:
        """Take the slower of both proposals."""
        # [rfc8445:14.2/3]
        self.ta = max(ours, theirs)
