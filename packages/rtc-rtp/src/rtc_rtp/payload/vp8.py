"""VP8 (:rfc:`7741`): the payload descriptor before every payload, and frames cut without regard to partitions."""

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.fragments import check_limit, fragment_length
from rtc_rtp.payload.joining import joined_frame

MAX_PICTURE_ID: Final = 0x7FFF
MAX_SHORT_PICTURE_ID: Final = 0x7F
_TL0PICIDX_COUNT: Final = 0x100

_EXTENDED: Final = 0x80
_NON_REFERENCE: Final = 0x20
_START: Final = 0x10
_PARTITION: Final = 0x07
_STARTS_FRAME: Final = _START  # S is set and PID is 0
_HAS_PICTURE_ID: Final = 0x80
_HAS_TL0PICIDX: Final = 0x40
_HAS_TID: Final = 0x20
_HAS_KEYIDX: Final = 0x10
_LONG_PICTURE_ID: Final = 0x80
_LAYER_SYNC: Final = 0x20
_INTERFRAME: Final = 0x01
_KEYFRAME_HEADER_LENGTH: Final = 10
_START_CODE: Final = b"\x9d\x01\x2a"
_SIZE: Final = 0x3FFF
_NUMBERED: Final = Struct("!BBH")
"""A descriptor with a PictureID of 15 bits and nothing else."""


@dataclass(slots=True)
class Vp8PayloadDescriptor:
    """What stands before the bitstream in every packet.

    ::

        X R N S R | PID       X: an octet of I L T K follows
        I L T K   | reserved
        M | PictureID  7 or 15 bits   (I)
        TL0PICIDX                     (L)
        TID | Y | KEYIDX              (T or K)
         2    1     5

    See :rfc:`7741#section-4.2`.
    """

    starts_partition: bool = False
    """S: the payload begins with the beginning of a partition."""
    partition: int = 0
    """PID, 0 to 7."""
    non_reference: bool = False
    """N: no other frame needs this one."""
    picture_id: int | None = None
    long_picture_id: bool = True
    """Written with 15 bits instead of 7."""
    tl0picidx: int | None = None
    temporal_id: int | None = None
    """TID, 0 to 3."""
    layer_sync: bool = False
    """Y: from this frame on a receiver may go up to its temporal layer."""
    key_index: int | None = None
    """KEYIDX, 0 to 31."""

    @property
    def starts_frame(self) -> bool:
        """Whether the packet is the first of its frame."""
        return self.starts_partition and not self.partition

    @classmethod
    def parse(cls, payload: bytes) -> tuple[Self, int]:
        """Parse the descriptor at the beginning of a payload.

        Returns:
            The descriptor and its length in bytes.

        Raises:
            ParseError: The payload ends in it, or right behind it.
        """
        try:
            first = payload[0]
            # [rfc7741:4.2/3] The reserved bits are not looked at.
            descriptor = cls(bool(first & _START), first & _PARTITION, bool(first & _NON_REFERENCE))
            at = 1
            if first & _EXTENDED:
                present = payload[1]
                at = 2
                if present & _HAS_PICTURE_ID:
                    picture_id = payload[at]
                    at += 1
                    # [rfc7741:4.2/20] Each packet says by itself how many bits it has.
                    if picture_id & _LONG_PICTURE_ID:
                        picture_id = (picture_id & MAX_SHORT_PICTURE_ID) << 8 | payload[at]
                        at += 1
                    else:
                        descriptor.long_picture_id = False
                    descriptor.picture_id = picture_id
                if present & _HAS_TL0PICIDX:
                    descriptor.tl0picidx = payload[at]
                    at += 1
                if present & (_HAS_TID | _HAS_KEYIDX):
                    # [rfc7741:4.2/14] [rfc7741:4.2/15] Of the octet only what is announced is looked at.
                    if present & _HAS_TID:
                        descriptor.temporal_id = payload[at] >> 6
                    descriptor.layer_sync = bool(payload[at] & _LAYER_SYNC)
                    if present & _HAS_KEYIDX:
                        descriptor.key_index = payload[at] & 0x1F
                    at += 1
            payload[at]  # something of the frame must follow
        except IndexError:
            raise ParseError("the VP8 payload descriptor is cut off") from None
        return descriptor, at

    def serialize(self) -> bytes:
        """Return the descriptor's bytes."""
        first = _START * self.starts_partition | _NON_REFERENCE * self.non_reference | self.partition
        present = 0
        fields = b""
        if self.picture_id is not None:
            present |= _HAS_PICTURE_ID
            # [rfc7741:4.2/11] [rfc7741:4.2/17]
            fields += (
                (0x8000 | self.picture_id).to_bytes(2, "big") if self.long_picture_id else bytes([self.picture_id])
            )
        if self.tl0picidx is not None:
            present |= _HAS_TL0PICIDX
            fields += bytes([self.tl0picidx])
        if self.temporal_id is not None or self.key_index is not None:
            # [rfc7741:4.2/13]
            present |= _HAS_TID * (self.temporal_id is not None) | _HAS_KEYIDX * (self.key_index is not None)
            fields += bytes([(self.temporal_id or 0) << 6 | _LAYER_SYNC * self.layer_sync | (self.key_index or 0)])
        # [rfc7741:4.2/1] [rfc7741:4.2/2] [rfc7741:4.2/16] The extension octet is there if and only if one of its fields is.
        return bytes([first | _EXTENDED, present]) + fields if present else bytes([first])


class Vp8Format:
    """VP8 for one stream in one direction: numbers the frames it cuts.

    A frame whose metadata names a temporal layer is sent with TL0PICIDX and TID.

    See :rfc:`7741`.
    """

    # [rfc7741:6.2.1/2] [rfc7741:6.2.1/3] [rfc3551:5/1]
    mime_type: ClassVar = "video/VP8"
    clock_rate: ClassVar = 90000

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = dict(parameters)
        self.next_picture_id = 0
        """PictureID of the next frame to be cut, 15 bits. Set it to go on with a stream, or to begin anywhere."""
        self.tl0picidx = 0
        """TL0PICIDX of the last frame of temporal layer 0 that was cut, 8 bits."""

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut a frame, see `PayloadFormat.packetize`."""
        check_limit(max_payload_length)
        data = frame.data
        if not data:
            return []
        header = self._describe(frame)
        # [rfc7741:4.4/1] [rfc7741:4.2/6] [rfc7741:4.2/8] [rfc7741:4.2/10] [rfc7741:4.4/3] Partitions stay as they are: PID is 0, S is set once.
        next_header = bytes((header[0] & ~_START,)) + header[1:]
        size = len(data)
        length = fragment_length(size, max_payload_length - len(header))
        payloads: list[tuple[bytes, bool]] = []
        for at in range(0, size, length):
            end = at + length
            # [rfc7741:4.4/5] [rfc7741:4.1/2] [rfc3551:5/2] The last packet is marked.
            payloads.append((header + data[at:end], end >= size))
            header = next_header
        return payloads

    def _describe(self, frame: EncodedFrame) -> bytes:
        """Return the descriptor of the frame's first packet."""
        metadata = frame.metadata
        # [rfc7741:4.2/18] [rfc7741:4.2/19]
        picture_id = self.next_picture_id
        self.next_picture_id = (picture_id + 1) & MAX_PICTURE_ID
        # [rfc7741:4.2/4] Known not to be a reference, or taken for one.
        non_reference = metadata is not None and metadata.discardable
        if metadata is None or metadata.temporal_id is None:
            # What nearly all frames have: a number, and no layers.
            first = _EXTENDED | _STARTS_FRAME | (_NON_REFERENCE if non_reference else 0)
            return _NUMBERED.pack(first, _HAS_PICTURE_ID, _LONG_PICTURE_ID << 8 | picture_id)
        if not metadata.temporal_id:
            # [rfc7741:4.2/21] [rfc7741:4.2/22]
            self.tl0picidx = (self.tl0picidx + 1) % _TL0PICIDX_COUNT
        return Vp8PayloadDescriptor(
            # [rfc7741:4.2/7] The first packet of a frame has S and PID 0.
            starts_partition=True,
            partition=0,
            non_reference=non_reference,
            picture_id=picture_id,
            # [rfc7741:4.2/12] [rfc7741:4.2/23] [rfc7741:4.2/24] TL0PICIDX and TID go together.
            tl0picidx=self.tl0picidx,
            temporal_id=metadata.temporal_id,
            # [rfc7741:4.2/26] [rfc7741:4.2/27] The encoder knows, or it is not set.
            layer_sync=metadata.layer_sync,
        ).serialize()

    def starts_frame(self, payload: bytes) -> bool:
        """Tell whether S is set and PID 0."""
        return bool(payload) and payload[0] & (_START | _PARTITION) == _STARTS_FRAME

    def ends_frame(self, packet: RtpPacket) -> bool:
        """Tell whether the packet is marked."""
        return packet.marker

    def starts_keyframe(self, payload: bytes) -> bool:
        """Tell whether a frame begins here whose header says that it is a key frame."""
        if not self.starts_frame(payload):
            return False
        try:
            _, at = Vp8PayloadDescriptor.parse(payload)
        except ParseError:
            return False
        return not payload[at] & _INTERFRAME

    def follows(self, payload: bytes, frame_id: int, /) -> bool:
        """Tell whether the frame with the next PictureID begins here."""
        try:
            descriptor, _ = Vp8PayloadDescriptor.parse(payload)
        except ParseError:
            return False
        mask = MAX_PICTURE_ID if descriptor.long_picture_id else MAX_SHORT_PICTURE_ID
        return descriptor.starts_frame and descriptor.picture_id == (frame_id + 1) & mask

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of a frame, see `PayloadFormat.assemble`."""
        payload = packets[0].payload
        first, length = Vp8PayloadDescriptor.parse(payload)
        if first.partition or not first.starts_partition:
            raise ParseError("the first packet does not begin a frame")
        pieces = [payload[length:]]
        # What follows usually has the same descriptor, but for the S bit.
        usual = bytes((payload[0] ^ _START,)) + payload[1:length]
        for packet in packets[1:]:
            payload, at = packet.payload, length
            if not payload.startswith(usual) or len(payload) == length:
                descriptor, at = Vp8PayloadDescriptor.parse(payload)
                # [rfc7741:4.4/4] All packets hold data of the same frame.
                if descriptor.starts_frame or descriptor.picture_id != first.picture_id:
                    raise ParseError("packets of two frames")
            pieces.append(payload[at:])
        data = b"".join(pieces)
        keyframe = not data[0] & _INTERFRAME
        metadata = FrameMetadata(
            temporal_id=first.temporal_id,
            layer_sync=first.layer_sync,
            frame_id=first.picture_id,
            base_layer_index=first.tl0picidx,
            key_frame_index=first.key_index,
            discardable=first.non_reference,
        )
        if keyframe:
            metadata.width, metadata.height = keyframe_size(data)
        return joined_frame(packets, data, self.mime_type, keyframe=keyframe, metadata=metadata)

    def duration(self, payload: bytes) -> None:
        """Return None: video does not say how long it lasts."""


def keyframe_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels from the header of a VP8 key frame.

    Raises:
        ParseError: It is not one.

    See :rfc:`6386#section-9.1`.
    """
    if len(data) < _KEYFRAME_HEADER_LENGTH or data[0] & _INTERFRAME or data[3:6] != _START_CODE:
        raise ParseError("not a VP8 key frame")
    return int.from_bytes(data[6:8], "little") & _SIZE, int.from_bytes(data[8:10], "little") & _SIZE
