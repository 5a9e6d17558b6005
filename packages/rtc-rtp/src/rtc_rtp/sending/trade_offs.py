"""What receivers ask of the balance of sharp and smooth pictures (TSTR). See :rfc:`5104#section-4.3.2`."""

from collections.abc import Container
from typing import Final

from rtc_rtp.rtcp import TemporalSpatialTradeOffNotification, TradeOff

MAX_REQUESTS: Final = 64
"""Pairs of a stream and who asked about it that are remembered; the oldest make room for others."""

INDEX: Final = 15
"""The trade-off of every stream: encoders are the application's, and nothing here makes them prefer either."""

_NUMBERS: Final = 0x100


class TradeOffs:
    """The requests about our streams, and which of them wait for a notification."""

    __slots__ = ("_highest", "_waiting")

    def __init__(self) -> None:
        self._highest: dict[tuple[int, int], int] = {}
        """Sequence numbers by stream and requester."""
        self._waiting: set[tuple[int, int]] = set()

    def ask(self, ssrc: int, requester: int, sequence_number: int) -> None:
        """Take a request about a stream of ours; a repetition is answered like the first."""
        pair = ssrc, requester
        known = self._highest.get(pair)
        if known is None and len(self._highest) >= MAX_REQUESTS:
            self._drop(next(iter(self._highest)))
        # [rfc5104:4.3.3.2/4] What comes late was overtaken: the answer is that to the newer request.
        if known is None or (sequence_number - known) % _NUMBERS < _NUMBERS // 2:
            self._highest[pair] = sequence_number
        # [rfc5104:4.3.3.2/3]
        self._waiting.add(pair)

    def forget(self, requester: int) -> None:
        """A receiver left."""
        for pair in [each for each in self._highest if each[1] == requester]:
            self._drop(pair)

    def _drop(self, pair: tuple[int, int]) -> None:
        del self._highest[pair]
        self._waiting.discard(pair)

    def take(self, ours: Container[int]) -> list[TemporalSpatialTradeOffNotification]:
        """Return the notifications to send now, of those streams that there still are."""
        if not self._waiting:
            return []
        found: dict[int, TemporalSpatialTradeOffNotification] = {}
        for pair, number in self._highest.items():
            ssrc, requester = pair
            if pair in self._waiting and ssrc in ours:
                notification = found.setdefault(ssrc, TemporalSpatialTradeOffNotification(ssrc, 0))
                # [rfc5104:4.3.2.2/2] [rfc5104:4.3.3.2/1] [rfc5104:4.3.3.2/2] [rfc5104:4.3.3.2/5]
                notification.trade_offs.append(TradeOff(requester, number, INDEX))
        self._waiting.clear()
        return list(found.values())
