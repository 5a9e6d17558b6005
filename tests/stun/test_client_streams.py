"""The client over TCP and TLS: one stream to a server, opened and closed at its wish."""

import pytest
from tests.stun.pair import CLIENT, OTHER_SERVER, SERVER, respond
from tests.support.rng import SeededRng

from rtc_stun import (
    Address,
    Attribute,
    ClientConfig,
    ClientEvent,
    Closed,
    CloseTransport,
    FailureReason,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    OpenTransport,
    RequestFailed,
    RequestSucceeded,
    StateError,
    StreamData,
    StunClient,
    StunServer,
    XorMappedAddress,
)
from rtc_stun.transactions import MAX_OUTSTANDING

MAPPED = XorMappedAddress(Address("203.0.113.1", 9))


def make_client(*, transport: str = "tcp", credential: LongTermCredential | None = None) -> StunClient:
    return StunClient(local=CLIENT, rng=SeededRng(1), credential=credential, config=ClientConfig(transport=transport))


def opened(client: StunClient, now: float = 0.0) -> int:
    """Grant the one wish for a stream; return its ID."""
    (event,) = client.events()
    assert isinstance(event, OpenTransport)
    client.transport_opened(event.transport_id, now)
    return event.transport_id


def answer(
    client: StunClient, sent: StreamData, *attributes: Attribute, now: float = 0.1, error: int | None = None
) -> None:
    client.receive_stream_data(sent.transport_id, respond(sent.data, *attributes, error=error), now)


def failures(events: list[ClientEvent]) -> list[tuple[int, FailureReason]]:
    return [(event.request_id, event.reason) for event in events if isinstance(event, RequestFailed)]


def test_client_and_server_talk_over_a_stream_with_authentication() -> None:
    users = LongTermUsers("example.org", {"alice": "secret"})
    server = StunServer(authenticator=LongTermAuthenticator(users, secret=bytes(32)))
    server.transport_opened(99, SERVER, CLIENT, 0.0)
    client = make_client(credential=LongTermCredential(username="alice", password="secret"))
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)

    for _ in range(2):
        for one in client.stream_data_to_send(0.0):
            server.receive_stream_data(99, one.data, 0.0)
        for one in server.stream_data_to_send(0.0):
            client.receive_stream_data(transport_id, one.data, 0.0)

    (event,) = client.events()
    assert isinstance(event, RequestSucceeded)
    assert event.mapped_address == CLIENT


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_client_asks_for_its_stream_and_waits_for_it(transport: str) -> None:
    client = make_client(transport=transport)
    client.send_request(SERVER, 0.0, domain="stun.example.org")

    assert client.events() == [OpenTransport(0, SERVER, transport, "stun.example.org")]
    assert client.stream_data_to_send(0.0) == []
    assert client.next_timeout() == 39.5
    client.transport_opened(0, 2.0)
    assert client.next_timeout() == 2.0
    assert len(client.stream_data_to_send(2.0)) == 1
    assert client.datagrams_to_send(2.0) == []


@pytest.mark.spec("rfc8489:6.2.2/2", "rfc8489:6.2.2/4")
def test_request_over_a_stream_is_sent_once_and_given_up_after_ti() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client, 1.0)
    client.stream_data_to_send(1.0)

    assert client.next_timeout() == 40.5
    client.handle_timeout(40.5)

    assert client.events() == [
        RequestFailed(0, SERVER, FailureReason.TIMEOUT),
        CloseTransport(transport_id, abort=True),
    ]
    assert client.next_timeout() is None
    client.send_request(SERVER, 41.0)
    (event,) = client.events()
    assert isinstance(event, OpenTransport)
    assert event.transport_id != transport_id


@pytest.mark.spec("rfc8489:6.2.2/2")
def test_ti_is_configurable() -> None:
    client = StunClient(local=CLIENT, rng=SeededRng(1), config=ClientConfig(transport="tcp", reliable_timeout=5.0))
    client.send_request(SERVER, 0.0)
    opened(client)
    client.stream_data_to_send(0.0)

    assert client.next_timeout() == 5.0


@pytest.mark.spec("rfc8489:6.2.2/3")
def test_stream_is_kept_for_later_requests_and_closed_with_the_client() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)
    answer(client, client.stream_data_to_send(0.0)[0], MAPPED)
    assert [type(event) for event in client.events()] == [RequestSucceeded]
    client.handle_timeout(10_000.0)

    client.send_request(SERVER, 10_000.0)
    (sent,) = client.stream_data_to_send(10_000.0)

    assert sent.transport_id == transport_id
    assert client.events() == []
    client.close(10_001.0)
    assert client.events() == [
        RequestFailed(1, SERVER, FailureReason.CANCELLED),
        CloseTransport(transport_id),
        Closed(),
    ]


def test_stream_that_cannot_be_opened_fails_what_waits_for_it() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    client.send_request(SERVER, 0.0)
    client.send_request(OTHER_SERVER, 0.0)

    client.transport_failed(0, 0.1)
    client.transport_failed(0, 0.2)

    assert failures(client.events()) == [(0, FailureReason.TRANSPORT_FAILED), (1, FailureReason.TRANSPORT_FAILED)]


def test_stream_that_does_not_open_in_time_is_given_up() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    client.events()

    client.handle_timeout(39.5)

    assert client.events() == [CloseTransport(0, abort=True), RequestFailed(0, SERVER, FailureReason.TRANSPORT_FAILED)]


def test_broken_stream_fails_what_is_under_way_and_is_replaced_for_what_waits() -> None:
    client = make_client()
    for _ in range(MAX_OUTSTANDING + 1):
        client.send_request(SERVER, 0.0)
    wish = client.events()[0]
    assert isinstance(wish, OpenTransport)
    client.transport_opened(wish.transport_id, 0.0)
    assert len(client.stream_data_to_send(0.0)) == MAX_OUTSTANDING

    client.transport_failed(wish.transport_id, 1.0)

    events = client.events()
    assert len(failures(events)) == MAX_OUTSTANDING
    assert isinstance(events[-1], OpenTransport)
    client.transport_opened(events[-1].transport_id, 1.0)
    assert len(client.stream_data_to_send(1.0)) == 1


def test_stream_that_does_not_speak_stun_is_given_up() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)
    client.stream_data_to_send(0.0)

    client.receive_stream_data(transport_id, b"HTTP/1.1 400 Bad Request\r\n", 0.1)

    assert client.events() == [
        CloseTransport(transport_id, abort=True),
        RequestFailed(0, SERVER, FailureReason.TRANSPORT_FAILED),
    ]
    assert client.stats.dropped == {"malformed-stream": 1}


def test_response_is_not_lost_to_what_follows_it() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)
    (sent,) = client.stream_data_to_send(0.0)

    client.receive_stream_data(transport_id, respond(sent.data, MAPPED) + bytes(20), 0.1)

    assert [type(event) for event in client.events()] == [RequestSucceeded, CloseTransport]


def test_stream_carries_nothing_for_a_server_that_its_certificate_does_not_name() -> None:
    client = make_client(transport="tls")
    client.send_request(SERVER, 0.0, domain="one.example")

    for domain in ("two.example", None):
        with pytest.raises(StateError, match="does not prove"):
            client.send_request(SERVER, 0.0, domain=domain)
    client.send_request(SERVER, 0.0, domain="one.example")
    client.send_request(OTHER_SERVER, 0.0, domain="two.example")

    assert [event.domain for event in client.events() if isinstance(event, OpenTransport)] == [
        "one.example",
        "two.example",
    ]


def test_data_of_unknown_streams_is_dropped() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)

    client.receive_stream_data(0, b"early", 0.0)
    client.receive_stream_data(55, b"unknown", 0.0)

    assert client.stats.dropped == {"unknown-transport": 2}


def test_only_a_wanted_stream_is_opened_and_only_once() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)

    for unknown in (transport_id, 55):
        with pytest.raises(StateError, match="not being opened"):
            client.transport_opened(unknown, 0.0)


def test_stream_that_opens_after_it_was_given_up_is_of_no_use() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    client.handle_timeout(39.5)

    client.transport_opened(0, 39.6)

    assert [type(event) for event in client.events()] == [OpenTransport, CloseTransport, RequestFailed]
    assert client.stream_data_to_send(39.6) == []
    client.receive_stream_data(0, b"", 39.7)
    assert client.stats.dropped == {"unknown-transport": 1}


def test_indication_needs_an_open_stream() -> None:
    client = make_client()
    with pytest.raises(StateError, match="no open stream"):
        client.send_indication(SERVER, 0.0)
    client.send_request(SERVER, 0.0)
    with pytest.raises(StateError, match="no open stream"):
        client.send_indication(SERVER, 0.0)
    transport_id = opened(client)

    client.send_indication(SERVER, 0.0)

    assert [one.transport_id for one in client.stream_data_to_send(0.0)] == [transport_id, transport_id]


def test_temporary_error_is_tried_again_over_a_new_stream_if_the_old_one_broke() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    transport_id = opened(client)
    answer(client, client.stream_data_to_send(0.0)[0], error=500)
    client.transport_failed(transport_id, 0.2)

    client.handle_timeout(0.6)

    (event,) = client.events()
    assert isinstance(event, OpenTransport)
