"""What all chunks have in common: header, padding, round trips, and what to do with those of unknown type."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import blobs, chunks, uint8

from rtc_sctp import (
    CHUNKS,
    PARTIAL_CHUNK,
    Chunk,
    CookieAckChunk,
    DataChunk,
    KnownChunk,
    PadChunk,
    ParseError,
    ShutdownAckChunk,
    ShutdownCompleteChunk,
    UnknownChunk,
    parse_chunk,
)


def read(data: bytes) -> Chunk:
    """Parse one serialized chunk by its own length field."""
    length = int.from_bytes(data[2:4])
    return parse_chunk(data[0], data[1], data[4:length])


@given(chunks)
def test_what_is_written_is_read_back(chunk: Chunk) -> None:
    assert read(chunk.serialize()) == chunk


@given(chunks)
@pytest.mark.spec("rfc9260:3.2/4", "rfc9260:3.2/5", "rfc9260:3.2/6", "rfc9260:3/2")
def test_padding_is_zeros_up_to_a_multiple_of_four_and_not_counted(chunk: Chunk) -> None:
    data = chunk.serialize()

    length = int.from_bytes(data[2:4], "big")
    assert len(data) % 4 == 0
    assert len(data) - length in range(4)
    assert data[length:] == bytes(len(data) - length)


@given(chunks)
def test_chunks_are_plain_data(chunk: Chunk) -> None:
    assert copy.deepcopy(chunk) == chunk
    assert pickle.loads(pickle.dumps(chunk)) == chunk


@pytest.mark.parametrize(
    ("type_", "skip", "report"),
    [(0x3F, False, False), (0x7F, False, True), (0xBF, True, False), (0xFF, True, True)],
)
def test_two_bits_of_an_unknown_type_say_what_to_do(type_: int, skip: bool, report: bool) -> None:
    chunk = parse_chunk(type_, 5, b"abc")

    assert isinstance(chunk, UnknownChunk)
    assert (chunk.skip, chunk.report) == (skip, report)
    assert chunk.serialize() == bytes([type_, 5, 0, 7]) + b"abc\0"


def test_the_registry_names_every_type_once() -> None:
    assert sorted(CHUNKS) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 64, 130, 132, 192, 194]
    assert all(type_ == chunk.TYPE for type_, chunk in CHUNKS.items())


@pytest.mark.spec("rfc9260:6.10/7")
def test_a_partial_chunk_is_refused() -> None:
    with pytest.raises(ParseError, match="not a whole chunk"):
        parse_chunk(PARTIAL_CHUNK, 0, b"\0\0")


@pytest.mark.parametrize("chunk", [CookieAckChunk, ShutdownAckChunk, ShutdownCompleteChunk])
def test_a_chunk_without_value_is_four_bytes(chunk: type[KnownChunk]) -> None:
    assert chunk.parse(0, b"").serialize() == bytes([chunk.TYPE, 0, 0, 4])
    with pytest.raises(ParseError, match="no value"):
        chunk.parse(0, b"\0")


def test_a_pad_chunk_has_the_length_it_is_asked_for() -> None:
    assert PadChunk(11).serialize() == bytes([132, 0, 0, 11]) + bytes(8)
    assert PadChunk.parse(0, b"ignored") == PadChunk(11)
    with pytest.raises(ValueError, match="at least 4"):
        PadChunk(3).serialize()


@pytest.mark.parametrize(
    "chunk", [UnknownChunk(0xFF, 0, bytes(65_532)), PadChunk(65_536), DataChunk(0, 0, 0, 0, bytes(65_520), 3)]
)
def test_a_chunk_longer_than_its_length_field_is_not_written(chunk: Chunk) -> None:
    with pytest.raises(ValueError, match="65535"):
        chunk.serialize()


@given(st.integers(0, 255), uint8, blobs)
def test_any_bytes_are_a_chunk_or_a_parse_error(type_: int, flags: int, value: bytes) -> None:
    try:
        chunk = parse_chunk(type_, flags, value)
    except ParseError:
        return

    assert read(chunk.serialize()) == chunk
