"""VP9 (:rfc:`9628`): pictures of one or several spatial layers, each layer frame cut by itself.

A frame of ours is a whole picture: the layer frames of one timestamp, joined to a superframe as decoders take it.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.fragments import check_limit, fragment_lengths
from rtc_rtp.payload.joining import joined_frame
from rtc_rtp.payload.vp9_bitstream import MAX_SUPERFRAME, Vp9FrameHeader, join_superframe, split_superframe
from rtc_rtp.payload.vp9_descriptor import (
    MAX_DIFFERENCE,
    MAX_PICTURE_ID,
    MAX_REFERENCES,
    MAX_SHORT_PICTURE_ID,
    MAX_SIZE,
    GroupPicture,
    ScalabilityStructure,
    Vp9PayloadDescriptor,
)

_INTER_PICTURE: Final = 0x40
_HAS_LAYERS: Final = 0x20
_BEGINNING: Final = 0x08
_EACH_AFTER_THE_LAST: Final = (GroupPicture(differences=(1,)),)


class Vp9Format:
    """VP9 for one stream in one direction: numbers the pictures it cuts, remembers the picture group of those it joins.

    A frame without layers is sent in non-flexible mode, every picture after the one before. A frame whose metadata names
    a layer or its dependencies is sent in flexible mode; if it is a superframe and ``metadata.spatial_id`` is not 0, as so
    many layer frames.

    See :rfc:`9628`.
    """

    mime_type: ClassVar = "video/VP9"
    clock_rate: ClassVar = 90000

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = dict(parameters)
        self.next_picture_id = 0
        """Picture ID of the next frame to be cut, 15 bits. Set it to go on with a stream, or to begin anywhere."""
        self._group: tuple[int, tuple[GroupPicture, ...]] | None = None

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut a frame, see `PayloadFormat.packetize`. Whether it is a key frame is read from its first bits."""
        check_limit(max_payload_length)
        if not frame.data:
            return []
        metadata = frame.metadata or FrameMetadata()
        layers = split_superframe(frame.data) if metadata.spatial_id else [frame.data]
        descriptor = self._describe(metadata, layers)
        payloads: list[bytes] = []
        for spatial_id, layer in enumerate(layers):
            if descriptor.temporal_id is not None:
                descriptor.spatial_id = spatial_id if len(layers) > 1 else metadata.spatial_id or 0
                descriptor.inter_layer = spatial_id > 0
                descriptor.not_reference = spatial_id == len(layers) - 1
            payloads += _cut(layer, descriptor, max_payload_length)
            descriptor.structure = None
        return [*[(payload, False) for payload in payloads[:-1]], (payloads[-1], True)]

    def _describe(self, metadata: FrameMetadata, layers: list[bytes]) -> Vp9PayloadDescriptor:
        """Return what all packets of the picture have in common, and the structure that the first has."""
        header = Vp9FrameHeader.parse(layers[0])
        descriptor = Vp9PayloadDescriptor(self.next_picture_id, inter_picture=not header.keyframe)
        has_layers = metadata.spatial_id is not None or metadata.temporal_id is not None
        descriptor.flexible = has_layers or metadata.dependencies is not None
        if has_layers:
            descriptor.temporal_id = metadata.temporal_id or 0
            descriptor.switching_up = metadata.layer_sync
        if header.keyframe:
            group = None if descriptor.flexible else _EACH_AFTER_THE_LAST
            descriptor.structure = ScalabilityStructure(len(layers), _sizes(header, len(layers), metadata), group)
        elif descriptor.flexible:
            descriptor.differences = _differences(metadata)
            descriptor.inter_picture = bool(descriptor.differences)
        self.next_picture_id = (self.next_picture_id + 1) & MAX_PICTURE_ID
        return descriptor

    def starts_frame(self, payload: bytes) -> bool:
        """Tell whether a layer frame begins here that needs no lower layer of its picture."""
        if not payload or not payload[0] & _BEGINNING:
            return False
        if not payload[0] & _HAS_LAYERS:
            return True
        try:
            descriptor, _ = Vp9PayloadDescriptor.parse(payload)
        except ParseError:
            return False
        return not descriptor.inter_layer

    def ends_frame(self, packet: RtpPacket) -> bool:
        """Tell whether the packet is marked: the last of its picture."""
        return packet.marker

    def starts_keyframe(self, payload: bytes) -> bool:
        """Tell whether a picture begins here that needs no other."""
        return self.starts_frame(payload) and not payload[0] & _INTER_PICTURE

    def follows(self, payload: bytes, frame_id: int, /) -> bool:
        """Tell whether the picture with the next picture ID begins here."""
        try:
            descriptor, _ = Vp9PayloadDescriptor.parse(payload)
        except ParseError:
            return False
        mask = MAX_PICTURE_ID if descriptor.long_picture_id else MAX_SHORT_PICTURE_ID
        begins = descriptor.starts_frame and not descriptor.inter_layer
        return begins and descriptor.picture_id == (frame_id + 1) & mask

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of a picture, see `PayloadFormat.assemble`. Lower spatial layers may be missing."""
        first, _ = Vp9PayloadDescriptor.parse(packets[0].payload)
        layers: list[bytes] = []
        pieces: list[bytes] = []
        last = first
        for packet in packets:
            last, at = Vp9PayloadDescriptor.parse(packet.payload)
            if last.picture_id != first.picture_id:
                raise ParseError("packets of two pictures")
            if last.starts_frame is bool(pieces):
                raise ParseError("a layer frame begins before the one before it ended, or is missing its beginning")
            pieces.append(packet.payload[at:])
            if last.ends_frame:
                layers.append(b"".join(pieces))
                pieces = []
        if pieces or len(layers) > MAX_SUPERFRAME:
            raise ParseError("the picture has no end, or too many layers")
        # A first layer frame that needs a lower one of its picture cannot be decoded: the lower one is lost.
        keyframe = not first.inter_picture and not first.inter_layer
        metadata = self._metadata(first, last, layers, keyframe=keyframe)
        return joined_frame(packets, join_superframe(layers), self.mime_type, keyframe=keyframe, metadata=metadata)

    def _metadata(
        self, first: Vp9PayloadDescriptor, last: Vp9PayloadDescriptor, layers: list[bytes], *, keyframe: bool
    ) -> FrameMetadata:
        if first.structure is not None:
            group = first.structure.group
            self._group = (first.picture_id, group) if first.picture_id is not None and group else None
        metadata = FrameMetadata(
            spatial_id=last.spatial_id,
            temporal_id=first.temporal_id,
            layer_sync=first.switching_up,
            frame_id=first.picture_id,
            base_layer_index=first.tl0picidx,
            dependencies=self._dependencies(first, keyframe=keyframe),
        )
        if keyframe:
            metadata.width, metadata.height = _largest(first.structure, layers)
        return metadata

    def _dependencies(self, descriptor: Vp9PayloadDescriptor, *, keyframe: bool) -> tuple[int, ...] | None:
        """Return which pictures this one refers to, from its own packets or from the group it is in."""
        picture_id = descriptor.picture_id
        if picture_id is None:
            return None
        if keyframe:
            return ()
        mask = MAX_PICTURE_ID if descriptor.long_picture_id else MAX_SHORT_PICTURE_ID
        differences = descriptor.differences
        if not descriptor.flexible:
            if self._group is None:
                return None
            begin, group = self._group
            differences = group[((picture_id - begin) & mask) % len(group)].differences
        return tuple([(picture_id - difference) & mask for difference in differences])

    def duration(self, payload: bytes) -> None:
        """Return None: video does not say how long it lasts."""


def _cut(layer: bytes, descriptor: Vp9PayloadDescriptor, limit: int) -> list[bytes]:
    """Cut one layer frame; the structure goes into its first packet."""
    structure = descriptor.structure
    descriptor.starts_frame, descriptor.ends_frame, descriptor.structure = False, False, None
    header_length = len(descriptor.serialize())
    extra = 0 if structure is None else len(structure.serialize())
    lengths = fragment_lengths(len(layer), limit - header_length, extra)
    payloads = []
    at = 0
    for i, length in enumerate(lengths):
        descriptor.starts_frame = i == 0
        descriptor.ends_frame = i == len(lengths) - 1
        descriptor.structure = structure if i == 0 else None
        payloads.append(descriptor.serialize() + layer[at : at + length])
        at += length
    return payloads


def _differences(metadata: FrameMetadata) -> tuple[int, ...]:
    """Return P_DIFF of each dependency; without any known, the picture is taken to need the one before it.

    Raises:
        ValueError: There are too many, or one is too far back.
    """
    if metadata.dependencies is None or metadata.frame_id is None:
        return (1,)
    frame_id = metadata.frame_id
    mask = MAX_SHORT_PICTURE_ID if max(frame_id, *metadata.dependencies, 0) <= MAX_SHORT_PICTURE_ID else MAX_PICTURE_ID
    differences = tuple([(frame_id - each) & mask for each in metadata.dependencies])
    if len(differences) > MAX_REFERENCES or not all(0 < each <= MAX_DIFFERENCE for each in differences):
        raise ValueError(
            f"a VP9 picture depends on {MAX_REFERENCES} others at most, the farthest {MAX_DIFFERENCE} back: {differences}"
        )
    return differences


def _sizes(header: Vp9FrameHeader, layer_count: int, metadata: FrameMetadata) -> tuple[tuple[int, int], ...]:
    """Return the sizes of the layer frames of a key picture, or none if they are not known.

    The lowest is a key frame and says its own; those above are taken to double it if that leads to the size of the picture.
    """
    lowest = (header.width or 0, header.height or 0)
    largest = lowest if layer_count == 1 else (metadata.width or 0, metadata.height or 0)
    sizes = tuple([(largest[0] >> i, largest[1] >> i) for i in reversed(range(layer_count))])
    return sizes if sizes[0] == lowest and max(largest) <= MAX_SIZE else ()


def _largest(structure: ScalabilityStructure | None, layers: list[bytes]) -> tuple[int | None, int | None]:
    """Return width and height of a key picture: of its highest layer by the structure, or what its first frame says."""
    if structure is not None and len(structure.sizes) >= len(layers):
        return structure.sizes[len(layers) - 1]
    if len(layers) > 1:
        return None, None
    header = Vp9FrameHeader.parse(layers[0])
    return header.width, header.height
