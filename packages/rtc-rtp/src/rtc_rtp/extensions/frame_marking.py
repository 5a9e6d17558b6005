"""What a forwarder must know of a packet's frame if it cannot look inside (draft-ietf-avtext-framemarking)."""

from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import HeaderExtension

_START: Final = 0x80
_END: Final = 0x40
_INDEPENDENT: Final = 0x20
_DISCARDABLE: Final = 0x10
_BASE_SYNC: Final = 0x08
_TEMPORAL_ID: Final = 0x07


@dataclass(slots=True)
class FrameMarking:
    """What a packet is to its frame.

    ::

        S E I D | B | temporal ID, 3 bits
        layer ID, 8 bits     (scalable streams)
        TL0PICIDX, 8 bits    (scalable streams, optional)
    """

    start_of_frame: bool
    end_of_frame: bool
    independent: bool
    """Decodes without any frame before it."""
    discardable: bool
    """No other frame needs it."""
    base_layer_sync: bool = False
    """Needs nothing but the base layer."""
    temporal_id: int = 0
    """0 to 7, 0 being the base layer."""
    layer_id: int | None = None
    """Spatial and quality layer, as the codec defines it, 8 bits; None in streams that have none."""
    tl0_picture_index: int | None = None
    """Running number of the frames of the temporal base layer, 8 bits; only beside a layer ID."""


def parse_frame_marking(data: bytes) -> FrameMarking:
    """Parse a marking of one to three bytes.

    Raises:
        ParseError: It has another length.
    """
    if not 1 <= len(data) <= 3:
        raise ParseError(f"a frame marking has 1 to 3 bytes, not {len(data)}")
    first = data[0]
    return FrameMarking(
        start_of_frame=bool(first & _START),
        end_of_frame=bool(first & _END),
        independent=bool(first & _INDEPENDENT),
        discardable=bool(first & _DISCARDABLE),
        base_layer_sync=bool(first & _BASE_SYNC),
        temporal_id=first & _TEMPORAL_ID,
        layer_id=data[1] if len(data) > 1 else None,
        tl0_picture_index=data[2] if len(data) > 2 else None,
    )


def serialize_frame_marking(value: FrameMarking) -> bytes:
    """Return the bytes of a marking.

    Raises:
        ValueError: A field is out of its range, or an index stands without a layer.
    """
    if not 0 <= value.temporal_id <= _TEMPORAL_ID:
        raise ValueError(f"a temporal ID is 0 to {_TEMPORAL_ID}, not {value.temporal_id}")
    if value.tl0_picture_index is not None and value.layer_id is None:
        raise ValueError("a TL0PICIDX stands beside a layer ID only")
    first = (
        (_START if value.start_of_frame else 0)
        | (_END if value.end_of_frame else 0)
        | (_INDEPENDENT if value.independent else 0)
        | (_DISCARDABLE if value.discardable else 0)
        | (_BASE_SYNC if value.base_layer_sync else 0)
        | value.temporal_id
    )
    # `bytes` raises `ValueError` for what is no byte.
    return bytes([byte for byte in (first, value.layer_id, value.tl0_picture_index) if byte is not None])


FRAME_MARKING: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:framemarking", parse=parse_frame_marking, serialize=serialize_frame_marking
)
"""What the packet is to its frame: `FrameMarking`."""
