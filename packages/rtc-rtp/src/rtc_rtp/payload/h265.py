"""H.265 (:rfc:`7798`): single NAL units, aggregation packets (AP) and fragmentation units (FU), all in one stream (SRST)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.fragments import check_limit, fragment_lengths
from rtc_rtp.payload.h265_bitstream import (
    FIRST_IRAP,
    HEADER_LENGTH,
    LAST_IRAP,
    LAST_SINGLE,
    LAST_SLICE,
    PPS,
    SPS,
    VPS,
    begins_picture,
    picture_size,
    temporal_id,
    unit_type,
)
from rtc_rtp.payload.joining import joined_frame, set_size
from rtc_rtp.payload.nal_units import (
    aggregate,
    decode_parameter_sets,
    group_units,
    join_byte_stream,
    kept_parameter_sets,
    split_aggregate,
    split_byte_stream,
)

_AP: Final = 48
_FU: Final = 49
_FORBIDDEN: Final = 0x80
_TYPE_BITS: Final = 0x7E
_START: Final = 0x80
_END: Final = 0x40
_FU_TYPE: Final = 0x3F
_FU_HEADERS_LENGTH: Final = HEADER_LENGTH + 1
_PARAMETER_SETS: Final = frozenset({VPS, SPS, PPS})


class H265Format:
    """H.265 for one stream in one direction.

    Remembers the parameter sets that went by: a picture at which decoding may start that comes without any (encoders may
    give them once) is sent and delivered with them.

    See :rfc:`7798`.
    """

    # [rfc7798:4.1/2] [rfc7798:7.2.1/1]
    mime_type: ClassVar = "video/H265"
    clock_rate: ClassVar = 90000

    def __init__(self, parameters: Mapping[str, str]) -> None:
        # [rfc7798:4.4.1/1] [rfc7798:4.3/1] [rfc7798:4.3/2] Without DONL fields packets are in decoding order, and WebRTC negotiates nothing else.
        if int(parameters.get("sprop-max-don-diff", "0")) or parameters.get("tx-mode", "SRST").upper() != "SRST":
            raise ValueError("only streams in decoding order, in one stream, are supported")
        self.parameters = dict(parameters)
        # [rfc7798:7.2.2/4] [rfc7798:7.2.2/6] Those of the description, until the stream brings others; each stream's own.
        sets = [decode_parameter_sets(parameters.get(f"sprop-{name}", "")) for name in ("vps", "sps", "pps")]
        self._parameter_sets = [
            unit for units in sets for unit in units if len(unit) > HEADER_LENGTH and unit_type(unit) in _PARAMETER_SETS
        ]

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut an access unit, see `PayloadFormat.packetize`.

        Raises:
            ValueError: ``frame.data`` is no byte stream of Annex B.
        """
        check_limit(max_payload_length)
        payloads: list[bytes] = []
        # [rfc7798:5/1] [rfc7798:5/2] [rfc7798:5/3] In decoding order, as many to a packet as fit.
        for group in group_units(
            self._with_parameter_sets(_byte_stream(frame.data)), max_payload_length, HEADER_LENGTH
        ):
            # [rfc7798:4.4.2/3] [rfc7798:4.4.2/4] [rfc7798:4.2/1] [rfc7798:5/4] [rfc7798:4.4.1/3] One alone is no aggregation.
            if len(group) > 1:
                payloads.append(_aggregation_packet(group))
            elif len(group[0]) <= max_payload_length:
                payloads += group
            else:
                payloads += _fragmentation_units(group[0], max_payload_length)
        # [rfc7798:4.1/1] [rfc7798:4.1/3] The last packet of the access unit is marked.
        return [(payload, i == len(payloads)) for i, payload in enumerate(payloads, 1)]

    def _with_parameter_sets(self, units: list[bytes]) -> list[bytes]:
        """Return the NAL units of an access unit, parameter sets before a picture that needs them and has none."""
        # [rfc7798:7.2.2/5] [rfc7798:8.4/2] They go in the stream, with each picture that needs them.
        types = [unit_type(unit) for unit in units]
        if SPS in types:
            kept = [unit for unit, kind in zip(units, types, strict=True) if kind in _PARAMETER_SETS]
            self._parameter_sets = kept_parameter_sets(kept)
            return units
        for at, kind in enumerate(types):
            if _starts_decoding(kind):
                return [*units[:at], *self._parameter_sets, *units[at:]]
        return units

    def starts_frame(self, payload: bytes) -> bool:
        """Tell whether the packet can be the first of an access unit: it begins a picture, or holds what stands before one.

        The format has no bit for it; the packet before being marked is as good a sign.
        """
        begin = _first_unit(payload)
        return begin is not None and begins_picture(begin)

    def ends_frame(self, packet: RtpPacket) -> bool:
        """Tell whether the packet is marked."""
        return packet.marker

    def starts_keyframe(self, payload: bytes) -> bool:
        """Tell whether a picture at which decoding may start, or parameter sets before one, begin here."""
        begin = _first_unit(payload)
        if begin is None or not begins_picture(begin):
            return False
        types = [unit_type(begin)]
        if unit_type(payload) == _AP:
            try:
                types = [unit_type(unit) for unit in split_aggregate(payload[HEADER_LENGTH:], HEADER_LENGTH)]
            except ParseError:
                return False
        return any(kind in (VPS, SPS) or _starts_decoding(kind) for kind in types)

    def follows(self, _payload: bytes, _frame_id: int, /) -> bool:
        """Return false: frames have no numbers."""
        return False

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of an access unit, see `PayloadFormat.assemble`."""
        units = self._with_parameter_sets(_join_units(packets))
        types = [unit_type(unit) for unit in units]
        slices = [unit for unit, kind in zip(units, types, strict=True) if kind <= LAST_SLICE]
        metadata = FrameMetadata(temporal_id=temporal_id(slices[0])) if slices else FrameMetadata()
        if SPS in types:
            set_size(metadata, picture_size, units[types.index(SPS)])
        keyframe = any(_starts_decoding(kind) for kind in types)
        data = join_byte_stream(units)
        return joined_frame(packets, data, self.mime_type, keyframe=keyframe, metadata=metadata)

    def duration(self, payload: bytes) -> None:
        """Return None: video does not say how long it lasts."""


def _starts_decoding(kind: int) -> bool:
    return FIRST_IRAP <= kind <= LAST_IRAP


def _byte_stream(data: bytes) -> list[bytes]:
    units = split_byte_stream(data)
    if data and not units:
        raise ValueError("not an H.265 byte stream: it begins with no start code")
    for unit in units:
        if len(unit) <= HEADER_LENGTH or unit[0] & _FORBIDDEN or unit_type(unit) > LAST_SINGLE:
            raise ValueError(f"not a NAL unit of H.265: {unit[:HEADER_LENGTH].hex()}")
    return units


def _aggregation_packet(units: list[bytes]) -> bytes:
    """Aggregate NAL units of one time: a header of type 48, then each with its length. See :rfc:`7798#section-4.4.2`."""
    # [rfc7798:4.4.2/1] F of any, the lowest layer and the lowest temporal layer of all.
    forbidden = max([unit[0] & _FORBIDDEN for unit in units])
    layer = min([(unit[0] & 1) << 5 | unit[1] >> 3 for unit in units])
    lowest = min([unit[1] & 7 for unit in units])
    return bytes([forbidden | _AP << 1 | layer >> 5, (layer & 0x1F) << 3 | lowest]) + aggregate(units)


def _fragmentation_units(unit: bytes, limit: int) -> list[bytes]:
    """Fragment a NAL unit: a header of type 49, ``S E type``, then a part of it. See :rfc:`7798#section-4.4.3`."""
    # [rfc7798:4.4.3/6] F, layers and, behind the header, the type.
    header = bytes([unit[0] & ~_TYPE_BITS | _FU << 1, unit[1]])
    kind = unit_type(unit)
    at = HEADER_LENGTH
    payloads = []
    for length in fragment_lengths(len(unit) - HEADER_LENGTH, limit - _FU_HEADERS_LENGTH):
        end = at + length
        # [rfc7798:4.4.3/1] [rfc7798:4.4.3/2] [rfc7798:4.4.3/5] Start and end are never in the same fragment.
        flags = _START * (at == HEADER_LENGTH) | _END * (end == len(unit))
        payloads.append(header + bytes([flags | kind]) + unit[at:end])
        at = end
    return payloads


def _join_units(packets: Sequence[RtpPacket]) -> list[bytes]:
    units: list[bytes] = []
    pieces: list[bytes] = []
    for packet in packets:
        payload = packet.payload
        if len(payload) <= HEADER_LENGTH:
            raise ParseError("a packet without a NAL unit")
        kind = unit_type(payload)
        if pieces and kind != _FU:
            raise ParseError("a fragmented NAL unit has no end")
        if kind <= LAST_SINGLE:
            units.append(payload)
        elif kind == _AP:
            aggregated = split_aggregate(payload[HEADER_LENGTH:], HEADER_LENGTH + 1)
            # [rfc7798:4.4.2/2] No packet is in another.
            if any(unit_type(unit) > LAST_SINGLE for unit in aggregated):
                raise ParseError("an aggregation packet in another")
            units += aggregated
        elif kind == _FU:
            if _take_fragment(payload, pieces):
                units.append(b"".join(pieces))
                pieces = []
        else:
            # [rfc7798:6/1]
            raise ParseError(f"a NAL unit of type {kind}")
    if pieces:
        raise ParseError("a fragmented NAL unit has no end")
    return units


def _take_fragment(payload: bytes, pieces: list[bytes]) -> bool:
    """Add one FU to the pieces of its NAL unit; tell whether it was the last."""
    if len(payload) <= _FU_HEADERS_LENGTH:
        # [rfc7798:4.4.3/7]
        raise ParseError("a fragment without data")
    header = payload[HEADER_LENGTH]
    # [rfc7798:4.4.3/3] What follows a lost fragment of the NAL unit is of no use.
    begins = bool(header & _START)
    if begins is bool(pieces):
        raise ParseError("a fragment is missing")
    if begins:
        if header & _FU_TYPE > LAST_SINGLE:
            # [rfc7798:4.4.3/4]
            raise ParseError("a packet in fragments")
        pieces.append(bytes([payload[0] & ~_TYPE_BITS | (header & _FU_TYPE) << 1, payload[1]]))
    pieces.append(payload[_FU_HEADERS_LENGTH:])
    return bool(header & _END)


def _first_unit(payload: bytes) -> bytes | None:
    """Return the header and the next byte of the NAL unit that begins the payload; None if none begins."""
    if len(payload) <= HEADER_LENGTH:
        return None
    kind = unit_type(payload)
    if kind <= LAST_SINGLE:
        return payload[: HEADER_LENGTH + 1]
    if kind == _AP and len(payload) > 2 * HEADER_LENGTH + 2:
        return payload[HEADER_LENGTH + 2 : 2 * HEADER_LENGTH + 3]
    if kind == _FU and len(payload) > _FU_HEADERS_LENGTH and payload[HEADER_LENGTH] & _START:
        first = payload[0] & ~_TYPE_BITS | (payload[HEADER_LENGTH] & _FU_TYPE) << 1
        return bytes([first, payload[1], payload[_FU_HEADERS_LENGTH]])
    return None
