"""RE-CONFIG and its parameters, byte by byte."""

import pytest

from rtc_sctp import (
    AddIncomingStreams,
    AddOutgoingStreams,
    IncomingSsnResetRequest,
    KnownParameter,
    OutgoingSsnResetRequest,
    ParseError,
    ReconfigChunk,
    ReconfigurationResponse,
    ReconfigurationResult,
    SsnTsnResetRequest,
)

VECTORS: list[tuple[KnownParameter, str]] = [
    (OutgoingSsnResetRequest(1, 2, 3, (4, 5)), "000d0014 00000001 00000002 00000003 0004 0005"),
    (OutgoingSsnResetRequest(1, 2, 3, (4,)), "000d0012 00000001 00000002 00000003 0004 0000"),
    (OutgoingSsnResetRequest(1, 2, 3), "000d0010 00000001 00000002 00000003"),
    (IncomingSsnResetRequest(1, (4,)), "000e000a 00000001 0004 0000"),
    (IncomingSsnResetRequest(1), "000e0008 00000001"),
    (SsnTsnResetRequest(1), "000f0008 00000001"),
    (ReconfigurationResponse(1, ReconfigurationResult.DENIED), "0010000c 00000001 00000002"),
    (ReconfigurationResponse(1, 1, (7, 8)), "00100014 00000001 00000001 00000007 00000008"),
    (AddOutgoingStreams(1, 9), "0011000c 00000001 0009 0000"),
    (AddIncomingStreams(1, 9), "0012000c 00000001 0009 0000"),
]


@pytest.mark.parametrize(("parameter", "wire"), VECTORS)
@pytest.mark.spec(
    "rfc6525:4.1/1",
    "rfc6525:4.2/1",
    "rfc6525:4.3/1",
    "rfc6525:4.4/1",
    "rfc6525:4.4/2",
    "rfc6525:4.5/1",
    "rfc6525:4.5/2",
    "rfc6525:4.6/1",
    "rfc6525:4.6/2",
)
def test_on_the_wire(parameter: KnownParameter, wire: str) -> None:
    data = bytes.fromhex(wire)

    assert parameter.serialize() == data
    assert type(parameter).parse(data[4 : int.from_bytes(data[2:4])]) == parameter


def test_re_config_on_the_wire() -> None:
    chunk = ReconfigChunk((SsnTsnResetRequest(1), ReconfigurationResponse(2, 0)))

    data = chunk.serialize()

    assert data == bytes.fromhex("82000018 000f0008 00000001 0010000c 00000002 00000000")
    assert ReconfigChunk.parse(0, data[4:]) == chunk


def test_re_config_without_a_parameter_is_refused() -> None:
    with pytest.raises(ParseError, match="without a parameter"):
        ReconfigChunk.parse(0, b"")


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        pytest.param(OutgoingSsnResetRequest, {12, 14, 16, 18, 20, 22}, marks=pytest.mark.spec("rfc6525:4.1/1")),
        pytest.param(IncomingSsnResetRequest, set(range(4, 24, 2)), marks=pytest.mark.spec("rfc6525:4.2/1")),
        pytest.param(SsnTsnResetRequest, {4}, marks=pytest.mark.spec("rfc6525:4.3/1")),
        pytest.param(ReconfigurationResponse, {8, 16}, marks=pytest.mark.spec("rfc6525:4.4/1", "rfc6525:4.4/2")),
        pytest.param(AddOutgoingStreams, {8}, marks=pytest.mark.spec("rfc6525:4.5/1")),
        pytest.param(AddIncomingStreams, {8}, marks=pytest.mark.spec("rfc6525:4.6/1")),
    ],
)
def test_no_other_length_is_accepted(kind: type[KnownParameter], good: set[int]) -> None:
    accepted = set()
    for length in range(24):
        try:
            kind.parse(bytes(length))
        except ParseError:
            continue
        accepted.add(length)

    assert accepted == good


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(AddOutgoingStreams, marks=pytest.mark.spec("rfc6525:4.5/2")),
        pytest.param(AddIncomingStreams, marks=pytest.mark.spec("rfc6525:4.6/2")),
    ],
)
def test_the_reserved_field_is_ignored(kind: type[AddOutgoingStreams | AddIncomingStreams]) -> None:
    parameter = kind.parse(bytes.fromhex("00000001 0009 ffff"))

    assert parameter == kind(1, 9)
    assert parameter.serialize()[-2:] == b"\0\0"
