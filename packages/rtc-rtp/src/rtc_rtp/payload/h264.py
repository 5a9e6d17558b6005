"""H.264 (:rfc:`6184`): single NAL units, STAP-A and FU-A; packetization modes 0 and 1."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.fragments import check_limit, fragment_lengths
from rtc_rtp.payload.h264_bitstream import IDR, LAST_SINGLE, PPS, SPS, begins_picture, picture_size
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

SINGLE_NAL_UNIT_MODE: Final = 0
NON_INTERLEAVED_MODE: Final = 1

_STAP_A: Final = 24
_FU_A: Final = 28
_TYPE: Final = 0x1F
_FORBIDDEN: Final = 0x80
_IMPORTANCE: Final = 0x60
_START: Final = 0x80
_END: Final = 0x40
_FU_HEADER_LENGTH: Final = 2


class H264Format:
    """H.264 for one stream in one direction, packetization mode 0 or 1.

    Remembers the parameter sets that went by: an IDR picture that comes without any (encoders may give them once, and
    SDP in ``sprop-parameter-sets``) is sent and delivered with them, as every receiver needs them to begin.

    See :rfc:`6184`.
    """

    # [rfc6184:8.2.1/1] [rfc6184:5.1/3]
    mime_type: ClassVar = "video/H264"
    clock_rate: ClassVar = 90000

    def __init__(self, parameters: Mapping[str, str]) -> None:
        # [rfc6184:8.1/2] Nothing said means single NAL unit mode.
        self.packetization_mode = int(parameters.get("packetization-mode", "0"))
        # [rfc6184:6.2/1] [rfc6184:6.3/1] The interleaved mode is not for conversations.
        if self.packetization_mode not in (SINGLE_NAL_UNIT_MODE, NON_INTERLEAVED_MODE):
            raise ValueError(f"packetization-mode {self.packetization_mode} is not supported")
        self.parameters = dict(parameters)
        # [rfc6184:8.2.2/8] [rfc6184:8.4/2] A stream's own: every stream has its own object.
        # [rfc6184:8.2.2/4] Those of the description are used until the stream brings others.
        units = decode_parameter_sets(parameters.get("sprop-parameter-sets", ""))
        self._parameter_sets = [unit for unit in units if unit[0] & _TYPE in (SPS, PPS)]

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut an access unit, see `PayloadFormat.packetize`.

        Raises:
            ValueError: ``frame.data`` is no byte stream of Annex B; or, in mode 0, one of its NAL units is too long: let
                the encoder limit the length of slices.
        """
        check_limit(max_payload_length)
        units = self._with_parameter_sets(_byte_stream(frame.data))
        payloads: list[bytes] = []
        if self.packetization_mode == SINGLE_NAL_UNIT_MODE:
            # [rfc6184:6.2/2] [rfc6184:6.2/3] [rfc6184:5.6/1] [rfc6184:5.6/2] Only whole NAL units, one a packet, in decoding order.
            longest = max([len(unit) for unit in units], default=0)
            if longest > max_payload_length:
                raise ValueError(f"a NAL unit of {longest} bytes does not fit, and mode 0 does not cut")
            payloads = units
        else:
            # [rfc6184:6.3/2] [rfc6184:6.3/3] [rfc6184:5.5/1] [rfc6184:6.1/1] Aggregated or fragmented, in decoding order.
            for group in group_units(units, max_payload_length, 1):
                if len(group) > 1:
                    # [rfc6184:5.7/1] [rfc6184:5.7/4] [rfc6184:5.7.1/1] All of one access unit, and of its timestamp.
                    payloads.append(_stap_a(group))
                elif len(group[0]) <= max_payload_length:
                    payloads += group
                else:
                    payloads += _fu_a(group[0], max_payload_length)
        # [rfc6184:5.1/1] The last packet of the access unit is marked.
        return [(payload, i == len(payloads)) for i, payload in enumerate(payloads, 1)]

    def _with_parameter_sets(self, units: list[bytes]) -> list[bytes]:
        """Return the NAL units of an access unit, parameter sets before an IDR picture that has none."""
        # [rfc6184:8.1/9] [rfc6184:8.4/1] [rfc6184:6.1/3] [rfc6184:6.1/4] They go in the stream, with each picture that needs them.
        types = [unit[0] & _TYPE for unit in units]
        if SPS in types:
            kept = [unit for unit, kind in zip(units, types, strict=True) if kind in (SPS, PPS)]
            self._parameter_sets = kept_parameter_sets(kept)
        elif IDR in types:
            at = types.index(IDR)
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
        """Tell whether an IDR picture, or the SPS before one, begins here."""
        begin = _first_unit(payload)
        if begin is None or not begins_picture(begin):
            return False
        if begin[0] & _TYPE in (IDR, SPS):
            return True
        if payload[0] & _TYPE != _STAP_A:
            return False
        try:
            return any(unit[0] & _TYPE in (IDR, SPS) for unit in split_aggregate(payload[1:], 1))
        except ParseError:
            return False

    def follows(self, _payload: bytes, _frame_id: int, /) -> bool:
        """Return false: frames have no numbers."""
        return False

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of an access unit, see `PayloadFormat.assemble`. All packet types of mode 1 are understood."""
        units = self._with_parameter_sets(_join_units(packets))
        types = [unit[0] & _TYPE for unit in units]
        keyframe = IDR in types
        metadata = FrameMetadata(discardable=not any(unit[0] & _IMPORTANCE for unit in units))
        if SPS in types:
            set_size(metadata, picture_size, units[types.index(SPS)])
        data = join_byte_stream(units)
        return joined_frame(packets, data, self.mime_type, keyframe=keyframe, metadata=metadata)

    def duration(self, payload: bytes) -> None:
        """Return None: video does not say how long it lasts."""


def _byte_stream(data: bytes) -> list[bytes]:
    units = split_byte_stream(data)
    if data and not units:
        raise ValueError("not an H.264 byte stream: it begins with no start code")
    for unit in units:
        # [rfc6184:5.4/1]
        if unit[0] & _FORBIDDEN or not 0 < unit[0] & _TYPE <= LAST_SINGLE:
            raise ValueError(f"not a NAL unit of H.264: {unit[0]:#04x}")
    return units


def _stap_a(units: list[bytes]) -> bytes:
    """Aggregate NAL units of one time: ``F NRI 24``, then each with its length. See :rfc:`6184#section-5.7.1`."""
    # [rfc6184:5.7/2] [rfc6184:5.7/3] F is set if it is in one of them, NRI is the highest of all.
    header = _STAP_A | max([unit[0] & _FORBIDDEN for unit in units]) | max([unit[0] & _IMPORTANCE for unit in units])
    return bytes([header]) + aggregate(units)


def _fu_a(unit: bytes, limit: int) -> list[bytes]:
    """Fragment a NAL unit: ``F NRI 28``, ``S E R type``, then a part of it without its header. See :rfc:`6184#section-5.8`."""
    # [rfc6184:5.8/6] NRI is the fragmented NAL unit's.
    indicator = unit[0] & _IMPORTANCE | _FU_A
    kind = unit[0] & _TYPE
    at = 1
    payloads = []
    for length in fragment_lengths(len(unit) - 1, limit - _FU_HEADER_LENGTH):
        end = at + length
        # [rfc6184:5.8/8] [rfc6184:5.8/7] Start and end are never in the same fragment; R is 0.
        header = kind | _START * (at == 1) | _END * (end == len(unit))
        # [rfc6184:5.8/1] [rfc6184:5.8/2] Each byte is in one fragment, and they follow each other.
        payloads.append(bytes([indicator, header]) + unit[at:end])
        at = end
    return payloads


def _join_units(packets: Sequence[RtpPacket]) -> list[bytes]:
    units: list[bytes] = []
    pieces: list[bytes] = []
    for packet in packets:
        payload = packet.payload
        if not payload:
            raise ParseError("a packet without a NAL unit")
        kind = payload[0] & _TYPE
        if pieces and kind != _FU_A:
            raise ParseError("a fragmented NAL unit has no end")
        if 0 < kind <= LAST_SINGLE:
            units.append(payload)
        elif kind == _STAP_A:
            aggregated = split_aggregate(payload[1:], 1)
            # [rfc6184:5.7/5] [rfc6184:5.7/6] No packet is in another.
            if not all(0 < unit[0] & _TYPE <= LAST_SINGLE for unit in aggregated):
                raise ParseError("an aggregation packet in another")
            units += aggregated
        elif kind == _FU_A:
            if _take_fragment(payload, pieces):
                units.append(b"".join(pieces))
                pieces = []
        else:
            # [rfc6184:5.2/1] [rfc6184:5.4/2] Undefined types, and those of the interleaved mode.
            raise ParseError(f"a NAL unit of type {kind} in mode 0 or 1")
    if pieces:
        raise ParseError("a fragmented NAL unit has no end")
    return units


def _take_fragment(payload: bytes, pieces: list[bytes]) -> bool:
    """Add one FU-A to the pieces of its NAL unit; tell whether it was the last."""
    if len(payload) <= _FU_HEADER_LENGTH:
        raise ParseError("a fragment without data")
    indicator, header = payload[0], payload[1]
    begins, ends = bool(header & _START), bool(header & _END)
    # [rfc6184:5.8/9] What follows a lost fragment of the NAL unit is of no use.
    if begins is bool(pieces):
        raise ParseError("a fragment is missing")
    if begins:
        # [rfc6184:5.8/3] [rfc6184:5.8/4] The NAL unit's header is not in its fragments, only its type; R is not looked at.
        unit_header = indicator & ~_TYPE | header & _TYPE
        if not 0 < unit_header & _TYPE <= LAST_SINGLE:
            raise ParseError("a packet in fragments")
        pieces.append(bytes([unit_header]))
    pieces.append(payload[_FU_HEADER_LENGTH:])
    return ends


def _first_unit(payload: bytes) -> bytes | None:
    """Return the header and the next byte of the NAL unit that begins the payload; None if none begins."""
    if not payload:
        return None
    kind = payload[0] & _TYPE
    if 0 < kind <= LAST_SINGLE:
        return payload[:2]
    if kind == _STAP_A:
        return payload[3:5] or None
    if kind == _FU_A and len(payload) > _FU_HEADER_LENGTH and payload[1] & _START:
        return bytes([payload[0] & ~_TYPE | payload[1] & _TYPE, payload[2]])
    return None
