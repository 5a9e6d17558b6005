"""Relayed candidates, over the simulated network with our own TURN server."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.support.nat import Nat, full_cone, port_restricted_cone, symmetric
from tests.support.network import Link
from tests.support.turn import TurnHost

from rtc_ice import CandidateGatheringFailed, IceConfig, TurnServer
from rtc_stun import Address, Datagram, OpenTransport, is_stun
from rtc_turn import OpenRelay
from rtc_turn.method import ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION

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
    send,
    transport_of,
)
from .session import STUN_SERVER, Call, Party


def _methods(call: Call, party: Party) -> list[int]:
    """Methods of the requests that the party's host sends from now on; filled while time passes."""
    seen: list[int] = []

    def tap(now: float, datagram: Datagram) -> bool:
        if is_stun(datagram.data) and datagram.remote == TURN:
            first, second = datagram.data[:2]
            seen.append((first & 0x3E) << 6 | (second & 0xE0) >> 1 | second & 0x0F)
        return True

    party.node.tap = tap
    return seen


# --- the ways through ---


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=transport_of)
@pytest.mark.parametrize("nat", [None, port_restricted_cone, symmetric], ids=["public", "restricted", "symmetric"])
def test_two_that_show_nothing_but_relays_talk_through_them(
    server: TurnServer, nat: Callable[[str], Nat] | None
) -> None:
    config = IceConfig(turn_servers=(server,), relay_only=True)
    call = RelayCall(config, config)
    call.sit(nat and nat("203.0.113.1"))
    call.sit(nat and nat("203.0.113.2"))
    call.start()

    assert call.run(call.completed, timeout=10)
    assert call.agree()
    assert [party.types for party in call.parties] == [["relay"], ["relay"]]
    assert [selected_pair(party).local_candidate.address.host for party in call.parties] == [TURN.host] * 2
    call.talk()


def test_one_side_with_a_relay_is_enough() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()

    assert call.run(call.completed, timeout=10)
    assert (selected_pair(call.alice).local_candidate.type, selected_pair(call.bob).local_candidate.type) == (
        "relay",
        "host",
    )
    call.talk()


@pytest.mark.spec("rfc8445:5.1.1.2/1")
def test_where_no_direct_path_exists_the_relay_is_used() -> None:
    config = IceConfig(stun_servers=(STUN_SERVER,), turn_servers=(UDP,))
    call = RelayCall(config, config)
    call.serve_stun()
    call.sit(symmetric("203.0.113.1"))
    call.sit(symmetric("203.0.113.2"))
    call.start()

    assert call.run(call.connected, timeout=20)
    call.run(timeout=5)
    assert "relay" in {selected_pair(party).local_candidate.type for party in call.parties}
    call.talk()


def test_where_a_direct_path_exists_it_is_preferred() -> None:
    config = IceConfig(turn_servers=(UDP,))
    call = RelayCall(config, config)
    call.both_sit()

    assert call.run(call.completed, timeout=10)
    assert {selected_pair(party).local_candidate.type for party in call.parties} == {"host"}


@pytest.mark.parametrize("server", [TCP, TLS], ids=transport_of)
def test_where_datagrams_are_blocked_a_relay_over_a_stream_helps(server: TurnServer) -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP, server)), IceConfig())
    blocked = full_cone("203.0.113.1")
    blocked.udp_blocked = True
    call.sit(blocked)
    call.sit()
    call.start()

    assert call.run(call.connected, timeout=20)
    pair = selected_pair(call.alice)
    assert pair.local_candidate.type == "relay"
    described = next(each for each in call.alice.agent.candidate_stats() if each.candidate == pair.local_candidate)
    assert described.turn_server == server
    call.talk()


@examples(60)
@given(seed=st.integers(0, 1 << 30), server=st.sampled_from(EVERY_TRANSPORT), both=st.booleans())
def test_relays_connect_through_whatever_weather(seed: int, server: TurnServer, both: bool) -> None:
    # Without a relay there is nothing: all the time that it takes.
    config = IceConfig(turn_servers=(server,), relay_only=True, gathering_timeout=30.0)
    link = Link(delay=0.02, jitter=0.02, loss=0.05, duplication=0.05, reordering=0.1)
    call = RelayCall(config, config if both else IceConfig(), seed=seed, link=link)
    call.both_sit()
    assert call.run(call.connected, timeout=60)


# --- relay_only hides ---


@pytest.mark.spec("rfc8839:5.1/8", "rfc8839:9.1/1")
@pytest.mark.spec("rfc8827:6.4/3")
def test_relay_only_tells_nothing_of_where_we_are() -> None:
    call = RelayCall(replace(RELAY_ONLY, stun_servers=(STUN_SERVER,)), IceConfig())
    server = call.serve_stun()
    call.sit(full_cone("203.0.113.1"))
    call.sit()
    seen: list[Datagram] = []

    def tap(now: float, datagram: Datagram) -> bool:
        seen.append(datagram)
        return True

    call.alice.node.tap = tap
    call.start()
    assert call.run(call.completed, timeout=10)

    (told,) = call.alice.candidates
    assert told.candidate.type == "relay"
    assert told.candidate.related_address == Address("0.0.0.0", 9)
    assert {datagram.remote for datagram in seen} == {TURN}
    assert server.events == []
    assert {each.candidate.type for each in call.alice.agent.candidate_stats() if not each.is_remote} == {"relay"}


def test_relay_only_answers_no_check_that_comes_straight() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()
    # Bob guesses where Alice is.
    relay = call.alice.bindings[0].address
    assert call.run(call.connected, timeout=10)
    bob = call.bob.agent
    answered = call.alice.agent.stats.dropped.get("unknown-local-address", 0)
    forged = selected_pair(call.bob)
    request = bob._session.check_datagram(
        next(iter(bob._session.checklists.pairs())),
        bytes(12),
        priority=1,
        use_candidate=False,
    )
    call.alice.agent.receive_datagram(Datagram(request.data, relay, forged.local), call.network.now)
    assert call.alice.agent.stats.dropped["unknown-local-address"] == answered + 1
    assert [
        each
        for each in call.alice.agent.datagrams_to_send(call.network.now)
        if each.local == relay and each.remote != TURN
    ] == []


# --- permissions, channels, refresh, release ---


@pytest.mark.spec("rfc8445:7.2.1/1", "rfc8445:7.2.1/2", "rfc8445:7.2.1/3", "rfc8445:12.1/3")
def test_permissions_come_before_checks_and_channels_with_data() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.sit()
    call.sit()
    methods = _methods(call, call.alice)
    call.start()
    assert call.run(call.completed, timeout=10)

    assert methods.index(ALLOCATE) < methods.index(CREATE_PERMISSION)
    assert CHANNEL_BIND not in methods
    send(call.alice, b"\x80data", call.network.now)
    call.network.advance(1.0)
    assert methods.count(CHANNEL_BIND) == 1
    send(call.alice, b"\x80data", call.network.now)
    call.network.advance(1.0)
    assert methods.count(CHANNEL_BIND) == 1


@pytest.mark.spec("rfc8445:5.1.1.4/1", "rfc8445:7.2.1/4")
@pytest.mark.parametrize("server", [UDP, TCP], ids=transport_of)
def test_an_allocation_is_refreshed_as_long_as_the_agent_lives(server: TurnServer) -> None:
    config = IceConfig(turn_servers=(server,), relay_only=True)
    call = RelayCall(config, config)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    call.run(timeout=1500)
    assert call.completed()
    call.talk()


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=transport_of)
def test_closing_gives_the_allocation_back(server: TurnServer) -> None:
    config = IceConfig(turn_servers=(server,), relay_only=True)
    call = RelayCall(config, config)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    assert call.turn.server.allocation_count == 2

    call.alice.agent.close(call.network.now)
    call.network.advance(1.0)
    assert call.turn.server.allocation_count == 1
    assert call.alice.agent.next_timeout() is None
    call.bob.agent.close(call.network.now)
    call.network.advance(1.0)
    assert call.turn.server.allocation_count == 0


def test_an_agent_that_closes_while_it_asks_leaves_nothing_behind() -> None:
    call = RelayCall(RELAY_ONLY)
    call.sit()
    call.gather(call.alice)
    call.network.flush()
    call.alice.agent.close(call.network.now)
    call.network.advance(10)
    assert call.alice.agent.next_timeout() is None
    assert call.alice.candidates == []


def test_the_relay_goes_with_the_address_that_it_was_asked_through() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    call.alice.agent.remove_local_address(call.alice.bindings[0].address, call.network.now)
    call.run(timeout=1)
    assert call.alice.agent.selected_pair is None
    assert call.turn.server.allocation_count == 0


def test_a_restart_finds_the_allocation_again() -> None:
    call = RelayCall(RELAY_ONLY, RELAY_ONLY)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    before = selected_pair(call.alice)
    for party in call.parties:
        party.candidates.clear()
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    assert selected_pair(call.alice) == before
    call.talk()
    assert call.run(call.completed, timeout=10)
    assert [party.types for party in call.parties] == [["relay"], ["relay"]]
    assert call.turn.server.allocation_count == 2
    call.talk()


def test_a_restart_may_change_servers_and_policy() -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)), IceConfig())
    TurnHost(call.network, SECOND_TURN.host)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    assert selected_pair(call.alice).local_candidate.type == "host"
    second = TurnServer(address=SECOND_TURN, credential=CREDENTIAL)
    for party, config in zip(call.parties, (IceConfig(turn_servers=(second,), relay_only=True), None), strict=True):
        party.agent.restart(call.network.now, config=config)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    assert call.run(call.completed, timeout=10)
    assert selected_pair(call.alice).local_candidate.address.host == SECOND_TURN.host
    call.run(timeout=10)
    assert call.turn.server.allocation_count == 0


def test_a_server_that_restarts_costs_the_pair_and_a_restart_brings_it_back() -> None:
    config = IceConfig(turn_servers=(TCP,), relay_only=True)
    call = RelayCall(config, IceConfig())
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    call.streams.break_all(call.turn.server)
    call.run(timeout=1)
    assert call.alice.agent.selected_pair is None

    for party in call.parties:
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    assert call.run(call.completed, timeout=20)
    call.talk()


# --- hostile and odd ---


@pytest.mark.spec("rfc8445:5.1.1.2/9")
def test_a_server_cannot_take_over_an_address_of_ours() -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP,)))
    call.sit()
    # The server claims that the relayed address is the host's own.
    own = call.alice.bindings[0].address
    call.turn.node.on_event = lambda event: _open_as(call, event, own)
    call.gather(call.alice)
    call.run(timeout=2)
    assert call.alice.types == ["host"]
    assert len(call.alice.node.of(CandidateGatheringFailed)) == 1
    straight = Datagram(b"x", own, TURN)
    call.alice.agent.send([straight], call.network.now)
    assert straight in call.alice.agent.datagrams_to_send(call.network.now)


def test_a_peer_that_the_server_does_not_relay_to_is_no_use() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig(), allowed=[])
    call.both_sit()
    assert call.run(call.failed, timeout=60)


def test_data_that_a_stranger_sends_to_the_relay_does_not_count_as_the_peers() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    relayed = selected_pair(call.alice).local
    # The permission is for Bob's host; somebody there uses another port.
    stranger = Address(call.bob.bindings[0].address.host, 4711)
    call.turn.server.receive_datagram(Datagram(b"\x80evil", relayed, stranger), call.network.now)
    call.network.advance(0.5)
    (arrived,) = call.alice.agent.data_received()
    assert arrived.remote == stranger
    assert not call.alice.agent.is_valid_path(arrived.local, arrived.remote)


def test_what_waits_for_nobody_is_bounded() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    relayed, peer = selected_pair(call.alice).local, selected_pair(call.alice).remote
    for _ in range(3000):
        call.turn.server.receive_datagram(Datagram(b"\x80data", relayed, peer), call.network.now)
        call.network.flush()
    call.network.advance(1.0)
    assert len(call.alice.agent.data_received()) == 1024
    assert call.alice.agent.stats.dropped["output-limit"] == 3000 - 1024


def test_a_copy_of_the_agent_goes_on_like_the_original() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()
    assert call.run(call.connected, timeout=10)
    twin = copy.deepcopy(call.alice.agent)
    now = call.network.now + 600
    twin.handle_timeout(now)
    call.alice.agent.handle_timeout(now)
    assert twin.datagrams_to_send(now) == call.alice.agent.datagrams_to_send(now)


def test_streams_leave_from_the_address_that_they_are_for() -> None:
    call = RelayCall(IceConfig(turn_servers=(TCP, DTLS)))
    call.sit(None, "192.0.2.1", "192.0.2.3")
    call.gather(call.alice)
    call.run(timeout=1)
    wishes = call.alice.node.of(OpenTransport)
    assert sorted((wish.transport, wish.local) for wish in wishes) == [
        ("dtls", Address("192.0.2.1", 0)),
        ("dtls", Address("192.0.2.3", 0)),
        ("tcp", Address("192.0.2.1", 0)),
        ("tcp", Address("192.0.2.3", 0)),
    ]
    assert {wish.domain for wish in wishes if wish.transport == "dtls"} == {"turn.example.org"}


def test_servers_are_checked_when_they_are_told() -> None:
    with pytest.raises(ValueError, match="over udp"):
        TurnServer(address=TURN, transport="sctp")
    with pytest.raises(ValueError, match="IP address"):
        TurnServer(address=Address("turn.example.org", 3478))
    with pytest.raises(ValueError, match="at most 16"):
        IceConfig(turn_servers=tuple(TurnServer(address=Address("192.0.2.1", port)) for port in range(1, 18)))


def _open_as(call: RelayCall, event: object, relayed: Address) -> None:
    if isinstance(event, OpenRelay):
        call.turn.server.relay_opened(event.relay_id, relayed, call.network.now)
