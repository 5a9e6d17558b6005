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
from tests.support.streams import Streams
from tests.support.turn import PASSWORD, TLS_PORT, USER, TurnHost

from rtc_ice import (
    Announcement,
    CandidateGatheringFailed,
    CandidatePair,
    GatheringState,
    GatheringStateChanged,
    IceConfig,
    TurnServer,
)
from rtc_stun import Address, Datagram, LongTermCredential, OpenTransport, is_stun
from rtc_turn import AddressFamily, OpenRelay, TurnServerConfig
from rtc_turn.method import ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION

from .session import STUN_SERVER, Call, Party

CREDENTIAL = LongTermCredential(username=USER, password=PASSWORD)
TURN = Address("198.51.100.10", 3478)
SECOND_TURN = Address("198.51.100.20", 3478)
DEAD = Address("198.51.100.99", 3478)
UDP = TurnServer(address=TURN, credential=CREDENTIAL)
TCP = TurnServer(address=TURN, transport="tcp", credential=CREDENTIAL)
TLS = TurnServer(
    address=Address(TURN.host, TLS_PORT), transport="tls", credential=CREDENTIAL, domain="turn.example.org"
)
DTLS = TurnServer(
    address=Address(TURN.host, TLS_PORT), transport="dtls", credential=CREDENTIAL, domain="turn.example.org"
)
RELAY_ONLY = IceConfig(turn_servers=(UDP,), relay_only=True)
EVERY_TRANSPORT = [UDP, TCP, TLS, DTLS]


def _transport(server: TurnServer) -> str:
    return server.transport


class RelayCall(Call):
    """A call with a TURN server on the internet, and streams."""

    def __init__(
        self,
        alice: IceConfig | None = None,
        bob: IceConfig | None = None,
        *,
        seed: int = 1,
        link: Link | None = None,
        server: TurnServerConfig | None = None,
        allowed: list[str] | None = None,
    ) -> None:
        super().__init__(seed=seed, link=link, alice=alice, bob=bob)
        self.streams = Streams(self.network)
        allowed = ["0.0.0.0/0", "::/0"] if allowed is None else allowed
        self.turn = TurnHost(self.network, TURN.host, streams=self.streams, config=server, allowed=allowed)

    def sit(self, nat: Nat | None = None, *hosts: str) -> Party:
        """Put the next agent on the network, with its streams."""
        n = len(self.parties) + 1
        if hosts:
            host = self.network.host(*hosts, behind=nat)
        elif nat is None:
            host = self.network.host(f"192.0.2.{n}")
        else:
            host = self.network.host("192.168.1.10", behind=nat)
        party = self.join(host)
        self.streams.follow(party.node, party.agent)
        return party

    def both_sit(self) -> None:
        self.sit()
        self.sit()
        self.start()

    def talk(self) -> None:
        """Send data both ways, and see it arrive from where it should."""
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            there = _pair(receiver)
            at_sockets: list[Datagram] = []
            self.network.trace = lambda now, datagram, seen=at_sockets: seen.append(datagram)
            _send(sender, b"\x80data", self.network.now)
            self.network.advance(1.0)
            self.network.trace = None
            arrived = receiver.agent.data_received()
            if not there.is_carried:
                assert arrived == []
                arrived = [each for each in at_sockets if each.local == there.local and each.data == b"\x80data"]
            assert [(each.data, each.local, each.remote) for each in arrived] == [
                (b"\x80data", there.local, there.remote)
            ]
            assert receiver.agent.is_valid_path(there.local, there.remote)


def _pair(party: Party) -> CandidatePair:
    pair = party.agent.selected_pair
    assert pair is not None
    return pair


def _send(party: Party, data: bytes, now: float) -> None:
    pair = _pair(party)
    party.agent.send([Datagram(data, pair.local, pair.remote)], now)


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


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=_transport)
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
    assert [_pair(party).local_candidate.address.host for party in call.parties] == [TURN.host] * 2
    call.talk()


def test_one_side_with_a_relay_is_enough() -> None:
    call = RelayCall(RELAY_ONLY, IceConfig())
    call.both_sit()

    assert call.run(call.completed, timeout=10)
    assert (_pair(call.alice).local_candidate.type, _pair(call.bob).local_candidate.type) == ("relay", "host")
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
    assert "relay" in {_pair(party).local_candidate.type for party in call.parties}
    call.talk()


def test_where_a_direct_path_exists_it_is_preferred() -> None:
    config = IceConfig(turn_servers=(UDP,))
    call = RelayCall(config, config)
    call.both_sit()

    assert call.run(call.completed, timeout=10)
    assert {_pair(party).local_candidate.type for party in call.parties} == {"host"}


@pytest.mark.parametrize("server", [TCP, TLS], ids=_transport)
def test_where_datagrams_are_blocked_a_relay_over_a_stream_helps(server: TurnServer) -> None:
    call = RelayCall(IceConfig(turn_servers=(UDP, server)), IceConfig())
    blocked = full_cone("203.0.113.1")
    blocked.udp_blocked = True
    call.sit(blocked)
    call.sit()
    call.start()

    assert call.run(call.connected, timeout=20)
    pair = _pair(call.alice)
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


# --- what is gathered ---


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


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=_transport)
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
    assert _pair(call.alice).local_candidate.address.host == SECOND_TURN.host
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
    forged = _pair(call.bob)
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
    _send(call.alice, b"\x80data", call.network.now)
    call.network.advance(1.0)
    assert methods.count(CHANNEL_BIND) == 1
    _send(call.alice, b"\x80data", call.network.now)
    call.network.advance(1.0)
    assert methods.count(CHANNEL_BIND) == 1


@pytest.mark.spec("rfc8445:5.1.1.4/1", "rfc8445:7.2.1/4")
@pytest.mark.parametrize("server", [UDP, TCP], ids=_transport)
def test_an_allocation_is_refreshed_as_long_as_the_agent_lives(server: TurnServer) -> None:
    config = IceConfig(turn_servers=(server,), relay_only=True)
    call = RelayCall(config, config)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    call.run(timeout=1500)
    assert call.completed()
    call.talk()


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=_transport)
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
    before = _pair(call.alice)
    for party in call.parties:
        party.candidates.clear()
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    assert _pair(call.alice) == before
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
    assert _pair(call.alice).local_candidate.type == "host"
    second = TurnServer(address=SECOND_TURN, credential=CREDENTIAL)
    for party, config in zip(call.parties, (IceConfig(turn_servers=(second,), relay_only=True), None), strict=True):
        party.agent.restart(call.network.now, config=config)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    assert call.run(call.completed, timeout=10)
    assert _pair(call.alice).local_candidate.address.host == SECOND_TURN.host
    call.run(timeout=10)
    assert call.turn.server.allocation_count == 0


@pytest.mark.parametrize(("server", "count"), [(UDP, 1), (TCP, 2)], ids=["udp", "tcp"])
def test_a_restart_may_renew_the_credential_where_the_server_can_tell_allocations_apart(
    server: TurnServer, count: int
) -> None:
    call = RelayCall(IceConfig(turn_servers=(server,), relay_only=True), IceConfig())
    call.turn.users.add("bob", "other")
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    renewed = replace(server, credential=LongTermCredential(username="bob", password="other"))
    config = IceConfig(turn_servers=(renewed,), relay_only=True)
    for party, wanted in zip(call.parties, (config, None), strict=True):
        party.agent.restart(call.network.now, config=wanted)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    call.run(timeout=1)
    assert call.turn.server.allocation_count == count
    assert call.run(call.completed, timeout=10)
    call.talk()
    call.run(timeout=10)
    assert call.turn.server.allocation_count == 1


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
    relayed = _pair(call.alice).local
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
    relayed, peer = _pair(call.alice).local, _pair(call.alice).remote
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
