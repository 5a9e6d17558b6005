"""What a protection profile does to a packet, whoever keeps count of packets.

A transform turns packets of one master key into protected ones and back. It is told which packet it is by its *number*: SSRC,
roll-over counter and sequence number side by side, or SSRC and the index of an RTCP packet.

::

       80              48              16             0
        +---------------+---------------+-------------+
        |     SSRC      |      ROC      |     SEQ     |     RTP: the packet index is ROC and SEQ
        +---------------+-+-------------+-------------+
        |     SSRC      |0| 0 |       SRTCP index     |     RTCP
        +---------------+---+-------------------------+

Both counter mode and GCM make their initialization vector of it, and of the session salt. It must not come twice.
"""

from typing import Final, Protocol

RTCP_CLEAR_LENGTH: Final = 8
"""The first header of a compound packet stays readable: the receiver finds the key by its SSRC."""
SRTCP_INDEX_LENGTH: Final = 4
ENCRYPTED_FLAG: Final = 1 << 31
"""E, the bit beside the index of an SRTCP packet."""
SRTCP_INDEX_MASK: Final = ENCRYPTED_FLAG - 1


class Transform(Protocol):
    """Protects and unprotects the packets of one master key, without its identifier."""

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """Encrypt what follows the header, and authenticate all."""
        ...

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """Undo `protect`.

        Raises:
            AuthenticationError: It is not what `protect` returned for this number and key.
        """
        ...

    def protect_rtcp(self, number: int, packet: bytes, *, encrypt: bool) -> bytes:
        """Encrypt what follows the first 8 bytes if `encrypt` says so, authenticate all, and append the index."""
        ...

    def unprotect_rtcp(self, number: int, packet: bytes, word: bytes) -> bytes:
        """Undo `protect_rtcp`; `word` is the flag and index as `rtcp_word` found them.

        Raises:
            AuthenticationError: It is not what `protect_rtcp` returned for this number and key.
        """
        ...

    def rtcp_word(self, packet: bytes) -> bytes:
        """Return the 4 bytes with the flag E and the index."""
        ...
