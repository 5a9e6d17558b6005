"""As much of RTP and RTCP packets as their protection has to know.

::

        0                   1                   2                   3
        0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
       +---+-+-+-------+-+-------------+-------------------------------+
       |V=2|P|X|  CC   |M|     PT      |             SEQ               |
       +---+-+-+-------+-+-------------+-------------------------------+
       |                           timestamp                           |
       +---------------------------------------------------------------+
       |                             SSRC                              |
       +---------------------------------------------------------------+
       |                       CC times a CSRC                         |
       +-------------------------------+-------------------------------+  with X
       |           profile             |   length in 32-bit words      |
       +-------------------------------+-------------------------------+
       |                       header extension                        |
       +---------------------------------------------------------------+
       |                          payload ...                          |

See :rfc:`3550#section-5.1`.
"""

from struct import Struct
from struct import error as struct_error
from typing import Final

from .errors import ParseError

FIXED_LENGTH: Final = 12
EXTENSION_HEADER_LENGTH: Final = 4
MAX_LENGTH: Final = 0xFFFF
"""No transport carries longer packets. Counter mode has room for sixteen times as much."""
ONE_BYTE_PROFILE: Final = b"\xbe\xde"
"""Marks a header extension of elements with one byte of ID and length. See :rfc:`8285#section-4.2`."""
TWO_BYTE_PROFILE: Final = b"\x10\x00"
"""The same with two bytes; the last four bits may differ. See :rfc:`8285#section-4.3`."""

PLAIN: Final = 0x80
"""The first byte of the most common packets: version 2, no padding, no extension, no contributing sources."""
EXTENDED: Final = 0x90
"""The same with an extension."""
EXTENDED_LENGTH: Final = FIXED_LENGTH + EXTENSION_HEADER_LENGTH
COMMON_HEADER: Final = Struct("!BxH4xI2xH").unpack_from
"""Returns first byte, sequence number, SSRC, and the length of the extension, in words, of a packet that is `EXTENDED`."""

_FIXED: Final = Struct("!BxH4xI").unpack_from
_EXTENSION_WORDS: Final = Struct("!2xH").unpack_from


def parse_header(packet: bytes) -> tuple[int, int, int]:
    """Return SSRC, sequence number, and how many bytes come before the payload.

    Raises:
        ParseError: It is not an RTP packet, or shorter than its header says.
    """
    try:
        first, sequence_number, ssrc = _FIXED(packet)
        length = FIXED_LENGTH + 4 * (first & 0x0F)
        if first & 0x10:
            length += EXTENSION_HEADER_LENGTH + 4 * _EXTENSION_WORDS(packet, length)[0]
    except struct_error:
        raise ParseError(f"the packet of {len(packet)} bytes ends within its header") from None
    if first >> 6 != 2:
        raise ParseError(f"RTP has version 2, not {first >> 6}")
    if length > len(packet):
        raise ParseError(f"the header has {length} bytes, only {len(packet)} arrived")
    return ssrc, sequence_number, length


def csrcs_end(packet: bytes) -> int:
    """Return where the list of contributing sources ends, and the extension begins if there is one."""
    return FIXED_LENGTH + 4 * (packet[0] & 0x0F)


def parse_rtcp_ssrc(packet: bytes, overhead: int = 0) -> int:
    """Return the SSRC of the first header of a compound RTCP packet with `overhead` bytes of protection.

    Raises:
        ParseError: It cannot be one.
    """
    if len(packet) < 8 + overhead:
        raise ParseError(f"an RTCP packet has at least {8 + overhead} bytes here, not {len(packet)}")
    if packet[0] >> 6 != 2:
        raise ParseError(f"RTCP has version 2, not {packet[0] >> 6}")
    return int.from_bytes(packet[4:8])
