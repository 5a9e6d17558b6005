"""How many streams the association has, and how many it could have. See :rfc:`6525#section-5.1.5`."""

from .streams import MAX_STREAM_ID


class StreamCounts:
    """The streams of both directions, what was asked for beyond them, and what may be.

    A channel needs a stream in each direction. Some peers negotiate few and add more when channels need them.
    """

    __slots__ = ("_asked", "_inbound", "_is_growing_possible", "_most", "_outbound", "_wanted", "limit")

    def __init__(self, *, most: int) -> None:
        self._most = most
        """As many as this side admits in either direction."""

        self._outbound = self._inbound = MAX_STREAM_ID + 1
        # [rfc8831:6.2/1]
        self.limit = MAX_STREAM_ID + 1
        """Channels have identifiers below this; only the association tells, so at first it is the most there can be."""

        self._is_growing_possible = False
        self._wanted = 0
        self._asked = 0

    @property
    def reach(self) -> int:
        """Channels may get identifiers below this, though they have to wait for their streams."""
        return max(self._most, self.limit) if self._is_growing_possible else self.limit

    def agree(self, outbound: int, inbound: int, *, may_grow: bool) -> None:
        """Learn what was negotiated."""
        self._asked = self._wanted = 0
        self._is_growing_possible = may_grow
        self.grow(outbound, inbound)

    def grow(self, outbound: int, inbound: int) -> None:
        """Learn that there are more."""
        self._outbound, self._inbound = outbound, inbound
        self.limit = min(outbound, inbound)

    def want(self, count: int) -> None:
        """Note that a channel needs so many, below ``reach``."""
        self._wanted = max(self._wanted, count)

    def refuse(self) -> None:
        """Learn that there will be no more."""
        self._is_growing_possible = False

    def next_request(self) -> tuple[int, int]:
        """How many outgoing and incoming streams to ask for now: none if enough are there, or were asked for."""
        if self._wanted <= self.limit or self._asked > self.limit or not self._is_growing_possible:
            return 0, 0
        # Twice as many, so that channels that come one by one need few requests.
        self._asked = max(self._wanted, min(2 * self.limit, self._most))
        return max(0, self._asked - self._outbound), max(0, self._asked - self._inbound)
