"""Bounds that receivers set on a stream (TMMBR). See :rfc:`5104#section-3.5.4`."""

from collections.abc import Container, Iterable
from typing import Final

from rtc_rtp.rtcp import MaximumBitrate

MAX_REQUESTERS: Final = 16

FIRST_PAYLOAD_SIZE: Final = 160
"""Bytes of payload that a packet is taken to have before any was sent: few, so that the bounds are tight."""

_BITS: Final = 8


class Bounds:
    """The latest bound of every receiver of a stream, and what may be sent by them.

    A bound counts the headers of every packet, so what it leaves for payloads depends on how many packets there are. With
    payloads of a known size it is one number. See :rfc:`5104#section-3.5.4.2`.
    """

    __slots__ = ("_bounds", "_counted", "_loosened", "_payload_size", "_set_at")

    def __init__(self) -> None:
        self._bounds: dict[int, MaximumBitrate] = {}
        self._set_at: dict[int, float] = {}
        self._loosened: list[tuple[float, MaximumBitrate]] = []
        """Bounds that were replaced by looser ones or lifted, and until when they hold nevertheless."""
        self._payload_size = float(FIRST_PAYLOAD_SIZE)
        self._counted = (0, 0)

    # --- who bounds ---

    def set(self, requester: int, bound: MaximumBitrate, now: float, loose_at: float) -> None:
        """Take a request; it replaces the one before of the same receiver.

        Args:
            requester: Who asks.
            bound: What for.
            now: Seconds.
            loose_at: From when on more may be sent, if the request allows it.
        """
        before = self._bounds.get(requester)
        if before is None and len(self._bounds) >= MAX_REQUESTERS:
            # What does not bound now is no candidate for later either, as the incremental algorithm has it.
            for owner in self._bounds.keys() - {each.ssrc for each in self.bounding_set()}:
                del self._bounds[owner], self._set_at[owner]
            if len(self._bounds) >= MAX_REQUESTERS:
                return
        if before is not None and (before.bitrate_bps < bound.bitrate_bps or before.overhead > bound.overhead):
            self._loosen(before, now, loose_at)
        self._bounds[requester] = MaximumBitrate(requester, bound.bitrate_bps, bound.overhead)
        self._set_at[requester] = now

    def forget(self, requester: int, now: float, loose_at: float) -> bool:
        """A receiver left, and its bound leaves with it; tell whether there was one."""
        bound = self._bounds.pop(requester, None)
        if bound is None:
            return False
        del self._set_at[requester]
        self._loosen(bound, now, loose_at)
        return True

    def silent(self, oldest: float, heard: Container[int]) -> list[int]:
        """Return those who set a bound before a time and are not among those who were heard since."""
        return [ssrc for ssrc, at in self._set_at.items() if at < oldest and ssrc not in heard]

    def bounding_set(self) -> list[MaximumBitrate]:
        """Return the bounds that limit the stream at some rate of packets, each under the SSRC of who set it."""
        return bounding_set(self._bounds.values())

    # --- what they leave ---

    def _loosen(self, bound: MaximumBitrate, now: float, loose_at: float) -> None:
        self.let_go(now)
        if len(self._loosened) >= MAX_REQUESTERS:
            # Who changes its mind that often has to wait for the longest of its waits, at the tightest of its bounds.
            last = self._loosened.pop()[1]
            rate, overhead = min(last.bitrate_bps, bound.bitrate_bps), max(last.overhead, bound.overhead)
            bound = MaximumBitrate(bound.ssrc, rate, overhead)
        self._loosened.append((loose_at, bound))

    def let_go(self, now: float) -> None:
        """Let more be sent where that was waited for long enough."""
        self._loosened = [each for each in self._loosened if each[0] > now]

    def loose_at(self) -> float:
        """When more may be sent next; infinite if nothing is waited for."""
        return min([at for at, _ in self._loosened], default=float("inf"))

    def measure(self, packets_sent: int, bytes_sent: int) -> None:
        """Learn the size of payloads from what the stream has counted so far."""
        packets, octets = self._counted
        if packets_sent > packets:
            self._payload_size = max(1.0, (bytes_sent - octets) / (packets_sent - packets))
            self._counted = (packets_sent, bytes_sent)

    @property
    def bitrate_bps(self) -> float | None:
        """Bits per second that payloads may have at most; ``None`` if there is no bound."""
        # [rfc5104:4.2.1.2/8] [rfc5104:4.2.1.2/9] What was tighter holds until every receiver could have objected.
        bounds = [*self._bounds.values(), *[bound for _, bound in self._loosened]]
        size = self._payload_size
        return min([bound.bitrate_bps * size / (size + bound.overhead) for bound in bounds], default=None)


def bounding_set(bounds: Iterable[MaximumBitrate]) -> list[MaximumBitrate]:
    """Return those of some bounds that limit payloads at some rate of packets, by overhead.

    Each bound is a line that falls as the rate of packets grows; these are the sides of the region below all of them. See
    :rfc:`5104#section-3.5.4.2`, of which the numbers are.
    """
    # 1, 2
    by_overhead: dict[int, MaximumBitrate] = {}
    for bound in sorted(bounds, key=lambda each: (each.overhead, each.bitrate_bps, each.ssrc)):
        by_overhead.setdefault(bound.overhead, bound)
    if not by_overhead:
        return []
    # 3
    first = min(by_overhead.values(), key=lambda each: (each.bitrate_bps, -each.overhead))
    selected = [(first, 0.0)]
    # 4, 5, 9
    for candidate in by_overhead.values():
        if candidate.overhead <= first.overhead:
            continue
        # 6, 7
        while (rate := _intersection(selected[-1][0], candidate)) <= selected[-1][1]:
            selected.pop()
        # 8
        if rate < _max_packet_rate(selected[-1][0]):
            selected.append((candidate, rate))
    return [bound for bound, _ in selected]


def _intersection(flat: MaximumBitrate, steep: MaximumBitrate) -> float:
    """Return the packets per second from which on the steeper bound is the tighter one."""
    return (steep.bitrate_bps - flat.bitrate_bps) / (_BITS * (steep.overhead - flat.overhead))


def _max_packet_rate(bound: MaximumBitrate) -> float:
    """Return the packets per second whose headers alone use a bound up."""
    return bound.bitrate_bps / (_BITS * bound.overhead) if bound.overhead else float("inf")
