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
from typing import Final

from .errors import ParseError

FIXED_LENGTH: Final = 12
EXTENSION_HEADER_LENGTH: Final = 4
SEQUENCE_NUMBER_AND_SSRC: Final = Struct("!2xH4xI").unpack_from


def header_length(packet: bytes) -> int:
    """Return how many bytes of an RTP packet come before its payload.

    Raises:
        ParseError: It is not an RTP packet, or shorter than its header says.
    """
    if len(packet) < FIXED_LENGTH:
        raise ParseError(f"an RTP packet has at least {FIXED_LENGTH} bytes, not {len(packet)}")
    first = packet[0]
    if first >> 6 != 2:
        raise ParseError(f"RTP has version 2, not {first >> 6}")
    length = csrcs_end(packet)
    if first & 0x10:
        length += EXTENSION_HEADER_LENGTH
        length += 4 * int.from_bytes(packet[length - 2 : length], "big")
    if length > len(packet):
        raise ParseError(f"the header has {length} bytes, only {len(packet)} arrived")
    return length


def csrcs_end(packet: bytes) -> int:
    """Return where the list of contributing sources ends, and the extension begins if there is one."""
    return FIXED_LENGTH + 4 * (packet[0] & 0x0F)


def rtcp_ssrc(packet: bytes) -> int:
    """Return the SSRC of the first header of a compound packet."""
    return int.from_bytes(packet[4:8], "big")


def check_rtcp(packet: bytes, overhead: int = 0) -> None:
    """Refuse what cannot be an RTCP packet with `overhead` bytes of protection.

    Raises:
        ParseError: It is not.
    """
    if len(packet) < 8 + overhead:
        raise ParseError(f"an RTCP packet has at least {8 + overhead} bytes here, not {len(packet)}")
    if packet[0] >> 6 != 2:
        raise ParseError(f"RTCP has version 2, not {packet[0] >> 6}")
