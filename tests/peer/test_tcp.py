"""Two connections with TCP candidates between them (RFC 6544), and no UDP."""

import pytest
from tests.peer.call import frame, frames, media_of, sent, transceiver
from tests.peer.descriptions import parsed
from tests.peer.tcp_pair import TcpPair

import rtc_ice
from rtc_ice import TcpType
from rtc_peer import (
    ConnectionState,
    ConnectionStateChanged,
    DtlsTransportState,
    IceCandidateFound,
    LocalCandidateStats,
    PeerOptions,
    RemoteCandidateStats,
)
from rtc_sdp import Candidate
from rtc_stun import Address, CloseTransport

ACTIVE, PASSIVE, SO = TcpType.ACTIVE, TcpType.PASSIVE, TcpType.SIMULTANEOUS_OPEN


@pytest.mark.spec("rfc8835:3.4/7")
@pytest.mark.spec("rfc6544:10.1/1", "rfc6544:10.1/2", "rfc6544:10.2/1", "rfc6544:7.1/4")
@pytest.mark.parametrize(
    ("left", "right"),
    [((ACTIVE,), (PASSIVE,)), ((PASSIVE,), (ACTIVE,)), ((SO,), (SO,)), ((ACTIVE, PASSIVE, SO), (ACTIVE, PASSIVE, SO))],
    ids=["active", "passive", "so", "all"],
)
def test_dtls_and_channels_work_over_tcp(left: tuple[TcpType, ...], right: tuple[TcpType, ...]) -> None:
    pair = TcpPair(*left, right=right).connect()
    pair.talk()

    for side in pair.sides:
        (transport,) = side.machine.transports
        assert transport.dtls_state is DtlsTransportState.CONNECTED
        assert transport.selected_pair is not None
        assert transport.selected_pair.local_candidate.transport == "tcp"
    assert pair.network.traffic.sent == 0  # not a datagram


@pytest.mark.spec("rfc8841:12.2/3")
@pytest.mark.spec("rfc6544:4.3/1", "rfc6544:4.3/2", "rfc6544:4.5/1")
def test_descriptions_show_tcp_candidates_and_default_to_udp() -> None:
    pair = TcpPair(PASSIVE, SO, right=(ACTIVE,), udp=True, trickle=False)
    pair.left.machine.create_data_channel("x")
    pair.offer()
    pair.network.flush()

    section = parsed(pair.left.machine.create_offer()).media[0]
    lines = [str(each) for each in section.get_all(Candidate)]
    assert [line.split(" typ host")[1].strip() for line in lines] == ["", "tcptype passive", "tcptype so"]
    assert section.port == int(lines[0].split()[5])
    assert section.protocol == "UDP/DTLS/SCTP"


def test_candidates_are_found_with_their_type() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,)).connect()

    for side, tcp_type in zip(pair.sides, (ACTIVE, PASSIVE), strict=True):
        *found, end = side.of(IceCandidateFound)
        assert end.candidate == ""
        assert [rtc_ice.Candidate.parse(each.candidate).tcp_type for each in found] == [tcp_type]


def test_statistics_name_protocol_and_type() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,)).connect()
    found = pair.left.machine.statistics()

    ours = [each for each in found if isinstance(each, LocalCandidateStats)]
    theirs = [each for each in found if isinstance(each, RemoteCandidateStats)]
    assert {(each.protocol, each.tcp_type) for each in ours} == {("tcp", "active")}
    assert {(each.protocol, each.tcp_type) for each in theirs} == {("tcp", "passive")}


def test_where_udp_works_tcp_is_let_go() -> None:
    pair = TcpPair(ACTIVE, PASSIVE, right=(ACTIVE, PASSIVE), udp=True).connect()
    pair.settle(20.0)
    pair.talk()

    for side in pair.sides:
        selected = side.machine.transports[0].selected_pair
        assert selected is not None
        assert selected.local_candidate.transport == "udp"


def test_a_lost_connection_is_replaced_and_no_message_is_lost() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,)).connect()
    pair.talk()
    texts = [str(number) for number in range(20)]
    for text in texts[:10]:
        pair.left.machine.send(pair.left.channel(), text)
    pair.streams.break_stream(pair.left.machine, 0)
    for text in texts[10:]:
        pair.left.machine.send(pair.left.channel(), text)

    assert pair.run(lambda: texts[-1] in pair.right.messages(), timeout=60.0)
    assert [each for each in pair.right.messages() if isinstance(each, str)] == texts
    assert len(pair.streams.opened) == 2


def test_closing_tells_the_peer_and_closes_the_stream() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,)).connect()
    pair.left.machine.close(pair.now)
    pair.network.flush()
    pair.settle(1.0)

    assert len(pair.left.of(CloseTransport)) == 1
    states = [event.state for event in pair.right.of(ConnectionStateChanged)]
    assert states[-1] in {ConnectionState.CLOSED, ConnectionState.DISCONNECTED, ConnectionState.FAILED}


@pytest.mark.spec("rfc6544:4.4/1")
def test_a_lite_server_listens_and_full_clients_connect() -> None:
    lite = PeerOptions(ice=rtc_ice.IceConfig(lite=True))
    pair = TcpPair(ACTIVE, right=(ACTIVE, SO, PASSIVE), options=(PeerOptions(), lite)).connect()
    pair.talk()

    found = [rtc_ice.Candidate.parse(each.candidate).tcp_type for each in pair.right.of(IceCandidateFound)[:-1]]
    assert found == [PASSIVE]


def test_streams_to_nobody_are_not_wanted() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,)).connect()
    machine = pair.right.machine

    assert machine.transport_accepted(Address("192.0.2.2", 1), Address("192.0.2.9", 2), pair.now) is None
    machine.close(pair.now)
    assert machine.transport_accepted(Address("192.0.2.2", 5001), Address("192.0.2.9", 2), pair.now) is None


def test_names_of_candidates_that_connect_are_not_asked_for() -> None:
    pair = TcpPair(PASSIVE, right=())
    pair.left.machine.create_data_channel("x")
    pair.give(pair.right, pair.offer())
    pair.give(pair.left, pair.answer())
    for tcp_type in ("active", "passive"):
        pair.left.machine.add_ice_candidate(
            f"candidate:1 1 tcp 1 {tcp_type}.local 9 typ host tcptype {tcp_type}", pair.now, sdp_mid="0"
        )
    wanted = [getattr(event, "host", None) for event in pair.left.machine.events()]

    assert "active.local" not in wanted


@pytest.mark.spec("rfc8835:3.4/8")
@pytest.mark.spec("rfc6544:4.5/6", "rfc6544:4.5/7")
def test_media_travels_over_tcp() -> None:
    pair = TcpPair(ACTIVE, right=(PASSIVE,))
    for side in pair.sides:
        side.machine.add_track("audio", side.name.replace(" ", "-"), ["stream"])
    pair.negotiate()
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    for number in range(10):
        for side in pair.sides:
            transceiver(side, "audio").sender.send_frame(frame("audio", number), now=pair.now)
        pair.network.flush()
        pair.settle(0.02)
    pair.settle(0.5)

    assert [frames(side, "audio") for side in pair.sides] == [sent("audio", range(10))] * 2
    assert pair.network.traffic.sent == 0
