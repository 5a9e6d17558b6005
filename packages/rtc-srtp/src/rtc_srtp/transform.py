"""What a protection profile does to a packet, whoever keeps count of packets.

A transform turns packets of one master key into protected ones and back. It is told which packet it is by its *number*: SSRC,
roll-over counter and sequence number side by side, or SSRC and the index of an RTCP packet.

::

       80              48              16             0
        +---------------+---------------+-------------+
        |     SSRC      |      ROC      |     SEQ     |     RTP: the packet index is ROC and SEQ
        +---------------+-+-------------+-------------+
        |     SSRC      |       0       | SRTCP index |     RTCP: 31 bits
        +---------------+---------------+-------------+

Both counter mode and GCM make their initialization vector of it, and of the session salt. It must not come twice.

Transforms stand around each other: counter mode or GCM inside, around it what encrypts header extensions, Cryptex, and
what names the master key.
"""

from typing import Final, Protocol

RTCP_CLEAR_LENGTH: Final = 8
"""The first header of a compound packet stays readable: the receiver finds the key by its SSRC."""
SRTCP_INDEX_LENGTH: Final = 4
ENCRYPTED_FLAG: Final = 1 << 31
"""E, the bit beside the index of an SRTCP packet."""
SRTCP_INDEX_MASK: Final = ENCRYPTED_FLAG - 1


class Transform(Protocol):
    """Protects and unprotects the packets of one master key."""

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """Encrypt what follows the header, and authenticate all."""
        ...

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """Undo `protect`.

        Raises:
            UnprotectError: It is not what `protect` returned for this number and key.
        """
        ...

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """Encrypt what follows the first 8 bytes if `encrypt` says so, authenticate all, and append the index."""
        ...

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """Undo `protect_rtcp`.

        Raises:
            UnprotectError: It is not what `protect_rtcp` returned for this number and key.
        """
        ...

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """Return the flag E and the index of a protected RTCP packet, which is long enough."""
        ...


class PacketCipher(Transform, Protocol):
    """Counter mode or GCM, with steps that can be taken one by one where not all that is encrypted stands together."""

    def encrypt(self, number: int, clear: bytes, secret: bytes, /) -> bytes:
        """Return `secret` encrypted; an AEAD also authenticates both, and returns its tag with it."""
        ...

    def authenticate(self, number: int, packet: bytes, /) -> bytes:
        """Return the packet with the authentication tag of an algorithm that does only that, or as it is."""
        ...

    def verify(self, number: int, packet: bytes, /) -> bytes:
        """Undo `authenticate`.

        Raises:
            AuthenticationError: The tag is wrong.
        """
        ...

    def decrypt(self, number: int, clear: bytes, secret: bytes, /) -> bytes:
        """Undo `encrypt`.

        Raises:
            AuthenticationError: It is an AEAD, and the tag is wrong.
        """
        ...
