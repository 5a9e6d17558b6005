"""The client's transactions: sending, repeating, giving up, and telling responses from noise."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.pair import CLIENT, CLIENT_6, OTHER_SERVER, SERVER, SERVER_6, Pair, respond
from tests.support.rng import SeededRng

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    ClientConfig,
    Closed,
    Datagram,
    ErrorCode,
    FailureReason,
    Fingerprint,
    IndicationReceived,
    Message,
    MessageClass,
    Realm,
    RequestFailed,
    RequestSucceeded,
    RtoCache,
    Software,
    StateError,
    StunClient,
    UnknownAttribute,
    XorMappedAddress,
)
from rtc_stun.client import MAX_EVENTS, MAX_SESSIONS
from rtc_stun.transactions import MAX_OUTSTANDING

MAPPED = XorMappedAddress(Address("203.0.113.1", 9))


def make_client(config: ClientConfig | None = None, rto_cache: RtoCache | None = None) -> StunClient:
    return StunClient(local=CLIENT, rng=SeededRng(1), config=config, rto_cache=rto_cache)


def ask(client: StunClient, now: float = 0.0, server: Address = SERVER) -> bytes:
    """Send a request and return its bytes."""
    client.send_request(server, now)
    (out,) = client.datagrams_to_send(now)
    assert (out.local, out.remote, out.transport) == (CLIENT, server, "udp")
    return out.data


def receive(client: StunClient, data: bytes, now: float = 0.1, source: Address = SERVER) -> None:
    client.receive_datagram(Datagram(data, CLIENT, source), now)


def sending_times(client: StunClient) -> list[float]:
    """Let time pass until nothing is left; return when something was sent."""
    times = []
    while (deadline := client.next_timeout()) is not None:
        client.handle_timeout(deadline)
        if client.datagrams_to_send(deadline):
            times.append(deadline)
        following = client.next_timeout()
        assert following is None or following > deadline
    return times


# Asking.


@pytest.mark.parametrize(("local", "server"), [(CLIENT, SERVER), (CLIENT_6, SERVER_6)])
@pytest.mark.spec("rfc8489:6.1/1", "rfc8489:6.1/2", "rfc8489:6.1/3", "rfc8489:14.14/1")
def test_client_learns_its_address(local: Address, server: Address) -> None:
    pair = Pair(client_address=local, server_address=server)

    (event,) = pair.ask()

    assert event == RequestSucceeded(0, server, pair.responses[0], local)
    assert pair.requests[0].message_class is MessageClass.REQUEST
    assert pair.requests[0].attributes == [Software("rtc-stun 0.1.0")]
    assert pair.client.next_timeout() is None


@pytest.mark.spec("rfc8489:16.1.2/1")
def test_software_can_be_kept_to_oneself() -> None:
    assert Message.parse(ask(make_client(ClientConfig(software=None)))).attributes == []


@pytest.mark.spec("rfc8489:5/3", "rfc8489:5/4")
def test_transaction_ids_come_from_the_callers_randomness_and_are_never_used_twice() -> None:
    asked: list[int] = []

    def rng(length: int) -> bytes:
        asked.append(length)
        return len(asked).to_bytes(length, "big")

    client = StunClient(local=CLIENT, rng=rng)

    ids = [Message.parse(ask(client)).transaction_id for _ in range(5)]

    assert len(set(ids)) == 5
    assert all(int.from_bytes(one, "big") in range(1, len(asked) + 1) for one in ids)
    assert set(asked) == {12}


@pytest.mark.spec("rfc8489:6.2.1/1", "rfc8489:6.2.1/11", "rfc8489:5/4")
def test_unanswered_request_is_repeated_and_given_up() -> None:
    client = make_client()
    request = ask(client)
    repeated = copy.deepcopy(client)
    repeated.handle_timeout(0.5)

    times = sending_times(client)

    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert client.events() == [RequestFailed(0, SERVER, FailureReason.TIMEOUT)]
    assert (client.stats.requests_sent, client.stats.retransmissions) == (1, 6)
    assert [out.data for out in repeated.datagrams_to_send(0.5)] == [request]


@pytest.mark.spec("rfc8489:6.2.1/10", "rfc8489:6.2.1/12")
def test_number_of_requests_and_last_wait_are_configurable() -> None:
    client = make_client(ClientConfig(max_requests=2, last_wait_factor=1))
    ask(client)

    assert sending_times(client) == [0.5]
    assert client.events() == [RequestFailed(0, SERVER, FailureReason.TIMEOUT)]


@pytest.mark.spec("rfc8489:6.2.1/8", "rfc8489:6.2.1/7")
def test_round_trip_time_sets_the_next_rto_unless_the_request_was_repeated() -> None:
    client = make_client(rto_cache=RtoCache(minimum_rto=0.01))
    receive(client, respond(ask(client), MAPPED), 0.1)
    request = ask(client, 1.0)
    assert client.next_timeout() == pytest.approx(1.3)  # 0.1 + 4 * 0.05
    client.handle_timeout(1.3)
    client.datagrams_to_send(1.3)

    receive(client, respond(request, MAPPED), 1.4)
    ask(client, 2.0)

    assert client.next_timeout() == pytest.approx(2.3)


def test_caches_can_be_shared() -> None:
    cache = RtoCache()
    first, second = make_client(rto_cache=cache), make_client(rto_cache=cache)
    receive(first, respond(ask(first), MAPPED), 2.0)

    ask(second, 3.0, Address(SERVER.host, 1))

    assert second.next_timeout() == 3.0 + 6.0


def test_response_between_timeout_and_flush_counts() -> None:
    client = make_client()
    request = ask(client)
    client.handle_timeout(0.5)

    receive(client, respond(request, MAPPED), 0.5)

    assert isinstance(client.events()[0], RequestSucceeded)
    assert client.datagrams_to_send(0.5) == []
    assert client.next_timeout() is None


@pytest.mark.spec("rfc8489:6.2/1")
def test_ten_transactions_at_a_time_with_one_server() -> None:
    client = make_client()
    for _ in range(12):
        client.send_request(SERVER, 0.0)
    client.send_request(OTHER_SERVER, 0.0)

    out = client.datagrams_to_send(0.0)

    assert [one.remote for one in out] == [SERVER] * MAX_OUTSTANDING + [OTHER_SERVER]
    receive(client, respond(out[0].data, MAPPED))
    assert len(client.datagrams_to_send(0.1)) == 1


def test_every_request_of_many_ends() -> None:
    pair = Pair()
    for _ in range(100):
        pair.client.send_request(SERVER, pair.now)

    events = pair.run_out()

    assert sorted(event.request_id for event in events if isinstance(event, RequestSucceeded)) == list(range(100))


def test_pending_requests_are_bounded() -> None:
    client = make_client(ClientConfig(max_pending_requests=2))
    client.send_request(SERVER, 0.0)
    client.send_request(SERVER, 0.0)

    with pytest.raises(StateError, match="2 requests are pending"):
        client.send_request(SERVER, 0.0)
    client.send_indication(SERVER, 0.0)
    client.send_indication(SERVER, 0.0)
    with pytest.raises(StateError, match="2 indications"):
        client.send_indication(SERVER, 0.0)


@pytest.mark.parametrize(
    ("server", "transport", "limit"),
    [(SERVER, "udp", 548), (SERVER_6, "udp", 1232), (SERVER, "dtls", 511), (SERVER_6, "dtls", 1195)],
)
@pytest.mark.spec("rfc8489:6.1/5", "rfc8489:6.1/6")
def test_request_stays_within_what_every_path_carries(server: Address, transport: str, limit: int) -> None:
    client = make_client(ClientConfig(transport=transport, software=None))
    room = (limit - 24) // 4 * 4

    client.send_request(server, 0.0, attributes=[UnknownAttribute(0x8888, bytes(room))])
    with pytest.raises(ValueError, match=f"more than the {limit}"):
        client.send_request(server, 0.0, attributes=[UnknownAttribute(0x8888, bytes(room + 1))])
    with pytest.raises(ValueError, match=f"more than the {limit}"):
        client.send_indication(server, 0.0, attributes=[UnknownAttribute(0x8888, bytes(room + 1))])

    assert len(client.datagrams_to_send(0.0)) == 1


@pytest.mark.spec("rfc8489:6.1/4")
def test_known_mtu_replaces_the_default() -> None:
    client = make_client(ClientConfig(max_message_length=1000))

    client.send_request(SERVER, 0.0, attributes=[UnknownAttribute(0x8888, bytes(900))])

    with pytest.raises(ValueError, match="more than the 1000"):
        client.send_request(SERVER, 0.0, attributes=[UnknownAttribute(0x8888, bytes(1000))])


def test_unsendable_attribute_is_refused_at_once_and_changes_nothing() -> None:
    client = make_client()

    with pytest.raises(ValueError, match="127 characters"):
        client.send_request(SERVER, 0.0, attributes=[Realm("r" * 128)])

    assert client.next_timeout() is None
    assert client.datagrams_to_send(0.0) == []
    assert client.send_request(SERVER, 0.0) == 0


@pytest.mark.parametrize(
    "config", [{"transport": "sctp"}, {"max_requests": 0}, {"last_wait_factor": 0}, {"reliable_timeout": -1}]
)
def test_nonsense_is_not_configured(config: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match=r"transport|positive|127"):
        ClientConfig(**config)  # type: ignore[arg-type]  # a dict of mixed values says less than its keys do


def test_cancelled_request_ends() -> None:
    client = make_client()
    request = ask(client)

    client.cancel(0, 0.1)

    assert client.events() == [RequestFailed(0, SERVER, FailureReason.CANCELLED)]
    assert client.next_timeout() is None
    receive(client, respond(request, MAPPED))
    assert client.events() == []
    with pytest.raises(StateError, match="not pending"):
        client.cancel(0, 0.2)


def test_queued_request_can_be_cancelled() -> None:
    client = make_client()
    for _ in range(MAX_OUTSTANDING + 1):
        client.send_request(SERVER, 0.0)

    client.cancel(MAX_OUTSTANDING, 0.0)

    assert client.events() == [RequestFailed(MAX_OUTSTANDING, SERVER, FailureReason.CANCELLED)]
    assert len(client.datagrams_to_send(0.0)) == MAX_OUTSTANDING


def test_unreachable_server_fails_its_requests_and_no_others() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    client.send_request(OTHER_SERVER, 0.0)

    client.report_unreachable(SERVER, 0.1)

    assert client.events() == [RequestFailed(0, SERVER, FailureReason.TRANSPORT_FAILED)]
    assert [out.remote for out in client.datagrams_to_send(0.1)] == [OTHER_SERVER]


# Responses.


@pytest.mark.parametrize(
    "attributes", [(), (UnknownAttribute(0x8888, b""),), (UnknownAttribute(0x20, bytes.fromhex("0003000901020304")),)]
)
@pytest.mark.spec("rfc8489:6.3.3/1", "rfc8489:6.3/1")
def test_success_without_a_usable_address_is_a_failure(attributes: tuple[Attribute, ...]) -> None:
    client = make_client()

    receive(client, respond(ask(client), *attributes))

    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.MALFORMED_RESPONSE


def test_another_method_needs_no_mapped_address() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0, method=3)
    (out,) = client.datagrams_to_send(0.0)

    receive(client, respond(out.data))

    (event,) = client.events()
    assert isinstance(event, RequestSucceeded)
    assert event.mapped_address is None


@pytest.mark.parametrize("error", [None, 400])
def test_unknown_required_attribute_in_a_response_fails_the_request(error: int | None) -> None:
    client = make_client()

    receive(client, respond(ask(client), MAPPED, UnknownAttribute(0x7777, b""), error=error))

    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.UNKNOWN_ATTRIBUTES


@pytest.mark.parametrize("code", [300, 400, 401, 420, 499, 600, 699])
@pytest.mark.spec("rfc8489:6.3.4/1", "rfc8489:14.8/10", "rfc8489:14.8/11")
def test_error_response_fails_the_request_which_is_not_sent_again(code: int) -> None:
    client = make_client()

    receive(client, respond(ask(client), error=code))

    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert (event.reason, event.error_code) == (FailureReason.ERROR_RESPONSE, code)
    assert event.response is not None
    assert event.response.get(ErrorCode) is not None
    assert client.next_timeout() is None


def test_error_response_without_a_code_fails_the_request() -> None:
    client = make_client()
    request = Message.parse(ask(client))

    receive(client, bytes(Message(BINDING, MessageClass.ERROR, request.transaction_id)))

    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.MALFORMED_RESPONSE


@pytest.mark.parametrize(("limit", "count"), [(4, 5), (0, 1), (1, 2)])
@pytest.mark.spec("rfc8489:6.3.4/2", "rfc8489:6.3.4/3", "rfc8489:6.3.4/4", "rfc8489:5/4")
def test_temporary_errors_are_tried_again_a_few_times_after_a_pause(limit: int, count: int) -> None:
    config = ClientConfig() if limit == 4 else ClientConfig(max_server_errors=limit)
    client = make_client(config)
    client.send_request(SERVER, 0.0)
    now, times, ids = 0.0, [], []
    while (deadline := client.next_timeout()) is not None:
        now = max(now, deadline)
        client.handle_timeout(now)
        for out in client.datagrams_to_send(now):
            times.append(now)
            ids.append(Message.parse(out.data).transaction_id)
            receive(client, respond(out.data, error=500), now)

    (event,) = client.events()

    assert isinstance(event, RequestFailed)
    assert event.error_code == 500
    assert times == [0, 0.5, 1.5, 3.5, 7.5][:count]
    assert len(set(ids)) == count


def test_success_after_a_temporary_error() -> None:
    client = make_client()
    receive(client, respond(ask(client), error=500), 0.1)
    client.handle_timeout(0.6)
    (out,) = client.datagrams_to_send(0.6)

    receive(client, respond(out.data, MAPPED), 0.7)

    assert isinstance(client.events()[0], RequestSucceeded)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": OTHER_SERVER}, "wrong-source"),
        ({"source": Address(SERVER.host, 1)}, "wrong-source"),
        ({"transaction_id": bytes(12)}, "no-transaction"),
        ({"method": 3}, "wrong-method"),
        ({"message_class": MessageClass.REQUEST}, "no-transaction"),
    ],
)
@pytest.mark.spec("rfc8489:5/5")
def test_response_that_fits_no_request_is_dropped(change: dict[str, object], reason: str) -> None:
    client = make_client()
    request = Message.parse(ask(client))
    response = Message(BINDING, MessageClass.SUCCESS, request.transaction_id, [MAPPED])
    source = change.get("source", SERVER)
    assert isinstance(source, Address)
    for name in change.keys() - {"source"}:
        setattr(response, name, change[name])

    receive(client, bytes(response), source=source)

    assert client.events() == []
    assert client.stats.dropped == {reason: 1}
    receive(client, bytes(Message(BINDING, MessageClass.SUCCESS, request.transaction_id, [MAPPED])))
    assert isinstance(client.events()[0], RequestSucceeded)


def test_second_response_is_dropped() -> None:
    client = make_client()
    response = respond(ask(client), MAPPED)

    client.receive_datagrams([Datagram(response, CLIENT, SERVER)] * 2, 0.1)

    assert len(client.events()) == 1
    assert client.stats.dropped == {"no-transaction": 1}
    assert client.stats.responses_accepted == 1


def test_fingerprint_is_sent_and_demanded_if_so_configured() -> None:
    client = make_client(ClientConfig(fingerprint=True))
    request = Message.parse(ask(client))
    response = Message(BINDING, MessageClass.SUCCESS, request.transaction_id, [MAPPED])

    request.verify_fingerprint()
    assert request.get(Fingerprint) is not None
    receive(client, bytes(response))
    assert client.stats.dropped == {"fingerprint": 1}
    receive(client, response.serialize(fingerprint=True))
    assert isinstance(client.events()[0], RequestSucceeded)


# Indications.


@pytest.mark.spec("rfc8489:6.1/1", "rfc8489:6.1/2")
def test_indication_is_sent_once_and_expects_nothing() -> None:
    client = make_client()
    client.send_indication(SERVER, 1.0)
    assert client.next_timeout() == 1.0

    (out,) = client.datagrams_to_send(1.0)

    assert Message.parse(out.data).message_class is MessageClass.INDICATION
    assert client.next_timeout() is None


def test_indications_of_the_server_arrive_within_bounds() -> None:
    client = make_client()
    indication = Message(7, MessageClass.INDICATION, bytes(12))
    strange = Message(7, MessageClass.INDICATION, bytes(12), [UnknownAttribute(0x7777, b"")])

    receive(client, bytes(indication))
    receive(client, bytes(strange))
    assert client.events() == [IndicationReceived(SERVER, indication)]
    assert client.stats.dropped == {"unknown-attributes": 1}

    client.receive_datagrams([Datagram(bytes(indication), CLIENT, SERVER)] * (MAX_EVENTS + 1), 1.0)
    assert len(client.events()) == MAX_EVENTS
    assert client.stats.dropped["events-full"] == 1


def test_sessions_are_bounded() -> None:
    client = make_client()
    for port in range(1, MAX_SESSIONS + 10):
        client.send_request(Address(SERVER.host, port), 0.0)

    assert len(client._sessions) == MAX_SESSIONS


# The machine.


def test_close_is_the_end() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    client.send_indication(SERVER, 0.0)

    client.close(1.0)
    client.close(2.0)

    assert client.closed
    assert client.events() == [RequestFailed(0, SERVER, FailureReason.CANCELLED), Closed()]
    assert client.next_timeout() is None
    assert client.datagrams_to_send(2.0) == []
    client.handle_timeout(3.0)
    receive(client, b"", 3.0)
    assert client.stats.dropped == {"closed": 1}
    for command in (
        lambda: client.send_request(SERVER, 4.0),
        lambda: client.send_indication(SERVER, 4.0),
        lambda: client.cancel(0, 4.0),
        lambda: client.report_unreachable(SERVER, 4.0),
        lambda: client.transport_opened(0, 4.0),
    ):
        with pytest.raises(StateError, match="closed"):
            command()


def test_time_does_not_go_back() -> None:
    client = make_client()
    ask(client, 10.0)

    client.handle_timeout(3.0)
    ask(client, 2.0)

    assert client.next_timeout() == 10.5


def test_client_is_copied_and_pickled_in_mid_flight() -> None:
    pair = Pair()
    for _ in range(12):
        pair.client.send_request(SERVER, pair.now)
    pair.client.datagrams_to_send(pair.now)
    twins = [copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))]

    events = pair.run_out()

    assert len(events) == 12
    for twin in twins:
        assert twin.run_out() == events


def test_everything_is_traced() -> None:
    records: list[tuple[float, str, dict[str, object]]] = []
    client = StunClient(
        local=CLIENT, rng=SeededRng(1), trace=lambda now, name, data: records.append((now, name, dict(data)))
    )
    request = ask(client)
    receive(client, b"")
    receive(client, respond(request, MAPPED))
    ask(client)
    client.cancel(1, 1.0)

    assert [(now, name) for now, name, _ in records] == [
        (0.0, "stun:request_sent"),
        (0.1, "stun:dropped"),
        (0.1, "stun:request_ended"),
        (0.1, "stun:request_sent"),
        (1.0, "stun:request_ended"),
    ]
    assert records[0][2] == {
        "request_id": 0,
        "server": list(SERVER),
        "transaction_id": request[8:20].hex(),
        "sent_count": 1,
    }
    assert records[2][2] == {"request_id": 0, "outcome": "succeeded"}
    assert records[4][2] == {"request_id": 1, "outcome": "cancelled"}


@given(st.lists(st.binary(max_size=60), max_size=5), st.data())
def test_noise_raises_nothing_and_changes_nothing(noise: list[bytes], data: st.DataObject) -> None:
    client = make_client()
    response = bytearray(respond(ask(client), MAPPED, error=data.draw(st.sampled_from([None, 401, 500]))))
    for _ in range(data.draw(st.integers(1, 4))):
        response[data.draw(st.integers(0, 19))] ^= data.draw(st.integers(1, 255))

    for one in [*noise, bytes(response[:20]), b"\x01\x01\0\0" + bytes(16)]:
        receive(client, one)

    assert client.next_timeout() == 0.5
    assert [event for event in client.events() if not isinstance(event, IndicationReceived)] == []
