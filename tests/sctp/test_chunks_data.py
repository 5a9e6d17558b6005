"""DATA and I-DATA, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_sctp import FLAG_BEGINNING, FLAG_ENDING, FLAG_IMMEDIATE, FLAG_UNORDERED, DataChunk, IDataChunk, ParseError
from rtc_sctp.chunks import DATA_HEADER_LENGTH, I_DATA_HEADER_LENGTH

DATA = bytes.fromhex("00030015 01020304 0506 0708 090a0b0c 6162636465 000000")
I_DATA = bytes.fromhex("40030019 01020304 0506 0000 11121314 090a0b0c 6162636465 000000")


@pytest.mark.spec(
    "rfc9260:3.3.1/1", "rfc9260:3.3.1/7", "rfc9260:3.3.1/8", "rfc9260:3.3.1/9", "rfc9260:3.3.1/10", "rfc9260:3/2"
)
def test_data_on_the_wire() -> None:
    chunk = DataChunk(0x0102_0304, 0x0506, 0x0708, 0x090A_0B0C, b"abcde", FLAG_BEGINNING | FLAG_ENDING)

    assert chunk.serialize() == DATA
    assert DataChunk.parse(DATA[1], DATA[4:21]) == chunk
    assert DATA_HEADER_LENGTH + len(chunk.payload) == int.from_bytes(DATA[2:4])


@pytest.mark.spec("rfc8260:2.1/3")
def test_i_data_on_the_wire() -> None:
    chunk = IDataChunk(0x0102_0304, 0x0506, 0x1112_1314, 0x090A_0B0C, b"abcde", FLAG_BEGINNING | FLAG_ENDING)

    assert chunk.serialize() == I_DATA
    assert IDataChunk.parse(I_DATA[1], I_DATA[4:25]) == chunk
    assert I_DATA_HEADER_LENGTH + len(chunk.payload) == int.from_bytes(I_DATA[2:4])


@pytest.mark.parametrize("kind", [DataChunk, IDataChunk])
@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (FLAG_ENDING, "ending"),
        (FLAG_BEGINNING, "beginning"),
        (FLAG_UNORDERED, "unordered"),
        (FLAG_IMMEDIATE, "immediate"),
    ],
)
@pytest.mark.spec("rfc9260:3.3.1/1")
def test_each_flag_has_its_bit(kind: type[DataChunk | IDataChunk], flag: int, name: str) -> None:
    value = bytes(17)
    names = {"ending", "beginning", "unordered", "immediate"}

    chunk = kind.parse(flag, value)

    assert {other for other in names if getattr(chunk, other)} == {name}
    assert {other for other in names if not getattr(kind.parse(~flag & 0xFF, value), other)} == {name}


@pytest.mark.spec("rfc8260:2.1/1", "rfc8260:2.1/3")
def test_reserved_bits_of_i_data_are_ignored_and_sent_as_zero() -> None:
    value = bytearray(I_DATA[4:25])
    value[6:8] = b"\xff\xff"

    chunk = IDataChunk.parse(0xF3, bytes(value))

    assert chunk.serialize() == I_DATA
    assert IDataChunk(0, 0, 0, 0, b"a", 0xF3).serialize()[1] == 0x03


def test_the_first_fragment_has_number_zero_and_the_others_their_own() -> None:
    assert IDataChunk(1, 2, 3, 51, b"a", FLAG_BEGINNING).fragment_sequence == 0
    assert IDataChunk(1, 2, 3, 51, b"a", 0).fragment_sequence == 51


@given(st.integers(0, 12))
def test_data_without_fixed_fields_or_payload_are_refused(length: int) -> None:
    with pytest.raises(ParseError):
        DataChunk.parse(3, bytes(length))


@given(st.integers(0, 16))
def test_i_data_without_fixed_fields_or_payload_are_refused(length: int) -> None:
    with pytest.raises(ParseError):
        IDataChunk.parse(3, bytes(length))
