"""The payload descriptor of VP9 (:rfc:`9628#section-4.2`) and the scalability structure in it."""

from typing import Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

MAX_PICTURE_ID: Final = 0x7FFF
MAX_SHORT_PICTURE_ID: Final = 0x7F
MAX_REFERENCES: Final = 3
MAX_DIFFERENCE: Final = 0x7F
"""How many pictures back P_DIFF can reach."""
MAX_SIZE: Final = 0xFFFF
"""The largest width or height that a structure can tell."""

_HAS_PICTURE_ID: Final = 0x80
_INTER_PICTURE: Final = 0x40
_HAS_LAYERS: Final = 0x20
_FLEXIBLE: Final = 0x10
_BEGINNING: Final = 0x08
_END: Final = 0x04
_HAS_STRUCTURE: Final = 0x02
_NOT_REFERENCE: Final = 0x01
_LONG_PICTURE_ID: Final = 0x80
_SWITCHING_UP: Final = 0x10
_INTER_LAYER: Final = 0x01
_MORE_REFERENCES: Final = 0x01
_HAS_SIZES: Final = 0x10
_HAS_GROUP: Final = 0x08


@dataclass(slots=True)
class GroupPicture:
    """One picture of a picture group: its layer and what it refers to."""

    temporal_id: int = 0
    switching_up: bool = False
    differences: tuple[int, ...] = ()
    """P_DIFF: how many pictures back each reference is, up to 3 of them, 1 to 255."""


@dataclass(slots=True)
class ScalabilityStructure:
    """SS: the spatial layers and, unless the mode is flexible, how temporal layers repeat.

    ::

        N_S | Y | G | reserved
         3    1   1      3
        width 16, height 16               (Y: N_S + 1 times)
        N_G                               (G)
        TID | U | R | reserved, P_DIFF 8  (N_G times, P_DIFF R times)
         3    1   2      2
    """

    spatial_layer_count: int = 1
    """N_S + 1, 1 to 8."""
    sizes: tuple[tuple[int, int], ...] = ()
    """Width and height of each spatial layer; empty if not told."""
    group: tuple[GroupPicture, ...] | None = None
    """The pictures of a group, in order, up to 255; None if not told."""

    @classmethod
    def parse(cls, payload: bytes, at: int) -> tuple[Self, int]:
        """Parse the structure that begins at an offset of a payload; return it and the offset behind it.

        Raises:
            IndexError: It is cut off.
        """
        first = payload[at]
        at += 1
        structure = cls(1 + (first >> 5))
        if first & _HAS_SIZES:
            end = at + 4 * structure.spatial_layer_count
            payload[end - 1]
            structure.sizes = tuple(
                [(payload[i] << 8 | payload[i + 1], payload[i + 2] << 8 | payload[i + 3]) for i in range(at, end, 4)]
            )
            at = end
        if first & _HAS_GROUP:
            count = payload[at]
            at += 1
            pictures = []
            for _ in range(count):
                flags = payload[at]
                end = at + 1 + (flags >> 2 & MAX_REFERENCES)
                payload[end - 1]
                differences = tuple(payload[at + 1 : end])
                pictures.append(GroupPicture(flags >> 5, bool(flags & _SWITCHING_UP), differences))
                at = end
            structure.group = tuple(pictures)
        return structure, at

    def serialize(self) -> bytes:
        """Return the structure's bytes."""
        first = (self.spatial_layer_count - 1) << 5 | _HAS_SIZES * bool(self.sizes)
        sizes = b"".join([width.to_bytes(2, "big") + height.to_bytes(2, "big") for width, height in self.sizes])
        if self.group is None:
            return bytes([first]) + sizes
        group = bytearray([len(self.group)])
        for picture in self.group:
            group.append(
                picture.temporal_id << 5 | _SWITCHING_UP * picture.switching_up | len(picture.differences) << 2
            )
            group += bytes(picture.differences)
        return bytes([first | _HAS_GROUP]) + sizes + group


@dataclass(slots=True)
class Vp9PayloadDescriptor:
    """What stands before the bitstream in every packet.

    ::

        I P L F B E V Z
        M | picture ID  7 or 15 bits   (I)
        TID | U | SID | D              (L)
         3    1    3    1
        TL0PICIDX                      (L, not F)
        P_DIFF | N, up to 3 times      (F and P)
           7     1
        scalability structure          (V)
    """

    picture_id: int | None = None
    long_picture_id: bool = True
    """Written with 15 bits instead of 7."""
    inter_picture: bool = False
    """P: the layer frame refers to an earlier picture."""
    flexible: bool = False
    """F: references are named in each packet."""
    starts_frame: bool = False
    """B: the first packet of a layer frame."""
    ends_frame: bool = False
    """E: the last packet of a layer frame."""
    not_reference: bool = False
    """Z: no higher spatial layer of this picture needs the layer frame."""
    temporal_id: int | None = None
    """TID, 0 to 7; None if there are no layer indices."""
    switching_up: bool = False
    """U: from this picture on a receiver may go up to its temporal layer."""
    spatial_id: int | None = None
    """SID, 0 to 7."""
    inter_layer: bool = False
    """D: the layer frame refers to the next lower spatial layer of the same picture."""
    tl0picidx: int | None = None
    differences: tuple[int, ...] = ()
    """P_DIFF: how many pictures back each reference is, up to 3 of them, 1 to 127. In flexible mode alone."""
    structure: ScalabilityStructure | None = None

    @classmethod
    def parse(cls, payload: bytes) -> tuple[Self, int]:
        """Parse the descriptor at the beginning of a payload.

        Returns:
            The descriptor and its length in bytes.

        Raises:
            ParseError: The payload ends in it or right behind it, or there are more than three references.
        """
        try:
            return cls._parse(payload)
        except IndexError:
            raise ParseError("the VP9 payload descriptor is cut off") from None

    @classmethod
    def _parse(cls, payload: bytes) -> tuple[Self, int]:
        first = payload[0]
        descriptor = cls(
            inter_picture=bool(first & _INTER_PICTURE),
            flexible=bool(first & _FLEXIBLE),
            starts_frame=bool(first & _BEGINNING),
            ends_frame=bool(first & _END),
            not_reference=bool(first & _NOT_REFERENCE),
        )
        at = 1
        if first & _HAS_PICTURE_ID:
            descriptor.picture_id = payload[at]
            descriptor.long_picture_id = bool(payload[at] & _LONG_PICTURE_ID)
            at += 1
            if descriptor.long_picture_id:
                descriptor.picture_id = (descriptor.picture_id & MAX_SHORT_PICTURE_ID) << 8 | payload[at]
                at += 1
        if first & _HAS_LAYERS:
            layers = payload[at]
            at += 1
            descriptor.temporal_id = layers >> 5
            descriptor.switching_up = bool(layers & _SWITCHING_UP)
            descriptor.spatial_id = layers >> 1 & 7
            descriptor.inter_layer = bool(layers & _INTER_LAYER)
            if not descriptor.flexible:
                descriptor.tl0picidx = payload[at]
                at += 1
        if descriptor.flexible and descriptor.inter_picture:
            at = descriptor._parse_references(payload, at)
        if first & _HAS_STRUCTURE:
            descriptor.structure, at = ScalabilityStructure.parse(payload, at)
        payload[at]  # something of the frame must follow
        return descriptor, at

    def _parse_references(self, payload: bytes, at: int) -> int:
        differences: list[int] = []
        more = True
        while more:
            if len(differences) == MAX_REFERENCES:
                raise ParseError("a VP9 picture has three references at most")
            differences.append(payload[at] >> 1)
            more = bool(payload[at] & _MORE_REFERENCES)
            at += 1
        self.differences = tuple(differences)
        return at

    def serialize(self) -> bytes:
        """Return the descriptor's bytes."""
        first = (
            _INTER_PICTURE * self.inter_picture
            | _FLEXIBLE * self.flexible
            | _BEGINNING * self.starts_frame
            | _END * self.ends_frame
            | _NOT_REFERENCE * self.not_reference
        )
        fields = b""
        if self.picture_id is not None:
            first |= _HAS_PICTURE_ID
            fields += (
                (0x8000 | self.picture_id).to_bytes(2, "big") if self.long_picture_id else bytes([self.picture_id])
            )
        if self.temporal_id is not None:
            first |= _HAS_LAYERS
            layers = self.temporal_id << 5 | (self.spatial_id or 0) << 1
            fields += bytes([layers | _SWITCHING_UP * self.switching_up | _INTER_LAYER * self.inter_layer])
            if not self.flexible:
                fields += bytes([self.tl0picidx or 0])
        if self.flexible and self.inter_picture:
            last = len(self.differences) - 1
            fields += bytes([difference << 1 | (i < last) for i, difference in enumerate(self.differences)])
        if self.structure is not None:
            first |= _HAS_STRUCTURE
            fields += self.structure.serialize()
        return bytes([first]) + fields
