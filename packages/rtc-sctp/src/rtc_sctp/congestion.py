"""How much may be in the network. See :rfc:`9260#section-7.2`."""

from typing import Final

_INITIAL_WINDOW: Final = 4404
"""The initial cwnd is so many bytes unless two packets are more or four are less. See :rfc:`9260#section-7.2.1`."""

UNLIMITED: Final = 1 << 62
"""An ssthresh that no window reaches."""

_GROWTH_LIMIT: Final = 64
"""L: packets by which one acknowledgement may widen the window. :rfc:`9260` would have 1, for peers that acknowledge every
second packet; we acknowledge whole batches, and with 1 the window would open by one packet per batch."""


class CongestionControl:
    """cwnd, ssthresh and partial_bytes_acked, all in bytes with padding; PMDCS is ``max_chunk_length``."""

    # [rfc9260:7.2/1] [rfc9260:7.2/2] [rfc9260:7.2/4]
    __slots__ = ("_is_idle", "_partial_bytes_acked", "cwnd", "max_chunk_length", "recovery_exit", "ssthresh")

    def __init__(self, max_chunk_length: int) -> None:
        self.max_chunk_length = max_chunk_length
        # [rfc9260:7.2.1/1]
        self.cwnd = min(4 * max_chunk_length, max(2 * max_chunk_length, _INITIAL_WINDOW))
        # [rfc9260:7.2.1/3]
        self.ssthresh = UNLIMITED
        self._partial_bytes_acked = 0
        self._is_idle = False
        """Whether the window shrank for silence since data were last acknowledged."""

        self.recovery_exit: int | None = None
        """The TSN that ends fast recovery; ``None`` outside of it."""

    def acknowledged(self, byte_count: int, *, flight_before: int, advanced: bool) -> None:
        """Grow for newly acknowledged bytes.

        Args:
            byte_count: Bytes newly acknowledged, by the cumulative TSN or by gap blocks.
            flight_before: Bytes in flight before this acknowledgement.
            advanced: Whether the cumulative TSN moved.
        """
        self._is_idle = False
        if self.cwnd <= self.ssthresh:
            # [rfc9260:7.2.1/5] [rfc9260:7.2.1/6]
            if advanced and self.recovery_exit is None and flight_before >= self.cwnd:
                # [rfc9260:7.2.1/7]
                self.cwnd += min(byte_count, _GROWTH_LIMIT * self.max_chunk_length)
            return
        # [rfc9260:7.2.2/1] [rfc9260:7.2.2/2] [rfc9260:7.2.2/3]
        if not advanced:
            return
        self._partial_bytes_acked += byte_count
        if self._partial_bytes_acked >= self.cwnd:
            if flight_before >= self.cwnd:
                self._partial_bytes_acked -= self.cwnd
                self.cwnd += self.max_chunk_length
            else:
                self._partial_bytes_acked = self.cwnd

    def everything_acknowledged(self) -> None:
        """Start counting anew: nothing is outstanding."""
        self._partial_bytes_acked = 0

    def lost(self, exit_tsn: int) -> None:
        """Halve the window for a loss that acknowledgements show, once until ``exit_tsn`` is acknowledged."""
        # [rfc9260:7.2.4/6]
        if self.recovery_exit is not None:
            return
        # [rfc9260:7.2.3/1]
        self.ssthresh = max(self.cwnd // 2, 4 * self.max_chunk_length)
        self.cwnd = self.ssthresh
        self._partial_bytes_acked = 0
        self.recovery_exit = exit_tsn

    def timed_out(self) -> None:
        """Begin anew with one packet."""
        # [rfc9260:7.2.3/2] [rfc9260:7.2.1/2]
        self.ssthresh = max(self.cwnd // 2, 4 * self.max_chunk_length)
        self.cwnd = self.max_chunk_length
        self._partial_bytes_acked = 0
        self.recovery_exit = None

    def idle(self, periods: int) -> None:
        """Forget half of the window for each retransmission timeout of silence."""
        # [rfc9260:7.2.1/10] [rfc9260:7.2.1/11] [rfc9260:7.2.2/4] [rfc9260:7.1/1]
        floor = 4 * self.max_chunk_length
        if self.cwnd <= floor:
            return
        if not self._is_idle:
            self._is_idle = True
            self.ssthresh = self.cwnd
        self.cwnd = max(self.cwnd >> min(periods, 32), floor)
        self._partial_bytes_acked = 0
