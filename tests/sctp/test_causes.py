"""Error causes, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import causes

from rtc_sctp import (
    CAUSES,
    Cause,
    CookieReceivedWhileShuttingDown,
    InvalidMandatoryParameter,
    InvalidStreamIdentifier,
    KnownCause,
    MissingMandatoryParameter,
    NoUserData,
    OutOfResource,
    ParseError,
    ProtocolViolation,
    RestartWithNewAddresses,
    StaleCookie,
    UnknownCause,
    UnrecognizedChunkType,
    UnrecognizedParameters,
    UnresolvableAddress,
    UserInitiatedAbort,
    parse_causes,
)

VECTORS: list[tuple[Cause, str]] = [
    (InvalidStreamIdentifier(7), "00010008 00070000"),
    (MissingMandatoryParameter((7, 8)), "0002000c 00000002 0007 0008"),
    (MissingMandatoryParameter((7,)), "0002000a 00000001 0007 0000"),
    (StaleCookie(1_000_000), "00030008 000f4240"),
    (OutOfResource(), "00040004"),
    (UnresolvableAddress(bytes.fromhex("000b0005 61")), "00050009 000b0005 61000000"),
    (UnrecognizedChunkType(bytes.fromhex("ff000005 61000000")), "0006000c ff000005 61000000"),
    (InvalidMandatoryParameter(), "00070004"),
    (UnrecognizedParameters(bytes.fromhex("c0ff0004")), "00080008 c0ff0004"),
    (NoUserData(9), "00090008 00000009"),
    (CookieReceivedWhileShuttingDown(), "000a0004"),
    (RestartWithNewAddresses(bytes.fromhex("00050008 c0000201")), "000b000c 00050008 c0000201"),
    (UserInitiatedAbort(b"bye"), "000c0007 62796500"),
    (ProtocolViolation(b"why"), "000d0007 77687900"),
    (UnknownCause(0x00A0, b"a"), "00a00005 61000000"),
]


@pytest.mark.parametrize(("cause", "wire"), VECTORS)
@pytest.mark.spec("rfc9260:3/2")
def test_on_the_wire(cause: Cause, wire: str) -> None:
    data = bytes.fromhex(wire)

    assert cause.serialize() == data
    assert parse_causes(data) == (cause,)


@given(st.lists(causes, max_size=4))
def test_what_is_written_is_read_back(written: list[Cause]) -> None:
    assert parse_causes(b"".join(cause.serialize() for cause in written)) == tuple(written)


def test_each_code_has_its_class() -> None:
    assert sorted(CAUSES) == list(range(1, 14))
    assert all(code == cause.CODE for code, cause in CAUSES.items())


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (InvalidStreamIdentifier, "0007"),
        (InvalidStreamIdentifier, "0007000000"),
        (MissingMandatoryParameter, "000000"),
        (MissingMandatoryParameter, "00000002 0007"),
        (MissingMandatoryParameter, "00000001 0007 0008"),
        (MissingMandatoryParameter, "ffffffff 0007"),
        (StaleCookie, "000000"),
        (NoUserData, "0000000000"),
    ],
)
def test_information_of_the_wrong_length_is_refused(kind: type[KnownCause], value: str) -> None:
    with pytest.raises(ParseError):
        kind.parse(bytes.fromhex(value))


@pytest.mark.spec("rfc9260:3.3.10.3/1")
def test_staleness_that_is_not_told_is_zero() -> None:
    assert StaleCookie().serialize() == bytes.fromhex("00030008 00000000")


@pytest.mark.parametrize("cause", [OutOfResource, InvalidMandatoryParameter, CookieReceivedWhileShuttingDown])
def test_words_added_to_a_bare_cause_do_no_harm(cause: type[KnownCause]) -> None:
    assert cause.parse(b"words") == cause.parse(b"")
