"""Credentials of TURN servers that are renewed during a call, by their users or because they end."""

from dataclasses import replace

import pytest
from tests.support.rng import SeededRng
from tests.support.turn import USER

from rtc_ice import CandidateGatheringFailed, IceConfig, TurnServer
from rtc_stun import Datagram, LongTermAuthenticator, LongTermCredential, MarkedAddress
from rtc_turn import TimeLimitedUsers, TurnClient, time_limited_credential

from .relay_call import CREDENTIAL, DTLS, EVERY_TRANSPORT, TCP, TURN, UDP, RelayCall, selected_pair, transport_of

BOB = LongTermCredential(username="bob", password="other")
EPOCH = 1_800_000_000.0
"""When the network's clock began, in seconds since 1970."""
MINUTE = 60.0


def relayed_call(server: TurnServer) -> RelayCall:
    """A call of which one side uses the server and nothing else."""
    call = RelayCall(IceConfig(turn_servers=(server,), relay_only=True), IceConfig())
    call.turn.users.add(BOB.username, BOB.password)
    return call


def restart(call: RelayCall, server: TurnServer) -> None:
    """Alice's configuration is renewed, and both sides restart."""
    config = IceConfig(turn_servers=(server,), relay_only=True)
    for party, wanted in zip(call.parties, (config, None), strict=True):
        party.agent.restart(call.network.now, config=wanted)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()


def renewed(server: TurnServer, credential: LongTermCredential) -> TurnServer:
    return replace(server, credential=credential)


def ending_soon(server: TurnServer, now: float) -> TurnServer:
    """With a credential that ends in twelve minutes."""
    expires_at = EPOCH + now + 12 * MINUTE
    return renewed(server, time_limited_credential("shared", "alice", expires_at=expires_at))


@pytest.mark.spec("rfc8656:5/17")
@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=transport_of)
def test_another_user_gets_another_allocation_beside_the_one_in_use(server: TurnServer) -> None:
    call = relayed_call(server)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    before = selected_pair(call.alice).local
    restart(call, renewed(server, BOB))
    call.run(timeout=1)
    assert call.turn.server.allocation_count == 2
    assert call.run(call.completed, timeout=10)
    call.talk()
    call.run(timeout=10)

    assert selected_pair(call.alice).local != before
    assert [each.username for each in call.turn.server.allocations(call.network.now)] == ["bob"]
    call.talk()


def test_the_first_socket_serves_again_when_its_allocation_is_given_back() -> None:
    call = relayed_call(UDP)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    sockets = []
    for credential in (BOB, CREDENTIAL, BOB):
        restart(call, renewed(UDP, credential))
        assert call.run(call.completed, timeout=10)
        call.run(timeout=10)
        call.talk()
        sockets.append(len(call.streams.opened))

    assert sockets == [1, 1, 2]
    assert {each.transport for each in call.streams.opened} == {"udp"}
    assert call.turn.server.allocation_count == 1


@pytest.mark.parametrize("server", EVERY_TRANSPORT, ids=transport_of)
def test_another_password_of_the_same_user_serves_the_allocation_that_there_is(server: TurnServer) -> None:
    call = relayed_call(server)
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    before = selected_pair(call.alice).local
    call.turn.users.add(USER, "a new one")
    restart(call, renewed(server, LongTermCredential(username=USER, password="a new one")))
    assert call.run(call.completed, timeout=10)
    for _ in range(4):
        call.run(timeout=5 * MINUTE)
        call.talk()

    assert selected_pair(call.alice).local == before
    assert call.turn.server.allocation_count == 1


@pytest.mark.parametrize("server", [UDP, TCP, DTLS], ids=transport_of)
def test_a_long_call_outlives_each_of_its_credentials(server: TurnServer) -> None:
    call = relayed_call(ending_soon(server, 0.0))
    users = TimeLimitedUsers("example.org", "shared", wall_clock=lambda: EPOCH + call.network.now)
    call.turn.server.set_authenticator(LongTermAuthenticator(users, secret=b"s" * 32))
    call.both_sit()
    assert call.run(call.completed, timeout=10)
    for _ in range(5):
        for _ in range(3):
            call.run(timeout=3 * MINUTE)
            call.talk()
        restart(call, ending_soon(server, call.network.now))
        assert call.run(call.completed, timeout=10)
        call.talk()
    call.run(timeout=10)

    assert call.turn.server.allocation_count == 1


@pytest.mark.spec("rfc8656:7.4/8")
def test_a_socket_that_the_server_knows_already_is_exchanged_for_another() -> None:
    call = relayed_call(UDP)
    call.sit()
    call.sit()
    local = call.alice.bindings[0].address
    leave_behind(call, local.port)
    call.start()

    assert call.run(call.completed, timeout=10)
    call.talk()
    assert [each.transport for each in call.streams.opened] == ["udp"]
    assert call.alice.node.of(CandidateGatheringFailed) == []


def test_for_a_server_that_is_configured_no_more_there_is_no_other_socket() -> None:
    call = relayed_call(UDP)
    call.sit()
    call.sit()
    leave_behind(call, call.alice.bindings[0].address.port)
    call.start()
    call.run(timeout=0.012)  # The server has asked for the credential.
    restart(call, TCP)

    assert call.run(call.completed, timeout=10)
    call.talk()
    assert {each.transport for each in call.streams.opened} == {"tcp"}


def test_data_with_a_code_point_leaves_by_the_socket_of_its_allocation() -> None:
    call = relayed_call(UDP)
    call.sit()
    call.sit()
    leave_behind(call, call.alice.bindings[0].address.port)
    call.start()
    assert call.run(call.completed, timeout=10)
    pair = selected_pair(call.alice)
    arrived: list[bytes] = []
    call.network.trace = lambda now, datagram: arrived.append(datagram.data)
    marked = Datagram(b"\x80marked", MarkedAddress(*pair.local, 46), pair.remote)
    call.alice.agent.send([marked], call.network.now)
    call.network.advance(1.0)

    assert b"\x80marked" in arrived


@pytest.mark.spec("rfc8656:7.4/9")
def test_after_three_sockets_the_server_is_given_up() -> None:
    call = relayed_call(UDP)
    call.sit()
    call.sit()
    for port in (call.alice.bindings[0].address.port, *range(30_000, 30_010)):
        leave_behind(call, port)
    call.start()
    call.run(timeout=20)

    failed = call.alice.node.of(CandidateGatheringFailed)
    assert [each.error_code for each in failed] == [437]
    assert len(call.streams.opened) == 2


def leave_behind(call: RelayCall, port: int) -> None:
    """What had the port of Alice's host before has crashed, and its allocation is still there."""
    local = call.alice.bindings[0].address._replace(port=port)
    client = TurnClient(local=local, server=TURN, rng=SeededRng(port), credential=BOB)
    client.allocate(call.network.now)
    for _ in range(4):
        for sent in client.datagrams_to_send(call.network.now):
            call.turn.server.receive_datagram(Datagram(sent.data, TURN, local), call.network.now)
        for event in call.turn.server.events():
            call.turn._on_event(event)
        for answer in call.turn.server.datagrams_to_send(call.network.now):
            client.receive_datagram(Datagram(answer.data, local, TURN), call.network.now)
    assert client.relayed
