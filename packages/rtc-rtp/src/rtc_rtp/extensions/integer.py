"""Values that are one number of some bytes."""

from collections.abc import Callable

from rtc_rtp.errors import ParseError


def parse_integer(length: int, what: str, *, signed: bool = False) -> Callable[[bytes], int]:
    """Return a parser of integers of a length in bytes; it raises `ParseError` for values of another one."""

    def parse(data: bytes) -> int:
        if len(data) != length:
            raise ParseError(f"{what} has {length} bytes, not {len(data)}")
        return int.from_bytes(data, "big", signed=signed)

    return parse


def serialize_integer(length: int, what: str, *, signed: bool = False) -> Callable[[int], bytes]:
    """Return a serializer of integers to a length in bytes; it raises `ValueError` for those that do not fit."""

    def serialize(value: int) -> bytes:
        try:
            return value.to_bytes(length, "big", signed=signed)
        except OverflowError:
            raise ValueError(f"{what} has {length} bytes: {value} does not fit") from None

    return serialize
