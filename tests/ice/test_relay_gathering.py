"""What is gathered from TURN servers, from live ones and dead ones (RFC 8445 section 5.1.1.2)."""

from dataclasses import replace

import pytest
from tests.support.nat import full_cone
from tests.support.turn import USER, TurnHost

from rtc_ice import Announcement, CandidateGatheringFailed, GatheringState, GatheringStateChanged, IceConfig, TurnServer
from rtc_stun import Address, LongTermCredential
from rtc_turn import AddressFamily, TurnServerConfig

from .relay_call import (
    CREDENTIAL,
    DTLS,
    EVERY_TRANSPORT,
    RELAY_ONLY,
    SECOND_TURN,
    TCP,
    TLS,
    TURN,
    UDP,
    RelayCall,
    selected_pair,
    transport_of,
)
from .session import Call

DEAD = Address("198.51.100.99", 3478)


@pytest.mark.spec("rfc8445:5.1.1.2/6", "rfc8839:5.1/6", "rfc8839:5.1/7")
def test_a_server_gives_a_relayed_and_a_reflexive_candidate() -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)))
    call.sit(full_cone("203.0.113.1"))
    call.gather(call.alice)
    call.run(timeout=2)

    host, relay, reflexive = (event.candidate for event in call.alice.candidates)
    assert "raddr" not in str(host)
    assert all("raddr" in str(each) for each in (relay, reflexive))
    assert [each.type for each in (host, relay, reflexive)] == ["host", "relay", "srflx"]
    assert relay.address.host == TURN.host
    assert relay.related_address == reflexive.address
    assert reflexive.address.host == "203.0.113.1"
    assert reflexive.related_address == host.address
    assert host.priority > reflexive.priority > relay.priority
    assert all(event.turn_server == UDP for event in call.alice.candidates[1:])
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


def test_the_reflexive_candidate_of_a_host_that_hides_does_not_tell_where_it_is() -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)))
    call.sit(full_cone("203.0.113.1"))
    hidden = Announcement(host=Address("0123.local", 5000), mapped=None)
    call.alice.agent.add_local_address(call.alice.bindings[0].address, call.network.now, announced=hidden)
    call.alice.agent.end_of_local_addresses(call.network.now)
    call.run(timeout=2)
    assert sorted(call.alice.types) == ["host", "relay", "srflx"]
    assert all("192.168" not in str(event.candidate) for event in call.alice.candidates)


def test_the_reflexive_candidate_of_a_host_with_a_public_address_is_redundant() -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)))
    call.sit()
    call.gather(call.alice)
    call.run(timeout=2)
    assert call.alice.types == ["host", "relay"]


@pytest.mark.spec("rfc8445:5.1.2.2/3", "rfc8445:5.1.2.1/7")
def test_several_servers_and_transports_have_priorities_of_their_own() -> None:
    second = TurnServer(address=SECOND_TURN, credential=CREDENTIAL)
    servers = (TLS, TCP, second, UDP, DTLS)
    call = RelayCall(IceConfig(turn_servers=servers, relay_only=True))
    TurnHost(call.network, SECOND_TURN.host)
    call.sit(None, "192.0.2.1", "192.0.2.3")
    call.gather(call.alice)
    call.run(timeout=5)

    found = sorted(call.alice.candidates, key=lambda event: -event.candidate.priority)
    assert [event.turn_server for event in found] == [second, UDP] * 2 + [DTLS] * 2 + [TCP] * 2 + [TLS] * 2
    assert len({event.candidate.priority for event in found}) == len(found)


def test_relays_are_asked_at_the_same_time_and_told_as_they_come() -> None:
    call = RelayCall(IceConfig(turn_servers=(TurnServer(address=DEAD), TurnServer(address=SECOND_TURN), UDP)))
    call.sit()
    call.gather(call.alice)
    assert call.run(lambda: "relay" in call.alice.types, timeout=1)

    states = [event.state for event in call.alice.node.of(GatheringStateChanged)]
    assert states == [GatheringState.GATHERING]
    assert call.run(lambda: call.alice.node.saw(CandidateGatheringFailed), timeout=10)
    call.run(timeout=1)
    assert [event.state for event in call.alice.node.of(GatheringStateChanged)][1:] == [GatheringState.COMPLETE]


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "dtls"])
def test_a_dead_server_delays_nothing_but_the_end_of_gathering(transport: str) -> None:
    dead = TurnServer(address=DEAD, transport=transport, credential=CREDENTIAL)
    config = IceConfig(turn_servers=(dead, UDP), relay_only=True)
    call = RelayCall(config, config)
    call.streams.blocked = lambda remote: remote == DEAD
    call.both_sit()

    assert call.run(call.connected, timeout=1.5)
    call.run(timeout=10)
    for party in call.parties:
        assert party.agent.gathering_state is GatheringState.COMPLETE


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "dtls"])
def test_gathering_ends_although_a_server_is_dead(transport: str) -> None:
    dead = TurnServer(address=DEAD, transport=transport, credential=CREDENTIAL)
    call = RelayCall(IceConfig(turn_servers=(dead, UDP), gathering_timeout=5.0))
    call.streams.blocked = lambda remote: remote == DEAD
    call.sit()
    call.gather(call.alice)
    assert call.run(lambda: call.alice.agent.gathering_state is GatheringState.COMPLETE, timeout=20)

    assert 5.0 <= call.network.now <= 5.2
    assert call.alice.types == ["host", "relay"]
    (failure,) = call.alice.node.of(CandidateGatheringFailed)
    assert (failure.server, failure.error_code, failure.turn_server) == (DEAD, None, dead)
    assert call.alice.node.events.index(failure) < call.alice.node.events.index(
        GatheringStateChanged(GatheringState.COMPLETE, call.alice.agent.local_credentials.ufrag)
    )


def test_a_stream_that_cannot_be_opened_is_a_failure_at_once() -> None:
    nobody = TurnServer(address=DEAD, transport="tcp", credential=CREDENTIAL)
    call = RelayCall(IceConfig(turn_servers=(nobody,)))
    call.sit()
    call.gather(call.alice)
    call.run(timeout=1)

    assert [(each.error_code, each.turn_server) for each in call.alice.node.of(CandidateGatheringFailed)] == [
        (None, nobody)
    ]
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=transport_of)
def test_wrong_credentials_are_told_with_their_code(server: TurnServer) -> None:
    wrong = replace(server, credential=LongTermCredential(username=USER, password="wrong"))
    call = RelayCall(IceConfig(turn_servers=(wrong,)))
    call.sit()
    call.gather(call.alice)
    call.run(timeout=5)

    failures = call.alice.node.of(CandidateGatheringFailed)
    assert [(each.error_code, each.server, each.turn_server) for each in failures] == [(401, wrong.address, wrong)]


@pytest.mark.spec("rfc8445:5.1.1.2/8")
@pytest.mark.parametrize(
    ("server", "code"),
    [(TurnServerConfig(max_allocations_per_user=1), 486), (TurnServerConfig(max_allocations=1), 508)],
    ids=["quota", "capacity"],
)
def test_a_server_without_room_still_tells_our_address(server: TurnServerConfig, code: int) -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)), IceConfig(turn_servers=(UDP,)), server=server)
    call.sit()
    call.sit(full_cone("203.0.113.2"))
    call.gather(call.alice)
    call.run(timeout=2)
    call.gather(call.bob)
    call.run(timeout=2)

    assert [each.error_code for each in call.bob.node.of(CandidateGatheringFailed)] == [code]
    assert call.bob.types == ["host", "srflx"]
    assert call.bob.agent.gathering_state is GatheringState.COMPLETE


@pytest.mark.spec("rfc8835:3.2/2", "rfc8835:3.4/6")
def test_a_server_of_both_families_gives_a_relay_of_each() -> None:
    turn6 = "2001:db8::10"
    call = Call(alice=RELAY_ONLY)
    TurnHost(call.network, TURN.host, turn6, config=TurnServerConfig(families=frozenset(AddressFamily)))
    call.join(call.network.host("192.0.2.1"))
    call.gather(call.alice)
    call.run(timeout=2)
    assert sorted(event.candidate.address.host for event in call.alice.candidates) == [TURN.host, turn6]


@pytest.mark.spec("rfc8839:5.1/8", "rfc8839:9.1/1")
def test_hidden_related_addresses_are_of_the_family_of_the_relay() -> None:
    turn6 = "2001:db8::10"
    call = Call(alice=RELAY_ONLY)
    TurnHost(call.network, TURN.host, turn6, config=TurnServerConfig(families=frozenset(AddressFamily)))
    call.join(call.network.host("192.0.2.1"))
    call.gather(call.alice)
    call.run(timeout=2)
    assert {event.candidate.address.host: event.candidate.related_address for event in call.alice.candidates} == {
        TURN.host: Address("0.0.0.0", 9),
        turn6: Address("::", 9),
    }


def test_a_server_may_serve_stun_and_turn_at_one_address() -> None:
    call = RelayCall(IceConfig(stun_servers=(TURN,), turn_servers=(UDP,)))
    call.sit(full_cone("203.0.113.1"))
    call.gather(call.alice)
    call.run(timeout=2)
    assert sorted(call.alice.types) == ["host", "relay", "srflx"]
    assert call.alice.node.of(CandidateGatheringFailed) == []


def test_where_servers_of_both_families_are_known_each_gives_its_own() -> None:
    turn6 = Address("2001:db8::10", 3478)
    config = replace(RELAY_ONLY, turn_servers=(UDP, TurnServer(address=turn6, credential=CREDENTIAL)))
    call = Call(alice=config)
    TurnHost(call.network, TURN.host, turn6.host, config=TurnServerConfig(families=frozenset(AddressFamily)))
    call.join(call.network.host("192.0.2.1", "2001:db8::1"))
    call.gather(call.alice)
    call.run(timeout=2)
    assert sorted(event.candidate.address.host for event in call.alice.candidates) == [TURN.host, turn6.host]


@pytest.mark.spec("rfc8835:3.4/9")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_server_may_send_us_to_another_one(transport: str) -> None:
    call = RelayCall(IceConfig(turn_servers=(replace(UDP, transport=transport),), relay_only=True), IceConfig())
    TurnHost(call.network, SECOND_TURN.host, streams=call.streams)
    call.turn.server.redirect(SECOND_TURN)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    assert selected_pair(call.alice).local_candidate.address.host == SECOND_TURN.host
    call.talk()


def test_a_server_that_becomes_known_later_is_asked_as_well() -> None:
    call = RelayCall(IceConfig())
    call.sit()
    call.gather(call.alice, end=False)
    call.run(timeout=1)
    call.alice.agent.add_turn_server(UDP, call.network.now)
    call.alice.agent.add_turn_server(UDP, call.network.now)
    call.alice.agent.end_of_local_addresses(call.network.now)
    call.run(timeout=2)
    assert call.alice.types == ["host", "relay"]
