"""What strangers, and peers that mean no good, can do to TCP candidates: little, and none of it for long."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ice.tcp_call import ALICE, BOB, TCP_PORT, TcpCall
from tests.support.effort import examples
from tests.support.rng import SeededRng

from rtc_ice import Candidate, ConnectionState, IceAgent, TcpType
from rtc_ice.framing import frame
from rtc_ice.messages import build_check
from rtc_ice.tcp_carrier import MAX_ATTEMPTS_PER_HOST, MAX_STREAMS, MAX_UNPROVEN_STREAMS, UNPROVEN_LIFETIME
from rtc_stun import Address, CloseTransport, Datagram, OpenTransport, is_stun

ACTIVE, PASSIVE, SO = TcpType.ACTIVE, TcpType.PASSIVE, TcpType.SIMULTANEOUS_OPEN
HERE = Address(BOB, TCP_PORT)
STRANGER = Address("203.0.113.66", 40_000)


def listener(*, controlling: bool = False) -> IceAgent:
    """An agent with a passive candidate."""
    agent = IceAgent(controlling=controlling, rng=SeededRng("listener"))
    agent.add_local_address(HERE, 0.0, tcp_type=PASSIVE)
    agent.end_of_local_addresses(0.0)
    agent.events()
    agent.datagrams_to_send(0.0)
    return agent


def accept(agent: IceAgent, remote: Address = STRANGER, now: float = 0.0) -> int:
    transport_id = agent.transport_accepted(HERE, remote, now)
    assert transport_id is not None
    return transport_id


def closed(agent: IceAgent) -> list[int]:
    return [event.transport_id for event in agent.events() if isinstance(event, CloseTransport)]


def forged(agent: IceAgent) -> bytes:
    """A check with the right user fragment and a wrong password."""
    return build_check(
        bytes(12),
        username=f"{agent.local_credentials.ufrag}:x",
        key=b"wrong",
        priority=1,
        controlling=True,
        tie_breaker=1,
        use_candidate=True,
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "malformed-frame"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "malformed-frame"),
        (frame(b"\x80" * 100), "stream-not-ice"),
        (b"\xff\xff", "malformed-frame"),
        (frame(bytes(3000)), "malformed-frame"),
    ],
    ids=["http", "tls", "media", "giant", "large"],
)
@pytest.mark.spec("rfc6544:7.1/6", "rfc4571:2/4")
def test_a_stream_that_does_not_speak_ice_is_closed_at_once(data: bytes, reason: str) -> None:
    agent = listener()
    stream = accept(agent)

    agent.receive_stream_data(stream, data, 0.1)

    assert closed(agent) == [stream]
    assert agent.stats.dropped == {reason: 1}
    assert agent.data_received() == []
    assert agent.stream_data_to_send(0.1) == []
    agent.receive_stream_data(stream, data, 0.2)
    assert agent.stats.dropped["unknown-stream"] == 1


@pytest.mark.parametrize("talk", ["nothing", "slowly", "forged"])
def test_a_stream_on_which_nobody_proves_anything_has_its_time(talk: str) -> None:
    agent = listener()
    stream = accept(agent)
    check = frame(forged(agent))
    now = 0.0
    while now < UNPROVEN_LIFETIME - 1.0:
        now += 1.0
        if talk == "slowly":
            agent.receive_stream_data(stream, check[int(now) - 1 : int(now)], now)
        elif talk == "forged":
            agent.receive_stream_data(stream, check, now)
        agent.handle_timeout(now)
        agent.datagrams_to_send(now)
        agent.stream_data_to_send(now)
    assert closed(agent) == []

    assert agent.next_timeout() == UNPROVEN_LIFETIME
    agent.handle_timeout(UNPROVEN_LIFETIME)
    assert closed(agent) == [stream]
    assert agent.stats.dropped["unproven-stream"] == 1
    assert not agent.is_valid_path(HERE, STRANGER, "tcp")


def test_there_is_room_for_so_many_streams_of_strangers_and_no_more() -> None:
    agent = listener()
    streams = [accept(agent, STRANGER._replace(port=port)) for port in range(1, MAX_UNPROVEN_STREAMS + 1)]

    assert agent.transport_accepted(HERE, STRANGER, 1.0) is None
    assert agent.stats.dropped == {"stream-limit": 1}
    # When their time is over, there is room again.
    agent.handle_timeout(UNPROVEN_LIFETIME)
    assert closed(agent) == streams
    assert agent.transport_accepted(HERE, STRANGER, UNPROVEN_LIFETIME) is not None


def test_a_stream_to_where_nobody_listens_is_not_wanted() -> None:
    agent = listener()
    agent.remove_local_address(HERE, 0.0, tcp_type=PASSIVE)

    assert agent.transport_accepted(HERE, STRANGER, 0.0) is None
    assert agent.transport_accepted(Address(BOB, 9), STRANGER, 0.0) is None
    assert agent.stats.dropped == {"stream-to-no-candidate": 2}


def test_data_of_a_stranger_is_not_from_the_peer() -> None:
    agent = listener()
    stream = accept(agent)

    agent.receive_stream_data(stream, frame(forged(agent)) + frame(b"\x80media"), 0.1)

    (data,) = agent.data_received()
    assert not agent.is_valid_path(data.local, data.remote, data.transport)
    assert agent.connection_state is ConnectionState.NEW


def test_a_stranger_that_is_told_why_gets_less_than_it_sends() -> None:
    agent = listener()
    stream = accept(agent)
    check = frame(forged(agent))

    agent.receive_stream_data(stream, check, 0.1)
    agent.datagrams_to_send(0.1)
    (answer,) = agent.stream_data_to_send(0.1)

    assert answer.transport_id == stream
    assert len(answer.data) < len(check)


@pytest.mark.spec("rfc6544:12/2")
def test_candidates_of_one_host_do_not_make_us_flood_it() -> None:
    call = TcpCall(ACTIVE, bob=())
    call.streams.blocked = lambda remote: True
    call.start()
    for port in range(1, 90):
        line = f"candidate:{port} 1 tcp {1000 + port} {BOB} {port} typ host tcptype passive"
        call.alice.agent.add_remote_candidate(Candidate.parse(line), call.network.now)
    call.run(timeout=30.0)

    assert len(call.streams.opened) == MAX_ATTEMPTS_PER_HOST == 5


def test_all_connections_together_have_a_bound() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng("alice"))
    for number in range(1, 3):
        agent.add_local_address(Address(f"192.0.2.{number}", 0), 0.0, tcp_type=ACTIVE)
    agent.set_remote_credentials("abcd", "x" * 22, 0.0)
    for number in range(1, 90):
        line = f"candidate:{number} 1 tcp {1000 + number} 198.51.100.{number} 9000 typ host tcptype passive"
        agent.add_remote_candidate(Candidate.parse(line), 0.0)
    now, opened = 0.0, 0
    while now < 30.0:
        now += 0.05
        agent.handle_timeout(now)
        agent.datagrams_to_send(now)
        opened += sum(isinstance(event, OpenTransport) for event in agent.events())

    assert 80 < opened <= MAX_STREAMS


def test_media_is_not_what_opens_a_connection() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)
    agent = call.alice.agent
    agent.send([Datagram(b"\x80", Address(ALICE, 9), STRANGER, "tcp")], call.network.now)
    call.run(timeout=1.0)

    assert len(call.streams.opened) == 1
    assert agent.stats.dropped["no-stream"] == 1


def test_whoever_answers_a_check_with_something_else_is_not_the_peer() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start(signal=False)
    call.exchange_credentials()
    agent = call.alice.agent
    call.run(until=lambda: bool(call.streams.opened), timeout=5.0)
    agent.receive_stream_data(0, frame(b"220 mail.example.org ESMTP"), call.network.now)

    assert agent.stats.dropped["stream-not-ice"] == 1
    assert call.alice.agent.candidate_pair_stats()[0].state.name == "FAILED"


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=80), st.floats(0, 3)), max_size=40))
@examples(60)
def test_whatever_arrives_on_streams_nothing_is_raised_and_streams_stay_bounded(
    inputs: list[tuple[int, bytes, float]],
) -> None:
    agent = listener()
    streams = [accept(agent, STRANGER._replace(port=port)) for port in (1, 2, 3, 4)]
    now = 0.0
    for place, data, wait in inputs:
        now += wait
        agent.receive_stream_data(streams[place], data, now)
        agent.handle_timeout(now)
        agent.datagrams_to_send(now)
        agent.stream_data_to_send(now)
        agent.data_received()
    agent.handle_timeout(now + UNPROVEN_LIFETIME)

    assert sorted(closed(agent)) == streams
    assert agent.connection_state is ConnectionState.NEW


def test_streams_that_never_were_are_the_callers_mistake() -> None:
    agent = listener()
    for tell in (agent.transport_opened, agent.transport_failed):
        with pytest.raises(ValueError, match="no stream 7"):
            tell(7, 0.0)


def test_an_agent_with_streams_can_be_copied() -> None:
    call = TcpCall(ACTIVE, bob=(PASSIVE,))
    call.start()
    assert call.run(until=call.completed)
    agent = call.alice.agent
    for twin in (copy.deepcopy(agent), pickle.loads(pickle.dumps(agent))):
        assert twin.selected_pair == agent.selected_pair
        twin.handle_timeout(call.network.now + 10.0)
        twin.datagrams_to_send(call.network.now + 10.0)
        (written,) = twin.stream_data_to_send(call.network.now + 10.0)
        assert is_stun(written.data[2:])


def test_connections_that_cross_become_one() -> None:
    """The peer's connection is accepted while ours to it is still on its way: one of them is given up."""
    agent = IceAgent(controlling=True, rng=SeededRng("so"))
    base, peer = Address(ALICE, 9001), Address(BOB, 9001)
    agent.add_local_address(base, 0.0, tcp_type=SO)
    agent.set_remote_credentials("abcd", "x" * 22, 0.0)
    agent.add_remote_candidate(Candidate.parse(f"candidate:1 1 tcp 9 {BOB} 9001 typ host tcptype so"), 0.0)
    agent.datagrams_to_send(0.0)
    (wish,) = [event for event in agent.events() if isinstance(event, OpenTransport)]
    accepted = agent.transport_accepted(base, peer, 0.1)

    assert closed(agent) == [wish.transport_id]
    # What waited for ours leaves by theirs.
    (written,) = agent.stream_data_to_send(0.1)
    assert written.transport_id == accepted
    agent.transport_failed(wish.transport_id, 0.2)
    assert agent.candidate_pair_stats()[0].state.name == "IN_PROGRESS"
