"""Timestamps of the Network Time Protocol, as sender reports carry them (:rfc:`3550#section-4`)."""

from typing import Final

NTP_EPOCH_OFFSET: Final = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970, where Unix does."""
_FRACTION: Final = 1 << 32


def ntp_timestamp(wall_clock: float) -> int:
    """Return the 64-bit timestamp of a time.

    Args:
        wall_clock: Seconds since 1970, UTC.
    """
    return int((wall_clock + NTP_EPOCH_OFFSET) * _FRACTION) & 0xFFFF_FFFF_FFFF_FFFF


def ntp_to_wall_clock(timestamp: int) -> float:
    """Return seconds since 1970, UTC; to a microsecond, as a float of such a size goes."""
    return timestamp / _FRACTION - NTP_EPOCH_OFFSET


def ntp_middle(timestamp: int) -> int:
    """Return the middle 32 bits of a 64-bit timestamp, units of 1/65,536 second; reports refer to others by them."""
    return timestamp >> 16 & 0xFFFF_FFFF


def seconds_to_short(seconds: float) -> int:
    """Return a duration in units of 1/65,536 second, clamped to the 32 bits that reports have for it."""
    return min(max(round(seconds * 65536), 0), 0xFFFF_FFFF)


def short_to_seconds(units: int) -> float:
    """Return the seconds of a duration in units of 1/65,536 second."""
    return units / 65536
