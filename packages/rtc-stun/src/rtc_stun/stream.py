"""STUN over a byte stream: messages follow each other without further framing (:rfc:`8489#section-6.2.2`)."""

from typing import Final

from rtc_stun.attribute import MAGIC_COOKIE
from rtc_stun.errors import ParseError
from rtc_stun.message import HEADER_LENGTH

MAX_MESSAGE_LENGTH: Final = 0xFFFF + HEADER_LENGTH

_COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")


class StreamBuffer:
    """Cut a byte stream into STUN messages. It holds less than one message between calls."""

    __slots__ = ("_buffer", "_max_message_length")

    def __init__(self, *, max_message_length: int = MAX_MESSAGE_LENGTH) -> None:
        """Begin with an empty stream.

        Args:
            max_message_length: Bytes of the largest message to put up with, its header included.
        """
        self._buffer = b""
        self._max_message_length = max_message_length

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read and return the messages it completes, for `Message.parse`.

        Complete messages are never lost to what follows them: the fault behind them is raised by the next call, even
        if that feeds nothing. Call until the list is empty to learn of it at once.

        Raises:
            ParseError: What comes next is not STUN, or is too large. Nothing after it makes sense: close the stream.
        """
        buffer = self._buffer + data
        messages: list[bytes] = []
        offset = 0
        while len(buffer) - offset >= HEADER_LENGTH:
            length = HEADER_LENGTH + (buffer[offset + 2] << 8 | buffer[offset + 3])
            if buffer[offset] > 0x3F or buffer[offset + 4 : offset + 8] != _COOKIE_BYTES or length & 3:
                fault = "the stream does not continue with a STUN message"
            elif length > self._max_message_length:
                fault = f"a message of {length} bytes is more than the {self._max_message_length} allowed"
            else:
                fault = None
            if fault is not None and not messages:
                raise ParseError(fault)
            if fault is not None or len(buffer) - offset < length:
                break
            messages.append(buffer[offset : offset + length])
            offset += length
        self._buffer = buffer[offset:]
        return messages
