"""Clients in adverse conditions: whatever happens, every request ends exactly once and the machine keeps its contract."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.pair import CLIENT, SERVER
from tests.support.effort import examples
from tests.support.rng import SeededRng

from rtc_stun import (
    ClientConfig,
    ClientEvent,
    CloseTransport,
    Datagram,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    OpenTransport,
    RequestFailed,
    RequestSucceeded,
    ShortTermAuthenticator,
    ShortTermCredential,
    StunClient,
    StunServer,
)

SHORT_TERM = ShortTermCredential(username="alice", password="secret")
LONG_TERM = LongTermCredential(username="alice", password="secret")
WRONG = LongTermCredential(username="alice", password="guess")


def make_server(credential: ShortTermCredential | LongTermCredential | None) -> StunServer:
    match credential:
        case None:
            return StunServer()
        case ShortTermCredential():
            return StunServer(authenticator=ShortTermAuthenticator({"alice": "secret"}))
        case LongTermCredential():
            users = LongTermUsers("example.org", {"alice": "secret"})
            return StunServer(authenticator=LongTermAuthenticator(users, secret=bytes(32), nonce_lifetime=5))


def mangled(data: st.DataObject, wire: bytes) -> list[bytes]:
    """Deliver a datagram as it is, not at all, twice, or with a byte changed."""
    match data.draw(st.sampled_from(["pass", "pass", "pass", "lose", "double", "change"])):
        case "pass":
            return [wire]
        case "lose":
            return []
        case "double":
            return [wire, wire]
        case _:
            pass
    position = data.draw(st.integers(0, len(wire) - 1))
    return [wire[:position] + bytes([wire[position] ^ data.draw(st.integers(1, 255))]) + wire[position + 1 :]]


def outcomes(events: list[ClientEvent]) -> Counter[int]:
    return Counter(event.request_id for event in events if isinstance(event, RequestSucceeded | RequestFailed))


@pytest.mark.parametrize("credential", [None, SHORT_TERM, LONG_TERM, WRONG], ids=["open", "short", "long", "wrong"])
@examples(40)
@given(data=st.data())
def test_every_request_ends_once_over_any_network(
    credential: ShortTermCredential | LongTermCredential | None, data: st.DataObject
) -> None:
    client = StunClient(local=CLIENT, rng=SeededRng(1), credential=credential)
    server = make_server(credential)
    count = data.draw(st.integers(1, 12))
    for _ in range(count):
        client.send_request(SERVER, 0.0)
    now, events = 0.0, list[ClientEvent]()

    while (deadline := client.next_timeout()) is not None:
        now = max(now, deadline)
        client.handle_timeout(now)
        for out in client.datagrams_to_send(now):
            for wire in mangled(data, out.data):
                server.receive_datagram(Datagram(wire, SERVER, CLIENT), now)
        following = client.next_timeout()
        assert following is None or following > now
        now += 0.01
        for back in server.datagrams_to_send(now):
            for wire in mangled(data, back.data):
                client.receive_datagram(Datagram(wire, CLIENT, SERVER), now)
        events += client.events()

    assert outcomes(events) == Counter(range(count))
    assert len(client._requests) == 0


@pytest.mark.parametrize("credential", [None, SHORT_TERM, LONG_TERM], ids=["open", "short", "long"])
@examples(25)
@given(data=st.data())
def test_every_request_ends_once_over_any_streams(
    credential: ShortTermCredential | LongTermCredential | None, data: st.DataObject
) -> None:
    client = StunClient(local=CLIENT, rng=SeededRng(1), credential=credential, config=ClientConfig(transport="tcp"))
    server = make_server(credential)
    count = data.draw(st.integers(1, 12))
    for _ in range(count):
        client.send_request(SERVER, 0.0)
    now, events, connected = 0.0, list[ClientEvent](), set[int]()

    for _ in range(300):
        for event in client.events():
            events.append(event)
            if isinstance(event, CloseTransport):
                connected.discard(event.transport_id)
                server.transport_closed(event.transport_id, now)
            elif isinstance(event, OpenTransport):
                if data.draw(st.integers(0, 9)) == 0:
                    client.transport_failed(event.transport_id, now)
                else:
                    server.transport_opened(event.transport_id, SERVER, CLIENT, now)
                    client.transport_opened(event.transport_id, now)
                    connected.add(event.transport_id)
        for sent in client.stream_data_to_send(now):
            server.receive_stream_data(sent.transport_id, sent.data, now)
        for answer in server.stream_data_to_send(now):
            match data.draw(st.sampled_from(["pass", "pass", "pass", "pass", "cut", "break", "garbage"])):
                case "pass":
                    client.receive_stream_data(answer.transport_id, answer.data, now)
                case "cut":
                    at = data.draw(st.integers(0, len(answer.data)))
                    client.receive_stream_data(answer.transport_id, answer.data[:at], now)
                    client.receive_stream_data(answer.transport_id, answer.data[at:], now)
                case "break" if answer.transport_id in connected:
                    connected.discard(answer.transport_id)
                    server.transport_closed(answer.transport_id, now)
                    client.transport_failed(answer.transport_id, now)
                case _:
                    client.receive_stream_data(answer.transport_id, b"\xff" * 20, now)
        deadline = client.next_timeout()
        if deadline is None and not len(client._requests):
            events += client.events()
            break
        now = max(now, deadline if deadline is not None else now)
        client.handle_timeout(now)

    assert outcomes(events) == Counter(range(count))
