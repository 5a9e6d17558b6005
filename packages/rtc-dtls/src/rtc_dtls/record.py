"""The record layer's framing for DTLS 1.2 and for every plaintext record, and the way through a datagram.

     0      1          3         5                     11        13
    +------+----------+---------+---------------------+---------+---------- - -
    | type | version  |  epoch  |  sequence number    | length  | fragment
    +------+----------+---------+---------------------+---------+---------- - -
                      '------ one 64-bit number ------'

Epoch and sequence number are read as one integer, `number`, because that is how nonces and additional data use them.
Protected records of DTLS 1.3 look otherwise, see `record13.py`. See :rfc:`6347#section-4.1`, :rfc:`9147#section-4.1`.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from .record13 import FIXED_BITS, FIXED_MASK, ProtectedRecord, parse_protected
from .version import Version

# [rfc6347:4.1/1]
HEADER: Final = Struct(">BHQH")
HEADER_LENGTH: Final = HEADER.size
# [rfc6347:4.1.1.1/3] [rfc5246:6.2.1/2]
MAX_PLAINTEXT_LENGTH: Final = 2**14
# [rfc5246:6.2.3/1]
MAX_CIPHERTEXT_LENGTH: Final = 2**14 + 2048
MAX_SEQUENCE_NUMBER: Final = 2**48 - 1

_unpack_header = HEADER.unpack_from


# [rfc5246:6/1]
class ContentType(IntEnum):
    """What a record carries."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    ACK = 26


TLS12_CID: Final = 25
"""Content type of a protected record of DTLS 1.2 that has a connection ID; what it is otherwise is inside."""


class Record:
    """One record as received: framed, not yet decrypted."""

    __slots__ = ("connection_id", "content_type", "fragment", "number", "version")

    def __init__(
        self, content_type: int, version: int, number: int, fragment: bytes, connection_id: bytes = b""
    ) -> None:
        self.connection_id = connection_id
        """Empty if it has none."""
        self.content_type = content_type
        self.version = version
        self.number = number
        self.fragment = fragment

    @property
    def epoch(self) -> int:
        """The upper 16 bits of `number`."""
        return self.number >> 48

    @property
    def sequence_number(self) -> int:
        """The lower 48 bits of `number`."""
        return self.number & MAX_SEQUENCE_NUMBER

    def __bytes__(self) -> bytes:
        return HEADER.pack(self.content_type, self.version, self.number, len(self.fragment)) + self.fragment


class Opened:
    """What was inside a record."""

    __slots__ = ("content", "content_type", "number")

    def __init__(self, content_type: int, content: bytes, number: int) -> None:
        self.content_type = content_type
        self.content = content
        self.number = number
        """Epoch and sequence number as one."""

    @property
    def epoch(self) -> int:
        """The upper bits of `number`."""
        return self.number >> 48


_FRAMED: Final = frozenset(ContentType)


def split_datagram(datagram: bytes, expected_id: bytes = b"") -> tuple[list[Record | ProtectedRecord], list[str]]:
    """Cut a datagram into its records.

    Args:
        datagram: What was received.
        expected_id: The connection ID that we gave out, empty if there is none.

    Returns:
        The well-formed records, and why others were dropped. Behind a bad length, a content type whose header we do
        not know and the connection ID of another association, nothing is looked at.
    """
    connection_id_length = len(expected_id)
    dropped: list[str] = [] if datagram else ["datagram_empty"]
    records: list[Record | ProtectedRecord] = []
    at = 0
    # [rfc6347:4.1.1/3] [rfc9147:4.3/3]
    while at < len(datagram):
        # [rfc9147:4.1/2]
        if datagram[at] & FIXED_MASK == FIXED_BITS:
            protected, at = parse_protected(datagram, at, connection_id_length)
            if isinstance(protected, str):
                dropped.append(protected)
            elif protected.connection_id and protected.connection_id != expected_id:
                # [rfc9147:4/7]
                dropped.append("record_connection_id")
                break
            else:
                records.append(protected)
            continue
        if len(datagram) - at < HEADER_LENGTH:
            dropped.append("record_truncated")
            break
        content_type, version, number, length = _unpack_header(datagram, at)
        start = at + HEADER_LENGTH
        connection_id = b""
        # [rfc9146:3/1]
        if content_type == TLS12_CID and connection_id_length:
            connection_id = datagram[start - 2 : start - 2 + connection_id_length]
            start += connection_id_length
            length = int.from_bytes(datagram[start - 2 : start], "big")
            if connection_id != expected_id:
                dropped.append("record_connection_id")
                break
        at = start + length
        # [rfc9147:4.1/1] [rfc9147:4.1/3]
        if content_type not in _FRAMED and not connection_id:
            dropped.append("record_unknown_type")
            break
        if at > len(datagram):
            dropped.append("record_truncated")
            break
        # [rfc5246:E.1/5]
        if version >> 8 != Version.DTLS_1_2 >> 8:
            dropped.append("record_wrong_version")
        elif length > MAX_CIPHERTEXT_LENGTH:
            dropped.append("record_too_long")
        else:
            records.append(Record(content_type, version, number, datagram[start:at], connection_id))
    return records, dropped
