"""How long packets may be on this path, found by probes. See :rfc:`8899#section-5` and :rfc:`8899#section-6.2.3`.

All sizes are those of SCTP packets: what the layers below add is theirs to know, and for the configured limit to leave room for.
"""

import struct
from enum import Enum
from typing import Final

from .chunks import HeartbeatAckChunk, HeartbeatChunk, PadChunk
from .context import Context
from .rto import RtoEstimator
from .timers import Timer

MAX_PROBES: Final = 3
"""Probes in a row without an answer after which the search ends."""

RAISE_INTERVAL: Final = 600.0
"""PMTU_RAISE_TIMER: seconds after which a finished search is taken up again."""

# [rfc8899:5.1.1/1]
MIN_PROBE_TIME: Final = 1.0
"""PROBE_TIMER: seconds that a probe is waited for at least; more where the retransmission timeout is longer."""

MIN_GAIN: Final = 32
"""Bytes below which a longer packet is not worth a probe."""

_MAX_DOUBLINGS: Final = 6
"""How often the time for an answer is doubled at most while none comes."""

_BLACK_HOLE_TIMEOUTS: Final = 2
"""Retransmission timeouts in a row that cast doubt on the size of the packets."""

_INFO: Final = struct.Struct("!L12s")
_OVERHEAD: Final = 12 + 4 + 4 + _INFO.size
"""Bytes of a probe without its padding: common header, HEARTBEAT with Heartbeat Info."""


class SearchPhase(Enum):
    """The states of the search. See :rfc:`8899#section-5.2`."""

    DISABLED = "disabled"
    """Nothing above the size to begin with is allowed."""

    BASE = "base"
    """Is the size to begin with supported?"""

    SEARCHING = "searching"
    SEARCH_COMPLETE = "search_complete"
    ERROR = "error"
    """Not even that size was confirmed; it is used all the same, for there is no smaller one."""


# [rfc8261:4/1] [rfc8261:4/2] [rfc9260:7.3/1]
class PathMtu:
    """The search on the one path there is.

    Each probe is a HEARTBEAT with a PAD behind it: it carries no data, so that its loss costs nothing. The size of packets grows
    when a probe is answered, and falls back when timeouts say that long packets no longer arrive.
    """

    __slots__ = (
        "_awaited",
        "_base",
        "_context",
        "_failed",
        "_failures",
        "_limit",
        "_probe_due",
        "_probed",
        "_rto",
        "_timeouts",
        "phase",
        "size",
    )

    def __init__(self, context: Context, rto: RtoEstimator) -> None:
        config = context.config
        self._context = context
        self._rto = rto
        # [rfc8899:5.1.2/1] [rfc8899:3/20]
        self._base = config.max_packet_size & ~3
        self._limit = (config.path_mtu_limit or self._base) & ~3
        self.size = config.max_packet_size
        """PLPMTU: the longest packet that may be sent."""

        self._probed = 0
        """PROBED_SIZE."""

        self._failed = 0
        """The shortest probe of this search that was lost, or what lies beyond the limit."""

        self._failures = 0
        """PROBE_COUNT."""

        self._timeouts = 0
        self._awaited = b""
        self._probe_due = False
        self.phase = SearchPhase.DISABLED
        self.restart()

    def restart(self) -> None:
        """Begin with the size that most paths support: the path is new, or another one."""
        # [rfc8899:3/22] [rfc8899:3/25]
        self.size = self._context.config.max_packet_size
        self._timeouts = 0
        # [rfc8899:5/1]
        if self._limit <= self._base:
            return
        self.phase = SearchPhase.BASE
        self._failures = 0
        self._failed = self._limit + 1
        self._probe(self._base)

    # --- probes ---

    def _probe(self, size: int) -> None:
        self._probed = size
        self._probe_due = True
        # [rfc8899:3/12] [rfc8899:8/1] The next one leaves after an answer, or when this timer expires.
        patience = max(self._rto.rto, MIN_PROBE_TIME) * 2 ** min(self._failures, _MAX_DOUBLINGS)
        self._context.timers.start(Timer.PATH_MTU, self._context.now + patience)

    @property
    def probe_size(self) -> int:
        """Bytes of the probe that is to be sent now; 0 if there is none."""
        return self._probed if self._probe_due else 0

    def probe(self) -> tuple[bytes, bytes]:
        """The chunks of that probe, which fill a packet of `probe_size`."""
        # [rfc8899:3/2] [rfc8899:3/5] [rfc8899:3/17] [rfc8899:4.1/1] [rfc8899:6.2/1] [rfc8899:6.2/2] [rfc8261:6.2/1]
        self._probe_due = False
        # [rfc8899:4.1/2] [rfc8899:3/23] [rfc8899:3/24] No answer to an earlier probe can be taken for this one's.
        self._awaited = _INFO.pack(self._probed, self._context.rng(12))
        return HeartbeatChunk(self._awaited).serialize(), PadChunk(self._probed - _OVERHEAD).serialize()

    def receive_answer(self, chunk: HeartbeatAckChunk) -> bool:
        """Take the answer to the last probe; returns whether it is that."""
        # [rfc8899:3/4]
        if not self._awaited or chunk.info != self._awaited:
            return False
        self._awaited = b""
        self._context.error_count = 0
        self._failures = 0
        # [rfc8899:3/1] [rfc8899:3/15] Congestion control counts bytes: its window stays as it is.
        self.size = max(self.size, self._probed)
        self._go_on()
        return True

    def _go_on(self) -> None:
        """Probe the size that gains most, or end the search."""
        self.phase = SearchPhase.SEARCHING
        # [rfc8899:5.3.2/1] All at first, then half of what is left.
        size = self._limit if self._failed > self._limit else (self.size + self._failed) // 2 & ~3
        if size < self.size + MIN_GAIN and not self.size < size == self._limit:
            self._complete()
        else:
            self._probe(size)

    def _complete(self) -> None:
        # [rfc8899:5.2/1] [rfc8899:5.1.1/3] [rfc8899:6.2.1.3/1] [rfc8899:6.2.3.3/1] No confirmation: data are acknowledged.
        self.phase = SearchPhase.SEARCH_COMPLETE
        self._context.timers.start(Timer.PATH_MTU, self._context.now + RAISE_INTERVAL)

    def expire(self) -> None:
        """A probe was not answered in time, or the search is to be taken up again."""
        # [rfc8899:3/7] [rfc8899:3/13] [rfc8899:3/14] [rfc8899:3/19] [rfc8899:8/4] A lost probe says nothing of what was
        # confirmed, and nothing of congestion.
        self._awaited = b""
        if self.phase is SearchPhase.SEARCH_COMPLETE:
            self._failures = 0
            self._failed = self._limit + 1
            self._go_on()
            return
        self._failures += 1
        if self.phase is not SearchPhase.SEARCHING:
            if self._failures >= MAX_PROBES:
                self.phase = SearchPhase.ERROR
            self._probe(self._base)
        elif self._failures >= MAX_PROBES:
            self._complete()
        else:
            self._failed = self._probed
            self._go_on()

    # --- black holes ---

    def data_timed_out(self) -> None:
        """T3-rtx expired: if that goes on, long packets may no longer arrive."""
        # [rfc8899:4.3/1]
        self._timeouts += 1
        if self._timeouts >= _BLACK_HOLE_TIMEOUTS and self.size > self._context.config.max_packet_size:
            self.restart()

    def data_acknowledged(self) -> None:
        """Data arrive."""
        self._timeouts = 0
