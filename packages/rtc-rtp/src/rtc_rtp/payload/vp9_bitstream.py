"""As much of the VP9 bitstream as a payload format needs: the frame's first bits, and superframes."""

from typing import Final

from rtc_rtp.bits import BitReader
from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

_FRAME_MARKER: Final = 2
_SYNC_CODE: Final = 0x49_83_42
_SRGB: Final = 7
_INDEX_MARKER: Final = 0b110
MAX_SUPERFRAME: Final = 8
"""Frames that one superframe may hold."""


@dataclass(slots=True, frozen=True)
class Vp9FrameHeader:
    """The beginning of the uncompressed header of a frame."""

    profile: int
    keyframe: bool
    width: int | None = None
    """Pixels, in key frames alone."""
    height: int | None = None

    @classmethod
    def parse(cls, data: bytes) -> "Vp9FrameHeader":
        """Parse the first bytes of a frame.

        Raises:
            ParseError: It is not the beginning of a VP9 frame.

        See the VP9 bitstream specification, section 6.2.
        """
        bits = BitReader(data[:16])
        if bits.read(2) != _FRAME_MARKER:
            raise ParseError("not a VP9 frame")
        profile = bits.read(1) | bits.read(1) << 1
        if profile == 3:
            bits.skip(1)
        shows_existing = bits.read_flag()
        if shows_existing:
            return cls(profile, keyframe=False)
        keyframe = not bits.read(1)
        if not keyframe:
            return cls(profile, keyframe=False)
        bits.skip(2)
        if bits.read(24) != _SYNC_CODE:
            raise ParseError("a VP9 key frame without its sync code")
        if profile >= 2:
            bits.skip(1)
        if bits.read(3) != _SRGB:
            bits.skip(1)
            if profile & 1:
                bits.skip(3)
        elif profile & 1:
            bits.skip(1)
        return cls(profile, keyframe=True, width=bits.read(16) + 1, height=bits.read(16) + 1)


def join_superframe(frames: list[bytes]) -> bytes:
    """Join the layer frames of one picture, with the index behind them that tells decoders where each ends.

    ::

        110 | length of a size - 1 | count - 1     size of each frame, low byte first     the first byte again
         3             2                3

    See annex B of the VP9 bitstream specification.
    """
    if len(frames) == 1:
        return frames[0]
    size_length = (max([len(frame) for frame in frames]).bit_length() + 7) // 8
    marker = bytes([_INDEX_MARKER << 5 | (size_length - 1) << 3 | (len(frames) - 1)])
    sizes = [len(frame).to_bytes(size_length, "little") for frame in frames]
    return b"".join([*frames, marker, *sizes, marker])


def split_superframe(data: bytes) -> list[bytes]:
    """Return the frames of a superframe without its index; all data as one frame if there is no index."""
    marker = data[-1] if data else 0
    if marker >> 5 != _INDEX_MARKER:
        return [data]
    count = (marker & 7) + 1
    size_length = (marker >> 3 & 3) + 1
    index_at = len(data) - 2 - count * size_length
    if index_at < 0 or data[index_at] != marker:
        return [data]
    frames = []
    at = 0
    for i in range(index_at + 1, len(data) - 1, size_length):
        size = int.from_bytes(data[i : i + size_length], "little")
        frames.append(data[at : at + size])
        at += size
    return frames if at == index_at and all(frames) else [data]
