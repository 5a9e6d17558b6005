"""Redirection to an alternate server, both sides."""

import pytest
from tests.stun.pair import CLIENT, CLIENT_6, OTHER_SERVER, SERVER, SERVER_6, respond
from tests.support.rng import SeededRng

from rtc_stun import (
    BINDING,
    Address,
    AlternateDomain,
    AlternateServer,
    Attribute,
    ClientConfig,
    Datagram,
    ErrorCode,
    FailureReason,
    Integrity,
    LongTermAuthenticator,
    LongTermUsers,
    Message,
    MessageClass,
    OpenTransport,
    Redirection,
    RequestFailed,
    RequestRedirected,
    RequestSucceeded,
    ServerConfig,
    ShortTermAuthenticator,
    ShortTermCredential,
    StunClient,
    StunServer,
    Username,
    XorMappedAddress,
    short_term_key,
)
from rtc_stun.outcome import MAX_REDIRECTIONS

ID = bytes(range(12))
KEY = short_term_key("secret")
MAPPED = XorMappedAddress(Address("203.0.113.1", 9))
CREDENTIAL = ShortTermCredential(username="alice", password="secret")
FULL = Redirection(ipv4=OTHER_SERVER, ipv6=SERVER_6, domain="other.example.org")


# The server.


def served(
    redirection: Redirection,
    source: Address = CLIENT,
    transport: str = "udp",
    *,
    key: bytes | None = KEY,
    integrity: Integrity = Integrity.SHA256,
) -> Message:
    server = StunServer(
        authenticator=ShortTermAuthenticator({"alice": "secret"}), config=ServerConfig(redirection=redirection)
    )
    data = Message(BINDING, MessageClass.REQUEST, ID, [Username("alice")]).serialize(key=key, integrity=integrity)
    server.receive_datagram(Datagram(data, SERVER, source, transport), 0.0)
    (datagram,) = server.datagrams_to_send(0.0)
    return Message.parse(datagram.data)


@pytest.mark.parametrize(
    ("source", "targets"), [(CLIENT, [OTHER_SERVER, SERVER_6]), (CLIENT_6, [SERVER_6, OTHER_SERVER])]
)
@pytest.mark.spec("rfc8489:10/1", "rfc8489:10/2", "rfc8489:10/3", "rfc8489:14.8/6", "rfc8489:14.8/8")
def test_proven_client_is_redirected_within_its_family_first(source: Address, targets: list[Address]) -> None:
    response = served(FULL, source)

    assert response.get(ErrorCode) == ErrorCode(300, "Try Alternate")
    assert [one.address for one in response.get_all(AlternateServer)] == targets
    assert response.get(AlternateDomain) is None
    response.verify_integrity(KEY)


@pytest.mark.parametrize("key", [None, b"guess"])
@pytest.mark.spec("rfc8489:14.8/6", "rfc8489:14.8/7")
def test_client_that_proves_nothing_is_not_redirected(key: bytes | None) -> None:
    response = served(FULL, key=key)

    error = response.get(ErrorCode)
    assert error is not None
    assert error.code in (400, 401)
    assert response.get(AlternateServer) is None


@pytest.mark.spec("rfc8489:14.8/7")
def test_challenged_client_is_not_redirected_before_its_answer() -> None:
    judge = LongTermAuthenticator(LongTermUsers("example.org"), secret=bytes(32))
    server = StunServer(authenticator=judge, config=ServerConfig(redirection=FULL))

    server.receive_datagram(Datagram(bytes(Message(BINDING, MessageClass.REQUEST, ID)), SERVER, CLIENT), 0.0)

    response = Message.parse(server.datagrams_to_send(0.0)[0].data)
    error = response.get(ErrorCode)
    assert error is not None
    assert error.code == 401


@pytest.mark.spec("rfc8489:10/2")
def test_client_of_a_family_without_an_alternate_is_served_here() -> None:
    assert served(Redirection(ipv6=SERVER_6)).message_class is MessageClass.SUCCESS
    assert [one.address for one in served(Redirection(ipv4=OTHER_SERVER)).get_all(AlternateServer)] == [OTHER_SERVER]


@pytest.mark.parametrize(
    ("transport", "integrity", "named"),
    [
        ("tls", Integrity.SHA256, True),
        ("dtls", Integrity.SHA256, True),
        ("dtls", Integrity.BOTH, True),
        ("dtls", Integrity.SHA1, False),
        ("udp", Integrity.SHA256, False),
        ("tcp", Integrity.SHA256, False),
    ],
)
@pytest.mark.spec("rfc8489:10/4")
def test_domain_is_named_where_certificates_count(transport: str, integrity: Integrity, named: bool) -> None:
    response = served(FULL, transport=transport, integrity=integrity)

    assert response.get(AlternateDomain) == (AlternateDomain("other.example.org") if named else None)


# The client.


def make_client(*, transport: str = "udp", follow: bool = True, credential: bool = True) -> StunClient:
    config = ClientConfig(transport=transport, follow_redirections=follow)
    return StunClient(local=CLIENT, rng=SeededRng(1), credential=CREDENTIAL if credential else None, config=config)


def redirect(
    client: StunClient,
    *attributes: Attribute,
    now: float = 0.0,
    source: Address = SERVER,
    key: bytes | None = KEY,
) -> list[Datagram]:
    """Answer the request under way with a 300 and return what the client sends next."""
    (out,) = client.datagrams_to_send(now)
    assert out.remote == source
    integrity = Message.parse(out.data).integrity
    proven = Integrity.SHA1 if integrity is Integrity.SHA1 else Integrity.SHA256
    client.receive_datagram(
        Datagram(respond(out.data, *attributes, error=300, key=key, integrity=proven), CLIENT, source), now
    )
    return client.datagrams_to_send(now)


@pytest.mark.spec("rfc8489:10/5", "rfc8489:14.8/9")
def test_client_follows_with_the_same_credentials() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)

    (out,) = redirect(client, AlternateServer(OTHER_SERVER), AlternateServer(SERVER_6))

    assert out.remote == OTHER_SERVER
    request = Message.parse(out.data)
    assert request.get(Username) == Username("alice")
    request.verify_integrity(KEY)
    client.receive_datagram(Datagram(respond(out.data, MAPPED, key=KEY), CLIENT, OTHER_SERVER), 0.1)
    redirected, succeeded = client.events()
    assert redirected == RequestRedirected(0, OTHER_SERVER, None)
    assert isinstance(succeeded, RequestSucceeded)
    assert succeeded.server == OTHER_SERVER


def test_first_alternate_of_the_right_family_counts() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)

    (out,) = redirect(client, AlternateServer(SERVER_6), AlternateServer(OTHER_SERVER))

    assert out.remote == OTHER_SERVER


@pytest.mark.spec("rfc8489:6.3.4/1")
def test_client_that_does_not_follow_fails() -> None:
    client = make_client(follow=False)
    client.send_request(SERVER, 0.0)

    assert redirect(client, AlternateServer(OTHER_SERVER)) == []
    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert (event.reason, event.error_code) == (FailureReason.ERROR_RESPONSE, 300)


@pytest.mark.parametrize("key", [None, b"guess"])
@pytest.mark.spec("rfc8489:14.8/9")
def test_unproven_redirection_is_not_followed(key: bytes | None) -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)

    assert redirect(client, AlternateServer(OTHER_SERVER), key=key) == []
    assert client.events() == []
    assert client.stats.dropped == {"integrity": 1}


@pytest.mark.spec("rfc8489:14.8/9")
def test_client_without_credentials_cannot_be_redirected() -> None:
    client = make_client(credential=False)
    client.send_request(SERVER, 0.0)

    assert redirect(client, AlternateServer(OTHER_SERVER), key=None) == []
    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.REDIRECTION_REFUSED


@pytest.mark.parametrize("attributes", [(), (AlternateServer(SERVER_6),), (AlternateServer(SERVER),)])
@pytest.mark.spec("rfc8489:10/9")
def test_redirection_that_leads_nowhere_is_refused(attributes: tuple[Attribute, ...]) -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)

    assert redirect(client, *attributes) == []
    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert event.reason is FailureReason.REDIRECTION_REFUSED


@pytest.mark.parametrize(("pause", "followed"), [(300.0, False), (301.0, True)])
@pytest.mark.spec("rfc8489:10/9")
def test_redirection_back_is_refused_for_five_minutes(pause: float, followed: bool) -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    (out,) = redirect(client, AlternateServer(OTHER_SERVER))

    answer = respond(out.data, AlternateServer(SERVER), error=300, key=KEY, integrity=Integrity.SHA256)
    client.receive_datagram(Datagram(answer, CLIENT, OTHER_SERVER), pause)

    assert [one.remote for one in client.datagrams_to_send(pause)] == ([SERVER] if followed else [])


def test_redirections_come_to_an_end() -> None:
    client = make_client()
    client.send_request(SERVER, 0.0)
    (out,) = client.datagrams_to_send(0.0)

    hops = 0
    while out.remote.port < 4000:
        following = Address(SERVER.host, out.remote.port + 1)
        answer = respond(out.data, AlternateServer(following), error=300, key=KEY, integrity=Integrity.SHA256)
        client.receive_datagram(Datagram(answer, CLIENT, out.remote), 0.0)
        sent = client.datagrams_to_send(0.0)
        if not sent:
            break
        (out,) = sent
        hops += 1

    assert hops == MAX_REDIRECTIONS
    assert isinstance(client.events()[-1], RequestFailed)


@pytest.mark.parametrize(
    ("attributes", "domain"),
    [((), "stun.example.org"), ((AlternateDomain("other.example.org"),), "other.example.org")],
)
@pytest.mark.spec("rfc8489:10/6", "rfc8489:10/8")
def test_domain_of_the_certificate_over_tls(attributes: tuple[Attribute, ...], domain: str) -> None:
    client = make_client(transport="tls")
    request_id = client.send_request(SERVER, 0.0, domain="stun.example.org")
    assert client.events() == [OpenTransport(0, SERVER, "tls", "stun.example.org")]
    client.transport_opened(0, 0.0)
    (out,) = client.stream_data_to_send(0.0)

    answer = respond(
        out.data, AlternateServer(OTHER_SERVER), *attributes, error=300, key=KEY, integrity=Integrity.SHA256
    )
    client.receive_stream_data(0, answer, 0.1)

    assert client.events() == [
        RequestRedirected(request_id, OTHER_SERVER, domain),
        OpenTransport(1, OTHER_SERVER, "tls", domain),
    ]


def test_redirection_to_a_stream_that_proved_another_domain_is_refused() -> None:
    client = make_client(transport="tls")
    client.send_request(OTHER_SERVER, 0.0, domain="other.example.org")
    request_id = client.send_request(SERVER, 0.0, domain="stun.example.org")
    client.transport_opened(1, 0.0)
    (out,) = client.stream_data_to_send(0.0)
    client.events()

    answer = respond(out.data, AlternateServer(OTHER_SERVER), error=300, key=KEY, integrity=Integrity.SHA256)
    client.receive_stream_data(1, answer, 0.1)

    (event,) = client.events()
    assert isinstance(event, RequestFailed)
    assert (event.request_id, event.reason) == (request_id, FailureReason.REDIRECTION_REFUSED)
