"""FORWARD TSN and I-FORWARD-TSN, byte by byte."""

import pytest

from rtc_sctp import ForwardTsnChunk, IForwardTsnChunk, ParseError

FORWARD_TSN = bytes.fromhex("c0000010 01020304 0005 0006 0007 0008")
I_FORWARD_TSN = bytes.fromhex("c2000018 01020304 0005 0000 00000006 0007 0001 00000008")


@pytest.mark.spec("rfc3758:3.2/4")
def test_forward_tsn_on_the_wire() -> None:
    chunk = ForwardTsnChunk(0x0102_0304, ((5, 6), (7, 8)))

    assert chunk.serialize() == FORWARD_TSN
    assert ForwardTsnChunk.parse(0, FORWARD_TSN[4:]) == chunk


@pytest.mark.spec("rfc8260:2.3.1/2", "rfc8260:2.3.1/3")
def test_i_forward_tsn_on_the_wire() -> None:
    chunk = IForwardTsnChunk(0x0102_0304, ((5, False, 6), (7, True, 8)))

    assert chunk.serialize() == I_FORWARD_TSN
    assert IForwardTsnChunk.parse(0, I_FORWARD_TSN[4:]) == chunk


@pytest.mark.spec("rfc8260:2.3.1/2", "rfc8260:2.3.1/3")
def test_reserved_bits_of_i_forward_tsn_are_ignored_and_sent_as_zero() -> None:
    value = bytearray(I_FORWARD_TSN[4:])
    value[6:8] = b"\xff\xfe"
    value[14:16] = b"\xff\xff"

    chunk = IForwardTsnChunk.parse(0xFF, bytes(value))

    assert chunk.serialize() == I_FORWARD_TSN


@pytest.mark.parametrize("kind", [ForwardTsnChunk, IForwardTsnChunk])
def test_no_stream_need_be_listed(kind: type[ForwardTsnChunk | IForwardTsnChunk]) -> None:
    assert kind(7).serialize() == bytes([kind.TYPE, 0, 0, 8, 0, 0, 0, 7])
    assert kind.parse(0, bytes([0, 0, 0, 7])) == kind(7)


@pytest.mark.parametrize("length", [0, 3, 5, 6, 9])
@pytest.mark.parametrize("kind", [ForwardTsnChunk, IForwardTsnChunk])
def test_broken_entries_are_refused(kind: type[ForwardTsnChunk | IForwardTsnChunk], length: int) -> None:
    with pytest.raises(ParseError):
        kind.parse(0, bytes(length))


def test_half_an_entry_of_i_forward_tsn_is_refused() -> None:
    with pytest.raises(ParseError):
        IForwardTsnChunk.parse(0, bytes(8))
