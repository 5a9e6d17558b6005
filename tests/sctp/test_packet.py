"""Packets: header, checksum, cutting into chunks, bundling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import chunks, uint32

from rtc_sctp import (
    PARTIAL_CHUNK,
    ChecksumError,
    Chunk,
    CookieAckChunk,
    DataChunk,
    Packet,
    ParseError,
    crc32c,
    parse_header,
    split_chunks,
    verify_checksum,
)

COOKIE_ACK = bytes.fromhex("13881389 01020304 00000000 0b000004")

ports = st.integers(1, 0xFFFF)


def with_checksum(packet: bytes) -> bytes:
    zeroed = packet[:8] + bytes(4) + packet[12:]
    return packet[:8] + crc32c(zeroed).to_bytes(4, "little") + packet[12:]


def data(tsn: int, length: int) -> bytes:
    return DataChunk(tsn, 0, 0, 51, bytes(length), 3).serialize()


# Reading.


@given(ports, ports, uint32, uint32, st.lists(chunks, max_size=4))
def test_what_is_written_is_read_back(
    source: int, destination: int, tag: int, checksum: int, parts: list[Chunk]
) -> None:
    packet = Packet(source, destination, tag, checksum, tuple(parts))

    assert Packet.parse(packet.serialize()) == packet


@pytest.mark.spec("rfc9260:3/2")
def test_a_packet_on_the_wire() -> None:
    packet = Packet(5000, 5001, 0x0102_0304, 0, (CookieAckChunk(),))

    assert packet.serialize() == COOKIE_ACK
    assert parse_header(COOKIE_ACK) == (5000, 5001, 0x0102_0304, 0)


@given(st.binary(max_size=11))
def test_a_packet_shorter_than_its_header_is_refused(short: bytes) -> None:
    with pytest.raises(ParseError):
        parse_header(short)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("0000 1388", marks=pytest.mark.spec("rfc9260:3.1/1")),
        pytest.param("1388 0000", marks=pytest.mark.spec("rfc9260:3.1/2")),
    ],
)
def test_port_0_is_refused(header: str) -> None:
    with pytest.raises(ParseError, match="port 0"):
        parse_header(bytes.fromhex(header) + bytes(8))


def test_a_packet_without_chunks_has_none() -> None:
    assert split_chunks(COOKIE_ACK[:12]) == []


@pytest.mark.spec("rfc9260:3.2/7")
def test_the_contents_of_padding_do_not_matter() -> None:
    packet = COOKIE_ACK[:12] + bytes.fromhex("0a000005 61ffffff 0b000004")

    assert split_chunks(packet) == [(10, 0, b"a"), (11, 0, b"")]


def test_the_padding_of_the_last_chunk_may_be_missing() -> None:
    assert split_chunks(COOKIE_ACK[:12] + bytes.fromhex("0a000005 61")) == [(10, 0, b"a")]


@pytest.mark.parametrize("rest", ["00", "000000", "0b000003", "0b000000", "00030014 00000001", "0a000006 61"])
@pytest.mark.spec("rfc9260:6.10/7")
def test_a_partial_chunk_is_set_apart_and_those_before_it_are_kept(rest: str) -> None:
    partial = bytes.fromhex(rest)

    cut = split_chunks(COOKIE_ACK + partial)

    assert cut == [(11, 0, b""), (PARTIAL_CHUNK, 0, partial)]
    with pytest.raises(ParseError, match="whole chunk"):
        Packet.parse(COOKIE_ACK + partial)


# The checksum.


@pytest.mark.spec("rfc9260:6.8/2", "rfc9260:6.8/4")
def test_the_checksum_is_verified() -> None:
    good = with_checksum(COOKIE_ACK)

    verify_checksum(good)
    for bit in range(8 * len(good)):
        broken = bytearray(good)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ChecksumError):
            verify_checksum(bytes(broken))


def test_a_zero_checksum_is_accepted_by_agreement_alone() -> None:
    verify_checksum(COOKIE_ACK, zero_acceptable=True)
    with pytest.raises(ChecksumError):
        verify_checksum(COOKIE_ACK)


def test_a_wrong_checksum_is_wrong_whatever_was_agreed() -> None:
    with pytest.raises(ChecksumError):
        verify_checksum(COOKIE_ACK[:8] + b"\0\0\0\1" + COOKIE_ACK[12:], zero_acceptable=True)


# Writing.


@given(ports, ports, uint32, st.lists(chunks, max_size=6))
@pytest.mark.spec("rfc9260:6.8/1", "rfc9260:6.8/2")
def test_a_sealed_packet_has_the_right_checksum(source: int, destination: int, tag: int, parts: list[Chunk]) -> None:
    packet = Packet(source, destination, tag, 12345, tuple(parts))

    data = packet.seal()

    verify_checksum(data)
    assert Packet.parse(data) == packet
