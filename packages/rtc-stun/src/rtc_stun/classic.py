"""Answers for clients of :rfc:`3489`, "classic STUN": no magic cookie, an ID of 16 bytes, addresses in clear.

See :rfc:`8489#section-11` and :rfc:`5389#section-12.2`.
"""

from struct import Struct
from typing import Final

from rtc_stun.attribute import FIRST_OPTIONAL_TYPE
from rtc_stun.attributes import ErrorCode, MappedAddress, MessageIntegrity, UnknownAttributes, Username
from rtc_stun.datagram import Address
from rtc_stun.message import HEADER_LENGTH

_HEADER: Final = Struct("!HH16s")
_TLV: Final = Struct("!HH")
_BINDING_REQUEST: Final = 0x0001
_BINDING_SUCCESS: Final = 0x0101
_BINDING_ERROR: Final = 0x0111
_UNDERSTOOD: Final = frozenset({MappedAddress.TYPE, Username.TYPE, MessageIntegrity.TYPE})


def answer_classic(data: bytes, source: Address, transport: str) -> bytes | None:
    """Return the response to a classic Binding request, or None if it is not one.

    Args:
        data: A datagram without the magic cookie.
        source: Where it came from.
        transport: What it came over; DTLS and classic STUN do not go together.
    """
    if len(data) < HEADER_LENGTH:
        return None
    message_type, length, transaction_id = _HEADER.unpack_from(data)
    # [rfc8489:11/4] Anything but a Binding request, an indication included, gets no answer.
    if message_type != _BINDING_REQUEST or length + HEADER_LENGTH != len(data):
        return None
    unknown = _unknown_types(data)
    if unknown is None:
        return None
    # [rfc8489:11/1] [rfc8489:11/2] [rfc8489:11/3]
    if transport == "dtls":
        return _response(_BINDING_ERROR, transaction_id, ErrorCode.with_phrase(500))
    if unknown:
        # Padded by repetition, as these clients expect.
        types = tuple(unknown + unknown[-1:] * (len(unknown) % 2))
        return _response(_BINDING_ERROR, transaction_id, ErrorCode.with_phrase(420), UnknownAttributes(types))
    # [rfc8489:12/6]
    return _response(_BINDING_SUCCESS, transaction_id, MappedAddress(source))


def _unknown_types(data: bytes) -> list[int] | None:
    """Return the mandatory types that mean nothing to us; None if the attributes are malformed."""
    unknown = []
    offset = HEADER_LENGTH
    while offset < len(data):
        if offset + _TLV.size > len(data):
            return None
        attribute_type, length = _TLV.unpack_from(data, offset)
        offset += _TLV.size + length + (-length & 3)
        if attribute_type < FIRST_OPTIONAL_TYPE and attribute_type not in _UNDERSTOOD:
            unknown.append(attribute_type)
    return unknown if offset == len(data) else None


def _response(
    message_type: int, transaction_id: bytes, *attributes: ErrorCode | UnknownAttributes | MappedAddress
) -> bytes:
    body = b""
    for attribute in attributes:
        value = attribute.serialize(b"")
        # Classic values are multiples of four bytes long: the phrase is filled up with spaces.
        value += b" " * (-len(value) & 3)
        body += _TLV.pack(attribute.TYPE, len(value)) + value
    return _HEADER.pack(message_type, len(body), transaction_id) + body
