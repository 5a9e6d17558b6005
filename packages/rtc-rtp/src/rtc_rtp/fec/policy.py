"""How much parity a stream needs: what retransmission cannot repair in time."""

from typing import Final

MAX_PROTECTION: Final = 0.5
"""Parity packets for each packet, at most: more would rather take the bitrate that was too much."""
PARITY_FOR_LOSS: Final = 2.0
"""Parity for each lost packet: losses come in bursts."""
LEAST_LOSS: Final = 0.01
FAST_ROUND_TRIP: Final = 0.02
"""Seconds below which retransmission repairs everything in time."""
SLOW_ROUND_TRIP: Final = 0.1
"""Seconds above which it repairs nothing in time."""


def protection_against(fraction_lost: float, *, round_trip_time: float | None, retransmits: bool) -> float:
    """Return the `FecSender.protection` that losses call for.

    As in libwebrtc parity and retransmission share the work: the longer a repair takes, the more parity.

    Args:
        fraction_lost: What receiver reports tell, 0 to 1.
        round_trip_time: Seconds; None: not known yet.
        retransmits: Whether lost packets are sent again when asked for (NACK).
    """
    if fraction_lost < LEAST_LOSS:
        return 0.0
    needed = min(PARITY_FOR_LOSS * fraction_lost, MAX_PROTECTION)
    if not retransmits:
        return needed
    if round_trip_time is None:
        return 0.0
    # [rfc8854:8/1]
    late = (round_trip_time - FAST_ROUND_TRIP) / (SLOW_ROUND_TRIP - FAST_ROUND_TRIP)
    return needed * min(max(late, 0.0), 1.0)
