"""ChannelData messages, and the byte stream in which they take turns with STUN (:rfc:`8656#section-12.4`).

::

    | channel number, 16 bits | length of the data, 16 bits | data ... | padding

Padding to a multiple of four is for streams, where the next message follows; the length does not count it.
"""

from typing import Final

from rtc_stun import HEADER_LENGTH, MAGIC_COOKIE
from rtc_turn.errors import ParseError

FIRST_CHANNEL: Final = 0x4000
LAST_CHANNEL: Final = 0x4FFF
LAST_CHANNEL_OF_RFC5766: Final = 0x7FFF
"""Older clients take their numbers from a range that collides with other protocols of a port (:rfc:`7983#section-7`)."""
FIRST_CHANNEL_BYTE: Final = FIRST_CHANNEL >> 8
CHANNEL_HEADER_LENGTH: Final = 4
MAX_DATA_LENGTH: Final = 0xFFFF

_COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


def is_channel_data(data: bytes, *, last_channel: int = LAST_CHANNEL) -> bool:
    """Tell by the first byte whether a datagram holds ChannelData."""
    # [rfc8656:12/3]
    return bool(data) and FIRST_CHANNEL_BYTE <= data[0] <= last_channel >> 8


def pack_channel_data(number: int, data: bytes, *, pad: bool) -> bytes:
    """Return the wire form of a ChannelData message.

    Args:
        number: That of a bound channel.
        data: 0 to 65535 bytes.
        pad: Whether it goes into a stream.

    Raises:
        ValueError: Number or length are out of range.
    """
    length = len(data)
    if not FIRST_CHANNEL <= number <= LAST_CHANNEL_OF_RFC5766 or length > MAX_DATA_LENGTH:
        raise ValueError(f"there is no channel 0x{number:04x} with {length} bytes")
    # [rfc8656:12.5/2] Over datagrams padding is allowed, and serves nobody.
    padding = _PADDING[length & 3] if pad else b""
    return number.to_bytes(2, "big") + length.to_bytes(2, "big") + data + padding


def unpack_channel_data(message: bytes, *, last_channel: int = LAST_CHANNEL) -> tuple[int, bytes]:
    """Return number and data of a ChannelData message; what follows the data is padding.

    Raises:
        ParseError: It is shorter than it says, or the number is none of a channel.

    See :rfc:`8656#section-12.6`.
    """
    if len(message) < CHANNEL_HEADER_LENGTH:
        raise ParseError(f"ChannelData has at least 4 bytes, not {len(message)}")
    number = message[0] << 8 | message[1]
    end = CHANNEL_HEADER_LENGTH + (message[2] << 8 | message[3])
    if not FIRST_CHANNEL <= number <= last_channel:
        raise ParseError(f"0x{number:04x} is not the number of a channel")
    if len(message) < end:
        raise ParseError(f"ChannelData of {end} bytes is cut to {len(message)}")
    return number, message[CHANNEL_HEADER_LENGTH:end]


class TurnStreamBuffer:
    """Cut a byte stream into STUN messages and ChannelData. It holds less than one message between calls."""

    __slots__ = ("_buffer", "_last_channel_byte", "_max_message_length")

    def __init__(
        self, *, max_message_length: int = MAX_DATA_LENGTH + HEADER_LENGTH, last_channel: int = LAST_CHANNEL
    ) -> None:
        """Begin with an empty stream.

        Args:
            max_message_length: Bytes of the largest message to put up with, its header included.
            last_channel: The highest number that a channel may have.
        """
        self._last_channel_byte = last_channel >> 8
        self._buffer = b""
        self._max_message_length = max_message_length

    @property
    def is_empty(self) -> bool:
        """Whether everything was part of a message that is complete."""
        return not self._buffer

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read and return the messages it completes; `is_channel_data` tells the two kinds apart.

        Complete messages are never lost to what follows them: the fault behind them is raised by the next call, even
        if that feeds nothing. Call until the list is empty to learn of it at once.

        Raises:
            ParseError: What comes next is neither, or is too large. Nothing after it makes sense: close the stream.
        """
        buffer = self._buffer + data
        messages: list[bytes] = []
        offset = 0
        while len(buffer) - offset >= CHANNEL_HEADER_LENGTH:
            first = buffer[offset]
            length = buffer[offset + 2] << 8 | buffer[offset + 3]
            if FIRST_CHANNEL_BYTE <= first <= self._last_channel_byte:
                # [rfc8656:12.5/2] In a stream the padding is there whatever the length says.
                whole = CHANNEL_HEADER_LENGTH + length + (-length & 3)
                is_sound = True
            else:
                whole = HEADER_LENGTH + length
                cookie = buffer[offset + 4 : offset + 8]
                is_sound = first <= 0x3F and not length & 3 and _COOKIE_BYTES.startswith(cookie)
            if not is_sound or whole > self._max_message_length:
                if messages:
                    break
                raise ParseError("the stream does not continue with a message that is bearable")
            if len(buffer) - offset < whole:
                break
            messages.append(buffer[offset : offset + whole])
            offset += whole
        self._buffer = buffer[offset:]
        return messages
