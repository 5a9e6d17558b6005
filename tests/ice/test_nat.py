"""Through the address translators of RFC 4787, with an ordinary STUN server."""

from collections.abc import Callable

import pytest
from tests.support.nat import Nat, full_cone, port_restricted_cone, restricted_cone, symmetric
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_ice import ConnectionState, IceAgent, IceConfig
from rtc_stun import (
    BINDING,
    ICE_ATTRIBUTES,
    Address,
    Datagram,
    IceControlling,
    Message,
    MessageClass,
    Priority,
    UseCandidate,
    Username,
    short_term_key,
)

from .session import STUN_SERVER, Call, Party

ASKS = IceConfig(stun_servers=(STUN_SERVER,))
KINDS: list[Callable[[str], Nat] | None] = [None, full_cone, restricted_cone, port_restricted_cone, symmetric]
HOPELESS = [(port_restricted_cone, symmetric), (symmetric, port_restricted_cone), (symmetric, symmetric)]


def _name(kind: Callable[[str], Nat] | None) -> str:
    return "public" if kind is None else kind.__name__


def _join(call: Call, kind: Callable[[str], Nat] | None) -> Party:
    n = len(call.parties) + 1
    if kind is None:
        return call.join(call.network.host(f"192.0.2.{n}"))
    return call.join(call.network.host("192.168.1.10", behind=kind(f"203.0.113.{n}")))


def _call(first: Callable[[str], Nat] | None, second: Callable[[str], Nat] | None) -> Call:
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.02))
    call.serve_stun()
    _join(call, first)
    _join(call, second)
    call.start()
    return call


@pytest.mark.spec("rfc8445:5.1.1.2/1")
@pytest.mark.parametrize("second", KINDS, ids=_name)
@pytest.mark.parametrize("first", KINDS, ids=_name)
def test_two_agents_find_each_other_wherever_that_is_possible(
    first: Callable[[str], Nat] | None, second: Callable[[str], Nat] | None
) -> None:
    call = _call(first, second)

    if (first, second) in HOPELESS:
        assert call.run(call.failed, timeout=120)
        assert not call.alice.selections
    else:
        assert call.run(call.completed, timeout=10)
        assert call.agree()
        call.run(timeout=300)
        assert call.both(ConnectionState.COMPLETED)


@pytest.mark.parametrize("kind", [full_cone, port_restricted_cone, symmetric], ids=_name)
def test_two_hosts_behind_the_same_translator_use_their_private_addresses(kind: Callable[[str], Nat]) -> None:
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.005))
    call.serve_stun()
    translator = kind("203.0.113.1")
    call.join(call.network.host("192.168.1.10", behind=translator))
    call.join(call.network.host("192.168.1.11", behind=translator))
    call.start()

    assert call.run(call.completed, timeout=10)
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.remote.host == "192.168.1.11"


@pytest.mark.parametrize("hairpinning", [True, False])
def test_two_homes_behind_the_same_carrier_need_hairpinning(hairpinning: bool) -> None:
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.005))
    call.serve_stun()
    carrier = full_cone("203.0.113.1")
    carrier.hairpinning = hairpinning
    homes = full_cone("100.64.0.1"), full_cone("100.64.0.2")
    for home in homes:
        call.network.nest(home, carrier)
        call.join(call.network.host("192.168.1.10", behind=home))
    call.start()

    outcome = call.completed if hairpinning else call.failed
    assert call.run(outcome, timeout=120)


def test_a_translator_that_blocks_datagrams_lets_nobody_through() -> None:
    call = Call(alice=ASKS, bob=ASKS)
    call.serve_stun()
    blocked = full_cone("203.0.113.1")
    blocked.udp_blocked = True
    call.join(call.network.host("192.168.1.10", behind=blocked))
    call.join(call.network.host("192.0.2.2"))
    call.start()

    assert call.run(call.failed, timeout=120)


def test_what_the_peer_sees_of_us_is_a_server_reflexive_candidate() -> None:
    call = _call(port_restricted_cone, port_restricted_cone)

    assert call.run(call.completed, timeout=10)
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.local_candidate.type == "srflx"
    assert call.alice.agent.selected_pair.local.host == "192.168.1.10"
    assert call.alice.agent.selected_pair.remote.host == "203.0.113.2"


@pytest.mark.spec("rfc8445:7.2.5.3.1/1", "rfc8445:7.3.1.4/2")
def test_a_translator_that_maps_anew_makes_peer_reflexive_candidates_on_both_sides() -> None:
    call = _call(symmetric, full_cone)

    assert call.run(call.completed, timeout=10)
    ours, theirs = call.alice.agent.selected_pair, call.bob.agent.selected_pair
    assert ours is not None
    assert theirs is not None
    assert ours.local_candidate.type == "prflx"
    assert theirs.remote_candidate.type == "prflx"
    assert theirs.remote == ours.local_candidate.address
    assert ours.local_candidate.address not in {event.candidate.address for event in call.alice.candidates}


def test_consent_checks_keep_the_mapping_of_a_forgetful_translator() -> None:
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.02))
    call.serve_stun()
    for n in (1, 2):
        translator = port_restricted_cone(f"203.0.113.{n}")
        translator.mapping_lifetime = 30.0
        call.join(call.network.host("192.168.1.10", behind=translator))
    call.start()
    assert call.run(call.completed, timeout=10)

    call.run(timeout=600)

    assert call.both(ConnectionState.COMPLETED)
    assert all(ConnectionState.DISCONNECTED not in party.states for party in call.parties)


def test_a_translator_that_reboots_is_survived_by_a_restart() -> None:
    translator = port_restricted_cone("203.0.113.1")
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.02))
    call.serve_stun()
    call.join(call.network.host("192.168.1.10", behind=translator))
    _join(call, port_restricted_cone)
    call.start()
    assert call.run(call.completed, timeout=10)
    translator.forget()
    translator.first_port = 50_000
    assert call.run(lambda: call.alice.agent.connection_state is not ConnectionState.COMPLETED, timeout=60)

    for party in call.parties:
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()

    assert call.run(call.completed, timeout=10)
    assert call.agree()


@pytest.mark.parametrize("lite", [False, True])
def test_a_cloud_server_announces_its_public_address(lite: bool) -> None:
    """Its translator maps one address to one other, for good."""
    call = Call(alice=IceConfig(lite=lite), roles=(False, True), link=Link(delay=0.01))
    translator = full_cone("203.0.113.1")
    translator.first_port = 5000
    translator.outbound(("10.0.0.5", 5000), ("192.0.2.99", 1), 0.0)
    cloud = call.network.host("10.0.0.5", behind=translator)
    server = call.join(cloud, cloud.bind(5000))
    call.join(call.network.host("192.168.1.10", behind=symmetric("203.0.113.2")))
    public = Address("203.0.113.1", 5000)
    assert server.agent.add_local_address(server.bindings[0].address, 0.0, announced=public) is True
    server.agent.end_of_local_addresses(0.0)
    call.gather(call.bob)
    call.start(gather=False)

    assert call.run(call.completed, timeout=5)
    assert [event.candidate.address for event in server.candidates] == [public]
    assert [event.candidate.type for event in server.candidates] == ["host"]
    assert server.agent.selected_pair is not None
    assert server.agent.selected_pair.local == server.bindings[0].address
    assert server.agent.selected_pair.local_candidate.address == public
    assert {each.candidate.type for each in server.agent.candidate_stats() if not each.is_remote} == {"host"}


def test_what_is_announced_has_to_be_an_address_of_the_same_family() -> None:
    call = Call()
    agent = call.join(call.network.host("10.0.0.5")).agent

    for announced in (Address("2001:db8::1", 1), Address("cloud.example", 1)):
        with pytest.raises(ValueError, match=r"family|families|address"):
            agent.add_local_address(Address("10.0.0.5", 1), 0.0, announced=announced)
    assert agent.candidate_stats() == []


def test_many_agents_share_one_address_and_are_told_apart_by_their_fragments() -> None:
    """A server with one port: the caller looks at the USERNAME and hands the check to the agent that it names."""
    shared = Address("192.0.2.1", 5000)
    agents = {}
    for seed in range(5):
        agent = IceAgent(controlling=False, rng=SeededRng(seed), config=IceConfig(lite=True))
        agent.add_local_address(shared, 0.0)
        agents[agent.local_credentials.ufrag] = agent
    for n, (ufrag, agent) in enumerate(agents.items()):
        check = Message(
            BINDING,
            MessageClass.REQUEST,
            bytes(12),
            [Username(f"{ufrag}:peer"), Priority(1), IceControlling(1), UseCandidate()],
        ).serialize(key=short_term_key(agent.local_credentials.password), fingerprint=True)
        username = Message.parse(check, ICE_ATTRIBUTES).get(Username)
        assert username is not None
        named = agents[username.text.partition(":")[0]]
        named.receive_datagram(Datagram(check, shared, Address("192.0.2.99", 1 + n)), 0.0)

    remotes = [agent.selected_pair.remote.port for agent in agents.values() if agent.selected_pair is not None]
    assert remotes == [1, 2, 3, 4, 5]
