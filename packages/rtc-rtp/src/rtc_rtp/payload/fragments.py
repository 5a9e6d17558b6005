"""Cutting a bitstream into fragments of nearly equal length.

Equal packets of a frame are lost alike and protect each other best (FEC is as long as the longest), and a last tiny packet would
waste its headers.
"""

from typing import Final

MIN_PAYLOAD_LENGTH: Final = 64
"""The least that `packetize` must be allowed for a payload, bytes: room for every format's headers and some data."""


def fragment_lengths(length: int, limit: int, first_less: int = 0, last_less: int = 0) -> list[int]:
    """Return the lengths of the fewest fragments that hold `length` bytes, all equal but the last, which may be a little shorter.

    Such packets can leave the machine together: a kernel that cuts one large buffer to datagrams makes equal ones, and one rest.

    Args:
        length: Bytes to cut, at least 1.
        limit: The most that one fragment may hold.
        first_less: How much less than `limit` the first may hold.
        last_less: How much less than `limit` the last may hold.

    Returns:
        What each holds; the first and the last shorter by what they can hold less, so that packets are of equal length.
    """
    total = length + first_less + last_less
    if total <= limit:
        return [length]
    each = fragment_length(total, limit)
    count = -(-total // each)
    lengths = [each] * count
    lengths[-1] -= each * count - total
    if first_less or last_less:
        _shorten(lengths, first_less, last_less)
    return lengths


def fragment_length(length: int, limit: int) -> int:
    """Return the length of each of the fewest fragments that hold `length` bytes, but of the last, which may be a little shorter.

    Args:
        length: Bytes to cut, at least 1.
        limit: The most that one fragment may hold.
    """
    count = -(-length // limit)
    return -(-length // count)


def _shorten(lengths: list[int], first_less: int, last_less: int) -> None:
    """Take from the first and the last what they can hold less, and from the longest what they then lack of their one byte."""
    lengths[0] -= first_less
    lengths[-1] -= last_less
    for at in (0, -1):
        while lengths[at] < 1:
            lengths[lengths.index(max(lengths))] -= 1
            lengths[at] += 1


def check_limit(max_payload_length: int) -> None:
    """Raise ValueError if a payload format would have no room."""
    if max_payload_length < MIN_PAYLOAD_LENGTH:
        raise ValueError(f"payloads need at least {MIN_PAYLOAD_LENGTH} bytes, not {max_payload_length}")
