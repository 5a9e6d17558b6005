"""Packets and chunks that are unknown, broken or bundled. See :rfc:`9260#section-3.2`, 6.8, 6.10 and 12.4."""

import pytest
from tests.sctp.scripted import PEER_TAG, PEER_TSN, Script, packet, pick

from rtc_sctp import (
    DTLS_EDMID,
    AssociationConfig,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    InitAckChunk,
    InitChunk,
    MessageReceived,
    Packet,
    PadChunk,
    PeerErrorReceived,
    ProtocolViolation,
    SackChunk,
    UnknownChunk,
    UnrecognizedChunkType,
    ZeroChecksumAcceptable,
    verify_checksum,
)


@pytest.fixture
def script() -> Script:
    return Script(AssociationConfig(heartbeat_interval=None, zero_checksum=False)).accept()


def received(script: Script) -> list[bytes]:
    return [event.data for event in script.happened(MessageReceived)]


# Chunks of unknown type.


@pytest.mark.parametrize("type_", [0x3F, 0x7F])
@pytest.mark.spec("rfc9260:3.2/1")
def test_at_an_unknown_chunk_that_stops_the_packet_ends(script: Script, type_: int) -> None:
    script.send(script.data(b"before"), UnknownChunk(type_, 0, b"abc"), HeartbeatChunk(b"behind"))

    assert not pick(HeartbeatAckChunk, script.chunks())
    assert received(script) == [b"before"]


@pytest.mark.parametrize("type_", [0xBF, 0xFF])
@pytest.mark.spec("rfc9260:3.2/2")
def test_an_unknown_chunk_that_is_to_be_skipped_is_skipped(script: Script, type_: int) -> None:
    script.send(UnknownChunk(type_, 0, b"abc"), HeartbeatChunk(b"behind"))

    assert HeartbeatAckChunk(b"behind") in script.chunks()


@pytest.mark.parametrize(("type_", "reported"), [(0x3F, False), (0x7F, True), (0xBF, False), (0xFF, True)])
@pytest.mark.spec("rfc9260:3.2/3")
def test_an_unknown_chunk_is_reported_if_it_asks_for_it(script: Script, type_: int, reported: bool) -> None:
    unknown = UnknownChunk(type_, 7, b"abcd")

    reports = pick(ErrorChunk, script.answer(unknown))

    assert reports == ([ErrorChunk((UnrecognizedChunkType(unknown.serialize()),))] if reported else [])


def test_a_flood_of_unknown_chunks_is_not_answered_by_a_greater_one(script: Script) -> None:
    unknown = UnknownChunk(0xFF, 0, b"")

    datagrams_in = packet(*[unknown] * 250, tag=script.tag)
    script.deliver(datagrams_in)

    assert sum(map(len, script.datagrams())) <= 4 * len(datagrams_in)


def test_pad_is_thrown_away(script: Script) -> None:
    assert script.answer(PadChunk(500), HeartbeatChunk(b"behind")) == [HeartbeatAckChunk(b"behind")]


# Padding, order, partial chunks.


@pytest.mark.spec("rfc9260:3.2/7")
def test_padding_is_ignored_whatever_it_holds(script: Script) -> None:
    data = bytearray(script.data(b"a").serialize())
    data[-3:] = b"\xff\xff\xff"

    script.send(bytes(data), HeartbeatChunk(b"behind"))

    assert received(script) == [b"a"]
    assert HeartbeatAckChunk(b"behind") in script.chunks()


@pytest.mark.parametrize("rest", ["00", "0003", "00030000", "00030003", "000300ff 000003e9"])
@pytest.mark.spec("rfc9260:6.10/7")
def test_a_partial_chunk_is_dropped_and_those_in_front_of_it_are_taken(script: Script, rest: str) -> None:
    script.send(script.data(b"whole"), bytes.fromhex(rest))

    assert received(script) == [b"whole"]
    (sack,) = pick(SackChunk, script.chunks())
    assert sack.cumulative_tsn == PEER_TSN
    assert sum(script.dropped.values()) == 1


@pytest.mark.parametrize(
    "malformed", ["03000008 00000001", "00030008 00000001", "40030008 00000001", "82000008 000d0004"]
)
def test_a_malformed_chunk_is_dropped_and_the_rest_of_the_packet_taken(script: Script, malformed: str) -> None:
    script.forget()

    assert script.answer(bytes.fromhex(malformed), HeartbeatChunk(b"behind")) == [HeartbeatAckChunk(b"behind")]
    assert script.dropped == {"malformed_chunk": 1}
    assert script.events == []


@pytest.mark.spec("rfc9260:6/11")
def test_bundled_data_are_taken(script: Script) -> None:
    script.send(script.data(b"1"), script.data(b"2"), script.data(b"3"))

    assert received(script) == [b"1", b"2", b"3"]


@pytest.mark.spec("rfc9260:6.10/4")
def test_data_are_bundled_in_the_order_of_their_tsns(script: Script) -> None:
    for stream_id in (5, 1, 3):
        script.queue(b"x", stream_id=stream_id)

    (sent,) = script.packets()

    tsns = [chunk.tsn for chunk in pick(DataChunk, sent.chunks)]
    assert tsns == [tsns[0], tsns[0] + 1, tsns[0] + 2]


@pytest.mark.spec("rfc9260:12.4/2")
def test_one_packet_is_answered_by_one_packet_of_control_chunks(script: Script) -> None:
    unknown = UnknownChunk(0xFF, 0, bytes(8))
    packets = []
    for chunks in ([HeartbeatChunk(b"1"), HeartbeatChunk(b"2"), script.data(), unknown], [script.data(stream_id=9999)]):
        script.send(*chunks)
        packets.append(len(script.packets()))

    assert packets == [1, 1]


@pytest.mark.spec("rfc9260:3/1", "rfc9260:6.10/8", "rfc9260:5.1/10", "rfc9260:5.1/11")
def test_an_init_ack_shares_its_packet_with_nothing(script: Script) -> None:
    script.queue(b"data")
    script.send(HeartbeatChunk(b"1"))
    script.send(script.init(), tag=0)

    packets = script.packets()

    (alone,) = [sent for sent in packets if pick(InitAckChunk, sent.chunks)]
    assert len(alone.chunks) == 1
    assert sum(len(sent.chunks) for sent in packets) == 3


def test_an_error_of_the_peer_is_handed_up(script: Script) -> None:
    script.send(ErrorChunk((ProtocolViolation(b"something"),)))

    assert script.happened(PeerErrorReceived) == [PeerErrorReceived(13, b"something")]


# The checksum.


@pytest.mark.spec("rfc9260:6.8/1", "rfc9260:6.8/2")
def test_every_packet_has_its_checksum(script: Script) -> None:
    script.queue(*[bytes(700)] * 5)

    datagrams = script.datagrams()

    assert len(datagrams) > 1
    for datagram in datagrams:
        verify_checksum(datagram)


@pytest.mark.spec("rfc9260:6.8/3", "rfc9260:6.8/4")
def test_a_packet_with_a_wrong_checksum_is_dropped_before_anything_else(script: Script) -> None:
    good = packet(script.data(), HeartbeatChunk(b"x"), tag=script.tag)
    wrong_tag = packet(HeartbeatChunk(b"x"), tag=1)

    for datagram in (good, wrong_tag):
        for position in (8, 11, 20):
            script.deliver(datagram[:position] + bytes([datagram[position] ^ 1]) + datagram[position + 1 :])

    assert script.chunks() == []
    assert script.dropped == {"wrong_checksum": 6}


def test_a_zero_checksum_is_wrong_where_it_was_not_offered(script: Script) -> None:
    datagram = packet(HeartbeatChunk(b"x"), tag=script.tag)
    script.deliver(datagram[:8] + bytes(4) + datagram[12:])

    assert script.chunks() == []


def test_checksums_are_left_out_by_agreement_but_not_during_the_set_up() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, zero_checksum=True))
    script.association.connect(script.now)
    opening = script.datagrams()
    (init,) = pick(InitChunk, Packet.parse(opening[0]).chunks)
    assert ZeroChecksumAcceptable(DTLS_EDMID) in init.parameters
    script.learn(init)
    script.send(script.init_ack(ZeroChecksumAcceptable(DTLS_EDMID)))
    opening += script.datagrams()
    script.send(CookieAckChunk())
    script.queue(b"data")
    datagrams = script.datagrams()

    for datagram in opening:
        verify_checksum(datagram)
    assert all(Packet.parse(datagram).checksum != 0 for datagram in opening)
    assert [Packet.parse(datagram).checksum for datagram in datagrams] == [0]
    zero = packet(HeartbeatChunk(b"x"), tag=script.tag)
    script.deliver(zero[:8] + bytes(4) + zero[12:])
    assert script.chunks() == [HeartbeatAckChunk(b"x")]


@pytest.mark.parametrize("edmid", [0, 2, 0xFFFF_FFFF])
def test_another_method_of_error_detection_is_no_agreement(edmid: int) -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, zero_checksum=True))
    script.establish(ZeroChecksumAcceptable(edmid))
    script.queue(b"data")

    (datagram,) = script.datagrams()

    verify_checksum(datagram)
    assert Packet.parse(datagram).verification_tag == PEER_TAG


def without_checksum(datagram: bytes) -> bytes:
    return datagram[:8] + bytes(4) + datagram[12:]


def test_an_init_without_checksum_is_dropped_since_nothing_was_offered_yet() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, zero_checksum=True))

    script.deliver(without_checksum(packet(script.init(), tag=0)))

    assert script.chunks() == []
    assert script.dropped == {"wrong_checksum": 1}


def test_an_init_ack_without_checksum_is_taken_since_our_init_offered_that() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, zero_checksum=True))
    script.connect()

    script.deliver(without_checksum(packet(script.init_ack(), tag=script.tag)))

    assert pick(CookieEchoChunk, script.chunks())


def test_a_cookie_echo_without_checksum_is_taken_since_our_init_ack_offered_that() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, zero_checksum=True))
    _, cookie = script.obtain_cookie()

    script.deliver(without_checksum(packet(CookieEchoChunk(cookie), tag=script.tag)))

    assert pick(CookieAckChunk, script.chunks())
