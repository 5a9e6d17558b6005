"""Gathering: sockets, states, servers and policies."""

from collections.abc import Iterable

import pytest
from tests.peer.descriptions import HOST, parsed
from tests.peer.pair import Pair
from tests.support.nat import full_cone
from tests.support.network import Node

from rtc_peer import (
    ArgumentError,
    Configuration,
    DtlsTransportState,
    DtlsTransportStateChanged,
    GatheringWanted,
    HostResolutionWanted,
    IceCandidateFailed,
    IceCandidateFound,
    IceConnectionStateChanged,
    IceGatheringState,
    IceGatheringStateChanged,
    IceServer,
    IceTransportGatheringStateChanged,
    IceTransportPolicy,
    IceTransportState,
    IceTransportStateChanged,
    LocalCandidateStats,
    SelectedCandidatePairChanged,
)
from rtc_sdp import Candidate, EndOfCandidates
from rtc_stun import Address, Datagram, StunServer

# --- gathering ---


@pytest.mark.spec("rfc8829:5.9/2")
def test_sockets_are_wanted_when_a_local_description_is_set_and_not_before() -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    offer = pair.left.machine.create_offer()
    pair.settle(0.1)
    assert not pair.left.node.saw(GatheringWanted)

    pair.left.machine.set_local_description(offer, pair.now)
    pair.right.machine.set_remote_description(offer, pair.now)
    pair.settle(0.1)

    assert pair.left.of(GatheringWanted) == [GatheringWanted(0)]
    assert not pair.right.node.saw(GatheringWanted)


@pytest.mark.spec("rfc8829:4.1.20/1", "rfc8829:4.1.20/2", "rfc8829:4.1.20/3")
def test_candidates_are_told_completely_and_then_their_end() -> None:
    pair = Pair(trickle=False, hosts=(("192.0.2.1", "2001:db8::1"), ("192.0.2.2",)))
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)

    ufrag = pair.left.machine.transports[0].local_credentials.ufrag
    *found, end = pair.left.of(IceCandidateFound)
    assert len(found) == 2
    for each in (*found, end):
        assert (each.sdp_mid, each.sdp_m_line_index, each.username_fragment) == ("0", 0, ufrag)
    assert all(each.candidate.startswith("candidate:") for each in found)
    assert all(f" ufrag {ufrag}" in each.candidate for each in found)
    assert end.candidate == ""


def test_gathering_states_are_told_and_can_be_read() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    assert pair.left.machine.ice_gathering_state is IceGatheringState.NEW

    pair.offer()
    pair.settle(0.1)

    states = [IceGatheringState.GATHERING, IceGatheringState.COMPLETE]
    assert [each.state for each in pair.left.of(IceGatheringStateChanged)] == states
    assert [each.state for each in pair.left.of(IceTransportGatheringStateChanged)] == states
    assert pair.left.machine.transports[0].ice_gathering_state is IceGatheringState.COMPLETE
    kinds = [type(each) for each in pair.left.node.events]
    assert kinds.index(IceCandidateFound) < len(kinds) - 1 - kinds[::-1].index(IceGatheringStateChanged)


def test_the_sum_of_the_states_is_told_right_after_the_state_that_changes_it() -> None:
    pair = Pair().connect()

    kinds = [type(each) for each in pair.left.node.events]
    gathering = [IceTransportGatheringStateChanged, IceGatheringStateChanged, IceCandidateFound]
    assert kinds[kinds.index(gathering[0]) :][:3] == gathering
    events = pair.left.node.events
    path = events.index(IceTransportStateChanged(0, IceTransportState.CONNECTED))
    assert type(events[path - 1]) is SelectedCandidatePairChanged
    assert events[path + 1] == IceConnectionStateChanged(IceTransportState.CONNECTED)
    assert DtlsTransportStateChanged(0, DtlsTransportState.CONNECTING) in events[path + 2 :]


def test_local_descriptions_take_in_the_candidates_that_are_found_later() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    offer = pair.offer()
    assert parsed(offer).media[0].get_all(Candidate) == []

    pair.settle(0.1)

    media = parsed(pair.left.local).media[0]
    assert len(media.get_all(Candidate)) == 1
    assert media.has(EndOfCandidates)


def test_a_local_description_shows_what_was_found_since_it_was_created() -> None:
    pair = Pair().connect()
    pair.gather = pair.trickle = False
    machine = pair.left.machine
    machine.set_local_description(machine.create_offer(ice_restart=True), pair.now)
    offer = machine.create_offer()
    assert len(parsed(offer).media[0].get_all(Candidate)) == 1
    machine.add_local_address(0, Address("192.0.2.1", 7777), pair.now)
    machine.end_of_local_addresses(0, pair.now)
    pair.settle(0.1)

    machine.set_local_description(offer, pair.now)

    media = parsed(machine.local_description).media[0]
    assert [" 7777 " in each.text for each in media.get_all(Candidate)] == [False, True]
    assert media.has(EndOfCandidates)


def test_half_trickle_works_with_a_peer_that_takes_nothing_later() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)
    pair.give(pair.right, pair.left.local)
    pair.answer()
    pair.settle(0.1)

    pair.give(pair.left, pair.right.local)

    assert pair.run(pair.talking)


def test_addresses_that_cannot_be_candidates_are_declined() -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)
    machine = pair.left.machine

    assert machine.add_local_address(0, Address("192.0.2.1", 5000), pair.now)
    assert not machine.add_local_address(0, Address("127.0.0.1", 5001), pair.now)
    machine.end_of_local_addresses(0, pair.now)
    assert not machine.add_local_address(0, Address("192.0.2.1", 5002), pair.now), "it is too late"


@pytest.mark.parametrize(
    ("transport_id", "address"),
    [
        (1, Address("192.0.2.1", 5000)),
        (-1, Address("192.0.2.1", 5000)),
        (0, Address("host.example", 5000)),
        (0, Address("192.0.2.7", 1)),
    ],
)
def test_addresses_that_make_no_sense_are_misuse(transport_id: int, address: Address) -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.left.machine.add_local_address(0, Address("192.0.2.7", 1), pair.now)

    with pytest.raises(ArgumentError):
        pair.left.machine.add_local_address(transport_id, address, pair.now)


def test_sockets_are_bounded() -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    pair.offer()

    with pytest.raises(ArgumentError):
        for port in range(1, 2000):
            pair.left.machine.add_local_address(0, Address("192.0.2.1", port), pair.now)


# --- servers ---


def _with_server(url: str, hosts: tuple[str, ...] = ("10.0.0.5",)) -> tuple[Pair, Node]:
    pair = Pair(
        left=Configuration(ice_servers=(IceServer(urls=(url,)),)),
        hosts=(hosts, ("192.0.2.2",)),
        behind=(full_cone("203.0.113.1"), None),
        trickle=False,
    )
    server = pair.network.attach(StunServer(), pair.network.host("198.51.100.1").bind(3478))
    pair.left.machine.create_data_channel()
    return pair, server


@pytest.mark.spec("rfc8835:3.4/4")
def test_a_stun_server_of_the_configuration_is_asked() -> None:
    pair, _ = _with_server("stun:198.51.100.1")

    pair.offer()
    pair.settle(5.0)

    reflexive = [event for event in pair.left.of(IceCandidateFound) if " srflx " in event.candidate]
    assert [event.url for event in reflexive] == ["stun:198.51.100.1"]
    assert "203.0.113.1" in reflexive[0].candidate
    urls = [each.url for each in pair.left.machine.statistics() if isinstance(each, LocalCandidateStats)]
    assert urls == [None, "stun:198.51.100.1"]


def test_the_name_of_a_server_delays_the_end_of_gathering_and_no_more() -> None:
    pair, _ = _with_server("stun:stun.example.org")
    pair.offer()
    pair.settle(1.0)
    assert pair.left.of(HostResolutionWanted) == [HostResolutionWanted("stun.example.org")]
    assert pair.left.machine.transports[0].ice_gathering_state is not IceGatheringState.COMPLETE
    assert len(pair.left.of(IceCandidateFound)) == 1

    pair.left.machine.host_resolved("stun.example.org", ["198.51.100.1"], pair.now)
    pair.settle(5.0)

    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE
    assert len([event for event in pair.left.of(IceCandidateFound) if " srflx " in event.candidate]) == 1


def test_a_server_that_is_silent_or_unknown_costs_an_event() -> None:
    pair, server = _with_server("stun:198.51.100.1")
    next(iter(server.hosts.values())).up = False

    pair.offer()
    pair.settle(30.0)

    (failed,) = pair.left.of(IceCandidateFailed)
    assert (failed.url, failed.error_code) == ("stun:198.51.100.1", 701)
    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE


def test_a_server_that_no_address_of_ours_reaches_costs_one_event() -> None:
    pair, server = _with_server("stun:198.51.100.1", ("10.0.0.5", "10.0.0.6", "fd00::5"))
    next(iter(server.hosts.values())).up = False

    pair.offer()
    pair.settle(30.0)

    assert [event.error_code for event in pair.left.of(IceCandidateFailed)] == [701]


def test_a_server_that_is_reached_from_one_address_costs_none() -> None:
    pair, server = _with_server("stun:198.51.100.1", ("10.0.0.5", "10.0.0.6"))
    machine = server.machine
    assert isinstance(machine, StunServer)
    serve = machine.receive_datagrams
    asked: list[Address] = []

    def deaf(datagrams: Iterable[Datagram], now: float) -> None:
        asked.extend(each.remote for each in datagrams)
        serve([each for each in datagrams if each.remote == asked[0]], now)

    machine.receive_datagrams = deaf  # type: ignore[method-assign]
    pair.offer()
    pair.settle(30.0)

    assert len(set(asked)) == 2
    assert pair.left.of(IceCandidateFailed) == []


def test_a_name_without_addresses_ends_the_waiting() -> None:
    pair, _ = _with_server("stun:nowhere.example")
    pair.offer()
    pair.settle(1.0)

    pair.left.machine.host_resolved("nowhere.example", [], pair.now)
    pair.settle(1.0)

    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE
    (failed,) = pair.left.of(IceCandidateFailed)
    assert (failed.url, failed.error_code) == ("stun:nowhere.example", 701)


def test_a_server_that_is_known_to_have_no_address_is_told_at_each_gathering() -> None:
    pair, _ = _with_server("stun:nowhere.example")
    pair.left.machine.host_resolved("nowhere.example", [], pair.now)
    pair.settle(0.1)
    assert not pair.left.node.saw(IceCandidateFailed)

    pair.offer()
    pair.settle(0.1)

    assert [event.url for event in pair.left.of(IceCandidateFailed)] == ["stun:nowhere.example"]


# --- policies ---


@pytest.mark.spec("rfc8829:3.5.3/2", "rfc8827:6.4/2")
def test_the_policy_relay_shows_no_address_and_asks_for_no_name() -> None:
    pair = Pair(left=Configuration(ice_transport_policy=IceTransportPolicy.RELAY))
    pair.left.machine.create_data_channel()
    pair.negotiate()
    pair.left.machine.add_ice_candidate(HOST.replace("192.0.2.2", "tell.example"), pair.now, sdp_mid="0")
    sent = pair.network.traffic.sent
    pair.settle(5.0)

    assert [event.candidate for event in pair.left.of(IceCandidateFound)] == [""]
    assert not pair.left.node.saw(HostResolutionWanted)
    assert pair.left.machine.transports[0].local_candidates == ()
    assert "192.0.2.1" not in pair.left.local.sdp
    assert sent == 0


@pytest.mark.spec("rfc8829:3.5.3/1", "rfc8829:3.5.3/2", "rfc8827:6.4/4")
def test_the_policy_can_change_with_the_next_gathering() -> None:
    pair = Pair().connect()
    machine = pair.left.machine
    relay = Configuration(ice_transport_policy=IceTransportPolicy.RELAY)

    machine.set_configuration(relay)
    machine.restart_ice()
    pair.negotiate()
    pair.settle(1.0)
    assert machine.transports[0].local_candidates == ()

    machine.set_configuration(Configuration())
    machine.restart_ice()
    pair.negotiate()
    pair.settle(1.0)
    assert {each.type for each in pair.left.machine.transports[0].local_candidates} == {"host"}
