"""Redundant payloads (:rfc:`2198`): a packet carries what packets before it carried, too; and RED as the wrapping of ULPFEC."""

from collections import OrderedDict, deque
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.packet import RtpPacket

MAX_TIMESTAMP_OFFSET: Final = 0x3FFF
MAX_BLOCK_LENGTH: Final = 0x3FF
MAX_DISTANCE: Final = 9
"""How many earlier payloads a packet may repeat, as in libwebrtc."""
MAX_BLOCKS: Final = 32
"""Blocks that one packet may have when it is parsed."""
MAX_KNOWN_TIMESTAMPS: Final = 128
"""Timestamps that a receiver remembers to hand out each payload once."""

_FOLLOWED: Final = 0x80
_PAYLOAD_TYPE: Final = 0x7F
_HEADER_LENGTH: Final = 4
_TIMESTAMPS: Final = 1 << 32
_HALF: Final = 1 << 31


@dataclass(slots=True)
class RedBlock:
    """One payload in a packet."""

    payload_type: int
    timestamp_offset: int
    """Ticks by which it is older than the packet's timestamp, 14 bits; 0 for the primary one."""
    data: bytes
    """Up to 1023 bytes, but for the primary one."""


def parse_red(payload: bytes) -> list[RedBlock]:
    """Parse the payload of a RED packet.

    ::

        1 | payload type | timestamp offset 14 | block length 10       for each older block
        0 | payload type                                               for the primary block, which is the last
        data of the blocks in the same order

    Returns:
        The blocks in the order of the packet: the primary is the last.

    Raises:
        ParseError: It is cut off, or of too many blocks.

    See :rfc:`2198#section-3`.
    """
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & _FOLLOWED:
        header = int.from_bytes(payload[at : at + _HEADER_LENGTH], "big")
        headers.append((header >> 24 & _PAYLOAD_TYPE, header >> 10 & MAX_TIMESTAMP_OFFSET, header & MAX_BLOCK_LENGTH))
        at += _HEADER_LENGTH
        if len(headers) >= MAX_BLOCKS:
            raise ParseError(f"a RED packet of {MAX_BLOCKS} blocks or more")
    if at >= len(payload):
        raise ParseError("a RED packet without its primary block")
    primary_type = payload[at]
    at += 1
    blocks = []
    for payload_type, offset, length in headers:
        blocks.append(RedBlock(payload_type, offset, payload[at : at + length]))
        at += length
    if at > len(payload):
        raise ParseError("a block of a RED packet is longer than what there is")
    return [*blocks, RedBlock(primary_type, 0, payload[at:])]


def serialize_red(blocks: list[RedBlock]) -> bytes:
    """Return the payload of a RED packet.

    Args:
        blocks: The primary is the last.

    Raises:
        ValueError: There is none, or an older one is too long or too old.

    See :rfc:`2198#section-3`.
    """
    if not blocks:
        raise ValueError("a RED packet has a primary block")
    headers = bytearray()
    for block in blocks[:-1]:
        if len(block.data) > MAX_BLOCK_LENGTH or not 0 <= block.timestamp_offset <= MAX_TIMESTAMP_OFFSET:
            raise ValueError(f"{len(block.data)} bytes, {block.timestamp_offset} ticks old: no block of RED")
        header = (_FOLLOWED | block.payload_type) << 24 | block.timestamp_offset << 10 | len(block.data)
        headers += header.to_bytes(_HEADER_LENGTH, "big")
    # [rfc2198:3/3]
    headers.append(blocks[-1].payload_type)
    return bytes(headers) + b"".join([block.data for block in blocks])


class RedSender:
    """Adds to each payload of audio those before it, as browsers do for Opus."""

    def __init__(self, *, distance: int = 1) -> None:
        """Begin with nothing to repeat.

        Args:
            distance: How many earlier payloads each packet repeats, 0 to 9.
        """
        if not 0 <= distance <= MAX_DISTANCE:
            raise ValueError(f"a distance is 0 to {MAX_DISTANCE}, not {distance}")
        self._earlier: deque[tuple[int, int, bytes]] = deque(maxlen=distance)

    def wrap(self, payload_type: int, timestamp: int, payload: bytes, max_payload_length: int) -> bytes:
        """Return the payload to send under the payload type of RED; call it for every packet, in order.

        Args:
            payload_type: Of the payload itself.
            timestamp: Of its packet.
            payload: What would be sent without RED.
            max_payload_length: What a packet may carry. The oldest payloads are left out where there is no room.
        """
        room = max_payload_length - len(payload) - 1
        blocks: list[RedBlock] = []
        # [rfc2198:3/1] [rfc2198:3/2] What is repeated is what was sent: of the same clock, and no longer for it.
        for earlier_type, earlier_timestamp, data in reversed(self._earlier):
            offset = (timestamp - earlier_timestamp) % _TIMESTAMPS
            room -= _HEADER_LENGTH + len(data)
            # A payload that cannot be told, or is of the same time, ends it: what is repeated follows without a gap.
            if room < 0 or len(data) > MAX_BLOCK_LENGTH or not 0 < offset <= MAX_TIMESTAMP_OFFSET:
                break
            blocks.append(RedBlock(earlier_type, offset, data))
        blocks.reverse()
        self._earlier.append((payload_type, timestamp, payload))
        return serialize_red([*blocks, RedBlock(payload_type, 0, payload)])


class RedReceiver:
    """Takes RED packets of audio apart and hands out what is repeated once."""

    def __init__(self) -> None:
        """Begin with no payload known."""
        self._known: OrderedDict[int, None] = OrderedDict()

    def unwrap(self, packet: RtpPacket) -> list[RtpPacket]:
        """Return the packets that a RED packet stands for: first what was not known of the older ones, then its own.

        An older payload gets the sequence number that it had if its sender repeats one packet after the other, the
        packet's sources and no marker. A packet whose primary payload is empty (padding) is returned without it.

        Raises:
            ParseError: The payload is not RED.

        See :rfc:`2198#section-4`.
        """
        blocks = parse_red(packet.payload)
        oldest = next(iter(self._known), None)
        packets: list[RtpPacket] = []
        last = len(blocks) - 1
        for i, block in enumerate(blocks):
            timestamp = (packet.timestamp - block.timestamp_offset) % _TIMESTAMPS
            is_primary = i == last
            # What is older than all we remember was handed out; a primary that came late is left to whoever orders packets.
            too_old = oldest is not None and (timestamp - oldest) % _TIMESTAMPS >= _HALF
            if not block.data or (not is_primary and (timestamp in self._known or too_old)):
                continue
            self._remember(timestamp)
            packets.append(
                RtpPacket(
                    block.payload_type,
                    (packet.sequence_number - (last - i)) & 0xFFFF,
                    timestamp,
                    packet.ssrc,
                    block.data,
                    marker=is_primary and packet.marker,
                    csrcs=packet.csrcs,  # [rfc2198:4/1] [rfc8854:4.1/6]
                    extensions=packet.extensions if is_primary else None,
                )
            )
        return packets

    def _remember(self, timestamp: int) -> None:
        self._known[timestamp] = None
        if len(self._known) > MAX_KNOWN_TIMESTAMPS:
            self._known.popitem(last=False)
