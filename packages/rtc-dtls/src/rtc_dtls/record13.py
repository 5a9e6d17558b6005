"""The record layer's framing for protected records of DTLS 1.3: the unified header.

     0 1 2 3 4 5 6 7
    +-+-+-+-+-+-+-+-+------------------+-----------------+-----------+----------------------- - -
    |0|0|1|C|S|L|E E| connection ID    | sequence number | length    | ciphertext
    |               | (if C)           | (2 if S, else 1)| (2, if L) | (to the datagram's end without L)
    +-+-+-+-+-+-+-+-+------------------+-----------------+-----------+----------------------- - -

E are the low bits of the epoch, the sequence number is the low end of the whole one, and encrypted. The header with the
number in plain is the additional data of the AEAD. See :rfc:`9147#section-4`.
"""

from typing import Final

# [rfc9147:4.1/2]
FIXED_BITS: Final = 0b0010_0000
FIXED_MASK: Final = 0b1110_0000
CONNECTION_ID_BIT: Final = 0b0001_0000
SEQUENCE_BIT: Final = 0b0000_1000
LENGTH_BIT: Final = 0b0000_0100
EPOCH_MASK: Final = 0b0000_0011

MAX_CIPHERTEXT_LENGTH: Final = 2**14 + 256
"""Of :rfc:`8446#section-5.2`."""


class ProtectedRecord:
    """One record as received: framed, not yet decrypted."""

    __slots__ = ("connection_id", "fragment", "header", "sequence_at", "sequence_length")

    def __init__(
        self, header: bytes, connection_id: bytes, sequence_at: int, sequence_length: int, fragment: bytes
    ) -> None:
        self.header = header
        self.connection_id = connection_id
        """Empty if the header has none."""
        self.sequence_at = sequence_at
        """Where in the header the sequence number is."""
        self.sequence_length = sequence_length
        """Its bytes on the wire, 1 or 2."""
        self.fragment = fragment
        """Ciphertext and tag."""

    @property
    def epoch_bits(self) -> int:
        """The two low bits of the epoch."""
        return self.header[0] & EPOCH_MASK


def parse_protected(datagram: bytes, at: int, connection_id_length: int) -> tuple[ProtectedRecord | str, int]:
    """Cut a record out of a datagram.

    Args:
        datagram: What was received.
        at: Where the record begins; its fixed bits are right.
        connection_id_length: Of the connection IDs that we gave out, 0 if none were.

    Returns:
        The record and where the next one begins; in place of a record the reason why it cannot be read, which makes
        the rest of the datagram unreadable, too.
    """
    first = datagram[at]
    end = len(datagram)
    has_connection_id = bool(first & CONNECTION_ID_BIT)
    # [rfc9147:9/4]
    if has_connection_id and not connection_id_length:
        return "record_connection_id", end
    sequence_at = at + 1 + (connection_id_length if has_connection_id else 0)
    sequence_length = 2 if first & SEQUENCE_BIT else 1
    start = sequence_at + sequence_length
    # [rfc9147:4/3]
    if first & LENGTH_BIT:
        start += 2
        if start > end:
            return "record_truncated", end
        stop = start + (datagram[start - 2] << 8 | datagram[start - 1])
    else:
        stop = end
    if start > end or stop > end:
        return "record_truncated", end
    record = ProtectedRecord(
        header=datagram[at:start],
        connection_id=datagram[at + 1 : sequence_at],
        sequence_at=sequence_at - at,
        sequence_length=sequence_length,
        fragment=datagram[start:stop],
    )
    return record, stop


def closest_sequence_number(low: int, bits: int, expected: int) -> int:
    """Find the whole sequence number whose low ``bits`` are ``low`` and that is closest to the expected one."""
    # [rfc9147:4.2.2/1]
    size = 1 << bits
    ahead = (low - expected) & (size - 1)
    if ahead >= size >> 1 and expected + ahead >= size:
        ahead -= size
    return expected + ahead
