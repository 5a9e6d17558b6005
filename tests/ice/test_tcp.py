"""TCP candidates (RFC 6544): pairs, checks over streams, data, loss of connections."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ice.session import Signalling
from tests.ice.tcp_call import ALICE, BOB, SO_PORT, TCP_PORT, TcpCall
from tests.support.effort import examples
from tests.support.network import Link

from rtc_ice import Announcement, Candidate, ConnectionState, IceConfig, PairState, TcpType, candidate_priority
from rtc_stun import Address, CloseTransport, OpenTransport

ACTIVE, PASSIVE, SO = TcpType.ACTIVE, TcpType.PASSIVE, TcpType.SIMULTANEOUS_OPEN
LITE = IceConfig(lite=True)


def shown(call: TcpCall, index: int) -> list[str]:
    return [str(event.candidate) for event in call.parties[index].candidates]


# --- candidates ---


@pytest.mark.spec("rfc6544:4.5/1", "rfc6544:4.5/2", "rfc6544:4.5/3", "rfc6544:5.1/1")
def test_a_line_tells_who_connects_and_an_active_one_has_the_discard_port() -> None:
    call = TcpCall(ACTIVE, PASSIVE, SO, bob=())
    call.start()

    assert [line.split(" ", 4)[4] for line in shown(call, 0)] == [
        f"{ALICE} 9 typ host tcptype active",
        f"{ALICE} {TCP_PORT} typ host tcptype passive",
        f"{ALICE} {SO_PORT} typ host tcptype so",
    ]
    assert [Candidate.parse(line).tcp_type for line in shown(call, 0)] == [ACTIVE, PASSIVE, SO]
    assert {line.split()[2] for line in shown(call, 0)} == {"tcp"}


@pytest.mark.spec(
    "rfc6544:4.2/1",
    "rfc6544:4.2/5",
    "rfc6544:4.2/6",
    "rfc6544:4.2/7",
    "rfc6544:4.2/8",
    "rfc6544:4.2/9",
    "rfc6544:4.2/10",
    "rfc6544:4.2/11",
)
def test_the_local_preference_counts_the_direction_first() -> None:
    call = TcpCall(ACTIVE, PASSIVE, SO, bob=())
    call.start()
    more = [
        call.alice.agent.add_local_address(Address(host, 9000), 0.0, tcp_type=PASSIVE)
        for host in ("192.0.2.8", "192.0.2.9")
    ]

    priorities = [each.candidate.priority for each in call.alice.agent.candidate_stats()]
    local_preferences = [priority >> 8 & 0xFFFF for priority in priorities]
    assert more == [False, False]  # gathering had ended
    assert local_preferences == [(direction << 13) + 8191 for direction in (6, 4, 2)]


@pytest.mark.spec("rfc6544:4.2/9")
def test_several_addresses_of_one_direction_differ_in_the_other_preference() -> None:
    call = TcpCall(bob=())
    for number in range(60):
        call.alice.agent.add_local_address(Address(f"10.0.0.{number + 1}", 9000), 0.0, tcp_type=PASSIVE)
    preferences = [each.candidate.priority >> 8 & 0xFFFF for each in call.alice.agent.candidate_stats()]

    assert len(set(preferences)) == 60
    assert {preference >> 13 for preference in preferences} == {4}
    assert max(preferences) & 8191 == 8191


@pytest.mark.spec("rfc6544:4.2/2", "rfc6544:4.2/3", "rfc6544:4.2/4")
def test_udp_is_preferred_and_relays_come_last() -> None:
    def best(kind: str, transport: str) -> int:
        return candidate_priority(kind, 65_535, 1, transport)

    direct = ("host", "prflx", "srflx")
    assert min(best(kind, "udp") for kind in direct) > max(best(kind, "tcp") for kind in direct)
    assert min(best(kind, "tcp") for kind in direct) > best("relay", "udp")
    assert [best(kind, "tcp") for kind in direct] == sorted((best(kind, "tcp") for kind in direct), reverse=True)


@pytest.mark.spec("rfc6544:4.2/12")
def test_of_reflexive_candidates_simultaneous_open_is_preferred() -> None:
    call = TcpCall(bob=())
    agent = call.alice.agent
    for port, tcp_type in enumerate((ACTIVE, PASSIVE, SO), start=9000):
        mapped = Announcement(host=Address(ALICE, port), mapped=Address("203.0.113.1", port))
        agent.add_local_address(Address(ALICE, port), 0.0, announced=mapped, tcp_type=tcp_type)
    found = [each.candidate for each in agent.candidate_stats() if each.candidate.type == "srflx"]

    assert [(each.tcp_type, each.priority >> 21 & 7) for each in found] == [(ACTIVE, 4), (PASSIVE, 2), (SO, 6)]
    assert [each.address.port for each in found] == [9, 9001, 9002]
    assert {each.transport for each in found} == {"tcp"}


# --- pairs and checks ---


@pytest.mark.spec("rfc6544:4.1/8")
def test_connections_are_opened_at_the_pace_of_checks() -> None:
    call = TcpCall(ACTIVE, bob=())
    call.streams.blocked = lambda remote: True
    call.start()
    for number in range(1, 6):
        line = f"candidate:{number} 1 tcp {number} 198.51.100.{number} 9000 typ host tcptype passive"
        call.alice.agent.add_remote_candidate(Candidate.parse(line), call.network.now)
    times: list[float] = []
    before = call.alice.node.on_event

    def on_event(event: object) -> None:
        if isinstance(event, OpenTransport):
            times.append(call.network.now)
        if before is not None:
            before(event)

    call.alice.node.on_event = on_event
    call.run(timeout=2.0)

    assert len(times) == 5
    assert all(later - earlier >= 0.0499 for earlier, later in itertools.pairwise(times))


@pytest.mark.spec(
    "rfc6544:6.2/1",
    "rfc6544:7.1/1",
    "rfc6544:7.1/3",
    "rfc6544:7.2/1",
    "rfc6544:7.2/2",
    "rfc6544:7.2/3",
    "rfc6544:10.1/2",
)
@pytest.mark.parametrize(
    ("alice", "bob"),
    [((ACTIVE,), (PASSIVE,)), ((PASSIVE,), (ACTIVE,)), ((SO,), (SO,)), ((ACTIVE, PASSIVE, SO), (ACTIVE, PASSIVE, SO))],
    ids=["active", "passive", "so", "all"],
)
@pytest.mark.parametrize("roles", [(True, False), (False, True)])
def test_where_udp_is_blocked_tcp_connects(
    alice: tuple[TcpType, ...], bob: tuple[TcpType, ...], roles: tuple[bool, bool]
) -> None:
    call = TcpCall(*alice, bob=bob, roles=roles)
    call.start()

    assert call.run(until=call.completed)
    assert call.talks()
    pairs = [party.agent.selected_pair for party in call.parties]
    assert all(pair is not None and pair.local_candidate.transport == "tcp" for pair in pairs)
    assert all(pair is not None and pair.is_carried for pair in pairs)


@pytest.mark.spec("rfc6544:6.2/1", "rfc6544:6.2/2")
def test_passive_candidates_have_no_pairs_before_somebody_connects() -> None:
    call = TcpCall(PASSIVE, SO, bob=(ACTIVE, PASSIVE))
    call.streams.blocked = lambda remote: True
    call.start()
    call.run(timeout=5.0)

    types = [
        (pair.local.tcp_type, pair.remote.tcp_type)
        for party in call.parties
        for pair in party.agent.candidate_pair_stats()
    ]
    assert types == [(ACTIVE, PASSIVE)]


@pytest.mark.spec("rfc6544:7.1/1", "rfc6544:7.1/2")
def test_an_active_candidate_connects_from_its_address_and_any_port_and_so_from_its_own() -> None:
    call = TcpCall(ACTIVE, SO, bob=(PASSIVE, SO))
    call.streams.blocked = lambda remote: True
    call.start()
    call.run(timeout=45.0)  # pairs of one foundation wait for each other

    wishes = {(wish.local, wish.remote) for wish in call.streams.opened}
    assert wishes == {
        (Address(ALICE, 0), Address(BOB, TCP_PORT)),
        (Address(ALICE, SO_PORT), Address(BOB, SO_PORT)),
        (Address(BOB, SO_PORT), Address(ALICE, SO_PORT)),
    }


@pytest.mark.spec("rfc6544:7.2/4")
def test_the_peer_of_a_passive_candidate_is_reflexive_and_so_are_we_on_an_active_one() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    call.run(until=call.completed)

    ours, theirs = (party.agent.selected_pair for party in call.parties)
    assert ours is not None
    assert theirs is not None
    assert (ours.local_candidate.type, ours.local_candidate.tcp_type) == ("prflx", ACTIVE)
    assert (theirs.remote_candidate.type, theirs.remote_candidate.tcp_type) == ("prflx", ACTIVE)
    assert ours.local_candidate.address == theirs.remote


@pytest.mark.spec("rfc6544:4.2/3", "rfc6544:8/1", "rfc6544:8/2")
def test_where_udp_works_it_is_chosen_and_connections_are_closed() -> None:
    call = TcpCall(ACTIVE, PASSIVE, bob=(ACTIVE, PASSIVE), udp=True)
    call.start()
    assert call.run(until=call.completed)
    call.run(timeout=20.0)

    pair = call.alice.agent.selected_pair
    assert pair is not None
    assert not pair.is_carried
    opened = sum(len(party.node.of(OpenTransport)) for party in call.parties)
    closed = sum(len(party.node.of(CloseTransport)) for party in call.parties)
    # Each connection is closed from one side at least, and the other takes note.
    assert closed >= opened
    assert not any(party.agent._tcp.has_streams for party in call.parties)


@pytest.mark.spec("rfc6544:8/2")
def test_of_several_connections_the_selected_one_stays() -> None:
    call = TcpCall(ACTIVE, PASSIVE, bob=(ACTIVE, PASSIVE))
    call.start()
    assert call.run(until=call.completed)
    call.run(timeout=30.0)

    assert call.talks()
    assert all(len(party.agent._tcp._streams) == 1 for party in call.parties)


@pytest.mark.spec("rfc6544:7.1/7")
def test_a_check_is_sent_once_and_waits_for_long() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.streams.blocked = lambda remote: True
    call.start()
    call.run(timeout=39.0)
    (pair,) = call.alice.agent.candidate_pair_stats()
    assert (pair.state, pair.requests_sent, pair.retransmissions_sent) == (PairState.IN_PROGRESS, 1, 0)
    call.run(timeout=2.0)

    (pair,) = call.alice.agent.candidate_pair_stats()
    assert pair.state is PairState.FAILED
    assert call.alice.node.of(CloseTransport)  # nobody waits for the connection any more


@pytest.mark.spec("rfc6544:7.1/5")
def test_a_connection_that_is_refused_fails_its_pair_at_once() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start(signal=False)
    call.streams.ignore(Address(BOB, TCP_PORT))
    call.exchange_credentials()
    call.run(timeout=1.0)

    (pair,) = call.alice.agent.candidate_pair_stats()
    assert pair.state is PairState.FAILED


@pytest.mark.parametrize("server", [0, 1])
def test_a_lite_agent_is_connected_to(server: int) -> None:
    configs = (LITE, IceConfig()) if server == 0 else (IceConfig(), LITE)
    types = ((PASSIVE,), (ACTIVE,)) if server == 0 else ((ACTIVE,), (PASSIVE,))
    call = TcpCall(*types[0], bob=types[1], configs=configs, roles=(server == 1, server == 0))
    call.start()

    assert call.run(until=call.connected)
    call.run(timeout=60.0)
    assert call.connected()
    assert call.talks()


def test_checks_that_come_before_the_credentials_are_answered_later() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,), signalling=Signalling(delay=0.0))
    call.start(signal=False)
    call.tell_credentials(1)  # Alice knows Bob, who does not know her
    call.run(timeout=3.0)
    call.tell_credentials(0)

    assert call.run(until=call.completed)
    assert call.talks()


@pytest.mark.parametrize("seed", range(5))
def test_udp_with_losses_and_tcp_agree(seed: int) -> None:
    call = TcpCall(ACTIVE, PASSIVE, SO, bob=(ACTIVE, PASSIVE, SO), udp=True, seed=seed, link=Link(loss=0.4))
    call.start()

    assert call.run(until=call.completed)
    call.run(timeout=5.0)
    assert call.agree()


def test_udp_and_tcp_may_share_a_port() -> None:
    call = TcpCall(ACTIVE, bob=())
    address = Address(BOB, 5000)
    agent = call.bob.agent
    agent.add_local_address(address, 0.0)
    agent.add_local_address(address, 0.0, tcp_type=PASSIVE)
    with pytest.raises(ValueError, match="added before"):
        agent.add_local_address(address, 0.0, tcp_type=PASSIVE)
    call.streams.listen(address, agent, agent.transport_accepted, agent.transport_failed)
    agent.end_of_local_addresses(0.0)
    call.start()

    # Alice has no UDP; Bob's UDP candidate of the same address and port is another one.
    assert call.run(until=call.completed)
    assert call.talks()
    assert len({event.candidate.foundation for event in call.bob.candidates}) == 2


# --- connections come and go ---


@pytest.mark.spec("rfc6544:11.1/2", "rfc6544:11.1/3", "rfc6544:11.1/4", "rfc6544:11.1/5", "rfc6544:11.1/6")
@pytest.mark.parametrize(
    ("alice", "bob"),
    [((ACTIVE,), (PASSIVE,)), ((PASSIVE,), (ACTIVE,)), ((SO,), (SO,))],
    ids=["active", "passive", "so"],
)
@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_connection_is_opened_anew_and_checked(
    alice: tuple[TcpType, ...], bob: tuple[TcpType, ...], victim: int
) -> None:
    call = TcpCall(*alice, bob=bob)
    call.start()
    assert call.run(until=call.completed)
    call.run(timeout=5.0)
    opened = len(call.streams.opened)
    for party in call.parties:
        # Both ends learn of it, as by a RST.
        for number in list(party.agent._tcp._streams):
            call.streams.break_stream(party.agent, number)
    call.run(timeout=0.001)
    assert [party.agent.selected_pair for party in call.parties] == [None, None]

    assert call.run(until=call.completed, timeout=10.0)
    call.run(timeout=2.0)
    assert call.talks()
    assert len(call.streams.opened) > opened


def test_a_connection_that_does_not_come_back_fails_so_that_ice_can_restart() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)
    call.streams.ignore(Address(BOB, TCP_PORT))
    call.streams.break_all(call.bob.agent)
    call.run(timeout=1.0)
    assert call.alice.agent.connection_state is ConnectionState.CHECKING

    assert call.run(until=call.failed, timeout=60.0)


@pytest.mark.spec("rfc6544:9.2/1", "rfc6544:9.2/2", "rfc6544:9.2/3")
@pytest.mark.parametrize(("alice", "bob"), [(ACTIVE, PASSIVE), (SO, SO)], ids=["active", "so"])
def test_a_restart_keeps_the_connection_and_uses_it_again(alice: TcpType, bob: TcpType) -> None:
    call = TcpCall(alice, bob=(bob,))
    call.start()
    assert call.run(until=call.completed)
    call.run(timeout=5.0)
    opened = len(call.streams.opened)
    for party in call.parties:
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    assert call.talks()
    call.exchange_credentials()

    assert call.run(until=call.completed)
    call.run(timeout=5.0)
    assert call.talks()
    assert len(call.streams.opened) == opened


def test_an_address_that_is_gone_takes_its_connections_along() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)

    call.alice.agent.remove_local_address(Address(ALICE, 0), call.network.now, tcp_type=ACTIVE)
    call.run(timeout=1.0)

    assert call.alice.node.of(CloseTransport)
    assert call.alice.agent.selected_pair is None
    with pytest.raises(ValueError, match="was not added"):
        call.alice.agent.remove_local_address(Address(ALICE, 0), call.network.now)


def test_closing_closes_connections() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)

    call.alice.agent.close(call.network.now)
    call.run(timeout=1.0)

    assert len(call.alice.node.of(CloseTransport)) == 1
    assert call.bob.agent.selected_pair is None


@pytest.mark.spec("rfc6544:11.1/1", "rfc6544:10.1/1", "rfc7675:5.1/11")
def test_consent_is_asked_for_over_the_connection() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)
    call.run(timeout=120.0)

    assert call.completed()
    selected = [each for each in call.alice.agent.candidate_pair_stats() if each.selected]
    assert selected[0].consent_requests_sent >= 20


# --- whatever happens ---

TYPES = st.sets(st.sampled_from([ACTIVE, PASSIVE, SO])).map(
    lambda found: tuple(sorted(found, key=lambda each: each.value))
)


@given(
    alice=TYPES,
    bob=TYPES,
    udp=st.booleans(),
    controlling=st.booleans(),
    seed=st.integers(0, 1 << 30),
    loss=st.sampled_from([0.0, 0.2]),
    breaks=st.lists(st.floats(0.0, 8.0), max_size=3),
)
@examples(80)
def test_whoever_can_connect_does_and_comes_back(
    alice: tuple[TcpType, ...],
    bob: tuple[TcpType, ...],
    udp: bool,
    controlling: bool,
    seed: int,
    loss: float,
    breaks: list[float],
) -> None:
    roles = (controlling, not controlling)
    call = TcpCall(*alice, bob=bob, udp=udp, roles=roles, seed=seed, link=Link(loss=loss))
    call.start()
    for at in sorted(breaks):
        call.run(timeout=max(0.0, at - call.network.now))
        call.streams.break_everything()
    possible = udp or any(each.counterpart in bob for each in alice)

    connected = call.run(until=lambda: call.connected() and call.agree_over_tcp(), timeout=60.0)
    assert connected == possible
    if possible:
        call.run(timeout=25.0)
        pair = call.alice.agent.selected_pair
        assert udp if pair is None else not pair.is_carried or call.talks()
        assert all(len(party.agent._tcp._streams) <= 1 for party in call.parties)
