"""Server-reflexive TCP candidates: what a NAT has made of a port, and the way through two of them by simultaneous open."""

from dataclasses import replace

import pytest
from tests.support.nat import Nat, full_cone
from tests.support.streams import Streams
from tests.support.turn import TurnHost

from rtc_ice import (
    CandidateGatheringFailed,
    GatheringState,
    GatheringStateChanged,
    IceConfig,
    LocalCandidateGathered,
    TcpType,
    TurnServer,
)
from rtc_stun import Address, CloseTransport, OpenTransport

from .relay_call import CREDENTIAL
from .session import Call, Party
from .tcp_call import SO_PORT, TCP_PORT, TcpCall

SERVER = Address("198.51.100.10", 3478)
SO, PASSIVE, ACTIVE = TcpType.SIMULTANEOUS_OPEN, TcpType.PASSIVE, TcpType.ACTIVE
BY_STUN = IceConfig(stun_servers=(SERVER,))
BY_TURN = IceConfig(turn_servers=(TurnServer(address=SERVER, transport="tcp", credential=CREDENTIAL),))


class Homes(TcpCall):
    """Two agents with TCP candidates alone, each behind a NAT, and a server that is asked over TCP."""

    def __init__(
        self, *types: TcpType, config: IceConfig = BY_STUN, serves: bool = True, behind: bool = True, seed: int = 1
    ) -> None:
        Call.__init__(self, seed=seed, alice=config, bob=config)
        self.streams = Streams(self.network)
        self.tcp_types = (types, types)
        self.has_udp = False
        self.arrived = [[], []]
        self.turn = TurnHost(self.network, SERVER.host, streams=self.streams)
        # Streams of the simulated network know no private networks.
        self.streams.blocked = lambda remote: remote.host.startswith("192.168.")
        if not serves:
            self.streams.ignore(SERVER)
        for n in (1, 2):
            nat: Nat | None = full_cone(f"203.0.113.{n}") if behind else None
            party = self.join(self.network.host(f"192.168.{n}.10" if behind else f"192.0.2.{n}", behind=nat))
            self.streams.follow(party.node, party.agent)

    def reflexive(self, party: Party) -> list[LocalCandidateGathered]:
        """The server-reflexive candidates that a party has told."""
        return [each for each in party.candidates if each.candidate.type == "srflx"]

    def to_server(self, party: Party) -> list[OpenTransport]:
        """The connections to the server from a TCP candidate's own port that a party has wished for."""
        wishes = party.node.of(OpenTransport)
        return [each for each in wishes if each.remote == SERVER and each.local is not None and each.local.port]


@pytest.mark.spec("rfc6544:4.1/4", "rfc6544:4.2/12")
@pytest.mark.parametrize("config", [BY_STUN, BY_TURN], ids=["stun", "turn"])
@pytest.mark.parametrize(("tcp_type", "port"), [(SO, SO_PORT), (PASSIVE, TCP_PORT)])
def test_a_server_tells_what_a_nat_has_made_of_the_port(config: IceConfig, tcp_type: TcpType, port: int) -> None:
    call = Homes(tcp_type, config=config)
    call.start()
    call.run(timeout=1.0)
    (gathered,) = call.reflexive(call.alice)
    (wish,) = call.to_server(call.alice)

    candidate = gathered.candidate
    assert (candidate.transport, candidate.tcp_type, candidate.address) == (
        "tcp",
        tcp_type,
        Address("203.0.113.1", port),
    )
    assert candidate.related_address == Address("192.168.1.10", port)
    assert gathered.server == SERVER
    assert wish.local == Address("192.168.1.10", port)
    assert (candidate.priority >> 8) & 0xFFFF == ({SO: 6, PASSIVE: 2}[tcp_type] << 13) + 8191


def test_active_candidates_have_no_port_to_ask_for() -> None:
    call = Homes(ACTIVE)
    call.start()
    call.run(timeout=1.0)

    assert call.to_server(call.alice) == []
    assert call.reflexive(call.alice) == []


def test_without_a_nat_there_is_nothing_new_to_tell() -> None:
    call = Homes(SO, behind=False)
    call.start()
    call.run(timeout=1.0)

    assert len(call.to_server(call.alice)) == 1
    assert call.reflexive(call.alice) == []


@pytest.mark.spec("rfc6544:4.1/4", "rfc6544:4.1/6", "rfc6544:11.2/1")
@pytest.mark.parametrize("seed", range(3))
def test_two_homes_meet_by_simultaneous_open_and_then_the_servers_are_left(seed: int) -> None:
    call = Homes(SO, seed=seed)
    call.start()
    assert call.run(call.connected, timeout=10)
    assert call.run(call.completed, timeout=10)
    assert call.agree_over_tcp()
    assert call.talks()

    pair = call.alice.agent.selected_pair
    assert pair is not None
    assert (pair.local_candidate.type, pair.remote) == ("srflx", Address("203.0.113.2", SO_PORT))
    for party in call.parties:
        (wish,) = call.to_server(party)
        assert CloseTransport(wish.transport_id, abort=True) in party.node.of(CloseTransport)
    assert call.streams.count == 1


@pytest.mark.spec("rfc6544:4.1/6")
def test_until_then_the_connection_keeps_the_binding() -> None:
    call = Homes(SO)
    call.start(signal=False)
    call.run(timeout=60.0)

    (wish,) = call.to_server(call.alice)
    assert CloseTransport(wish.transport_id, abort=True) not in call.alice.node.of(CloseTransport)
    assert call.streams.count == 2


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_server_without_tcp_delays_nothing_but_the_end_of_gathering(how: str) -> None:
    call = Homes(SO, serves=how == "silent")
    if how == "silent":
        call.streams.blocked = lambda remote: True
    call.start()
    done = GatheringStateChanged(GatheringState.COMPLETE, call.alice.agent.local_credentials.ufrag)
    assert call.run(lambda: done in call.alice.node.of(GatheringStateChanged), timeout=6.0)

    assert (call.network.now > 4.0) is (how == "silent")
    assert call.alice.agent.stats.dropped["stun-stream-failed"] == 1
    assert call.alice.node.of(CandidateGatheringFailed) == []


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x01\x11" + bytes(18), b"\x00" * 3000])
def test_a_server_that_speaks_something_else_is_left(said: bytes) -> None:
    call = Homes(SO)
    call.start(signal=False)
    call.run(lambda: bool(call.to_server(call.alice)), timeout=1.0)
    (wish,) = call.to_server(call.alice)
    call.alice.agent.transport_opened(wish.transport_id, call.network.now)
    call.alice.agent.receive_stream_data(wish.transport_id, said, call.network.now)

    assert CloseTransport(wish.transport_id, abort=True) in call.alice.agent.events()


def test_a_restart_asks_again_and_a_server_may_be_told_late() -> None:
    call = Homes(SO, config=IceConfig())
    call.start()
    call.run(timeout=1.0)
    assert call.to_server(call.alice) == []
    for party in call.parties:
        party.candidates.clear()
        party.agent.restart(call.network.now)
        party.agent.add_stun_server(SERVER, call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    assert call.run(call.completed, timeout=10)
    assert len(call.reflexive(call.alice)) == 1
    for party in call.parties:
        party.candidates.clear()
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    assert call.run(call.completed, timeout=10)
    call.talks()

    assert len(call.reflexive(call.alice)) == 1


def test_who_hides_behind_relays_asks_nobody() -> None:
    call = Homes(SO, config=replace(BY_STUN, relay_only=True))
    call.start()
    call.run(timeout=1.0)

    assert call.to_server(call.alice) == []


def test_an_address_that_is_gone_takes_its_question_along() -> None:
    call = Homes(SO)
    call.start(signal=False)
    call.run(timeout=1.0)
    (wish,) = call.to_server(call.alice)
    call.alice.agent.remove_local_address(Address("192.168.1.10", SO_PORT), call.network.now, tcp_type=SO)

    assert CloseTransport(wish.transport_id, abort=True) in call.alice.agent.events()
