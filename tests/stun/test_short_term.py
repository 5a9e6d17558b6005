"""The short-term credential mechanism, both sides."""

import pytest
from tests.stun.pair import CLIENT, SERVER, Pair, respond

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    Authenticated,
    ClientConfig,
    Datagram,
    ErrorCode,
    FailureReason,
    IndicationReceived,
    Integrity,
    Message,
    MessageClass,
    MessageIntegrity,
    MessageIntegritySha256,
    RequestFailed,
    RequestSucceeded,
    ShortTermAuthenticator,
    ShortTermCredential,
    StunServer,
    Unauthenticated,
    Username,
    XorMappedAddress,
    short_term_key,
)

ID = bytes(range(12))
KEY = short_term_key("secret")
CREDENTIAL = ShortTermCredential(username="alice", password="secret")
MAPPED = XorMappedAddress(Address("203.0.113.1", 9))


def authenticator() -> ShortTermAuthenticator:
    return ShortTermAuthenticator({"alice": "secret"})


def request(*attributes: Attribute, key: bytes | None = KEY, integrity: Integrity = Integrity.SHA1) -> Message:
    message = Message(BINDING, MessageClass.REQUEST, ID, attributes)
    return Message.parse(message.serialize(key=key, integrity=integrity))


def judge(message: Message) -> Authenticated | Unauthenticated:
    return authenticator().authenticate(message, CLIENT, 0.0)


# The server.


@pytest.mark.parametrize(
    ("integrity", "proven_by"),
    [
        (Integrity.SHA1, Integrity.SHA1),
        (Integrity.SHA256, Integrity.SHA256),
        (Integrity.BOTH, Integrity.SHA256),
    ],
)
@pytest.mark.spec("rfc8489:9.1.3/7", "rfc8489:9.1.3/8", "rfc8489:9.1.3/9", "rfc8489:6.3.1.1/4")
def test_response_carries_the_strongest_integrity_of_the_request_and_no_username(
    integrity: Integrity, proven_by: Integrity
) -> None:
    pair = Pair(
        credential=ShortTermCredential(username="alice", password="secret", integrity=integrity),
        authenticator=authenticator(),
    )

    (event,) = pair.ask()

    assert isinstance(event, RequestSucceeded)
    assert event.response.integrity is proven_by
    assert event.response.verify_integrity(KEY) is proven_by
    assert event.response.get(Username) is None


@pytest.mark.parametrize(
    "message",
    [request(Username("alice"), key=None), request(), request(key=None)],
    ids=["no MAC", "no name", "nothing"],
)
@pytest.mark.spec("rfc8489:9.1.3/1", "rfc8489:9.1.3/10")
def test_request_without_integrity_or_username_is_a_bad_request(message: Message) -> None:
    assert judge(message) == Unauthenticated(400)


@pytest.mark.spec("rfc8489:9.1.3/3", "rfc8489:9.1.3/10")
def test_unknown_user_is_unauthenticated() -> None:
    assert judge(request(Username("bob"))) == Unauthenticated(401)


@pytest.mark.parametrize("integrity", Integrity)
@pytest.mark.spec("rfc8489:9.1.3/5", "rfc8489:9.1.3/10")
def test_wrong_password_is_unauthenticated(integrity: Integrity) -> None:
    assert judge(request(Username("alice"), key=b"guess", integrity=integrity)) == Unauthenticated(401)


def test_password_that_is_not_allowed_proves_nobody() -> None:
    judge = ShortTermAuthenticator({"alice": "\n"})

    assert judge.authenticate(request(Username("alice"), key=b"\n"), CLIENT, 0.0) == Unauthenticated(401)


@pytest.mark.parametrize(("attributes", "code"), [((), 400), ((Username("bob"),), 401)])
@pytest.mark.spec("rfc8489:9.1.3/10", "rfc8489:6.3.1.1/1")
def test_refusal_is_bare(attributes: tuple[Attribute, ...], code: int) -> None:
    server = StunServer(authenticator=authenticator())
    data = Message(BINDING, MessageClass.REQUEST, ID, attributes).serialize(key=KEY)
    server.receive_datagram(Datagram(data, SERVER, CLIENT), 0.0)

    (datagram,) = server.datagrams_to_send(0.0)
    response = Message.parse(datagram.data)

    error = response.get(ErrorCode)
    assert error is not None
    assert error.code == code
    assert response.integrity is None
    assert response.get(Username) is None


@pytest.mark.parametrize(
    ("attributes", "key"),
    [((), KEY), ((Username("alice"),), None), ((Username("bob"),), KEY), ((Username("alice"),), b"x")],
)
@pytest.mark.spec("rfc8489:9.1.3/2", "rfc8489:9.1.3/4", "rfc8489:9.1.3/6")
def test_unproven_indications_are_discarded_by_both_sides(attributes: tuple[Attribute, ...], key: bytes | None) -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    data = Message(BINDING, MessageClass.INDICATION, ID, attributes).serialize(key=key)

    pair.server.receive_datagram(Datagram(data, SERVER, CLIENT), 1.0)
    pair.client.receive_datagram(Datagram(data, CLIENT, SERVER), 1.0)

    assert pair.server.datagrams_to_send(1.0) == []
    assert pair.server.stats.indications_received == 0
    assert pair.server.stats.dropped == {"unauthenticated": 1}
    assert pair.client.events() == []
    assert pair.client.stats.dropped == {"integrity": 1}


def test_proven_indications_arrive_on_both_sides() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    data = Message(BINDING, MessageClass.INDICATION, ID, [Username("alice")]).serialize(key=KEY)

    pair.client.send_indication(SERVER, pair.now)
    pair.step()
    pair.client.receive_datagram(Datagram(data, CLIENT, SERVER), pair.now)

    assert pair.server.stats.indications_received == 1
    assert pair.client.events() == [IndicationReceived(SERVER, Message.parse(data))]


# The client.


@pytest.mark.spec("rfc8489:9.1.2/1", "rfc8489:9.1.5/1")
def test_first_request_carries_both_and_later_ones_what_the_server_answered_with() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())

    pair.ask()
    pair.ask()

    first, second = pair.requests
    assert first.get(Username) == second.get(Username) == Username("alice")
    assert first.integrity is Integrity.BOTH
    assert second.integrity is Integrity.SHA256


@pytest.mark.spec("rfc8489:9.1.5/1")
def test_server_of_rfc_5389_gets_sha1_from_then_on() -> None:
    pair = Pair(credential=CREDENTIAL)
    pair.client.send_request(SERVER, 0.0)
    (out,) = pair.client.datagrams_to_send(0.0)
    pair.client.receive_datagram(Datagram(respond(out.data, MAPPED, key=KEY), CLIENT, SERVER), 0.1)
    pair.client.send_request(SERVER, 0.2)

    (again,) = pair.client.datagrams_to_send(0.2)

    assert Message.parse(again.data).integrity is Integrity.SHA1


@pytest.mark.spec("rfc8489:9.1.5/1")
def test_another_port_is_another_server() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())
    pair.ask()
    pair.client.send_request(Address(SERVER.host, 3479), pair.now)

    (out,) = pair.client.datagrams_to_send(pair.now)

    assert Message.parse(out.data).integrity is Integrity.BOTH


@pytest.mark.parametrize("integrity", [Integrity.SHA1, Integrity.SHA256])
@pytest.mark.spec("rfc8489:9.1.2/2")
def test_known_algorithm_is_used_alone(integrity: Integrity) -> None:
    pair = Pair(
        credential=ShortTermCredential(username="alice", password="secret", integrity=integrity),
        authenticator=authenticator(),
    )

    pair.ask()

    assert pair.requests[0].integrity is integrity
    assert pair.requests[0].get(Username) == Username("alice")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(Integrity.SHA256, Integrity.SHA1), (Integrity.SHA1, Integrity.SHA256), (Integrity.SHA256, Integrity.BOTH)],
)
@pytest.mark.spec("rfc8489:9.1.4/1")
def test_response_with_another_algorithm_than_the_request_is_discarded(sent: Integrity, answered: Integrity) -> None:
    pair = Pair(credential=ShortTermCredential(username="alice", password="secret", integrity=sent))
    pair.client.send_request(SERVER, 0.0)
    (out,) = pair.client.datagrams_to_send(0.0)

    pair.client.receive_datagram(Datagram(respond(out.data, MAPPED, key=KEY, integrity=answered), CLIENT, SERVER), 0.1)

    assert pair.client.events() == []
    assert pair.client.stats.dropped == {"integrity": 1}


@pytest.mark.parametrize("key", [None, b"guess"])
@pytest.mark.spec("rfc8489:9.1.4/2", "rfc8489:9.1.4/3")
def test_unproven_responses_count_for_nothing_but_the_reason_of_the_failure(key: bytes | None) -> None:
    pair = Pair(credential=CREDENTIAL)
    pair.tamper_request = lambda data: None
    pair.client.send_request(SERVER, pair.now)
    (out,) = pair.client.datagrams_to_send(pair.now)

    forged = Datagram(respond(out.data, MAPPED, key=key), CLIENT, SERVER)
    pair.client.receive_datagram(forged, pair.now)

    assert pair.client.events() == []
    assert pair.run_out() == [RequestFailed(0, SERVER, FailureReason.INTEGRITY_VIOLATED)]
    assert pair.client.stats.retransmissions == 6


@pytest.mark.spec("rfc8489:9.1.4/2")
def test_a_proven_response_after_a_forged_one_succeeds() -> None:
    pair = Pair(credential=CREDENTIAL)
    pair.client.send_request(SERVER, pair.now)
    (out,) = pair.client.datagrams_to_send(pair.now)

    for key in (None, b"guess", KEY):
        pair.client.receive_datagram(Datagram(respond(out.data, MAPPED, key=key), CLIENT, SERVER), pair.now)

    (event,) = pair.client.events()
    assert isinstance(event, RequestSucceeded)
    assert event.mapped_address == MAPPED.address


@pytest.mark.parametrize("key", [None, b"guess"])
@pytest.mark.spec("rfc8489:9.1.4/4")
def test_unproven_response_over_tcp_ends_the_transaction(key: bytes | None) -> None:
    client = Pair(credential=CREDENTIAL, client_config=ClientConfig(transport="tcp")).client
    request_id = client.send_request(SERVER, 0.0)
    (opened,) = client.events()
    assert not isinstance(opened, RequestFailed | RequestSucceeded)
    transport_id = request_id + 1
    client.transport_opened(transport_id, 0.1)
    (out,) = client.stream_data_to_send(0.1)

    client.receive_stream_data(transport_id, respond(out.data, MAPPED, key=key), 0.2)

    assert client.events() == [RequestFailed(request_id, SERVER, FailureReason.INTEGRITY_VIOLATED)]


def test_both_kinds_of_integrity_are_on_the_wire() -> None:
    pair = Pair(credential=CREDENTIAL, authenticator=authenticator())

    pair.ask()

    assert pair.requests[0].get(MessageIntegrity) is not None
    assert pair.requests[0].get(MessageIntegritySha256) is not None
