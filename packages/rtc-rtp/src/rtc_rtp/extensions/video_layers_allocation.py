"""Which layers a sender of video has now, and what they take (libwebrtc's ``video-layers-allocation00``)."""

from dataclasses import field
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import HeaderExtension

MAX_STREAM_COUNT: Final = 4
MAX_SPATIAL_LAYER_COUNT: Final = 4
MAX_TEMPORAL_LAYER_COUNT: Final = 4
_RESOLUTION_LENGTH: Final = 5
_MAX_BITRATE_KBPS: Final = 0xFFFF_FFFF


@dataclass(slots=True)
class ActiveLayer:
    """One spatial layer of one stream."""

    stream_index: int
    """Which of the simulcast streams, 0 to 3."""
    spatial_id: int
    """0 to 3."""
    target_bitrates_kbps: list[int]
    """Of each temporal layer, with those below: one to four, in kilobits per second."""
    width: int | None = None
    """Pixels, 1 to 65,536. Width, height and frame rate are known for all layers or for none."""
    height: int | None = None
    frame_rate: int | None = None
    """At most, frames per second, 0 to 255."""


@dataclass(slots=True)
class VideoLayersAllocation:
    """All layers that a sender has now.

    ::

        index of stream, 2 bits | number of streams - 1, 2 bits | spatial layers of each, 4 bits, or 0
        spatial layers of each stream, 4 bits   (if they differ)
        temporal layers - 1 of each spatial layer, 2 bits
        target bitrate of each, LEB128
        width - 1, 16 bits | height - 1, 16 bits | frame rate, 8 bits   of each spatial layer (optional)
    """

    stream_index: int = 0
    """The stream that the packet belongs to, 0 to 3."""
    layers: list[ActiveLayer] = field(default_factory=list)
    """By stream, then by spatial layer; empty when the sender has stopped."""


def parse_video_layers_allocation(data: bytes) -> VideoLayersAllocation:
    """Parse an allocation.

    Raises:
        ParseError: It ends early, or goes on where it should end.
    """
    reader = _Reader(data)
    first = reader.byte()
    if not first and len(data) == 1:
        return VideoLayersAllocation()
    stream_count = (first >> 4 & 3) + 1
    masks = [first & 15] * stream_count
    if not first & 15:
        nibbles = [half for _ in range((stream_count + 1) // 2) for half in divmod(reader.byte(), 16)]
        masks = nibbles[:stream_count]
    layers = [
        ActiveLayer(stream, spatial, [])
        for stream, mask in enumerate(masks)
        for spatial in range(MAX_SPATIAL_LAYER_COUNT)
        if mask >> spatial & 1
    ]
    packed = reader.bytes((len(layers) + 3) // 4)
    for index, layer in enumerate(layers):
        layer.target_bitrates_kbps = [0] * ((packed[index // 4] >> (6 - 2 * (index % 4)) & 3) + 1)
    for layer in layers:
        layer.target_bitrates_kbps = [reader.leb128() for _ in layer.target_bitrates_kbps]
    if reader.remaining:
        for layer in layers:
            resolution = reader.bytes(_RESOLUTION_LENGTH)
            layer.width = int.from_bytes(resolution[:2], "big") + 1
            layer.height = int.from_bytes(resolution[2:4], "big") + 1
            layer.frame_rate = resolution[4]
    if reader.remaining:
        raise ParseError(f"{reader.remaining} bytes follow the layers")
    return VideoLayersAllocation(first >> 6, layers)


class _Reader:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def remaining(self) -> int:
        return len(self._data) - self._at

    def bytes(self, count: int) -> bytes:
        if count > self.remaining:
            raise ParseError(f"an allocation of layers ends after {len(self._data)} bytes")
        self._at += count
        return self._data[self._at - count : self._at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def leb128(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if value > _MAX_BITRATE_KBPS:
            raise ParseError("a bit rate of more than 32 bits")
        return value


def serialize_video_layers_allocation(value: VideoLayersAllocation) -> bytes:
    """Return the bytes of an allocation.

    Raises:
        ValueError: There are more layers than the extension can tell of, or not in order, or some of them do not know
            their size.
    """
    if not 0 <= value.stream_index < MAX_STREAM_COUNT:
        raise ValueError(f"streams are 0 to {MAX_STREAM_COUNT - 1}")
    if not value.layers:
        return bytes((value.stream_index << 6, 0)) if value.stream_index else b"\0"
    places = [(layer.stream_index, layer.spatial_id) for layer in value.layers]
    if places != sorted(set(places)):
        raise ValueError("layers come by stream and spatial layer, each once")
    if not all(0 <= stream < MAX_STREAM_COUNT and 0 <= spatial < MAX_SPATIAL_LAYER_COUNT for stream, spatial in places):
        raise ValueError(f"streams and spatial layers are 0 to {MAX_STREAM_COUNT - 1}")
    stream_count = max(value.stream_index, places[-1][0]) + 1
    masks = [sum([1 << spatial for stream, spatial in places if stream == index]) for index in range(stream_count)]
    same = masks[0] if len(set(masks)) == 1 else 0
    data = bytes((value.stream_index << 6 | (stream_count - 1) << 4 | same,))
    if not same:
        pairs = [*masks, 0][: (stream_count + 1) // 2 * 2]
        data += bytes([pairs[index] << 4 | pairs[index + 1] for index in range(0, len(pairs), 2)])
    data += _serialize_temporal_layers(value.layers)
    data += b"".join([_leb128(rate) for layer in value.layers for rate in layer.target_bitrates_kbps])
    return data + _serialize_resolutions(value.layers)


def _serialize_temporal_layers(layers: list[ActiveLayer]) -> bytes:
    packed = bytearray((len(layers) + 3) // 4)
    for index, layer in enumerate(layers):
        count = len(layer.target_bitrates_kbps)
        if not 0 < count <= MAX_TEMPORAL_LAYER_COUNT:
            raise ValueError(f"a spatial layer has 1 to {MAX_TEMPORAL_LAYER_COUNT} temporal layers, not {count}")
        packed[index // 4] |= (count - 1) << (6 - 2 * (index % 4))
    return bytes(packed)


def _leb128(value: int) -> bytes:
    if not 0 <= value <= _MAX_BITRATE_KBPS:
        raise ValueError(f"a bit rate of {value} kbit/s")
    data = b""
    while value > 0x7F:
        data += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return data + bytes((value,))


def _serialize_resolutions(layers: list[ActiveLayer]) -> bytes:
    data = b""
    for layer in layers:
        match layer:
            case ActiveLayer(width=None, height=None, frame_rate=None):
                continue
            case ActiveLayer(width=int(width), height=int(height), frame_rate=int(rate)):
                if not (0 < width <= 0x10000 and 0 < height <= 0x10000 and 0 <= rate <= 0xFF):
                    raise ValueError(f"{layer} has no size that can be written")
                data += ((width - 1) << 24 | (height - 1) << 8 | rate).to_bytes(_RESOLUTION_LENGTH, "big")
            case _:
                raise ValueError(f"{layer} has half a size")
    if len(data) not in {0, _RESOLUTION_LENGTH * len(layers)}:
        raise ValueError("the size is known for all layers or for none")
    return data


VIDEO_LAYERS_ALLOCATION: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
    parse=parse_video_layers_allocation,
    serialize=serialize_video_layers_allocation,
)
"""The layers that the sender has now: `VideoLayersAllocation`."""
