"""A server that helps to explore NATs (RFC 5780, sections 6 and 7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_stun import (
    BEHAVIOR_ATTRIBUTES,
    BINDING,
    Address,
    AlternateAddresses,
    AlternateServer,
    Attribute,
    BehaviorConfig,
    ChangeRequest,
    Datagram,
    ErrorCode,
    MappedAddress,
    Message,
    MessageClass,
    OtherAddress,
    Padding,
    ParseError,
    Realm,
    Redirection,
    ResponseOrigin,
    ResponsePort,
    ServerConfig,
    ShortTermAuthenticator,
    StunServer,
    UnknownAttributes,
    Username,
    XorMappedAddress,
    short_term_key,
)

A1, A2, P1, P2 = "198.51.100.1", "198.51.100.2", 3478, 3479
BOTH = AlternateAddresses(Address(A1, P1), Address(A2, P2))
SOURCE = Address("203.0.113.7", 61234)
NOW = 100.0


def server(behavior: BehaviorConfig | None = None, **options: object) -> StunServer:
    config = ServerConfig(behavior=behavior or BehaviorConfig(alternates=(BOTH,)), **options)  # type: ignore[arg-type]
    return StunServer(config=config)


def request(*attributes: Attribute) -> bytes:
    return Message(BINDING, MessageClass.REQUEST, b"t" * 12, attributes).serialize()


def ask(
    machine: StunServer, *attributes: Attribute, local: Address = BOTH.primary, now: float = NOW
) -> tuple[Datagram, Message]:
    machine.receive_datagram(Datagram(request(*attributes), local, SOURCE), now)
    (response,) = machine.datagrams_to_send(now)
    return response, Message.parse(response.data, BEHAVIOR_ATTRIBUTES)


def address(message: Message, kind: type[ResponseOrigin] | type[OtherAddress] | type[MappedAddress]) -> Address | None:
    attribute = message.get(kind)
    return None if attribute is None else attribute.address


@pytest.mark.parametrize("host", [A1, A2])
@pytest.mark.parametrize("port", [P1, P2])
@pytest.mark.parametrize("change_ip", [False, True])
@pytest.mark.parametrize("change_port", [False, True])
@pytest.mark.spec(
    "rfc5780:6.1/3", "rfc5780:6.1/4", "rfc5780:6.1/5", "rfc5780:6.1/6", "rfc5780:6.1/7", "rfc5780:6.1/8", "rfc5780:6/2"
)
def test_the_response_leaves_from_where_it_is_wanted(host: str, port: int, change_ip: bool, change_port: bool) -> None:
    other_host, other_port = ({A1: A2, A2: A1}[host], {P1: P2, P2: P1}[port])

    response, message = ask(server(), ChangeRequest(change_ip, change_port), local=Address(host, port))

    origin = Address(other_host if change_ip else host, other_port if change_port else port)
    assert response.local == origin
    assert response.remote == SOURCE
    assert address(message, ResponseOrigin) == origin
    assert address(message, OtherAddress) == (other_host, other_port)


@pytest.mark.spec("rfc5780:6.1/1", "rfc5780:6.1/6")
def test_a_plain_request_is_told_everything() -> None:
    response, message = ask(server())

    mapped = message.get(XorMappedAddress)
    assert mapped is not None
    assert mapped.address == address(message, MappedAddress) == SOURCE
    assert response.local == address(message, ResponseOrigin) == BOTH.primary
    assert address(message, OtherAddress) == BOTH.alternate


@pytest.mark.parametrize("local", [Address(A1, P1), Address("198.51.100.9", P1)], ids=["single", "not of the pair"])
@pytest.mark.spec("rfc5780:6/4", "rfc5780:6/5", "rfc5780:6.1/2", "rfc5780:7.4/1")
def test_a_server_without_an_alternate_address_refuses_to_change(local: Address) -> None:
    alternates = (BOTH,) if local.host == "198.51.100.9" else ()
    machine = server(BehaviorConfig(alternates=alternates))

    response, refused = ask(machine, ChangeRequest(ip=True, port=True), local=local)
    _, plain = ask(machine, local=local)

    assert refused.get(ErrorCode) == ErrorCode.with_phrase(420)
    assert refused.get(UnknownAttributes) == UnknownAttributes((ChangeRequest.TYPE,))
    assert response.local == local
    assert plain.get(OtherAddress) is None


@pytest.mark.spec("rfc5780:6/1", "rfc5780:6/2")
@pytest.mark.parametrize("alternate", [Address(A1, P2), Address(A2, P1), Address("2001:db8::1", P2)])
def test_the_alternate_address_differs_in_everything_but_its_family(alternate: Address) -> None:
    with pytest.raises(ValueError, match=r"alternate|family"):
        AlternateAddresses(Address(A1, P1), alternate)


def test_each_address_family_has_its_pair() -> None:
    pair6 = AlternateAddresses(Address("2001:db8::1", P1), Address("2001:db8::2", P2))
    machine = server(BehaviorConfig(alternates=(BOTH, pair6)))

    response, message = ask(machine, ChangeRequest(ip=True, port=False), local=pair6.primary)

    assert response.local == ("2001:db8::2", P1)
    assert address(message, OtherAddress) == pair6.alternate


@pytest.mark.spec("rfc5780:7.5/1")
def test_the_response_goes_to_the_port_that_is_asked_for() -> None:
    response, message = ask(server(), ResponsePort(50_000))

    assert response.remote == (SOURCE.host, 50_000)
    assert address(message, MappedAddress) == SOURCE


@pytest.mark.parametrize("port", [0, 53, 1023])
def test_no_response_goes_to_a_well_known_port(port: int) -> None:
    response, message = ask(server(), ResponsePort(port))

    assert response.remote == SOURCE
    assert message.get(ErrorCode) == ErrorCode.with_phrase(400)


def test_responses_to_other_ports_can_be_refused() -> None:
    _, message = ask(server(BehaviorConfig(response_ports=range(0))), ResponsePort(50_000))

    assert message.get(ErrorCode) == ErrorCode.with_phrase(420)


@pytest.mark.spec("rfc5780:6.1/9", "rfc5780:6.1/10")
@pytest.mark.parametrize(("asked", "given_"), [(0, 0), (16, 16), (1500, 1500), (1504, 1504), (60_000, 1504)])
def test_the_response_is_padded_to_the_mtu_but_never_more_than_the_request(asked: int, given_: int) -> None:
    _, message = ask(server(BehaviorConfig(mtu=1501)), Padding(bytes(asked)))

    assert message.get(Padding) == Padding(bytes(given_))


@pytest.mark.spec("rfc5780:6.1/11", "rfc5780:7.5/2")
def test_padding_is_never_sent_to_another_port() -> None:
    response, message = ask(server(), Padding(bytes(1500)), ResponsePort(50_000))

    assert message.get(ErrorCode) == ErrorCode.with_phrase(400)
    assert response.remote == SOURCE
    assert len(response.data) < 100


@pytest.mark.spec("rfc5780:7.6/1")
def test_padding_has_an_end() -> None:
    longest = Padding.LENGTHS.stop - 1

    assert 65_530 < 40 + 8 + 20 + 4 + longest <= 65_535
    with pytest.raises(ValueError, match="bytes"):
        request(Padding(bytes(longest + 1)))


@pytest.mark.spec("rfc5780:3/1")
def test_clients_of_rfc_3489_are_not_answered() -> None:
    classic = b"\x00\x01\x00\x00" + bytes(range(16))
    machine = server()

    machine.receive_datagram(Datagram(classic, BOTH.primary, SOURCE), NOW)

    assert machine.datagrams_to_send(NOW) == []
    assert machine.stats.dropped == {"malformed": 1}


@pytest.mark.spec("rfc5780:6.1/12", "rfc5780:6.1/13")
def test_authentication_comes_first() -> None:
    key = short_term_key("secret")
    redirected = ServerConfig(
        behavior=BehaviorConfig(alternates=(BOTH,)), redirection=Redirection(ipv4=Address("192.0.2.1", 3478))
    )
    plain = Message(BINDING, MessageClass.REQUEST, b"u" * 12, [ChangeRequest(ip=True, port=True)])
    signed = Message(BINDING, MessageClass.REQUEST, b"s" * 12, [Username("alice"), ChangeRequest(ip=True, port=True)])
    responses = []
    for config in (ServerConfig(behavior=BehaviorConfig(alternates=(BOTH,))), redirected):
        machine = StunServer(authenticator=ShortTermAuthenticator({"alice": "secret"}), config=config)
        for data in (plain.serialize(), signed.serialize(key=key)):
            machine.receive_datagram(Datagram(data, BOTH.primary, SOURCE), NOW)
        responses.append(machine.datagrams_to_send(NOW))

    (refused, changed), (_, elsewhere) = responses
    assert Message.parse(refused.data).get(ErrorCode) is not None
    assert refused.local == BOTH.primary
    assert changed.local == BOTH.alternate
    Message.parse(changed.data, BEHAVIOR_ATTRIBUTES).verify_integrity(key)
    sent_on = Message.parse(elsewhere.data, BEHAVIOR_ATTRIBUTES)
    assert sent_on.get(AlternateServer) == AlternateServer(Address("192.0.2.1", 3478))
    assert not any(sent_on.get(kind) for kind in (OtherAddress, ResponseOrigin, MappedAddress, Realm))


def test_what_would_change_the_way_back_is_unknown_over_a_stream() -> None:
    machine = server()
    machine.transport_opened(1, BOTH.primary, SOURCE, NOW)

    machine.receive_stream_data(1, request(), NOW)
    machine.receive_stream_data(1, request(ChangeRequest(ip=True, port=True)), NOW)

    plain, changed = (Message.parse(one.data, BEHAVIOR_ATTRIBUTES) for one in machine.stream_data_to_send(NOW))
    assert address(plain, OtherAddress) == BOTH.alternate
    assert changed.get(ErrorCode) == ErrorCode.with_phrase(420)


def test_what_moves_or_pads_a_response_is_rationed_by_host() -> None:
    machine = server(BehaviorConfig(alternates=(BOTH,), rate=5.0))

    def answered(count: int, now: float, source: Address, *attributes: Attribute) -> int:
        for _ in range(count):
            machine.receive_datagram(Datagram(request(*attributes), BOTH.primary, source), now)
        return len(machine.datagrams_to_send(now))

    assert answered(100, NOW, SOURCE, ChangeRequest(ip=True, port=True)) == 10
    assert answered(100, NOW + 1, SOURCE, Padding(bytes(1500))) == 5
    assert answered(100, NOW + 1, Address(SOURCE.host, 1), ResponsePort(50_000)) == 0
    assert answered(100, NOW + 1, Address("203.0.113.8", 1), ResponsePort(50_000)) == 10
    assert answered(100, NOW + 1, SOURCE) == 100
    assert machine.stats.dropped["rate"] == 90 + 95 + 100 + 90


def test_forged_sources_do_not_make_the_server_grow() -> None:
    machine = server()
    for number in range(10_000):
        source = Address(f"10.0.{number >> 8}.{number & 255}", 1)
        machine.receive_datagram(Datagram(request(Padding(b"")), BOTH.primary, source), NOW)
        machine.datagrams_to_send(NOW)

    assert machine._behavior is not None
    assert len(machine._behavior._limit._allowances) == 4096


def test_amplification_by_padding_stays_below_that_of_a_plain_request() -> None:
    _, plain = ask(server())
    plain_factor = len(bytes(plain.serialize())) / len(request())
    for length in (0, 4, 400, 1500, 9000):
        response, _ = ask(server(), Padding(bytes(length)), now=NOW + length)
        factor = len(response.data) / len(request(Padding(bytes(length))))

        assert factor < plain_factor
        assert length < 1500 or factor < 1.1


@given(st.sampled_from([ChangeRequest, ResponsePort, Padding, OtherAddress, ResponseOrigin]), st.binary(max_size=40))
@examples(100)
def test_values_parse_or_raise_a_parse_error(kind: type[Attribute], value: bytes) -> None:
    try:
        attribute = kind.parse(value, bytes(12))
    except ParseError:
        return
    assert kind.parse(attribute.serialize(bytes(12)), bytes(12)) == attribute


def test_attributes_on_the_wire() -> None:
    message = Message(
        BINDING,
        MessageClass.REQUEST,
        bytes(12),
        [ChangeRequest(ip=True, port=False), ChangeRequest(ip=False, port=True), ResponsePort(0x1234)],
    ).serialize()

    assert message[20:].hex() == "00030004" + "00000004" + "00030004" + "00000002" + "00270004" + "12340000"


@pytest.mark.parametrize("wrong", [{"mtu": 100}, {"mtu": 70_000}, {"rate": 0.0}])
def test_values_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"MTU|ask"):
        BehaviorConfig(**wrong)  # type: ignore[arg-type]  # which one it is varies
