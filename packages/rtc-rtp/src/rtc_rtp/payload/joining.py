"""A frame, made from the packets that carried it."""

from collections.abc import Callable, Sequence

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame, FrameMetadata
from rtc_rtp.packet import RtpPacket


def joined_frame(
    packets: Sequence[RtpPacket],
    data: bytes,
    mime_type: str,
    *,
    keyframe: bool = True,
    metadata: FrameMetadata | None = None,
) -> EncodedFrame:
    """Return a frame with what the headers of its packets tell."""
    first = packets[0]
    return EncodedFrame(
        data=data,
        timestamp=first.timestamp,
        keyframe=keyframe,
        payload_type=first.payload_type,
        ssrc=first.ssrc,
        csrcs=tuple(first.csrcs),
        mime_type=mime_type,
        metadata=metadata,
        first_sequence_number=first.sequence_number,
        last_sequence_number=packets[-1].sequence_number,
    )


def set_size(metadata: FrameMetadata, read_size: Callable[[bytes], tuple[int, int]], header: bytes) -> None:
    """Note the size that a header of the bitstream tells, if it can be read: a decoder may know more of it than we do."""
    try:
        metadata.width, metadata.height = read_size(header)
    except ParseError:
        return
