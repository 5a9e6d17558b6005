"""Bounds that receivers set on a stream (TMMBR). See :rfc:`5104#section-3.5.4`."""

from typing import Final

from rtc_rtp.rtcp import MaximumBitrate

MAX_REQUESTERS: Final = 16


class Bounds:
    """The latest bound of every receiver of a stream.

    With as few receivers as two ends have, the bounding set is the tightest bound: the region that several bounds with
    different overheads would describe is cut out by the lowest rate in it.
    """

    __slots__ = ("_bounds",)

    def __init__(self) -> None:
        self._bounds: dict[int, MaximumBitrate] = {}

    def set(self, requester: int, bound: MaximumBitrate) -> None:
        """Take a request; it replaces the one before of the same receiver."""
        if requester in self._bounds or len(self._bounds) < MAX_REQUESTERS:
            self._bounds[requester] = MaximumBitrate(requester, bound.bitrate_bps, bound.overhead)

    def forget(self, requester: int) -> bool:
        """A receiver left, and its bound leaves with it; tell whether there was one."""
        return self._bounds.pop(requester, None) is not None

    def bounding_set(self) -> list[MaximumBitrate]:
        """Return the bound that is obeyed, under the SSRC of who set it."""
        return sorted(self._bounds.values(), key=lambda bound: (bound.bitrate_bps, bound.ssrc))[:1]

    @property
    def bitrate_bps(self) -> int | None:
        """What may be sent at most; ``None`` if nobody set a bound."""
        return min([bound.bitrate_bps for bound in self._bounds.values()], default=None)
