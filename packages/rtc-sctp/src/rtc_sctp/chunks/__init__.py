"""The chunks, one idea to a file. See :rfc:`9260#section-3.3`, :rfc:`3758`, :rfc:`4820`, :rfc:`6525` and :rfc:`8260`."""

from .chunk import Chunk, KnownChunk, UnknownChunk
from .control import (
    FLAG_REFLECTED_TAG,
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
from .data import (
    DATA_HEADER_LENGTH,
    FLAG_BEGINNING,
    FLAG_ENDING,
    FLAG_IMMEDIATE,
    FLAG_UNORDERED,
    I_DATA_HEADER_LENGTH,
    DataChunk,
    IDataChunk,
)
from .forward_tsn import (
    FORWARD_TSN_ENTRY_LENGTH,
    FORWARD_TSN_LENGTH,
    I_FORWARD_TSN_ENTRY_LENGTH,
    ForwardTsnChunk,
    IForwardTsnChunk,
)
from .init import MINIMUM_A_RWND, InitAckChunk, InitChunk
from .pad import PadChunk
from .reconfig import ReconfigChunk
from .registry import CHUNKS, PARTIAL_CHUNK, parse_chunk
from .sack import SACK_ENTRY_LENGTH, SACK_LENGTH, SackChunk

__all__ = [
    "AbortChunk",
    "CHUNKS",
    "Chunk",
    "CookieAckChunk",
    "CookieEchoChunk",
    "DATA_HEADER_LENGTH",
    "DataChunk",
    "ErrorChunk",
    "FLAG_BEGINNING",
    "FLAG_ENDING",
    "FLAG_IMMEDIATE",
    "FLAG_REFLECTED_TAG",
    "FLAG_UNORDERED",
    "FORWARD_TSN_ENTRY_LENGTH",
    "FORWARD_TSN_LENGTH",
    "ForwardTsnChunk",
    "HeartbeatAckChunk",
    "HeartbeatChunk",
    "IDataChunk",
    "IForwardTsnChunk",
    "I_DATA_HEADER_LENGTH",
    "I_FORWARD_TSN_ENTRY_LENGTH",
    "InitAckChunk",
    "InitChunk",
    "KnownChunk",
    "MINIMUM_A_RWND",
    "PARTIAL_CHUNK",
    "PadChunk",
    "ReconfigChunk",
    "SACK_ENTRY_LENGTH",
    "SACK_LENGTH",
    "SackChunk",
    "ShutdownAckChunk",
    "ShutdownChunk",
    "ShutdownCompleteChunk",
    "UnknownChunk",
    "parse_chunk",
]
