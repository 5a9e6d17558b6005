"""What a user message means: payload protocol identifiers. See :rfc:`8831#section-6.6` and :rfc:`8831#section-8`."""

from enum import IntEnum
from typing import Final, TypeAlias


class Ppid(IntEnum):
    """Payload protocol identifiers of WebRTC."""

    DCEP = 50
    STRING = 51
    BINARY_PARTIAL = 52
    """Deprecated: a piece of a binary message, more follows."""

    BINARY = 53
    STRING_PARTIAL = 54
    """Deprecated: a piece of a text, more follows."""

    STRING_EMPTY = 56
    BINARY_EMPTY = 57


# Plain integers: members of an enum are slower to find and to compare.
_STRING: Final = int(Ppid.STRING)
_BINARY: Final = int(Ppid.BINARY)
_STRING_EMPTY: Final = int(Ppid.STRING_EMPTY)
_BINARY_EMPTY: Final = int(Ppid.BINARY_EMPTY)


Data: TypeAlias = str | bytes | bytearray | memoryview
"""What an application may send; bytes-like data are copied, bytes are not."""

EMPTY_PAYLOAD: Final = b"\0"
"""SCTP has no empty messages: an empty one is this byte under an identifier of its own."""


def encode(data: Data) -> tuple[int, bytes]:
    """Give a message its payload protocol identifier and its bytes on the wire.

    Raises:
        ValueError: The text has lone surrogates and so no UTF-8 form.
        TypeError: ``data`` is neither text nor bytes-like.
    """
    # [rfc8831:6.6/4]
    if type(data) is bytes and data:
        return _BINARY, data
    if isinstance(data, str):
        return (_STRING, data.encode()) if data else (_STRING_EMPTY, EMPTY_PAYLOAD)
    if isinstance(data, (bytes, bytearray, memoryview)):
        return (_BINARY, bytes(data)) if len(data) else (_BINARY_EMPTY, EMPTY_PAYLOAD)
    raise TypeError(f"a message is str or bytes, not {type(data).__name__}")
