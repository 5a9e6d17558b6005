"""Packets on a byte stream: each behind its length (:rfc:`4571#section-2`).

::

     0                   1
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
    +-------------------------------+
    |     length of the packet      |
    +-------------------------------+
    |  packet: STUN, DTLS, RTP ...  |
"""

from typing import Final

from rtc_ice.errors import ParseError

MAX_FRAME_LENGTH: Final = 0xFFFF
"""Bytes of the largest packet."""

_LENGTH_FIELD: Final = 2


def frame(packet: bytes) -> bytes:
    """Put a packet behind its length.

    Raises:
        ValueError: It has more than 65,535 bytes.
    """
    if len(packet) > MAX_FRAME_LENGTH:
        raise ValueError(f"a packet of {len(packet)} bytes does not fit into a frame")
    # [rfc4571:2/1] [rfc4571:2/2]
    return len(packet).to_bytes(_LENGTH_FIELD) + packet


class FrameBuffer:
    """Cuts a byte stream into packets. It holds less than one frame between calls."""

    __slots__ = ("_buffer", "max_length")

    def __init__(self, *, max_length: int = MAX_FRAME_LENGTH) -> None:
        self.max_length = max_length
        """Bytes of the largest packet to put up with."""
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read and return the packets that it completes; empty ones, which mean nothing, are left out.

        Raises:
            ParseError: A packet is longer than what is put up with. Nothing after it is looked at: close the stream.
        """
        buffer = self._buffer + data
        packets: list[bytes] = []
        at = 0
        while len(buffer) - at >= _LENGTH_FIELD:
            length = buffer[at] << 8 | buffer[at + 1]
            if length > self.max_length:
                raise ParseError(f"a packet of {length} bytes is more than {self.max_length}")
            end = at + _LENGTH_FIELD + length
            if len(buffer) < end:
                break
            # [rfc4571:2/3] [rfc4571:8/1]
            if length:
                packets.append(buffer[at + _LENGTH_FIELD : end])
            at = end
        self._buffer = buffer[at:]
        return packets
