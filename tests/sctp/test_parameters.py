"""Parameters of INIT, INIT ACK and HEARTBEAT, byte by byte, and how far a list of them is read."""

import pytest
from hypothesis import given
from tests.sctp.strategies import parameters, readable_parameters

from rtc_sctp import (
    PARAMETERS,
    CookiePreservative,
    ForwardTsnSupported,
    HeartbeatInfo,
    HostNameAddress,
    Ipv4Address,
    Ipv6Address,
    KnownParameter,
    Parameter,
    ParseError,
    StateCookie,
    SupportedAddressTypes,
    SupportedExtensions,
    UnknownParameter,
    UnrecognizedParameter,
    ZeroChecksumAcceptable,
    parameters_to_report,
    parse_parameters,
)

VECTORS: list[tuple[Parameter, str]] = [
    (HeartbeatInfo(b"ab"), "00010006 61620000"),
    (Ipv4Address(bytes([192, 0, 2, 1])), "00050008 c0000201"),
    (Ipv6Address(bytes(15) + b"\1"), "00060014 00000000 00000000 00000000 00000001"),
    (StateCookie(b"abc"), "00070007 61626300"),
    (UnrecognizedParameter(bytes.fromhex("c0ff0004")), "00080008 c0ff0004"),
    (CookiePreservative(1000), "00090008 000003e8"),
    (HostNameAddress(b"a\0"), "000b0006 61000000"),
    (SupportedAddressTypes((5,)), "000c0006 00050000"),
    (ZeroChecksumAcceptable(1), "80010008 00000001"),
    (SupportedExtensions((130, 192, 64)), "80080007 82c04000"),
    (ForwardTsnSupported(), "c0000004"),
    (UnknownParameter(0xFFFE, b"abcd"), "fffe0008 61626364"),
]


@pytest.mark.parametrize(("parameter", "wire"), VECTORS)
@pytest.mark.spec("rfc9260:3/2")
def test_on_the_wire(parameter: Parameter, wire: str) -> None:
    data = bytes.fromhex(wire)

    assert parameter.serialize() == data
    assert parse_parameters(data) == (parameter,)


@given(parameters)
@pytest.mark.spec("rfc9260:3.2.1/1", "rfc9260:3.2.1/2")
def test_padding_is_zeros_up_to_a_multiple_of_four_and_not_counted(parameter: Parameter) -> None:
    data = parameter.serialize()

    length = int.from_bytes(data[2:4], "big")
    assert len(data) % 4 == 0
    assert len(data) - length in range(4)
    assert data[length:] == bytes(len(data) - length)


@given(readable_parameters)
def test_what_is_written_is_read_back(written: tuple[Parameter, ...]) -> None:
    assert parse_parameters(b"".join(parameter.serialize() for parameter in written)) == written


@pytest.mark.spec("rfc9260:3.2.1/3")
def test_the_contents_of_padding_do_not_matter() -> None:
    assert parse_parameters(bytes.fromhex("80080005 82ffffff c0000004")) == (
        SupportedExtensions((130,)),
        ForwardTsnSupported(),
    )


@pytest.mark.parametrize("type_", [0x3FFF, 0x7FFF])
@pytest.mark.spec("rfc9260:3.2.1/6")
def test_nothing_behind_an_unknown_parameter_that_stops_is_read(type_: int) -> None:
    unknown = UnknownParameter(type_, b"abcd")
    malformed = bytes.fromhex("0005 0001")

    read = parse_parameters(ForwardTsnSupported().serialize() + unknown.serialize() + malformed)

    assert read == (ForwardTsnSupported(), unknown)
    assert not unknown.skip


@pytest.mark.parametrize("type_", [0x8FFF, 0xCFFF])
@pytest.mark.spec("rfc9260:3.2.1/7")
def test_what_follows_an_unknown_parameter_that_is_to_be_skipped_is_read(type_: int) -> None:
    unknown = UnknownParameter(type_, b"abcd")

    read = parse_parameters(unknown.serialize() + ForwardTsnSupported().serialize())

    assert read == (unknown, ForwardTsnSupported())


def test_those_are_reported_that_ask_for_it() -> None:
    unknown = [UnknownParameter(type_) for type_ in (0x8FFF, 0xCFFF, 0xCFFE, 0x7FFF)]

    assert parameters_to_report((ForwardTsnSupported(), *unknown)) == unknown[1:]


@pytest.mark.spec("rfc9260:3.2.1/4")
def test_each_type_has_one_meaning_in_every_chunk() -> None:
    assert sorted(PARAMETERS) == [1, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 0x8001, 0x8008, 0xC000]
    assert all(type_ == parameter.TYPE for type_, parameter in PARAMETERS.items())


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        (Ipv4Address, {4}),
        (Ipv6Address, {16}),
        (CookiePreservative, {4}),
        (ZeroChecksumAcceptable, {4}),
        (ForwardTsnSupported, {0}),
        (SupportedAddressTypes, set(range(0, 20, 2))),
    ],
)
def test_no_other_length_is_accepted(kind: type[KnownParameter], good: set[int]) -> None:
    accepted = set()
    for length in range(20):
        try:
            kind.parse(bytes(length))
        except ParseError:
            continue
        accepted.add(length)

    assert accepted == good


@pytest.mark.parametrize("data", ["00", "000700", "00070003", "00070000", "00070009 61626364", "00070008 616263"])
def test_a_length_that_does_not_fit_is_refused(data: str) -> None:
    with pytest.raises(ParseError):
        parse_parameters(bytes.fromhex(data))


def test_a_value_longer_than_the_length_field_can_say_is_not_written() -> None:
    assert len(StateCookie(bytes(65_531)).serialize()) == 65_536
    with pytest.raises(ValueError, match="65531"):
        StateCookie(bytes(65_532)).serialize()
