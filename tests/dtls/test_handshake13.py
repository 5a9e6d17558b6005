"""Handshakes of DTLS 1.3 between two of our own, whole and with what may happen on the way."""

import copy
import itertools
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dtls.ends import Ends, certificate
from tests.dtls.ends13 import BOTH, CLIENT, ONLY_12, ONLY_13, SERVER, check_connected, configs
from tests.support.effort import examples
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

from rtc_dtls import (
    WEBRTC_PROTOCOLS,
    AlertDescription,
    ApplicationDataReceived,
    CertificateKind,
    ConnectionFailed,
    ConnectionState,
    DtlsConnection,
    GroupId,
    HandshakeCompleted,
    Role,
    SrtpProfile,
)
from rtc_dtls.cipher_suite13 import CIPHER_SUITES_13
from rtc_dtls.group import GROUPS

KINDS: list[CertificateKind] = ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"]
NAMED_BY_SCHEME = {"ecdsa-p256": 0x0403, "ecdsa-p384": 0x0503, "ed25519": 0x0807, "rsa-2048": 0x0804}


def both(pair: Ends) -> tuple[DtlsConnection, DtlsConnection]:
    return pair.client, pair.server


@pytest.mark.parametrize(
    ("suite", "group", "kind"), [*itertools.product(CIPHER_SUITES_13, GROUPS, KINDS)], ids=lambda value: str(value)
)
@pytest.mark.spec("rfc8446:9.1/1", "rfc8446:9.1/2", "rfc8446:9.1/3", "rfc8446:9.1/4", "rfc8446:9.2/1")
def test_every_suite_with_every_group_and_certificate(suite: int, group: int, kind: CertificateKind) -> None:
    client, server = configs(server_kind=kind, client_kind=kind)
    client = replace(client, cipher_suites=(suite,), groups=(group,), versions=ONLY_13)

    pair = Ends(client, server).connect()

    check_connected(pair)
    for connection in both(pair):
        assert (connection.version, connection.cipher_suite, connection.group) == (0xFEFC, suite, group)
        assert connection.peer_signature_algorithm == NAMED_BY_SCHEME[kind]
        assert connection.extended_master_secret is True
        assert connection.record_overhead == 22
    assert pair.client.peer_certificates == certificate(kind, "server").chain
    assert pair.server.peer_certificates == certificate(kind, "client").chain


@pytest.mark.parametrize(
    ("of_client", "of_server", "chosen"),
    [
        (BOTH, BOTH, 0xFEFC),
        (BOTH, ONLY_13, 0xFEFC),
        (ONLY_13, BOTH, 0xFEFC),
        (ONLY_13, ONLY_13, 0xFEFC),
        (BOTH, ONLY_12, 0xFEFD),
        (ONLY_12, BOTH, 0xFEFD),
        (ONLY_12, ONLY_12, 0xFEFD),
    ],
)
@pytest.mark.spec("rfc8446:4.2.1/1", "rfc8446:4.2.1/2", "rfc8446:4.2.1/5", "rfc9147:5.3/1")
def test_newest_version_in_common_is_chosen(
    of_client: tuple[int, ...], of_server: tuple[int, ...], chosen: int
) -> None:
    pair = Ends(replace(CLIENT, versions=of_client), replace(SERVER, versions=of_server)).connect()

    check_connected(pair)
    assert pair.client.version == pair.server.version == chosen


@pytest.mark.parametrize(("of_client", "of_server"), [(ONLY_12, ONLY_13), (ONLY_13, ONLY_12)])
def test_without_a_version_in_common_both_fail(of_client: tuple[int, ...], of_server: tuple[int, ...]) -> None:
    pair = Ends(replace(CLIENT, versions=of_client), replace(SERVER, versions=of_server)).connect()

    for role in Role:
        (failed,) = pair.seen(role, ConnectionFailed)
        assert isinstance(failed, ConnectionFailed)
        assert failed.alert == AlertDescription.PROTOCOL_VERSION


@pytest.mark.spec("rfc5764:4.1/1", "rfc7301:3.1/1")
def test_srtp_and_application_protocol_are_agreed_on_in_encrypted_extensions() -> None:
    client = replace(CLIENT, srtp_profiles=(7, 1), alpn_protocols=WEBRTC_PROTOCOLS)
    server = replace(SERVER, srtp_profiles=(1, 7), alpn_protocols=("webrtc",))

    pair = Ends(client, server).connect()

    check_connected(pair)
    assert pair.client.selected_srtp_profile is SrtpProfile.AES128_CM_HMAC_SHA1_80
    assert pair.client.alpn_protocol == "webrtc"
    ours, theirs = pair.client.srtp_keying_material(), pair.server.srtp_keying_material()
    assert (ours.local_key, ours.local_salt) == (theirs.remote_key, theirs.remote_salt)
    assert (ours.remote_key, ours.remote_salt) == (theirs.local_key, theirs.local_salt)


def test_client_may_stay_unknown_where_that_is_allowed() -> None:
    client = replace(CLIENT, certificate=None)
    server = replace(SERVER, require_client_certificate=False, remote_fingerprints=None)

    pair = Ends(client, server).connect()

    check_connected(pair)
    assert pair.server.peer_certificates == ()
    assert pair.server.peer_signature_algorithm is None


@pytest.mark.spec("rfc8446:4.4.2/4")
def test_client_without_the_certificate_that_is_required_is_refused() -> None:
    pair = Ends(replace(CLIENT, certificate=None), SERVER).connect()

    (failed,) = pair.seen(Role.SERVER, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.alert == AlertDescription.CERTIFICATE_REQUIRED
    assert pair.client.state is ConnectionState.FAILED


@pytest.mark.parametrize("secrets", [(), (bytes(16),)], ids=["known path", "open port"])
@pytest.mark.spec("rfc8446:4.1.1/3", "rfc8446:4.2.8/6", "rfc8446:4.2.8/7", "rfc8446:4.4.1/1")
def test_server_asks_for_a_share_of_another_group(secrets: tuple[bytes, ...]) -> None:
    client = replace(CLIENT, groups=(GroupId.X25519, GroupId.SECP384R1), key_share_groups=(GroupId.X25519,))
    server = replace(SERVER, groups=(GroupId.SECP384R1,), cookie_secrets=secrets)

    pair = Ends(client, server).connect()

    check_connected(pair)
    assert pair.client.group == GroupId.SECP384R1


@pytest.mark.parametrize("groups", [(), None], ids=["no share", "shares"])
@pytest.mark.spec("rfc9147:5.1/1", "rfc9147:5.1/2", "rfc9147:5.1/3", "rfc9147:5.1/4")
def test_server_on_an_open_port_wants_its_cookie_back(groups: tuple[int, ...] | None) -> None:
    client = replace(CLIENT, key_share_groups=groups)
    server = replace(SERVER, cookie_secrets=(bytes(16),))

    pair = Ends(client, server).connect()

    check_connected(pair)
    assert pair.client.version == 0xFEFC
    assert len(pair.sent[Role.SERVER][0]) < 200


def test_both_ends_can_be_copied_at_any_moment() -> None:
    """Each step is done by a copy, in turns a deep copy and an unpickled one."""
    pair = Ends(CLIENT, SERVER)
    pair.client.start(0.0)
    for turn in range(6):
        for role in Role:
            original = pair.client if role is Role.CLIENT else pair.server
            duplicate: DtlsConnection = copy.deepcopy(original) if turn % 2 else pickle.loads(pickle.dumps(original))
            if role is Role.CLIENT:
                pair.client = duplicate
            else:
                pair.server = duplicate
        pair.carry_once()

    check_connected(pair)
    assert pair.client.next_timeout() is pair.server.next_timeout() is None


def test_key_log_has_all_secrets_under_the_names_that_wireshark_knows() -> None:
    pair = Ends(replace(CLIENT, key_log=True), replace(SERVER, key_log=True)).connect()

    lines = pair.client.key_log_lines()
    assert sorted(lines) == sorted(pair.server.key_log_lines())
    assert {line.split()[0] for line in lines} == {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    }


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.spec("rfc9147:5.8.1/1", "rfc9147:5.8.1/3", "rfc9147:7.2/1", "rfc9147:7.2/2")
def test_bad_network(seed: int) -> None:
    """Loss, duplication, reordering and jitter together, small datagrams, cookies, new keys, data, and rest at the end."""
    client_config, server_config = configs(KINDS[seed % 4], KINDS[seed // 4 % 4])
    mtu = (256, 400, 1200)[seed % 3]
    client_config = replace(client_config, mtu=mtu, max_timeout=3.0, max_transmissions=60)
    server_config = replace(server_config, mtu=mtu, max_timeout=3.0, max_transmissions=60)
    if seed % 5 == 0:
        client_config = replace(client_config, key_share_groups=())
    if seed % 2:
        server_config = replace(server_config, cookie_secrets=(bytes(16),))
    client, server = (
        DtlsConnection(role=role, config=config, rng=SeededRng(f"{seed} {role.name}"), peer_address=b"address")
        for role, config in zip(Role, (client_config, server_config), strict=True)
    )
    link = Link(delay=0.03, jitter=0.03, loss=0.2, duplication=0.15, reordering=0.2, mtu=mtu + 100)
    network = Network(seed=seed, link=link, batch=bool(seed % 2))
    left, right = network.join(client, server)
    client.start(0.0)

    assert network.run(until=lambda: left.saw(HandshakeCompleted) and right.saw(HandshakeCompleted), timeout=300.0)
    for number in range(60):
        if number % 20 == 10:
            client.update_keys(network.now, ask_peer=bool(seed % 2))
            server.update_keys(network.now)
        client.send(b"c%d" % number)
        server.send(b"s%d" % number)
        network.run(timeout=0.05)
    network.run(timeout=200.0)

    for node, prefix in ((left, b"s"), (right, b"c")):
        received = [event.data for event in node.of(ApplicationDataReceived)]
        assert len(received) == len(set(received)) > 20
        assert set(received) <= {prefix + b"%d" % number for number in range(60)}
    assert client.next_timeout() is server.next_timeout() is None
    client.close(network.now)
    network.run(timeout=5.0)
    assert client.state is ConnectionState.CLOSED


def test_path_that_swallows_large_datagrams_is_found_out() -> None:
    client, server = (
        DtlsConnection(role=role, config=replace(config, mtu=1400), rng=SeededRng(role.name))
        for role, config in zip(Role, configs("rsa-2048", "rsa-2048"), strict=True)
    )
    network = Network(seed=1, link=Link(delay=0.02, mtu=600))
    left, right = network.join(client, server)
    client.start(0.0)

    assert network.run(until=lambda: left.saw(HandshakeCompleted) and right.saw(HandshakeCompleted), timeout=60.0)
    assert network.traffic.too_large > 0


@examples(60)
@given(
    choices=st.lists(st.sampled_from(["deliver", "drop", "double", "swap", "time"]), max_size=60),
    seed=st.integers(0, 9),
)
def test_whatever_the_network_does_both_agree(choices: list[str], seed: int) -> None:
    """Any sequence of fates; at the end the network behaves, and both ends have the same secret and rest."""
    pair = Ends(replace(CLIENT, mtu=300), replace(SERVER, mtu=300), seed=str(seed))
    pair.client.start(0.0)
    flying: list[tuple[DtlsConnection, bytes]] = []
    for choice in choices:
        for source, target in ((pair.client, pair.server), (pair.server, pair.client)):
            flying.extend((target, datagram) for datagram in source.datagrams_to_send(pair.now))
        if choice == "time" or not flying:
            pair.now += 0.5
            pair.client.handle_timeout(pair.now)
            pair.server.handle_timeout(pair.now)
        elif choice == "swap":
            flying.append(flying.pop(0))
        else:
            target, datagram = flying.pop(0)
            for _ in range({"drop": 0, "deliver": 1, "double": 2}[choice]):
                target.receive_datagram(datagram, pair.now)
    for target, datagram in flying:
        target.receive_datagram(datagram, pair.now)
    for _ in range(8):
        pair.carry()
        pair.now += 30.0
        pair.client.handle_timeout(pair.now)
        pair.server.handle_timeout(pair.now)
    pair.carry()

    check_connected(pair)
    assert pair.client.next_timeout() is pair.server.next_timeout() is None
