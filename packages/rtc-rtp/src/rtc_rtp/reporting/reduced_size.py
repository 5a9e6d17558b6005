"""Whether RTCP without a report gets through: some middle boxes drop it. See :rfc:`5506#section-4.2.1`."""

from collections.abc import Iterable
from typing import Final

from rtc_rtp.rtcp import GenericNack, PictureLossIndication, RtcpPacket

MAX_UNANSWERED: Final = 20
"""Datagrams with requests that nothing answered, of a peer that never answered any, after which there is no hope."""

MAX_REQUESTS: Final = 512
"""Requests that are remembered."""

KEY_FRAME: Final = -1
"""What stands for a key frame where others are sequence numbers."""


class ReducedSize:
    """Compares what was asked for in reduced size alone with what came of it.

    Retransmissions and key frames show that requests arrive. One answer is enough: what is lost later is lost for other
    reasons.
    """

    __slots__ = ("_is_proven", "_requests", "_unanswered_count")

    def __init__(self) -> None:
        self._is_proven = False
        self._unanswered_count = 0
        self._requests: dict[tuple[int, int], bool] = {}
        """By SSRC and sequence number: whether it was asked for in reduced size alone."""

    @property
    def is_usable(self) -> bool:
        """Whether reduced size may be used."""
        # [rfc5506:4.2.1/2] [rfc5506:4.2.1/3]
        return self._is_proven or self._unanswered_count < MAX_UNANSWERED

    def sent(self, feedback: Iterable[RtcpPacket], *, is_reduced: bool) -> None:
        """Note the feedback that leaves, in reduced size or in a compound packet."""
        if self._is_proven or not self.is_usable:
            return
        requests = [request for packet in feedback for request in _requests(packet)]
        for request in requests:
            self._requests[request] = is_reduced and self._requests.get(request, True)
        while len(self._requests) > MAX_REQUESTS:
            del self._requests[next(iter(self._requests))]
        self._unanswered_count += bool(requests) and is_reduced

    def answered(self, ssrc: int, number: int) -> None:
        """Note that something came that was asked for."""
        if self._requests.pop((ssrc, number), False) and self.is_usable:
            self._is_proven = True
            self._requests.clear()


def _requests(packet: RtcpPacket) -> list[tuple[int, int]]:
    if isinstance(packet, GenericNack):
        return [(packet.media_ssrc, number) for number in packet.sequence_numbers]
    return [(packet.media_ssrc, KEY_FRAME)] if isinstance(packet, PictureLossIndication) else []
