"""SACK, byte by byte."""

import pytest

from rtc_sctp import ParseError, SackChunk

SACK = bytes.fromhex("0300 0020 01020304 00010000 0002 0002 0002 0003 0005 0005 0a0b0c0d 0a0b0c0e")


@pytest.mark.spec("rfc9260:3.3.4/1", "rfc9260:3.3.4/3", "rfc9260:3/2")
def test_sack_on_the_wire() -> None:
    chunk = SackChunk(0x0102_0304, 0x10000, ((2, 3), (5, 5)), (0x0A0B_0C0D, 0x0A0B_0C0E))

    assert chunk.serialize() == SACK
    assert SackChunk.parse(0, SACK[4:]) == chunk


@pytest.mark.spec("rfc9260:3.3.4/1")
def test_a_sack_without_gaps_and_duplicates_says_so() -> None:
    data = bytes.fromhex("0300 0010 01020304 00010000 0000 0000")

    assert SackChunk(0x0102_0304, 0x10000).serialize() == data
    assert SackChunk.parse(0, data[4:]) == SackChunk(0x0102_0304, 0x10000)


@pytest.mark.parametrize("change", [-4, -1, 1, 4])
def test_counts_that_do_not_fit_the_length_are_refused(change: int) -> None:
    value = SACK[4:] + bytes(4)

    with pytest.raises(ParseError):
        SackChunk.parse(0, value[: len(SACK) - 4 + change])


@pytest.mark.parametrize("gap", ["0003 0002", "0000 0001", "0000 0000"])
def test_a_gap_block_that_is_none_is_refused(gap: str) -> None:
    with pytest.raises(ParseError, match="gap block"):
        SackChunk.parse(0, bytes.fromhex("01020304 00010000 0001 0000" + gap))


def test_fixed_fields_are_required() -> None:
    for length in range(12):
        with pytest.raises(ParseError):
            SackChunk.parse(0, bytes(length))


def test_more_blocks_than_fit_into_a_chunk_are_not_written() -> None:
    assert len(SackChunk(0, 0, ((1, 1),) * 16_379).serialize()) == 65_532
    with pytest.raises(ValueError, match="do not fit"):
        SackChunk(0, 0, ((1, 1),) * 16_380).serialize()
