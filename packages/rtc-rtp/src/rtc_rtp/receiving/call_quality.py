"""What extended reports tell of a call as a whole: losses, bursts, delays, the jitter buffer (:rfc:`3611#section-4.7`)."""

from typing import Final

from rtc_rtp.receiving.bursts import GMIN, Bursts
from rtc_rtp.receiving.playout_clock import PlayoutClock
from rtc_rtp.rtcp.extended_statistics import VoipMetrics

USUAL_PACKET_TIME: Final = 0.02
"""Seconds of sound in a packet, before two in a row have told."""

LONGEST_PACKET_TIME: Final = 0.2
"""Seconds between two packets in a row beyond which one of them follows a silence that was not sent."""

ADAPTIVE_BUFFER: Final = 0x30
"""Receiver configuration: an adaptive jitter buffer; how it conceals losses and how fast it adapts is not told."""

_MAX_MS: Final = 0xFFFF


class CallQuality:
    """Sums up the packets of one stream of sound, from the first one on."""

    __slots__ = ("_bursts", "_discarded", "_latest", "_packet_time")

    def __init__(self) -> None:
        self._bursts = Bursts()
        self._discarded = 0
        self._latest: tuple[int, int] | None = None
        """Number and timestamp of the packet that came last."""

        self._packet_time = USUAL_PACKET_TIME

    def note(self, number: int, timestamp: int, clock_rate: int) -> None:
        """Learn from a packet how much sound there is in one."""
        # [rfc3611:4.7.2/3]
        if self._latest is not None and number == self._latest[0] + 1:
            seconds = (timestamp - self._latest[1] & 0xFFFF_FFFF) / clock_rate
            if 0 < seconds <= LONGEST_PACKET_TIME:
                self._packet_time = seconds
        self._latest = number, timestamp

    def count(self, *, came: bool, was_discarded: bool) -> None:
        """Count the next packet, in the order of numbers."""
        self._bursts.count(is_good=came and not was_discarded)
        self._discarded += was_discarded

    def metrics(self, ssrc: int, round_trip_time: float | None, playout: PlayoutClock | None) -> VoipMetrics:
        """Return the block.

        Args:
            ssrc: Of the stream.
            round_trip_time: Seconds, as measured last; None before that.
            playout: Of the jitter buffer; None if there is none.
        """
        bursts = self._bursts
        total = bursts.packets or 1
        densities, lengths = bursts.densities(), bursts.lengths()
        milliseconds = 1000 * self._packet_time
        # Levels and scores take a decoder, and stay unknown. [rfc3611:4.7.5/2]
        metrics = VoipMetrics(
            ssrc,
            # [rfc3611:4.7.1/1] [rfc3611:4.7.1/2] What comes after its report is lost, what comes after its time discarded.
            loss_rate=_rate((bursts.missing - self._discarded) / total),
            discard_rate=_rate(self._discarded / total),
            burst_density=_rate(densities[0]),
            gap_density=_rate(densities[1]),
            burst_duration_ms=_ms(lengths[0] * milliseconds),
            gap_duration_ms=_ms(lengths[1] * milliseconds),
            # [rfc3611:4.7.3/1]
            round_trip_delay_ms=_ms(1000 * (round_trip_time or 0.0)),
            # [rfc3611:4.7.6/1]
            gmin=GMIN,
        )
        if playout is not None:
            # [rfc3611:4.7.3/2] [rfc3611:4.7.6/2] [rfc3611:4.7.7/1] [rfc3611:4.7.7/2] [rfc3611:4.7.7/3] [rfc3611:4.7.7/4]
            metrics.receiver_configuration = ADAPTIVE_BUFFER
            metrics.end_system_delay_ms = metrics.jitter_buffer_nominal_ms = _ms(1000 * playout.delay)
            metrics.jitter_buffer_maximum_ms = _ms(1000 * max(playout.delay, playout.maximum))
            metrics.jitter_buffer_absolute_maximum_ms = metrics.jitter_buffer_maximum_ms
        return metrics


def _rate(part: float) -> int:
    return min(255, int(256 * part))


def _ms(milliseconds: float) -> int:
    return min(_MAX_MS, round(milliseconds))
