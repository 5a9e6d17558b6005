"""Gathering: which addresses become candidates, how servers are asked, what keeps bindings alive."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.support.nat import Nat, full_cone, symmetric
from tests.support.rng import SeededRng

from rtc_ice import (
    CandidateGatheringFailed,
    CandidateStats,
    ConnectionState,
    GatheringState,
    GatheringStateChanged,
    IceAgent,
    IceConfig,
    LocalCandidateGathered,
)
from rtc_stun import (
    BINDING,
    Address,
    AlternateServer,
    Datagram,
    ErrorCode,
    MappedAddress,
    Message,
    MessageClass,
    XorMappedAddress,
)

from .crafted import ELSEWHERE, HERE, Desk, parse
from .session import STUN_SERVER, Call, OddStunServer, Watch, tell_address

OTHER_SERVER = Address("198.51.100.2", 3478)
INSIDE = Address("192.168.1.10", 5000)
OUTSIDE = "203.0.113.1"
ASKS = IceConfig(stun_servers=(STUN_SERVER,))


def _agent(config: IceConfig | None = None) -> IceAgent:
    return IceAgent(controlling=True, rng=SeededRng(1), config=config)


def _ours(agent: IceAgent) -> list[CandidateStats]:
    return [each for each in agent.candidate_stats() if not each.is_remote]


def _lonely(
    config: IceConfig = ASKS,
    *,
    server: OddStunServer | None = None,
    serve: tuple[Address, ...] = (STUN_SERVER,),
    hosts: tuple[str, ...] = (INSIDE.host,),
    ports: tuple[int, ...] = (INSIDE.port,),
    behind: Nat | None = None,
    tap: Callable[[float, Datagram], bool] | None = None,
    end: bool = True,
) -> Call:
    """An agent behind a translator, whose peer never says a word; it has asked its first question."""
    call = Call(alice=config)
    for address in serve:
        call.serve_stun(address, server)
    host = call.network.host(*hosts, behind=behind or full_cone(OUTSIDE))
    call.join(host, *(host.bind(port, ip) for ip in hosts for port in ports))
    call.alice.node.tap = tap
    call.gather(call.alice, end=end)
    call.network.flush()
    return call


# --- host candidates ---


@pytest.mark.spec("rfc8445:5.1.1.1/4", "rfc8445:5.1.1.1/5", "rfc8445:5.1.1.1/6")
@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "::192.0.2.1",
        "fec0::1",
        "feff::1",
        "::ffff:192.0.2.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
    ],
)
def test_addresses_that_lead_nowhere_become_no_candidates(ip: str) -> None:
    agent = _agent()

    assert agent.add_local_address(Address(ip, 5000), 0.0) is False
    assert agent.candidate_stats() == []
    assert agent.events() == []


def test_loopback_is_for_those_who_ask_for_it() -> None:
    agent = _agent(IceConfig(allow_loopback=True))

    assert agent.add_local_address(Address("127.0.0.1", 5000), 0.0) is True


@pytest.mark.spec("rfc8445:5.1.2.1/6", "rfc8445:5.1.2/3")
def test_the_only_address_has_the_highest_priority_of_its_type() -> None:
    agent = _agent()

    agent.add_local_address(HERE, 0.0)

    (event,) = [event for event in agent.events() if isinstance(event, LocalCandidateGathered)]
    assert event.candidate.priority == 126 << 24 | 65_535 << 8 | 255
    assert (event.candidate.type, event.candidate.address) == ("host", HERE)
    assert (event.ufrag, event.stream) == (agent.local_credentials.ufrag, 0)


@pytest.mark.spec("rfc8445:5.1.2/1", "rfc8445:5.1.2.1/7")
def test_every_candidate_of_a_stream_has_a_priority_of_its_own() -> None:
    config = IceConfig(components=(2,), stun_servers=(STUN_SERVER, OTHER_SERVER))
    call = Call(alice=config)
    host = call.network.host("192.168.1.10", "192.168.1.11", "192.168.1.12", behind=symmetric(OUTSIDE))
    party = call.join(host, *(host.bind(port, ip) for ip in host.hosts for port in (5000, 5001)))
    for server in config.stun_servers:
        call.serve_stun(server)
    for index, binding in enumerate(party.bindings):
        party.agent.add_local_address(binding.address, 0.0, component_id=1 + index % 2)
    call.network.run(timeout=3)

    assert len(party.candidates) == 6 * 3
    priorities = [event.candidate.priority for event in party.candidates]
    assert len(set(priorities)) == len(priorities)


@pytest.mark.spec("rfc8445:5.1.2.1/7", "rfc8445:5.1.1.4/3")
def test_an_address_that_comes_after_another_went_does_not_take_the_priority_of_a_third() -> None:
    agent = _agent()
    for port in (1, 2):
        agent.add_local_address(HERE._replace(port=port), 0.0)
    agent.remove_local_address(HERE._replace(port=1), 0.0)
    agent.add_local_address(HERE._replace(port=3), 0.0)

    candidates = [each.candidate for each in _ours(agent)]

    assert {candidate.address.port for candidate in candidates} == {2, 3}
    assert len({candidate.priority for candidate in candidates}) == 2


@pytest.mark.spec("rfc8835:3.2/3")
@pytest.mark.spec("rfc8445:5.1.2.1/8", "rfc8445:5.1.2.2/2", "rfc8445:B.9/1")
@pytest.mark.spec("rfc8421:4/2", "rfc8421:4/3", "rfc8421:5/1", "rfc8421:5/2")
@pytest.mark.parametrize(
    ("added", "order"),
    [
        ("666644", "646466"),
        ("664444", "646444"),
        ("446666", "464666"),
        ("444", "444"),
        ("4", "4"),
        ("6", "6"),
    ],
)
def test_families_take_turns_so_that_a_broken_one_delays_the_other_by_one_check(added: str, order: str) -> None:
    agent = _agent()
    for n, family in enumerate(added, start=1):
        agent.add_local_address(Address(f"192.0.2.{n}" if family == "4" else f"2001:db8::{n}", 5000), 0.0)

    ranked = sorted((each.candidate for each in _ours(agent)), key=lambda candidate: -candidate.priority)
    assert "".join("6" if candidate.address.is_ipv6 else "4" for candidate in ranked) == order
    assert len({candidate.priority for candidate in ranked}) == len(added)
    assert ranked[0].priority == 2130706431


@pytest.mark.spec("rfc8445:5.1.2.1/7", "rfc8445:5.1.2.1/8")
def test_families_go_on_taking_turns_when_addresses_come_and_go() -> None:
    agent = _agent()
    for ip in ("2001:db8::1", "2001:db8::2", "192.0.2.1"):
        agent.add_local_address(Address(ip, 5000), 0.0)
    agent.remove_local_address(Address("2001:db8::1", 5000), 0.0)
    for ip in ("192.0.2.2", "2001:db8::3", "192.0.2.3"):
        agent.add_local_address(Address(ip, 5000), 0.0)

    ranked = sorted((each.candidate for each in _ours(agent)), key=lambda candidate: -candidate.priority)
    assert [candidate.address.host for candidate in ranked] == [
        "2001:db8::3",
        "192.0.2.1",
        "2001:db8::2",
        "192.0.2.2",
        "192.0.2.3",
    ]


def test_candidates_of_the_same_origin_share_a_foundation_and_no_others() -> None:
    call = _lonely(hosts=(INSIDE.host, "192.168.1.99"), ports=(5000, 5001))
    call.network.run(timeout=1)

    foundations = [(event.candidate.type, event.candidate.foundation) for event in call.alice.candidates]
    hosts = [foundation for kind, foundation in foundations if kind == "host"]
    assert hosts[0] == hosts[1] != hosts[2] == hosts[3]
    assert not {foundation for kind, foundation in foundations if kind == "srflx"} & set(hosts)


# --- misuse ---


@pytest.mark.spec("rfc8839:5.1/3")
@pytest.mark.parametrize("component_id", [0, 2, -1])
@pytest.mark.spec("rfc8445:5.1.1.1/3")
def test_components_are_numbered_from_one_without_gaps(component_id: int) -> None:
    agent = _agent()

    with pytest.raises(ValueError, match="no component"):
        agent.add_local_address(HERE, 0.0, component_id=component_id)
    assert agent.candidate_stats() == []


def test_names_repetitions_and_too_many_addresses_are_refused() -> None:
    agent = _agent(IceConfig(max_local_addresses=2))
    agent.add_local_address(HERE, 0.0)

    with pytest.raises(ValueError, match="address"):
        agent.add_local_address(Address("name.example", 1), 0.0)
    with pytest.raises(ValueError, match="before"):
        agent.add_local_address(HERE, 0.0)
    agent.add_local_address(ELSEWHERE, 0.0)
    with pytest.raises(ValueError, match="already"):
        agent.add_local_address(Address("192.0.2.3", 1), 0.0)
    with pytest.raises(ValueError, match="not added"):
        agent.remove_local_address(Address("192.0.2.3", 1), 0.0)
    assert len(agent.candidate_stats()) == 2


# --- server-reflexive candidates ---


@pytest.mark.spec("rfc8445:5.1.1.2/1")
def test_a_server_tells_the_address_outside_the_translator() -> None:
    call = _lonely()
    call.network.run(timeout=1)

    host, reflexive = call.alice.candidates
    assert (host.candidate.type, host.candidate.address, host.server) == ("host", INSIDE, None)
    assert reflexive.candidate.type == "srflx"
    assert reflexive.candidate.address.host == OUTSIDE
    assert reflexive.candidate.related_address == INSIDE
    assert reflexive.server == STUN_SERVER
    assert reflexive.candidate.priority < host.candidate.priority
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


@pytest.mark.spec("rfc8445:5.1.1.2/2")
def test_without_servers_nobody_is_asked_until_one_is_configured() -> None:
    desk = Desk(meet=False, end=False)
    assert desk.advance(5.0) == []

    desk.agent.add_stun_server(STUN_SERVER, desk.now)

    (question,) = desk.output()
    assert question.remote == STUN_SERVER
    desk.send(tell_address(parse(question), Datagram(b"", STUN_SERVER, ELSEWHERE)), source=STUN_SERVER)
    assert [each.candidate.address for each in _ours(desk.agent)] == [HERE, ELSEWHERE]


def test_a_server_known_late_or_of_another_family_is_asked_where_it_can_be() -> None:
    desk = Desk(meet=False, end=True)
    desk.agent.add_stun_server(STUN_SERVER, desk.now)
    assert desk.output() == []

    desk.agent.restart(desk.now)
    desk.agent.add_stun_server(Address("2001:db8::53", 3478), desk.now)

    assert {each.remote for each in desk.advance(0.2)} == {STUN_SERVER}


def test_a_server_that_is_known_already_is_not_asked_again() -> None:
    desk = Desk(meet=False, config=ASKS, end=False)
    desk.output()

    desk.agent.add_stun_server(STUN_SERVER, desk.now)

    assert desk.advance(0.4) == []


def test_a_question_from_an_address_that_is_gone_is_not_repeated() -> None:
    desk = Desk(meet=False, config=ASKS, end=False)
    (question,) = desk.output()

    desk.agent.remove_local_address(HERE, desk.now)
    desk.agent.end_of_local_addresses(desk.now)

    assert desk.advance(10.0) == []
    assert desk.agent.gathering_state is GatheringState.COMPLETE
    desk.send(tell_address(parse(question), Datagram(b"", STUN_SERVER, ELSEWHERE)), source=STUN_SERVER)
    assert desk.dropped("unknown-transaction") == 1


def test_questions_that_wait_their_turn_go_with_their_address_and_no_others() -> None:
    agent = _agent(ASKS)
    for port in (1, 2, 3):
        agent.add_local_address(HERE._replace(port=port), 0.0)
    asked = [datagram.local.port for datagram in agent.datagrams_to_send(0.0)]

    agent.remove_local_address(HERE._replace(port=2), 0.0)
    for now in (0.05, 0.1, 0.15):
        agent.handle_timeout(now)
        asked += [datagram.local.port for datagram in agent.datagrams_to_send(now)]

    assert asked == [1, 3]


@pytest.mark.spec("rfc8445:5.1.1.2/4", "rfc8445:5.1.3/1")
def test_all_servers_are_asked_and_the_same_answer_twice_makes_one_candidate() -> None:
    config = IceConfig(stun_servers=(STUN_SERVER, OTHER_SERVER))
    asked = Watch()
    call = _lonely(config, serve=config.stun_servers, tap=asked)
    call.network.run(timeout=1)

    assert [datagram.remote for _, datagram in asked.seen] == [STUN_SERVER, OTHER_SERVER]
    assert call.alice.types == ["host", "srflx"]
    assert call.alice.agent.stats.dropped == {"redundant-candidate": 1}
    assert call.alice.candidates[1].server == STUN_SERVER


@pytest.mark.spec("rfc8445:5.1.3/1")
def test_without_a_translator_the_reflexive_candidate_is_redundant() -> None:
    call = Call(alice=ASKS)
    call.serve_stun()
    call.join(call.network.host("192.0.2.1"))
    call.gather(call.alice)
    call.network.run(timeout=1)

    assert call.alice.types == ["host"]
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


def _answer_in_the_old_way(message: Message, datagram: Datagram) -> bytes:
    attributes = [MappedAddress(datagram.remote)]
    return Message(BINDING, MessageClass.SUCCESS, message.transaction_id, attributes).serialize()


@pytest.mark.spec("rfc8445:5.1.1.2/5")
def test_a_server_that_knows_mapped_address_alone_is_understood() -> None:
    call = _lonely(server=OddStunServer(_answer_in_the_old_way))
    call.network.run(timeout=1)

    assert call.alice.types == ["host", "srflx"]


@pytest.mark.spec("rfc8445:5.1.1.2/7", "rfc8445:14.2/1")
def test_questions_leave_once_per_ta() -> None:
    asked = Watch()
    config = IceConfig(stun_servers=(STUN_SERVER, OTHER_SERVER))
    hosts = ("192.168.1.10", "192.168.1.11", "192.168.1.12")
    call = _lonely(config, hosts=hosts, serve=config.stun_servers, tap=asked)
    call.network.run(timeout=0.49)

    assert [now for now, _ in asked.seen] == pytest.approx([0.0, 0.05, 0.10, 0.15, 0.20, 0.25])


@pytest.mark.spec("rfc8445:14.3/1", "rfc8445:14.3/3")
@pytest.mark.parametrize(("addresses", "rto"), [(1, 0.5), (20, 20 * 0.05)])
def test_questions_are_repeated_no_sooner_than_their_number_allows(addresses: int, rto: float) -> None:
    agent = _agent(ASKS)
    for port in range(1, addresses + 1):
        agent.add_local_address(HERE._replace(port=port), 0.0)
    now, first, again = 0.0, None, None
    while again is None:
        for datagram in agent.datagrams_to_send(now):
            if datagram.local.port == 1:
                first, again = (now, None) if first is None else (first, now)
        timeout = agent.next_timeout()
        assert timeout is not None
        now = timeout
        agent.handle_timeout(now)

    assert first == 0.0
    assert again == pytest.approx(rto)


def test_lost_questions_are_repeated() -> None:
    swallowed = [True, True]
    call = _lonely(tap=lambda now, datagram: not (swallowed and swallowed.pop()))
    call.network.run(timeout=3)

    assert call.alice.types == ["host", "srflx"]
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


@pytest.mark.spec("rfc8838:13/5")
def test_a_silent_server_delays_the_end_of_gathering_by_a_bounded_time_and_nothing_else() -> None:
    config = IceConfig(stun_servers=(STUN_SERVER, OTHER_SERVER), gathering_timeout=2.0)
    call = _lonely(config, serve=(OTHER_SERVER,))
    call.network.run(until=lambda: "srflx" in call.alice.types, timeout=5)
    assert call.network.now < 0.1
    assert call.alice.agent.gathering_state is GatheringState.GATHERING

    call.network.run(until=lambda: call.alice.agent.gathering_state is GatheringState.COMPLETE, timeout=5)

    assert call.network.now == pytest.approx(2.0)
    (failure,) = call.alice.node.of(CandidateGatheringFailed)
    assert (failure.local, failure.server, failure.error_code) == (INSIDE, STUN_SERVER, None)


def _refuse(message: Message, datagram: Datagram) -> bytes:
    attributes = [ErrorCode.with_phrase(300), AlternateServer(OTHER_SERVER)]
    return Message(BINDING, MessageClass.ERROR, message.transaction_id, attributes).serialize()


def test_a_server_that_refuses_is_reported_and_its_alternative_is_not_asked() -> None:
    call = _lonely(server=OddStunServer(_refuse))
    alternative = OddStunServer(tell_address)
    call.serve_stun(OTHER_SERVER, alternative)
    call.network.run(timeout=5)

    (failure,) = call.alice.node.of(CandidateGatheringFailed)
    assert failure.error_code == 300
    assert alternative.requests == []
    assert call.alice.agent.gathering_state is GatheringState.COMPLETE


def test_an_answer_that_tells_no_address_is_reported() -> None:
    empty = OddStunServer(lambda message, _: Message(BINDING, MessageClass.SUCCESS, message.transaction_id).serialize())
    call = _lonely(server=empty)
    call.network.run(timeout=5)

    assert [failure.error_code for failure in call.alice.node.of(CandidateGatheringFailed)] == [None]


def test_an_answer_from_elsewhere_or_to_another_question_is_no_answer() -> None:
    desk = Desk(meet=False, config=ASKS)
    (question,) = desk.output()
    answer = tell_address(parse(question), Datagram(b"", STUN_SERVER, ELSEWHERE))
    other = Message(BINDING, MessageClass.SUCCESS, bytes(12), [XorMappedAddress(ELSEWHERE)]).serialize()

    desk.send(answer, source=ELSEWHERE)
    desk.send(answer, source=STUN_SERVER, local=ELSEWHERE)
    desk.send(other, source=STUN_SERVER)

    assert desk.dropped("unknown-transaction") == 3
    assert len(desk.agent.candidate_stats()) == 1
    desk.send(answer, source=STUN_SERVER)
    assert [each.candidate.type for each in desk.agent.candidate_stats()] == ["host", "srflx"]


# --- keeping what was gathered ---


@pytest.mark.spec("rfc8445:5.1.1.4/1", "rfc8445:5.1.1.4/2")
def test_bindings_are_kept_alive_by_questions_until_the_connection_is_complete() -> None:
    server = OddStunServer(tell_address)
    call = _lonely(server=server)
    call.network.advance(50.0)

    times = [now for now, _ in server.requests]
    assert len(times) == 4
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([15.01] * 3)
    assert {Message.parse(datagram.data).message_class for _, datagram in server.requests} == {MessageClass.REQUEST}

    call.join(call.network.host("192.0.2.2"))
    call.gather(call.bob)
    call.exchange_credentials()
    for event in call.alice.candidates:
        call.bob.agent.add_remote_candidate(event.candidate, call.network.now)
    call.bob.agent.end_of_remote_candidates(call.network.now)
    assert call.run(call.completed, timeout=5)
    before = len(server.requests)
    call.run(timeout=60)
    assert call.both(ConnectionState.COMPLETED)
    assert len(server.requests) == before


def test_a_refresh_that_fails_does_not_undo_the_candidate() -> None:
    server = OddStunServer(tell_address)
    call = _lonely(server=server)
    host = call.network.nodes[0].hosts[STUN_SERVER.host]
    call.network.run(timeout=1)
    host.up = False
    call.network.advance(40.0)

    assert [each.candidate.type for each in _ours(call.alice.agent)] == ["host", "srflx"]
    assert call.alice.node.of(CandidateGatheringFailed) == []
    host.up = True
    call.network.advance(30.0)
    assert len(server.requests) >= 2


@pytest.mark.spec("rfc8445:5.1.1.4/3")
def test_a_base_that_is_gone_takes_its_candidates_and_questions_along() -> None:
    server = OddStunServer(tell_address)
    call = _lonely(server=server, ports=(5000, 5001))
    call.network.run(timeout=1)
    assert len(_ours(call.alice.agent)) == 4

    call.alice.agent.remove_local_address(INSIDE, call.network.now)
    call.network.advance(40.0)

    assert {each.base for each in _ours(call.alice.agent)} == {INSIDE._replace(port=5001)}
    kept = _ours(call.alice.agent)[1].candidate.address
    assert {datagram.remote for now, datagram in server.requests if now > 1} == {kept}


def test_gathering_is_complete_when_the_caller_has_no_more_addresses_and_servers_have_answered() -> None:
    call = _lonely(end=False)
    call.network.run(timeout=1)
    agent = call.alice.agent
    assert agent.gathering_state is GatheringState.GATHERING

    agent.end_of_local_addresses(call.network.now)
    call.network.flush()

    states = [(event.state, event.ufrag) for event in call.alice.node.of(GatheringStateChanged)]
    ufrag = agent.local_credentials.ufrag
    assert states == [(GatheringState.GATHERING, ufrag), (GatheringState.COMPLETE, ufrag)]


# --- lite ---


@pytest.mark.spec("rfc8445:5.2/1", "rfc8445:5.2/5", "rfc8445:5.2/6", "rfc8445:5.2/7", "rfc8445:5.2/8")
def test_a_lite_agent_has_one_candidate_per_address_and_component_and_asks_nobody() -> None:
    agent = _agent(IceConfig(lite=True, components=(2,), stun_servers=(STUN_SERVER,)))
    taken = [
        agent.add_local_address(Address(ip, port), 0.0, component_id=component_id)
        for ip, port, component_id in (
            ("192.0.2.1", 1, 1),
            ("192.0.2.1", 2, 2),
            ("192.0.2.1", 3, 1),
            ("2001:db8::1", 1, 1),
            ("2001:db8::1", 2, 2),
        )
    ]

    candidates = [each.candidate for each in _ours(agent)]
    assert taken == [True, True, False, True, True]
    assert [candidate.foundation for candidate in candidates] == ["1", "1", "2", "2"]
    assert len({candidate.priority for candidate in candidates}) == 4
    assert {candidate.priority >> 24 for candidate in candidates} == {126}
    assert agent.datagrams_to_send(0.0) == []


@pytest.mark.spec("rfc8445:5.2/9")
def test_a_lite_agent_with_one_address_prefers_it_most() -> None:
    agent = _agent(IceConfig(lite=True))
    agent.add_local_address(HERE, 0.0)

    assert _ours(agent)[0].candidate.priority >> 8 & 0xFFFF == 65_535
