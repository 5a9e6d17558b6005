"""Two agents find each other."""

import pytest
from tests.support.network import Link

from rtc_ice import ConnectionState, IceConfig

from .session import Call, simple_call


def test_two_hosts_connect_and_complete() -> None:
    call = simple_call()
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.alice.states == [ConnectionState.CHECKING, ConnectionState.CONNECTED, ConnectionState.COMPLETED]
    assert call.agree()


def test_data_may_flow_after_one_round_trip() -> None:
    call = simple_call(link=Link(delay=0.02))
    call.start()

    assert call.run(call.connected, timeout=5)
    assert call.network.now == pytest.approx(0.04)


def test_an_answerer_that_checks_first_connects_the_offerer_before_its_own_checks() -> None:
    """The answerer starts as it answers; the offerer has answered its checks before the answer arrives."""
    call = simple_call(link=Link(delay=0.01))
    call.signalling.delay = 0.1
    call.gather(call.alice)
    call.tell_credentials(0)
    call.network.flush()
    call.run(timeout=0.1)
    call.gather(call.bob)
    call.tell_credentials(1)
    call.network.flush()

    assert call.run(lambda: call.bob.agent.connection_state is ConnectionState.CONNECTED, timeout=0.05)
    assert call.alice.agent.connection_state is ConnectionState.NEW
    assert call.run(call.completed)


def test_ipv6_hosts_connect() -> None:
    call = Call()
    call.join(call.network.host("2001:db8::1"))
    call.join(call.network.host("2001:db8::2"))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.agree()


def test_hosts_that_share_one_family_connect_over_it() -> None:
    call = Call()
    call.join(call.network.host("192.0.2.1", "2001:db8::1"))
    call.join(call.network.host("2001:db8::2"))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.local.host == "2001:db8::1"


def test_link_local_hosts_connect_by_their_zones() -> None:
    call = Call()
    call.join(call.network.host("fe80::1%eth0"))
    call.join(call.network.host("fe80::2%eth0"))
    call.start()

    assert call.alice.candidates[0].candidate.address.host == "fe80::1"
    assert call.run(call.completed, timeout=5)
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.remote.host == "fe80::2%eth0"


def test_many_addresses_end_on_the_pair_of_highest_priority() -> None:
    call = Call()
    call.join(call.network.host("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    call.join(call.network.host("192.0.2.11", "192.0.2.12", "192.0.2.13"))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.local.host == "192.0.2.1"
    assert call.alice.agent.selected_pair.remote.host == "192.0.2.11"
    assert call.agree()


def test_unreachable_addresses_of_higher_priority_delay_nomination_but_not_data() -> None:
    call = Call(link=Link(delay=0.005))
    home = call.network.host("192.0.2.1")
    call.join(home, home.bind(5000))
    away = call.network.host("192.0.2.11", "192.0.2.12")
    call.join(away, away.bind(5000, "192.0.2.12"))
    call.parties[1].bindings = (away.bind(5001, "192.0.2.11"), *call.parties[1].bindings)
    away.hosts.remove("192.0.2.11")
    call.network.internet.members.pop("192.0.2.11")
    call.start()

    assert call.run(call.connected, timeout=0.2)
    assert call.alice.selections[0].nominated is False
    assert call.run(call.completed, timeout=1.0)
    assert call.alice.selections[-1].nominated is True


def test_several_streams_and_components_get_a_pair_each() -> None:
    config = IceConfig(components=(2, 1))
    call = Call(alice=config, bob=config)
    for ip in ("192.0.2.1", "192.0.2.2"):
        host = call.network.host(ip)
        party = call.join(host, host.bind(5000), host.bind(5001), host.bind(5002))
        for binding, (stream, component_id) in zip(party.bindings, ((0, 1), (0, 2), (1, 1)), strict=True):
            party.agent.add_local_address(binding.address, 0.0, stream=stream, component_id=component_id)
        party.agent.end_of_local_addresses(0.0)
    call.start(gather=False)

    assert call.run(call.completed, timeout=5)
    for component in ((0, 1), (0, 2), (1, 1)):
        ours, theirs = (party.agent.selected_pair_of(*component) for party in call.parties)
        assert ours is not None
        assert theirs is not None
        assert (ours.local, ours.remote) == (theirs.remote, theirs.local)
        assert (ours.stream, ours.component_id) == component


@pytest.mark.spec("rfc8445:5.1.1.1/3")
def test_components_that_the_peer_lacks_are_not_waited_for() -> None:
    call = Call(alice=IceConfig(components=(2,)), bob=IceConfig(components=(1,)))
    host = call.network.host("192.0.2.1")
    alice = call.join(host, host.bind(5000), host.bind(5001))
    call.join(call.network.host("192.0.2.2"))
    for component_id, binding in enumerate(alice.bindings, start=1):
        alice.agent.add_local_address(binding.address, 0.0, component_id=component_id)
    alice.agent.end_of_local_addresses(0.0)
    call.gather(call.bob)
    call.signalling.drops = lambda candidate: candidate.component_id == 2
    call.start(gather=False)

    assert call.run(call.completed, timeout=5)
    assert alice.agent.selected_pair_of(0, 2) is None


def test_the_lowest_pacing_completes_within_milliseconds() -> None:
    config = IceConfig(ta=0.005, assumed_remote_ta=0.005)
    call = simple_call(alice=config, bob=config, link=Link(delay=0.0005))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.network.now < 0.010
