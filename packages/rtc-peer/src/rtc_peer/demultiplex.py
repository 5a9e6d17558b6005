"""Telling apart the protocols that share one port, by their first byte (RFC 7983).

::

    first byte   0 ..   3   STUN
                16 ..  19   ZRTP
                20 ..  63   DTLS
                64 ..  79   TURN channel data
               128 .. 191   RTP and RTCP
               all others   nothing we know
"""

from __future__ import annotations

import enum
from typing import Final


class PacketKind(enum.Enum):
    """What a datagram carries, judged by its first byte."""

    STUN = "stun"
    ZRTP = "zrtp"
    DTLS = "dtls"
    TURN_CHANNEL = "turn-channel"
    RTP = "rtp"
    """RTP or RTCP; RFC 5761 tells how to part these."""
    UNKNOWN = "unknown"


DTLS_FIRST: Final = 20
DTLS_LAST: Final = 63
"""The closed range of first bytes that belong to DTLS; hot paths compare with it instead of calling `classify`."""

STUN_LAST: Final = 3
CHANNEL_FIRST: Final = 64
CHANNEL_LAST: Final = 79
RTP_FIRST: Final = 128
RTP_LAST: Final = 191


def _kind(first_byte: int) -> PacketKind:
    # [rfc9143:8.1/1]
    if first_byte <= STUN_LAST:
        return PacketKind.STUN
    if 16 <= first_byte <= 19:
        return PacketKind.ZRTP
    if DTLS_FIRST <= first_byte <= DTLS_LAST:
        return PacketKind.DTLS
    if CHANNEL_FIRST <= first_byte <= CHANNEL_LAST:
        return PacketKind.TURN_CHANNEL
    if RTP_FIRST <= first_byte <= RTP_LAST:
        return PacketKind.RTP
    return PacketKind.UNKNOWN


_KINDS: Final = tuple(_kind(first_byte) for first_byte in range(256))


def classify(data: bytes) -> PacketKind:
    """Return what a datagram carries.

    Args:
        data: The payload of the datagram. Nothing but its first byte is looked at; an empty one is of no known kind.

    See :rfc:`7983#section-7`.
    """
    return _KINDS[data[0]] if data else PacketKind.UNKNOWN
