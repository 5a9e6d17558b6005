"""Header extensions that change on the way: parity is made of packets in which they are zero.

They are stamped when a packet leaves, after its parity was made, or by those who forward it. What is recovered has zeros
in them. No document says so; it is what libwebrtc does.
"""

from collections.abc import Mapping
from typing import Final

from rtc_rtp.extensions.time import ABS_SEND_TIME, TRANSMISSION_OFFSET
from rtc_rtp.extensions.transport_sequence_number import TRANSPORT_SEQUENCE_NUMBER, TRANSPORT_SEQUENCE_NUMBER_V2
from rtc_rtp.extensions.video import VIDEO_TIMING
from rtc_rtp.header_extension import ONE_BYTE_PROFILE, RESERVED_ID, ExtensionMap, is_two_byte_profile

_PACER_EXIT_AT: Final = 7
"""Where in the value of video-timing begins what is stamped by the pacer and by those who forward."""
_MUTABLE: Final[dict[str, int]] = {
    TRANSMISSION_OFFSET: 0,
    ABS_SEND_TIME: 0,
    TRANSPORT_SEQUENCE_NUMBER: 0,
    TRANSPORT_SEQUENCE_NUMBER_V2: 0,
    VIDEO_TIMING: _PACER_EXIT_AT,
}
_EXTENDED: Final = 0x10
_CSRC_COUNT: Final = 0x0F
_FIXED_LENGTH: Final = 12


def mutable_extensions(extensions: ExtensionMap) -> dict[int, int]:
    """Return which negotiated extensions change on the way: local identifier, and from which byte of its value on."""
    found = {extensions.id_of(uri): begin for uri, begin in _MUTABLE.items()}
    return {identifier: begin for identifier, begin in found.items() if identifier is not None}


def zeroed(packet: bytes, mutable: Mapping[int, int]) -> bytes:
    """Return an RTP packet in its wire form with zeros where it changes on the way.

    Args:
        packet: A packet that can be parsed.
        mutable: What `mutable_extensions` returned.
    """
    if not mutable or not packet[0] & _EXTENDED:
        return packet
    header_at = _FIXED_LENGTH + 4 * (packet[0] & _CSRC_COUNT)
    profile = int.from_bytes(packet[header_at : header_at + 2], "big")
    at = header_at + 4
    end = at + 4 * int.from_bytes(packet[header_at + 2 : at], "big")
    if profile == ONE_BYTE_PROFILE:
        header_length = 1
    elif is_two_byte_profile(profile):
        header_length = 2
    else:
        return packet
    changed = bytearray(packet)
    while at + header_length <= end:
        if not packet[at]:
            at += 1
            continue
        if header_length == 1:
            identifier, length = packet[at] >> 4, (packet[at] & 0x0F) + 1
            if identifier == RESERVED_ID:
                break
        else:
            identifier, length = packet[at], packet[at + 1]
        value_at = at + header_length
        at = min(value_at + length, end)
        zero_at = value_at + mutable.get(identifier, length)
        if zero_at < at:
            changed[zero_at:at] = bytes(at - zero_at)
    return bytes(changed)
