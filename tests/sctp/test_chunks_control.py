"""Heartbeats, errors, shutdown and cookies, byte by byte."""

import pytest

from rtc_sctp import (
    FLAG_REFLECTED_TAG,
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    ErrorChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    KnownChunk,
    NoUserData,
    ParseError,
    ShutdownChunk,
    ShutdownCompleteChunk,
    StaleCookie,
    UserInitiatedAbort,
)

VECTORS: list[tuple[Chunk, str]] = [
    (HeartbeatChunk(b"abc"), "0400000b 00010007 61626300"),
    (HeartbeatAckChunk(b"abc"), "0500000b 00010007 61626300"),
    (AbortChunk(), "06000004"),
    (AbortChunk((), FLAG_REFLECTED_TAG), "06010004"),
    (AbortChunk((UserInitiatedAbort(b"ab"),)), "0600000a 000c0006 61620000"),
    (ShutdownChunk(0x0102_0304), "07000008 01020304"),
    (ErrorChunk((StaleCookie(5), NoUserData(6))), "09000014 00030008 00000005 00090008 00000006"),
    (CookieEchoChunk(b"abcde"), "0a000009 61626364 65000000"),
    (ShutdownCompleteChunk(), "0e000004"),
    (ShutdownCompleteChunk(FLAG_REFLECTED_TAG), "0e010004"),
]


@pytest.mark.parametrize(("chunk", "wire"), VECTORS)
@pytest.mark.spec("rfc9260:3/2")
def test_on_the_wire(chunk: KnownChunk, wire: str) -> None:
    data = bytes.fromhex(wire)

    assert chunk.serialize() == data
    assert type(chunk).parse(data[1], data[4 : int.from_bytes(data[2:4])]) == chunk


@pytest.mark.parametrize("kind", [HeartbeatChunk, HeartbeatAckChunk])
@pytest.mark.parametrize("value", ["", "0001", "00020004", "00010003", "00010009 61626364", "c0000004 00010004"])
def test_a_heartbeat_without_its_info_is_refused(kind: type[KnownChunk], value: str) -> None:
    with pytest.raises(ParseError):
        kind.parse(0, bytes.fromhex(value))


@pytest.mark.parametrize("kind", [AbortChunk, ErrorChunk])
@pytest.mark.parametrize("value", ["0003", "00030003", "00030010 00000000", "00030006 0000"])
def test_malformed_causes_are_refused(kind: type[KnownChunk], value: str) -> None:
    with pytest.raises(ParseError):
        kind.parse(0, bytes.fromhex(value))


def test_an_error_without_a_cause_is_refused_but_an_abort_is_not() -> None:
    with pytest.raises(ParseError, match="without a cause"):
        ErrorChunk.parse(0, b"")
    assert AbortChunk.parse(0, b"") == AbortChunk()


@pytest.mark.parametrize("kind", [AbortChunk, ShutdownCompleteChunk])
def test_of_the_flags_the_t_bit_alone_counts(kind: type[AbortChunk | ShutdownCompleteChunk]) -> None:
    assert kind.parse(0xFE, b"").flags == 0
    assert kind.parse(0xFF, b"").flags == FLAG_REFLECTED_TAG


@pytest.mark.parametrize("length", [0, 3, 5, 8])
def test_a_shutdown_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ParseError):
        ShutdownChunk.parse(0, bytes(length))
