"""AV1 (RTP Payload Format For AV1, Alliance for Open Media, version 1.0): OBUs aggregated and fragmented over packets.

A frame of ours is a temporal unit: OBUs with their sizes, without the temporal delimiter, which RTP does not carry.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.fragments import check_limit
from rtc_rtp.payload.joining import joined_frame, set_size
from rtc_rtp.payload.obu import (
    FRAME,
    FRAME_HEADER,
    METADATA,
    PADDING,
    SEQUENCE_HEADER,
    TEMPORAL_DELIMITER,
    TILE_LIST,
    is_key_frame,
    obu_layers,
    obu_type,
    read_leb128,
    sequence_size,
    sized_obu,
    split_obus,
    write_leb128,
)

_CONTINUES: Final = 0x80
_CONTINUED: Final = 0x40
_COUNT_SHIFT: Final = 4
_MAX_COUNT: Final = 3
_EVENING_STEPS: Final = 4
"""How many limits to try so that packets become equal: lengths of elements count, and differ by a few bytes."""
_NEW_SEQUENCE: Final = 0x08
_NOT_SENT: Final = frozenset({TEMPORAL_DELIMITER, TILE_LIST, PADDING})
_BEGIN_A_FRAME: Final = frozenset({SEQUENCE_HEADER, TEMPORAL_DELIMITER, FRAME_HEADER, FRAME, METADATA})


class Av1Format:
    """AV1.

    Each payload begins with the aggregation header::

        Z Y | W | N | reserved
        1 1   2   1      3

    Z: the first OBU element goes on from the packet before; Y: the last goes on in the next; W: count of elements, of which
    the last has no length, or 0 if all have one; N: a coded video sequence begins.

    See the AV1 payload format, section 4.4.
    """

    mime_type: ClassVar = "video/AV1"
    clock_rate: ClassVar = 90000

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = dict(parameters)

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut a temporal unit, see `PayloadFormat.packetize`."""
        check_limit(max_payload_length)
        obus = [obu for obu in split_obus(frame.data) if obu_type(obu) not in _NOT_SENT]
        if not obus:
            return []
        packets = _fill_evenly(obus, max_payload_length)
        begins = _NEW_SEQUENCE * (obu_type(obus[0]) == SEQUENCE_HEADER)
        payloads = []
        for i, elements in enumerate(packets):
            payloads.append((_payload(elements, begins if i == 0 else 0), i == len(packets) - 1))
        return payloads

    def starts_frame(self, payload: bytes) -> bool:
        """Tell whether the packet may be the first of a temporal unit.

        The format has no bit for it: an OBU begins here that can be the first and is not of a higher spatial layer. The
        packet before being marked is the better sign.
        """
        first = _first_element(payload)
        if first is None or obu_type(first) not in _BEGIN_A_FRAME:
            return False
        layers = obu_layers(first)
        return layers is None or not layers[1] or obu_type(first) == SEQUENCE_HEADER

    def ends_frame(self, packet: RtpPacket) -> bool:
        """Tell whether the packet is marked: the last of its temporal unit."""
        return packet.marker

    def starts_keyframe(self, payload: bytes) -> bool:
        """Tell whether a coded video sequence begins here, by its bit or by the sequence header."""
        first = _first_element(payload)
        return first is not None and (bool(payload[0] & _NEW_SEQUENCE) or obu_type(first) == SEQUENCE_HEADER)

    def follows(self, _payload: bytes, _frame_id: int, /) -> bool:
        """Return false: frames have no numbers."""
        return False

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of a temporal unit, see `PayloadFormat.assemble`."""
        obus = [obu for obu in _join_elements(packets) if obu_type(obu) not in _NOT_SENT]
        if not obus:
            raise ParseError("a temporal unit without a frame")
        types = [obu_type(obu) for obu in obus]
        frames = [obu for obu, kind in zip(obus, types, strict=True) if kind in (FRAME, FRAME_HEADER)]
        keyframe = SEQUENCE_HEADER in types and bool(frames) and is_key_frame(frames[0])
        metadata = FrameMetadata()
        layers = obu_layers(frames[-1]) if frames else None
        if layers is not None:
            metadata.temporal_id, metadata.spatial_id = layers
        if SEQUENCE_HEADER in types:
            set_size(metadata, sequence_size, obus[types.index(SEQUENCE_HEADER)])
        data = b"".join([sized_obu(obu) for obu in obus])
        return joined_frame(packets, data, self.mime_type, keyframe=keyframe, metadata=metadata)

    def duration(self, payload: bytes) -> None:
        """Return None: video does not say how long it lasts."""


Elements = list[tuple[bytes, bool]]
"""OBU elements of one packet, each with whether it is the rest of an OBU that began in the packet before."""


def _fill(obus: list[bytes], limit: int) -> list[tuple[Elements, bool]]:
    """Fill packets up to the limit; return the elements of each and whether its last goes on in the next.

    An element after which another may come counts with its length; one that ends its packet has none if it is among the
    first three.
    """
    packets: list[tuple[Elements, bool]] = []
    elements: Elements = []
    room = limit - 1
    for obu in obus:
        at = 0
        while at < len(obu):
            rest = len(obu) - at
            sized = rest + len(write_leb128(rest))
            if sized <= room:
                elements.append((obu[at:], at > 0))
                room -= sized
                break
            fits = room if len(elements) < _MAX_COUNT else room - len(write_leb128(room))
            if fits > 0:
                elements.append((obu[at : at + fits], at > 0))
                at += fits
            packets.append((elements, fits > 0 and at < len(obu)))
            elements, room = [], limit - 1
    if elements:
        packets.append((elements, False))
    return packets


def _fill_evenly(obus: list[bytes], limit: int) -> list[tuple[Elements, bool]]:
    """Fill as few packets as the limit allows, of nearly equal length: by the least limit that needs no more."""
    packets = _fill(obus, limit)
    even = -(-sum([len(_payload(packet, 0)) for packet in packets]) // len(packets))
    for less in range(even, min(even + _EVENING_STEPS, limit)):
        evened = _fill(obus, less)
        if len(evened) == len(packets):
            return evened
    return packets


def _payload(packet: tuple[Elements, bool], flags: int) -> bytes:
    """Return the payload of the elements: up to three are counted, and the last then needs no length."""
    elements, goes_on = packet
    flags |= _CONTINUES * elements[0][1] | _CONTINUED * goes_on
    if len(elements) > _MAX_COUNT:
        return bytes([flags]) + b"".join([write_leb128(len(piece)) + piece for piece, _ in elements])
    sized = b"".join([write_leb128(len(piece)) + piece for piece, _ in elements[:-1]])
    return bytes([flags | len(elements) << _COUNT_SHIFT]) + sized + elements[-1][0]


def _split_payload(payload: bytes) -> list[bytes]:
    """Return the OBU elements of a payload.

    Raises:
        ParseError: There are none, or one of them is longer than what is left.
    """
    if len(payload) < 2:
        raise ParseError("an AV1 payload without an element")
    count = payload[0] >> _COUNT_SHIFT & _MAX_COUNT
    elements: list[bytes] = []
    at = 1
    while at < len(payload):
        if count and len(elements) == count - 1:
            end = len(payload)
        else:
            length, at = read_leb128(payload, at)
            end = at + length
            if end > len(payload):
                raise ParseError("an AV1 element is longer than its packet")
        elements.append(payload[at:end])
        at = end
    if count and len(elements) != count:
        raise ParseError(f"{len(elements)} AV1 elements where {count} are announced")
    return elements


def _join_elements(packets: Sequence[RtpPacket]) -> list[bytes]:
    """Return the OBUs without sizes."""
    pieces: list[list[bytes]] = []
    goes_on = False
    for packet in packets:
        payload = packet.payload
        elements = _split_payload(payload)
        if bool(payload[0] & _CONTINUES) is not goes_on:
            raise ParseError("a part of an AV1 OBU is missing")
        for i, element in enumerate(elements):
            if i == 0 and goes_on:
                pieces[-1].append(element)
            else:
                pieces.append([element])
        goes_on = bool(payload[0] & _CONTINUED)
    if goes_on:
        raise ParseError("the end of an AV1 OBU is missing")
    obus = []
    for obu in [b"".join(each) for each in pieces]:
        # An OBU should come without its size; if it has one, nothing may stand behind it.
        single = split_obus(obu)
        if len(single) > 1:
            raise ParseError("an AV1 element of more than one OBU")
        obus += single
    return obus


def _first_element(payload: bytes) -> bytes | None:
    """Return what is there of the OBU that begins the payload; None if it began in the packet before."""
    if len(payload) < 2 or payload[0] & _CONTINUES:
        return None
    at = 1
    if payload[0] >> _COUNT_SHIFT & _MAX_COUNT != 1:
        try:
            _, at = read_leb128(payload, 1)
        except ParseError:
            return None
    return payload[at:] or None
