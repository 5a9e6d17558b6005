"""The configuration: its defaults, its limits, and what of it may change."""

import pickle

import pytest
from tests.peer.pair import WALL_CLOCK, Pair, make_peer
from tests.support.rng import SeededRng

from rtc_dtls import Certificate, DtlsConfig
from rtc_peer import (
    ArgumentError,
    BundlePolicy,
    Configuration,
    ConnectionState,
    CredentialsError,
    DtlsTransportFailed,
    HostResolutionWanted,
    IceServer,
    IceTransportPolicy,
    ModificationError,
    PeerOptions,
    RtcpMuxPolicy,
    ServerUrlError,
    WarningIssued,
)
from rtc_stun import Datagram


@pytest.mark.spec("rfc8829:4.1.1/1", "rfc8829:4.1.1/2", "rfc8829:4.1.1/3", "rfc8829:4.1.1/4")
def test_the_defaults_are_those_of_jsep() -> None:
    configuration = make_peer().configuration

    assert configuration.ice_transport_policy is IceTransportPolicy.ALL
    assert configuration.ice_candidate_pool_size == 0
    assert configuration.bundle_policy is BundlePolicy.BALANCED
    assert configuration.rtcp_mux_policy is RtcpMuxPolicy.REQUIRE
    assert configuration.ice_servers == ()


@pytest.mark.spec("rfc8829:4.1.18/2")
def test_what_is_fixed_cannot_be_changed() -> None:
    peer = make_peer()
    certificate = Certificate.generate(rng=SeededRng("c"), wall_clock=WALL_CLOCK)
    before = pickle.dumps(peer)

    for changed in (Configuration(bundle_policy=BundlePolicy.MAX_BUNDLE), Configuration(certificates=(certificate,))):
        with pytest.raises(ModificationError):
            peer.set_configuration(changed)

    assert pickle.dumps(peer) == before


@pytest.mark.spec("rfc8829:4.1.18/1")
def test_the_pool_is_fixed_once_a_local_description_was_applied() -> None:
    peer = make_peer()
    peer.set_configuration(Configuration(ice_candidate_pool_size=2))
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)

    with pytest.raises(ModificationError):
        peer.set_configuration(Configuration(ice_candidate_pool_size=3))
    peer.set_configuration(Configuration(ice_candidate_pool_size=2, ice_transport_policy=IceTransportPolicy.RELAY))


def test_new_servers_are_resolved_and_asked_at_the_next_gathering() -> None:
    pair = Pair().connect()
    pair.left.machine.set_configuration(Configuration(ice_servers=(IceServer(urls=("stun:stun.example.org",)),)))
    pair.settle(0.1)
    assert pair.left.of(HostResolutionWanted) == [HostResolutionWanted("stun.example.org")]

    pair.left.machine.host_resolved("stun.example.org", ["198.51.100.1"], pair.now)
    asked = []

    def tap(now: float, datagram: Datagram) -> bool:
        asked.append(datagram.remote.host)
        return True

    pair.left.node.tap = tap
    pair.left.machine.restart_ice()
    pair.negotiate()
    pair.settle(1.0)

    assert "198.51.100.1" in asked


@pytest.mark.parametrize("size", [-1, 256])
def test_the_pool_is_an_octet(size: int) -> None:
    with pytest.raises(ArgumentError):
        Configuration(ice_candidate_pool_size=size)


def test_servers_are_bounded() -> None:
    with pytest.raises(ArgumentError):
        Configuration(ice_servers=(IceServer(urls=("stun:192.0.2.1",)),) * 17)


def test_addresses_of_servers_are_bounded_too() -> None:
    urls = tuple(f"stun:198.51.100.{number}" for number in range(1, 100))
    pair = Pair(left=Configuration(ice_servers=(IceServer(urls=urls),)))
    pair.left.machine.create_data_channel()

    pair.offer()
    pair.settle(0.5)

    assert pair.left.machine.transports[0].local_candidates


URLS = [
    "http://example.org",
    "stun:",
    "stun://example.org",
    "stun:example.org:99999",
    "stuns:192.0.2.1?transport=udp",
    "turn:example.org?transport=sctp",
    "example.org",
    "",
]


@pytest.mark.parametrize("url", URLS)
def test_urls_that_are_malformed_are_refused(url: str) -> None:
    with pytest.raises(ServerUrlError) as raised:
        IceServer(urls=(url,), username="u", credential="p")

    assert raised.value.dom_name == "SyntaxError"


def test_a_server_has_a_url() -> None:
    with pytest.raises(ServerUrlError):
        IceServer(urls=())


@pytest.mark.parametrize(
    "options", [{}, {"username": "u"}, {"credential": "p"}, {"username": "u" * 509, "credential": "p"}], ids=str
)
def test_turn_servers_need_credentials_that_fit(options: dict[str, str]) -> None:
    with pytest.raises(CredentialsError) as raised:
        IceServer(urls=("turn:turn.example.org",), **options)

    assert raised.value.dom_name == "InvalidAccessError"


@pytest.mark.parametrize("url", ["turn:turn.example.org?transport=sctp", "turns:turn.example.org:x", "turn:", "turn"])
def test_urls_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ServerUrlError):
        IceServer(urls=(url,), username="u", credential="secret")


@pytest.mark.parametrize("url", ["stuns:example.org"])
def test_servers_that_are_not_supported_are_accepted_with_a_warning(url: str) -> None:
    server = IceServer(urls=(url, "stun:192.0.2.9"), username="u", credential="secret")
    peer = make_peer(configuration=Configuration(ice_servers=(server,)))

    (warning,) = [event for event in peer.events() if isinstance(event, WarningIssued)]
    assert url in warning.text
    assert "secret" not in repr(peer.configuration)


# --- options ---


def test_the_settings_of_dtls_leave_who_it_is_to_the_connection() -> None:
    certificate = Certificate.generate(rng=SeededRng("c"), wall_clock=WALL_CLOCK)
    wrong = [
        DtlsConfig(certificate=certificate),
        DtlsConfig(remote_fingerprints=(certificate.fingerprint(),)),
        DtlsConfig(require_client_certificate=False),
    ]

    for config in wrong:
        with pytest.raises(ArgumentError):
            PeerOptions(dtls=config)


def test_the_settings_of_dtls_are_used() -> None:
    options = PeerOptions(dtls=DtlsConfig(mtu=400))
    pair = Pair(options=(options, options))
    sizes: list[int] = []
    pair.network.trace = lambda now, datagram: sizes.append(len(datagram.data)) if datagram.data[0] == 22 else None
    pair.connect()

    assert 300 < max(sizes) <= 400


def test_a_handshake_that_nobody_answers_is_given_up_as_the_settings_say() -> None:
    options = PeerOptions(dtls=DtlsConfig(max_transmissions=3))
    pair = Pair(options=(options, options))
    pair.right.node.tap = lambda now, datagram: datagram.data[0] < 4
    pair.left.machine.create_data_channel("chat")
    pair.negotiate()

    assert pair.run(lambda: pair.right.node.saw(DtlsTransportFailed), timeout=10.0)
    assert pair.right.of(DtlsTransportFailed)[0].error_detail == "dtls-failure"
    assert pair.right.machine.connection_state is ConnectionState.FAILED
