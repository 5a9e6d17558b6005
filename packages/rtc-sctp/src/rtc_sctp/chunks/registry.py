"""From the type of a chunk to its class."""

from typing import Final

from rtc_sctp.errors import ParseError

from .chunk import Chunk, KnownChunk, UnknownChunk
from .control import (
    AbortChunk,
    CookieAckChunk,
    CookieEchoChunk,
    ErrorChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
)
from .data import DataChunk, IDataChunk
from .forward_tsn import ForwardTsnChunk, IForwardTsnChunk
from .init import InitAckChunk, InitChunk
from .pad import PadChunk
from .reconfig import ReconfigChunk
from .sack import SackChunk

PARTIAL_CHUNK: Final = -1
"""Stands for the type of what is not a whole chunk; see `split_chunks`."""

CHUNKS: Final[dict[int, type[KnownChunk]]] = {
    chunk.TYPE: chunk
    for chunk in (
        DataChunk,
        InitChunk,
        InitAckChunk,
        SackChunk,
        HeartbeatChunk,
        HeartbeatAckChunk,
        AbortChunk,
        ShutdownChunk,
        ShutdownAckChunk,
        ErrorChunk,
        CookieEchoChunk,
        CookieAckChunk,
        ShutdownCompleteChunk,
        IDataChunk,
        ReconfigChunk,
        PadChunk,
        ForwardTsnChunk,
        IForwardTsnChunk,
    )
}
"""Every chunk that has a class, by its type."""


def parse_chunk(type_: int, flags: int, value: bytes) -> Chunk:
    """Read one chunk as `split_chunks` cuts it out.

    Raises:
        ParseError: The chunk is malformed, or was not whole.
    """
    known = CHUNKS.get(type_)
    if known is not None:
        return known.parse(flags, value)
    # [rfc9260:6.10/7]
    if type_ == PARTIAL_CHUNK:
        raise ParseError(f"the last {len(value)} bytes are not a whole chunk")
    return UnknownChunk(type_, flags, value)
