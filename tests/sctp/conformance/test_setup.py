"""Normal establishment: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK. See :rfc:`9260#section-5.1`."""

import pytest
from tests.sctp.scripted import PEER_COOKIE, PEER_TAG, PEER_TSN, Script, cookie_of, pick

from rtc_sctp import (
    AbortChunk,
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    CookieAckChunk,
    CookieEchoChunk,
    ErrorChunk,
    HostNameAddress,
    InitAckChunk,
    InitChunk,
    InvalidMandatoryParameter,
    Ipv4Address,
    Ipv6Address,
    MissingMandatoryParameter,
    SupportedAddressTypes,
    UnknownParameter,
    UnrecognizedParameter,
    UnrecognizedParameters,
    UnresolvableAddress,
)


@pytest.fixture
def script() -> Script:
    return Script()


# INIT.


@pytest.mark.spec(
    "rfc9260:3.1/4",
    "rfc9260:8.5.1/1",
    "rfc9260:12.3/1",
    "rfc9260:12.3/2",
    "rfc9260:3/1",
    "rfc9260:5.1/1",
    "rfc9260:5.1/2",
    "rfc9260:5.1/10",
    "rfc9260:5.1/11",
    "rfc9260:5.3.1/1",
)
def test_init_goes_alone_under_tag_0_with_a_tag_of_its_own_inside(script: Script) -> None:
    script.association.connect(script.now)

    (sent,) = script.packets()

    (init,) = sent.chunks
    assert isinstance(init, InitChunk)
    assert sent.verification_tag == 0
    assert init.initiate_tag != 0
    assert script.is_in(AssociationState.COOKIE_WAIT)


@pytest.mark.spec("rfc9260:5.1/2", "rfc9260:5.3.1/1", "rfc9260:5.3.1/3", "rfc9260:3.3.2/21")
def test_tags_and_first_tsns_are_random() -> None:
    inits = [Script(seed=seed).connect() for seed in range(50)]

    assert len({init.initiate_tag for init in inits}) == 50
    assert len({init.initial_tsn for init in inits}) == 50
    assert min(init.initial_tsn for init in inits) < 1 << 29
    assert max(init.initial_tsn for init in inits) > 7 << 29


@pytest.mark.spec(
    "rfc9260:3.3.2/1", "rfc9260:3.3.2/2", "rfc9260:3.3.2.1.4/1", "rfc8261:6.1/3", "rfc8261:6.1/4", "rfc9260:5.1.1/1"
)
def test_init_names_streams_and_holds_each_parameter_once_and_no_address() -> None:
    script = Script(AssociationConfig(max_outbound_streams=7, max_inbound_streams=9))

    init = script.connect()

    kinds = [type(parameter) for parameter in init.parameters]
    assert len(kinds) == len(set(kinds))
    assert not {HostNameAddress, Ipv4Address, Ipv6Address, SupportedAddressTypes} & set(kinds)
    assert (init.outbound_streams, init.inbound_streams) == (7, 9)


@pytest.mark.parametrize("streams", [0, 65_536])
@pytest.mark.spec("rfc9260:3.3.2/13", "rfc9260:3.3.2/17", "rfc9260:3.3.3/14", "rfc9260:3.3.3/19")
def test_no_streams_cannot_be_asked_for(streams: int) -> None:
    with pytest.raises(ValueError, match="streams"):
        AssociationConfig(max_outbound_streams=streams)
    with pytest.raises(ValueError, match="streams"):
        AssociationConfig(max_inbound_streams=streams)


@pytest.mark.parametrize("port", [0, 65_536])
@pytest.mark.spec("rfc9260:3.1/1", "rfc9260:3.1/2")
def test_port_0_is_never_used(port: int) -> None:
    with pytest.raises(ValueError, match="ports"):
        AssociationConfig(local_port=port)
    with pytest.raises(ValueError, match="ports"):
        AssociationConfig(remote_port=port)


@pytest.mark.spec("rfc9260:3.3.2/8", "rfc9260:3.3.3/9")
def test_no_window_below_1500_bytes_is_advertised() -> None:
    with pytest.raises(ValueError, match="1500"):
        AssociationConfig(receive_buffer_size=1499)
    with pytest.raises(ValueError, match="4294967295"):
        AssociationConfig(receive_buffer_size=1 << 32)
    assert Script(AssociationConfig(receive_buffer_size=1500)).connect().a_rwnd >= 1500
    assert Script(AssociationConfig(receive_buffer_size=1500)).obtain_cookie()[0].a_rwnd >= 1500


@pytest.mark.spec("rfc9260:4/3", "rfc9260:4/4", "rfc9260:4/5", "rfc9260:5.1/13", "rfc9260:5.1.6/1")
def test_init_is_repeated_with_growing_distance_and_then_given_up() -> None:
    script = Script(AssociationConfig(max_init_retransmissions=4, heartbeat_interval=None))
    script.association.connect(script.now)

    sent = script.wait_timed(1000.0)

    assert [when for when, _ in sent] == [0.0, 1.0, 3.0, 7.0, 15.0]
    assert all(packet.chunks == sent[0][1].chunks for _, packet in sent)
    assert len(script.happened(AssociationFailed)) == 1
    assert script.association.closed


# INIT ACK.


@pytest.mark.spec(
    "rfc9260:5.1/4",
    "rfc9260:5.1/5",
    "rfc9260:5.1/10",
    "rfc9260:5.1/11",
    "rfc9260:3.3.2/6",
    "rfc9260:3.3.3/5",
    "rfc9260:3.3.3.1.1/1",
    "rfc9260:3/1",
)
def test_init_ack_goes_alone_under_the_peers_tag_with_a_tag_and_a_cookie_inside(script: Script) -> None:
    script.send(script.init(), tag=0)

    (sent,) = script.packets()

    (init_ack,) = sent.chunks
    assert isinstance(init_ack, InitAckChunk)
    assert sent.verification_tag == PEER_TAG
    assert init_ack.initiate_tag != 0
    assert cookie_of(init_ack)


@pytest.mark.spec("rfc9260:5.1/6")
def test_nothing_is_kept_after_init_ack(script: Script) -> None:
    for tag in range(1, 100):
        script.send(script.init(tag=tag), tag=0)
        script.packets()

    assert script.is_in(AssociationState.CLOSED)
    assert script.association.next_timeout() is None
    assert script.events == []


@pytest.mark.spec("rfc9260:3.3.3/23")
def test_each_init_ack_has_a_random_first_tsn(script: Script) -> None:
    tsns = {script.obtain_cookie()[0].initial_tsn for _ in range(50)}

    assert len(tsns) == 50
    assert min(tsns) < 1 << 29
    assert max(tsns) > 7 << 29


@pytest.mark.spec("rfc9260:3.3.3/1", "rfc9260:3.3.3.1/1", "rfc9260:3.3.2.1.4/1", "rfc8261:6.1/3", "rfc9260:12.4/6")
def test_init_ack_holds_no_address_and_is_small(script: Script) -> None:
    init_ack, _ = script.obtain_cookie()

    kinds = {type(parameter) for parameter in init_ack.parameters}
    assert not {HostNameAddress, Ipv4Address, Ipv6Address} & kinds
    assert len(init_ack.serialize()) < 250


@pytest.mark.spec("rfc9260:3.3.3/15", "rfc9260:5.1.1/1")
def test_init_ack_offers_no_more_streams_than_the_init_accepts() -> None:
    script = Script(AssociationConfig(max_outbound_streams=50, max_inbound_streams=20))

    init_ack, _ = script.obtain_cookie(script.init(streams=10))

    assert init_ack.outbound_streams == 10
    assert init_ack.inbound_streams == 20


@pytest.mark.spec("rfc9260:3.2.2/1", "rfc9260:3.3.3.1.2/1", "rfc9260:3.3.2/4")
def test_unknown_parameters_of_init_that_ask_for_it_are_reported_in_init_ack(script: Script) -> None:
    wanted, unwanted = UnknownParameter(0xCFFF, b"abc"), UnknownParameter(0x8FFF, b"def")

    init_ack, _ = script.obtain_cookie(script.init(wanted, unwanted))

    reports = [parameter for parameter in init_ack.parameters if isinstance(parameter, UnrecognizedParameter)]
    assert reports == [UnrecognizedParameter(wanted.serialize())]


@pytest.mark.parametrize("parameter", [Ipv4Address(bytes(4)), Ipv6Address(bytes(16)), SupportedAddressTypes((5, 6))])
@pytest.mark.spec("rfc9260:5.1.2/9", "rfc9260:5.1.2/11", "rfc9260:3.3.2/4")
def test_addresses_are_neither_used_nor_reported(
    script: Script, parameter: Ipv4Address | Ipv6Address | SupportedAddressTypes
) -> None:
    init_ack, _ = script.obtain_cookie(script.init(parameter))

    assert not [item for item in init_ack.parameters if isinstance(item, UnrecognizedParameter)]


@pytest.mark.spec(
    "rfc9260:3.3.2/3",
    "rfc9260:3.3.2.1.4/2",
    "rfc9260:5.1.2/2",
    "rfc9260:12.2.4.1/1",
    "rfc9260:5.1/16",
    "rfc9260:5.1/17",
)
def test_init_with_a_host_name_is_refused(script: Script) -> None:
    name = HostNameAddress(b"a.example\0")

    (abort,) = pick(AbortChunk, script.answer(script.init(name), tag=0))

    assert abort.causes == (UnresolvableAddress(name.serialize()),)


# What an INIT must not say.


@pytest.mark.spec("rfc9260:3.3.2/7")
def test_init_with_tag_0_is_discarded(script: Script) -> None:
    assert script.answer(script.init(tag=0), tag=0) == []
    assert sum(script.dropped.values()) == 1


BAD_INITS = [
    pytest.param(
        InitChunk(PEER_TAG, 1499, 1, 1, PEER_TSN),
        marks=pytest.mark.spec("rfc9260:3.3.2/9", "rfc9260:3.3.2/10", "rfc9260:3.3.2/11"),
        id="window",
    ),
    pytest.param(
        InitChunk(PEER_TAG, 1500, 0, 1, PEER_TSN),
        marks=pytest.mark.spec("rfc9260:3.3.2/14", "rfc9260:3.3.2/15", "rfc9260:3.3.2/16"),
        id="outbound",
    ),
    pytest.param(
        InitChunk(PEER_TAG, 1500, 1, 0, PEER_TSN),
        marks=pytest.mark.spec("rfc9260:3.3.2/18", "rfc9260:3.3.2/19", "rfc9260:3.3.2/20"),
        id="inbound",
    ),
]


@pytest.mark.parametrize("init", BAD_INITS)
@pytest.mark.parametrize("established", [False, True])
@pytest.mark.spec("rfc9260:5.1/16", "rfc9260:5.1/17", "rfc9260:5.1/18", "rfc9260:8.4/4")
def test_init_with_an_impossible_field_is_refused_under_its_tag(
    script: Script, init: InitChunk, established: bool
) -> None:
    if established:
        script.accept()
    before = script.state
    script.forget()

    script.send(init, tag=0)

    (sent,) = script.packets()
    assert sent.verification_tag == PEER_TAG
    assert sent.chunks == (AbortChunk((InvalidMandatoryParameter(),), 0),)
    assert script.is_in(before)
    assert script.events == []


@pytest.mark.spec("rfc9260:12.3/3", "rfc9260:3/1")
def test_init_that_is_bundled_is_discarded_with_all_that_follows(script: Script) -> None:
    assert script.answer(script.init(), CookieEchoChunk(b"x"), tag=0) == []
    assert script.answer(CookieAckChunk(), script.init(), tag=0) == []
    assert script.is_in(AssociationState.CLOSED)


@pytest.mark.spec("rfc9260:12.3/3")
def test_init_under_another_tag_than_0_is_discarded(script: Script) -> None:
    assert script.answer(script.init(), tag=1) == []
    assert script.answer(script.init(), tag=PEER_TAG) == []


@pytest.mark.spec("rfc9260:8.5.1/2", "rfc9260:8.5.1/3")
def test_under_tag_0_nothing_but_init_is_taken(script: Script) -> None:
    script.accept()
    script.forget()

    assert script.answer(script.data(), tag=0) == []
    assert script.answer(AbortChunk(), tag=0) == []
    assert script.events == []
    assert script.is_in(AssociationState.ESTABLISHED)


# COOKIE ECHO.


@pytest.mark.spec(
    "rfc9260:5.1.4/1",
    "rfc9260:3.3.11/2",
    "rfc9260:3.2.2/3",
    "rfc9260:5.1/7",
    "rfc9260:3.3.3/4",
    "rfc9260:8.5.1/14",
    "rfc9260:3.1/3",
    "rfc9260:8.5/1",
)
def test_init_ack_is_answered_at_once_by_the_cookie_in_front_under_the_peers_tag(script: Script) -> None:
    script.connect()

    script.send(script.init_ack())

    (sent,) = script.packets()
    assert sent.chunks[0] == CookieEchoChunk(PEER_COOKIE)
    assert sent.verification_tag == PEER_TAG
    assert script.is_in(AssociationState.COOKIE_ECHOED)


@pytest.mark.spec("rfc9260:5.1.4/2", "rfc9260:5.1.4/3", "rfc9260:4/6", "rfc9260:4/7", "rfc9260:4/8", "rfc9260:5.1/13")
def test_cookie_echo_is_repeated_with_growing_distance_and_then_given_up() -> None:
    script = Script(AssociationConfig(max_init_retransmissions=3, heartbeat_interval=None))
    script.to_cookie_echoed()

    *sent, (_, last) = script.wait_timed(1000.0)

    assert [when for when, _ in sent] == [1.0, 3.0, 7.0]
    assert all(packet.chunks[0] == CookieEchoChunk(PEER_COOKIE) for _, packet in sent)
    assert [type(chunk) for chunk in last.chunks] == [AbortChunk]
    assert len(script.happened(AssociationFailed)) == 1
    assert script.association.closed


@pytest.mark.spec("rfc9260:3.2.2/2", "rfc9260:3.2.2/3", "rfc9260:3.3.3/25")
def test_unknown_parameters_of_init_ack_that_ask_for_it_are_reported_behind_the_cookie(script: Script) -> None:
    script.connect()
    wanted, unwanted = UnknownParameter(0xCFFF, b"abc"), UnknownParameter(0x8FFF, b"def")

    script.send(script.init_ack(unwanted, wanted))

    (sent,) = script.packets()
    assert sent.chunks == (
        CookieEchoChunk(PEER_COOKIE),
        ErrorChunk((UnrecognizedParameters(wanted.serialize()),)),
    )


@pytest.mark.spec("rfc9260:3.2.1/6", "rfc9260:3.2.1/7", "rfc9260:3.3.3/25")
def test_nothing_behind_an_unknown_parameter_that_stops_is_used(script: Script) -> None:
    script.connect()
    cookie = script.init_ack().parameters[0]

    chunks = script.answer(
        InitAckChunk(PEER_TAG, 1 << 20, 1, 1, PEER_TSN, (cookie, UnknownParameter(0x3FFF), HostNameAddress(b"x")))
    )

    assert chunks == [CookieEchoChunk(PEER_COOKIE)]


@pytest.mark.spec("rfc9260:3.3.3/24")
def test_init_ack_of_more_than_1500_bytes_is_taken(script: Script) -> None:
    script.connect()

    chunks = script.answer(script.init_ack(UnknownParameter(0x8FFF, bytes(3000))))

    assert chunks == [CookieEchoChunk(PEER_COOKIE)]


@pytest.mark.spec("rfc9260:3.3.3/2", "rfc9260:3.3.2.1.4/2", "rfc9260:12.2.4.1/1", "rfc9260:5.1.2/2", "rfc9260:5.1/17")
def test_init_ack_with_a_host_name_is_refused(script: Script) -> None:
    script.connect()
    name = HostNameAddress(b"a.example\0")

    (abort,) = pick(AbortChunk, script.answer(script.init_ack(name)))

    assert abort.causes == (UnresolvableAddress(name.serialize()),)
    assert script.association.closed


def init_ack(tag: int = PEER_TAG, a_rwnd: int = 1500, outbound: int = 1, inbound: int = 1) -> InitAckChunk:
    return InitAckChunk(tag, a_rwnd, outbound, inbound, PEER_TSN, Script().init_ack().parameters)


@pytest.mark.spec("rfc9260:3.3.3/6", "rfc9260:3.3.3/7", "rfc9260:3.3.7/5")
def test_init_ack_with_tag_0_ends_the_association_with_a_reflected_abort(script: Script) -> None:
    script.connect()

    script.send(init_ack(tag=0))

    (sent,) = script.packets()
    (abort,) = sent.chunks
    assert isinstance(abort, AbortChunk)
    assert abort.flags == 1
    assert sent.verification_tag == script.tag
    assert script.association.closed


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            init_ack(outbound=0), marks=pytest.mark.spec("rfc9260:3.3.3/16", "rfc9260:3.3.3/17"), id="outbound"
        ),
        pytest.param(init_ack(inbound=0), marks=pytest.mark.spec("rfc9260:3.3.3/20", "rfc9260:3.3.3/21"), id="inbound"),
    ],
)
@pytest.mark.spec("rfc9260:5.1/16", "rfc9260:5.1/17", "rfc9260:5.1/18")
def test_init_ack_without_streams_ends_the_association(script: Script, answer: InitAckChunk) -> None:
    script.connect()

    script.send(answer)

    (sent,) = script.packets()
    assert sent.chunks == (AbortChunk((InvalidMandatoryParameter(),)),)
    assert sent.verification_tag == PEER_TAG
    assert script.association.closed
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc9260:3.3.3/10", "rfc9260:3.3.3/11", "rfc9260:3.3.3/12")
def test_init_ack_with_a_small_window_is_discarded_and_refused(script: Script) -> None:
    script.connect()

    script.send(init_ack(a_rwnd=1499))

    (sent,) = script.packets()
    assert sent.chunks == (AbortChunk((InvalidMandatoryParameter(),)),)
    assert sent.verification_tag == PEER_TAG
    assert script.is_in(AssociationState.COOKIE_WAIT)
    assert script.answer(script.init_ack()) == [CookieEchoChunk(PEER_COOKIE)]


@pytest.mark.spec("rfc9260:5.1/16", "rfc9260:5.1/17")
def test_init_ack_without_a_cookie_is_refused(script: Script) -> None:
    script.connect()

    chunks = script.answer(InitAckChunk(PEER_TAG, 1500, 1, 1, PEER_TSN))

    assert chunks == [AbortChunk((MissingMandatoryParameter((7,)),))]
    assert script.association.closed


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(init_ack(tag=0), marks=pytest.mark.spec("rfc9260:3.3.3/8"), id="tag"),
        pytest.param(init_ack(outbound=0), marks=pytest.mark.spec("rfc9260:3.3.3/18"), id="outbound"),
        pytest.param(init_ack(inbound=0), marks=pytest.mark.spec("rfc9260:3.3.3/22"), id="inbound"),
        pytest.param(init_ack(a_rwnd=1), marks=pytest.mark.spec("rfc9260:3.3.3/12"), id="window"),
        pytest.param(init_ack(), id="good"),
    ],
)
@pytest.mark.parametrize("state", ["cookie_echoed", "established"])
@pytest.mark.spec("rfc9260:5.2.3/1")
def test_a_late_init_ack_is_discarded(script: Script, state: str, answer: InitAckChunk) -> None:
    if state == "established":
        script.establish()
    else:
        script.to_cookie_echoed()
    before = script.state

    script.send(answer)

    assert pick(AbortChunk, script.chunks()) == []
    assert script.is_in(before)
