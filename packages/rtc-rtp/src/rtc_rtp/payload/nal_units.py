"""NAL units of H.264 and H.265: the byte stream form (Annex B), and how runs of small ones share a packet."""

import base64
import binascii
import re
from typing import Final

from rtc_rtp.errors import ParseError

_START_CODE: Final = re.compile(b"\x00\x00\x01")
_EMULATION_PREVENTION: Final = b"\x00\x00\x03"
LENGTH_FIELD: Final = 2
"""Bytes of the length before each NAL unit of an aggregation packet."""


MAX_KEPT_LENGTH: Final = 16384
"""Bytes of parameter sets that a stream keeps; real ones have some dozens."""


def kept_parameter_sets(units: list[bytes]) -> list[bytes]:
    """Return the parameter sets to keep of those of an access unit: all, or none if they are too long to be real."""
    return units if sum([len(unit) for unit in units]) <= MAX_KEPT_LENGTH else []


def decode_parameter_sets(text: str) -> list[bytes]:
    """Return the NAL units of a format parameter: base64, with commas in between; without those that make no sense.

    See :rfc:`6184#section-8.1` and :rfc:`7798#section-7.1`.
    """
    units = []
    for each in text.split(","):
        try:
            units.append(base64.b64decode(each, validate=True))
        except binascii.Error:
            continue
    return kept_parameter_sets([unit for unit in units if unit])


def split_byte_stream(data: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream, without start codes and the zeros around them; empty if there are none.

    See annex B of H.264 and H.265.
    """
    if not data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        return []
    found = [match.start() for match in _START_CODE.finditer(data)]
    ends = [*found[1:], len(data)]
    units = [data[begin + 3 : end].rstrip(b"\x00") for begin, end in zip(found, ends, strict=True)]
    return [unit for unit in units if unit]


def join_byte_stream(units: list[bytes]) -> bytes:
    """Return NAL units as a byte stream, a start code of four bytes before each."""
    return b"".join([b"\x00\x00\x00\x01" + unit for unit in units])


def without_emulation_prevention(unit: bytes) -> bytes:
    """Return the raw bytes of a NAL unit (RBSP, header included): the 3 of each 0, 0, 3 left out."""
    return unit.replace(_EMULATION_PREVENTION, b"\x00\x00")


def group_units(units: list[bytes], limit: int, header_length: int) -> list[list[bytes]]:
    """Group runs of NAL units that fit in one aggregation packet; one that fits in none is alone.

    Args:
        units: In decoding order.
        limit: The most that a payload may hold.
        header_length: Of the aggregation packet's own NAL unit header.
    """
    groups: list[list[bytes]] = []
    room = 0
    for unit in units:
        needed = LENGTH_FIELD + len(unit)
        if groups and needed <= room:
            groups[-1].append(unit)
            room -= needed
        else:
            groups.append([unit])
            room = limit - header_length - needed
    return groups


def aggregate(units: list[bytes]) -> bytes:
    """Return NAL units, each behind its length."""
    return b"".join([len(unit).to_bytes(LENGTH_FIELD, "big") + unit for unit in units])


def split_aggregate(data: bytes, header_length: int) -> list[bytes]:
    """Return the NAL units of an aggregation packet, the reverse of `aggregate`.

    Args:
        data: What follows the aggregation packet's header.
        header_length: The least that a NAL unit has.

    Raises:
        ParseError: There are none, or a length is not that of what follows.
    """
    units = []
    at = 0
    while at < len(data):
        begin = at + LENGTH_FIELD
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or at - begin < header_length:
            raise ParseError("a NAL unit of an aggregation packet has a wrong length")
        units.append(data[begin:at])
    if not units:
        raise ParseError("an aggregation packet without a NAL unit")
    return units
