"""ICE restarts: asked for, negotiated, called off (RFC 8829 sections 3.5.1 and 4.1.18)."""

import pytest
from tests.peer.descriptions import describe, parsed, section
from tests.peer.pair import Pair

from rtc_peer import (
    Configuration,
    DtlsTransportState,
    DtlsTransportStateChanged,
    IceCandidateFound,
    IceServer,
    IceTransportPolicy,
    IceTransportState,
    OperationError,
    SdpType,
    SelectedCandidatePairChanged,
    SessionDescription,
)
from rtc_sdp import Candidate, Fingerprint, IceUfrag, TlsId
from rtc_stun import Address

HOST = "candidate:1 1 udp 2130706431 192.0.2.2 5000 typ host"


@pytest.mark.spec("rfc8841:12.2/1")
@pytest.mark.parametrize("offerer", ["left", "right"])
def test_class_28_an_ice_restart_keeps_the_association(offerer: str) -> None:
    pair = Pair().connect()
    side = pair.left if offerer == "left" else pair.right
    before = [parsed(each.local).media[0] for each in pair.sides]
    side.machine.restart_ice()
    pair.negotiate(side)
    pair.settle(2.0)

    after = [parsed(each.local).media[0] for each in pair.sides]
    for kind in (TlsId, Fingerprint):
        assert [media.get(kind) for media in after] == [media.get(kind) for media in before]
    states = [event.state for event in pair.left.of(DtlsTransportStateChanged)]
    assert states == [DtlsTransportState.CONNECTING, DtlsTransportState.CONNECTED]


@pytest.mark.spec("rfc8841:12.2/1")
@pytest.mark.parametrize("offerer", ["left", "right"])
def test_data_flows_through_an_ice_restart(offerer: str) -> None:
    pair = Pair().connect()
    side = pair.left if offerer == "left" else pair.right
    before = side.machine.transports[0].local_credentials
    side.machine.restart_ice()
    pair.negotiate(side)
    assert not side.machine.negotiation_needed

    for number in range(20):
        pair.left.machine.send(pair.left.channel(), f"{number}")
        pair.settle(0.2)

    assert pair.right.messages() == [f"{number}" for number in range(20)]
    assert side.machine.transports[0].local_credentials != before
    assert pair.left.machine.connection_state.value == "connected"


@pytest.mark.spec("rfc8839:4.4.3.1/1")
def test_a_restart_finds_the_way_to_another_address() -> None:
    pair = Pair().connect()
    pair.right.host.move("192.0.2.77")
    pair.left.machine.restart_ice()

    pair.negotiate()

    assert pair.run(lambda: pair.left.of(SelectedCandidatePairChanged)[-1].remote_candidate.find("192.0.2.77") > 0)
    pair.right.machine.send(pair.right.channel(), "I moved")
    assert pair.run(lambda: pair.left.messages() == ["I moved"])


@pytest.mark.spec("rfc8831:5/2", "rfc8831:5/3")
def test_congestion_control_of_data_channels_begins_anew_on_a_new_path() -> None:
    pair = Pair().connect()
    stats = pair.left.machine._layers.data.endpoint.association_stats
    first = stats.congestion_window
    for _ in range(20):
        pair.left.machine.send(pair.left.channel(), bytes(20_000))
        pair.settle(0.2)
    grown = pair.left.machine._layers.data.endpoint.association_stats.congestion_window
    pair.right.host.move("192.0.2.77")
    pair.left.machine.restart_ice()
    pair.negotiate()
    assert pair.run(lambda: pair.left.of(SelectedCandidatePairChanged)[-1].remote_candidate.find("192.0.2.77") > 0)

    assert grown > first
    assert pair.left.machine._layers.data.endpoint.association_stats.congestion_window == first


def test_a_restart_that_is_rolled_back_leaves_the_old_path() -> None:
    pair = Pair().connect()
    before = pair.left.machine.transports[0].local_credentials
    pair.left.machine.restart_ice()
    pair.trickle = False
    pair.offer()
    pair.settle(0.5)

    pair.left.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)
    pair.settle(0.5)
    pair.left.held.clear()
    pair.trickle = True

    assert pair.left.machine.transports[0].local_credentials == before
    assert pair.left.machine.negotiation_needed
    pair.left.machine.send(pair.left.channel(), "still here")
    assert pair.run(lambda: pair.right.messages() == ["still here"])
    pair.negotiate()
    pair.settle(2.0)
    assert pair.left.machine.connection_state.value == "connected"
    assert not pair.left.machine.negotiation_needed


def test_candidates_of_an_old_generation_are_refused_after_a_restart() -> None:
    pair = Pair().connect()
    old = pair.left.machine.transports[0].local_credentials.ufrag
    pair.left.machine.restart_ice()
    pair.negotiate()

    with pytest.raises(OperationError):
        pair.right.machine.add_ice_candidate(HOST, pair.now, sdp_mid="0", username_fragment=old)


def test_a_restart_is_forgotten_once_it_is_negotiated_whoever_offers() -> None:
    pair = Pair().connect()
    pair.left.machine.restart_ice()

    pair.negotiate(pair.right)

    # The peer's offer did not restart, so the wish remains.
    assert pair.left.machine.negotiation_needed
    pair.negotiate()
    assert not pair.left.machine.negotiation_needed


def test_candidates_of_a_generation_that_was_rolled_back_are_not_shown() -> None:
    pair = Pair().connect()
    pair.gather = pair.trickle = False
    pair.left.machine.restart_ice()
    pair.offer()
    pair.left.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)
    pair.settle(0.1)
    told, shown = len(pair.left.of(IceCandidateFound)), pair.left.local

    pair.left.machine.add_local_address(0, Address("192.0.2.1", 7777), pair.now)
    pair.left.machine.end_of_local_addresses(0, pair.now)
    pair.settle(0.1)

    assert len(pair.left.of(IceCandidateFound)) == told
    assert pair.left.local == shown


def test_names_of_an_old_generation_bring_nothing_to_the_new_one() -> None:
    pair = Pair().connect()
    pair.left.machine.add_ice_candidate(HOST.replace("192.0.2.2", "old.local"), pair.now, sdp_mid="0")
    pair.right.machine.restart_ice()
    pair.negotiate(pair.right)

    pair.left.machine.host_resolved("old.local", ["192.0.2.99"], pair.now)
    pair.settle(1.0)

    hosts = {each.address.host for each in pair.left.machine.transports[0].remote_candidates}
    assert "192.0.2.99" not in hosts
    assert pair.left.machine.ice_connection_state is not IceTransportState.FAILED


def test_servers_of_many_configurations_are_bounded() -> None:
    pair = Pair().connect()
    for third in range(3):
        urls = tuple(f"stun:198.51.{third}.{number}" for number in range(1, 17))
        pair.left.machine.set_configuration(Configuration(ice_servers=(IceServer(urls=urls),)))
        pair.left.machine.restart_ice()
        pair.negotiate()
        pair.settle(0.5)

    assert pair.left.machine.connection_state.value == "connected"


def test_the_end_of_an_old_generation_does_not_end_the_new_one() -> None:
    pair = Pair().connect()
    before = pair.right.machine.transports[0].local_credentials.ufrag
    pair.right.machine.restart_ice()
    pair.negotiate(pair.right)

    with pytest.raises(OperationError):
        pair.left.machine.add_ice_candidate("", pair.now, sdp_mid="0", username_fragment=before)


def test_a_rollback_calls_off_all_restarts_since_the_last_answer() -> None:
    pair = Pair().connect()
    machine = pair.left.machine
    before = parsed(machine.create_offer()).media[0]
    pair.trickle = False
    for _ in range(2):
        machine.set_local_description(machine.create_offer(ice_restart=True), pair.now)
        pair.settle(0.2)

    machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)

    after = parsed(machine.create_offer()).media[0]
    for kind in (IceUfrag, Candidate):
        assert after.get_all(kind) == before.get_all(kind)
    pair.settle(40.0)
    machine.send(pair.left.channel(), "still here")
    assert pair.run(lambda: pair.right.messages() == ["still here"])


@pytest.mark.parametrize("change", ["servers", "policy", "neither"])
def test_another_configuration_makes_the_next_offer_restart(change: str) -> None:
    pair = Pair().connect()
    machine = pair.left.machine
    before = machine.transports[0].local_credentials
    wanted = {
        "servers": Configuration(ice_servers=(IceServer(urls=("stun:198.51.100.1",)),)),
        "policy": Configuration(ice_transport_policy=IceTransportPolicy.RELAY),
        "neither": Configuration(),
    }[change]
    machine.set_configuration(wanted)
    assert not machine.negotiation_needed

    pair.negotiate()

    restarted = machine.transports[0].local_credentials
    assert (restarted != before) is (change != "neither")
    pair.negotiate()
    assert machine.transports[0].local_credentials == restarted


def test_another_configuration_counts_for_nothing_before_anything_was_gathered() -> None:
    pair = Pair()
    pair.left.machine.set_configuration(Configuration(ice_servers=(IceServer(urls=("stun:198.51.100.1",)),)))
    pair.connect()
    before = pair.left.machine.transports[0].local_credentials

    pair.negotiate()

    assert pair.left.machine.transports[0].local_credentials == before


def test_restarts_that_collide_end_in_one() -> None:
    pair = Pair().connect()
    pair.trickle = False
    for side in pair.sides:
        side.machine.restart_ice()
        pair.offer(side)
        pair.settle(0.1)
        side.held.clear()

    pair.right.machine.set_remote_description(pair.left.local, pair.now)
    pair.trickle = True
    pair.give(pair.left, pair.answer())
    pair.settle(3.0)

    assert not any(side.machine.negotiation_needed for side in pair.sides)
    pair.left.machine.send(pair.left.channel(), "through")
    assert pair.run(lambda: pair.right.messages() == ["through"])


def test_a_wish_survives_an_exchange_that_rolled_its_offer_back() -> None:
    pair = Pair().connect()
    pair.trickle = False
    pair.left.machine.restart_ice()
    pair.offer()
    pair.settle(0.2)
    pair.left.held.clear()
    pair.trickle = True

    pair.negotiate(pair.right)
    pair.settle(60.0)

    assert pair.left.machine.connection_state.value == "connected"
    assert pair.left.machine.negotiation_needed
    pair.negotiate()
    assert not pair.left.machine.negotiation_needed


def test_a_transport_that_is_gone_needs_no_restart() -> None:
    pair = Pair().connect()
    machine = pair.left.machine
    machine.set_remote_description(describe(section(port=0)), pair.now)
    machine.set_local_description(None, pair.now)

    machine.restart_ice()

    assert not machine.negotiation_needed
