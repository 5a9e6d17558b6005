"""Handshake messages before their bodies are looked at. See :rfc:`6347#section-4.2.2`, :rfc:`9147#section-5.2`.

 0      1          4             6                9                12
+------+----------+-------------+----------------+----------------+------ - -
| type |  length  | message_seq | fragment       | fragment       | fragment
|      |  (whole) |             | offset         | length         |
+------+----------+-------------+----------------+----------------+------ - -
"""

from enum import IntEnum
from typing import Final, Self

from .errors import ParseError
from .presentation import vector

FRAGMENT_HEADER_LENGTH: Final = 12


class HandshakeType(IntEnum):
    """The messages of both versions."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    NEW_SESSION_TICKET = 4
    ENCRYPTED_EXTENSIONS = 8
    REQUEST_CONNECTION_ID = 9
    NEW_CONNECTION_ID = 10
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20
    KEY_UPDATE = 24
    MESSAGE_HASH = 254


class Fragment:
    """A piece of a handshake message, possibly the whole."""

    __slots__ = ("data", "length", "message_seq", "message_type", "offset")

    def __init__(self, message_type: int, length: int, message_seq: int, offset: int, data: bytes) -> None:
        self.message_type = message_type
        self.length = length
        """Bytes of the whole message's body."""
        self.message_seq = message_seq
        self.offset = offset
        self.data = data

    @classmethod
    def parse(cls, payload: bytes, at: int = 0) -> tuple[Self, int]:
        """Parse one fragment of a record's content, which may hold several.

        Returns:
            The fragment, and where the next one begins.

        Raises:
            ParseError: It is truncated, or reaches beyond the message it says it belongs to.
        """
        start = at + FRAGMENT_HEADER_LENGTH
        header = payload[at:start]
        if len(header) < FRAGMENT_HEADER_LENGTH:
            raise ParseError(f"a handshake header is {FRAGMENT_HEADER_LENGTH} bytes, got {len(header)}")
        length = int.from_bytes(header[1:4], "big")
        message_seq = int.from_bytes(header[4:6], "big")
        offset = int.from_bytes(header[6:9], "big")
        fragment_length = int.from_bytes(header[9:12], "big")
        data = payload[start : start + fragment_length]
        if len(data) < fragment_length:
            raise ParseError(f"a fragment of {fragment_length} bytes, only {len(data)} arrived")
        if offset + fragment_length > length:
            raise ParseError(f"bytes {offset} to {offset + fragment_length} of a message of {length}")
        return cls(header[0], length, message_seq, offset, data), start + fragment_length

    def __bytes__(self) -> bytes:
        # [rfc6347:4.2.2/1] [rfc6347:4.2.3/5]
        return (
            self.message_type.to_bytes(1, "big")
            + self.length.to_bytes(3, "big")
            + self.message_seq.to_bytes(2, "big")
            + self.offset.to_bytes(3, "big")
            + len(self.data).to_bytes(3, "big")
            + self.data
        )


class HandshakeMessage:
    """A whole message; `bytes()` gives it as one fragment, which is what the transcript of DTLS 1.2 wants."""

    __slots__ = ("body", "epoch", "message_seq", "message_type", "outstanding")

    def __init__(self, message_type: int, message_seq: int, body: bytes, epoch: int) -> None:
        self.message_type = message_type
        self.message_seq = message_seq
        self.body = body
        self.epoch = epoch
        """The epoch it is sent in, or the one that all its fragments arrived in."""
        self.outstanding: list[tuple[int, int]] = [(0, len(body))]
        """Of one that is sent, the bytes that the peer has not acknowledged: from, to."""

    def fragment(self, offset: int, length: int) -> Fragment:
        """Cut a piece out."""
        piece = self.body[offset : offset + length]
        return Fragment(self.message_type, len(self.body), self.message_seq, offset, piece)

    def acknowledge(self, start: int, end: int) -> bool:
        """Take note that the peer has these bytes; whether that is new."""
        before = self.outstanding
        # [rfc9147:7.2/1]
        self.outstanding = [
            part
            for low, high in before
            for part in ((low, min(high, start)), (max(low, end), high))
            if part[0] < part[1]
        ]
        return self.outstanding != before

    def without_dtls_fields(self) -> bytes:
        """As in TLS, which is what the transcript of DTLS 1.3 wants. See :rfc:`9147#section-5.2`."""
        # [rfc9147:5.2/1]
        return tls_message(self.message_type, self.body)

    def __bytes__(self) -> bytes:
        return bytes(self.fragment(0, len(self.body)))


def tls_message(message_type: int, body: bytes) -> bytes:
    """Encode a message as TLS does: without number, offset and length of a fragment."""
    return message_type.to_bytes(1, "big") + vector(3, body)


def message_name(message_type: int) -> str:
    """Name a message type for people, such as ``client_hello``."""
    try:
        return HandshakeType(message_type).name.lower()
    except ValueError:
        return f"handshake_{message_type}"
