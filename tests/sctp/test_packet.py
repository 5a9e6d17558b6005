"""Packets: header, checksum, cutting into chunks, bundling."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import chunks, uint16, uint32

from rtc_sctp import (
    PARTIAL_CHUNK,
    AbortChunk,
    ChecksumError,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    InitAckChunk,
    InitChunk,
    Packet,
    PacketWriter,
    ParseError,
    SackChunk,
    ShutdownCompleteChunk,
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


@given(ports, ports, uint32, st.lists(chunks, max_size=12), st.integers(100, 1500))
@pytest.mark.spec("rfc9260:6.10/1", "rfc9260:6.10/5", "rfc9260:6.8/1", "rfc9260:6.8/2")
def test_written_packets_hold_every_chunk_in_order(
    source: int, destination: int, tag: int, parts: list[Chunk], mtu: int
) -> None:
    writer = PacketWriter(source, destination, mtu)

    packets = writer.write([chunk.serialize() for chunk in parts], tag)

    read = [Packet.parse(packet) for packet in packets]
    assert [chunk for packet in read for chunk in packet.chunks] == parts
    for packet, whole in zip(read, packets, strict=True):
        verify_checksum(whole)
        assert (packet.source_port, packet.destination_port, packet.verification_tag) == (source, destination, tag)
        assert len(whole) <= mtu or len(packet.chunks) == 1


def test_as_many_chunks_as_fit_share_a_packet() -> None:
    writer = PacketWriter(5000, 5000, 12 + 3 * 116)

    packets = writer.write([data(tsn, 100) for tsn in range(7)], 1)

    assert [len(Packet.parse(packet).chunks) for packet in packets] == [3, 3, 1]


@pytest.mark.parametrize(
    "lonely", [InitChunk(1, 1500, 1, 1, 1), InitAckChunk(1, 1500, 1, 1, 1), ShutdownCompleteChunk()]
)
@pytest.mark.spec("rfc9260:3/1", "rfc9260:6.10/8")
def test_some_chunks_are_never_bundled(lonely: Chunk) -> None:
    parts = [CookieAckChunk(), lonely, CookieAckChunk(), CookieAckChunk()]

    packets = PacketWriter(5000, 5000, 1200).write([chunk.serialize() for chunk in parts], 1)

    assert [len(Packet.parse(packet).chunks) for packet in packets] == [1, 1, 2]


@pytest.mark.spec("rfc9260:3.2.2/3")
def test_cookie_echo_begins_a_packet() -> None:
    parts = [SackChunk(1, 1500).serialize(), CookieEchoChunk(b"a").serialize(), data(1, 4)]

    packets = PacketWriter(5000, 5000, 1200).write(parts, 1)

    assert [[type(chunk) for chunk in Packet.parse(packet).chunks] for packet in packets] == [
        [SackChunk],
        [CookieEchoChunk, DataChunk],
    ]


@pytest.mark.spec("rfc9260:3.3.7/2")
def test_nothing_follows_an_abort() -> None:
    parts = [SackChunk(1, 1500).serialize(), AbortChunk().serialize(), data(1, 4)]

    packets = PacketWriter(5000, 5000, 1200).write(parts, 1)

    assert [[type(chunk) for chunk in Packet.parse(packet).chunks] for packet in packets] == [
        [SackChunk, AbortChunk],
        [DataChunk],
    ]


def test_the_checksum_is_left_out_where_the_peer_agreed() -> None:
    (packet,) = PacketWriter(5000, 5000, 1200).write([data(1, 4)], 1, zero_checksum=True)

    assert Packet.parse(packet).checksum == 0


@pytest.mark.parametrize("chunk", [InitChunk(1, 1500, 1, 1, 1), InitAckChunk(1, 1500, 1, 1, 1), CookieEchoChunk(b"a")])
def test_packets_that_open_the_association_keep_their_checksum(chunk: Chunk) -> None:
    (packet,) = PacketWriter(5000, 5000, 1200).write([chunk.serialize()], 1, zero_checksum=True)

    assert Packet.parse(packet).checksum != 0
    verify_checksum(packet)


@pytest.mark.parametrize(("source", "destination"), [(0, 1), (1, 0), (65_536, 1), (1, -1)])
@pytest.mark.spec("rfc9260:3.1/1", "rfc9260:3.1/2")
def test_a_writer_refuses_ports_that_do_not_exist(source: int, destination: int) -> None:
    with pytest.raises(ValueError, match="ports"):
        PacketWriter(source, destination, 1200)


def test_a_writer_needs_room_for_a_chunk() -> None:
    with pytest.raises(ValueError, match="MTU"):
        PacketWriter(1, 1, 15)


def test_the_mtu_may_change_and_the_tag_from_call_to_call() -> None:
    writer = PacketWriter(5000, 5000, 1200)
    parts = [data(tsn, 100) for tsn in range(2)]

    assert len(writer.write(parts, 1)) == 1
    writer.mtu = 150
    assert [parse_header(packet)[2] for packet in writer.write(parts, 2)] == [2, 2]


@given(uint16.filter(bool))
def test_a_writer_is_plain_data(port: int) -> None:
    writer = PacketWriter(port, port, 1200)

    for copied in (copy.deepcopy(writer), pickle.loads(pickle.dumps(writer))):
        assert copied.write([data(1, 4)], 7) == writer.write([data(1, 4)], 7)
