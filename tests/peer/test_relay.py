"""Two connections with TURN servers between them."""

import copy
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.peer.call import AUDIO, VIDEO, Call, frames, sent
from tests.peer.pair import Pair
from tests.support.effort import examples
from tests.support.nat import Nat, full_cone, symmetric
from tests.support.network import Link
from tests.support.streams import Streams
from tests.support.turn import PASSWORD, USER, TurnHost

from rtc_ice import Candidate, IceConfig
from rtc_peer import (
    ArgumentError,
    Configuration,
    DtlsTransportState,
    HostResolutionWanted,
    IceCandidateFailed,
    IceCandidateFound,
    IceGatheringState,
    IceServer,
    IceTransportPolicy,
    LocalCandidateStats,
    PeerOptions,
)
from rtc_stun import Address, Datagram, OpenTransport
from rtc_turn import TurnServerConfig

TURN = "198.51.100.10"
DEAD = "198.51.100.99"
URLS = {
    "udp": f"turn:{TURN}",
    "tcp": f"turn:{TURN}?transport=tcp",
    "tls": f"turns:{TURN}",
    "dtls": f"turns:{TURN}?transport=udp",
}
TRANSPORTS = list(URLS)


def configured(*urls: str, relay: bool = True, password: str = PASSWORD) -> Configuration:
    policy = IceTransportPolicy.RELAY if relay else IceTransportPolicy.ALL
    server = IceServer(urls=urls, username=USER, credential=password)
    return Configuration(ice_servers=(server,), ice_transport_policy=policy)


class RelayPair(Pair):
    """Two sides, a TURN server, and streams."""

    def __init__(
        self,
        left: Configuration | None = None,
        right: Configuration | None = None,
        *,
        seed: int = 1,
        link: Link | None = None,
        behind: tuple[Nat | None, Nat | None] = (None, None),
        server: TurnServerConfig | None = None,
        hosts: tuple[Sequence[str], Sequence[str]] = (("192.0.2.1",), ("192.0.2.2",)),
        options: tuple[PeerOptions, PeerOptions] | None = None,
    ) -> None:
        super().__init__(seed=seed, link=link, left=left, right=right, behind=behind, hosts=hosts, options=options)
        self.streams = Streams(self.network)
        self.turn = TurnHost(self.network, TURN, streams=self.streams, config=server)
        for side in self.sides:
            self.streams.follow(side.node, side.machine)

    def talk(self) -> None:
        """A message each way."""
        for side in self.sides:
            known = len(side.other.messages())
            side.machine.send(side.channel(), "hello")
            assert self.run(lambda side=side, known=known: len(side.other.messages()) > known)  # type: ignore[misc]

    def kinds(self) -> list[str]:
        """Types of the local candidates that are in use."""
        pairs = [side.machine.transports[0].selected_pair for side in self.sides]
        return [pair.local_candidate.type for pair in pairs if pair is not None]


@pytest.mark.spec("rfc8835:3.4/3", "rfc8835:3.4/5")
@pytest.mark.spec("rfc8829:3.5.3/2", "rfc8827:6.4/2")
@pytest.mark.parametrize("nat", [False, True], ids=["public", "symmetric"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_both_sides_show_and_use_nothing_but_relays(transport: str, nat: bool) -> None:
    configuration = configured(URLS[transport])
    behind = (symmetric("203.0.113.1"), symmetric("203.0.113.2")) if nat else (None, None)
    pair = RelayPair(configuration, configuration, behind=behind)
    straight: list[Datagram] = []
    pair.network.trace = lambda now, datagram: straight.append(datagram)
    pair.connect()
    pair.talk()

    assert pair.kinds() == ["relay", "relay"]
    for side in pair.sides:
        *found, end = side.of(IceCandidateFound)
        assert end.candidate == ""
        (candidate,) = [Candidate.parse(each.candidate) for each in found]
        assert (candidate.type, candidate.address.host) == ("relay", TURN)
        assert candidate.related_address == Address("0.0.0.0", 9)
        assert found[0].url == URLS[transport]
        assert found[0].relay_protocol == {"dtls": "udp"}.get(transport, transport)
    assert all(TURN in (datagram.local.host, datagram.remote.host) for datagram in straight)


def test_one_side_with_a_relay_is_enough() -> None:
    pair = RelayPair(configured(URLS["udp"])).connect()
    pair.talk()
    assert pair.kinds() == ["relay", "host"]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_where_datagrams_are_blocked_a_relay_over_a_stream_is_used(transport: str) -> None:
    blocked = full_cone("203.0.113.1")
    blocked.udp_blocked = True
    pair = RelayPair(configured(URLS["udp"], URLS[transport], relay=False), behind=(blocked, None)).connect()
    pair.talk()
    (relay,) = [each for each in pair.left.of(IceCandidateFound) if " typ relay " in each.candidate]
    assert (relay.url, relay.relay_protocol) == (URLS[transport], transport)


@examples(40)
@given(seed=st.integers(0, 1 << 30), left=st.sampled_from(TRANSPORTS), right=st.sampled_from([*TRANSPORTS, None]))
def test_relays_connect_whatever_happens_to_datagrams(seed: int, left: str, right: str | None) -> None:
    link = Link(delay=0.02, jitter=0.01, loss=0.05, duplication=0.05, reordering=0.1)
    there = None if right is None else configured(URLS[right])
    # Without a relay there is nothing: all the time that it takes.
    options = PeerOptions(ice=IceConfig(gathering_timeout=30.0))
    RelayPair(configured(URLS[left]), there, seed=seed, link=link, options=(options, options)).connect().talk()


# --- servers that do not work ---


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_dead_server_is_told_and_delays_no_connection(transport: str) -> None:
    dead = f"turn:{DEAD}?transport={transport}"
    pair = RelayPair(configured(dead, URLS["udp"], relay=False), hosts=(("192.0.2.1", "192.0.2.3"), ("192.0.2.2",)))
    pair.streams.blocked = lambda remote: remote.host == DEAD
    began = pair.now
    pair.connect()
    assert pair.now - began < 2.0

    pair = RelayPair(configured(dead, URLS["udp"], relay=False), hosts=(("192.0.2.1", "192.0.2.3"), ("192.0.2.2",)))
    pair.streams.blocked = lambda remote: remote.host == DEAD
    pair.left.machine.create_data_channel("x")
    pair.offer()
    pair.settle(10.0)
    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE
    (failed,) = pair.left.of(IceCandidateFailed)
    assert (failed.url, failed.error_code) == (dead, 701)
    assert failed.address in ("192.0.2.1", "192.0.2.3")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("relay", [False, True], ids=["all", "relay"])
def test_wrong_credentials_are_told_with_the_servers_words_and_no_hidden_address(transport: str, relay: bool) -> None:
    pair = RelayPair(configured(URLS[transport], relay=relay, password="wrong"))
    pair.left.machine.create_data_channel("x")
    pair.offer()
    pair.settle(6.0)

    (failed,) = pair.left.of(IceCandidateFailed)
    assert (failed.url, failed.error_code) == (URLS[transport], 401)
    assert failed.error_text
    assert (failed.address, failed.port) == ((None, None) if relay else ("192.0.2.1", 5001))
    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE


def test_a_quota_is_told() -> None:
    configuration = configured(URLS["udp"])
    pair = RelayPair(configuration, configuration, server=TurnServerConfig(max_allocations_per_user=1))
    pair.left.machine.create_data_channel("x")
    pair.negotiate()
    pair.settle(6.0)
    assert [each.error_code for side in pair.sides for each in side.of(IceCandidateFailed)] == [486]


# --- names ---


def test_a_server_by_name_is_asked_when_its_address_is_known() -> None:
    pair = RelayPair(configured("turn:turn.example.org", "turns:turn.example.org"))
    assert pair.left.machine.events() == [HostResolutionWanted("turn.example.org")]
    pair.left.machine.create_data_channel("x")
    pair.negotiate()
    pair.settle(1.0)
    assert pair.left.of(IceCandidateFound) == []
    pair.left.machine.host_resolved("turn.example.org", [TURN], pair.now)
    assert pair.run(pair.talking)
    pair.settle(1.0)
    pair.talk()

    found = [(each.url, each.relay_protocol) for each in pair.left.of(IceCandidateFound) if each.candidate]
    assert found == [("turn:turn.example.org", "udp"), ("turns:turn.example.org", "tls")]
    (wish,) = pair.left.of(OpenTransport)
    assert (wish.remote, wish.domain) == (Address(TURN, 5349), "turn.example.org")


def test_a_name_without_addresses_is_an_error_of_its_server() -> None:
    pair = RelayPair(configured("turn:turn.example.org"))
    pair.left.machine.create_data_channel("x")
    pair.offer()
    pair.left.machine.host_resolved("turn.example.org", [], pair.now)
    pair.settle(1.0)
    assert [(each.url, each.error_code) for each in pair.left.of(IceCandidateFailed)] == [
        ("turn:turn.example.org", 701)
    ]
    assert pair.left.machine.ice_gathering_state is IceGatheringState.COMPLETE


# --- changes ---


def test_servers_and_policy_can_be_set_later_and_count_after_a_restart() -> None:
    pair = RelayPair().connect()
    assert pair.kinds() == ["host", "host"]
    for side in pair.sides:
        side.machine.set_configuration(configured(URLS["udp"]))
    pair.negotiate()
    # Data goes on by the old path until there is a new one.
    pair.talk()
    assert pair.run(lambda: pair.kinds() == ["relay", "relay"])
    pair.talk()

    for side in pair.sides:
        side.machine.set_configuration(Configuration())
    pair.negotiate()
    assert pair.run(lambda: pair.kinds() == ["host", "host"])
    pair.talk()
    pair.settle(10.0)
    assert pair.turn.server.allocation_count == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_closing_tells_the_peer_and_gives_the_allocation_back(transport: str) -> None:
    pair = RelayPair(configured(URLS[transport])).connect()
    assert pair.turn.server.allocation_count == 1
    pair.left.machine.close(pair.now)
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 0
    assert pair.right.machine.transports[0].dtls_state is DtlsTransportState.CLOSED
    assert pair.left.machine.next_timeout() is None


def test_a_stream_that_breaks_costs_the_path_and_a_restart_brings_another() -> None:
    pair = RelayPair(configured(URLS["tcp"])).connect()
    pair.streams.break_all(pair.turn.server)
    pair.settle(1.0)
    assert pair.left.machine.transports[0].selected_pair is None
    pair.left.machine.restart_ice()
    pair.negotiate()
    pair.settle(5.0)
    pair.talk()


def test_allocations_are_kept_for_hours() -> None:
    pair = RelayPair(configured(URLS["udp"]), configured(URLS["udp"])).connect()
    pair.settle(1800.0)
    pair.talk()


# --- what can be looked at ---


def test_statistics_tell_the_server_and_how_it_is_reached() -> None:
    pair = RelayPair(
        configured(URLS["tls"], URLS["udp"], relay=False), behind=(full_cone("203.0.113.1"), None)
    ).connect()
    pair.settle(1.0)
    locals_ = [each for each in pair.left.machine.statistics() if isinstance(each, LocalCandidateStats)]
    assert {(each.url, each.relay_protocol) for each in locals_ if each.candidate_type == "relay"} == {
        (URLS["udp"], "udp"),
        (URLS["tls"], "tls"),
    }
    assert all(each.relay_protocol is None for each in locals_ if each.candidate_type != "relay")


def test_a_copy_of_the_connection_goes_on_like_the_original() -> None:
    pair = RelayPair(configured(URLS["udp"])).connect()
    machine = pair.left.machine
    twin = copy.deepcopy(machine)
    for each in (machine, twin):
        each.handle_timeout(pair.now + 300.0)
    assert twin.datagrams_to_send(pair.now + 300.0) == machine.datagrams_to_send(pair.now + 300.0)


def test_streams_that_never_were_are_a_mistake_and_those_that_are_gone_are_not() -> None:
    pair = RelayPair(configured(URLS["tcp"])).connect()
    machine = pair.left.machine
    for call in (machine.transport_opened, machine.transport_failed):
        with pytest.raises(ArgumentError):
            call(17, pair.now)
    machine.transport_failed(0, pair.now)
    machine.transport_failed(0, pair.now)
    machine.transport_opened(0, pair.now)
    machine.receive_stream_data(0, b"late", pair.now)
    assert machine.stats.dropped["unknown-stream"] == 1


# --- calls ---


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("both", [True, False], ids=["both", "one"])
def test_sound_and_pictures_pass_through_relays(transport: str, both: bool) -> None:
    configuration = configured(URLS[transport])
    call = Call(left=configuration, right=configuration if both else None)
    streams = Streams(call.network)
    TurnHost(call.network, TURN, streams=streams)
    for side in call.sides:
        streams.follow(side.node, side.machine)
    call.begin().talk(count=20)
    for side in call.sides:
        assert frames(side, AUDIO) == sent(AUDIO, range(20))
        assert frames(side, VIDEO) == sent(VIDEO, range(20))
    path = call.left.machine.transports[0].selected_pair
    assert path is not None
    assert path.local_candidate.type == "relay"
