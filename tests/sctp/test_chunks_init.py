"""INIT and INIT ACK, byte by byte."""

import pytest

from rtc_sctp import (
    Chunk,
    ForwardTsnSupported,
    InitAckChunk,
    InitChunk,
    ParseError,
    StateCookie,
    SupportedExtensions,
    UnknownParameter,
    ZeroChecksumAcceptable,
)

FIELDS = bytes.fromhex("01020304 00020000 0506 0708 090a0b0c")


@pytest.mark.spec("rfc9260:3.3.2/5", "rfc9260:3.3.2.1/1", "rfc9260:3/2")
def test_init_on_the_wire() -> None:
    parameters = (ForwardTsnSupported(), SupportedExtensions((130, 192)), ZeroChecksumAcceptable(1))
    chunk = InitChunk(0x0102_0304, 0x20000, 0x0506, 0x0708, 0x090A_0B0C, parameters)

    data = chunk.serialize()

    assert data == bytes.fromhex("01000028") + FIELDS + bytes.fromhex("c0000004 80080006 82c00000 80010008 00000001")
    assert InitChunk.parse(0, data[4:]) == chunk


@pytest.mark.spec("rfc9260:3.3.3/3", "rfc9260:3.3.3.1/2", "rfc9260:3/2")
def test_init_ack_on_the_wire() -> None:
    chunk = InitAckChunk(0x0102_0304, 0x20000, 0x0506, 0x0708, 0x090A_0B0C, (StateCookie(b"a"),))

    data = chunk.serialize()

    assert data == bytes.fromhex("02000019") + FIELDS + bytes.fromhex("00070005 61000000")
    assert InitAckChunk.parse(0, data[4:]) == chunk


@pytest.mark.parametrize("kind", [InitChunk, InitAckChunk])
@pytest.mark.spec("rfc9260:3.3.2/5", "rfc9260:3.3.3/3")
def test_flags_are_ignored_and_sent_as_zero(kind: type[InitChunk | InitAckChunk]) -> None:
    chunk = kind.parse(0xFF, FIELDS)

    assert chunk == kind.parse(0, FIELDS)
    assert chunk.serialize()[1] == 0


@pytest.mark.parametrize("kind", [InitChunk, InitAckChunk])
def test_a_missing_fixed_field_is_refused(kind: type[InitChunk | InitAckChunk]) -> None:
    for length in range(16):
        with pytest.raises(ParseError):
            kind.parse(0, FIELDS[:length])


@pytest.mark.parametrize("kind", [InitChunk, InitAckChunk])
def test_the_padding_of_the_last_parameter_may_be_missing(kind: type[InitChunk | InitAckChunk]) -> None:
    chunk = kind.parse(0, FIELDS + bytes.fromhex("80080006 82c0"))

    assert chunk.parameters == (SupportedExtensions((130, 192)),)


def test_the_two_are_never_equal() -> None:
    init: Chunk = InitChunk.parse(0, FIELDS)
    init_ack: Chunk = InitAckChunk.parse(0, FIELDS)

    assert init != init_ack


@pytest.mark.parametrize("kind", [InitChunk, InitAckChunk])
def test_unknown_optional_parameters_do_not_spoil_the_chunk(kind: type[InitChunk | InitAckChunk]) -> None:
    chunk = kind.parse(0, FIELDS + bytes.fromhex("8fff0005 61000000 3fff0004"))

    assert chunk.parameters == (UnknownParameter(0x8FFF, b"a"), UnknownParameter(0x3FFF))
    assert chunk.initiate_tag == 0x0102_0304
