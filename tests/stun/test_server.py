"""The server: what it answers, what it does not, and over what."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.pair import CLIENT, CLIENT_6, SERVER
from tests.stun.strategies import messages

from rtc_stun import (
    BINDING,
    Address,
    AlternateServer,
    Closed,
    CloseTransport,
    Datagram,
    ErrorCode,
    Fingerprint,
    MappedAddress,
    Message,
    MessageClass,
    MessageIntegrity,
    Priority,
    Realm,
    Redirection,
    ServerConfig,
    ShortTermAuthenticator,
    Software,
    StateError,
    StreamData,
    StunServer,
    UnknownAttribute,
    UnknownAttributes,
    Username,
    XorMappedAddress,
)
from rtc_stun.server import MAX_UNSENT

ID = bytes(range(12))
REQUEST = bytes(Message(BINDING, MessageClass.REQUEST, ID))


def ask(server: StunServer, data: bytes, source: Address = CLIENT, transport: str = "udp") -> bytes | None:
    """Send a datagram and return the answer."""
    server.receive_datagram(Datagram(data, SERVER, source, transport), 1.0)
    answers = server.datagrams_to_send(1.0)
    assert len(answers) <= 1
    return answers[0].data if answers else None


def answer(server: StunServer, data: bytes, source: Address = CLIENT) -> Message:
    """Send a datagram and return the answer, which must be there."""
    data_back = ask(server, data, source)
    assert data_back is not None
    return Message.parse(data_back)


# Binding.


@pytest.mark.parametrize("source", [CLIENT, CLIENT_6])
@pytest.mark.spec("rfc8489:12/1", "rfc8489:12/2", "rfc8489:12/3", "rfc8489:5/5", "rfc8489:6.3.1.1/5", "rfc8489:14.14/1")
def test_binding_request_is_answered_with_the_address_it_came_from(source: Address) -> None:
    response = answer(StunServer(), REQUEST, source)

    assert (response.method, response.message_class) == (BINDING, MessageClass.SUCCESS)
    assert response.transaction_id == ID
    assert response.attributes == [XorMappedAddress(source), Software("rtc-stun 0.1.0")]


def test_response_leaves_from_where_the_request_arrived() -> None:
    server = StunServer()
    server.receive_datagram(Datagram(REQUEST, SERVER, CLIENT, "dtls"), 1.0)

    (datagram,) = server.datagrams_to_send(1.0)

    assert (datagram.local, datagram.remote, datagram.transport) == (SERVER, CLIENT, "dtls")


@pytest.mark.spec("rfc8489:16.1.2/1")
def test_software_can_be_kept_to_oneself() -> None:
    assert answer(StunServer(config=ServerConfig(software=None)), REQUEST).get(Software) is None


@pytest.mark.spec("rfc8489:6.3.1/1", "rfc8489:6.3.1/2")
def test_retransmission_is_answered_the_same_without_any_state() -> None:
    server = StunServer()

    assert ask(server, REQUEST) == ask(server, REQUEST) == ask(StunServer(), REQUEST)


@pytest.mark.spec("rfc8489:6.3.1.1/1", "rfc8489:6.3.1.1/2", "rfc8489:6.3.1.1/3", "rfc8489:14.8/12")
def test_unknown_required_attributes_are_named_in_a_420() -> None:
    request = Message(
        BINDING,
        MessageClass.REQUEST,
        ID,
        [UnknownAttribute(0x7777, b""), UnknownAttribute(0x8777, b""), Priority(1), UnknownAttribute(0x7777, b"")],
    )

    response = answer(StunServer(), bytes(request))

    assert response.message_class is MessageClass.ERROR
    assert response.get(ErrorCode) == ErrorCode(420, "Unknown Attribute")
    assert response.get(UnknownAttributes) == UnknownAttributes((0x7777, Priority.TYPE))


@pytest.mark.spec("rfc8489:6.3/1", "rfc8489:6.3/2")
def test_unknown_optional_and_unexpected_attributes_are_ignored() -> None:
    request = Message(
        BINDING,
        MessageClass.REQUEST,
        ID,
        [UnknownAttribute(0x8777, b"x"), MappedAddress(CLIENT), Realm("r"), Username("u")],
    )

    assert answer(StunServer(), bytes(request)).message_class is MessageClass.SUCCESS


@pytest.mark.spec("rfc8489:12/5")
def test_fingerprint_is_not_demanded_but_returned_and_checked_if_it_is_there() -> None:
    server = StunServer()
    data = Message(BINDING, MessageClass.REQUEST, ID).serialize(fingerprint=True)

    assert answer(server, REQUEST).get(Fingerprint) is None
    answer(server, data).verify_fingerprint()
    assert ask(server, data[:-1] + bytes([data[-1] ^ 1])) is None
    assert server.stats.dropped == {"fingerprint": 1}


@pytest.mark.parametrize(
    ("message_class", "method", "reason"),
    [
        (MessageClass.SUCCESS, BINDING, "unexpected-class"),
        (MessageClass.ERROR, BINDING, "unexpected-class"),
        (MessageClass.REQUEST, 3, "unknown-method"),
        (MessageClass.INDICATION, 0xFFF, "unknown-method"),
    ],
)
def test_other_messages_get_no_answer(message_class: MessageClass, method: int, reason: str) -> None:
    server = StunServer()

    assert ask(server, bytes(Message(method, message_class, ID))) is None
    assert server.stats.dropped == {reason: 1}


def test_indications_are_counted_and_never_answered() -> None:
    server = StunServer()
    indication = Message(BINDING, MessageClass.INDICATION, ID)

    assert ask(server, bytes(indication)) is None
    indication.attributes.append(UnknownAttribute(0x7777, b""))
    assert ask(server, bytes(indication)) is None
    assert server.stats.indications_received == 1
    assert server.stats.dropped == {"unknown-attributes": 1}


@given(messages())
def test_an_answer_is_never_much_larger_than_the_request(request: Message) -> None:
    request.method, request.message_class = BINDING, MessageClass.REQUEST
    data = bytes(request)

    response = ask(StunServer(), data)

    assert response is not None
    assert len(response) <= len(data) + 24 + 20 + 20


@given(st.binary(max_size=100))
def test_random_datagrams_raise_nothing(data: bytes) -> None:
    server = StunServer(authenticator=ShortTermAuthenticator({"u": "p"}))

    for candidate in (data, REQUEST[:2] + len(data).to_bytes(2, "big") + REQUEST[4:] + data):
        ask(server, candidate)


# Classic STUN.

CLASSIC_ID = bytes(range(100, 116))


def classic(body: bytes = b"", message_type: int = 1) -> bytes:
    return message_type.to_bytes(2, "big") + len(body).to_bytes(2, "big") + CLASSIC_ID + body


@pytest.mark.spec("rfc8489:12/6")
def test_classic_client_gets_a_mapped_address_in_clear() -> None:
    response = ask(StunServer(), classic())

    assert response == classic(b"\0\1\0\x08" + MappedAddress(CLIENT).serialize(b""), 0x0101)


@pytest.mark.spec("rfc8489:12/6")
def test_classic_client_that_wants_another_source_is_refused() -> None:
    change_request = b"\0\3\0\4\0\0\0\6"

    response = ask(StunServer(), classic(change_request))

    assert response is not None
    assert response[:2] == b"\1\x11"
    assert response[4:20] == CLASSIC_ID
    assert response[20:28] == b"\0\x09\0\x18\0\0\4\x14"
    assert response.endswith(b"\0\x0a\0\4\0\3\0\3")


@pytest.mark.parametrize(
    "data",
    [
        classic(message_type=0x11),
        classic(message_type=0x101),
        classic(message_type=3),
        classic() + b"\0",
        classic(b"\0\3"),
        classic(b"\0\3\0\x08\0\0\0\0"),
        classic()[:19],
    ],
)
def test_other_classic_messages_get_no_answer(data: bytes) -> None:
    server = StunServer()

    assert ask(server, data) is None
    assert server.stats.dropped == {"malformed": 1}


def test_classic_clients_are_refused_where_that_is_configured_or_credentials_are_needed() -> None:
    for server in (
        StunServer(config=ServerConfig(classic=False)),
        StunServer(authenticator=ShortTermAuthenticator({})),
    ):
        assert ask(server, classic()) is None


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.spec("rfc8489:11/1", "rfc8489:11/2", "rfc8489:11/3", "rfc8489:11/4")
def test_classic_stun_over_dtls_is_an_error(enabled: bool) -> None:
    server = StunServer(config=ServerConfig(classic=enabled))

    response = ask(server, classic(), transport="dtls")

    assert response is not None
    assert response[:2] == b"\1\x11"
    assert response[24:28] == b"\0\0\5\0"
    assert ask(server, classic(message_type=0x11), transport="dtls") is None


# Streams.


def stream_server(max_transports: int = 1024) -> StunServer:
    server = StunServer(config=ServerConfig(max_transports=max_transports))
    server.transport_opened(7, SERVER, CLIENT, 1.0)
    return server


@pytest.mark.spec("rfc8489:12/4", "rfc8489:6.2.2/7", "rfc8489:6.2.2/5", "rfc8489:6.2.2/6")
def test_requests_over_tcp_are_answered_on_the_same_stream_which_stays_open() -> None:
    server = stream_server()

    server.receive_stream_data(7, REQUEST + REQUEST[:5], 2.0)
    assert server.next_timeout() == 2.0
    server.receive_stream_data(7, REQUEST[5:], 2.0)

    answers = server.stream_data_to_send(2.0)
    assert [one.transport_id for one in answers] == [7, 7]
    assert Message.parse(answers[0].data).get(XorMappedAddress) == XorMappedAddress(CLIENT)
    assert server.events() == []
    assert server.datagrams_to_send(2.0) == []


@pytest.mark.spec("rfc8489:6.2.2/7")
def test_no_answer_goes_to_a_stream_that_is_gone() -> None:
    server = stream_server()

    server.transport_closed(7, 2.0)
    server.receive_stream_data(7, REQUEST, 3.0)

    assert server.stream_data_to_send(3.0) == []
    assert server.stats.dropped == {"unknown-transport": 1}
    assert server.events() == []


def test_stream_that_does_not_speak_stun_is_closed() -> None:
    server = stream_server()

    server.receive_stream_data(7, REQUEST + b"GET / HTTP/1.1\r\n\r\n....", 2.0)

    # The request before the fault is answered, as it is if both do not arrive together.
    assert [one.transport_id for one in server.stream_data_to_send(2.0)] == [7]
    assert server.events() == [CloseTransport(7, abort=True)]
    assert server.stats.dropped == {"malformed-stream": 1}
    server.transport_opened(7, SERVER, CLIENT, 3.0)


def test_huge_message_on_a_stream_is_refused() -> None:
    server = stream_server()

    server.receive_stream_data(7, REQUEST[:2] + b"\xff\xfc" + REQUEST[4:], 2.0)

    assert server.events() == [CloseTransport(7, abort=True)]


@pytest.mark.spec("rfc8489:6.2.2/8")
def test_streams_are_bounded() -> None:
    server = stream_server(max_transports=1)

    server.transport_opened(8, SERVER, CLIENT, 1.0)

    assert server.events() == [CloseTransport(8, abort=True)]
    assert server.stats.dropped == {"too-many-transports": 1}
    server.transport_closed(7, 2.0)
    server.transport_opened(8, SERVER, CLIENT, 2.0)
    assert server.events() == []


@pytest.mark.spec("rfc8489:6.2.2/8")
def test_silent_stream_gives_way_to_a_new_one() -> None:
    server = StunServer(config=ServerConfig(max_transports=2, max_silence=60))
    server.transport_opened(1, SERVER, CLIENT, 0.0)
    server.transport_opened(2, SERVER, CLIENT, 0.0)
    server.receive_stream_data(1, REQUEST, 30.0)
    server.receive_stream_data(2, REQUEST[:-1], 59.0)

    server.transport_opened(3, SERVER, CLIENT, 59.9)
    server.transport_opened(4, SERVER, CLIENT, 60.0)
    server.transport_opened(5, SERVER, CLIENT, 89.9)
    server.receive_stream_data(1, REQUEST, 89.9)

    # A part of a message is no sign of life.
    assert server.events() == [CloseTransport(transport_id, abort=True) for transport_id in (3, 2, 5)]
    assert server.stats.dropped == {"too-many-transports": 2, "silent-transport": 1}
    assert [one.transport_id for one in server.stream_data_to_send(89.9)] == [1, 1]


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one stream"):
        ServerConfig(max_transports=0)
    with pytest.raises(ValueError, match="silence"):
        ServerConfig(max_silence=-1)


def test_stream_number_is_used_once() -> None:
    with pytest.raises(StateError, match="open already"):
        stream_server().transport_opened(7, SERVER, CLIENT, 1.0)


# The machine.


def test_output_is_bounded() -> None:
    server = StunServer()
    datagram = Datagram(REQUEST, SERVER, CLIENT)

    server.receive_datagrams([datagram] * (MAX_UNSENT + 1), 1.0)

    assert len(server.datagrams_to_send(1.0)) == MAX_UNSENT
    assert server.stats.dropped == {"output-full": 1}


def test_server_is_due_only_while_output_waits() -> None:
    server = StunServer()
    assert server.next_timeout() is None

    server.receive_datagram(Datagram(REQUEST, SERVER, CLIENT), 5.0)
    assert server.next_timeout() == 5.0
    server.handle_timeout(4.0)
    server.datagrams_to_send(5.0)

    assert server.next_timeout() is None


def test_close_is_the_end() -> None:
    server = stream_server()
    server.receive_datagram(Datagram(REQUEST, SERVER, CLIENT), 1.0)

    server.close(2.0)
    server.close(3.0)

    assert server.closed
    assert server.events() == [CloseTransport(7), Closed()]
    assert server.datagrams_to_send(3.0) == []
    assert server.next_timeout() is None
    server.receive_datagram(Datagram(REQUEST, SERVER, CLIENT), 4.0)
    server.receive_stream_data(7, REQUEST, 4.0)
    assert server.stats.dropped == {"closed": 2}
    with pytest.raises(StateError, match="closed"):
        server.transport_opened(8, SERVER, CLIENT, 5.0)


def test_redirection_needs_authentication() -> None:
    with pytest.raises(ValueError, match="authenticates"):
        StunServer(config=ServerConfig(redirection=Redirection(ipv4=SERVER)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"ipv4": Address("example.org", 1)},
        {"ipv4": Address("2001:db8::1", 1)},
        {"ipv6": Address("192.0.2.1", 1)},
        {"ipv6": Address("2001:0db8::1", 1)},
        {"ipv4": Address("192.0.2.1", 65536)},
        {"domain": "no_name"},
    ],
)
def test_redirection_that_could_not_be_sent_is_refused_at_once(arguments: dict[str, str | Address]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Redirection(**arguments)  # type: ignore[arg-type]  # a dict of mixed values says less than its keys do


def test_software_that_could_not_be_sent_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="127 characters"):
        ServerConfig(software="s" * 128)


def test_server_is_copied_and_pickled() -> None:
    server = stream_server()
    server.receive_stream_data(7, REQUEST[:9], 1.0)

    for twin in (copy.deepcopy(server), pickle.loads(pickle.dumps(server))):
        twin.receive_stream_data(7, REQUEST[9:], 2.0)
        (response,) = twin.stream_data_to_send(2.0)
        assert response == StreamData(7, ask(StunServer(), REQUEST) or b"")


def test_everything_is_traced() -> None:
    records: list[tuple[float, str, dict[str, object]]] = []
    server = StunServer(trace=lambda now, name, data: records.append((now, name, dict(data))))

    ask(server, REQUEST)
    ask(server, b"garbage")

    assert records == [
        (1.0, "stun:request_answered", {"source": ["192.0.2.10", 5000], "error_code": 0}),
        (1.0, "stun:dropped", {"reason": "malformed"}),
    ]
    assert server.stats.responses == {0: 1}


def test_basic_response_carries_neither_redirection_nor_integrity() -> None:
    response = answer(StunServer(), REQUEST)

    assert response.get(AlternateServer) is None
    assert response.get(MessageIntegrity) is None
